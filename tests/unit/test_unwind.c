// SPDX-License-Identifier: GPL-3.0-or-later
// Stacks made by hand: what is found, what is called verified, and why a walk ends.
#include "guest.h"

enum { THREAD, OUTER, MIDDLE, INNER, OTHER, LEAF, ENTRY, VINT, DO_VINT, HANDLE_IRQ, NFUNCTIONS };

#define OUTER_SP (BOTTOM - 2 * FRAME) /* of middle, if it is called as usual */

/* ret_from_kernel_thread_asm calls outer, which calls middle, which calls inner. */
static struct guest chain(void)
{
	struct guest g = guest_new();

	function(&g, THREAD, "ret_from_kernel_thread_asm", OUTER);
	function(&g, OUTER, "outer", MIDDLE);
	function(&g, MIDDLE, "middle", INNER);
	function(&g, INNER, "inner", OTHER);
	function(&g, OTHER, "other", -1);
	function(&g, LEAF, "leaf", -1);
	return g;
}

/* Frames of middle and outer from @sp up; returns the stack pointer of inner's caller's caller. */
static void outer_frames(struct guest *g, uint64_t sp)
{
	sp = frame_at(g, sp, BACK(OUTER), 0x1111);
	frame_at(g, sp, BACK(THREAD), 0x2222);
}

static void walk(struct guest *g, int cpu)
{
	la_unwind(&g->k, g->arena, &g->regs, cpu, &g->stack);
}

static void check_frame(const struct guest *g, size_t i, const char *symbol, uint64_t sp)
{
	assert_true(i < g->stack.n);
	assert_string_equal(g->stack.frame[i].symbol, symbol);
	assert_int_equal(g->stack.frame[i].sp, sp);
}

static void test_chain(void **state)
{
	for (int described = 0; described < 2; described++) {
		struct guest g = chain();
		const uint64_t sp = OUTER_SP - FRAME;

		(void)state;
		if (described)
			describe(&g, NFUNCTIONS);
		frame_at(&g, sp, BACK(MIDDLE), 0x3333);
		outer_frames(&g, sp + FRAME);
		start_at(&g, FN(INNER) + 0x40, sp, 0);
		walk(&g, 0);
		assert_int_equal(g.stack.n, 4);
		check_frame(&g, 0, "inner", sp);
		check_frame(&g, 1, "middle", sp + FRAME);
		check_frame(&g, 2, "outer", sp + 2 * FRAME);
		check_frame(&g, 3, "ret_from_kernel_thread_asm", sp + 3 * FRAME);
		assert_int_equal(g.stack.stop, LA_STOP_END);
		assert_true(g.stack.verified);
		assert_true(g.stack.frame[0].pc_exact);
		assert_false(g.stack.frame[1].pc_exact);
		assert_int_equal(g.stack.frame[1].pc, BACK(MIDDLE));
		assert_int_equal(g.stack.frame[1].offset, CALL + 4);
		assert_int_equal(g.stack.frame[0].cfa, sp + FRAME);
		assert_int_equal(g.stack.frame[1].method,
				 described ? LA_FROM_CFI : LA_FROM_PROLOGUE);
		guest_free(&g);
	}
}

/* The first instructions and the last ones: only call-frame information knows. */
static void test_every_instruction(void **state)
{
	(void)state;
	for (unsigned at = 0; at < 0x100; at += 4) {
		struct guest g = chain();
		uint64_t sp = OUTER_SP - FRAME;
		bool lowered = at >= 4 && at < 0xfc;

		describe(&g, NFUNCTIONS);
		frame_at(&g, sp, BACK(MIDDLE), 0x3333);
		outer_frames(&g, sp + FRAME);
		start_at(&g, FN(INNER) + at, lowered ? sp : sp + FRAME,
			 at < 0x24 || at >= 0xf4 ? BACK(MIDDLE) : BACK(INNER));
		walk(&g, 0);
		assert_int_equal(g.stack.n, 4);
		assert_true(g.stack.verified);
		guest_free(&g);
	}
}

