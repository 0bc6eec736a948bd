// SPDX-License-Identifier: GPL-3.0-or-later
// The function that the last call went to. See callee.h.
#include "callee.h"

#include <string.h>

#include "base/bytes.h"
#include "isa/insn.h"
#include "table_row.h"

#define MAX_PRELUDE 16     /* instructions before a call that may set up its arguments */
#define MAX_FUNCTION 16384 /* bytes of a function that is looked at as a whole */
#define MAX_SYSCALLS 1024  /* 7.2 has 472 */
#define MAX_ROUNDS 4       /* functions that jump to one another, in a row */

/*
 * The straight code before a call shows arguments it was made with. It starts behind the
 * last jump, and no other jump of the function may lead into it; @sure_ret says whether that is
 * certain.
 */
static uint64_t find_prelude(const struct la_kernel *k, uint64_t call, bool *sure_ret)
{
	unsigned char code[1024];
	struct la_symbol symbol;
	uint64_t first = call, at;
	uint32_t insn;

	*sure_ret = true;
	if (!k->door->symbol_at(k->door->ctx, call, &symbol) || !symbol.end ||
	    symbol.end - symbol.start > MAX_FUNCTION)
		return 0;
	for (unsigned i = 0; i < MAX_PRELUDE && first > symbol.start; i++) {
		if (la_read_code(k, first - 4, &insn, 4, NULL) != LA_OK || la_insn_is_b(insn) ||
		    la_insn_is_bl(insn) || la_insn_is_jirl(insn) || la_insn_is_branch(insn))
			break;
		first -= 4;
	}
	for (at = symbol.start; at < symbol.end;) {
		size_t len =
			symbol.end - at < sizeof(code) ? (size_t)(symbol.end - at) : sizeof(code);

		if (la_read_code(k, at, code, len, NULL) != LA_OK)
			return 0;
		for (size_t i = 0; i + 4 <= len; i += 4) {
			uint64_t to = 0;

			insn = la_le32(code + i);
			if (la_insn_is_b(insn))
				to = at + i + (uint64_t)la_insn_offs26(insn);
			else if (la_insn_is_branch(insn))
				to = at + i + (uint64_t)la_insn_branch_offset(insn);
			else if (la_insn_is_jirl(insn) && !la_insn_rd(insn) &&
				 !la_insn_is_ret(insn))
				*sure_ret = false; /* perhaps a switch: it may lead anywhere */
			if (to > first && to <= call)
				first = to;
		}
		at += len;
	}
	return first < call ? first : 0;
}

static bool is_function(const struct la_kernel *k, uint64_t pc)
{
	struct la_symbol symbol;

	return la_is_text(k, pc) && k->door->symbol_at(k->door->ctx, pc, &symbol) &&
	       symbol.start == pc;
}

/*
 * The target of a call through a register, if the caller's kept registers and memory are still
 * as they were: most such calls load a pointer out of a structure right before. Or what that register has now. Or, if the
 * structure is the callee's argument, which it may have lost since, the same with all registers.
 */
static bool guess_target(const struct la_callee *c, uint32_t insn, uint64_t *ret)
{
	const struct la_kernel *k = c->k;
	const uint64_t offset = (uint64_t)la_insn_offs16(insn);
	const uint64_t call = c->ra - 4;
	const unsigned reg = la_insn_rj(insn);
	uint64_t value, prelude;
	bool sure;

	if (reg == LA_R_RA) /* the call itself has changed it */
		return false;
	prelude = find_prelude(k, call, &sure);
	if (!(la_region_evaluate(k, c->regs, LA_REGION_KEPT, prelude, call, reg, &value) &&
	      is_function(k, value + offset)) &&
	    !(la_gpr_get(c->regs, reg, &value) && is_function(k, value + offset)) &&
	    !(la_region_evaluate(k, c->regs, ~(1u << LA_R_RA), prelude, call, reg, &value) &&
	      is_function(k, value + offset)))
		return false;
	*ret = value + offset;
	return true;
}

