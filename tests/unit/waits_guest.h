/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A guest whose tasks sleep, for tests of what they wait for. */
#ifndef LAKVM_TEST_WAITS_GUEST_H
#define LAKVM_TEST_WAITS_GUEST_H

#include <stdlib.h>
#include <string.h>

#include "cpu/graph.h"
#include "cpu/priv.h"
#include "guest.h"
#include "lakvm/cpu/waits.h"

#define INIT (WINDOW | 0x2000000)
#define TASK_OF(n) (WINDOW | (0x2100000 + UINT64_C(0x1000) * (n)))
#define STACK_OF(n) (WINDOW | (0x2200000 + UINT64_C(0x4000) * (n)))
#define SIGNAL_OF(n) (WINDOW | (0x2300000 + UINT64_C(0x100) * (n)))
#define LOCK(n) (WINDOW | (0x2400000 + UINT64_C(0x100) * (n)))
#define AREA(cpu) (UINT64_C(0x10000) * (cpu))
#define QNODES (WINDOW | 0x2500000)

enum { SCHEDULE, WAIT, OTHER_WAIT, CALLER, THREAD, SLOWPATH, UNLOCK };

#define T_STATE 0x10
#define T_TASKS 0x20
#define T_NODE 0x30
#define T_SIGNAL 0x40
#define T_PID 0x48
#define T_COMM 0x50
#define T_STACK 0x60
#define T_EXIT 0x68
#define T_THREAD 0x80
#define T_SE 0x100

struct test {
	struct guest g;
	struct la_waits w;
	unsigned ntasks;
	uint64_t percpu[4];
	struct la_cpu cpu[4];
	struct la_frame frame[4][8];
	struct la_cpus cpus;
};

static inline struct test *start(void)
{
	static const struct {
		const char *type, *name;
		size_t offset, size;
	} members[] = {
		{ "task_struct", "__state", T_STATE, 4 },
		{ "task_struct", "exit_state", T_EXIT, 4 },
		{ "task_struct", "tasks", T_TASKS, 16 },
		{ "task_struct", "thread_node", T_NODE, 16 },
		{ "task_struct", "signal", T_SIGNAL, 8 },
		{ "task_struct", "pid", T_PID, 4 },
		{ "task_struct", "comm", T_COMM, 16 },
		{ "task_struct", "stack", T_STACK, 8 },
		{ "task_struct", "thread", T_THREAD, 112 },
		{ "task_struct", "se", T_SE, 64 },
		{ "sched_entity", "exec_start", 0, 8 },
		{ "signal_struct", "thread_head", 0, 16 },
		{ "mutex", "owner", 0, 8 },
		{ "mutex", "wait_list", 16, 16 },
		{ "mutex_waiter", "list", 0, 16 },
		{ "mutex_waiter", "task", 16, 8 },
		{ "rw_semaphore", "count", 0, 8 },
		{ "rw_semaphore", "owner", 8, 8 },
		{ "rw_semaphore", "wait_list", 16, 16 },
		{ "rwsem_waiter", "list", 0, 16 },
		{ "rwsem_waiter", "task", 16, 8 },
		{ "completion", "wait", 8, 24 },
		{ "swait_queue_head", "task_list", 8, 16 },
		{ "swait_queue", "task_list", 0, 16 },
		{ "swait_queue", "task", 16, 8 },
		{ "mcs_spinlock", "next", 0, 8 },
		{ "mcs_spinlock", "count", 12, 4 },
	};
	struct test *t = calloc(1, sizeof(*t));

	t->g = guest_new();
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		fake_member(t->g.fake, members[i].type, members[i].name, members[i].offset,
			    members[i].size);
	for (unsigned r = 0; r < 12; r++) {
		char name[8];

		snprintf(name, sizeof(name), "reg%02u", r == 0 ? 1 : r == 1 ? 3 : r + 20);
		fake_member(t->g.fake, "thread_struct", name, 8 * (size_t)r, 8);
	}
	fake_type(t->g.fake, "qnode", 16);
	function(&t->g, SCHEDULE, "schedule", -1);
	function(&t->g, CALLER, "config_set", WAIT);
	function(&t->g, THREAD, "ret_from_kernel_thread", CALLER);
	function(&t->g, SLOWPATH, "queued_spin_lock_slowpath", -1);
	function(&t->g, UNLOCK, "_raw_spin_unlock", -1);
	fake_symbol(t->g.fake, "init_task", INIT, 0x200, NULL);
	put64(&t->g, INIT + T_TASKS, INIT + T_TASKS);
	t->g.k.ncpus = 4;
	for (unsigned n = 0; n < 4; n++) {
		t->percpu[n] = AREA(n);
		t->cpu[n] = (struct la_cpu){
			.cpu = n, .matched = true, .waits_for = -1, .state = LA_CPU_IDLE
		};
		t->cpu[n].stack.frame = t->frame[n];
		for (unsigned level = 0; level < 4; level++) {
			put64(&t->g, QNODES + AREA(n) + 16 * level, 0);
			put64(&t->g, QNODES + AREA(n) + 16 * level + 8, 0);
		}
	}
	t->g.k.percpu = t->percpu;
	fake_symbol(t->g.fake, "qnodes", QNODES, 64, NULL);
	t->cpus = (struct la_cpus){ .cpu = t->cpu, .n = 4 };
	return t;
}

