// SPDX-License-Identifier: GPL-3.0-or-later
// Tasks that wait: the one that a report of a hung task names, and the graph of who waits for whom.
#include "collect.h"

#include <inttypes.h>
#include <string.h>

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

struct search {
	const struct la_kernel *k;
	int pid;
	uint64_t found;
};

static bool is_pid(void *ctx, uint64_t task)
{
	struct search *s = ctx;
	uint64_t pid;

	if (la_read_member(s->k, task, "task_struct", "pid", &pid, NULL) == LA_OK &&
	    (int)(uint32_t)pid == s->pid)
		s->found = task;
	return !s->found;
}

void la_triage_blocked(const struct la_kernel *k, struct la_arena *arena, struct la_triage *t)
{
	const struct la_event *e = la_events_last(&t->events, LA_EVENT_HUNG_TASK, SIZE_MAX);
	struct search search = { .k = k, .pid = e ? e->pid : -1 };
	struct la_blocked *b = &t->blocked;
	struct la_error err = { "" };

	if (e && la_tasks_each(k, is_pid, &search, &err) != LA_OK && !search.found) {
		t->missing[LA_SOURCE_TASKS] = la_format(arena, "list of tasks: %s", err.text);
		return;
	}
	if (!e || !search.found)
		return;
	la_task_read(k, search.found, &b->task);
	b->found = !strcmp(b->task.comm, e->comm) && la_task_blocked(k, search.found);
	if (b->found)
		b->stack = stack_of(k, arena, search.found);
}

/* watchdog_thresh seconds; the detector looks five times in two of them (kernel/watchdog.c, set_sample_period()). */
static void find_watchdog(const struct la_kernel *k, struct la_triage *t)
{
	uint64_t seconds;

	if (la_read_variable(k, "watchdog_thresh", 4, &seconds, NULL) == LA_OK && seconds &&
	    seconds <= 60)
		t->watchdog_ns = seconds * 2 * 1000000000 / 5;
}

void la_triage_waits(const struct la_kernel *k, struct la_triage *t, struct la_judgement *j)
{
	la_waits_find(k, j->arena, t->cpus, &t->waits);
	find_watchdog(k, t);
	if (t->waits.remark) {
		if (!t->missing[LA_SOURCE_TASKS])
			t->missing[LA_SOURCE_TASKS] = t->waits.remark;
	} else if (!t->missing[LA_SOURCE_TASKS]) {
		t->have |= LA_NEEDS(LA_SOURCE_TASKS);
	}
	if (t->waits.left_out)
		la_triage_fact(j, "tasks", "%zu more that wait are left out", t->waits.left_out);
}
