// SPDX-License-Identifier: GPL-3.0-or-later
// Why panic() was called: by what it was called with, whoever was interrupted or faulted beside it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "panic_guest.h"

/* Memory ran out in a page fault: the fault is no reason, what panic() was called with is. */
static void test_out_of_memory(void **state)
{
	static const struct death death = { 0,
					    "System is deadlocked on memory",
					    { "panic", "out_of_memory", "__alloc_pages",
					      "do_page_fault", "tlb_do_page_fault_1",
					      "__clear_user_fast", "load_elf_binary" },
					    4,
					    W + 0x300040,
					    0x7ffff0000,
					    0,
					    0x20000 };
	struct guest *g = *state;
	const struct la_panic *p;

	ring_add(&g->ring, 1000, 0, 0, 1,
		 "Kernel panic - not syncing: System is deadlocked on memory");
	die(g, &death);
	fake_symbol(g->f, "__clear_user_fast", W + 0x300000, 0x100, NULL);
	p = analyse(g, true);
	assert_string_equal(p->cause.kind, "oom");
	assert_string_equal(p->cause.symbol, "out_of_memory");
	assert_false(p->cause.address_known);
	assert_int_equal(p->confidence, LA_CERTAIN);
	assert_true(has_fact(p, "stack of CPU 0", "is not its reason"));
	assert_non_null(strstr(p->summary, "memory ran out"));
	assert_true(p->nadvice > 0);
}

/* panic_on_warn: the break of WARN() below panic() is not a BUG(). */
static void test_panic_on_warn(void **state)
{
	static const struct death death = { 1,
					    "kernel: panic_on_warn set ...",
					    { "panic", "check_panic_on_warn", "__warn",
					      "report_bug", "do_bp", "handle_bp",
					      "refcount_warn_saturate", "ring_put" },
					    5,
					    W + 0x300040,
					    0,
					    0,
					    0xc0000 };
	struct guest *g = *state;
	const struct la_panic *p;

	ring_add(&g->ring, 1000, 4, 0, 7, "------------[ cut here ]------------");
	ring_add(&g->ring, 1100, 4, 0, 7, "refcount_t: underflow; use-after-free.");
	ring_add(&g->ring, 1200, 4, 0, 7,
		 "WARNING: CPU: 1 PID: 7 at lib/refcount.c:28 refcount_warn_saturate+0x40/0x50");
	ring_add(&g->ring, 1300, 0, 0, 7,
		 "Kernel panic - not syncing: kernel: panic_on_warn set ...");
	die(g, &death);
	fake_symbol(g->f, "refcount_warn_saturate", W + 0x300000, 0x100, NULL);
	fake_put_u32(g->f, 0x300040, 0x002a0001);
	p = analyse(g, true);
	assert_string_equal(p->cause.kind, "warning");
	assert_string_equal(p->cause.symbol, "refcount_warn_saturate");
	assert_string_equal(p->cause.caller, "ring_put");
	assert_int_equal(p->confidence, LA_CERTAIN);
	assert_non_null(strstr(p->summary, "released more often"));
	assert_string_equal(p->signature, "lakvm-2 warning ring_put");
}

