// SPDX-License-Identifier: GPL-3.0-or-later
// Who waits for whom: tasks that sleep for locks, CPUs that spin, holders by the lock's word, by code, by elimination.
#include <unistd.h>

#include "waits_guest.h"

/* --- tasks that sleep --- */

static void test_mutex_cycle(void **state)
{
	struct test *t = *state;
	uint64_t a, b;

	add_task(t, 0, "first", 2);
	add_task(t, 1, "second", 2);
	add_task(t, 2, "third", 0x102);  /* killable */
	add_task(t, 3, "worker", 0x402); /* TASK_IDLE */
	a = sleep_in(t, 0, "__mutex_lock.constprop.0");
	b = sleep_in(t, 2, "__mutex_lock.constprop.0");
	put64(&t->g, LOCK(0), TASK_OF(1) | 1); /* MUTEX_FLAG_WAITERS */
	link_notes(t, LOCK(0) + 16, a, b);
	a = sleep_in(t, 1, "__mutex_lock.constprop.0");
	put64(&t->g, LOCK(1), TASK_OF(0) | 1);
	link_notes(t, LOCK(1) + 16, a, 0);
	fake_symbol(t->g.fake, "config_mutex", LOCK(0), 0x40, NULL);
	find(t);
	assert_int_equal(t->w.n, 3);
	assert_int_equal(t->w.tasks, 4);
	assert_int_equal(t->w.ncycles, 1);
	assert_int_equal(thing_of(t, 100)->kind, LA_THING_MUTEX);
	assert_int_equal(thing_of(t, 100)->address, LOCK(0));
	assert_string_equal(thing_of(t, 100)->symbol, "config_mutex");
	assert_int_equal(thing_of(t, 100)->how, LA_HOW_OWNER);
	assert_int_equal(thing_of(t, 100)->nwaiters, 2);
	assert_ptr_equal(&t->w.node[thing_of(t, 100)->holder], node_of(t, 101));
	assert_ptr_equal(&t->w.node[thing_of(t, 101)->holder], node_of(t, 100));
	assert_ptr_equal(thing_of(t, 102), thing_of(t, 100));
	assert_int_equal(node_of(t, 100)->cycle, 1);
	assert_int_equal(node_of(t, 101)->cycle, 1);
	assert_int_equal(node_of(t, 102)->cycle, 0);
	assert_int_equal(node_of(t, 101)->behind, 2);
	assert_string_equal(node_of(t, 100)->function, "config_set");
	assert_int_equal(node_of(t, 100)->state, 'D');
}

/* The chain ends at one who sleeps of his own will, or who is dead. */
static void test_mutex_head(void **state)
{
	(void)state;
	for (int dead = 0; dead < 2; dead++) {
		struct test *t = start();
		uint64_t a;

		add_task(t, 0, "setter", 2);
		add_task(t, 1, "loader", 1);
		a = sleep_in(t, 0, "__mutex_lock");
		put64(&t->g, LOCK(0), TASK_OF(1));
		link_notes(t, LOCK(0) + 16, a, 0);
		sleep_in(t, 1, "schedule_timeout");
		if (dead)
			fake_put_u32(t->g.fake, TASK_OF(1) - WINDOW + T_EXIT, 16);
		find(t);
		assert_int_equal(node_of(t, 101)->state, dead ? 'X' : 'S');
		assert_int_equal(node_of(t, 101)->on, LA_NO_NODE);
		assert_int_equal(node_of(t, 101)->behind, 1);
		assert_int_equal(t->w.ncycles, 0);
		assert_int_equal(la_waits_head(&t->w, (size_t)(node_of(t, 100) - t->w.node)),
				 (size_t)(node_of(t, 101) - t->w.node));
		guest_free(&t->g);
		free(t);
	}
}

