// SPDX-License-Identifier: GPL-3.0-or-later
// Verdicts of exceptions: an oops, a BUG(), a stack that ran over, SysRq.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "panic_guest.h"

static void test_sysrq_is_its_own_cause(void **state)
{
	/* The system call comes from user mode. */
	static const struct death death = { 0,
					    NULL,
					    { "__udelay", "vpanic", "panic", "sysrq_handle_crash",
					      "__handle_sysrq", "handle_syscall" },
					    5,
					    0x120001000,
					    0,
					    7,
					    0xb0000 };
	struct guest *g = *state;
	const struct la_panic *p;

	/* An oops of another task long before has nothing to do with it. */
	add_log(g, "i8042-7.2.12.log", 2, 77);
	ring_add(&g->ring, 5446736000, 0, 0, 280,
		 "Kernel panic - not syncing: sysrq triggered crash");
	die(g, &death);
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_PANIC);
	assert_int_equal(p->confidence, LA_CERTAIN);
	assert_string_equal(p->cause.kind, "sysrq");
	assert_false(p->cause.pc_known);
	assert_string_equal(p->cause.symbol, "sysrq_handle_crash");
	assert_string_equal(p->signature, "lakvm-2 sysrq \"sysrq triggered crash\" "
					  "sysrq_handle_crash<__handle_sysrq");
	assert_non_null(strstr(p->summary, "by SysRq"));
}

/* "Fatal exception" comes from an oops, but of the same context only. */
static void test_oops_of_another(void **state)
{
	(void)state;
	for (int same = 0; same < 2; same++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 1, 0, 55,
			 "CPU 0 Unable to handle kernel paging request at virtual address "
			 "0000000000000010, era == 9000000000300010, ra == 9000000000300004");
		ring_add(&g->ring, 2000, 0, 0, same ? 55 : 56,
			 "Kernel panic - not syncing: Fatal exception");
		set_panic_cpu(g, 0);
		p = analyse(g, false);
		assert_string_equal(p->cause.kind, same ? "page-fault" : "oops");
		assert_int_equal(p->cause.address_known, same);
		assert_int_equal(p->cause.pc_known, same);
		guest_free(g);
	}
}

/* BUG(): the break instruction's code tells it from any other break. */
static void test_bug(void **state)
{
	static const struct death death = { 0,
					    "Fatal exception in interrupt",
					    { "panic", "die", "do_bp", "handle_bp", "f" },
					    3,
					    W + 0x300040,
					    0,
					    0,
					    0xc0000 };

	(void)state;
	for (int bug = 0; bug < 2; bug++) {
		struct guest *g = guest_new();

		die(g, &death);
		fake_symbol(g->f, "f", W + 0x300000, 0x100, NULL);
		fake_put_u32(g->f, 0x300040, bug ? 0x002a0001 : 0x002a0005);
		assert_string_equal(analyse(g, true)->cause.kind, bug ? "bug" : "break");
		/* nothing else is in memory around it */
		assert_int_equal(g->p.cause.code_known & 1u << LA_CODE_BEFORE,
				 1u << LA_CODE_BEFORE);
		assert_int_equal(g->p.cause.code[LA_CODE_BEFORE], bug ? 0x002a0001 : 0x002a0005);
		guest_free(g);
	}
}

/*
 * The case this project started from: nothing in the log, but the saved registers still show the
 * break instruction that was the last exception before panic's loop.
 */
