// SPDX-License-Identifier: GPL-3.0-or-later
// For how long a CPU has been at what it does, by the clocks of the run queues: rq.clock is the time
// of one counter that all CPUs share (arch/loongarch/kernel/time.c), as a CPU last looked at it. Each
// tick looks, so the youngest is the moment of the dump, but for a tick.
#include "lakvm/guest/clock.h"
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

/*
 * When watchdog_hrtimer of this CPU is due, which has no slack (linux/hrtimer.h). The node that has the other copy is a
 * timerqueue_node up to 7.0, and a timerqueue_linked_node, with pointers where the first has the time, in 7.1.
 */
static bool due_of(const struct la_kernel *k, const struct la_cpu *c, uint64_t *ret)
{
	uint64_t at;

	return c->matched && la_percpu(k, "watchdog_hrtimer", c->cpu, &at, NULL) == LA_OK &&
	       la_read_member(k, at, "hrtimer", "_softexpires", ret, NULL) == LA_OK && *ret;
}

/*
 * watchdog_enabled, bit 1: does the soft lockup detector run (kernel/watchdog.c, 4.1 to 7.2)? Where it was turned off, what
 * it noted last grows old, and says nothing.
 */
static bool detector_runs(const struct la_kernel *k)
{
	const struct la_door *door = k->door;
	uint64_t at, enabled;

	return !door->symbol(door->ctx, "watchdog_enabled", &at) ||
	       (la_read_u64(k, at, &enabled, NULL) == LA_OK && (enabled & 2));
}

/*
 * watchdog_touch_ts: when the detector's thread ran last, in 2^30 ns of the run queue's clock; ULONG_MAX, and 0 before,
 * mean that it is to begin anew (kernel/watchdog.c, 5.10 to 7.2). Since 5.13 that is noted in watchdog_report_ts, and 0 is
 * the first of those, on a CPU that it has set its timer on.
 */
static void find_watchdog(const struct la_kernel *k, struct la_cpu *c, uint64_t now)
{
	uint64_t at, touched, report, due;

	if (la_percpu(k, "watchdog_touch_ts", c->cpu, &at, NULL) != LA_OK ||
	    la_read_u64(k, at, &touched, NULL) != LA_OK)
		return;
	if (!touched && due_of(k, c, &due) &&
	    la_percpu(k, "watchdog_report_ts", c->cpu, &report, NULL) == LA_OK)
		touched = 1; /* by then, at the latest */
	if (!touched || touched > now >> 30)
		return;
	c->watchdog_age_known = true;
	c->watchdog_age_ns = now - (touched << 30);
}

static void find_timer_lag(const struct la_kernel *k, struct la_cpus *cpus)
{
	uint64_t latest = 0, due;

	for (size_t i = 0; i < cpus->n; i++)
		if (due_of(k, &cpus->cpu[i], &due) && due > latest)
			latest = due;
	for (size_t i = 0; i < cpus->n; i++) {
		if (!due_of(k, &cpus->cpu[i], &due))
			continue;
		cpus->cpu[i].timer_lag_known = true;
		cpus->cpu[i].timer_lag_ns = latest - due;
	}
}

/*
 * hrtimer_cpu_base.expires_next: the event that the CPU's timer was set for last, on the timekeeper's clock, which
 * begins later than the run queues'; KTIME_MAX where there is none (linux/hrtimer.h, linux/hrtimer_defs.h since 6.9).
 */
static void find_timer_late(const struct la_kernel *k, struct la_cpus *cpus)
{
	struct la_clock clock;
	uint64_t at, due;

	if (la_clock_read(k, &clock, NULL) != LA_OK)
		return;
	for (size_t i = 0; i < cpus->n; i++) {
		struct la_cpu *c = &cpus->cpu[i];

		if (!c->matched || la_percpu(k, "hrtimer_bases", c->cpu, &at, NULL) != LA_OK ||
		    la_read_member(k, at, "hrtimer_cpu_base", "expires_next", &due, NULL) !=
			    LA_OK ||
		    !due)
			continue;
		c->timer_late_known = true;
		c->timer_late_ns = due < clock.uptime_ns ? clock.uptime_ns - due : 0;
	}
}

/* In the task since 7.2, at its stack's low end before (asm/thread_info.h). */
static void find_preempt(const struct la_kernel *k, struct la_cpu *c)
{
	const struct la_door *door = k->door;
	struct la_member m = { 0 };
	uint64_t count, base = k->thread_info_in_task ? c->task.address : c->task.stack;

	if (!base || c->stack_overrun ||
	    (k->thread_info_in_task &&
	     !door->member(door->ctx, "task_struct", "thread_info", &m)) ||
	    la_read_member(k, base + m.offset, "thread_info", "preempt_count", &count, NULL) !=
		    LA_OK)
		return;
	c->preempt_known = true;
	c->preempt_count = (uint32_t)count;
}

uint64_t la_cpus_now(const struct la_kernel *k, const struct la_cpus *cpus)
{
	uint64_t now = 0, at;

	for (size_t i = 0; i < cpus->n; i++)
		if (clock_of(k, &cpus->cpu[i], &at) && at > now)
			now = at;
	return now;
}

void la_cpus_find_since(const struct la_kernel *k, struct la_cpus *cpus)
{
	const uint64_t now = la_cpus_now(k, cpus);
	const bool detector = detector_runs(k);
	uint64_t at;

	for (size_t i = 0; i < cpus->n; i++) {
		struct la_cpu *c = &cpus->cpu[i];

		find_preempt(k, c);
		if (!clock_of(k, c, &at))
			continue;
		if (detector)
			find_watchdog(k, c, now);
		c->clock_age_known = true;
		c->clock_age_ns = now - at;
		c->clock_ns = at;
		if (arrival_of(k, c, &at) && at <= now) {
			c->since_known = true;
			c->since_ns = now - at;
		} else if (run_of(k, c, &at) && at <= now - c->clock_age_ns) {
			c->since_known = true;
			c->since_ns = at + c->clock_age_ns;
		}
	}
	if (detector)
		find_timer_lag(k, cpus);
	find_timer_late(k, cpus);
}
