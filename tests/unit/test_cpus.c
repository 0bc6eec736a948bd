// SPDX-License-Identifier: GPL-3.0-or-later
// CPUs: whose registers are whose, and which task runs.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cpus_guest.h"

/* QEMU's order 0,1,2,3 is Linux's 0,3,2,1, as seen in a 7.2 guest. */
static void test_order(void **state)
{
	(void)state;
	for (int in_task = 0; in_task < 2; in_task++) {
		struct guest *g = guest_new(in_task);
		static const unsigned linux_cpu[NCPUS] = { 0, 3, 2, 1 };

		for (unsigned v = 0; v < NCPUS; v++)
			add_note(g, v, 0, tp_of(g, linux_cpu[v]), STACK(linux_cpu[v]) + 0x3000,
				 AREA(linux_cpu[v]));
		analyse(g);
		assert_int_equal(g->cpus.n, NCPUS);
		for (unsigned n = 0; n < NCPUS; n++) {
			const struct la_cpu *c = &g->cpus.cpu[n];

			assert_int_equal(c->cpu, n);
			assert_true(c->matched);
			assert_int_equal(c->vcpu, linux_cpu[n]); /* its own inverse */
			check_task(c, n);
			assert_null(c->remark);
		}
		assert_ptr_equal(la_cpus_find(&g->cpus, 2), &g->cpus.cpu[2]);
		assert_null(la_cpus_find(&g->cpus, 9));
		assert_ptr_equal(la_cpus_running(&g->cpus, TASK(3)), &g->cpus.cpu[3]);
		assert_null(la_cpus_running(&g->cpus, 0));
		guest_free(g);
	}
}

/* r21 is not set up yet: the boot CPU is known by its thread_info, before any per-CPU area. */
static void test_early_boot(void **state)
{
	struct guest *g = guest_new(false);

	(void)state;
	g->k.percpu = NULL;
	g->k.ncpus = 1;
	add_note(g, 0, 0, STACK(0), STACK(0) + 0x3b30, 0);
	analyse(g);
	assert_int_equal(g->cpus.n, 1);
	assert_true(g->cpus.cpu[0].matched);
	check_task(&g->cpus.cpu[0], 0);
	assert_int_not_equal(g->cpus.cpu[0].state, LA_CPU_FIRMWARE);
	guest_free(g);
}

/* In user mode r2, r3 and r21 are the program's. What is left over is then the answer. */
static void test_user_mode(void **state)
{
	struct guest *g = guest_new(true);

	(void)state;
	for (unsigned v = 0; v < NCPUS; v++)
		if (v == 2)
			add_note(g, v, 0x120001234, 0x7ffff7f00000, 0x7fffff000000, 0x1234);
		else
			add_note(g, v, 0, TASK(v), STACK(v) + 0x3000, AREA(v));
	analyse(g);
	assert_int_equal(g->cpus.n, NCPUS);
	assert_int_equal(g->cpus.cpu[2].state, LA_CPU_USER);
	assert_int_equal(g->cpus.cpu[2].vcpu, 2);
	assert_int_equal(g->cpus.cpu[2].stack.stop, LA_STOP_USER);
	check_task(&g->cpus.cpu[2], 2);
	guest_free(g);
}

/* Two in user mode: only the kernel's own map tells them apart. */
static void test_two_in_user_mode(void **state)
{
	static const uint32_t map[NCPUS] = { 0, 3, 2, 1 };

	(void)state;
	for (int with_map = 0; with_map < 2; with_map++) {
		struct guest *g = guest_new(true);

		if (with_map) {
			fake_symbol(g->f, "__cpu_logical_map", W + 0x30000, sizeof(map), NULL);
			fake_put(g->f, 0x30000, map, sizeof(map));
		}
		add_note(g, 0, 0, TASK(0), STACK(0) + 0x3000, AREA(0));
		add_note(g, 1, 0, 0x7ffff7f00000, 0x7fffff000000, 1);
		add_note(g, 2, 0, TASK(2), STACK(2) + 0x3000, AREA(2));
		add_note(g, 3, 0, 0x7ffff7f00000, 0x7fffff000000, 1);
		analyse(g);
		if (with_map) {
			assert_int_equal(g->cpus.n, NCPUS);
			assert_int_equal(g->cpus.cpu[1].vcpu, 3);
			assert_int_equal(g->cpus.cpu[3].vcpu, 1);
			assert_int_equal(g->cpus.cpu[1].state, LA_CPU_USER);
		} else {
			/* Not known, and so not said: the vCPUs come last, the CPUs have none. */
			assert_int_equal(g->cpus.n, NCPUS + 2);
			assert_int_equal(g->cpus.cpu[1].regs.source, LA_REGS_NONE);
			check_task(&g->cpus.cpu[1], 1);
			assert_false(g->cpus.cpu[NCPUS].matched);
			assert_int_equal(g->cpus.cpu[NCPUS].vcpu, 1);
			assert_int_equal(g->cpus.cpu[NCPUS + 1].vcpu, 3);
			assert_int_equal(g->cpus.cpu[NCPUS].task.address, 0);
		}
		guest_free(g);
	}
}

