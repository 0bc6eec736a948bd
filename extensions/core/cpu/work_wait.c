// SPDX-License-Identifier: GPL-3.0-or-later
// Waits for work items: which item, of which workqueue, and which worker it takes. Layouts and meanings:
// kernel/workqueue.c and workqueue_internal.h, 5.10 to 7.1.
#include <string.h>

#include "base/cycle.h"
#include "graph.h"
#include "priv.h"

/* Flags of work_struct.data (include/linux/workqueue.h); the workqueue's part is aligned behind 8 or 9 bits of flags. */
#define WORK_INACTIVE 2 /* it waits until its queue's max_active lets it begin */
#define WORK_PWQ 4      /* data holds a struct pool_workqueue */
#define MAX_BARRIERS 64 /* behind one item; more are damage */
#define MAX_NAME 64     /* WQ_NAME_LEN is 24 or 32 */

/* Members that every walk here needs. */
struct layout {
	struct la_member entry, done, work, pwqs_node, wq_name;
	uint64_t barrier_func;
};

static bool layout_of(const struct la_kernel *k, struct layout *l)
{
	const struct la_door *door = k->door;

	return door->member(door->ctx, "wq_barrier", "done", &l->done) &&
	       door->member(door->ctx, "wq_barrier", "work", &l->work) &&
	       door->member(door->ctx, "work_struct", "entry", &l->entry) &&
	       door->member(door->ctx, "pool_workqueue", "pwqs_node", &l->pwqs_node) &&
	       door->member(door->ctx, "workqueue_struct", "name", &l->wq_name) &&
	       door->symbol(door->ctx, "wq_barrier_func", &l->barrier_func);
}

/* --- lists --- */

/* A walk of a struct list_head, as far as it can be read and does not come back to where it was. */
struct walk {
	struct la_graph *g;
	uint64_t head, at;
	struct la_cycle cycle;
};

static struct walk walk_from(struct la_graph *g, uint64_t head)
{
	return (struct walk){ .g = g, .head = head, .at = head };
}

static bool step(struct walk *w)
{
	if (!w->g->work_steps)
		return false;
	w->g->work_steps--;
	return la_read_u64(w->g->k, w->at, &w->at, NULL) == LA_OK && w->at != w->head &&
	       la_kernel_address(w->g->k, w->at) && !la_cycle_step(&w->cycle, w->at);
}

/* --- workers --- */

static bool is_worker(const struct la_kernel *k, uint64_t worker, uint64_t *task)
{
	struct la_task t;

	if (la_read_member(k, worker, "worker", "task", task, NULL) != LA_OK ||
	    !la_kernel_address(k, *task))
		return false;
	la_task_read(k, *task, &t);
	return !strncmp(t.comm, "kworker/", 8);
}

/* Which workers of a pool: those that work for @pwq, or, where that is 0, those that are on a CPU. */
struct wanted {
	uint64_t pwq, self;
	uint64_t task; /* the one found; @self's before any other's */
	unsigned found;
};

static void look_at_pool(struct la_graph *g, uint64_t pool, struct wanted *wanted)
{
	const struct la_door *door = g->k->door;
	struct la_member workers, node;
	struct walk walk;

	if (!door->member(door->ctx, "worker_pool", "workers", &workers) ||
	    !door->member(door->ctx, "worker", "node", &node))
		return;
	for (walk = walk_from(g, pool + workers.offset); step(&walk);) {
		const uint64_t worker = walk.at - node.offset;
		uint64_t pwq = 0, task;

		if (la_read_member(g->k, worker, "worker", "current_pwq", &pwq, NULL) != LA_OK ||
		    !pwq || (wanted->pwq && pwq != wanted->pwq) || !is_worker(g->k, worker, &task))
			continue;
		if (!wanted->pwq && !(g->cpus && la_cpus_running(g->cpus, task)))
			continue;
		wanted->found++;
		if (wanted->task != wanted->self)
			wanted->task = task;
	}
}

/* Who can be named: the only one, or the one that waits, whose own item is one of those. */
static uint64_t the_one(const struct wanted *wanted)
{
	return wanted->found == 1 || wanted->task == wanted->self ? wanted->task : 0;
}

/* --- names --- */

static const char *queue_name(struct la_graph *g, const struct layout *l, uint64_t wq)
{
	char *name;

	return la_read_text(g->k, g->arena, wq + l->wq_name.offset, MAX_NAME, &name, NULL) ==
				       LA_OK &&
			       name[0] ?
		       name :
		       NULL;
}

/* In words: the item whose function is at @function, of workqueue @wq; 0: unknown. */
static void tell(struct la_graph *g, const struct layout *l, uint64_t function, uint64_t wq,
		 struct la_wait *w)
{
	const struct la_door *door = g->k->door;
	const char *queue = wq ? queue_name(g, l, wq) : NULL, *text;
	struct la_symbol symbol;

