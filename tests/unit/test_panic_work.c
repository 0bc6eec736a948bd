// SPDX-License-Identifier: GPL-3.0-or-later
// The workqueues' watchdog: who keeps work waiting, whether it ended the guest or not.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "panic_guest.h"

#define REPORT "BUG: workqueue lockup - pool cpus=1 node=0 flags=0x0 nice=0 stuck for 8s!"
#define POOL 0x200 /* bytes of a pool */
#define LIST 0x40  /* of its worklist */

/* CPU 1 runs a task by that name, in busy_function(). */
static void run(struct guest *g, const char *comm)
{
	g->cpu[1].state = LA_CPU_RUNNING;
	g->cpu[1].symbol = "busy_function";
	g->cpu[1].module = "driver";
	g->cpu[1].verified = true;
	g->cpu[1].since_known = true;
	g->cpu[1].since_ns = 12000000000;
	g->cpu[1].task = (struct la_task){ .address = W, .pid_known = true, .pid = 62 };
	snprintf(g->cpu[1].task.comm, sizeof(g->cpu[1].task.comm), "%s", comm);
}

/* The pools of CPU 1, as the variable lies in each CPU's area. */
static void put_pools(struct guest *g, bool waits)
{
	const uint64_t pools = 0x850000;
	static const uint64_t areas[2] = { 0, 0x10000 };

	g->k.percpu = areas;
	fake_symbol(g->f, "cpu_worker_pools", W + pools - 0x10000, 2 * POOL, NULL);
	fake_type(g->f, "worker_pool", POOL);
	fake_member(g->f, "worker_pool", "worklist", LIST, 16);
	for (uint64_t i = 0; i < 2; i++)
		fake_put_u64(g->f, pools + i * POOL + LIST, W + pools + i * POOL + LIST);
	if (waits)
		fake_put_u64(g->f, pools + POOL + LIST, W + 0x860000);
}

/* By panic(), as 7.1 does, and by BUG(), as 6.12: on whichever CPU, and with or without its report. */
static void test_panics(void **state)
{
	static const struct death by_panic = { 0,
					       "workqueue: 1 stall(s) exceeded threshold 1\n",
					       { "vpanic", "panic", "wq_watchdog_timer_fn",
						 "call_timer_fn" },
					       0,
					       0,
					       0,
					       0,
					       0 };
	static const struct death by_bug = { 0,
					     "Fatal exception in interrupt",
					     { "panic", "die", "do_bp", "handle_bp",
					       "wq_watchdog_timer_fn", "call_timer_fn" },
					     3,
					     W + 0x300040,
					     0,
					     0,
					     0xc0000 };

	(void)state;
	for (int i = 0; i < 4; i++) {
		const bool bug = i & 1, report = !(i & 2);
		struct guest *g = guest_new();
		const struct la_panic *p;

		if (report)
			ring_add(&g->ring, 1000, 0, 0, 0x80000000u, REPORT);
		ring_add(
			&g->ring, 1100, 0, 0, 0x80000000u,
			bug ? "Kernel panic - not syncing: Fatal exception in interrupt" :
			      "Kernel panic - not syncing: workqueue: 1 stall(s) exceeded threshold 1");
		die(g, bug ? &by_bug : &by_panic);
		fake_symbol(g->f, "wq_watchdog_timer_fn", W + 0x300000, 0x100, NULL);
		fake_put_u32(g->f, 0x300040, 0x002a0001);
		run(g, "kworker/1:0");
		p = analyse(g, true);
		assert_int_equal(p->verdict, LA_VERDICT_PANIC);
		assert_string_equal(p->cause.kind, "workqueue-lockup");
		assert_int_equal(p->cpu, 1);
		assert_string_equal(p->task.comm, "kworker/1:0");
		assert_string_equal(p->cause.symbol, "busy_function");
		assert_string_equal(p->cause.module, "driver");
		assert_false(p->cause.regs_known);
		assert_non_null(
			strstr(p->summary, "kworker/1:0 does not come out of busy_function"));
		guest_free(g);
	}
}

