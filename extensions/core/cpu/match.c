// SPDX-License-Identifier: GPL-3.0-or-later
// Which Linux CPU do registers belong to? QEMU numbers vCPUs its own way, Linux as they come up.
#include "priv.h"

/* A virtual address of the kernel: in a window, or mapped in the upper half. */
bool la_kernel_address(const struct la_kernel *k, uint64_t va)
{
	uint64_t pa;
	int window;

	return la_window(&k->mmu, va, &pa, &window) ||
	       (la_segment_of(va) == LA_XKVRANGE && va >= k->mmu.vm_map_base);
}

/* thread_info of the task or stack that r2 points at (asm/thread_info.h, asm/current.h). */
static bool tp_cpu(const struct la_kernel *k, const struct la_regs *regs, unsigned *ret)
{
	uint64_t tp, cpu;
	struct la_member m = { 0 };

	if (!la_gpr_get(regs, LA_R_TP, &tp) || !la_kernel_address(k, tp))
		return false;
	if (k->thread_info_in_task &&
	    !k->door->member(k->door->ctx, "task_struct", "thread_info", &m))
		return false;
	if (la_read_member(k, tp + m.offset, "thread_info", "cpu", &cpu, NULL) != LA_OK ||
	    cpu >= k->ncpus)
		return false;
	*ret = (unsigned)cpu;
	return true;
}

/* The task that r2 leads to: itself since 7.2, before the one whose stack begins there. */
bool la_match_task(const struct la_kernel *k, const struct la_regs *regs, uint64_t *ret)
{
	uint64_t tp;

	if (!la_gpr_get(regs, LA_R_TP, &tp) || !la_kernel_address(k, tp))
		return false;
	if (k->thread_info_in_task)
		*ret = tp;
	else if (la_read_member(k, tp, "thread_info", "task", ret, NULL) != LA_OK)
		return false;
	return la_kernel_address(k, *ret);
}

/* In kernel mode r21 is the per-CPU base of this CPU and of no other. */
bool la_match_percpu(const struct la_kernel *k, uint64_t base, unsigned *ret)
{
	for (unsigned i = 0; k->percpu && base && i < k->ncpus; i++) {
		if (k->percpu[i] == base) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static bool within(uint64_t address, uint64_t base, uint64_t size)
{
	return base && address - base < size;
}

/* Which CPU's IRQ stack, or the stack of which CPU's current task, is @sp on? */
static bool stack_cpu(const struct la_kernel *k, uint64_t sp, unsigned *ret)
{
	for (unsigned i = 0; k->percpu && i < k->ncpus; i++) {
		struct la_stack_area area;
		uint64_t task, stack;

		if ((la_irq_stack(k, i, &area, NULL) == LA_OK &&
		     within(sp, area.base, area.top - area.base)) ||
		    (la_cpu_curr(k, i, &task, NULL) == LA_OK &&
		     la_read_member(k, task, "task_struct", "stack", &stack, NULL) == LA_OK &&
		     within(sp, stack, LA_THREAD_SIZE))) {
			*ret = i;
			return true;
		}
	}
	return false;
}

/* Certain matches, from the registers themselves. */
bool la_match_registers(const struct la_kernel *k, const struct la_regs *regs, unsigned *ret)
{
	uint64_t value;

	if (la_gpr_get(regs, LA_R_U0, &value) && la_match_percpu(k, value, ret))
		return true;
	/* The kernel keeps the base in a CSR too, which user mode cannot change (asm/percpu.h). */
	if (la_csr_get(regs, LA_CSR_SAVE3, &value) && la_match_percpu(k, value, ret))
		return true;
	if (tp_cpu(k, regs, ret))
		return true;
	return la_gpr_get(regs, LA_R_SP, &value) && la_kernel_address(k, value) &&
	       stack_cpu(k, value, ret);
}

/*
 * QEMU's CPU index is the physical id of the processor; Linux numbers CPUs as it brings them up
 * and keeps __cpu_logical_map[logical] = physical (arch/loongarch/kernel/smp.c).
 */
bool la_match_map(const struct la_kernel *k, int vcpu, unsigned *ret)
{
	uint32_t physical[LA_MAX_CPUS];
	uint64_t map, size;
	size_t n;

	if (vcpu < 0 || !k->door->symbol(k->door->ctx, "__cpu_logical_map", &map))
		return false;
	n = k->ncpus < LA_MAX_CPUS ? k->ncpus : LA_MAX_CPUS;
	if (k->door->symbol_size(k->door->ctx, "__cpu_logical_map", &size) && size / 4 < n)
		n = (size_t)size / 4;
	if (la_read(k, map, physical, n * 4, NULL) != LA_OK)
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (physical[i] == (uint32_t)vcpu) {
			*ret = i;
			return true;
		}
	}
	return false;
}

/* Text of the kernel that lies @by behind the door's. */
static bool in_text(const struct la_kernel *k, uint64_t va, uint64_t by)
{
	uint64_t start, end;

	return k->door->symbol(k->door->ctx, "_stext", &start) &&
	       k->door->symbol(k->door->ctx, "_etext", &end) && va - by >= start && va - by < end;
}

/* In what a kernel keeps for its crash kernel. */
static bool kept(const struct la_relocation *place, uint64_t va)
{
	return va >> 60 == LA_CACHED_WINDOW && (va & LA_PHYS_MASK) >= place->kept_start &&
	       (va & LA_PHYS_MASK) < place->kept_end;
}

/* Where it has no PGDH, a CPU's stack tells: one that lost its way may execute the other kernel's code. */
static bool is_of(const struct la_kernel *k, const struct la_regs *regs, uint64_t by)
{
	uint64_t pgd, value, text;

	if (k->door->symbol(k->door->ctx, "swapper_pg_dir", &pgd) &&
	    la_csr_get(regs, LA_CSR_PGDH, &value))
		return value == pgd + by;
	if (la_gpr_get(regs, LA_R_SP, &value) && kept(k->place, value))
		return k->door->symbol(k->door->ctx, "_stext", &text) && kept(k->place, text + by);
	return (regs->pc_known && in_text(k, regs->pc, by)) ||
	       (la_gpr_get(regs, LA_R_RA, &value) && in_text(k, value, by));
}

const struct la_other_kernel *la_match_other(const struct la_kernel *k, const struct la_regs *regs)
{
	for (size_t i = 0; k->place && i < k->place->nothers; i++)
		if (is_of(k, regs, k->place->other[i].offset - k->door->relocation))
			return &k->place->other[i];
	return NULL;
}