/*
 * do_syscall() calls through sys_call_table (arch/loongarch/kernel/syscall.c): the number is in a7
 * of the registers that the task came with, at the top of its stack.
 */
static bool system_call(const struct la_callee *c, uint64_t *ret)
{
	static const unsigned gap[] = { 0, 32 }; /* see la_is_stack_bottom() */
	const struct la_door *door = c->k->door;
	struct la_symbol caller;
	uint64_t table, nr, prmd, top = (c->regs->gpr[LA_R_SP] | (LA_THREAD_SIZE - 1)) + 1;
	struct la_regs from_user;

	if (!door->symbol_at(door->ctx, c->ra - 4, &caller) || strcmp(caller.name, "do_syscall") ||
	    !door->symbol(door->ctx, "sys_call_table", &table))
		return false;
	for (size_t i = 0; i < sizeof(gap) / sizeof(gap[0]); i++)
		if (la_pt_regs_read(c->k, top - LA_PT_REGS_SIZE - gap[i], &from_user, NULL) ==
			    LA_OK &&
		    la_csr_get(&from_user, LA_CSR_PRMD, &prmd) && (prmd & 3) == 3 &&
		    la_gpr_get(&from_user, LA_R_A7, &nr) && nr < MAX_SYSCALLS &&
		    la_read_u64(c->k, table + 8 * nr, ret, NULL) == LA_OK &&
		    is_function(c->k, *ret))
			return true;
	return false;
}

void la_callee_find(struct la_callee *c, const struct la_kernel *k, const struct la_regs *regs)
{
	uint32_t insn;
	uint64_t target;
	bool sure;

	*c = (struct la_callee){ .k = k, .regs = regs, .ra = regs->gpr[LA_R_RA] };
	if (la_link_target(k, c->ra, &c->start, &sure)) {
		c->guessed = !sure;
		return;
	}
	if (la_read_code(k, c->ra - 4, &insn, 4, NULL) != LA_OK ||
	    !la_insn_is_call(insn, c->ra - 4, &target))
		return;
	c->guessed = true;
	if (!system_call(c, &c->start) && !guess_target(c, insn, &c->start))
		c->start = 0;
}

void la_callee_guess(struct la_callee *c, uint64_t start)
{
	*c = (struct la_callee){
		.k = c->k, .regs = c->regs, .ra = c->ra, .start = start, .guessed = true
	};
}

bool la_callee_by_exception(struct la_callee *c)
{
	const struct la_kernel *k = c->k;
	struct la_symbol symbol;
	uint64_t era;

	if (!la_csr_get(c->regs, LA_CSR_ERA, &era) || !la_is_text(k, era) ||
	    !k->door->symbol_at(k->door->ctx, era, &symbol) ||
	    (c->ra - 4 >= symbol.start && c->ra - 4 < symbol.end))
		return false;
	la_callee_guess(c, symbol.start);
	return true;
}

/* A function's ends, where it has its return address back in ra. */
static void find_epilogues(struct la_callee *c, const struct la_symbol *function)
{
	struct la_cfi_row row, before;

	if (!function->end || function->end - function->start > MAX_FUNCTION) {
		c->cut = true;
		return;
	}
	for (uint64_t pc = function->start + 4; pc < function->end; pc += 4) {
		if (!la_table_row(c->k, pc, &row) || row.rule[LA_R_RA].kind != LA_RULE_SAME ||
		    !la_table_row(c->k, pc - 4, &before) ||
		    before.rule[LA_R_RA].kind != LA_RULE_AT_CFA)
			continue;
		if (c->nepilogues == LA_REGION_ROOTS - 1) {
			c->cut = true;
			return;
		}
		c->epilogue[c->nepilogues++] =
			(struct la_epilogue){ pc, row, before.rule[LA_R_RA].offset };
	}
}

