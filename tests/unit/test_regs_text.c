// SPDX-License-Identifier: GPL-3.0-or-later
// Saved register text: the formats of three QEMUs and of gdb, parts of them, and what people paste around.
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
static struct la_regs_text parsed;
static struct la_vcpu_regs *regs; /* parsed.vcpu, parsed.n */
static size_t n;

static int start(void **state)
{
	(void)state;
	arena = la_arena_new(128 << 20);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	la_arena_free(arena);
	return 0;
}

static enum la_status parse_file(const char *path, struct la_error *err)
{
	enum la_status status = la_regs_text_read(arena, path, &parsed, err);

	regs = parsed.vcpu;
	n = parsed.n;
	return status;
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
	enum la_status status = la_regs_text(arena, text, size, &parsed, NULL);

	regs = parsed.vcpu;
	n = parsed.n;
	return status;
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

/* What the truth says of each vCPU of registers-hang-8-vcpus.txt; read off the text. */
static const struct {
	uint64_t pc, ra, tp, sp, u0, s8;
	uint64_t crmd, prmd, estat, era, badv, badi, eentry, tlbrera, tcfg, tval;
} hang[] = {
	{ 0x90000000015d3f40, 0x9000000000224708, 0x90000000022f8000, 0x90000001003cf6d0, 0x6904000,
	  0x90000001003cf928, 0xb0, 4, 0x1808, 0x90000000002ddd74, 0x71c29, 0x2a0031a4,
	  0x9000000003460000, 0x9000000000dcbad0, 0x5eab5, 0xffffffffffff },
	{ 0x90000000003493c0, 0x9000000000349394, 0x900000011a37c000, 0x900000011a37f9a0, 0x6a04000,
	  0x900000010cc75860, 0xb4, 4, 0, 0x90000000003493c0, 0x555580674000, 0x2b0000,
	  0x9000000100ae0000, 0x9000000000dcbad0, 0x617fd, 0x69b7 },
	{ 0x900000000159e450, 0x9000000001589684, 0x900000010bda4000, 0x90000001003d7bb0, 0x6b04000,
	  4, 0xb0, 4, 0x800, 0x90000000003493c0, 0x7fffee578440, 0x386c24c0, 0x9000000100b10000,
	  0x9000000000dcbad0, 0x6193d, 0xffffffffffff },
	{ 0x90000000015d3d28, 0x9000000000224708, 0, 0x90000001003cf2a0, 0x1183e4c, 0, 0xa8, 0,
	  0xc1800, 0x900000000032c640, 0x90000000028a4c94, 0x2a0001, 0x9000000100f00000, 0x8f80d,
	  0xb62f1, 0xffffffffffff },
	{ 0x90000000003493c0, 0x9000000000349394, 0x9000000198964000, 0x9000000198967b10, 0x6d04000,
	  0x9000000198967d78, 0xb4, 4, 0, 0x90000000003493c0, 0x7fffe59e0008, 0x2b0000,
	  0x9000000100f60000, 0x9000000000b9c894, 0x6190d, 0x7a37 },
	{ 0x90000000003493c0, 0x9000000000349394, 0x9000000105894000, 0x90000001058979a0, 0x6e04000,
	  0x900000010a0ecee0, 0xb4, 4, 0, 0x90000000003493c0, 0x7ffff20b0000, 0x2b0000,
	  0x9000000100f90000, 0x9000000000dcbad0, 0x6186d, 0xd529 },
	{ 0x90000000003493c0, 0x9000000000349394, 0x900000010645c000, 0x900000010645fb10, 0x6f04000,
	  0x900000010645fd78, 0xb4, 4, 0, 0x90000000003493c0, 0xc000455f80, 0x2b0000,
	  0x9000000100fc0000, 0x9000000000dcbad0, 0x618ad, 0x8364 },
	{ 0x90000000003493c0, 0x9000000000349394, 0x9000000122b10000, 0x9000000122b139a0, 0x7004000,
	  0x900000010b5a00a0, 0xb4, 4, 0, 0x90000000003493c0, 0xc000774000, 0x2b0000,
	  0x9000000100ff0000, 0x9000000000dcbad0, 0x61905, 0x8428 },
};

static void check_hang(bool numbered)
{
	assert_int_equal(n, 8);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(regs[i].pid, i + 1);
		assert_int_equal(regs[i].counted, !numbered);
		assert_int_equal(regs[i].regs.gpr_known, 0xffffffff);
		assert_true(regs[i].regs.pc_known);
		assert_int_equal(regs[i].regs.pc, hang[i].pc);
		check_gpr(i, 0, 0);
		check_gpr(i, LA_R_RA, hang[i].ra);
		check_gpr(i, LA_R_TP, hang[i].tp);
		check_gpr(i, LA_R_SP, hang[i].sp);
		check_gpr(i, LA_R_U0, hang[i].u0);
		check_gpr(i, 31, hang[i].s8);
		check_csr(i, LA_CSR_CRMD, hang[i].crmd);
		check_csr(i, LA_CSR_PRMD, hang[i].prmd);
		check_csr(i, LA_CSR_ESTAT, hang[i].estat);
		check_csr(i, LA_CSR_ERA, hang[i].era);
		check_csr(i, LA_CSR_BADV, hang[i].badv);
		check_csr(i, LA_CSR_BADI, hang[i].badi);
		check_csr(i, LA_CSR_EENTRY, hang[i].eentry);
		check_csr(i, LA_CSR_TLBRERA, hang[i].tlbrera);
		check_csr(i, LA_CSR_TCFG, hang[i].tcfg);
		check_csr(i, LA_CSR_TVAL, hang[i].tval);
	}
}

