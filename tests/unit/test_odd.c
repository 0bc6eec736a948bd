// SPDX-License-Identifier: GPL-3.0-or-later
// What saved registers alone tell of their CPUs' lives: real texts, and each sign on its own.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "asm.h"
#include "fake.h"
#include "lakvm/cpu/cpus.h"
#include "lakvm/cpu/odd.h"
#include "lakvm/guest/init.h"
#include "lakvm/regs/text.h"
#include "lakvm/report/report.h"

struct test {
	struct la_arena *arena;
	struct la_regs_text text;
	struct la_report report;
	struct fake *f;
	struct la_kernel k;
	struct la_cpus cpus;
};

static int start(void **state)
{
	struct test *t = calloc(1, sizeof(*t));

	t->arena = la_arena_new(64 << 20);
	t->f = fake_new();
	*state = t;
	return 0;
}

static int finish(void **state)
{
	struct test *t = *state;

	la_report_close(&t->report);
	la_arena_free(t->arena);
	fake_free(t->f);
	free(t);
	return 0;
}

static void report(struct test *t)
{
	const struct la_report_options opt = { .text = t->text.vcpu,
					       .ntext = t->text.n,
					       .text_remark = t->text.remark };

	assert_int_equal(la_report_make(NULL, NULL, &opt, t->arena, &t->report, NULL), LA_OK);
	assert_int_equal(t->report.cpus.n, t->text.n);
}

/* A function that ends by @insn. */
static void put_code(struct fake *f, uint64_t pa, uint32_t insn)
{
	for (unsigned i = 0; i < 64; i += 4)
		fake_put_u32(f, pa + i, i < 32 ? NOP : insn);
}

static void read_file(struct test *t, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "tests/unit/data/%s", name);
	assert_int_equal(la_regs_text_read(t->arena, path, &t->text, NULL), LA_OK);
	report(t);
}

static void read_text(struct test *t, const char *text)
{
	assert_int_equal(la_regs_text(t->arena, text, strlen(text), &t->text, NULL), LA_OK);
}

static const char *remark_of(const struct test *t, unsigned vcpu)
{
	return t->report.cpus.cpu[vcpu].remark ? t->report.cpus.cpu[vcpu].remark : "";
}

static void check_says(const struct test *t, unsigned vcpu, const char *text)
{
	if (!strstr(remark_of(t, vcpu), text))
		fail_msg("vCPU %u: \"%s\", not \"%s\"", vcpu, remark_of(t, vcpu), text);
}

/*
 * The base and the task of CPU 3 are lost, its sp is on CPU 0's stack; both are in die() and want the lock of it; the
 * timers of CPU 2, which waits for others, and of these two have ended.
 */
static void test_hang(void **state)
{
	struct test *t = *state;

	read_file(t, "registers-hang-8-vcpus.txt");
	check_says(t, 3, "its per-CPU base is lost: r21 is 1183e4c");
	check_says(t, 3, "on one stack with vCPU 0: 90000001003cf2a0 and 90000001003cf6d0");
	check_says(t, 3, "a TLB refill has not ended");
	check_says(t, 3, "it has lost its task: tp is 0");
	check_says(t, 3, "in the same call as vCPU 0, which returns to 9000000000224708");
	assert_string_equal(
		remark_of(t, 0),
		"interrupts are off, and the timer's is pending, an IPI is pending; the timer has ended and was not set again; "
		"on one stack with vCPU 3: 90000001003cf6d0 and 90000001003cf2a0; in the same call as vCPU 3, which returns to "
		"9000000000224708, with the same a0 9000000003450000 and interrupts off: both wait for one lock, it seems");
	assert_string_equal(
		remark_of(t, 2),
		"interrupts are off, and the timer's is pending; the timer has ended and was not set again");
	for (unsigned i = 1; i < 8; i++)
		if (i != 3 && i != 2)
			assert_string_equal(remark_of(t, i), "");
	assert_int_equal(t->report.nnotes, 1);
	assert_non_null(strstr(t->report.note[0], "vCPU 3: the last exception was BRK"));
	assert_non_null(strstr(t->report.note[0], "and its per-CPU base is lost"));
}

