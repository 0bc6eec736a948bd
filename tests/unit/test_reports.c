// SPDX-License-Identifier: GPL-3.0-or-later
// Reports as people kept them, and reports whose lines mix: each line to the report it is of.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "seriallog.h"
#include "triage/message.h"
#include "triage/oops.h"

static struct la_arena *arena;

static int start(void **state)
{
	(void)state;
	arena = la_arena_new(64 << 20);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	la_arena_free(arena);
	return 0;
}

static struct la_events parse(struct la_log *log)
{
	struct la_events events;

	assert_int_equal(la_events_parse(arena, log, &events), LA_OK);
	return events;
}

static const struct la_event *only(const struct la_events *events, enum la_event_kind kind)
{
	const struct la_event *e = la_events_last(events, kind, SIZE_MAX);

	assert_non_null(e);
	for (size_t i = 0; i < events->n; i++)
		assert_true(&events->event[i] == e || events->event[i].kind != kind);
	return e;
}

static uint64_t gpr(const struct la_event *e, unsigned n)
{
	uint64_t value = 0;

	assert_non_null(e->regs);
	assert_true(la_gpr_get(e->regs, n, &value));
	return value;
}

/* CPU 2's lockup is announced between the lines of CPU 1's report, whose own first line is lost. */
static void test_mixed_lockups(void **state)
{
	struct la_events events = parse(serial_log_file(arena, "lockups-mixed-6.6.log"));
	const struct la_event *e = only(&events, LA_EVENT_DUMP);

	(void)state;
	assert_int_equal(events.n, 2);
	assert_int_equal(e->cpu, 1);
	assert_int_equal(e->pid, 62);
	assert_string_equal(e->comm, "kswapd0");
	assert_int_equal(e->regs->pc, 0x900000000034eaa0);
	assert_int_equal(gpr(e, LA_R_TP), 0x9000000101b28000);
	assert_string_equal(e->pc_symbol, "smp_call_function_many_cond+0x420/0x598");
	assert_string_equal(e->trace[e->ntrace - 1], "ret_from_kernel_thread_asm+0xc/0xb4");
	e = only(&events, LA_EVENT_SOFT_LOCKUP);
	assert_int_equal(e->cpu, 2);
	assert_int_equal(e->pid, 24484);
	assert_string_equal(e->comm, "Reporter");
	assert_null(e->regs);
	assert_int_equal(e->ntrace, 0);
}

/* A crash kernel is loaded: that is no part of a task's name. */
static void test_crash_kernel_loaded(void **state)
{
	struct la_events events = parse(serial_log_file(arena, "oops-kdump-6.6.log"));
	const struct la_event *e = only(&events, LA_EVENT_OOPS);

	(void)state;
	assert_int_equal(e->cpu, 36);
	assert_int_equal(e->pid, 6071);
	assert_string_equal(e->comm, "ovs-vswitchd");
	assert_int_equal(e->address, 0x100);
	assert_string_equal(e->pc_symbol, "dma_pool_alloc+0x7c/0x358");
	assert_string_equal(e->trace[1], "mlx5_alloc_cmd_msg+0x124/0x290 [mlx5_core]");
	assert_true(e->ended);

	events = parse(serial_log_file(arena, "sysrq-kdump-6.6.log"));
	e = only(&events, LA_EVENT_PANIC);
	assert_string_equal(e->comm, "bash");
	assert_int_equal(e->cpu, 70);
	assert_int_equal(e->pid, 16053);
}

/* The task pointer is gone, and with it the CPU's number; the stall after it is of CPU 1. */
static void test_lost_task(void **state)
{
	struct la_events events = parse(serial_log_file(arena, "oops-lost-task-6.17.log"));
	const struct la_event *e = only(&events, LA_EVENT_OOPS);

	(void)state;
	assert_int_equal(e->cpu, -1);
	assert_true(e->cpu_bad);
	assert_false(e->pid_known);
	assert_int_equal(e->address, 0x18);
	assert_int_equal(e->era, 0x9000000085bef268);
	assert_string_equal(e->text, "Oops");
	e = only(&events, LA_EVENT_RCU_STALL);
	assert_int_equal(e->cpu, 1);
	assert_int_equal(e->gp, 1197);
	assert_int_equal(only(&events, LA_EVENT_RCU_STARVED)->cpu, 2);
	e = only(&events, LA_EVENT_DUMP);
	assert_string_equal(e->comm, "rcu_preempt");
	assert_string_equal(e->trace[3], "rcu_gp_fqs_loop+0x5f8/0x868");
}

static void test_starved(void **state)
{
	struct la_events events = parse(serial_log_file(arena, "rcu-starved-6.7.log"));

	(void)state;
	assert_int_equal(only(&events, LA_EVENT_RCU_STALL)->cpu, -1);
	assert_int_equal(only(&events, LA_EVENT_RCU_STALL)->gp, 12009);
	assert_int_equal(la_events_last(&events, LA_EVENT_RCU_STARVED, SIZE_MAX)->cpu, 4);
}

static void test_bad_page(void **state)
{
	struct la_events events = parse(serial_log_file(arena, "bad-page-6.12.log"));
	const struct la_event *e = &events.event[0];

	(void)state;
	assert_string_equal(la_event_name(e), "bad-page");
	assert_true(e->message->flags & LA_MESSAGE_TROUBLE);
	assert_string_equal(e->comm, "uffd-unit-tests");
	assert_int_equal(e->cpu, 2);
	assert_int_equal(e->pid, 1913);
	assert_string_equal(e->trace[2], "bad_page+0x1a0/0x1f0");
}