/* A return address behind a call of another function: found, not verified, nor is what follows. */
static void test_wrong_callee(void **state)
{
	struct guest g = chain();
	const uint64_t sp = OUTER_SP - FRAME;

	(void)state;
	code(&g, FN(MIDDLE) + CALL, BL(FN(MIDDLE) + CALL, FN(LEAF)));
	frame_at(&g, sp, BACK(MIDDLE), 0);
	outer_frames(&g, sp + FRAME);
	start_at(&g, FN(INNER) + 0x40, sp, 0);
	walk(&g, 0);
	assert_int_equal(g.stack.n, 4);
	assert_int_equal(g.stack.stop, LA_STOP_END);
	assert_true(g.stack.frame[0].verified);
	assert_false(g.stack.frame[1].verified);
	assert_false(g.stack.frame[3].verified);
	assert_false(g.stack.verified);
	guest_free(&g);
}

/* The function called ends in a jump to the one found; or into its cold part; or runs on into it. */
static void test_roundabout_calls(void **state)
{
	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		struct guest g = chain();
		const uint64_t sp = OUTER_SP - FRAME;
		uint64_t pc = FN(INNER) + 0x40;

		frame_at(&g, sp, BACK(MIDDLE), 0);
		outer_frames(&g, sp + FRAME);
		code(&g, FN(MIDDLE) + CALL, BL(FN(MIDDLE) + CALL, FN(LEAF)));
		if (kind == 0) {
			code(&g, FN(LEAF) + 0x80, B(FN(LEAF) + 0x80, FN(INNER)));
		} else if (kind == 1) { /* by way of another function */
			code(&g, FN(LEAF) + 0x80, B(FN(LEAF) + 0x80, FN(OTHER)));
			code(&g, FN(OTHER) + 0x80, B(FN(OTHER) + 0x80, FN(INNER)));
		} else if (kind == 2) { /* leaf runs on into a label */
			fake_symbol(g.fake, "label", FN(LEAF) + 0x40, 0xc0, NULL);
			describe(&g, NFUNCTIONS);
			pc = FN(LEAF) + 0x40;
		} else {
			fake_symbol(g.fake, "leaf.cold", TEXT + 0x9000, 0x100, NULL);
			for (unsigned i = 0; i < 0x100; i += 4)
				code(&g, TEXT + 0x9000 + i, NOP);
			code(&g, TEXT + 0x9000, ADDI_D(SP, SP, -FRAME));
			code(&g, TEXT + 0x9004, ST_D(RA, SP, 24));
			code(&g, TEXT + 0x90f4, LD_D(RA, SP, 24));
			code(&g, TEXT + 0x90f8, ADDI_D(SP, SP, FRAME));
			code(&g, TEXT + 0x90fc, RET);
			pc = TEXT + 0x9040;
		}
		start_at(&g, pc, sp, BACK(MIDDLE));
		walk(&g, 0);
		assert_int_equal(g.stack.n, 4);
		assert_true(g.stack.verified);
		guest_free(&g);
	}
}

/* Functions that jump one to the other, in a row: the kernel has four such jumps. In a circle they end, too. */
static void test_tail_calls(void **state)
{
	(void)state;
	for (unsigned jumps = 4; jumps <= 6; jumps++) {
		for (int circle = 0; circle < 2; circle++) {
			struct guest g = chain();
			const uint64_t sp = OUTER_SP - FRAME;

			frame_at(&g, sp, BACK(MIDDLE), 0);
			outer_frames(&g, sp + FRAME);
			code(&g, FN(MIDDLE) + CALL, BL(FN(MIDDLE) + CALL, FN(NFUNCTIONS)));
			for (unsigned i = 0; i < jumps; i++) {
				uint64_t from = FN(NFUNCTIONS + i) + 0x80;
				uint64_t to = i + 1 < jumps ? FN(NFUNCTIONS + i + 1) :
					      circle        ? FN(NFUNCTIONS) :
							      FN(INNER);

				function(&g, NFUNCTIONS + i, "between", -1);
				code(&g, from, B(from, to));
			}
			start_at(&g, FN(INNER) + 0x40, sp, BACK(MIDDLE));
			walk(&g, 0);
			assert_int_equal(g.stack.n, 4);
			assert_int_equal(g.stack.verified, jumps <= 5 && !circle);
			guest_free(&g);
		}
	}
}

