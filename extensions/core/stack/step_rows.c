// SPDX-License-Identifier: GPL-3.0-or-later
// Leaving a function by a row that describes its frame: the compiler's (call-frame information) or
// the kernel's own (ORC).
#include "steps.h"

#include "flow.h"
#include "orc.h"

void la_at_return(const struct la_unwind_frame *at, uint64_t ra, uint64_t cfa,
		  enum la_method method, struct la_unwind_frame *ret)
{
	/* tp and the per-CPU base are constant in kernel mode; fp and s0-s8 survive calls. */
	const uint32_t kept = 1u << LA_R_TP | 1u << LA_R_U0 | 0x3ffu << LA_R_FP;

	*ret = (struct la_unwind_frame){ .regs = at->regs, .exact = false, .method = method };
	ret->regs.gpr_known &= kept;
	ret->regs.csr_known = 0;
	la_gpr_set(&ret->regs, LA_R_ZERO, 0);
	la_gpr_set(&ret->regs, LA_R_SP, cfa);
	la_gpr_set(&ret->regs, LA_R_RA, ra);
	ret->regs.pc_known = true;
	ret->regs.pc = ra;
}

enum la_step_result la_step_by_row(const struct la_walk *w, const struct la_unwind_frame *at,
				   const struct la_cfi_row *row, enum la_method method,
				   struct la_step *ret)
{
	uint64_t base, ra;

	if (!la_gpr_get(&at->regs, row->cfa_reg, &base))
		return LA_STEP_NOT_MINE;
	ret->cfa = base + (uint64_t)(int64_t)row->cfa_offset;
	ret->by_fp = row->cfa_reg != LA_R_SP;

	switch (row->rule[LA_R_RA].kind) {
	case LA_RULE_SAME:
		/* Only a function that called nothing since still has it in the register. */
		if (!at->exact || !la_gpr_get(&at->regs, LA_R_RA, &ra))
			return LA_STEP_NOT_MINE;
		break;
	case LA_RULE_AT_CFA:
		ret->read =
			la_read_u64(w->k, ret->cfa + (uint64_t)(int64_t)row->rule[LA_R_RA].offset,
				    &ra, NULL);
		if (ret->read == LA_OK)
			break;
		ret->stop = LA_STOP_UNREADABLE;
		ret->why = "the stack cannot be read";
		return LA_STEP_STOP;
	default:
		return LA_STEP_NOT_MINE;
	}
	la_at_return(at, ra, ret->cfa, method, &ret->caller);

	for (unsigned r = LA_R_FP; r < LA_NGPR; r++) {
		uint64_t place = ret->cfa + (uint64_t)(int64_t)row->rule[r].offset;

		switch (row->rule[r].kind) {
		case LA_RULE_SAME:
			break;
		case LA_RULE_AT_CFA:
			if (la_read_u64(w->k, place, &place, NULL) == LA_OK) {
				la_gpr_set(&ret->caller.regs, r, place);
				break;
			}
			/* fall through */
		case LA_RULE_UNKNOWN:
			ret->caller.regs.gpr_known &= ~(1u << r);
			break;
		case LA_RULE_CFA_PLUS:
			la_gpr_set(&ret->caller.regs, r, place);
			break;
		}
	}
	return LA_STEP_DONE;
}

/*
 * With -fpatchable-function-entry=2 (6.2 and later, for ftrace) the description of a function
 * starts behind its two patchable instructions, before which nothing has changed.
 */
static bool find_row(const struct la_walk *w, const struct la_unwind_frame *at,
		     struct la_cfi_row *ret)
{
	return la_cfi_row(w->k->cfi, at->code, ret) ||
	       (at->symbol.name && at->code - at->symbol.start < 8 &&
		la_cfi_row(w->k->cfi, at->symbol.start + 8, ret) &&
		ret->fde_start == at->symbol.start + 8);
}

enum la_step_result la_step_cfi(const struct la_walk *w, const struct la_unwind_frame *at,
				struct la_step *ret)
{
	struct la_cfi_row row;

	return find_row(w, at, &row) ? la_step_by_row(w, at, &row, LA_FROM_CFI, ret) :
				       LA_STEP_NOT_MINE;
}

static bool cfa_of(const struct la_unwind_frame *at, const struct la_cfi_row *row, uint64_t *ret)
{
	if (!la_gpr_get(&at->regs, row->cfa_reg, ret))
		return false;
	*ret += (uint64_t)(int64_t)row->cfa_offset;
	return true;
}

/* What ORC leaves out is in the code, which is believed where it agrees with ORC. */
static void add_saved_registers(const struct la_walk *w, const struct la_unwind_frame *at,
				struct la_cfi_row *row)
{
	struct la_cfi_row code;
	uint64_t cfa, other;
	bool whole;

	if (at->symbol.name && la_flow_row(w->k, &at->symbol, at->code, &code, &whole) && whole &&
	    cfa_of(at, row, &cfa) && cfa_of(at, &code, &other) && cfa == other)
		for (unsigned r = LA_R_S0; r < LA_NGPR; r++)
			row->rule[r] = code.rule[r];
}

enum la_step_result la_step_orc(const struct la_walk *w, const struct la_unwind_frame *at,
				struct la_step *ret)
{
	struct la_cfi_row row;

	if (!la_orc_row(w->k, at->code, &row, &ret->why))
		return LA_STEP_NOT_MINE;
	add_saved_registers(w, at, &row);
	return la_step_by_row(w, at, &row, LA_FROM_ORC, ret);
}
