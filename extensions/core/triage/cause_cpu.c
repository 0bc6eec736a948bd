// SPDX-License-Identifier: GPL-3.0-or-later
// Which function of a CPU that does not come to an end is to blame: not always the one that it is in.
#include <string.h>

#include "cpu/graph.h"
#include "cpu/priv.h"
#include "triage.h"

void la_triage_cause_frame(struct la_judgement *j, const struct la_frame *f)
{
	struct la_cause *cause = &j->panic->cause;

	if (!f || !f->verified || !f->symbol)
		return;
	cause->symbol = f->symbol;
	cause->module = f->module;
	cause->pc_known = f->pc_known;
	cause->pc = f->pc;
	cause->offset = f->offset;
}

/* Is it over at once, however often it is called, or only how one waits? */
static bool is_no_reason(const char *symbol)
{
	static const char *const begins[] = { "_raw_spin_", "_raw_read_", "_raw_write_",
					      "ktime_get", "sched_clock" };

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (!strncmp(symbol, begins[i], strlen(begins[i])))
			return true;
	return la_is_waiting(symbol);
}

/* An exception vector, a copy of its handler: nobody loops there of his own. */
static bool is_in_vector(const struct la_frame *f)
{
	return f->pc_exact && f->code && f->code != f->pc;
}

/* The first frame that may be why it does not come to an end; NULL: none that is proved. */
static const struct la_frame *reason_of(const struct la_cpu *c)
{
	const struct la_frame *f = c->stack.frame;

	for (size_t i = 0; i < c->stack.n && f->verified && f->symbol; i++, f++) {
		if (!is_no_reason(f->symbol))
			return is_in_vector(f) ? NULL : f;
		if (f->pt_regs)
			return NULL;
	}
	return NULL;
}

void la_triage_cause_cpu(struct la_judgement *j, const struct la_cpu *c, const char *kind)
{
	j->panic->cause.kind = kind;
	if (!c->verified)
		return;
	if (c->stack.n) {
		la_triage_cause_frame(j, reason_of(c));
		return;
	}
	j->panic->cause.symbol = c->symbol;
	j->panic->cause.module = c->module;
	if (c->pc_source != LA_PC_NONE) {
		j->panic->cause.pc = c->pc;
		j->panic->cause.pc_known = true;
		j->panic->cause.offset = c->offset;
	}
}

/* Who prints, of a CPU that is in the console's driver: the console is slow, and whoever floods it does not end. */
static void cause_from_printk(struct la_judgement *j, const struct la_cpu *c)
{
	static const char *const printk[] = { "_printk", "printk", "vprintk", "vprintk_default",
					      "vprintk_emit" };
	struct la_cause *cause = &j->panic->cause;
	const struct la_frame *caller = NULL;

	for (size_t i = 0; i + 1 < c->stack.n && c->stack.frame[i + 1].method != LA_FROM_SCAN; i++)
		for (size_t n = 0; n < sizeof(printk) / sizeof(printk[0]); n++)
			if (la_is_function(c->stack.frame[i].symbol, printk[n]))
				caller = &c->stack.frame[i + 1];
	if (!caller || !caller->symbol)
		return;
	cause->symbol = caller->symbol;
	cause->module = caller->module;
	cause->pc_known = caller->pc_known;
	cause->pc = caller->pc;
	cause->offset = caller->offset;
	la_triage_fact(j, la_format(j->arena, "stack of CPU %u", c->cpu),
		       "it prints for %s(), to a console", caller->symbol);
}

/*
 * The function of a module that the interrupt runs, where what it came into is none's: one instant finds a CPU there only if
 * such interrupts take most of its time. NULL: it is not so.
 */
static const struct la_frame *handler_of_module(const struct la_cpu *c)
{
	if (!c->before_frame || c->before_frame->module)
		return NULL;
	for (const struct la_frame *f = c->stack.frame; f < c->before_frame && f->verified; f++)
		if (f->module && f->symbol)
			return f;
	return NULL;
}

/* Where an interrupt took it from, if that was the kernel: what it does, not how it is kept from it. */
static void cause_from_before(struct la_judgement *j, const struct la_cpu *c)
{
	const struct la_frame *handler = handler_of_module(c);

	/* A softirq runs behind an interrupt's entry, too, and is not over. */
	if (c->preempt_known && (c->preempt_count & LA_PREEMPT_HARDIRQ))
		la_triage_cause_frame(j, handler ? handler : c->before_frame);
}

/* In what runs timers, after one of them: the same one comes again and again, or it would be at another. */
static void cause_from_callback(struct la_judgement *j, const struct la_cpu *c)
{
	struct la_cause *cause = &j->panic->cause;

	if (!c->callback)
		return;
	cause->symbol = c->callback;
	cause->module = c->callback_module;
	cause->pc_known = false;
	cause->pc = cause->offset = 0;
	j->off_stack = true;
	la_triage_fact(j, la_format(j->arena, "timers of CPU %u", c->cpu),
		       "%s() has called %s()%s%s%s, which its stack does not show", c->dispatcher,
		       c->callback, c->callback_module ? " [" : "",
		       c->callback_module ? c->callback_module : "", c->callback_module ? "]" : "");
}

void la_triage_cause_deaf(struct la_judgement *j, const struct la_cpu *c, const char *kind)
{
	la_triage_cause_cpu(j, c, kind);
	cause_from_printk(j, c);
	cause_from_callback(j, c);
}

void la_triage_cause_running(struct la_judgement *j, const struct la_cpu *c, const char *kind)
{
	la_triage_cause_cpu(j, c, kind);
	cause_from_before(j, c);
	cause_from_printk(j, c);
	cause_from_callback(j, c);
}
