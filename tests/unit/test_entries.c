// SPDX-License-Identifier: GPL-3.0-or-later
// Exception entries that a vendor gave names of its own: what they are is in their code, and in what the
// vectors were copied from. Their instructions follow asm/stackframe.h and kernel/{genex,entry}.S.
#include "guest.h"
#include "stack/vectors.h"

enum { OUTER, MIDDLE, INNER, LEAF, DO_IRQ, OTHER, THREAD };

#define TOP (BOTTOM - 2 * FRAME) /* stack pointer of middle */
#define HANDLER(n) (TEXT + 0x4000 + 0x200 * (uint64_t)(n))
#define SLOT(n) (VECTORS + 0x200 * (uint64_t)(n))

enum { VINT, ADE, SYS, SYSCALL, LOAD, FAULT, REFILL, NHANDLERS };

/* la_abs: the address in four instructions, and a jump there by jirl with @link. */
static uint64_t far_jump(struct guest *g, uint64_t at, uint64_t to, unsigned link)
{
	code(g, at, LU12I_W(T0, to >> 12));
	code(g, at + 4, ORI(T0, T0, (int)(to & 0xfff)));
	code(g, at + 8, LU32I_D(T0, to >> 32));
	code(g, at + 12, LU52I_D(T0, T0, (int)(to >> 52)));
	code(g, at + 16, JIRL(link, T0, 0));
	return at + 20;
}

static void named(struct guest *g, unsigned n, const char *name)
{
	fake_symbol(g->fake, name, HANDLER(n), 0x200, NULL);
	for (unsigned i = 0; i < 0x200; i += 4)
		code(g, HANDLER(n) + i, NOP);
}

/* Returns the return address of its call. */
static uint64_t saver(struct guest *g, unsigned n, const char *name, bool puts_aside,
		      uint64_t callee)
{
	uint64_t at = HANDLER(n), back;

	named(g, n, name);
	if (puts_aside) {
		code(g, at, CSRWR(T0, 0x30));
		code(g, at + 4, CSRWR(T1, 0x31));
	}
	code(g, at + 8, CSRRD(T1, 1));
	code(g, at + 12, BEQZ(T1, 12));
	code(g, at + 16, MOVE(T0, SP));
	code(g, at + 20, LD_D(SP, T1, 0));
	code(g, at + 24, ADDI_D(SP, SP, -LA_PT_REGS_SIZE));
	code(g, at + 28, ST_D(T0, SP, 24));
	code(g, at + 32, ST_D(RA, SP, 8));
	code(g, at + 36, CSRRD(RA, 6));
	code(g, at + 40, ST_D(RA, SP, 264));
	code(g, at + 44, MOVE(A0, SP));
	code(g, at + 48, ORI(A1, ZERO, (int)n));
	back = far_jump(g, at + 0x100, callee, RA);
	code(g, back, LD_D(SP, SP, 24));
	code(g, back + 4, ERTN);
	return back;
}

static void jumper(struct guest *g, unsigned n, const char *name, uint64_t to)
{
	named(g, n, name);
	code(g, HANDLER(n), CSRWR(T0, 0x30));
	code(g, HANDLER(n) + 4, CSRRD(T0, 7));
	code(g, HANDLER(n) + 8, ERTN);
	far_jump(g, HANDLER(n) + 0x40, to, ZERO);
}

/* trap_init(): copy a handler to a slot. */
static void set_handler(struct guest *g, unsigned slot, unsigned n)
{
	unsigned char copy[0x200];

	assert_int_equal(la_read(&g->k, HANDLER(n), copy, sizeof(copy), NULL), LA_OK);
	fake_put(g->fake, SLOT(slot) - WINDOW, copy, sizeof(copy));
}

static const char *const plain[] = { "handle_vint",       "handle_ade",
				     "handle_sys",        "handle_syscall",
				     "handle_tlb_load",   "tlb_do_page_fault_0",
				     "handle_tlb_refill", "ret_from_kernel_thread_asm" };
