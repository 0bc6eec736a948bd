// SPDX-License-Identifier: GPL-3.0-or-later
// Sleeping tasks: what each waits for. A task that sleeps for a lock has put a note about itself on its stack and into
// the lock's list, so both are found in memory alone, without registers and without the exact places of frames.
#include "graph.h"

#include <string.h>

#include "base/bytes.h"
#include "base/cycle.h"
#include "priv.h"

/*
 * Functions that wait, by name or with a * by the beginning of names, and for what; innermost first on a stack, so the first that fits
 * counts (kernel/locking, kernel/sched/{completion,wait_bit}.c, mm/filemap.c; 5.10 to 7.2).
 */
static const struct {
	const char *name;
	enum la_thing_kind kind;
	bool write;
} sleepers[] = {
	{ "__mutex_lock*", LA_THING_MUTEX, false },
	{ "mutex_lock*", LA_THING_MUTEX, false },
	{ "__ww_mutex_lock*", LA_THING_MUTEX, false },
	{ "ww_mutex_lock*", LA_THING_MUTEX, false },
	{ "rwsem_down_read*", LA_THING_RWSEM, false },
	{ "rwsem_down_write*", LA_THING_RWSEM, true },
	{ "__down_read*", LA_THING_RWSEM, false },
	{ "__down_write*", LA_THING_RWSEM, true },
	{ "down_read*", LA_THING_RWSEM, false },
	{ "down_write*", LA_THING_RWSEM, true },
	{ "percpu_rwsem_wait*", LA_THING_PERCPU_RWSEM, false },
	{ "__percpu_down_read*", LA_THING_PERCPU_RWSEM, false },
	{ "percpu_down_write*", LA_THING_PERCPU_RWSEM, true },
	{ "___down*", LA_THING_SEMAPHORE, false },
	{ "__down*", LA_THING_SEMAPHORE, false },
	{ "down", LA_THING_SEMAPHORE, false },
	{ "down_interruptible", LA_THING_SEMAPHORE, false },
	{ "down_killable", LA_THING_SEMAPHORE, false },
	{ "down_timeout", LA_THING_SEMAPHORE, false },
	{ "rt_mutex_*", LA_THING_RT_MUTEX, false },
	{ "__rt_mutex_*", LA_THING_RT_MUTEX, false },
	{ "rtlock_slowlock*", LA_THING_RT_MUTEX, false },
	{ "wait_for_completion*", LA_THING_COMPLETION, false },
	{ "__wait_for_common*", LA_THING_COMPLETION, false },
	{ "wait_for_common*", LA_THING_COMPLETION, false },
	{ "do_wait_for_common*", LA_THING_COMPLETION, false },
	{ "__wait_on_bit*", LA_THING_BIT, false },
	{ "out_of_line_wait_on_bit*", LA_THING_BIT, false },
	{ "folio_wait_*", LA_THING_PAGE, false },
	{ "__folio_lock*", LA_THING_PAGE, false },
	{ "wait_on_page_*", LA_THING_PAGE, false },
	{ "__lock_page*", LA_THING_PAGE, false },
};
#define NSLEEPERS (sizeof(sleepers) / sizeof(sleepers[0]))

