// SPDX-License-Identifier: GPL-3.0-or-later
// Frames by a function's own code. What is expected follows from what the instructions do (manual,
// volume 1, 2.2); the shapes are those of compiled modules.
#include "guest.h"

#include "stack/flow.h"

#define AT(i) (FN(0) + 4 * (uint64_t)(i))
#define BREAK_BUG BREAK(1) /* asm/break.h: BRK_BUG */
#define LU12I_W(rd, imm) (UINT32_C(0x0a) << 25 | ((uint32_t)(imm)&0xfffff) << 5 | (rd))

/* One function of a module, made of @insn. */
static struct guest guest_with(const uint32_t *insn, size_t n)
{
	struct guest g = guest_new();

	fake_symbol(g.fake, "f", AT(0), 4 * n, "module");
	for (size_t i = 0; i < n; i++)
		code(&g, AT(i), insn[i]);
	return g;
}

/* The row at instruction @i; *@whole as la_flow_row says it. */
static bool row_at(const struct guest *g, size_t i, struct la_cfi_row *row, bool *whole)
{
	struct la_symbol f;

	assert_true(g->k.door->symbol_at(g->k.door->ctx, AT(0), &f));
	return la_flow_row(&g->k, &f, AT(i), row, whole);
}

/* @ra: where the return address is, below the CFA; 0: in its register. */
static void check_row(const struct guest *g, size_t i, unsigned reg, int cfa, int ra, bool whole)
{
	struct la_cfi_row row;
	bool is_whole;

	assert_true(row_at(g, i, &row, &is_whole));
	assert_int_equal(row.cfa_reg, reg);
	assert_int_equal(row.cfa_offset, cfa);
	assert_int_equal(row.rule[LA_R_RA].kind, ra ? LA_RULE_AT_CFA : LA_RULE_SAME);
	if (ra)
		assert_int_equal(row.rule[LA_R_RA].offset, ra);
	assert_int_equal(is_whole, whole);
}

/* A test comes first, and only one side of it has a frame (lkdtm_do_action of 6.12). */
static void test_late_frame(void **state)
{
	const uint32_t insn[] = {
		/* 0 */ BEQZ(A0, 12),
		/* 1 */ LD_D(T0, A0, 8),
		/* 2 */ BNEZ(T0, 16),
		/* 3 */ BREAK_BUG, /* a warning: it goes on */
		/* 4 */ ADDI_D(A0, ZERO, -22),
		/* 5 */ RET,
		/* 6 */ ADDI_D(SP, SP, -16),
		/* 7 */ ST_D(RA, SP, 8),
		/* 8 */ JIRL(RA, T0, 0),
		/* 9 */ LD_D(RA, SP, 8),
		/* 10 */ ADDI_D(SP, SP, 16),
		/* 11 */ RET,
	};
	struct guest g = guest_with(insn, 12);

	(void)state;
	check_row(&g, 0, LA_R_SP, 0, 0, true);
	check_row(&g, 5, LA_R_SP, 0, 0, true);
	check_row(&g, 7, LA_R_SP, 16, 0, true);
	check_row(&g, 8, LA_R_SP, 16, -8, true);
	check_row(&g, 9, LA_R_SP, 16, -8, true);
	check_row(&g, 10, LA_R_SP, 16, 0, true);
	check_row(&g, 11, LA_R_SP, 0, 0, true);
	guest_free(&g);
}