static void test_rwsem(void **state)
{
	struct test *t = *state;
	uint64_t a;

	add_task(t, 0, "writer", 2);
	add_task(t, 1, "reader", 1);
	a = sleep_in(t, 0, "rwsem_down_write_slowpath");
	put64(&t->g, LOCK(0), 0x302); /* three readers, one waits */
	put64(&t->g, LOCK(0) + 8, TASK_OF(1) | 1);
	link_notes(t, LOCK(0) + 16, a, 0);
	find(t);
	assert_int_equal(thing_of(t, 100)->kind, LA_THING_RWSEM);
	assert_int_equal(thing_of(t, 100)->how, LA_HOW_READER);
	assert_int_equal(thing_of(t, 100)->readers, 3);
	assert_true(node_of(t, 100)->write);

	put64(&t->g, LOCK(0), 3); /* a writer has it */
	put64(&t->g, LOCK(0) + 8, TASK_OF(1));
	find(t);
	assert_int_equal(thing_of(t, 100)->how, LA_HOW_OWNER);
	assert_int_equal(thing_of(t, 100)->readers, 0);

	put64(&t->g, LOCK(0), 2); /* nobody has it any more: the owner's word is old */
	find(t);
	assert_int_equal(thing_of(t, 100)->how, LA_HOW_UNKNOWN);
	assert_int_equal(thing_of(t, 100)->holder, LA_NO_NODE);
}

static void test_completion(void **state)
{
	struct test *t = *state;
	uint64_t a;

	add_task(t, 0, "sender", 2);
	a = sleep_in(t, 0, "wait_for_completion");
	link_notes(t, LOCK(0) + 16, a, 0);
	put64(&t->g, LOCK(0), 0);
	find(t);
	assert_int_equal(thing_of(t, 100)->kind, LA_THING_COMPLETION);
	assert_int_equal(thing_of(t, 100)->address, LOCK(0));
	assert_int_equal(thing_of(t, 100)->holder, LA_NO_NODE);
}

/* A writer that has shut out new readers waits for those that came before, and not for itself; others wait for it. */
static void test_percpu_writer(void **state)
{
	struct test *t = *state;
	uint64_t note;

	fake_member(t->g.fake, "wait_queue_entry", "private", 8, 8);
	fake_member(t->g.fake, "wait_queue_entry", "entry", 24, 16);
	fake_member(t->g.fake, "wait_queue_head", "head", 8, 16);
	fake_member(t->g.fake, "percpu_rw_semaphore", "writer", 0x10, 8);
	fake_member(t->g.fake, "percpu_rw_semaphore", "waiters", 0x20, 24);
	fake_member(t->g.fake, "rcuwait", "task", 0, 8);
	add_task(t, 0, "freezer", 2);
	add_task(t, 1, "reader", 2);
	for (unsigned n = 0; n < 2; n++) {
		note = sleep_in(t, n, n ? "percpu_rwsem_wait" : "percpu_down_write");
		put64(&t->g, note + 8, TASK_OF(n));
		if (n)
			link_notes(t, LOCK(0) + 0x28, STACK_OF(0) + 0x100, note + 24);
	}
	put64(&t->g, LOCK(0) + 0x10, TASK_OF(0));
	find(t);
	assert_int_equal(t->w.ncycles, 0);
	assert_ptr_equal(&t->w.node[thing_of(t, 101)->holder], node_of(t, 100));
	assert_int_equal(thing_of(t, 101)->how, LA_HOW_OWNER);
	put64(&t->g, STACK_OF(0) + 0x100 - 24 + 8, TASK_OF(0)); /* its own note is there, too */
	find(t);
	assert_int_equal(t->w.ncycles, 0);
}

/* What only lets time pass, or takes a lock for others, is not what somebody waits in. */
static void test_wrappers(void **state)
{
	static const char *const names[] = { "msleep", "usleep_range_state", "cpus_read_lock",
					     "rtnl_lock", "schedule_timeout_idle" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct test *t = start();

		add_task(t, 0, "trainer", 2);
		sleep_in(t, 0, names[i]);
		find(t);
		assert_string_equal(node_of(t, 100)->function, "config_set");
		guest_free(&t->g);
		free(t);
	}
}

/*
 * Nothing names who is to complete it: whoever else sleeps in that module is shown beside it; not who sleeps elsewhere, nor
 * where the lock names its owner.
 */
