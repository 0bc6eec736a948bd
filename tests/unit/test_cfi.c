// SPDX-License-Identifier: GPL-3.0-or-later
// Rows out of hand-made call-frame information (DWARF 5, 6.4).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dwarf.h>
#include <cmocka.h>

#include "stack/cfi.h"
#include "debug_frame.h"
#include "fake.h"
#include "lakvm/stack/unwind.h"
#include "lakvm/stack/cfi.h"

#define TEXT UINT64_C(0x9000000000200000)
#define MOVED UINT64_C(0x10000) /* relocation */

/* What gcc says of: addi.d sp,-32; st.d ra,sp,24; st.d s0,sp,16; ...; epilogue; ret; more code */
/* clang-format off */
static const unsigned char usual[] = {
	DW_CFA_advance_loc | 4, DW_CFA_def_cfa_offset, 32, /* +4 */
	DW_CFA_advance_loc | 8, DW_CFA_offset | 1, 1, DW_CFA_offset | 23, 2, /* +12 */
	DW_CFA_advance_loc1, 100, DW_CFA_remember_state, /* +112 */
	DW_CFA_advance_loc | 4, DW_CFA_restore | 1, /* +116 */
	DW_CFA_advance_loc | 4, DW_CFA_restore | 23, DW_CFA_def_cfa_offset, 0, /* +120 */
	DW_CFA_advance_loc2, 4, 0, DW_CFA_restore_state, /* +124 */
};
/* clang-format on */

/* A frame pointer: CFA = fp + 0; s1 by a signed offset; fp lost to an expression. */
/* clang-format off */
static const unsigned char unusual[] = {
	DW_CFA_advance_loc4, 4, 0, 0, 0, DW_CFA_def_cfa, 22, 0x80, 0x01, /* +4: fp + 128 */
	DW_CFA_advance_loc | 4, DW_CFA_offset_extended_sf, 24, 0x7f, /* +8: +8 */
	DW_CFA_advance_loc | 4, DW_CFA_expression, 22, 2, 0x30, 0x30, /* +12 */
	DW_CFA_advance_loc | 4, DW_CFA_def_cfa_expression, 1, 0x30, /* +16: CFA lost */
	DW_CFA_advance_loc | 4, DW_CFA_def_cfa_sf, 3, 0x7e, /* +20: sp + 16 */
	DW_CFA_undefined, 1, DW_CFA_offset | 40, 3, /* a floating-point register */
};
/* clang-format on */

static struct la_kernel open_frames(struct fake *fake, const struct frames_section *s, char **path)
{
	struct la_kernel k = { .door = fake_door(fake) };
	struct la_error err = { "" };

	*path = frame_write(s);
	fake_door(fake)->vmlinux = *path;
	fake_door(fake)->relocation = MOVED;
	assert_int_equal(la_cfi_open(&k, &err), LA_OK);
	return k;
}

static void close_frames(struct la_kernel *k, struct fake *fake, char *path)
{
	la_cfi_close(k);
	la_cfi_close(k); /* harmless */
	fake_free(fake);
	unlink(path);
	free(path);
}

static void check_rule(const struct la_cfi_row *row, unsigned reg, enum la_rule_kind kind,
		       int offset)
{
	assert_int_equal(row->rule[reg].kind, kind);
	assert_int_equal(row->rule[reg].offset, offset);
}

static void test_rows(void **state)
{
	static const struct {
		unsigned at;
		int cfa;
		bool ra, s0;
	} rows[] = {
		{ 0, 0, false, false },   { 4, 32, false, false },  { 8, 32, false, false },
		{ 12, 32, true, true },   { 108, 32, true, true },  { 112, 32, true, true },
		{ 116, 32, false, true }, { 120, 0, false, false }, { 124, 32, true, true },
		{ 196, 32, true, true },
	};
	struct frames_section s = { .size = 0 };
	struct fake *fake = fake_new();
	struct la_cfi_row row;
	struct la_kernel k;
	char *path;

	(void)state;
	frame_cie(&s);
	/* not in order of addresses, as linkers leave them */
	frame_fde(&s, TEXT + 1000, 24, unusual, sizeof(unusual));
	frame_fde(&s, TEXT, 200, usual, sizeof(usual));
	k = open_frames(fake, &s, &path);

	for (int pass = 0; pass < 2; pass++) { /* the second time from the cache */
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			assert_true(la_cfi_row(k.cfi, TEXT + MOVED + rows[i].at, &row));
			assert_int_equal(row.fde_start, TEXT + MOVED);
			assert_int_equal(row.fde_end, TEXT + MOVED + 200);
			assert_int_equal(row.cfa_reg, LA_R_SP);
			assert_int_equal(row.cfa_offset, rows[i].cfa);
			check_rule(&row, LA_R_RA, rows[i].ra ? LA_RULE_AT_CFA : LA_RULE_SAME,
				   rows[i].ra ? -8 : 0);
			check_rule(&row, LA_R_S0, rows[i].s0 ? LA_RULE_AT_CFA : LA_RULE_SAME,
				   rows[i].s0 ? -16 : 0);
		}
		assert_false(la_cfi_row(k.cfi, TEXT + MOVED - 4, &row));
		assert_false(la_cfi_row(k.cfi, TEXT + MOVED + 200, &row));
		assert_false(la_cfi_row(k.cfi, TEXT + 4, &row)); /* before relocation */
		assert_false(la_cfi_row(k.cfi, 0, &row));
	}
	close_frames(&k, fake, path);
}