/* Registers are saved behind a branch; a loop leads back; the function has two ends. */
static void test_ways_meet(void **state)
{
	const uint32_t insn[] = {
		/* 0 */ ADDI_D(SP, SP, -48),
		/* 1 */ ST_D(RA, SP, 40),
		/* 2 */ BEQZ(A0, 20),
		/* 3 */ ST_D(S0, SP, 32),
		/* 4 */ MOVE(S0, A0),
		/* 5 */ BL(0, 0x1000),
		/* 6 */ LD_D(S0, SP, 32),
		/* 7 */ BNEZ(A0, -16),
		/* 8 */ LD_D(RA, SP, 40),
		/* 9 */ ADDI_D(SP, SP, 48),
		/* 10 */ RET,
	};
	struct guest g = guest_with(insn, 11);
	struct la_cfi_row row;
	bool whole;

	(void)state;
	check_row(&g, 5, LA_R_SP, 48, -8, true);
	assert_true(row_at(&g, 5, &row, &whole));
	assert_int_equal(row.rule[S0].kind, LA_RULE_AT_CFA);
	assert_int_equal(row.rule[S0].offset, -16);
	assert_int_equal(row.rule[S1].kind, LA_RULE_SAME);
	assert_true(row_at(&g, 7, &row, &whole));
	assert_int_equal(row.rule[S0].kind, LA_RULE_SAME);

	/* If s0 is not restored on one of the ways, it alone is lost where they meet. */
	code(&g, AT(6), NOP);
	assert_true(row_at(&g, 8, &row, &whole));
	assert_int_equal(row.rule[S0].kind, LA_RULE_UNKNOWN);
	assert_true(whole);

	/* Two ways that do not agree on the stack: nothing is certain. */
	code(&g, AT(3), ADDI_D(SP, SP, -16));
	code(&g, AT(5), NOP);
	assert_true(row_at(&g, 1, &row, &whole));
	assert_false(whole);
	guest_free(&g);
}

/* Frames of more than 2 KiB, and of a size that only the frame pointer knows. */
static void test_large_frames(void **state)
{
	const uint32_t insn[] = {
		/* 0 */ ADDI_D(SP, SP, -2032),
		/* 1 */ ST_D(RA, SP, 2024),
		/* 2 */ ST_D(FP, SP, 2016),
		/* 3 */ LU12I_W(T0, -1),
		/* 4 */ ADD_D(SP, SP, T0),
		/* 5 */ BL(0, 0x1000),
		/* 6 */ LU12I_W(T0, 1),
		/* 7 */ ADD_D(SP, SP, T0),
		/* 8 */ ADDI_D(FP, SP, 2032),
		/* 9 */ SUB_D(SP, SP, A0),
		/* 10 */ BL(0, 0x1000),
		/* 11 */ ADDI_D(SP, FP, -2032),
		/* 12 */ LD_D(RA, SP, 2024),
		/* 13 */ LD_D(FP, SP, 2016),
		/* 14 */ ADDI_D(SP, SP, 2032),
		/* 15 */ RET,
	};
	struct guest g = guest_with(insn, 16);
	struct la_cfi_row row;
	bool whole;

	(void)state;
	check_row(&g, 5, LA_R_SP, 2032 + 4096, -8, true);
	check_row(&g, 8, LA_R_SP, 2032, -8, true);
	check_row(&g, 10, LA_R_FP, 0, -8, true);
	assert_true(row_at(&g, 10, &row, &whole));
	assert_int_equal(row.rule[FP].kind, LA_RULE_AT_CFA);
	assert_int_equal(row.rule[FP].offset, -16);
	check_row(&g, 12, LA_R_SP, 2032, -8, true);
	check_row(&g, 15, LA_R_SP, 0, 0, true);

	/* Without a frame pointer there is no frame to be found; the call has forgotten t0. */
	code(&g, AT(8), NOP);
	assert_false(row_at(&g, 10, &row, &whole));
	code(&g, AT(6), NOP);
	assert_false(row_at(&g, 8, &row, &whole));
	guest_free(&g);
}

/*
 * RANDOMIZE_KSTACK_OFFSET, as GCC 14 makes do_syscall of 6.12: one way moves the stack by a number out of
 * memory, perhaps after a call (entry work), and comes back to where the other one is. sp then says
 * nothing, and fp all.
 */
