// SPDX-License-Identifier: GPL-3.0-or-later
// The verdict as text: a first screen, which goes into a ticket as it is, then what it rests on.
#include <inttypes.h>

#include "line.h"
#include "panic_words.h"
#include "text.h"

#define LABEL 11 /* columns up to the colon */
/* The first screen has at most 12 lines of so many columns. */
#define COLUMNS 100
#define LINES 12
#define WAITS_LINES 40

static void label(const struct la_sink *sink, const char *name)
{
	la_put(sink, "%*s: ", LABEL, name);
}

/* The first screen, line by line. */
struct screen {
	struct la_line line;
	const struct la_sink *to;
	size_t left; /* lines that it still has */
};

static const struct la_sink *begin(struct screen *s, const char *name)
{
	la_line_begin(&s->line);
	if (name)
		label(&s->line.sink, name);
	else
		la_put(&s->line.sink, "%*s", LABEL + 2, "");
	return &s->line.sink;
}

static void end(struct screen *s, bool said, size_t lines)
{
	if (said)
		s->left -= la_line_end(&s->line, COLUMNS, lines, LABEL + 2, s->to);
}

/* What to do next, as much as there is room for before the last line. Returns how many were put whole or cut. */
static size_t put_advice(const struct la_panic *p, struct screen *s, size_t reserved)
{
	size_t i = 0;

	for (; i < p->nadvice && s->left > reserved; i++) {
		const size_t room = s->left - reserved, others = p->nadvice - i - 1;

		la_put_text(begin(s, i ? NULL : "NEXT"), p->advice[i], false);
		end(s, true, room > others && room > 1 ? 2 : 1);
	}
	return i;
}

#define CAUSE_LINES 2

/* How many lines the cause can have beyond that, a chain of waits being long, if each advice has two and all others are one. */
static size_t spare_lines(const struct la_panic *p)
{
	const size_t others = 4 + (p->release != NULL) + (p->nstuck > 0) + (p->nknown > 0) +
			      2 * p->nadvice + (p->signature != NULL);

	return others + CAUSE_LINES < LINES ? LINES - CAUSE_LINES - others : 0;
}

/* Returns how many pieces of advice it has. */
static size_t put_first_screen(const struct la_panic *p, const struct la_sink *to)
{
	struct screen s = { .to = to, .left = LINES };
	const struct la_sink *sink;
	size_t advice;

	la_put_verdict(p, begin(&s, "VERDICT"));
	end(&s, true, 1);
	end(&s, la_put_cause(p, begin(&s, "CAUSE")), CAUSE_LINES + spare_lines(p));
	end(&s, la_put_where(p, begin(&s, "WHERE")), 1);
	end(&s, la_put_who(p, begin(&s, "WHO")), 1);
	la_put_when(p, begin(&s, "WHEN"));
	end(&s, true, 1);
	if (p->release) {
		la_put_text(begin(&s, "KERNEL"), p->release, false);
		end(&s, true, 1);
	}
	if (p->nstuck) {
		sink = begin(&s, "STUCK");
		if (p->nstuck > 1)
			la_put(sink, "(1 of %zu) ", p->nstuck);
		la_put_text(sink, p->stuck[0], false);
		end(&s, true, 1);
	}
	if (p->nknown) {
		sink = begin(&s, "LOOKS LIKE");
		if (p->nknown > 1)
			la_put(sink, "(1 of %zu) ", p->nknown);
		la_put_text(sink, p->known[0]->what, false);
		end(&s, true, 1);
	}
	advice = put_advice(p, &s, p->signature != NULL);
	if (p->signature) {
		sink = begin(&s, "SIGNATURE");
		la_put(sink, "%s ", p->hash);
		la_put_text(sink, p->signature, false);
		end(&s, true, 1);
	}
	return advice;
}

void la_render_panic_line(const struct la_panic *p, const struct la_sink *sink)
{
	la_put_verdict(p, sink);
	if (p->summary || p->cause.kind) {
		la_puts(sink, "; ");
		la_put_cause(p, sink);
	}
	if (p->cause.symbol || p->cause.pc_known || p->cause.caller) {
		la_puts(sink, "; in ");
		la_put_where(p, sink);
	}
	if (p->signature)
		la_put(sink, "; %s", p->hash);
	la_puts(sink, "\n");
}

