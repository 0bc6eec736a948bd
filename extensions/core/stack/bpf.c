// SPDX-License-Identifier: GPL-3.0-or-later
// Leaving a BPF trampoline, which programs of the kinds fentry and fexit run behind (arch/loongarch/net/bpf_jit.c,
// __arch_prepare_bpf_trampoline(), 6.17 to 7.2). A traced function enters it by "move t0, ra" and a call at its start: a BPF
// program by a call of it, a function of the kernel by way of ftrace, which leaves ra and t0 as that call did. It
// makes two frames: the upper one has where the traced function goes on, and fp; the lower one on top of that
// has t0, where the traced function itself returns to, as does a trampoline that has called the function itself.
// One that nothing traced entered is left as any function.
#include "steps.h"

#include <string.h>

#include "flow.h"
#include "isa/insn.h"
#include "lakvm/door/modules.h"

/* Below the stack pointer at entry: */
#define GOES_ON 8
#define RETURNS_TO 24

#define MAX_PROLOGUE 8 /* instructions */
#define MAX_INSNS 4096 /* a trampoline is one page at most */

/* Which register the trampoline leaves by: its only jump that is neither a branch nor a call. */
static bool leaves_by(const struct la_kernel *k, const struct la_unwind_frame *at, unsigned *ret)
{
	uint32_t insn;

	for (unsigned i = 0; i < MAX_INSNS; i++) {
		const uint64_t pc = at->code + 4 * (uint64_t)i;

		if (pc >= at->symbol.end || la_read_code(k, pc, &insn, sizeof(insn), NULL) != LA_OK)
			return false;
		if (la_insn_is_jirl(insn) && la_insn_rd(insn) == LA_R_ZERO) {
			*ret = la_insn_rj(insn);
			return true;
		}
	}
	return false;
}

/* Does the code at @start begin by keeping ra and t0 there? Then they are what it was entered with. */
static bool keeps_both(const struct la_kernel *k, uint64_t start)
{
	bool ra = false, t0 = false;
	int64_t sp = 0, offset;
	uint32_t insn;

	for (unsigned i = 0; i < MAX_PROLOGUE && !(ra && t0); i++) {
		if (la_read_code(k, start + 4 * (uint64_t)i, &insn, sizeof(insn), NULL) != LA_OK ||
		    la_insn_rj(insn) != LA_R_SP)
			return false;
		if (la_insn_is_store(insn, &offset)) {
			ra = ra || (la_insn_rd(insn) == LA_R_RA && sp + offset == -GOES_ON);
			t0 = t0 || (la_insn_rd(insn) == LA_R_T0 && sp + offset == -RETURNS_TO);
		} else if (la_insn_is_addi_d(insn) && la_insn_rd(insn) == LA_R_SP) {
			sp += la_insn_si12(insn);
		} else if (!la_insn_is_addi_d(insn) || la_insn_rd(insn) != LA_R_FP) {
			return false;
		}
	}
	return ra && t0;
}

enum la_step_result la_step_bpf(const struct la_walk *w, const struct la_unwind_frame *at,
				struct la_step *ret)
{
	uint64_t base, goes_on, ra, entered;
	struct la_cfi_row row;
	unsigned way;
	bool whole, sure;

	if (!at->symbol.name || !at->symbol.module || !la_is_bpf(at->symbol.module) ||
	    strncmp(at->symbol.name, "bpf_trampoline_", 15) != 0 ||
	    !la_flow_row(w->k, &at->symbol, at->code, &row, &whole) ||
	    !la_gpr_get(&at->regs, row.cfa_reg, &base) || !leaves_by(w->k, at, &way))
		return LA_STEP_NOT_MINE;
	base += (uint64_t)(int64_t)row.cfa_offset;
	if (la_read_u64(w->k, base - GOES_ON, &goes_on, NULL) != LA_OK ||
	    la_read_u64(w->k, base - RETURNS_TO, &ra, NULL) != LA_OK ||
	    !la_is_traced_call(w->k, goes_on) ||
	    la_step_by_row(w, at, &row, LA_FROM_PROLOGUE, ret) != LA_STEP_DONE)
		return LA_STEP_NOT_MINE;
	ret->sound =
		keeps_both(w->k, at->symbol.start) &&
		((la_link_target(w->k, goes_on, &entered, &sure) && entered == at->symbol.start) ||
		 la_is_ftrace_call(w->k, goes_on));
	la_gpr_set(&ret->caller.regs, LA_R_RA, ra);
	ret->caller.exact = way != LA_R_T0;
	if (way == LA_R_T0)
		ret->caller.regs.pc = ra;
	return LA_STEP_DONE;
}
