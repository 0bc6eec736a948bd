// SPDX-License-Identifier: GPL-3.0-or-later
// The guest's kernel: what it says of itself, and its memory by virtual address.
#include "lakvm/guest/kernel.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "geometry.h"
#include "lakvm/guest/vmcoreinfo.h"

/* NR_CPUS is 2048 at most (Kconfig of 7.2; 256 before). */
#define MAX_CPUS 2048

enum la_status la_read(const struct la_kernel *k, uint64_t va, void *ret, size_t len,
		       struct la_error *err)
{
	unsigned char *out = ret;

	while (len) {
		struct la_translation t;
		enum la_status status;
		uint64_t room;
		size_t n;

		status = la_translate(k->door, &k->mmu, k->mmu.kernel_pgd, va, &t, err);
		if (status != LA_OK)
			return la_fail(err, status, "%#" PRIx64, va);
		room = (UINT64_C(1) << t.page_shift) - (va & ((UINT64_C(1) << t.page_shift) - 1));
		n = len < room ? len : (size_t)room;
		status = k->door->read_phys(k->door->ctx, t.pa, out, n);
		if (status != LA_OK)
			return la_fail(err, status, "%#" PRIx64 " (physical %#" PRIx64 ") is %s",
				       va, t.pa, la_status_text(status));
		va += n;
		out += n;
		len -= n;
	}
	return LA_OK;
}

static bool is_init_text(const struct la_kernel *k, uint64_t va)
{
	uint64_t begin, end;

	return k->door->symbol(k->door->ctx, "__init_begin", &begin) &&
	       k->door->symbol(k->door->ctx, "__init_end", &end) && va >= begin && va < end;
}

enum la_status la_read_code(const struct la_kernel *k, uint64_t va, void *ret, size_t len,
			    struct la_error *err)
{
	if (k->door->file_bytes && is_init_text(k, va) &&
	    k->door->file_bytes(k->door->ctx, va, ret, len) == len)
		return LA_OK;
	return la_read(k, va, ret, len, err);
}

enum la_status la_read_u64(const struct la_kernel *k, uint64_t va, uint64_t *ret,
			   struct la_error *err)
{
	return la_read(k, va, ret, sizeof(*ret), err);
}

enum la_status la_read_u32(const struct la_kernel *k, uint64_t va, uint32_t *ret,
			   struct la_error *err)
{
	return la_read(k, va, ret, sizeof(*ret), err);
}

enum la_status la_read_text(const struct la_kernel *k, struct la_arena *arena, uint64_t va,
			    size_t max, char **ret, struct la_error *err)
{
	char *text = la_alloc(arena, max + 1);
	size_t used = 0;

	if (!text)
		return la_fail(err, LA_NOMEM, "text of %zu bytes", max);
	/* Small pieces, so that a text in front of an unreadable page is still read. */
	while (used < max) {
		size_t n = 64 - (size_t)((va + used) % 64);
		enum la_status status;

		if (n > max - used)
			n = max - used;
		status = la_read(k, va + used, text + used, n, err);
		if (status != LA_OK)
			return status;
		if (memchr(text + used, '\0', n))
			break;
		used += n;
	}
	*ret = text;
	return LA_OK;
}

static enum la_status read_unsigned(const struct la_kernel *k, uint64_t va, size_t size,
				    uint64_t *ret, struct la_error *err)
{
	unsigned char raw[8] = { 0 };
	enum la_status status;

	if (size != 1 && size != 2 && size != 4 && size != 8)
		return la_fail(err, LA_UNSUPPORTED, "a number of %zu bytes", size);
	status = la_read(k, va, raw, size, err);
	if (status == LA_OK)
		*ret = la_le64(raw);
	return status;
}

enum la_status la_read_member(const struct la_kernel *k, uint64_t base, const char *type,
			      const char *member, uint64_t *ret, struct la_error *err)
{
	struct la_member m;
	enum la_status status;

	if (!k->door->member(k->door->ctx, type, member, &m))
		return la_fail(err, LA_ABSENT, "this kernel has no %s.%s", type, member);
	status = read_unsigned(k, base + m.offset, m.size, ret, err);
	return status == LA_OK ? LA_OK : la_fail(err, status, "%s.%s", type, member);
}

