/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A guest of four CPUs for tests of what each of them was doing. */
#ifndef LAKVM_TEST_CPUS_GUEST_H
#define LAKVM_TEST_CPUS_GUEST_H

#include <stdlib.h>
#include <string.h>

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
static inline struct guest *guest_new(bool thread_info_in_task)
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

static inline void guest_free(struct guest *g)
{
	la_arena_free(g->arena);
	fake_free(g->f);
	free(g);
}

/* What QEMU writes for one vCPU: PRSTATUS (pid = index + 1) and a floating-point note. */
static inline void add_note(struct guest *g, unsigned vcpu, uint64_t ra, uint64_t tp, uint64_t sp,
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

static inline uint64_t tp_of(const struct guest *g, unsigned n)
{
	return g->k.thread_info_in_task ? TASK(n) : STACK(n);
}

static inline void analyse(struct guest *g)
{
	assert_int_equal(la_cpus_analyse(&g->k, g->arena, &g->cpus, NULL), LA_OK);
}

static inline void check_task(const struct la_cpu *c, unsigned n)
{
	assert_int_equal(c->task.address, TASK(n));
	assert_true(c->task.pid_known);
	assert_int_equal(c->task.pid, 100 + n);
	assert_int_equal(c->task.comm[5], '0' + n);
}

#define KEEPER (W + 0xf0000)

/* The guest's clock: 20 s after boot. */
static inline void put_clock(struct guest *g)
{
	fake_symbol(g->f, "tk_core", KEEPER, 0x80, NULL);
	fake_type(g->f, "timekeeper", 0x78);
	fake_member(g->f, "timekeeper", "tkr_mono", 0, 64);
	fake_member(g->f, "timekeeper", "xtime_sec", 64, 8);
	fake_member(g->f, "timekeeper", "wall_to_monotonic", 72, 16);
	fake_member(g->f, "tk_read_base", "xtime_nsec", 40, 8);
	fake_member(g->f, "tk_read_base", "shift", 32, 4);
	fake_put(g->f, KEEPER - W, (char[0x80]){ 0 }, 0x80);
	fake_put_u64(g->f, KEEPER - W + 8 + 64, 1000);
	fake_put_u64(g->f, KEEPER - W + 8 + 72, (uint64_t)-980);
}

#endif
