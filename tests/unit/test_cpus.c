// SPDX-License-Identifier: GPL-3.0-or-later
// CPUs: whose registers are whose, which task runs, and what a stack says of its CPU.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cpu/priv.h"
#include "fake.h"

#define W UINT64_C(0x9000000000000000)
#define NCPUS 4
/* Per-CPU variables: "symbol" addresses, and where CPU n's copy lies. */
#define RUNQUEUES UINT64_C(0x9000000000010000)
#define AREA(cpu) (UINT64_C(0x100000) * (cpu) + 0x1000000)
#define TASK(n) (W + 0x4000000 + UINT64_C(0x10000) * (n))
#define STACK(n) (W + 0x5000000 + UINT64_C(0x4000) * (n))

#define INFO_SIZE 64
#define STACK_END_MAGIC 0x57ac6e9d

struct guest {
	struct fake *f;
	struct la_arena *arena;
	struct la_kernel k;
	uint64_t percpu[NCPUS];
	unsigned char all[NCPUS * 2 * 1024];
	size_t size;
	struct la_cpus cpus;
};

/* Four CPUs; the task with pid 100 + n runs on CPU n. */
static struct guest *guest_new(bool thread_info_in_task)
{
	struct guest *g = calloc(1, sizeof(*g));
	struct fake *f = fake_new();

	g->f = f;
	g->arena = la_arena_new(16 << 20);
	g->k = (struct la_kernel){ .door = fake_door(f),
				   .ncpus = NCPUS,
				   .percpu = g->percpu,
				   .thread_info_in_task = thread_info_in_task };
	g->k.mmu.dmw[1] = UINT64_C(0x9000000000000011);
	g->k.mmu.vm_map_base = UINT64_C(0xffff800000000000);

	fake_type(f, "thread_info", INFO_SIZE);
	fake_symbol(f, "runqueues", RUNQUEUES, 0x100, NULL);
	fake_member(f, "rq", "curr", 0x18, 8);
	fake_member(f, "task_struct", "pid", 0x100, 4);
	fake_member(f, "task_struct", "comm", 0x110, 16);
	fake_member(f, "task_struct", "stack", 0x120, 8);
	if (thread_info_in_task) { /* 7.2 */
		fake_member(f, "task_struct", "thread_info", 0, 64);
		fake_member(f, "thread_info", "cpu", 16, 4);
	} else {
		fake_member(f, "thread_info", "task", 0, 8);
		fake_member(f, "thread_info", "cpu", 24, 4);
	}
	fake_symbol(f, "__cpu_possible_mask", W + 0x20000, 8, NULL);
	fake_put_u64(f, 0x20000, 0xf);
	fake_symbol(f, "__cpu_online_mask", W + 0x20008, 8, NULL);
	fake_put_u64(f, 0x20008, 0xf);
	for (unsigned n = 0; n < NCPUS; n++) {
		char comm[16] = "task ";
		uint64_t info = thread_info_in_task ? TASK(n) : STACK(n);

		comm[5] = (char)('0' + n);
		g->percpu[n] = AREA(n);
		fake_put_u64(f, 0x10000 + AREA(n) + 0x18, TASK(n));
		fake_put_u32(f, TASK(n) - W + 0x100, 100 + n);
		fake_put(f, TASK(n) - W + 0x110, comm, 16);
		fake_put_u64(f, TASK(n) - W + 0x120, STACK(n));
		fake_put(f, STACK(n) - W, (char[0x4000]){ 0 }, 0x4000);
		fake_put_u64(f, STACK(n) - W + (thread_info_in_task ? 0 : INFO_SIZE),
			     STACK_END_MAGIC);
		fake_put_u32(f, info - W + (thread_info_in_task ? 16 : 24), n);
		if (!thread_info_in_task)
			fake_put_u64(f, info - W, TASK(n));
	}
	return g;
}

static void guest_free(struct guest *g)
{
	la_arena_free(g->arena);
	fake_free(g->f);
	free(g);
}

