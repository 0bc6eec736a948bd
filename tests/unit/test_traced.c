// SPDX-License-Identifier: GPL-3.0-or-later
// Stacks through what tracers put there: ftrace's and BPF's trampolines, and return addresses of their own.
#include <string.h>

#include "guest.h"

enum { THREAD, OUTER, MIDDLE, INNER, HANDLER, GRAPH, HOOK, NFUNCTIONS };

#define OUTER_SP (BOTTOM - 2 * FRAME) /* of middle, if it is called as usual */
#define JITTED (WINDOW | 0x3000000)   /* outside of text, as what BPF's compiler makes */
#define NODE(n) (WINDOW | (0x610000 + 0x100 * (uint64_t)(n)))

#define RECORDS (WINDOW | 0x620000) /* of the function graph tracer */

enum { RETHOOKS = 0x40, LLIST = 16, RET_ADDR = 32 };
enum { RET_STACK = 0x48, CURR_RET_STACK = 0x50 };

/* Code that functions return to which a tracer has hooked (rethook_trampoline.S, mcount_dyn.S). */
static void returned_to(struct guest *g, unsigned n, const char *name)
{
	function(g, n, name, HANDLER);
	for (unsigned i = 0; i < 0x100; i += 4)
		if (i != CALL)
			code(g, FN(n) + i, NOP);
	code(g, FN(n), ADDI_D(SP, SP, -LA_PT_REGS_SIZE));
	code(g, FN(n) + 0x24, MOVE(RA, A0));
	code(g, FN(n) + 0x28, ADDI_D(SP, SP, LA_PT_REGS_SIZE));
	code(g, FN(n) + 0x2c, RET);
}

/* ret_from_kernel_thread_asm calls outer, which calls middle, which calls inner. */
static struct guest chain(void)
{
	struct guest g = guest_new();

	function(&g, THREAD, "ret_from_kernel_thread_asm", OUTER);
	function(&g, OUTER, "outer", MIDDLE);
	function(&g, MIDDLE, "middle", INNER);
	function(&g, INNER, "inner", -1);
	function(&g, HANDLER, "handler", -1);
	returned_to(&g, GRAPH, "return_to_handler");
	returned_to(&g, HOOK, "arch_rethook_trampoline");
	fake_member(g.fake, "task_struct", "rethooks", RETHOOKS, 8);
	fake_member(g.fake, "rethook_node", "llist", LLIST, 8);
	fake_member(g.fake, "rethook_node", "ret_addr", RET_ADDR, 8);
	put64(&g, TASK + RETHOOKS, 0);
	return g;
}

/* The task's @n hooked functions, the innermost first, and where each returns to. */
static void hook(struct guest *g, const uint64_t *ret_addr, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		put64(g, i ? NODE(i - 1) + LLIST : TASK + RETHOOKS, NODE(i) + LLIST);
		put64(g, NODE(i) + LLIST, 0);
		put64(g, NODE(i) + RET_ADDR, ret_addr[i]);
	}
}

/* The function graph tracer's records: none yet. */
static void graph(struct guest *g, bool in_words)
{
	fake_member(g->fake, "task_struct", "ret_stack", RET_STACK, 8);
	fake_member(g->fake, "task_struct", "curr_ret_stack", CURR_RET_STACK, 4);
	fake_member(g->fake, "ftrace_ret_stack", "ret", 0, 8);
	fake_member(g->fake, "ftrace_ret_stack", "retp", in_words ? 16 : 24, 8);
	fake_type(g->fake, "ftrace_ret_stack", in_words ? 24 : 32);
	if (in_words)
		fake_symbol(g->fake, "fgraph_reserve_data", TEXT + 0x9400, 0x40, NULL);
	put64(g, TASK + RET_STACK, RECORDS);
	fake_put_u32(g->fake, TASK + CURR_RET_STACK - WINDOW, in_words ? 0 : UINT32_MAX);
}

