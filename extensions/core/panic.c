// SPDX-License-Identifier: GPL-3.0-or-later
// Why the guest died or hangs: rules judge the collected facts in order.
#include "lakvm/panic.h"

#include <inttypes.h>
#include <string.h>

#include "cpu.h"
#include "signature.h"
#include "triage.h"

#define LOG_TAIL 15

const char *la_confidence_name(enum la_confidence c)
{
	static const char *const names[] = { "unknown", "likely", "certain" };

	return (size_t)c < sizeof(names) / sizeof(names[0]) ? names[c] : "unknown";
}

const char *la_verdict_name(enum la_verdict v)
{
	static const char *const names[] = {
		[LA_VERDICT_UNKNOWN] = "unknown",
		[LA_VERDICT_PANIC] = "panic",
		[LA_VERDICT_OOPS] = "oops",
		[LA_VERDICT_RUNNING] = "running",
		[LA_VERDICT_SOFT_LOCKUP] = "soft-lockup",
		[LA_VERDICT_FIRMWARE] = "firmware",
		[LA_VERDICT_RCU_STALL] = "rcu-stall",
		[LA_VERDICT_HUNG_TASK] = "hung-task",
		[LA_VERDICT_STACK_OVERFLOW] = "stack-overflow",
		[LA_VERDICT_SPINLOCK] = "spinlock",
		[LA_VERDICT_LOST_IPI] = "lost-ipi",
	};

	return (size_t)v < sizeof(names) / sizeof(names[0]) ? names[v] : "unknown";
}

static void set_uptime(struct triage *t, uint64_t nsec)
{
	t->ret->uptime_known = true;
	t->ret->uptime_s = la_seconds(nsec);
}

/* Task and CPU out of an event, where the registers did not tell. */
static void who_from_event(struct triage *t, const struct la_event *e)
{
	struct la_panic *p = t->ret;

	if (p->cpu < 0)
		p->cpu = e->cpu;
	if (!e->pid_known)
		return;
	if (!p->task.address && !p->task.pid_known) {
		p->task.pid = e->pid;
		p->task.pid_known = true;
	}
	if (p->task.pid_known && p->task.pid == e->pid && !p->task.comm[0])
		memcpy(p->task.comm, e->comm, sizeof(p->task.comm));
}

static void who_from_cpu(struct triage *t, const struct la_cpu *c)
{
	t->ret->cpu = (int)c->cpu;
	t->ret->task = c->task;
	if (c->stack.n)
		t->ret->stack = &c->stack;
}

static bool judge_panic(struct triage *t)
{
	struct la_panic *p = t->ret;
	bool called = t->panic_cpu >= 0;
	bool on_stack = t->cpu && t->below_panic != SIZE_MAX;

	if (!t->panic && !called)
		return false;
	p->verdict = LA_VERDICT_PANIC;
	p->message = t->panic && t->panic->text[0] ? t->panic->text : t->buffer;
	if (t->panic_cpu >= 0)
		p->cpu = t->panic_cpu;
	if (t->cpu)
		who_from_cpu(t, t->cpu);
	if (t->panic)
		who_from_event(t, t->panic);

	if (t->buffer && !t->panic)
		la_triage_fact(t, "panic's buffer", "message that is not in the log: %s",
			       t->buffer);
	else if (t->buffer && strcmp(t->buffer, t->panic->text))
		la_triage_fact(t, "panic's buffer", "another message: %s", t->buffer);
	else if (t->buffer)
		la_triage_fact(t, "panic's buffer", "the same message as in the log");

	/* Two witnesses that do not depend on each other: the variable, the record, the stack. */
	p->confidence = called + (t->panic != NULL) + on_stack + (t->buffer && called) >= 2 ?
				LA_CERTAIN :
				LA_LIKELY;
	la_triage_cause(t);
	if (t->oops)
		who_from_event(t, t->oops);
	if (t->panic)
		set_uptime(t, t->log.record[t->panic->record].ts_nsec);
	return true;
}

static bool judge_oops(struct triage *t)
{
	const struct la_event *oops = la_events_last(&t->events, LA_EVENT_OOPS, SIZE_MAX);
	struct la_panic *p = t->ret;

	if (!oops)
		return false;
	p->verdict = LA_VERDICT_OOPS;
	/* die() sets the taint, and nothing but die() (arch/loongarch/kernel/traps.c). */
	p->confidence = t->taint & LA_TAINT_DIE ? LA_CERTAIN : LA_LIKELY;
	p->message = oops->text ? oops->text : oops->line;
	who_from_event(t, oops);
	la_triage_cause_oops(t, oops);
	set_uptime(t, oops->ts_nsec);
	return true;
}

