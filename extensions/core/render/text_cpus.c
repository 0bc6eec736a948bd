// SPDX-License-Identifier: GPL-3.0-or-later
// CPUs, stacks and registers as text, in the manner of crash's own commands: frames as "bt" prints
// them. What is unknown is printed as such.
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lakvm/base/escape.h"
#include "lakvm/stack/lines.h"

void la_put_symbol(const struct la_sink *sink, const char *symbol, bool offset_known,
		   uint64_t offset, const char *module)
{
	la_put_text(sink, symbol, false);
	if (offset_known)
		la_put(sink, "+0x%" PRIx64, offset);
	else
		la_puts(sink, "+?");
	if (module) {
		la_puts(sink, " [");
		la_put_text(sink, module, false);
		la_puts(sink, "]");
	}
}

static void put_place(const struct la_place *place, const struct la_sink *sink)
{
	la_put_text(sink, place->file ? place->file : "(unknown file)", false);
	la_put(sink, place->line ? ": %u\n" : "\n", place->line);
}

void la_render_source(const struct la_lines_at *at, const struct la_sink *sink)
{
	if (at && at->left_out)
		la_put(sink, "    inlined %zu more, deeper than there is room for\n", at->left_out);
	for (size_t i = 0; at && i < at->n; i++) {
		la_puts(sink, "    inlined ");
		la_put_text(sink, at->inlined[i].function ? at->inlined[i].function : "(unknown)",
			    false);
		la_puts(sink, "  ");
		put_place(&at->inlined[i], sink);
	}
	if (at && at->self.file) {
		la_puts(sink, "    ");
		put_place(&at->self, sink);
	}
}

/* " #0 [9000000100003b30] panic+0x334 at 900000000159f604"; '?' and the method: not verified. */
void la_put_stack(const struct la_stack *stack, bool shared, bool source,
		  const struct la_sink *sink)
{
	for (size_t i = 0; i < stack->n; i++) {
		const struct la_frame *f = &stack->frame[i];

		la_put(sink, "%s#%zu ", i < 10 ? " " : "", i);
		if (!shared)
			la_put(sink, "[%016" PRIx64 "] ", f->sp);
		if (f->symbol)
			la_put_symbol(sink, f->symbol, f->pc_known, f->offset, f->module);
		else
			la_puts(sink, "(unknown)");
		if (f->pc_known)
			la_put(sink, " at %016" PRIx64,
			       shared ? f->code + (f->pc_exact ? 0 : 4) : f->pc);
		if (!f->verified)
			la_put(sink, "  ?%s", la_method_name(f->method));
		la_puts(sink, "\n");
		if (source)
			la_render_source(f->lines, sink);
		if (f->pt_regs && shared)
			la_puts(sink, "    --- exception frame ---\n");
		else if (f->pt_regs)
			la_put(sink, "    --- exception frame at %016" PRIx64 " ---\n", f->pt_regs);
	}
	if (!stack->n || (stack->stop != LA_STOP_END && stack->stop != LA_STOP_USER)) {
		la_puts(sink, "    (stack ends: ");
		la_put_text(sink, stack->reason[0] ? stack->reason : la_stop_name(stack->stop),
			    true);
		la_puts(sink, ")\n");
	}
}

void la_put_registers(const struct la_regs *regs, const struct la_sink *sink)
{
	unsigned column = 0;
	uint64_t value;
	char words[160];

	if (regs->pc_known) {
		la_put(sink, "    %5s: %016" PRIx64, "pc", regs->pc);
		column = 1;
	}
	for (unsigned i = 1; i < LA_NGPR; i++) {
		if (!la_gpr_get(regs, i, &value))
			continue;
		la_put(sink, "%s%5s: %016" PRIx64, column ? "" : "    ", la_gpr_name(i), value);
		if (++column == 3) {
			la_puts(sink, "\n");
			column = 0;
		}
	}
	if (column)
		la_puts(sink, "\n");
	for (unsigned i = 0; i < LA_NCSR; i++) {
		if (!la_csr_get(regs, i, &value))
			continue;
		la_csr_decode(i, value, words, sizeof(words));
		la_put(sink, "%9s: %016" PRIx64 "%s%s\n", la_csr_name(i), value,
		       words[0] ? "  " : "", words);
	}
}

/* Numbers in rising order as "0,2-63". */
struct number_list {
	bool any, range;
	unsigned last;
};

static void list_end(const struct la_sink *sink, struct number_list *l)
{
	if (l->range)
		la_put(sink, "-%u", l->last);
	l->range = false;
}

