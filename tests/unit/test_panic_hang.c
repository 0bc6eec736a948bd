// SPDX-License-Identifier: GPL-3.0-or-later
// Verdicts of guests that hang: lockups, stalls, locks, IPIs, tasks that do not run.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "panic_guest.h"

/* A soft lockup that panics: the interrupted pc is where it hung, no fault. */
static void test_lockup_panic(void **state)
{
	static const struct death death = { 1,
					    NULL,
					    { "__udelay", "panic", "watchdog_timer_fn", "do_vint",
					      "handle_vint", "busy_function", "kthread" },
					    4,
					    W + 0x300040,
					    0,
					    4,
					    0x800 };
	struct guest *g = *state;
	const struct la_panic *p;

	ring_add(&g->ring, 26000000000, 0, 0, 0x80000001u,
		 "watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [busy:88]");
	ring_add(&g->ring, 26100000000, 0, 0, 0x80000001u,
		 "Kernel panic - not syncing: softlockup: hung tasks");
	die(g, &death);
	fake_symbol(g->f, "busy_function", W + 0x300000, 0x100, NULL);
	p = analyse(g, true);
	assert_string_equal(p->cause.kind, "soft-lockup");
	assert_false(p->cause.address_known);
	assert_string_equal(p->cause.symbol, "busy_function");
	assert_int_equal(p->cause.offset, 0x40);
}

/* The report is of the grace period that is going on, or of one long over. */
static void test_rcu_stall(void **state)
{
	(void)state;
	for (int same = 0; same < 2; same++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 3, 0, 0x80000000u,
			 "rcu: INFO: rcu_sched detected stalls on CPUs/tasks:");
		ring_add(&g->ring, 2000, 3, 0, 0x80000000u, "rcu: \t1-...0: (1 GPs behind)");
		ring_add(&g->ring, 3000, 3, 0, 0x80000000u,
			 "rcu: \t(detected by 0, t=5253 jiffies, g=-659, q=29 ncpus=2)");
		set_panic_cpu(g, UINT32_MAX);
		fake_symbol(g->f, "rcu_state", W + 0x840000, 64, NULL);
		fake_member(g->f, "rcu_state", "gp_seq", 8, 8);
		fake_put_u64(g->f, 0x840008, same ? (uint64_t)-659 : (uint64_t)-655);
		g->cpu[0].state = LA_CPU_IDLE;
		g->cpu[1].state = LA_CPU_RUNNING;
		g->cpu[1].symbol = "busy_function";
		p = analyse(g, true);
		assert_int_equal(p->verdict, same ? LA_VERDICT_RCU_STALL : LA_VERDICT_RUNNING);
		if (same)
			assert_int_equal(p->cpu, 1);
		guest_free(g);
	}
}

/* A lock is waited for: is there a CPU that could hold it? */
static void test_spinlock(void **state)
{
	static const struct {
		enum la_cpu_state other;
		uint64_t other_lock;
		enum la_verdict verdict;
	} cases[] = {
		{ LA_CPU_IDLE, 0, LA_VERDICT_SPINLOCK },
		{ LA_CPU_USER, 0, LA_VERDICT_SPINLOCK },
		{ LA_CPU_SPINNING, W + 0x880000, LA_VERDICT_DEADLOCK }, /* each other's */
		{ LA_CPU_RUNNING, 0, LA_VERDICT_UNKNOWN },
		{ LA_CPU_IRQ, 0, LA_VERDICT_UNKNOWN },
		{ LA_CPU_UNKNOWN, 0, LA_VERDICT_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 6, 0, 1, "nothing said");
		set_panic_cpu(g, UINT32_MAX);
		g->cpu[0].state = cases[i].other;
		g->cpu[0].lock = cases[i].other_lock;
		g->cpu[1].state = LA_CPU_SPINNING;
		g->cpu[1].lock = W + 0x870000;
		g->cpu[1].symbol = "queued_spin_lock_slowpath";
		p = analyse(g, true);
		assert_int_equal(p->verdict, cases[i].verdict);
		if (p->verdict != LA_VERDICT_UNKNOWN) {
			assert_int_equal(p->confidence, LA_LIKELY);
			assert_true(p->cause.address_known && p->cause.address);
		}
		guest_free(g);
	}
}