/*
 * A call proves nothing by itself, not even of this function by name: an earlier one may have left its
 * return address there. It needs the compiler's description, or code all of whose ways are known.
 * A jump through a register, with a frame, is one of which is not.
 */
static void check_calls(bool by_name)
{
	enum { DESCRIBED, WHOLE, UNKNOWN_WAY, NKINDS };

	for (int kind = 0; kind < NKINDS; kind++) {
		struct guest g = chain();
		const uint64_t sp = OUTER_SP - FRAME;

		if (kind == DESCRIBED)
			describe(&g, NFUNCTIONS);
		if (kind == UNKNOWN_WAY)
			code(&g, FN(INNER) + 0x80, JIRL(ZERO, T0, 0));
		if (!by_name)
			code(&g, FN(MIDDLE) + CALL, JIRL(RA, T0, 0));
		frame_at(&g, sp, BACK(MIDDLE), 0);
		outer_frames(&g, sp + FRAME);
		start_at(&g, FN(INNER) + 0x40, sp, 0);
		walk(&g, 0);
		assert_int_equal(g.stack.n, 4);
		assert_int_equal(g.stack.frame[1].verified, kind != UNKNOWN_WAY);
		assert_int_equal(g.stack.verified, kind != UNKNOWN_WAY);

		/* If the register is seen to get another function's address, none is proof. */
		code(&g, FN(MIDDLE) + CALL, JIRL(RA, T0, 0));
		code(&g, FN(MIDDLE) + CALL - 4, PCADDI(T0, FN(LEAF) - (FN(MIDDLE) + CALL - 4)));
		walk(&g, 0);
		assert_false(g.stack.frame[1].verified);
		guest_free(&g);
	}
}

static void test_uncertain_frame(void **state)
{
	(void)state;
	check_calls(true);
	check_calls(false);
}

/* A call that never returns is the last instruction: the return address is another function's. */
static void test_noreturn(void **state)
{
	struct guest g = chain();
	const uint64_t sp = OUTER_SP - FRAME;
	const uint64_t last = FN(MIDDLE) + 0xfc;

	(void)state;
	for (uint64_t at = FN(MIDDLE) + 0xf0; at < last; at += 4)
		code(&g, at, NOP);
	code(&g, last, BL(last, FN(INNER)));
	frame_at(&g, sp, last + 4, 0);
	outer_frames(&g, sp + FRAME);
	start_at(&g, FN(INNER) + 0x40, sp, 0);
	walk(&g, 0);
	check_frame(&g, 1, "middle", sp + FRAME);
	assert_int_equal(g.stack.frame[1].offset, 0x100);
	assert_int_equal(g.stack.n, 4);
	assert_true(g.stack.verified);
	guest_free(&g);
}

static void test_bad_jump(void **state)
{
	struct guest g = chain();
	const uint64_t sp = OUTER_SP;

	(void)state;
	code(&g, FN(MIDDLE) + CALL, JIRL(RA, T0, 0));
	outer_frames(&g, sp);
	start_at(&g, 8, sp, BACK(MIDDLE)); /* a call through a null pointer's member */
	la_csr_set(&g.regs, LA_CSR_CRMD, 0xb0);
	walk(&g, 0);
	assert_int_equal(g.stack.n, 4);
	assert_null(g.stack.frame[0].symbol);
	check_frame(&g, 1, "middle", sp);
	assert_true(g.stack.verified);

	/* If the call had a target, something else went wrong. */
	code(&g, FN(MIDDLE) + CALL, BL(FN(MIDDLE) + CALL, FN(INNER)));
	walk(&g, 0);
	assert_false(g.stack.verified);
	guest_free(&g);
}

/* Vector slot 64+n holds a copy of handle_vint; its callee's return address lies in there. */
static void exception_code(struct guest *g)
{
	function(g, VINT, "handle_vint", -1);
	function(g, ENTRY, "handle_syscall", MIDDLE);
	function(g, DO_VINT, "do_vint", HANDLE_IRQ);
	function(g, HANDLE_IRQ, "handle_loongarch_irq", INNER);
	for (unsigned i = 0; i < 0x200; i += 4)
		code(g, VECTORS + 76 * 0x200 + i, NOP);
	code(g, VECTORS + 76 * 0x200 + 0x50, JIRL(RA, T0, 0));
}