/* What else one passes through on the way to sleep or to spin. */
static const char *const passed[] = { "__schedule",
				      "schedule",
				      "io_schedule*",
				      "preempt_schedule",
				      "__switch_to",
				      "bit_wait*",
				      "_raw_spin_lock*",
				      "_raw_read_lock*",
				      "_raw_write_lock*",
				      "queued_*",
				      "native_queued_*",
				      "osq_lock",
				      "mutex_spin*",
				      "rwsem_spin*",
				      "smp_call_function*",
				      "csd_lock*",
				      "on_each_cpu*",
				      "wait_woken",
				      "prepare_to_wait*",
				      "__cond_resched",
				      "ww_mutex*",
				      "do_wait_intr*",
				      "__wait_event*",
				      "synchronize_rcu*",
				      "__wait_rcu_gp*",
				      "wait_rcu_gp*",
				      "rt_spin_lock*",
				      "kthread_park*",
				      "synchronize_srcu*",
				      "__synchronize_srcu*",
				      "work_on_cpu*",
				      "generic_exec_single*",
				      "_raw_spin_trylock*",
				      "flush_work*",
				      "__flush_work*",
				      "flush_delayed_work*",
				      "__flush_workqueue*",
				      "flush_workqueue*",
				      "drain_workqueue*",
				      "cancel_work_sync",
				      "cancel_delayed_work_sync",
				      "__cancel_work_sync",
				      "__cancel_work_timer",
				      "timer_delete_sync*",
				      "__timer_delete_sync",
				      "del_timer_sync*",
				      "hrtimer_cancel*",
				      "tasklet_kill",
				      "tasklet_unlock_*",
				      "kthread_stop",
				      "schedule_timeout*",
				      "msleep*",
				      "usleep_range*",
				      "cpus_read_lock",
				      "cpus_write_lock",
				      "rtnl_lock*",
				      "console_lock",
				      "rcu_barrier*",
				      "__synchronize_irq",
				      "synchronize_irq",
				      "schedule_preempt_disabled",
				      "schedule_hrtimeout*",
				      "schedule_idle",
				      "schedule_rtlock",
				      "preempt_schedule_*" };

/* Does @pattern, a name or with a * behind it the beginning of names, fit @symbol? */
static bool fits(const char *symbol, const char *pattern)
{
	const size_t n = strcspn(pattern, "*");

	return symbol &&
	       (pattern[n] ? !strncmp(symbol, pattern, n) : la_is_function(symbol, pattern));
}

static size_t sleeper_of(const char *symbol)
{
	size_t i = 0;

	while (i < NSLEEPERS && !fits(symbol, sleepers[i].name))
		i++;
	return i;
}

bool la_is_waiting(const char *symbol)
{
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		if (fits(symbol, passed[i]))
			return true;
	return symbol && sleeper_of(symbol) < NSLEEPERS;
}

/* What functions anywhere on a stack say of what is waited for. */
static const struct {
	const char *name, *what;
	bool io;
} words[] = {
	{ "jbd2_log_wait_commit*", "a commit of the file system's journal", false },
	{ "wait_transaction_*", "the end of a transaction of the file system's journal", false },
	{ "bit_wait_io*", "an I/O", true },
	{ "io_schedule*", "an I/O", true },
	{ "submit_bio_wait*", "an I/O", true },
	{ "blk_execute_rq*", "an I/O", true },
	{ "blk_wait_io*", "an I/O", true },
	{ "blk_mq_freeze_queue_wait*", "a block device's requests to end", true },
	{ "__bio_queue_enter*", "a block device's queue, which is frozen", true },
	{ "blk_queue_enter*", "a block device's queue, which is frozen", true },
	{ "synchronize_rcu*", "an RCU grace period", false },
	{ "__wait_rcu_gp*", "an RCU grace period", false },
	{ "rcu_barrier*", "RCU callbacks of all CPUs", false },
	{ "__synchronize_srcu*", "an SRCU grace period", false },
	{ "__flush_work*", "work of a workqueue", false },
	{ "flush_work*", "work of a workqueue", false },
	{ "drain_workqueue*", "work of a workqueue", false },
	{ "kthread_stop*", "a kernel thread to end", false },
	{ "kthread_park*", "a kernel thread to park", false },
	{ "__synchronize_irq*", "an interrupt's thread to be done", false },
	{ "stop_one_cpu*", "another CPU's stopper thread", false },
	{ "__stop_cpus*", "other CPUs' stopper threads", false },
	{ "rpc_wait_bit*", "the answer of an RPC (NFS) server", true },
	{ "d_alloc_parallel*", "another task's look-up of the same name", false },
	{ "request_wait_answer*", "the answer of a FUSE file system's server", true },
};

