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
		if (same) {
			assert_int_equal(p->cpu, 1);
			assert_non_null(strstr(p->summary, "CPU 1 does not let RCU go on"));
		}
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

/* The one that the detector caught waits for a lock: that it is to blame is not certain, whoever has that. */
static void test_lockup_of_waiter(void **state)
{
	static const struct death death = { 1,
					    NULL,
					    { "__udelay", "panic", "watchdog_timer_fn", "do_vint",
					      "handle_vint", "queued_spin_lock_slowpath",
					      "rule_count", "kthread" },
					    4,
					    W + 0x300040,
					    0,
					    4,
					    0x800 };

	(void)state;
	for (int waits = 0; waits < 2; waits++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 26000000000, 0, 0, 0x80000001u,
			 "watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [counter:88]");
		ring_add(&g->ring, 26100000000, 0, 0, 0x80000001u,
			 "Kernel panic - not syncing: softlockup: hung tasks");
		die(g, &death);
		if (waits) {
			g->cpu[1].before = LA_CPU_SPINNING;
			g->cpu[1].before_frame = &g->frame[1][5];
		}
		fake_symbol(g->f, "queued_spin_lock_slowpath", W + 0x300000, 0x100, NULL);
		p = analyse(g, true);
		assert_string_equal(p->cause.kind, "soft-lockup");
		assert_int_equal(p->confidence, waits ? LA_LIKELY : LA_CERTAIN);
		guest_free(g);
	}
}

#define GUEST(f) cmocka_unit_test_setup_teardown(f, start, finish)

/* CPU @n is in @state in @function. */
static struct la_cpu *busy(struct guest *g, unsigned n, enum la_cpu_state state,
			   const char *function)
{
	struct la_cpu *c = &g->cpu[n];

	c->state = state;
	c->symbol = function;
	c->verified = true;
	g->frame[n][0] = (struct la_frame){ .symbol = function, .verified = true };
	c->stack.n = 1;
	return c;
}

/* Its clock stands, but its own timer's interrupt came after that: it takes interrupts. */
static void test_reported_after_clock(void **state)
{
	const uint64_t s = 1000000000;

	(void)state;
	for (int after = 0; after < 2; after++) {
		struct guest *g = guest_new();
		const struct la_panic *p;
		struct la_cpu *c;

		ring_add(&g->ring, 20 * s, 6, 0, 1, "nothing said");
		ring_add(&g->ring, (after ? 26 : 22) * s, 0, 0, 0x80000000u,
			 "watchdog: BUG: soft lockup - CPU#0 stuck for 8s! [busy:88]");
		set_panic_cpu(g, UINT32_MAX);
		g->cpu[1].state = LA_CPU_IDLE;
		c = busy(g, 0, LA_CPU_RUNNING, "poll_status");
		c->task.pid_known = true;
		c->task.pid = 88;
		c->clock_age_known = true;
		c->clock_age_ns = 8 * s;
		c->clock_ns = 24 * s;
		p = analyse(g, true);
		assert_int_equal(p->verdict,
				 after ? LA_VERDICT_SOFT_LOCKUP : LA_VERDICT_HARD_LOCKUP);
		guest_free(g);
	}
}

/* Who floods the console does not end, not the console's driver. */
static void test_flood(void **state)
{
	static const char *const stack[] = { "mem_serial_in", "console_flush_all", "vprintk_emit",
					     "_printk",       "log_flood",         "kthread" };
	struct guest *g = *state;
	const struct la_panic *p;
	struct la_cpu *c;

	ring_add(&g->ring, 1000, 6, 0, 1, "nothing said");
	set_panic_cpu(g, UINT32_MAX);
	g->cpu[1].state = LA_CPU_IDLE;
	c = busy(g, 0, LA_CPU_RUNNING, stack[0]);
	for (; c->stack.n < sizeof(stack) / sizeof(stack[0]); c->stack.n++)
		g->frame[0][c->stack.n] =
			(struct la_frame){ .symbol = stack[c->stack.n], .method = LA_FROM_CFI };
	c->clock_age_known = true;
	c->clock_age_ns = UINT64_C(8000000000);
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_HARD_LOCKUP);
	assert_string_equal(p->cause.symbol, "log_flood");
	assert_non_null(strstr(p->summary, "log_flood()"));
}

