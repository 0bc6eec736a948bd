// SPDX-License-Identifier: GPL-3.0-or-later
// What a stack says of its CPU: its state, and what it waits for.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "asm.h"
#include "cpus_guest.h"

#define MAX 8
struct stack_case {
	const char *function
		[MAX]; /* innermost first; in front of one that holds a pt_regs: '#' an interrupt's, '$' a system call's, '!' another's */
	enum la_cpu_state state, before;
	bool from_user;
};

/* Stacks as gdb showed them on real guests, and others from the kernel's source. */
static const struct stack_case stack_cases[] = {
	{ { "stop_this_cpu", "__flush_smp_call_function_queue", "loongson_ipi_interrupt", "do_vint",
	    "#handle_vint", "idle_exit", "arch_cpu_idle", "do_idle" },
	  LA_CPU_STOPPED,
	  LA_CPU_IDLE,
	  false },
	{ { "stop_this_cpu", "do_vint", "#handle_vint" }, LA_CPU_STOPPED, LA_CPU_USER, true },
	{ { "stop_this_cpu", "do_vint", "#handle_vint", "__clear_user_fast", "vfs_read" },
	  LA_CPU_STOPPED,
	  LA_CPU_RUNNING,
	  false },
	{ { "__udelay", "vpanic", "panic", "do_exit", "die" },
	  LA_CPU_PANICKING,
	  LA_CPU_UNKNOWN,
	  false },
	{ { "tick_nohz_handler", "do_vint", "#handle_vint", "__udelay", "panic" },
	  LA_CPU_PANICKING,
	  LA_CPU_UNKNOWN,
	  false },
	{ { "__udelay", "panic", "watchdog_timer_fn", "do_vint", "#handle_vint",
	    "queued_spin_lock_slowpath", "_raw_spin_lock" },
	  LA_CPU_PANICKING,
	  LA_CPU_SPINNING,
	  false },
	{ { "__udelay", "panic", "do_vint", "#handle_vint" }, LA_CPU_PANICKING, LA_CPU_USER, true },
	{ { "__udelay", "panic", "ksys_write", "$handle_syscall" },
	  LA_CPU_PANICKING,
	  LA_CPU_UNKNOWN,
	  true },
	{ { "panic_smp_self_stop", "panic", "die" }, LA_CPU_STOPPED, LA_CPU_UNKNOWN, false },
	{ { "crash_shutdown_secondary", "__flush_smp_call_function_queue", "do_vint",
	    "#handle_vint", "queued_spin_lock_slowpath", "_raw_spin_lock" },
	  LA_CPU_KDUMP_STOPPED,
	  LA_CPU_SPINNING,
	  false },
	{ { "__arch_cpu_idle", "arch_cpu_idle", "default_idle_call", "do_idle",
	    "cpu_startup_entry" },
	  LA_CPU_IDLE,
	  LA_CPU_UNKNOWN,
	  false },
	{ { "__schedule", "schedule_idle", "do_idle", "cpu_startup_entry" },
	  LA_CPU_RUNNING,
	  LA_CPU_UNKNOWN,
	  false },
	{ { "queued_spin_lock_slowpath.constprop.0", "_raw_spin_lock", "futex_wake" },
	  LA_CPU_SPINNING,
	  LA_CPU_UNKNOWN,
	  false },
	{ { "smp_call_function_many_cond", "on_each_cpu_cond_mask", "flush_tlb_all" },
	  LA_CPU_IPI_WAIT,
	  LA_CPU_UNKNOWN,
	  false },
	/* It runs the function itself, on its own CPU: no waiting. */
	{ { "do_flush", "do_nothing", "smp_call_function_many_cond" },
	  LA_CPU_RUNNING,
	  LA_CPU_UNKNOWN,
	  false },
	{ { "__delay", "__udelay", "some_driver" }, LA_CPU_DELAY, LA_CPU_UNKNOWN, false },
	{ { "timer_function", "run_timers", "do_irq", "#an_entry", "vfs_read" },
	  LA_CPU_IRQ,
	  LA_CPU_RUNNING,
	  false },
	{ { "do_page_fault", "!tlb_do_page_fault_0", "__clear_user" },
	  LA_CPU_EXCEPTION,
	  LA_CPU_RUNNING,
	  false },
	{ { "vfs_read", "do_syscall", "$handle_syscall" }, LA_CPU_RUNNING, LA_CPU_UNKNOWN, true },
	{ { "worker_thread", "kthread", "ret_from_kernel_thread", "ret_from_kernel_thread_asm" },
	  LA_CPU_RUNNING,
	  LA_CPU_UNKNOWN,
	  false },
	{ { "panic_notifier", "vfs_read" }, LA_CPU_RUNNING, LA_CPU_UNKNOWN, false },
	{ { "idle_play_dead", "arch_cpu_idle_dead", "do_idle" },
	  LA_CPU_OFFLINE,
	  LA_CPU_UNKNOWN,
	  false },
};

