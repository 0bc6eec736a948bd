// SPDX-License-Identifier: GPL-3.0-or-later
// What registers alone tell of a CPU: that Linux never ran on it, that its per-CPU base is lost, that it
// is on another's stack, where several samples saw it.
#include "priv.h"

#include <inttypes.h>
#include <string.h>

#include "lakvm/cpu/odd.h"
#include "stack/vectors.h"

#define CRMD_PLV 3
#define CRMD_IE (1 << 2)
#define CRMD_DA (1 << 3)
#define CRMD_PG (1 << 4)

/* CRMD: are addresses taken as they are, without translation? */
static bool direct_addresses(const struct la_regs *r)
{
	uint64_t crmd;

	return la_csr_get(r, LA_CSR_CRMD, &crmd) && (crmd & (CRMD_DA | CRMD_PG)) == CRMD_DA;
}

/* Inside a TLB refill, which the CPU handles with direct addresses (manual, 5.4.3; TLBRERA.IsTLBR). */
static bool in_refill(const struct la_regs *r)
{
	uint64_t era;

	return la_csr_get(r, LA_CSR_TLBRERA, &era) && (era & 1);
}

static bool kernel_gpr(const struct la_kernel *k, const struct la_regs *r, unsigned n)
{
	uint64_t value;

	return la_gpr_get(r, n, &value) && la_kernel_address(k, value);
}

bool la_regs_before_linux(const struct la_kernel *k, const struct la_regs *r)
{
	uint64_t crmd, eentry;

	return la_csr_get(r, LA_CSR_EENTRY, &eentry) && !la_kernel_address(k, eentry) &&
	       !(la_csr_get(r, LA_CSR_CRMD, &crmd) && (crmd & CRMD_PLV)) &&
	       !(r->pc_known && la_kernel_address(k, r->pc)) && !kernel_gpr(k, r, LA_R_SP) &&
	       !kernel_gpr(k, r, LA_R_TP);
}

bool la_regs_never_started(const struct la_kernel *k, const struct la_regs *r)
{
	return la_regs_before_linux(k, r) && direct_addresses(r) && !in_refill(r);
}

/* --- the per-CPU base --- */

static bool in_kernel(const struct la_kernel *k, const struct la_regs *r)
{
	uint64_t crmd;

	if (la_csr_get(r, LA_CSR_CRMD, &crmd) && (crmd & CRMD_PLV))
		return false;
	return r->pc_known ? la_kernel_address(k, r->pc) : kernel_gpr(k, r, LA_R_SP);
}

/* Could be one: areas begin at pages. Where the kernel tells them, it is one of them. */
static bool could_be_base(const struct la_kernel *k, uint64_t value)
{
	unsigned cpu;

	return k->percpu ? la_match_percpu(k, value, &cpu) : value && !(value & 0xfff);
}

/*
 * On its way from user mode and back the kernel has the user's r21 for some instructions, with interrupts
 * off and user mode in PRMD: in the vectors at EENTRY, and in code that saves registers there or returns.
 */
static bool at_the_border(const struct la_kernel *k, const struct la_regs *r)
{
	struct la_symbol symbol;
	uint64_t value;
	uint32_t insn;

	if ((la_csr_get(r, LA_CSR_CRMD, &value) && (value & CRMD_IE)) ||
	    (la_csr_get(r, LA_CSR_PRMD, &value) && !(value & CRMD_PLV)))
		return false;
	if (!r->pc_known ||
	    !k->door->symbol_at(k->door->ctx, la_vector_origin(k, r->pc), &symbol) ||
	    la_read_code(k, symbol.start, &insn, sizeof(insn), NULL) != LA_OK)
		return true; /* nothing says that it is not */
	return la_vector_slot(k, r->pc) >= 0 || la_saves_registers(k, symbol.start) ||
	       la_leads_to_user(k, symbol.start);
}

bool la_regs_have_base(const struct la_kernel *k, const struct la_regs *r)
{
	uint64_t base;

	return la_gpr_get(r, LA_R_U0, &base) && could_be_base(k, base) &&
	       (in_kernel(k, r) || (!r->csr_known && !r->pc_known));
}

/*
 * head.S sets r21 and SAVE3 to 0, setup_per_cpu_areas() or start_secondary() to the base. TCFG is 0
 * until constant_clockevent_init(), which comes later on each CPU.
 */
enum la_base la_regs_base(const struct la_kernel *k, const struct la_regs *r, bool others_have)
{
	uint64_t base, value;