#define VINT_BACK (VECTORS + 76 * 0x200 + 0x54)

static void test_interrupt(void **state)
{
	struct guest g = chain();
	const uint64_t sp = OUTER_SP - LA_PT_REGS_SIZE - FRAME, pt = sp + FRAME, top = OUTER_SP;

	(void)state;
	exception_code(&g);
	describe(&g, NFUNCTIONS);
	frame_at(&g, sp, VINT_BACK, 0);
	pt_regs_at(&g, pt, FN(LEAF), top, BACK(MIDDLE), 4);
	code(&g, FN(MIDDLE) + CALL, BL(FN(MIDDLE) + CALL, FN(LEAF)));
	outer_frames(&g, top);
	start_at(&g, FN(INNER) + 0x40, sp, 0);
	walk(&g, 0);
	assert_int_equal(g.stack.n, 6);
	check_frame(&g, 1, "handle_vint", pt);
	assert_int_equal(g.stack.frame[1].offset, 0x54);
	assert_int_equal(g.stack.frame[1].pt_regs, pt);
	check_frame(&g, 2, "leaf", top);
	assert_int_equal(g.stack.frame[2].method, LA_FROM_EXCEPTION);
	assert_true(g.stack.frame[2].pc_exact);
	check_frame(&g, 3, "middle", top);
	assert_true(g.stack.verified);

	/* The saved stack pointer must be the one that the entry code started from. */
	put64(&g, pt + 24, top + 16);
	walk(&g, 0);
	assert_int_equal(g.stack.n, 2);
	assert_int_equal(g.stack.stop, LA_STOP_BAD_SP);
	assert_int_equal(g.stack.frame[1].pt_regs, 0);
	assert_false(g.stack.verified);
	guest_free(&g);
}

static void test_user_entry(void **state)
{
	struct guest g = chain();
	const uint64_t pt = STACK_TOP - LA_PT_REGS_SIZE, sp = pt - 2 * FRAME;

	(void)state;
	exception_code(&g);
	frame_at(&g, sp, BACK(MIDDLE), 0);
	frame_at(&g, sp + FRAME, BACK(ENTRY), 0);
	pt_regs_at(&g, pt, 0x120001000, 0x7ffffff000, 0, 7);
	start_at(&g, FN(INNER) + 0x40, sp, 0);
	walk(&g, 0);
	assert_int_equal(g.stack.n, 3);
	check_frame(&g, 2, "handle_syscall", pt);
	assert_int_equal(g.stack.stop, LA_STOP_USER);
	assert_true(g.stack.verified);
	guest_free(&g);
}

/* From the IRQ stack to the task's: s0 of do_vint, and the word at the stack's start, must agree. */
static void test_irq_stack(void **state)
{
	const uint64_t pt = OUTER_SP - LA_PT_REGS_SIZE, top = OUTER_SP;

	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		struct guest g = chain();
		const uint64_t vint_sp = pt - FRAME; /* of do_vint, on the task's stack */
		const uint64_t sp = IRQ_START - 2 * FRAME;

		exception_code(&g);
		describe(&g, NFUNCTIONS);
		frame_at(&g, sp, BACK(HANDLE_IRQ), 0);
		frame_at(&g, sp + FRAME, BACK(DO_VINT), kind == 1 ? 0x77 : vint_sp);
		put64(&g, IRQ_START, kind == 2 ? pt + 8 : pt);
		frame_at(&g, vint_sp, VINT_BACK, 0);
		pt_regs_at(&g, pt, FN(LEAF), top, BACK(MIDDLE), kind == 3 ? 7 : 4);
		code(&g, FN(MIDDLE) + CALL, BL(FN(MIDDLE) + CALL, FN(LEAF)));
		outer_frames(&g, top);
		start_at(&g, FN(INNER) + 0x40, sp, 0);
		walk(&g, 0);
		check_frame(&g, 2, "do_vint", IRQ_START);
		if (kind == 0) {
			check_frame(&g, 3, "handle_vint", pt);
			check_frame(&g, 4, "leaf", top);
			assert_int_equal(g.stack.stop, LA_STOP_END);
			assert_true(g.stack.verified);
		} else if (kind == 1) { /* s0 was lost: the word alone leads on, unproven */
			check_frame(&g, 3, "leaf", top);
			assert_int_equal(g.stack.frame[3].method, LA_FROM_IRQ_SWITCH);
			assert_int_equal(g.stack.frame[2].pt_regs, pt);
			assert_int_equal(g.stack.stop, LA_STOP_END);
			assert_false(g.stack.verified);
		} else if (kind == 2) { /* both are there and disagree, and the word is wrong */
			assert_int_equal(g.stack.stop, LA_STOP_BAD_SP);
		} else { /* user mode, but pt_regs not at the stack's top */
			assert_int_equal(g.stack.stop, LA_STOP_BAD_SP);
			assert_false(g.stack.verified);
		}

		/* Without the CPU's number the switch is not crossed, and nothing is made up. */
		walk(&g, -1);
		assert_int_not_equal(g.stack.stop, LA_STOP_END);
		guest_free(&g);
	}
}