static void test_states(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(stack_cases) / sizeof(stack_cases[0]); i++) {
		const struct stack_case *s = &stack_cases[i];
		struct la_frame frame[MAX] = { 0 };
		struct la_cpu c = { .stack.frame = frame };

		for (; c.stack.n < MAX && s->function[c.stack.n]; c.stack.n++) {
			const char *name = s->function[c.stack.n];

			const enum la_entry entry = *name == '#' ? LA_ENTRY_INTERRUPT :
						    *name == '$' ? LA_ENTRY_SYSCALL :
						    *name == '!' ? LA_ENTRY_EXCEPTION :
								   LA_ENTRY_NONE;

			frame[c.stack.n].symbol = name + (entry != LA_ENTRY_NONE);
			frame[c.stack.n].pt_regs = entry ? W : 0;
			frame[c.stack.n].entry = entry;
		}
		c.stack.stop = s->from_user ? LA_STOP_USER : LA_STOP_END;
		c.state = la_cpu_state_of(frame, c.stack.n);
		la_cpu_find_before(&c);
		if (c.state != s->state || c.before != s->before)
			fail_msg("%s...: %s before %s", s->function[0], la_cpu_state_name(c.state),
				 la_cpu_state_name(c.before));
	}
	assert_int_equal(la_cpu_state_of(NULL, 0), LA_CPU_UNKNOWN);
}

/* Code as for (;;) is compiled to; and what looks like it, and ends. */
static void test_closed_loop(void **state)
{
	static const struct {
		uint32_t insn[4];
		bool closed;
	} cases[] = {
		{ { 0x50000000 }, true },                          /* b 0 */
		{ { NOP, NOP, 0x53fffbff }, true },                /* b -8 */
		{ { NOP, 0x50000800, RET, 0x53fffbff }, true },    /* over a return, and back */
		{ { 0x28c00084, 0x40000880, 0x53fffbff }, false }, /* a flag is read */
		{ { NOP, 0x54000800, 0x53fffbff }, false },        /* a call */
		{ { IDLE, 0x53ffffff }, false },                   /* it waits */
		{ { NOP, NOP, RET }, false },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct guest *g = guest_new(true);
		struct la_frame frame[2] = {
			{ .pt_regs = W }, { .verified = true, .pc_known = true, .pc = W + 0x90000 }
		};
		struct la_cpu c = { .state = LA_CPU_RUNNING,
				    .verified = true,
				    .pc_source = LA_PC_TEXT,
				    .pc = W + 0x90000 };

		for (size_t n = 0; n < 4; n++)
			fake_put_u32(g->f, 0x90000 + 4 * n, cases[i / 2].insn[n]);
		if (i % 2) { /* as an interrupt left it */
			c.state = LA_CPU_IRQ;
			c.stack = (struct la_stack){ .frame = frame, .n = 2 };
			c.before_frame = &frame[1];
		}
		la_cpu_find_closed(&g->k, &c);
		if (c.closed_loop != cases[i / 2].closed)
			fail_msg("case %zu", i / 2);
		c.closed_loop = false;
		c.verified = frame[1].verified = false;
		la_cpu_find_closed(&g->k, &c);
		assert_false(c.closed_loop);
		guest_free(g);
	}
}

/* --- waiting --- */

