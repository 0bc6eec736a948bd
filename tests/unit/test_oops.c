// SPDX-License-Identifier: GPL-3.0-or-later
// Events out of real console logs, and of every message of the vocabulary as the kernel has it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "triage/oops.h"
#include "seriallog.h"

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

static struct la_events parse(const char *text)
{
	struct la_events events;

	assert_int_equal(la_events_parse(arena, serial_log(arena, text), &events), LA_OK);
	return events;
}

static uint64_t gpr(const struct la_event *e, unsigned n)
{
	uint64_t value = 0;

	assert_non_null(e->regs);
	assert_true(la_gpr_get(e->regs, n, &value));
	return value;
}

static uint64_t csr(const struct la_event *e, enum la_csr n)
{
	uint64_t value = 0;

	assert_non_null(e->regs);
	assert_true(la_csr_get(e->regs, n, &value));
	return value;
}

/* The expectations are what the log itself says, read by a person. */
static void test_i8042(void **state)
{
	struct la_events events;
	const struct la_event *e;

	(void)state;
	la_events_parse(arena, serial_log_file(arena, "i8042-7.2.12.log"), &events);
	assert_int_equal(events.n, 4);

	e = &events.event[0];
	assert_int_equal(e->kind, LA_EVENT_OOPS);
	assert_string_equal(e->text, "Oops");
	assert_int_equal(e->number, 1);
	assert_int_equal(e->cpu, 1);
	assert_true(e->pid_known);
	assert_int_equal(e->pid, 1);
	assert_string_equal(e->comm, "swapper/0");
	assert_true(e->address_known);
	assert_int_equal(e->address, 0xffff800000008064);
	assert_int_equal(e->era, 0x9000000000eb7fa8);
	assert_true(e->ended);
	assert_int_equal(e->regs->pc, 0x9000000000eb7fa8);
	assert_int_equal(gpr(e, LA_R_RA), 0x9000000000eb7f90);
	assert_int_equal(gpr(e, LA_R_TP), 0x900000010036ad40);
	assert_int_equal(gpr(e, LA_R_SP), 0x900000010031bce0);
	assert_int_equal(gpr(e, LA_R_A0), 0xb4);
	assert_int_equal(gpr(e, LA_R_U0), 0x2e7bf0000);
	assert_int_equal(gpr(e, LA_R_FP), 0x90000000018a8c30);
	assert_int_equal(gpr(e, LA_R_S0), 0x9000000001bf4468);
	assert_int_equal(gpr(e, 31), 9);
	assert_int_equal(csr(e, LA_CSR_CRMD), 0xb0);
	assert_int_equal(csr(e, LA_CSR_PRMD), 0);
	assert_int_equal(csr(e, LA_CSR_ECFG), 0x71c1d);
	assert_int_equal(csr(e, LA_CSR_ESTAT), 0x10000);
	assert_int_equal(csr(e, LA_CSR_BADV), 0xffff800000008064);
	assert_string_equal(e->pc_symbol, "i8042_flush+0x58/0x160");
	assert_int_equal(e->ntrace, 7);
	assert_string_equal(e->trace[0], "i8042_flush+0x58/0x160");
	assert_string_equal(e->trace[6], "ret_from_kernel_thread_asm+0x10/0x98");

	/* "note: swapper/0[1] exited with irqs disabled": no trouble of its own */
	e = &events.event[1];
	assert_string_equal(la_event_name(e), "exit-atomic");
	assert_int_equal(e->message->flags, 0);
	e = &events.event[2];
	assert_int_equal(e->kind, LA_EVENT_PANIC);
	assert_string_equal(e->text, "Attempted to kill init! exitcode=0x0000000b");
	assert_int_equal(e->ts_nsec, 435502000);
	assert_null(e->regs);
	assert_int_equal(events.event[3].kind, LA_EVENT_PANIC_END);

	assert_ptr_equal(la_events_last(&events, LA_EVENT_OOPS, 1), &events.event[0]);
	assert_null(la_events_last(&events, LA_EVENT_PANIC, 0));
	assert_null(la_events_last(&events, LA_EVENT_WARN, SIZE_MAX));
}

static void test_sysrq(void **state)
{
	static const struct {
		const char *file;
		size_t ntrace;
		const char *last;
		int pid;
	} cases[] = {
		{ "sysrq-7.2.12.log", 11, "do_syscall+0x154/0x610", 280 },
		{ "sysrq-6.12.117.log", 11, "handle_syscall+0xbc/0x158", 197 },
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct la_events events;
		const struct la_event *e;

		la_events_parse(arena, serial_log_file(arena, cases[i].file), &events);
		e = la_events_last(&events, LA_EVENT_PANIC, SIZE_MAX);
		assert_non_null(e);
		assert_string_equal(e->text, "sysrq triggered crash");
		assert_int_equal(e->cpu, 0);
		assert_int_equal(e->pid, cases[i].pid);
		assert_string_equal(e->comm, "end-guest");
		assert_int_equal(e->ntrace, cases[i].ntrace);
		assert_string_equal(e->trace[e->ntrace - 1], cases[i].last);
	}
}

