// SPDX-License-Identifier: GPL-3.0-or-later
// Rules for guests that did not panic: what hangs, what still runs, what never ran.
#include <string.h>

#include "cpu/graph.h"
#include "cpu/priv.h"
#include "trace.h"
#include "triage.h"

/* What the interrupt came into that it is in, or behind which it runs softirqs; NULL: nothing of the kernel's is known. */
static const struct la_frame *interrupted(const struct la_cpu *c)
{
	for (size_t i = 0; i + 1 < c->stack.n; i++)
		if (c->stack.frame[i].pt_regs)
			return &c->stack.frame[i + 1];
	return NULL;
}

static bool is_waiting(const struct la_triage *t, const struct la_cpu *c)
{
	const size_t node = la_waits_cpu(&t->waits, c->cpu);

	return node != LA_NO_NODE && t->waits.node[node].on != LA_NO_NODE;
}

/* Does it wait, for some nanoseconds, for a lock that just passes to it? */
static bool waits_in_passing(const struct la_triage *t, const struct la_cpu *c)
{
	const struct la_waits *w = &t->waits;

	return is_waiting(t, c) && la_thing_passes(&w->thing[w->node[la_waits_cpu(w, c->cpu)].on]);
}

/* What it does not come out of, behind the function's name. */
static const char *again(const struct la_cpu *c)
{
	return c->callback ? ", a timer's function that is due again when it returns" : "";
}

/* In stop_machine(): it waits for other CPUs to come too (kernel/stop_machine.c). */
static bool is_stopping(const struct la_cpu *c)
{
	for (size_t i = 0; i < c->stack.n; i++)
		if (la_is_function(c->stack.frame[i].symbol, "multi_cpu_stop"))
			return true;
	return false;
}

/* What the detector's thread, which nothing may keep waiting, may come late nevertheless. */
#define WATCHDOG_SLACK UINT64_C(2000000000)

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
	la_triage_cause_cpu(j, c, "soft-lockup");
	if (waits_in_passing(t, c))
		la_triage_cause_frame(j, interrupted(c));
	la_triage_cause_reported(t, j, e);
	if (!is_waiting(t, c))
		la_triage_blame_looper(t, j, c, e);
	return true;
}

/* Reported, and rcu_state.gp_seq still is the grace period that the report names. */
bool la_judge_rcu_stall(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_event *e = la_events_last(&t->events, LA_EVENT_RCU_STALL, SIZE_MAX);
	const struct la_cpu *named, *c;

	if (!e || !e->gp_known || !t->gp_known || t->gp != e->gp)
		return false;
	j->panic->verdict = LA_VERDICT_RCU_STALL;
	/* That it stalls is sure; what keeps it is not: a lock that is waited for, a CPU that is not run. */
	j->panic->confidence = LA_LIKELY;
	j->panic->message = e->line;
	la_triage_fact(j, "rcu_state", "the grace period that the stall report names goes on");
	named = e->cpu >= 0 && t->cpus ? la_cpus_find(t->cpus, (unsigned)e->cpu) : NULL;
	if (!named)
		return true;
	c = la_triage_staller(t, named);
	if (c->state == LA_CPU_IDLE && !la_triage_timer_lost(t, c)) {
		j->panic->cause.kind = "rcu-stall";
		la_triage_fact(
			j, "log",
			"the report names CPU %u, which is idle and takes its timer's interrupts: "
			"not that one keeps RCU from going on",
			named->cpu);
		return true;
	}
	la_triage_who_from_cpu(j, c);
	la_triage_cause_cpu(j, c, "rcu-stall");
	if (la_triage_blame_timer(t, j, c))
		return true;
	if (c == named)
		la_triage_cause_reported(t, j, e);
	if (c != named)
		la_triage_fact(j, "log",
			       "the report names CPU %u, which is idle; only CPU %u has been in "
			       "the kernel all the time",
			       named->cpu, c->cpu);
	return true;
}

