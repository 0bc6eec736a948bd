// SPDX-License-Identifier: GPL-3.0-or-later
// Crossing ftrace's trampoline (mcount_dyn.S, 6.2 to 7.2), which tracers, kprobes on a function's first
// instruction and live patches run behind. It is entered by "move t0, ra; bl" at the start of the traced
// function, and nothing describes it. While a tracer runs, its stack pointer is the address of a
// pt_regs with ra and sp as the function was entered with, and as ERA where that goes on.
#include "steps.h"

#include "flow.h"
#include "isa/insn.h"

bool la_is_traced_call(const struct la_kernel *k, uint64_t pc)
{
	uint32_t first, call;
	struct la_symbol symbol;

	return k->door->symbol_at(k->door->ctx, pc - sizeof(call), &symbol) &&
	       pc - symbol.start <= 4 * ((uint64_t)la_flow_traced_entry(&symbol) + 1) &&
	       la_read_code(k, symbol.start, &first, sizeof(first), NULL) == LA_OK &&
	       la_read_code(k, pc - sizeof(call), &call, sizeof(call), NULL) == LA_OK &&
	       first == LA_INSN_MOVE_T0_RA && la_insn_links(call);
}

bool la_is_ftrace_call(const struct la_kernel *k, uint64_t pc)
{
	static const char *const entries[] = { "ftrace_regs_caller", "ftrace_caller" };
	const struct la_door *door = k->door;
	struct la_symbol symbol;
	uint64_t start;

	/* Not of a module: one that calls itself "bpf" would be asked for here again, without end. */
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		if (door->symbol(door->ctx, entries[i], &start) &&
		    door->symbol_at(door->ctx, start, &symbol) && symbol.start == start &&
		    !symbol.module && la_call_reaches(k, pc, &symbol) == LA_LINK_DIRECT)
			return true;
	return false;
}

enum la_step_result la_step_ftrace(const struct la_walk *w, const struct la_unwind_frame *at,
				   struct la_step *ret)
{
	struct la_regs saved;
	uint64_t sp, entry_sp, ra;

	if (at->exact || !la_gpr_get(&at->regs, LA_R_SP, &sp) ||
	    la_pt_regs_read(w->k, sp, &saved, NULL) != LA_OK || !saved.pc_known ||
	    !la_gpr_get(&saved, LA_R_SP, &entry_sp) || entry_sp != sp + LA_PT_REGS_SIZE ||
	    !la_gpr_get(&saved, LA_R_RA, &ra) || !la_is_traced_call(w->k, saved.pc))
		return LA_STEP_NOT_MINE;
	ret->cfa = entry_sp;
	la_at_return(at, ra, entry_sp, LA_FROM_EXCEPTION, &ret->caller);
	ret->caller.exact = true;
	ret->caller.regs.pc = saved.pc;
	return LA_STEP_DONE;
}