static void cause_from_cpu(struct triage *t, const struct la_cpu *c, const char *kind)
{
	t->ret->cause.kind = kind;
	t->ret->cause.symbol = c->symbol;
	t->ret->cause.module = c->module;
	if (c->pc_source != LA_PC_NONE) {
		t->ret->cause.pc = c->pc;
		t->ret->cause.pc_known = true;
		t->ret->cause.offset = c->offset;
	}
}

/* A running task's stack ran over. What the CPU did after that, oopses included, follows. */
static bool judge_stack_overflow(struct triage *t)
{
	const struct la_event *oops = la_events_last(&t->events, LA_EVENT_OOPS, SIZE_MAX);
	const struct la_cpus *cpus = t->ret->cpus;

	for (size_t i = 0; i < cpus->n; i++) {
		if (!cpus->cpu[i].stack_overrun)
			continue;
		t->ret->verdict = LA_VERDICT_STACK_OVERFLOW;
		t->ret->confidence = LA_CERTAIN;
		t->ret->message = oops ? oops->line : NULL;
		who_from_cpu(t, &cpus->cpu[i]);
		cause_from_cpu(t, &cpus->cpu[i], "stack-overflow");
		if (oops)
			set_uptime(t, oops->ts_nsec);
		return true;
	}
	return false;
}

/* Reported by the kernel's watchdog, and still going on: the CPU still runs that task. */
static bool judge_soft_lockup(struct triage *t)
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
	who_from_cpu(t, c);
	cause_from_cpu(t, c, "soft-lockup");
	return true;
}

/* Reported, and rcu_state.gp_seq still is the grace period that the report names. */
static bool judge_rcu_stall(struct triage *t)
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
		who_from_cpu(t, c);
		cause_from_cpu(t, c, "rcu-stall");
	}
	return true;
}

/* No list of tasks is longer: pid_max is at most 2^22 (include/linux/threads.h). */
#define MAX_TASKS (1u << 22)
#define TASK_UNINTERRUPTIBLE 2

/* Is there a task with this pid and name, and does it sleep uninterruptibly? */
static bool still_blocked(struct triage *t, const struct la_event *e, struct la_task *ret)
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
static void show_sleeper(struct triage *t)
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
static bool judge_hung_task(struct triage *t)
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
static bool judge_spinlock(struct triage *t)
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
	who_from_cpu(t, waiter);
	cause_from_cpu(t, waiter, "spinlock");
	t->ret->cause.address = waiter->lock;
	t->ret->cause.address_known = true;
	return true;
}

/* A CPU waits for an answer from one that stands still where it takes no interrupts. */
static bool judge_lost_ipi(struct triage *t)
{
	const struct la_cpus *cpus = t->ret->cpus;

	for (size_t i = 0; i < cpus->n; i++) {
		const struct la_cpu *c = &cpus->cpu[i];
		const struct la_cpu *to =
			c->waits_for >= 0 ? la_cpus_find(cpus, (unsigned)c->waits_for) : NULL;

		if (!to || (to->state != LA_CPU_SPINNING && to->state != LA_CPU_STOPPED &&
			    to->state != LA_CPU_KDUMP_STOPPED && to->state != LA_CPU_FIRMWARE &&
			    to->state != LA_CPU_OFFLINE))
			continue;
		t->ret->verdict = LA_VERDICT_LOST_IPI;
		t->ret->confidence = LA_LIKELY;
		t->ret->message = la_format(t->arena, "CPU %u waits for CPU %u, which is %s",
					    c->cpu, to->cpu, la_cpu_state_name(to->state));
		who_from_cpu(t, c);
		cause_from_cpu(t, c, "lost-ipi");
		return true;
	}
	return false;
}

