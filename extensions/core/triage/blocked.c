// SPDX-License-Identifier: GPL-3.0-or-later
// The task that a report of a hung task names, and its stack.
#include "collect.h"

#include <inttypes.h>
#include <string.h>

#include "base/cycle.h"

/* No list of tasks is longer: pid_max is at most 2^22 (include/linux/threads.h). */
#define MAX_TASKS (1u << 22)
#define TASK_UNINTERRUPTIBLE 2

/* The task with this pid on the list that begins at init_task; 0: there is none. LA_CORRUPT: a list
 * that does not come back to its start. */
static enum la_status find_task(const struct la_kernel *k, int pid, uint64_t *ret,
				struct la_error *err)
{
	const struct la_door *door = k->door;
	struct la_cycle cycle = { 0 };
	struct la_member tasks;
	uint64_t init, at, value;

	*ret = 0;
	if (!door->symbol(door->ctx, "init_task", &init) ||
	    !door->member(door->ctx, "task_struct", "tasks", &tasks))
		return la_fail(err, LA_ABSENT, "this kernel has no init_task.tasks");
	at = init;
	for (unsigned i = 0; i < MAX_TASKS; i++) {
		enum la_status status = la_read_u64(k, at + tasks.offset, &at, err);

		if (status != LA_OK)
			return la_fail(err, status, "task %u of it", i + 1);
		at -= tasks.offset;
		if (at == init)
			return LA_OK;
		if (la_cycle_step(&cycle, at))
			return la_fail(err, LA_CORRUPT,
				       "damaged: it leads back to the task at %#" PRIx64
				       " and not to init_task",
				       at);
		if (la_read_member(k, at, "task_struct", "pid", &value, NULL) == LA_OK &&
		    (int)value == pid) {
			*ret = at;
			return LA_OK;
		}
	}
	return la_fail(err, LA_CORRUPT, "damaged: it is longer than %u tasks", MAX_TASKS);
}

/* Does it sleep uninterruptibly? __state since 5.14, state before. */
static bool is_blocked(const struct la_kernel *k, uint64_t task)
{
	uint64_t state;

	return (la_read_member(k, task, "task_struct", "__state", &state, NULL) == LA_OK ||
		la_read_member(k, task, "task_struct", "state", &state, NULL) == LA_OK) &&
	       (state & TASK_UNINTERRUPTIBLE);
}

static const struct la_stack *stack_of(const struct la_kernel *k, struct la_arena *arena,
				       uint64_t task)
{
	struct la_stack *stack = la_alloc(arena, sizeof(*stack));
	struct la_regs regs;

	if (!stack || la_task_regs(k, task, &regs, NULL) != LA_OK)
		return NULL;
	la_unwind(k, arena, &regs, -1, stack);
	return stack;
}

void la_triage_blocked(const struct la_kernel *k, struct la_arena *arena, struct la_triage *t)
{
	const struct la_event *e = la_events_last(&t->events, LA_EVENT_HUNG_TASK, SIZE_MAX);
	struct la_blocked *b = &t->blocked;
	struct la_error err = { "" };
	uint64_t task;

	if (e && find_task(k, e->pid, &task, &err) != LA_OK) {
		t->missing[LA_SOURCE_TASKS] = la_format(arena, "list of tasks: %s", err.text);
		return;
	}
	t->have |= LA_NEEDS(LA_SOURCE_TASKS);
	if (!e || !task)
		return;
	la_task_read(k, task, &b->task);
	b->found = !strcmp(b->task.comm, e->comm) && is_blocked(k, task);
	if (b->found)
		b->stack = stack_of(k, arena, task);
}