static void test_lock(void **state)
{
	struct guest *g = guest_new(true);
	struct la_frame frame = { .symbol = "queued_spin_lock_slowpath", .verified = true };
	struct la_cpu c = { .state = LA_CPU_SPINNING,
			    .verified = true,
			    .symbol = "queued_spin_lock_slowpath",
			    .stack = { .frame = &frame, .n = 1 } };

	(void)state;
	la_gpr_set(&c.regs, LA_R_A0, W + 0x60010);
	fake_put_u64(g->f, 0x60010, 0);
	la_cpu_find_wait(&g->k, g->arena, &c);
	assert_int_equal(c.lock, 0); /* nobody holds that: it is no lock, or was just given back */

	fake_put_u32(g->f, 0x60010, 1);
	fake_symbol(g->f, "some_table", W + 0x60000, 0x100, NULL);
	la_cpu_find_wait(&g->k, g->arena, &c);
	assert_int_equal(c.lock, W + 0x60010);
	assert_string_equal(c.lock_symbol, "some_table");
	assert_int_equal(c.lock_offset, 0x10);
	assert_int_equal(c.lock_owner, 0);

	fake_member(g->f, "raw_spinlock", "owner", 16, 8); /* CONFIG_DEBUG_SPINLOCK */
	fake_put_u64(g->f, 0x60020, TASK(2));
	la_cpu_find_wait(&g->k, g->arena, &c);
	assert_int_equal(c.lock_owner, TASK(2));
	fake_put_u64(g->f, 0x60020, UINT64_MAX); /* SPINLOCK_OWNER_INIT */
	c.lock_owner = 0;
	la_cpu_find_wait(&g->k, g->arena, &c);
	assert_int_equal(c.lock_owner, 0);

	/* Where the position is not proved, the word has to tell of somebody who waits. */
	c.verified = false;
	c.lock = 0;
	la_cpu_find_wait(&g->k, g->arena, &c);
	assert_int_equal(c.lock, 0);
	fake_put_u32(g->f, 0x60010, 0x101);
	la_cpu_find_wait(&g->k, g->arena, &c);
	assert_int_equal(c.lock, W + 0x60010);
	fake_put_u32(g->f, 0x60010, 0x20202020); /* no lock's */
	c.lock = 0;
	la_cpu_find_wait(&g->k, g->arena, &c);
	assert_int_equal(c.lock, 0);
	guest_free(g);
}

/* kernel/smp.c: cfd_data of the sender, in it a request for each receiver. */
static void test_ipi(void **state)
{
	struct guest *g = guest_new(true);
	struct la_cpu c = { .cpu = 1,
			    .matched = true,
			    .state = LA_CPU_IPI_WAIT,
			    .verified = true,
			    .symbol = "smp_call_function_many_cond" };

	(void)state;
	la_cpu_find_wait(&g->k, g->arena, &c);
	assert_int_equal(c.waits_for, -1);

	fake_symbol(g->f, "cfd_data", W + 0x70000, 32, NULL);
	fake_member(g->f, "call_function_data", "csd", 0, 8);
	fake_member(g->f, "__call_single_data", "node", 0, 16);
	fake_member(g->f, "__call_single_node", "u_flags", 8, 4);
	fake_put_u64(g->f, 0x70000 + AREA(1), W + 0x80000);
	for (unsigned n = 0; n < NCPUS; n++)
		fake_put_u64(g->f, 0x80000 + AREA(n) + 8, n == 2 ? 0x11 : 0x10);
	fake_put_u64(g->f, 0x80000 + AREA(1) + 8, 0x11); /* its own does not count */
	la_cpu_find_wait(&g->k, g->arena, &c);
	assert_int_equal(c.waits_for, 2);
	assert_int_equal(c.nwaits_for, 1);

	fake_put_u64(g->f, 0x80000 + AREA(3) + 8, 0x11);
	c.nwaits_for = 0;
	la_cpu_find_wait(&g->k, g->arena, &c);
	assert_int_equal(c.nwaits_for, 2);
	assert_int_equal(c.waits_for_all[0], 2);
	assert_int_equal(c.waits_for_all[1], 3);
	guest_free(g);
}

#define QUEUE(n) (0x90000 + AREA(n)) /* call_single_queue, per CPU */
#define CSD(n) (0xa0000 + 64 * (uint64_t)(n))

static void csd_at(struct guest *g, uint64_t csd, uint64_t next, uint32_t flags, uint64_t func)
{
	fake_put_u64(g->f, csd, next);
	fake_put_u32(g->f, csd + 8, flags);
	fake_put_u64(g->f, csd + 16, func);
}