static void test_never_started(void **state)
{
	struct test *t = *state;

	read_file(t, "registers-never-started.txt");
	assert_int_equal(t->report.cpus.cpu[0].state, LA_CPU_NEVER_STARTED);
	assert_string_equal(la_cpu_state_name(LA_CPU_NEVER_STARTED), "never-started");
	assert_string_equal(remark_of(t, 0), "");
	/* ESTAT has an exception's code, which is no kernel's */
	assert_int_equal(t->report.nnotes, 0);
}

static void test_rows(void **state)
{
	struct test *t = *state;

	read_file(t, "registers-r21-rows.txt");
	check_says(t, 3, "r21 is 0 where other vCPUs have their per-CPU bases");
	for (unsigned i = 0; i < 3; i++)
		assert_string_equal(remark_of(t, i), "");
}

static void test_seed(void **state)
{
	struct test *t = *state;

	read_file(t, "registers-seed.txt");
	check_says(t, 0, "early boot");
	assert_non_null(strstr(t->report.note[0], "before per-CPU areas existed"));
}

static void test_samples(void **state)
{
	struct test *t = *state;

	read_file(t, "registers-pc-lines.txt");
	check_says(t, 0,
		   "8 samples of its registers: 1 at 900000000159f604, 2 at 900000000159e420");
	assert_int_equal(t->report.cpus.cpu[0].nsamples, 8);
	assert_non_null(strstr(t->report.cpus.remark, "samples of one vCPU"));
}

/* States by the registers alone. */
static void test_states(void **state)
{
	static const struct {
		const char *text;
		enum la_cpu_state state;
	} cases[] = {
		/* in QEMU's boot code, in flash */
		{ "PC=000000001c001234\nCRMD=8\nEENTRY=000000001c001000\nGPR03: r3 0 r2 0\n",
		  LA_CPU_NEVER_STARTED },
		/* firmware that translates */
		{ "PC=000000007f001234\nCRMD=b0\nEENTRY=000000007f001000\nGPR03: r3 7f008000 r2 0\n",
		  LA_CPU_FIRMWARE },
		/* Linux's TLB refill of a user's access */
		{ "PC=000000000346a000\nCRMD=a8\nEENTRY=9000000003460000\nTLBRERA=12001f001\n"
		  "GPR03: r3 7ffff000 r2 7fff0000\n",
		  LA_CPU_UNKNOWN },
		{ "PC=0000000120001234\nCRMD=b7\nEENTRY=9000000003460000\nGPR03: r3 7ffff000 r2 0\n",
		  LA_CPU_USER },
		/* the kernel, but there are no symbols */
		{ "PC=90000000015d3d28\nCRMD=b4\nEENTRY=9000000003460000\n"
		  "GPR03: r3 90000001003cf2a0 r2 0\n",
		  LA_CPU_UNKNOWN },
		/* nothing that tells */
		{ "PC=000000001c001234\nGPR03: r3 0 r2 0\n", LA_CPU_UNKNOWN },
	};
	struct test *t = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		read_text(t, cases[i].text);
		report(t);
		if (t->report.cpus.cpu[0].state != cases[i].state)
			fail_msg("%s: %s", cases[i].text,
				 la_cpu_state_name(t->report.cpus.cpu[0].state));
		la_report_close(&t->report);
	}
}