static void test_nearby(void **state)
{
	(void)state;
	for (int named = 0; named < 2; named++) {
		struct test *t = start();
		uint64_t note;

		fake_symbol(t->g.fake, "gauge_wait", FN(12), 0x100, "gauge");
		fake_symbol(t->g.fake, "tape_read", FN(13), 0x100, "tape");
		function(&t->g, 12, "", WAIT);
		function(&t->g, 13, "", WAIT);
		for (unsigned n = 0; n < 3; n++) {
			add_task(t, n, n ? "cat" : "rmmod", n ? 1 : 2);
			note = sleep_in(t, n,
					n     ? "schedule_timeout" :
					named ? "__mutex_lock" :
						"wait_for_completion");
			frame_at(&t->g, note, BACK(n == 2 ? 13 : 12), TASK_OF(n));
			if (!n)
				link_notes(t, LOCK(0) + 16, note, 0);
		}
		put64(&t->g, LOCK(0), named ? TASK_OF(2) : 0);
		find(t);
		assert_int_equal(t->w.n, 2);
		assert_false(node_of(t, 100)->nearby);
		assert_int_equal(node_of(t, named ? 102 : 101)->nearby, !named);
		if (!named)
			assert_string_equal(node_of(t, 101)->function, "gauge_wait");
		assert_int_equal(t->w.ncycles, 0);
		guest_free(&t->g);
		free(t);
	}
}