/* Not one vCPU runs Linux, and Linux has said nothing: it was never started. */
static bool judge_firmware(struct triage *t)
{
	const struct la_cpus *cpus = t->ret->cpus;
	size_t n = 0;

	for (size_t i = 0; i < cpus->n; i++) {
		if (cpus->cpu[i].regs.source == LA_REGS_NONE)
			continue;
		if (cpus->cpu[i].state != LA_CPU_FIRMWARE)
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
static bool judge_running(struct triage *t)
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

/*
 * The rules in order of rank; the first that fits gives the verdict. To add a rule: write its
 * judge above, and declare here what it reads. all: every one of these must be there. any: at
 * least one of these. What is not there makes the rule "not checked", with the reason.
 */
static const struct rule {
	const char *name;
	unsigned all, any;
	bool (*judge)(struct triage *t);
} rules[] = {
	{ "panic", 0, NEEDS(SOURCE_PANIC_CPU) | NEEDS(SOURCE_LOG), judge_panic },
	{ "stack-overflow", NEEDS(SOURCE_CPUS), 0, judge_stack_overflow },
	{ "oops", NEEDS(SOURCE_LOG), 0, judge_oops },
	{ "soft-lockup", NEEDS(SOURCE_LOG) | NEEDS(SOURCE_CPUS), 0, judge_soft_lockup },
	{ "rcu-stall", NEEDS(SOURCE_LOG), 0, judge_rcu_stall },
	{ "hung-task", NEEDS(SOURCE_LOG), 0, judge_hung_task },
	{ "spinlock", NEEDS(SOURCE_CPUS), 0, judge_spinlock },
	{ "lost-ipi", NEEDS(SOURCE_CPUS), 0, judge_lost_ipi },
	{ "firmware", NEEDS(SOURCE_CPUS), 0, judge_firmware },
	{ "running", NEEDS(SOURCE_CPUS) | NEEDS(SOURCE_LOG), 0, judge_running },
};
#define NRULES (sizeof(rules) / sizeof(rules[0]))

static const char *unmet(const struct triage *t, const struct rule *rule)
{
	unsigned lacking = rule->all & ~t->have;

	if (rule->any && !(rule->any & t->have))
		lacking |= rule->any;
	for (unsigned i = 0; i < NSOURCES; i++)
		if (lacking & NEEDS(i))
			return t->missing[i] ? t->missing[i] : "not found";
	return NULL;
}

static void judge(struct triage *t)
{
	for (size_t i = 0; i < NRULES; i++) {
		const char *reason = unmet(t, &rules[i]);

		if (reason)
			t->unchecked[t->ret->nunchecked++] =
				(struct la_unchecked){ .rule = rules[i].name, .reason = reason };
		else if (rules[i].judge(t))
			break;
	}
}

/* --- the rest of the result --- */

static void keep_log_tail(struct triage *t)
{
	size_t first = t->log.n > LOG_TAIL ? t->log.n - LOG_TAIL : 0;
	const char **tail = la_alloc_n(t->arena, LOG_TAIL, sizeof(*tail));

	for (size_t i = first; tail && i < t->log.n; i++) {
		const struct la_record *r = &t->log.record[i];
		const char *line =
			la_format(t->arena, "[%5" PRIu64 ".%06" PRIu64 "] %s",
				  r->ts_nsec / 1000000000, r->ts_nsec % 1000000000 / 1000, r->text);

		if (line)
			tail[t->ret->nlog_tail++] = line;
	}
	t->ret->log_tail = tail;
	if (!t->ret->uptime_known && t->log.n)
		set_uptime(t, t->log.record[t->log.n - 1].ts_nsec);
}

/* Functions for the signature: where it happened, then who called, as far as that is certain. */
static void sign(struct triage *t)
{
	const struct la_stack *stack = t->ret->stack;
	const char *function[8];
	size_t n = 0, i;

	if (t->ret->verdict == LA_VERDICT_UNKNOWN || t->ret->verdict == LA_VERDICT_RUNNING)
		return;
	if (t->ret->cause.symbol)
		function[n++] = t->ret->cause.symbol;
	else if (t->ret->cause.caller)
		function[n++] = t->ret->cause.caller;
	i = t->below_panic != SIZE_MAX ? t->below_panic : 0;
	/* Behind an exception, the handlers that led from it to die() say nothing new. */
	for (size_t j = i; stack && t->ret->cause.pc_known && j < stack->n; j++) {
		if (stack->frame[j].pt_regs) {
			i = j + 1;
			break;
		}
	}
	for (; stack && i < stack->n && n < sizeof(function) / sizeof(function[0]); i++) {
		const struct la_frame *f = &stack->frame[i];

		if (!f->verified || !f->symbol)
			break;
		if (n == 1 && !strcmp(f->symbol, function[0]))
			continue; /* the function of the fault itself */
		if (!n && strstr(f->symbol, "schedule"))
			continue; /* how a task sleeps, not why */
		function[n++] = f->symbol;
	}
	la_signature(t->arena, t->ret, function, n);
}

void la_panic_analyse(const struct la_kernel *k, struct la_arena *arena, const struct la_cpus *cpus,
		      struct la_panic *ret)
{
	struct triage t = { .k = k, .arena = arena, .ret = ret };

	*ret = (struct la_panic){ .cpu = -1, .cpus = cpus };
	t.fact = la_alloc_n(arena, LA_MAX_FACTS, sizeof(*t.fact));
	t.unchecked = la_alloc_n(arena, NRULES, sizeof(*t.unchecked));
	if (!t.fact || !t.unchecked)
		return;
	ret->fact = t.fact;
	ret->unchecked = t.unchecked;

	la_triage_collect(&t);
	judge(&t);
	keep_log_tail(&t);
	sign(&t);
}
