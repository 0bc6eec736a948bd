// SPDX-License-Identifier: GPL-3.0-or-later
// Whom a detector caught: out of its report, and of the guest where no report is left.
#include <string.h>

#include "collect.h"

/* The last report of a kind that the panic may have come from. */
static const struct la_event *report_before(const struct la_triage *t, enum la_event_kind kind)
{
	return la_events_last(&t->events, kind,
			      t->panic ? (size_t)(t->panic - t->events.event) : SIZE_MAX);
}

/* A stall without a CPU: RCU's own thread got none, and that is where it last ran. */
static int starved_on(const struct la_triage *t, const struct la_event *stall)
{
	for (const struct la_event *e = stall + 1; e < la_events_end(&t->events); e++)
		if (e->kind == LA_EVENT_RCU_STARVED && e->cpu >= 0)
			return e->cpu;
	return -1;
}

/* Several tasks may have been reported: the first of those that came with the last, before the panic. */
static const struct la_event *first_hung(const struct la_triage *t, const struct la_event *last)
{
	const struct la_event *first = last;

	for (const struct la_event *e = last; e && e >= t->events.event; e--) {
		if (last->ts_nsec - e->ts_nsec > UINT64_C(1000000000))
			break;
		if (e->kind == LA_EVENT_HUNG_TASK)
			first = e;
		if (e == t->events.event)
			break;
	}
	return first;
}

/*
 * Whom a report of a hard lockup names may only wait, in the detector itself, for the stack of another one that it caught
 * before: the report of that one counts.
 */
static const struct la_event *first_lockup(const struct la_triage *t, const struct la_event *last)
{
	const struct la_cpu *c =
		t->cpus && last->cpu >= 0 ? la_cpus_find(t->cpus, (unsigned)last->cpu) : NULL;

	if (!c || !la_triage_asks_for_stacks(c))
		return last;
	for (const struct la_event *e = last; e-- > t->events.event;)
		if (e->kind == LA_EVENT_HARD_LOCKUP && e->cpu >= 0 && e->cpu != last->cpu)
			return e;
	return last;
}

/* What has its registers or its stack: the report itself, or what the CPU showed when it was asked. */
static const struct la_event *shown_of(const struct la_triage *t, const struct la_culprit *c)
{
	const struct la_event *end = la_events_end(&t->events);

	for (const struct la_event *e = c->report; e && e < end && e->kind != LA_EVENT_PANIC; e++) {
		/* The detector's own BUG() shows where the detector is. */
		if ((!e->regs && !e->ntrace) || e->kind == LA_EVENT_OOPS)
			continue;
		if (e == c->report || (!c->task && c->cpu >= 0 && e->cpu == c->cpu))
			return e;
	}
	return NULL;
}

/* Without a report: the only CPU that stands still with its interrupts off. */
static int only_deaf(const struct la_triage *t)
{
	int found = -1;

	for (size_t i = 0; t->cpus && i < t->cpus->n; i++) {
		const struct la_cpu *c = &t->cpus->cpu[i];

		if (!c->matched || c == t->cpu || c->state == LA_CPU_IDLE || !c->clock_age_known ||
		    c->clock_age_ns < LA_DEAF_NS)
			continue;
		if (found >= 0)
			return -1;
		found = (int)c->cpu;
	}
	return found;
}

/* In the kernel for longer than a stall takes to be noticed, by its run queue's clock. */
static bool keeps_on(const struct la_cpu *c)
{
	const enum la_cpu_state state = c->before != LA_CPU_UNKNOWN ? c->before : c->state;

	return c->matched && c->since_known && c->since_ns >= LA_DEAF_NS && state != LA_CPU_IDLE &&
	       state != LA_CPU_USER && state != LA_CPU_UNKNOWN;
}

const struct la_cpu *la_triage_staller(const struct la_triage *t, const struct la_cpu *named)
{
	const enum la_cpu_state state =
		named->before != LA_CPU_UNKNOWN ? named->before : named->state;
	const struct la_cpu *only = NULL;

	if (state != LA_CPU_IDLE || la_triage_timer_lost(t, named))
		return named;
	for (size_t i = 0; i < t->cpus->n; i++) {
		if (!keeps_on(&t->cpus->cpu[i]))
			continue;
		if (only)
			return named;
		only = &t->cpus->cpu[i];
	}
	return only ? only : named;
}

