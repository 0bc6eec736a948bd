/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A guest whose CPU has made a call in a function called middle, and whose pc is not known. */
#ifndef LAKVM_TEST_POSITION_GUEST_H
#define LAKVM_TEST_POSITION_GUEST_H

#include "guest.h"

enum { THREAD, OUTER, MIDDLE, INNER, LEAF, NFUNCTIONS };

#define SP0 (BOTTOM - 2 * FRAME) /* the stack pointer of middle */
#define LOCK (WINDOW | 0x800000)

/* ret_from_kernel_thread_asm calls outer, which calls middle, which calls @callee. */
static inline struct guest guest_in_middle(int callee)
{
	struct guest g = guest_new();

	function(&g, THREAD, "ret_from_kernel_thread_asm", OUTER);
	function(&g, OUTER, "outer", MIDDLE);
	function(&g, MIDDLE, "middle", callee);
	function(&g, INNER, "inner", LEAF);
	function(&g, LEAF, "leaf", -1);
	/* but not leaf: each test writes its own */
	describe(&g, LEAF);
	/* as s0 still is: middle does not change it */
	frame_at(&g, SP0, BACK(OUTER), 0x7000 + S0);
	frame_at(&g, SP0 + FRAME, BACK(THREAD), 0x2222);
	g.regs.source = LA_REGS_NOTE;
	start_at(&g, 0, SP0, BACK(MIDDLE));
	for (unsigned r = LA_R_A0; r < 21; r++)
		la_gpr_set(&g.regs, r, 0x7000 + r);
	for (unsigned r = LA_R_FP; r < LA_NGPR; r++)
		la_gpr_set(&g.regs, r, 0x7000 + r);
	return g;
}

static inline void leaf_code(struct guest *g, const uint32_t *insn, size_t n)
{
	for (size_t i = 0; i < n; i++)
		code(g, FN(LEAF) + 4 * i, insn[i]);
}

static inline void walk(struct guest *g)
{
	la_unwind_cpu(&g->k, g->arena, &g->regs, 0, &g->stack);
}

static inline const struct la_frame *frame(const struct guest *g, size_t i, const char *symbol)
{
	assert_true(i < g->stack.n);
	assert_string_equal(g->stack.frame[i].symbol, symbol);
	return &g->stack.frame[i];
}

#endif
