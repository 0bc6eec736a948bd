// SPDX-License-Identifier: GPL-3.0-or-later
// Abstract interpretation of the code a CPU can be in. See reach.h.
#include "reach.h"

#include <limits.h>
#include <string.h>

#include "base/bytes.h"
#include "flow.h"
#include "table_row.h"
#include "isa/insn.h"

#define NO_NODE SIZE_MAX

/* --- the graph --- */

/* Loads ra from the stack. */
static bool reloads_ra(uint32_t insn, int64_t *offset)
{
	return la_insn_is_load(insn, offset) && la_insn_rd(insn) == LA_R_RA &&
	       la_insn_rj(insn) == LA_R_SP;
}

static size_t slot_of(const struct la_region *r, uint64_t pc, bool after_return)
{
	const size_t size = sizeof(r->index) / sizeof(r->index[0]);
	size_t slot = (size_t)((pc >> 2) * 2 + after_return) % size;

	/* At most half of the slots are used, so this ends. */
	while (r->index[slot] && (r->node[r->index[slot] - 1].pc != pc ||
				  r->node[r->index[slot] - 1].after_return != after_return))
		slot = (slot + 1) % size;
	return slot;
}

static size_t find(const struct la_region *r, uint64_t pc, bool after_return)
{
	size_t slot = slot_of(r, pc, after_return);

	return r->index[slot] ? r->index[slot] - 1u : NO_NODE;
}

const struct la_node *la_region_node(const struct la_region *r, uint64_t pc, bool after_return)
{
	size_t i = find(r, pc, after_return);

	return i == NO_NODE ? NULL : &r->node[i];
}

static void discover(struct la_region *r, uint64_t pc, bool after_return)
{
	size_t slot = slot_of(r, pc, after_return);
	uint32_t insn;

	if (r->index[slot])
		return;
	if (r->n == LA_REGION_NODES || pc & 3 || la_read_code(r->k, pc, &insn, 4, NULL) != LA_OK) {
		r->complete = false;
		return;
	}
	r->node[r->n] = (struct la_node){ .pc = pc, .after_return = after_return, .insn = insn };
	r->index[slot] = (uint16_t)++r->n;
}

void la_region_successors(const struct la_region *r, const struct la_node *node,
			  struct la_successors *ret)
{
	uint32_t insn = node->insn;
	int64_t offset;
	uint64_t sp, saved;

	*ret = (struct la_successors){ .fall = node->pc + 4 };
	if (la_insn_links(insn) || insn == LA_INSN_ERTN) {
		ret->fall = 0;
	} else if (la_insn_is_b(insn)) {
		ret->fall = 0;
		ret->jump = node->pc + (uint64_t)la_insn_offs26(insn);
	} else if (la_insn_is_ret(insn)) {
		ret->fall = 0;
		ret->returns = true;
	} else if (la_insn_is_jirl(insn)) {
		ret->fall = 0;
		ret->unknown = true;
	} else if (la_insn_is_branch(insn)) {
		ret->jump = node->pc + (uint64_t)la_insn_branch_offset(insn);
	} else if (node->after_return && reloads_ra(insn, &offset) &&
		   la_gpr_get(r->regs, LA_R_SP, &sp) &&
		   la_read_u64(r->k, sp + (uint64_t)offset, &saved, NULL) == LA_OK &&
		   saved != r->ra) {
		ret->fall = 0; /* the caller reloads its own return address: ra changes */
	}
}

/* A leaf of assembly: nothing describes it, and it moves no stack. */
static bool is_frameless(const struct la_region *r, const struct la_symbol *f)
{
	struct la_cfi_row row;

	return !la_table_row(r->k, f->start, &row) && !la_table_row(r->k, f->start + 8, &row) &&
	       la_flow_is_frameless(r->k, f);
}

/*
 * Assembly has code that only a table of jumps leads to, or the kernel's handler of a fault in it (a
 * fixup). All of it belongs to what can run: its registers are then any, but for those that
 * nothing in it writes. True: there is more than was known.
 */