static const char *const renamed[] = { "_handle_vint", "v_address", "_handle_sys", "v_call",
				       "_tlbl",        "_fault",    "_refill",     "v_thread" };

struct backs {
	uint64_t vint, ade, syscall, fault;
};

static struct guest kernel(const char *const *name, struct backs *ret)
{
	struct guest g = guest_new();

	function(&g, THREAD, name[NHANDLERS], -1);
	/* It takes no stack, and goes on to user mode. */
	code(&g, FN(THREAD), NOP);
	code(&g, FN(THREAD) + 4, NOP);
	code(&g, FN(THREAD) + 8, NOP);
	code(&g, FN(THREAD) + CALL, BL(FN(THREAD) + CALL, FN(OUTER)));
	for (unsigned i = 0xf0; i < 0x100; i += 4)
		code(&g, FN(THREAD) + i, ERTN);
	function(&g, OUTER, "outer", MIDDLE);
	function(&g, MIDDLE, "middle", LEAF);
	function(&g, INNER, "inner", OTHER);
	function(&g, LEAF, "leaf", -1);
	function(&g, DO_IRQ, "do_irq", INNER);
	function(&g, OTHER, "other", -1);
	ret->vint = saver(&g, VINT, name[VINT], true, FN(DO_IRQ)) - HANDLER(VINT);
	ret->ade = saver(&g, ADE, name[ADE], true, FN(DO_IRQ)) - HANDLER(ADE);
	ret->syscall = saver(&g, SYSCALL, name[SYSCALL], false, FN(DO_IRQ)) - HANDLER(SYSCALL);
	ret->fault = saver(&g, FAULT, name[FAULT], false, FN(DO_IRQ)) - HANDLER(FAULT);
	jumper(&g, SYS, name[SYS], HANDLER(SYSCALL));
	jumper(&g, LOAD, name[LOAD], HANDLER(FAULT));
	named(&g, REFILL, name[REFILL]);
	code(&g, HANDLER(REFILL), CSRWR(T0, 0x8b));
	code(&g, HANDLER(REFILL) + 4, CSRRD(T0, 0x1b));
	code(&g, HANDLER(REFILL) + 0x20, ERTN);
	for (unsigned slot = 0; slot < 128; slot++)
		set_handler(&g, slot,
			    slot == 80 ? REFILL :
			    slot >= 64 ? VINT :
			    slot == 11 ? SYS :
			    slot == 1  ? LOAD :
					 ADE);
	describe(&g, THREAD); /* all before it */
	la_vectors_open(&g.k, g.arena);
	return g;
}

static void walk(struct guest *g)
{
	la_unwind(&g->k, g->arena, &g->regs, 0, &g->stack);
}

/* Where an interrupt, an address error, a system call and a page fault are saved: the frames and what they say. */
static void test_saved(void **state)
{
	(void)state;
	for (unsigned vendor = 0; vendor < 2; vendor++) {
		const char *const *name = vendor ? renamed : plain;
		struct backs back;
		struct guest g = kernel(name, &back);
		const struct {
			unsigned handler;
			uint64_t back;
			unsigned estat;
			enum la_entry entry;
		} kind[] = {
			{ VINT, SLOT(76) + back.vint, 1 << 11, LA_ENTRY_INTERRUPT },
			{ ADE, SLOT(8) + back.ade, 8 << 16, LA_ENTRY_EXCEPTION },
			{ SYSCALL, HANDLER(SYSCALL) + back.syscall, 11 << 16, LA_ENTRY_SYSCALL },
			{ FAULT, HANDLER(FAULT) + back.fault, 1 << 16, LA_ENTRY_EXCEPTION },
			/* its ESTAT was not saved: the slot tells */
			{ VINT, SLOT(76) + back.vint, 0, LA_ENTRY_INTERRUPT },
		};

		for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
			const uint64_t pt = TOP - LA_PT_REGS_SIZE, sp = pt - 2 * FRAME;

			frame_at(&g, sp, BACK(DO_IRQ), 0);
			frame_at(&g, sp + FRAME, kind[i].back, 0);
			pt_regs_at(&g, pt, FN(LEAF), TOP, BACK(MIDDLE), 4);
			put64(&g, pt + 312, kind[i].estat);
			frame_at(&g, frame_at(&g, TOP, BACK(OUTER), 0), BACK(THREAD), 0);
			start_at(&g, FN(INNER) + 0x40, sp, 0);
			walk(&g);
			assert_int_equal(g.stack.n, 7);
			assert_string_equal(g.stack.frame[2].symbol, name[kind[i].handler]);
			assert_int_equal(g.stack.frame[2].pt_regs, pt);
			assert_int_equal(g.stack.frame[2].entry, kind[i].entry);
			assert_string_equal(g.stack.frame[3].symbol, "leaf");
			assert_true(g.stack.frame[3].pc_exact);
			assert_string_equal(g.stack.frame[6].symbol, name[NHANDLERS]);
			assert_int_equal(g.stack.stop, LA_STOP_END);
			assert_true(g.stack.verified);
		}
		guest_free(&g);
	}
}