/* show_regs() of Linux 5.19 (arch/loongarch/kernel/traps.c there). */
static void test_registers_of_5_19(void **state)
{
	struct la_events events =
		parse("[    9.000001] Kernel ade access[#2]:\n"
		      "[    9.000002] CPU: 3 PID: 77 Comm: a b: c Tainted: G      D 5.19.0 #1\n"
		      "[    9.000003] $ 0   : 0000000000000000 9000000000000001 9000000000000002 "
		      "9000000000000003\n"
		      "[    9.000004] $28   : 900000000000001c 900000000000001d 900000000000001e "
		      "900000000000001f\n"
		      "[    9.000005] era   : 9000000000300010 some_function+0x10/0x40 [mod]\n"
		      "[    9.000006] ra    : 9000000000300004 some_function+0x4/0x40\n"
		      "[    9.000007] CSR crmd: 000000b0	\n"
		      "[    9.000008] CSR estat: 00480000	\n"
		      "[    9.000009] ExcCode : 8 (SubCode 1)\n"
		      "[    9.000010] BadVA : 0123456789abcdef\n");
	const struct la_event *e = events.event;

	(void)state;
	assert_int_equal(events.n, 1);
	assert_string_equal(e->text, "Kernel ade access");
	assert_int_equal(e->number, 2);
	assert_int_equal(e->cpu, 3);
	assert_int_equal(e->pid, 77);
	assert_string_equal(e->comm, "a b: c");
	assert_int_equal(gpr(e, 1), 0x9000000000000001);
	assert_int_equal(gpr(e, 31), 0x900000000000001f);
	assert_int_equal(e->regs->pc, 0x9000000000300010);
	assert_int_equal(csr(e, LA_CSR_CRMD), 0xb0);
	assert_int_equal(csr(e, LA_CSR_ESTAT), 0x480000);
	assert_int_equal(csr(e, LA_CSR_BADV), 0x0123456789abcdef);
	assert_string_equal(e->pc_symbol, "some_function+0x10/0x40 [mod]");
	assert_false(e->ended);
}

/* die() never got further: the announcement alone still is an oops. */
static void test_announced_only(void **state)
{
	struct la_events events =
		parse("[    1.0] CPU 2 Unable to handle kernel paging request at virtual address "
		      "0000000000000010, era == 9000000000300010, ra == 9000000000300004\n"
		      "[    2.0] something else\n");

	(void)state;
	assert_int_equal(events.n, 1);
	assert_int_equal(events.event->kind, LA_EVENT_OOPS);
	assert_int_equal(events.event->cpu, 2);
	assert_int_equal(events.event->address, 0x10);
	assert_int_equal(events.event->era, 0x9000000000300010);
	assert_null(events.event->text);
	assert_int_equal(events.event->number, 0);
}