/* What r21 is, in the kernel. */
static void test_base(void **state)
{
	static const struct {
		const char *text;
		bool others, entry;
		enum la_base base;
	} cases[] = {
		{ "PC=9000000000300000\nCRMD=b4\nPRMD=7\nr21 6904000\n", true, false,
		  LA_BASE_FINE },
		{ "PC=9000000000300000\nCRMD=b4\nPRMD=7\nr21 12345678\n", false, false,
		  LA_BASE_LOST },
		{ "PC=0000000000300000\nCRMD=b7\nPRMD=7\nr21 12345678\n", false, false,
		  LA_BASE_FINE },
		{ "PC=9000000000300000\nCRMD=b4\nPRMD=4\nr21 0\n", false, false, LA_BASE_UNCLEAR },
		{ "PC=9000000000300000\nCRMD=b4\nPRMD=4\nr21 0\n", true, false, LA_BASE_LOST },
		{ "PC=9000000000300000\nCRMD=b4\nr21 0\nTCFG=0\n", true, false, LA_BASE_NOT_YET },
		{ "PC=9000000000300000\nCRMD=b4\nr21 0\nTCFG=6190d\n", false, false, LA_BASE_LOST },
		{ "PC=9000000000300000\nCRMD=b4\nr21 0\nSAVE3=0\n", true, false, LA_BASE_NOT_YET },
		{ "PC=9000000000300000\nCRMD=b4\nr21 0\nSAVE3=6904000\n", false, false,
		  LA_BASE_LOST },
		/* on the way from and to user mode r21 is the user's */
		{ "PC=9000000000400000\nCRMD=b0\nPRMD=7\nr21 0\n", true, true, LA_BASE_FINE },
		{ "PC=9000000000400000\nCRMD=b0\nPRMD=7\nr21 0\nSAVE3=6904000\n", true, true,
		  LA_BASE_FINE },
		{ "PC=9000000000400000\nCRMD=b0\nPRMD=4\nr21 0\n", true, true, LA_BASE_LOST },
		{ "PC=9000000000300000\nCRMD=b0\nPRMD=7\nr21 0\n", true, true, LA_BASE_LOST },
		/* only rows of general registers */
		{ "r21 0 r22 7fffe7dfe430\n", true, false, LA_BASE_MISSING },
		{ "r21 0 r22 7fffe7dfe430\n", false, false, LA_BASE_FINE },
		{ "r20 0\n", true, false, LA_BASE_FINE },
	};
	struct test *t = *state;

	la_kernel_init(&t->k, fake_door(t->f), t->arena, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (cases[i].entry) {
			/* known by what they do: names of ordinary functions begin so, vendors' do not */
			fake_symbol(t->f, "handle_mm_fault", UINT64_C(0x9000000000300000), 64,
				    NULL);
			fake_symbol(t->f, "own_entry", UINT64_C(0x9000000000400000), 64, NULL);
			put_code(t->f, 0x300000, RET);
			put_code(t->f, 0x400000, ERTN);
		}
		read_text(t, cases[i].text);
		if (la_regs_base(&t->k, &t->text.vcpu[0].regs, cases[i].others) != cases[i].base)
			fail_msg("%s", cases[i].text);
	}
}

/* Where the samples were, with symbols; and the one that the dump's notes agree with is used. */
static void test_places(void **state)
{
	struct test *t = *state;
	uint64_t value;
	char text[1024] = "";

	fake_symbol(t->f, "panic", UINT64_C(0x9000000000300000), 256, NULL);
	fake_symbol(t->f, "__delay", UINT64_C(0x9000000000400000), 256, NULL);
	la_kernel_init(&t->k, fake_door(t->f), t->arena, NULL);
	t->k.ncpus = 0;
	for (unsigned i = 0; i < 3; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "CPU#0\nPC=9000000000%u00010\nGPR00: r0 0 r1 %x\n", i == 1 ? 4u : 3u, i);
	read_text(t, text);
	assert_int_equal(la_cpus_analyse_text(&t->k, t->arena, t->text.vcpu, t->text.n, &t->cpus,
					      NULL),
			 LA_OK);
	assert_int_equal(t->cpus.n, 1);
	assert_non_null(strstr(t->cpus.cpu[0].remark,
			       "3 samples of its registers: 2 in panic, 1 in __delay"));
	assert_true(la_gpr_get(&t->cpus.cpu[0].regs, LA_R_RA, &value));
	assert_int_equal(value, 2);

	read_text(t, "CPU#0\nPC=9000000000300010\nr1 7\nCPU#0\nPC=9000000000300010\nr1 7\n");
	assert_int_equal(la_cpus_analyse_text(&t->k, t->arena, t->text.vcpu, t->text.n, &t->cpus,
					      NULL),
			 LA_OK);
	assert_non_null(strstr(t->cpus.cpu[0].remark,
			       "2 samples of its registers, it did not move: 2 in panic"));

	/* Where firmware is, no symbol of the kernel's is a place. */
	fake_symbol(t->f, "__efistub_size", 0x1c000000, 0x1000, NULL);
	read_text(t, "CPU#0\nPC=000000001c000050\nr1 7\nCPU#0\nPC=000000001c000050\nr1 7\n");
	assert_int_equal(la_cpus_analyse_text(&t->k, t->arena, t->text.vcpu, t->text.n, &t->cpus,
					      NULL),
			 LA_OK);
	assert_non_null(strstr(t->cpus.cpu[0].remark, "2 at 000000001c000050"));
}