size_t la_callee_roots(struct la_callee *c, uint64_t cfa, struct la_region_root *root)
{
	size_t n = 1;

	root[0] = (struct la_region_root){
		.pc = c->start,
		.sp_known = cfa != 0,
		.sp = cfa,
		.call = c->ra - 4,
	};
	root[0].prelude = find_prelude(c->k, c->ra - 4, &root[0].prelude_sure);
	for (size_t i = 0; i < c->nepilogues; i++) {
		const struct la_epilogue *e = &c->epilogue[i];

		root[n++] = (struct la_region_root){
			.pc = e->pc,
			.sp_known = e->row.cfa_reg == LA_R_SP && cfa,
			.sp = cfa - (uint64_t)(int64_t)e->row.cfa_offset,
		};
	}
	return n;
}

bool la_callee_kept_ra(const struct la_callee *c, uint64_t cfa)
{
	uint64_t kept;

	if (c->nfunctions != 1)
		return true; /* the frame of a function it jumps to can lie there */
	for (size_t i = 0; i < c->nepilogues; i++)
		if (la_read_u64(c->k, cfa + (uint64_t)(int64_t)c->epilogue[i].kept, &kept, NULL) !=
			    LA_OK ||
		    kept == c->ra)
			return true;
	return false;
}

static bool makes_calls(const struct la_region *region, const struct la_symbol *function)
{
	for (size_t i = 0; i < region->n; i++) {
		const struct la_node *node = &region->node[i];

		if (la_insn_links(node->insn) && node->pc >= function->start &&
		    node->pc < function->end)
			return true;
	}
	return false;
}

/* The callee and the functions it ends in jumps to; true: more than were known. */
static bool find_functions(struct la_callee *c, const struct la_region *region)
{
	const struct la_kernel *k = c->k;
	size_t before = c->nfunctions;

	for (size_t i = 0; i < region->n; i++) {
		const uint64_t pc = region->node[i].pc;
		struct la_cfi_row row;
		struct la_symbol symbol;
		size_t f = 0;

		while (f < c->nfunctions &&
		       !(pc >= c->function[f].start && pc < c->function[f].end))
			f++;
		if (f < c->nfunctions)
			continue;
		if (f == LA_CALLEE_FUNCTIONS || !k->door->symbol_at(k->door->ctx, pc, &symbol) ||
		    pc >= symbol.end) {
			c->cut = true;
			continue;
		}
		c->function[c->nfunctions++] = symbol;
		find_epilogues(c, &symbol);
		/* Without a description its ends are not found. */
		if (makes_calls(region, &symbol) && !la_table_row(k, symbol.start, &row) &&
		    !la_table_row(k, symbol.start + 8, &row))
			c->cut = true;
	}
	return c->nfunctions > before;
}

static size_t find_sizes(struct la_callee *c, const struct la_region *region, uint64_t *frame,
			 size_t max)
{
	size_t n = 0;

	frame[n++] = 0;
	for (size_t i = 0; i < region->n; i++) {
		struct la_cfi_row row;
		uint64_t size;
		size_t j = 0;

		if (!la_table_row(c->k, region->node[i].pc, &row)) {
			/* It makes a frame that is not described. */
			if (la_insn_writes(region->node[i].insn) >> LA_R_SP & 1)
				c->cut = true;
			continue;
		}
		if (row.cfa_reg != LA_R_SP || row.cfa_offset < 0) {
			c->cut = true; /* a frame pointer: the size can be any */
			continue;
		}
		size = (uint64_t)row.cfa_offset;
		while (j < n && frame[j] != size)
			j++;
		if (j == n && n == max)
			c->cut = true;
		else if (j == n)
			frame[n++] = size;
	}
	return n;
}

size_t la_callee_frames(struct la_callee *c, struct la_region *region, uint64_t *frame, size_t max)
{
	struct la_region_root root[LA_REGION_ROOTS];
	unsigned rounds = 0;

	/* Each round also starts at the ends of the functions that the last one found. */
	do {
		la_region_run(region, c->k, c->regs, root, la_callee_roots(c, 0, root), false);
	} while (find_functions(c, region) && ++rounds < MAX_ROUNDS);
	if (rounds == MAX_ROUNDS)
		c->cut = true;
	return find_sizes(c, region, frame, max);
}
