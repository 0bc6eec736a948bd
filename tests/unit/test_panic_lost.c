// SPDX-License-Identifier: GPL-3.0-or-later
// Verdicts on guests whose fault is a consequence: a stack that ran over, a register that was lost before.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "asm.h"
#include "cpu/priv.h"
#include "lakvm/guest/init.h"
#include "panic_guest.h"

#define STACK (W + 0xa00000)
#define FUNCTION (W + 0x300000)
#define VICTIM (W + 0x310000)
#define PERCPU (W + 0x700000)

static void put_text(struct guest *g)
{
	fake_symbol(g->f, "_stext", W + 0x2f0000, 0, NULL);
	fake_symbol(g->f, "_etext", W + 0x400000, 0, NULL);
	fake_symbol(g->f, "walk_tree", FUNCTION, 0x100, "trees");
	fake_symbol(g->f, "poor_victim", VICTIM, 0x100, NULL);
	fake_put_u32(g->f, FUNCTION - W + 0x20, BL(0x20, 0));
	fake_put_u32(g->f, VICTIM - W + 0x20, BL(0x20, 0));
}

/* CPU @cpu's stack, in which everything is 0, and its end mark overwritten. */
static void overrun(struct guest *g, unsigned cpu, uint64_t stack)
{
	static const char zeros[LA_THREAD_SIZE];

	fake_put(g->f, stack - W, zeros, sizeof(zeros));
	g->cpu[cpu].stack_base = stack;
	g->cpu[cpu].stack_overrun = true;
	g->cpu[cpu].state = LA_CPU_EXCEPTION;
}

/* An exception with the stack pointer right above where its registers are saved. */
static void put_exception(struct guest *g, uint64_t at, uint64_t era)
{
	fake_put_u64(g->f, at - W + 3 * 8, at + LA_PT_REGS_SIZE);
	fake_put_u64(g->f, at - W + 264, era);
}

/*
 * The neighbour's end mark is hit, too; the one whose stack pointer has left its stack did it. A return address of a
 * function in equal distances is its own call, of a handler's among saved registers it is not.
 */
static void test_recursion(void **state)
{
	(void)state;
	for (int nested = 0; nested < 2; nested++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		put_text(g);
		set_panic_cpu(g, UINT32_MAX);
		overrun(g, 0, STACK + 2 * LA_THREAD_SIZE);
		overrun(g, 1, STACK);
		g->cpu[1].odd = LA_ODD_STACK;
		for (uint64_t at = STACK + 0x800; at < STACK + 0x3000; at += 0x200) {
			fake_put_u64(g->f, at - W, FUNCTION + 0x24);
			if (nested)
				put_exception(g, at + 8, VICTIM + 0x10);
		}
		p = analyse(g, true);
		assert_int_equal(p->verdict, LA_VERDICT_STACK_OVERFLOW);
		assert_int_equal(p->confidence, LA_CERTAIN);
		assert_int_equal(p->cpu, 1);
		if (nested) {
			assert_null(p->cause.symbol);
			assert_non_null(strstr(p->summary, "first fault"));
			assert_non_null(strstr(p->summary, "poor_victim"));
		} else {
			assert_string_equal(p->cause.symbol, "walk_tree");
			assert_string_equal(p->cause.module, "trees");
			assert_int_equal(p->cause.pc, FUNCTION + 0x20);
			assert_non_null(strstr(p->summary, "itself again and again (20 calls"));
		}
		guest_free(g);
	}
}

/*
 * Exceptions down to the stack's end may be all that ran over it. A CPU without its task or per-CPU base faults in each
 * handler again; where nothing is lost, the overflow may have come first.
 */
