// SPDX-License-Identifier: GPL-3.0-or-later
// What a verdict's numbers mean: the instruction and the address of the fault.
#include "detail.h"

#include <string.h>

#include "lakvm/guest/modules.h"

/* Only where an exception left registers: else pc is where somebody waits. */
static void explain_insn(const struct la_cause *c, struct la_detail *ret)
{
	uint64_t badi;

	if (!c->pc_known || !c->regs_known)
		return;
	if (c->code_known >> LA_CODE_BEFORE & 1)
		la_insn_words(c->code[LA_CODE_BEFORE], &ret->insn);
	else if (la_csr_get(&c->regs, LA_CSR_BADI, &badi))
		la_insn_words((uint32_t)badi, &ret->insn);
	else
		return;
	ret->insn_known = true;
	for (size_t i = 0; i < ret->insn.nregs; i++) {
		struct la_operand *o = &ret->operand[ret->noperands++];

		o->reg = ret->insn.reg[i];
		o->known = la_gpr_get(&c->regs, o->reg, &o->value);
	}
	ret->reaches_known = la_insn_reaches(&ret->insn, &c->regs, &ret->reaches);
}

/* The tables that the CPU walked for @address. */
static uint64_t tables_for(const struct la_kernel *k, uint64_t address, const struct la_panic *p)
{
	struct la_user_tables tables;
	uint64_t mm = 0;

	if (la_segment_of(address) != LA_XUVRANGE)
		return k->mmu.kernel_pgd;
	if (p->task.address)
		la_read_member(k, p->task.address, "task_struct", "mm", &mm, NULL);
	la_user_tables_find(k, mm, p->cause.regs_known ? &p->cause.regs : NULL, &tables);
	return tables.pgd;
}

#define ADDI_D(insn) (((insn)&0xffc00000) == 0x02c00000) /* rd, rj, si12 */

/*
 * Of a list's element what its link was: container_of() takes the link's offset from it, in a register that the access then
 * has for its base. @base where the code before does not say so.
 */
static uint64_t link_of(const struct la_cause *c, unsigned reg, uint64_t base)
{
	for (unsigned i = LA_CODE_BEFORE; i-- > 0 && c->code_known >> i & 1;) {
		const uint32_t insn = c->code[i];

		if (ADDI_D(insn) && (insn & 31) == reg)
			return base - (uint64_t)((int64_t)((uint64_t)insn << 42) >> 52);
	}
	return base;
}

static void explain_address(const struct la_kernel *k, struct la_arena *arena,
			    const struct la_panic *p, struct la_detail *ret)
{
	const struct la_cause *c = &p->cause;
	uint64_t base = c->address;

	if (!c->address_known)
		return;
	/* Not of an index, which may be the part that is wrong. */
	if (ret->reaches_known && ret->reaches == c->address && ret->insn.index < 0)
		base = c->address - (uint64_t)ret->insn.offset;
	if (base != c->address && la_list_poison(link_of(c, ret->insn.base, base)))
		base = link_of(c, ret->insn.base, base);
	ret->address_class = la_address_class(k, arena, c->address, base, p->cpu, &p->task);
	la_mem_explain(k, NULL, tables_for(k, c->address, p), c->address, false, &ret->walk);
	ret->walked = true;
}

/* Where the exact pc is not known, its function's start still is, on the stack. */
static bool code_of_cause(const struct la_panic *p, uint64_t *ret)
{
	const struct la_stack *s = p->stack;

	*ret = p->cause.pc;
	if (p->cause.pc_known)
		return true;
	for (size_t i = 0; s && i < s->n; i++) {
		*ret = s->frame[i].start;
		if (s->frame[i].symbol && p->cause.symbol &&
		    !strcmp(s->frame[i].symbol, p->cause.symbol))
			return true;
	}
	return false;
}

static void find_module(const struct la_kernel *k, struct la_arena *arena, const struct la_panic *p,
			struct la_detail *ret)
{
	struct la_module m;
	uint64_t code;

	if (p->cause.module && code_of_cause(p, &code) &&
	    la_module_find(k, arena, code, &m, NULL) == LA_OK)
		ret->module_version = m.version;
}

/* The event that the verdict is made of. */
static const struct la_event *event_of(const struct la_triage *t, const struct la_judgement *j)
{
	const char *message = j->panic->message;

	if (j->event)
		return j->event;
	if (j->panic->verdict == LA_VERDICT_PANIC)
		return t->panic;
	for (size_t i = t->events.n; message && i--;) {
		const struct la_event *e = &t->events.event[i];

		if (message == e->line || message == e->text)
			return e;
	}
	return NULL;
}

void la_detail_collect(const struct la_kernel *k, const struct la_triage *t,
		       const struct la_judgement *j)
{
	struct la_panic *p = j->panic;
	struct la_detail *d = &p->detail;

	*d = (struct la_detail){ .insn_known = false };
	explain_insn(&p->cause, d);
	explain_address(k, j->arena, p, d);
	find_module(k, j->arena, p, d);
	d->taint = la_taint_words(j->arena, t->taint, &d->ntaint);
	d->exit_code = la_exit_words(j->arena, p->message);
	d->log = la_log_lines(j->arena, t, event_of(t, j), &d->nlog);
	d->moment = la_log_moments(j->arena, t, &d->nmoments);
	d->dump_line = t->events.detail;
	d->clock_known = la_clock_read(k, &d->clock, NULL) == LA_OK;
}