static void test_ends(void **state)
{
	struct guest g = chain();
	const uint64_t sp = OUTER_SP - FRAME;

	(void)state;
	frame_at(&g, sp, UINT64_C(0x1234567), 0);
	start_at(&g, FN(INNER) + 0x40, sp, 0);
	walk(&g, 0);
	assert_int_equal(g.stack.n, 1);
	assert_int_equal(g.stack.stop, LA_STOP_BAD_PC);

	start_at(&g, FN(INNER) + 0x40, WINDOW | 0x9000000, 0);
	walk(&g, 0);
	assert_int_equal(g.stack.stop, LA_STOP_UNREADABLE);

	start_at(&g, FN(INNER) + 0x40, 0x7ffffff000, 0);
	walk(&g, 0);
	assert_int_not_equal(g.stack.stop, LA_STOP_END);
	assert_false(g.stack.verified);

	start_at(&g, UINT64_C(0x120001000), UINT64_C(0x7ffffff000), 0);
	walk(&g, 0);
	assert_int_equal(g.stack.stop, LA_STOP_USER);
	assert_int_equal(g.stack.n, 1);

	start_at(&g, 0, sp, 0);
	walk(&g, 0);
	assert_int_equal(g.stack.stop, LA_STOP_NO_REGS);
	assert_int_equal(g.stack.n, 0);
	guest_free(&g);
}

/* Frames that call each other for ever stop at the top of the stack, and at the limit. */
static void test_bounds(void **state)
{
	struct guest g = chain();

	(void)state;
	code(&g, FN(MIDDLE) + CALL, BL(FN(MIDDLE) + CALL, FN(MIDDLE)));
	for (uint64_t sp = STACK; sp < STACK_TOP; sp += FRAME)
		frame_at(&g, sp, BACK(MIDDLE), 0);
	start_at(&g, FN(MIDDLE) + 0x40, STACK_TOP - 4 * FRAME, 0);
	walk(&g, 0);
	/* the frame whose stack pointer would be the top itself is the last */
	assert_int_equal(g.stack.n, 5);
	assert_int_not_equal(g.stack.stop, LA_STOP_END);
	assert_false(g.stack.verified);

	start_at(&g, FN(MIDDLE) + 0x40, STACK, 0);
	walk(&g, 0);
	assert_int_equal(g.stack.n, LA_MAX_FRAMES);
	assert_int_equal(g.stack.stop, LA_STOP_LIMIT);
	guest_free(&g);
}

/* A stack of neither the task nor the CPU's interrupts cannot be verified. */
static void test_foreign_stack(void **state)
{
	struct guest g = chain();
	const uint64_t sp = OUTER_SP - FRAME;

	(void)state;
	frame_at(&g, sp, BACK(MIDDLE), 0);
	outer_frames(&g, sp + FRAME);
	put64(&g, TASK + 0x20, STACK + 2 * LA_THREAD_SIZE);
	start_at(&g, FN(INNER) + 0x40, sp, 0);
	walk(&g, 0);
	assert_int_equal(g.stack.n, 4);
	assert_false(g.stack.frame[0].verified);
	assert_false(g.stack.verified);
	guest_free(&g);
}