static void test_unusual_rules(void **state)
{
	const uint64_t pc = TEXT + MOVED + 1000;
	struct frames_section s = { .size = 0 };
	struct fake *fake = fake_new();
	struct la_cfi_row row;
	struct la_kernel k;
	char *path;

	(void)state;
	frame_cie(&s);
	frame_fde(&s, TEXT + 1000, 24, unusual, sizeof(unusual));
	k = open_frames(fake, &s, &path);
	assert_true(la_cfi_row(k.cfi, pc + 4, &row));
	assert_int_equal(row.cfa_reg, LA_R_FP);
	assert_int_equal(row.cfa_offset, 128);
	assert_true(la_cfi_row(k.cfi, pc + 8, &row));
	check_rule(&row, 24, LA_RULE_AT_CFA, 8);
	assert_true(la_cfi_row(k.cfi, pc + 12, &row));
	check_rule(&row, LA_R_FP, LA_RULE_UNKNOWN, 0);
	assert_false(la_cfi_row(k.cfi, pc + 16, &row)); /* a CFA we cannot compute */
	assert_true(la_cfi_row(k.cfi, pc + 20, &row));
	assert_int_equal(row.cfa_reg, LA_R_SP);
	assert_int_equal(row.cfa_offset, 16);
	check_rule(&row, LA_R_RA, LA_RULE_UNKNOWN, 0);
	close_frames(&k, fake, path);
}

static void test_absent(void **state)
{
	struct fake *fake = fake_new();
	struct la_kernel k = { .door = fake_door(fake) };
	struct la_error err = { "" };
	struct la_cfi_row row;

	(void)state;
	assert_int_equal(la_cfi_open(&k, &err), LA_ABSENT);
	fake_door(fake)->vmlinux = "/nonexistent/vmlinux";
	assert_int_equal(la_cfi_open(&k, &err), LA_IO);
	fake_door(fake)->vmlinux = "/dev/null";
	assert_int_equal(la_cfi_open(&k, &err), LA_INVALID);
	assert_null(k.cfi);
	assert_false(la_cfi_row(k.cfi, TEXT, &row));
	fake_free(fake);
}

/* Each byte of the section changed, and the section cut off anywhere: no harm. */
static void test_damage(void **state)
{
	struct frames_section whole = { .size = 0 }, s;

	(void)state;
	frame_cie(&whole);
	frame_fde(&whole, TEXT, 200, usual, sizeof(usual));
	frame_fde(&whole, TEXT + 1000, 24, unusual, sizeof(unusual));
	for (size_t i = 0; i < 3 * whole.size; i++) {
		struct fake *fake = fake_new();
		struct la_kernel k = { .door = fake_door(fake) };
		struct la_error err = { "" };
		struct la_cfi_row row;
		char *path;

		s = whole;
		if (i < whole.size)
			s.size = i + 1;
		else
			s.bytes[i % whole.size] ^= i < 2 * whole.size ? 0xff : 0x80;
		path = frame_write(&s);
		fake_door(fake)->vmlinux = path;
		if (la_cfi_open(&k, &err) == LA_OK)
			for (uint64_t pc = TEXT; pc < TEXT + 1100; pc += 4)
				la_cfi_row(k.cfi, pc, &row);
		close_frames(&k, fake, path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_unusual_rules),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests_name("cfi", tests, NULL, NULL);
}