static void list_add(const struct la_sink *sink, struct number_list *l, unsigned number)
{
	if (l->any && number == l->last + 1) {
		l->range = true;
	} else {
		list_end(sink, l);
		la_put(sink, l->any ? ",%u" : "%u", number);
	}
	l->any = true;
	l->last = number;
}

/* After a panic the others only stand there. */
static void put_since(const struct la_cpu *c, const struct la_sink *sink)
{
	if (c->since_known && c->state != LA_CPU_PANICKING && c->state != LA_CPU_STOPPED &&
	    c->state != LA_CPU_KDUMP_STOPPED && c->state != LA_CPU_OFFLINE)
		la_put(sink, "  (since %.3f s)", (double)c->since_ns / 1e9);
}

/* What keeps it waiting, what waits for it, and what the host does to it. */
static void put_wait(const struct la_cpu *c, const struct la_sink *sink)
{
	struct number_list list = { .any = false };

	if (c->nwaits_for) {
		la_puts(sink, c->nwaits_for > 1 ? "  (for CPUS " : "  (for CPU ");
		for (size_t i = 0; i < c->nwaits_for; i++)
			list_add(sink, &list, c->waits_for_all[i]);
		list_end(sink, &list);
		la_puts(sink, ")");
	}
	if (c->calls) {
		la_put(sink, "  (%u pending IPI request%s", c->calls, c->calls > 1 ? "s" : "");
		if (c->call) {
			la_puts(sink, ": ");
			la_put_text(sink, c->call, false);
		}
		la_puts(sink, ")");
	}
	if (c->preempted)
		la_puts(sink, "  (the host had taken it off)");
}

void la_put_cpu_line(const struct la_cpu *c, const struct la_sink *sink)
{
	char vcpu[12] = "-", pid[12] = "-", cpu[12] = "-";

	if (c->matched || c->vcpu < 0)
		snprintf(cpu, sizeof(cpu), "%u", c->cpu);
	if (c->vcpu >= 0)
		snprintf(vcpu, sizeof(vcpu), "%d", c->vcpu);
	if (c->task.pid_known)
		snprintf(pid, sizeof(pid), "%d", c->task.pid);
	la_put(sink, "%4s %4s  %-13s %7s  ", cpu, vcpu, la_cpu_state_name(c->state), pid);
	if (c->task.comm[0]) {
		char comm[sizeof(c->task.comm) * 4 + 32];

		la_text_escape(c->task.comm, false, comm, sizeof(comm));
		la_put(sink, "%-16s ", comm);
	} else {
		la_put(sink, "%-16s ", "-");
	}
	la_put(sink, "%-11s  ", c->pc_source != LA_PC_NONE ? la_pc_source_name(c->pc_source) : "-");
	if (c->symbol) {
		la_put_symbol(sink, c->symbol, c->pc_source != LA_PC_NONE, c->offset, c->module);
		la_puts(sink, c->verified ? "" : "  (not proved)");
	} else if (c->pc_source != LA_PC_NONE)
		la_put(sink, "%016" PRIx64, c->pc);
	else
		la_puts(sink, "-");
	if (c->lock) {
		la_put(sink, "  (lock %016" PRIx64, c->lock);
		if (c->lock_symbol) {
			la_puts(sink, ", ");
			la_put_symbol(sink, c->lock_symbol, true, c->lock_offset, NULL);
		}
		if (c->lock_owner)
			la_put(sink, ", owner %016" PRIx64, c->lock_owner);
		la_puts(sink, ")");
	}
	put_since(c, sink);
	put_wait(c, sink);
	if (c->before != LA_CPU_UNKNOWN) {
		la_put(sink, "  (before: %s", la_cpu_state_name(c->before));
		if (c->before_frame && c->before_frame->symbol) {
			la_puts(sink, ", ");
			la_put_symbol(sink, c->before_frame->symbol, c->before_frame->pc_known,
				      c->before_frame->offset, c->before_frame->module);
		}
		la_puts(sink, ")");
	}
	la_puts(sink, "\n");
	if (c->remark) {
		la_puts(sink, "           note: ");
		la_put_text(sink, c->remark, true);
		la_puts(sink, "\n");
	}
}

static void put_steal(const struct la_cpu *c, const struct la_sink *sink)
{
	if (c->steal_known)
		la_put(sink, "    stolen by the host: %.6f s\n", (double)c->steal_ns / 1e9);
}