/* Each witness of a CPU that takes no interrupts, alone and with others; what is no witness. */
static void test_hard_lockup(void **state)
{
	static const struct {
		uint64_t clock, timer; /* seconds */
		uint64_t crmd, estat, tval;
		enum la_cpu_state state;
		unsigned cpus;
		enum la_verdict verdict;
		enum la_confidence confidence;
		uint64_t late;
	} cases[] = {
		{ 8, 0, 0, 0, 0, LA_CPU_RUNNING, 2, LA_VERDICT_HARD_LOCKUP, LA_LIKELY, 0 },
		{ 0, 8, 0, 0, 0, LA_CPU_DELAY, 2, LA_VERDICT_HARD_LOCKUP, LA_LIKELY, 0 },
		{ 0, 4, 0, 0, 0, LA_CPU_RUNNING, 2, LA_VERDICT_RUNNING, LA_UNSURE,
		  0 }, /* one period */
		{ 8, 8, 0xb0, 0, 0, LA_CPU_RUNNING, 2, LA_VERDICT_HARD_LOCKUP, LA_LIKELY, 0 },
		{ 8, 8, 0xb4, 0, 0, LA_CPU_RUNNING, 2, LA_VERDICT_HARD_LOCKUP, LA_LIKELY, 0 },
		{ 8, 8, 0, 0, 0, LA_CPU_IDLE, 2, LA_VERDICT_RUNNING, LA_UNSURE, 0 },
		{ 8, 8, 0, 0, 0, LA_CPU_USER, 2, LA_VERDICT_RUNNING, LA_UNSURE, 0 },
		{ 0, 0, 0xb0, 0x800, 0, LA_CPU_RUNNING, 2, LA_VERDICT_RUNNING, LA_UNSURE, 0 },
		{ 0, 0, 0xb0, 0x800, 0, LA_CPU_RUNNING, 1, LA_VERDICT_HARD_LOCKUP, LA_LIKELY, 0 },
		{ 0, 0, 0xb0, 0x800, 0, LA_CPU_RUNNING, 2, LA_VERDICT_HARD_LOCKUP, LA_LIKELY, 8 },
		{ 0, 0, 0xb0, 0x800, 0, LA_CPU_RUNNING, 2, LA_VERDICT_RUNNING, LA_UNSURE, 1 },
		{ 0, 0, 0, 0, 0, LA_CPU_RUNNING, 2, LA_VERDICT_RUNNING, LA_UNSURE, 8 },
	};
	const uint64_t s = 1000000000;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guest *g = guest_new();
		const struct la_panic *p;
		struct la_cpu *c;

		ring_add(&g->ring, 1000, 6, 0, 1, "nothing said");
		set_panic_cpu(g, UINT32_MAX);
		fake_symbol(g->f, "watchdog_thresh", W + 0x870000, 4, NULL);
		fake_put_u32(g->f, 0x870000, 10);
		g->cpu[1].state = LA_CPU_IDLE;
		g->cpus.n = cases[i].cpus;
		c = busy(g, 0, cases[i].state, "poll_status");
		c->clock_age_known = c->timer_lag_known = true;
		c->clock_age_ns = cases[i].clock * s;
		c->timer_lag_ns = cases[i].timer * s;
		c->timer_late_known = cases[i].late != 0;
		c->timer_late_ns = cases[i].late * s;
		if (cases[i].crmd)
			la_csr_set(&c->regs, LA_CSR_CRMD, cases[i].crmd);
		if (cases[i].estat)
			c->odd = LA_ODD_TIMER_PENDING | LA_ODD_TIMER_ENDED;
		p = analyse(g, true);
		if (p->verdict != cases[i].verdict || p->confidence != cases[i].confidence)
			fail_msg("case %zu: %s (%s)", i, la_verdict_name(p->verdict),
				 la_confidence_name(p->confidence));
		if (p->verdict == LA_VERDICT_HARD_LOCKUP) {
			assert_int_equal(p->cpu, 0);
			assert_string_equal(p->cause.symbol, "poll_status");
			assert_non_null(strstr(p->summary, "poll_status()"));
		}
		guest_free(g);
	}
}