/* Lines as the printf formats of the kernel named in oops.c make them. */
static void test_vocabulary(void **state)
{
	static const struct {
		const char *line;
		enum la_event_kind kind;
		int cpu, pid;
		const char *comm, *text;
	} cases[] = {
		{ "Kernel panic - not syncing: Fatal exception in interrupt", LA_EVENT_PANIC, -1,
		  -1, "", "Fatal exception in interrupt" },
		{ "---[ end Kernel panic - not syncing: Fatal exception ]---", LA_EVENT_PANIC_END,
		  -1, -1, "", NULL },
		{ "kernel BUG at mm/slub.c:4242!", LA_EVENT_BUG, -1, -1, "", "mm/slub.c:4242!" },
		{ "WARNING: CPU: 12 PID: 3456 at kernel/rcu/tree.c:12 rcu_foo+0x1/0x2",
		  LA_EVENT_WARN, 12, 3456, "", "kernel/rcu/tree.c:12 rcu_foo+0x1/0x2" },
		{ "WARNING: kernel/foo.c:12 at bar+0x1/0x20 [mod], CPU#7: kworker/u8:1/99",
		  LA_EVENT_WARN, 7, 99, "kworker/u8:1", NULL },
		{ "watchdog: BUG: soft lockup - CPU#3 stuck for 26s! [kworker/3:1:4321]",
		  LA_EVENT_SOFT_LOCKUP, 3, 4321, "kworker/3:1", NULL },
		{ "watchdog: Watchdog detected hard LOCKUP on cpu 5", LA_EVENT_HARD_LOCKUP, 5, -1,
		  "", NULL },
		{ "watchdog: CPU2: Watchdog detected hard LOCKUP on cpu 6", LA_EVENT_HARD_LOCKUP, 6,
		  -1, "", NULL },
		{ "rcu: INFO: rcu_preempt self-detected stall on CPU", LA_EVENT_RCU_STALL, -1, -1,
		  "", NULL },
		{ "rcu: INFO: rcu_sched detected stalls on CPUs/tasks:", LA_EVENT_RCU_STALL, -1, -1,
		  "", NULL },
		{ "rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 3-... }",
		  LA_EVENT_RCU_STALL, 3, -1, "", NULL },
		{ "INFO: task jbd2/vda2-8:312 blocked for more than 122 seconds.",
		  LA_EVENT_HUNG_TASK, -1, 312, "jbd2/vda2-8", NULL },
		{ "Out of memory: Killed process 811 (stress (x)) total-vm:1kB, anon-rss:1kB",
		  LA_EVENT_OOM, -1, 811, "stress (x)", NULL },
		{ "BUG: spinlock lockup suspected on CPU#1, cat/55", LA_EVENT_SPINLOCK, 1, 55,
		  "cat", NULL },
		{ "BUG: scheduling while atomic: swapper/2/0/0x00000002", LA_EVENT_ATOMIC, -1, 0,
		  "swapper/2", NULL },
		{ "Cache error exception:", LA_EVENT_CACHE_ERROR, -1, -1, "", NULL },
#define REPORT(line, text) { line, LA_EVENT_REPORT, -1, -1, "", text }
		{ "smp: csd: Detected non-responsive CSD lock (#1) on CPU#7, waiting 5000000032 ns for CPU#00 do_nothing+0x0/0x10(0x0).",
		  LA_EVENT_REPORT, 7, -1, "", NULL },
		{ "smp: sched_clock on CPU 3 went backward by 17 ns", LA_EVENT_REPORT, 3, -1, "",
		  "17 ns" },
		REPORT("softirq: huh, entered softirq 1 TIMER 9000000000300010 with preempt_count 00000100, exited with 00000101?",
		       "1 TIMER 9000000000300010 with preempt_count 00000100, exited with 00000101?"),
		REPORT("workqueue kelp: drain_workqueue() isn't complete after 10 tries", NULL),
		REPORT("NOHZ tick-stop error: local softirq work is pending, handler #08!!!",
		       "local softirq work is pending, handler #08!!!"),
		REPORT("get_swap_device: Bad swap file entry 3ffffffffffff", "3ffffffffffff"),
		REPORT("Bad swap file entry 3ffffffffffff", "3ffffffffffff"),
		REPORT("swap_free: Unused swap offset entry 00000017", "00000017"),
		{ "oom_reaper: unable to reap pid:811 (stress (x))", LA_EVENT_REPORT, -1, 811,
		  "stress (x)", NULL },
		REPORT("Buffer I/O error on device vda2, logical block 17",
		       "vda2, logical block 17"),
		REPORT("Buffer I/O error on dev vda2, logical block 17, lost async page write",
		       "vda2, logical block 17, lost async page write"),
		REPORT("reservation conflict error, dev sda, sector 8 op 0x1:(WRITE) flags 0x800 phys_seg 1 prio class 2",
		       "sda, sector 8 op 0x1:(WRITE) flags 0x800 phys_seg 1 prio class 2"),
		REPORT("device offline error, dev sda, sector 8 op 0x1:(WRITE) flags 0x800 phys_seg 1 prio class 2",
		       "sda, sector 8 op 0x1:(WRITE) flags 0x800 phys_seg 1 prio class 2"),
		REPORT("sd 0:0:0:0: Device offlined - not ready after error recovery", NULL),
		REPORT("sd 0:0:0:0: rejecting I/O to offline device", NULL),
		REPORT("ata1.00: exception Emask 0x0 SAct 0x0 SErr 0x0 action 0x6 frozen",
		       "0x0 SAct 0x0 SErr 0x0 action 0x6 frozen"),
		REPORT(" connection1:0: detected conn error (1022)", "(1022)"),
		REPORT(" session1: session recovery timed out after 120 secs", NULL),
		REPORT("device-mapper: thin: 253:2: switching pool to out-of-data-space (queue IO) mode",
		       "(queue IO) mode"),
		REPORT("EXT4-fs (vda2): failed to convert unwritten extents to written extents -- potential data loss!  (inode 12, error -5)",
		       "to written extents -- potential data loss!  (inode 12, error -5)"),
		REPORT("JBD2: Detected IO errors while flushing file data on vda2-8", "vda2-8"),
		REPORT("lockd: server 10.0.0.1 not responding, still trying", "still trying"),
		REPORT("CIFS: VFS: \\\\files has not responded in 180 seconds. Reconnecting...",
		       ". Reconnecting..."),
		REPORT("virtio_net virtio0 eth0: TX timeout on queue: 0, sq: output.0, vq: 0x1, name: output.0, 5000000 usecs ago",
		       "0, sq: output.0, vq: 0x1, name: output.0, 5000000 usecs ago"),
		REPORT("unregister_netdevice: waiting for veth1a2b to become free. Usage count = 2",
		       NULL),
		REPORT("unregister_netdevice: waiting for veth1a2b to become free. Usage count = -1",
		       NULL),
		REPORT("page_pool_release_retry() stalled pool shutdown: id 17, 3 inflight 60 sec",
		       ": id 17, 3 inflight 60 sec"),
		REPORT("neighbour: arp_cache: neighbor table overflow!", NULL),
		REPORT("nf_conntrack: nf_conntrack: table full, dropping packet",
		       ", dropping packet"),
		REPORT("TCP: out of memory -- consider tuning tcp_mem", NULL),
		REPORT("TCP: request_sock_TCP: Possible SYN flooding on port 80. Sending cookies.",
		       "80. Sending cookies."),
		REPORT("VFS: file-max limit 8192 reached", NULL),
		REPORT("cgroup: fork rejected by pids controller in /user.slice", "/user.slice"),
		REPORT("audit: backlog limit exceeded", NULL),
		REPORT("audit: audit_backlog=65 > audit_backlog_limit=64", NULL),
		REPORT("sysfs: cannot create duplicate filename '/devices/platform/meter.3'",
		       "'/devices/platform/meter.3'"),
		{ "systemd[1]: Freezing execution.", LA_EVENT_REPORT, -1, 1, "", "." },
#undef REPORT
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256];
		struct la_events events;
		const struct la_event *e;

		snprintf(text, sizeof(text), "[    1.0] %s\n", cases[i].line);
		events = parse(text);
		if (events.n != 1)
			fail_msg("%s: %zu events", cases[i].line, events.n);
		e = events.event;
		assert_int_equal(e->kind, cases[i].kind);
		assert_int_equal(e->cpu, cases[i].cpu);
		assert_int_equal(e->pid_known, cases[i].pid >= 0);
		if (cases[i].pid >= 0)
			assert_int_equal(e->pid, cases[i].pid);
		assert_string_equal(e->comm, cases[i].comm);
		if (cases[i].text)
			assert_string_equal(e->text, cases[i].text);
		assert_string_equal(e->line, cases[i].line);
	}
}