/* A CPU that Linux never started waits in the firmware, with physical addresses; while Linux runs on others. */
static void test_firmware(void **state)
{
	struct guest *g = guest_new(true);

	(void)state;
	fake_put_u64(g->f, 0x20008, 0x7);
	for (unsigned v = 0; v < 3; v++)
		add_note(g, v, 0, TASK(v), STACK(v) + 0x3000, AREA(v));
	add_note(g, 3, 0x1c000100, 0, 0x10001000, 0);
	analyse(g);
	assert_int_equal(g->cpus.n, NCPUS);
	assert_int_equal(g->cpus.cpu[3].state, LA_CPU_NEVER_STARTED);
	assert_int_equal(g->cpus.cpu[3].task.address, 0);
	guest_free(g);
}

static void test_no_notes(void **state)
{
	struct guest *g = guest_new(true);

	(void)state;
	fake_put_u64(g->f, 0x20000, 0x7);
	fake_put_u64(g->f, 0x20008, 0x3);
	analyse(g);
	assert_int_equal(g->cpus.n, 3);
	assert_non_null(g->cpus.remark);
	check_task(&g->cpus.cpu[1], 1);
	assert_int_equal(g->cpus.cpu[1].state, LA_CPU_UNKNOWN);
	assert_int_equal(g->cpus.cpu[1].stack.stop, LA_STOP_NO_REGS);
	assert_int_equal(g->cpus.cpu[2].state, LA_CPU_OFFLINE);
	assert_int_equal(g->cpus.cpu[1].vcpu, -1);
	guest_free(g);
}

static void test_disagreement(void **state)
{
	struct guest *g = guest_new(true);

	(void)state;
	/* Two claim CPU 0; CPU 1 has already switched registers but not its queue. */
	add_note(g, 0, 0, TASK(0), STACK(0) + 0x3000, AREA(0));
	add_note(g, 1, 0, TASK(2), STACK(2) + 0x3000, AREA(1));
	add_note(g, 2, 0, TASK(0), STACK(0) + 0x3000, AREA(0));
	analyse(g);
	assert_int_equal(g->cpus.n, NCPUS + 1);
	assert_non_null(strstr(g->cpus.cpu[0].remark, "vCPU 2"));
	assert_non_null(strstr(g->cpus.cpu[1].remark, "run queue"));
	check_task(&g->cpus.cpu[1], 2);
	assert_int_equal(g->cpus.cpu[NCPUS].vcpu, 2);
	guest_free(g);
}

