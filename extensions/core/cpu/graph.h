/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The graph of waits (lakvm/cpu/waits.h) while it is built. */
#ifndef LAKVM_GRAPH_H
#define LAKVM_GRAPH_H

#include "lakvm/cpu/waits.h"

#define LA_QNODE_LEVELS                                                                            \
	4 /* task, softirq, hardirq, nmi: _Q_MAX_NODES, MAX_NODES in kernel/locking/qspinlock.c */

/** The per-CPU nodes of all queues of qspinlocks. */
struct la_qnodes {
	bool known;
	uint64_t *address; /* of CPU c's node l: [c * LA_QNODE_LEVELS + l] */
	uint64_t *next;    /* the node that it will wake; 0: none, or it is not in use */
	size_t n;
};

/** A completion, and the task that completes it when it ends or parks. */
struct la_ending {
	uint64_t completion, task;
};

/** A task's kernel stack. */
struct la_stack_of {
	uint64_t base, task;
};

#define LA_WORK_STEPS 65536

struct la_graph {
	const struct la_kernel *k;
	struct la_arena *arena;
	const struct la_cpus *cpus;
	struct la_wait_node *node;
	size_t n;
	struct la_thing *thing;
	size_t nthings;
	size_t tasks, left_out;
	uint64_t now;        /* the youngest clock of all run queues; 0 = unknown */
	unsigned work_steps; /* along lists of workqueues that are left: damage can multiply them */
	/* What tasks complete when they end or park, read once: see la_wait_provider(). */
	bool endings_read;
	struct la_ending *ending;
	size_t nendings, ending_room;
	/* All tasks' kernel stacks, read once where something may lie on one. */
	bool stacks_read;
	struct la_stack_of *stack;
	size_t nstacks, stack_room;
	bool qnodes_read;
	struct la_qnodes qnodes;
};

/** What a CPU or task waits for, and where. */
struct la_wait {
	enum la_thing_kind kind;
	uint64_t address; /* 0 = unknown */
	bool write;
	int bit; /* -1 = unknown */
	const char *what;
	bool io;
	uint64_t provider; /* the task that does it, 0 = unknown */
	size_t frame;      /* the first frame that waits; those around it may too */
};

/** The function in which a waiting CPU waits, from frame @at of its stack on, and its lock. False: none. */
bool la_spin_find(const struct la_kernel *k, const struct la_cpu *c, size_t at,
		  struct la_wait *ret);

/** Could the memory at @address be a lock of that kind which somebody holds? */
bool la_lock_held(const struct la_kernel *k, enum la_thing_kind kind, uint64_t address);

/** Read what the lock's memory has, and the queue, into @thing. */
void la_lock_read(struct la_graph *g, struct la_thing *thing);

/** What a task whose stack is @stack waits for, from what lies on that. False: nothing is known. */
bool la_sleep_find(struct la_graph *g, const struct la_wait_node *node, struct la_wait *ret);

/** Fill in the provider of @w, where something names the task that does what is waited for. */
void la_wait_provider(struct la_graph *g, const struct la_wait_node *node, struct la_wait *w);

/**
 * Of which structure the lock at @address is, in words: "the i_rwsem of inode 12 on vda1"; NULL: of none that says so itself.
 * Needs all nodes of @g.
 */
const char *la_lock_name(const struct la_graph *g, enum la_thing_kind kind, uint64_t address);

/** Say in w->what which bit of whose page it is that @w waits for, and in w->io whether an I/O can be behind that. */
void la_wait_page(const struct la_graph *g, struct la_wait *w);

/**
 * The same of a completion that comes with the end of work items, for which task @self waits; and name them in w->what.
 */
void la_wait_work(struct la_graph *g, uint64_t self, struct la_wait *w);

/**
 * Has a function of @stack, from frame @from outwards, taken the spin lock at @lock and not given it back, on all ways
 * through its code to where it is? @call: the last call that frame 0 made, where its pc is not known; 0: none.
 */
bool la_lock_taken(const struct la_kernel *k, const struct la_stack *stack, size_t from,
		   uint64_t call, uint64_t lock);
/** The same of a CPU's stack. */
bool la_lock_taken_by(const struct la_kernel *k, const struct la_cpu *c, size_t from,
		      uint64_t lock);

/** Is this function part of how one waits, and not of why: of locks, of scheduling? */
bool la_is_waiting(const char *symbol);

/** What waits for its turn behind the item that a worker's task runs, in words: "ack_take(), and 2 more"; NULL: nothing. */
const char *la_work_behind(struct la_graph *g, const struct la_task *task);

/** The node of a CPU, of a task (that of its CPU, if it runs); LA_NO_NODE: no room. */
size_t la_graph_cpu(struct la_graph *g, const struct la_cpu *c);
size_t la_graph_task(struct la_graph *g, uint64_t task);

/** Add tasks that sleep in the same module as somebody who waits for what nobody is known to have, as nearby ones. */
void la_graph_nearby(struct la_graph *g);

/** Find the holder of thing @i; may add nodes. */
void la_graph_holder(struct la_graph *g, size_t i);

/** The frame at which an interrupt took @c from waiting, or 0 if it waits right now; SIZE_MAX: it does not wait. */
size_t la_wait_frame(const struct la_cpu *c, enum la_cpu_state state);

#endif