/* A bit of a page: which one, of whose page, and can an I/O be what it waits for? */
static void test_page_bits(void **state)
{
	static const struct {
		const char *fs; /* "": no file, NULL: anonymous memory */
		unsigned bit;
		uint64_t swap;
		const char *what;
		bool io;
		const char *device; /* of the whole of this; "": whose name is unknown */
	} test[] = {
		{ "vda1", 0, 0, "the lock of a page of inode 77 on vda1", true, NULL },
		{ "tmpfs", 0, 0, "the lock of a page of inode 77 on tmpfs", false, NULL },
		{ "tmpfs", 0, 5, "the lock of a page of inode 77 on tmpfs", true, NULL },
		{ "vda1", 1, 0, "the writing of a page of inode 77 on vda1", true, NULL },
		{ NULL, 0, 5, "the lock of a page of anonymous memory", true, NULL },
		{ "", 0, 0, "the lock of a page of no file", true, NULL },
		{ "vda1", 5, 0, NULL, true, NULL },
		{ "bdev", 1, 0, "the writing of a page of block device vdb2 (254:18)", true,
		  "vdb2" },
		{ "bdev", 1, 0, "the writing of a page of block device 254:18", true, "" },
		{ "a\nb", 1, 0, "the writing of a page of a file", true, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(test) / sizeof(test[0]); i++) {
		struct la_wait w = { .kind = LA_THING_PAGE,
				     .address = LOCK(0),
				     .bit = (int)test[i].bit,
				     .io = true };
		const bool file = test[i].fs && test[i].fs[0];
		struct test *t = start();
		struct la_graph g = { .k = &t->g.k, .arena = t->g.arena };

		fake_enumerator(t->g.fake, "PG_locked", 0);
		fake_enumerator(t->g.fake, "PG_writeback", 1);
		fake_member(t->g.fake, "page", "mapping", 24, 8);
		fake_member(t->g.fake, "address_space", "host", 0, 8);
		fake_member(t->g.fake, "inode", "i_ino", 8, 8);
		fake_member(t->g.fake, "inode", "i_sb", 16, 8);
		fake_member(t->g.fake, "super_block", "s_id", 32, 32);
		fake_member(t->g.fake, "inode", "i_mode", 24, 2);
		fake_member(t->g.fake, "inode", "i_rdev", 28, 4);
		fake_member(t->g.fake, "bdev_inode", "vfs_inode", 0x100, 64);
		fake_member(t->g.fake, "block_device", "bd_device", 0x40, 128);
		fake_member(t->g.fake, "device", "kobj", 0x10, 64);
		fake_member(t->g.fake, "kobject", "name", 8, 8);
		fake_symbol(t->g.fake, "total_swap_pages", LOCK(4), 8, NULL);
		put64(&t->g, LOCK(4), test[i].swap);
		put64(&t->g, LOCK(0) + 24, file ? LOCK(1) : test[i].fs ? 0 : LOCK(1) | 1);
		put64(&t->g, LOCK(1), LOCK(2));
		put64(&t->g, LOCK(2) + 8, 77);
		put64(&t->g, LOCK(2) + 16, LOCK(3));
		put64(&t->g, LOCK(2) + 24,
		      test[i].device ? 254ULL << 52 | 18ULL << 32 | 0060600 : 0100644);
		put64(&t->g, LOCK(2) - 0x100 + 0x58, LOCK(5));
		if (test[i].device)
			fake_put(t->g.fake, LOCK(5) - WINDOW, test[i].device,
				 strlen(test[i].device) + 1);
		if (file)
			fake_put(t->g.fake, LOCK(3) + 32 - WINDOW, test[i].fs,
				 strlen(test[i].fs) + 1);
		la_wait_page(&g, &w);
		if (test[i].what)
			assert_string_equal(w.what, test[i].what);
		else
			assert_null(w.what);
		assert_int_equal(w.io, test[i].io);
		guest_free(&t->g);
		free(t);
	}
}

/* A wait queue on another task's stack: that one wakes whoever waits there. On nobody's, or one's own, it tells nothing. */
static void test_queue_on_stack(void **state)
{
	(void)state;
	for (int whose = 0; whose < 3; whose++) {
		struct test *t = start();
		struct la_graph g = { .k = &t->g.k, .arena = t->g.arena };
		struct la_wait w = { .kind = LA_THING_QUEUE, .bit = -1 };
		struct la_wait_node node = { .cpu = -1 };
		struct la_task task;

		add_task(t, 0, "looker", 2);
		add_task(t, 1, "waiter", 2);
		la_task_read(&t->g.k, TASK_OF(1), &node.task);
		la_task_read(&t->g.k, TASK_OF(whose), &task);
		node.stack = &(struct la_stack){ .n = 0 };
		w.address = whose == 2 ? LOCK(0) : task.stack + 0x3c70;
		la_wait_provider(&g, &node, &w);
		assert_int_equal(w.provider, whose == 0 ? TASK_OF(0) : 0);
		assert_int_equal(w.what != NULL, whose == 0);
		guest_free(&t->g);
		free(t);
	}
}

/* Who takes a CPU away waits for that CPU's own thread. */
static void test_hotplug(void **state)
{
	struct test *t = *state;
	uint64_t a;

	fake_symbol(t->g.fake, "cpuhp_state", WINDOW | 0x2600000, 0x80, NULL);
	fake_member(t->g.fake, "cpuhp_cpu_state", "thread", 0x10, 8);
	fake_member(t->g.fake, "cpuhp_cpu_state", "done_up", 0x20, 32);
	fake_member(t->g.fake, "cpuhp_cpu_state", "done_down", 0x40, 32);
	add_task(t, 0, "kworker/0:1", 2);
	add_task(t, 1, "cpuhp/2", 2);
	a = sleep_in(t, 0, "wait_for_completion");
	link_notes(t, (WINDOW | 0x2600000) + AREA(2) + 0x40 + 16, a, 0);
	put64(&t->g, (WINDOW | 0x2600000) + AREA(2) + 0x10, TASK_OF(1));
	sleep_in(t, 1, "msleep");
	find(t);
	assert_int_equal(thing_of(t, 100)->how, LA_HOW_ROLE);
	assert_ptr_equal(&t->w.node[thing_of(t, 100)->holder], node_of(t, 101));
}

/* Threads that lead their process sleep too, and a list of threads that is damaged hides no other process. */
static void test_threads(void **state)
{
	struct test *t = *state;

	add_task(t, 0, "leader", 1);
	add_task(t, 1, "other", 2);
	add_task(t, 2, "thread", 2);
	sleep_in(t, 1, "msleep");
	sleep_in(t, 2, "msleep");
	/* the third is a thread of the first */
	put64(&t->g, TASK_OF(1) + T_TASKS, INIT + T_TASKS);
	put64(&t->g, TASK_OF(0) + T_NODE, TASK_OF(2) + T_NODE);
	put64(&t->g, TASK_OF(2) + T_NODE, SIGNAL_OF(0));
	find(t);
	assert_int_equal(t->w.n, 2);
	assert_int_equal(t->w.tasks, 3);
	assert_null(t->w.remark);
	assert_int_equal(node_of(t, 102)->state, 'D');

	put64(&t->g, TASK_OF(2) + T_NODE, TASK_OF(0) + T_NODE); /* never comes back to its head */
	find(t);
	assert_non_null(t->w.remark);
	assert_non_null(strstr(t->w.remark, "lead in a circle"));
	assert_int_equal(node_of(t, 101)->state, 'D');
}

/* Lists that lead nowhere, owners that are none, a note that leads to itself: nothing is made up. */
static void test_damage(void **state)
{
	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		struct test *t = start();
		uint64_t a;

		add_task(t, 0, "setter", 2);
		a = sleep_in(t, 0, "__mutex_lock");
		put64(&t->g, LOCK(0), kind == 0 ? 0x123456789 : TASK_OF(0));
		link_notes(t, LOCK(0) + 16, a, 0);
		if (kind == 1)
			put64(&t->g, a, 0x4141414141414141);
		if (kind == 2)
			link_notes(t, a, a, 0);
		if (kind == 3)
			put64(&t->g, LOCK(0) + 16, LOCK(5));
		find(t);
		assert_int_equal(t->w.n, 1);
		if (kind == 0) {
			assert_int_equal(thing_of(t, 100)->address, LOCK(0));
			assert_int_equal(thing_of(t, 100)->holder, LA_NO_NODE);
		} else {
			assert_int_equal(thing_of(t, 100)->address, 0);
		}
		assert_int_equal(t->w.ncycles, 0);
		guest_free(&t->g);
		free(t);
	}
}