/* The watchdog's timer may come on the CPU that it catches; then what lies below its interrupt is told. */
static void test_same_cpu(void **state)
{
	static const struct death bug = { 1,
					  "Fatal exception in interrupt",
					  { "panic", "die", "do_bp", "handle_bp",
					    "wq_watchdog_timer_fn", "call_timer_fn", "do_vint",
					    "handle_vint", "poll_device", "process_one_work" },
					  3,
					  W + 0x300040,
					  0,
					  0,
					  0xc0000 };

	(void)state;
	for (int entry = 0; entry < 2; entry++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 0, 0, 0x80000001u, REPORT);
		ring_add(&g->ring, 1100, 0, 0, 0x80000001u, "Oops - BUG[#1]:");
		ring_add(&g->ring, 1200, 0, 0, 0x80000001u,
			 "CPU: 1 UID: 0 PID: 62 Comm: kworker/1:0");
		ring_add(&g->ring, 1300, 0, 0, 0x80000001u,
			 "   ERA: 9000000000300040 wq_watchdog_timer_fn+0x40/0x100");
		ring_add(&g->ring, 1400, 0, 0, 0x80000001u,
			 "Kernel panic - not syncing: Fatal exception in interrupt");
		die(g, &bug);
		fake_symbol(g->f, "wq_watchdog_timer_fn", W + 0x300000, 0x100, NULL);
		fake_put_u32(g->f, 0x300040, 0x002a0001);
		run(g, "kworker/1:0");
		g->cpu[1].before_frame = &g->frame[1][4];
		if (entry)
			g->frame[1][7].pt_regs = PT_REGS + 0x400;
		p = analyse(g, true);
		assert_string_equal(p->cause.kind, "workqueue-lockup");
		assert_int_equal(p->cpu, 1);
		if (entry)
			assert_string_equal(p->cause.symbol, "poll_device");
		else
			assert_null(p->cause.symbol);
		guest_free(g);
	}
}

/* Another function's BUG() is one; and what a CPU does whose workers sleep is not to blame. */
static void test_not_to_blame(void **state)
{
	static const struct death bug = { 0,
					  "Fatal exception in interrupt",
					  { "panic", "die", "do_bp", "handle_bp", "other" },
					  3,
					  W + 0x300040,
					  0,
					  0,
					  0xc0000 };
	static const struct death stall = {
		0,
		"workqueue: stall lasted 30s, exceeding threshold 30s\n",
		{ "vpanic", "wq_watchdog_timer_fn" },
		0,
		0,
		0,
		0,
		0
	};
	struct guest *g = *state;
	const struct la_panic *p;

	ring_add(&g->ring, 1000, 0, 0, 0x80000000u, REPORT);
	die(g, &bug);
	fake_symbol(g->f, "other", W + 0x300000, 0x100, NULL);
	fake_put_u32(g->f, 0x300040, 0x002a0001);
	p = analyse(g, true);
	assert_string_equal(p->cause.kind, "bug");
	assert_string_equal(p->cause.symbol, "other");

	g = guest_new();
	ring_add(&g->ring, 1000, 0, 0, 0x80000000u, REPORT);
	ring_add(&g->ring, 1100, 0, 0, 0x80000000u,
		 "Kernel panic - not syncing: workqueue: stall lasted 30s, exceeding threshold 30s");
	die(g, &stall);
	run(g, "a.out");
	p = analyse(g, true);
	assert_string_equal(p->cause.kind, "workqueue-lockup");
	assert_null(p->cause.symbol);
	assert_null(strstr(p->summary, "a.out"));
	guest_free(g);
}

/* Without a panic: told while work waits behind the worker, and no longer. A pool of several CPUs names none. */
static void test_lives(void **state)
{
	static const struct {
		const char *report, *comm;
		bool waits;
		enum la_verdict verdict;
	} test[] = {
		{ REPORT, "kworker/1:0", true, LA_VERDICT_WORKQUEUE },
		{ REPORT, "kworker/1:0", false, LA_VERDICT_RUNNING },
		{ REPORT, "a.out", true, LA_VERDICT_RUNNING },
		{ "BUG: workqueue lockup - pool cpus=1-3 flags=0x4 nice=0 stuck for 8s!",
		  "kworker/1:0", true, LA_VERDICT_RUNNING },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(test) / sizeof(test[0]); i++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 0, 0, 0x80000000u, test[i].report);
		set_panic_cpu(g, UINT32_MAX);
		g->cpu[0].state = LA_CPU_IDLE;
		run(g, test[i].comm);
		put_pools(g, test[i].waits);
		p = analyse(g, true);
		assert_int_equal(p->verdict, test[i].verdict);
		assert_non_null(strstr(p->summary, "work"));
		if (p->verdict == LA_VERDICT_WORKQUEUE) {
			assert_string_equal(p->cause.symbol, "busy_function");
			assert_int_equal(p->cpu, 1);
			assert_true(has_fact(p, "cpu_worker_pools", "CPU 1"));
		}
		guest_free(g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_panics),
		cmocka_unit_test_setup_teardown(test_not_to_blame, start, finish),
		cmocka_unit_test(test_same_cpu),
		cmocka_unit_test(test_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