static bool discover_hidden(struct la_region *r)
{
	const struct la_door *door = r->k->door;
	const size_t n = r->n;
	struct la_symbol f = { .end = 0 };

	for (size_t i = 0; i < n; i++) {
		const uint64_t pc = r->node[i].pc;

		if (r->node[i].after_return || (pc >= f.start && pc < f.end) ||
		    !door->symbol_at(door->ctx, pc, &f) || !is_frameless(r, &f))
			continue;
		for (uint64_t at = f.start; at < f.end; at += 4) {
			size_t before = r->n;
			uint32_t insn;

			/* Filling; and one among other code leads to what is taken. */
			if (la_read_code(r->k, at, &insn, 4, NULL) == LA_OK && insn == LA_INSN_NOP)
				continue;
			discover(r, at, false);
			if (r->n > before)
				r->node[before].hidden = true;
		}
	}
	return r->n > n;
}

/* Does an unknown jump go to what is part of the region anyway? */
static bool stays_inside(const struct la_region *r, const struct la_node *node)
{
	struct la_symbol f;

	return !node->after_return && r->k->door->symbol_at(r->k->door->ctx, node->pc, &f) &&
	       is_frameless(r, &f) && la_flow_jumps_inside(r->k, &f, node->pc);
}

/* All nodes reachable from node @first on, and what they write. */
static uint32_t explore(struct la_region *r, size_t first)
{
	uint32_t written = 0;

	for (size_t i = first; i < r->n; i++) {
		const struct la_node node = r->node[i];
		struct la_successors s;

		written |= la_insn_writes(node.insn);
		la_region_successors(r, &node, &s);
		if (la_insn_links(node.insn) && !node.after_return)
			r->calls = true;
		if (s.unknown && !stays_inside(r, &node))
			r->complete = false;
		if (s.fall)
			discover(r, s.fall, node.after_return);
		if (s.jump)
			discover(r, s.jump, node.after_return);
		if (s.returns && r->follow_return && !node.after_return)
			discover(r, r->ra, true);
	}
	return written;
}

/* --- states --- */

void la_branch_operands(uint32_t insn, unsigned *left, unsigned *right)
{
	*left = la_insn_rj(insn);
	*right = insn >> 26 <= 0x12 ? LA_R_ZERO : la_insn_rd(insn);
}

bool la_branch_taken(uint32_t insn, uint64_t a, uint64_t b, bool *known_ret)
{
	*known_ret = true;
	switch (insn >> 26) {
	case 0x10: /* beqz */
	case 0x16: /* beq */
		return a == b;
	case 0x11: /* bnez */
	case 0x17: /* bne */
		return a != b;
	case 0x18: /* blt */
		return (int64_t)a < (int64_t)b;
	case 0x19: /* bge */
		return (int64_t)a >= (int64_t)b;
	case 0x1a: /* bltu */
		return a < b;
	case 0x1b: /* bgeu */
		return a >= b;
	}
	*known_ret = false; /* bceqz, bcnez */
	return false;
}

static void forget_conditions(struct la_region_state *s, uint32_t written)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->nconditions; i++) {
		unsigned left, right;

		la_branch_operands(s->condition[i].insn, &left, &right);
		if (!((written >> left | written >> right) & 1))
			s->condition[n++] = s->condition[i];
	}
	s->nconditions = n;
}

/* Only what both ways agree on stays known. True: @into lost something. */
static bool merge(struct la_node *into, const struct la_region_state *s)
{
	struct la_region_state *in = &into->in;
	uint32_t known = in->values.known & s->values.known;
	unsigned n = 0;
	bool changed;

	if (!into->reached) {
		into->reached = true;
		*in = *s;
		return true;
	}
	for (unsigned reg = 0; reg < LA_NGPR; reg++)
		if (known >> reg & 1 && in->values.value[reg] != s->values.value[reg])
			known &= ~(1u << reg);
	changed = known != in->values.known;
	in->values.known = known;
	for (unsigned i = 0; i < in->nconditions; i++) {
		for (unsigned j = 0; j < s->nconditions; j++) {
			if (in->condition[i].insn == s->condition[j].insn &&
			    in->condition[i].taken == s->condition[j].taken) {
				in->condition[n++] = in->condition[i];
				break;
			}
		}
	}
	changed = changed || n != in->nconditions;
	in->nconditions = n;
	return changed;
}