/* --- CPUs that spin --- */

/* CPU n is in the slow path of the lock at @lock, called by @caller at @pc. */
static void spin(struct test *t, unsigned n, uint64_t lock, uint64_t pc)
{
	struct la_cpu *c = &t->cpu[n];

	c->state = LA_CPU_SPINNING;
	c->verified = true;
	c->symbol = "queued_spin_lock_slowpath";
	c->task.pid = (int)(10 + n);
	c->task.pid_known = true;
	la_gpr_set(&c->regs, LA_R_A0, lock);
	c->regs.source = LA_REGS_NOTE;
	c->stack.n = 2;
	t->frame[n][0] = (struct la_frame){ .symbol = "queued_spin_lock_slowpath",
					    .start = FN(SLOWPATH),
					    .verified = true,
					    .method = LA_FROM_POSITION };
	t->frame[n][1] = (struct la_frame){ .symbol = "config_set",
					    .start = FN(CALLER),
					    .pc = pc + 4,
					    .pc_known = true,
					    .code = pc,
					    .verified = true,
					    .method = LA_FROM_CFI,
					    .sp = STACK + 0x2000,
					    .kept_known = 1 << (S1 - U0) };
	t->frame[n][1].kept[S1 - U0] = LOCK(0);
}

/* CPU 1 is pending, 3 the first in the queue, 2 the last, in an interrupt. */
static void test_queue(void **state)
{
	struct test *t = *state;
	const struct la_thing *l;

	for (unsigned n = 1; n < 4; n++)
		spin(t, n, LOCK(0), FN(CALLER) + CALL);
	t->cpu[2].regs.gpr[LA_R_A0] = 0; /* the queue tells, wherever its registers seem to be */
	fake_put_u32(t->g.fake, LOCK(0) - WINDOW, (2 + 1) << 18 | 1 << 16 | 0x101);
	fake_put_u32(t->g.fake, QNODES - WINDOW + AREA(2) + 12, 2); /* count */
	fake_put_u32(t->g.fake, QNODES - WINDOW + AREA(3) + 12, 1);
	put64(&t->g, QNODES + AREA(3), QNODES + AREA(2) + 16);
	t->cpu[0].state = LA_CPU_RUNNING;
	find(t);
	l = &t->w.thing[t->w.node[la_waits_cpu(&t->w, 1)].on];
	assert_int_equal(l->kind, LA_THING_SPINLOCK);
	assert_int_equal(l->word, 0xd0101);
	assert_int_equal(l->nqueue, 2);
	assert_false(l->queue_cut);
	assert_int_equal(l->queue[0].cpu, 3);
	assert_int_equal(l->queue[0].level, 0);
	assert_int_equal(l->queue[1].cpu, 2);
	assert_int_equal(l->queue[1].level, 1);
	assert_int_equal(l->nwaiters, 3);
	assert_int_equal(l->how, LA_HOW_REST);
	assert_int_equal(t->w.node[l->holder].cpu, 0);
	assert_int_equal(t->w.node[l->holder].behind, 3);

	/* A queue that leads back into itself ends all the same. */
	put64(&t->g, QNODES + AREA(2) + 16, QNODES + AREA(3));
	find(t);
	l = &t->w.thing[t->w.node[la_waits_cpu(&t->w, 1)].on];
	assert_true(l->queue_cut);

	t->cpu[0].state = LA_CPU_USER; /* then nobody can have it */
	find(t);
	assert_int_equal(t->w.thing[t->w.node[la_waits_cpu(&t->w, 1)].on].how, LA_HOW_NOBODY);
}