static void make_queues(struct guest *g)
{
	fake_symbol(g->f, "call_single_queue", W + 0x90000, 8, NULL);
	fake_symbol(g->f, "handle_backtrace", W + 0xb0000, 0x100, NULL);
	fake_member(g->f, "__call_single_data", "node", 0, 16);
	fake_member(g->f, "__call_single_data", "func", 16, 8);
	fake_member(g->f, "__call_single_node", "u_flags", 8, 4);
	for (unsigned n = 0; n < NCPUS; n++)
		fake_put_u64(g->f, QUEUE(n), 0);
}

/* What others have queued for a CPU: how many, and the function of the oldest. */
static void test_pending(void **state)
{
	struct guest *g = guest_new(true);
	struct la_cpu c = { .cpu = 1 };

	(void)state;
	la_cpu_find_pending(&g->k, g->arena, &c);
	assert_false(c.calls_known);
	make_queues(g);
	la_cpu_find_pending(&g->k, g->arena, &c);
	assert_true(c.calls_known);
	assert_int_equal(c.calls, 0);

	/* newest first: a wake-up, which names no function, then a call */
	csd_at(g, CSD(0), W + CSD(1), 0x31, 0x1234);
	csd_at(g, CSD(1), 0, 0x11, W + 0xb0000);
	fake_put_u64(g->f, QUEUE(1), W + CSD(0));
	la_cpu_find_pending(&g->k, g->arena, &c);
	assert_int_equal(c.calls, 2);
	assert_string_equal(c.call, "handle_backtrace");

	/* in the middle of a function is no function's start */
	csd_at(g, CSD(1), 0, 0x11, W + 0xb0004);
	c = (struct la_cpu){ .cpu = 1 };
	la_cpu_find_pending(&g->k, g->arena, &c);
	assert_int_equal(c.calls, 2);
	assert_null(c.call);

	/* a circle, and a queue that leads nowhere */
	csd_at(g, CSD(1), W + CSD(0), 0x11, W + 0xb0000);
	c = (struct la_cpu){ .cpu = 1 };
	la_cpu_find_pending(&g->k, g->arena, &c);
	assert_false(c.calls_known);
	assert_int_equal(c.calls, 0);
	assert_null(c.call);
	assert_string_equal(c.remark, "its queue of IPI requests is damaged");
	csd_at(g, CSD(1), 0x1234, 0x11, W + 0xb0000);
	la_cpu_find_pending(&g->k, g->arena, &c);
	assert_false(c.calls_known);
	guest_free(g);
}

/* struct rq: clock; struct task_struct: sched_info.last_arrival. */
static void test_since(void **state)
{
	struct guest *g = guest_new(true);
	struct la_cpu cpu[3] = {
		{ .cpu = 0, .matched = true, .task = { W + 0xc0000, .pid = 7, .pid_known = true } },
		{ .cpu = 1, .matched = true, .task = { W + 0xc1000, .pid = 0, .pid_known = true } },
		{ .cpu = 2, .task = { W + 0xc0000, .pid = 7, .pid_known = true } }
	};
	struct la_cpus cpus = { .cpu = cpu, .n = 3 };

	(void)state;
	fake_put_u64(g->f, RUNQUEUES - W + 0x40 + AREA(0), 3000000000);
	fake_put_u64(g->f, RUNQUEUES - W + 0x40 + AREA(1), 8000000000);
	fake_member(g->f, "sched_info", "last_arrival", 8, 8);
	fake_put_u64(g->f, 0xc0028, 2000000000);
	fake_put_u64(g->f, 0xc1028, 2000000000);
	la_cpus_find_since(&g->k, &cpus);
	assert_false(cpu[0].clock_age_known || cpu[0].since_known);

	fake_member(g->f, "rq", "clock", 0x40, 8);
	fake_member(g->f, "task_struct", "sched_info", 0x20, 32);
	la_cpus_find_since(&g->k, &cpus);
	assert_true(cpu[0].clock_age_known && cpu[1].clock_age_known && !cpu[2].clock_age_known);
	assert_int_equal(cpu[0].clock_age_ns, 5000000000);
	assert_int_equal(cpu[1].clock_age_ns, 0);
	assert_true(cpu[0].since_known);
	assert_int_equal(cpu[0].since_ns, 6000000000);
	assert_false(cpu[1].since_known); /* an idle task has no arrival, whatever is there */

	/* an arrival after every clock is damage */
	fake_put_u64(g->f, 0xc0028, 9000000000);
	cpu[0].since_known = false;
	la_cpus_find_since(&g->k, &cpus);
	assert_false(cpu[0].since_known);

	/* se.sum_exec_runtime, se.prev_sum_exec_runtime: of fair tasks */
	fake_symbol(g->f, "fair_sched_class", W + 0xe0000, 0x100, NULL);
	fake_member(g->f, "task_struct", "se", 0x80, 64);
	fake_member(g->f, "task_struct", "sched_class", 0x100, 8);
	fake_member(g->f, "sched_entity", "sum_exec_runtime", 0, 8);
	fake_member(g->f, "sched_entity", "prev_sum_exec_runtime", 8, 8);
	fake_put_u64(g->f, 0xc0080, 700000000);
	fake_put_u64(g->f, 0xc0088, 200000000);
	fake_put_u64(g->f, 0xc0100, W + 0xe1000);
	la_cpus_find_since(&g->k, &cpus);
	assert_false(cpu[0].since_known);
	fake_put_u64(g->f, 0xc0100, W + 0xe0000);
	la_cpus_find_since(&g->k, &cpus);
	assert_true(cpu[0].since_known);
	assert_int_equal(cpu[0].since_ns, 5500000000);
	guest_free(g);
}

