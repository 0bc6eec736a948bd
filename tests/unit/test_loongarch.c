// SPDX-License-Identifier: GPL-3.0-or-later
// Register and CSR words, calls, and what simple instructions do.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "asm.h"
#include "isa/insn.h"
#include "lakvm/isa/loongarch.h"
#include "isa/eval.h"

/* Words as binutils 2.47 assembles and disassembles them (objdump of Debian's 7.2.12 kernel). */
static void test_encodings(void **state)
{
	(void)state;
	assert_int_equal(ADDI_D(SP, SP, -16), 0x02ffc063);
	assert_int_equal(CSRWR(T0, 0x30), 0x0400c02c);
	assert_int_equal(CSRRD(T1, 0x1), 0x0400040d);
	assert_int_equal(CSRRD(RA, 0x6), 0x04001801);
	assert_int_equal(LU12I_W(T0, 0), 0x1400000c);
	assert_int_equal(LU32I_D(T0, 0), 0x1600000c);
	assert_int_equal(LU52I_D(T0, T0, 0), 0x0300018c);
	assert_int_equal(ERTN, 0x06483800);
	assert_int_equal(ORI(T0, T0, 0xff0), 0x03bfc18c);
	assert_int_equal(ST_D(RA, SP, 8), 0x29c02061);
	assert_int_equal(LD_D(RA, SP, 56), 0x28c0e061);
	assert_int_equal(MOVE(A1, ZERO), 0x00150005);
	assert_int_equal(ADD_D(T1, T1, T0), 0x0010b1ad);
	assert_int_equal(BL(UINT64_C(0x9000000000249938), UINT64_C(0x9000000000296570)),
			 0x54cc3801);
	assert_int_equal(BL(UINT64_C(0x900000000024993c), UINT64_C(0x9000000000249730)),
			 0x57fdf7ff);
	assert_int_equal(B(UINT64_C(0x9000000000249950), UINT64_C(0x9000000000249950)), 0x50000000);
	assert_int_equal(JIRL(RA, T0, 0), 0x4c000181);
	assert_int_equal(JIRL(ZERO, RA, 0), RET);
	assert_int_equal(BNE(T0, T1, 8), 0x5c00098d);
	assert_int_equal(BLTU(T0, T1, -8), 0x6bfff98d);
	assert_int_equal(BEQZ(T1, 36), 0x400025a0);
	assert_int_equal(BNEZ(T0, -4), 0x47fffd9f);
}

static void test_calls(void **state)
{
	uint64_t target;

	(void)state;
	assert_true(la_insn_is_call(0x54cc3801, UINT64_C(0x9000000000249938), &target));
	assert_int_equal(target, UINT64_C(0x9000000000296570));
	assert_true(la_insn_is_call(0x57fdf7ff, UINT64_C(0x900000000024993c), &target));
	assert_int_equal(target, UINT64_C(0x9000000000249730));
	assert_true(la_insn_is_call(0x4c000181, UINT64_C(0x9000000000236bf4), &target));
	assert_int_equal(target, 0);
	assert_false(la_insn_is_call(RET, 0, &target));
	assert_false(la_insn_is_call(0x50000000, 0, &target));        /* b . */
	assert_false(la_insn_is_call(JIRL(ZERO, T0, 0), 0, &target)); /* jr t0 */
	assert_false(la_insn_is_call(NOP, 0, &target));
}

static void test_branch_distances(void **state)
{
	(void)state;
	assert_int_equal(la_insn_branch_offset(0x400025a0), 36);
	assert_int_equal(la_insn_branch_offset(0x47fffd9f), -4);
	assert_int_equal(la_insn_branch_offset(0x5c00098d), 8);
	assert_int_equal(la_insn_branch_offset(0x6804b5cc),
			 1204); /* bltu in queued_spin_lock_slowpath */
	assert_int_equal(la_insn_offs26(0x53ffc7ff), -60);
	assert_int_equal(la_insn_offs26(0x55ec9c00), 126108);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(la_gpr_name(0), "zero");
	assert_string_equal(la_gpr_name(LA_R_SP), "sp");
	assert_string_equal(la_gpr_name(20), "t8");
	assert_string_equal(la_gpr_name(LA_R_FP), "fp");
	assert_string_equal(la_gpr_name(31), "s8");
	assert_string_equal(la_gpr_name(32), "?");
	assert_string_equal(la_csr_name(LA_CSR_ESTAT), "ESTAT");
	assert_string_equal(la_csr_name(LA_CSR_DMW3), "DMW3");
	assert_string_equal(la_csr_name(LA_NCSR), "?");
	assert_string_equal(la_ecode_name(8, 0), "ADEF");
	assert_string_equal(la_ecode_name(8, 1), "ADEM");
	assert_string_equal(la_ecode_name(12, 0), "BRK");
	assert_string_equal(la_ecode_name(63, 0), "?");
}

