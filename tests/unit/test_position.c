// SPDX-License-Identifier: GPL-3.0-or-later
// Which function is a CPU in whose pc is not known? Hand-made cases; test_execution has random ones.
#include "position_guest.h"

/* A poll that has not ended yet: behind it, the condition would be another. */
static void test_poll(void **state)
{
	const uint32_t poll[] = { LD_D(T0, A0, 0), BEQZ(T0, -4), RET };
	struct guest g = guest_in_middle(LEAF);

	(void)state;
	leaf_code(&g, poll, 3);
	put64(&g, LOCK, 0);
	la_gpr_set(&g.regs, A0, LOCK);
	la_gpr_set(&g.regs, T0, 0);
	walk(&g);
	assert_int_equal(g.stack.n, 4);
	assert_false(frame(&g, 0, "leaf")->pc_known);
	assert_int_equal(g.stack.frame[0].pc, 0);
	assert_int_equal(g.stack.frame[0].method, LA_FROM_POSITION);
	assert_int_equal(frame(&g, 1, "middle")->pc, BACK(MIDDLE));
	assert_true(g.stack.verified);

	/* A value that ends the poll: the CPU can be on either side of the return. */
	la_gpr_set(&g.regs, T0, 1);
	walk(&g);
	assert_false(g.stack.verified);
	assert_false(g.stack.frame[0].verified);
	frame(&g, g.stack.n - 2, "outer");
	assert_true(g.stack.frame[g.stack.n - 2].verified);
	guest_free(&g);
}

/* Only one instruction of all agrees with the registers. */
static void test_exact(void **state)
{
	const uint32_t constant[] = { ORI(T0, ZERO, 5), RET };
	struct guest g = guest_in_middle(LEAF);

	(void)state;
	leaf_code(&g, constant, 2);
	walk(&g);
	assert_true(frame(&g, 0, "leaf")->pc_known);
	assert_int_equal(g.stack.frame[0].pc, FN(LEAF));
	assert_int_equal(g.stack.frame[0].offset, 0);
	assert_true(g.stack.frame[0].pc_exact);
	assert_true(g.stack.verified);
	guest_free(&g);
}

/* stop_this_cpu: an endless jump behind the call. */
static void test_endless(void **state)
{
	struct guest g = guest_in_middle(INNER);

	(void)state;
	code(&g, BACK(MIDDLE), B(BACK(MIDDLE), BACK(MIDDLE)));
	code(&g, FN(MIDDLE) + CALL - 4, ORI(A0, ZERO, 7));
	walk(&g);
	assert_int_equal(g.stack.n, 3);
	assert_true(frame(&g, 0, "middle")->pc_known);
	assert_int_equal(g.stack.frame[0].pc, BACK(MIDDLE));
	assert_true(g.stack.verified);
	guest_free(&g);
}

/* idle_exit counts as a symbol of its own, and is not a function. */
static void test_idle(void **state)
{
	const uint32_t idle[] = { IDLE, RET };
	struct guest g = guest_in_middle(LEAF);

	(void)state;
	fake_symbol(g.fake, "idle_exit", FN(LEAF) + 4, 4, NULL);
	leaf_code(&g, idle, 2);
	walk(&g);
	frame(&g, 0, "leaf");
	assert_true(g.stack.verified);
	guest_free(&g);
}

/* The callee has taken its frame and called nothing yet: at each such place. */
static void test_callee_with_frame(void **state)
{
	(void)state;
	for (unsigned at = 4; at <= CALL; at += 4) {
		struct guest g = guest_in_middle(INNER);
		const uint64_t sp = SP0 - FRAME;

		put64(&g, sp + 16, 0x55);
		put64(&g, sp + 24, 0x66);
		if (at >= 8)
			put64(&g, sp + 24, BACK(MIDDLE));
		if (at >= 12)
			put64(&g, sp + 16, g.regs.gpr[S0]);
		start_at(&g, 0, sp, BACK(MIDDLE));
		walk(&g);
		assert_int_equal(g.stack.n, 4);
		assert_int_equal(frame(&g, 0, "inner")->sp, sp);
		assert_int_equal(frame(&g, 1, "middle")->sp, SP0);
		assert_true(g.stack.verified);
		guest_free(&g);
	}
}

/*
 * A callee that makes calls, at its first instruction or returned from: the stack tells, for where
 * it would have kept its return address there is none, and no exception has come in between.
 */