/* Who panics found somebody else: the CPU of the report is the culprit, not the one that was interrupted. */
static void test_hard_lockup(void **state)
{
	static const struct death death = { 0,
					    "Hard LOCKUP",
					    { "panic", "nmi_panic", "watchdog_hardlockup_check",
					      "watchdog_timer_fn", "do_vint", "handle_vint",
					      "idle_exit", "do_idle" },
					    5,
					    W + 0x300040,
					    0,
					    4,
					    0x800 };

	for (int stands = 0; stands < 2; stands++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		(void)state;
		ring_add(&g->ring, 1000, 0, 0, 0x80000000u,
			 "watchdog: Watchdog detected hard LOCKUP on cpu 1");
		ring_add(&g->ring, 1100, 0, 0, 0x80000000u,
			 "Kernel panic - not syncing: Hard LOCKUP");
		die(g, &death);
		fake_symbol(g->f, "idle_exit", W + 0x300000, 0x100, NULL);
		g->cpu[1].state = LA_CPU_RUNNING;
		g->cpu[1].symbol = "spin_forever";
		g->cpu[1].verified = true;
		g->cpu[1].task = (struct la_task){
			.address = W, .pid_known = true, .pid = 62, .comm = "mishap"
		};
		g->cpu[1].clock_age_known = true;
		g->cpu[1].clock_age_ns = stands ? 12000000000 : 1000;
		p = analyse(g, true);
		assert_string_equal(p->cause.kind, "hard-lockup");
		assert_string_equal(p->cause.symbol, "spin_forever");
		assert_int_equal(p->cpu, 1);
		assert_string_equal(p->task.comm, "mishap");
		assert_false(p->cause.regs_known);
		assert_int_equal(p->confidence, stands ? LA_CERTAIN : LA_LIKELY);
		assert_string_equal(p->signature, "lakvm-2 hard-lockup spin_forever");
		assert_true(has_fact(p, "panic_cpu", "not its cause"));
		guest_free(g);
	}
}

/* The report of a hung task has the task's own stack; khungtaskd, which panics, is nobody's business. */
static void test_hung_task(void **state)
{
	static const struct death death = {
		0, "hung_task: blocked tasks", { "panic", "watchdog", "kthread" }, 0, 0, 0, 0, 0
	};
	static const char *const lines[] = {
		"INFO: task jbd2/dm-0-8:1682 blocked for more than 120 seconds.",
		"task:jbd2/dm-0-8     state:D stack:0     pid:1682  ppid:2      flags:0x00000800",
		"Call Trace:",
		"[<90000000015d27d4>] __schedule+0x47c/0x9a8",
		"[<90000000015d2d54>] schedule+0x54/0x138",
		"[<90000000015d3114>] io_schedule+0x44/0x68",
		"[<90000000015d3a00>] bit_wait_io+0x18/0x80",
		"[<9000000000773b4c>] jbd2_journal_commit_transaction+0x1424/0x18b8",
		"INFO: task auditd:4528 blocked for more than 120 seconds.",
		"Kernel panic - not syncing: hung_task: blocked tasks",
	};
	struct guest *g = *state;
	const struct la_panic *p;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ring_add(&g->ring, 1000 + i, 3, 0, 30, lines[i]);
	die(g, &death);
	p = analyse(g, true);
	assert_string_equal(p->cause.kind, "hung-task");
	assert_string_equal(p->task.comm, "jbd2/dm-0-8");
	assert_int_equal(p->task.pid, 1682);
	assert_int_equal(p->cpu, -1);
	assert_string_equal(p->cause.symbol, "jbd2_journal_commit_transaction");
	assert_null(p->stack);
	assert_int_equal(p->confidence, LA_LIKELY);
	assert_string_equal(p->signature, "lakvm-2 hung-task jbd2_journal_commit_transaction");
}

/* A stall names the CPU; where it names none, RCU's own thread tells where it last ran. */
static void test_rcu_stall(void **state)
{
	(void)state;
	for (int named = 0; named < 2; named++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 3, 0, 0x80000000u,
			 "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:");
		if (named)
			ring_add(&g->ring, 1100, 3, 0, 0x80000000u,
				 "rcu: \t1-...0: (1 GPs behind)");
		ring_add(&g->ring, 1200, 3, 0, 0x80000000u,
			 "rcu: rcu_preempt kthread starved for 2 jiffies! g1 f0x2 RCU_GP_WAIT_FQS(5) "
			 "->state=0x200 ->cpu=1");
		ring_add(&g->ring, 1300, 0, 0, 0x80000000u,
			 "Kernel panic - not syncing: RCU Stall");
		set_panic_cpu(g, 0);
		g->cpu[1].state = LA_CPU_RUNNING;
		g->cpu[1].symbol = "busy_function";
		p = analyse(g, true);
		assert_string_equal(p->cause.kind, "rcu-stall");
		assert_int_equal(p->cpu, 1);
		assert_string_equal(p->cause.symbol, "busy_function");
		guest_free(g);
	}
}