/* One more, of the call that returns to @ret with stack pointer @cfa; the tracer keeps @data words of its own. */
static void record(struct guest *g, bool in_words, uint64_t cfa, uint64_t ret, uint64_t data)
{
	uint32_t n = 0;
	uint64_t at;

	assert_int_equal(la_read_member(&g->k, TASK, "task_struct", "curr_ret_stack", &at, NULL),
			 LA_OK);
	n = (uint32_t)at + !in_words;
	at = RECORDS + (uint64_t)n * (in_words ? 8 : 32);
	put64(g, at, ret);
	put64(g, at + (in_words ? 16 : 24), cfa - LA_PT_REGS_SIZE + 8);
	if (in_words) {
		put64(g, at + 24, 1 << 12 | 1 << 10 | 3);
		for (uint64_t i = 0; i < data; i++)
			put64(g, at + 32 + 8 * i, RECORDS);
		if (data)
			put64(g, at + 32 + 8 * data, (data - 1) << 12 | 2 << 10 | (3 + data + 1));
		n += 4 + (data ? (uint32_t)data + 1 : 0);
	}
	fake_put_u32(g->fake, TASK + CURR_RET_STACK - WINDOW, n);
}

static void walk(struct guest *g, int cpu)
{
	la_unwind(&g->k, g->arena, &g->regs, cpu, &g->stack);
}

static void check(const struct guest *g, size_t i, const char *symbol, uint64_t pc, uint64_t sp)
{
	assert_true(i < g->stack.n);
	assert_string_equal(g->stack.frame[i].symbol, symbol);
	assert_int_equal(g->stack.frame[i].pc, pc);
	assert_int_equal(g->stack.frame[i].sp, sp);
}

/*
 * middle is traced: ftrace_call, entered from its second instruction, runs a tracer (inner) on top of the
 * registers it has saved, as ftrace_caller of 6.12 lays them down.
 */
static void test_ftrace(void **state)
{
	const uint64_t regs = OUTER_SP - LA_PT_REGS_SIZE, sp = regs - FRAME;
	struct guest g = chain();

	(void)state;
	fake_symbol(g.fake, "ftrace_call", TEXT + 0x9000, 4, NULL);
	code(&g, TEXT + 0x9000, BL(TEXT + 0x9000, FN(INNER)));
	code(&g, FN(MIDDLE), MOVE(T0, RA));
	code(&g, FN(MIDDLE) + 4, BL(FN(MIDDLE) + 4, TEXT + 0x9100));
	code(&g, FN(MIDDLE) + 8, ADDI_D(SP, SP, -FRAME));
	code(&g, FN(MIDDLE) + 12, ST_D(RA, SP, 24));
	put64(&g, regs + 8, BACK(OUTER));
	put64(&g, regs + 24, OUTER_SP);
	put64(&g, regs + 264, FN(MIDDLE) + 8);
	frame_at(&g, sp, TEXT + 0x9004, 0);
	frame_at(&g, OUTER_SP + FRAME, BACK(THREAD), 0);
	frame_at(&g, OUTER_SP, BACK(THREAD), 0);
	start_at(&g, FN(INNER) + 0x40, sp, 0);
	walk(&g, 0);
	assert_true(g.stack.n > 3);
	check(&g, 1, "ftrace_call", TEXT + 0x9004, regs);
	check(&g, 2, "middle", FN(MIDDLE) + 8, OUTER_SP);
	assert_string_equal(g.stack.frame[3].symbol, "outer");
	assert_false(g.stack.frame[2].verified);
	assert_int_equal(g.stack.stop, LA_STOP_END);

	/* Something else lies there: it ends with its name. */
	put64(&g, regs + 24, OUTER_SP + 8);
	walk(&g, 0);
	assert_int_equal(g.stack.n, 2);
	assert_int_equal(g.stack.stop, LA_STOP_NO_RULE);
	assert_non_null(strstr(g.stack.reason, "ftrace_call"));
	guest_free(&g);
}

