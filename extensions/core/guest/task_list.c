// SPDX-License-Identifier: GPL-3.0-or-later
// All tasks of the guest, threads too.
#include <inttypes.h>

#include "base/cycle.h"
#include "lakvm/guest/task.h"

/* No list of tasks is longer: pid_max is at most 2^22 (include/linux/threads.h). */
#define MAX_TASKS (1u << 22)

struct tasks {
	const struct la_kernel *k;
	bool (*take)(void *ctx, uint64_t task);
	void *ctx;
	size_t left; /* how many more there can be */
	bool stopped;
};

/* One element of a list: the structure with the list_head at @offset that @at's points to. */
static enum la_status next(const struct tasks *t, uint64_t head, uint64_t offset, uint64_t *at_ret,
			   struct la_error *err)
{
	enum la_status status = la_read_u64(t->k, head, at_ret, err);

	if (status == LA_OK)
		*at_ret -= offset;
	return status;
}

static bool show(struct tasks *t, uint64_t task)
{
	if (!t->left || !t->take(t->ctx, task)) {
		t->stopped = true;
		return false;
	}
	t->left--;
	return true;
}

/*
 * The threads of @leader's process, itself among them: signal->thread_head, task_struct.thread_node (since 3.14;
 * thread_group, which 6.7 removed, is not needed).
 */
static enum la_status each_thread(struct tasks *t, uint64_t leader, struct la_error *err)
{
	const struct la_door *door = t->k->door;
	struct la_cycle cycle = { 0 };
	struct la_member node, head;
	uint64_t signal, at;

	if (!door->member(door->ctx, "task_struct", "thread_node", &node) ||
	    !door->member(door->ctx, "signal_struct", "thread_head", &head) ||
	    la_read_member(t->k, leader, "task_struct", "signal", &signal, NULL) != LA_OK ||
	    !signal) {
		show(t, leader);
		return LA_OK;
	}
	at = signal + head.offset - node.offset;
	for (;;) {
		enum la_status status = next(t, at + node.offset, node.offset, &at, err);

		if (status != LA_OK)
			return la_fail(err, status, "threads of the task at %#" PRIx64, leader);
		if (at + node.offset == signal + head.offset)
			return LA_OK;
		if (la_cycle_step(&cycle, at))
			return la_fail(err, LA_CORRUPT,
				       "the threads of the task at %#" PRIx64
				       " lead in a circle that never ends",
				       leader);
		if (!show(t, at))
			return LA_OK;
	}
}

enum la_status la_tasks_each(const struct la_kernel *k, bool (*take)(void *ctx, uint64_t task),
			     void *ctx, struct la_error *err)
{
	struct tasks t = { .k = k, .take = take, .ctx = ctx, .left = MAX_TASKS };
	enum la_status status, worst = LA_OK;
	struct la_cycle cycle = { 0 };
	struct la_member tasks;
	uint64_t init, at;

	if (!k->door->symbol(k->door->ctx, "init_task", &init) ||
	    !k->door->member(k->door->ctx, "task_struct", "tasks", &tasks))
		return la_fail(err, LA_ABSENT, "this kernel has no init_task.tasks");
	at = init;
	for (unsigned i = 1;; i++) {
		status = next(&t, at + tasks.offset, tasks.offset, &at, err);
		if (status != LA_OK)
			return la_fail(err, status, "task %u of it", i);
		if (at == init)
			return worst;
		if (la_cycle_step(&cycle, at))
			return la_fail(err, LA_CORRUPT,
				       "damaged: it leads back to the task at %#" PRIx64
				       " and not to init_task",
				       at);
		status = each_thread(&t, at, worst == LA_OK ? err : NULL);
		if (worst == LA_OK)
			worst = status;
		if (t.stopped)
			return t.left ? worst :
					la_fail(err, LA_CORRUPT,
						"damaged: it is longer than %u tasks", MAX_TASKS);
	}
}

/* TASK_UNINTERRUPTIBLE and TASK_NOLOAD, which kernel threads set that wait for work (include/linux/sched.h). */
#define UNINTERRUPTIBLE 0x2
#define NOLOAD 0x400

bool la_task_blocked(const struct la_kernel *k, uint64_t task)
{
	uint64_t state;

	/* __state since 5.14 */
	return (la_read_member(k, task, "task_struct", "__state", &state, NULL) == LA_OK ||
		la_read_member(k, task, "task_struct", "state", &state, NULL) == LA_OK) &&
	       (state & UNINTERRUPTIBLE) && !(state & NOLOAD);
}