	if (!la_gpr_get(r, LA_R_U0, &base) || could_be_base(k, base))
		return LA_BASE_FINE;
	if (!in_kernel(k, r))
		return !r->csr_known && !r->pc_known && !(r->gpr_known & (1u << LA_R_SP)) &&
				       others_have ?
			       LA_BASE_MISSING :
			       LA_BASE_FINE;
	if (!base && la_csr_get(r, LA_CSR_SAVE3, &value))
		return value ? at_the_border(k, r) ? LA_BASE_FINE : LA_BASE_LOST : LA_BASE_NOT_YET;
	if (!base && la_csr_get(r, LA_CSR_TCFG, &value) && !value)
		return LA_BASE_NOT_YET;
	if (at_the_border(k, r) && (base || others_have))
		return LA_BASE_FINE;
	if (base || others_have || k->percpu || la_csr_get(r, LA_CSR_TCFG, &value))
		return LA_BASE_LOST;
	return k->percpu_unset ? LA_BASE_NOT_YET : LA_BASE_UNCLEAR;
}

static bool never_user(const struct la_cpu *c)
{
	return c->state == LA_CPU_PANICKING || (c->matched && c->task.pid_known && !c->task.pid);
}

static void remark_base(const struct la_kernel *k, struct la_arena *arena, struct la_cpu *c,
			bool others_have)
{
	uint64_t base = 0;
	enum la_base is = la_regs_base(k, &c->regs, others_have);

	la_gpr_get(&c->regs, LA_R_U0, &base);
	/* In panic(), or in the idle task, which never comes from user mode, it is on no way in or out. */
	if (is == LA_BASE_FINE && others_have && never_user(c) && in_kernel(k, &c->regs) &&
	    !could_be_base(k, base))
		is = LA_BASE_LOST;
	switch (is) {
	case LA_BASE_LOST:
		c->odd |= LA_ODD_BASE;
		la_cpu_remark(arena, &c->remark,
			      la_format(arena,
					"its per-CPU base is lost: r21 is %" PRIx64
					" in the kernel",
					base));
		break;
	case LA_BASE_NOT_YET:
		la_cpu_remark(arena, &c->remark, "its per-CPU base is not set yet: early boot");
		break;
	case LA_BASE_UNCLEAR:
		la_cpu_remark(arena, &c->remark,
			      "r21 is 0: before per-CPU areas existed, or its per-CPU base is lost");
		break;
	case LA_BASE_MISSING:
		la_cpu_remark(
			arena, &c->remark,
			la_format(
				arena,
				"r21 is %" PRIx64
				" where other vCPUs have their per-CPU bases: if this one is not in user mode, its base is lost",
				base));
		break;
	case LA_BASE_FINE:
		break;
	}
}

/* --- stacks --- */

static const char *name_of(struct la_arena *arena, const struct la_cpu *c)
{
	const char *name = c->matched ? la_format(arena, "CPU %u", c->cpu) :
					la_format(arena, "vCPU %d", c->vcpu);

	return name ? name : "another CPU";
}

static bool kernel_sp(const struct la_kernel *k, const struct la_cpu *c, uint64_t *ret)
{
	return c->regs.source != LA_REGS_NONE && !c->other && in_kernel(k, &c->regs) &&
	       la_gpr_get(&c->regs, LA_R_SP, ret) && la_kernel_address(k, *ret);
}

/* More than two on one stack are of a damaged text, which may say so of thousands. */
#define MAX_NAMED 3

/* Stacks are aligned to their size, each is of one CPU at a time. */
static void remark_stacks(const struct la_kernel *k, struct la_arena *arena, struct la_cpus *cpus)
{
	uint64_t a, b;

	for (size_t i = 0; i < cpus->n; i++) {
		size_t others = 0;

		if (!kernel_sp(k, &cpus->cpu[i], &a))
			continue;
		for (size_t j = 0; j < cpus->n; j++)
			if (i != j && kernel_sp(k, &cpus->cpu[j], &b) &&
			    !((a ^ b) & ~(LA_THREAD_SIZE - 1)) && others++ < MAX_NAMED)
				la_cpu_remark(arena, &cpus->cpu[i].remark,
					      la_format(arena,
							"on one stack with %s: %016" PRIx64
							" and %016" PRIx64,
							name_of(arena, &cpus->cpu[j]), a, b));
		if (others)
			cpus->cpu[i].odd |= LA_ODD_SHARED_STACK;
		if (others > MAX_NAMED)
			la_cpu_remark(arena, &cpus->cpu[i].remark,
				      la_format(arena, "and with %zu more", others - MAX_NAMED));
	}
}

/* Code of the kernel with direct addresses, which only the refill handler has, and leaves at its end. */
static void remark_refill(const struct la_kernel *k, struct la_arena *arena, struct la_cpu *c)
{
	if (c->regs.pc_known && la_kernel_address(k, c->regs.pc) && direct_addresses(&c->regs))
		la_cpu_remark(arena, &c->remark,
			      in_refill(&c->regs) ?
				      "translation is off (CRMD): a TLB refill has not ended" :
				      "translation is off (CRMD)");
}

