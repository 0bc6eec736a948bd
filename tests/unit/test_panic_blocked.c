// SPDX-License-Identifier: GPL-3.0-or-later
// Guests whose tasks sleep and are not woken: before the kernel reports it, in its report, and in panic() because of it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "panic_guest.h"

/* A task, dd, that has slept uninterruptibly for so long. */
static void put_sleeper(struct guest *g, uint64_t seconds)
{
	static const uint64_t percpu[2] = { 0, 0x1000 };

	g->k.percpu = percpu;
	fake_symbol(g->f, "runqueues", W + 0x880000, 0x100, NULL);
	fake_member(g->f, "rq", "clock", 0x40, 8);
	fake_put_u64(g->f, 0x880040, 100000000000);
	fake_put_u64(g->f, 0x881040, 99000000000);
	fake_symbol(g->f, "init_task", W + 0x850000, 0x400, NULL);
	fake_member(g->f, "task_struct", "tasks", 0x10, 16);
	fake_member(g->f, "task_struct", "__state", 0x20, 4);
	fake_member(g->f, "task_struct", "pid", 0x30, 4);
	fake_member(g->f, "task_struct", "comm", 0x40, 16);
	fake_member(g->f, "task_struct", "se", 0x60, 64);
	fake_member(g->f, "sched_entity", "exec_start", 0, 8);
	fake_put_u64(g->f, 0x850010, W + 0x860010);
	fake_put_u64(g->f, 0x860010, W + 0x850010);
	fake_put_u32(g->f, 0x860020, 2);
	fake_put_u32(g->f, 0x860030, 312);
	fake_put(g->f, 0x860040, "dd", 3);
	fake_put_u64(g->f, 0x860060, 100000000000 - seconds * 1000000000);
}

/* Long before anybody reports it, and not of one who has just gone to sleep. */
static void test_blocked(void **state)
{
	(void)state;
	for (int seconds = 4; seconds <= 12; seconds += 8) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 6, 0, 1, "nothing said");
		set_panic_cpu(g, UINT32_MAX);
		put_sleeper(g, (uint64_t)seconds);
		g->cpu[0].state = g->cpu[1].state = LA_CPU_IDLE;
		p = analyse(g, true);
		assert_int_equal(p->verdict,
				 seconds > 10 ? LA_VERDICT_HUNG_TASK : LA_VERDICT_RUNNING);
		assert_int_equal(p->confidence, LA_LIKELY);
		if (seconds > 10) {
			assert_int_equal(p->task.pid, 312);
			assert_non_null(strstr(p->message, "for 12 s"));
		}
		guest_free(g);
	}
}

/*
 * A sleeper that was moved to another CPU: when it came to its last one and what it ran there tell the same. The numbers
 * are of a kernel as openEuler's (6.12), whose exec_start of that task is 5496410750.
 */
static void test_blocked_and_moved(void **state)
{
	(void)state;
	for (int known = 0; known < 2; known++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 6, 0, 1, "nothing said");
		set_panic_cpu(g, UINT32_MAX);
		put_sleeper(g, 100); /* exec_start 0 */
		fake_member(g->f, "sched_entity", "sum_exec_runtime", 8, 8);
		fake_member(g->f, "sched_entity", "prev_sum_exec_runtime", 16, 8);
		fake_member(g->f, "task_struct", "sched_info", 0xa0, 32);
		fake_member(g->f, "sched_info", "last_arrival", 0, 8);
		fake_put_u64(g->f, 0x860068, 57511930);
		fake_put_u64(g->f, 0x860070, 57167090);
		fake_put_u64(g->f, 0x8600a0, known ? 5496065910 : 0);
		g->cpu[0].state = g->cpu[1].state = LA_CPU_IDLE;
		p = analyse(g, true);
		assert_int_equal(p->verdict, known ? LA_VERDICT_HUNG_TASK : LA_VERDICT_RUNNING);
		assert_int_equal(p->waits->n, 1);
		assert_int_equal(p->waits->node[0].since_known, known);
		if (known)
			assert_int_equal(p->waits->node[0].since_ns, 100000000000 - 5496410750);
		guest_free(g);
	}
}

/* The report that names the task is lost with the log: of those that sleep, it is who has longest. */
static void test_blocked_of_panic(void **state)
{
	static const struct death death = {
		0, "hung_task: blocked tasks", { "panic", "watchdog", "kthread" }, 0, 0, 0, 0, 0
	};

	(void)state;
	for (uint64_t seconds = 4; seconds <= 60; seconds += 56) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		die(g, &death);
		put_sleeper(g, seconds);
		g->cpu[0].state = LA_CPU_PANICKING;
		g->cpu[1].state = LA_CPU_STOPPED;
		p = analyse(g, true);
		assert_string_equal(p->cause.kind, "hung-task");
		assert_string_equal(p->task.comm, seconds > 5 ? "dd" : "");
		assert_int_equal(p->confidence, LA_LIKELY);
		assert_int_equal(has_fact(p, "tasks", "the report that names the task is lost"),
				 seconds > 5);
		guest_free(g);
	}
}

/* Several tasks are reported, and the first of them is the one that counts: it is found as it is now, as one alone is. */
static void test_several_blocked(void **state)
{
	static const struct death death = {
		0, "hung_task: blocked tasks", { "panic", "watchdog", "kthread" }, 0, 0, 0, 0, 0
	};
	struct guest *g = *state;
	const struct la_panic *p;

	ring_add(&g->ring, 1000, 6, 0, UINT32_MAX,
		 "INFO: task dd:312 blocked for more than 120 seconds.");
	ring_add(&g->ring, 2000, 6, 0, UINT32_MAX,
		 "INFO: task sync:313 blocked for more than 120 seconds.");
	ring_add(&g->ring, 3000, 0, 0, UINT32_MAX,
		 "Kernel panic - not syncing: hung_task: blocked tasks");
	die(g, &death);
	put_sleeper(g, 130);
	g->cpu[0].state = LA_CPU_PANICKING;
	g->cpu[1].state = LA_CPU_STOPPED;
	p = analyse(g, true);
	assert_string_equal(p->cause.kind, "hung-task");
	assert_int_equal(p->task.pid, 312);
	assert_true(p->task.address != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocked),
		cmocka_unit_test(test_blocked_and_moved),
		cmocka_unit_test(test_blocked_of_panic),
		cmocka_unit_test_setup_teardown(test_several_blocked, start, finish),
	};

	return cmocka_run_group_tests_name("panic_blocked", tests, NULL, NULL);
}