static void test_hang(void **state)
{
	size_t size;
	char *text = load("registers-hang-8-vcpus.txt", &size);

	(void)state;
	assert_int_equal(parse(text, size), LA_OK);
	check_hang(true);
	assert_null(parsed.remark);
}

/* @text with @before and @behind around each line; lines that begin with @drop are left out. */
static char *around(const char *text, const char *before, const char *behind, const char *drop)
{
	char *out = la_alloc(arena, 1 << 18);
	size_t used = 0;

	while (*text) {
		const size_t len = strcspn(text, "\n");

		if (!drop || strncmp(text, drop, strlen(drop)))
			used += (size_t)sprintf(out + used, "%s%.*s%s", before, (int)len, text,
						behind);
		text += len + (text[len] == '\n');
	}
	return out;
}

/* The same out of a chat, a list, a quotation, a terminal, QMP's answer. */
static void test_pasted(void **state)
{
	static const char *const ways[][2] = {
		{ "", "\r\n" },
		{ "    - ", "\n" },
		{ "> ", "\r\n" },
		{ "\t* `", "`\n" },
		{ "| ", " |\n" },
		{ "\033[32m", "\033[0m\r\n" },
		{ "", "\\r\\n" },
		{ "\xe5\xaf\x84\xe5\xad\x98\xe5\x99\xa8\xef\xbc\x9a", "\xe3\x80\x82\n" },
	};
	size_t size;
	char *text = load("registers-hang-8-vcpus.txt", &size);

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		char *out = around(text, ways[i][0], ways[i][1], NULL);

		assert_int_equal(parse(out, strlen(out)), LA_OK);
		check_hang(true);
		assert_null(parsed.remark);
	}
}

static void test_prompts(void **state)
{
	size_t size;
	char *text = load("registers-hang-8-vcpus.txt", &size), *out;

	(void)state;
	out = la_format(
		arena,
		"\xe8\x99\x9a\xe6\x8b\x9f\xe6\x9c\xba\xe6\x8c\x82\xe6\xad\xbb\n\n```\n"
		"[root@host ~]# virsh qemu-monitor-command --hmp guest 'info registers -a'\n%s\n"
		"(qemu) info registers -a\n(qemu) \nvirsh # \n[root@host ~]# \n```\n"
		"[   12.345678] pc 9000000000200000 ra 9000000000200004 tp 0 sp 1\n"
		"the end\n",
		text);
	assert_int_equal(parse(out, strlen(out)), LA_OK);
	check_hang(true);
	assert_non_null(strstr(parsed.remark, "2 lines of the register text were not understood"));
	assert_non_null(strstr(parsed.remark, "the first is line 274: [   12.345678] pc"));
}