	if (!function || !door->symbol_at(door->ctx, function, &symbol) || symbol.start != function)
		return;
	text = la_format(g->arena, "the work item %s()%s%s%s%s%s", symbol.name,
			 symbol.module ? " [" : "", symbol.module ? symbol.module : "",
			 symbol.module ? "]" : "", queue ? " of workqueue " : "",
			 queue ? queue : "");
	if (text)
		w->what = text;
}

/* --- flush_work(), cancel_work_sync(): a barrier behind one item --- */

/* What data's upper bits lead to is a struct pool_workqueue: its workqueue has it in its list. */
static bool pwq_of(const struct la_kernel *k, const struct layout *l, uint64_t data, uint64_t *pwq,
		   uint64_t *wq)
{
	for (unsigned bits = 8; data & WORK_PWQ && bits <= 9; bits++) {
		const uint64_t at = data & ~((UINT64_C(1) << bits) - 1);
		uint64_t next, back;

		if (la_read_member(k, at, "pool_workqueue", "wq", wq, NULL) == LA_OK &&
		    la_kernel_address(k, *wq) &&
		    la_read_u64(k, at + l->pwqs_node.offset, &next, NULL) == LA_OK &&
		    la_read_u64(k, next + 8, &back, NULL) == LA_OK &&
		    back == at + l->pwqs_node.offset) {
			*pwq = at;
			return true;
		}
	}
	return false;
}

/* The item before the barrier at @entry, if there is one that has not begun: other barriers may stand between. */
static uint64_t item_before(const struct la_kernel *k, const struct layout *l, uint64_t entry)
{
	const struct la_door *door = k->door;
	uint64_t at = entry, function;
	struct la_symbol symbol;

	for (unsigned i = 0; i < MAX_BARRIERS; i++) {
		if (la_read_u64(k, at + 8, &at, NULL) != LA_OK || at == entry ||
		    la_read_member(k, at - l->entry.offset, "work_struct", "func", &function,
				   NULL) != LA_OK)
			return 0;
		if (function == l->barrier_func)
			continue;
		/* The head of a list is no item: nothing there is a function's beginning. */
		return door->symbol_at(door->ctx, function, &symbol) && symbol.start == function ?
			       at - l->entry.offset :
			       0;
	}
	return 0;
}

/*
 * It has not begun. Where its queue runs as many as it may, one of these has to end first; else a pool bound to a CPU
 * lets none begin while one of its workers runs.
 */
static void wait_for_turn(struct la_graph *g, const struct layout *l, uint64_t item, uint64_t self,
			  struct la_wait *w)
{
	uint64_t function, data, pwq = 0, wq = 0, pool, cpu;
	struct wanted wanted = { .self = self };

	if (la_read_member(g->k, item, "work_struct", "func", &function, NULL) != LA_OK ||
	    la_read_member(g->k, item, "work_struct", "data", &data, NULL) != LA_OK)
		return;
	if (!pwq_of(g->k, l, data, &pwq, &wq))
		wq = 0;
	tell(g, l, function, wq, w);
	if (!pwq || la_read_member(g->k, pwq, "pool_workqueue", "pool", &pool, NULL) != LA_OK ||
	    !la_kernel_address(g->k, pool))
		return;
	if (data & WORK_INACTIVE)
		wanted.pwq = pwq;
	else if (la_read_member(g->k, pool, "worker_pool", "cpu", &cpu, NULL) != LA_OK ||
		 (int32_t)cpu < 0)
		return;
	look_at_pool(g, pool, &wanted);
	w->provider = the_one(&wanted);
}

/* A barrier behind an item that runs is in the list of its worker. */
static bool wait_for_worker(struct la_graph *g, const struct layout *l, uint64_t entry,
			    struct la_wait *w)
{
	const struct la_door *door = g->k->door;
	struct la_member scheduled;
	struct walk walk;

	if (!door->member(door->ctx, "worker", "scheduled", &scheduled))
		return false;
	for (walk = walk_from(g, entry); step(&walk);) {
		const uint64_t worker = walk.at - scheduled.offset;
		uint64_t function, pwq, wq = 0;

		if (!is_worker(g->k, worker, &w->provider))
			continue;
		if (la_read_member(g->k, worker, "worker", "current_func", &function, NULL) ==
		    LA_OK) {
			if (la_read_member(g->k, worker, "worker", "current_pwq", &pwq, NULL) !=
				    LA_OK ||
			    la_read_member(g->k, pwq, "pool_workqueue", "wq", &wq, NULL) != LA_OK)
				wq = 0;
			tell(g, l, function, wq, w);
		}
		return true;
	}
	w->provider = 0;
	return false;
}