/* From a real 6.12 guest whose CPU 0 hung in die(). */
static void test_rcu_stall(void **state)
{
	struct la_events events = parse(
		"[   27.939700] rcu: INFO: rcu_sched detected stalls on CPUs/tasks:\n"
		"[   27.940103] rcu: \t3-...0: (1 GPs behind) idle=d264/1/0x4000000000000000\n"
		"[   27.940372] rcu: \t(detected by 1, t=5253 jiffies, g=-659, q=29 ncpus=2)\n"
		"[   28.000000] rcu: INFO: rcu_sched self-detected stall on CPU\n"
		"[   28.000001] rcu: \t1-....: (5250 ticks this GP) idle=1\n"
		"[   28.000002] rcu: \t(t=5250 jiffies g=12345 q=29 ncpus=2)\n");

	(void)state;
	assert_int_equal(events.n, 2);
	assert_int_equal(events.event[0].cpu, 3);
	assert_true(events.event[0].gp_known);
	assert_true(events.event[0].gp == -659);
	assert_int_equal(events.event[1].cpu, 1);
	assert_true(events.event[1].gp == 12345);
}

/* Words that look like an event and are none. */
static void test_near_misses(void **state)
{
	static const char *const lines[] = {
		"CPU 0 Unable to handle kernel paging request at virtual address zz, era == 1",
		"printk: Kernel panic - not syncing: quoted",
		"watchdog: BUG: soft lockup - CPU#x stuck for 26s! [a:1]",
		"INFO: task a:b blocked for more than 1 seconds.",
		"Oops[#]:",
		"Oops[#1]: and more",
		"[#1]:",
		"rcu: INFO: Stall ended before state dump start",
		"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char text[256];

		snprintf(text, sizeof(text), "[    1.0] %s\n", lines[i]);
		if (parse(text).n)
			fail_msg("taken: %s", lines[i]);
	}
}