static void test_seed(void **state)
{
	static const struct death death = { .message = "Fatal exception",
					    .stack = { "__delay", "panic" } };

	(void)state;
	for (int later = 0; later < 3; later++) {
		struct guest *g = guest_new();
		const bool later_tick = later == 1, warning = later == 2;
		const struct la_panic *p;
		struct la_regs *r = &g->cpu[0].regs;

		die(g, &death);
		r->source = LA_REGS_TEXT;
		r->pc_known = true;
		r->pc = 0x900000000159e420;
		la_csr_set(r, LA_CSR_ESTAT, later_tick ? 0x800 : 0xc0000);
		la_csr_set(r, LA_CSR_ERA, 0x90000000015fb78c);
		la_csr_set(r, LA_CSR_BADI, 0x2a0001);
		la_csr_set(r, LA_CSR_BADV, 0);
		/* panic() itself warns where it stops the others */
		fake_symbol(g->f, warning ? "smp_call_function_many_cond" : "some_init",
			    0x90000000015fb700, 0x100, NULL);
		p = analyse(g, true);
		assert_int_equal(p->verdict, LA_VERDICT_PANIC);
		if (later_tick || warning) {
			assert_string_equal(p->cause.kind, "oops");
			assert_false(p->cause.pc_known);
		} else {
			assert_string_equal(p->cause.kind, "bug");
			assert_int_equal(p->cause.pc, 0x90000000015fb78c);
			assert_string_equal(p->cause.symbol, "some_init");
			assert_false(p->cause.address_known);
			assert_true(has_fact(p, "registers", "last exception"));
		}
		guest_free(g);
	}
}

/* A call through a wild pointer: pc says nothing, ra says who called. */
static void test_jump_to_nowhere(void **state)
{
	static const struct death death = {
		0,
		"Fatal exception",
		{ "panic", "die", "do_page_fault", "tlb_do_page_fault_0" },
		3,
		0,
		0,
		0,
		0x30000
	};
	struct guest *g = *state;
	const struct la_panic *p;

	die(g, &death);
	fake_put_u64(g->f, PT_REGS - W + 8, W + 0x300044);
	fake_symbol(g->f, "_stext", W + 0x200000, 0, NULL);
	fake_symbol(g->f, "_etext", W + 0x400000, 0, NULL);
	fake_symbol(g->f, "caller", W + 0x300000, 0x44, NULL); /* the call is its last word */
	p = analyse(g, true);
	assert_string_equal(p->cause.kind, "page-fault");
	assert_true(p->cause.pc_known);
	assert_int_equal(p->cause.pc, 0);
	assert_null(p->cause.symbol);
	assert_string_equal(p->cause.caller, "caller");
	assert_int_equal(p->cause.caller_offset, 0x44);
	assert_string_equal(p->signature, "lakvm-2 page-fault null caller");
}

/* The same where the module that called cannot be read: the kernel knew its name. */
static void test_jump_from_lost_module(void **state)
{
	static const char *const lines[] = {
		"CPU 1 Unable to handle kernel paging request at virtual address ffff8000dead0000, "
		"era == ffff8000dead0000, ra == ffff80000201d6d4",
		"Oops[#1]:",
		"pc ffff8000dead0000 ra ffff80000201d6d4 tp 9000000008af4000 sp 9000000008af7b50",
		"   ra: ffff80000201d6d4 call_handler+0x34/0x40 [mishap]",
		"  ERA: ffff8000dead0000 0xffff8000dead0000",
		" PRMD: 00000004 (PPLV0 +PIE -PWE)",
		"Call Trace:",
		"",
		"Kernel panic - not syncing: Fatal exception",
	};
	struct guest *g = *state;
	const struct la_panic *p;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ring_add(&g->ring, (i + 1) * 1000, 1, 0, 1, lines[i]);
	set_panic_cpu(g, 1);
	p = analyse(g, true);
	assert_string_equal(p->cause.kind, "page-fault");
	assert_null(p->cause.symbol);
	assert_string_equal(p->cause.caller, "call_handler");
	assert_int_equal(p->cause.caller_offset, 0x34);
	assert_string_equal(p->cause.module, "mishap");
}

/* The log tells the cause; the second witness is memory, with the instruction that faults with these registers. */
static void test_oops_without_panic(void **state)
{
	(void)state;
	for (int witness = 0; witness < 3; witness++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		add_log(g, "i8042-7.2.12.log", 3, 1);
		ring_add(&g->ring, 9000000000, 6, 0, 5, "life goes on");
		set_panic_cpu(g, UINT32_MAX);
		fake_symbol(g->f, "tainted_mask", W + 0x830000, 8, NULL);
		fake_put_u64(g->f, 0x830000, 0x80);
		/* ldx.bu s2, t0, t1, as the log's "Code:" has it; and a load from elsewhere */
		if (witness)
			fake_put_u32(g->f, 0xeb7fa8, witness == 2 ? 0x38203599 : 0x2a000019);
		p = analyse(g, false);
		assert_int_equal(p->verdict, LA_VERDICT_OOPS);
		assert_int_equal(p->confidence, witness == 2 ? LA_CERTAIN : LA_LIKELY);
		assert_string_equal(p->message, "Oops");
		assert_string_equal(p->cause.kind, "page-fault");
		assert_string_equal(p->cause.symbol, "i8042_flush");
		assert_int_equal(p->cpu, 1);
		assert_int_equal(p->task.pid, 1);
		guest_free(g);
	}
}

