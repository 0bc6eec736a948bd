// SPDX-License-Identifier: GPL-3.0-or-later
// What a waiting CPU waits for: the lock it spins on, the CPUs that have not answered its IPI.
#include "graph.h"
#include "priv.h"

/* CONFIG_DEBUG_SPINLOCK: the lock is the first member of raw_spinlock, which names its owner. */
bool la_spin_owner(const struct la_kernel *k, uint64_t lock, uint64_t *ret)
{
	uint64_t owner;

	if (la_read_member(k, lock, "raw_spinlock", "owner", &owner, NULL) != LA_OK ||
	    owner == UINT64_MAX || !la_kernel_address(k, owner))
		return false; /* nobody: SPINLOCK_OWNER_INIT is -1 */
	*ret = owner;
	return true;
}

static void find_lock_and_owner(const struct la_kernel *k, struct la_cpu *c)
{
	const struct la_door *door = k->door;
	struct la_symbol symbol;
	struct la_wait wait;

	if (!la_spin_find(k, c, 0, &wait) || !wait.address ||
	    (wait.kind != LA_THING_SPINLOCK && wait.kind != LA_THING_RWLOCK))
		return;
	c->lock = wait.address;
	/* A lock of its own, or one in a static structure. */
	if (door->symbol_at(door->ctx, c->lock, &symbol) && symbol.end && c->lock < symbol.end) {
		c->lock_symbol = symbol.name;
		c->lock_offset = c->lock - symbol.start;
	}
	if (wait.kind == LA_THING_SPINLOCK)
		la_spin_owner(k, c->lock, &c->lock_owner);
}

/* CSD_FLAG_LOCK (include/linux/smp_types.h): set until the other CPU has taken the request. */
#define CSD_FLAG_LOCK 1

/* Is the request at @csd, a struct __call_single_data, still open? */
static bool csd_open(const struct la_kernel *k, uint64_t csd)
{
	struct la_member node;
	uint64_t flags;

	return k->door->member(k->door->ctx, "__call_single_data", "node", &node) &&
	       la_read_member(k, csd + node.offset, "__call_single_node", "u_flags", &flags,
			      NULL) == LA_OK &&
	       (flags & CSD_FLAG_LOCK);
}

struct own_calls {
	uint64_t stack; /* of the waiting CPU: the block its stack pointer is in */
	bool found;
};

static bool is_on_stack(void *ctx, uint64_t csd)
{
	struct own_calls *own = ctx;

	own->found = (csd & ~(LA_THREAD_SIZE - 1)) == own->stack;
	return !own->found;
}

/*
 * smp_call_function_many_cond() keeps a request for each CPU in cfd_data.csd, per-CPU of per-CPU.
 * smp_call_function_single() has one on its stack, which is found in the queue of the CPU that has
 * not taken it; one that has taken it and not finished is not (kernel/smp.c).
 */
static void find_targets(const struct la_kernel *k, struct la_arena *arena, struct la_cpu *c)
{
	unsigned *list = la_alloc_n(arena, k->ncpus, sizeof(*list));
	struct own_calls own = { .found = false };
	uint64_t cfd, csd, sp;

	if (!list || !c->matched)
		return;
	c->waits_for_all = list;
	if (la_is_function(c->symbol, "smp_call_function_many_cond")) {
		if (la_percpu(k, "cfd_data", c->cpu, &cfd, NULL) != LA_OK ||
		    la_read_member(k, cfd, "call_function_data", "csd", &csd, NULL) != LA_OK ||
		    !csd)
			return;
		for (unsigned i = 0; i < k->ncpus; i++)
			if (i != c->cpu && csd_open(k, csd + k->percpu[i]))
				list[c->nwaits_for++] = i;
	} else if (la_is_function(c->symbol, "smp_call_function_single") &&
		   la_gpr_get(&c->regs, LA_R_SP, &sp)) {
		own.stack = sp & ~(LA_THREAD_SIZE - 1);
		for (unsigned i = 0; i < k->ncpus && !own.found; i++)
			if (la_cpu_each_call(k, i, is_on_stack, &own) == LA_OK && own.found)
				list[c->nwaits_for++] = i;
	}
	if (c->nwaits_for)
		c->waits_for = (int)list[0];
}

void la_cpu_find_wait(const struct la_kernel *k, struct la_arena *arena, struct la_cpu *c)
{
	c->waits_for = -1;
	if (c->state == LA_CPU_SPINNING)
		find_lock_and_owner(k, c);
	else if (c->state == LA_CPU_IPI_WAIT)
		find_targets(k, arena, c);
}
