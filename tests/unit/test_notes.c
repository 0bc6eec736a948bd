// SPDX-License-Identifier: GPL-3.0-or-later
// Registers out of hand-made notes, as QEMU, openEuler's QEMU 6.2 and the kernel write them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lakvm/isa/regs.h"

#define KNOWS_ALL_GPRS UINT32_C(0xffffffff)

struct notes {
	unsigned char bytes[8192];
	size_t size;
};

static void put32(struct notes *n, uint32_t v)
{
	memcpy(n->bytes + n->size, &v, 4);
	n->size += 4;
}

/* One note named CORE; @desc may be NULL for zeros. */
static void put_note(struct notes *n, uint32_t type, const void *desc, size_t size)
{
	put32(n, 5);
	put32(n, (uint32_t)size);
	put32(n, type);
	memcpy(n->bytes + n->size, "CORE\0\0\0\0", 8);
	n->size += 8;
	memset(n->bytes + n->size, 0, size + 3);
	if (desc)
		memcpy(n->bytes + n->size, desc, size);
	n->size += (size + 3) & ~(size_t)3;
}

/* struct elf_prstatus: pid at 32, 45 register slots at 112; slot n holds @base + n. */
static void put_prstatus(struct notes *n, uint32_t pid, uint64_t base, unsigned slots)
{
	unsigned char desc[480] = { 0 };

	memcpy(desc + 32, &pid, 4);
	desc[472] = slots == 35; /* pr_fpvalid, which QEMU sets and the kernel does not */
	for (unsigned i = 1; i < slots; i++) {
		uint64_t v = base + i;

		memcpy(desc + 112 + 8 * (size_t)i, &v, 8);
	}
	put_note(n, 1, desc, sizeof(desc));
}

static enum la_status read_notes(const struct notes *n, struct la_arena *arena,
				 struct la_vcpu_regs **regs, size_t *count)
{
	struct la_error err = { "" };
	/* exactly as large as the notes, so that a byte too far is caught */
	unsigned char *copy = malloc(n->size ? n->size : 1);
	enum la_status status;

	memcpy(copy, n->bytes, n->size);
	status = la_notes_regs(arena, copy, n->size, regs, count, &err);
	free(copy);
	return status;
}

static uint64_t csr(const struct la_regs *r, enum la_csr n)
{
	uint64_t value = 0;

	assert_true(la_csr_get(r, n, &value));
	return value;
}

/* QEMU 9.2 and later (target/loongarch/arch_dump.c): GPRs, ERA in slot 33, BADV in 34. */
static void test_qemu(void **state)
{
	struct la_arena *arena = la_arena_new(1 << 20);
	struct notes n = { .size = 0 };
	struct la_vcpu_regs *regs;
	size_t count;

	(void)state;
	put_prstatus(&n, 1, 0x1000, 35);
	put_note(&n, 2, NULL, 268);
	put_prstatus(&n, 3, 0x2000, 35);
	put_note(&n, 2, NULL, 268);
	assert_int_equal(read_notes(&n, arena, &regs, &count), LA_OK);
	assert_int_equal(count, 2);
	assert_int_equal(regs[0].pid, 1);
	assert_int_equal(regs[1].pid, 3);
	assert_int_equal(regs[1].regs.source, LA_REGS_NOTE);
	assert_false(regs[1].regs.pc_known);
	assert_int_equal(regs[1].regs.gpr_known, KNOWS_ALL_GPRS);
	assert_int_equal(regs[1].regs.gpr[LA_R_SP], 0x2003);
	assert_int_equal(regs[1].regs.gpr[LA_R_U0], 0x2015);
	assert_int_equal(csr(&regs[1].regs, LA_CSR_ERA), 0x2021);
	assert_int_equal(csr(&regs[1].regs, LA_CSR_BADV), 0x2022);
	assert_int_equal(regs[1].regs.csr_known, 1u << LA_CSR_ERA | 1u << LA_CSR_BADV);
	la_arena_free(arena);
}

/* openEuler's QEMU 6.2: a floating-point note of 264 bytes; ERA 34, BADV 35, CRMD 36, ECFG 37. */
static void test_qemu_oe62(void **state)
{
	struct la_arena *arena = la_arena_new(1 << 20);
	struct notes n = { .size = 0 };
	struct la_vcpu_regs *regs;
	size_t count;

	(void)state;
	put_prstatus(&n, 1, 0x1000, 38);
	put_note(&n, 2, NULL, 264);
	assert_int_equal(read_notes(&n, arena, &regs, &count), LA_OK);
	assert_int_equal(count, 1);
	assert_false(regs[0].regs.pc_known);
	assert_int_equal(csr(&regs[0].regs, LA_CSR_ERA), 0x1022);
	assert_int_equal(csr(&regs[0].regs, LA_CSR_BADV), 0x1023);
	assert_int_equal(csr(&regs[0].regs, LA_CSR_CRMD), 0x1024);
	assert_int_equal(csr(&regs[0].regs, LA_CSR_ECFG), 0x1025);
	assert_false(la_csr_get(&regs[0].regs, LA_CSR_ESTAT, &(uint64_t){ 0 }));
	la_arena_free(arena);
}