/* Saved text of the same moment adds pc and CSRs; of another moment it is only mentioned. */
static void test_saved_text(void **state)
{
	struct la_vcpu_regs text[3] = { { .pid = 1 }, { .pid = 2 }, { .pid = 3 } };
	struct guest *g = guest_new(true);

	(void)state;
	for (unsigned v = 0; v < 2; v++) {
		add_note(g, v, 0, TASK(v), STACK(v) + 0x3000, AREA(v));
		text[v].regs = (struct la_regs){ .source = LA_REGS_TEXT,
						 .pc_known = true,
						 .pc = W + 0x300010 };
		for (unsigned r = 0; r < LA_NGPR; r++)
			la_gpr_set(&text[v].regs, r, 0);
		la_gpr_set(&text[v].regs, LA_R_TP, TASK(v));
		la_gpr_set(&text[v].regs, LA_R_SP, STACK(v) + 0x3000);
		la_gpr_set(&text[v].regs, LA_R_U0, AREA(v));
	}
	/* In user mode, and not in the notes: only its CSRs tell which CPU it is. */
	text[2].regs.source = LA_REGS_TEXT;
	la_gpr_set(&text[2].regs, LA_R_SP, STACK(3)); /* a user may put anything there */
	la_csr_set(&text[2].regs, LA_CSR_SAVE3, AREA(2));
	la_csr_set(&text[2].regs, LA_CSR_CRMD, 0xb7);
	fake_symbol(g->f, "some_function", W + 0x300000, 0x100, NULL);
	assert_int_equal(la_cpus_analyse_text(&g->k, g->arena, text, 3, &g->cpus, NULL), LA_OK);
	assert_int_equal(g->cpus.cpu[0].pc_source, LA_PC_TEXT);
	assert_int_equal(g->cpus.cpu[0].pc, W + 0x300010);
	assert_true(g->cpus.cpu[0].verified);
	assert_int_equal(g->cpus.cpu[2].state, LA_CPU_USER);
	assert_int_equal(g->cpus.cpu[2].vcpu, 2);
	check_task(&g->cpus.cpu[2], 2);

	la_gpr_set(&text[1].regs, LA_R_A0, 5); /* it has moved on since */
	assert_int_equal(la_cpus_analyse_text(&g->k, g->arena, text, 3, &g->cpus, NULL), LA_OK);
	assert_int_equal(g->cpus.cpu[1].regs.source, LA_REGS_NOTE);
	assert_int_not_equal(g->cpus.cpu[1].pc_source, LA_PC_TEXT);
	assert_non_null(strstr(g->cpus.cpu[1].remark, "another moment, in some_function+0x10"));
	/* and so has the one that nothing vouches for */
	assert_int_equal(g->cpus.cpu[2].regs.source, LA_REGS_NONE);
	assert_non_null(strstr(g->cpus.remark, "registers of 1 vCPUs that the dump does not have"));
	guest_free(g);
}

/*
 * On the first instruction of a vector, out of user mode, all registers still its program's: it is in user mode. PRMD tells, and
 * not what else looks like it: a kernel that called NULL, that lost its stack, or whose vector faults itself; nor a TLB refill.
 */
static void test_entering(void **state)
{
	static const struct {
		uint64_t prmd, era, sp, tp, u0, refill;
		enum la_cpu_state is;
	} test[] = {
		{ 3, 0x120001234, 0x7ffffbc4c420, 0x7ffff7f00000, 0x1234, 0, LA_CPU_USER },
		{ 0, W + 0x300200, STACK(2) + 0x3000, TASK(2), AREA(2), 0, LA_CPU_RUNNING },
		{ 4, 0, STACK(2) + 0x3000, TASK(2), AREA(2), 0, LA_CPU_RUNNING },
		{ 0, W + 0x300200, 0x1230, TASK(2), AREA(2), 0, LA_CPU_RUNNING },
		{ 0, W + 0x300000, 0x7ffffbc4c420, 0x7ffff7f00000, 0x1234, 0, LA_CPU_RUNNING },
		{ 3, 0x120001234, 0x1230, TASK(2), AREA(2), W + 0x300201, LA_CPU_RUNNING },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(test) / sizeof(test[0]); i++) {
		struct guest *g = guest_new(true);
		struct la_vcpu_regs text = { .pid = 1, .regs.source = LA_REGS_TEXT };

		for (unsigned r = 0; r < LA_NGPR; r++)
			la_gpr_set(&text.regs, r, 0);
		text.regs.pc_known = true;
		text.regs.pc = W + 0x300000;
		fake_symbol(g->f, "handle_syscall", text.regs.pc, 0x100, NULL);
		la_gpr_set(&text.regs, LA_R_TP, test[i].tp);
		la_gpr_set(&text.regs, LA_R_U0, test[i].u0);
		la_gpr_set(&text.regs, LA_R_SP, test[i].sp);
		la_csr_set(&text.regs, LA_CSR_PRMD, test[i].prmd);
		la_csr_set(&text.regs, LA_CSR_ERA, test[i].era);
		la_csr_set(&text.regs, LA_CSR_TLBRERA, test[i].refill);
		la_csr_set(&text.regs, LA_CSR_CRMD, 0xb0);
		la_csr_set(&text.regs, LA_CSR_SAVE3, AREA(2));
		assert_int_equal(la_cpus_analyse_text(&g->k, g->arena, &text, 1, &g->cpus, NULL),
				 LA_OK);
		assert_true(g->cpus.cpu[2].matched);
		check_task(&g->cpus.cpu[2], 2);
		assert_string_equal(g->cpus.cpu[2].symbol, "handle_syscall");
		assert_int_equal(g->cpus.cpu[2].state, test[i].is);
		if (!test[i].refill) /* there the stack pointer alone tells */
			assert_int_equal(g->cpus.cpu[2].stack.n == 1 &&
						 g->cpus.cpu[2].stack.stop == LA_STOP_USER,
					 test[i].is == LA_CPU_USER);
		guest_free(g);
	}
}

