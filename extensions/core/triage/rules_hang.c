// SPDX-License-Identifier: GPL-3.0-or-later
// Rules for guests that did not panic: what hangs, what still runs, what never ran.
#include <string.h>

#include "cpu/priv.h"
#include "triage.h"

static void cause_from_cpu(struct la_judgement *j, const struct la_cpu *c, const char *kind)
{
	j->panic->cause.kind = kind;
	if (!c->verified)
		return;
	j->panic->cause.symbol = c->symbol;
	j->panic->cause.module = c->module;
	if (c->pc_source != LA_PC_NONE) {
		j->panic->cause.pc = c->pc;
		j->panic->cause.pc_known = true;
		j->panic->cause.offset = c->offset;
	}
}

/* A running task's stack ran over. What the CPU did after that, oopses included, follows. */
bool la_judge_stack_overflow(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_event *oops = t->last_oops;
	const struct la_cpus *cpus = t->cpus;

	for (size_t i = 0; i < cpus->n; i++) {
		if (!cpus->cpu[i].stack_overrun)
			continue;
		j->panic->verdict = LA_VERDICT_STACK_OVERFLOW;
		/* The mark is one word, which damage can hit as well: an oops is the second witness. */
		j->panic->confidence = oops ? LA_CERTAIN : LA_LIKELY;
		j->panic->message = oops ? oops->line : NULL;
		la_triage_who_from_cpu(j, &cpus->cpu[i]);
		cause_from_cpu(j, &cpus->cpu[i], "stack-overflow");
		if (oops)
			la_triage_set_uptime(j, oops->ts_nsec);
		return true;
	}
	return false;
}

/* Reported by the kernel's watchdog, and still going on: the CPU still runs that task. */
bool la_judge_soft_lockup(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_event *e = la_events_last(&t->events, LA_EVENT_SOFT_LOCKUP, SIZE_MAX);
	const struct la_cpu *c = e && e->cpu >= 0 ? la_cpus_find(t->cpus, (unsigned)e->cpu) : NULL;
	struct la_panic *p = j->panic;

	if (!c || !c->task.pid_known || c->task.pid != e->pid || c->state == LA_CPU_IDLE ||
	    c->state == LA_CPU_USER)
		return false;
	p->verdict = LA_VERDICT_SOFT_LOCKUP;
	p->confidence = LA_LIKELY;
	p->message = e->line;
	la_triage_who_from_cpu(j, c);
	cause_from_cpu(j, c, "soft-lockup");
	return true;
}

/* Reported, and rcu_state.gp_seq still is the grace period that the report names. */
bool la_judge_rcu_stall(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_event *e = la_events_last(&t->events, LA_EVENT_RCU_STALL, SIZE_MAX);
	const struct la_cpu *c;

	if (!e || !e->gp_known || !t->gp_known || t->gp != e->gp)
		return false;
	j->panic->verdict = LA_VERDICT_RCU_STALL;
	j->panic->confidence = LA_CERTAIN;
	j->panic->message = e->line;
	la_triage_fact(j, "rcu_state", "the grace period that the stall report names goes on");
	c = e->cpu >= 0 && t->cpus ? la_cpus_find(t->cpus, (unsigned)e->cpu) : NULL;
	if (c) {
		la_triage_who_from_cpu(j, c);
		cause_from_cpu(j, c, "rcu-stall");
	}
	return true;
}

/* Where a sleeping task waits: the first function of its stack that is not scheduling. */
static void cause_from_sleeper(struct la_judgement *j, const struct la_stack *stack)
{
	struct la_cause *c = &j->panic->cause;

	for (size_t i = 0; i < stack->n; i++) {
		const struct la_frame *f = &stack->frame[i];

		if (!f->symbol || !f->pc_known || strstr(f->symbol, "schedule") ||
		    la_is_function(f->symbol, "__switch_to"))
			continue;
		c->pc = f->pc;
		c->pc_known = true;
		c->symbol = f->symbol;
		c->offset = f->offset;
		c->module = f->module;
		return;
	}
}