/* The kernel's crash_notes: the slots of struct pt_regs, no floating point, an empty note. */
static void test_kernel(void **state)
{
	struct la_arena *arena = la_arena_new(1 << 20);
	struct notes n = { .size = 0 };
	struct la_vcpu_regs *regs;
	size_t count;

	(void)state;
	put_prstatus(&n, 77, 0x1000, 40);
	put32(&n, 0);
	put32(&n, 0);
	put32(&n, 0);
	memset(n.bytes + n.size, 0x55, 100); /* what follows the empty note is no note */
	n.size += 100;
	assert_int_equal(read_notes(&n, arena, &regs, &count), LA_OK);
	assert_int_equal(count, 1);
	assert_int_equal(regs[0].regs.source, LA_REGS_CRASH_NOTES);
	assert_int_equal(regs[0].pid, 77);
	assert_true(regs[0].regs.pc_known);
	assert_int_equal(regs[0].regs.pc, 0x1021);
	assert_int_equal(csr(&regs[0].regs, LA_CSR_CRMD), 0x1023);
	assert_int_equal(csr(&regs[0].regs, LA_CSR_ESTAT), 0x1027);
	la_arena_free(arena);
}

/* Cut anywhere: what is complete is found, the rest is damage, and nothing is read behind it. */
static void test_cut(void **state)
{
	struct la_arena *arena = la_arena_new(64 << 20);
	struct notes n = { .size = 0 };
	struct la_vcpu_regs *regs;
	size_t count, one;

	(void)state;
	put_prstatus(&n, 1, 0x1000, 35);
	put_note(&n, 2, NULL, 268);
	one = n.size;
	put_prstatus(&n, 2, 0x2000, 35);
	put_note(&n, 2, NULL, 268);
	for (size_t full = n.size; n.size; n.size--) {
		enum la_status status = read_notes(&n, arena, &regs, &count);

		assert_int_equal(count, n.size >= one + 500 ? 2 : n.size >= 500 ? 1 : 0);
		/* Cut off or not, these are QEMU's: none has a pc. */
		for (size_t i = 0; i < count; i++)
			assert_false(regs[i].regs.pc_known);
		if (n.size < full && n.size != one && n.size != 500 && n.size != one + 500)
			assert_int_equal(status, LA_CORRUPT);
	}
	assert_int_equal(read_notes(&n, arena, &regs, &count), LA_OK);
	assert_int_equal(count, 0);
	la_arena_free(arena);
}

/* Sizes that would overflow sums and roundings. */
static void test_hostile_sizes(void **state)
{
	static const uint32_t sizes[] = { 0xffffffff, 0xfffffffd, 0x80000000, 0x7fffffff, 481 };
	struct la_arena *arena = la_arena_new(1 << 20);
	struct la_vcpu_regs *regs;
	size_t count;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (size_t field = 0; field < 2; field++) {
			struct notes n = { .size = 0 };

			put_prstatus(&n, 1, 0x1000, 35);
			memcpy(n.bytes + 4 * field, &sizes[i], 4);
			assert_int_equal(read_notes(&n, arena, &regs, &count), LA_CORRUPT);
			assert_int_equal(count, 0);
		}
	}
	la_arena_free(arena);
}

/* asm/ptrace.h: regs[32], orig_a0, era, badv, crmd, prmd, euen, ecfg, estat. */
static void put_pt_regs(unsigned char *image, uint64_t crmd, uint64_t estat)
{
	for (unsigned i = 0; i < 40; i++) {
		uint64_t v = i == 35 ? crmd : i == 39 ? estat : 0x100 + i;

		memcpy(image + 8 * (size_t)i, &v, 8);
	}
}

static void test_pt_regs(void **state)
{
	unsigned char image[LA_PT_REGS_SIZE];
	struct la_regs r;
	uint64_t v;

	(void)state;
	put_pt_regs(image, 0xb0, 0x10000); /* PIL: BADV is saved */
	la_regs_from_pt_regs(image, &r);
	assert_int_equal(r.source, LA_REGS_PT_REGS);
	assert_true(r.pc_known);
	assert_int_equal(r.pc, 0x121);
	assert_int_equal(r.gpr[LA_R_SP], 0x103);
	assert_false(la_gpr_get(&r, LA_R_U0, &v)); /* stale before 7.2 */
	assert_true(la_gpr_get(&r, 12, &v));
	assert_int_equal(csr(&r, LA_CSR_BADV), 0x122);
	assert_int_equal(csr(&r, LA_CSR_PRMD), 0x124);

	put_pt_regs(image, 0xb0, 0x1000); /* an interrupt: BADV is not saved */
	la_regs_from_pt_regs(image, &r);
	assert_false(la_csr_get(&r, LA_CSR_BADV, &v));

	put_pt_regs(image, 0xb0, 0xb0000); /* a system call: t0-t8 are not saved */
	la_regs_from_pt_regs(image, &r);
	assert_false(la_gpr_get(&r, 12, &v));
	assert_false(la_gpr_get(&r, 20, &v));
	assert_true(la_gpr_get(&r, 11, &v));
	assert_true(la_gpr_get(&r, LA_R_FP, &v));

	put_pt_regs(image, 0, 0x10000); /* a kernel that saves PRMD and ERA only */
	la_regs_from_pt_regs(image, &r);
	assert_false(la_csr_get(&r, LA_CSR_CRMD, &v));
	assert_false(la_csr_get(&r, LA_CSR_ESTAT, &v));
	assert_int_equal(csr(&r, LA_CSR_PRMD), 0x124);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_qemu),          cmocka_unit_test(test_qemu_oe62),
		cmocka_unit_test(test_kernel),        cmocka_unit_test(test_cut),
		cmocka_unit_test(test_hostile_sizes), cmocka_unit_test(test_pt_regs),
	};

	return cmocka_run_group_tests_name("notes", tests, NULL, NULL);
}
