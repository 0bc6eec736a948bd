/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tasks of the guest: what they are, whose page tables they have, and the kernel's stacks. */
#ifndef LAKVM_TASK_H
#define LAKVM_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "lakvm/guest/kernel.h"
#include "lakvm/isa/regs.h"
#include "lakvm/base/status.h"

struct la_task {
	uint64_t address; /* task_struct, 0 = unknown */
	uint64_t stack;   /* lowest address of its kernel stack, 0 = unknown */
	bool pid_known;
	int pid;
	char comm[17]; /* empty = unknown */
};

/** The task at @address; fields that cannot be read, or all of one whose pid no task can have, stay unknown. Never fails. */
void la_task_read(const struct la_kernel *k, uint64_t address, struct la_task *ret);

/** Does its pid, which can be read, say that this is no task, or one that was overwritten? */
bool la_task_overwritten(const struct la_kernel *k, uint64_t address);

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

/** The task that runs on @cpu according to its run queue (per-CPU runqueues, rq.curr). */
enum la_status la_cpu_curr(const struct la_kernel *k, unsigned cpu, uint64_t *ret,
			   struct la_error *err);

/** A stack of LA_THREAD_SIZE bytes; kind tells it from others in messages. */
struct la_stack_area {
	enum { LA_STACK_TASK, LA_STACK_IRQ } kind;
	uint64_t base;
	uint64_t top; /* first address behind it */
};

/** IRQ stack of a CPU (per-CPU irq_stack). LA_ABSENT: it has none yet. */
enum la_status la_irq_stack(const struct la_kernel *k, unsigned cpu, struct la_stack_area *ret,
			    struct la_error *err);

/**
 * Show @take all tasks, threads too, until it says false; the idle tasks, which are on no list, are left out. LA_ABSENT:
 * this kernel's list is not known. LA_CORRUPT, or as la_read(): the list is damaged, or one of the lists of threads is,
 * of which the others are shown all the same.
 */
enum la_status la_tasks_each(const struct la_kernel *k, bool (*take)(void *ctx, uint64_t task),
			     void *ctx, struct la_error *err);

/** The Linux CPU that @task runs on, or whose run queue it was in last; -1: unknown. */
int la_task_cpu(const struct la_kernel *k, const struct la_task *task);

/** Does it sleep uninterruptibly (D), other than to wait for work to do? False, too: that cannot be read. */
bool la_task_blocked(const struct la_kernel *k, uint64_t task);

#endif
