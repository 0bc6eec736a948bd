// SPDX-License-Identifier: GPL-3.0-or-later
// Spinning CPUs: which lock they want, and what its memory says.
#include "graph.h"

#include <string.h>

#include "priv.h"

/* --- the lock --- */

#define MAX_FUNCTION 16384 /* bytes of one that are looked at */

/*
 * Functions that spin, and where their lock is: the slow paths and what spins until a mutex's or rwsem's owner lets go
 * have it in a0 (kernel/locking/{qspinlock,qrwlock,mutex,rwsem,osq_lock}.c). The slow paths are leaf functions that
 * keep it there (built for 6.12 and 7.2), so a CPU inside still has it.
 */
static const struct {
	const char *function;
	enum la_thing_kind kind;
	bool write, leaf;
} spinners[] = {
	{ "queued_spin_lock_slowpath", LA_THING_SPINLOCK, false, true },
	{ "native_queued_spin_lock_slowpath", LA_THING_SPINLOCK, false, true },
	{ "queued_read_lock_slowpath", LA_THING_RWLOCK, false, true },
	{ "queued_write_lock_slowpath", LA_THING_RWLOCK, true, true },
	{ "mutex_spin_on_owner", LA_THING_MUTEX, false, false },
	{ "rwsem_spin_on_owner", LA_THING_RWSEM, true, false },
	{ "osq_lock", LA_THING_UNKNOWN, false, false },
};
#define NSPINNERS (sizeof(spinners) / sizeof(spinners[0]))

size_t la_wait_frame(const struct la_cpu *c, enum la_cpu_state state)
{
	if (c->state == state)
		return 0;
	if (c->before == state && c->before_frame)
		return (size_t)(c->before_frame - c->stack.frame);
	return SIZE_MAX;
}

/* struct qspinlock of CONFIG_NR_CPUS < 16384 (asm-generic/qspinlock_types.h), 4.2 to 7.2. */
#define LOCKED(word) ((word)&0xff)
#define PENDING(word) ((word) >> 8 & 0xff)
#define TAIL_LEVEL(word) ((word) >> 16 & 3)
#define TAIL_CPU(word) ((word) >> 18) /* and 1; 0: nobody is in the queue */

/* struct qrwlock (asm-generic/qrwlock.h): the byte of a writer, one bit of a writer that waits, then readers. */
#define WRITER(word) ((word)&0xff)
#define WRITER_HOLDS 0xff
#define READERS(word) ((word) >> 9)

static bool sound_spinlock(const struct la_kernel *k, uint32_t word)
{
	return word && LOCKED(word) <= 1 && PENDING(word) <= 1 && TAIL_CPU(word) <= k->ncpus;
}

bool la_lock_held(const struct la_kernel *k, enum la_thing_kind kind, uint64_t address)
{
	uint32_t word;

	if (!address || address & 3 || !la_kernel_address(k, address) ||
	    la_read_u32(k, address, &word, NULL) != LA_OK || !word)
		return false;
	switch (kind) {
	case LA_THING_SPINLOCK:
		return sound_spinlock(k, word);
	case LA_THING_RWLOCK:
		return (!WRITER(word) || WRITER(word) == WRITER_HOLDS) && READERS(word) <= k->ncpus;
	default:
		return true;
	}
}

/* a0 at the moment, in a leaf function that keeps its argument there. */
static bool from_register(const struct la_kernel *k, const struct la_cpu *c, size_t frame,
			  uint64_t *ret)
{
	struct la_regs saved;

	if (!frame)
		return la_gpr_get(&c->regs, LA_R_A0, ret);
	return c->stack.frame[frame - 1].pt_regs &&
	       la_pt_regs_read(k, c->stack.frame[frame - 1].pt_regs, &saved, NULL) == LA_OK &&
	       la_gpr_get(&saved, LA_R_A0, ret);
}

/* What the frame around @frame called it with. */
static bool from_caller(const struct la_kernel *k, const struct la_cpu *c, size_t frame,
			uint64_t *ret)
{
	const struct la_frame *caller = &c->stack.frame[frame + 1];

	return frame + 1 < c->stack.n && caller->code && !caller->pc_exact &&
	       la_frame_register(k, &c->stack, frame + 1, caller->code, LA_R_A0, ret);
}

