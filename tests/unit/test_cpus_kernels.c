// SPDX-License-Identifier: GPL-3.0-or-later
// CPUs where two kernels are in memory, and in a vmcore of kdump.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cpus_guest.h"

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
		/* each has marked itself offline before it saved them */
		fake_put_u64(g->f, 0x20008, 1 << 2);
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
			assert_null(c->remark);
			assert_int_equal(c->pc_source, LA_PC_CRASH_NOTES);
			assert_int_equal(c->pc, n ? user + n : W + 0x300010);
			assert_int_equal(c->state == LA_CPU_USER, n != 0);
		}
		guest_free(g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_other_kernel),
		cmocka_unit_test(test_other_code),
		cmocka_unit_test(test_vmcore),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
