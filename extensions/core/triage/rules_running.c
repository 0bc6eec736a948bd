// SPDX-License-Identifier: GPL-3.0-or-later
// Guests that run: what may be wrong with them nevertheless.
#include <inttypes.h>

#include "triage.h"

/* Every CPU does what a healthy system's CPUs do. */
bool la_judge_running(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_cpus *cpus = t->cpus;
	size_t idle = 0, user = 0, kernel = 0, asleep = 0;

	for (size_t i = 0; i < cpus->n; i++) {
		switch (cpus->cpu[i].state) {
		case LA_CPU_IDLE:
			idle++;
			break;
		case LA_CPU_USER:
			user++;
			break;
		case LA_CPU_RUNNING:
		case LA_CPU_IRQ:
		case LA_CPU_EXCEPTION:
			kernel++;
			break;
		case LA_CPU_OFFLINE:
			break;
		case LA_CPU_NEVER_STARTED:
			/* maxcpus=, or nobody has wanted it yet: a kernel that has come up lives without. */
			if (!t->boot.state_known || t->boot.booting)
				return false;
			asleep++;
			break;
		default:
			return false;
		}
	}
	if (!(idle + user + kernel))
		return false;
	j->panic->verdict = LA_VERDICT_RUNNING;
	/* Without its words nobody knows what it has reported, without its tasks who waits for ever. */
	j->panic->confidence =
		kernel || ~t->have & (LA_NEEDS(LA_SOURCE_LOG) | LA_NEEDS(LA_SOURCE_TASKS)) ?
			LA_UNSURE :
			LA_LIKELY;
	la_triage_fact(j, "registers", "CPUs idle: %zu, in user mode: %zu, in the kernel: %zu%s",
		       idle, user, kernel,
		       asleep ? la_format(j->arena, ", not started by Linux: %zu", asleep) : "");
	la_triage_say_consoles(t, j);
	return true;
}

/* --- a real-time task that leaves its CPU to nobody: no lockup, since interrupts and what ranks higher still run --- */

#define HOG_NS UINT64_C(5000000000)

static bool is_hog(const struct la_cpu *c)
{
	if (!c->realtime || !c->wanting)
		return false;
	return (c->since_known && c->since_ns >= HOG_NS) ||
	       (c->share_known && c->life_ns >= HOG_NS && c->ran_ns >= c->life_ns / 2);
}

static const char *how_much(struct la_judgement *j, const struct la_cpu *c)
{
	const char *text;

	if (c->share_known && c->life_ns >= HOG_NS)
		text = la_format(j->arena,
				 "has had %" PRIu64 " %% of the time for the %.0f s that it exists",
				 c->ran_ns / (c->life_ns / 100), (double)c->life_ns / 1e9);
	else
		text = la_format(j->arena, "has run for %.0f s without a break",
				 (double)c->since_ns / 1e9);
	return text ? text : "runs";
}

void la_triage_say_hogs(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_cpu *worst = NULL;

	for (size_t i = 0; t->cpus && i < t->cpus->n; i++) {
		const struct la_cpu *c = &t->cpus->cpu[i];

		if (!is_hog(c))
			continue;
		la_triage_fact(j, la_format(j->arena, "run queue of CPU %u", c->cpu),
			       "%s (PID %d), of real-time class %s, priority %u, %s; %u %s",
			       c->task.comm, c->task.pid, c->realtime, c->rt_priority,
			       how_much(j, c), c->wanting,
			       c->wanting == 1 ? "other task wants to run there" :
						 "other tasks want to run there");
		if (!worst || c->wanting > worst->wanting)
			worst = c;
	}
	if (!worst || j->panic->summary)
		return;
	j->panic->confidence = LA_LIKELY;
	j->panic->message =
		la_format(j->arena, "a real-time task keeps others from CPU %u", worst->cpu);
	la_triage_who_from_cpu(j, worst);
	la_triage_cause_running(j, worst, "rt-hog");
	la_triage_summary(j,
			  "real-time task %s (PID %d, %s, priority %u) %s on CPU %u; %u %s for it",
			  worst->task.comm, worst->task.pid, worst->realtime, worst->rt_priority,
			  how_much(j, worst), worst->cpu, worst->wanting,
			  worst->wanting == 1 ? "other waits" : "others wait");
	la_triage_advice(
		j,
		"give it a lower rank (chrt), another CPU (taskset), or let it sleep between its looks");
}