/* What QEMU writes for one vCPU: PRSTATUS (pid = index + 1) and a floating-point note. */
static void add_note(struct guest *g, unsigned vcpu, uint64_t ra, uint64_t tp, uint64_t sp,
		     uint64_t u0)
{
	uint32_t head[3] = { 5, 480, 1 }, fp[3] = { 5, 268, 2 }, pid = vcpu + 1;
	unsigned char *p = g->all + g->size, *regs = p + 20 + 112;

	memcpy(p, head, 12);
	memcpy(p + 12, "CORE", 5);
	memcpy(p + 20 + 32, &pid, 4);
	memcpy(regs + 8, &ra, 8);
	memcpy(regs + 16, &tp, 8);
	memcpy(regs + 24, &sp, 8);
	memcpy(regs + 21 * 8, &u0, 8);
	memcpy(p + 500, fp, 12);
	memcpy(p + 512, "CORE", 5);
	g->size += 500 + 20 + 268;
	fake_door(g->f)->notes = g->all;
	fake_door(g->f)->notes_size = g->size;
}

static uint64_t tp_of(const struct guest *g, unsigned n)
{
	return g->k.thread_info_in_task ? TASK(n) : STACK(n);
}

static void analyse(struct guest *g)
{
	assert_int_equal(la_cpus_analyse(&g->k, g->arena, &g->cpus, NULL), LA_OK);
}

static void check_task(const struct la_cpu *c, unsigned n)
{
	assert_int_equal(c->task.address, TASK(n));
	assert_true(c->task.pid_known);
	assert_int_equal(c->task.pid, 100 + n);
	assert_int_equal(c->task.comm[5], '0' + n);
}

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

/* A CPU that Linux never started waits in the firmware, with physical addresses. */
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
	assert_int_equal(g->cpus.cpu[3].state, LA_CPU_FIRMWARE);
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
	guest_free(g);

	g = guest_new(true);
	add_note(g, 2, 0, TASK(2), STACK(2) + 0x3000, AREA(2));
	analyse(g);
	assert_int_equal(g->cpus.n, NCPUS);
	assert_int_equal(g->cpus.cpu[2].regs.source, LA_REGS_NOTE);
	assert_int_equal(g->cpus.cpu[1].regs.source, LA_REGS_NONE);
	assert_int_equal(g->cpus.cpu[1].stack.stop, LA_STOP_NO_REGS);
	check_task(&g->cpus.cpu[1], 1);
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

/* A CPU that is in the first kernel while its crash kernel runs is no CPU of the latter. */
static void test_other_kernel(void **state)
{
	static const struct la_relocation place = { .known = true,
						    .other = { { 0xd0000000, LA_KERNEL_FIRST } },
						    .nothers = 1 };
	const uint64_t first = W + 0xd0000000;

	(void)state;
	for (int with_pgdh = 0; with_pgdh < 2; with_pgdh++) {
		struct guest *g = guest_new(true);
		struct la_vcpu_regs text = { .pid = 2, .regs = { .source = LA_REGS_TEXT } };
		const struct la_cpu *c;

		fake_symbol(g->f, "_stext", W + 0x300000, 0, NULL);
		fake_symbol(g->f, "_etext", W + 0x380000, 0, NULL);
		fake_symbol(g->f, "swapper_pg_dir", W + 0x400000, 0x4000, NULL);
		g->k.place = &place;
		add_note(g, 0, W + 0x300044, TASK(0), STACK(0) + 0x3000, AREA(0));
		add_note(g, 1, with_pgdh ? 0 : first + 0x300044, TASK(1), STACK(1) + 0x3000,
			 0x123456);
		if (with_pgdh) {
			for (unsigned n = 0; n < LA_NGPR; n++)
				la_gpr_set(&text.regs, n, 0);
			la_gpr_set(&text.regs, LA_R_TP, TASK(1));
			la_gpr_set(&text.regs, LA_R_SP, STACK(1) + 0x3000);
			la_gpr_set(&text.regs, LA_R_U0, 0x123456);
			la_csr_set(&text.regs, LA_CSR_PGDH, first + 0x400000);
			text.regs.pc = W + 0x9876543210;
			text.regs.pc_known = true;
		}
		assert_int_equal(la_cpus_analyse_text(&g->k, g->arena, &text, (size_t)with_pgdh,
						      &g->cpus, NULL),
				 LA_OK);
		assert_true(g->cpus.cpu[0].matched);
		assert_null(g->cpus.cpu[0].other);
		assert_int_equal(g->cpus.n, NCPUS + 1);
		assert_false(g->cpus.cpu[1].matched);
		c = &g->cpus.cpu[NCPUS];
		assert_int_equal(c->vcpu, 1);
		assert_ptr_equal(c->other, &place.other[0]);
		assert_string_equal(c->remark, "it is in the first kernel, at offset 0xd0000000");
		assert_int_equal(c->state, LA_CPU_UNKNOWN);
		assert_int_equal(c->task.address, 0);
		assert_int_equal(c->stack.n, 0);
		assert_int_equal(c->pc_source, with_pgdh ? LA_PC_TEXT : LA_PC_NONE);
		guest_free(g);
	}
}