static void test_lost_ipi(void **state)
{
	static const struct {
		enum la_cpu_state target;
		uint64_t clock_age_ns;
		bool crmd_known;
		uint64_t crmd;
		enum la_verdict verdict;
	} cases[] = {
		{ LA_CPU_SPINNING, 0, false, 0, LA_VERDICT_LOST_IPI },
		{ LA_CPU_OFFLINE, 0, false, 0, LA_VERDICT_LOST_IPI },
		{ LA_CPU_IDLE, 60000000000, false, 0, LA_VERDICT_UNKNOWN },
		{ LA_CPU_RUNNING, 4000000, false, 0, LA_VERDICT_UNKNOWN },
		{ LA_CPU_RUNNING, 4000000, true, 0xb4, LA_VERDICT_UNKNOWN },
		{ LA_CPU_RUNNING, 4000000, true, 0xb0, LA_VERDICT_LOST_IPI },
		{ LA_CPU_RUNNING, 4000000000, false, 0, LA_VERDICT_HARD_LOCKUP },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 6, 0, 1, "nothing said");
		set_panic_cpu(g, UINT32_MAX);
		g->cpu[0].state = cases[i].target;
		g->cpu[0].clock_age_known = true;
		g->cpu[0].clock_age_ns = cases[i].clock_age_ns;
		g->cpu[0].calls = 1;
		if (cases[i].crmd_known)
			la_csr_set(&g->cpu[0].regs, LA_CSR_CRMD, cases[i].crmd);
		g->cpu[1].state = LA_CPU_IPI_WAIT;
		g->cpu[1].waits_for = 0;
		p = analyse(g, true);
		assert_int_equal(p->verdict, cases[i].verdict);
		if (p->verdict == LA_VERDICT_LOST_IPI)
			assert_int_equal(p->cpu, 1);
		if (p->verdict ==
		    LA_VERDICT_HARD_LOCKUP) { /* who stands still is to blame, not who waits */
			assert_int_equal(p->cpu, 0);
			assert_int_equal(p->nstuck, 1);
			assert_non_null(
				strstr(p->stuck[0], "CPU 1 waits for the answer to an IPI"));
		}
		guest_free(g);
	}
}

static void test_hung_task(void **state)
{
	(void)state;
	for (int blocked = 0; blocked < 2; blocked++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 3, 0, 30,
			 "INFO: task jbd2/vda2-8:312 blocked for more than 122 seconds.");
		set_panic_cpu(g, UINT32_MAX);
		fake_symbol(g->f, "init_task", W + 0x850000, 0x400, NULL);
		fake_member(g->f, "task_struct", "tasks", 0x10, 16);
		fake_member(g->f, "task_struct", "__state", 0x20, 4);
		fake_member(g->f, "task_struct", "pid", 0x30, 4);
		fake_member(g->f, "task_struct", "comm", 0x40, 16);
		fake_put_u64(g->f, 0x850010, W + 0x860010);
		fake_put_u64(g->f, 0x860010, W + 0x850010);
		fake_put_u32(g->f, 0x860020, blocked ? 2 : 1);
		fake_put_u32(g->f, 0x860030, 312);
		fake_put(g->f, 0x860040, "jbd2/vda2-8", 12);
		g->cpu[0].state = g->cpu[1].state = LA_CPU_IDLE;
		p = analyse(g, true);
		assert_int_equal(p->verdict, blocked ? LA_VERDICT_HUNG_TASK : LA_VERDICT_RUNNING);
		if (blocked)
			assert_int_equal(p->task.pid, 312);
		guest_free(g);
	}
}

/* A list of tasks that never comes back to init_task: the rule could not be tried, and says so. */
static void test_damaged_task_list(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p;
	bool said = false;

	ring_add(&g->ring, 1000, 3, 0, 30,
		 "INFO: task jbd2/vda2-8:312 blocked for more than 122 seconds.");
	set_panic_cpu(g, UINT32_MAX);
	fake_symbol(g->f, "init_task", W + 0x850000, 0x400, NULL);
	fake_member(g->f, "task_struct", "tasks", 0x10, 16);
	fake_member(g->f, "task_struct", "pid", 0x30, 4);
	for (unsigned i = 0; i < 5;
	     i++) { /* init_task, four tasks, and the last leads to the second */
		fake_put_u64(g->f, 0x850010 + 0x1000 * i,
			     W + 0x850010 + 0x1000 * (i < 4 ? i + 1 : 2));
		fake_put_u32(g->f, 0x850030 + 0x1000 * i, i);
	}
	g->cpu[0].state = g->cpu[1].state = LA_CPU_IDLE;
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_RUNNING);
	for (size_t i = 0; i < p->nunchecked; i++)
		said = said ||
		       (!strcmp(p->unchecked[i].rule, "hung-task") &&
			strstr(p->unchecked[i].reason, "list of tasks: damaged: it leads back"));
	assert_true(said);
}

#define GUEST(f) cmocka_unit_test_setup_teardown(f, start, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		GUEST(test_lockup_panic),         cmocka_unit_test(test_rcu_stall),
		cmocka_unit_test(test_spinlock),  cmocka_unit_test(test_lost_ipi),
		cmocka_unit_test(test_hung_task), GUEST(test_damaged_task_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
