/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A guest with hand-made code and stacks. All its functions look alike unless a test changes
 * them: 0x100 bytes long, a frame of 32 bytes with ra at 24 and s0 at 16, and one call at CALL.
 */
#ifndef LAKVM_TEST_GUEST_H
#define LAKVM_TEST_GUEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "asm.h"
#include "debug_frame.h"
#include "fake.h"
#include "lakvm/guest/kernel.h"
#include "lakvm/guest/init.h"
#include "lakvm/guest/task.h"
#include "lakvm/stack/unwind.h"
#include "lakvm/stack/cfi.h"

#define WINDOW UINT64_C(0x9000000000000000)
#define TEXT (WINDOW | 0x200000)
#define FN(n) (TEXT + 0x1000 + 0x100 * (uint64_t)(n))
#define CALL 0x20
#define BACK(n) (FN(n) + CALL + 4) /* return address of its call */
#define FRAME 32

#define STACK (WINDOW | 0x1000000) /* of the task, 16 KiB */
#define STACK_TOP (STACK + LA_THREAD_SIZE)
#define BOTTOM (STACK_TOP - LA_PT_REGS_SIZE) /* where the outermost function is */
#define IRQ_STACK (WINDOW | 0x2000000)
#define IRQ_START (IRQ_STACK + LA_THREAD_SIZE - 16)
#define VECTORS (WINDOW | 0x300000)
#define PERCPU_IRQ_STACK (WINDOW | 0x400000)
#define TASK (WINDOW | 0x500000)

struct guest {
	struct fake *fake;
	struct la_arena *arena;
	struct la_kernel k;
	struct la_regs regs;
	struct la_stack stack;
	char *vmlinux;
};

static const uint64_t guest_percpu[1] = { 0 };

static inline void put64(struct guest *g, uint64_t va, uint64_t value)
{
	fake_put_u64(g->fake, va - WINDOW, value);
}

static inline void code(struct guest *g, uint64_t va, uint32_t insn)
{
	fake_put_u32(g->fake, va - WINDOW, insn);
}

/* Function n, which calls function @callee; -1: nothing. */
static inline void function(struct guest *g, unsigned n, const char *name, int callee)
{
	uint64_t at = FN(n);

	fake_symbol(g->fake, name, at, 0x100, NULL);
	for (unsigned i = 0; i < 0x100; i += 4)
		code(g, at + i, NOP);
	code(g, at, ADDI_D(SP, SP, -FRAME));
	code(g, at + 4, ST_D(RA, SP, 24));
	code(g, at + 8, ST_D(S0, SP, 16));
	if (callee >= 0)
		code(g, at + CALL, BL(at + CALL, FN(callee)));
	code(g, at + 0xf0, LD_D(RA, SP, 24));
	code(g, at + 0xf4, LD_D(S0, SP, 16));
	code(g, at + 0xf8, ADDI_D(SP, SP, FRAME));
	code(g, at + 0xfc, RET);
}

static inline struct guest guest_new(void)
{
	struct guest g = { .fake = fake_new(), .arena = la_arena_new(8 << 20) };

	assert_int_equal(la_geometry_init(&g.k.mmu.geometry, 14, 3, NULL), LA_OK);
	g.k.door = fake_door(g.fake);
	g.k.mmu.dmw[1] = UINT64_C(0x9000000000000011);
	g.k.mmu.kernel_pgd = WINDOW | 0x600000;
	g.k.ncpus = 1;
	g.k.percpu = guest_percpu;
	g.k.thread_info_in_task = true;
	fake_symbol(g.fake, "_stext", TEXT, 0, NULL);
	fake_symbol(g.fake, "_etext", TEXT + 0x80000, 0, NULL);
	fake_symbol(g.fake, "exception_handlers", VECTORS, 0x10000, NULL);
	fake_symbol(g.fake, "irq_stack", PERCPU_IRQ_STACK, 8, NULL);
	fake_member(g.fake, "task_struct", "stack", 0x20, 8);
	put64(&g, PERCPU_IRQ_STACK, IRQ_STACK);
	put64(&g, TASK + 0x20, STACK);
	for (uint64_t at = 0; at < LA_THREAD_SIZE; at += 8) {
		put64(&g, STACK + at, 0xdeadbeef);
		put64(&g, IRQ_STACK + at, 0xdeadbeef);
	}
	g.regs.source = LA_REGS_TEXT;
	la_gpr_set(&g.regs, LA_R_ZERO, 0);
	la_gpr_set(&g.regs, LA_R_TP, TASK);
	la_gpr_set(&g.regs, LA_R_U0, 0);
	return g;
}

static inline void guest_free(struct guest *g)
{
	la_cfi_close(&g->k);
	if (g->vmlinux)
		unlink(g->vmlinux);
	free(g->vmlinux);
	fake_free(g->fake);
	la_arena_free(g->arena);
}

/* Describe functions 0..n-1 in call-frame information, as a compiler would. */
static inline void describe(struct guest *g, unsigned n)
{
	static const unsigned char program[] = {
		0x41 + 3, 0x0e,      FRAME,          /* +4: sp is lowered */
		0x41 + 7, 0x81,      1,     0x97, 2, /* +12: ra at cfa-8, s0 at cfa-16 */
		0x02,     0xf4 - 12, 0xc1,           /* +0xf4: ra is back */
		0x41 + 3, 0xd7,                      /* +0xf8: s0 is back */
		0x41 + 3, 0x0e,      0,              /* +0xfc: sp is back */
	};
	struct frames_section s = { .size = 0 };
	struct la_error err = { "" };

	frame_cie(&s);
	for (unsigned i = 0; i < n; i++)
		frame_fde(&s, FN(i), 0x100, program, sizeof(program));
	g->vmlinux = frame_write(&s);
	fake_door(g->fake)->vmlinux = g->vmlinux;
	assert_int_equal(la_cfi_open(&g->k, &err), LA_OK);
}

/* Put a standard frame of a function at @sp whose caller goes on at @ra. */
static inline uint64_t frame_at(struct guest *g, uint64_t sp, uint64_t ra, uint64_t s0)
{
	put64(g, sp + 24, ra);
	put64(g, sp + 16, s0);
	return sp + FRAME;
}

/* A struct pt_regs (asm/ptrace.h); general registers are 0 but for those given. */
static inline void pt_regs_at(struct guest *g, uint64_t at, uint64_t era, uint64_t sp, uint64_t ra,
			      uint64_t prmd)
{
	for (unsigned i = 0; i < LA_PT_REGS_SIZE; i += 8)
		put64(g, at + i, 0);
	put64(g, at + 8, ra);
	put64(g, at + 16, TASK);
	put64(g, at + 24, sp);
	put64(g, at + 264, era);
	put64(g, at + 280, 0xb0);
	put64(g, at + 288, prmd);
}

static inline void start_at(struct guest *g, uint64_t pc, uint64_t sp, uint64_t ra)
{
	g->regs.pc_known = pc != 0;
	g->regs.pc = pc;
	la_gpr_set(&g->regs, LA_R_SP, sp);
	la_gpr_set(&g->regs, LA_R_RA, ra);
}

#endif