static void find_words(const struct la_stack *stack, struct la_wait *w)
{
	for (size_t i = 0; i < stack->n && i < 16; i++)
		for (size_t n = 0; n < sizeof(words) / sizeof(words[0]); n++)
			if (fits(stack->frame[i].symbol, words[n].name)) {
				w->what = w->what && !words[n].io ? w->what : words[n].what;
				w->io = w->io || words[n].io;
			}
}

/* --- the note on the stack --- */

/* The note, its list_head and who waits; the lock, its list_head, and that one's inside if it is a structure. */
static const struct note {
	enum la_thing_kind kind;
	const char *type, *list, *task;
	const char *lock, *head, *head_type, *head_list;
} notes[] = {
	{ LA_THING_MUTEX, "mutex_waiter", "list", "task", "mutex", "wait_list", NULL, NULL },
	{ LA_THING_RWSEM, "rwsem_waiter", "list", "task", "rw_semaphore", "wait_list", NULL, NULL },
	{ LA_THING_SEMAPHORE, "semaphore_waiter", "list", "task", "semaphore", "wait_list", NULL,
	  NULL },
	{ LA_THING_COMPLETION, "swait_queue", "task_list", "task", "completion", "wait",
	  "swait_queue_head", "task_list" },
	{ LA_THING_PERCPU_RWSEM, "wait_queue_entry", "entry", "private", "percpu_rw_semaphore",
	  "waiters", "wait_queue_head", "head" },
	{ LA_THING_QUEUE, "wait_queue_entry", "entry", "private", "wait_queue_head", "head", NULL,
	  NULL },
};

struct layout {
	uint64_t list, task; /* in the note */
	uint64_t head;       /* in the lock */
};

static bool layout_of(const struct la_kernel *k, const struct note *note, struct layout *ret)
{
	const struct la_door *door = k->door;
	struct la_member list, task, head, inner = { 0 };

	if (!door->member(door->ctx, note->type, note->list, &list) ||
	    !door->member(door->ctx, note->type, note->task, &task) ||
	    !door->member(door->ctx, note->lock, note->head, &head) ||
	    (note->head_type && !door->member(door->ctx, note->head_type, note->head_list, &inner)))
		return false;
	*ret = (struct layout){ list.offset, task.offset, head.offset + inner.offset };
	return true;
}

/* Part of a task's stack. */
struct part {
	uint64_t base;
	size_t size;
	unsigned char byte[LA_THREAD_SIZE];
};

static bool read_part(const struct la_kernel *k, const struct la_wait_node *node, size_t last,
		      struct part *ret)
{
	const struct la_frame *frame = node->stack->frame;
	const uint64_t stack = node->task.stack;
	uint64_t top = frame[last].cfa;

	ret->base = frame[0].sp;
	if (!stack || ret->base < stack || ret->base >= stack + LA_THREAD_SIZE || ret->base & 7)
		return false;
	if (top <= ret->base || top > stack + LA_THREAD_SIZE)
		top = stack + LA_THREAD_SIZE;
	ret->size = (size_t)(top - ret->base);
	return la_read(k, ret->base, ret->byte, ret->size, NULL) == LA_OK;
}

/* Is the list_head at @at a link between its two neighbours? */
static bool is_linked(const struct la_kernel *k, uint64_t at)
{
	uint64_t next, prev, back, forth;

	return la_read_u64(k, at, &next, NULL) == LA_OK &&
	       la_read_u64(k, at + 8, &prev, NULL) == LA_OK && next != at &&
	       la_read_u64(k, next + 8, &back, NULL) == LA_OK && back == at &&
	       la_read_u64(k, prev, &forth, NULL) == LA_OK && forth == at;
}

/* The list_head of @task's note in @part. */
static bool find_note(const struct la_kernel *k, const struct part *part, const struct layout *l,
		      uint64_t task, uint64_t *ret)
{
	for (size_t at = l->task; at + 8 <= part->size; at += 8) {
		const uint64_t list = part->base + at - l->task + l->list;

		if (la_le64(part->byte + at) == task && !(list & 7) && is_linked(k, list)) {
			*ret = list;
			return true;
		}
	}
	return false;
}