/* Between two holders: it is free, and the first of the queue has not looked yet. Of a queue that leads nowhere nobody comes. */
static void test_passing(void **state)
{
	(void)state;
	for (int cut = 0; cut < 2; cut++) {
		struct test *t = start();
		const struct la_thing *l;

		spin(t, 2, LOCK(0), FN(CALLER) + CALL);
		spin(t, 3, LOCK(0), FN(CALLER) + CALL);
		fake_put_u32(t->g.fake, LOCK(0) - WINDOW, (2 + 1) << 18);
		fake_put_u32(t->g.fake, QNODES - WINDOW + AREA(2) + 12, 1);
		fake_put_u32(t->g.fake, QNODES - WINDOW + AREA(3) + 12, 1);
		put64(&t->g, QNODES + AREA(3), QNODES + AREA(2));
		if (cut)
			put64(&t->g, QNODES + AREA(2), QNODES + AREA(3));
		find(t);
		l = &t->w.thing[t->w.node[la_waits_cpu(&t->w, 2)].on];
		assert_int_equal(l->queue_cut, cut);
		assert_int_equal(l->nwaiters, 2);
		assert_int_equal(la_thing_passes(l), !cut);
		assert_int_equal(l->how, cut ? LA_HOW_NOBODY : LA_HOW_UNKNOWN);
		guest_free(&t->g);
		free(t);
	}
}

#define LL_W(rd, rj, imm)                                                                          \
	(UINT32_C(0x20) << 24 | ((uint32_t)((imm) / 4) & 0x3fff) << 10 | (rj) << 5 | (rd))
#define SC_W(rd, rj, imm) (LL_W(rd, rj, imm) | UINT32_C(1) << 24)
#define ST_B(rd, rj, imm) asm_2r12(0x0a4, rd, rj, imm)

/*
 * config_set() as compilers make it: it takes the lock at s1 inline, with the slow path behind the end, and then the one at
 * s1 + 0x100 the same way; gives both back. Returns where it calls the slow path of the second.
 */
static uint64_t two_locks(struct test *t, bool give_first_back)
{
	const uint32_t body[] = {
		ADDI_D(SP, SP, -FRAME),
		ST_D(RA, SP, 24),
		ADDI_D(T2, S1, 0),
		LL_W(A1, T2, 0),
		BNEZ(A1, 12),
		SC_W(T0, T2, 0),
		BEQZ(T0, -12),
		BNEZ(A1, 4 * 13), /* -> 20 */
		give_first_back ? ST_B(ZERO, S1, 0) : NOP,
		ADDI_D(T2, S1, 0x100),
		LL_W(A1, T2, 0),
		BNEZ(A1, 12),
		SC_W(T0, T2, 0),
		BEQZ(T0, -12),
		BNEZ(A1, 4 * 9), /* -> 23 */
		ST_B(ZERO, S1, 0x100),
		ST_B(ZERO, S1, 0),
		LD_D(RA, SP, 24),
		ADDI_D(SP, SP, FRAME),
		RET,
		MOVE(A0, T2),
		0,
		0, /* the first's */
		MOVE(A0, T2),
		0,
		0, /* the second's */
	};

	for (unsigned i = 0; i < sizeof(body) / sizeof(body[0]); i++)
		code(&t->g, FN(CALLER) + 4 * i, body[i]);
	code(&t->g, FN(CALLER) + 4 * 21, BL(FN(CALLER) + 4 * 21, FN(SLOWPATH)));
	code(&t->g, FN(CALLER) + 4 * 22, B(4 * 22, 4 * 8));
	code(&t->g, FN(CALLER) + 4 * 24, BL(FN(CALLER) + 4 * 24, FN(SLOWPATH)));
	code(&t->g, FN(CALLER) + 4 * 25, B(4 * 25, 4 * 15));
	return FN(CALLER) + 4 * 24;
}