/*
 * A stack that a CPU can be on: its task's, or its IRQ stack. Where the kernel tells neither, an address of the kernel's
 * that is in no window is none: stacks are never mapped by page tables (no VMAP_STACK, 5.19 to 7.2).
 */
static bool is_lost_stack(const struct la_kernel *k, const struct la_cpu *c, uint64_t sp)
{
	struct la_stack_area irq;
	uint64_t pa;
	int window;

	if (!la_window(&k->mmu, sp, &pa, &window))
		return true;
	if (!c->matched || !c->stack_base || sp - c->stack_base <= LA_THREAD_SIZE)
		return false;
	/* While tasks are switched it is on the next one's: where the run queue names another, it is not known. */
	if (la_irq_stack(k, c->cpu, &irq, NULL) == LA_OK)
		return sp - irq.base > LA_THREAD_SIZE;
	return false;
}

static void remark_stack_pointer(const struct la_kernel *k, struct la_arena *arena,
				 struct la_cpu *c)
{
	uint64_t sp;

	/* On the way from user mode it is the user's, which is in the lower half. */
	if (!in_kernel(k, &c->regs) || !la_gpr_get(&c->regs, LA_R_SP, &sp) ||
	    direct_addresses(&c->regs) || (!(sp >> 63) && at_the_border(k, &c->regs)) ||
	    !is_lost_stack(k, c, sp))
		return;
	c->odd |= LA_ODD_STACK;
	la_cpu_remark(arena, &c->remark,
		      la_format(arena, "its stack pointer %016" PRIx64 " is in no stack of its own",
				sp));
}

/* tp of code in the kernel: a task, or since when a user's has been left there (see at_the_border()). */
static void remark_task(const struct la_kernel *k, struct la_arena *arena, struct la_cpu *c)
{
	uint64_t tp;

	/* A TLB refill, with direct addresses, runs with whatever tp there is, but at an address of its own. */
	if (!in_kernel(k, &c->regs) || !la_gpr_get(&c->regs, LA_R_TP, &tp) ||
	    la_kernel_address(k, tp) || at_the_border(k, &c->regs) ||
	    (direct_addresses(&c->regs) && !(c->regs.pc_known && la_kernel_address(k, c->regs.pc))))
		return;
	c->odd |= LA_ODD_TASK;
	la_cpu_remark(arena, &c->remark,
		      la_format(arena, "it has lost its task: tp is %" PRIx64 " in the kernel",
				tp));
}

/* --- interrupts --- */

#define ESTAT_TIMER (1 << 11) /* manual, 7.4.6; asm/loongarch.h */
#define ESTAT_IPI (1 << 12)
#define TCFG_PERIODIC 2

/*
 * Linux sets the timer for one shot at a time; at its end TVAL stands: at -1 of as many bits as the timer has on
 * Loongson's CPUs, at 0 in QEMU's emulation, which clears TCFG.EN, too.
 */
static bool timer_ended(const struct la_regs *r)
{
	uint64_t tcfg, tval;

	return la_csr_get(r, LA_CSR_TCFG, &tcfg) && tcfg >> 2 && !(tcfg & TCFG_PERIODIC) &&
	       la_csr_get(r, LA_CSR_TVAL, &tval) &&
	       (!tval || tval == UINT64_MAX || tval == (UINT64_C(1) << 48) - 1);
}

static void remark_interrupts(struct la_arena *arena, struct la_cpu *c)
{
	uint64_t estat;
	bool timer, ipi;

	if (!la_csr_get(&c->regs, LA_CSR_ESTAT, &estat) || !la_regs_interrupts_off(&c->regs))
		return;
	timer = estat & ESTAT_TIMER;
	ipi = estat & ESTAT_IPI;
	c->odd |= (timer ? LA_ODD_TIMER_PENDING : 0) | (ipi ? LA_ODD_IPI_PENDING : 0) |
		  (timer && timer_ended(&c->regs) ? LA_ODD_TIMER_ENDED : 0);
	if (!timer && !ipi)
		return;
	la_cpu_remark(arena, &c->remark,
		      la_format(arena, "interrupts are off, and %s%s%s%s",
				timer ? "the timer's is pending" : "", timer && ipi ? ", " : "",
				ipi ? "an IPI is pending" : "",
				c->odd & LA_ODD_TIMER_ENDED ?
					"; the timer has ended and was not set again" :
					""));
}

/* --- one place for several --- */

