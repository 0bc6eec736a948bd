// SPDX-License-Identifier: GPL-3.0-or-later
// Abstract interpretation of the code a CPU can be in. See reach.h.
#include "reach.h"

#include <limits.h>
#include <string.h>

#include "base/bytes.h"
#include "isa/insn.h"

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

	la_conditions_forget(s, insn);
	la_values_run(&s->values, insn, pc);
	la_conditions_add_sum(s, insn);
	if (trust_memory)
		la_conditions_add_store(s, insn);
	if (!la_insn_loads(insn, &offset, &size, &is_signed) ||
	    !la_values_has(&before, la_insn_rj(insn)))
		return;
	/* The slot of the return address does not change after it was filled. */
	if ((trust_memory || la_reloads_ra(insn, &offset)) &&
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
	la_conditions_add(s, insn, taken);
	return true;
}

static void send(struct la_region *r, uint64_t pc, bool after_return,
		 const struct la_region_state *s)
{
	const struct la_node *there = la_region_node(r, pc, after_return);
	struct la_node *node = there ? &r->node[there - r->node] : NULL;

	if (node && merge(node, s))
		node->queued = true;
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
	uint64_t value;
	bool known;

	for (unsigned reg = 0; reg < LA_NGPR; reg++)
		if (la_values_has(&in->values, reg) && la_gpr_get(r->regs, reg, &value) &&
		    value != in->values.value[reg])
			return false;
	for (unsigned i = 0; i < in->nconditions; i++)
		if (!la_condition_holds(r, &in->condition[i], &known) && known)
			return false;
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
	for (unsigned i = 0; i < node->in.nconditions; i++) {
		bool known, holds = la_condition_holds(r, &node->in.condition[i], &known);

		if (known && !la_insn_is_branch(node->in.condition[i].insn))
			sum += holds ? 2 : -3;
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
	la_conditions_forget(ret, LA_INSN_BL); /* the call has changed ra */
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
	written = la_region_explore(ret, root, nroots);
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
		if (ret->node[i].score == INT_MIN)
			ret->node[i].score = 0; /* nothing speaks for it */
}

bool la_region_evaluate(const struct la_kernel *k, const struct la_regs *regs, uint32_t believed,
			uint64_t from, uint64_t to, unsigned reg, uint64_t *ret)
{
	struct la_region_state s = { .nconditions = 0 };
	uint64_t value;

	la_values_none(&s.values);
	for (unsigned n = 1; n < LA_NGPR; n++)
		if (believed >> n & 1 && la_gpr_get(regs, n, &value))
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