static void test_nested(void **state)
{
	static const struct {
		unsigned odd;
		const char *kind, *says;
	} cases[] = {
		{ LA_ODD_TASK, "tp-lost", "the CPU has lost tp, its task" },
		{ LA_ODD_BASE, "percpu-lost", "the CPU has lost r21" },
		{ 0, "stack-overflow", "by a call that has returned, or by the exceptions" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		put_text(g);
		set_panic_cpu(g, UINT32_MAX);
		overrun(g, 1, STACK);
		g->cpu[1].odd = LA_ODD_STACK | cases[i].odd;
		for (uint64_t at = STACK + 0x108; at < STACK + 0x3000; at += 0x200)
			put_exception(g, at, VICTIM + 0x10);
		p = analyse(g, true);
		assert_int_equal(p->verdict, LA_VERDICT_STACK_OVERFLOW);
		assert_int_equal(p->confidence, LA_LIKELY);
		assert_string_equal(p->cause.kind, cases[i].kind);
		assert_non_null(strstr(p->summary, cases[i].says));
		assert_non_null(strstr(p->summary, "poor_victim"));
		if (cases[i].odd)
			assert_string_equal(p->cause.symbol, "poor_victim");
		guest_free(g);
	}
}

/* The overflow has run through the list of modules, too: what called itself lies where they are, and has no name. */
static void test_recursion_of_lost_module(void **state)
{
	static const uint64_t base = UINT64_C(0xffff800000000000);
	static const struct {
		uint64_t address;
		bool found;
	} cases[] = { { base + 0x201d398, true },
		      { base + 0x201d39a, false },
		      { base + 0x1203c288, false } /* their data, and vmalloc()'s */ };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		put_text(g);
		g->k.mmu.vm_map_base = base;
		set_panic_cpu(g, UINT32_MAX);
		overrun(g, 1, STACK);
		for (uint64_t at = STACK + 0x800; at < STACK + 0x3000; at += 0x200)
			fake_put_u64(g->f, at - W, cases[i].address);
		p = analyse(g, true);
		assert_int_equal(p->verdict, LA_VERDICT_STACK_OVERFLOW);
		assert_int_equal(p->confidence, LA_LIKELY);
		assert_int_equal(p->cause.pc_known, cases[i].found);
		assert_null(p->cause.symbol);
		if (cases[i].found) {
			assert_int_equal(p->cause.pc, base + 0x201d394);
			assert_non_null(
				strstr(p->summary, "code at 0xffff80000201d394 called itself"));
		}
		guest_free(g);
	}
}

/* A large frame: the first exception came when the stack pointer was below the stack already. */
static void test_large_frame(void **state)
{
	struct guest *g = *state;
	static const char zeros[0x10000];
	const struct la_panic *p;

	put_text(g);
	set_panic_cpu(g, UINT32_MAX);
	fake_put(g->f, STACK - W - sizeof(zeros), zeros, sizeof(zeros));
	overrun(g, 1, STACK);
	put_exception(g, STACK - 0x2000, VICTIM + 0x10);
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_STACK_OVERFLOW);
	assert_string_equal(p->cause.symbol, "poor_victim");
	assert_int_equal(p->cause.offset, 0x10);
}

static const char *const oops_text[] = {
	"CPU 1 Unable to handle kernel paging request at virtual address 0000000000000007, "
	"era == 9000000000310010, ra == 9000000000300024",
	"Oops[#1]:",
	"CPU: 1 UID: 0 PID: 0 Comm: swapper/1 Not tainted 6.12 #1",
	"pc 9000000000310010 ra 9000000000300024 tp %s sp 9000000008afbd80",
	"s1 %s s2 0000000000000000 s3 0000000000000000 s4 0000000000000000",
	" BADV: 0000000000000007",
	" PRMD: 00000000 (PPLV0 -PIE -PWE)",
	"Call Trace:",
	"[<9000000000310010>] poor_victim+0x10/0x100",
	"[<9000000000300024>] walk_tree+0x24/0x100",
	"",
	"Kernel panic - not syncing: Fatal exception in interrupt",
};

