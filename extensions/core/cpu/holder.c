// SPDX-License-Identifier: GPL-3.0-or-later
// Who holds what is waited for: by the lock's own word, by the code on stacks, by elimination.
#include "graph.h"
#include "priv.h"

static void held_by(struct la_graph *g, size_t thing, size_t node, enum la_how how)
{
	if (node == LA_NO_NODE)
		return;
	g->thing[thing].holder = node;
	g->thing[thing].how = how;
}

/* --- spin locks: their holder is on a CPU, in the kernel, unless it slept or died with them --- */

static bool can_hold(const struct la_cpu *c)
{
	switch (c->state) {
	case LA_CPU_IDLE:
	case LA_CPU_USER:
	case LA_CPU_OFFLINE:
	case LA_CPU_FIRMWARE:
	case LA_CPU_NEVER_STARTED:
		return false;
	case LA_CPU_STOPPED:
	case LA_CPU_KDUMP_STOPPED:
		return c->before != LA_CPU_IDLE && c->before != LA_CPU_USER;
	default:
		return true;
	}
}

/* The frame behind those that wait for thing @i, if @c does; else 0. */
static size_t first_frame(const struct la_graph *g, size_t i, const struct la_cpu *c, bool *waits)
{
	*waits = false;
	for (size_t n = 0; n < g->n; n++) {
		if (g->node[n].cpu != (int)c->cpu || g->node[n].on != i)
			continue;
		*waits = true;
		return g->node[n].frame;
	}
	return 0;
}

struct suspects {
	const struct la_cpu *taken; /* the one whose code has taken it */
	size_t ntaken;
	const struct la_cpu *other; /* one that can hold it and does not wait for it */
	size_t nothers;
};

static void look_at_cpus(struct la_graph *g, size_t i, struct suspects *s)
{
	const uint64_t lock = g->thing[i].address;

	*s = (struct suspects){ .ntaken = 0 };
	for (size_t n = 0; g->cpus && n < g->cpus->n; n++) {
		const struct la_cpu *c = &g->cpus->cpu[n];
		bool waits;
		size_t from;

		if (!can_hold(c))
			continue;
		if (!c->matched && c->regs.source == LA_REGS_NONE && !c->task.address)
			continue; /* possible, and nothing else is known: it never came up */
		from = first_frame(g, i, c, &waits);
		if (!waits) {
			s->other = c;
			s->nothers++;
		}
		if (lock && c->matched && la_lock_taken_by(g->k, c, from, lock)) {
			s->taken = c;
			s->ntaken++;
		}
	}
}

#define MAX_STACKS 512 /* of sleeping tasks that are walked for one lock */

struct sleepers {
	struct la_graph *g;
	uint64_t lock;
	unsigned left;
	uint64_t found;
};

static bool is_taker(void *ctx, uint64_t task)
{
	struct sleepers *s = ctx;
	struct la_stack stack;
	struct la_regs regs;

	if (la_cpus_running(s->g->cpus, task) || la_task_regs(s->g->k, task, &regs, NULL) != LA_OK)
		return true;
	la_unwind(s->g->k, s->g->arena, &regs, -1, &stack);
	if (la_lock_taken(s->g->k, &stack, 0, 0, s->lock)) {
		s->found = task;
		return false;
	}
	return --s->left > 0;
}

static void find_spin_holder(struct la_graph *g, size_t i)
{
	struct la_thing *t = &g->thing[i];
	struct suspects s;
	uint64_t owner;

	if (la_thing_passes(t))
		return;
	if (t->kind == LA_THING_SPINLOCK && t->address && la_spin_owner(g->k, t->address, &owner))
		return held_by(g, i, la_graph_task(g, owner), LA_HOW_OWNER);
	look_at_cpus(g, i, &s);
	if (s.ntaken == 1)
		return held_by(g, i, la_graph_cpu(g, s.taken), LA_HOW_CODE);
	if (s.ntaken || !t->address)
		return;
	if (s.nothers == 1 && s.other->matched)
		return held_by(g, i, la_graph_cpu(g, s.other), LA_HOW_REST);
	if (s.nothers)
		return;
	if (g->cpus) {
		struct sleepers tasks = { .g = g, .lock = t->address, .left = MAX_STACKS };

		la_tasks_each(g->k, is_taker, &tasks, NULL);
		if (tasks.found)
			return held_by(g, i, la_graph_task(g, tasks.found), LA_HOW_CODE);
	}
	t->how = LA_HOW_NOBODY;
}

/* --- locks that one sleeps for: most of them name their owner --- */