/*
 * CPUs with the same return address, first argument and stack of calls as far as registers tell: they wait for one
 * thing. Said only where interrupts are off, where nobody waits for long on purpose.
 */
static void remark_same_call(struct la_arena *arena, struct la_cpus *cpus)
{
	for (size_t i = 0; i < cpus->n; i++) {
		uint64_t ra, a0, crmd, other_ra, other_a0;

		if (cpus->cpu[i].symbol || !la_gpr_get(&cpus->cpu[i].regs, LA_R_RA, &ra) ||
		    !la_gpr_get(&cpus->cpu[i].regs, LA_R_A0, &a0) || a0 >> 63 == 0 ||
		    !la_regs_interrupts_off(&cpus->cpu[i].regs) ||
		    !la_csr_get(&cpus->cpu[i].regs, LA_CSR_CRMD, &crmd) || crmd & CRMD_PLV)
			continue;
		for (size_t j = 0; j < cpus->n; j++)
			if (i != j && la_gpr_get(&cpus->cpu[j].regs, LA_R_RA, &other_ra) &&
			    la_gpr_get(&cpus->cpu[j].regs, LA_R_A0, &other_a0) && ra == other_ra &&
			    a0 == other_a0) {
				la_cpu_remark(
					arena, &cpus->cpu[i].remark,
					la_format(
						arena,
						"in the same call as %s, which returns to %016" PRIx64
						", with the same a0 %016" PRIx64
						" and interrupts off: both wait for one lock, it seems",
						name_of(arena, &cpus->cpu[j]), ra, a0));
				break;
			}
	}
}

/* --- samples --- */

#define MAX_PLACES 8

struct place {
	const char *name;
	unsigned count;
};

static const char *place_of(const struct la_kernel *k, struct la_arena *arena, uint64_t pc)
{
	struct la_symbol symbol;

	/* Below the kernel, where firmware is, vmlinux may have symbols that are no places. */
	return la_kernel_address(k, pc) &&
			       k->door->symbol_at(k->door->ctx, la_vector_origin(k, pc), &symbol) ?
		       la_format(arena, "in %s", symbol.name) :
		       la_format(arena, "at %016" PRIx64, pc);
}

/* All registers that both know, the pc too. */
static bool same_registers(const struct la_regs *a, const struct la_regs *b)
{
	for (unsigned i = 1; i < LA_NGPR; i++)
		if ((a->gpr_known & b->gpr_known & 1u << i) && a->gpr[i] != b->gpr[i])
			return false;
	return !a->pc_known || !b->pc_known || a->pc == b->pc;
}

static void remark_samples(const struct la_kernel *k, struct la_arena *arena, struct la_cpu *c)
{
	struct place place[MAX_PLACES] = { { 0 } };
	unsigned n = 0, others = 0;
	bool moved = false;
	char *text;

	if (c->nsamples < 2)
		return;
	for (size_t i = 0; i < c->nsamples; i++) {
		const struct la_regs *r = &c->sample[i];
		const char *name;
		unsigned j = 0;

		moved = moved || !same_registers(&c->sample[0], r);
		name = r->pc_known ? place_of(k, arena, r->pc) : "without a pc";
		if (!name)
			return;
		while (j < n && strcmp(place[j].name, name))
			j++;
		if (j == MAX_PLACES) {
			others++;
			continue;
		}
		n += j == n;
		place[j].name = name;
		place[j].count++;
	}
	text = la_format(arena, "%zu samples of its registers%s:", c->nsamples,
			 moved ? "" : ", it did not move");
	for (unsigned i = 0; text && i < n; i++)
		text = la_format(arena, "%s%s %u %s", text, i ? "," : "", place[i].count,
				 place[i].name);
	if (text && others)
		text = la_format(arena, "%s, %u elsewhere", text, others);
	la_cpu_remark(arena, &c->remark, text);
}

void la_cpus_find_odd(const struct la_kernel *k, struct la_arena *arena, struct la_cpus *cpus)
{
	size_t with_base = 0;

	for (size_t i = 0; i < cpus->n; i++)
		with_base += la_regs_have_base(k, &cpus->cpu[i].regs);
	for (size_t i = 0; i < cpus->n; i++) {
		struct la_cpu *c = &cpus->cpu[i];

		if (c->regs.source == LA_REGS_NONE || c->other)
			continue;
		remark_samples(k, arena, c);
		remark_base(k, arena, c, with_base > la_regs_have_base(k, &c->regs));
		remark_refill(k, arena, c);
		remark_task(k, arena, c);
		remark_stack_pointer(k, arena, c);
		remark_interrupts(arena, c);
	}
	remark_stacks(k, arena, cpus);
	remark_same_call(arena, cpus);
}