static bool load(const struct la_kernel *k, uint64_t va, size_t size, bool is_signed, uint64_t *ret)
{
	unsigned char raw[8] = { 0 };
	unsigned shift = (unsigned)(64 - 8 * size);

	if (la_read(k, va, raw, size, NULL) != LA_OK)
		return false;
	*ret = la_le64(raw);
	if (is_signed)
		*ret = (uint64_t)((int64_t)(*ret << shift) >> shift);
	return true;
}

void la_region_follow(const struct la_kernel *k, struct la_region_state *s, uint32_t insn,
		      uint64_t pc, bool trust_memory)
{
	const struct la_values before = s->values;
	uint64_t base = before.value[la_insn_rj(insn)], value;
	int64_t offset;
	unsigned size;
	bool is_signed;

	forget_conditions(s, la_insn_writes(insn));
	la_values_run(&s->values, insn, pc);
	if (!la_insn_loads(insn, &offset, &size, &is_signed) ||
	    !la_values_has(&before, la_insn_rj(insn)))
		return;
	/* The slot of the return address does not change after it was filled. */
	if ((trust_memory || reloads_ra(insn, &offset)) &&
	    load(k, base + (uint64_t)offset, size, is_signed, &value))
		la_values_set(&s->values, la_insn_rd(insn), value);
}

/* The state on one side of a branch. False: that side cannot be taken. */
static bool pass_branch(struct la_region_state *s, uint32_t insn, bool taken, bool trust_memory)
{
	struct la_values *v = &s->values;
	unsigned left, right;
	bool known, outcome;

	la_branch_operands(insn, &left, &right);
	if (trust_memory)
		return true; /* values may be wrong: follow both sides */
	if (la_values_has(v, left) && la_values_has(v, right)) {
		outcome = la_branch_taken(insn, v->value[left], v->value[right], &known);
		return !known || outcome == taken;
	}
	la_branch_taken(insn, 0, 0, &known);
	if (!known)
		return true;
	/* beqz, beq taken and bnez, bne passed: both are the same */
	if (taken == (insn >> 26 == 0x10 || insn >> 26 == 0x16) &&
	    (insn >> 26 <= 0x11 || insn >> 26 == 0x16 || insn >> 26 == 0x17)) {
		if (la_values_has(v, left))
			la_values_set(v, right, v->value[left]);
		else if (la_values_has(v, right))
			la_values_set(v, left, v->value[right]);
	}
	for (unsigned i = 0; i < s->nconditions; i++)
		if (s->condition[i].insn == insn && s->condition[i].taken == taken)
			return true;
	if (s->nconditions == LA_REGION_CONDITIONS) { /* the oldest is the least useful */
		memmove(s->condition, s->condition + 1,
			(LA_REGION_CONDITIONS - 1) * sizeof(s->condition[0]));
		s->nconditions--;
	}
	s->condition[s->nconditions++] = (struct la_condition){ insn, taken };
	return true;
}

static void send(struct la_region *r, uint64_t pc, bool after_return,
		 const struct la_region_state *s)
{
	size_t i = find(r, pc, after_return);

	if (i != NO_NODE && merge(&r->node[i], s))
		r->node[i].queued = true;
}

static void interpret_node(struct la_region *r, struct la_node *node)
{
	struct la_region_state after = node->in, side;
	struct la_successors s;

	la_region_successors(r, node, &s);
	if (la_insn_is_branch(node->insn)) {
		side = after;
		if (pass_branch(&side, node->insn, true, r->trust_memory))
			send(r, s.jump, node->after_return, &side);
		if (pass_branch(&after, node->insn, false, r->trust_memory))
			send(r, s.fall, node->after_return, &after);
		return;
	}
	if (s.returns) {
		if (r->follow_return && !node->after_return)
			send(r, r->ra, true, &after);
		return;
	}
	la_region_follow(r->k, &after, node->insn, node->pc, r->trust_memory);
	if (s.fall)
		send(r, s.fall, node->after_return, &after);
	if (s.jump)
		send(r, s.jump, node->after_return, &after);
}

/*
 * Every merge that changes a node takes something from it, and there is a limited number of
 * things; the bound is only a safeguard.
 */