static void test_callee_not_begun(void **state)
{
	static const struct {
		bool kept;    /* the return address lies where the callee keeps it */
		uint64_t era; /* where the last exception struck; 0 = unknown */
		bool certain;
	} cases[] = {
		{ false, FN(OUTER), true },
		{ true, FN(OUTER), false },
		{ false, BACK(MIDDLE), false },
		{ false, BACK(MIDDLE) + 8, false },
		{ false, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guest g = guest_in_middle(INNER);

		if (cases[i].kept)
			put64(&g, SP0 - 8, BACK(MIDDLE));
		if (cases[i].era)
			la_csr_set(&g.regs, LA_CSR_ERA, cases[i].era);
		walk(&g);
		assert_int_equal(g.stack.verified, cases[i].certain);
		if (cases[i].certain) {
			frame(&g, 0, "inner");
			frame(&g, 1, "middle");
		}
		guest_free(&g);
	}
}

/* The same where the callee ends in a jump: the other's frame can have covered the place. */
static void test_callee_not_begun_jumps(void **state)
{
	struct guest g = guest_in_middle(INNER);

	(void)state;
	code(&g, FN(INNER) + 0xfc, B(FN(INNER) + 0xfc, FN(LEAF)));
	la_csr_set(&g.regs, LA_CSR_ERA, FN(OUTER));
	code(&g, FN(LEAF), RET);
	walk(&g);
	assert_false(g.stack.verified);
	guest_free(&g);
}

/* Code of two functions is left: the one that more of it belongs to is named, and not proved. */
static void test_two_functions(void **state)
{
	const uint32_t code_of_leaf[] = { BEQZ(A0, (int64_t)(FN(5) - FN(LEAF))), NOP, RET };
	const uint32_t code_of_next[] = { NOP, NOP, NOP, NOP, NOP, RET };
	struct guest g = guest_in_middle(LEAF);

	(void)state;
	fake_symbol(g.fake, "leaf_slow", FN(5), 0x100, NULL);
	for (size_t i = 0; i < 6; i++)
		code(&g, FN(5) + 4 * i, code_of_next[i]);
	leaf_code(&g, code_of_leaf, 3);
	code(&g, BACK(MIDDLE), ORI(T0, ZERO, 9)); /* it has not run */
	la_gpr_set(&g.regs, A0, 0);
	walk(&g);
	assert_false(frame(&g, 0, "leaf_slow")->verified);
	assert_false(g.stack.verified);
	guest_free(&g);
}

/*
 * The likeliest values are those of one way through the callee; where another way meets it they are not known any more.
 * The place is still in the function that has most such places, not in the callee that jumped there.
 */
static void test_function_behind_jump(void **state)
{
	const uint32_t code_of_next[] = { ORI(T0, ZERO, 0x321), NOP, NOP, NOP, NOP, RET };
	struct guest g = guest_in_middle(LEAF);

	(void)state;
	function(&g, 5, "leaf_slow", -1);
	for (size_t i = 0; i < 6; i++)
		code(&g, FN(5) + 4 * i, code_of_next[i]);
	code(&g, FN(LEAF), BEQZ(A0, (int64_t)(FN(5) - FN(LEAF))));
	code(&g, FN(LEAF) + 4, B(FN(LEAF) + 4, FN(INNER)));
	/* inner, which the leaf jumps to as well, ends in leaf_slow with anything in t0 */
	code(&g, FN(INNER) + 0xfc, B(FN(INNER) + 0xfc, FN(5) + 4));
	code(&g, BACK(MIDDLE), ORI(T0, ZERO, 9)); /* it has not run */
	la_gpr_set(&g.regs, A0, 0);
	la_gpr_set(&g.regs, T0, 0x321);
	walk(&g);
	assert_false(frame(&g, 0, "leaf_slow")->verified);
	assert_false(g.stack.verified);
	guest_free(&g);
}

/* The callee ended in a jump to another function, which is where the CPU is. */
static void test_tail_call(void **state)
{
	struct guest g = guest_in_middle(LEAF);
	const uint64_t sp = SP0 - FRAME;

	(void)state;
	code(&g, FN(LEAF), B(FN(LEAF), FN(INNER)));
	frame_at(&g, sp, BACK(MIDDLE), g.regs.gpr[S0]);
	start_at(&g, 0, sp, BACK(MIDDLE));
	walk(&g);
	assert_int_equal(frame(&g, 0, "inner")->sp, sp);
	assert_int_equal(frame(&g, 1, "middle")->sp, SP0);
	assert_true(g.stack.verified);
	guest_free(&g);
}

/* Behind a call that never returns lies another function: only the callee is possible. */
static void test_noreturn(void **state)
{
	const uint32_t code_of_leaf[] = { NOP, NOP, NOP, RET };
	const uint64_t last = FN(MIDDLE) + 0xfc;
	struct guest g = guest_in_middle(INNER);

	(void)state;
	/* middle's description says its frame is gone by then; without one its code counts */
	la_cfi_close(&g.k);
	leaf_code(&g, code_of_leaf, 4);
	for (uint64_t at = FN(MIDDLE) + 0xf0; at < last; at += 4)
		code(&g, at, NOP);
	code(&g, last, BL(last, FN(LEAF)));
	start_at(&g, 0, SP0, last + 4);
	walk(&g);
	frame(&g, 0, "leaf");
	frame(&g, 1, "middle");
	assert_true(g.stack.verified);
	guest_free(&g);
}

/* A callee with a frame that nothing describes can be where it cannot be looked for. */
static void test_unknown_frame(void **state)
{
	const uint32_t code_of_leaf[] = { ADDI_D(SP, SP, -16), NOP, ADDI_D(SP, SP, 16), RET };

	(void)state;
	for (int has_frame = 0; has_frame < 2; has_frame++) {
		struct guest g = guest_in_middle(LEAF);

		leaf_code(&g, has_frame ? code_of_leaf : code_of_leaf + 3, has_frame ? 4 : 1);
		code(&g, BACK(MIDDLE), B(0, 0)); /* it waits for ever */
		walk(&g);
		assert_int_equal(frame(&g, 0, "middle")->verified, !has_frame);
		assert_true(frame(&g, 2, "ret_from_kernel_thread_asm")->verified);
		guest_free(&g);
	}
}

/*
 * The CPU has lowered sp in leaf, which nothing describes, so middle is looked for one frame too low, where
 * an earlier call left its return address. outer, whose stack alloca has moved, is left by fp and comes
 * out right from any sp: the one it then has is not to be believed.
 */
static void test_stale_return_address(void **state)
{
	const uint32_t moved[] = { ADDI_D(SP, SP, -FRAME), ST_D(RA, SP, 24), ST_D(FP, SP, 16),
				   ADDI_D(FP, SP, FRAME), SUB_D(SP, SP, A0) };
	const uint32_t end[] = { ADDI_D(SP, FP, -FRAME), LD_D(RA, SP, 24), LD_D(FP, SP, 16),
				 ADDI_D(SP, SP, FRAME), RET };
	const uint64_t outer = BOTTOM - FRAME - 0x40, middle = outer - FRAME;
	struct guest g = guest_new();

	(void)state;
	function(&g, THREAD, "ret_from_kernel_thread_asm", OUTER);
	function(&g, OUTER, "outer", MIDDLE);
	function(&g, MIDDLE, "middle", LEAF);
	function(&g, LEAF, "leaf", -1);
	for (size_t i = 0; i < 5; i++) {
		code(&g, FN(OUTER) + 4 * i, moved[i]);
		code(&g, FN(OUTER) + 0xec + 4 * i, end[i]);
	}
	frame_at(&g, BOTTOM - FRAME, BACK(THREAD), 0x2222);
	frame_at(&g, middle, BACK(OUTER), 0x1111);
	g.regs.source = LA_REGS_NOTE;
	start_at(&g, 0, middle - FRAME, BACK(MIDDLE));
	la_gpr_set(&g.regs, LA_R_FP, BOTTOM);
	frame_at(&g, middle - FRAME, BACK(OUTER), 0x1111); /* the earlier call's */
	walk(&g);
	assert_int_not_equal(frame(&g, g.stack.n - 2, "outer")->sp, outer);
	assert_false(g.stack.frame[g.stack.n - 2].verified);
	assert_true(frame(&g, g.stack.n - 1, "ret_from_kernel_thread_asm")->verified);
	guest_free(&g);
}

/*
 * A leaf of assembly that nothing describes, in the shape of the kernel's __clear_user_fast: short lengths
 * go through a table of jumps, and a store that faults goes on at a fixup, which no jump leads to.
 */
enum { CLEAR_TABLE = 14, CLEAR_JUMP = 17, CLEAR_END = 26 };

static struct guest guest_clearing(void)
{
	const uint32_t clear[CLEAR_END] = {
		/* 0 */ SLTUI(T0, A1, 9),
		/* 1 */ BNEZ(T0, 4 * (CLEAR_TABLE - 1)),
		/* 2 */ ADD_D(A2, A0, A1),
		/* 3 */ ST_D(ZERO, A0, 0),
		/* 4 */ ADDI_D(A0, A0, 8),
		/* 5 */ ADDI_D(A3, A2, -16),
		/* 6 */ ST_D(ZERO, A0, 0),
		/* 7 */ ST_D(ZERO, A0, 8),
		/* 8 */ ADDI_D(A0, A0, 16),
		/* 9 */ BLTU(A0, A3, -12),
		/* 10 */ ST_D(ZERO, A2, -8),
		/* 11 */ MOVE(A0, ZERO),
		/* 12 */ RET,
		/* 13 */ NOP,
		/* 14 */ PCADDI(T0, 16),
		/* 15 */ SLLI_D(A2, A1, 3),
		/* 16 */ ADD_D(T0, T0, A2),
		/* 17 */ JIRL(ZERO, T0, 0),
		/* 18 */ MOVE(A0, ZERO),
		/* 19 */ RET,
		/* 20 */ ST_D(ZERO, A0, 0),
		/* 21 */ MOVE(A0, ZERO),
		/* 22 */ RET,
		/* 23 */ NOP,
		/* 24 */ SUB_D(A0, A2, A0),
		/* 25 */ RET,
	};
	struct guest g = guest_in_middle(LEAF);

	leaf_code(&g, clear, CLEAR_END);
	for (uint64_t at = FN(LEAF) + 4 * CLEAR_END; at < FN(LEAF) + 0x100; at += 4)
		code(&g, at, NOP);
	code(&g, FN(MIDDLE) + CALL - 8, MOVE(A0, S0));
	code(&g, FN(MIDDLE) + CALL - 4, ORI(A1, ZERO, 0x400));
	code(&g, FN(MIDDLE) + CALL + 4, MOVE(S1, A0));
	code(&g, FN(MIDDLE) + CALL + 8, BNEZ(A0, 16));
	la_gpr_set(&g.regs, S0, 0x120000000);
	la_gpr_set(&g.regs, A0, 0x120000000);
	la_gpr_set(&g.regs, A1, 0x400);
	return g;
}

/*
 * In its loop a0 is what no return leaves, but for the fixup's. That one leaves the number of bytes not
 * cleared, and what the CPU has then can be of the fixup or of the caller.
 */
static void test_assembly_leaf(void **state)
{
	(void)state;
	for (int with_table = 0; with_table < 2; with_table++) {
		struct guest g = guest_clearing();

		if (!with_table)
			code(&g, FN(LEAF) + 4 * CLEAR_JUMP, NOP);
		la_gpr_set(&g.regs, T0, 0);
		la_gpr_set(&g.regs, A0, 0x120000208);
		la_gpr_set(&g.regs, A2, 0x120000400);
		la_gpr_set(&g.regs, A3, 0x1200003f0);
		walk(&g);
		frame(&g, 0, "leaf");
		frame(&g, 1, "middle");
		assert_false(g.stack.frame[0].verified);

		la_gpr_set(&g.regs, A0, 0x1f8);
		walk(&g);
		assert_false(g.stack.frame[0].verified);
		guest_free(&g);
	}
}

/* Only code that no jump leads to comes back from the leaf: what is behind the call is as likely as that. */
static void test_hidden_return(void **state)
{
	const uint32_t stays[] = { B(0, 0), ORI(A0, ZERO, 1), RET };
	struct guest g = guest_in_middle(LEAF);

	(void)state;
	for (uint64_t at = FN(LEAF); at < FN(LEAF) + 0x100; at += 4)
		code(&g, at, NOP);
	leaf_code(&g, stays, 3);
	walk(&g);
	frame(&g, 0, "leaf");
	guest_free(&g);
}

/* A loop whose end is a sum of what nobody knows: what it is of the other registers tells whether it was left. */
static void test_sum(void **state)
{
	const uint32_t sums[] = {
		ADD_D(A2, A0, A1),
		ADDI_D(A3, A2, -16),
		ST_D(ZERO, A0, 0),
		ADDI_D(A0, A0, 8),
		BLTU(A0, A3, -8),
		ADDI_D(A3, A2, -8),
		RET,
	};
	struct guest g = guest_in_middle(LEAF);

	(void)state;
	leaf_code(&g, sums, sizeof(sums) / sizeof(sums[0]));
	la_gpr_set(&g.regs, A0, 0x120000208);
	la_gpr_set(&g.regs, A1, 0x400);
	la_gpr_set(&g.regs, A2, 0x120000400);
	la_gpr_set(&g.regs, A3, 0x1200003f0);
	walk(&g);
	assert_true(frame(&g, 0, "leaf")->verified);
	frame(&g, 1, "middle");

	/* Left: at its end or behind the call. */
	la_gpr_set(&g.regs, A3, 0x1200003f8);
	walk(&g);
	assert_false(g.stack.frame[0].verified);
	guest_free(&g);
}

/* Whether what the leaf stores is in memory tells whether it has run; others may write there, too, so it is likely only. */
static void test_store(void **state)
{
	const uint32_t store[] = { ST_D(A1, A0, 8), NOP, RET };

	(void)state;
	for (int stored = 0; stored < 2; stored++) {
		struct guest g = guest_in_middle(LEAF);

		leaf_code(&g, store, 3);
		code(&g, BACK(MIDDLE), ORI(T0, ZERO, 9)); /* it has not run */
		la_gpr_set(&g.regs, A0, LOCK);
		put64(&g, LOCK + 8, stored ? g.regs.gpr[A1] : 0x1234);
		walk(&g);
		assert_int_equal(g.stack.n, 4);
		frame(&g, 0, "leaf");
		assert_false(g.stack.frame[0].verified);

		/* As many places behind the call as in the leaf. */
		code(&g, BACK(MIDDLE), ADDI_D(S2, S2, 1));
		code(&g, BACK(MIDDLE) + 4, NOP);
		walk(&g);
		frame(&g, 0, stored ? "middle" : "leaf");
		assert_false(g.stack.frame[0].verified);
		guest_free(&g);
	}
}

/* Where no method leads on, a scan does; what was found one from the other below it stays. */
static void test_scan_above(void **state)
{
	struct guest g = guest_in_middle(INNER);

	(void)state;
	la_cfi_close(&g.k);
	frame_at(&g, SP0 - FRAME, BACK(MIDDLE), 0);
	start_at(&g, 0, SP0 - FRAME, BACK(INNER));
	code(&g, FN(MIDDLE), ADD_D(SP, SP, T0)); /* a frame of unknown size */
	walk(&g);
	assert_false(frame(&g, 0, "inner")->pc_known);
	assert_int_equal(frame(&g, 1, "middle")->pc, BACK(MIDDLE));
	assert_int_equal(frame(&g, 2, "outer")->method, LA_FROM_SCAN);
	assert_int_equal(frame(&g, 2, "outer")->pc, BACK(OUTER));
	frame(&g, 3, "ret_from_kernel_thread_asm");
	assert_int_equal(g.stack.stop, LA_STOP_END);
	for (size_t i = 0; i < g.stack.n; i++)
		assert_false(g.stack.frame[i].verified);

	/* If not even the first call fits, only the scan counts. */
	code(&g, FN(MIDDLE) + CALL, BL(FN(MIDDLE) + CALL, FN(LEAF)));
	walk(&g);
	assert_int_equal(frame(&g, 0, "outer")->method, LA_FROM_SCAN);
	assert_int_equal(g.stack.n, 2);
	guest_free(&g);
}

static void test_user_mode(void **state)
{
	struct guest g = guest_in_middle(LEAF);

	(void)state;
	start_at(&g, 0, UINT64_C(0x7ffffff000), UINT64_C(0x120001000));
	walk(&g);
	assert_int_equal(g.stack.n, 0);
	assert_int_equal(g.stack.stop, LA_STOP_USER);

	g.regs.gpr_known &= ~(1u << LA_R_SP);
	walk(&g);
	assert_int_equal(g.stack.stop, LA_STOP_NO_REGS);
	guest_free(&g);
}

/* Between user mode and the kernel there is one frame, of what saved the registers, and it is a guess. */
static void test_entry(void **state)
{
	static const struct {
		uint64_t ecode, era;
		const char *symbol; /* NULL: not known */
	} cases[] = {
		{ LA_ECODE_SYS, 0x120001000, "handle_syscall" },
		{ LA_ECODE_SYS, 0x120000ffc,
		  "handle_syscall" }, /* its pt_regs are one instruction on */
		{ LA_ECODE_INT, 0x120001000, "handle_vint" },
		{ LA_ECODE_PIS, 0x120001000, "tlb_do_page_fault_1" },
		{ LA_ECODE_PIS, 0x120000ffc, NULL }, /* what is saved is of an earlier exception */
		{ LA_ECODE_FPD, 0x120001000, NULL }, /* no such symbol here */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guest g = guest_in_middle(LEAF);

		fake_symbol(g.fake, "handle_syscall", FN(6), 0x100, NULL);
		fake_symbol(g.fake, "handle_vint", FN(7), 0x100, NULL);
		fake_symbol(g.fake, "tlb_do_page_fault_1", FN(8), 0x100, NULL);
		pt_regs_at(&g, BOTTOM, 0x120001000, 0x7ffffff000, 0x120002000, 7);
		put64(&g, BOTTOM + 312, cases[i].ecode << 16);
		start_at(&g, 0, BOTTOM, 0x120002000);
		la_csr_set(&g.regs, LA_CSR_ERA, cases[i].era);
		walk(&g);
		assert_false(g.stack.verified);
		assert_int_equal(g.stack.n, cases[i].symbol != NULL);
		if (cases[i].symbol) {
			assert_false(frame(&g, 0, cases[i].symbol)->verified);
			assert_int_equal(g.stack.frame[0].pt_regs, BOTTOM);
			assert_int_equal(g.stack.stop, LA_STOP_USER);
		}
		guest_free(&g);
	}
}

/*
 * An interrupt in the kernel, whose entry has lowered the stack pointer and saves registers: ra is the interrupted
 * code's, or ERA on its way to memory. What was saved before ERA, and what lies there of an earlier one, tell no kind.
 */
static void test_kernel_entry(void **state)
{
	static const struct {
		bool ra_is_era;
		uint64_t sp, era; /* in the pt_regs */
		const char *symbol;
		bool taken;
	} cases[] = {
		{ false, SP0, FN(MIDDLE) + CALL + 8, "handle_vint", true },
		{ true, SP0, 0x1234, "handle_vint", true },
		{ false, SP0, 0x1234, NULL, true },
		{ false, SP0 - 16, FN(MIDDLE) + CALL + 8, NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guest g = guest_in_middle(LEAF);
		const uint64_t sp = SP0 - LA_PT_REGS_SIZE, era = FN(MIDDLE) + CALL + 8;

		fake_symbol(g.fake, "handle_vint", FN(7), 0x100, NULL);
		leaf_code(&g, (uint32_t[]){ ORI(T0, ZERO, 5), ORI(T1, ZERO, 5), RET }, 3);
		pt_regs_at(&g, sp, cases[i].era, cases[i].sp, BACK(MIDDLE), 0);
		put64(&g, sp + 312, (uint64_t)LA_ECODE_INT << 16);
		start_at(&g, 0, sp, cases[i].ra_is_era ? era : BACK(MIDDLE));
		la_csr_set(&g.regs, LA_CSR_ERA, era);
		walk(&g);
		assert_false(g.stack.verified);
		assert_int_equal(g.stack.n == 4 && g.stack.frame[1].pc == era, cases[i].taken);
		if (cases[i].symbol)
			frame(&g, 0, cases[i].symbol);
		else if (cases[i].taken)
			assert_null(g.stack.frame[0].symbol);
		if (cases[i].taken) {
			assert_int_equal(frame(&g, 1, "middle")->sp, SP0);
			assert_true(g.stack.frame[1].pc_exact);
			frame(&g, 2, "outer");
			assert_int_equal(g.stack.stop, LA_STOP_END);
		}
		guest_free(&g);
	}
}

/* ra is of no use: what the stack shows is shown, and called what it is. */
static void test_lost(void **state)
{
	struct guest g = guest_in_middle(LEAF);

	(void)state;
	start_at(&g, 0, SP0 - 0x40, 0x1234);
	walk(&g);
	assert_int_equal(g.stack.n, 2);
	assert_int_equal(frame(&g, 0, "outer")->method, LA_FROM_SCAN);
	assert_int_equal(g.stack.frame[0].pc, BACK(OUTER));
	assert_false(g.stack.frame[0].verified);
	assert_false(g.stack.verified);

	/* Without an ra it is the same. */
	g.regs.gpr_known &= ~(1u << LA_R_RA);
	walk(&g);
	assert_int_equal(g.stack.n, 2);
	assert_int_equal(frame(&g, 0, "outer")->method, LA_FROM_SCAN);
	assert_false(g.stack.frame[0].verified);

	/* Nothing on the stack either, and not without end. */
	start_at(&g, 0, BOTTOM + 64, 0x1234);
	walk(&g);
	assert_int_equal(g.stack.n, 0);
	assert_int_equal(g.stack.stop, LA_STOP_BAD_PC);
	start_at(&g, 0, WINDOW | 0x9000000, WINDOW | 0x9000100);
	walk(&g);
	assert_int_equal(g.stack.n, 0);
	assert_true(fake_reads(g.fake) < 20000);
	guest_free(&g);
}

/* Code without end, each word a branch somewhere: work stays bounded, nothing is proven. */
static void test_wild_code(void **state)
{
	struct guest g = guest_in_middle(LEAF);

	(void)state;
	for (uint64_t i = 0; i < 0x2000; i++)
		code(&g, FN(LEAF) + 4 * i,
		     i % 2 ? BNE(T0, T1, 4 * (int64_t)(i % 97)) :
			     BEQZ(A0, 4 * (int64_t)(1000 - i % 1000)));
	walk(&g);
	assert_false(g.stack.verified);
	assert_true(fake_reads(g.fake) < 200000);
	guest_free(&g);
}

/* Registers that make no sense, or a little: no harm, no endless work, nothing called verified. */
static void test_random_registers(void **state)
{
	const uint64_t near[] = { FN(0),
				  FN(LEAF),
				  BACK(MIDDLE),
				  STACK,
				  SP0,
				  STACK_TOP,
				  IRQ_STACK,
				  IRQ_START,
				  VECTORS + 0x9854,
				  LOCK,
				  WINDOW | 0x9000000,
				  0 };
	struct guest g = guest_in_middle(INNER);
	uint32_t seed = 1;

	(void)state;
	function(&g, NFUNCTIONS, "handle_vint", -1);
	put64(&g, IRQ_START, SP0);
	for (unsigned i = 0; i < 3000; i++) {
		size_t before = fake_reads(g.fake);

		for (unsigned r = 1; r < LA_NGPR; r++) {
			seed = seed * 1664525u + 1013904223u;
			la_gpr_set(&g.regs, r, near[(seed >> 8) % 12] + (seed >> 16 & 0x7c));
		}
		la_csr_set(&g.regs, LA_CSR_ERA, near[(seed >> 4) % 12]);
		walk(&g);
		assert_true(fake_reads(g.fake) - before < 200000);
		/* middle's frame is the one thing here that can be proven */
		if (g.stack.verified && g.stack.n)
			assert_true(g.regs.gpr[LA_R_SP] >= SP0 - 2 * FRAME &&
				    g.regs.gpr[LA_R_SP] <= SP0 + 3 * FRAME);
		g.regs.pc_known = true;
		g.regs.pc = near[(seed >> 12) % 12];
		la_unwind(&g.k, g.arena, &g.regs, 0, &g.stack);
		g.regs.pc_known = false;
		la_arena_free(g.arena);
		g.arena = la_arena_new(8 << 20);
	}
	guest_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_poll),
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_callee_with_frame),
		cmocka_unit_test(test_callee_not_begun),
		cmocka_unit_test(test_callee_not_begun_jumps),
		cmocka_unit_test(test_two_functions),
		cmocka_unit_test(test_function_behind_jump),
		cmocka_unit_test(test_tail_call),
		cmocka_unit_test(test_noreturn),
		cmocka_unit_test(test_unknown_frame),
		cmocka_unit_test(test_scan_above),
		cmocka_unit_test(test_stale_return_address),
		cmocka_unit_test(test_assembly_leaf),
		cmocka_unit_test(test_hidden_return),
		cmocka_unit_test(test_sum),
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_user_mode),
		cmocka_unit_test(test_entry),
		cmocka_unit_test(test_kernel_entry),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_wild_code),
		cmocka_unit_test(test_random_registers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
