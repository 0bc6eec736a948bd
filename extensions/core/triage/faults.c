// SPDX-License-Identifier: GPL-3.0-or-later
// Exceptions that the log, the stack and the CSRs know of, and what the guest has at their pc.
#include "collect.h"

#include <string.h>

#include "cpu/priv.h"
#include "isa/eval.h"
#include "isa/insn.h"
#include "lakvm/stack/unwind.h"

/* pc says nothing where a wild pointer was called, but ra still lies in the function that called. */
static void find_caller(const struct la_kernel *k, struct la_fault *f)
{
	const struct la_door *door = k->door;
	struct la_symbol symbol;
	uint64_t ra;

	if (!f->regs.pc_known || la_is_text(k, f->pc) || !la_gpr_get(&f->regs, LA_R_RA, &ra) ||
	    !la_is_text(k, ra) || !door->symbol_at(door->ctx, ra - 4, &symbol))
		return;
	f->caller = symbol.name;
	f->caller_offset = ra - symbol.start;
}

/*
 * The address that a load or store at @insn accesses with @regs. Opcodes: LoongArch Reference Manual
 * v1.10, volume 1, appendix B: 12-bit offsets (ld, st, preld, fld, fst, vld, vst), 14-bit ones (ll, sc,
 * ldptr, stptr), two registers (ldx, stx and their kin), one register (am*).
 */
static bool accessed(uint32_t insn, const struct la_regs *regs, uint64_t *ret)
{
	uint64_t base, index = 0;
	bool two = insn >> 16 >= 0x3800 && insn >> 16 <= 0x384f;
	int64_t offset = 0;

	if (insn >> 22 >= 0xa0 && insn >> 22 <= 0xb3)
		offset = la_insn_si12(insn);
	else if (insn >> 24 >= 0x20 && insn >> 24 <= 0x27)
		offset = la_insn_si14(insn) * 4;
	else if (!two && !(insn >> 16 >= 0x3857 && insn >> 16 <= 0x3871))
		return false;
	if (!la_gpr_operand(regs, la_insn_rj(insn), &base) ||
	    (two && !la_gpr_operand(regs, la_insn_rk(insn), &index)))
		return false;
	*ret = base + index + (uint64_t)offset;
	return true;
}

/* Does memory have an instruction there that goes wrong just as the registers say? */
static bool agrees(uint32_t insn, const struct la_regs *regs)
{
	uint64_t estat, badv, address;
	unsigned code;

	if (!la_csr_get(regs, LA_CSR_ESTAT, &estat))
		return false;
	switch (LA_ESTAT_ECODE(estat)) {
	case LA_ECODE_BRK:
		return la_insn_break(insn, &code);
	case LA_ECODE_PIL:
	case LA_ECODE_PIS:
	case LA_ECODE_PME:
	case LA_ECODE_PNR:
	case LA_ECODE_PPI:
	case LA_ECODE_ADE:
	case LA_ECODE_ALE:
		/* An access that begins on one page may fault on the next. */
		return la_csr_get(regs, LA_CSR_BADV, &badv) && accessed(insn, regs, &address) &&
		       badv - address < 32;
	default:
		return false;
	}
}

/* BADI holds the instruction of the exception; without it, memory still may. */
static void find_insn(const struct la_kernel *k, struct la_fault *f)
{
	uint32_t insn;
	bool there = f->regs.pc_known && la_read_u32(k, f->pc, &insn, NULL) == LA_OK;

	if (la_csr_get(&f->regs, LA_CSR_BADI, &f->insn)) {
		f->insn_known = true;
	} else if (there) {
		f->insn = insn;
		f->insn_known = true;
	}
	f->agrees = there && agrees(insn, &f->regs);
}

static void look_around(const struct la_kernel *k, struct la_fault *f)
{
	const struct la_door *door = k->door;
	struct la_symbol symbol;

	f->in_vector = f->pc_known && la_vector_origin(k, f->pc) != f->pc;
	/* Numbers in the symbol table are no functions: the kernel's text lies in the upper half. */
	if (f->pc_known && f->pc >> 63 &&
	    door->symbol_at(door->ctx, la_vector_origin(k, f->pc), &symbol)) {
		f->symbol = symbol.name;
		f->module = symbol.module;
		f->offset = la_vector_origin(k, f->pc) - symbol.start;
	}
	if (f->regs.source == LA_REGS_NONE)
		return;
	find_caller(k, f);
	find_insn(k, f);
}

static void from_registers(const struct la_kernel *k, const struct la_regs *regs,
			   struct la_fault *ret)
{
	*ret = (struct la_fault){ .regs = *regs, .pc_known = regs->pc_known, .pc = regs->pc };
	look_around(k, ret);
}

void la_triage_fault_of(const struct la_kernel *k, const struct la_regs *regs, struct la_fault *ret)
{
	from_registers(k, regs, ret);
}