void la_triage_cause_sleeper(struct la_judgement *j, const struct la_stack *stack)
{
	struct la_cause *c = &j->panic->cause;

	for (size_t i = 0; stack && i < stack->n; i++) {
		const struct la_frame *f = &stack->frame[i];

		if (!f->symbol || !f->pc_known || la_is_machinery(f->symbol))
			continue;
		c->pc = f->pc;
		c->pc_known = true;
		c->symbol = f->symbol;
		c->offset = f->offset;
		c->module = f->module;
		return;
	}
}

/* Reported, and the task still sleeps. */
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
	if (!la_triage_chain(t, j, p->task.address))
		la_triage_cause_sleeper(j, p->stack);
	return true;
}

bool la_triage_starved(const struct la_triage *t, const struct la_cpu *c)
{
	return c->watchdog_age_known && t->watchdog_ns &&
	       c->watchdog_age_ns >= t->watchdog_ns + WATCHDOG_SLACK;
}

bool la_triage_asks_for_stacks(const struct la_cpu *c)
{
	for (size_t i = 0; i < c->stack.n && c->stack.frame[i].method != LA_FROM_SCAN; i++)
		if (la_is_function(c->stack.frame[i].symbol, "nmi_trigger_cpumask_backtrace"))
			return true;
	return false;
}

/* In the kernel, where interrupts may be off; not one that waits, which is somebody else's doing. */
static bool may_be_deaf(const struct la_triage *t, const struct la_cpu *c)
{
	const size_t node = la_waits_cpu(&t->waits, c->cpu);

	if (!c->matched || (node != LA_NO_NODE && t->waits.node[node].on != LA_NO_NODE) ||
	    la_triage_asks_for_stacks(c))
		return false;
	switch (c->state) {
	case LA_CPU_RUNNING:
	case LA_CPU_DELAY:
	case LA_CPU_IRQ:
	case LA_CPU_EXCEPTION:
	case LA_CPU_UNKNOWN:
		return true;
	default:
		return false;
	}
}

/* The first function of its stack that is proved, or the likeliest one. */
static const char *where(const struct la_cpu *c)
{
	return c->symbol ? c->symbol : c->stack.n ? c->stack.frame[0].symbol : NULL;
}

/* Interrupts are off, and the timer's waits, for which nobody has set it anew. */
static bool is_pending(const struct la_cpu *c)
{
	return (c->odd & LA_ODD_TIMER_PENDING) && (c->odd & LA_ODD_TIMER_ENDED);
}

/* The same, and what the timer was set for last was due long ago: so nobody has let its interrupt in since. */
static bool is_late(const struct la_cpu *c)
{
	return is_pending(c) && c->timer_late_known && c->timer_late_ns >= LA_DEAF_NS;
}

/* How long it has taken no interrupts; of the detector's timer, it is that and up to one period less or more. */
static uint64_t deaf_ns(const struct la_cpu *c)
{
	if (c->clock_age_known && c->clock_age_ns >= LA_DEAF_NS)
		return c->clock_age_ns;
	if (is_late(c))
		return c->timer_late_ns;
	return c->timer_lag_known ? c->timer_lag_ns : 0;
}

/* Its own timer's interrupt reported a soft lockup after its clock stood, which then tells nothing. */
static bool reported_since(const struct la_triage *t, const struct la_cpu *c)
{
	for (size_t i = 0; i < t->events.n; i++) {
		const struct la_event *e = &t->events.event[i];

		if (e->kind == LA_EVENT_SOFT_LOCKUP && e->cpu == (int)c->cpu &&
		    e->ts_nsec > c->clock_ns)
			return true;
	}
	return false;
}

/* One or all: then no clock goes on that another one's could be told by. */
static bool all_pending(const struct la_triage *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->cpus->n; i++) {
		const struct la_cpu *c = &t->cpus->cpu[i];

		if (c->state == LA_CPU_OFFLINE || c->state == LA_CPU_NEVER_STARTED)
			continue;
		if (!is_pending(c))
			return false;
		n++;
	}
	return n > 0;
}