/* A remark that there is no memory for is not the same as no remark. */
static void test_remark_nomem(void **state)
{
	const char text[] = "pc 9000000000200000\npc 9000000000200004\nnothing of ours\n";
	struct la_regs_text ret = { 0 };
	size_t failed = 0;

	(void)state;
	for (size_t limit = 0; !ret.n; limit += 16) {
		struct la_arena *small = la_arena_new(limit);
		enum la_status status = la_regs_text(small, text, sizeof(text) - 1, &ret, NULL);

		if (status == LA_OK) {
			assert_non_null(ret.remark);
			assert_non_null(strstr(ret.remark, "samples of one vCPU; 1 line of"));
		} else {
			assert_int_equal(status, LA_NOMEM);
			failed++;
			ret.n = 0;
		}
		la_arena_free(small);
	}
	assert_true(failed > 0);
}

/* A vCPU begins where its pc, or else r0, comes again. */
static void test_no_numbers(void **state)
{
	size_t size, half;
	char *text = load("registers-hang-8-vcpus.txt", &size), *out, *twice;
	uint64_t value;

	(void)state;
	out = around(text, "", "\n", "CPU#");
	assert_int_equal(parse(out, strlen(out)), LA_OK);
	check_hang(false);
	assert_non_null(strstr(parsed.remark, "does not name any of its 8 vCPUs"));

	/* again from the beginning: a second sample of each */
	half = strlen(out);
	twice = la_format(arena, "%s%s", out, out);
	assert_int_equal(strlen(twice), 2 * half);
	assert_int_equal(parse(twice, strlen(twice)), LA_OK);
	check_hang(false);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(regs[i].nsamples, 2);

	out = around(out, "", "\n", " PC=");
	assert_int_equal(parse(out, strlen(out)), LA_OK);
	assert_int_equal(n, 8);
	assert_false(regs[7].regs.pc_known);
	check_gpr(7, LA_R_SP, hang[7].sp);
	check_csr(7, LA_CSR_TVAL, hang[7].tval);
	assert_false(la_csr_get(&regs[0].regs, LA_CSR_PGDH, &value));
}

static void test_never_started(void **state)
{
	size_t size;
	char *text = load("registers-never-started.txt", &size);

	(void)state;
	assert_int_equal(parse(text, size), LA_OK);
	assert_int_equal(n, 1);
	assert_int_equal(regs[0].regs.gpr_known, 0xffffffff);
	for (unsigned i = 0; i < LA_NGPR; i++)
		check_gpr(0, i, 0);
	assert_true(regs[0].regs.pc_known);
	assert_int_equal(regs[0].regs.pc, 0);
	check_csr(0, LA_CSR_CRMD, 8);
	check_csr(0, LA_CSR_ESTAT, 0xd0000);
	check_csr(0, LA_CSR_EENTRY, 0);
	assert_null(parsed.remark);
}

/* Eight pcs of one vCPU, in panic(). */
static void test_pc_lines(void **state)
{
	static const uint64_t pcs[] = { 0x900000000159f604, 0x900000000159e420, 0x900000000159f600,
					0x900000000159f5f8, 0x900000000159e418, 0x900000000159e420,
					0x900000000159f5f8, 0x900000000159e438 };
	size_t size;
	char *text = load("registers-pc-lines.txt", &size);

	(void)state;
	assert_int_equal(parse(text, size), LA_OK);
	assert_int_equal(n, 1);
	assert_int_equal(regs[0].nsamples, 8);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(regs[0].sample[i].pc, pcs[i]);
	assert_int_equal(regs[0].regs.pc, pcs[7]);
	assert_int_equal(regs[0].regs.gpr_known | regs[0].regs.csr_known, 0);
	assert_non_null(strstr(parsed.remark, "8 listings are taken as samples of one vCPU"));
}

