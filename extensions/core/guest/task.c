// SPDX-License-Identifier: GPL-3.0-or-later
// Tasks, their page tables and stacks.
#include "lakvm/guest/task.h"

#include <inttypes.h>
#include <stdio.h>

/* PID_MAX_LIMIT of 64-bit kernels (linux/threads.h). */
#define PIDS (UINT64_C(4) << 20)

bool la_task_overwritten(const struct la_kernel *k, uint64_t address)
{
	uint64_t pid;

	return la_read_member(k, address, "task_struct", "pid", &pid, NULL) == LA_OK &&
	       (uint32_t)pid >= PIDS;
}

void la_task_read(const struct la_kernel *k, uint64_t address, struct la_task *ret)
{
	struct la_member m;
	uint64_t value;

	*ret = (struct la_task){ .address = address };
	if (la_task_overwritten(k, address))
		return; /* whatever else is there is no task's */
	if (la_read_member(k, address, "task_struct", "pid", &value, NULL) == LA_OK) {
		ret->pid = (int)(uint32_t)value;
		ret->pid_known = true;
	}
	if (la_read_member(k, address, "task_struct", "stack", &value, NULL) == LA_OK)
		ret->stack = value;
	if (k->door->member(k->door->ctx, "task_struct", "comm", &m)) {
		size_t n = m.size < sizeof(ret->comm) - 1 ? m.size : sizeof(ret->comm) - 1;

		if (la_read(k, address + m.offset, ret->comm, n, NULL) != LA_OK)
			ret->comm[0] = '\0';
	}
}

/* thread_info is at the lowest end of the stack, and since 7.2 in the task. */
int la_task_cpu(const struct la_kernel *k, const struct la_task *task)
{
	struct la_member m = { 0 };
	const uint64_t base = k->thread_info_in_task ? task->address : task->stack;
	uint64_t cpu;

	if (!base ||
	    (k->thread_info_in_task &&
	     !k->door->member(k->door->ctx, "task_struct", "thread_info", &m)) ||
	    la_read_member(k, base + m.offset, "thread_info", "cpu", &cpu, NULL) != LA_OK ||
	    cpu >= k->ncpus)
		return -1;
	return (int)cpu;
}

void la_user_tables_find(const struct la_kernel *k, uint64_t mm, const struct la_regs *regs,
			 struct la_user_tables *ret)
{
	struct la_error err = { "" };
	uint64_t pgdl, unused;
	int window;

	*ret = (struct la_user_tables){ 0 };
	if (!mm)
		return;
	if (!regs || !la_csr_get(regs, LA_CSR_PGDL, &pgdl) ||
	    !la_window(&k->mmu, pgdl, &unused, &window))
		pgdl = 0;
	if (la_read_member(k, mm, "mm_struct", "pgd", &ret->pgd, &err) != LA_OK) {
		ret->pgd = pgdl;
		snprintf(ret->remark, sizeof(ret->remark), "%s%s", err.text,
			 pgdl ? "; the tables in PGDL of the CPU that runs this task are taken" :
				"");
	} else if (pgdl && pgdl != ret->pgd) {
		snprintf(ret->remark, sizeof(ret->remark),
			 "the CPU that runs this task has other tables than the task's, at %" PRIx64
			 " (PGDL)",
			 pgdl);
	}
}

enum la_status la_cpu_curr(const struct la_kernel *k, unsigned cpu, uint64_t *ret,
			   struct la_error *err)
{
	uint64_t rq;
	enum la_status status = la_percpu(k, "runqueues", cpu, &rq, err);

	return status == LA_OK ? la_read_member(k, rq, "rq", "curr", ret, err) : status;
}

enum la_status la_irq_stack(const struct la_kernel *k, unsigned cpu, struct la_stack_area *ret,
			    struct la_error *err)
{
	uint64_t va, base;
	enum la_status status = la_percpu(k, "irq_stack", cpu, &va, err);

	if (status == LA_OK)
		status = la_read_u64(k, va, &base, err);
	if (status != LA_OK)
		return la_fail(err, status, "IRQ stack of CPU %u", cpu);
	if (!base || base > UINT64_MAX - LA_THREAD_SIZE)
		return la_fail(err, LA_ABSENT, "CPU %u has no IRQ stack", cpu);
	ret->kind = LA_STACK_IRQ;
	ret->base = base;
	ret->top = base + LA_THREAD_SIZE;
	return LA_OK;
}
