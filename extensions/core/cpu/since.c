// SPDX-License-Identifier: GPL-3.0-or-later
// For how long a CPU has been at what it does, by the clocks of the run queues: rq.clock is the time
// of one counter that all CPUs share (arch/loongarch/kernel/time.c), as a CPU last looked at it. Each
// tick looks, so the youngest is the moment of the dump, but for a tick.
#include "priv.h"

static bool clock_of(const struct la_kernel *k, const struct la_cpu *c, uint64_t *ret)
{
	uint64_t rq;

	return c->matched && la_percpu(k, "runqueues", c->cpu, &rq, NULL) == LA_OK &&
	       la_read_member(k, rq, "rq", "clock", ret, NULL) == LA_OK && *ret != 0;
}

/* When its task came onto the CPU: kept with CONFIG_SCHED_INFO, and not of idle tasks (sched/stats.h). */
static bool arrival_of(const struct la_kernel *k, const struct la_cpu *c, uint64_t *ret)
{
	const struct la_door *door = k->door;
	struct la_member info;

	return c->task.pid_known && c->task.pid != 0 &&
	       door->member(door->ctx, "task_struct", "sched_info", &info) &&
	       la_read_member(k, c->task.address + info.offset, "sched_info", "last_arrival", ret,
			      NULL) == LA_OK &&
	       *ret != 0;
}

/* Without it: what a fair task has run since it was chosen, by its CPU's clock (sched/fair.c,
 * set_next_entity()). */
static bool run_of(const struct la_kernel *k, const struct la_cpu *c, uint64_t *ret)
{
	const struct la_door *door = k->door;
	uint64_t class, fair, sum, before;
	struct la_member se;

	if (!c->task.address || !door->symbol(door->ctx, "fair_sched_class", &fair) ||
	    !door->member(door->ctx, "task_struct", "se", &se) ||
	    la_read_member(k, c->task.address, "task_struct", "sched_class", &class, NULL) !=
		    LA_OK ||
	    class != fair ||
	    la_read_member(k, c->task.address + se.offset, "sched_entity", "sum_exec_runtime", &sum,
			   NULL) != LA_OK ||
	    la_read_member(k, c->task.address + se.offset, "sched_entity", "prev_sum_exec_runtime",
			   &before, NULL) != LA_OK ||
	    before > sum)
		return false;
	*ret = sum - before;
	return true;
}

void la_cpus_find_since(const struct la_kernel *k, struct la_cpus *cpus)
{
	uint64_t now = 0, at;

	for (size_t i = 0; i < cpus->n; i++)
		if (clock_of(k, &cpus->cpu[i], &at) && at > now)
			now = at;
	for (size_t i = 0; i < cpus->n; i++) {
		struct la_cpu *c = &cpus->cpu[i];

		if (!clock_of(k, c, &at))
			continue;
		c->clock_age_known = true;
		c->clock_age_ns = now - at;
		if (arrival_of(k, c, &at) && at <= now) {
			c->since_known = true;
			c->since_ns = now - at;
		} else if (run_of(k, c, &at) && at <= now - c->clock_age_ns) {
			c->since_known = true;
			c->since_ns = at + c->clock_age_ns;
		}
	}
}