/* osq_lock() gets &lock->osq, of the mutex or rwsem that its caller wants. */
static void find_outer(const struct la_kernel *k, const struct la_cpu *c, struct la_wait *w)
{
	const struct la_door *door = k->door;
	const char *type = NULL;
	struct la_member osq;

	for (size_t i = w->frame + 1; i < c->stack.n && i <= w->frame + 3 && !type; i++) {
		const char *symbol = c->stack.frame[i].symbol;

		if (symbol && strstr(symbol, "mutex"))
			type = "mutex";
		else if (symbol && strstr(symbol, "rwsem"))
			type = "rw_semaphore";
	}
	w->kind = !type ? LA_THING_UNKNOWN : *type == 'm' ? LA_THING_MUTEX : LA_THING_RWSEM;
	if (!type || !door->member(door->ctx, type, "osq", &osq) || w->address < osq.offset)
		w->address = 0;
	else
		w->address -= osq.offset;
	w->write = w->kind == LA_THING_RWSEM;
}

/* Its queue or its pending bit say that somebody waits: few other words do. */
static bool contended(const struct la_kernel *k, uint64_t lock)
{
	uint32_t word;

	return la_read_u32(k, lock, &word, NULL) == LA_OK && word >> 8;
}

static void find_address(const struct la_kernel *k, const struct la_cpu *c, size_t at, bool leaf,
			 struct la_wait *w)
{
	/* Registers may belong to another function than the likeliest. */
	const bool sure = at > 0 || c->verified;
	uint64_t now = 0, called = 0;
	const bool have = leaf && w->frame == at && from_register(k, c, at, &now) &&
			  la_lock_held(k, w->kind, now);

	if (have && sure)
		w->address = now;
	else if (from_caller(k, c, w->frame, &called) && la_lock_held(k, w->kind, called))
		w->address = called;
	else if (have && contended(k, now))
		w->address = now;
}

bool la_spin_find(const struct la_kernel *k, const struct la_cpu *c, size_t at, struct la_wait *ret)
{
	for (size_t frame = at; frame < c->stack.n && frame <= at + 1; frame++) {
		size_t i = 0;

		while (i < NSPINNERS &&
		       !la_is_function(c->stack.frame[frame].symbol, spinners[i].function))
			i++;
		if (i == NSPINNERS)
			continue;
		*ret = (struct la_wait){ .kind = spinners[i].kind,
					 .write = spinners[i].write,
					 .bit = -1,
					 .frame = frame };
		find_address(k, c, at, spinners[i].leaf, ret);
		if (ret->kind == LA_THING_UNKNOWN)
			find_outer(k, c, ret);
		return true;
	}
	/* It called the slow path, and its first frame is the caller's (la_cpus_find_callers()). */
	*ret = (struct la_wait){ .kind = LA_THING_SPINLOCK, .address = c->lock, .bit = -1 };
	return at == 0 && c->lock;
}

/* The slow path, or what leaves to it by a jump: kernels that preempt do not inline these (kernel/locking/spinlock.c). */
static bool leads_to_slow_path(const char *function)
{
	return la_is_function(function, spinners[0].function) ||
	       la_is_function(function, spinners[1].function) ||
	       la_is_function(function, "_raw_spin_lock") ||
	       la_is_function(function, "_raw_spin_lock_irq");
}

/*
 * A CPU whose pc is not known may be in what it called last or in the caller again. If that call was of the slow path
 * and the lock, still in a0, has a waiter that is nobody else, it is in there: it would not come out otherwise.
 */
static bool called_slow_path(const struct la_kernel *k, const struct la_cpu *c, uint64_t *ret)
{
	struct la_symbol callee;
	uint64_t ra, argument;

	return c->matched &&
	       (c->state == LA_CPU_RUNNING || c->state == LA_CPU_IRQ ||
		c->state == LA_CPU_EXCEPTION) &&
	       !c->regs.pc_known && c->stack.n && c->stack.frame[0].symbol &&
	       !c->stack.frame[0].pc_known && la_gpr_get(&c->regs, LA_R_RA, &ra) &&
	       la_gpr_get(&c->regs, LA_R_A0, ret) &&
	       ra - 4 - c->stack.frame[0].start < MAX_FUNCTION &&
	       la_frame_call(k, &c->stack, 0, ra - 4, &callee) && leads_to_slow_path(callee.name) &&
	       la_frame_register(k, &c->stack, 0, ra - 4, LA_R_A0, &argument) && argument == *ret &&
	       la_lock_held(k, LA_THING_SPINLOCK, *ret) && contended(k, *ret);
}

/* --- the queue --- */

/*
 * qnodes[4] of each CPU, each a struct mcs_spinlock {next, locked, count} at its beginning; the first one's count says
 * how many are in use (kernel/locking/qspinlock.c, 4.2 to 7.2). Guests that use test-and-set instead (6.12 and later
 * under KVM: virt_spin_lock() of asm/qspinlock.h) never have one in use.
 */