/* Waits in stop_machine() for others, by its innermost frames (kernel/stop_machine.c). */
static bool waits_for_stop(const struct la_cpu *c)
{
	const char *symbol = c->stack.n ? c->stack.frame[0].symbol : NULL;

	return la_is_function(symbol, "multi_cpu_stop") ||
	       ((la_is_function(symbol, "rcu_momentary_eqs") ||
		 la_is_function(symbol, "rcu_momentary_dyntick_idle") ||
		 la_is_function(symbol, "stop_machine_yield")) &&
		is_stopping(c));
}

/*
 * A CPU takes no interrupts any more. Witnesses: the clock of its run queue stands, which each tick moves (others move
 * it, too, when they look for work); the soft lockup detector's timer is overdue on it and not on
 * others; saved registers have its timer pending, and what that was set for is long over. Where all stand still, as of a guest with one CPU, only saved registers tell: the timer's interrupt is pending,
 * interrupts are off.
 */
static bool is_deaf(const struct la_triage *t, const struct la_cpu *c)
{
	const bool clock =
		c->clock_age_known && c->clock_age_ns >= LA_DEAF_NS && !reported_since(t, c);
	const bool timer = c->timer_lag_known && t->watchdog_ns &&
			   c->timer_lag_ns >= t->watchdog_ns + WATCHDOG_SLACK / 2;

	return clock || timer || is_late(c) || (is_pending(c) && all_pending(t));
}

bool la_judge_hard_lockup(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_cpu *worst = NULL;
	struct la_panic *p = j->panic;
	const char *function;
	size_t node, stops = 0;

	for (size_t i = 0; i < t->cpus->n; i++) {
		const struct la_cpu *c = &t->cpus->cpu[i];

		if (!may_be_deaf(t, c) || !is_deaf(t, c))
			continue;
		stops += is_stopping(c);
		/* Who waits in stop_machine() is deaf, too, and not to blame. */
		if (!worst || (waits_for_stop(worst) && !waits_for_stop(c)) ||
		    (deaf_ns(c) > deaf_ns(worst) && waits_for_stop(c) == waits_for_stop(worst)))
			worst = c;
	}
	if (!worst)
		return false;
	p->verdict = LA_VERDICT_HARD_LOCKUP;
	/*
	 * Which of the functions on its stack does not end, one moment's picture cannot prove; and one that
	 * the host does not run takes no interrupts either.
	 */
	p->confidence = LA_LIKELY;
	la_triage_who_from_cpu(j, worst);
	la_triage_cause_deaf(j, worst, "hard-lockup");
	function = p->cause.symbol ? p->cause.symbol : where(worst);
	p->message = deaf_ns(worst) >= LA_DEAF_NS ?
			     la_format(j->arena, "CPU %u has taken no interrupt for %.1f s",
				       worst->cpu, (double)deaf_ns(worst) / 1e9) :
			     la_format(j->arena, "CPU %u takes no interrupts", worst->cpu);
	la_triage_summary(
		j, "CPU %u does not come out of %s%s%s, %s%s%s", worst->cpu,
		function ? function : "where it is", function ? "()" : "", again(worst),
		la_regs_interrupts_on(&worst->regs) ?
			"though its interrupts are on: does the host run it?" :
			"with interrupts off",
		worst->preempted_known && worst->preempted ?
			", or the host does not let it run: it had taken the vCPU off its CPU" :
			"",
		la_triage_own_timer(j, worst));
	if (stops > 1 && is_stopping(worst))
		la_triage_stuck(j,
				"%zu CPUs are in stop_machine(), with interrupts off, until it ends",
				stops);
	/* Faults in the handlers of faults, for ever. */
	if (worst->odd & (LA_ODD_BASE | LA_ODD_TASK | LA_ODD_STACK))
		p->cause.kind = worst->odd & LA_ODD_STACK ? "sp-lost" :
				worst->odd & LA_ODD_TASK  ? "tp-lost" :
							    "percpu-lost";
	if (worst->odd & (LA_ODD_BASE | LA_ODD_TASK | LA_ODD_STACK) && worst->remark)
		la_triage_summary(j, "%s: %s", p->summary ? p->summary : p->message, worst->remark);
	if (worst->timer_lag_known && t->watchdog_ns && worst->timer_lag_ns > t->watchdog_ns)
		la_triage_fact(j, "watchdog_hrtimer",
			       "the timer of CPU %u is due %.1f s before others'", worst->cpu,
			       (double)worst->timer_lag_ns / 1e9);
	node = la_waits_cpu(&t->waits, worst->cpu);
	if (node != LA_NO_NODE)
		la_triage_behind(t, j, node);
	la_triage_advice(j, "crash> lacpus -b -c %u: its stack and what it waits for", worst->cpu);
	return true;
}