/* On the crash kernel's stack, in the first one's code: what jumps there before it has vectors of its own. */
static void test_other_code(void **state)
{
	const struct la_relocation place = { .known = true,
					     .other = { { 0xd0000000, LA_KERNEL_FIRST } },
					     .nothers = 1,
					     .kept_start = 0x300000,
					     .kept_end =
						     (STACK(1) & UINT64_C(0xffffffffff)) + 0x4000 };
	struct guest *g = guest_new(true);

	(void)state;
	fake_symbol(g->f, "_stext", W + 0x300000, 0, NULL);
	fake_symbol(g->f, "_etext", W + 0x380000, 0, NULL);
	g->k.place = &place;
	add_note(g, 0, W + 0xd0300044, TASK(1), STACK(1) + 0x3000, AREA(1));
	analyse(g);
	assert_int_equal(g->cpus.n, NCPUS);
	assert_true(g->cpus.cpu[1].matched);
	assert_null(g->cpus.cpu[1].other);
	check_task(&g->cpus.cpu[1], 1);
	guest_free(g);
}

/* One of the kernel's own notes, as /proc/vmcore has them: registers of struct pt_regs, pid of the task. */
static size_t put_kernel_note(unsigned char *p, uint32_t pid, uint64_t tp, uint64_t sp, uint64_t pc)
{
	const uint32_t head[3] = { 5, 480, 1 };
	unsigned char *regs = p + 20 + 112;
	const uint64_t crmd = 0xb0, s0 = pc ^ 0x5555;

	memset(p, 0, 500);
	memcpy(p, head, 12);
	memcpy(p + 12, "CORE", 5);
	memcpy(p + 20 + 32, &pid, 4);
	memcpy(regs + 2 * 8, &tp, 8);
	memcpy(regs + 3 * 8, &sp, 8);
	memcpy(regs + 23 * 8, &s0, 8);
	memcpy(regs + 33 * 8, &pc, 8);
	memcpy(regs + 35 * 8, &crmd, 8);
	return 500;
}

/*
 * A vmcore of kdump: two CPUs in user mode, which their notes in memory or else their tasks tell apart, and
 * one that saved nothing. No text of registers was given.
 */
