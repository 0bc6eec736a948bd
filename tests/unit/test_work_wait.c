// SPDX-License-Identifier: GPL-3.0-or-later
// Who waits for work items: the item, its workqueue, the worker that it takes; and for threads to end.
#include "waits_guest.h"

#define THING(n) (WINDOW | (0x2600000 + UINT64_C(0x400) * (n)))
#define BARRIER THING(0)
#define ITEM THING(1)
#define PWQ THING(2)
#define WQ THING(3)
#define POOL THING(4)
#define QUEUES THING(5)
#define WORKER(n) THING(6 + (n))
#define BARRIER_FUNC FN(UNLOCK)
#define STEP_TWO FN(10)
#define STOP 11

#define ENTRY 8 /* in a work_struct: data, entry, func */
#define FUNC 24
#define DONE 32 /* in a wq_barrier */
#define WORKERS 0x40
#define NODE 0x20
#define SCHEDULED 0x40
#define W_TASK 0x50
#define W_PWQ 0x58
#define W_FUNC 0x60
#define PWQS_NODE 0x30

/* A list of its head and one element, or of the head alone (@element 0). */
static void ring(struct test *t, uint64_t head, uint64_t element)
{
	const uint64_t other = element ? element : head;

	put64(&t->g, head, other);
	put64(&t->g, head + 8, other);
	put64(&t->g, other, head);
	put64(&t->g, other + 8, head);
}