#define HRTIMERS (W + 0xf1000)

/* hrtimer_cpu_base.expires_next against the timekeeper, not against run queues' clocks, which begin earlier. */
static void test_timer_late(void **state)
{
	static const uint64_t due[3] = { 2000000000, INT64_MAX, 21000000000 };
	struct guest *g = guest_new(true);
	struct la_cpu cpu[4];
	struct la_cpus cpus = { .cpu = cpu, .n = 4 };

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		cpu[i] = (struct la_cpu){ .cpu = i, .matched = i < 3 };
	fake_member(g->f, "rq", "clock", 0x40, 8);
	fake_put_u64(g->f, RUNQUEUES - W + 0x40 + AREA(0), 90000000000);
	fake_symbol(g->f, "hrtimer_bases", HRTIMERS, 0x100, NULL);
	fake_member(g->f, "hrtimer_cpu_base", "expires_next", 0x20, 8);
	for (unsigned i = 0; i < 3; i++)
		fake_put_u64(g->f, HRTIMERS - W + 0x20 + AREA(i), due[i]);
	la_cpus_find_since(&g->k, &cpus);
	assert_false(cpu[0].timer_late_known);

	put_clock(g);
	la_cpus_find_since(&g->k, &cpus);
	assert_true(cpu[0].timer_late_known && cpu[1].timer_late_known && cpu[2].timer_late_known);
	assert_int_equal(cpu[0].timer_late_ns, 18000000000);
	assert_int_equal(cpu[1].timer_late_ns, 0);
	assert_int_equal(cpu[2].timer_late_ns, 0);
	assert_false(cpu[3].timer_late_known);
	guest_free(g);
}

/*
 * 0 is the first 2^30 ns where the detector notes elsewhere that it is to begin anew (5.13 and later), on a CPU that it
 * watches. Where it was turned off, no note of it counts.
 */