/* Is the list_head at @at that of a note: on the stack of the task that it names? */
static bool is_note(const struct la_kernel *k, const struct layout *l, uint64_t at)
{
	uint64_t task, stack;

	return la_read_u64(k, at - l->list + l->task, &task, NULL) == LA_OK &&
	       la_kernel_address(k, task) &&
	       la_read_member(k, task, "task_struct", "stack", &stack, NULL) == LA_OK &&
	       at - stack < LA_THREAD_SIZE;
}

#define MAX_NOTES 65536 /* a list with more is damage */

/* From a note along the list to what is none: the lock's own list_head. */
static bool find_head(const struct la_kernel *k, const struct layout *l, uint64_t list,
		      uint64_t *ret)
{
	struct la_cycle cycle = { 0 };
	uint64_t at = list;

	for (unsigned i = 0; i < MAX_NOTES; i++) {
		if (la_read_u64(k, at, &at, NULL) != LA_OK || at & 7 || !la_kernel_address(k, at) ||
		    at == list || la_cycle_step(&cycle, at))
			return false;
		if (!is_note(k, l, at)) {
			*ret = at;
			return is_linked(k, at);
		}
	}
	return false;
}

static bool from_note(struct la_graph *g, const struct la_wait_node *node, const struct part *part,
		      enum la_thing_kind kind, uint64_t *ret)
{
	struct layout layout;
	uint64_t list, head;

	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++)
		if (notes[i].kind == kind && layout_of(g->k, &notes[i], &layout) &&
		    find_note(g->k, part, &layout, node->task.address, &list) &&
		    find_head(g->k, &layout, list, &head)) {
			*ret = head - layout.head;
			return true;
		}
	return false;
}

/* struct wait_bit_queue_entry: key.flags and key.bit_nr before the entry whose private is the task. */
static bool from_bit(struct la_graph *g, const struct la_wait_node *node, const struct part *part,
		     struct la_wait *w)
{
	const struct la_door *door = g->k->door;
	struct la_member entry, private, key, flags, bit;

	if (!door->member(door->ctx, "wait_bit_queue_entry", "wq_entry", &entry) ||
	    !door->member(door->ctx, "wait_queue_entry", "private", &private) ||
	    !door->member(door->ctx, "wait_bit_queue_entry", "key", &key) ||
	    !door->member(door->ctx, "wait_bit_key", "flags", &flags) ||
	    !door->member(door->ctx, "wait_bit_key", "bit_nr", &bit) ||
	    entry.offset < key.offset + bit.offset + 4 ||
	    entry.offset < key.offset + flags.offset + 8)
		return false;
	for (size_t at = entry.offset + private.offset; at + 8 <= part->size; at += 8) {
		const unsigned char *base = part->byte + at - private.offset - entry.offset;
		const uint64_t word = la_le64(base + key.offset + flags.offset);
		const uint32_t number = la_le32(base + key.offset + bit.offset);

		if (la_le64(part->byte + at) != node->task.address || number > 63 ||
		    !la_kernel_address(g->k, word))
			continue;
		w->address = word;
		w->bit = (int)number;
		return true;
	}
	return false;
}

/* struct wait_page_queue: the page or folio, its bit, and an entry whose private is the task (mm/filemap.c). */
static bool from_page(struct la_graph *g, const struct la_wait_node *node, const struct part *part,
		      struct la_wait *w)
{
	const struct la_door *door = g->k->door;
	struct la_member entry, private, page, bit;