/* What it may not be taken from, by linux/preempt.h. */
static const char *context_of(const struct la_cpu *c)
{
	if (!c->preempt_known)
		return "";
	if (c->preempt_count & LA_PREEMPT_HARDIRQ)
		return " in an interrupt";
	if (c->preempt_count & 0xff00)
		return c->preempt_count & 0x100 ? " in a softirq" : " with softirqs off";
	return c->preempt_count & 0xff ? " with preemption off" : "";
}

/* For how long nobody else could run there, as far as that is known. */
static uint64_t for_ns(const struct la_cpu *c)
{
	return c->watchdog_age_known ? c->watchdog_age_ns : c->since_known ? c->since_ns : 0;
}

/* The others that stand still as @worst does: perhaps each waits for what the other does. */
static void tell_others(const struct la_triage *t, struct la_judgement *j,
			const struct la_cpu *worst)
{
	for (size_t i = 0; i < t->cpus->n; i++) {
		const struct la_cpu *c = &t->cpus->cpu[i];
		const char *function = c->before_frame ? c->before_frame->symbol : where(c);

		if (c == worst || !may_be_deaf(t, c) || !(la_triage_starved(t, c) || is_deaf(t, c)))
			continue;
		la_triage_stuck(j, "CPU %u (%s, PID %d) does not come out%s%s%s either", c->cpu,
				c->task.comm, c->task.pid, function ? " of " : "",
				function ? function : "", function ? "()" : "");
	}
}

/* A CPU that takes interrupts, and yet lets nobody else run: what the soft lockup detector will report, if it may. */
bool la_judge_endless(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_cpu *worst = NULL;
	struct la_panic *p = j->panic;
	const char *function;

	for (size_t i = 0; i < t->cpus->n; i++) {
		const struct la_cpu *c = &t->cpus->cpu[i];

		if (!may_be_deaf(t, c) || !(la_triage_starved(t, c) || c->closed_loop) ||
		    is_stopping(c))
			continue;
		/* Of those that have waited as long, the one that is proved. */
		if (!worst || for_ns(c) > for_ns(worst) ||
		    (for_ns(c) == for_ns(worst) && c->closed_loop))
			worst = c;
	}
	if (!worst)
		return false;
	p->verdict = LA_VERDICT_SOFT_LOCKUP;
	p->confidence = LA_LIKELY;
	la_triage_who_from_cpu(j, worst);
	la_triage_cause_running(j, worst, "soft-lockup");
	function = p->cause.symbol;
	p->message = for_ns(worst) ?
			     la_format(j->arena, "CPU %u has let no other task run for %.0f s%s",
				       worst->cpu, (double)for_ns(worst) / 1e9, context_of(worst)) :
			     la_format(j->arena, "CPU %u is in an endless loop%s", worst->cpu,
				       context_of(worst));
	la_triage_summary(j, "CPU %u does not come out of %s%s%s%s%s%s%s", worst->cpu,
			  function ? function : "where it is", function ? "()" : "", again(worst),
			  worst->closed_loop ? ", whose code there leads nowhere else" : "",
			  context_of(worst),
			  worst->timer_lag_known && t->cpus->n > 1 &&
					  worst->timer_lag_ns <= t->watchdog_ns ?
				  "; it still takes interrupts" :
				  "",
			  la_triage_own_timer(j, worst));
	for (size_t i = 0; i < t->waits.n; i++)
		if (la_waits_next(&t->waits, i) == la_waits_cpu(&t->waits, worst->cpu))
			la_triage_stuck(j, "%s", la_triage_edge(t, j, i));
	tell_others(t, j, worst);
	la_triage_advice(j, "crash> lacpus -b -c %u: its stack and what it waits for", worst->cpu);
	return true;
}
