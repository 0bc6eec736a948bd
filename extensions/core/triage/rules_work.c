// SPDX-License-Identifier: GPL-3.0-or-later
// A guest in which work items wait, because a worker does not come to its end.
#include <string.h>

#include "triage.h"

/* The CPU runs a worker of its workqueues, in the kernel. */
static bool runs_worker(const struct la_cpu *c)
{
	const enum la_cpu_state state = c->before != LA_CPU_UNKNOWN ? c->before : c->state;

	return c->matched && !strncmp(c->task.comm, "kworker/", 8) && state != LA_CPU_IDLE &&
	       state != LA_CPU_USER;
}

/*
 * Reported, and work still waits behind a worker that runs. Where the kernel is preempted all others run, and this is
 * the only thing that tells of a loop.
 */
bool la_judge_workqueue(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_event *e = la_events_last(&t->events, LA_EVENT_WORKQUEUE, SIZE_MAX);
	const struct la_cpu *c = e && e->cpu >= 0 ? la_cpus_find(t->cpus, (unsigned)e->cpu) : NULL;
	struct la_panic *p = j->panic;

	if (!c || !runs_worker(c) || (t->work_known && !t->work_waits))
		return false;
	p->verdict = LA_VERDICT_WORKQUEUE;
	/* That the same item is still at it is not known. */
	p->confidence = LA_LIKELY;
	p->message = e->line;
	la_triage_who_from_cpu(j, c);
	la_triage_cause_running(j, c, "workqueue-lockup");
	if (t->work_known)
		la_triage_fact(j, "cpu_worker_pools", "work waits for the workers of CPU %u",
			       c->cpu);
	return true;
}