	if (!door->member(door->ctx, "wait_page_queue", "wait", &entry) ||
	    !door->member(door->ctx, "wait_queue_entry", "private", &private) ||
	    (!door->member(door->ctx, "wait_page_queue", "folio", &page) && /* since 5.16 */
	     !door->member(door->ctx, "wait_page_queue", "page", &page)) ||
	    !door->member(door->ctx, "wait_page_queue", "bit_nr", &bit))
		return false;
	for (size_t at = entry.offset + private.offset; at + 8 <= part->size; at += 8) {
		const size_t base = at - private.offset - entry.offset;
		uint64_t address;

		if (la_le64(part->byte + at) != node->task.address ||
		    base + page.offset + 8 > part->size || base + bit.offset + 4 > part->size)
			continue;
		address = la_le64(part->byte + base + page.offset);
		if (!la_kernel_address(g->k, address) ||
		    la_le32(part->byte + base + bit.offset) > 63)
			continue;
		w->address = address;
		w->bit = (int)la_le32(part->byte + base + bit.offset);
		return true;
	}
	return false;
}

/* task_struct.pi_blocked_on, a struct rt_mutex_waiter, whose lock it names (kernel/locking/rtmutex_common.h). */
static bool from_task(struct la_graph *g, const struct la_wait_node *node, uint64_t *ret)
{
	uint64_t waiter;

	return la_read_member(g->k, node->task.address, "task_struct", "pi_blocked_on", &waiter,
			      NULL) == LA_OK &&
	       la_kernel_address(g->k, waiter) &&
	       la_read_member(g->k, waiter, "rt_mutex_waiter", "lock", ret, NULL) == LA_OK &&
	       la_kernel_address(g->k, *ret);
}

/*
 * Without a list that leads to it (mutexes and rwsems have none in newer kernels): what the function that waits was
 * called with.
 */
static bool from_call(struct la_graph *g, const struct la_wait_node *node, size_t last,
		      uint64_t *ret)
{
	const struct la_stack *stack = node->stack;
	uint64_t first;

	return last + 1 < stack->n && !stack->frame[last + 1].pc_exact &&
	       stack->frame[last + 1].code &&
	       la_frame_register(g->k, stack, last + 1, stack->frame[last + 1].code, LA_R_A0,
				 ret) &&
	       !(*ret & 7) && la_kernel_address(g->k, *ret) &&
	       la_read_u64(g->k, *ret, &first, NULL) == LA_OK;
}

bool la_sleep_find(struct la_graph *g, const struct la_wait_node *node, struct la_wait *ret)
{
	const struct la_stack *stack = node->stack;
	struct part *part = la_alloc(g->arena, sizeof(*part));
	size_t first = 0, last, kind;
	bool found;

	*ret = (struct la_wait){ .kind = LA_THING_QUEUE, .bit = -1 };
	if (!stack || !stack->n || !part)
		return false;
	while (first + 1 < stack->n && sleeper_of(stack->frame[first].symbol) == NSLEEPERS &&
	       la_is_waiting(stack->frame[first].symbol))
		first++;
	kind = sleeper_of(stack->frame[first].symbol);
	last = first;
	/* Which of them has it on its part of the stack depends on what the compiler inlined. */
	while (kind < NSLEEPERS && last + 1 < stack->n &&
	       sleeper_of(stack->frame[last + 1].symbol) < NSLEEPERS)
		last++;
	if (kind < NSLEEPERS) {
		ret->kind = sleepers[kind].kind;
		ret->write = sleepers[kind].write;
	}
	ret->frame = first;
	find_words(stack, ret);
	if (!read_part(g->k, node, last, part))
		return true;
	switch (ret->kind) {
	case LA_THING_BIT:
		found = from_bit(g, node, part, ret);
		break;
	case LA_THING_PAGE:
		found = from_page(g, node, part, ret);
		if (found)
			la_wait_page(g, ret);
		break;
	case LA_THING_RT_MUTEX:
		found = from_task(g, node, &ret->address);
		break;
	default:
		found = from_note(g, node, part, ret->kind, &ret->address);
	}
	if (!found && ret->kind != LA_THING_QUEUE)
		from_call(g, node, last, &ret->address);
	if (!found && ret->kind == LA_THING_QUEUE)
		ret->kind = LA_THING_UNKNOWN;
	la_wait_provider(g, node, ret);
	return true;
}
