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

/* For how long @c has waited, as far as that is known: its task was not taken from it meanwhile. */
static uint64_t waited_ns(const struct la_triage *t, const struct la_cpu *c)
{
	return la_triage_starved(t, c) ? c->watchdog_age_ns : c->since_known ? c->since_ns : 0;
}

/* One that takes interrupts has had the request before it for seconds: that interrupt did not come. */
static const char *why_lost(struct la_judgement *j, const struct la_triage *t,
			    const struct la_cpu *c, const struct la_cpu *to)
{
	uint64_t lines;

	if ((to->state != LA_CPU_USER && to->state != LA_CPU_IDLE) || !to->calls ||
	    waited_ns(t, c) < LA_DEAF_NS)
		return NULL;
	if (la_csr_get(&to->regs, LA_CSR_ECFG, &lines) && !(lines >> 12 & 1))
		la_triage_advice(j, "its ECFG has the IPI line off: who masked it?");
	else
		la_triage_advice(
			j,
			"IPIs are switched off on that CPU (IOCSR_IPI_EN), or KVM or QEMU lost one: with a migration, a snapshot?");
	return la_format(j->arena, "%s, takes interrupts, and has not taken the request for %.0f s",
			 to->state == LA_CPU_USER ? "in user mode" : "idle",
			 (double)waited_ns(t, c) / 1e9);
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

		if (to && !why)
			why = why_lost(j, t, c, to);
		if (!why)
			continue;
		j->panic->verdict = LA_VERDICT_LOST_IPI;
		j->panic->confidence = LA_LIKELY;
		j->panic->message = la_format(j->arena, "CPU %u waits for CPU %u, which is %s",
					      c->cpu, to->cpu, why);
		la_triage_who_from_cpu(j, c);
		la_triage_cause_cpu(j, c, "lost-ipi");
		la_triage_summary(j, "%s", j->panic->message);
		return true;
	}
	return false;
}