/* All stand still in stop_machine(): who is called by it is to blame, not who waits in it; where one takes interrupts, none. */
static void test_all_stopped(void **state)
{
	(void)state;
	for (int alive = 0; alive < 2; alive++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 6, 0, 1, "nothing said");
		set_panic_cpu(g, UINT32_MAX);
		for (unsigned i = 0; i < 2; i++) {
			struct la_cpu *c =
				busy(g, i, LA_CPU_RUNNING, i ? "code_patch" : "rcu_momentary_eqs");

			g->frame[i][1] =
				(struct la_frame){ .symbol = "multi_cpu_stop", .verified = true };
			c->stack.n = 2;
			c->odd = LA_ODD_TIMER_PENDING | LA_ODD_TIMER_ENDED;
		}
		if (alive)
			g->cpu[0].odd = 0;
		p = analyse(g, true);
		assert_int_equal(p->verdict, alive ? LA_VERDICT_RUNNING : LA_VERDICT_HARD_LOCKUP);
		if (!alive) {
			assert_int_equal(p->cpu, 1);
			assert_string_equal(p->cause.symbol, "code_patch");
			assert_int_equal(p->nstuck, 1);
			assert_non_null(strstr(p->stuck[0], "2 CPUs are in stop_machine()"));
		}
		guest_free(g);
	}
}

/* The soft lockup detector's thread could not run for longer than it ever waits, and nobody has said so yet. */
static void test_endless(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		struct guest *g = guest_new();
		const struct la_panic *p;
		struct la_cpu *c;

		ring_add(&g->ring, 1000, 6, 0, 1, "nothing said");
		set_panic_cpu(g, UINT32_MAX);
		fake_symbol(g->f, "watchdog_thresh", W + 0x870000, 4, NULL);
		fake_put_u32(g->f, 0x870000, 10);
		g->cpu[1].state = LA_CPU_IDLE;
		c = busy(g, 0, i == 4 ? LA_CPU_DELAY : LA_CPU_RUNNING,
			 i == 3 ? "multi_cpu_stop" :
			 i == 4 ? "nmi_trigger_cpumask_backtrace" :
				  "poll_status");
		c->watchdog_age_known = true;
		c->watchdog_age_ns = i == 1 ? 5000000000 : 8000000000;
		c->timer_lag_known = i == 0;
		c->preempt_known = true;
		c->preempt_count = i == 2 ? 0x101 : 0;
		p = analyse(g, true);
		assert_int_equal(p->verdict, i == 0 || i == 2 ? LA_VERDICT_SOFT_LOCKUP :
					     i == 4           ? LA_VERDICT_UNKNOWN :
								LA_VERDICT_RUNNING);
		if (i == 0)
			assert_non_null(strstr(p->summary, "it still takes interrupts"));
		if (i == 2) {
			assert_non_null(strstr(p->message, "in a softirq"));
			assert_null(strstr(p->summary, "still takes"));
		}
		guest_free(g);
	}
}

/* Where the CPU is now is not proved; where it was when that was reported the kernel has printed. */
static void test_reported_place(void **state)
{
	static const char *const lines[] = {
		"watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [busy:88]",
		"CPU: 0 UID: 0 PID: 88 Comm: busy Tainted: G           O       6.12 #1",
		"   ra: ffff80000201e5c4 scanner+0x14/0x30 [mishap]",
		"  ERA: ffff80000201e540 table_scan+0x50/0xc0 [mishap]",
	};

	(void)state;
	for (int proved = 0; proved < 2; proved++) {
		struct guest *g = guest_new();
		const struct la_panic *p;
		struct la_cpu *c;

		for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
			ring_add(&g->ring, 26000000000 + i, 0, 0, 0x80000000u, lines[i]);
		set_panic_cpu(g, UINT32_MAX);
		g->cpu[1].state = LA_CPU_IDLE;
		c = busy(g, 0, LA_CPU_RUNNING, "helper");
		c->verified = proved;
		c->task = (struct la_task){ .pid_known = true, .pid = 88 };
		p = analyse(g, true);
		assert_int_equal(p->verdict, LA_VERDICT_SOFT_LOCKUP);
		assert_string_equal(p->cause.symbol, proved ? "helper" : "table_scan");
		assert_int_equal(has_fact(p, "log", "was in table_scan when that was reported"),
				 !proved);
		guest_free(g);
	}
}