static void work_here(struct test *t)
{
	static const struct {
		const char *type, *name;
		size_t offset, size;
	} members[] = {
		{ "wq_barrier", "work", 0, 32 },
		{ "wq_barrier", "done", DONE, 32 },
		{ "wq_flusher", "done", 0x18, 32 },
		{ "work_struct", "data", 0, 8 },
		{ "work_struct", "entry", ENTRY, 16 },
		{ "work_struct", "func", FUNC, 8 },
		{ "worker", "node", NODE, 16 },
		{ "worker", "scheduled", SCHEDULED, 16 },
		{ "worker", "task", W_TASK, 8 },
		{ "worker", "current_pwq", W_PWQ, 8 },
		{ "worker", "current_func", W_FUNC, 8 },
		{ "worker_pool", "cpu", 0, 4 },
		{ "worker_pool", "workers", WORKERS, 16 },
		{ "pool_workqueue", "pool", 0, 8 },
		{ "pool_workqueue", "wq", 8, 8 },
		{ "pool_workqueue", "pwqs_node", PWQS_NODE, 16 },
		{ "workqueue_struct", "pwqs", 0, 16 },
		{ "workqueue_struct", "list", 0x10, 16 },
		{ "workqueue_struct", "first_flusher", 0x20, 8 },
		{ "workqueue_struct", "name", 0x40, 32 },
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		fake_member(t->g.fake, members[i].type, members[i].name, members[i].offset,
			    members[i].size);
	fake_symbol(t->g.fake, "wq_barrier_func", BARRIER_FUNC, 0x100, NULL);
	fake_symbol(t->g.fake, "step_two", STEP_TWO, 0x100, NULL);
	fake_symbol(t->g.fake, "workqueues", QUEUES, 16, NULL);
	for (uint64_t at = 0; at < 13 * 0x400; at += 8)
		put64(&t->g, THING(0) + at, 0);
	ring(t, WQ, PWQ + PWQS_NODE);
	ring(t, QUEUES, WQ + 0x10);
	put64(&t->g, PWQ, POOL);
	put64(&t->g, PWQ + 8, WQ);
	fake_put(t->g.fake, WQ + 0x40 - WINDOW, "steps", 6);
	fake_put_u32(t->g.fake, POOL - WINDOW, 0xffffffff);
	ring(t, POOL + WORKERS, 0);
}

/* Worker @n, which is task @task, works on an item of @pwq. */
static void add_worker(struct test *t, unsigned n, unsigned task, uint64_t pwq)
{
	const uint64_t head = POOL + WORKERS, node = WORKER(n) + NODE;
	const uint64_t last = n ? WORKER(n - 1) + NODE : head;

	put64(&t->g, last, node);
	put64(&t->g, node + 8, last);
	put64(&t->g, node, head);
	put64(&t->g, head + 8, node);
	put64(&t->g, WORKER(n) + W_TASK, TASK_OF(task));
	put64(&t->g, WORKER(n) + W_PWQ, pwq);
	put64(&t->g, WORKER(n) + W_FUNC, FN(CALLER));
	ring(t, WORKER(n) + SCHEDULED, 0);
}

/* Task 0 waits for the completion at @completion. */
static void await(struct test *t, uint64_t completion)
{
	link_notes(t, completion + 16, sleep_in(t, 0, "wait_for_completion"), 0);
}

/* A barrier behind an item that has not begun, whose data has these flags. */
static void behind_item(struct test *t, uint64_t flags)
{
	put64(&t->g, ITEM, PWQ | flags);
	put64(&t->g, ITEM + FUNC, STEP_TWO);
	put64(&t->g, BARRIER + FUNC, BARRIER_FUNC);
	ring(t, ITEM + ENTRY, BARRIER + ENTRY);
	await(t, BARRIER + DONE);
}

/* The item runs: the barrier is in the list of its worker. */
static void test_running_item(void **state)
{
	struct test *t = *state;

	add_task(t, 0, "flusher", 2);
	add_task(t, 1, "kworker/1:2", 2);
	work_here(t);
	add_worker(t, 0, 1, PWQ);
	sleep_in(t, 1, "schedule_timeout");
	put64(&t->g, BARRIER + FUNC, BARRIER_FUNC);
	ring(t, WORKER(0) + SCHEDULED, BARRIER + ENTRY);
	await(t, BARRIER + DONE);
	find(t);
	assert_int_equal(thing_of(t, 100)->how, LA_HOW_ROLE);
	assert_ptr_equal(&t->w.node[thing_of(t, 100)->holder], node_of(t, 101));
	assert_string_equal(thing_of(t, 100)->what,
			    "the work item config_set() of workqueue steps");

	put64(&t->g, WORKER(0) + W_TASK, 0); /* a list of something else */
	find(t);
	assert_int_equal(thing_of(t, 100)->how, LA_HOW_UNKNOWN);
}

/* It has to wait for its turn: the only one of its queue that runs is the one that waits for it, or another. */
static void test_item_to_come(void **state)
{
	(void)state;
	for (unsigned bits = 8; bits <= 9; bits++)
		for (unsigned runs = 0; runs < 2; runs++) {
			struct test *t = start();

			add_task(t, 0, "kworker/u8:0", 2);
			add_task(t, 1, "kworker/u8:1", 2);
			work_here(t);
			add_worker(t, 0, runs, PWQ);
			sleep_in(t, 1, "schedule_timeout");
			behind_item(t, 6 | (bits == 9 ? 0x100 : 0)); /* and a color */
			find(t);
			assert_string_equal(thing_of(t, 100)->what,
					    "the work item step_two() of workqueue steps");
			assert_int_equal(thing_of(t, 100)->how, LA_HOW_ROLE);
			assert_ptr_equal(&t->w.node[thing_of(t, 100)->holder],
					 node_of(t, 100 + runs));
			assert_int_equal(t->w.ncycles, runs ? 0 : 1);
			guest_free(&t->g);
			free(t);
		}
}

/* Several of its queue run: nobody is named, unless the one that waits is one of them. */
static void test_several_run(void **state)
{
	(void)state;
	for (unsigned self = 0; self < 2; self++) {
		struct test *t = start();

		add_task(t, 0, "kworker/u8:0", 2);
		add_task(t, 1, "kworker/u8:1", 2);
		add_task(t, 2, "kworker/u8:2", 2);
		work_here(t);
		add_worker(t, 0, 1, PWQ);
		add_worker(t, 1, self ? 0 : 2, PWQ);
		sleep_in(t, 1, "schedule_timeout");
		sleep_in(t, 2, "schedule_timeout");
		behind_item(t, 6);
		find(t);
		assert_int_equal(thing_of(t, 100)->how, self ? LA_HOW_ROLE : LA_HOW_UNKNOWN);
		assert_int_equal(t->w.ncycles, self);
		guest_free(&t->g);
		free(t);
	}
}

/* A pool bound to a CPU begins no item while one of its workers runs; others begin all that come. */
static void test_pool_is_busy(void **state)
{
	(void)state;
	for (unsigned bound = 0; bound < 2; bound++) {
		struct test *t = start();

		add_task(t, 0, "flusher", 2);
		add_task(t, 1, "kworker/1:1", 0);
		work_here(t);
		add_worker(t, 0, 1, THING(11));
		fake_put_u32(t->g.fake, POOL - WINDOW, bound ? 1 : 0xffffffff);
		t->cpu[1].task.address = TASK_OF(1);
		t->cpu[1].task.pid = 101;
		t->cpu[1].task.pid_known = true;
		t->cpu[1].state = LA_CPU_RUNNING;
		behind_item(t, 4);
		find(t);
		assert_int_equal(thing_of(t, 100)->how, bound ? LA_HOW_ROLE : LA_HOW_UNKNOWN);
		if (bound)
			assert_int_equal(t->w.node[thing_of(t, 100)->holder].cpu, 1);
		guest_free(&t->g);
		free(t);
	}
}

/* flush_workqueue(): of all workqueues the one whose first flusher it is; out of one of its own items it never ends. */
static void test_flush_queue(void **state)
{
	(void)state;
	for (unsigned self = 0; self < 2; self++) {
		struct test *t = start();

		add_task(t, 0, "kworker/u8:0", 2);
		add_task(t, 1, "kworker/u8:1", 2);
		work_here(t);
		add_worker(t, 0, 1, PWQ);
		if (self)
			add_worker(t, 1, 0, PWQ);
		sleep_in(t, 1, "schedule_timeout");
		put64(&t->g, WQ + 0x20, LOCK(0));
		await(t, LOCK(0) + 0x18);
		find(t);
		assert_string_equal(thing_of(t, 100)->what, "all work of workqueue steps");
		assert_ptr_equal(&t->w.node[thing_of(t, 100)->holder], node_of(t, 101 - self));
		guest_free(&t->g);
		free(t);
	}
}

/* What waits for its turn behind a worker's item: three by name, the others counted, barriers not. */
static void test_behind(void **state)
{
	(void)state;
	for (unsigned items = 0; items < 6; items++) {
		struct test *t = start();
		struct la_graph g = { .k = &t->g.k, .arena = t->g.arena, .work_steps = 100 };
		const uint64_t head = PWQ + 0x50, kthread = LOCK(3);
		uint64_t last = head;
		struct la_task task;
		const char *text;

		add_task(t, 0, "kworker/1:0H", 2);
		work_here(t);
		add_worker(t, 0, 0, PWQ);
		fake_member(t->g.fake, "task_struct", "worker_private", 0x188, 8);
		fake_member(t->g.fake, "kthread", "data", 8, 8);
		fake_member(t->g.fake, "pool_workqueue", "inactive_works", 0x50, 16);
		put64(&t->g, TASK_OF(0) + 0x188, kthread);
		put64(&t->g, kthread + 8, WORKER(0));
		put64(&t->g, head, head);
		for (unsigned i = 0; i < items; i++) {
			const uint64_t item = ITEM + 0x40 * i;

			put64(&t->g, item + FUNC, i == 1 ? BARRIER_FUNC : STEP_TWO);
			put64(&t->g, last, item + ENTRY);
			put64(&t->g, item + ENTRY, head);
			last = item + ENTRY;
		}
		la_task_read(&t->g.k, TASK_OF(0), &task);
		text = la_work_behind(&g, &task);
		if (!items)
			assert_null(text);
		else if (items < 3)
			assert_string_equal(text, "step_two()");
		else if (items == 5)
			assert_string_equal(text, "step_two(), step_two(), step_two(), and 1 more");
		g.work_steps = 0; /* of a guest whose lists have used them up */
		assert_null(la_work_behind(&g, &task));
		g.work_steps = 100;
		memcpy(task.comm, "other", 6);
		assert_null(la_work_behind(&g, &task));
		guest_free(&t->g);
		free(t);
	}
}

/* Lists that lead nowhere, or in a circle that never comes back, and pointers to nothing: nobody is named. */
static void test_damaged_queues(void **state)
{
	static const uint64_t places[] = {
		ITEM,
		ITEM + ENTRY,
		ITEM + ENTRY + 8,
		ITEM + FUNC,
		BARRIER + ENTRY + 8,
		PWQ,
		PWQ + 8,
		PWQ + PWQS_NODE,
		POOL + WORKERS,
		WQ,
		WORKER(0) + NODE,
		WORKER(0) + W_TASK,
		WORKER(0) + W_PWQ,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		for (unsigned bad = 0; bad < 4; bad++) {
			const uint64_t values[] = { 0, 0x1234, places[i] & ~7, UINT64_MAX };
			struct test *t = start();

			add_task(t, 0, "kworker/u8:0", 2);
			add_task(t, 1, "kworker/u8:1", 2);
			work_here(t);
			add_worker(t, 0, 1, PWQ);
			sleep_in(t, 1, "schedule_timeout");
			behind_item(t, 6);
			put64(&t->g, places[i], values[bad]);
			find(t);
			assert_int_equal(thing_of(t, 100)->kind, LA_THING_COMPLETION);
			if (thing_of(t, 100)->holder != LA_NO_NODE)
				assert_ptr_equal(&t->w.node[thing_of(t, 100)->holder],
						 node_of(t, 101));
			guest_free(&t->g);
			free(t);
		}
}

/* kthread_stop() waits for what the thread completes when it ends. */
static void test_thread_to_end(void **state)
{
	struct test *t = *state;

	fake_member(t->g.fake, "task_struct", "vfork_done", 0x180, 8);
	add_task(t, 0, "rmmod", 2);
	add_task(t, 1, "sampler", 2);
	add_task(t, 2, "other", 2);
	put64(&t->g, TASK_OF(1) + 0x180, LOCK(1));
	put64(&t->g, TASK_OF(2) + 0x180, LOCK(2));
	await(t, LOCK(1));
	function(&t->g, STOP, "kthread_stop", WAIT);
	frame_at(&t->g, STACK_OF(0) + LA_THREAD_SIZE - LA_PT_REGS_SIZE - 3 * FRAME, BACK(STOP),
		 TASK_OF(0));
	sleep_in(t, 1, "schedule_timeout");
	sleep_in(t, 2, "schedule_timeout");
	find(t);
	assert_int_equal(thing_of(t, 100)->how, LA_HOW_ROLE);
	assert_ptr_equal(&t->w.node[thing_of(t, 100)->holder], node_of(t, 101));
}

/* kthread_park() waits for the thread that has to see it. */
static void test_thread_to_park(void **state)
{
	struct test *t = *state;

	fake_member(t->g.fake, "task_struct", "worker_private", 0x188, 8);
	fake_member(t->g.fake, "kthread", "parked", 0x20, 32);
	add_task(t, 0, "governor", 2);
	add_task(t, 1, "scaler", 1);
	add_task(t, 2, "bash", 1);
	put64(&t->g, TASK_OF(1) + 0x188, LOCK(4));
	await(t, LOCK(4) + 0x20);
	function(&t->g, STOP, "kthread_park", WAIT);
	frame_at(&t->g, STACK_OF(0) + LA_THREAD_SIZE - LA_PT_REGS_SIZE - 3 * FRAME, BACK(STOP),
		 TASK_OF(0));
	sleep_in(t, 1, "schedule_timeout");
	find(t);
	assert_string_equal(thing_of(t, 100)->what, "a kernel thread to park");
	assert_ptr_equal(&t->w.node[thing_of(t, 100)->holder], node_of(t, 101));
}

/* vfork() waits for the child to be somebody else. */
static void test_vfork(void **state)
{
	struct test *t = *state;

	fake_member(t->g.fake, "task_struct", "vfork_done", 0x180, 8);
	add_task(t, 0, "make", 2);
	add_task(t, 1, "make", 1);
	put64(&t->g, TASK_OF(1) + 0x180, LOCK(1));
	await(t, LOCK(1));
	function(&t->g, STOP, "kernel_clone", WAIT);
	frame_at(&t->g, STACK_OF(0) + LA_THREAD_SIZE - LA_PT_REGS_SIZE - 3 * FRAME, BACK(STOP),
		 TASK_OF(0));
	sleep_in(t, 1, "schedule_timeout");
	find(t);
	assert_string_equal(thing_of(t, 100)->what,
			    "its child of vfork() to run a program, or to end");
	assert_ptr_equal(&t->w.node[thing_of(t, 100)->holder], node_of(t, 101));
}

/* synchronize_irq() waits for the thread of an interrupt, if there is one, not of several. */
static void test_irq_thread(void **state)
{
	(void)state;
	for (unsigned threads = 0; threads < 3; threads++) {
		struct test *t = start();
		const uint64_t desc = LOCK(0), action = LOCK(2);
		uint64_t note;

		fake_member(t->g.fake, "wait_queue_entry", "private", 8, 8);
		fake_member(t->g.fake, "wait_queue_entry", "entry", 24, 16);
		fake_member(t->g.fake, "wait_queue_head", "head", 8, 16);
		fake_member(t->g.fake, "irq_desc", "wait_for_threads", 0x40, 24);
		fake_member(t->g.fake, "irq_desc", "action", 0x10, 8);
		fake_member(t->g.fake, "irqaction", "thread", 8, 8);
		fake_member(t->g.fake, "irqaction", "next", 16, 8);
		add_task(t, 0, "knob_off", 2);
		add_task(t, 1, "irq/19-knob", 2);
		note = sleep_in(t, 0, "__synchronize_irq");
		put64(&t->g, note + 8, TASK_OF(0));
		link_notes(t, desc + 0x48, note + 24, 0);
		put64(&t->g, desc + 0x10, action);
		put64(&t->g, action + 8, 0); /* who shares it, without a thread */
		put64(&t->g, action + 16, action + 0x40);
		put64(&t->g, action + 0x48, threads > 0 ? TASK_OF(1) : 0);
		put64(&t->g, action + 0x50, action + 0x80);
		put64(&t->g, action + 0x88, threads > 1 ? INIT : 0);
		put64(&t->g, action + 0x90, 0);
		sleep_in(t, 1, "schedule_timeout");
		find(t);
		assert_string_equal(thing_of(t, 100)->what, "an interrupt's thread to be done");
		assert_int_equal(thing_of(t, 100)->how,
				 threads == 1 ? LA_HOW_ROLE : LA_HOW_UNKNOWN);
		if (threads == 1)
			assert_ptr_equal(&t->w.node[thing_of(t, 100)->holder], node_of(t, 101));
		guest_free(&t->g);
		free(t);
	}
}

/* rcu_barrier() waits for the one CPU that does not come out of its callbacks; of several for none in particular. */
static void test_rcu_barrier(void **state)
{
	(void)state;
	for (unsigned cpus = 0; cpus < 3; cpus++) {
		struct test *t = start();

		add_task(t, 0, "cleaner", 2);
		add_task(t, 1, "swapper/1", 0);
		await(t, LOCK(1));
		function(&t->g, STOP, "rcu_barrier", WAIT);
		frame_at(&t->g, STACK_OF(0) + LA_THREAD_SIZE - LA_PT_REGS_SIZE - 3 * FRAME,
			 BACK(STOP), TASK_OF(0));
		for (unsigned i = 1; i <= cpus; i++) {
			t->cpu[i].state = LA_CPU_RUNNING;
			t->cpu[i].task.address = i == 1 ? TASK_OF(1) : INIT;
			t->frame[i][0].symbol = "cache_evict";
			t->frame[i][1].symbol = "rcu_do_batch";
			t->cpu[i].stack.n = 2;
		}
		find(t);
		assert_int_equal(thing_of(t, 100)->how, cpus == 1 ? LA_HOW_ROLE : LA_HOW_UNKNOWN);
		if (cpus == 1)
			assert_int_equal(t->w.node[thing_of(t, 100)->holder].cpu, 1);
		assert_string_equal(node_of(t, 100)->function, "ret_from_kernel_thread");
		guest_free(&t->g);
		free(t);
	}
}

/* Stopped and traced tasks sleep, and are not asleep. */
static void test_halted(void **state)
{
	static const struct {
		uint32_t task_state;
		char is;
	} test[] = { { 1, 'S' }, { 2, 'D' }, { 0x104, 'T' }, { 0x108, 'T' }, { 0, 'R' } };

	(void)state;
	for (size_t i = 0; i < sizeof(test) / sizeof(test[0]); i++) {
		struct test *t = start();

		add_task(t, 0, "waiter", 2);
		add_task(t, 1, "sh", test[i].task_state);
		put64(&t->g, LOCK(0), TASK_OF(1));
		link_notes(t, LOCK(0) + 16, sleep_in(t, 0, "__mutex_lock"), 0);
		sleep_in(t, 1, "schedule_timeout");
		find(t);
		assert_int_equal(node_of(t, 101)->state, test[i].is);
		assert_int_equal(node_of(t, 101)->timed, test[i].is == 'S' || test[i].is == 'D');
		assert_false(node_of(t, 100)->timed);
		guest_free(&t->g);
		free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_running_item, setup, teardown),
		cmocka_unit_test(test_item_to_come),
		cmocka_unit_test(test_several_run),
		cmocka_unit_test(test_pool_is_busy),
		cmocka_unit_test(test_flush_queue),
		cmocka_unit_test(test_behind),
		cmocka_unit_test(test_damaged_queues),
		cmocka_unit_test_setup_teardown(test_thread_to_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_thread_to_park, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vfork, setup, teardown),
		cmocka_unit_test(test_irq_thread),
		cmocka_unit_test(test_rcu_barrier),
		cmocka_unit_test(test_halted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
