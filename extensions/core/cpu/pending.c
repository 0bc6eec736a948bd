// SPDX-License-Identifier: GPL-3.0-or-later
// What others want of a CPU, and what the host takes from it, as far as the guest records it.
#include "priv.h"

#include "base/cycle.h"

#define MAX_CALLS 4096 /* a queue longer than this is damage */

/* Types of a request (include/linux/smp_types.h, since 5.8); only the first two name a function. */
#define CSD_TYPE_MASK 0xf0
#define CSD_TYPE_SYNC 0x10

static const char *function_of(const struct la_kernel *k, uint64_t csd)
{
	struct la_symbol symbol;
	struct la_member node;
	uint64_t flags, func;

	if (!k->door->member(k->door->ctx, "__call_single_data", "node", &node) ||
	    la_read_member(k, csd + node.offset, "__call_single_node", "u_flags", &flags, NULL) !=
		    LA_OK ||
	    (flags & CSD_TYPE_MASK) > CSD_TYPE_SYNC ||
	    la_read_member(k, csd, "__call_single_data", "func", &func, NULL) != LA_OK ||
	    !k->door->symbol_at(k->door->ctx, func, &symbol) || symbol.start != func)
		return NULL;
	return symbol.name;
}

enum la_status la_cpu_each_call(const struct la_kernel *k, unsigned cpu,
				bool (*take)(void *ctx, uint64_t csd), void *ctx)
{
	struct la_cycle cycle = { 0 };
	enum la_status status;
	uint64_t head, at;

	status = la_percpu(k, "call_single_queue", cpu, &head, NULL);
	if (status == LA_OK)
		status = la_read_u64(k, head, &at, NULL);
	/* struct llist_node, the first member of a request, points to the next one's. */
	while (status == LA_OK && at) {
		if (cycle.steps == MAX_CALLS || la_cycle_step(&cycle, at) ||
		    !la_kernel_address(k, at))
			return LA_CORRUPT;
		if (!take(ctx, at))
			break;
		status = la_read_u64(k, at, &at, NULL);
	}
	return status;
}

struct calls {
	const struct la_kernel *k;
	struct la_cpu *cpu;
};

/* The list has the newest first: the last one seen is what the CPU would do first. */
static bool count_call(void *ctx, uint64_t csd)
{
	struct calls *calls = ctx;

	calls->cpu->calls++;
	calls->cpu->call = function_of(calls->k, csd);
	return true;
}

/* kernel_cpustat.cpustat[CPUTIME_STEAL] (linux/kernel_stat.h), in nanoseconds. */
static void find_steal(const struct la_kernel *k, struct la_cpu *c)
{
	uint64_t stat;
	int64_t which;

	if (!k->door->enumerator(k->door->ctx, "CPUTIME_STEAL", &which) || which < 0 ||
	    which > 63 || la_percpu(k, "kernel_cpustat", c->cpu, &stat, NULL) != LA_OK)
		return;
	c->steal_known = la_read_u64(k, stat + 8 * (uint64_t)which, &c->steal_ns, NULL) == LA_OK;
}

/* KVM writes here when it takes the vCPU off its CPU (asm/kvm_para.h, 6.11 and later). */
#define KVM_VCPU_PREEMPTED 1

static void find_preempted(const struct la_kernel *k, struct la_cpu *c)
{
	uint64_t steal, version, preempted;

	if (la_percpu(k, "steal_time", c->cpu, &steal, NULL) != LA_OK ||
	    la_read_member(k, steal, "kvm_steal_time", "version", &version, NULL) != LA_OK ||
	    la_read_member(k, steal, "kvm_steal_time", "preempted", &preempted, NULL) != LA_OK ||
	    !version)
		return; /* nobody has ever written it: no KVM, or one without steal time */
	c->preempted_known = true;
	c->preempted = preempted & KVM_VCPU_PREEMPTED;
}

void la_cpu_find_pending(const struct la_kernel *k, struct la_arena *arena, struct la_cpu *c)
{
	struct calls calls = { k, c };
	enum la_status status;

	if (c->cpu >= k->ncpus)
		return;
	status = la_cpu_each_call(k, c->cpu, count_call, &calls);
	if (status == LA_CORRUPT)
		la_cpu_remark(arena, &c->remark, "its queue of IPI requests is damaged");
	c->calls_known = status == LA_OK;
	if (!c->calls_known) {
		c->calls = 0;
		c->call = NULL;
	}
	find_steal(k, c);
	find_preempted(k, c);
}
