// SPDX-License-Identifier: GPL-3.0-or-later
// Tasks that wait: the one that a report of a hung task names, and the graph of who waits for whom.
#include "collect.h"

#include <inttypes.h>
#include <string.h>

/* Of facts on one kind of thing: a person reads a few. */
#define MAX_LOCKS 8
#define MAX_QUEUE 16
#define MAX_REMARKS 16

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

/* What a lock's memory has, for those who would else decode it by hand. */
static void tell_word(struct la_judgement *j, const struct la_thing *l)
{
	const char *name = la_triage_thing(j, l);
	const char *queue = "";

	if (!l->word_known || l->kind != LA_THING_SPINLOCK)
		return;
	for (size_t i = 0; queue && i < l->nqueue && i < MAX_QUEUE; i++)
		queue = la_format(j->arena, "%s%s CPU %u", queue,
				  i ? "," : "; in its queue:", l->queue[i].cpu);
	la_triage_fact(j, "memory", "%s has %08" PRIx64 ": %s%s%s%s", name, l->word,
		       l->word & 0xff ? "locked" : "free",
		       l->word & 0xff00 ? ", somebody pending" : "", queue ? queue : "",
		       l->nqueue > MAX_QUEUE ? " and more" : "");
}

/* What is odd about single CPUs: saved register text tells the most. */
static void tell_remarks(const struct la_triage *t, struct la_judgement *j)
{
	size_t n = 0;

	for (size_t i = 0; t->cpus && i < t->cpus->n && n < MAX_REMARKS; i++) {
		const struct la_cpu *c = &t->cpus->cpu[i];

		if (!c->remark || !c->odd)
			continue;
		n++;
		la_triage_fact(j, "registers", "%s %d: %s", c->matched ? "CPU" : "vCPU",
			       c->matched ? (int)c->cpu : c->vcpu, c->remark);
	}
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
	for (size_t i = 0; i < t->waits.nthings && i < MAX_LOCKS; i++)
		tell_word(j, &t->waits.thing[i]);
	tell_remarks(t, j);
	if (t->waits.left_out)
		la_triage_fact(j, "tasks", "%zu more that wait are left out", t->waits.left_out);
}