/* The page with the instruction is not in the dump: that it was a BUG() the kernel has said. */
static void test_bug_without_code(void **state)
{
	static const char *const lines[] = { "------------[ cut here ]------------",
					     "kernel BUG at flow.c:146!", NULL,
					     "CPU: 0 UID: 0 PID: 8 Comm: busy Not tainted 7.1 #1",
					     "Kernel panic - not syncing: Fatal exception" };
	static const struct death death = {
		0, "Fatal exception", { "panic", "die", "do_bp", "handle_bp", "ring_reset" },
		3, W + 0x5000040,     0,
		4, 0xc0000,
	};

	(void)state;
	for (int bug = 0; bug < 2; bug++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
			ring_add(&g->ring, 1000 * (i + 1), 0, 0, 0x80000000u,
				 lines[i] ? lines[i] :
				 bug      ? "Oops - BUG[#1]:" :
					    "Unexpected breakpoint[#1]:");
		die(g, &death);
		p = analyse(g, true);
		assert_string_equal(p->cause.kind, bug ? "bug" : "break");
		guest_free(g);
	}
}

/*
 * *(volatile int *)0 = 0 is "st.w $zero, $zero, 0" (lkdtm's EXCEPTION): the log, whose lines these are of a 6.12 but for
 * another pc, has no $zero, and it is known all the same. A store to 32 is none to 0.
 */
static void test_null_by_zero(void **state)
{
	(void)state;
	for (uint32_t offset = 0; offset < 2; offset++) {
		struct guest *g = guest_new();
		const struct la_panic *p;
		static const char *const lines[] = {
			"CPU 0 Unable to handle kernel paging request at virtual address "
			"0000000000000000, era == 9000000000300010, ra == 900000000030b0bc",
			"Oops[#1]:",
			"CPU: 0 UID: 0 PID: 306 Comm: end-guest Kdump: loaded Not tainted 6.12.117-lakvm #1 ",
			"pc 9000000000300010 ra 900000000030b0bc tp 90000000079e0000 sp 90000000079e3d50",
			"a0 ffff8000120082b0 a1 90000000017edb00 a2 90000000079e3bd0 a3 90000000017edb08",
			"   ERA: 9000000000300010 lkdtm_EXCEPTION+0x0/0x10",
			"  CRMD: 000000b0 (PLV0 -IE -DA +PG DACF=CC DACM=CC -WE)",
			"ESTAT: 00020000 [PIS] (IS= ECode=2 EsubCode=0)",
			" BADV: 0000000000000000",
		};

		for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
			ring_add(&g->ring, 22047899000 + i, 1, 0, 306, lines[i]);
		set_panic_cpu(g, UINT32_MAX);
		fake_symbol(g->f, "tainted_mask", W + 0x830000, 8, NULL);
		fake_put_u64(g->f, 0x830000, 0x80);
		fake_put_u32(g->f, 0x300010, 0x29800000 | offset * 32 << 10);
		p = analyse(g, false);
		assert_int_equal(p->verdict, LA_VERDICT_OOPS);
		assert_int_equal(p->cause.address, 0);
		assert_int_equal(p->confidence, offset ? LA_LIKELY : LA_CERTAIN);
		guest_free(g);
	}
}

