// SPDX-License-Identifier: GPL-3.0-or-later
// Random programs are run step by step by a small interpreter, which knows where it is and who
// called whom; what an instruction does it
// takes from binutils' disassembly of it. At every instruction the unwinder gets the registers without the pc, and what it
// calls verified must be true; with the pc, the whole stack must be right and verified.
#include "guest.h"

#include <stdio.h>

#include "disassembly.h"

#define NFUNCTIONS 8
#define PROGRAMS 60
#define MAX_STEPS 400
#define BODY 0x0c /* behind the prologue */
#define BODY_END 0xf0

struct cpu {
	uint64_t pc, gpr[LA_NGPR];
	struct {
		uint64_t function, sp; /* sp of a frame whose callee runs, as it made the call */
		uint64_t back;
	} caller[NFUNCTIONS + 1];
	unsigned depth;
};

/* The words of all programs, as objdump prints them. */
static struct disassembly binutils;

/* A fixed generator: each run of the test is the same (Numerical Recipes' constants). */
static uint32_t seed;

static unsigned random_below(unsigned n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static const unsigned usable[] = { A0, A1, A2, T0, T1, T2, S0 };

static unsigned any_register(bool framed)
{
	return usable[random_below(framed ? 7 : 6)];
}

/* One harmless instruction. */
static uint32_t any_insn(bool framed)
{
	unsigned rd = any_register(framed), rj = any_register(framed), rk = any_register(framed);

	switch (random_below(framed ? 9 : 6)) {
	case 0:
	case 1:
		return ORI(rd, ZERO, random_below(64));
	case 2:
		return ADDI_D(rd, rj, random_below(8));
	case 3:
		return ADD_D(rd, rj, rk);
	case 4:
		return MOVE(rd, rj);
	case 5:
		return NOP;
	case 6:
		return LD_D(rd, SP, 8 * random_below(2));
	case 7:
		return ST_D(rd, SP, 8 * random_below(2));
	}
	return ADDI_D(rd, SP, 8 * random_below(2));
}

/* A random body in [BODY, end): straight code, forward branches, counted loops, calls. */
static void random_body(struct guest *g, unsigned n, unsigned end, bool framed)
{
	unsigned at = framed ? BODY : 0;

	while (at < end) {
		const uint64_t pc = FN(n) + at;
		unsigned left = (end - at) / 4, kind = random_below(10);

		if (kind == 0 && framed && n + 1 < NFUNCTIONS) {
			code(g, pc, BL(pc, FN(n + 1 + random_below(NFUNCTIONS - n - 1))));
		} else if (kind == 1 && framed && n + 1 < NFUNCTIONS && left > 4) {
			unsigned to = n + 1 + random_below(NFUNCTIONS - n - 1);

			code(g, pc, PCADDI(T3, FN(to) - pc));
			code(g, pc + 4, JIRL(RA, T3, 0));
			at += 4;
		} else if (kind <= 3 && left > 4) {
			unsigned over = 1 + random_below(3);
			int64_t distance = 4 * (int64_t)(over + 1);
			unsigned a = any_register(framed), b = any_register(framed);

			code(g, pc, kind == 2 ? BEQZ(a, distance) : BNE(a, b, distance));
			for (unsigned i = 1; i <= over; i++)
				code(g, pc + 4 * i, any_insn(framed));
			at += 4 * over;
		} else if (kind == 4 && left > 6) {
			code(g, pc, ORI(T3, ZERO, 1 + random_below(3)));
			code(g, pc + 4, any_insn(framed));
			code(g, pc + 8, ADDI_D(T3, T3, -1));
			code(g, pc + 12, BNEZ(T3, -8));
			at += 12;
		} else {
			code(g, pc, any_insn(framed));
		}
		at += 4;
	}
}

static const char *const names[NFUNCTIONS] = {
	"ret_from_kernel_thread_asm", "f1", "f2", "f3", "f4", "f5", "f6", "f7",
};

/* Even functions and the first have frames; of the others some are leaves, some end in jumps. */
static struct guest random_program(uint32_t number)
{
	struct guest g = guest_new();
	const uint64_t first = FN(0) + BODY;

	seed = number;
	for (unsigned n = 0; n < NFUNCTIONS; n++) {
		bool framed = n % 2 == 0 || n == 1;
		bool tail = false;
		unsigned end = framed ? BODY_END : 0x40;

		function(&g, n, names[n], -1);
		random_body(&g, n, end, framed);
		tail = !framed && n + 1 < NFUNCTIONS && random_below(2);
		if (tail)
			code(&g, FN(n) + end, B(FN(n) + end, FN(n + 1)));
		else if (!framed)
			code(&g, FN(n) + end, RET);
	}
	code(&g, first, BL(first, FN(1)));
	code(&g, first + 4, B(first + 4, first)); /* over and over; nothing waits */
	return g;
}

/* All the code of a program, for objdump. */
static void write_words(const struct guest *g, FILE *words)
{
	uint32_t insn;

	for (uint64_t pc = FN(0); pc < FN(NFUNCTIONS); pc += 4)
		if (la_read_u32(&g->k, pc, &insn, NULL) == LA_OK && insn)
			assert_int_equal(fwrite(&insn, sizeof(insn), 1, words), 1);
}

/* Call-frame information for framed functions as gcc writes it, and for leaves. */
static void describe_program(struct guest *g)
{
	static const unsigned char framed[] = {
		0x41 + 3, 0x0e,      FRAME, 0x41 + 7, 0x81, 1,        0x97, 2,
		0x02,     0xf4 - 12, 0xc1,  0x41 + 3, 0xd7, 0x41 + 3, 0x0e, 0,
	};
	struct frames_section s = { .size = 0 };
	struct la_error err = { "" };

	frame_cie(&s);
	for (unsigned n = 0; n < NFUNCTIONS; n++)
		frame_fde(&s, FN(n), 0x100, framed, n % 2 == 0 || n == 1 ? sizeof(framed) : 0);
	g->vmlinux = frame_write(&s);
	fake_door(g->fake)->vmlinux = g->vmlinux;
	assert_int_equal(la_cfi_open(&g->k, &err), LA_OK);
}

static uint64_t function_at(uint64_t pc)
{
	return pc - (pc - FN(0)) % 0x100;
}

static bool is(const struct insn_text *text, const char *name)
{
	return !strcmp(text->name, name);
}

/* What @insn does is binutils' word, not the core's. Where another one runs next, its address. */
static bool jumps(struct cpu *c, const struct insn_text *t, uint64_t *next)
{
	const int64_t *o = t->operand;

	if (is(t, "bl") || is(t, "b"))
		*next = c->pc + (uint64_t)o[0];
	else if (is(t, "jirl"))
		*next = c->gpr[o[1]] + (uint64_t)o[2];
	else if (is(t, "beqz"))
		*next = c->gpr[o[0]] ? *next : c->pc + (uint64_t)o[1];
	else if (is(t, "bnez"))
		*next = c->gpr[o[0]] ? c->pc + (uint64_t)o[1] : *next;
	else if (is(t, "bne"))
		*next = c->gpr[o[0]] != c->gpr[o[1]] ? c->pc + (uint64_t)o[2] : *next;
	else
		return false;
	return true;
}

/* Everything else that a program has. */
static void compute(struct guest *g, struct cpu *c, const struct insn_text *t)
{
	const int64_t *o = t->operand;
	uint64_t *rd = &c->gpr[o[0]], imm = (uint64_t)o[2];

	if (is(t, "st.d"))
		put64(g, c->gpr[o[1]] + imm, *rd);
	else if (is(t, "ld.d"))
		assert_int_equal(la_read_u64(&g->k, c->gpr[o[1]] + imm, rd, NULL), LA_OK);
	else if (is(t, "pcaddi"))
		*rd = c->pc + (uint64_t)o[1] * 4;
	else if (is(t, "addi.d"))
		*rd = c->gpr[o[1]] + imm;
	else if (is(t, "ori"))
		*rd = c->gpr[o[1]] | imm;
	else if (is(t, "andi"))
		*rd = c->gpr[o[1]] & imm;
	else if (is(t, "add.d"))
		*rd = c->gpr[o[1]] + c->gpr[o[2]];
	else if (is(t, "or"))
		*rd = c->gpr[o[1]] | c->gpr[o[2]];
	else
		fail_msg("%s is none of these programs' instructions", t->name);
}

static void step(struct guest *g, struct cpu *c)
{
	const uint64_t after = c->pc + 4;
	uint64_t next = after;
	const struct insn_text *t;
	uint32_t insn;

	assert_int_equal(la_read_u32(&g->k, c->pc, &insn, NULL), LA_OK);
	t = disassembly_find(&binutils, insn);
	if (!t)
		fail_msg("%08x is not in execution.dis: make disassembly", insn);
	if (!jumps(c, t, &next)) {
		compute(g, c, t);
	} else if (is(t, "bl") || (is(t, "jirl") && t->operand[0])) {
		assert_true(c->depth <= NFUNCTIONS);
		c->caller[c->depth].function = function_at(c->pc);
		c->caller[c->depth].sp = c->gpr[SP];
		c->caller[c->depth++].back = after;
		c->gpr[is(t, "bl") ? RA : t->operand[0]] = after;
	} else if (is(t, "jirl")) {
		assert_true(c->depth > 0);
		c->depth--;
		assert_int_equal(next, c->caller[c->depth].back);
	}
	c->gpr[ZERO] = 0;
	c->pc = next;
}

struct counts {
	unsigned steps, verified, places, right;
};

/* Frame @i as it truly is: i 0 is where the CPU is. */
static void check_true(const struct guest *g, const struct cpu *c, size_t i)
{
	const struct la_frame *f = &g->stack.frame[i];

	assert_true(i <= c->depth);
	if (i == 0) {
		assert_int_equal(f->start, function_at(c->pc));
		assert_int_equal(f->sp, c->gpr[SP]);
		if (f->pc_known)
			assert_int_equal(f->pc, c->pc);
		return;
	}
	assert_int_equal(f->start, c->caller[c->depth - i].function);
	assert_int_equal(f->sp, c->caller[c->depth - i].sp);
	assert_int_equal(f->pc, c->caller[c->depth - i].back);
}

/* A verified frame of an uncertain stack: it is there, whatever lies below it. */
static void check_present(const struct guest *g, const struct cpu *c, const struct la_frame *f)
{
	(void)g;
	for (unsigned i = 0; i < c->depth; i++)
		if (f->start == c->caller[i].function && f->sp == c->caller[i].sp &&
		    f->pc == c->caller[i].back)
			return;
	fail_msg("%s at sp %#llx is not there", f->symbol, (unsigned long long)f->sp);
}

static void check(struct guest *g, const struct cpu *c, struct counts *counts)
{
	memcpy(g->regs.gpr, c->gpr, sizeof(c->gpr));
	g->regs.gpr_known = ~0u;

	g->regs.source = LA_REGS_TEXT;
	g->regs.pc_known = true;
	g->regs.pc = c->pc;
	la_unwind(&g->k, g->arena, &g->regs, 0, &g->stack);
	assert_int_equal(g->stack.n, c->depth + 1);
	assert_true(g->stack.verified);
	for (size_t i = 0; i < g->stack.n; i++)
		check_true(g, c, i);

	g->regs.source = LA_REGS_NOTE;
	g->regs.pc_known = false;
	la_unwind_cpu(&g->k, g->arena, &g->regs, 0, &g->stack);
	counts->steps++;
	assert_true(g->stack.n > 0);
	counts->right +=
		g->stack.frame[0].start == function_at(c->pc) && g->stack.frame[0].sp == c->gpr[SP];
	if (g->stack.frame[0].verified) {
		counts->verified++;
		counts->places += g->stack.frame[0].pc_known;
		for (size_t i = 0; i < g->stack.n; i++)
			if (g->stack.frame[i].verified)
				check_true(g, c, i);
		return;
	}
	assert_false(g->stack.verified);
	for (size_t i = 1; i < g->stack.n; i++)
		if (g->stack.frame[i].verified)
			check_present(g, c, &g->stack.frame[i]);
}

/* The recipe of execution.dis (tests.mk) asks for the words only. */
static int write_all_words(const char *path)
{
	FILE *words = fopen(path, "wb");

	if (!words)
		return 1;
	for (unsigned n = 0; n < PROGRAMS; n++) {
		struct guest g = random_program(n);

		write_words(&g, words);
		guest_free(&g);
	}
	return fclose(words) != 0;
}

static void test_random_programs(void **state)
{
	struct counts counts = { 0 };

	(void)state;
	assert_true(disassembly_read("tests/unit/data/execution.dis", &binutils));
	for (unsigned n = 0; n < PROGRAMS; n++) {
		struct guest g = random_program(n);
		struct cpu c = { .depth = 0 };

		describe_program(&g);
		for (unsigned r = 1; r < LA_NGPR; r++)
			c.gpr[r] = 0x4000 + 0x10 * (uint64_t)r;
		c.gpr[TP] = TASK;
		c.gpr[U0] = 0;
		c.gpr[SP] = BOTTOM;
		c.pc = FN(0) + BODY;
		for (unsigned i = 0; i < MAX_STEPS; i++) {
			if (c.depth) /* in f1 or below */
				check(&g, &c, &counts);
			step(&g, &c);
		}
		guest_free(&g);
	}
	free(binutils.line);
	print_message("%u places: function right at %u, verified %u, exact pc %u\n", counts.steps,
		      counts.right, counts.verified, counts.places);
	/* It must not be right by never saying anything. */
	assert_true(counts.steps > 5000);
	assert_true(counts.right > counts.steps * 8 / 10);
	assert_true(counts.verified > counts.steps * 2 / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random_programs) };
	const char *words = getenv("LAKVM_WORDS");

	if (words)
		return write_all_words(words);
	return cmocka_run_group_tests_name("execution", tests, NULL, NULL);
}