/* Two looks at a CPU that find it in two functions of the kernel's, for one of a module: that one loops. */
static void test_looper(void **state)
{
	static const char *const lines[] = {
		"watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [filler:88]",
		"CPU: 0 UID: 0 PID: 88 Comm: filler Tainted: G           O       6.12 #1",
		"Call Trace:",
		"[<9000000000310010>] watermark_ok+0x10/0x100",
		"[<9000000000320010>] alloc_pages+0x10/0x100",
		"[<ffff80000201e540>] ring_fill+0x50/0xc0 [dma]",
		"[<ffff80000201e5c4>] filler+0x14/0x30 [dma]",
		"[<9000000000330010>] kthread+0x10/0x100",
		"",
	};
	static const struct {
		const char *frame[5];
		const char *blamed;
	} cases[] = {
		{ { "wakeup", "alloc_pages", "ring_fill", "filler", "kthread" }, "ring_fill" },
		{ { "watermark_ok", "alloc_pages", "ring_fill", "filler", "kthread" },
		  "watermark_ok" }, /* where it was: that loops, as far as is known */
		{ { "wakeup", "alloc_pages", "rings_full", "filler", "kthread" }, "filler" },
		{ { "wakeup", "alloc_pages", "ring_fill", "fillers", "kthread" }, "wakeup" },
	};

	(void)state;
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct guest *g = guest_new();
		const struct la_panic *p;
		struct la_cpu *c;

		for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
			ring_add(&g->ring, 26000000000 + i, 0, 0, 0x80000000u, lines[i]);
		set_panic_cpu(g, UINT32_MAX);
		g->cpu[1].state = LA_CPU_IDLE;
		c = busy(g, 0, LA_CPU_RUNNING, cases[n].frame[0]);
		for (size_t i = 0; i < 5; i++) {
			g->frame[0][i] =
				(struct la_frame){ .symbol = cases[n].frame[i],
						   .module = i == 2 || i == 3 ? "dma" : NULL,
						   .verified = true };
			c->stack.n = i + 1;
		}
		c->task = (struct la_task){ .pid_known = true, .pid = 88, .comm = "filler" };
		p = analyse(g, true);
		assert_int_equal(p->verdict, LA_VERDICT_SOFT_LOCKUP);
		assert_string_equal(p->cause.symbol, cases[n].blamed);
		if (!n)
			assert_non_null(strstr(p->summary,
					       "ring_fill [dma] does not come to an end; "
					       "it had called watermark_ok when that was "
					       "reported, and wakeup now"));
		guest_free(g);
	}
}

/* A timer's function that is due again whenever it returns is on no stack, and to blame. */
static void test_callback(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p;
	struct la_cpu *c;

	g->cpu[1].state = LA_CPU_IDLE;
	c = busy(g, 0, LA_CPU_IRQ, "timerqueue_add");
	c->clock_age_known = true;
	c->clock_age_ns = 8000000000;
	g->frame[0][1] = (struct la_frame){ .symbol = "__hrtimer_run_queues", .verified = true };
	g->frame[0][2] = (struct la_frame){ .symbol = "handle_percpu_irq", .verified = true };
	c->stack.n = 3;
	c->callback = "servo_tick";
	c->callback_module = "servo";
	c->dispatcher = "__hrtimer_run_queues";
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_HARD_LOCKUP);
	assert_string_equal(p->cause.symbol, "servo_tick");
	assert_string_equal(p->cause.module, "servo");
	assert_false(p->cause.pc_known);
	assert_non_null(strstr(p->summary, "servo_tick(), a timer's function that is due again"));
	assert_true(
		has_fact(p, "timers of CPU 0", "__hrtimer_run_queues() has called servo_tick()"));
	assert_string_equal(p->signature, "lakvm-2 hard-lockup servo_tick");
}

/* Nobody has looked at a clock there, but its code leads nowhere else. */
static void test_closed_loop(void **state)
{
	(void)state;
	for (int closed = 0; closed < 2; closed++) {
		struct guest *g = guest_new();
		const struct la_panic *p;
		struct la_cpu *c;

		ring_add(&g->ring, 1000, 6, 0, 1, "nothing said");
		set_panic_cpu(g, UINT32_MAX);
		g->cpu[1].state = LA_CPU_IDLE;
		c = busy(g, 0, LA_CPU_RUNNING, "wait_for_ever");
		c->closed_loop = closed;
		c->since_known = true;
		c->since_ns = 9000000000;
		p = analyse(g, true);
		assert_int_equal(p->verdict, closed ? LA_VERDICT_SOFT_LOCKUP : LA_VERDICT_RUNNING);
		if (closed) {
			assert_string_equal(p->cause.symbol, "wait_for_ever");
			assert_int_equal(p->confidence, LA_LIKELY);
			assert_non_null(strstr(p->message, "for 9 s"));
			assert_non_null(strstr(p->summary, "leads nowhere else"));
		}
		guest_free(g);
	}
}

