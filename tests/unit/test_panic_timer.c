// SPDX-License-Identifier: GPL-3.0-or-later
// Verdicts where a CPU's timer did not interrupt it, and on whom RCU waits for.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cpu/priv.h"
#include "panic_guest.h"

#define SECOND UINT64_C(1000000000)

static void set_late(struct la_cpu *c, enum la_cpu_state state, uint64_t late)
{
	c->state = state;
	c->timer_late_known = true;
	c->timer_late_ns = late;
}

/* Only where interrupts are on is a timer that is long due lost: idle, or in user mode. */
static void test_lost_timer(void **state)
{
	static const struct {
		enum la_cpu_state state;
		uint64_t late;
		bool lost;
	} cases[] = {
		{ LA_CPU_IDLE, 20 * SECOND, true },
		{ LA_CPU_USER, 20 * SECOND, true },
		{ LA_CPU_IDLE, 2 * SECOND, false },
		{ LA_CPU_RUNNING, 20 * SECOND, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 6, 0, 1, "nothing said");
		set_panic_cpu(g, UINT32_MAX);
		set_late(&g->cpu[0], cases[i].state, cases[i].late);
		set_late(&g->cpu[1], LA_CPU_IDLE, 0);
		p = analyse(g, true);
		assert_int_equal(p->verdict, cases[i].lost ? LA_VERDICT_VCPU : LA_VERDICT_RUNNING);
		if (cases[i].lost) {
			assert_string_equal(p->cause.kind, "timer-lost");
			assert_int_equal(p->confidence, LA_LIKELY);
			assert_int_equal(p->cpu, 0);
			assert_non_null(
				strstr(p->message, "CPU 0 has had no timer interrupt for 20.0 s"));
			assert_true(has_fact(p, "hrtimer_bases", "due 20.0 s before"));
		} else {
			assert_false(has_fact(p, "hrtimer_bases", "CPU 0"));
		}
		guest_free(g);
	}
}

/* After panic() no timer interrupts the others, while the clock may go on: what they have in common is that. */
static void test_stopped(void **state)
{
	(void)state;
	for (int lost = 0; lost < 2; lost++) {
		struct guest *g = guest_new();
		struct la_cpu three[3];
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 6, 0, 1, "Kernel panic - not syncing: a reason");
		set_panic_cpu(g, 2);
		three[0] = g->cpu[0];
		three[1] = g->cpu[1];
		three[2] = g->cpu[1];
		three[2].cpu = 2;
		g->k.ncpus = 3;
		g->cpus = (struct la_cpus){ .cpu = three, .n = 3 };
		set_late(&three[0], LA_CPU_STOPPED, lost ? 120 * SECOND : 100 * SECOND);
		set_late(&three[1], LA_CPU_STOPPED, 99 * SECOND);
		three[0].before = three[1].before = LA_CPU_IDLE;
		three[2].state = LA_CPU_PANICKING;
		p = analyse(g, true);
		assert_int_equal(p->verdict, LA_VERDICT_PANIC);
		assert_int_equal(has_fact(p, "hrtimer_bases",
					  "CPU 0 was idle, and its timer, due 21.0 s"),
				 lost);
		assert_false(has_fact(p, "hrtimer_bases", "CPU 1"));
		guest_free(g);
	}
}

static void put_stall(struct guest *g, bool panics)
{
	ring_add(&g->ring, 1000, 3, 0, 0x80000000u,
		 "rcu: INFO: rcu_sched detected stalls on CPUs/tasks:");
	ring_add(
		&g->ring, 2000, 3, 0, 0x80000000u,
		"rcu: \t0-...!: (0 ticks this GP) idle=d098/0/0x0 softirq=90/90 fqs=0 (false positive?)");
	ring_add(&g->ring, 3000, 3, 0, 0x80000000u,
		 "rcu: \t(detected by 1, t=5253 jiffies, g=-659, q=29 ncpus=2)");
	if (panics)
		ring_add(&g->ring, 4000, 3, 0, 0x80000001u,
			 "Kernel panic - not syncing: RCU Stall");
	set_panic_cpu(g, panics ? 1 : UINT32_MAX);
	fake_symbol(g->f, "rcu_state", W + 0x840000, 64, NULL);
	fake_member(g->f, "rcu_state", "gp_seq", 8, 8);
	fake_put_u64(g->f, 0x840008, (uint64_t)-659);
}