static void test_moved_stack(void **state)
{
	const uint32_t calls[] = { BL(0, 0x1000), NOP };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const uint32_t insn[] = {
			/* 0 */ ADDI_D(SP, SP, -32),
			/* 1 */ ST_D(FP, SP, 16),
			/* 2 */ ST_D(RA, SP, 24),
			/* 3 */ ADDI_D(FP, SP, 32),
			/* 4 */ BNEZ(T0, 28),
			/* 5 */ JIRL(RA, T0, 0),
			/* 6 */ ADDI_D(SP, FP, -32),
			/* 7 */ LD_D(RA, SP, 24),
			/* 8 */ LD_D(FP, SP, 16),
			/* 9 */ ADDI_D(SP, SP, 32),
			/* 10 */ RET,
			/* 11 */ calls[i],
			/* 12 */ SUB_D(SP, SP, T0),
			/* 13 */ B(52, 20),
		};
		struct guest g = guest_with(insn, 14);

		check_row(&g, 4, LA_R_SP, 32, -8, true);
		check_row(&g, 5, LA_R_FP, 0, -8, true);
		check_row(&g, 6, LA_R_FP, 0, -8, true);
		check_row(&g, 7, LA_R_SP, 32, -8, true);
		check_row(&g, 10, LA_R_SP, 0, 0, true);
		check_row(&g, 12, LA_R_SP, 32, -8, true);
		check_row(&g, 13, LA_R_FP, 0, -8, true);
		guest_free(&g);
	}
}

/* What follows a call that never returns, or BUG(), belongs to another way. */
static void test_noreturn_inside(void **state)
{
	const uint32_t ends[] = { BL(0, 0x1000), BREAK_BUG };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const uint32_t insn[] = {
			/* 0 */ BEQZ(A0, 16),
			/* 1 */ ADDI_D(SP, SP, -16),
			/* 2 */ ST_D(RA, SP, 8),
			/* 3 */ ends[i],
			/* 4 */ ADDI_D(A0, ZERO, 1),
			/* 5 */ RET,
		};
		struct guest g = guest_with(insn, 6);

		check_row(&g, 3, LA_R_SP, 16, -8, true);
		check_row(&g, 4, LA_R_SP, 0, 0, true);
		guest_free(&g);
	}
}

/*
 * A block that only a patched branch leads to (a tracepoint's), behind a BUG() in another frame: it
 * seems to be entered from there. It joins the rest of the function, and so gives itself away.
 */
static void test_patched_branch(void **state)
{
	const uint32_t insn[] = {
		/* 0 */ BEQZ(A0, 28),
		/* 1 */ ADDI_D(SP, SP, -16),
		/* 2 */ ST_D(RA, SP, 8),
		/* 3 */ NOP, /* b 8, if the tracepoint is on */
		/* 4 */ LD_D(RA, SP, 8),
		/* 5 */ ADDI_D(SP, SP, 16),
		/* 6 */ RET,
		/* 7 */ BREAK_BUG,
		/* 8 */ ADDI_D(A0, ZERO, 1),
		/* 9 */ B(36, 16),
	};
	struct guest g = guest_with(insn, 10);
	struct la_cfi_row row;
	bool whole;

	(void)state;
	assert_true(row_at(&g, 8, &row, &whole));
	assert_false(whole);
	check_row(&g, 4, LA_R_SP, 16, -8, true);
	guest_free(&g);
}

/* Code that only a jump table leads to has the frame of the jump, but nothing proves it. */
static void test_jump_table(void **state)
{
	const uint32_t insn[] = {
		/* 0 */ ADDI_D(SP, SP, -16),
		/* 1 */ ST_D(RA, SP, 8),
		/* 2 */ JIRL(ZERO, T0, 0),
		/* 3 */ BL(0, 0x1000),
		/* 4 */ LD_D(RA, SP, 8),
		/* 5 */ ADDI_D(SP, SP, 16),
		/* 6 */ RET,
	};
	struct guest g = guest_with(insn, 7);
	struct la_cfi_row row;
	bool whole;

	(void)state;
	check_row(&g, 3, LA_R_SP, 16, -8, false);

	/* A jump with nothing on the stack is a tail call. */
	code(&g, AT(2), BNEZ(A0, 8));
	code(&g, AT(3), NOP);
	code(&g, AT(6), JIRL(ZERO, T0, 0));
	check_row(&g, 1, LA_R_SP, 16, 0, true);

	/* A return with the frame still there, or to somewhere else: a way was misread. */
	code(&g, AT(5), NOP);
	assert_true(row_at(&g, 1, &row, &whole));
	assert_false(whole);
	code(&g, AT(5), ADDI_D(SP, SP, 16));
	code(&g, AT(4), LD_D(RA, SP, 0));
	assert_true(row_at(&g, 1, &row, &whole));
	assert_false(whole);
	guest_free(&g);
}