/* Reported, and the task still sleeps. Whom it waits for is not looked into. */
bool la_judge_hung_task(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_event *e = la_events_last(&t->events, LA_EVENT_HUNG_TASK, SIZE_MAX);
	struct la_panic *p = j->panic;

	if (!e || !t->blocked.found)
		return false;
	p->verdict = LA_VERDICT_HUNG_TASK;
	p->confidence = LA_LIKELY;
	p->message = e->line;
	p->task = t->blocked.task;
	p->cause.kind = "hung-task";
	p->stack = t->blocked.stack;
	if (p->stack)
		cause_from_sleeper(j, p->stack);
	return true;
}

/*
 * A spin lock is held with preemption disabled: its holder is on a CPU, in the kernel. Where every
 * other CPU is idle, in user mode or waiting for a lock itself, the holder is one of those that
 * wait, or nobody: a deadlock, or a lock that was never given back.
 */
bool la_judge_spinlock(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_cpus *cpus = t->cpus;
	const struct la_cpu *waiter = NULL;

	for (size_t i = 0; i < cpus->n; i++) {
		const struct la_cpu *c = &cpus->cpu[i];

		if (c->lock)
			waiter = waiter ? waiter : c;
		else if (c->state != LA_CPU_IDLE && c->state != LA_CPU_USER &&
			 c->state != LA_CPU_OFFLINE)
			return false;
	}
	if (!waiter)
		return false;
	j->panic->verdict = LA_VERDICT_SPINLOCK;
	j->panic->confidence = LA_LIKELY;
	j->panic->message = la_format(j->arena, "CPU %u waits for a lock that no running CPU holds",
				      waiter->cpu);
	la_triage_who_from_cpu(j, waiter);
	cause_from_cpu(j, waiter, "spinlock");
	j->panic->cause.address = waiter->lock;
	j->panic->cause.address_known = true;
	return true;
}

/* Much longer than any tick, and than the remote ticks of CONFIG_NO_HZ_FULL (1 s). */
#define DEAF_NS UINT64_C(3000000000)

/* Why a CPU cannot answer an IPI, or NULL: it may. */
static const char *why_deaf(struct la_arena *arena, const struct la_cpu *c)
{
	uint64_t crmd;

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
		if (c->clock_age_known && c->clock_age_ns >= DEAF_NS)
			return la_format(arena,
					 "in the kernel and has taken no interrupt for %.1f s",
					 (double)c->clock_age_ns / 1e9);
		/* CRMD.IE off for a moment is nothing; with a request pending it is likely not one. */
		if (c->calls && la_csr_get(&c->regs, LA_CSR_CRMD, &crmd) && !(crmd >> 2 & 1))
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
		cause_from_cpu(j, c, "lost-ipi");
		return true;
	}
	return false;
}

/* Not one vCPU runs Linux, and Linux has said nothing: it was never started. */
bool la_judge_firmware(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_cpus *cpus = t->cpus;
	size_t n = 0;

	for (size_t i = 0; i < cpus->n; i++) {
		if (cpus->cpu[i].regs.source == LA_REGS_NONE)
			continue;
		if (cpus->cpu[i].state != LA_CPU_FIRMWARE &&
		    cpus->cpu[i].state != LA_CPU_NEVER_STARTED)
			return false;
		n++;
	}
	if (!n || t->log.n)
		return false;
	j->panic->verdict = LA_VERDICT_FIRMWARE;
	j->panic->confidence = LA_LIKELY;
	la_triage_fact(j, "registers", "none of %zu vCPUs is in the kernel", n);
	return true;
}

/* Every CPU does what a healthy system's CPUs do. */
bool la_judge_running(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_cpus *cpus = t->cpus;
	size_t idle = 0, user = 0, kernel = 0;

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
		default:
			return false;
		}
	}
	if (!(idle + user + kernel))
		return false;
	j->panic->verdict = LA_VERDICT_RUNNING;
	j->panic->confidence = kernel ? LA_UNSURE : LA_LIKELY;
	la_triage_fact(j, "registers", "CPUs idle: %zu, in user mode: %zu, in the kernel: %zu",
		       idle, user, kernel);
	return true;
}