static void check_csr(enum la_csr csr, uint64_t value, const char *expected)
{
	char text[160];

	la_csr_decode(csr, value, text, sizeof(text));
	assert_string_equal(text, expected);
}

/* Values from real guests; fields by the manual, chapter 7. */
static void test_csr_words(void **state)
{
	char small[8];

	(void)state;
	check_csr(LA_CSR_CRMD, 0xb4, "PLV0, interrupts on, paging");
	check_csr(LA_CSR_CRMD, 0xb0, "PLV0, interrupts off, paging");
	check_csr(LA_CSR_CRMD, 0xa8,
		  "PLV0, interrupts off, direct addresses (fetch cached, data cached)");
	check_csr(LA_CSR_PRMD, 0x7, "came from PLV3, interrupts on");
	check_csr(LA_CSR_EUEN, 0x0, "no unit enabled");
	check_csr(LA_CSR_EUEN, 0x7, "FP LSX LASX enabled");
	check_csr(LA_CSR_ECFG, 0x71c1d,
		  "lines enabled SWI0,HWI0,HWI1,HWI2,PMI,TI,IPI; vectors 0x200 apart");
	check_csr(LA_CSR_ESTAT, 0x10000, "PIL: load from an unmapped page; pending none");
	check_csr(LA_CSR_ESTAT, 0x20800, "PIS: store to an unmapped page; pending TI");
	check_csr(LA_CSR_ESTAT, 0x1000, "INT: interrupt; pending IPI");
	check_csr(LA_CSR_ESTAT, 0x480000, "ADEM: address error in a memory access; pending none");
	check_csr(LA_CSR_DMW1, UINT64_C(0x9000000000000011),
		  "window 0x9000000000000000, cached, PLV0");
	check_csr(LA_CSR_DMW0, UINT64_C(0x8000000000000001),
		  "window 0x8000000000000000, uncached, PLV0");
	check_csr(LA_CSR_DMW3, 0, "off");
	check_csr(LA_CSR_PWCL, 0x5e56e,
		  "PT bits 24:14, Dir1 bits 35:25, Dir2 unused, entries of 64 bits");
	check_csr(LA_CSR_PWCH, 0x2e4, "Dir3 bits 46:36, Dir4 unused");
	check_csr(LA_CSR_BADI, 0x002a0001, "break 1: BUG or WARN");
	check_csr(LA_CSR_BADI, 0x002a0007, "break 7: division by zero");
	check_csr(LA_CSR_BADI, 0x38203599, ""); /* stx.b, from the i8042 oops */
	check_csr(LA_CSR_TID, 1, "");

	memset(small, 'x', sizeof(small));
	la_csr_decode(LA_CSR_CRMD, 0xb4, small, sizeof(small));
	assert_string_equal(small, "PLV0, i");
	la_csr_decode(LA_CSR_CRMD, 0xb4, small, 0);
	assert_string_equal(small, "PLV0, i");
}

static uint64_t run(uint32_t insn, uint64_t a1, uint64_t a2, uint64_t a0)
{
	struct la_values v;

	la_values_none(&v);
	la_values_set(&v, A0, a0);
	la_values_set(&v, A1, a1);
	la_values_set(&v, A2, a2);
	la_values_run(&v, insn, UINT64_C(0x9000000000200008));
	assert_true(la_values_has(&v, A0));
	return v.value[A0];
}