/* Assembler without a frame, part of which only a computed jump leads to (__copy_user_fast). */
static void test_frameless_jump_table(void **state)
{
	const uint32_t insn[] = {
		/* 0 */ ADDI_D(T0, T0, 16),
		/* 1 */ JIRL(ZERO, T0, 0),
		/* 2 */ LD_D(T1, A1, 0),
		/* 3 */ RET,
	};
	const uint32_t writes_s0[] = { insn[0], insn[1], ADDI_D(S0, A1, 0), insn[3] };
	struct guest g = guest_with(insn, 4);
	struct la_cfi_row row;
	bool whole;

	(void)state;
	check_row(&g, 2, LA_R_SP, 0, 0, true);
	guest_free(&g);
	g = guest_with(writes_s0, 4);
	assert_false(row_at(&g, 3, &row, &whole));
	guest_free(&g);

	/* Where the function ends is not known: what follows may build a frame and jump back. */
	g = guest_new();
	fake_symbol(g.fake, "f", AT(0), 0, "module");
	for (size_t i = 0; i < 4; i++)
		code(&g, AT(i), insn[i]);
	assert_false(row_at(&g, 2, &row, &whole));
	guest_free(&g);
}

/*
 * Assembler that runs on into a label which counts as a symbol. If that only returns (__arch_cpu_idle of 6.1 to 7.2: idle_exit),
 * it is the function's end. If it goes on (ftrace_common: ftrace_call), the function may be jumped to with a frame, and nothing is
 * certain; nor is it with another frame, or where not all code is known.
 */
