// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Leaving a function by what its first instructions did: the method for code without
 * call-frame information (assembler, modules). The pattern is the one of Linux
 * arch/loongarch/kernel/unwind_prologue.c: "addi.d sp, sp, -FRAME" and then stores to it,
 * before the first branch.
 */
#include "steps.h"

#include "bytes.h"
#include "insn.h"

#define MAX_PROLOGUE 64 /* instructions; the longest compiled one saves eleven registers */

struct prologue {
	int64_t frame;		/* bytes the stack pointer was lowered by */
	int64_t saved[LA_NGPR]; /* offset from the lowered stack pointer, -1 = not saved */
};

static bool is_callee_saved(unsigned reg)
{
	return reg == LA_R_RA || reg >= LA_R_FP;
}

/* False: the stack pointer is changed in a way that we do not follow. */
static bool read_prologue(const struct la_walk *w, uint64_t start, uint64_t end,
			  struct prologue *ret)
{
	unsigned char code[4 * MAX_PROLOGUE];
	size_t n;

	ret->frame = 0;
	for (unsigned r = 0; r < LA_NGPR; r++)
		ret->saved[r] = -1;
	if (end < start)
		return false;
	n = end - start < sizeof(code) ? (size_t)(end - start) / 4 : MAX_PROLOGUE;
	if (la_read_code(w->k, start, code, 4 * n, NULL) != LA_OK)
		return false;

	for (size_t i = 0; i < n; i++) {
		uint32_t insn = la_le32(code + 4 * i);
		unsigned rd = la_insn_rd(insn);
		int64_t offset;

		if (la_insn_is_b(insn) || la_insn_is_bl(insn) || la_insn_is_jirl(insn) ||
		    la_insn_is_branch(insn))
			break;
		if (la_insn_is_addi_d(insn) && rd == LA_R_SP) {
			if (la_insn_rj(insn) != LA_R_SP || la_insn_si12(insn) >= 0 || ret->frame)
				return false;
			ret->frame = -la_insn_si12(insn);
		} else if (la_insn_is_store(insn, &offset)) {
			if (la_insn_rj(insn) == LA_R_SP && ret->frame && is_callee_saved(rd) &&
			    offset >= 0 && offset < ret->frame && ret->saved[rd] < 0)
				ret->saved[rd] = offset;
		} else if (rd == LA_R_SP && insn >> 15 == 0x23) {
			return false; /* sub.d sp: a frame of more than 2 KiB */
		}
	}
	return true;
}

static uint32_t insn_at(const struct la_walk *w, uint64_t pc)
{
	uint32_t insn = 0;

	la_read_u32(w->k, pc, &insn, NULL);
	return insn;
}

enum la_step_result la_step_prologue(const struct la_walk *w, const struct la_at *at,
				     struct la_step *ret)
{
	uint64_t sp, ra, value;
	struct prologue p = { .frame = 0 };
	bool leaf;

	if (!la_gpr_get(&at->regs, LA_R_SP, &sp))
		return LA_STEP_NOT_MINE;
	/* A pc outside all text is where a bad pointer was called: ra still has the caller. The
	 * same holds at a function's return instruction. */
	leaf = !at->symbol.name || (at->exact && la_insn_is_ret(insn_at(w, at->code)));
	if (!leaf && !read_prologue(w, at->symbol.start, at->code, &p))
		return LA_STEP_NOT_MINE;

	if (p.saved[LA_R_RA] < 0 || leaf) {
		if (!at->exact || !la_gpr_get(&at->regs, LA_R_RA, &ra))
			return LA_STEP_NOT_MINE;
	} else if (la_read_u64(w->k, sp + (uint64_t)p.saved[LA_R_RA], &ra, NULL) != LA_OK) {
		ret->stop = LA_STOP_UNREADABLE;
		ret->why = "the stack cannot be read";
		return LA_STEP_STOP;
	}
	ret->cfa = sp + (uint64_t)p.frame;
	la_at_return(at, ra, ret->cfa, LA_FROM_PROLOGUE, &ret->caller);
	if (leaf)
		return LA_STEP_DONE;
	for (unsigned r = LA_R_FP; r < LA_NGPR; r++) {
		if (p.saved[r] < 0)
			continue;
		if (la_read_u64(w->k, sp + (uint64_t)p.saved[r], &value, NULL) == LA_OK)
			la_gpr_set(&ret->caller.regs, r, value);
		else
			ret->caller.regs.gpr_known &= ~(1u << r);
	}
	return LA_STEP_DONE;
}
