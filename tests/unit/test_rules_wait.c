// SPDX-License-Identifier: GPL-3.0-or-later
// Rules over the graph of waits, each given such a graph: whose sleep it is that all wait for, and what is said of circles.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "triage/triage.h"

#define S UINT64_C(1000000000)
#define MAX 5

struct test {
	struct la_triage t;
	struct la_judgement j;
	struct la_panic panic;
	struct la_arena *arena;
	struct la_wait_node node[MAX];
	struct la_thing thing[MAX];
	struct la_stack stack[MAX];
	struct la_frame frame[MAX];
};

static int setup(void **state)
{
	struct test *t = calloc(1, sizeof(*t));

	t->arena = la_arena_new(1 << 20);
	t->panic.cpu = -1;
	assert_true(la_triage_open(&t->j, t->arena, &t->panic, 1));
	t->t.waits = (struct la_waits){ .node = t->node, .thing = t->thing };
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct test *t = *state;

	la_arena_free(t->arena);
	free(t);
	return 0;
}

/* A node in @function(): on @cpu, or (-1) asleep for @seconds; it waits for thing @on, LA_NO_NODE: for none. */
static void add(struct test *t, const char *function, int cpu, uint64_t seconds, size_t on)
{
	const size_t i = t->t.waits.n++;
	struct la_wait_node *n = &t->node[i];

	t->frame[i] = (struct la_frame){ .symbol = function, .pc_known = true, .pc = 0x100 * i };
	t->stack[i] = (struct la_stack){ .frame = &t->frame[i], .n = 1 };
	*n = (struct la_wait_node){
		.cpu = cpu,
		.task = { .address = 0x1000 + i, .pid = 100 + (int)i, .pid_known = true },
		.stack = &t->stack[i],
		.function = function,
		.on = on,
		.state = cpu < 0 ? 'D' : 'R',
		.since_known = cpu < 0,
		.since_ns = seconds * S
	};
	snprintf(n->task.comm, sizeof(n->task.comm), "task%zu", i);
}

static void thing(struct test *t, enum la_thing_kind kind, size_t holder, enum la_how how)
{
	t->thing[t->t.waits.nthings++] = (struct la_thing){
		.kind = kind, .address = 0x5000, .bit = -1, .holder = holder, .how = how
	};
}

/*
 * A semaphore names nobody. One who has slept for something else since before the first began to wait has it, perhaps; of
 * several the last to do so; and nobody who went to sleep later.
 */
