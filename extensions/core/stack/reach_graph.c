// SPDX-License-Identifier: GPL-3.0-or-later
// The code that a CPU can be in. See reach.h.
#include "reach.h"

#include <string.h>

#include "flow.h"
#include "isa/insn.h"
#include "table_row.h"

bool la_reloads_ra(uint32_t insn, int64_t *offset)
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

const struct la_node *la_region_node(const struct la_region *r, uint64_t pc, bool after_return)
{
	size_t slot = slot_of(r, pc, after_return);

	return r->index[slot] ? &r->node[r->index[slot] - 1u] : NULL;
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
	} else if (node->after_return && la_reloads_ra(insn, &offset) &&
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

uint32_t la_region_explore(struct la_region *r, const struct la_region_root *root, size_t nroots)
{
	uint32_t written;

	r->calls = false;
	r->complete = true;
	r->n = 0;
	memset(r->index, 0, sizeof(r->index));
	for (size_t i = 0; i < nroots; i++)
		discover(r, root[i].pc, root[i].after_return);
	written = explore(r, 0);
	for (size_t known = r->n; discover_hidden(r); known = r->n)
		written |= explore(r, known);
	return written;
}
