// SPDX-License-Identifier: GPL-3.0-or-later
// Tasks of real-time classes, for which others of their CPU have to wait (kernel/sched/sched.h, 5.10 to 7.1).
#include "lakvm/guest/clock.h"
#include "priv.h"

/* SCHED_FIFO, SCHED_RR and SCHED_DEADLINE (include/uapi/linux/sched.h). Stoppers say FIFO, too: their class tells. */
static const char *policy_of(const struct la_kernel *k, uint64_t task)
{
	const struct la_door *door = k->door;
	uint64_t policy, class, rt, dl;

	if (la_read_member(k, task, "task_struct", "policy", &policy, NULL) != LA_OK ||
	    la_read_member(k, task, "task_struct", "sched_class", &class, NULL) != LA_OK)
		return NULL;
	if (door->symbol(door->ctx, "dl_sched_class", &dl) && class == dl)
		return "DEADLINE";
	if (!door->symbol(door->ctx, "rt_sched_class", &rt) || class != rt)
		return NULL;
	return policy == 1 ? "FIFO" : policy == 2 ? "RR" : NULL;
}

/* rq.nr_running counts the one that runs as well. */
static bool others_of(const struct la_kernel *k, const struct la_cpu *c, unsigned *ret)
{
	uint64_t rq, running;

	if (la_percpu(k, "runqueues", c->cpu, &rq, NULL) != LA_OK ||
	    la_read_member(k, rq, "rq", "nr_running", &running, NULL) != LA_OK)
		return false;
	*ret = running ? (unsigned)running - 1 : 0;
	return true;
}

static void find_share(const struct la_kernel *k, uint64_t now, struct la_cpu *c)
{
	const struct la_door *door = k->door;
	uint64_t started, ran;
	struct la_member se;

	if (!door->member(door->ctx, "task_struct", "se", &se) ||
	    la_read_member(k, c->task.address, "task_struct", "start_time", &started, NULL) !=
		    LA_OK ||
	    la_read_member(k, c->task.address + se.offset, "sched_entity", "sum_exec_runtime", &ran,
			   NULL) != LA_OK ||
	    started >= now || ran > now - started)
		return;
	c->share_known = true;
	c->life_ns = now - started;
	c->ran_ns = ran;
}

void la_cpus_find_realtime(const struct la_kernel *k, struct la_cpus *cpus)
{
	struct la_clock clock = { 0 };
	uint64_t priority;

	la_clock_read(k, &clock, NULL);
	for (size_t i = 0; i < cpus->n; i++) {
		struct la_cpu *c = &cpus->cpu[i];
		const char *policy = c->matched && c->task.address && c->task.pid != 0 ?
					     policy_of(k, c->task.address) :
					     NULL;

		if (!policy || !others_of(k, c, &c->wanting))
			continue;
		c->realtime = policy;
		if (la_read_member(k, c->task.address, "task_struct", "rt_priority", &priority,
				   NULL) == LA_OK)
			c->rt_priority = (unsigned)priority;
		find_share(k, clock.uptime_ns, c);
	}
}
