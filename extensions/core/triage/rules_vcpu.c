// SPDX-License-Identifier: GPL-3.0-or-later
// Rules on vCPUs whose registers no sound kernel has: where nothing else explains the hang, and where it died of that.
#include <string.h>

#include "triage.h"

/* The worst first. */
static const struct {
	unsigned odd;
	const char *kind, *what;
} odds[] = {
	{ LA_ODD_BASE, "percpu-lost", "has lost its per-CPU base: r21 is none of the kernel's" },
	{ LA_ODD_TASK, "tp-lost", "has lost its task: tp leads to none" },
	{ LA_ODD_STACK, "sp-lost", "has a stack pointer that is in no stack" },
	{ LA_ODD_SHARED_STACK, "shared-stack", "is on one stack with another CPU" },
};

bool la_judge_vcpu(const struct la_triage *t, struct la_judgement *j)
{
	for (size_t n = 0; n < sizeof(odds) / sizeof(odds[0]); n++)
		for (size_t i = 0; i < t->cpus->n; i++) {
			const struct la_cpu *c = &t->cpus->cpu[i];

			if (!(c->odd & odds[n].odd))
				continue;
			j->panic->verdict = LA_VERDICT_VCPU;
			j->panic->confidence = LA_LIKELY;
			la_triage_who_from_cpu(j, c);
			if (!c->matched)
				j->panic->cpu = -1;
			j->panic->cause.kind = odds[n].kind;
			if (c->symbol && c->verified) {
				j->panic->cause.symbol = c->symbol;
				j->panic->cause.module = c->module;
				j->panic->cause.offset = c->offset;
				j->panic->cause.pc_known = c->pc_source != LA_PC_NONE;
				j->panic->cause.pc = c->pc;
			}
			j->panic->message =
				la_format(j->arena, "%s %d %s", c->matched ? "CPU" : "vCPU",
					  c->matched ? (int)c->cpu : c->vcpu, odds[n].what);
			la_triage_summary(j, "%s", j->panic->message);
			la_triage_advice(
				j,
				"compare the registers with a second listing (virsh qemu-monitor-command DOMAIN --hmp "
				"'info registers -a') and with the host's: what the guest's own code never writes "
				"there was lost in an exception of its, or on a way in or out of the hypervisor");
			return true;
		}
	return false;
}

/* "f < g < h": where it was, all callers, since any of them may have lost it. */
static const char *trace_of(struct la_judgement *j, const struct la_event *e)
{
	const char *text = "";

	for (size_t i = 0; e && text && i < e->ntrace && i < 3; i++)
		text = la_format(j->arena, "%s%s%.*s", text, i ? " < " : "",
				 (int)strcspn(e->trace[i], "+"), e->trace[i]);
	return text && *text ? text : NULL;
}

void la_triage_blame_lost(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_event *first = j->event;
	struct la_cause *c = &j->panic->cause;
	const bool base = t->lost & LA_ODD_BASE;
	const char *what = base ? "r21, the base of its per-CPU variables" : "tp, its task";
	const char *trace = trace_of(j, first);
	const char *who = t->lost_cpu >= 0 ? la_format(j->arena, "CPU %d", t->lost_cpu) : "a CPU";

	if (!t->lost || !who)
		return;
	/* One of the two is about the fault, and who lost the register is not known. */
	j->witnesses = LA_WITNESS_LOG;
	if (first && !t->lost_before) {
		la_triage_fact(j, "registers",
			       "%s has lost %s: before this fault, which it then caused, or after",
			       who, what);
		return;
	}
	if (!trace && c->symbol)
		trace = c->symbol;
	c->kind = base ? "percpu-lost" : "tp-lost";
	la_triage_summary(j, "%s lost %s%s%s%s", who, what,
			  trace ? "; what followed came of that, " : "",
			  !trace ? "" :
			  first  ? "first the fault in " :
				   "the last fault in ",
			  trace ? trace : "");
	la_triage_advice(
		j,
		"look for code that writes %s, in what the CPU ran last before the first fault (modules, assembly), or lost it on a way in or out of the hypervisor",
		base ? "r21" : "tp");
	c->symbol = c->module = c->caller = NULL;
}