static void read_qnodes(struct la_graph *g)
{
	struct la_qnodes *q = &g->qnodes;
	const struct la_door *door = g->k->door;
	struct la_member next, count;
	size_t size;

	if (g->qnodes_read)
		return;
	g->qnodes_read = true;
	if (!door->type_size(door->ctx, "qnode", &size) ||
	    !door->member(door->ctx, "mcs_spinlock", "next", &next) ||
	    !door->member(door->ctx, "mcs_spinlock", "count", &count))
		return;
	q->n = (size_t)g->k->ncpus * LA_QNODE_LEVELS;
	q->address = la_alloc_n(g->arena, q->n, sizeof(*q->address));
	q->next = la_alloc_n(g->arena, q->n, sizeof(*q->next));
	if (!q->address || !q->next)
		return;
	q->known = true;
	for (unsigned cpu = 0; cpu < g->k->ncpus; cpu++) {
		uint64_t base;
		uint32_t used;

		if (la_percpu(g->k, "qnodes", cpu, &base, NULL) != LA_OK ||
		    la_read_u32(g->k, base + count.offset, &used, NULL) != LA_OK ||
		    used > LA_QNODE_LEVELS)
			continue;
		for (unsigned level = 0; level < LA_QNODE_LEVELS; level++) {
			const size_t i = (size_t)cpu * LA_QNODE_LEVELS + level;

			q->address[i] = base + level * size;
			if (level < used)
				la_read_u64(g->k, q->address[i] + next.offset, &q->next[i], NULL);
		}
	}
}

/* From the tail to the front: who leads to it, and so on. */
static void read_queue(struct la_graph *g, struct la_thing *thing)
{
	const size_t tail_cpu = TAIL_CPU((uint32_t)thing->word);
	const struct la_qnodes *q = &g->qnodes;
	struct la_queued *queue;
	size_t at, n = 0;

	if (!tail_cpu)
		return;
	read_qnodes(g);
	thing->queue_cut = !q->known;
	if (!q->known || tail_cpu > g->k->ncpus)
		return;
	queue = la_alloc_n(g->arena, q->n, sizeof(*queue));
	at = (tail_cpu - 1) * LA_QNODE_LEVELS + TAIL_LEVEL((uint32_t)thing->word);
	while (queue && n < q->n && at < q->n) {
		size_t before = 0;

		queue[n++] = (struct la_queued){ .cpu = (unsigned)(at / LA_QNODE_LEVELS),
						 .level = at % LA_QNODE_LEVELS };
		while (before < q->n && (!q->next[before] || q->next[before] != q->address[at]))
			before++;
		at = before;
	}
	thing->queue_cut = !queue || n == q->n;
	for (size_t i = 0; queue && i < n / 2; i++) {
		struct la_queued other = queue[i];

		queue[i] = queue[n - 1 - i];
		queue[n - 1 - i] = other;
	}
	thing->queue = queue;
	thing->nqueue = queue ? n : 0;
}

void la_lock_read(struct la_graph *g, struct la_thing *thing)
{
	uint32_t word;

	if (!thing->address || la_read_u32(g->k, thing->address, &word, NULL) != LA_OK)
		return;
	thing->word = word;
	thing->word_known = true;
	if (thing->kind == LA_THING_SPINLOCK)
		read_queue(g, thing);
	else if (WRITER(word) != WRITER_HOLDS)
		thing->readers = READERS(word);
}

/* --- CPUs in what their first frame called --- */

/* Waiters that its word tells of: the one that the pending bit is of, and those in the queue. */
static size_t waiters_of(const struct la_kernel *k, struct la_arena *arena, uint64_t lock)
{
	struct la_graph g = { .k = k, .arena = arena };
	struct la_thing thing = { .kind = LA_THING_SPINLOCK, .address = lock };

	la_lock_read(&g, &thing);
	return (PENDING((uint32_t)thing.word) ? 1 : 0) +
	       (thing.nqueue || !TAIL_CPU((uint32_t)thing.word) ? thing.nqueue : 1);
}

void la_cpus_find_callers(const struct la_kernel *k, struct la_arena *arena, struct la_cpus *cpus)
{
	uint64_t lock, other;

	for (size_t i = 0; i < cpus->n; i++) {
		struct la_cpu *c = &cpus->cpu[i];
		size_t same = 0;

		if (!called_slow_path(k, c, &lock))
			continue;
		for (size_t n = 0; n < cpus->n; n++)
			same += cpus->cpu[n].lock == lock ||
				(n != i && called_slow_path(k, &cpus->cpu[n], &other) &&
				 other == lock);
		/* More of them than wait: one of them has the lock. */
		if (same >= waiters_of(k, arena, lock))
			continue;
		c->state = LA_CPU_SPINNING;
		c->lock = lock;
	}
}