/* inner and middle are hooked; and inner by two kretprobes, which have one place for its return address. */
static void test_kretprobe(void **state)
{
	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		const bool twice = kind & 1, before_7_2 = kind & 2;
		struct guest g = chain();
		const uint64_t sp = OUTER_SP - FRAME;
		const uint64_t returns[] = { FN(HOOK), BACK(MIDDLE), BACK(OUTER) };

		describe(&g, HANDLER); /* the trampoline's own description says less than it does */
		hook(&g, twice ? returns : returns + 1, twice ? 3 : 2);
		frame_at(&g, sp, FN(HOOK), 0x3333);
		frame_at(&g, sp + FRAME, FN(HOOK), 0x1111);
		frame_at(&g, sp + 2 * FRAME, BACK(THREAD), 0x2222);
		start_at(&g, FN(INNER) + 0x40, sp, 0);
		if (before_7_2) { /* thread_info is on the stack */
			g.k.thread_info_in_task = false;
			fake_member(g.fake, "thread_info", "task", 0, 8);
			put64(&g, STACK, TASK);
			la_gpr_set(&g.regs, LA_R_TP, STACK);
		}
		walk(&g, 0);
		assert_int_equal(g.stack.n, 4);
		check(&g, 1, "middle", BACK(MIDDLE), sp + FRAME);
		check(&g, 2, "outer", BACK(OUTER), sp + 2 * FRAME);
		check(&g, 3, "ret_from_kernel_thread_asm", BACK(THREAD), sp + 3 * FRAME);
		assert_int_equal(g.stack.stop, LA_STOP_END);
		assert_true(g.stack.verified);
		guest_free(&g);
	}
}

/* inner returned into the trampoline, and the probe's handler runs. */
static void test_kretprobe_handler(void **state)
{
	struct guest g = chain();
	const uint64_t sp = OUTER_SP - LA_PT_REGS_SIZE - FRAME;
	const uint64_t returns = BACK(MIDDLE);

	(void)state;
	describe(&g, HANDLER);
	hook(&g, &returns, 1);
	frame_at(&g, sp, BACK(HOOK), 0);
	frame_at(&g, OUTER_SP, BACK(OUTER), 0);
	frame_at(&g, OUTER_SP + FRAME, BACK(THREAD), 0);
	start_at(&g, FN(HANDLER) + 0x40, sp, 0);
	walk(&g, 0);
	assert_int_equal(g.stack.n, 5);
	check(&g, 1, "arch_rethook_trampoline", BACK(HOOK), sp + FRAME);
	check(&g, 2, "middle", BACK(MIDDLE), OUTER_SP);
	check(&g, 3, "outer", BACK(OUTER), OUTER_SP + FRAME);
	assert_int_equal(g.stack.stop, LA_STOP_END);
	guest_free(&g);
}

/*
 * The function graph tracer has the return addresses of inner and middle; of inner twice if a function that
 * is traced, too, has jumped to it.
 */
static void test_graph(void **state)
{
	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		const bool in_words = kind & 1, tail_call = kind & 2;
		const uint64_t sp = OUTER_SP - FRAME;
		struct guest g = chain();

		describe(&g, HANDLER);
		frame_at(&g, sp, FN(GRAPH), 0x3333);
		frame_at(&g, sp + FRAME, FN(GRAPH), 0x1111);
		frame_at(&g, sp + 2 * FRAME, BACK(THREAD), 0x2222);
		start_at(&g, FN(INNER) + 0x40, sp, 0);
		graph(&g, in_words);
		walk(&g, 0);
		assert_int_equal(g.stack.n, 1);
		record(&g, in_words, sp + 2 * FRAME, BACK(OUTER), 5);
		walk(&g, 0);
		assert_int_equal(g.stack.n, 1);
		record(&g, in_words, sp + FRAME, BACK(MIDDLE), 0);
		if (tail_call)
			record(&g, in_words, sp + FRAME, FN(GRAPH), 1);
		walk(&g, 0);
		assert_int_equal(g.stack.n, 4);
		check(&g, 1, "middle", BACK(MIDDLE), sp + FRAME);
		check(&g, 2, "outer", BACK(OUTER), sp + 2 * FRAME);
		check(&g, 3, "ret_from_kernel_thread_asm", BACK(THREAD), sp + 3 * FRAME);
		assert_int_equal(g.stack.stop, LA_STOP_END);
		assert_true(g.stack.verified);

		/* middle's record is of another place */
		put64(&g, RECORDS + (in_words ? 16 : 24), sp + FRAME - LA_PT_REGS_SIZE + 8);
		walk(&g, 0);
		assert_int_equal(g.stack.n, 2);
		assert_int_equal(g.stack.stop, LA_STOP_NO_RULE);
		assert_non_null(strstr(g.stack.reason, "return_to_handler"));
		assert_false(g.stack.verified);
		guest_free(&g);
	}
}