/* Two oopses at once, line by line, as two CPUs print them: by who printed it, and without that. */
static void test_two_at_once(void **state)
{
	static const char *const form[] = {
		"CPU %d Unable to handle kernel paging request at virtual address "
		"00000000000000%d0, era == 9000000000300%d10, ra == 9000000000300004",
		"Oops[#%d]:",
		"CPU: %d UID: 0 PID: %d00 Comm: task%d Not tainted 6.12.0 #1",
		"pc 9000000000300%d10 ra 9000000000300004 tp 9000000000%d00000 sp 90000001000%d0000",
		"a0 000000000000000%d a1 000000000000000%d a2 0000000000000000 a3 000000000000000%d",
	};

	(void)state;
	for (int ids = 0; ids < 2; ids++) {
		struct la_log *log =
			serial_log(arena, "[ 1.0] \n[ 1.0] \n[ 1.0] \n[ 1.0] \n[ 1.0] \n"
					  "[ 1.0] \n[ 1.0] \n[ 1.0] \n[ 1.0] \n[ 1.0] \n");
		struct la_events events;

		for (int i = 0; i < 10; i++) {
			int n = i % 2 + 1;

			/* die_lock: the second one's title comes only after the first one's report */
			log->record[i].text = la_format(arena, form[i / 2], n, n, n);
			log->record[i].len = strlen(log->record[i].text);
			if (ids)
				log->record[i].caller_id = (uint32_t)n * 100;
		}
		events = parse(log);
		assert_int_equal(events.n, 2);
		for (int n = 1; n <= 2; n++) {
			const struct la_event *e = &events.event[n - 1];

			assert_int_equal(e->cpu, n);
			assert_int_equal(e->address, n * 16);
			assert_int_equal(e->pid, n * 100);
			/* Without writers two reports in step cannot be told apart by registers alone. */
			if (ids) {
				assert_int_equal(e->regs->pc, UINT64_C(0x9000000000300010) +
								      (uint64_t)n * 0x100);
				assert_int_equal(gpr(e, LA_R_A0), n);
			}
		}
	}
}

/* What a warning, a BUG() or a report was about: the same context said it just before. */
static void test_reasons(void **state)
{
	struct la_events events = parse(serial_log(
		arena,
		"[    1.0] list_del corruption. prev->next should be 1, but was 2. (prev=3)\n"
		"[    1.1] ------------[ cut here ]------------\n"
		"[    1.2] kernel BUG at lib/list_debug.c:62!\n"
		"[    1.3] Oops - BUG[#1]:\n"
		"[    1.4] ---[ end trace 0000000000000000 ]---\n"
		"[    5.0] ------------[ cut here ]------------\n"
		"[    5.1] ring of 0 slots\n"
		"[    5.2] WARNING: CPU: 1 PID: 62 at /x/flow.c:141 ring_warn+0x38/0x50 [mishap]\n"
		"[    5.3] ---[ end trace 0000000000000000 ]---\n"
		"[    6.0] ------------[ cut here ]------------\n"
		"[    6.1] WARNING: kernel/foo.c:12 at bar+0x1/0x20, CPU#7: a/99\n"
		"[    7.0] [Poison overwritten] 0x9 @offset=0. First byte 0x6a instead of 0x6b\n"
		"[    7.1] BUG ring (Not tainted): Object corrupt\n"));
	const struct la_event *e = only(&events, LA_EVENT_OOPS);

	(void)state;
	assert_string_equal(e->because->name, "list-corruption");
	assert_string_equal(e->at, "lib/list_debug.c:62!");
	assert_non_null(strstr(e->said, "prev->next should be"));
	e = &events.event[3];
	assert_int_equal(e->kind, LA_EVENT_WARN);
	assert_string_equal(e->said, "ring of 0 slots");
	assert_null(e->because);
	assert_string_equal(e->at, "/x/flow.c:141 ring_warn+0x38/0x50 [mishap]");
	e = &events.event[4];
	assert_null(e->said); /* the one before had a text, this one has none */
	assert_string_equal(e->at, "kernel/foo.c:12 at bar+0x1/0x20");
	e = &events.event[events.n - 1];
	assert_non_null(strstr(e->because->meaning, "after it had been freed"));
}

/* Each row takes the line that its own pattern makes, and no other row takes that before it. */
static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < la_vocabulary_size; i++) {
		const struct la_message *m = &la_vocabulary[i];
		char line[512] = "";
		struct la_event e;

		for (const char *p = m->pattern; *p; p++) {
			if (*p != '%') {
				strncat(line, p, 1);
				continue;
			}
			strcat(line, strchr("cpn", *++p) ? "3" :
				     strchr("ae", *p)    ? "0000000000000010" :
							   "x y");
		}
		if (!la_message_scan(line, &e))
			fail_msg("no row for: %s", line);
		if (e.message != m && strcmp(e.message->name, m->name))
			fail_msg("%s: %s, not %s", line, e.message->name, m->name);
		assert_true(m->name && *m->name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, finish)
		TEST(test_mixed_lockups), TEST(test_crash_kernel_loaded),
		TEST(test_lost_task),     TEST(test_starved),
		TEST(test_bad_page),      TEST(test_two_at_once),
		TEST(test_reasons),       TEST(test_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