static void add_oops(struct guest *g, uint64_t ns, uint32_t caller, int cpu, int number,
		     const char *place)
{
	char line[160];

	snprintf(line, sizeof(line),
		 "CPU %d Unable to handle kernel paging request at virtual address "
		 "000000000000001%d, era == 9000000000300%d10, ra == 9000000000300004",
		 cpu, number, number);
	ring_add(&g->ring, ns, 1, 0, caller, line);
	snprintf(line, sizeof(line), "Oops[#%d]:", number);
	ring_add(&g->ring, ns, 1, 0, caller, line);
	snprintf(line, sizeof(line), "  ERA: 9000000000300%d10 %s", number, place);
	ring_add(&g->ring, ns, 1, 0, caller, line);
}

/* The first of a chain is the cause, the others are consequences; one that ended long before is not. */
static void test_first_oops(void **state)
{
	(void)state;
	for (int far = 0; far < 2; far++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		add_oops(g, 1000000000, 7, 0, 1, "first_fault+0x10/0x20");
		ring_add(&g->ring, 1000000001, 1, 0, 7, "---[ end trace 0000000000000000 ]---");
		add_oops(g, far ? 90000000000 : 1500000000, 8, 1, 2, "second_fault+0x10/0x20");
		ring_add(&g->ring, 91000000000, 0, 0, 8,
			 "Kernel panic - not syncing: Fatal exception");
		set_panic_cpu(g, 1);
		p = analyse(g, false);
		assert_string_equal(p->cause.symbol, far ? "second_fault" : "first_fault");
		assert_true(has_fact(p, "log", far ? "an earlier oops" : "a consequence"));
		guest_free(g);
	}
}

/* kdump takes over from die(): panic_cpu is set, panic() was never called (5.x to 7.2). */
static void test_crash_kernel_from_die(void **state)
{
	static const struct death death = { 1,
					    NULL,
					    { "__crash_kexec", "crash_kexec", "die", "no_context",
					      "do_page_fault", "tlb_do_page_fault_0",
					      "dma_pool_alloc" },
					    5,
					    0x900000000056a174,
					    0x100,
					    0,
					    0x10000 };
	struct guest *g = *state;
	const struct la_panic *p;

	add_log(g, "oops-kdump-6.6.log", 0, 6071);
	die(g, &death);
	fake_symbol(g->f, "dma_pool_alloc", 0x900000000056a0f8, 0x358, NULL);
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_OOPS);
	assert_string_equal(p->message, "Oops");
	assert_string_equal(p->cause.kind, "page-fault");
	assert_string_equal(p->cause.symbol, "dma_pool_alloc");
	assert_int_equal(p->cause.address, 0x100);
	assert_int_equal(p->confidence, LA_CERTAIN);
	assert_non_null(
		strstr(p->summary, "called by mlx5_alloc_cmd_msg [mlx5_core], in a system call"));
	assert_string_equal(p->signature,
			    "lakvm-2 page-fault null dma_pool_alloc<mlx5_alloc_cmd_msg<cmd_exec");
}

/* A fault while panicking is no reason of the panic. */
static void test_fault_in_panic(void **state)
{
	static const struct death death = { 0,
					    "mishap: device lost, code 0x2b",
					    { "die", "do_page_fault", "tlb_do_page_fault_0",
					      "notifier", "panic", "device_lost",
					      "panic_then_fault" },
					    2,
					    W + 0x300040,
					    0x40,
					    0,
					    0x10000 };
	struct guest *g = *state;
	const struct la_panic *p;

	die(g, &death);
	p = analyse(g, true);
	assert_string_equal(p->cause.kind, "panic");
	assert_string_equal(p->cause.symbol, "device_lost");
	assert_false(p->cause.address_known);
	assert_string_equal(p->signature, "lakvm-2 panic \"mishap: device lost, code #\" "
					  "device_lost<panic_then_fault");
}