/* Just entered: nothing is saved yet, or not all of it. */
static void test_just_entered(void **state)
{
	(void)state;
	for (unsigned vendor = 0; vendor < 2; vendor++) {
		struct backs back;
		struct guest g = kernel(vendor ? renamed : plain, &back);
		static const struct {
			uint64_t pc;
			bool lowered;
			enum la_csr era;
		} at[] = {
			{ SLOT(1) + 4, false, LA_CSR_ERA },
			{ SLOT(76) + 8, false, LA_CSR_ERA },
			{ SLOT(76) + 28, true, LA_CSR_ERA },
			{ (SLOT(80) & 0xffffffffffff) + 4, false, LA_CSR_TLBRERA },
		};

		for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
			frame_at(&g, frame_at(&g, TOP, BACK(OUTER), 0), BACK(THREAD), 0);
			frame_at(&g, TOP - FRAME, BACK(MIDDLE), 0);
			g.regs.csr_known = 0;
			la_csr_set(&g.regs, at[i].era, FN(LEAF) + 0x40);
			start_at(&g, at[i].pc, TOP - FRAME - (at[i].lowered ? LA_PT_REGS_SIZE : 0),
				 0);
			walk(&g);
			assert_int_equal(g.stack.n, 5);
			assert_string_equal(g.stack.frame[1].symbol, "leaf");
			assert_true(g.stack.verified);
		}
		guest_free(&g);
	}
}

/* Without the copies' own word: names where they are known, and nothing where they are not. */
static void test_unreadable_vectors(void **state)
{
	struct backs back;
	struct guest g = kernel(plain, &back);

	(void)state;
	fake_hide(g.fake, VECTORS - WINDOW, 0x10000, LA_EXCLUDED);
	la_vectors_open(&g.k, g.arena);
	assert_int_equal(la_vector_handler(&g.k, 76), HANDLER(VINT));
	guest_free(&g);
	g = kernel(renamed, &back);
	assert_int_equal(la_vector_handler(&g.k, 76), HANDLER(VINT));
	assert_int_equal(la_vector_handler(&g.k, 80), HANDLER(REFILL));
	assert_int_equal(la_vector_handler(&g.k, 128), 0);
	assert_int_equal(la_vector_saver(&g.k, 11), HANDLER(SYSCALL));
	assert_int_equal(la_vector_saver(&g.k, 1), HANDLER(FAULT));
	assert_int_equal(la_vector_saver(&g.k, 8), HANDLER(ADE));
	fake_hide(g.fake, VECTORS - WINDOW, 0x10000, LA_EXCLUDED);
	la_vectors_open(&g.k, g.arena);
	assert_int_equal(la_vector_handler(&g.k, 76), 0);
	assert_int_equal(la_vector_origin(&g.k, SLOT(76) + 8), SLOT(76) + 8);
	guest_free(&g);
}