void la_put_cpu_header(const struct la_sink *sink)
{
	la_puts(sink, " CPU VCPU  STATE             PID  COMM             PC FROM      POSITION\n");
}

bool la_render_wanted(const struct la_render_options *opt, const struct la_cpu *c)
{
	return la_cpu_listed(c, opt->only, opt->nonly);
}

static bool has_number(const struct la_cpu *c)
{
	return c->matched || c->vcpu < 0;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

bool la_same_stack(const struct la_cpu *a, const struct la_cpu *b)
{
	if (!has_number(a) || !has_number(b) || a->state != b->state || a->stack.n != b->stack.n ||
	    a->stack.stop != b->stack.stop || strcmp(a->stack.reason, b->stack.reason))
		return false;
	for (size_t i = 0; i < a->stack.n; i++) {
		const struct la_frame *f = &a->stack.frame[i], *g = &b->stack.frame[i];

		if (f->pc_known != g->pc_known || f->start != g->start || f->offset != g->offset ||
		    f->verified != g->verified || f->method != g->method ||
		    !f->pt_regs != !g->pt_regs || !same_text(f->symbol, g->symbol) ||
		    !same_text(f->module, g->module) || (!f->symbol && f->pc != g->pc))
			return false;
	}
	return true;
}

void la_put_cpu_numbers(const struct la_cpus *cpus, size_t first, const struct la_sink *sink)
{
	struct number_list list = { .any = false };

	la_puts(sink, "CPU ");
	for (size_t i = first; i < cpus->n; i++)
		if (i == first || la_same_stack(&cpus->cpu[first], &cpus->cpu[i]))
			list_add(sink, &list, cpus->cpu[i].cpu);
	list_end(sink, &list);
}

/* "STACK OF CPUS 2-63,65 (stopped):" for all wanted CPUs that share the stack of @cpus[@from]. */
static size_t put_group(const struct la_cpus *cpus, const struct la_render_options *opt,
			size_t from, const struct la_sink *sink)
{
	const struct la_cpu *first = &cpus->cpu[from];
	struct number_list list = { .any = false };
	size_t n = 1;

	for (size_t i = from + 1; i < cpus->n; i++)
		n += la_render_wanted(opt, &cpus->cpu[i]) && la_same_stack(first, &cpus->cpu[i]);
	la_puts(sink, n > 1 ? "\nSTACK OF CPUS " : "\nSTACK OF CPU ");
	if (!has_number(first))
		la_put(sink, "- (VCPU %d)", first->vcpu);
	for (size_t i = from; has_number(first) && i < cpus->n; i++)
		if (la_render_wanted(opt, &cpus->cpu[i]) && la_same_stack(first, &cpus->cpu[i]))
			list_add(sink, &list, cpus->cpu[i].cpu);
	list_end(sink, &list);
	la_put(sink, " (%s):\n", la_cpu_state_name(first->state));
	return n;
}

/* Each stack once, however many CPUs stand there. */
static void put_stacks(const struct la_cpus *cpus, const struct la_render_options *opt,
		       const struct la_sink *sink)
{
	for (size_t i = 0; i < cpus->n; i++) {
		const struct la_cpu *c = &cpus->cpu[i];
		size_t before = 0;

		if (!la_render_wanted(opt, c))
			continue;
		while (before < i && !(la_render_wanted(opt, &cpus->cpu[before]) &&
				       la_same_stack(&cpus->cpu[before], c)))
			before++;
		if (before == i)
			la_put_stack(&c->stack, put_group(cpus, opt, i, sink) > 1, opt->source,
				     sink);
	}
}

void la_render_cpus_text(const struct la_cpus *cpus, const struct la_render_options *opt,
			 const struct la_sink *sink)
{
	bool first = true;

	for (size_t i = 0; i < cpus->n; i++) {
		const struct la_cpu *c = &cpus->cpu[i];

		if (!la_render_wanted(opt, c))
			continue;
		if (opt->registers && !first)
			la_puts(sink, "\n");
		if (opt->registers || first)
			la_put_cpu_header(sink);
		first = false;
		la_put_cpu_line(c, sink);
		if (!opt->registers)
			continue;
		if (opt->stacks)
			la_put_stack(&c->stack, false, opt->source, sink);
		la_put_registers(&c->regs, sink);
		put_steal(c, sink);
	}
	if (opt->stacks && !opt->registers)
		put_stacks(cpus, opt, sink);
	if (cpus->remark) {
		la_puts(sink, "note: ");
		la_put_text(sink, cpus->remark, true);
		la_puts(sink, "\n");
	}
}
