// SPDX-License-Identifier: GPL-3.0-or-later
// What the places a CPU can be at amount to: how many, which fits best, does it wait there?
#include "isa/insn.h"
#include "reach.h"

#define MAX_TURN 64 /* instructions of a loop that can be a wait */

/* Does it change memory? Plain stores, sc and the atomic operations. */
static bool is_store(uint32_t insn)
{
	int64_t offset;
	unsigned size;

	return la_insn_stores(insn, &offset, &size) || insn >> 24 == 0x21 || insn >> 24 == 0x23 ||
	       (insn >> 15 >= 0x7020 && insn >> 15 <= 0x7038 && !(insn >> 15 & 7)) ||
	       (insn >> 15 >= 0x70ae && insn >> 15 <= 0x70e3);
}

static bool is_time(uint32_t insn)
{
	return insn >> 12 == 6 && (insn >> 10 & 3) != 3; /* rdtimel.w, rdtimeh.w, rdtime.d */
}

/* The next pc of a CPU that stays in [from, to], as far as the values tell; 0: it leaves. */
static uint64_t stay(const struct la_region *r, const struct la_node *node,
		     const struct la_values *v, uint64_t from, uint64_t to)
{
	struct la_successors s;
	unsigned left, right;
	bool known, taken;

	la_region_successors(r, node, &s);
	if (la_insn_is_branch(node->insn)) {
		la_branch_operands(node->insn, &left, &right);
		taken = la_branch_taken(node->insn, v->value[left], v->value[right], &known);
		if (known && la_values_has(v, left) && la_values_has(v, right)) {
			if (taken)
				s.fall = 0;
			else
				s.jump = 0;
		}
	}
	if (s.jump >= from && s.jump <= to)
		return s.jump;
	return s.fall >= from && s.fall <= to ? s.fall : 0;
}

/*
 * Does the CPU, at @node of the loop [from, to], wait for memory or time to change? It does if a
 * turn of the loop stores nothing and leaves all registers as the CPU has them.
 */
static enum la_wait find_wait(const struct la_region *r, const struct la_node *node, uint64_t from,
			      uint64_t to)
{
	enum la_wait wait = LA_WAIT_LONG;
	const struct la_node *at = node;
	struct la_region_state s = { .nconditions = 0 };
	bool is_signed;
	int64_t offset;
	uint64_t value;
	unsigned size;

	la_values_none(&s.values);
	for (unsigned reg = 1; reg < LA_NGPR; reg++)
		if (la_gpr_get(r->regs, reg, &value))
			la_values_set(&s.values, reg, value);
	for (unsigned steps = 0; at && steps < MAX_TURN; steps++) {
		uint32_t reads = la_insn_reads(at->insn), writes = la_insn_writes(at->insn);
		bool understood = (reads & ~s.values.known) == 0 && !is_time(at->insn);
		uint64_t next;

		if (la_insn_is_idle(at->insn))
			return LA_WAIT_LONG;
		if (la_insn_links(at->insn) || is_store(at->insn))
			return LA_WAIT_NONE;
		if (is_time(at->insn))
			wait = LA_WAIT_TIME;
		else if (wait == LA_WAIT_LONG &&
			 la_insn_loads(at->insn, &offset, &size, &is_signed))
			wait = LA_WAIT_POLL;
		next = stay(r, at, &s.values, from, to);
		la_region_follow(r->k, &s, at->insn, at->pc, true);
		if (understood && writes & ~s.values.known)
			return LA_WAIT_NONE; /* some operation we do not know */
		at = next ? la_region_node(r, next, node->after_return) : NULL;
		if (at != node)
			continue;
		for (unsigned reg = 1; reg < LA_NGPR; reg++)
			if (la_values_has(&s.values, reg) && la_gpr_get(r->regs, reg, &value) &&
			    value != s.values.value[reg])
				return LA_WAIT_NONE;
		return wait;
	}
	return LA_WAIT_NONE;
}

/* The same for any place in the loop where the CPU can be. */
static enum la_wait find_wait_in(const struct la_region *r, uint64_t from, uint64_t to,
				 bool after_return)
{
	enum la_wait longest = LA_WAIT_NONE;

	for (size_t i = 0; i < r->n; i++) {
		const struct la_node *node = &r->node[i];
		enum la_wait wait;

		if (!node->feasible || node->after_return != after_return || node->pc < from ||
		    node->pc > to)
			continue;
		wait = find_wait(r, node, from, to);
		if (wait > longest)
			longest = wait;
	}
	return longest;
}

/* Can control go from one node to another? */
static bool leads_to(const struct la_region *r, const struct la_node *from,
		     const struct la_node *to)
{
	bool seen[LA_REGION_NODES] = { false };
	const struct la_node *list[LA_REGION_NODES];
	size_t n = 0;

	list[n++] = from;
	seen[from - r->node] = true;
	while (n) {
		const struct la_node *node = list[--n], *next[2];
		struct la_successors s;

		if (node == to)
			return true;
		la_region_successors(r, node, &s);
		next[0] = s.fall ? la_region_node(r, s.fall, node->after_return) : NULL;
		next[1] = s.jump ? la_region_node(r, s.jump, node->after_return) : NULL;
		for (size_t i = 0; i < 2; i++) {
			if (!next[i] || seen[next[i] - r->node] || !next[i]->reached)
				continue;
			seen[next[i] - r->node] = true;
			list[n++] = next[i];
		}
	}
	return false;
}

/* Is one of the loop [from, to] as likely as the likeliest? */
static bool has_score(const struct la_region *r, uint64_t from, uint64_t to, bool after_return,
		      int score)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct la_node *node = &r->node[i];

		if (node->feasible && node->after_return == after_return && node->pc >= from &&
		    node->pc <= to && node->score >= score)
			return true;
	}
	return false;
}

void la_region_summarise(const struct la_region *r, bool after_return,
			 struct la_region_summary *ret)
{
	uint64_t era = 0;
	bool era_known = la_csr_get(r->regs, LA_CSR_ERA, &era);

	*ret = (struct la_region_summary){ .feasible = 0 };
	for (size_t i = 0; i < r->n; i++) {
		const struct la_node *node = &r->node[i];

		if (!node->feasible || node->after_return != after_return)
			continue;
		if (!ret->feasible++ || node->score > ret->score) {
			ret->score = node->score;
			ret->best = node->pc;
			ret->likeliest = 0;
		}
		ret->likeliest += node->score == ret->score;
	}
	for (size_t i = 0; i < r->n; i++) {
		const struct la_node *node = &r->node[i];
		struct la_successors s;
		enum la_wait wait;
		const struct la_node *back;

		if (!node->feasible || node->after_return != after_return)
			continue;
		if (era_known && era == node->pc)
			ret->has_era = true;
		if (la_insn_is_idle(node->insn))
			ret->wait = LA_WAIT_LONG;
		la_region_successors(r, node, &s);
		if (!s.jump || s.jump > node->pc)
			continue;
		back = la_region_node(r, s.jump, after_return);
		if (!back || !back->reached || !leads_to(r, back, node))
			continue;
		ret->loops = true;
		if (has_score(r, s.jump, node->pc, after_return, ret->score))
			ret->best_loops = true;
		if (!s.fall && s.jump == node->pc)
			ret->endless = node->pc;
		wait = find_wait_in(r, s.jump, node->pc, after_return);
		if (wait > ret->wait)
			ret->wait = wait;
	}
}