static void test_vmcore(void **state)
{
	(void)state;
	for (int with_memory = 0; with_memory < 2; with_memory++) {
		struct guest *g = guest_new(true);
		const uint64_t user = 0x120001234;
		size_t size = 0;

		/* the order is not that of the CPUs */
		size += put_kernel_note(g->all + size, 100, TASK(0), STACK(0) + 0x3000,
					W + 0x300010);
		size += put_kernel_note(g->all + size, 103, 0x7ffff7f00000, 0x7fffff000000,
					user + 3);
		size += put_kernel_note(g->all + size, 101, 0x7ffff7f00000, 0x7fffff000000,
					user + 1);
		fake_door(g->f)->notes = g->all;
		fake_door(g->f)->notes_size = size;
		fake_symbol(g->f, "some_function", W + 0x300000, 0x100, NULL);
		if (with_memory) {
			fake_symbol(g->f, "crash_notes", W + 0x40000, 8, NULL);
			fake_put_u64(g->f, 0x40000, W + 0x50000);
			for (unsigned n = 0; n < NCPUS; n++)
				fake_put(g->f, 0x50000 + AREA(n), (char[512]){ 0 }, 512);
			fake_put(g->f, 0x50000 + AREA(0), g->all, 500);
			fake_put(g->f, 0x50000 + AREA(3), g->all + 500, 500);
			fake_put(g->f, 0x50000 + AREA(1), g->all + 1000, 500);
			/* of another task than its run queue says: in the middle of a switch */
			fake_put_u32(g->f, TASK(3) - W + 0x100, 999);
		}
		analyse(g);
		assert_int_equal(g->cpus.n, NCPUS);
		for (unsigned n = 0; n < NCPUS; n++) {
			const struct la_cpu *c = &g->cpus.cpu[n];

			assert_int_equal(c->cpu, n);
			assert_int_equal(c->vcpu, -1);
			assert_int_equal(c->matched, n != 2);
			if (n == 2) {
				assert_int_equal(c->regs.source, LA_REGS_NONE);
				assert_int_equal(c->pc_source, LA_PC_NONE);
				continue;
			}
			assert_int_equal(c->regs.source, LA_REGS_CRASH_NOTES);
			assert_int_equal(c->pc_source, LA_PC_CRASH_NOTES);
			assert_int_equal(c->pc, n ? user + n : W + 0x300010);
			assert_int_equal(c->state == LA_CPU_USER, n != 0);
		}
		guest_free(g);
	}
}

/* --- states --- */

#define MAX 8
struct stack_case {
	const char *function
		[MAX]; /* innermost first; in front of one that holds a pt_regs: '#' an interrupt's, '$' a system call's, '!' another's */
	enum la_cpu_state state, before;
	bool from_user;
};