/* A fault in a copy of the kernel's own exception entry is somebody else's doing, whatever memory has there. */
static void test_fault_in_vector(void **state)
{
	static const char *const lines[] = {
		"CPU 0 Unable to handle kernel paging request at virtual address "
		"0000000000000000, era == 9000000000a10420, ra == 900000000030b0bc",
		"Oops[#1]:",
		"CPU: 0 UID: 0 PID: 306 Comm: init Not tainted 7.2.12-lakvm #1 ",
		"pc 9000000000a10420 ra 900000000030b0bc tp 90000000079e0000 sp 90000000079e3d50",
		"   ERA: 9000000000a10420 exception_handlers+0x420/0x10000",
		"ESTAT: 00020000 [PIS] (IS= ECode=2 EsubCode=0)",
		" BADV: 0000000000000000",
	};

	(void)state;
	for (int vector = 0; vector < 2; vector++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
			ring_add(&g->ring, 22047899000 + i, 1, 0, 306, lines[i]);
		set_panic_cpu(g, UINT32_MAX);
		fake_symbol(g->f, "tainted_mask", W + 0x830000, 8, NULL);
		fake_put_u64(g->f, 0x830000, 0x80);
		fake_put_u32(g->f, 0xa10420, 0x29800000); /* st.w $zero, $zero, 0 */
		fake_symbol(g->f, vector ? "exception_handlers" : "some_data", W + 0xa10000,
			    0x10000, NULL);
		fake_symbol(g->f, "handle_tlb_store", W + 0x301000, 0x200, NULL);
		p = analyse(g, false);
		assert_int_equal(p->verdict, LA_VERDICT_OOPS);
		assert_int_equal(p->confidence, vector ? LA_LIKELY : LA_CERTAIN);
		assert_int_equal(has_fact(p, "registers", "in an exception vector"), vector);
		assert_int_equal(strstr(p->advice[0], "who overwrote") != NULL, vector);
		guest_free(g);
	}
}

static void test_stack_overflow(void **state)
{
	struct guest *sysrq = guest_new(), *silent = guest_new();

	(void)state;
	sysrq->cpu[1].stack_overrun = silent->cpu[1].stack_overrun = true;
	set_panic_cpu(sysrq, 1);
	set_buffer(sysrq, "buf.1", 0x810000, "sysrq triggered crash");
	assert_string_equal(analyse(sysrq, true)->cause.kind, "sysrq");
	guest_free(sysrq);
	set_panic_cpu(silent, UINT32_MAX);
	assert_int_equal(analyse(silent, true)->verdict, LA_VERDICT_STACK_OVERFLOW);
	assert_int_equal(silent->p.confidence, LA_LIKELY);
	guest_free(silent);

	for (int panicked = 0; panicked < 2; panicked++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 1, 0, 55,
			 "CPU 0 Unable to handle kernel paging request at virtual address "
			 "0000000000000010, era == 9000000000300010, ra == 9000000000300004");
		if (panicked)
			ring_add(&g->ring, 2000, 0, 0, 55,
				 "Kernel panic - not syncing: Fatal exception");
		set_panic_cpu(g, panicked ? 1 : UINT32_MAX);
		g->cpu[1].stack_overrun = true;
		p = analyse(g, true);
		assert_int_equal(p->verdict,
				 panicked ? LA_VERDICT_PANIC : LA_VERDICT_STACK_OVERFLOW);
		assert_string_equal(p->cause.kind, "stack-overflow");
		assert_int_equal(p->cpu, 1);
		assert_true(has_fact(p, "stack of CPU 1", "end mark"));
		guest_free(g);
	}
}

/*
 * A fault after other trouble that was reported: that is to be looked at first. A module whose code is on no stack, but into
 * which the registers lead, is named; not where a module's function is the cause.
 */
