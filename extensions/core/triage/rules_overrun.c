// SPDX-License-Identifier: GPL-3.0-or-later
// The rule on a kernel stack that ran over, and what it was that ran over it.
#include <inttypes.h>

#include "triage.h"

/*
 * Does it handle what came of it: an exception, or die() that waits for its lock, or anything on a stack that is not
 * its own? Then where it is tells nothing.
 */
static bool in_consequence(const struct la_triage *t, const struct la_cpu *c)
{
	for (size_t i = 0; i < t->ndying; i++)
		if (t->dying[i].cpu == c)
			return true;
	return c->state == LA_CPU_EXCEPTION || c->state == LA_CPU_SPINNING || c->odd & LA_ODD_STACK;
}

/*
 * A CPU that has lost its task or its per-CPU base faults in each handler, too, until that fills the stack. An overflow
 * loses neither: tp and r21 are taken from no kernel stack.
 */
static bool is_filled(const struct la_overrun *o)
{
	return !o->times && !o->below && o->filled && o->cpu->odd & (LA_ODD_TASK | LA_ODD_BASE);
}

static void blame_nested(const struct la_overrun *o, struct la_judgement *j)
{
	const bool task = o->cpu->odd & LA_ODD_TASK;
	const char *first = o->first.symbol ? o->first.symbol :
					      la_format(j->arena, "code at %#" PRIx64, o->first.pc);

	j->panic->cause.kind = task ? "tp-lost" : "percpu-lost";
	la_triage_summary(
		j,
		"the CPU has lost %s, and faulted in each handler again, until the stack ran over: %u exceptions are left on it, the first in %s%s%s%s",
		task ? "tp, its task" : "r21, the base of its per-CPU variables", o->nested,
		first ? first : "code", o->first.module ? " [" : "",
		o->first.module ? o->first.module : "", o->first.module ? "]" : "");
}

void la_triage_blame_overrun(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_overrun *o = &t->overrun;
	struct la_cause *c = &j->panic->cause;
	const struct la_fault *by = o->times                 ? &o->again :
				    o->below || is_filled(o) ? &o->first :
							       NULL;
	const char *comm = j->panic->task.comm;

	c->kind = "stack-overflow";
	c->symbol = c->module = c->caller = NULL;
	c->pc_known = c->address_known = c->regs_known = false;
	if (o->stack)
		j->panic->stack = o->stack;
	if (by) {
		c->pc = by->pc;
		c->pc_known = true;
		c->symbol = by->symbol;
		c->module = by->module;
		c->offset = by->offset;
	}
	if (is_filled(o))
		blame_nested(o, j);
	else if (o->times)
		la_triage_summary(
			j,
			"the kernel stack of %s%s ran over: %s%s%s%s called itself again and again (%u calls are left on it)",
			*comm ? "task " : "a task", comm,
			by->symbol ? by->symbol : la_format(j->arena, "code at %#" PRIx64, by->pc),
			by->module ? " [" : "", by->module ? by->module : "", by->module ? "]" : "",
			o->times);
	else if (!o->below && o->first.symbol)
		la_triage_summary(
			j, "the kernel stack of %s%s ran over, %s was in %s",
			*comm ? "task " : "a task", comm,
			o->filled ?
				"by a call that has returned, or by the exceptions that are left on it; the first" :
				"in a call that has returned; the first fault that came of it",
			o->first.symbol);
}

/* A running task's stack ran over. What the CPU did after that, oopses included, follows. */
bool la_judge_stack_overflow(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_overrun *o = &t->overrun;
	const struct la_event *oops = t->oops;

	if (!o->cpu)
		return false;
	j->panic->verdict = LA_VERDICT_STACK_OVERFLOW;
	/*
	 * The mark is one word, which damage can hit as well; the second witness: what ran over it is there still, as
	 * calls of a known function, not as addresses that may be of one. Where exceptions ran over it, too, they may be
	 * all that did.
	 */
	j->panic->confidence =
		(o->times && o->again.symbol) || (o->cpu->odd & LA_ODD_STACK && !o->filled) ?
			LA_CERTAIN :
			LA_LIKELY;
	j->panic->message = oops ? oops->line : NULL;
	la_triage_who_from_cpu(j, o->cpu);
	j->panic->cause.kind = "stack-overflow";
	if (o->times || o->first.pc_known || in_consequence(t, o->cpu))
		la_triage_blame_overrun(t, j);
	else
		la_triage_cause_cpu(j, o->cpu, "stack-overflow");
	if (oops)
		la_triage_set_uptime(j, oops->ts_nsec);
	return true;
}