static bool wait_for_item(struct la_graph *g, const struct layout *l, uint64_t self,
			  struct la_wait *w)
{
	const uint64_t barrier = w->address - l->done.offset + l->work.offset;
	uint64_t function, item;

	if (la_read_member(g->k, barrier, "work_struct", "func", &function, NULL) != LA_OK ||
	    function != l->barrier_func)
		return false;
	item = item_before(g->k, l, barrier + l->entry.offset);
	if (item)
		wait_for_turn(g, l, item, self, w);
	else
		wait_for_worker(g, l, barrier + l->entry.offset, w);
	return true;
}

/* --- flush_workqueue(), drain_workqueue(): all items of a queue --- */

static void wait_for_queue(struct la_graph *g, const struct layout *l, uint64_t self,
			   struct la_wait *w)
{
	const struct la_door *door = g->k->door;
	struct la_member done, list, pwqs;
	uint64_t queues, first, wq = 0, pool;
	struct wanted wanted = { .self = self };
	const char *name, *text;
	struct walk walk;

	if (!door->symbol(door->ctx, "workqueues", &queues) ||
	    !door->member(door->ctx, "wq_flusher", "done", &done) ||
	    !door->member(door->ctx, "workqueue_struct", "list", &list) ||
	    !door->member(door->ctx, "workqueue_struct", "pwqs", &pwqs))
		return;
	for (walk = walk_from(g, queues); !wq && step(&walk);)
		if (la_read_member(g->k, walk.at - list.offset, "workqueue_struct", "first_flusher",
				   &first, NULL) == LA_OK &&
		    first && first == w->address - done.offset)
			wq = walk.at - list.offset;
	if (!wq)
		return;
	name = queue_name(g, l, wq);
	text = la_format(g->arena, "all work of workqueue %s", name ? name : "(no name)");
	if (text)
		w->what = text;
	for (walk = walk_from(g, wq + pwqs.offset); step(&walk);) {
		wanted.pwq = walk.at - l->pwqs_node.offset;
		if (la_read_member(g->k, wanted.pwq, "pool_workqueue", "pool", &pool, NULL) ==
			    LA_OK &&
		    la_kernel_address(g->k, pool))
			look_at_pool(g, pool, &wanted);
	}
	w->provider = the_one(&wanted);
}

void la_wait_work(struct la_graph *g, uint64_t self, struct la_wait *w)
{
	struct layout l;

	if (layout_of(g->k, &l) && !wait_for_item(g, &l, self, w))
		wait_for_queue(g, &l, self, w);
}

/* --- what a worker keeps waiting --- */

/* struct kthread, its data, is the worker: in worker_private since 5.17, in set_child_tid before (kernel/kthread.c). */
static bool worker_of(const struct la_kernel *k, const struct la_task *task, uint64_t *ret)
{
	uint64_t thread, back;

	return !strncmp(task->comm, "kworker/", 8) &&
	       (la_read_member(k, task->address, "task_struct", "worker_private", &thread, NULL) ==
			LA_OK ||
		la_read_member(k, task->address, "task_struct", "set_child_tid", &thread, NULL) ==
			LA_OK) &&
	       la_read_member(k, thread, "kthread", "data", ret, NULL) == LA_OK &&
	       la_read_member(k, *ret, "worker", "task", &back, NULL) == LA_OK &&
	       back == task->address;
}

#define NAMED 3 /* items by their functions; more are counted */

const char *la_work_behind(struct la_graph *g, const struct la_task *task)
{
	const struct la_door *door = g->k->door;
	const char *text = NULL;
	uint64_t worker, pwq, function;
	struct la_member waiting;
	struct la_symbol symbol;
	struct layout l;
	struct walk walk;
	size_t n = 0;

	if (!worker_of(g->k, task, &worker) || !layout_of(g->k, &l) ||
	    la_read_member(g->k, worker, "worker", "current_pwq", &pwq, NULL) != LA_OK || !pwq ||
	    (!door->member(door->ctx, "pool_workqueue", "inactive_works",
			   &waiting) && /* since 5.15 */
	     !door->member(door->ctx, "pool_workqueue", "delayed_works", &waiting)))
		return NULL;
	for (walk = walk_from(g, pwq + waiting.offset); step(&walk);) {
		if (la_read_member(g->k, walk.at - l.entry.offset, "work_struct", "func", &function,
				   NULL) != LA_OK ||
		    function == l.barrier_func || !door->symbol_at(door->ctx, function, &symbol) ||
		    symbol.start != function)
			continue;
		if (n++ < NAMED)
			text = la_format(g->arena, "%s%s%s()", text ? text : "", text ? ", " : "",
					 symbol.name);
	}
	return n > NAMED && text ? la_format(g->arena, "%s, and %zu more", text, n - NAMED) : text;
}