void la_triage_event_fault(const struct la_kernel *k, const struct la_event *e,
			   struct la_fault *ret)
{
	if (e && e->regs && e->regs->pc_known) {
		from_registers(k, e->regs, ret);
	} else if (e) {
		if (e->regs)
			ret->regs = *e->regs;
		ret->pc_known = e->era_known;
		ret->pc = e->era;
		look_around(k, ret);
	}
}

/*
 * Only frames outside panic() count: above it lie the timer ticks of its endless loop. From user mode
 * the kernel was called, it did not fault.
 */
static void from_stack(const struct la_kernel *k, struct la_triage *t)
{
	const struct la_stack *stack = &t->cpu->stack;
	struct la_regs regs;
	size_t i = t->below_panic;
	uint64_t prmd;

	while (i < stack->n && !stack->frame[i].pt_regs)
		i++;
	if (i >= stack->n || la_pt_regs_read(k, stack->frame[i].pt_regs, &regs, NULL) != LA_OK ||
	    !regs.pc_known || (la_csr_get(&regs, LA_CSR_PRMD, &prmd) && (prmd & 3)))
		return;
	t->stack_pt_regs = stack->frame[i].pt_regs;
	from_registers(k, &regs, &t->stack_fault);
}

/*
 * panic() stops the other CPUs by smp_call_function_many_cond(), which warns where interrupts are off (kernel/smp.c): the
 * break of that warning is no fault.
 */
static bool is_of_stopping(const struct la_fault *f)
{
	uint64_t estat;

	return la_csr_get(&f->regs, LA_CSR_ESTAT, &estat) &&
	       LA_ESTAT_ECODE(estat) == LA_ECODE_BRK &&
	       la_is_function(f->symbol, "smp_call_function_many_cond");
}

/*
 * Saved register text has the CSRs: as long as the dead CPU took no other exception, ESTAT and
 * ERA still are those of the last one (with interrupts off, or before the first timer tick).
 */
static void from_csrs(const struct la_kernel *k, struct la_triage *t)
{
	const struct la_regs *now = &t->cpu->regs;
	struct la_regs then = { .source = LA_REGS_TEXT };
	uint64_t value;

	if (now->source != LA_REGS_TEXT || !la_csr_get(now, LA_CSR_ESTAT, &value) ||
	    !LA_ESTAT_ECODE(value) || !la_csr_get(now, LA_CSR_ERA, &then.pc))
		return;
	then.pc_known = true;
	for (enum la_csr i = LA_CSR_ESTAT; i <= LA_CSR_BADI; i++)
		if (la_csr_get(now, i, &value))
			la_csr_set(&then, i, value);
	from_registers(k, &then, &t->csr_fault);
	if (is_of_stopping(&t->csr_fault))
		t->csr_fault = (struct la_fault){ .pc_known = false };
}

/* --- which oops --- */

/* Did the one who panicked have this oops? Told by who wrote the records, else by the pid. */
static bool same_context(const struct la_triage *t, const struct la_event *oops)
{
	const struct la_record *a = &t->log.record[oops->record];
	const struct la_record *b = t->panic ? &t->log.record[t->panic->record] : NULL;
	const struct la_task *task = t->cpu ? &t->cpu->task : NULL;

	if (b && a->caller_id != UINT32_MAX && b->caller_id != UINT32_MAX)
		return a->caller_id == b->caller_id;
	if (oops->pid_known && task && task->pid_known)
		return oops->pid == task->pid;
	if (oops->pid_known && t->panic && t->panic->pid_known)
		return oops->pid == t->panic->pid;
	return true;
}

static const struct la_event *oops_of_panic(const struct la_triage *t)
{
	size_t before = t->panic ? (size_t)(t->panic - t->events.event) : SIZE_MAX;
	const struct la_event *oops = la_events_last(&t->events, LA_EVENT_OOPS, before);

	while (oops && !same_context(t, oops))
		oops = oops > t->events.event ?
			       la_events_last(&t->events, LA_EVENT_OOPS,
					      (size_t)(oops - t->events.event) - 1) :
			       NULL;
	return oops;
}

/* An oops belongs to a chain if the one before has not ended, or is this little older. */
#define CHAIN_NS UINT64_C(10000000000)

static const struct la_event *first_of_chain(const struct la_triage *t, const struct la_event *oops)
{
	while (oops && oops > t->events.event) {
		const struct la_event *before =
			la_events_last(&t->events, LA_EVENT_OOPS,
				       (size_t)(oops - t->events.event) - 1);

		if (!before || (before->ended && oops->ts_nsec - before->ts_nsec > CHAIN_NS))
			break;
		oops = before;
	}
	return oops;
}

void la_triage_faults(const struct la_kernel *k, struct la_triage *t)
{
	t->panic_last_oops = oops_of_panic(t);
	t->panic_oops = first_of_chain(t, t->panic_last_oops);
	t->last_oops = la_events_last(&t->events, LA_EVENT_OOPS, SIZE_MAX);
	t->oops = first_of_chain(t, t->last_oops);
	la_triage_event_fault(k, t->panic_oops, &t->panic_fault);
	la_triage_event_fault(k, t->oops, &t->oops_fault);
	if (!t->cpu)
		return;
	from_stack(k, t);
	from_csrs(k, t);
}