static void test_no_csr(void **state)
{
	size_t size;
	char *text = load("registers-no-csr.txt", &size);

	(void)state;
	assert_int_equal(parse(text, size), LA_OK);
	assert_int_equal(n, 1);
	assert_int_equal(regs[0].regs.csr_known, 0);
	assert_int_equal(regs[0].regs.gpr_known, 0xffffffff);
	assert_int_equal(regs[0].regs.pc, 0x900000000164f060);
	check_gpr(0, LA_R_SP, 0xffffff8001fffe10);
	check_gpr(0, LA_R_U0, 0x6894000);
	check_gpr(0, 27, 0x90000001016314a0);
	assert_null(parsed.remark);
}

/* Rows of four vCPUs, without their numbers. */
static void test_rows(void **state)
{
	static const uint64_t rows[][4] = {
		{ 0x11, 0x6894000, 0x90000000080efe60, 3 },
		{ 0x2d, 0x68d4000, 0x90000001002f7e00, 0x90000000035f6ce8 },
		{ 0x2d, 0x6914000, 0x90000001002fbe00, 0x90000000035f6ce8 },
		{ 0, 0, 0x7fffe7dfe430, 0x900000000176fd40 },
	};
	size_t size;
	char *text = load("registers-r21-rows.txt", &size), *twice;

	(void)state;
	assert_int_equal(parse(text, size), LA_OK);
	assert_int_equal(n, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(regs[i].pid, i + 1);
		assert_true(regs[i].counted);
		assert_int_equal(regs[i].regs.gpr_known, 0xf << 20);
		assert_false(regs[i].regs.pc_known);
		for (unsigned j = 0; j < 4; j++)
			check_gpr(i, 20 + j, rows[i][j]);
	}
	twice = la_format(arena, "%s%s", text, text);
	assert_int_equal(parse(twice, strlen(twice)), LA_OK);
	assert_int_equal(n, 4);
	assert_int_equal(regs[3].nsamples, 2);
}

/* Each value spells its register; PRCFG2's is PRCFG3's there, and neither is asked for. */
static void test_qemu_6_2(void **state)
{
	static const struct {
		enum la_csr csr;
		unsigned low;
	} csrs[] = { { LA_CSR_EUEN, 0xe0 },   { LA_CSR_ESTAT, 0xe1 },   { LA_CSR_ERA, 0xe2 },
		     { LA_CSR_BADV, 0xe4 },   { LA_CSR_TLBRERA, 0xe5 }, { LA_CSR_TLBRBADV, 0xe6 },
		     { LA_CSR_EENTRY, 0xe7 }, { LA_CSR_BADI, 0xe8 } };
	size_t size;
	char *text = load("registers-qemu-6.2.txt", &size);

	(void)state;
	assert_int_equal(parse(text, size), LA_OK);
	assert_int_equal(n, 2);
	assert_null(parsed.remark);
	for (uint64_t cpu = 0; cpu < 2; cpu++) {
		const uint64_t base = 0x9000000000000000 | cpu << 32;

		assert_int_equal(regs[cpu].pid, cpu + 1);
		assert_int_equal(regs[cpu].regs.pc, base | 0xc0de);
		check_gpr(cpu, 0, 0);
		for (unsigned i = 1; i < LA_NGPR; i++)
			check_gpr(cpu, i, base | i);
		for (size_t i = 0; i < sizeof(csrs) / sizeof(csrs[0]); i++)
			check_csr(cpu, csrs[i].csr, base | csrs[i].low);
		check_csr(cpu, LA_CSR_CRMD, 0xb0);
		check_csr(cpu, LA_CSR_PRMD, 4);
	}
}