/* No record leads before the first one, and of a damaged number of them none is read. */
static void test_graph_damaged(void **state)
{
	static const uint64_t words[] = { 0, 4, 0x3ff };
	const uint64_t sp = OUTER_SP - FRAME;
	struct guest g = chain();

	(void)state;
	graph(&g, true);
	frame_at(&g, sp, FN(GRAPH), 0);
	start_at(&g, FN(INNER) + 0x40, sp, 0);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		record(&g, true, sp + FRAME, BACK(MIDDLE), 0);
		put64(&g, RECORDS + 24, words[i]);
		walk(&g, 0);
		assert_int_equal(g.stack.n, 1);
		assert_int_equal(g.stack.stop, LA_STOP_NO_RULE);
		fake_put_u32(g.fake, TASK + CURR_RET_STACK - WINDOW, 0);
	}
	fake_put_u32(g.fake, TASK + CURR_RET_STACK - WINDOW, 0x7fffffff);
	walk(&g, 0);
	assert_int_equal(g.stack.n, 1);
	guest_free(&g);
}

/* Who came second keeps the first one's code as where inner returns to. */
static void test_graph_and_kretprobe(void **state)
{
	(void)state;
	for (int graph_first = 0; graph_first < 2; graph_first++) {
		const uint64_t returns[] = { graph_first ? FN(GRAPH) : BACK(MIDDLE) };
		struct guest g = chain();

		describe(&g, HANDLER);
		graph(&g, true);
		record(&g, true, OUTER_SP, graph_first ? BACK(MIDDLE) : FN(HOOK), 0);
		hook(&g, returns, 1);
		frame_at(&g, OUTER_SP - FRAME, graph_first ? FN(HOOK) : FN(GRAPH), 0);
		frame_at(&g, OUTER_SP, BACK(OUTER), 0);
		frame_at(&g, OUTER_SP + FRAME, BACK(THREAD), 0);
		start_at(&g, FN(INNER) + 0x40, OUTER_SP - FRAME, 0);
		walk(&g, 0);
		assert_int_equal(g.stack.n, 4);
		check(&g, 1, "middle", BACK(MIDDLE), OUTER_SP);
		check(&g, 2, "outer", BACK(OUTER), OUTER_SP + FRAME);
		assert_true(g.stack.verified);
		guest_free(&g);
	}
}

/* inner returned to the tracer's code, and that has called its handler. */
static void test_graph_handler(void **state)
{
	struct guest g = chain();
	const uint64_t sp = OUTER_SP - LA_PT_REGS_SIZE - FRAME;

	(void)state;
	describe(&g, HANDLER);
	graph(&g, true);
	record(&g, true, OUTER_SP, BACK(MIDDLE), 0);
	frame_at(&g, sp, BACK(GRAPH), 0);
	frame_at(&g, OUTER_SP, BACK(OUTER), 0);
	frame_at(&g, OUTER_SP + FRAME, BACK(THREAD), 0);
	start_at(&g, FN(HANDLER) + 0x40, sp, 0);
	walk(&g, 0);
	assert_int_equal(g.stack.n, 5);
	check(&g, 1, "return_to_handler", BACK(GRAPH), sp + FRAME);
	check(&g, 2, "middle", BACK(MIDDLE), OUTER_SP);
	check(&g, 3, "outer", BACK(OUTER), OUTER_SP + FRAME);
	assert_int_equal(g.stack.stop, LA_STOP_END);
	guest_free(&g);
}

