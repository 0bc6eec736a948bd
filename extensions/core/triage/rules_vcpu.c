// SPDX-License-Identifier: GPL-3.0-or-later
// Rule on vCPUs whose registers no sound kernel has, where nothing else explains the hang.
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
