/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who waits for whom: CPUs that spin and tasks that sleep uninterruptibly, what each waits for, who holds that and
 * how it is known. A graph in which each node waits for one thing at most, and each thing has one holder at most.
 */
#ifndef LAKVM_WAITS_H
#define LAKVM_WAITS_H

#include "lakvm/base/arena.h"
#include "lakvm/cpu/cpus.h"
#include "lakvm/guest/kernel.h"
#include "lakvm/stack/unwind.h"

enum la_thing_kind {
	LA_THING_UNKNOWN = 0,
	LA_THING_SPINLOCK, /* qspinlock, also as test-and-set */
	LA_THING_RWLOCK,   /* qrwlock */
	LA_THING_MUTEX,
	LA_THING_RWSEM,
	LA_THING_SEMAPHORE,
	LA_THING_RT_MUTEX,
	LA_THING_PERCPU_RWSEM,
	LA_THING_COMPLETION,
	LA_THING_BIT,    /* wait_on_bit(): address is the word's */
	LA_THING_PAGE,   /* a bit of a folio's or page's flags: address is its struct's */
	LA_THING_QUEUE,  /* a wait queue's head */
	LA_THING_ANSWER, /* of other CPUs to an IPI: it has no address */
};
/** Its name in texts and JSON, "spinlock", "mutex", "answer", ... */
const char *la_thing_name(enum la_thing_kind kind);

/** How the holder is known. */
enum la_how {
	LA_HOW_UNKNOWN = 0, /* it is not */
	LA_HOW_OWNER,       /* the lock's own word names it */
	LA_HOW_CODE, /* a function on its stack took the lock and has not given it back: likely */
	LA_HOW_REST, /* nobody else can: every other CPU is idle, in user mode or waits for the same: likely */
	LA_HOW_ROLE, /* it is the one who does what is waited for: the CPU an IPI went to, a journal's thread */
	LA_HOW_READER, /* one of several readers, the one that came last, if it has not left: likely */
	LA_HOW_NOBODY, /* no CPU can hold it: it was never given back, or its memory is damaged */
};
/** "owner", "code", "elimination", "role", "reader", "nobody", "unknown". */
const char *la_how_name(enum la_how how);

#define LA_NO_NODE SIZE_MAX

/** A place in the queue of a qspinlock: which of its CPU's four nodes waits there. */
struct la_queued {
	unsigned cpu, level;
};

/** What is waited for. */
struct la_thing {
	enum la_thing_kind kind;
	uint64_t address;   /* 0 = unknown */
	const char *symbol; /* of the variable that it is, or is in; NULL = none */
	uint64_t offset;    /* in that */
	const char *module;
	/* Of a lock: what its memory has. spinlock: struct qspinlock; rwlock: its count; mutex: its owner
	 * with flags in bits 0 to 2; rwsem: its owner with flags in bits 0 and 1. */
	bool word_known;
	uint64_t word;
	/* spinlock: who stands in its queue, the first in line first; cut where the queue leads nowhere. */
	const struct la_queued *queue;
	size_t nqueue;
	bool queue_cut;
	uint64_t readers; /* rwlock, rwsem: that hold it */
	int bit;          /* bit, page: its number; -1 = unknown */
	const char *what; /* in words, where more is known than the kind; NULL */
	bool io;          /* it ends when an I/O does */
	enum la_how how;
	size_t holder; /* index of a node, or LA_NO_NODE */
	size_t nwaiters;
};

/**
 * Is it a spin lock that is free, and only waits for the first of its queue to come and take it? So it looks for some
 * nanoseconds whenever it is given on (for longer where the host does not run that vCPU): nothing hangs because of it.
 */
bool la_thing_passes(const struct la_thing *thing);

/** A CPU or a task that waits or is waited for. */
struct la_wait_node {
	int cpu; /* Linux's number; -1: a task that is on no CPU */
	struct la_task task;
	const struct la_stack *stack; /* NULL: unknown */
	size_t on;  /* index of the thing it waits for, or LA_NO_NODE: for none that is known */
	bool write; /* rwlock, rwsem: it wants to write */
	const char *
		function; /* the first on its stack that is not about waiting itself; NULL = unknown */
	uint64_t pc;      /* where in that; 0 = unknown */
	size_t frame;     /* which frame of stack that is */
	/* 'R': it runs, or could; 'D': it sleeps uninterruptibly; 'S': it sleeps otherwise; 'T': it is stopped, or traced;
	 * 'X': it has exited, or is no task any more; '?': unknown. */
	char state;
	int ready_on;     /* 'R', and found on no CPU: in the run queue of this one; -1 = unknown */
	bool since_known; /* it sleeps: for how long, until the youngest clock of all run queues */
	uint64_t since_ns;
	/* It is here only because it sleeps in the same module as somebody who waits for what nobody is known to have: function
	 * is the module's. */
	bool nearby;
	bool timed; /* it sleeps for a time that is set, as far as its stack tells */
	const char *
		queued; /* a workqueue's worker: what waits for its turn behind its item, in words; NULL: nothing */
	size_t behind;  /* how many wait for it, also through others */
	unsigned cycle; /* 1, 2, ...: it is in that cycle, and waits for itself; 0: in none */
};

struct la_waits {
	const struct la_wait_node *node;
	size_t n;
	const struct la_thing *thing;
	size_t nthings;
	unsigned ncycles;
	size_t tasks;       /* that were looked at */
	size_t left_out;    /* sleepers for which there was no room */
	const char *remark; /* what could not be looked at, or NULL */
};

/** Nodes that a graph holds. */
#define LA_MAX_WAITS 1024

/**
 * Find out who waits for whom: the CPUs of @cpus (NULL: none) and all tasks that sleep uninterruptibly. What cannot
 * be found stays unknown. Everything belongs to @arena, to @cpus or, names of symbols, to the door. Layouts of the
 * kernel's structures are the door's; sources are named where they are used. Out of memory: an empty graph, and a
 * remark.
 */
void la_waits_find(const struct la_kernel *k, struct la_arena *arena, const struct la_cpus *cpus,
		   struct la_waits *ret);

/** The node whom node @i waits for, or LA_NO_NODE. */
size_t la_waits_next(const struct la_waits *w, size_t i);

/** The node at the end of the chain that begins at @i; in a cycle, @i's first node of that. */
size_t la_waits_head(const struct la_waits *w, size_t i);

/** The node of Linux CPU @cpu, or LA_NO_NODE. */
size_t la_waits_cpu(const struct la_waits *w, unsigned cpu);

#endif