static void test_guessed_holder(void **state)
{
	static const struct {
		uint64_t other[2]; /* seconds that two others have slept for a completion */
		const char *blamed;
	} test[] = {
		{ { 12, 0 }, "first" },  { { 7, 0 }, "waiter" }, { { 30, 12 }, "second" },
		{ { 12, 30 }, "first" }, { { 12, 7 }, "first" }, { { 8, 0 }, "first" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(test) / sizeof(test[0]); i++) {
		struct test *t;

		setup((void **)&t);
		add(t, "waiter", -1, 8, 0);
		add(t, "first", -1, test[i].other[0], 1);
		add(t, "second", -1, test[i].other[1], 2);
		thing(t, LA_THING_SEMAPHORE, LA_NO_NODE, LA_HOW_UNKNOWN);
		thing(t, LA_THING_COMPLETION, LA_NO_NODE, LA_HOW_UNKNOWN);
		thing(t, LA_THING_COMPLETION, LA_NO_NODE, LA_HOW_UNKNOWN);
		t->node[0].behind = 1; /* it is the one that is asked about */
		assert_true(la_judge_blocked(&t->t, &t->j));
		assert_int_equal(t->panic.confidence, LA_LIKELY);
		assert_string_equal(t->panic.cause.symbol, test[i].blamed);
		if (strcmp(test[i].blamed, "waiter"))
			assert_non_null(strstr(t->panic.summary, "perhaps"));
		teardown((void **)&t);
	}
}

/* Of several, rather one whom nobody is known to keep waiting than one who waits for the lock's own waiter. */
static void test_victim_not_guessed(void **state)
{
	struct test *t = *state;

	add(t, "writer", -1, 9, 0);
	add(t, "asks_writer", -1, 11, 1);
	add(t, "reader", -1, 12, 2);
	thing(t, LA_THING_PERCPU_RWSEM, LA_NO_NODE, LA_HOW_UNKNOWN);
	thing(t, LA_THING_COMPLETION, 0, LA_HOW_ROLE);
	thing(t, LA_THING_COMPLETION, LA_NO_NODE, LA_HOW_UNKNOWN);
	t->node[0].behind = 1;
	assert_true(la_judge_blocked(&t->t, &t->j));
	assert_string_equal(t->panic.cause.symbol, "reader");

	t->node[2].since_ns = 8 * S; /* it came too late: then it can only be the other one */
	assert_true(la_judge_blocked(&t->t, &t->j));
	assert_string_equal(t->panic.cause.symbol, "asks_writer");
}

/* Where no time is set nobody sleeps for seconds on purpose; where one is, drivers may for longer. */
static void test_set_time(void **state)
{
	static const struct {
		uint64_t seconds;
		bool timed, long_;
	} test[] = {
		{ 4, false, false }, { 6, false, true }, { 6, true, false }, { 11, true, true }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(test) / sizeof(test[0]); i++) {
		struct test *t;

		setup((void **)&t);
		add(t, "credit_wait", -1, test[i].seconds, LA_NO_NODE);
		t->node[0].timed = test[i].timed;
		assert_int_equal(la_judge_blocked(&t->t, &t->j), test[i].long_);
		teardown((void **)&t);
	}
}

/* A boot that lets time pass on purpose is not hung; one that waits for something is, and so is another task then. */
static void test_boot_delay(void **state)
{
	static const struct {
		bool booting, timed;
		int pid;
		bool hung;
	} test[] = {
		{ true, true, 1, false },
		{ true, false, 1, true },
		{ true, true, 7, true },
		{ false, true, 1, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(test) / sizeof(test[0]); i++) {
		struct test *t;

		setup((void **)&t);
		add(t, "prepare_namespace", -1, 14, LA_NO_NODE);
		t->node[0].timed = test[i].timed;
		t->node[0].task.pid = test[i].pid;
		t->t.boot.booting = test[i].booting;
		assert_int_equal(la_judge_blocked(&t->t, &t->j), test[i].hung);
		teardown((void **)&t);
	}
}

/* Who hangs since an oops that the guest lived on after is said, too. */
static void test_hang_after_oops(void **state)
{
	struct test *t = *state;

	add(t, "plot_page", -1, 12, LA_NO_NODE);
	add(t, "just_now", -1, 1, LA_NO_NODE);
	t->panic.verdict = LA_VERDICT_OOPS;
	la_triage_add_waits(&t->t, &t->j);
	assert_int_equal(t->panic.nstuck, 1);
	assert_non_null(strstr(t->panic.stuck[0], "plot_page"));
}

/* Who has the lock is stopped by a signal or a debugger: that is said, and how it goes on. */
static void test_stopped_holder(void **state)
{
	struct test *t = *state;

	add(t, "spool_run", -1, 9, 0);
	add(t, "do_signal_stop", -1, 12, LA_NO_NODE);
	thing(t, LA_THING_MUTEX, 1, LA_HOW_OWNER);
	t->node[1].state = 'T';
	assert_true(la_judge_blocked(&t->t, &t->j));
	assert_non_null(strstr(t->panic.summary, "that one is stopped (SIGSTOP, or a debugger)"));
	assert_non_null(strstr(t->panic.advice[0], "kill -CONT 101"));
	assert_string_equal(t->panic.cause.symbol, "spool_run");
}

/* Of a wait in the kernel's own code it is said whose it is: the first module's function that led there. */
static void test_module_behind(void **state)
{
	(void)state;
	for (int how = 0; how < 3; how++) {
		struct la_frame frames[4] = { { .symbol = "remove_one", .pc_known = true, .pc = 1 },
					      { .symbol = "debugfs_remove" },
					      { .symbol = "gauge_remove", .module = "gauge" },
					      { .symbol = "gauge_exit", .module = "gauge" } };
		struct test *t;

		setup((void **)&t);
		add(t, "remove_one", -1, 9, 0);
		thing(t, LA_THING_COMPLETION, LA_NO_NODE, LA_HOW_UNKNOWN);
		frames[0].symbol = t->node[0].function;
		if (how == 1)
			frames[1].pt_regs = 0x1000; /* an exception lies between */
		if (how == 2)
			frames[1].method = LA_FROM_SCAN;
		t->stack[0] = (struct la_stack){ .frame = frames, .n = 4 };
		assert_true(la_judge_blocked(&t->t, &t->j));
		assert_string_equal(t->panic.cause.symbol, "remove_one");
		if (how) {
			assert_null(t->panic.cause.caller);
			assert_non_null(strstr(t->panic.summary, "in remove_one() for"));
		} else {
			assert_non_null(
				strstr(t->panic.summary,
				       "in remove_one(), on behalf of gauge_remove() [gauge], for"));
			assert_string_equal(t->panic.cause.caller, "gauge_remove");
			assert_string_equal(t->panic.cause.module, "gauge");
		}
		teardown((void **)&t);
	}
}

/* Who sleeps in the same module is named, as a guess, where nothing else is known. */
static void test_nearby(void **state)
{
	struct test *t = *state;

	add(t, "gauge_remove", -1, 9, 0);
	add(t, "gauge_read", -1, 30, LA_NO_NODE);
	thing(t, LA_THING_COMPLETION, LA_NO_NODE, LA_HOW_UNKNOWN);
	t->node[1].state = 'S';
	t->node[1].nearby = true;
	assert_true(la_judge_blocked(&t->t, &t->j));
	assert_string_equal(t->panic.cause.symbol, "gauge_remove");
	assert_int_equal(t->panic.nadvice, 1);
	assert_string_equal(
		t->panic.advice[0],
		"crash> bt 101: task1 is in the same module, in gauge_read(), and may be who it waits for");
}

/* What waits for its turn behind a worker that sleeps is said. */
static void test_queued(void **state)
{
	struct test *t = *state;

	add(t, "upload_send", -1, 9, 0);
	thing(t, LA_THING_COMPLETION, LA_NO_NODE, LA_HOW_UNKNOWN);
	t->node[0].queued = "ack_take()";
	assert_true(la_judge_blocked(&t->t, &t->j));
	assert_int_equal(t->panic.nstuck, 2);
	assert_non_null(strstr(t->panic.stuck[1], "behind task task0 (PID 100): ack_take()"));
}

/* A task whose oops left it with a lock that its own end wants: the oops is the cause; another task's oops is none. */
static void test_died_with_lock(void **state)
{
	static const struct la_regs none = { .source = LA_REGS_NONE };

	(void)state;
	for (int same = 0; same < 2; same++) {
		struct la_event oops = { .kind = LA_EVENT_OOPS,
					 .cpu = 1,
					 .pid = same ? 100 : 7,
					 .pid_known = true,
					 .text = "Oops",
					 .line = "Oops[#1]:",
					 .regs = &none };
		struct test *t;

		setup((void **)&t);
		add(t, "do_exit", -1, 8, 0);
		thing(t, LA_THING_RWSEM, 0, LA_HOW_OWNER);
		t->node[0].cycle = 1;
		t->t.oops = t->t.last_oops = &oops;
		assert_true(la_judge_deadlock(&t->t, &t->j));
		assert_int_equal(t->panic.verdict, LA_VERDICT_DEADLOCK);
		assert_int_equal(t->panic.confidence, same ? LA_LIKELY : LA_CERTAIN);
		assert_int_equal(strstr(t->panic.summary, "who had it died") != NULL, same);
		assert_string_equal(t->panic.cause.kind, same ? "page-fault" : "deadlock");
		assert_int_equal(t->panic.cause.address_known, !same);
		teardown((void **)&t);
	}
}

/* A lock that names its holder is not guessed at, nor is what is no lock. */
static void test_not_guessed(void **state)
{
	(void)state;
	for (int named = 0; named < 2; named++) {
		struct test *t;

		setup((void **)&t);
		add(t, "waiter", -1, 8, 0);
		add(t, "holder", -1, 6, LA_NO_NODE);
		add(t, "sleeper", -1, 30, 1);
		thing(t, named ? LA_THING_MUTEX : LA_THING_PAGE, named ? 1 : LA_NO_NODE,
		      named ? LA_HOW_OWNER : LA_HOW_UNKNOWN);
		thing(t, LA_THING_COMPLETION, LA_NO_NODE, LA_HOW_UNKNOWN);
		t->node[0].behind = 1;
		assert_true(la_judge_blocked(&t->t, &t->j));
		assert_string_equal(t->panic.cause.symbol, named ? "holder" : "waiter");
		teardown((void **)&t);
	}
}

/* A detector caught CPU 0, which waits for CPU 1: that one is to blame, and what was shown of CPU 0 is not its. */
static void test_blamed_holder(void **state)
{
	static const struct {
		bool held;
		char holder;
		bool blames;
	} test[] = { { true, 'R', true }, { true, 'X', false }, { false, 'R', false } };

	(void)state;
	for (size_t i = 0; i < sizeof(test) / sizeof(test[0]); i++) {
		struct la_event event = { .cpu = 0 };
		struct test *t;

		setup((void **)&t);
		add(t, "waits", 0, 0, 0);
		add(t, "holds", 1, 0, LA_NO_NODE);
		thing(t, LA_THING_SPINLOCK, test[i].held ? 1 : LA_NO_NODE, LA_HOW_CODE);
		t->node[1].state = test[i].holder;
		t->panic.cpu = 0;
		t->panic.cause = (struct la_cause){ .kind = "soft-lockup",
						    .symbol = "waits",
						    .regs_known = true,
						    .address_known = true };
		t->j.event = &event;
		assert_int_equal(la_triage_blame_holder(&t->t, &t->j), test[i].blames);
		assert_string_equal(t->panic.cause.symbol, test[i].blames ? "holds" : "waits");
		assert_int_equal(t->panic.cpu, test[i].blames ? 1 : 0);
		assert_int_equal(t->panic.cause.regs_known, !test[i].blames);
		assert_int_equal(t->panic.cause.address_known, !test[i].blames);
		assert_ptr_equal(t->j.event, test[i].blames ? NULL : &event);
		assert_string_equal(t->panic.cause.kind, "soft-lockup");
		teardown((void **)&t);
	}
}

/* Who has the lock is to blame, unless it is dead, stopped, or sleeps for a time that it has set, or since the other waits. */
static void test_blamed_head(void **state)
{
	static const struct {
		char holder;
		uint64_t seconds;
		bool timed, blamed;
		const char *does;
	} test[] = {
		{ 'S', 12, false, true, "that one sleeps in holds()" },
		{ 'S', 12, true, false, "that one sleeps in holds()" },
		{ 'S', 3, false, false, "that one sleeps in holds()" },
		{ 'X', 12, false, false, "that one is dead" },
		{ 'T', 12, false, false, "that one is stopped" },
		{ 'R', 0, false, true,
		  "is ready to run on CPU 1, which runs the real-time task hog (PID 9, FIFO, priority 49)" },
	};
	struct la_cpu cpu[2] = { { .cpu = 0 }, { .cpu = 1 } };
	const struct la_cpus cpus = { .cpu = cpu, .n = 2 };

	(void)state;
	cpu[1].matched = true;
	cpu[1].task = (struct la_task){ .pid = 9, .comm = "hog" };
	cpu[1].realtime = "FIFO";
	cpu[1].rt_priority = 49;
	for (size_t i = 0; i < sizeof(test) / sizeof(test[0]); i++) {
		struct test *t;

		setup((void **)&t);
		t->t.cpus = &cpus;
		add(t, "waits", -1, 8, 0);
		add(t, "holds", -1, test[i].seconds, LA_NO_NODE);
		thing(t, LA_THING_MUTEX, 1, LA_HOW_OWNER);
		t->node[1].state = test[i].holder;
		t->node[1].timed = test[i].timed;
		t->node[1].ready_on = test[i].holder == 'R' ? 1 : -1;
		assert_true(la_judge_blocked(&t->t, &t->j));
		assert_string_equal(t->panic.cause.symbol, test[i].blamed ? "holds" : "waits");
		assert_non_null(strstr(t->panic.summary, test[i].does));
		assert_int_equal(t->panic.confidence, LA_LIKELY);
		/* in panic() by the detector, too, whose witnesses are counted later */
		t->j.witnesses = LA_WITNESS_LOG | LA_WITNESS_MEMORY;
		assert_true(la_triage_chain(&t->t, &t->j, t->node[0].task.address));
		assert_int_equal(la_triage_confidence(t->j.witnesses),
				 test[i].blamed ? LA_LIKELY : LA_CERTAIN);
		teardown((void **)&t);
	}
}

/* Of a longer chain each wait is told, up to who is to blame at its end; of a very long one that it goes on. */
static void test_chain_told(void **state)
{
	(void)state;
	for (size_t n = 3; n < 6; n++) {
		static const char *const name[] = { "first", "second", "third", "fourth", "fifth" };
		struct test *t;

		setup((void **)&t);
		for (size_t i = 0; i < n; i++) {
			add(t, name[i], -1, i ? 0 : 8, i + 1 < n ? i : LA_NO_NODE);
			if (i + 1 < n)
				thing(t, LA_THING_MUTEX, i + 1, LA_HOW_OWNER);
		}
		t->node[n - 1].state = 'S';
		t->node[n - 1].since_ns = UINT64_C(12000000000);
		assert_true(la_judge_blocked(&t->t, &t->j));
		assert_non_null(strstr(t->panic.summary, "first() for"));
		assert_non_null(strstr(t->panic.summary, ", which waits in second() for"));
		assert_int_equal(!strstr(t->panic.summary,
					 ", and so on up to task task4 (PID 104); that one"),
				 n < 5);
		assert_non_null(strstr(t->panic.summary, "; that one sleeps in "));
		assert_non_null(strstr(t->panic.summary, name[n - 1]));
		teardown((void **)&t);
	}
}

/* All that are known to be in die() wait there for its lock: a deadlock, unless somebody else has it. */
static void test_die_lock_elsewhere(void **state)
{
	struct la_cpu cpu[2] = { { .cpu = 0 }, { .cpu = 1 } };

	(void)state;
	for (int held = 0; held < 2; held++) {
		const struct la_dying dying = { .cpu = &cpu[0], .waits = true };
		struct test *t;

		setup((void **)&t);
		t->t.dying = &dying;
		t->t.ndying = 1;
		add(t, "die", 0, 0, 0);
		add(t, "handle_fpu", 1, 0, LA_NO_NODE);
		thing(t, LA_THING_SPINLOCK, held ? 1 : LA_NO_NODE,
		      held ? LA_HOW_REST : LA_HOW_NOBODY);
		assert_int_equal(la_judge_die_deadlock(&t->t, &t->j), !held);
		teardown((void **)&t);
	}
}

/* What is said of circles: of locks, and of what another has to do. */
static void test_circles(void **state)
{
	static const struct {
		bool alone;
		enum la_how how;
		const char *message, *edge, *advice;
		enum la_confidence confidence;
	} test[] = {
		{ true, LA_HOW_OWNER, "task task0 (PID 100) waits for what it has itself",
		  "which it holds itself", "may not be taken again", LA_CERTAIN },
		{ true, LA_HOW_ROLE, "task task0 (PID 100) waits for itself",
		  "which is to come from itself", "may not wait for its own end", LA_LIKELY },
		{ false, LA_HOW_OWNER, "each waits for what the next one has",
		  "held by task task1 (PID 101)", "in one order", LA_CERTAIN },
		{ false, LA_HOW_ROLE, "each waits for the next one",
		  "which is to come from task task1 (PID 101)", "may hold nothing", LA_LIKELY },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(test) / sizeof(test[0]); i++) {
		struct test *t;

		setup((void **)&t);
		add(t, "one", -1, 8, 0);
		thing(t, LA_THING_MUTEX, test[i].alone ? 0 : 1, test[i].how);
		if (!test[i].alone) {
			add(t, "two", -1, 8, 1);
			thing(t, LA_THING_MUTEX, 0, LA_HOW_OWNER);
			t->node[1].cycle = 1;
		}
		t->node[0].cycle = 1;
		assert_true(la_judge_deadlock(&t->t, &t->j));
		assert_string_equal(t->panic.message, test[i].message);
		assert_non_null(strstr(t->panic.summary, test[i].edge));
		assert_non_null(strstr(t->panic.advice[0], test[i].advice));
		assert_int_equal(t->panic.confidence, test[i].confidence);
		teardown((void **)&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guessed_holder),
		cmocka_unit_test(test_not_guessed),
		cmocka_unit_test_setup_teardown(test_victim_not_guessed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queued, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nearby, setup, teardown),
		cmocka_unit_test(test_set_time),
		cmocka_unit_test(test_boot_delay),
		cmocka_unit_test_setup_teardown(test_hang_after_oops, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stopped_holder, setup, teardown),
		cmocka_unit_test(test_module_behind),
		cmocka_unit_test(test_died_with_lock),
		cmocka_unit_test(test_blamed_holder),
		cmocka_unit_test(test_blamed_head),
		cmocka_unit_test(test_chain_told),
		cmocka_unit_test(test_die_lock_elsewhere),
		cmocka_unit_test(test_circles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