/* gdb 17 on a guest of two vCPUs, of which one panicked: listings of thread 1, 2 and 1, then two parts. */
static void test_gdb(void **state)
{
	size_t size;
	char *text = load("registers-gdb.txt", &size);

	(void)state;
	assert_int_equal(parse(text, size), LA_OK);
	assert_int_equal(n, 2);
	assert_int_equal(regs[0].pid, 1);
	assert_int_equal(regs[1].pid, 2);
	assert_int_equal(regs[1].nsamples, 1);
	for (unsigned i = 0; i < 2; i++) {
		const struct la_regs *r = &regs[0].sample[i];

		assert_int_equal(r->pc, 0x90000000005e7c74);
		assert_int_equal(r->gpr_known, 0xffffffff);
		assert_int_equal(r->gpr[LA_R_RA], 0x90000000005e8c3c);
		assert_int_equal(r->gpr[LA_R_SP], 0x90000000060a3d60);
		assert_int_equal(r->gpr[LA_R_A0], 0x3e8);
		assert_int_equal(r->gpr[5], 0x9000000000640418);
		assert_int_equal(r->gpr[LA_R_U0], 0xaf878000);
		assert_int_equal(r->gpr[31], 0xfffffffffffffff3);
		assert_int_equal(r->csr[LA_CSR_BADV], 0);
	}
	assert_int_equal(regs[1].regs.pc, 0x900000000020d530);
	check_gpr(1, LA_R_RA, 0x900000000020d528);
	check_gpr(1, LA_R_TP, 0x900000000619c000);
	check_gpr(1, LA_R_U0, 0xaf88c000);
	check_gpr(1, 31, 0);
	assert_non_null(strstr(parsed.remark, "not understood"));
}

static void check_numbers(const char *text, unsigned want)
{
	if (parse(text, strlen(text)) != LA_OK || n != want)
		fail_msg("%zu vCPUs, not %u, in: %s", n, want, text);
}

/* Whose is a listing? CPUID and SAVE3 prove it, r21 and tp in the kernel, vectors that differ. */
static void test_whose(void **state)
{
	(void)state;
	check_numbers("r1 1\nCSR032: CPUID 0\nr1 1\nCSR032: CPUID 1\nr1 2\nCSR032: CPUID 0\n", 2);
	check_numbers("r1 1 r21 6904000\nr1 1 r21 6a04000\nr1 2 r21 6904000\n", 2);
	/* in user mode r21 is the user's */
	check_numbers(
		"CRMD=b3\nr1 1 r21 0\nSAVE3=6904000\nCRMD=b4\nr1 1 r21 6904000\nSAVE3=6904000\n",
		1);
	check_numbers("r1 1 r2 9000000000001000\nr1 2 r2 9000000000001000\n", 1);
	check_numbers("r1 1\nEENTRY=9000000001000000\nr1 1\nEENTRY=9000000002000000\n", 2);
	check_numbers("r1 1\nr1 1\nr1 1\n", 3);
	/* a listing, then its pc for a while; and the other way round */
	check_numbers("PC=9000000000001000\nr1 1\nPC=9000000000001004\nPC=9000000000001008\n", 1);
	assert_int_equal(regs[0].nsamples, 3);
	assert_int_equal(regs[0].regs.pc, 0x9000000000001000);
	check_gpr(0, 1, 1);
	check_numbers("PC=9000000000001000\nPC=9000000000001008\nr1 1\n", 1);
	/* the monitor's "cpu 3"; a number with the registers below it */
	check_numbers("(qemu) cpu 3\n(qemu) info registers\nPC=9000000000001000\n r1 1\n", 1);
	assert_int_equal(regs[0].pid, 4);
	check_numbers("vCPU 2:\nPC=9000000000001000\nPC=9000000000001000\n", 1);
	assert_int_equal(regs[0].pid, 3);
	assert_int_equal(regs[0].nsamples, 2);
	check_numbers("CPU#1\nPC=9000000000001000\n\nCPU#0\nPC=9000000000001000\n", 2);
	assert_int_equal(regs[0].pid, 1);
	check_numbers("=> 0x90000000005e7c74 <__udelay+52>:\tbne $t0, $t1, -4\n", 1);
	assert_int_equal(regs[0].regs.pc, 0x90000000005e7c74);
}