/* Stacks as gdb showed them on real guests, and others from the kernel's source. */
static const struct stack_case stack_cases[] = {
	{ { "stop_this_cpu", "__flush_smp_call_function_queue", "loongson_ipi_interrupt", "do_vint",
	    "#handle_vint", "idle_exit", "arch_cpu_idle", "do_idle" },
	  LA_CPU_STOPPED,
	  LA_CPU_IDLE,
	  false },
	{ { "stop_this_cpu", "do_vint", "#handle_vint" }, LA_CPU_STOPPED, LA_CPU_USER, true },
	{ { "stop_this_cpu", "do_vint", "#handle_vint", "__clear_user_fast", "vfs_read" },
	  LA_CPU_STOPPED,
	  LA_CPU_RUNNING,
	  false },
	{ { "__udelay", "vpanic", "panic", "do_exit", "die" },
	  LA_CPU_PANICKING,
	  LA_CPU_UNKNOWN,
	  false },
	{ { "tick_nohz_handler", "do_vint", "#handle_vint", "__udelay", "panic" },
	  LA_CPU_PANICKING,
	  LA_CPU_UNKNOWN,
	  false },
	{ { "panic_smp_self_stop", "panic", "die" }, LA_CPU_STOPPED, LA_CPU_UNKNOWN, false },
	{ { "crash_shutdown_secondary", "__flush_smp_call_function_queue", "do_vint",
	    "#handle_vint", "queued_spin_lock_slowpath", "_raw_spin_lock" },
	  LA_CPU_KDUMP_STOPPED,
	  LA_CPU_SPINNING,
	  false },
	{ { "__arch_cpu_idle", "arch_cpu_idle", "default_idle_call", "do_idle",
	    "cpu_startup_entry" },
	  LA_CPU_IDLE,
	  LA_CPU_UNKNOWN,
	  false },
	{ { "__schedule", "schedule_idle", "do_idle", "cpu_startup_entry" },
	  LA_CPU_RUNNING,
	  LA_CPU_UNKNOWN,
	  false },
	{ { "queued_spin_lock_slowpath.constprop.0", "_raw_spin_lock", "futex_wake" },
	  LA_CPU_SPINNING,
	  LA_CPU_UNKNOWN,
	  false },
	{ { "smp_call_function_many_cond", "on_each_cpu_cond_mask", "flush_tlb_all" },
	  LA_CPU_IPI_WAIT,
	  LA_CPU_UNKNOWN,
	  false },
	/* It runs the function itself, on its own CPU: no waiting. */
	{ { "do_flush", "do_nothing", "smp_call_function_many_cond" },
	  LA_CPU_RUNNING,
	  LA_CPU_UNKNOWN,
	  false },
	{ { "__delay", "__udelay", "some_driver" }, LA_CPU_DELAY, LA_CPU_UNKNOWN, false },
	{ { "timer_function", "run_timers", "do_irq", "#an_entry", "vfs_read" },
	  LA_CPU_IRQ,
	  LA_CPU_RUNNING,
	  false },
	{ { "do_page_fault", "!tlb_do_page_fault_0", "__clear_user" },
	  LA_CPU_EXCEPTION,
	  LA_CPU_RUNNING,
	  false },
	{ { "vfs_read", "do_syscall", "$handle_syscall" }, LA_CPU_RUNNING, LA_CPU_UNKNOWN, true },
	{ { "worker_thread", "kthread", "ret_from_kernel_thread", "ret_from_kernel_thread_asm" },
	  LA_CPU_RUNNING,
	  LA_CPU_UNKNOWN,
	  false },
	{ { "panic_notifier", "vfs_read" }, LA_CPU_RUNNING, LA_CPU_UNKNOWN, false },
	{ { "idle_play_dead", "arch_cpu_idle_dead", "do_idle" },
	  LA_CPU_OFFLINE,
	  LA_CPU_UNKNOWN,
	  false },
};

static void test_states(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(stack_cases) / sizeof(stack_cases[0]); i++) {
		const struct stack_case *s = &stack_cases[i];
		struct la_frame frame[MAX] = { 0 };
		struct la_cpu c = { .stack.frame = frame };

		for (; c.stack.n < MAX && s->function[c.stack.n]; c.stack.n++) {
			const char *name = s->function[c.stack.n];

			const enum la_entry entry = *name == '#' ? LA_ENTRY_INTERRUPT :
						    *name == '$' ? LA_ENTRY_SYSCALL :
						    *name == '!' ? LA_ENTRY_EXCEPTION :
								   LA_ENTRY_NONE;

			frame[c.stack.n].symbol = name + (entry != LA_ENTRY_NONE);
			frame[c.stack.n].pt_regs = entry ? W : 0;
			frame[c.stack.n].entry = entry;
		}
		c.stack.stop = s->from_user ? LA_STOP_USER : LA_STOP_END;
		c.state = la_cpu_state_of(frame, c.stack.n);
		la_cpu_find_before(&c);
		if (c.state != s->state || c.before != s->before)
			fail_msg("%s...: %s before %s", s->function[0], la_cpu_state_name(c.state),
				 la_cpu_state_name(c.before));
	}
	assert_int_equal(la_cpu_state_of(NULL, 0), LA_CPU_UNKNOWN);
}

/* --- waiting --- */