static void interpret(struct la_region *r)
{
	size_t budget = r->n * (LA_NGPR + LA_REGION_CONDITIONS + 1);
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < r->n; i++) {
			if (!r->node[i].queued)
				continue;
			if (!budget--) {
				r->complete = false;
				return;
			}
			r->node[i].queued = false;
			again = true;
			interpret_node(r, &r->node[i]);
		}
	}
}

/* Do the CPU's registers agree with what the node implies? */
static bool agrees(const struct la_region *r, const struct la_node *node)
{
	const struct la_region_state *in = &node->in;
	uint64_t value, a, b;

	for (unsigned reg = 0; reg < LA_NGPR; reg++)
		if (la_values_has(&in->values, reg) && la_gpr_get(r->regs, reg, &value) &&
		    value != in->values.value[reg])
			return false;
	for (unsigned i = 0; i < in->nconditions; i++) {
		unsigned left, right;
		bool known, taken;

		la_branch_operands(in->condition[i].insn, &left, &right);
		if (!la_gpr_operand(r->regs, left, &a) || !la_gpr_operand(r->regs, right, &b))
			continue;
		taken = la_branch_taken(in->condition[i].insn, a, b, &known);
		if (known && taken != in->condition[i].taken)
			return false;
	}
	return true;
}

/*
 * How well do the values a node implies fit? Only what the region itself has written counts, and a
 * value that is met by chance (a small one) counts less.
 */
static int score(const struct la_region *r, const struct la_node *node, uint32_t written)
{
	const struct la_values *v = &node->in.values;
	uint64_t value;
	int sum = 0;

	for (unsigned reg = 1; reg < LA_NGPR; reg++) {
		if (!(written >> reg & 1) || reg == LA_R_RA || reg == LA_R_SP ||
		    !la_values_has(v, reg) || !la_gpr_get(r->regs, reg, &value))
			continue;
		if (value != v->value[reg])
			sum -= 3;
		else
			sum += value < 256 ? 1 : 2;
	}
	return sum;
}

/* Carry out what leads to the call; without @s, only tell which registers it writes. */
static uint32_t run_prelude(const struct la_region *r, const struct la_region_root *root,
			    struct la_region_state *s)
{
	uint32_t written = 0;

	if (!root->prelude || (s && !root->prelude_sure && !r->trust_memory))
		return 0;
	for (uint64_t pc = root->prelude; pc < root->call; pc += 4) {
		uint32_t insn;

		if (la_read_code(r->k, pc, &insn, 4, NULL) != LA_OK)
			continue;
		written |= la_insn_writes(insn);
		if (s)
			la_region_follow(r->k, s, insn, pc, r->trust_memory);
	}
	return written;
}

/* What a root starts with: values that have not changed since, and the arguments of the call. */
static void start_state(const struct la_region *r, const struct la_region_root *root,
			uint32_t written, struct la_region_state *ret)
{
	uint64_t value;

	*ret = (struct la_region_state){ .nconditions = 0 };
	la_values_none(&ret->values);
	for (unsigned reg = 1; reg < LA_NGPR; reg++)
		if (!(written >> reg & 1) && la_gpr_get(r->regs, reg, &value))
			la_values_set(&ret->values, reg, value);
	/* root->sp is the stack pointer at the call: after the prelude, which may lower it. */
	ret->values.known &= ~(1u << LA_R_SP);
	if (root->sp_known && !(run_prelude(r, root, NULL) >> LA_R_SP & 1))
		la_values_set(&ret->values, LA_R_SP, root->sp);
	run_prelude(r, root, ret);
	if (root->sp_known)
		la_values_set(&ret->values, LA_R_SP, root->sp);
	la_values_set(&ret->values, LA_R_RA, r->ra);
}

static void score_all(struct la_region *r, uint32_t written)
{
	for (size_t i = 0; i < r->n; i++) {
		struct la_node *node = &r->node[i];
		int fits = node->reached ? score(r, node, written) : INT_MIN;

		if (fits > node->score)
			node->score = fits;
	}
}

/*
 * The callee has returned from one place, and the values that one leaves tell more than what all
 * its returns have in common. So they are tried one by one.
 */
