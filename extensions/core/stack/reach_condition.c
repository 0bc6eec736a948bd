// SPDX-License-Identifier: GPL-3.0-or-later
// What the instructions on the way to a place imply where the values are not known: a branch that was passed, a sum
// that was formed, a store that was made. It holds for as long as their registers have not been written. See reach.h.
#include <string.h>

#include "base/bytes.h"
#include "isa/insn.h"
#include "reach.h"

static uint32_t registers_of(uint32_t insn)
{
	unsigned left, right;

	if (!la_insn_is_branch(insn))
		return la_insn_reads(insn) | la_insn_writes(insn);
	la_branch_operands(insn, &left, &right);
	return (1u << left | 1u << right) & ~1u;
}

/* Do both stores go to the same place, or to one that overlaps it, through the same register? */
static bool overlap(uint32_t a, uint32_t b)
{
	int64_t at_a, at_b;
	unsigned size_a, size_b;

	return la_insn_stores(a, &at_a, &size_a) && la_insn_stores(b, &at_b, &size_b) &&
	       la_insn_rj(a) == la_insn_rj(b) && at_a < at_b + size_b && at_b < at_a + size_a;
}

void la_conditions_forget(struct la_region_state *s, uint32_t insn)
{
	const uint32_t written = la_insn_writes(insn);
	unsigned n = 0;

	for (unsigned i = 0; i < s->nconditions; i++)
		if (!(written & registers_of(s->condition[i].insn)) &&
		    !overlap(s->condition[i].insn, insn))
			s->condition[n++] = s->condition[i];
	s->nconditions = n;
}

void la_conditions_add(struct la_region_state *s, uint32_t insn, bool taken)
{
	for (unsigned i = 0; i < s->nconditions; i++)
		if (s->condition[i].insn == insn && s->condition[i].taken == taken)
			return;
	if (s->nconditions == LA_REGION_CONDITIONS) { /* the oldest is the least useful */
		memmove(s->condition, s->condition + 1,
			(LA_REGION_CONDITIONS - 1) * sizeof(s->condition[0]));
		s->nconditions--;
	}
	s->condition[s->nconditions++] = (struct la_condition){ insn, taken };
}

/* addi.d, add.d, sub.d, move: where what is added is not known, the result still is by its difference. */
void la_conditions_add_sum(struct la_region_state *s, uint32_t insn)
{
	const uint32_t op = insn >> 15, result = la_insn_writes(insn);

	if ((la_insn_is_addi_d(insn) || op == 0x21 || op == 0x23 || op == 0x2a) &&
	    !(result & (s->values.known | la_insn_reads(insn) | 1u << LA_R_ZERO)))
		la_conditions_add(s, insn, true);
}

void la_conditions_add_store(struct la_region_state *s, uint32_t insn)
{
	int64_t offset;
	unsigned size;

	if (la_insn_stores(insn, &offset, &size))
		la_conditions_add(s, insn, true);
}

/* Has the register that a sum was put into what the CPU's registers sum up to? */
static bool sum_holds(const struct la_regs *regs, uint32_t insn, bool *known_ret)
{
	const unsigned rd = la_insn_rd(insn);
	struct la_values v;
	uint64_t value, there;

	la_values_none(&v);
	for (unsigned reg = 1; reg < LA_NGPR; reg++)
		if (reg != rd && la_gpr_get(regs, reg, &value))
			la_values_set(&v, reg, value);
	la_values_run(&v, insn, 0);
	*known_ret = la_values_has(&v, rd) && la_gpr_get(regs, rd, &there);
	return *known_ret && there == v.value[rd];
}

/* Does memory still have what was stored there? */
static bool store_holds(const struct la_region *r, uint32_t insn, int64_t offset, unsigned size,
			bool *known_ret)
{
	unsigned char raw[8] = { 0 };
	uint64_t base, value;

	*known_ret = la_gpr_operand(r->regs, la_insn_rj(insn), &base) &&
		     la_gpr_operand(r->regs, la_insn_rd(insn), &value) &&
		     la_read(r->k, base + (uint64_t)offset, raw, size, NULL) == LA_OK;
	return *known_ret && la_le64(raw) == (value & ~UINT64_C(0) >> (64 - 8 * size));
}

bool la_condition_holds(const struct la_region *r, const struct la_condition *c, bool *known_ret)
{
	unsigned left, right, size;
	int64_t offset;
	uint64_t a, b;
	bool taken;

	if (la_insn_stores(c->insn, &offset, &size))
		return store_holds(r, c->insn, offset, size, known_ret);
	if (!la_insn_is_branch(c->insn))
		return sum_holds(r->regs, c->insn, known_ret);
	la_branch_operands(c->insn, &left, &right);
	*known_ret = false;
	if (!la_gpr_operand(r->regs, left, &a) || !la_gpr_operand(r->regs, right, &b))
		return false;
	taken = la_branch_taken(c->insn, a, b, known_ret);
	return *known_ret && taken == c->taken;
}
