// SPDX-License-Identifier: GPL-3.0-or-later
// Leaving a function by a row whose register nobody knows: nothing is made of what is not there.
#include "guest.h"

#include "../../extensions/core/stack/step_rows.c"

static void test_unknown_register(void **state)
{
	const struct la_cfi_row row = { .cfa_reg = LA_R_FP, .cfa_offset = 16 };
	struct la_unwind_frame at = { .exact = true };
	uint64_t cfa = 0x1234;

	(void)state;
	assert_false(cfa_of(&at, &row, &cfa));
	assert_int_equal(cfa, 0x1234); /* and not 16 more than what was never set */
	la_gpr_set(&at.regs, LA_R_FP, 0x8000);
	assert_true(cfa_of(&at, &row, &cfa));
	assert_int_equal(cfa, 0x8010);
}

/* The code's own row adds what ORC leaves out only where both are known to mean one frame. */
static void test_added(void **state)
{
	struct guest g = guest_new();
	const struct la_walk w = { .k = &g.k };

	(void)state;
	function(&g, 0, "f", -1);
	for (int known = 0; known < 2; known++) {
		struct la_cfi_row row = { .cfa_reg = LA_R_SP, .cfa_offset = FRAME };
		struct la_unwind_frame at = { .exact = true, .code = FN(0) + 0x40 };

		at.symbol = (struct la_symbol){ "f", FN(0), FN(1), NULL };
		if (known)
			la_gpr_set(&at.regs, LA_R_SP, BOTTOM - FRAME);
		add_saved_registers(&w, &at, &row);
		assert_int_equal(row.rule[LA_R_S0].kind, known ? LA_RULE_AT_CFA : LA_RULE_SAME);
	}
	guest_free(&g);
}

static void test_not_mine(void **state)
{
	struct guest g = guest_new();
	const struct la_walk w = { .k = &g.k };
	const struct la_cfi_row row = { .cfa_reg = LA_R_FP, .cfa_offset = 16 };
	const struct la_unwind_frame at = { .exact = true, .code = FN(0) };
	struct la_step step = { .cfa = 0 };

	(void)state;
	assert_int_equal(la_step_by_row(&w, &at, &row, LA_FROM_ORC, &step), LA_STEP_NOT_MINE);
	assert_int_equal(step.cfa, 0);
	guest_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown_register),
		cmocka_unit_test(test_added),
		cmocka_unit_test(test_not_mine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