static void test_sleeping_task(void **state)
{
	static const char *const names[] = { "reg01", "reg03", "reg22", "reg23", "reg24", "reg25",
					     "reg26", "reg27", "reg28", "reg29", "reg30", "reg31" };
	struct guest g = chain();
	const uint64_t sp = OUTER_SP - FRAME;
	struct la_error err = { "" };

	(void)state;
	assert_int_equal(la_task_regs(&g.k, TASK, &g.regs, &err), LA_ABSENT);
	fake_member(g.fake, "task_struct", "thread", 0x100, 400);
	for (unsigned i = 0; i < 12; i++) {
		fake_member(g.fake, "thread_struct", names[i], 8 * (size_t)i, 8);
		put64(&g, TASK + 0x100 + 8 * i, i);
	}
	put64(&g, TASK + 0x100, BACK(INNER)); /* behind its call of __switch_to */
	put64(&g, TASK + 0x108, sp);
	frame_at(&g, sp, BACK(MIDDLE), 0);
	outer_frames(&g, sp + FRAME);
	assert_int_equal(la_task_regs(&g.k, TASK, &g.regs, &err), LA_OK);
	assert_int_equal(g.regs.source, LA_REGS_SWITCHED);
	assert_int_equal(g.regs.gpr[LA_R_FP], 2);
	assert_int_equal(g.regs.gpr[31], 11);
	assert_int_equal(g.regs.gpr_known, 1u << 1 | 1u << 2 | 1u << 3 | 0x3ffu << 22);
	assert_int_equal(g.regs.gpr[LA_R_TP], TASK);
	walk(&g, -1);
	assert_int_equal(g.stack.n, 4);
	assert_true(g.stack.verified);

	/* A task that has not run yet starts at a function's first instruction. */
	put64(&g, TASK + 0x100, FN(THREAD));
	assert_int_equal(la_task_regs(&g.k, TASK, &g.regs, &err), LA_OK);
	walk(&g, -1);
	assert_int_equal(g.stack.n, 1);
	assert_int_equal(g.stack.stop, LA_STOP_END);
	guest_free(&g);
}

static void test_fold_vector(void **state)
{
	struct guest g = chain();
	const uint64_t copy = WINDOW | 0x7000000;

	(void)state;
	function(&g, VINT, "handle_vint", -1);
	function(&g, ENTRY, "handle_ade", -1);
	function(&g, OTHER, "handle_bp", -1);
	fake_symbol(g.fake, "pcpu_handlers", WINDOW | 0x700000, 8, NULL);
	put64(&g, WINDOW | 0x700000, copy);
	assert_int_equal(la_vector_origin(&g.k, VECTORS + 76 * 0x200 + 0x158), FN(VINT) + 0x158);
	assert_int_equal(la_vector_origin(&g.k, VECTORS + 8 * 0x200), FN(ENTRY));
	assert_int_equal(la_vector_origin(&g.k, copy + 12 * 0x200 + 4), FN(OTHER) + 4);
	assert_int_equal(la_vector_origin(&g.k, copy - 4), copy - 4);
	assert_int_equal(la_vector_origin(&g.k, FN(INNER)), FN(INNER));
	assert_true(la_is_text(&g.k, FN(INNER)));
	assert_true(la_is_text(&g.k, VECTORS + 76 * 0x200));
	assert_false(la_is_text(&g.k, FN(INNER) + 2));
	assert_false(la_is_text(&g.k, PERCPU_IRQ_STACK));
	assert_false(la_is_text(&g.k, 0));
	guest_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain),         cmocka_unit_test(test_every_instruction),
		cmocka_unit_test(test_wrong_callee),  cmocka_unit_test(test_roundabout_calls),
		cmocka_unit_test(test_tail_calls),    cmocka_unit_test(test_uncertain_frame),
		cmocka_unit_test(test_noreturn),      cmocka_unit_test(test_bad_jump),
		cmocka_unit_test(test_interrupt),     cmocka_unit_test(test_user_entry),
		cmocka_unit_test(test_irq_stack),     cmocka_unit_test(test_ends),
		cmocka_unit_test(test_bounds),        cmocka_unit_test(test_foreign_stack),
		cmocka_unit_test(test_sleeping_task), cmocka_unit_test(test_fold_vector),
	};

	return cmocka_run_group_tests_name("unwind", tests, NULL, NULL);
}
