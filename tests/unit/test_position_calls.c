// SPDX-License-Identifier: GPL-3.0-or-later
// The same as test_position.c, where the last call went through a register.
#include "position_guest.h"

#define TABLE (WINDOW | 0x700000)

/* do_syscall's call through the table: the number is in the registers the task came with. */
static void test_system_call(void **state)
{
	const uint32_t code_of_leaf[] = { ORI(A1, ZERO, 1), ORI(A2, ZERO, 2), ORI(A3, ZERO, 3),
					  ORI(T0, ZERO, 4), ORI(T1, ZERO, 5), RET };

	(void)state;
	for (int from_user = 0; from_user < 2; from_user++) {
		struct guest g = guest_new();

		function(&g, THREAD, "ret_from_kernel_thread_asm", OUTER);
		function(&g, OUTER, "do_syscall", -1);
		function(&g, LEAF, "sys_leaf", -1);
		code(&g, FN(OUTER) + CALL, JIRL(RA, T3, 0));
		describe(&g, LEAF);
		leaf_code(&g, code_of_leaf, 6);
		fake_symbol(g.fake, "sys_call_table", TABLE, 0x1000, NULL);
		put64(&g, TABLE + 8 * 172, FN(LEAF));
		pt_regs_at(&g, BOTTOM, 0x120001000, 0x7ffffff000, 0x120002000, from_user ? 7 : 4);
		put64(&g, BOTTOM + 8 * LA_R_A7, 172);
		frame_at(&g, BOTTOM - FRAME, BACK(THREAD), 0);
		g.regs.source = LA_REGS_NOTE;
		start_at(&g, 0, BOTTOM - FRAME, BACK(OUTER));
		for (unsigned i = 0; i < 3; i++)
			la_gpr_set(&g.regs, A1 + i, i + 1);
		la_gpr_set(&g.regs, T0, 4);
		la_gpr_set(&g.regs, T1, 0x77);
		walk(&g);
		frame(&g, 0, from_user ? "sys_leaf" : "do_syscall");
		assert_false(g.stack.verified); /* a table can be changed */
		guest_free(&g);
	}
}

/* A call through a register names no callee: what the register has now is a guess. */
static void test_indirect(void **state)
{
	const uint32_t code_of_leaf[] = { NOP, NOP, RET };
	struct guest g = guest_in_middle(LEAF);

	(void)state;
	leaf_code(&g, code_of_leaf, 3);
	code(&g, FN(MIDDLE) + CALL, JIRL(RA, S1, 0));
	la_gpr_set(&g.regs, S1, FN(LEAF));
	walk(&g);
	assert_false(g.stack.verified);
	assert_false(g.stack.frame[0].verified);
	assert_int_equal(g.stack.stop, LA_STOP_END);
	guest_free(&g);
}

/* The pointer was loaded from a structure that is the callee's argument, and the register has changed since. */
static void test_indirect_by_argument(void **state)
{
	const uint32_t code_of_leaf[] = { ORI(T0, ZERO, 9), NOP, NOP, RET };
	struct guest g = guest_in_middle(LEAF);

	(void)state;
	leaf_code(&g, code_of_leaf, 4);
	code(&g, FN(MIDDLE) + CALL - 4, LD_D(T0, A0, 8));
	code(&g, FN(MIDDLE) + CALL, JIRL(RA, T0, 0));
	code(&g, BACK(MIDDLE), ORI(A0, ZERO, 1)); /* it has not run */
	put64(&g, LOCK + 8, FN(LEAF));
	la_gpr_set(&g.regs, A0, LOCK);
	la_gpr_set(&g.regs, T0, 9);
	walk(&g);
	assert_false(frame(&g, 0, "leaf")->verified);
	assert_int_equal(g.stack.stop, LA_STOP_END);
	guest_free(&g);
}

/* The register still names the callee, which has moved its argument on to another object, of another function. */
static void test_indirect_before_argument(void **state)
{
	const uint32_t code_of_leaf[] = { LD_D(A0, A0, 16), NOP, NOP, NOP, NOP, RET };
	struct guest g = guest_in_middle(LEAF);

	(void)state;
	leaf_code(&g, code_of_leaf, 6);
	code(&g, FN(MIDDLE) + CALL - 4, LD_D(T0, A0, 8));
	code(&g, FN(MIDDLE) + CALL, JIRL(RA, T0, 0));
	code(&g, BACK(MIDDLE), ORI(A3, ZERO, 1)); /* it has not run */
	put64(&g, LOCK + 8, FN(LEAF));
	put64(&g, LOCK + 16, LOCK + 0x100);
	put64(&g, LOCK + 0x108, FN(INNER));
	la_gpr_set(&g.regs, A0, LOCK + 0x100);
	la_gpr_set(&g.regs, T0, FN(LEAF));
	walk(&g);
	frame(&g, 0, "leaf");
	guest_free(&g);
}