static void test_something_else(void **state)
{
	static const char *const texts[] = { "",
					     "\n\n",
					     "PC",
					     "PC=",
					     "PC=zz",
					     "CPU#",
					     "CPU#0",
					     "CPU#x\n",
					     "CPU#99999 PC",
					     "r",
					     "> >",
					     "=>",
					     "TLB refill",
					     "the pc is dead, a0 bad\n",
					     "EAX=00000000 EBX=00000000\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const size_t size = strlen(texts[i]);
		char *copy = malloc(size ? size : 1); /* exact size: an overrun is seen */

		memcpy(copy, texts[i], size);
		if (parse(copy, size) != LA_INVALID || n)
			fail_msg("%s", texts[i]);
		free(copy);
	}
	/* Values that are none leave the register unknown, and the line is named. */
	assert_int_equal(parse("CPU#2\n PC=xyz r1 12345678901234567 r2 5 r99 7\n", 46), LA_OK);
	assert_false(regs[0].regs.pc_known);
	assert_int_equal(regs[0].regs.gpr_known, 1u << 2);
	assert_int_equal(regs[0].pid, 3);
	assert_non_null(strstr(parsed.remark, "line 2: PC=xyz r1"));
}

/* A photo's worth: three lines, one of them misread. */
static void test_three_lines(void **state)
{
	static const char text[] =
		" PC=90000O00015d3f40  FCSR0 0x00010000\n"
		" GPR00: r0 0000000000000000 r1 90000000002247O8 r2 90000000022f8000\n"
		"ESTAT=0000000000001808\n";

	(void)state;
	assert_int_equal(parse(text, sizeof(text) - 1), LA_OK);
	assert_int_equal(n, 1);
	assert_false(regs[0].regs.pc_known);
	assert_int_equal(regs[0].regs.gpr_known, 1 << 0 | 1 << 2);
	check_gpr(0, LA_R_TP, 0x90000000022f8000);
	check_csr(0, LA_CSR_ESTAT, 0x1808);
	assert_non_null(strstr(parsed.remark, "2 lines of the register text were not understood"));
	assert_non_null(strstr(parsed.remark, "the first is line 1: PC=90000O"));
}

/* The edge of a screen or a picture cuts a number: what is left of it is another one. */
static void test_cut_numbers(void **state)
{
	static const char text[] =
		" PC=90000000015d3f4\n"
		" GPR00: r0 0000000000000000 r1 9000000000224708 r2 90000000022f8000 r3 9000000100\n"
		" GPR04: r4 9000000003450000 r5 101 r6 90000001003cf6c8\n"
		"CRMD=00000000000000b0 PRMD=00000000\n";
	static const char whole[] = "PC=0x900000\nCSR000: CRMD   b4               PRMD   4\n";
	uint64_t value;

	(void)state;
	assert_int_equal(parse(text, sizeof(text) - 1), LA_OK);
	assert_int_equal(n, 1);
	assert_false(regs[0].regs.pc_known);
	assert_int_equal(regs[0].regs.gpr_known, 0x57);
	check_gpr(0, LA_R_RA, 0x9000000000224708);
	check_gpr(0, 6, 0x90000001003cf6c8);
	check_csr(0, LA_CSR_CRMD, 0xb0);
	assert_false(la_csr_get(&regs[0].regs, LA_CSR_PRMD, &value));
	assert_non_null(strstr(parsed.remark, "4 lines of the register text were not understood"));

	/* not the forms in which they have one width */
	assert_int_equal(parse(whole, sizeof(whole) - 1), LA_OK);
	assert_true(regs[0].regs.pc_known && regs[0].regs.pc == 0x900000);
	check_csr(0, LA_CSR_PRMD, 4);
	assert_null(parsed.remark);
}