/* Sentences under a heading; no heading without any. */
static void put_list(const struct la_sink *sink, const char *heading, const char *const *text,
		     size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!i)
			la_put(sink, "\n%s:\n", heading);
		la_puts(sink, "  ");
		la_put_text(sink, text[i], true);
		la_puts(sink, "\n");
	}
}

/* What the first screen had no room for. */
static void put_rest(const struct la_sink *sink, const char *heading, const char *const *text,
		     size_t n, size_t shown)
{
	if (n > shown)
		put_list(sink, heading, text, n);
}

/* Instruction words around pc, as the kernel's own "Code:" line has them. */
static void put_code(const struct la_cause *c, const struct la_sink *sink)
{
	if (!c->code_known)
		return;
	label(sink, "CODE");
	for (unsigned i = 0; i < LA_CODE_WORDS; i++)
		if (c->code_known >> i & 1)
			la_put(sink, i == LA_CODE_BEFORE ? "<%08x> " : "%08x ", c->code[i]);
	la_puts(sink, "\n");
}

static void put_insn(const struct la_detail *d, const struct la_sink *sink)
{
	if (!d->insn_known)
		return;
	label(sink, "INSTRUCTION");
	la_puts(sink, d->insn.text);
	for (size_t i = 0; i < d->noperands; i++) {
		la_put(sink, "%s$%s=", i ? " " : "   ", la_gpr_name(d->operand[i].reg));
		if (d->operand[i].known)
			la_put(sink, "%" PRIx64, d->operand[i].value);
		else
			la_puts(sink, "?");
	}
	if (d->reaches_known)
		la_put(sink, "   %s %" PRIx64, d->insn.stores ? "writes" : "reads", d->reaches);
	la_puts(sink, "\n");
}

/* The walk through the tables, and where it ends. */
static void put_walk(const struct la_mem_address *a, const struct la_sink *sink)
{
	const struct la_translation *t = &a->translation;

	for (unsigned i = 0; i < t->nsteps; i++) {
		label(sink, la_level_name(&a->geometry, t->step[i].level));
		la_put(sink, "%016" PRIx64 " at %" PRIx64 "\n", t->step[i].entry,
		       t->step[i].entry_pa);
	}
	if (a->status == LA_OK) {
		label(sink, "PHYSICAL");
		la_put(sink, "%" PRIx64 "%s\n", t->pa,
		       a->place.status == LA_OK ? "" : "  (the dump does not have it)");
	} else if (a->reason[0]) {
		label(sink, "UNMAPPED");
		la_put_text(sink, a->reason, false);
		la_puts(sink, "\n");
	}
}

/* Where somebody waits, pc is where he does, and address the lock: nothing faulted. */
bool la_has_fault(const struct la_panic *p)
{
	return p->detail.insn_known ||
	       (p->cause.address_known &&
		(p->verdict == LA_VERDICT_PANIC || p->verdict == LA_VERDICT_OOPS ||
		 p->verdict == LA_VERDICT_STACK_OVERFLOW));
}

void la_put_fault(const struct la_panic *p, const struct la_sink *sink)
{
	const struct la_detail *d = &p->detail;
	const struct la_cause *c = &p->cause;

	if (c->pc_known) {
		label(sink, "PC");
		la_put(sink, "%016" PRIx64 "\n", c->pc);
	}
	put_insn(d, sink);
	put_code(c, sink);
	if (!c->address_known)
		return;
	label(sink, "ADDRESS");
	la_put(sink, "%016" PRIx64, c->address);
	if (d->address_class) {
		la_puts(sink, "  ");
		la_put_text(sink, d->address_class, false);
	}
	la_puts(sink, "\n");
	if (d->walked)
		put_walk(&d->walk, sink);
}

static void put_other_cpus(const struct la_panic *p, const struct la_sink *sink)
{
	bool any = false;

	for (size_t i = 0; p->cpus && i < p->cpus->n; i++) {
		const struct la_cpu *c = &p->cpus->cpu[i];

		if (p->cpu >= 0 && c->cpu == (unsigned)p->cpu)
			continue;
		if (!any) {
			la_puts(sink, p->cpu >= 0 ? "\nOTHER CPUS:\n" : "\nCPUS:\n");
			la_put_cpu_header(sink);
		}
		any = true;
		la_put_cpu_line(c, sink);
	}
}