/* Without the list or the tracer's records, and with a damaged list, a stack ends with the name. */
static void test_no_list(void **state)
{
	struct guest g = chain();
	const uint64_t sp = OUTER_SP - FRAME;
	const uint64_t circle[] = { FN(HOOK), FN(HOOK) };

	(void)state;
	for (int kind = 0; kind < 3; kind++) {
		frame_at(&g, sp, kind == 2 ? FN(GRAPH) : FN(HOOK), 0);
		if (kind == 1) {
			hook(&g, circle, 2);
			put64(&g, NODE(1) + LLIST, NODE(0) + LLIST);
		}
		start_at(&g, FN(INNER) + 0x40, sp, 0);
		walk(&g, 0);
		assert_int_equal(g.stack.n, 1);
		assert_int_equal(g.stack.stop, LA_STOP_NO_RULE);
		assert_non_null(strstr(g.stack.reason, kind == 2 ? "return_to_handler" :
								   "arch_rethook_trampoline"));
		assert_false(g.stack.verified);
	}
	guest_free(&g);
}

/*
 * middle is traced by a program of kind fentry: bpf_jit.c's trampoline, which middle entered by "move t0, ra; bl",
 * called the program, and that called inner.
 */
static void test_bpf(void **state)
{
	const uint64_t image = JITTED, program = JITTED + 0x1000;
	const uint64_t in_program = OUTER_SP - 16 - 64, sp = in_program - 48 - FRAME;
	struct guest g = chain();

	(void)state;
	fake_symbol(g.fake, "bpf_trampoline_6442", image, 0x80, "bpf");
	fake_symbol(g.fake, "bpf_prog_1234_watch", program, 0x40, "bpf");
	for (unsigned i = 0; i < 0x80; i += 4)
		code(&g, image + i, NOP);
	code(&g, image, ADDI_D(SP, SP, -16));
	code(&g, image + 4, ST_D(RA, SP, 8));
	code(&g, image + 8, ST_D(FP, SP, 0));
	code(&g, image + 12, ADDI_D(FP, SP, 16));
	code(&g, image + 16, ADDI_D(SP, SP, -64));
	code(&g, image + 20, ST_D(T0, SP, 56));
	code(&g, image + 24, ST_D(FP, SP, 48));
	code(&g, image + 28, ADDI_D(FP, SP, 64));
	code(&g, image + 40, JIRL(RA, T1, 0));
	code(&g, image + 0x60, LD_D(T0, SP, 56));
	code(&g, image + 0x64, LD_D(FP, SP, 48));
	code(&g, image + 0x68, ADDI_D(SP, SP, 64));
	code(&g, image + 0x6c, LD_D(RA, SP, 8));
	code(&g, image + 0x70, LD_D(FP, SP, 0));
	code(&g, image + 0x74, ADDI_D(SP, SP, 16));
	code(&g, image + 0x78, MOVE(RA, T0));
	code(&g, image + 0x7c, JIRL(ZERO, T1, 0));
	for (unsigned i = 0; i < 0x40; i += 4)
		code(&g, program + i, NOP);
	code(&g, program, ADDI_D(SP, SP, -48));
	code(&g, program + 4, ST_D(RA, SP, 40));
	code(&g, program + 16, JIRL(RA, T1, 0));
	code(&g, program + 0x34, LD_D(RA, SP, 40));
	code(&g, program + 0x38, ADDI_D(SP, SP, 48));
	code(&g, program + 0x3c, RET);
	code(&g, FN(MIDDLE), MOVE(T0, RA));
	code(&g, FN(MIDDLE) + 4, BL(FN(MIDDLE) + 4, FN(HANDLER)));
	code(&g, FN(MIDDLE) + 8, ADDI_D(SP, SP, -FRAME));
	code(&g, FN(MIDDLE) + 12, ST_D(RA, SP, 24));

	frame_at(&g, sp, program + 20, 0);
	put64(&g, in_program - 8, image + 44);
	put64(&g, OUTER_SP - 8, FN(MIDDLE) + 8);
	put64(&g, OUTER_SP - 24, BACK(OUTER));
	frame_at(&g, OUTER_SP, BACK(THREAD), 0);
	start_at(&g, FN(INNER) + 0x40, sp, 0);
	walk(&g, 0);
	assert_int_equal(g.stack.n, 6);
	check(&g, 1, "bpf_prog_1234_watch", program + 20, sp + FRAME);
	assert_string_equal(g.stack.frame[1].module, "bpf");
	check(&g, 2, "bpf_trampoline_6442", image + 44, in_program);
	check(&g, 3, "middle", FN(MIDDLE) + 8, OUTER_SP);
	check(&g, 4, "outer", BACK(OUTER), OUTER_SP);
	check(&g, 5, "ret_from_kernel_thread_asm", BACK(THREAD), OUTER_SP + FRAME);
	assert_true(g.stack.frame[2].verified);
	assert_false(g.stack.frame[3].verified); /* by way of ftrace_caller, or of who knows what */
	code(&g, FN(MIDDLE) + 4, BL(FN(MIDDLE) + 4, image));
	walk(&g, 0);
	assert_true(g.stack.verified);

	/* a function of the kernel, which BPF's code is too far from: ftrace's leads there, with the same ra and t0 */
	fake_symbol(g.fake, "ftrace_regs_caller", TEXT + 0x9200, 0x40, NULL);
	for (unsigned i = 0; i < 0x40; i += 4)
		code(&g, TEXT + 0x9200 + i, NOP);
	code(&g, FN(MIDDLE) + 4, BL(FN(MIDDLE) + 4, TEXT + 0x9200));
	walk(&g, 0);
	assert_int_equal(g.stack.n, 6);
	check(&g, 3, "middle", FN(MIDDLE) + 8, OUTER_SP);
	assert_true(g.stack.verified);
	code(&g, image + 20, ST_D(T1, SP, 56)); /* not the trampoline we know */
	walk(&g, 0);
	assert_true(g.stack.frame[2].verified);
	assert_false(g.stack.n > 3 && g.stack.frame[3].verified);
	code(&g, image + 20, ST_D(T0, SP, 56));

	/* Of kind fexit: it has called middle, behind middle's call of itself or of ftrace, and returns to outer. */
	code(&g, image + 40, BL(image + 40, FN(MIDDLE) + 8));
	code(&g, image + 0x7c, JIRL(ZERO, T0, 0));
	frame_at(&g, in_program - FRAME, image + 44, 0);
	start_at(&g, FN(MIDDLE) + 0x40, in_program - FRAME, 0);
	for (int by_ftrace = 1; by_ftrace >= 0; by_ftrace--) {
		code(&g, FN(MIDDLE) + 4, BL(FN(MIDDLE) + 4, by_ftrace ? TEXT + 0x9200 : image));
		walk(&g, 0);
		assert_int_equal(g.stack.n, 4);
		check(&g, 0, "middle", FN(MIDDLE) + 0x40, in_program - FRAME);
		check(&g, 1, "bpf_trampoline_6442", image + 44, in_program);
		check(&g, 2, "outer", BACK(OUTER), OUTER_SP);
		check(&g, 3, "ret_from_kernel_thread_asm", BACK(THREAD), OUTER_SP + FRAME);
		assert_true(g.stack.verified);
	}
	/* and the function graph tracer, whose turn came before */
	graph(&g, true);
	record(&g, true, OUTER_SP, BACK(OUTER), 0);
	put64(&g, OUTER_SP - 24, FN(GRAPH));
	walk(&g, 0);
	assert_int_equal(g.stack.n, 4);
	check(&g, 2, "outer", BACK(OUTER), OUTER_SP);
	assert_true(g.stack.verified);
	put64(&g, OUTER_SP - 24, BACK(OUTER));
	/* ftrace's code leads to many a trampoline: this one is not middle's */
	code(&g, FN(MIDDLE) + 4, BL(FN(MIDDLE) + 4, TEXT + 0x9200));
	code(&g, FN(OUTER) + CALL, BL(FN(OUTER) + CALL, FN(INNER)));
	code(&g, FN(INNER), MOVE(T0, RA));
	code(&g, FN(INNER) + 4, BL(FN(INNER) + 4, TEXT + 0x9200));
	walk(&g, 0);
	assert_true(g.stack.n > 2);
	assert_false(g.stack.frame[2].verified);
	code(&g, FN(OUTER) + CALL, BL(FN(OUTER) + CALL, FN(MIDDLE)));
	function(&g, INNER, "inner", -1);
	code(&g, FN(MIDDLE) + 4, BL(FN(MIDDLE) + 4, image));
	code(&g, image + 40, JIRL(RA, T1, 0));
	code(&g, image + 0x7c, JIRL(ZERO, T1, 0));
	start_at(&g, FN(INNER) + 0x40, sp, 0);

	/* called by a pointer, as those of struct_ops are: like any function */
	put64(&g, OUTER_SP - 8, BACK(OUTER));
	walk(&g, 0);
	assert_int_equal(g.stack.n, 5);
	check(&g, 3, "outer", BACK(OUTER), OUTER_SP);
	guest_free(&g);
}