/* struct mutex.owner: MUTEX_FLAGS in bits 0 to 2 (kernel/locking/mutex.c, since 4.9). */
#define MUTEX_FLAGS UINT64_C(7)

static void find_mutex_owner(struct la_graph *g, size_t i)
{
	struct la_thing *t = &g->thing[i];

	if (la_read_member(g->k, t->address, "mutex", "owner", &t->word, NULL) != LA_OK)
		return;
	t->word_known = true;
	if (la_kernel_address(g->k, t->word & ~MUTEX_FLAGS))
		held_by(g, i, la_graph_task(g, t->word & ~MUTEX_FLAGS), LA_HOW_OWNER);
}

/*
 * struct rw_semaphore (kernel/locking/rwsem.c, since 5.3): count has RWSEM_WRITER_LOCKED in bit 0 and the number of
 * readers from bit 8 on; owner has RWSEM_READER_OWNED in bit 0, and is then the reader that came last, who may have
 * left.
 */
#define RWSEM_OWNER_FLAGS UINT64_C(3)
#define RWSEM_READER_OWNED 1
#define RWSEM_WRITER_LOCKED 1
#define RWSEM_READERS(count) ((count) << 1 >> 9)

static void find_rwsem_owner(struct la_graph *g, size_t i)
{
	struct la_thing *t = &g->thing[i];
	uint64_t count, owner;
	size_t node;

	if (la_read_member(g->k, t->address, "rw_semaphore", "owner", &t->word, NULL) != LA_OK ||
	    la_read_member(g->k, t->address, "rw_semaphore", "count", &count, NULL) != LA_OK)
		return;
	t->word_known = true;
	t->readers = count & RWSEM_WRITER_LOCKED ? 0 : RWSEM_READERS(count);
	owner = t->word & ~RWSEM_OWNER_FLAGS;
	if (!la_kernel_address(g->k, owner) || !(t->readers || count & RWSEM_WRITER_LOCKED))
		return;
	node = la_graph_task(g, owner);
	held_by(g, i, node, t->word & RWSEM_READER_OWNED ? LA_HOW_READER : LA_HOW_OWNER);
}

/* struct rt_mutex_base.owner: RT_MUTEX_HAS_WAITERS in bit 0 (kernel/locking/rtmutex_common.h; rt_mutex before 5.15). */
static void find_rt_owner(struct la_graph *g, size_t i)
{
	struct la_thing *t = &g->thing[i];

	if (la_read_member(g->k, t->address, "rt_mutex_base", "owner", &t->word, NULL) != LA_OK &&
	    la_read_member(g->k, t->address, "rt_mutex", "owner", &t->word, NULL) != LA_OK)
		return;
	t->word_known = true;
	if (la_kernel_address(g->k, t->word & ~UINT64_C(1)))
		held_by(g, i, la_graph_task(g, t->word & ~UINT64_C(1)), LA_HOW_OWNER);
}

/* struct percpu_rw_semaphore.writer, a struct rcuwait: the writer while it waits for readers to leave. */
static void find_percpu_writer(struct la_graph *g, size_t i)
{
	const struct la_door *door = g->k->door;
	struct la_thing *t = &g->thing[i];
	struct la_member writer;
	size_t node;

	if (!door->member(door->ctx, "percpu_rw_semaphore", "writer", &writer) ||
	    la_read_member(g->k, t->address + writer.offset, "rcuwait", "task", &t->word, NULL) !=
		    LA_OK)
		return;
	t->word_known = true;
	if (!la_kernel_address(g->k, t->word))
		return;
	node = la_graph_task(g, t->word);
	/* It keeps new readers out, and waits itself: for readers that came before, whom nothing names. */
	if (node != LA_NO_NODE && g->node[node].on != i)
		held_by(g, i, node, LA_HOW_OWNER);
}

void la_graph_holder(struct la_graph *g, size_t i)
{
	struct la_thing *t = &g->thing[i];

	if (t->holder != LA_NO_NODE)
		return;
	if (t->kind == LA_THING_SPINLOCK || t->kind == LA_THING_RWLOCK)
		return find_spin_holder(g, i);
	if (!t->address)
		return;
	switch (t->kind) {
	case LA_THING_MUTEX:
		return find_mutex_owner(g, i);
	case LA_THING_RWSEM:
		return find_rwsem_owner(g, i);
	case LA_THING_RT_MUTEX:
		return find_rt_owner(g, i);
	case LA_THING_PERCPU_RWSEM:
		return find_percpu_writer(g, i);
	default:
		return;
	}
}
