/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One guest kernel as the core sees it: memory by virtual address, CPUs, tasks, stacks. */
#ifndef LAKVM_KERNEL_H
#define LAKVM_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/door/door.h"
#include "lakvm/guest/mmu.h"
#include "lakvm/isa/regs.h"
#include "lakvm/base/status.h"

/** Kernel stacks, task and IRQ, have 16 KiB for every page size (asm/thread_info.h). */
#define LA_THREAD_SIZE UINT64_C(16384)

struct la_cfi;   /* call-frame information of vmlinux, see unwind.h */
struct la_lines; /* its source positions, see lines.h */

/** One that tells the shape of the page tables. */
struct la_witness {
	const char *name;    /* "vmlinux", "PWCL and PWCH", ... */
	unsigned page_shift; /* 0 = does not say */
	unsigned levels;     /* 0 = does not say */
};
#define LA_MAX_WITNESSES 5

struct la_kernel {
	const struct la_door *door;
	struct la_mmu mmu;
	struct la_witness witness[LA_MAX_WITNESSES]; /* the first is believed */
	size_t nwitnesses;
	char geometry_remark[640]; /* who of them disagrees; empty: nobody */
	const char
		*vmcoreinfo; /* what the kernel tells dump tools, see vmcoreinfo.h; NULL = none */
	size_t vmcoreinfo_len;
	unsigned ncpus;           /* possible CPUs that have a per-CPU area */
	const uint64_t *percpu;   /* __per_cpu_offset[], ncpus of them */
	bool thread_info_in_task; /* 7.2 and later: tp is the task; before: the stack's base */
	struct la_cfi *cfi;       /* NULL until la_cfi_open succeeded */
	struct la_lines *lines;   /* NULL until la_lines_open succeeded */
};

/** What to say where mmu.geometry stays unknown (levels 0), and what helps; one line. */
extern const char la_geometry_unknown[];

/**
 * What the kernel says of itself in memory: page size, levels, windows, per-CPU areas. Fills in
 * what it can and returns LA_OK as long as window addresses translate; @err then explains the
 * worst gap. Arrays belong to @arena, which must live as long as @ret.
 */
enum la_status la_kernel_init(struct la_kernel *ret, const struct la_door *door,
			      struct la_arena *arena, struct la_error *err);

/**
 * What registers (la_regs_text) of vCPUs that run this kernel say of its windows and page tables;
 * they are the CPU's own and win over all but an option.
 */
void la_kernel_use_registers(struct la_kernel *k, const struct la_vcpu_regs *text, size_t n);

/** Read kernel-virtual memory, across page borders. All or nothing. */
enum la_status la_read(const struct la_kernel *k, uint64_t va, void *ret, size_t len,
		       struct la_error *err);
/**
 * The same for instructions. Init text is freed when the guest has booted and its memory used
 * for something else, so that comes out of vmlinux instead, if the door has the file.
 */
enum la_status la_read_code(const struct la_kernel *k, uint64_t va, void *ret, size_t len,
			    struct la_error *err);
enum la_status la_read_u64(const struct la_kernel *k, uint64_t va, uint64_t *ret,
			   struct la_error *err);
enum la_status la_read_u32(const struct la_kernel *k, uint64_t va, uint32_t *ret,
			   struct la_error *err);
/** A NUL-terminated text of at most @max bytes; an unterminated one is cut there. */
enum la_status la_read_text(const struct la_kernel *k, struct la_arena *arena, uint64_t va,
			    size_t max, char **ret, struct la_error *err);

/**
 * An unsigned value of 1, 2, 4 or 8 bytes out of a member: *(type *)base->member.
 * LA_ABSENT when this kernel's type has no such member.
 */
enum la_status la_read_member(const struct la_kernel *k, uint64_t base, const char *type,
			      const char *member, uint64_t *ret, struct la_error *err);

/** An unsigned variable; its size comes from the symbol table, 8 where that does not say. */
enum la_status la_read_variable(const struct la_kernel *k, const char *name, size_t size,
				uint64_t *ret, struct la_error *err);

/** Address of a per-CPU variable on @cpu. */
enum la_status la_percpu(const struct la_kernel *k, const char *name, unsigned cpu, uint64_t *ret,
			 struct la_error *err);

/** Is bit @cpu set in a cpumask variable ("__cpu_online_mask")? */
enum la_status la_cpumask_test(const struct la_kernel *k, const char *mask, unsigned cpu, bool *ret,
			       struct la_error *err);

struct la_task {
	uint64_t address; /* task_struct, 0 = unknown */
	uint64_t stack;   /* lowest address of its kernel stack, 0 = unknown */
	bool pid_known;
	int pid;
	char comm[17]; /* empty = unknown */
};

/** The task at @address; fields that cannot be read stay unknown. */
void la_task_read(const struct la_kernel *k, uint64_t address, struct la_task *ret);

struct la_user_tables {
	uint64_t pgd;     /* virtual, in a window; 0: none, or not known */
	char remark[256]; /* what is odd about them; empty: nothing */
};

/**
 * The page tables of the user space @mm (a struct mm_struct; 0: a kernel thread, which has none): what
 * the guest has there, else, if that cannot be read, those in PGDL of the CPU that runs a task of it. @regs:
 * that CPU's, NULL if it runs on none or nobody saved them. asm/mmu_context.h (5.19 to 7.2): switch_mm()
 * puts mm->pgd into PGDL, and a kernel thread leaves there what it finds.
 */
void la_user_tables_find(const struct la_kernel *k, uint64_t mm, const struct la_regs *regs,
			 struct la_user_tables *ret);

/** The task that runs on @cpu according to its run queue. */
enum la_status la_cpu_curr(const struct la_kernel *k, unsigned cpu, uint64_t *ret,
			   struct la_error *err);

/** A stack by its lowest address; kind tells it from others in messages. */
struct la_stack_area {
	enum { LA_STACK_TASK, LA_STACK_IRQ } kind;
	uint64_t base;
	uint64_t top; /* first address behind it */
};

/** IRQ stack of a CPU (per-CPU irq_stack). */
enum la_status la_irq_stack(const struct la_kernel *k, unsigned cpu, struct la_stack_area *ret,
			    struct la_error *err);

#endif
