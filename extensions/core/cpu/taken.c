// SPDX-License-Identifier: GPL-3.0-or-later
// Who has taken a spin lock, told from the code on stacks: each function is followed from its first instruction to where
// it is now, on all ways.
#include <string.h>

#include "base/bytes.h"
#include "graph.h"
#include "isa/insn.h"
#include "priv.h"

#define MAX_WORDS 4096 /* instructions of one function that are followed */
#define MAX_DEEP 32    /* frames of a stack that are */

/* Beginnings of names: what takes a spin or rw lock, whose address is a0, and what gives it back. */
static const char *const takes[] = { "_raw_spin_lock",
				     "_raw_read_lock",
				     "_raw_write_lock",
				     "_raw_spin_trylock",
				     "queued_spin_lock_slowpath",
				     "native_queued_spin_lock_slowpath",
				     "queued_read_lock_slowpath",
				     "queued_write_lock_slowpath",
				     "rt_spin_lock",
				     NULL };
static const char *const gives[] = { "_raw_spin_unlock", "_raw_read_unlock", "_raw_write_unlock",
				     "rt_spin_unlock", NULL };

static bool begins(const char *symbol, const char *const *names)
{
	for (; *names; names++)
		if (!strncmp(symbol, *names, strlen(*names)))
			return true;
	return false;
}

enum effect { NONE, TRIES, TAKES, GIVES };

/* Between an atomic that tries to take it and the call of the slow path, if that did not succeed, it is not held. */
enum state { FREE, TRYING, HELD, NSTATES };

struct function {
	const struct la_kernel *k;
	const struct la_stack *stack;
	size_t frame;
	uint64_t lock;
	uint64_t start;
	size_t n;      /* instructions */
	size_t target; /* which of them the frame is at */
	unsigned char code[4 * MAX_WORDS];
	bool seen[MAX_WORDS][NSTATES];
	uint32_t todo[NSTATES * MAX_WORDS];
	size_t ntodo;
};

/* The address of an atomic that takes a lock: ll.w, or amcas.w and its kind; -1 as offset: none. */
static bool takes_inline(uint32_t insn, int64_t *offset)
{
	if (insn >> 24 ==
	    0x20) { /* ll.w: what follows either gets the lock or goes to the slow path */
		*offset = la_insn_si14(insn) * 4;
		return true;
	}
	*offset = 0;
	return insn >> 18 == 0xe16; /* amcas.*, amcas_db.* */
}

static bool is_lock(const struct function *f, uint64_t pc, unsigned reg, int64_t offset)
{
	uint64_t base;

	return la_frame_register(f->k, f->stack, f->frame, pc, reg, &base) &&
	       base + (uint64_t)offset == f->lock;
}

/* What the instruction at @pc does to the lock. */
static enum effect effect_of(const struct function *f, uint64_t pc, uint32_t insn)
{
	struct la_symbol callee;
	int64_t offset;

	/* st.b zero: how a qspinlock is given back (queued_spin_unlock()), and a qrwlock by its writer. */
	if (insn >> 22 == 0x0a4 && !la_insn_rd(insn))
		return is_lock(f, pc, la_insn_rj(insn), la_insn_si12(insn)) ? GIVES : NONE;
	if (takes_inline(insn, &offset))
		return is_lock(f, pc, la_insn_rj(insn), offset) ? TRIES : NONE;
	if (!la_insn_links(insn) || !la_frame_call(f->k, f->stack, f->frame, pc, &callee))
		return NONE;
	if (begins(callee.name, takes))
		return is_lock(f, pc, LA_R_A0, 0) ? TAKES : NONE;
	if (begins(callee.name, gives))
		return is_lock(f, pc, LA_R_A0, 0) ? GIVES : NONE;
	return NONE;
}

static void reach(struct function *f, int64_t i, enum state state)
{
	if (i < 0 || (size_t)i >= f->n || f->seen[i][state])
		return;
	f->seen[i][state] = true;
	f->todo[f->ntodo++] = (uint32_t)i << 2 | state;
}

static enum state after(enum state before, enum effect effect)
{
	switch (effect) {
	case TAKES:
		return HELD;
	case TRIES:
		return before == HELD ? HELD : TRYING;
	case GIVES:
		return FREE;
	default:
		return before;
	}
}

static void follow(struct function *f)
{
	reach(f, 0, FREE);
	while (f->ntodo) {
		const uint32_t at = f->todo[--f->ntodo];
		const int64_t i = at >> 2;
		const uint32_t insn = la_le32(f->code + 4 * i);
		enum state state = at & 3;

		if ((size_t)i == f->target)
			continue;
		state = after(state, effect_of(f, f->start + 4 * (uint64_t)i, insn));
		if (la_insn_is_b(insn)) {
			reach(f, i + la_insn_offs26(insn) / 4, state);
			continue;
		}
		if (la_insn_is_branch(insn))
			reach(f, i + la_insn_branch_offset(insn) / 4, state);
		if (!(la_insn_is_jirl(insn) && !la_insn_rd(insn)) && insn != LA_INSN_ERTN)
			reach(f, i + 1, state);
	}
}

/* On all ways to where the function is. */
static bool is_held(const struct function *f)
{
	const bool *seen = f->seen[f->target];
	const uint32_t insn = la_le32(f->code + 4 * f->target);

	if (seen[FREE] || !(seen[TRYING] || seen[HELD]))
		return false;
	return !seen[TRYING] || effect_of(f, f->start + 4 * (uint64_t)f->target, insn) != TAKES;
}

static bool taken_in(struct function *f, uint64_t call)
{
	const struct la_frame *frame = &f->stack->frame[f->frame];
	const uint64_t code = frame->code ? frame->code : f->frame ? 0 : call;
	const struct la_door *door = f->k->door;
	struct la_symbol symbol;

	if (!frame->symbol || code <= frame->start || (code - frame->start) / 4 >= MAX_WORDS ||
	    !door->symbol_at(door->ctx, frame->start, &symbol))
		return false;
	f->start = frame->start;
	f->target = (size_t)(code - frame->start) / 4;
	f->n = symbol.end > code ? (size_t)(symbol.end - frame->start) / 4 : f->target + 1;
	if (f->n > MAX_WORDS)
		f->n = MAX_WORDS;
	if (la_read_code(f->k, f->start, f->code, 4 * f->n, NULL) != LA_OK)
		return false;
	memset(f->seen, 0, f->n * sizeof(f->seen[0]));
	f->ntodo = 0;
	follow(f);
	return is_held(f);
}

bool la_lock_taken(const struct la_kernel *k, const struct la_stack *stack, size_t from,
		   uint64_t call, uint64_t lock)
{
	struct function f = { .k = k, .stack = stack, .lock = lock };

	for (size_t i = from; i < stack->n && i < from + MAX_DEEP; i++) {
		/* What a search of the stack found may be left over from calls long finished. */
		if (stack->frame[i].method == LA_FROM_SCAN)
			return false;
		f.frame = i;
		if (!la_is_waiting(stack->frame[i].symbol) && taken_in(&f, call))
			return true;
	}
	return false;
}

bool la_lock_taken_by(const struct la_kernel *k, const struct la_cpu *c, size_t from, uint64_t lock)
{
	uint64_t ra = 0;

	la_gpr_get(&c->regs, LA_R_RA, &ra);
	return la_lock_taken(k, &c->stack, from, ra ? ra - 4 : 0, lock);
}