/* A text of another guest, with more vCPUs: nothing of it is taken for this one's. */
static void test_text_of_another_guest(void **state)
{
	struct la_vcpu_regs text[8] = { { .pid = 0 } };
	struct guest *g = guest_new(true);

	(void)state;
	for (unsigned v = 0; v < NCPUS; v++)
		add_note(g, v, 0, TASK(v), STACK(v) + 0x3000, AREA(v));
	for (unsigned v = 0; v < 8; v++) {
		text[v].pid = v + 1;
		text[v].regs = (struct la_regs){ .source = LA_REGS_TEXT,
						 .pc_known = true,
						 .pc = W + 0x300010 };
		for (unsigned r = 0; r < LA_NGPR; r++)
			la_gpr_set(&text[v].regs, r, W + 0x1234000 + r);
	}
	assert_int_equal(la_cpus_analyse_text(&g->k, g->arena, text, 8, &g->cpus, NULL), LA_OK);
	assert_int_equal(g->cpus.n, NCPUS);
	for (unsigned v = 0; v < NCPUS; v++) {
		assert_int_equal(g->cpus.cpu[v].regs.source, LA_REGS_NOTE);
		assert_non_null(strstr(g->cpus.cpu[v].remark, "another moment"));
	}
	assert_non_null(strstr(g->cpus.remark, "registers of 4 vCPUs"));
	guest_free(g);
}

/* Notes for more vCPUs than the kernel has CPUs, and for fewer. */
static void test_more_and_fewer_notes(void **state)
{
	struct guest *g = guest_new(true);

	(void)state;
	for (unsigned v = 0; v < NCPUS; v++)
		add_note(g, v, 0, TASK(v), STACK(v) + 0x3000, AREA(v));
	add_note(g, NCPUS, 0, W + 0x7654000, W + 0x7653000, W + 0x7652000);
	add_note(g, 1000, 0, 0, 0, 0);
	analyse(g);
	assert_int_equal(g->cpus.n, NCPUS + 2);
	for (unsigned v = 0; v < NCPUS; v++)
		assert_int_equal(g->cpus.cpu[v].vcpu, v);
	assert_false(g->cpus.cpu[NCPUS].matched);
	assert_int_equal(g->cpus.cpu[NCPUS].vcpu, NCPUS);
	assert_int_equal(g->cpus.cpu[NCPUS + 1].vcpu, 1000);
	assert_int_equal(g->cpus.cpu[NCPUS + 1].task.address, 0);
	assert_null(g->cpus.remark);
	guest_free(g);

	g = guest_new(true);
	add_note(g, 2, 0, TASK(2), STACK(2) + 0x3000, AREA(2));
	analyse(g);
	assert_int_equal(g->cpus.n, NCPUS);
	assert_int_equal(g->cpus.cpu[2].regs.source, LA_REGS_NOTE);
	assert_int_equal(g->cpus.cpu[1].regs.source, LA_REGS_NONE);
	assert_int_equal(g->cpus.cpu[1].stack.stop, LA_STOP_NO_REGS);
	check_task(&g->cpus.cpu[1], 1);
	assert_non_null(strstr(g->cpus.remark, "notes of 1 of the 4 CPUs that ran"));
	/* those that panic() stopped are not, and a CPU more may be plugged in than has come up */
	fake_put_u64(g->f, 0x20008, 1 << 2);
	analyse(g);
	assert_null(g->cpus.remark);
	/* but those that kdump stopped have saved their registers */
	fake_symbol(g->f, "cpus_in_crash", W + 0x20010, 8, NULL);
	fake_put_u64(g->f, 0x20010, 0x6);
	analyse(g);
	assert_non_null(strstr(g->cpus.remark, "notes of 1 of the 2 CPUs that ran"));
	guest_free(g);
}