/* The structure was the caller's own argument, by a register of the one that called it. */
static void test_indirect_by_callers_argument(void **state)
{
	const uint32_t code_of_leaf[] = { ORI(T0, ZERO, 9), NOP, NOP, RET };
	struct guest g = guest_in_middle(LEAF);

	(void)state;
	leaf_code(&g, code_of_leaf, 4);
	code(&g, FN(OUTER) + CALL - 4, MOVE(A0, S1));
	code(&g, FN(MIDDLE) + CALL - 8, LD_D(T0, A0, 8));
	code(&g, FN(MIDDLE) + CALL - 4, ORI(A0, ZERO, 1));
	code(&g, FN(MIDDLE) + CALL, JIRL(RA, T0, 0));
	code(&g, BACK(MIDDLE), ORI(A3, ZERO, 1)); /* it has not run */
	put64(&g, LOCK + 8, FN(LEAF));
	la_gpr_set(&g.regs, S1, LOCK);
	la_gpr_set(&g.regs, A0, 1);
	la_gpr_set(&g.regs, T0, 9);
	walk(&g);
	assert_false(frame(&g, 0, "leaf")->verified);
	guest_free(&g);
}

/* That structure is known by a register of the caller's, which the callee has put into its frame, and changed. */
static void test_indirect_by_saved(void **state)
{
	(void)state;
	for (int right = 0; right < 2; right++) {
		struct guest g = guest_in_middle(INNER);
		const uint64_t sp = SP0 - FRAME;

		code(&g, FN(MIDDLE) + CALL - 4, LD_D(T0, S0, 8));
		code(&g, FN(MIDDLE) + CALL, JIRL(RA, T0, 0));
		code(&g, FN(INNER) + 12, ORI(S0, ZERO, 7));
		code(&g, FN(INNER) + 16, ORI(T0, ZERO, 9));
		put64(&g, LOCK + 8, right ? FN(INNER) : FN(LEAF)); /* the leaf has no such frame */
		frame_at(&g, sp, BACK(MIDDLE), LOCK);
		start_at(&g, 0, sp, BACK(MIDDLE));
		la_gpr_set(&g.regs, S0, 7);
		la_gpr_set(&g.regs, T0, 9);
		walk(&g);
		if (right) {
			assert_int_equal(frame(&g, 0, "inner")->sp, sp);
			assert_int_equal(frame(&g, 1, "middle")->sp, SP0);
		} else {
			assert_string_not_equal(g.stack.frame[0].symbol, "leaf");
		}
		assert_false(g.stack.frame[0].verified);
		guest_free(&g);
	}
}

/*
 * The same with a frame of its own, where the register names nothing any more: that function cannot be named, and
 * the caller's frames above it can. Its kept return address is behind the same call, and no caller's.
 */
static void test_unknown_callee(void **state)
{
	(void)state;
	for (int kept = 0; kept < 2; kept++) {
		struct guest g = guest_in_middle(LEAF);
		const uint64_t sp = SP0 - 0x90;

		code(&g, FN(MIDDLE) + CALL, JIRL(RA, T0, 0));
		for (uint64_t at = sp; at < SP0; at += 8)
			put64(&g, at, 0);
		if (kept)
			put64(&g, SP0 - 8, BACK(MIDDLE));
		start_at(&g, 0, sp, BACK(MIDDLE));
		walk(&g);
		assert_int_equal(g.stack.n, 4);
		assert_null(g.stack.frame[0].symbol);
		assert_int_equal(g.stack.frame[0].sp, sp);
		assert_int_equal(frame(&g, 1, "middle")->sp, SP0);
		assert_int_equal(frame(&g, 2, "outer")->sp, SP0 + FRAME);
		assert_false(g.stack.frame[1].verified);
		assert_int_equal(g.stack.stop, LA_STOP_END);

		/* It has a name if the last exception came from it. */
		leaf_code(&g, (uint32_t[]){ ADDI_D(SP, SP, -0x90), ST_D(RA, SP, 0x88), NOP }, 3);
		put64(&g, SP0 - 8, BACK(MIDDLE));
		la_csr_set(&g.regs, LA_CSR_ERA, FN(LEAF) + 8);
		walk(&g);
		assert_int_equal(g.stack.n, 4);
		frame(&g, 0, "leaf");
		assert_int_equal(frame(&g, 1, "middle")->sp, SP0);
		guest_free(&g);
	}
}

/* The caller's own frame is right above, and a damaged one above that: what lies further up is of earlier calls. */
static void test_damaged_above(void **state)
{
	struct guest g = guest_in_middle(LEAF);
	const uint64_t sp = SP0 - 4 * FRAME;

	(void)state;
	code(&g, FN(MIDDLE) + CALL, JIRL(RA, T0, 0));
	for (uint64_t at = sp; at < SP0; at += 8)
		put64(&g, at, 0);
	frame_at(&g, sp, BACK(OUTER), 0);
	start_at(&g, 0, sp, BACK(MIDDLE));
	walk(&g);
	assert_int_equal(frame(&g, 0, "middle")->sp, sp);
	assert_int_equal(frame(&g, 1, "outer")->sp, sp + FRAME);
	guest_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_system_call),
		cmocka_unit_test(test_indirect),
		cmocka_unit_test(test_indirect_by_argument),
		cmocka_unit_test(test_indirect_before_argument),
		cmocka_unit_test(test_indirect_by_callers_argument),
		cmocka_unit_test(test_indirect_by_saved),
		cmocka_unit_test(test_unknown_callee),
		cmocka_unit_test(test_damaged_above),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