static void test_lock(void **state)
{
	struct guest *g = guest_new(true);
	struct la_cpu c = { .state = LA_CPU_SPINNING,
			    .verified = true,
			    .symbol = "queued_spin_lock_slowpath" };

	(void)state;
	la_gpr_set(&c.regs, LA_R_A0, W + 0x60010);
	fake_put_u64(g->f, 0x60010, 0);
	la_cpu_find_wait(&g->k, g->arena, &c);
	assert_int_equal(c.lock, 0); /* nobody holds that: it is no lock, or was just given back */

	fake_put_u32(g->f, 0x60010, 1);
	fake_symbol(g->f, "some_table", W + 0x60000, 0x100, NULL);
	la_cpu_find_wait(&g->k, g->arena, &c);
	assert_int_equal(c.lock, W + 0x60010);
	assert_string_equal(c.lock_symbol, "some_table");
	assert_int_equal(c.lock_offset, 0x10);
	assert_int_equal(c.lock_owner, 0);

	fake_member(g->f, "raw_spinlock", "owner", 16, 8); /* CONFIG_DEBUG_SPINLOCK */
	fake_put_u64(g->f, 0x60020, TASK(2));
	la_cpu_find_wait(&g->k, g->arena, &c);
	assert_int_equal(c.lock_owner, TASK(2));
	fake_put_u64(g->f, 0x60020, UINT64_MAX); /* SPINLOCK_OWNER_INIT */
	c.lock_owner = 0;
	la_cpu_find_wait(&g->k, g->arena, &c);
	assert_int_equal(c.lock_owner, 0);
	guest_free(g);
}

/* kernel/smp.c: cfd_data of the sender, in it a request for each receiver. */
static void test_ipi(void **state)
{
	struct guest *g = guest_new(true);
	struct la_cpu c = { .cpu = 1,
			    .matched = true,
			    .state = LA_CPU_IPI_WAIT,
			    .verified = true,
			    .symbol = "smp_call_function_many_cond" };

	(void)state;
	la_cpu_find_wait(&g->k, g->arena, &c);
	assert_int_equal(c.waits_for, -1);

	fake_symbol(g->f, "cfd_data", W + 0x70000, 32, NULL);
	fake_member(g->f, "call_function_data", "csd", 0, 8);
	fake_member(g->f, "__call_single_data", "node", 0, 16);
	fake_member(g->f, "__call_single_node", "u_flags", 8, 4);
	fake_put_u64(g->f, 0x70000 + AREA(1), W + 0x80000);
	for (unsigned n = 0; n < NCPUS; n++)
		fake_put_u64(g->f, 0x80000 + AREA(n) + 8, n == 2 ? 0x11 : 0x10);
	fake_put_u64(g->f, 0x80000 + AREA(1) + 8, 0x11); /* its own does not count */
	la_cpu_find_wait(&g->k, g->arena, &c);
	assert_int_equal(c.waits_for, 2);
	assert_int_equal(c.nwaits_for, 1);

	fake_put_u64(g->f, 0x80000 + AREA(3) + 8, 0x11);
	c.nwaits_for = 0;
	la_cpu_find_wait(&g->k, g->arena, &c);
	assert_int_equal(c.nwaits_for, 2);
	assert_int_equal(c.waits_for_all[0], 2);
	assert_int_equal(c.waits_for_all[1], 3);
	guest_free(g);
}

#define QUEUE(n) (0x90000 + AREA(n)) /* call_single_queue, per CPU */
#define CSD(n) (0xa0000 + 64 * (uint64_t)(n))

static void csd_at(struct guest *g, uint64_t csd, uint64_t next, uint32_t flags, uint64_t func)
{
	fake_put_u64(g->f, csd, next);
	fake_put_u32(g->f, csd + 8, flags);
	fake_put_u64(g->f, csd + 16, func);
}

static void make_queues(struct guest *g)
{
	fake_symbol(g->f, "call_single_queue", W + 0x90000, 8, NULL);
	fake_symbol(g->f, "handle_backtrace", W + 0xb0000, 0x100, NULL);
	fake_member(g->f, "__call_single_data", "node", 0, 16);
	fake_member(g->f, "__call_single_data", "func", 16, 8);
	fake_member(g->f, "__call_single_node", "u_flags", 8, 4);
	for (unsigned n = 0; n < NCPUS; n++)
		fake_put_u64(g->f, QUEUE(n), 0);
}