/* UTF-16 in both orders, with its mark and letters that are not ASCII. */
static void test_wide(void **state)
{
	size_t size;
	char *text = load("registers-hang-8-vcpus.txt", &size), *wide;

	(void)state;
	wide = malloc(2 * size + 4);
	for (unsigned low = 0; low < 2; low++) {
		wide[low] = (char)0xff;
		wide[!low] = (char)0xfe;
		wide[2 + low] = 0x0a; /* U+5B0A; the other way round a line feed's half */
		wide[2 + !low] = 0x5b;
		for (size_t i = 0; i < size; i++) {
			wide[4 + 2 * i + low] = text[i];
			wide[4 + 2 * i + !low] = 0;
		}
		assert_int_equal(parse(wide, 2 * size + 4), LA_OK);
		check_hang(true);
		assert_null(parsed.remark);
	}
	for (size_t cut = 0; cut < 16; cut++) {
		char *copy = malloc(cut); /* exact size: an overrun is seen */

		memcpy(copy, wide, cut);
		assert_int_equal(parse(copy, cut), LA_INVALID);
		free(copy);
	}
	free(wide);
}

/* Four digits are a number that a line may name, and more vCPUs than there can be. */
static void test_number_too_high(void **state)
{
	static const char *const lines[] = { "CPU#4095\n", "CPU#4096\n", "cpu 9999\n",
					     "CPU#5000\nCPU#1\n" };
	char text[80];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(text, sizeof(text), "%sPC=900000000159e420\n", lines[i]);
		assert_int_equal(parse(text, strlen(text)), i ? LA_INVALID : LA_OK);
		if (!i)
			assert_int_equal(regs[0].pid, 4096);
	}
}

static void test_too_many(void **state)
{
	char *text = la_alloc(arena, 32769 * 20 + 1);
	struct la_error err = { "" };
	size_t used = 0;

	(void)state;
	for (unsigned i = 0; i < 32769; i++)
		used += (size_t)sprintf(text + used, "PC=%016x\n", i & 7);
	assert_int_equal(la_regs_text(arena, text, used, &parsed, &err), LA_INVALID);
	assert_non_null(strstr(err.text, "more than 32768 listings"));
	assert_int_equal(la_regs_text(arena, text, used - 20, &parsed, &err), LA_OK);
	assert_int_equal(parsed.vcpu[0].nsamples, 32768);
}

static void test_file(void **state)
{
	char path[] = "/tmp/lakvm-regs-XXXXXX";
	struct la_error err = { "" };
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(parse_file("tests/unit/data/registers-seed.txt", NULL), LA_OK);
	assert_true(n > 0);
	assert_int_equal(parse_file(path, &err), LA_INVALID);
	assert_non_null(strstr(err.text, path));
	assert_non_null(strstr(err.text, "no register"));
	/* larger than any such text, without taking that much space */
	assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
	la_error_clear(&err);
	assert_int_equal(parse_file(path, &err), LA_INVALID);
	assert_non_null(strstr(err.text, "too large"));
	close(fd);
	unlink(path);
	la_error_clear(&err);
	assert_int_equal(parse_file(path, &err), LA_IO);
	assert_non_null(strstr(err.text, "No such file"));
	la_error_clear(&err);
	assert_int_equal(parse_file("/tmp", &err), LA_INVALID);
	assert_non_null(strstr(err.text, "not a file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, finish)
		TEST(test_old_format),
		TEST(test_new_format),
		TEST(test_cut_and_crlf),
		TEST(test_hang),
		TEST(test_pasted),
		TEST(test_prompts),
		TEST(test_no_numbers),
		TEST(test_never_started),
		TEST(test_pc_lines),
		TEST(test_no_csr),
		TEST(test_rows),
		TEST(test_qemu_6_2),
		TEST(test_gdb),
		TEST(test_whose),
		TEST(test_something_else),
		TEST(test_three_lines),
		TEST(test_cut_numbers),
		TEST(test_wide),
		TEST(test_too_many),
		TEST(test_number_too_high),
		TEST(test_file),
		TEST(test_remark_nomem),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