static void test_watchdog_notes(void **state)
{
	static const struct {
		uint64_t touched, due;
		bool report, switched;
		uint64_t enabled;
		uint64_t age; /* 0: unknown */
	} cases[] = {
		{ 0, 5, true, false, 0, UINT64_C(10) << 30 },
		{ 0, 5, false, false, 0, 0 },
		{ 0, 0, true, false, 0,
		  0 }, /* its timer was never set: nohz_full, or no detector */
		{ 0, 5, true, true, 2, UINT64_C(10) << 30 },
		{ 0, 5, true, true, 1, 0 }, /* the hard lockup detector alone */
		{ 4, 5, true, true, 2, UINT64_C(7) << 30 },
		{ 4, 5, true, true, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guest *g = guest_new(true);
		struct la_cpu cpu = { .matched = true };
		struct la_cpus cpus = { .cpu = &cpu, .n = 1 };

		fake_member(g->f, "rq", "clock", 0x40, 8);
		fake_put_u64(g->f, RUNQUEUES - W + 0x40 + AREA(0), UINT64_C(11) << 30);
		fake_symbol(g->f, "watchdog_touch_ts", W + 0xf2000, 8, NULL);
		fake_put_u64(g->f, 0xf2000 + AREA(0), cases[i].touched);
		if (cases[i].report)
			fake_symbol(g->f, "watchdog_report_ts", W + 0xf2008, 8, NULL);
		if (cases[i].switched)
			fake_symbol(g->f, "watchdog_enabled", W + 0xf3000, 8, NULL);
		fake_put_u64(g->f, 0xf3000, cases[i].enabled);
		fake_symbol(g->f, "watchdog_hrtimer", W + 0xf2010, 64, NULL);
		/* As 7.1 has it: where older nodes have the time, there are pointers. */
		fake_member(g->f, "hrtimer", "node", 0, 48);
		fake_member(g->f, "timerqueue_node", "expires", 24, 8);
		fake_put_u64(g->f, 0xf2010 + 24 + AREA(0), W + 0xf2010);
		fake_member(g->f, "hrtimer", "_softexpires", 56, 8);
		fake_put_u64(g->f, 0xf2010 + 56 + AREA(0), cases[i].due);
		la_cpus_find_since(&g->k, &cpus);
		if (cpu.watchdog_age_known != !!cases[i].age || cpu.watchdog_age_ns != cases[i].age)
			fail_msg("case %zu: %llu", i, (unsigned long long)cpu.watchdog_age_ns);
		assert_int_equal(cpu.timer_lag_known,
				 cases[i].due && (!cases[i].switched || cases[i].enabled & 2));
		guest_free(g);
	}
}

/* smp_call_function_single() waits for a request that lies on its own stack. */
static void test_ipi_single(void **state)
{
	struct guest *g = guest_new(true);
	struct la_cpu c = { .cpu = 1,
			    .matched = true,
			    .state = LA_CPU_IPI_WAIT,
			    .verified = true,
			    .symbol = "smp_call_function_single" };

	(void)state;
	make_queues(g);
	la_gpr_set(&c.regs, LA_R_SP, W + 0xa4100);
	fake_put_u64(g->f, QUEUE(2), W + 0xa4180);
	csd_at(g, 0xa4180, 0, 0x11, W + 0xb0000);
	la_cpu_find_wait(&g->k, g->arena, &c);
	assert_int_equal(c.waits_for, 2);
	assert_int_equal(c.nwaits_for, 1);

	la_gpr_set(&c.regs, LA_R_SP, W + 0xa8100); /* another's stack */
	c.nwaits_for = 0;
	la_cpu_find_wait(&g->k, g->arena, &c);
	assert_int_equal(c.waits_for, -1);
	guest_free(g);
}

static void test_host(void **state)
{
	struct guest *g = guest_new(true);
	struct la_cpu c = { .cpu = 1 };

	(void)state;
	fake_symbol(g->f, "kernel_cpustat", W + 0xc0000, 80, NULL);
	fake_enumerator(g->f, "CPUTIME_STEAL", 7);
	fake_put_u64(g->f, 0xc0000 + AREA(1) + 56, 1500000000);
	fake_symbol(g->f, "steal_time", W + 0xd0000, 64, NULL);
	fake_member(g->f, "kvm_steal_time", "version", 8, 4);
	fake_member(g->f, "kvm_steal_time", "preempted", 16, 1);
	fake_put_u64(g->f, 0xd0000 + AREA(1) + 8, 0);
	fake_put_u64(g->f, 0xd0000 + AREA(1) + 16, 1);
	la_cpu_find_pending(&g->k, g->arena, &c);
	assert_true(c.steal_known);
	assert_int_equal(c.steal_ns, 1500000000);
	assert_false(c.preempted_known); /* nobody has written it */
	fake_put_u64(g->f, 0xd0000 + AREA(1) + 8, 2);
	la_cpu_find_pending(&g->k, g->arena, &c);
	assert_true(c.preempted_known);
	assert_true(c.preempted);
	guest_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),     cmocka_unit_test(test_closed_loop),
		cmocka_unit_test(test_lock),       cmocka_unit_test(test_ipi),
		cmocka_unit_test(test_pending),    cmocka_unit_test(test_since),
		cmocka_unit_test(test_timer_late), cmocka_unit_test(test_watchdog_notes),
		cmocka_unit_test(test_ipi_single), cmocka_unit_test(test_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