/* What others have queued for a CPU: how many, and the function of the oldest. */
static void test_pending(void **state)
{
	struct guest *g = guest_new(true);
	struct la_cpu c = { .cpu = 1 };

	(void)state;
	la_cpu_find_pending(&g->k, g->arena, &c);
	assert_false(c.calls_known);
	make_queues(g);
	la_cpu_find_pending(&g->k, g->arena, &c);
	assert_true(c.calls_known);
	assert_int_equal(c.calls, 0);

	/* newest first: a wake-up, which names no function, then a call */
	csd_at(g, CSD(0), W + CSD(1), 0x31, 0x1234);
	csd_at(g, CSD(1), 0, 0x11, W + 0xb0000);
	fake_put_u64(g->f, QUEUE(1), W + CSD(0));
	la_cpu_find_pending(&g->k, g->arena, &c);
	assert_int_equal(c.calls, 2);
	assert_string_equal(c.call, "handle_backtrace");

	/* in the middle of a function is no function's start */
	csd_at(g, CSD(1), 0, 0x11, W + 0xb0004);
	c = (struct la_cpu){ .cpu = 1 };
	la_cpu_find_pending(&g->k, g->arena, &c);
	assert_int_equal(c.calls, 2);
	assert_null(c.call);

	/* a circle, and a queue that leads nowhere */
	csd_at(g, CSD(1), W + CSD(0), 0x11, W + 0xb0000);
	c = (struct la_cpu){ .cpu = 1 };
	la_cpu_find_pending(&g->k, g->arena, &c);
	assert_false(c.calls_known);
	assert_int_equal(c.calls, 0);
	assert_null(c.call);
	assert_string_equal(c.remark, "its queue of IPI requests is damaged");
	csd_at(g, CSD(1), 0x1234, 0x11, W + 0xb0000);
	la_cpu_find_pending(&g->k, g->arena, &c);
	assert_false(c.calls_known);
	guest_free(g);
}

/* struct rq: clock; struct task_struct: sched_info.last_arrival. */
static void test_since(void **state)
{
	struct guest *g = guest_new(true);
	struct la_cpu cpu[3] = {
		{ .cpu = 0, .matched = true, .task = { W + 0xc0000, .pid = 7, .pid_known = true } },
		{ .cpu = 1, .matched = true, .task = { W + 0xc1000, .pid = 0, .pid_known = true } },
		{ .cpu = 2, .task = { W + 0xc0000, .pid = 7, .pid_known = true } }
	};
	struct la_cpus cpus = { .cpu = cpu, .n = 3 };

	(void)state;
	fake_put_u64(g->f, RUNQUEUES - W + 0x40 + AREA(0), 3000000000);
	fake_put_u64(g->f, RUNQUEUES - W + 0x40 + AREA(1), 8000000000);
	fake_member(g->f, "sched_info", "last_arrival", 8, 8);
	fake_put_u64(g->f, 0xc0028, 2000000000);
	fake_put_u64(g->f, 0xc1028, 2000000000);
	la_cpus_find_since(&g->k, &cpus);
	assert_false(cpu[0].clock_age_known || cpu[0].since_known);

	fake_member(g->f, "rq", "clock", 0x40, 8);
	fake_member(g->f, "task_struct", "sched_info", 0x20, 32);
	la_cpus_find_since(&g->k, &cpus);
	assert_true(cpu[0].clock_age_known && cpu[1].clock_age_known && !cpu[2].clock_age_known);
	assert_int_equal(cpu[0].clock_age_ns, 5000000000);
	assert_int_equal(cpu[1].clock_age_ns, 0);
	assert_true(cpu[0].since_known);
	assert_int_equal(cpu[0].since_ns, 6000000000);
	assert_false(cpu[1].since_known); /* an idle task has no arrival, whatever is there */

	/* an arrival after every clock is damage */
	fake_put_u64(g->f, 0xc0028, 9000000000);
	cpu[0].since_known = false;
	la_cpus_find_since(&g->k, &cpus);
	assert_false(cpu[0].since_known);

	/* se.sum_exec_runtime, se.prev_sum_exec_runtime: of fair tasks */
	fake_symbol(g->f, "fair_sched_class", W + 0xe0000, 0x100, NULL);
	fake_member(g->f, "task_struct", "se", 0x80, 64);
	fake_member(g->f, "task_struct", "sched_class", 0x100, 8);
	fake_member(g->f, "sched_entity", "sum_exec_runtime", 0, 8);
	fake_member(g->f, "sched_entity", "prev_sum_exec_runtime", 8, 8);
	fake_put_u64(g->f, 0xc0080, 700000000);
	fake_put_u64(g->f, 0xc0088, 200000000);
	fake_put_u64(g->f, 0xc0100, W + 0xe1000);
	la_cpus_find_since(&g->k, &cpus);
	assert_false(cpu[0].since_known);
	fake_put_u64(g->f, 0xc0100, W + 0xe0000);
	la_cpus_find_since(&g->k, &cpus);
	assert_true(cpu[0].since_known);
	assert_int_equal(cpu[0].since_ns, 5500000000);
	guest_free(g);
}

