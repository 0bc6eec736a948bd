// SPDX-License-Identifier: GPL-3.0-or-later
// Code that leads nowhere else, as for (;;) is compiled to: then nothing but interrupts ever leaves it.
#include "isa/insn.h"
#include "priv.h"

#define MOST 32 /* instructions of such a loop, and on the way to it */

/* What may go on elsewhere, or wait: conditional branches, calls, returns, system calls, breaks, idle, ertn. */
static bool leaves(uint32_t insn)
{
	return la_insn_is_branch(insn) || la_insn_links(insn) || la_insn_is_jirl(insn) ||
	       insn == LA_INSN_ERTN || la_insn_is_idle(insn) || insn >> 16 == 0x2a ||
	       insn >> 16 == 0x2b;
}

/* From @pc on only instructions that follow each other and jumps that are always taken, back to one of them? */
static bool never_ends(const struct la_kernel *k, uint64_t pc)
{
	uint64_t been[MOST] = { 0 };
	uint32_t insn;

	for (size_t n = 0; n < MOST; n++) {
		for (size_t i = 0; i < n; i++)
			if (been[i] == pc)
				return true;
		been[n] = pc;
		if (la_read_u32(k, pc, &insn, NULL) != LA_OK || leaves(insn))
			return false;
		pc += la_insn_is_b(insn) ? (uint64_t)la_insn_offs26(insn) : 4;
	}
	return false;
}

void la_cpu_find_closed(const struct la_kernel *k, struct la_cpu *c)
{
	const struct la_frame *f = c->before_frame;

	if (f)
		c->closed_loop = f->pc_known && f->verified && never_ends(k, f->pc);
	else if (c->state == LA_CPU_RUNNING)
		c->closed_loop = c->pc_source != LA_PC_NONE && c->verified && never_ends(k, c->pc);
}