static void score_returns(struct la_region *r, uint32_t written)
{
	struct la_successors s;

	for (size_t i = 0; r->follow_return && i < r->n; i++) {
		const struct la_node *from = &r->node[i];

		la_region_successors(r, from, &s);
		if (!s.returns || !from->feasible || !from->reached || from->after_return)
			continue;
		for (size_t j = 0; j < r->n; j++)
			if (r->node[j].after_return)
				r->node[j].reached = false;
		send(r, r->ra, true, &from->in);
		interpret(r);
		score_all(r, written);
	}
}

/* Only what nothing has written, and the stack pointer and return address of the call, is known there. */
static void send_hidden(struct la_region *r, const struct la_node *node,
			const struct la_region_root *root, uint32_t written)
{
	struct la_region_root entry = { .sp_known = root && root->sp_known && !root->after_return };
	struct la_region_state s;

	entry.sp = entry.sp_known ? root->sp : 0;
	start_state(r, &entry, written, &s);
	send(r, node->pc, false, &s);
}

static void pass(struct la_region *r, const struct la_region_root *root, size_t nroots,
		 uint32_t written, bool trust_memory)
{
	r->trust_memory = trust_memory;
	for (size_t i = 0; i < r->n; i++)
		r->node[i].reached = r->node[i].queued = false;
	for (size_t i = 0; i < nroots; i++) {
		struct la_region_state s;

		start_state(r, &root[i], written, &s);
		send(r, root[i].pc, root[i].after_return, &s);
	}
	/* What is likely did not fault. */
	for (size_t i = 0; i < r->n && !trust_memory; i++)
		if (r->node[i].hidden)
			send_hidden(r, &r->node[i], nroots ? root : NULL, written);
	interpret(r);
}

void la_region_run(struct la_region *ret, const struct la_kernel *k, const struct la_regs *regs,
		   const struct la_region_root *root, size_t nroots, bool follow_return)
{
	uint32_t written;

	ret->k = k;
	ret->regs = regs;
	ret->ra = regs->gpr[LA_R_RA];
	ret->follow_return = follow_return;
	ret->calls = false;
	ret->complete = true;
	ret->n = 0;
	memset(ret->index, 0, sizeof(ret->index));
	for (size_t i = 0; i < nroots; i++)
		discover(ret, root[i].pc, root[i].after_return);
	written = explore(ret, 0);
	for (size_t known = ret->n; discover_hidden(ret); known = ret->n)
		written |= explore(ret, known);
	for (size_t i = 0; i < nroots; i++)
		written |= run_prelude(ret, &root[i], NULL);

	pass(ret, root, nroots, written, false);
	for (size_t i = 0; i < ret->n; i++)
		ret->node[i].feasible = ret->node[i].reached && agrees(ret, &ret->node[i]);
	pass(ret, root, nroots, written, true);
	for (size_t i = 0; i < ret->n; i++)
		ret->node[i].score = INT_MIN;
	score_all(ret, written);
	score_returns(ret, written);
	for (size_t i = 0; i < ret->n; i++)
		if (ret->node[i].hidden && ret->node[i].score == INT_MIN)
			ret->node[i].score = 0; /* nothing speaks for it */
}

bool la_region_evaluate(const struct la_kernel *k, const struct la_regs *regs, uint64_t from,
			uint64_t to, unsigned reg, uint64_t *ret)
{
	const uint32_t kept = 1u << LA_R_TP | 1u << LA_R_SP | 1u << LA_R_U0 | 0x3ffu << LA_R_FP;
	struct la_region_state s = { .nconditions = 0 };
	uint64_t value;

	la_values_none(&s.values);
	for (unsigned n = 1; n < LA_NGPR; n++)
		if (kept >> n & 1 && la_gpr_get(regs, n, &value))
			la_values_set(&s.values, n, value);
	for (uint64_t pc = from; from && pc < to; pc += 4) {
		uint32_t insn;

		if (la_read_code(k, pc, &insn, 4, NULL) != LA_OK)
			return false;
		la_region_follow(k, &s, insn, pc, true);
	}
	*ret = s.values.value[reg];
	return la_values_has(&s.values, reg);
}
