// SPDX-License-Identifier: GPL-3.0-or-later
// Real-time tasks: by their class and policy, how many others want their CPU, and what share of the time they had.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cpus_guest.h"

#define RT (W + 0xe0000)
#define DL (W + 0xe1000)
#define STOP (W + 0xe2000)

static void put_task(struct guest *g, uint32_t policy, uint64_t class)
{
	fake_put_u32(g->f, 0xc0000, policy);
	fake_put_u32(g->f, 0xc0004, 50);
	fake_put_u64(g->f, 0xc0008, class);
	fake_put_u64(g->f, 0xc0010, 10000000000); /* started */
	fake_put_u64(g->f, 0xc0080, 9000000000);  /* ran */
}

static void put_members(struct guest *g)
{
	fake_member(g->f, "task_struct", "policy", 0, 4);
	fake_member(g->f, "task_struct", "rt_priority", 4, 4);
	fake_member(g->f, "task_struct", "sched_class", 8, 8);
	fake_member(g->f, "task_struct", "start_time", 0x10, 8);
	fake_member(g->f, "task_struct", "se", 0x80, 64);
	fake_member(g->f, "sched_entity", "sum_exec_runtime", 0, 8);
	fake_member(g->f, "rq", "nr_running", 0x48, 4);
	fake_symbol(g->f, "rt_sched_class", RT, 0x100, NULL);
	fake_symbol(g->f, "dl_sched_class", DL, 0x100, NULL);
	fake_put_u32(g->f, RUNQUEUES - W + 0x48 + AREA(0), 3);
}

static void test_realtime(void **state)
{
	static const struct {
		uint32_t policy;
		uint64_t class;
		const char *name;
	} test[] = {
		{ 1, RT, "FIFO" },     { 2, RT, "RR" },
		{ 6, DL, "DEADLINE" }, { 1, STOP, NULL }, /* migration/N */
		{ 0, RT, NULL }, /* a fair task that has somebody's priority for the moment */
		{ 0, W, NULL },        { 9, RT, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(test) / sizeof(test[0]); i++) {
		struct guest *g = guest_new(true);
		struct la_cpu cpu = { .matched = true, .task = { W + 0xc0000, .pid = 7 } };
		struct la_cpus cpus = { .cpu = &cpu, .n = 1 };

		put_members(g);
		put_clock(g);
		put_task(g, test[i].policy, test[i].class);
		la_cpus_find_realtime(&g->k, &cpus);
		if (!test[i].name) {
			assert_null(cpu.realtime);
		} else {
			assert_string_equal(cpu.realtime, test[i].name);
			assert_int_equal(cpu.rt_priority, 50);
			assert_int_equal(cpu.wanting, 2);
			assert_true(cpu.share_known);
			assert_int_equal(cpu.life_ns, 10000000000);
			assert_int_equal(cpu.ran_ns, 9000000000);
		}
		guest_free(g);
	}
}

/* Without a clock, or with times that cannot be, no share is told; without a run queue nothing. */
static void test_unknown(void **state)
{
	struct guest *g = guest_new(true);
	struct la_cpu cpu = { .matched = true, .task = { W + 0xc0000, .pid = 7 } };
	struct la_cpus cpus = { .cpu = &cpu, .n = 1 };

	(void)state;
	la_cpus_find_realtime(&g->k, &cpus);
	assert_null(cpu.realtime);
	put_members(g);
	put_task(g, 1, RT);
	la_cpus_find_realtime(&g->k, &cpus);
	assert_non_null(cpu.realtime);
	assert_false(cpu.share_known);
	put_clock(g);
	fake_put_u64(g->f, 0xc0010, 30000000000); /* not yet */
	la_cpus_find_realtime(&g->k, &cpus);
	assert_false(cpu.share_known);
	fake_put_u64(g->f, 0xc0010, 10000000000);
	fake_put_u64(g->f, 0xc0080, 10000000001); /* more than it could */
	la_cpus_find_realtime(&g->k, &cpus);
	assert_false(cpu.share_known);
	fake_put_u32(g->f, RUNQUEUES - W + 0x48 + AREA(0), 0); /* it runs, and is not counted */
	la_cpus_find_realtime(&g->k, &cpus);
	assert_int_equal(cpu.wanting, 0);
	guest_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_realtime),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