/* A PRSTATUS note of QEMU with @ra in r1 and r2 to r31 as they are numbered. */
static void put_note(struct test *t, unsigned char *note, uint64_t ra)
{
	const uint32_t head[3] = { 5, 480, 1 }, fp[3] = { 5, 268, 2 }, pid = 1;

	memcpy(note, head, 12);
	memcpy(note + 12, "CORE", 5);
	memcpy(note + 20 + 32, &pid, 4);
	memcpy(note + 132 + 8, &ra, 8);
	for (uint64_t i = 2; i < 32; i++)
		memcpy(note + 132 + 8 * i, &i, 8);
	memcpy(note + 500, fp, 12);
	memcpy(note + 512, "CORE", 5);
	fake_door(t->f)->notes = note;
	fake_door(t->f)->notes_size = 500 + 20 + 268;
}

static void analyse_with_note(struct test *t, unsigned from, unsigned to, const char *header)
{
	char text[4096] = "";

	for (unsigned sample = 0; sample < 3; sample++) {
		size_t used = strlen(text);

		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "%sPC=9000000000300%u10\n", header, sample);
		for (unsigned i = from; i < to; i++)
			used += (size_t)snprintf(text + used, sizeof(text) - used,
						 "GPR00: r%u %x\n", i, i == 1 ? 0x70 + sample : i);
	}
	read_text(t, text);
	assert_int_equal(la_cpus_analyse_text(&t->k, t->arena, t->text.vcpu, t->text.n, &t->cpus,
					      NULL),
			 LA_OK);
	assert_int_equal(t->cpus.n, 1);
}

static void test_moment(void **state)
{
	static unsigned char note[1024];
	struct test *t = *state;
	const struct la_cpu *c;

	fake_symbol(t->f, "panic", UINT64_C(0x9000000000300000), 0x1000, NULL);
	la_kernel_init(&t->k, fake_door(t->f), t->arena, NULL);
	t->k.ncpus = 0;
	c = t->cpus.cpu;
	/* the second of three samples is of the dump's moment, with and without "CPU#0" */
	put_note(t, note, 0x71);
	for (unsigned i = 0; i < 2; i++) {
		analyse_with_note(t, 1, 32, i ? "" : "CPU#0\n");
		c = t->cpus.cpu;
		assert_int_equal(c->regs.source, LA_REGS_TEXT);
		assert_int_equal(c->regs.pc, 0x9000000000300110);
		assert_int_equal(c->nsamples, 3);
	}
	/* of 20 rows enough to tell; what they lack is the note's */
	analyse_with_note(t, 1, 21, "CPU#0\n");
	c = t->cpus.cpu;
	assert_int_equal(c->regs.pc, 0x9000000000300110);
	assert_int_equal(c->regs.gpr_known, 0xffffffff);
	assert_int_equal(c->regs.gpr[31], 31);
	/* a pc alone proves nothing, and takes nothing away */
	analyse_with_note(t, 1, 1, "CPU#0\n");
	c = t->cpus.cpu;
	assert_int_equal(c->regs.source, LA_REGS_NOTE);
	assert_int_equal(c->regs.gpr_known, 0xffffffff);
	assert_non_null(strstr(c->remark, "too few to tell of which moment, in panic+0x210"));
	/* none of them */
	put_note(t, note, 0x99);
	analyse_with_note(t, 1, 32, "CPU#0\n");
	c = t->cpus.cpu;
	assert_int_equal(c->regs.source, LA_REGS_NOTE);
	assert_non_null(strstr(c->remark, "of another moment, in panic+0x210"));
}

/* As many as a text can name, all at one place: said, and not at the length of all pairs. */
static void test_all_on_one_stack(void **state)
{
	struct test *t = *state;
	char *text = la_alloc(t->arena, 1024 * 64);
	size_t used = 0;

	for (unsigned i = 0; i < 1024; i++)
		used += (size_t)sprintf(text + used,
					"CPU#%u\nPC=900000000159e420\nr3 90000001003cf6d0\n", i);
	read_text(t, text);
	report(t);
	for (unsigned i = 0; i < 1024; i += 1023) {
		check_says(t, i, "on one stack with vCPU 1:");
		check_says(t, i, "and with 1020 more");
		assert_true(strlen(remark_of(t, i)) < 600);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, start, finish)
		T(test_hang),    T(test_never_started),    T(test_rows), T(test_seed),
		T(test_samples), T(test_states),           T(test_base), T(test_places),
		T(test_moment),  T(test_all_on_one_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