static inline int setup(void **state)
{
	*state = start();
	return 0;
}

static inline int teardown(void **state)
{
	struct test *t = *state;

	guest_free(&t->g);
	free(t);
	return 0;
}

/* Task n, behind the others on the list, a process of one thread. */
static inline void add_task(struct test *t, unsigned n, const char *comm, uint32_t task_state)
{
	struct guest *g = &t->g;
	const uint64_t last = t->ntasks ? TASK_OF(t->ntasks - 1) : INIT;

	assert_int_equal(n, t->ntasks++);
	for (uint64_t at = 0; at < 0x200; at += 8)
		put64(g, TASK_OF(n) + at, 0);
	for (uint64_t at = 0; at < LA_THREAD_SIZE; at += 8)
		put64(g, STACK_OF(n) + at, 0);
	put64(g, last + T_TASKS, TASK_OF(n) + T_TASKS);
	put64(g, TASK_OF(n) + T_TASKS, INIT + T_TASKS);
	put64(g, TASK_OF(n) + T_SIGNAL, SIGNAL_OF(n));
	put64(g, SIGNAL_OF(n), TASK_OF(n) + T_NODE);
	put64(g, TASK_OF(n) + T_NODE, SIGNAL_OF(n));
	put64(g, TASK_OF(n) + T_STACK, STACK_OF(n));
	put64(g, TASK_OF(n) + T_STATE, task_state);
	put64(g, TASK_OF(n) + T_PID, 100 + n);
	fake_put(g->fake, TASK_OF(n) + T_COMM - WINDOW, comm, strlen(comm) + 1);
}

/* The stack of task n, in @wait() called by config_set(); returns where its note is: the frame of @wait(). */
static inline uint64_t sleep_in(struct test *t, unsigned n, const char *wait)
{
	struct guest *g = &t->g;
	const uint64_t bottom = STACK_OF(n) + LA_THREAD_SIZE - LA_PT_REGS_SIZE;
	const uint64_t sp = bottom - 4 * FRAME;
	const unsigned f = strncmp(wait, "schedule", 8) ? WAIT : OTHER_WAIT;

	function(g, f, wait, SCHEDULE);
	frame_at(g, sp, BACK(f), 0);
	frame_at(g, sp + FRAME, BACK(CALLER),
		 TASK_OF(n)); /* the note's last word is where s0 is kept */
	frame_at(g, sp + 2 * FRAME, BACK(THREAD), 0);
	put64(g, TASK_OF(n) + T_THREAD, FN(SCHEDULE) + 0x40);
	put64(g, TASK_OF(n) + T_THREAD + 8, sp);
	return sp + FRAME;
}

/* Put notes @a and @b (0: none) into the list whose head is at @head. */
static inline void link_notes(struct test *t, uint64_t head, uint64_t a, uint64_t b)
{
	const uint64_t ring[] = { head, a, b, head };
	const unsigned n = b ? 3 : 2;

	for (unsigned i = 0; i < n; i++) {
		const uint64_t next = i + 1 == n ? head : ring[i + 1];

		put64(&t->g, ring[i], next);
		put64(&t->g, next + 8, ring[i]);
	}
}

static inline const struct la_wait_node *node_of(const struct test *t, unsigned pid)
{
	for (size_t i = 0; i < t->w.n; i++)
		if (t->w.node[i].task.pid_known && t->w.node[i].task.pid == (int)pid)
			return &t->w.node[i];
	fail_msg("no node of PID %u", pid);
	return NULL;
}

static inline const struct la_thing *thing_of(const struct test *t, unsigned pid)
{
	const struct la_wait_node *n = node_of(t, pid);

	assert_int_not_equal(n->on, LA_NO_NODE);
	return &t->w.thing[n->on];
}

static inline void find(struct test *t)
{
	la_waits_find(&t->g.k, t->g.arena, &t->cpus, &t->w);
}

#endif