static void put_oops(struct guest *g, const char *tp, const char *s1)
{
	char line[256];

	for (size_t i = 0; i < sizeof(oops_text) / sizeof(oops_text[0]); i++) {
		snprintf(line, sizeof(line), oops_text[i], i == 3 ? tp : s1);
		ring_add(&g->ring, (i + 1) * 1000, 1, 0, 1, line);
	}
	put_text(g);
	set_panic_cpu(g, 1);
	fake_symbol(g->f, "__per_cpu_start", PERCPU, 0, NULL);
	fake_symbol(g->f, "__per_cpu_end", PERCPU + 0x20000, 0, NULL);
	g->cpu[0].state = LA_CPU_IDLE;
	g->cpu[1].state = LA_CPU_PANICKING;
}

#define TP "9000000008af8000"
#define FINE "90000000083b8940"
#define BARE "9000000000708f40" /* a per-CPU variable's address, to which nothing was added */

/*
 * r21 is no base: what the CPU faulted at says nothing of who lost it. Where the first oops does not show that it was
 * lost by then, the fault may have come first, and is the cause, but no certain one.
 */
static void test_lost(void **state)
{
	static const struct {
		const char *tp, *s1;
		unsigned odd;
		const char *kind;
	} cases[] = {
		{ TP, FINE, 0, "page-fault" },
		{ TP, BARE, 0, "page-fault" },
		{ TP, FINE, LA_ODD_BASE, "page-fault" },
		{ TP, BARE, LA_ODD_BASE, "percpu-lost" },
		{ "0000000000000000", FINE, 0, "tp-lost" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		put_oops(g, cases[i].tp, cases[i].s1);
		g->cpu[1].odd = cases[i].odd;
		p = analyse(g, true);
		assert_int_equal(p->verdict, LA_VERDICT_PANIC);
		if (strcmp(p->cause.kind, cases[i].kind))
			fail_msg("case %zu: %s", i, p->cause.kind);
		if (i > 1)
			assert_int_equal(p->confidence, LA_LIKELY);
		if (i > 2) {
			assert_null(p->cause.symbol);
			assert_non_null(strstr(p->summary, "poor_victim < walk_tree"));
			assert_non_null(strstr(p->summary, "CPU 1 lost"));
		} else {
			assert_string_equal(p->cause.symbol, "poor_victim");
		}
		guest_free(g);
	}
}

/*
 * The first oops shows no address of a variable, but what led to it goes by r21: in the function that faulted, or in the
 * one that was called and left it by a tail call.
 */
static void test_lost_by_code(void **state)
{
	const struct {
		uint64_t at;
		uint32_t insn;
		const char *kind;
	} cases[] = {
		{ VICTIM + 0x8, ADD_D(12, 13, LA_R_U0), "percpu-lost" },
		{ VICTIM + 0x14, ADD_D(12, 13, LA_R_U0), "page-fault" }, /* behind the fault */
		{ VICTIM + 0x8, ADD_D(12, 13, 14), "page-fault" },
		{ FUNCTION + 0x204, LD_D(12, LA_R_U0, 0x40), "percpu-lost" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		put_oops(g, TP, FINE);
		for (uint64_t at = VICTIM; at < VICTIM + 0x20; at += 4)
			fake_put_u32(g->f, at - W, NOP);
		fake_symbol(g->f, "helper", FUNCTION + 0x200, 0x10, NULL);
		for (uint64_t at = FUNCTION + 0x200; at < FUNCTION + 0x210; at += 4)
			fake_put_u32(g->f, at - W, NOP);
		fake_put_u32(g->f, FUNCTION - W + 0x20, BL(0x20, 0x200));
		fake_put_u32(g->f, cases[i].at - W, cases[i].insn);
		g->cpu[1].odd = LA_ODD_BASE;
		p = analyse(g, true);
		if (strcmp(p->cause.kind, cases[i].kind))
			fail_msg("case %zu: %s", i, p->cause.kind);
		assert_int_equal(p->confidence, LA_LIKELY);
		guest_free(g);
	}
}

/* The log alone, of a dump that lost the rest: the first oops tells of itself that tp led to no task. */
static void test_lost_by_log(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p;

	put_oops(g, "0000000000000000", FINE);
	p = analyse(g, false);
	assert_string_equal(p->cause.kind, "tp-lost");
	assert_int_equal(p->confidence, LA_LIKELY);
	assert_null(p->cause.symbol);
	assert_non_null(strstr(p->summary, "CPU 1 lost"));
}

/* What an overflow wrote over a task_struct is nobody's name. */
static void test_overwritten_task(void **state)
{
	struct guest *g = *state;
	struct la_task task;

	fake_member(g->f, "task_struct", "pid", 0x30, 4);
	fake_member(g->f, "task_struct", "comm", 0x40, 16);
	fake_put_u32(g->f, 0x860030, 4194303);
	fake_put(g->f, 0x860040, "last", 5);
	la_task_read(&g->k, W + 0x860000, &task);
	assert_true(task.pid_known);
	assert_string_equal(task.comm, "last");
	fake_put_u32(g->f, 0x860030, 4194304);
	la_task_read(&g->k, W + 0x860000, &task);
	assert_false(task.pid_known);
	assert_string_equal(task.comm, "");
}

/*
 * Registers without a pc: a CPU in the kernel whose r21 is no base may be on its way from user mode or back. In panic(),
 * or in the idle task, it is not.
 */
static void test_base_without_pc(void **state)
{
	static const uint64_t offsets[] = { 0x4000000, 0x5000000 };
	static const struct {
		enum la_cpu_state state;
		int pid;
		unsigned odd;
	} cases[] = {
		{ LA_CPU_RUNNING, 60, 0 },
		{ LA_CPU_RUNNING, 0, LA_ODD_BASE },
		{ LA_CPU_PANICKING, 60, LA_ODD_BASE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guest *g = guest_new();

		la_kernel_init(&g->k, fake_door(g->f), g->arena, NULL);
		g->k.ncpus = 2;
		g->k.percpu = offsets;
		la_gpr_set(&g->cpu[0].regs, LA_R_U0, offsets[0]);
		la_gpr_set(&g->cpu[1].regs, LA_R_U0, 0);
		for (unsigned c = 0; c < 2; c++)
			la_gpr_set(&g->cpu[c].regs, LA_R_SP, STACK + 0x8000 * c);
		g->cpu[1].state = cases[i].state;
		g->cpu[1].task.pid_known = true;
		g->cpu[1].task.pid = cases[i].pid;
		la_cpus_find_odd(&g->k, g->arena, &g->cpus);
		if ((g->cpu[1].odd & LA_ODD_BASE) != cases[i].odd)
			fail_msg("case %zu", i);
		assert_int_equal(g->cpu[0].odd, 0);
		guest_free(g);
	}
}

#define GUEST(f) cmocka_unit_test_setup_teardown(f, start, finish)

/* Without its log a panic over a warning still tells what a function that only checks reports, and whose call it was. */
static void test_check(void **state)
{
	static const struct {
		const char *function, *words;
	} test[] = {
		{ "__list_del_entry_valid_or_report", "list_del corruption" },
		{ "refcount_warn_saturate", "refcount_t" },
		{ "ring_check", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(test) / sizeof(test[0]); i++) {
		const struct death death = { 0,
					     "kernel: panic_on_warn set ...",
					     { "panic", "check_panic_on_warn", "__warn",
					       "report_bug", "do_bp", "handle_bp", test[i].function,
					       "ring_unlink" },
					     5,
					     W + 0x300040,
					     0,
					     0,
					     0xc0000 };
		struct guest *g = guest_new();
		const struct la_panic *p;

		fake_symbol(g->f, test[i].function, W + 0x300000, 0x100, NULL);
		fake_put_u32(g->f, 0x300040, 0x002a0001);
		die(g, &death);
		p = analyse(g, true);
		assert_string_equal(p->cause.symbol, test[i].function);
		if (test[i].words)
			assert_non_null(strstr(p->summary, test[i].words));
		else
			assert_null(p->summary);
		guest_free(g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_recursion),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_recursion_of_lost_module),
		GUEST(test_large_frame),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_lost_by_code),
		GUEST(test_lost_by_log),
		GUEST(test_overwritten_task),
		cmocka_unit_test(test_base_without_pc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