/* --- registers that were lost --- */

/*
 * Code keeps the address of a per-CPU variable, which is its symbol's plus the base, in a register that calls keep. A
 * symbol's own address there was made with the base 0.
 */
static bool has_bare_variable(const struct la_kernel *k, const struct la_regs *regs)
{
	const struct la_door *door = k->door;
	uint64_t start, end, value;

	if (!door->symbol(door->ctx, "__per_cpu_start", &start) ||
	    !door->symbol(door->ctx, "__per_cpu_end", &end))
		return false;
	for (unsigned i = LA_R_FP; i < LA_NGPR; i++)
		if (la_gpr_get(regs, i, &value) && value >= start && value < end)
			return true;
	return false;
}

/* How much of a function is read for that: they look at their CPU's variables early. */
#define EARLY 64

/* Does code from @from up to @end, or its first part, compute with r21? */
static bool computes_with_base(const struct la_kernel *k, uint64_t from, uint64_t end)
{
	uint32_t insn;

	for (unsigned i = 0; i < EARLY && from + 4 * i < end; i++) {
		if (la_read_u32(k, from + 4 * i, &insn, NULL) != LA_OK)
			return false;
		if (la_insn_reads(insn) >> LA_R_U0 & 1)
			return true;
	}
	return false;
}

/*
 * Did what led to the access at @f go by r21: in its function before pc, or in the one that ra's call was of, which a
 * tail call left?
 */
static bool went_by_base(const struct la_kernel *k, const struct la_fault *f)
{
	const struct la_door *door = k->door;
	uint64_t ra, badv, called;
	struct la_symbol callee;
	uint32_t insn;

	if (!f->symbol || !la_csr_get(&f->regs, LA_CSR_BADV, &badv))
		return false;
	if (computes_with_base(k, f->pc - f->offset, f->pc))
		return true;
	return la_gpr_get(&f->regs, LA_R_RA, &ra) && la_is_text(k, ra) &&
	       la_read_u32(k, ra - 4, &insn, NULL) == LA_OK &&
	       la_insn_is_call(insn, ra - 4, &called) &&
	       door->symbol_at(door->ctx, called, &callee) && callee.start == called &&
	       callee.start != f->pc - f->offset &&
	       computes_with_base(k, called, callee.end ? callee.end : called + 4 * EARLY);
}

/* tp is saved at each exception; r21 is not, of those in the kernel: there what it was for must tell. */
static bool task_lost(const struct la_kernel *k, const struct la_regs *regs)
{
	uint64_t tp, prmd;

	return la_gpr_get(regs, LA_R_TP, &tp) && !la_kernel_address(k, tp) &&
	       la_csr_get(regs, LA_CSR_PRMD, &prmd) && !(prmd & 3);
}

/* On the way from user mode tp is the program's for some instructions: a CPU like that is a doubt, and no proof. */
static const struct la_cpu *find_astray(const struct la_kernel *k, const struct la_triage *t)
{
	uint64_t tp, sp, task;

	for (size_t i = 0; t->cpus && i < t->cpus->n; i++) {
		const struct la_cpu *c = &t->cpus->cpu[i];

		if ((int)c->cpu != t->lost_cpu && la_gpr_get(&c->regs, LA_R_TP, &tp) &&
		    la_gpr_get(&c->regs, LA_R_SP, &sp) && la_kernel_address(k, sp) &&
		    (!la_kernel_address(k, tp) ||
		     (la_match_task(k, &c->regs, &task) && la_task_overwritten(k, task))))
			return c;
	}
	return NULL;
}

void la_triage_lost(const struct la_kernel *k, struct la_triage *t)
{
	const struct la_event *oops = t->panic ? t->panic_oops : t->oops;
	const struct la_fault *f = t->panic ? &t->panic_fault : &t->oops_fault;
	const struct la_cpu *c = t->cpu;

	if (!c && oops && oops->cpu >= 0 && t->cpus)
		c = la_cpus_find(t->cpus, (unsigned)oops->cpu);
	t->lost_cpu = c ? (int)c->cpu : oops ? oops->cpu : -1;
	t->astray = find_astray(k, t);
	if (oops && oops->regs && task_lost(k, &f->regs)) {
		t->lost = LA_ODD_TASK;
		t->lost_before = true;
	} else if (c && c->odd & LA_ODD_BASE) {
		t->lost = LA_ODD_BASE;
		t->lost_before = oops && oops->regs &&
				 (has_bare_variable(k, &f->regs) || went_by_base(k, f));
	}
}

void la_triage_code(const struct la_kernel *k, struct la_cause *cause)
{
	for (unsigned i = 0; cause->pc_known && i < LA_CODE_WORDS; i++) {
		const int64_t offset = 4 * ((int64_t)i - LA_CODE_BEFORE);

		if (la_read_u32(k, cause->pc + (uint64_t)offset, &cause->code[i], NULL) == LA_OK)
			cause->code_known |= 1u << i;
	}
}