/* smp_call_function_single() waits for a request that lies on its own stack. */
static void test_ipi_single(void **state)
{
	struct guest *g = guest_new(true);
	struct la_cpu c = { .cpu = 1,
			    .matched = true,
			    .state = LA_CPU_IPI_WAIT,
			    .verified = true,
			    .symbol = "smp_call_function_single" };

	(void)state;
	make_queues(g);
	la_gpr_set(&c.regs, LA_R_SP, W + 0xa4100);
	fake_put_u64(g->f, QUEUE(2), W + 0xa4180);
	csd_at(g, 0xa4180, 0, 0x11, W + 0xb0000);
	la_cpu_find_wait(&g->k, g->arena, &c);
	assert_int_equal(c.waits_for, 2);
	assert_int_equal(c.nwaits_for, 1);

	la_gpr_set(&c.regs, LA_R_SP, W + 0xa8100); /* another's stack */
	c.nwaits_for = 0;
	la_cpu_find_wait(&g->k, g->arena, &c);
	assert_int_equal(c.waits_for, -1);
	guest_free(g);
}

static void test_host(void **state)
{
	struct guest *g = guest_new(true);
	struct la_cpu c = { .cpu = 1 };

	(void)state;
	fake_symbol(g->f, "kernel_cpustat", W + 0xc0000, 80, NULL);
	fake_enumerator(g->f, "CPUTIME_STEAL", 7);
	fake_put_u64(g->f, 0xc0000 + AREA(1) + 56, 1500000000);
	fake_symbol(g->f, "steal_time", W + 0xd0000, 64, NULL);
	fake_member(g->f, "kvm_steal_time", "version", 8, 4);
	fake_member(g->f, "kvm_steal_time", "preempted", 16, 1);
	fake_put_u64(g->f, 0xd0000 + AREA(1) + 8, 0);
	fake_put_u64(g->f, 0xd0000 + AREA(1) + 16, 1);
	la_cpu_find_pending(&g->k, g->arena, &c);
	assert_true(c.steal_known);
	assert_int_equal(c.steal_ns, 1500000000);
	assert_false(c.preempted_known); /* nobody has written it */
	fake_put_u64(g->f, 0xd0000 + AREA(1) + 8, 2);
	la_cpu_find_pending(&g->k, g->arena, &c);
	assert_true(c.preempted_known);
	assert_true(c.preempted);
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
		cmocka_unit_test(test_text_of_another_guest),
		cmocka_unit_test(test_more_and_fewer_notes),
		cmocka_unit_test(test_stack_overflow),
		cmocka_unit_test(test_crash_notes),
		cmocka_unit_test(test_vmcore),
		cmocka_unit_test(test_other_kernel),
		cmocka_unit_test(test_other_code),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_ipi),
		cmocka_unit_test(test_ipi_single),
		cmocka_unit_test(test_pending),
		cmocka_unit_test(test_since),
		cmocka_unit_test(test_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