/* The name is another function's now: what was copied counts. */
static void test_name_of_another(void **state)
{
	struct backs back;
	struct guest g = kernel(renamed, &back);

	(void)state;
	fake_symbol(g.fake, "handle_vint", FN(OTHER), 0x100, NULL);
	la_vectors_open(&g.k, g.arena);
	assert_int_equal(la_vector_handler(&g.k, 76), HANDLER(VINT));
	/* Vectors that nothing was copied to yet say nothing. */
	for (unsigned i = 0; i < 0x10000; i += 8)
		put64(&g, VECTORS + i, 0);
	la_vectors_open(&g.k, g.arena);
	assert_int_equal(la_vector_handler(&g.k, 76), FN(OTHER));
	guest_free(&g);
}

/* What saves, and what only looks like it. */
static void test_code(void **state)
{
	struct backs back;
	struct guest g = kernel(renamed, &back);
	const uint64_t at = HANDLER(ADE);

	(void)state;
	assert_true(la_saves_registers(&g.k, HANDLER(VINT)));
	assert_true(la_saves_registers(&g.k, HANDLER(SYSCALL)));
	assert_true(la_saves_registers(&g.k, HANDLER(FAULT)));
	assert_false(la_saves_registers(&g.k, HANDLER(LOAD)));
	assert_false(la_saves_registers(&g.k, HANDLER(REFILL)));
	assert_false(la_saves_registers(&g.k, FN(INNER)));
	assert_false(la_saves_registers(&g.k, WINDOW | 0xf000000));

	code(&g, at + 24, ADDI_D(SP, SP, -304)); /* no pt_regs */
	assert_false(la_saves_registers(&g.k, at));
	code(&g, at + 24, ADDI_D(SP, SP, -320));
	assert_true(la_saves_registers(&g.k, at));
	code(&g, at + 36, CSRRD(RA, 5)); /* not where it came from */
	assert_false(la_saves_registers(&g.k, at));
	code(&g, at + 36, CSRRD(RA, 6));
	code(&g, at + 40, ST_D(RA, FP, 264)); /* elsewhere */
	assert_false(la_saves_registers(&g.k, at));
	code(&g, at + 40, ST_D(RA, SP, 264));
	code(&g, at + 32, BL(at + 32, FN(LEAF))); /* after a call */
	assert_false(la_saves_registers(&g.k, at));
	guest_free(&g);
}

/* A stack ends in code that begins one; what merely lies there is no end. */
static void test_stack_start(void **state)
{
	struct backs back;
	struct guest g = kernel(renamed, &back);

	(void)state;
	/* A new task, at its first instruction. */
	g.regs.source = LA_REGS_SWITCHED;
	start_at(&g, FN(THREAD), BOTTOM, 0);
	walk(&g);
	assert_int_equal(g.stack.n, 1);
	assert_int_equal(g.stack.stop, LA_STOP_END);
	assert_true(g.stack.verified);

	/* A compiled function at its first instruction is called by somebody. */
	start_at(&g, FN(LEAF), BOTTOM, BACK(MIDDLE));
	walk(&g);
	assert_false(g.stack.verified);
	g.regs.source = LA_REGS_TEXT;

	/* outer's caller, by a word that is left from earlier, is another compiled function. */
	frame_at(&g, frame_at(&g, TOP, BACK(OUTER), 0), BACK(INNER), 0);
	start_at(&g, FN(MIDDLE) + 0x40, TOP, 0);
	walk(&g);
	assert_int_not_equal(g.stack.stop, LA_STOP_END);
	assert_false(g.stack.verified);

	/* The right code in the wrong place. */
	frame_at(&g, frame_at(&g, TOP - FRAME, BACK(OUTER), 0), BACK(THREAD), 0);
	start_at(&g, FN(MIDDLE) + 0x40, TOP - FRAME, 0);
	walk(&g);
	assert_false(g.stack.verified);
	guest_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_saved),
		cmocka_unit_test(test_just_entered),
		cmocka_unit_test(test_unreadable_vectors),
		cmocka_unit_test(test_name_of_another),
		cmocka_unit_test(test_code),
		cmocka_unit_test(test_stack_start),
	};

	return cmocka_run_group_tests_name("entries", tests, NULL, NULL);
}