/* What the slow path was called with, and which locks are held there, by the code alone. */
static void test_taken(void **state)
{
	(void)state;
	for (int back = 0; back < 2; back++) {
		struct test *t = start();
		const uint64_t at = two_locks(t, back);
		const struct la_thing *l;
		uint64_t value = 0;

		spin(t, 1, 0, at);
		assert_true(la_frame_register(&t->g.k, &t->cpu[1].stack, 1, at, LA_R_A0, &value));
		assert_int_equal(value, LOCK(1));
		assert_int_equal(la_lock_taken_by(&t->g.k, &t->cpu[1], 1, LOCK(0)), !back);
		assert_false(
			la_lock_taken_by(&t->g.k, &t->cpu[1], 1, LOCK(1))); /* it waits for that */
		assert_false(la_lock_taken_by(&t->g.k, &t->cpu[1], 1, LOCK(2)));

		/* Without a0 the lock is found by that, too; CPU 2 waits for the one that CPU 1 has. */
		t->cpu[1].verified = false;
		fake_put_u32(t->g.fake, LOCK(0) - WINDOW, 0x101);
		fake_put_u32(t->g.fake, LOCK(1) - WINDOW, 0x101);
		spin(t, 2, LOCK(0), FN(CALLER) + 4);
		t->cpu[3].state = LA_CPU_RUNNING;
		find(t);
		l = &t->w.thing[t->w.node[la_waits_cpu(&t->w, 1)].on];
		assert_int_equal(l->address, LOCK(1));
		l = &t->w.thing[t->w.node[la_waits_cpu(&t->w, 2)].on];
		assert_int_equal(l->address, LOCK(0));
		assert_int_equal(l->how, back ? LA_HOW_UNKNOWN : LA_HOW_CODE);
		if (!back)
			assert_int_equal(t->w.node[l->holder].cpu, 1);
		guest_free(&t->g);
		free(t);
	}
}

/* Its pc is not known and the likeliest place is the caller of the slow path: does it wait, or has it the lock? */
static void test_caller(void **state)
{
	/* what the caller called, and whether that is how one comes to wait */
	static const struct {
		const char *name;
		bool leads;
	} callees[] = {
		{ "queued_spin_lock_slowpath", true },
		{ "_raw_spin_lock", true },
		{ "_raw_spin_unlock", false },
	};

	(void)state;
	for (int i = 0; i < 9; i++) {
		struct test *t = start();
		const uint64_t at = two_locks(t, false);
		const int waiters = callees[i / 3].leads ? i % 3 : 0;

		function(&t->g, 12, callees[i / 3].name, -1);
		code(&t->g, at, BL(at, FN(12)));
		fake_put_u32(t->g.fake, LOCK(1) - WINDOW, i % 3 ? 0x101 : 1);
		spin(t, 1, LOCK(1), at);
		t->frame[1][0] = t->frame[1][1];
		t->frame[1][0].pc_known = false;
		t->frame[1][0].pc = t->frame[1][0].code = 0;
		t->cpu[1].stack.n = 1;
		t->cpu[1].state = LA_CPU_RUNNING;
		la_gpr_set(&t->cpu[1].regs, LA_R_RA, at + 4);
		if (i % 3 == 2) { /* and two in the queue, who are known already */
			spin(t, 2, LOCK(1), at);
			spin(t, 3, LOCK(1), at);
			t->cpu[2].lock = t->cpu[3].lock = LOCK(1);
			fake_put_u32(t->g.fake, LOCK(1) - WINDOW, (2 + 1) << 18 | 0x101);
			fake_put_u32(t->g.fake, QNODES - WINDOW + AREA(2) + 12, 1);
			fake_put_u32(t->g.fake, QNODES - WINDOW + AREA(3) + 12, 1);
			put64(&t->g, QNODES + AREA(3), QNODES + AREA(2));
		}
		la_cpus_find_callers(&t->g.k, t->g.arena, &t->cpus);
		assert_int_equal(t->cpu[1].state, waiters ? LA_CPU_SPINNING : LA_CPU_RUNNING);
		assert_int_equal(t->cpu[1].lock, waiters ? LOCK(1) : 0);
		guest_free(&t->g);
		free(t);
	}
}

