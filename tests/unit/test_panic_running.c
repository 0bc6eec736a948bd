// SPDX-License-Identifier: GPL-3.0-or-later
// Guests that run, and that a real-time task keeps from their CPU; CPUs of which several stand still.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "panic_guest.h"

#define S UINT64_C(1000000000)

static void runs(struct guest *g, unsigned cpu, const char *comm, const char *function)
{
	struct la_cpu *c = &g->cpu[cpu];

	c->state = LA_CPU_RUNNING;
	c->symbol = function;
	c->verified = true;
	c->task = (struct la_task){ .address = W, .pid_known = true, .pid = 60 + (int)cpu };
	snprintf(c->task.comm, sizeof(c->task.comm), "%s", comm);
}

static void test_hog(void **state)
{
	static const struct {
		unsigned wanting;
		uint64_t since, life, ran;
		const char *says; /* NULL: it is as it should be */
	} test[] = {
		{ 2, 0, 10 * S, 9 * S, "has had 90 % of the time for the 10 s" },
		{ 1, 7 * S, 0, 0, "has run for 7 s without a break on CPU 1; 1 other waits" },
		{ 0, 7 * S, 10 * S, 10 * S, NULL }, /* nobody else wants that CPU */
		{ 2, 1 * S, 4 * S, 4 * S, NULL },   /* not for long */
		{ 2, 1 * S, 100 * S, 40 * S, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(test) / sizeof(test[0]); i++) {
		struct guest *g = guest_new();
		struct la_cpu *c = &g->cpu[1];
		const struct la_panic *p;

		g->cpu[0].state = LA_CPU_IDLE;
		runs(g, 1, "motor", "motor_loop");
		c->realtime = "FIFO";
		c->rt_priority = 50;
		c->wanting = test[i].wanting;
		c->since_known = test[i].since;
		c->since_ns = test[i].since;
		c->share_known = test[i].life;
		c->life_ns = test[i].life;
		c->ran_ns = test[i].ran;
		p = analyse(g, true);
		assert_int_equal(p->verdict, LA_VERDICT_RUNNING);
		if (test[i].says) {
			assert_int_equal(p->confidence, LA_LIKELY);
			assert_int_equal(p->cpu, 1);
			assert_string_equal(p->cause.kind, "rt-hog");
			assert_string_equal(p->cause.symbol, "motor_loop");
			assert_non_null(strstr(p->summary, "motor (PID 61, FIFO, priority 50)"));
			assert_non_null(strstr(p->summary, test[i].says));
		} else {
			assert_null(p->summary);
			assert_null(p->cause.kind);
		}
		guest_free(g);
	}
}

/* What the kernel reported comes first; the task is a fact then. */
static void test_hog_and_report(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p;

	ring_add(&g->ring, 1000, 0, 0, 0x80000000u,
		 "WARNING: CPU: 0 PID: 60 at mm/slub.c:100 kfree+0x10/0x20");
	g->cpu[0].state = LA_CPU_IDLE;
	runs(g, 1, "motor", "motor_loop");
	g->cpu[1].realtime = "RR";
	g->cpu[1].wanting = 3;
	g->cpu[1].since_known = true;
	g->cpu[1].since_ns = 9 * S;
	p = analyse(g, true);
	assert_true(has_fact(p, "run queue of CPU 1", "of real-time class RR"));
	assert_null(strstr(p->summary, "motor"));
}

/* Two CPUs want something of each other, without a lock that could tell: both are named. */
static void test_two_stand(void **state)
{
	(void)state;
	for (int both = 0; both < 2; both++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		fake_symbol(g->f, "watchdog_thresh", W + 0x700000, 4, NULL);
		fake_put_u32(g->f, 0x700000, 2);
		for (unsigned i = 0; i < 2; i++) {
			runs(g, i, i ? "sink" : "source", i ? "pipe_take" : "pipe_give");
			g->cpu[i].watchdog_age_known = true;
			g->cpu[i].watchdog_age_ns = (i && !both ? 1 : 30 - i) * S;
		}
		p = analyse(g, true);
		assert_int_equal(p->verdict, LA_VERDICT_SOFT_LOCKUP);
		assert_string_equal(p->cause.symbol, "pipe_give");
		assert_int_equal(p->nstuck, both);
		if (both)
			assert_string_equal(
				p->stuck[0],
				"CPU 1 (sink, PID 61) does not come out of pipe_take() either");
		guest_free(g);
	}
}

/* As many tasks as there can be, most of them of one kind; with one less nothing is said. */
static void test_full(void **state)
{
	(void)state;
	for (unsigned tasks = 97; tasks <= 98; tasks++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 6, 0, 1, "nothing said");
		set_panic_cpu(g, UINT32_MAX);
		g->cpu[0].state = g->cpu[1].state = LA_CPU_IDLE;
		fake_symbol(g->f, "nr_threads", W + 0x700000, 4, NULL);
		fake_symbol(g->f, "max_threads", W + 0x700004, 4, NULL);
		fake_put_u32(g->f, 0x700000, tasks);
		fake_put_u32(g->f, 0x700004, 100);
		fake_symbol(g->f, "init_task", W + 0x710000, 0x100, NULL);
		fake_member(g->f, "task_struct", "tasks", 0x10, 16);
		fake_member(g->f, "task_struct", "comm", 0x40, 16);
		for (unsigned i = 0; i <= 5; i++) {
			const uint64_t at = 0x710000 + 0x100 * i;
			char comm[16];

			snprintf(comm, sizeof(comm), i < 3 ? "courier/%u" : "kworker/%u:1", i);
			fake_put(g->f, at + 0x40, comm, sizeof(comm));
			fake_put_u64(g->f, at + 0x10, W + 0x710010 + 0x100 * ((i + 1) % 6));
		}
		p = analyse(g, true);
		assert_int_equal(p->verdict, LA_VERDICT_RUNNING);
		assert_int_equal(p->summary != NULL, tasks == 98);
		if (tasks == 98)
			assert_non_null(strstr(
				p->summary,
				"98 tasks of 100 that there can be, 3 of them named \"kworker/\""));
		guest_free(g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hog),
		cmocka_unit_test(test_full),
		cmocka_unit_test_setup_teardown(test_hog_and_report, start, finish),
		cmocka_unit_test(test_two_stand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