static void test_runs_on(void **state)
{
	const struct {
		uint32_t inside, behind[2];
		size_t size;
		bool whole;
	} test[] = {
		{ NOP, { RET, NOP }, 12, true },
		{ NOP, { NOP, RET }, 12, true },
		{ NOP, { BL(0, 0x1000), RET }, 12, false },
		{ NOP, { ADDI_D(SP, SP, 16), RET }, 12, false },
		{ NOP, { B(0, 0x1000), RET }, 12, false },
		{ NOP, { NOP, JIRL(ZERO, T0, 0) }, 12, false },
		{ ADDI_D(SP, SP, -16), { RET, NOP }, 12, false },
		{ MOVE(RA, A0), { RET, NOP }, 12, false },
		{ NOP, { NOP, NOP }, 0, false }, /* its end is not known */
		{ NOP, { RET, NOP }, 14, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(test) / sizeof(test[0]); i++) {
		const uint32_t insn[] = { NOP, test[i].inside, NOP, test[i].behind[0],
					  test[i].behind[1] };
		struct guest g = guest_new();
		struct la_cfi_row row;
		bool whole;

		fake_symbol(g.fake, "f", AT(0), test[i].size, "module");
		for (size_t at = 0; at < 5; at++)
			code(&g, AT(at), insn[at]);
		assert_true(row_at(&g, 2, &row, &whole));
		assert_int_equal(whole, test[i].whole);
		guest_free(&g);
	}
}

/* ftrace's call at the start comes back with ra as it was; any other call takes it. */
static void test_traced(void **state)
{
	const uint32_t insn[] = { MOVE(T0, RA), BL(4, 0x1000), NOP, RET };
	struct guest g = guest_with(insn, 4);
	struct la_cfi_row row;
	bool whole;

	(void)state;
	check_row(&g, 2, LA_R_SP, 0, 0, true);
	code(&g, AT(0), NOP);
	assert_true(row_at(&g, 2, &row, &whole));
	assert_int_equal(row.rule[LA_R_RA].kind, LA_RULE_UNKNOWN);
	assert_false(whole);
	guest_free(&g);
}

/* By an address in a register, and further on, only BPF's code is traced: of others that call is one like any. */
static void test_traced_program(void **state)
{
	(void)state;
	for (int bpf = 0; bpf < 2; bpf++) {
		struct guest g = guest_new();
		struct la_cfi_row row;
		bool whole;

		fake_symbol(g.fake, "f", AT(0), 7 * 4, bpf ? "bpf" : "module");
		code(&g, AT(0), MOVE(T0, RA));
		for (size_t i = 1; i < 6; i++)
			code(&g, AT(i), NOP);
		code(&g, AT(4), JIRL(RA, T1, 0));
		code(&g, AT(6), RET);
		assert_true(row_at(&g, 5, &row, &whole));
		assert_int_equal(row.rule[LA_R_RA].kind, bpf ? LA_RULE_SAME : LA_RULE_UNKNOWN);
		assert_int_equal(whole, bpf);
		guest_free(&g);
	}
}

/* A saved register's place that gets another value, or that lies below the stack pointer. */
static void test_bad_places(void **state)
{
	const uint32_t insn[] = {
		/* 0 */ ST_D(S1, SP, -8),
		/* 1 */ ADDI_D(SP, SP, -32),
		/* 2 */ ST_D(RA, SP, 24),
		/* 3 */ ST_D(S0, SP, 16),
		/* 4 */ ST_D(A0, SP, 16),
		/* 5 */ BL(0, 0x1000),
		/* 6 */ LD_D(RA, SP, 24),
		/* 7 */ ADDI_D(SP, SP, 32),
		/* 8 */ RET,
	};
	struct guest g = guest_with(insn, 9);
	struct la_cfi_row row;
	bool whole;

	(void)state;
	assert_true(row_at(&g, 5, &row, &whole));
	assert_int_equal(row.rule[S0].kind, LA_RULE_UNKNOWN);
	assert_int_equal(row.rule[S1].kind, LA_RULE_SAME);
	check_row(&g, 5, LA_R_SP, 32, -8, true);

	code(&g, AT(4), ST_D(A0, SP, 24));
	assert_true(row_at(&g, 5, &row, &whole));
	assert_int_equal(row.rule[LA_R_RA].kind, LA_RULE_UNKNOWN);
	assert_false(whole);
	guest_free(&g);
}

/* Whatever lies there is followed within bounds; a symbol's end may be unknown. */
static void test_any_code(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (unsigned round = 0; round < 50; round++) {
		struct guest g = guest_new();
		struct la_cfi_row row;
		bool whole;

		fake_symbol(g.fake, "f", AT(0), 0, "module");
		for (size_t i = 0; i < 4000; i++) {
			random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
			/* near branches more often than chance has them */
			code(&g, AT(i),
			     random >> 62 ? (uint32_t)(random >> 30) :
					    BNEZ(A0, (int64_t)(random >> 40 & 1023) * 4 - 2048));
		}
		for (size_t i = 0; i < 4000; i += 333)
			row_at(&g, i, &row, &whole);
		guest_free(&g);
	}
}

/* The smallest number there is has no negative: lu52i.d t0, zero, -2048; sub.d sp, sp, t0. */
static void test_smallest_number(void **state)
{
	const uint32_t insn[] = {
		UINT32_C(0x0c) << 22 | 0x800u << 10 | T0,
		SUB_D(SP, SP, T0),
		ADDI_D(A0, ZERO, 1),
		RET,
	};
	struct guest g = guest_with(insn, 4);
	struct la_cfi_row row;
	bool whole;

	(void)state;
	assert_false(row_at(&g, 2, &row, &whole));
	guest_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_late_frame),      cmocka_unit_test(test_ways_meet),
		cmocka_unit_test(test_large_frames),    cmocka_unit_test(test_moved_stack),
		cmocka_unit_test(test_noreturn_inside), cmocka_unit_test(test_patched_branch),
		cmocka_unit_test(test_jump_table),      cmocka_unit_test(test_frameless_jump_table),
		cmocka_unit_test(test_runs_on),         cmocka_unit_test(test_traced),
		cmocka_unit_test(test_traced_program),  cmocka_unit_test(test_bad_places),
		cmocka_unit_test(test_any_code),        cmocka_unit_test(test_smallest_number),
	};

	return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}
