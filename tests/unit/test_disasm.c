// SPDX-License-Identifier: GPL-3.0-or-later
// Words of instructions against binutils: data/faulting.dis has random words of every such instruction and of some
// others, as loongarch64-linux-gnu-objdump -D -b binary -m loongarch64 -M no-aliases prints them (2.47).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lakvm/isa/disasm.h"

static void test_binutils(void **state)
{
	FILE *file = fopen("tests/unit/data/faulting.dis", "r");
	size_t known = 0, unknown = 0;
	char line[128], word[32];
	struct la_insn_words w;

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		char *text;
		const uint32_t insn = (uint32_t)strtoul(line, &text, 16);

		text[strcspn(text, "\n")] = '\0';
		la_insn_words(insn, &w);
		snprintf(word, sizeof(word), ".word 0x%08x", insn);
		assert_string_equal(w.text, w.known ? text + 1 : word);
		known += w.known;
		unknown += !w.known;
	}
	fclose(file);
	assert_true(known > 120);
	assert_true(unknown >= 5 && unknown <= 12);
}

static void test_reaches(void **state)
{
	struct la_regs regs = { .source = LA_REGS_TEXT };
	struct la_insn_words w;
	uint64_t at = 0;

	(void)state;
	la_insn_words(0x28fe02e4, &w); /* ld.d $a0, $s0, -128 */
	assert_string_equal(w.text, "ld.d $a0, $s0, -128");
	assert_true(w.accesses && !w.stores);
	assert_int_equal(w.nregs, 2);
	assert_int_equal(w.reg[0], LA_R_S0);
	assert_false(la_insn_reaches(&w, &regs, &at)); /* nobody knows $s0 */
	la_gpr_set(&regs, LA_R_S0, 0x9000000000001000);
	assert_true(la_insn_reaches(&w, &regs, &at));
	assert_true(at == 0x9000000000000f80);

	la_insn_words(0x38203599, &w); /* i8042_flush's: ldx.bu $s2, $t0, $t1 */
	assert_string_equal(w.text, "ldx.bu $s2, $t0, $t1");
	la_gpr_set(&regs, 12, 0xffff800000008000);
	assert_false(la_insn_reaches(&w, &regs, &at));
	la_gpr_set(&regs, 13, 0x64);
	assert_true(la_insn_reaches(&w, &regs, &at));
	assert_true(at == 0xffff800000008064);

	la_insn_words(0x002a0001, &w);
	assert_string_equal(w.text, "break 0x1");
	assert_false(w.accesses || la_insn_reaches(&w, &regs, &at));
	la_insn_words(0x386118a4, &w); /* amadd.w $a0, $a2, $a1: at $a1 */
	la_gpr_set(&regs, 5, 0x123);
	assert_true(w.stores && la_insn_reaches(&w, &regs, &at));
	assert_true(at == 0x123);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_binutils),
		cmocka_unit_test(test_reaches),
	};

	return cmocka_run_group_tests_name("disasm", tests, NULL, NULL);
}