/* A system call has two names, and a body that some compilers do not inline: one trouble. */
static void test_names_of_system_calls(void **state)
{
	static const char *const stacks[][4] = {
		{ "sys_exit_group", "do_syscall" },
		{ "__se_sys_exit_group", "do_syscall" },
		{ "__do_sys_exit_group", "sys_exit_group", "do_syscall" },
		{ "__do_sys_exit_group.isra.0", "__se_sys_exit_group", "do_syscall" },
	};

	for (size_t i = 0; i < sizeof(stacks) / sizeof(*stacks); i++) {
		struct death death = { 0,
				       "mishap: device lost",
				       { "panic", "device_lost", "do_group_exit" },
				       0,
				       0,
				       0,
				       0,
				       0 };
		struct guest *g = *state;

		memcpy(death.stack + 3, stacks[i], sizeof(stacks[i]));
		die(g, &death);
		assert_string_equal(analyse(g, true)->signature,
				    "lakvm-2 panic \"mishap: device lost\" "
				    "device_lost<do_group_exit<sys_exit_group");
		finish(state);
		start(state);
	}
}

/* A guest that lives on after a report is running, but. */
static void test_lives_on(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p;

	add_log(g, "bad-page-6.12.log", 0, UINT32_MAX);
	set_panic_cpu(g, UINT32_MAX);
	g->cpu[0].state = g->cpu[1].state = LA_CPU_IDLE;
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_RUNNING);
	assert_non_null(strstr(p->summary, "it runs, but"));
	assert_non_null(strstr(p->summary, "BUG: Bad page state in process uffd-unit-tests"));
	assert_non_null(strstr(p->summary, "while something still used it"));
}

/* The same fault signs the same by the log and by the stack alone. */
static void test_signature_without_log(void **state)
{
	static const struct death death = { 1,
					    "Fatal exception",
					    { "panic", "die", "do_page_fault",
					      "tlb_do_page_fault_0", "dma_pool_alloc",
					      "mlx5_alloc_cmd_msg", "cmd_exec" },
					    3,
					    0x900000000056a174,
					    0x100,
					    0,
					    0x10000 };
	struct guest *g = *state;

	die(g, &death);
	fake_symbol(g->f, "dma_pool_alloc", 0x900000000056a0f8, 0x358, NULL);
	assert_string_equal(analyse(g, true)->signature,
			    "lakvm-2 page-fault null dma_pool_alloc<mlx5_alloc_cmd_msg<cmd_exec");
}

/* So it does where a kretprobe has the return address of who faulted, at which the kernel's own trace ends. */
static void test_signature_of_traced(void **state)
{
	static const struct death death = { 1,
					    "Fatal exception",
					    { "panic", "die", "do_page_fault",
					      "tlb_do_page_fault_0", "dma_pool_alloc",
					      "mlx5_alloc_cmd_msg", "cmd_exec" },
					    3,
					    0x900000000056a174,
					    0x100,
					    0,
					    0x10000 };
	struct guest *g = *state;
	struct la_log *log = serial_log_file(g->arena, "oops-kdump-6.6.log");

	for (size_t i = 0; i < log->n; i++) {
		const char *text = log->record[i].text;

		if (strstr(text, "mlx5_alloc_cmd_msg+"))
			text = "[<90000000002511b8>] arch_rethook_trampoline+0x0/0x128";
		else if (!strncmp(text, "[<", 2) && !strstr(text, "dma_pool_alloc+"))
			continue;
		ring_add(&g->ring, log->record[i].ts_nsec, 6, 0, 6071, text);
	}
	die(g, &death);
	fake_symbol(g->f, "dma_pool_alloc", 0x900000000056a0f8, 0x358, NULL);
	assert_string_equal(analyse(g, true)->signature,
			    "lakvm-2 page-fault null dma_pool_alloc<mlx5_alloc_cmd_msg<cmd_exec");
}

#define GUEST(f) cmocka_unit_test_setup_teardown(f, start, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		GUEST(test_out_of_memory),          GUEST(test_panic_on_warn),
		cmocka_unit_test(test_hard_lockup), GUEST(test_hung_task),
		cmocka_unit_test(test_rcu_stall),   cmocka_unit_test(test_first_oops),
		GUEST(test_crash_kernel_from_die),  GUEST(test_fault_in_panic),
		GUEST(test_names_of_system_calls),  GUEST(test_lives_on),
		GUEST(test_signature_without_log),  GUEST(test_signature_of_traced),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
