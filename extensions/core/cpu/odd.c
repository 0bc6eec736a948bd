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

static void remark_base(const struct la_kernel *k, struct la_arena *arena, struct la_cpu *c,
			bool others_have)
{
	uint64_t base = 0;

	la_gpr_get(&c->regs, LA_R_U0, &base);
	switch (la_regs_base(k, &c->regs, others_have)) {
	case LA_BASE_LOST:
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

/* --- samples --- */

#define MAX_PLACES 8

struct place {
	const char *name;
	unsigned count;
};

static const char *place_of(const struct la_kernel *k, struct la_arena *arena, uint64_t pc)
{
	struct la_symbol symbol;

	return k->door->symbol_at(k->door->ctx, la_vector_origin(k, pc), &symbol) ?
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
	}
	remark_stacks(k, arena, cpus);
}