/* The stack of CPU 1's task ran over: the mark is gone, before 7.2 thread_info as well. */
static void test_stack_overflow(void **state)
{
	(void)state;
	for (int in_task = 0; in_task < 2; in_task++) {
		struct guest *g = guest_new(in_task);

		fake_put(g->f, STACK(1) - W, (char[256]){ 0x42 }, 256);
		if (!in_task)
			fake_put_u64(g->f, STACK(1) - W, TASK(3)); /* any pointer may be there */
		for (unsigned v = 0; v < 2; v++)
			add_note(g, v, 0, tp_of(g, v), STACK(v) + 0x100, AREA(v));
		analyse(g);
		assert_false(g->cpus.cpu[0].stack_overrun);
		assert_null(g->cpus.cpu[0].remark);
		assert_true(g->cpus.cpu[1].stack_overrun);
		assert_non_null(strstr(g->cpus.cpu[1].remark, "stack overflow"));
		check_task(&g->cpus.cpu[1], 1);
		guest_free(g);
	}
}

/* Registers the kernel saved on its way down win over those of the dump; they have a pc. */
static void test_crash_notes(void **state)
{
	struct guest *g = guest_new(true);
	unsigned char note[512] = { 0 };
	uint32_t head[3] = { 5, 480, 1 };
	uint64_t value;

	(void)state;
	add_note(g, 0, 0, TASK(0), STACK(0) + 0x3000, AREA(0));
	add_note(g, 1, 0, TASK(1), STACK(1) + 0x3000, AREA(1));
	memcpy(note, head, 12);
	memcpy(note + 12, "CORE", 5);
	value = TASK(1);
	memcpy(note + 20 + 112 + 2 * 8, &value, 8);
	value = STACK(1) + 0x3100;
	memcpy(note + 20 + 112 + 3 * 8, &value, 8);
	value = W + 0x300010;
	memcpy(note + 20 + 112 + 33 * 8, &value, 8);
	fake_symbol(g->f, "crash_notes", W + 0x40000, 8, NULL);
	fake_put_u64(g->f, 0x40000, W + 0x50000);
	fake_put(g->f, 0x50000 + AREA(0), (char[512]){ 0 }, 512);
	fake_put(g->f, 0x50000 + AREA(1), note, 512);
	fake_symbol(g->f, "some_function", W + 0x300000, 0x100, NULL);
	analyse(g);
	assert_int_equal(g->cpus.cpu[0].regs.source, LA_REGS_NOTE);
	assert_int_equal(g->cpus.cpu[1].regs.source, LA_REGS_CRASH_NOTES);
	assert_int_equal(g->cpus.cpu[1].pc_source, LA_PC_CRASH_NOTES);
	assert_int_equal(g->cpus.cpu[1].pc, W + 0x300010);
	assert_string_equal(g->cpus.cpu[1].symbol, "some_function");
	assert_int_equal(g->cpus.cpu[1].offset, 0x10);
	guest_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_early_boot),
		cmocka_unit_test(test_user_mode),
		cmocka_unit_test(test_two_in_user_mode),
		cmocka_unit_test(test_firmware),
		cmocka_unit_test(test_no_notes),
		cmocka_unit_test(test_disagreement),
		cmocka_unit_test(test_saved_text),
		cmocka_unit_test(test_entering),
		cmocka_unit_test(test_text_of_another_guest),
		cmocka_unit_test(test_more_and_fewer_notes),
		cmocka_unit_test(test_stack_overflow),
		cmocka_unit_test(test_crash_notes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