/* A user may write anything to /dev/kmsg; the kernel marks it with a facility. */
static void test_user_words_do_not_count(void **state)
{
	struct la_log *log = serial_log(arena, "[    1.0] Kernel panic - not syncing: no\n");
	struct la_events events;

	(void)state;
	log->record[0].facility = 1;
	la_events_parse(arena, log, &events);
	assert_int_equal(events.n, 0);
}

/* Another CPU's lines between those of an oops are not the oops's. */
static void test_interleaved(void **state)
{
	struct la_log *log = serial_log(arena, "[    1.0] Oops[#1]:\n"
					       "[    1.1] CPU: 7 PID: 700 Comm: b Not tainted\n"
					       "[    1.2] CPU: 1 PID: 100 Comm: a Not tainted\n");
	struct la_events events;

	(void)state;
	log->record[0].caller_id = log->record[2].caller_id = 100;
	log->record[1].caller_id = 700;
	la_events_parse(arena, log, &events);
	/* The other one's is a stack that somebody dumped. */
	assert_int_equal(events.n, 2);
	assert_int_equal(events.event->pid, 100);
	assert_int_equal(events.event[1].kind, LA_EVENT_DUMP);
	assert_int_equal(events.event[1].pid, 700);
}

static void test_many_lines_in_a_record(void **state)
{
	struct la_log *log = serial_log(arena, "[    1.0] x\n");
	struct la_events events;

	(void)state;
	log->record[0].text = "Oops[#1]:\nCPU: 1 PID: 2 Comm: c Not tainted\n\n";
	log->record[0].len = strlen(log->record[0].text);
	la_events_parse(arena, log, &events);
	assert_int_equal(events.n, 1);
	assert_int_equal(events.event->pid, 2);
}

/* What an event without memory is followed by is not said of the event before it. */
static void test_out_of_memory(void **state)
{
	enum { EVENTS = 40 };
	struct la_log *log = serial_log(arena, "[    1.0] x\n");
	struct la_arena *mine;
	enum la_status status;
	char text[EVENTS * 64] = "";
	size_t cut = 0;

	(void)state;
	/* One that says who, and one that does not. */
	for (int i = 0; i < EVENTS; i += 2)
		snprintf(text + strlen(text), 128,
			 "Oops[#1]:\nCPU: %d PID: %d Comm: c Not tainted\nOops[#2]:\n", i, 100 + i);
	log->record[0].text = text;
	log->record[0].len = strlen(text);
	for (size_t limit = 0;; limit += 16) {
		struct la_events events;

		mine = la_arena_new(limit);
		status = la_events_parse(mine, log, &events);
		cut += status == LA_NOMEM && events.n;
		for (size_t i = 0; i < events.n; i++) {
			assert_int_equal(events.event[i].cpu, i % 2 ? -1 : (int)i);
			assert_int_equal(events.event[i].pid_known, i % 2 == 0);
			if (events.event[i].text[0] || status == LA_OK)
				assert_string_equal(events.event[i].text, "Oops");
		}
		if (status == LA_OK)
			assert_int_equal(events.n, EVENTS);
		la_arena_free(mine);
		if (status == LA_OK)
			break;
		assert_int_equal(status, LA_NOMEM);
	}
	assert_true(cut);
}

/* Real logs with bytes changed at random: any result, but an end and no fault. */
static void test_damage(void **state)
{
	unsigned seed = 7;

	(void)state;
	for (int round = 0; round < 30; round++) {
		struct la_arena *mine = la_arena_new(64 << 20);
		struct la_log *log = serial_log_file(mine, "i8042-7.2.12.log");
		struct la_events events;

		for (int i = 0; i < 300; i++) {
			struct la_record *r;

			seed = seed * 1103515245 + 12345;
			r = &log->record[(seed >> 8) % log->n];
			if (r->len)
				((char *)r->text)[(seed >> 4) % r->len] =
					(char)(1 + (seed >> 16) % 255);
		}
		assert_int_equal(la_events_parse(mine, log, &events), LA_OK);
		la_arena_free(mine);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, finish)
		TEST(test_i8042),
		TEST(test_sysrq),
		TEST(test_registers_of_5_19),
		TEST(test_announced_only),
		TEST(test_vocabulary),
		TEST(test_rcu_stall),
		TEST(test_near_misses),
		TEST(test_user_words_do_not_count),
		TEST(test_interleaved),
		TEST(test_many_lines_in_a_record),
		TEST(test_out_of_memory),
		TEST(test_damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
