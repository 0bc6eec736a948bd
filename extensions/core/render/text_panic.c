// SPDX-License-Identifier: GPL-3.0-or-later
// The verdict as text: labels right-aligned before a colon, then what it rests on.
#include <inttypes.h>

#include "text.h"

#define LABEL 11 /* columns up to the colon */

static void label(const struct la_sink *sink, const char *name)
{
	la_put(sink, "%*s: ", LABEL, name);
}

static void put_task(const struct la_sink *sink, const struct la_task *task)
{
	if (task->address)
		la_put(sink, "%016" PRIx64, task->address);
	else
		la_puts(sink, "unknown");
	if (task->pid_known)
		la_put(sink, "  PID: %d", task->pid);
	else
		la_puts(sink, "  PID: -");
	la_puts(sink, "  COMMAND: ");
	if (task->comm[0]) {
		la_puts(sink, "\"");
		la_put_text(sink, task->comm, false);
		la_puts(sink, "\"");
	} else {
		la_puts(sink, "-");
	}
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

static void put_verdict(const struct la_panic *p, const struct la_sink *sink)
{
	const struct la_cause *c = &p->cause;

	label(sink, "VERDICT");
	la_put(sink, "%s (%s)", la_verdict_name(p->verdict), la_confidence_name(p->confidence));
	if (p->message) {
		la_puts(sink, ": ");
		la_put_text(sink, p->message, true);
	}
	la_puts(sink, "\n");
	if (c->kind) {
		label(sink, "CAUSE");
		la_puts(sink, c->kind);
		if (c->address_known)
			la_put(sink, " at address %016" PRIx64, c->address);
		if (c->symbol) {
			la_puts(sink, " in ");
			la_put_symbol(sink, c->symbol, c->pc_known || c->offset, c->offset,
				      c->module);
		}
		if (c->pc_known)
			la_put(sink, " (pc %016" PRIx64 ")", c->pc);
		if (c->caller) {
			la_puts(sink, " called from ");
			la_put_symbol(sink, c->caller, true, c->caller_offset, NULL);
		}
		la_puts(sink, "\n");
	}
	if (p->summary) {
		label(sink, "SUMMARY");
		la_put_text(sink, p->summary, true);
		la_puts(sink, "\n");
	}
	/* Where nothing happened there is nobody it happened to. */
	if (p->verdict != LA_VERDICT_RUNNING && p->verdict != LA_VERDICT_FIRMWARE) {
		label(sink, "TASK");
		put_task(sink, &p->task);
		if (p->cpu >= 0)
			la_put(sink, "  CPU: %d\n", p->cpu);
		else
			la_puts(sink, "  CPU: -\n");
	}
	label(sink, "UPTIME");
	if (p->uptime_known)
		la_put(sink, "%.6f s", p->uptime_s);
	else
		la_puts(sink, "unknown");
	if (p->release) {
		la_puts(sink, "  KERNEL: ");
		la_put_text(sink, p->release, false);
	}
	la_puts(sink, "\n");
	if (p->signature) {
		label(sink, "SIGNATURE");
		la_put(sink, "%s ", p->hash);
		la_put_text(sink, p->signature, true);
		la_puts(sink, "\n");
	}
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

void la_render_panic_text(const struct la_panic *p, const struct la_sink *sink)
{
	put_verdict(p, sink);
	put_list(sink, "STUCK BECAUSE OF IT", p->stuck, p->nstuck);
	put_list(sink, "WHAT TO DO NEXT", p->advice, p->nadvice);
	if (p->stack) {
		if (p->cpu >= 0)
			la_put(sink, "\nSTACK OF CPU %d:\n", p->cpu);
		else
			la_puts(sink, "\nSTACK OF THE TASK:\n");
		la_put_stack(p->stack, false, false, sink);
	}
	if (p->cause.regs_known) {
		la_puts(sink, "\nREGISTERS AT THE FAULT:\n");
		la_put_registers(&p->cause.regs, sink);
	}
	put_code(&p->cause, sink);
	put_other_cpus(p, sink);
	if (p->nlog_tail) {
		la_puts(sink, "\nEND OF THE LOG:\n");
		for (size_t i = 0; i < p->nlog_tail; i++) {
			la_put_text(sink, p->log_tail[i], true);
			la_puts(sink, "\n");
		}
	}
	if (p->nfacts) {
		la_puts(sink, "\nFACTS:\n");
		for (size_t i = 0; i < p->nfacts; i++) {
			la_puts(sink, "  ");
			la_put_text(sink, p->fact[i].source, true);
			la_puts(sink, ": ");
			la_put_text(sink, p->fact[i].text, true);
			la_puts(sink, "\n");
		}
	}
	for (size_t i = 0; i < p->nunchecked; i++) {
		if (!i)
			la_puts(sink, "\nNOT CHECKED:\n");
		la_puts(sink, "  ");
		la_put_text(sink, p->unchecked[i].rule, true);
		la_puts(sink, ": ");
		la_put_text(sink, p->unchecked[i].reason, true);
		la_puts(sink, "\n");
	}
}