/* The only CPU that runs a worker of a workqueue for that long, or -1. */
static int only_worker(const struct la_triage *t)
{
	int found = -1;

	for (size_t i = 0; t->cpus && i < t->cpus->n; i++) {
		const struct la_cpu *c = &t->cpus->cpu[i];

		if (!keeps_on(c) || strncmp(c->task.comm, "kworker/", 8))
			continue;
		if (found >= 0)
			return -1;
		found = (int)c->cpu;
	}
	return found;
}

/* The registers of the last warning before the panic. */
static void find_warned(const struct la_kernel *k, struct la_triage *t)
{
	const struct la_event *e = report_before(t, LA_EVENT_WARN);

	if (e && e->regs)
		la_triage_event_fault(k, e, &t->warned);
}

/* A detector that ran in an interrupt of the very CPU that it caught, and died of its BUG(): what the interrupt came into. */
static bool find_interrupted(const struct la_triage *t, struct la_fault *ret)
{
	const struct la_stack *s = &t->cpu->stack;
	size_t i = 0;

	while (i < s->n && !la_panic_word_from(t->word, s->frame[i].symbol))
		i++;
	for (; i + 1 < s->n && s->frame[i + 1].method != LA_FROM_SCAN; i++) {
		const struct la_frame *f = &s->frame[i + 1];

		if (!s->frame[i].pt_regs)
			continue;
		*ret = (struct la_fault){ .pc_known = f->pc_known,
					  .pc = f->pc,
					  .symbol = f->symbol,
					  .module = f->module,
					  .offset = f->offset };
		return f->pc_known;
	}
	return false;
}

void la_triage_culprit(const struct la_kernel *k, struct la_triage *t)
{
	struct la_culprit *c = &t->culprit;

	c->cpu = -1;
	if (t->word && t->word->by == LA_BY_WARNING)
		find_warned(k, t);
	if (!t->word || t->word->by != LA_BY_DETECTOR)
		return;
	c->report = report_before(t, t->word->report);
	c->task = t->word->report == LA_EVENT_HUNG_TASK;
	if (c->task && c->report)
		c->report = first_hung(t, c->report);
	else if (c->report && t->word->report == LA_EVENT_HARD_LOCKUP)
		c->report = first_lockup(t, c->report);
	if (c->report && !c->task)
		c->cpu = c->report->cpu >= 0 ? c->report->cpu : starved_on(t, c->report);
	else if (t->word->report == LA_EVENT_SOFT_LOCKUP)
		c->cpu = t->cpu ? (int)t->cpu->cpu : t->panic_cpu;
	else if (t->word->report == LA_EVENT_WORKQUEUE)
		c->cpu = only_worker(t);
	else if (!c->task)
		c->cpu = only_deaf(t);
	c->shown = c->report ? shown_of(t, c) : NULL;
	c->at = c->cpu >= 0 && t->cpus ? la_cpus_find(t->cpus, (unsigned)c->cpu) : NULL;
	/* Workers that sleep keep a pool from its work, too; what runs on its CPU meanwhile does not. */
	if (t->word->report == LA_EVENT_WORKQUEUE && c->at &&
	    strncmp(c->at->task.comm, "kworker/", 8))
		c->at = NULL;
	if (c->at && t->word->report == LA_EVENT_RCU_STALL) {
		const struct la_cpu *staller = la_triage_staller(t, c->at);

		if (staller != c->at) {
			c->named = c->at;
			c->at = staller;
			c->cpu = (int)staller->cpu;
			c->shown = NULL;
		}
	}
	if (c->shown && c->shown->regs && !c->task)
		la_triage_event_fault(k, c->shown, &c->place);
	else if (c->at && c->at == t->cpu && t->in_die && !find_interrupted(t, &c->place))
		c->at = NULL;
	else if (c->at && c->at == t->cpu && t->stack_pt_regs && !t->in_die)
		c->place = t->stack_fault;
}
