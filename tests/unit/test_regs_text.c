// SPDX-License-Identifier: GPL-3.0-or-later
// Saved register text: two QEMUs' formats, and text that is something else.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "lakvm/regs/text.h"

static struct la_arena *arena;
static struct la_vcpu_regs *regs;
static size_t n;

static int start(void **state)
{
	(void)state;
	arena = la_arena_new(16 << 20);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	la_arena_free(arena);
	return 0;
}

static char *load(const char *name, size_t *ret)
{
	char path[256], *text = la_alloc(arena, 1 << 16);
	FILE *file;

	snprintf(path, sizeof(path), "tests/unit/data/%s", name);
	file = fopen(path, "r");
	if (!file)
		fail_msg("%s is missing", path);
	*ret = fread(text, 1, (1 << 16) - 1, file);
	fclose(file);
	return text;
}

static enum la_status parse(const char *text, size_t size)
{
	return la_regs_text(arena, text, size, &regs, &n, NULL);
}

static void check_gpr(size_t i, unsigned reg, uint64_t want)
{
	uint64_t value;

	assert_true(la_gpr_get(&regs[i].regs, reg, &value));
	assert_int_equal(value, want);
}

static void check_csr(size_t i, enum la_csr csr, uint64_t want)
{
	uint64_t value;

	assert_true(la_csr_get(&regs[i].regs, csr, &value));
	assert_int_equal(value, want);
}

/* The listing of the case this project started from (QEMU of openEuler). */
static void test_old_format(void **state)
{
	size_t size;
	char *text = load("registers-seed.txt", &size);
	uint64_t value;

	(void)state;
	assert_int_equal(parse(text, size), LA_OK);
	assert_int_equal(n, 1);
	assert_int_equal(regs[0].pid, 1);
	assert_int_equal(regs[0].regs.source, LA_REGS_TEXT);
	assert_true(regs[0].regs.pc_known);
	assert_int_equal(regs[0].regs.pc, 0x900000000159e420);
	check_gpr(0, 0, 0);
	check_gpr(0, LA_R_RA, 0x900000000159f604);
	check_gpr(0, LA_R_U0, 0);
	check_gpr(0, 31, 0x90000000016fc000);
	check_csr(0, LA_CSR_CRMD, 0xb4);
	check_csr(0, LA_CSR_ESTAT, 0xc0000);
	check_csr(0, LA_CSR_ERA, 0x90000000015fb78c);
	check_csr(0, LA_CSR_BADI, 0x2a0001);
	check_csr(0, LA_CSR_EENTRY, 0x9000000003460000);
	check_csr(0, LA_CSR_TLBRERA, 0x90000000004ea898);
	assert_false(la_csr_get(&regs[0].regs, LA_CSR_PGDH, &value));
}

/* QEMU 11, four vCPUs; values read off the file. */
static void test_new_format(void **state)
{
	size_t size;
	char *text = load("registers-qemu-11.txt", &size);

	(void)state;
	assert_int_equal(parse(text, size), LA_OK);
	assert_int_equal(n, 4);
	assert_int_equal(regs[3].pid, 4);
	assert_int_equal(regs[0].regs.gpr_known, 0xffffffff);
	assert_int_equal(regs[0].regs.pc, 0x90000000012e4274);
	check_gpr(0, LA_R_SP, 0x9000000105057ae0);
	check_csr(0, LA_CSR_SAVE3, 0x168bf0000);
	check_csr(0, LA_CSR_DMW1, 0x9000000000000011);
	check_csr(0, LA_CSR_DMW3, 0);
	check_csr(0, LA_CSR_PGDH, 0x9000000001b20000);
	check_csr(0, LA_CSR_PWCL, 0x5e56e);
	check_csr(0, LA_CSR_TID, 0);
	assert_int_equal(regs[1].regs.pc, 0x9000000000249950);
	check_csr(1, LA_CSR_TID, 3); /* QEMU's CPU 1 is Linux's 3 */
}

/* Terminals add carriage returns; cutting anywhere must neither fault nor invent. */
static void test_cut_and_crlf(void **state)
{
	size_t size, out = 0;
	char *text = load("registers-qemu-11.txt", &size), *crlf = la_alloc(arena, 2 * size);

	(void)state;
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\n')
			crlf[out++] = '\r';
		crlf[out++] = text[i];
	}
	assert_int_equal(parse(crlf, out), LA_OK);
	assert_int_equal(n, 4);
	check_csr(3, LA_CSR_DMW2, 0xa000000000000021);

	for (size_t cut = 0; cut < 700; cut++) {
		char *copy = malloc(cut); /* exact size: an overrun is seen */

		memcpy(copy, text, cut);
		parse(copy, cut);
		free(copy);
		assert_true(n <= 1);
	}
}

static void test_something_else(void **state)
{
	static const char *const texts[] = { "",
					     "\n\n",
					     "PC=12",
					     "CPU#",
					     "CPU#x\n PC=1",
					     "CPU#99999 PC",
					     "EAX=00000000 EBX=00000000\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(parse(texts[i], strlen(texts[i])), LA_INVALID);
		assert_int_equal(n, 0);
	}
	/* Values that are none leave the register unknown. */
	assert_int_equal(parse("CPU#2\n PC=xyz r1 12345678901234567 r2 5 r99 7\n", 46), LA_OK);
	assert_false(regs[0].regs.pc_known);
	assert_int_equal(regs[0].regs.gpr_known, 1u << 2);
	assert_int_equal(regs[0].pid, 3);
}

static void test_file(void **state)
{
	char path[] = "/tmp/lakvm-regs-XXXXXX";
	struct la_error err = { "" };
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(la_regs_text_read(arena, "tests/unit/data/registers-seed.txt", &regs, &n,
					   NULL),
			 LA_OK);
	assert_true(n > 0);
	assert_int_equal(la_regs_text_read(arena, path, &regs, &n, &err), LA_INVALID);
	assert_non_null(strstr(err.text, path));
	assert_non_null(strstr(err.text, "no line"));
	/* larger than any such text, without taking that much space */
	assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
	la_error_clear(&err);
	assert_int_equal(la_regs_text_read(arena, path, &regs, &n, &err), LA_INVALID);
	assert_non_null(strstr(err.text, "too large"));
	close(fd);
	unlink(path);
	la_error_clear(&err);
	assert_int_equal(la_regs_text_read(arena, path, &regs, &n, &err), LA_INVALID);
	assert_non_null(strstr(err.text, "No such file"));
	la_error_clear(&err);
	assert_int_equal(la_regs_text_read(arena, "/tmp", &regs, &n, &err), LA_INVALID);
	assert_non_null(strstr(err.text, "not a file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, finish)
		TEST(test_old_format),     TEST(test_new_format), TEST(test_cut_and_crlf),
		TEST(test_something_else), TEST(test_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
