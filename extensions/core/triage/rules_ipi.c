// SPDX-License-Identifier: GPL-3.0-or-later
// A CPU that waits for another one's answer to an IPI.
#include "triage.h"

/* Why a CPU cannot answer an IPI, or NULL: it may. */
static const char *why_deaf(struct la_arena *arena, const struct la_cpu *c)
{
	switch (c->state) {
	case LA_CPU_SPINNING:
	case LA_CPU_STOPPED:
	case LA_CPU_KDUMP_STOPPED:
	case LA_CPU_FIRMWARE:
	case LA_CPU_NEVER_STARTED:
	case LA_CPU_OFFLINE:
		return la_cpu_state_name(c->state);
	case LA_CPU_RUNNING:
	case LA_CPU_DELAY:
	case LA_CPU_IRQ:
	case LA_CPU_EXCEPTION:
		if (c->clock_age_known && c->clock_age_ns >= LA_DEAF_NS)
			return la_format(arena,
					 "in the kernel and has taken no interrupt for %.1f s",
					 (double)c->clock_age_ns / 1e9);
		/* CRMD.IE off for a moment is nothing; with a request pending it is likely not one. */
		if (c->calls && la_regs_interrupts_off(&c->regs))
			return "in the kernel with interrupts off";
		return NULL;
	default:
		return NULL;
	}
}

/* A CPU waits for an answer from one that stands still where it takes no interrupts. */
bool la_judge_lost_ipi(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_cpus *cpus = t->cpus;

	for (size_t i = 0; i < cpus->n; i++) {
		const struct la_cpu *c = &cpus->cpu[i];
		const struct la_cpu *to =
			c->waits_for >= 0 ? la_cpus_find(cpus, (unsigned)c->waits_for) : NULL;
		const char *why = to ? why_deaf(j->arena, to) : NULL;

		if (!why)
			continue;
		j->panic->verdict = LA_VERDICT_LOST_IPI;
		j->panic->confidence = LA_LIKELY;
		j->panic->message = la_format(j->arena, "CPU %u waits for CPU %u, which is %s",
					      c->cpu, to->cpu, why);
		la_triage_who_from_cpu(j, c);
		la_triage_cause_cpu(j, c, "lost-ipi");
		return true;
	}
	return false;
}
