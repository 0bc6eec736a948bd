// SPDX-License-Identifier: GPL-3.0-or-later
// Rules for guests that did not panic: what hangs, what still runs, what never ran.
#include <string.h>

#include "cpu/priv.h"
#include "triage.h"

static void cause_from_cpu(struct la_triage *t, const struct la_cpu *c, const char *kind)
{
	t->ret->cause.kind = kind;
	if (!c->verified)
		return;
	t->ret->cause.symbol = c->symbol;
	t->ret->cause.module = c->module;
	if (c->pc_source != LA_PC_NONE) {
		t->ret->cause.pc = c->pc;
		t->ret->cause.pc_known = true;
		t->ret->cause.offset = c->offset;
	}
}

/* A running task's stack ran over. What the CPU did after that, oopses included, follows. */
bool la_judge_stack_overflow(struct la_triage *t)
{
	const struct la_event *oops = la_events_last(&t->events, LA_EVENT_OOPS, SIZE_MAX);
	const struct la_cpus *cpus = t->ret->cpus;

	for (size_t i = 0; i < cpus->n; i++) {
		if (!cpus->cpu[i].stack_overrun)
			continue;
		t->ret->verdict = LA_VERDICT_STACK_OVERFLOW;
		/* The mark is one word, which damage can hit as well: an oops is the second witness. */
		t->ret->confidence = oops ? LA_CERTAIN : LA_LIKELY;
		t->ret->message = oops ? oops->line : NULL;
		la_triage_who_from_cpu(t, &cpus->cpu[i]);
		cause_from_cpu(t, &cpus->cpu[i], "stack-overflow");
		if (oops)
			la_triage_set_uptime(t, oops->ts_nsec);
		return true;
	}
	return false;
}

/* Reported by the kernel's watchdog, and still going on: the CPU still runs that task. */
bool la_judge_soft_lockup(struct la_triage *t)
{
	const struct la_event *e = la_events_last(&t->events, LA_EVENT_SOFT_LOCKUP, SIZE_MAX);
	const struct la_cpu *c =
		e && e->cpu >= 0 ? la_cpus_find(t->ret->cpus, (unsigned)e->cpu) : NULL;
	struct la_panic *p = t->ret;

	if (!c || !c->task.pid_known || c->task.pid != e->pid || c->state == LA_CPU_IDLE ||
	    c->state == LA_CPU_USER)
		return false;
	p->verdict = LA_VERDICT_SOFT_LOCKUP;
	p->confidence = LA_LIKELY;
	p->message = e->line;
	la_triage_who_from_cpu(t, c);
	cause_from_cpu(t, c, "soft-lockup");
	return true;
}

/* Reported, and rcu_state.gp_seq still is the grace period that the report names. */
bool la_judge_rcu_stall(struct la_triage *t)
{
	const struct la_event *e = la_events_last(&t->events, LA_EVENT_RCU_STALL, SIZE_MAX);
	const struct la_door *door = t->k->door;
	const struct la_cpu *c;
	uint64_t state, seq;

	if (!e || !e->gp_known || !door->symbol(door->ctx, "rcu_state", &state) ||
	    la_read_member(t->k, state, "rcu_state", "gp_seq", &seq, NULL) != LA_OK ||
	    (int64_t)seq != e->gp)
		return false;
	t->ret->verdict = LA_VERDICT_RCU_STALL;
	t->ret->confidence = LA_CERTAIN;
	t->ret->message = e->line;
	la_triage_fact(t, "rcu_state", "the grace period that the stall report names goes on");
	c = e->cpu >= 0 && t->ret->cpus ? la_cpus_find(t->ret->cpus, (unsigned)e->cpu) : NULL;
	if (c) {
		la_triage_who_from_cpu(t, c);
		cause_from_cpu(t, c, "rcu-stall");
	}
	return true;
}

/* No list of tasks is longer: pid_max is at most 2^22 (include/linux/threads.h). */
#define MAX_TASKS (1u << 22)
#define TASK_UNINTERRUPTIBLE 2

/* Is there a task with this pid and name, and does it sleep uninterruptibly? */
static bool still_blocked(struct la_triage *t, const struct la_event *e, struct la_task *ret)
{
	const struct la_door *door = t->k->door;
	struct la_member tasks;
	uint64_t init, at, state;

	if (!door->symbol(door->ctx, "init_task", &init) ||
	    !door->member(door->ctx, "task_struct", "tasks", &tasks))
		return false;
	at = init;
	for (unsigned i = 0; i < MAX_TASKS; i++) {
		if (la_read_u64(t->k, at + tasks.offset, &at, NULL) != LA_OK)
			return false;
		at -= tasks.offset;
		if (at == init)
			return false;
		if (la_read_member(t->k, at, "task_struct", "pid", &state, NULL) != LA_OK ||
		    (int)state != e->pid)
			continue;
		la_task_read(t->k, at, ret);
		/* __state since 5.14, state before */
		return !strcmp(ret->comm, e->comm) &&
		       (la_read_member(t->k, at, "task_struct", "__state", &state, NULL) == LA_OK ||
			la_read_member(t->k, at, "task_struct", "state", &state, NULL) == LA_OK) &&
		       (state & TASK_UNINTERRUPTIBLE);
	}
	return false;
}