/* A module that calls itself "bpf" and has ftrace's own names, in a guest whose functions call themselves. */
static void test_module_like_bpf(void **state)
{
	struct guest g = chain();

	(void)state;
	fake_symbol(g.fake, "ftrace_regs_caller", JITTED + 0x8000, 0x40, "bpf");
	fake_symbol(g.fake, "bpf_prog_1", JITTED, 0x100, "bpf");
	for (unsigned i = 0; i < 0x100; i += 4)
		code(&g, JITTED + i, NOP);
	code(&g, JITTED, ADDI_D(SP, SP, -FRAME));
	code(&g, JITTED + 4, ST_D(RA, SP, 24));
	code(&g, JITTED + 0x20, BL(JITTED + 0x20, FN(MIDDLE) + 8));
	code(&g, JITTED + 0xf0, LD_D(RA, SP, 24));
	code(&g, JITTED + 0xf8, ADDI_D(SP, SP, FRAME));
	code(&g, JITTED + 0xfc, RET);
	code(&g, FN(MIDDLE), MOVE(T0, RA));
	code(&g, FN(MIDDLE) + 4, BL(FN(MIDDLE) + 4, FN(MIDDLE)));
	frame_at(&g, OUTER_SP - FRAME, BACK(OUTER), 0);
	start_at(&g, JITTED + 0x40, OUTER_SP - FRAME, 0);
	la_unwind(&g.k, g.arena, &g.regs, 0, &g.stack);
	assert_true(g.stack.n > 1);
	assert_false(g.stack.verified);
	guest_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ftrace),
		cmocka_unit_test(test_kretprobe),
		cmocka_unit_test(test_kretprobe_handler),
		cmocka_unit_test(test_graph),
		cmocka_unit_test(test_graph_damaged),
		cmocka_unit_test(test_graph_and_kretprobe),
		cmocka_unit_test(test_graph_handler),
		cmocka_unit_test(test_no_list),
		cmocka_unit_test(test_bpf),
		cmocka_unit_test(test_module_like_bpf),
	};

	return cmocka_run_group_tests_name("traced", tests, NULL, NULL);
}
