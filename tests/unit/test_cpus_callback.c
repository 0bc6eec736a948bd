// SPDX-License-Identifier: GPL-3.0-or-later
// CPUs in what runs timers: whose function runs now, or has just returned.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cpus_guest.h"

#define HRTIMERS (W + 0xf1000)
#define TIMERS (W + 0xf2000)
#define TIMER (W + 0xf3000)
#define TICK (W + 0xf4000)

static void put_guest(struct guest *g)
{
	fake_symbol(g->f, "hrtimer_bases", HRTIMERS, 0x100, NULL);
	fake_member(g->f, "hrtimer_cpu_base", "clock_base", 0x40, 0x80);
	fake_type(g->f, "hrtimer_clock_base", 0x40);
	fake_member(g->f, "hrtimer_clock_base", "running", 0x10, 8);
	fake_member(g->f, "hrtimer", "function", 0x28, 8);
	fake_symbol(g->f, "timer_bases", TIMERS, 0x100, NULL);
	fake_type(g->f, "timer_base", 0x80);
	fake_member(g->f, "timer_base", "running_timer", 8, 8);
	fake_member(g->f, "timer_list", "function", 0x18, 8);
	fake_symbol(g->f, "servo_tick", TICK, 0x40, "servo");
	fake_put(g->f, HRTIMERS - W + AREA(1), (char[0x100]){ 0 }, 0x100);
	fake_put(g->f, TIMERS - W + AREA(1), (char[0x100]){ 0 }, 0x100);
	fake_put_u64(g->f, TIMER - W + 0x28, TICK);
	fake_put_u64(g->f, TIMER - W + 0x18, TICK);
	fake_put_u64(g->f, HRTIMERS - W + AREA(1) + 0x40 + 0x40 + 0x10, TIMER);
	fake_put_u64(g->f, TIMERS - W + AREA(1) + 0x80 + 8, TIMER);
}

static void test_callback(void **state)
{
	static const struct {
		const char *frame[3];
		bool found;
	} test[] = {
		{ { "timerqueue_add", "__hrtimer_run_queues", "hrtimer_interrupt" }, true },
		{ { "lock_timer_base", "expire_timers", "__run_timers" }, true },
		{ { "servo_tick", "__hrtimer_run_queues", "hrtimer_interrupt" },
		  false }, /* the stack says so */
		{ { "msleep", "config_set", "kthread" }, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(test) / sizeof(test[0]); i++)
		for (int scan = 0; scan < 2; scan++) {
			struct guest *g = guest_new(true);
			struct la_frame frame[3] = { 0 };
			struct la_cpu c = { .cpu = 1,
					    .matched = true,
					    .stack = { .frame = frame, .n = 3 } };

			put_guest(g);
			for (size_t n = 0; n < 3; n++) {
				frame[n].symbol = test[i].frame[n];
				frame[n].method = scan ? LA_FROM_SCAN : LA_FROM_CFI;
			}
			la_cpu_find_callback(&g->k, &c);
			if (test[i].found && !scan) {
				assert_string_equal(c.callback, "servo_tick");
				assert_string_equal(c.callback_module, "servo");
				assert_string_equal(c.dispatcher, test[i].frame[1]);
			} else {
				assert_null(c.callback);
			}
			guest_free(g);
		}
}

/* Pointers to nothing, or into a function: nobody is named. */
static void test_damaged(void **state)
{
	static const uint64_t functions[] = { 0, TICK + 4, 0x1234 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct guest *g = guest_new(true);
		struct la_frame frame[2] = { { .symbol = "rb_erase", .method = LA_FROM_CFI },
					     { .symbol = "__hrtimer_run_queues",
					       .method = LA_FROM_CFI } };
		struct la_cpu c = { .cpu = 1,
				    .matched = true,
				    .stack = { .frame = frame, .n = 2 } };

		put_guest(g);
		if (i < 3)
			fake_put_u64(g->f, TIMER - W + 0x28, functions[i]);
		else
			fake_put_u64(g->f, HRTIMERS - W + AREA(1) + 0x40 + 0x40 + 0x10, 0x5678);
		la_cpu_find_callback(&g->k, &c);
		assert_null(c.callback);
		guest_free(g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_callback),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
