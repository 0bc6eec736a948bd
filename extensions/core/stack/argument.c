// SPDX-License-Identifier: GPL-3.0-or-later
// What a register had at an earlier instruction of a frame's function: the arguments of calls.
#include "base/bytes.h"
#include "isa/eval.h"
#include "isa/insn.h"
#include "steps.h"

#define MAX_DEPTH 12    /* definitions followed one through another */
#define MAX_STEPS 65536 /* instructions looked at for one question */
#define MAX_JUMPS 8     /* ways into a block that are followed back for one register */
#define MAX_FUNCTION 16384
#define STUB 4 /* instructions of a jump stub of a module (asm/module.h, struct plt_entry) */

struct trail {
	const struct la_kernel *k;
	const struct la_stack *stack;
	unsigned steps;
	unsigned missing; /* see la_frame_callee() */
	/* The code that was read last. */
	uint64_t base;
	size_t size;
	unsigned char code[512];
};

static bool fetch(struct trail *t, uint64_t pc, uint32_t *ret)
{
	if (t->steps++ >= MAX_STEPS)
		return false;
	if (pc - t->base >= t->size) {
		t->base = pc & ~(uint64_t)(sizeof(t->code) - 1);
		t->size = sizeof(t->code);
		if (la_read_code(t->k, t->base, t->code, sizeof(t->code), NULL) != LA_OK) {
			t->size = 0;
			return la_read_code(t->k, pc, ret, 4, NULL) == LA_OK;
		}
	}
	*ret = la_le32(t->code + (pc - t->base));
	return true;
}

static bool is_kept(unsigned reg)
{
	return reg >= LA_R_U0;
}

static bool is_argument(unsigned reg)
{
	return reg >= LA_R_A0 && reg <= LA_R_A7;
}

/* Control never runs on behind it. */
static bool ends_block(uint32_t insn)
{
	return la_insn_is_b(insn) || (la_insn_is_jirl(insn) && !la_insn_rd(insn)) ||
	       insn == LA_INSN_ERTN;
}

static bool follow(struct trail *t, size_t i, uint64_t at, unsigned reg, unsigned depth,
		   uint64_t *ret);

static bool load(struct trail *t, uint64_t address, unsigned size, bool is_signed, uint64_t *ret)
{
	uint64_t value = 0;

	if (la_read(t->k, address, &value, size, NULL) != LA_OK)
		return false;
	if (is_signed && size < 8)
		value = (uint64_t)((int64_t)(value << (64 - 8 * size)) >> (64 - 8 * size));
	*ret = value;
	return true;
}

/* What @insn at @pc gives @reg, which it writes. */
static bool define(struct trail *t, size_t i, uint64_t pc, uint32_t insn, unsigned reg,
		   unsigned depth, uint64_t *ret)
{
	const uint32_t reads = la_insn_reads(insn);
	struct la_values values;
	int64_t offset;
	unsigned size;
	bool is_signed;

	la_values_none(&values);
	for (unsigned n = 1; n < LA_NGPR; n++) {
		uint64_t value;

		if (reads >> n & 1 && follow(t, i, pc, n, depth, &value))
			la_values_set(&values, n, value);
	}
	if (la_insn_loads(insn, &offset, &size, &is_signed))
		return la_insn_rd(insn) == reg && la_values_has(&values, la_insn_rj(insn)) &&
		       load(t, values.value[la_insn_rj(insn)] + (uint64_t)offset, size, is_signed,
			    ret);
	la_values_run(&values, insn, pc);
	if (!la_values_has(&values, reg))
		return false;
	*ret = values.value[reg];
	return true;
}

/*
 * Does what a call keeps stay as it is from @at to where the frame is now? What is loaded back from the stack at a
 * function's end does not count: that way does not lead to there.
 */
static bool unchanged(struct trail *t, const struct la_frame *f, uint64_t at, unsigned reg)
{
	int64_t offset;
	uint32_t insn;

	for (uint64_t pc = at; pc < f->code; pc += 4)
		if (!fetch(t, pc, &insn) ||
		    (la_insn_writes(insn) >> reg & 1 &&
		     !(la_insn_is_load(insn, &offset) && la_insn_rj(insn) == LA_R_SP)))
			return false;
	return true;
}

/* Where a module's stub at @pc jumps; @pc itself if it is none. */
static uint64_t behind_stub(struct trail *t, uint64_t pc)
{
	struct la_values values;
	uint32_t insn;

	la_values_none(&values);
	for (unsigned n = 0; n < STUB && fetch(t, pc + 4 * n, &insn); n++) {
		if (la_insn_is_jirl(insn))
			return !la_insn_rd(insn) && la_values_has(&values, la_insn_rj(insn)) ?
				       values.value[la_insn_rj(insn)] +
					       (uint64_t)la_insn_offs16(insn) :
				       pc;
		la_values_run(&values, insn, pc + 4 * n);
	}
	return pc;
}

static bool call_target(struct trail *t, size_t i, uint64_t code, unsigned depth,
			struct la_symbol *ret)
{
	const struct la_door *door = t->k->door;
	uint64_t target, base;
	uint32_t insn;