/* An idle CPU keeps RCU waiting only if its timer was lost; else it is the one that has been in the kernel all the time. */
static void test_stall_of_idle(void **state)
{
	static const struct {
		uint64_t late, since;
		int cpu;
		const char *symbol, *part;
	} cases[] = {
		{ 21 * SECOND, 21 * SECOND, 0, NULL, "its timer, due 21.0 s before" },
		{ 0, 21 * SECOND, 1, "reader_loop", "CPU 1 does not let RCU go on" },
		/* nobody: in panic() by the kernel's own word that one */
		{ 0, SECOND, 0, "idle_exit", "CPU 0 does not let RCU go on" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		const size_t n = i / 2;
		const bool panics = i % 2;
		struct guest *g = guest_new();
		struct la_cpu three[3] = { g->cpu[0], g->cpu[1], g->cpu[1] };
		struct la_cpu *idle = &three[0], *loop = &three[1];
		const struct la_panic *p;

		put_stall(g, panics);
		g->k.ncpus = 3;
		g->cpus = (struct la_cpus){ .cpu = three, .n = 3 };
		three[2].cpu = 2;
		set_late(&three[2], panics ? LA_CPU_STOPPED : LA_CPU_IDLE, 0);
		three[2].before = panics ? LA_CPU_IDLE : LA_CPU_UNKNOWN;
		set_late(idle, panics ? LA_CPU_STOPPED : LA_CPU_IDLE, cases[n].late);
		idle->symbol = "idle_exit";
		idle->verified = true;
		g->frame[0][0] = (struct la_frame){ .symbol = "idle_exit", .verified = true };
		idle->stack.n = 1;
		loop->state = panics ? LA_CPU_PANICKING : LA_CPU_RUNNING;
		loop->symbol = "reader_loop";
		loop->verified = loop->since_known = true;
		loop->since_ns = cases[n].since;
		g->frame[1][0] = (struct la_frame){ .symbol = "reader_loop", .verified = true };
		loop->stack.n = 1;
		if (panics) {
			idle->before = LA_CPU_IDLE;
			idle->before_frame = &g->frame[0][0];
			loop->before = LA_CPU_RUNNING;
			loop->before_frame = &g->frame[1][0];
		}
		p = analyse(g, true);
		assert_int_equal(p->verdict, panics ? LA_VERDICT_PANIC : LA_VERDICT_RCU_STALL);
		if (n == 2 && !panics) {
			assert_int_equal(p->cpu, -1);
			assert_null(p->cause.symbol);
			assert_non_null(strstr(p->summary, "which CPU is not known"));
			assert_true(has_fact(p, "log", "names CPU 0, which is idle"));
			guest_free(g);
			continue;
		}
		if (p->cpu != cases[n].cpu || !strstr(p->summary, cases[n].part))
			fail_msg("case %zu: CPU %d, %s", i, p->cpu, p->summary);
		if (cases[n].symbol)
			assert_string_equal(p->cause.symbol, cases[n].symbol);
		else
			assert_null(p->cause.symbol);
		guest_free(g);
	}
}

/*
 * A CPU that takes no interrupts is not in what never takes long, but in what called that; and of a timer's function that
 * waits for the end of one, that it may be its own is told.
 */
static void test_own_timer(void **state)
{
	static const struct {
		const char *stack[6], *symbol, *part;
	} cases[] = {
		{ { "_raw_spin_unlock_irqrestore", "hrtimer_try_to_cancel", "hrtimer_cancel",
		    "brake_tick", "__hrtimer_run_queues" },
		  "hrtimer_try_to_cancel",
		  "brake_tick(), a timer's function, waits there for the end of one" },
		{ { "ktime_get", "poll_line", "hrtimer_cancel", "line_off", "do_syscall" },
		  "poll_line",
		  NULL },
		{ { "poll_line", "brake_tick", "__hrtimer_run_queues" }, "poll_line", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guest *g = guest_new();
		struct la_cpu *c = &g->cpu[0];
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 6, 0, 1, "nothing said");
		set_panic_cpu(g, UINT32_MAX);
		c->state = LA_CPU_RUNNING;
		c->symbol = cases[i].stack[0];
		c->verified = c->clock_age_known = true;
		c->clock_age_ns = 9 * SECOND;
		for (; cases[i].stack[c->stack.n]; c->stack.n++)
			g->frame[0][c->stack.n] =
				(struct la_frame){ .symbol = cases[i].stack[c->stack.n],
						   .verified = true };
		g->cpu[1].state = LA_CPU_IDLE;
		p = analyse(g, true);
		assert_int_equal(p->verdict, LA_VERDICT_HARD_LOCKUP);
		assert_string_equal(p->cause.symbol, cases[i].symbol);
		if (cases[i].part)
			assert_non_null(strstr(p->summary, cases[i].part));
		else
			assert_null(strstr(p->summary, "timer's function"));
		guest_free(g);
	}
}

/*
 * In a hard interrupt: what it came into is to blame, not how it is kept from that; but a module's handler is, where that is
 * found by chance in what is no module's.
 */
static void test_storm(void **state)
{
	static const struct {
		const char *handler, *handler_of, *before, *before_of, *symbol;
	} cases[] = {
		{ "kiln_note", "mishap", "handle_softirqs", NULL, "kiln_note" },
		{ "kiln_note", "mishap", "poll_status", "mishap", "poll_status" },
		{ "update_process_times", NULL, "handle_softirqs", NULL, "handle_softirqs" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guest *g = guest_new();
		struct la_cpu *c = &g->cpu[0];
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 6, 0, 1, "nothing said");
		set_panic_cpu(g, UINT32_MAX);
		fake_symbol(g->f, "watchdog_thresh", W + 0x840000, 4, NULL);
		fake_put_u32(g->f, 0x840000, 10);
		c->state = LA_CPU_IRQ;
		c->watchdog_age_known = c->preempt_known = c->verified = true;
		c->watchdog_age_ns = 20 * SECOND;
		c->preempt_count = LA_PREEMPT_HARDIRQ & -LA_PREEMPT_HARDIRQ; /* once */
		c->symbol = "irq_work_queue";
		g->frame[0][0] = (struct la_frame){ .symbol = c->symbol, .verified = true };
		g->frame[0][1] = (struct la_frame){ .symbol = cases[i].handler,
						    .module = cases[i].handler_of,
						    .verified = true };
		g->frame[0][2] = (struct la_frame){ .symbol = "handle_vint", .verified = true };
		g->frame[0][3] = (struct la_frame){ .symbol = cases[i].before,
						    .module = cases[i].before_of,
						    .verified = true };
		c->stack.n = 4;
		c->before = LA_CPU_RUNNING;
		c->before_frame = &g->frame[0][3];
		g->cpu[1].state = LA_CPU_IDLE;
		p = analyse(g, true);
		assert_int_equal(p->verdict, LA_VERDICT_SOFT_LOCKUP);
		assert_string_equal(p->cause.symbol, cases[i].symbol);
		guest_free(g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost_timer),    cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_stall_of_idle), cmocka_unit_test(test_own_timer),
		cmocka_unit_test(test_storm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