/* A stack of die() within die(): the cause is the outermost exception, whatever came after it. */
static void test_die_deadlock(void **state)
{
	static const char *const stack[] = { "queued_spin_lock_slowpath",
					     "_raw_spin_lock_irq",
					     "die",
					     "do_page_fault",
					     "tlb_do_page_fault_0",
					     "log_write",
					     "_printk",
					     "die",
					     "do_bp",
					     "handle_bp",
					     "ring_reset" };

	(void)state;
	for (int one = 0; one < 3; one++) {
		struct guest *g = guest_new();
		const uint64_t outer = PT_REGS + 0x1000;
		const struct la_panic *p;
		struct la_cpu *c = &g->cpu[0];

		ring_add(&g->ring, 1000, 6, 0, 1, "nothing said");
		set_panic_cpu(g, UINT32_MAX);
		for (size_t i = 0; i < sizeof(stack) / sizeof(stack[0]); i++)
			g->frame[0][c->stack.n++] =
				(struct la_frame){ .symbol = stack[i], .verified = true };
		g->frame[0][4].pt_regs = PT_REGS;
		g->frame[0][4].entry = LA_ENTRY_EXCEPTION;
		g->frame[0][9].pt_regs = outer;
		g->frame[0][9].entry = LA_ENTRY_EXCEPTION;
		c->state = one == 1 ? LA_CPU_RUNNING : LA_CPU_SPINNING;
		if (one == 1) /* a die() that goes on */
			c->stack.frame += 2, c->stack.n -= 2;
		if (one == 2) /* one that waits for somebody who is in die(), too, and goes on */
			c->stack.n = 4;
		for (int i = 0; i < 2; i++) {
			const uint64_t at = i ? outer : PT_REGS;

			fake_put(g->f, at - W, (char[320]){ 0 }, 320);
			fake_put_u64(g->f, at - W + 264, i ? W + 0x300040 : W + 0x310008);
			fake_put_u64(g->f, at - W + 280, 0xb0);
			fake_put_u64(g->f, at - W + 312,
				     i ? LA_ECODE_BRK << 16 : LA_ECODE_PIL << 16);
		}
		fake_symbol(g->f, "ring_reset", W + 0x300000, 0x100, NULL);
		fake_symbol(g->f, "ring_posted", W + 0x310000, 0x100, NULL);
		fake_put_u32(g->f, 0x300040, 0x002a0001); /* BUG() */
		g->cpu[1].state = LA_CPU_IDLE;
		if (one == 2) {
			busy(g, 1, LA_CPU_RUNNING, "vprintk_emit");
			g->frame[1][1] = (struct la_frame){ .symbol = "die", .verified = true };
			g->cpu[1].stack.n = 2;
		}
		p = analyse(g, true);
		if (one) {
			assert_int_not_equal(p->verdict, LA_VERDICT_DIE_DEADLOCK);
		} else {
			assert_int_equal(p->verdict, LA_VERDICT_DIE_DEADLOCK);
			assert_int_equal(p->confidence, LA_LIKELY);
			assert_string_equal(p->cause.kind, "bug");
			assert_string_equal(p->cause.symbol, "ring_reset");
			assert_int_equal(p->cause.offset, 0x40);
			assert_non_null(strstr(p->summary, "while die() printed that"));
			assert_non_null(strstr(p->summary, "ring_posted+0x8"));
		}
		guest_free(g);
	}
}

/* What is odd about a vCPU is the verdict only where nothing else is. */
static void test_vcpu(void **state)
{
	(void)state;
	for (int hung = 0; hung < 2; hung++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 6, 0, 1, "nothing said");
		set_panic_cpu(g, UINT32_MAX);
		g->cpu[0].state = LA_CPU_IDLE;
		busy(g, 1, LA_CPU_RUNNING, "some_function")->odd =
			LA_ODD_BASE | LA_ODD_SHARED_STACK;
		g->cpu[1].remark = "its per-CPU base is lost";
		if (hung) {
			g->cpu[1].clock_age_known = true;
			g->cpu[1].clock_age_ns = 8000000000;
		}
		p = analyse(g, true);
		assert_int_equal(p->verdict, hung ? LA_VERDICT_HARD_LOCKUP : LA_VERDICT_VCPU);
		assert_string_equal(p->cause.kind, "percpu-lost");
		assert_int_equal(p->cpu, 1);
		assert_true(has_fact(p, "registers", "CPU 1: its per-CPU base is lost"));
		guest_free(g);
	}
}