static void test_around_fault(void **state)
{
	static const char *const lines[] = {
		"------------[ cut here ]------------",
		"Trying to free already-free IRQ 19",
		"WARNING: CPU: 0 PID: 71 at kernel/irq/manage.c:1913 free_irq+0x1e4/0x410",
		"CPU 0 Unable to handle kernel paging request at virtual address "
		"0000000000000000, era == 9000000000300010, ra == 900000000030b0bc",
		"Oops[#1]:",
		"CPU: 0 UID: 0 PID: 306 Comm: swapper Not tainted 6.12.117-lakvm #1 ",
		"pc 9000000000300010 ra 900000000030b0bc tp 90000000079e0000 sp 90000000079e3d50",
		"s0 ffff800012044130 s1 0000000000000007 s2 ffff800002026910 s3 ffff800012044138",
		"   ERA: 9000000000300010 run_timers+0x0/0x10",
		" BADV: 0000000000000000",
		"WARNING: CPU: 0 PID: 306 at kernel/smp.c:815 smp_call_function_many_cond+0x440/0x490",
	};

	(void)state;
	for (int of_module = 0; of_module < 2; of_module++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
			ring_add(&g->ring, 2000000000 + 1000 * i, 1, 0, 306, lines[i]);
		set_panic_cpu(g, UINT32_MAX);
		fake_symbol(g->f, "tainted_mask", W + 0x830000, 8, NULL);
		fake_put_u64(g->f, 0x830000, 0x80);
		fake_symbol(g->f, "run_timers", W + 0x300010, 0x10, of_module ? "pump" : NULL);
		fake_symbol(g->f, "tank_timer", 0xffff800012044130, 0x28, "mishap");
		fake_symbol(g->f, "tank_poll", 0xffff800002026910, 0x40, "mishap");
		p = analyse(g, false);
		assert_int_equal(p->verdict, LA_VERDICT_OOPS);
		assert_string_equal(p->advice[0],
				    "look first at what was reported at 2.000002, before it: "
				    "\"Trying to free already-free IRQ 19\", by free_irq()");
		assert_true(has_fact(p, "log",
				     "2 times warning, first at 2.000002: Trying to free "
				     "already-free IRQ 19: WARNING"));
		assert_int_equal(has_fact(p, "registers at the fault",
					  "s0 (tank_timer [mishap]), s2 (tank_poll [mishap])"),
				 !of_module);
		guest_free(g);
	}
}

#define GUEST(f) cmocka_unit_test_setup_teardown(f, start, finish)

/* Another CPU than the one that died has no task: what it wrote may be what the fault is of. On a user's stack it may. */
static void test_astray(void **state)
{
	static const uint64_t sp[] = { W + 0xa00800, 0x7ffffb000000, W + 0xa00800, W + 0xa00800 };
	static const uint64_t tp[] = { 0, 0, W + 0x860000, W + 0x870000 };

	(void)state;
	for (size_t i = 0; i < sizeof(sp) / sizeof(sp[0]); i++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		add_log(g, "i8042-7.2.12.log", 3, 1);
		set_panic_cpu(g, UINT32_MAX);
		fake_symbol(g->f, "tainted_mask", W + 0x830000, 8, NULL);
		fake_put_u64(g->f, 0x830000, 0x80);
		fake_put_u32(g->f, 0xeb7fa8, 0x38203599);
		g->cpu[0].regs.source = LA_REGS_NOTE;
		la_gpr_set(&g->cpu[0].regs, LA_R_SP, sp[i]);
		la_gpr_set(&g->cpu[0].regs, LA_R_TP, tp[i]);
		/* tasks as 7.2 has them, the last one overwritten with text */
		g->k.thread_info_in_task = true;
		fake_member(g->f, "task_struct", "pid", 0x20, 4);
		fake_put_u32(g->f, 0x860020, 77);
		fake_put_u32(g->f, 0x870020, 0x34343434);
		p = analyse(g, true);
		assert_int_equal(p->verdict, LA_VERDICT_OOPS);
		assert_int_equal(p->confidence, i % 3 ? LA_CERTAIN : LA_LIKELY);
		assert_int_equal(has_fact(p, "registers", "CPU 0 is on a kernel stack"),
				 i % 3 == 0);
		guest_free(g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_astray),
		GUEST(test_sysrq_is_its_own_cause),
		cmocka_unit_test(test_oops_of_another),
		cmocka_unit_test(test_bug),
		cmocka_unit_test(test_seed),
		GUEST(test_jump_to_nowhere),
		cmocka_unit_test(test_around_fault),
		GUEST(test_jump_from_lost_module),
		cmocka_unit_test(test_oops_without_panic),
		cmocka_unit_test(test_null_by_zero),
		cmocka_unit_test(test_bug_without_code),
		cmocka_unit_test(test_fault_in_vector),
		cmocka_unit_test(test_stack_overflow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