/* A CPU waits for another's answer, who waits for a lock that the first one has: a circle of two kinds. */
static void test_answer(void **state)
{
	struct test *t = *state;
	const uint64_t at = two_locks(t, false);

	spin(t, 1, LOCK(0), FN(CALLER) + 4);
	fake_put_u32(t->g.fake, LOCK(0) - WINDOW, 0x101);
	spin(t, 0, 0, at); /* holds LOCK(0), and has sent an IPI */
	t->cpu[0].state = LA_CPU_IPI_WAIT;
	t->cpu[0].waits_for = 1;
	t->frame[0][0].symbol = "smp_call_function_single";
	find(t);
	assert_int_equal(t->w.ncycles, 1);
	assert_int_equal(t->w.thing[t->w.node[la_waits_cpu(&t->w, 0)].on].kind, LA_THING_ANSWER);
	assert_int_equal(t->w.thing[t->w.node[la_waits_cpu(&t->w, 0)].on].how, LA_HOW_ROLE);
	assert_int_equal(t->w.thing[t->w.node[la_waits_cpu(&t->w, 1)].on].how, LA_HOW_CODE);
}

/* Who waits for the lock of its address space in a page fault is the one that touched the page; of a user's, the handler. */
static void test_page_fault(void **state)
{
	static const char *const names[] = {
		"queued_spin_lock_slowpath", "lock_mm_and_find_vma", "do_page_fault",
		"tlb_do_page_fault_1",       "__clear_user_fast",    "pages_clear"
	};

	(void)state;
	for (int user = 0; user < 2; user++) {
		struct test *t = start();

		spin(t, 1, LOCK(0), FN(CALLER) + 4);
		fake_put_u32(t->g.fake, LOCK(0) - WINDOW, 0x101);
		for (unsigned i = 0; i < 6; i++) {
			t->frame[1][i].symbol = names[i];
			t->frame[1][i].method = LA_FROM_CFI;
		}
		t->frame[1][3].pt_regs = STACK + 0x2100;
		t->cpu[1].stack.n = user ? 4 : 6;
		find(t);
		assert_string_equal(t->w.node[la_waits_cpu(&t->w, 1)].function,
				    user ? "lock_mm_and_find_vma" : "pages_clear");
		guest_free(&t->g);
		free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mutex_cycle, setup, teardown),
		cmocka_unit_test(test_mutex_head),
		cmocka_unit_test_setup_teardown(test_rwsem, setup, teardown),
		cmocka_unit_test_setup_teardown(test_completion, setup, teardown),
		cmocka_unit_test_setup_teardown(test_percpu_writer, setup, teardown),
		cmocka_unit_test(test_wrappers),
		cmocka_unit_test(test_page_bits),
		cmocka_unit_test(test_queue_on_stack),
		cmocka_unit_test(test_nearby),
		cmocka_unit_test_setup_teardown(test_hotplug, setup, teardown),
		cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
		cmocka_unit_test(test_damage),
		cmocka_unit_test_setup_teardown(test_queue, setup, teardown),
		cmocka_unit_test(test_passing),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_caller),
		cmocka_unit_test_setup_teardown(test_answer, setup, teardown),
		cmocka_unit_test(test_page_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