enum la_status la_read_variable(const struct la_kernel *k, const char *name, size_t size,
				uint64_t *ret, struct la_error *err)
{
	uint64_t va;
	enum la_status status;

	if (!k->door->symbol(k->door->ctx, name, &va))
		return la_fail(err, LA_ABSENT, "this kernel has no %s", name);
	status = read_unsigned(k, va, size, ret, err);
	return status == LA_OK ? LA_OK : la_fail(err, status, "%s", name);
}

enum la_status la_percpu(const struct la_kernel *k, const char *name, unsigned cpu, uint64_t *ret,
			 struct la_error *err)
{
	uint64_t va;

	if (!k->percpu)
		return la_fail(err, LA_ABSENT, "the guest has set up no per-CPU areas");
	if (cpu >= k->ncpus)
		return la_fail(err, LA_INVALID, "no CPU %u", cpu);
	if (!k->door->symbol(k->door->ctx, name, &va))
		return la_fail(err, LA_ABSENT, "this kernel has no %s", name);
	*ret = va + k->percpu[cpu];
	return LA_OK;
}

enum la_status la_cpumask_test(const struct la_kernel *k, const char *mask, unsigned cpu, bool *ret,
			       struct la_error *err)
{
	uint64_t va, word;
	enum la_status status;

	if (!k->door->symbol(k->door->ctx, mask, &va))
		return la_fail(err, LA_ABSENT, "this kernel has no %s", mask);
	status = la_read_u64(k, va + cpu / 64 * 8, &word, err);
	if (status == LA_OK)
		*ret = word >> (cpu % 64) & 1;
	return status;
}

void la_task_read(const struct la_kernel *k, uint64_t address, struct la_task *ret)
{
	struct la_member m;
	uint64_t value;

	*ret = (struct la_task){ .address = address };
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

static enum la_status init_cpus(struct la_kernel *k, struct la_arena *arena, struct la_error *err)
{
	uint64_t n = 0, offsets, *percpu;
	enum la_status status;

	status = la_read_variable(k, "nr_cpu_ids", 4, &n, err);
	if (status != LA_OK || n == 0 || n > MAX_CPUS) {
		/* a kernel for one CPU has no such variable, and one CPU there always is */
		k->ncpus = 1;
		return status == LA_OK ? la_fail(err, LA_CORRUPT, "nr_cpu_ids is %" PRIu64, n) :
					 status;
	}
	k->ncpus = (unsigned)n;

	if (!k->door->symbol(k->door->ctx, "__per_cpu_offset", &offsets))
		return la_fail(err, LA_ABSENT, "this kernel has no __per_cpu_offset");
	percpu = la_alloc_n(arena, n, sizeof(*percpu));
	if (!percpu)
		return la_fail(err, LA_NOMEM, "__per_cpu_offset");
	status = la_read(k, offsets, percpu, n * sizeof(*percpu), err);
	if (status != LA_OK)
		return la_fail(err, status, "__per_cpu_offset");
	/* Until setup_per_cpu_areas() has run the array is zero. */
	if (!percpu[0])
		return la_fail(err, LA_ABSENT, "the guest has set up no per-CPU areas");
	k->percpu = percpu;
	return LA_OK;
}

enum la_status la_kernel_init(struct la_kernel *ret, const struct la_door *door,
			      struct la_arena *arena, struct la_error *err)
{
	struct la_member m;
	enum la_status status;

	*ret = (struct la_kernel){ .door = door };
	la_geometry_windows(ret);
	la_vmcoreinfo_read(ret, arena, &ret->vmcoreinfo, &ret->vmcoreinfo_len, NULL);
	status = la_geometry_find(ret, arena, err);
	if (status != LA_OK && status != LA_UNSUPPORTED)
		return status;
	/* THREAD_INFO_IN_TASK: 7.2 and later. Kernels before are asked for what they have, because to
	 * find that there is no such member takes gdb very long. */
	ret->thread_info_in_task = !door->member(door->ctx, "thread_info", "task", &m) &&
				   door->member(door->ctx, "task_struct", "thread_info", &m);
	init_cpus(ret, arena, err);
	return LA_OK;
}