	if (!fetch(t, code, &insn) || !la_insn_is_call(insn, code, &target))
		return false;
	if (!la_insn_is_bl(insn)) {
		if (!follow(t, i, code, la_insn_rj(insn), depth, &base))
			return false;
		target = base + (uint64_t)la_insn_offs16(insn);
	}
	if (door->symbol_at(door->ctx, target, ret) && ret->start == target)
		return true;
	target = behind_stub(t, target);
	return door->symbol_at(door->ctx, target, ret) && ret->start == target;
}

/* @reg at the first instruction of frame @i's function. */
static bool at_entry(struct trail *t, size_t i, unsigned reg, unsigned depth, uint64_t *ret)
{
	const struct la_frame *f = &t->stack->frame[i];
	const struct la_frame *caller = f + 1;
	struct la_symbol callee;

	if (!is_argument(reg) || i + 1 >= t->stack->n || f->pt_regs || caller->pc_exact ||
	    !caller->code)
		return false;
	/* One that was reached by a jump from the function called may have got other arguments. */
	if (!call_target(t, i + 1, caller->code, depth, &callee) || callee.start != f->start)
		return false;
	return follow(t, i + 1, caller->code, reg, depth, ret);
}

/* The first instruction of @f's function that jumps to one of [@from, @to]. */
static bool find_jump(struct trail *t, const struct la_frame *f, uint64_t from, uint64_t to,
		      uint64_t *ret)
{
	const struct la_door *door = t->k->door;
	struct la_symbol symbol;
	uint64_t target;
	uint32_t insn;

	if (!door->symbol_at(door->ctx, f->start, &symbol) || symbol.end <= f->start ||
	    symbol.end - f->start > MAX_FUNCTION)
		return false;
	for (uint64_t pc = f->start; pc + 4 <= symbol.end; pc += 4) {
		if (!fetch(t, pc, &insn))
			return false;
		if (la_insn_is_branch(insn))
			target = pc + (uint64_t)la_insn_branch_offset(insn);
		else if (la_insn_is_b(insn))
			target = pc + (uint64_t)la_insn_offs26(insn);
		else
			continue;
		if (target >= from && target <= to) {
			*ret = pc;
			return true;
		}
	}
	return false;
}

static bool follow(struct trail *t, size_t i, uint64_t at, unsigned reg, unsigned depth,
		   uint64_t *ret)
{
	const struct la_frame *f = &t->stack->frame[i];
	unsigned jumps = 0;
	uint64_t before, block = at; /* the end of the straight code that is looked at */
	uint32_t insn;
	bool known;

	if (!depth || !f->symbol || at < f->start)
		return false;
	if (!reg) {
		*ret = 0;
		return true;
	}
	/* Behind the first instruction the frame is made, and has one size. */
	if (reg == LA_R_SP && at > f->start) {
		*ret = f->sp;
		return true;
	}
	known = is_kept(reg) && f->kept_known >> (reg - LA_R_U0) & 1;
	if (is_kept(reg) && (known || !i) && unchanged(t, f, at, reg)) {
		if (known) {
			*ret = f->kept[reg - LA_R_U0];
			return true;
		}
		t->missing = reg;
	}
	if (reg == LA_R_TP && t->stack->tp) {
		*ret = t->stack->tp;
		return true;
	}
	for (uint64_t pc = at; pc > f->start; pc = before) {
		before = pc - 4;
		if (!fetch(t, before, &insn))
			return false;
		if (ends_block(insn)) {
			if (jumps++ == MAX_JUMPS || !find_jump(t, f, pc, block, &before) ||
			    !fetch(t, before, &insn))
				return false;
			block = before;
		}
		if (la_insn_writes(insn) >> reg & 1)
			return !la_insn_links(insn) &&
			       define(t, i, before, insn, reg, depth - 1, ret);
		if (la_insn_links(insn) && !is_kept(reg) && reg != LA_R_TP)
			return false; /* a call in between may have put anything there */
	}
	return at_entry(t, i, reg, depth - 1, ret);
}

bool la_frame_register(const struct la_kernel *k, const struct la_stack *stack, size_t i,
		       uint64_t code, unsigned reg, uint64_t *ret)
{
	struct trail t = { .k = k, .stack = stack };

	return i < stack->n && reg < LA_NGPR && follow(&t, i, code, reg, MAX_DEPTH, ret);
}

bool la_frame_call(const struct la_kernel *k, const struct la_stack *stack, size_t i, uint64_t code,
		   struct la_symbol *ret)
{
	struct trail t = { .k = k, .stack = stack };

	return i < stack->n && call_target(&t, i, code, MAX_DEPTH, ret);
}

bool la_frame_callee(const struct la_kernel *k, const struct la_stack *stack, struct la_symbol *ret,
		     unsigned *missing_ret)
{
	struct trail t = { .k = k, .stack = stack };
	bool found = stack->n && call_target(&t, 0, stack->frame[0].code, MAX_DEPTH, ret);

	*missing_ret = t.missing;
	return found;
}