/* The stack of a sleeping task, and where it waits: the first function that is not scheduling. */
static void show_sleeper(struct la_triage *t)
{
	struct la_panic *p = t->ret;
	struct la_stack *stack = la_alloc(t->arena, sizeof(*stack));
	struct la_regs regs;

	if (!stack || la_task_regs(t->k, p->task.address, &regs, NULL) != LA_OK)
		return;
	la_unwind(t->k, t->arena, &regs, -1, stack);
	p->stack = stack;
	for (size_t i = 0; i < stack->n; i++) {
		const struct la_frame *f = &stack->frame[i];

		if (!f->symbol || !f->pc_known || strstr(f->symbol, "schedule") ||
		    la_is_function(f->symbol, "__switch_to"))
			continue;
		p->cause.pc = f->pc;
		p->cause.pc_known = true;
		p->cause.symbol = f->symbol;
		p->cause.offset = f->offset;
		p->cause.module = f->module;
		return;
	}
}

/* Reported, and the task still sleeps. Whom it waits for is not looked into. */
bool la_judge_hung_task(struct la_triage *t)
{
	const struct la_event *e = la_events_last(&t->events, LA_EVENT_HUNG_TASK, SIZE_MAX);
	struct la_task task;

	if (!e || !still_blocked(t, e, &task))
		return false;
	t->ret->verdict = LA_VERDICT_HUNG_TASK;
	t->ret->confidence = LA_LIKELY;
	t->ret->message = e->line;
	t->ret->task = task;
	t->ret->cause.kind = "hung-task";
	show_sleeper(t);
	return true;
}

/*
 * A spin lock is held with preemption disabled: its holder is on a CPU, in the kernel. Where every
 * other CPU is idle, in user mode or waiting for a lock itself, the holder is one of those that
 * wait, or nobody: a deadlock, or a lock that was never given back.
 */
bool la_judge_spinlock(struct la_triage *t)
{
	const struct la_cpus *cpus = t->ret->cpus;
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
	t->ret->verdict = LA_VERDICT_SPINLOCK;
	t->ret->confidence = LA_LIKELY;
	t->ret->message = la_format(t->arena, "CPU %u waits for a lock that no running CPU holds",
				    waiter->cpu);
	la_triage_who_from_cpu(t, waiter);
	cause_from_cpu(t, waiter, "spinlock");
	t->ret->cause.address = waiter->lock;
	t->ret->cause.address_known = true;
	return true;
}

/* Much longer than any tick, and than the remote ticks of CONFIG_NO_HZ_FULL (1 s). */
#define DEAF_NS UINT64_C(3000000000)

/* Why a CPU cannot answer an IPI, or NULL: it may. */
static const char *why_deaf(const struct la_triage *t, const struct la_cpu *c)
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
			return la_format(t->arena,
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
bool la_judge_lost_ipi(struct la_triage *t)
{
	const struct la_cpus *cpus = t->ret->cpus;

	for (size_t i = 0; i < cpus->n; i++) {
		const struct la_cpu *c = &cpus->cpu[i];
		const struct la_cpu *to =
			c->waits_for >= 0 ? la_cpus_find(cpus, (unsigned)c->waits_for) : NULL;
		const char *why = to ? why_deaf(t, to) : NULL;

		if (!why)
			continue;
		t->ret->verdict = LA_VERDICT_LOST_IPI;
		t->ret->confidence = LA_LIKELY;
		t->ret->message = la_format(t->arena, "CPU %u waits for CPU %u, which is %s",
					    c->cpu, to->cpu, why);
		la_triage_who_from_cpu(t, c);
		cause_from_cpu(t, c, "lost-ipi");
		return true;
	}
	return false;
}

/* Not one vCPU runs Linux, and Linux has said nothing: it was never started. */
bool la_judge_firmware(struct la_triage *t)
{
	const struct la_cpus *cpus = t->ret->cpus;
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
	t->ret->verdict = LA_VERDICT_FIRMWARE;
	t->ret->confidence = LA_LIKELY;
	la_triage_fact(t, "registers", "none of %zu vCPUs is in the kernel", n);
	return true;
}

/* Every CPU does what a healthy system's CPUs do. */
bool la_judge_running(struct la_triage *t)
{
	const struct la_cpus *cpus = t->ret->cpus;
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
	t->ret->verdict = LA_VERDICT_RUNNING;
	t->ret->confidence = kernel ? LA_UNSURE : LA_LIKELY;
	la_triage_fact(t, "registers", "CPUs idle: %zu, in user mode: %zu, in the kernel: %zu",
		       idle, user, kernel);
	return true;
}