/*
 * CPU 2 takes no interrupts; CPU 1, which found that, waits for its stack with its own interrupts off, until CPU 0 finds
 * that and panics: the kernel names CPU 1 last.
 */
static void test_lockup_of_detector(void **state)
{
	static const struct death death = {
		0, "Hard LOCKUP", { "panic", "nmi_panic", "watchdog_hardlockup_check" }, 0, 0, 0, 0,
		0
	};
	static const char *const asks[] = { "__udelay", "nmi_trigger_cpumask_backtrace",
					    "watchdog_hardlockup_check" };
	struct guest *g = *state;
	const struct la_panic *p;

	ring_add(&g->ring, 1000, 6, 0, UINT32_MAX,
		 "watchdog: CPU1: Watchdog detected hard LOCKUP on cpu 2");
	ring_add(&g->ring, 6000, 6, 0, UINT32_MAX,
		 "watchdog: CPU0: Watchdog detected hard LOCKUP on cpu 1");
	ring_add(&g->ring, 7000, 0, 0, UINT32_MAX, "Kernel panic - not syncing: Hard LOCKUP");
	die(g, &death);
	g->cpus.n = g->k.ncpus = 3;
	g->cpu[0].state = LA_CPU_PANICKING;
	g->cpu[1].state = LA_CPU_DELAY;
	for (size_t i = 0; i < 3; i++)
		g->frame[1][i] = (struct la_frame){ .symbol = asks[i], .pc_known = true };
	g->cpu[1].stack.n = 3;
	g->cpu[1].symbol = asks[0];
	g->cpu[2].state = LA_CPU_IRQ;
	g->frame[2][0] = (struct la_frame){ .symbol = "queue_reap", .pc_known = true };
	g->cpu[2].stack.n = 1;
	g->cpu[2].symbol = "queue_reap";
	p = analyse(g, true);
	assert_string_equal(p->cause.kind, "hard-lockup");
	assert_string_equal(p->cause.symbol, "queue_reap");
	assert_int_equal(p->cpu, 2);

	/* One that waits for nobody is the one that counts. */
	finish(state);
	start(state);
	g = *state;
	ring_add(&g->ring, 1000, 6, 0, UINT32_MAX,
		 "watchdog: CPU1: Watchdog detected hard LOCKUP on cpu 2");
	ring_add(&g->ring, 6000, 6, 0, UINT32_MAX,
		 "watchdog: CPU0: Watchdog detected hard LOCKUP on cpu 1");
	ring_add(&g->ring, 7000, 0, 0, UINT32_MAX, "Kernel panic - not syncing: Hard LOCKUP");
	die(g, &death);
	g->cpus.n = g->k.ncpus = 3;
	g->cpu[0].state = LA_CPU_PANICKING;
	g->cpu[1].state = LA_CPU_RUNNING;
	g->frame[1][0] = (struct la_frame){ .symbol = "spin_forever", .pc_known = true };
	g->cpu[1].stack.n = 1;
	g->cpu[1].symbol = "spin_forever";
	p = analyse(g, true);
	assert_int_equal(p->cpu, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GUEST(test_lockup_panic),
		GUEST(test_lockup_of_detector),
		cmocka_unit_test(test_lockup_of_waiter),
		cmocka_unit_test(test_rcu_stall),
		cmocka_unit_test(test_reported_after_clock),
		GUEST(test_flood),
		cmocka_unit_test(test_spinlock),
		cmocka_unit_test(test_hard_lockup),
		cmocka_unit_test(test_all_stopped),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_reported_place),
		cmocka_unit_test(test_looper),
		GUEST(test_callback),
		cmocka_unit_test(test_closed_loop),
		cmocka_unit_test(test_die_deadlock),
		cmocka_unit_test(test_vcpu),
		cmocka_unit_test(test_hung_task),
		GUEST(test_damaged_task_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