/* Words of binutils' assembler, results worked out by the manual's descriptions. */
static void test_arithmetic(void **state)
{
	const uint64_t m1 = ~UINT64_C(0);
	static const struct {
		uint32_t insn;
		uint64_t a1, a2, a0, result;
	} t[] = {
		{ 0x02c004a4, 5, 0, 0, 6 },                            /* addi.d a0, a1, 1 */
		{ 0x028004a4, 0x7fffffff, 0, 0, 0xffffffff80000000 },  /* addi.w a0, a1, 1 */
		{ 0x030004a4, 7, 0, 0, 0x0010000000000007 },           /* lu52i.d a0, a1, 1 */
		{ 0x14000024, 0, 0, 0, 0x1000 },                       /* lu12i.w a0, 1 */
		{ 0x16000024, 0, 0, 0xffffffff00000005, 0x100000005 }, /* lu32i.d a0, 1 */
		{ 0x18000024, 0, 0, 0, 0x900000000020000c },           /* pcaddi a0, 1 */
		{ 0x1a000024, 0, 0, 0, 0x9000000000201000 },           /* pcalau12i a0, 1 */
		{ 0x1e000024, 0, 0, 0, 0x9000000000240008 },           /* pcaddu18i a0, 1 */
		{ 0x0041fca4, 3, 0, 0, 0x8000000000000000 },           /* slli.d a0, a1, 63 */
		{ 0x00408ca4, 0x10000001, 0, 0, 0xffffffff80000008 },  /* slli.w a0, a1, 3 */
		{ 0x00448ca4, 0x1ffffffff, 0, 0, 0x1fffffff },         /* srli.w a0, a1, 3 */
		{ 0x00cf10a4, 0xabcd, 0, 0, 0xabc },              /* bstrpick.d a0, a1, 15, 4 */
		{ 0x008f10a4, 0xabc, 0, 0x10001, 0x1abc1 },       /* bstrins.d a0, a1, 15, 4 */
		{ 0x000058a4, 0x8000, 0, 0, 0xffffffffffff8000 }, /* ext.w.h a0, a1 */
		{ 0x001318a4, 9, 0, 0, 0 },                       /* maskeqz a0, a1, a2 */
		{ 0x001398a4, 9, 0, 0, 9 },                       /* masknez a0, a1, a2 */
		{ 0x001118a4, 0, 1, 0, 0xffffffffffffffff },      /* sub.w a0, a1, a2 */
		{ 0x001298a4, 1, 2, 0, 1 },                       /* sltu a0, a1, a2 */
		{ 0x001418a4, 0, 0, 0, 0xffffffffffffffff },      /* nor a0, a1, a2 */
		{ 0x001918a4, 0x100, 4, 0, 0x10 },                /* srl.d a0, a1, a2 */
		{ 0x002c18a4, 3, 1, 0, 7 },                       /* alsl.d a0, a1, a2, 1 */
		{ 0x002d98a4, 3, 1, 0, 49 },                      /* alsl.d a0, a1, a2, 4 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_int_equal(run(t[i].insn, t[i].a1, t[i].a2, t[i].a0), t[i].result);
	assert_int_equal(run(0x023ff4a4, m1 - 3, 0, 0), 1); /* slti a0, a1, -3 */
}

/* What is not arithmetic on known values must be forgotten, what writes nothing must not. */
static void test_forgetting(void **state)
{
	static const uint32_t keeps[] = {
		0x29c000a4, /* st.d a0, a1, 0 */ 0x270000a4,   /* stptr.d a0, a1, 0 */
		0x381c18a4, /* stx.d a0, a1, a2 */ 0x38720004, /* dbar 4 */
		0x2ac000a4, /* preld 4, a1, 0 */ 0x06488004,   /* idle 4 */
		0x5c000484, /* bne a0, a0, 4 */ 0x50000800,    /* b */
	};
	static const uint32_t loses[] = {
		0x28c000a4, /* ld.d a0, a1, 0 */ 0x260000a4,  /* ldptr.d a0, a1, 0 */
		0x230000a4, /* sc.d a0, a1, 0 */ 0x04000004,  /* csrrd a0, 0 */
		0x000068a4, /* rdtime.d a0, a1 */ 0x380c18a4, /* ldx.d a0, a1, a2 */
	};
	struct la_values v;

	(void)state;
	for (size_t i = 0; i < sizeof(keeps) / sizeof(keeps[0]); i++) {
		la_values_none(&v);
		la_values_set(&v, A0, 1);
		la_values_run(&v, keeps[i], 0);
		assert_true(la_values_has(&v, A0));
	}
	for (size_t i = 0; i < sizeof(loses) / sizeof(loses[0]); i++) {
		la_values_none(&v);
		la_values_set(&v, A0, 1);
		la_values_run(&v, loses[i], 0);
		assert_false(la_values_has(&v, A0));
	}
	la_values_none(&v);
	la_values_run(&v, 0x54cc3801, 0x100); /* bl */
	assert_int_equal(v.value[RA], 0x104);
	la_values_run(&v, ADDI_D(ZERO, RA, 1), 0);
	assert_int_equal(v.value[ZERO], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encodings),        cmocka_unit_test(test_calls),
		cmocka_unit_test(test_branch_distances), cmocka_unit_test(test_names),
		cmocka_unit_test(test_csr_words),        cmocka_unit_test(test_arithmetic),
		cmocka_unit_test(test_forgetting),
	};

	return cmocka_run_group_tests_name("loongarch", tests, NULL, NULL);
}
