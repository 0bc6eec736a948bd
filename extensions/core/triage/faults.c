// SPDX-License-Identifier: GPL-3.0-or-later
// Exceptions that the log, the stack and the CSRs know of, and what the guest has at their pc.
#include "collect.h"

#include "lakvm/stack/unwind.h"

/* pc says nothing where a wild pointer was called, but ra still lies in the function that called. */
static void find_caller(const struct la_kernel *k, struct la_fault *f)
{
	const struct la_door *door = k->door;
	struct la_symbol symbol;
	uint64_t ra;

	if (!f->regs.pc_known || la_is_text(k, f->pc) || !la_gpr_get(&f->regs, LA_R_RA, &ra) ||
	    !la_is_text(k, ra) || !door->symbol_at(door->ctx, ra - 4, &symbol))
		return;
	f->caller = symbol.name;
	f->caller_offset = ra - symbol.start;
}

/* BADI holds the instruction of the exception; without it, memory still may. */
static void find_insn(const struct la_kernel *k, struct la_fault *f)
{
	uint32_t insn;

	if (la_csr_get(&f->regs, LA_CSR_BADI, &f->insn)) {
		f->insn_known = true;
	} else if (f->regs.pc_known && la_read_u32(k, f->pc, &insn, NULL) == LA_OK) {
		f->insn = insn;
		f->insn_known = true;
	}
}

static void look_around(const struct la_kernel *k, struct la_fault *f)
{
	const struct la_door *door = k->door;
	struct la_symbol symbol;

	if (f->pc_known && door->symbol_at(door->ctx, la_vector_origin(k, f->pc), &symbol)) {
		f->symbol = symbol.name;
		f->module = symbol.module;
		f->offset = la_vector_origin(k, f->pc) - symbol.start;
	}
	if (f->regs.source == LA_REGS_NONE)
		return;
	find_caller(k, f);
	find_insn(k, f);
}

static void from_registers(const struct la_kernel *k, const struct la_regs *regs,
			   struct la_fault *ret)
{
	*ret = (struct la_fault){ .regs = *regs, .pc_known = regs->pc_known, .pc = regs->pc };
	look_around(k, ret);
}

void la_triage_fault_of(const struct la_kernel *k, const struct la_regs *regs, struct la_fault *ret)
{
	from_registers(k, regs, ret);
}

static void from_oops(const struct la_kernel *k, const struct la_event *oops, struct la_fault *ret)
{
	if (oops && oops->regs && oops->regs->pc_known) {
		from_registers(k, oops->regs, ret);
	} else if (oops) {
		if (oops->regs)
			ret->regs = *oops->regs;
		ret->pc_known = oops->era_known;
		ret->pc = oops->era;
		look_around(k, ret);
	}
}

/*
 * Only frames outside panic() count: above it lie the timer ticks of its endless loop. From user mode
 * the kernel was called, it did not fault.
 */
static void from_stack(const struct la_kernel *k, struct la_triage *t)
{
	const struct la_stack *stack = &t->cpu->stack;
	struct la_regs regs;
	size_t i = t->below_panic;
	uint64_t prmd;

	while (i < stack->n && !stack->frame[i].pt_regs)
		i++;
	if (i >= stack->n || la_pt_regs_read(k, stack->frame[i].pt_regs, &regs, NULL) != LA_OK ||
	    !regs.pc_known || (la_csr_get(&regs, LA_CSR_PRMD, &prmd) && (prmd & 3)))
		return;
	t->stack_pt_regs = stack->frame[i].pt_regs;
	from_registers(k, &regs, &t->stack_fault);
}

/*
 * Saved register text has the CSRs: as long as the dead CPU took no other exception, ESTAT and
 * ERA still are those of the last one (with interrupts off, or before the first timer tick).
 */
static void from_csrs(const struct la_kernel *k, struct la_triage *t)
{
	const struct la_regs *now = &t->cpu->regs;
	struct la_regs then = { .source = LA_REGS_TEXT };
	uint64_t value;

	if (now->source != LA_REGS_TEXT || !la_csr_get(now, LA_CSR_ESTAT, &value) ||
	    !LA_ESTAT_ECODE(value) || !la_csr_get(now, LA_CSR_ERA, &then.pc))
		return;
	then.pc_known = true;
	for (enum la_csr i = LA_CSR_ESTAT; i <= LA_CSR_BADI; i++)
		if (la_csr_get(now, i, &value))
			la_csr_set(&then, i, value);
	from_registers(k, &then, &t->csr_fault);
}

void la_triage_faults(const struct la_kernel *k, struct la_triage *t)
{
	size_t before = t->panic ? (size_t)(t->panic - t->events.event) : SIZE_MAX;

	t->panic_oops = la_events_last(&t->events, LA_EVENT_OOPS, before);
	t->last_oops = la_events_last(&t->events, LA_EVENT_OOPS, SIZE_MAX);
	from_oops(k, t->panic_oops, &t->panic_fault);
	from_oops(k, t->last_oops, &t->last_fault);
	if (!t->cpu)
		return;
	from_stack(k, t);
	from_csrs(k, t);
}

void la_triage_code(const struct la_kernel *k, struct la_cause *cause)
{
	for (unsigned i = 0; cause->pc_known && i < LA_CODE_WORDS; i++) {
		const int64_t offset = 4 * ((int64_t)i - LA_CODE_BEFORE);

		if (la_read_u32(k, cause->pc + (uint64_t)offset, &cause->code[i], NULL) == LA_OK)
			cause->code_known |= 1u << i;
	}
}