static void put_log(const char *heading, const char *const *line, size_t n,
		    const struct la_sink *sink)
{
	for (size_t i = 0; i < n; i++) {
		if (!i)
			la_put(sink, "\n%s:\n", heading);
		la_put_text(sink, line[i], true);
		la_puts(sink, "\n");
	}
}

static void put_facts(const struct la_panic *p, const struct la_sink *sink)
{
	struct la_line line;

	if (p->nfacts)
		la_puts(sink, "\nFACTS:\n");
	for (size_t i = 0; i < p->nfacts; i++) {
		la_puts(sink, "  ");
		la_put_text(sink, p->fact[i].source, true);
		la_puts(sink, ": ");
		la_put_text(sink, p->fact[i].text, true);
		la_puts(sink, "\n");
	}
	if (p->nunchecked)
		la_puts(sink, "\nNOT CHECKED:\n");
	for (size_t i = 0; i < p->nunchecked; i++) {
		la_line_begin(&line);
		la_puts(&line.sink, "  ");
		if (la_put_unchecked(p, i, &line.sink))
			la_line_end(&line, COLUMNS, SIZE_MAX, 4, sink);
	}
}

static void put_known(const struct la_panic *p, const struct la_sink *sink)
{
	for (size_t i = 0; i < p->nknown; i++) {
		const struct la_known *k = p->known[i];

		if (!i)
			la_puts(sink, "\nKNOWN ISSUES LIKE IT:\n");
		la_puts(sink, "  ");
		la_put_text(sink, k->name, false);
		la_puts(sink, ": ");
		la_put_text(sink, k->what, false);
		if (k->cure) {
			la_puts(sink, "\n    cure: ");
			la_put_text(sink, k->cure, false);
		}
		if (k->link) {
			la_puts(sink, "\n    see: ");
			la_put_text(sink, k->link, false);
		}
		la_puts(sink, "\n");
	}
}

static void put_stack(const struct la_panic *p, const struct la_sink *sink)
{
	if (!p->stack)
		return;
	if (p->cpu >= 0)
		la_put(sink, "\nSTACK OF CPU %d:\n", p->cpu);
	else
		la_puts(sink, "\nSTACK OF THE TASK:\n");
	la_put_stack(p->stack, false, false, sink);
}

void la_render_panic_text(const struct la_panic *p, bool verbose, const struct la_sink *sink)
{
	const struct la_render_options all = { .registers = true, .stacks = true, .source = true };
	const struct la_detail *d = &p->detail;

	const size_t advice = put_first_screen(p, sink);

	put_rest(sink, "STUCK BECAUSE OF IT", p->stuck, p->nstuck, 1);
	put_rest(sink, "WHAT TO DO NEXT", p->advice, p->nadvice, advice);
	put_known(p, sink);
	if (la_has_fault(p)) {
		la_puts(sink, "\nFAULT:\n");
		la_put_fault(p, sink);
	}
	put_stack(p, sink);
	if (p->cause.regs_known) {
		la_puts(sink, "\nREGISTERS AT THE FAULT:\n");
		la_put_registers(&p->cause.regs, sink);
	}
	put_other_cpus(p, sink);
	if (la_has_waits(p->waits)) {
		la_puts(sink, "\nWHO WAITS FOR WHOM:\n");
		la_put_waits(p->waits, verbose ? SIZE_MAX : WAITS_LINES, sink);
	}
	if (d->nlog)
		put_log("IN THE LOG", d->log, d->nlog, sink);
	else
		put_log("END OF THE LOG", p->log_tail, p->nlog_tail, sink);
	put_list(sink, "TAINTED", d->taint, d->ntaint);
	put_facts(p, sink);
	if (!verbose)
		return;
	if (d->nlog)
		put_log("END OF THE LOG", p->log_tail, p->nlog_tail, sink);
	if (p->cpus) {
		la_puts(sink, "\nALL CPUS:\n");
		la_render_cpus_text(p->cpus, &all, sink);
	}
}
