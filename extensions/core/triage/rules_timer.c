// SPDX-License-Identifier: GPL-3.0-or-later
// A CPU whose timer's interrupt did not come, though it takes interrupts: timers, RCU and sleepers wait for it.
#include "cpu/priv.h"
#include "triage.h"

/* Idle, or in user mode, where interrupts are on: also when another CPU stopped it there. */
static bool takes_interrupts(const struct la_cpu *c)
{
	const enum la_cpu_state state = c->state == LA_CPU_STOPPED ? c->before : c->state;

	return c->matched && (state == LA_CPU_IDLE || state == LA_CPU_USER);
}

/* After panic() the clock may go on where no timer may: there the others' timers tell the time. */
static uint64_t least_late(const struct la_triage *t, const struct la_cpu *but)
{
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i < t->cpus->n; i++) {
		const struct la_cpu *c = &t->cpus->cpu[i];

		if (c != but && c->state == LA_CPU_STOPPED && c->timer_late_known &&
		    c->timer_late_ns < least)
			least = c->timer_late_ns;
	}
	return least;
}

uint64_t la_triage_timer_lost(const struct la_triage *t, const struct la_cpu *c)
{
	uint64_t late = c->timer_late_known ? c->timer_late_ns : 0;

	if (!takes_interrupts(c) || late < LA_DEAF_NS)
		return 0;
	if (c->state == LA_CPU_STOPPED) {
		const uint64_t least = least_late(t, c);

		late = least < late ? late - least : 0;
	}
	return late >= LA_DEAF_NS ? late : 0;
}

static const char *doing(const struct la_cpu *c)
{
	return (c->state == LA_CPU_STOPPED ? c->before : c->state) == LA_CPU_IDLE ? "idle" :
										    "in user mode";
}

static void advise(struct la_judgement *j, const struct la_cpu *c)
{
	la_triage_advice(
		j,
		"compare ESTAT, TCFG and TVAL of vCPU %d in two listings (virsh qemu-monitor-command DOMAIN --hmp 'info "
		"registers -a'): a timer that stands still was lost on the host (KVM or QEMU, often with a migration, a "
		"snapshot or a resume); one that runs, and a vCPU that does not, is the host's scheduling",
		c->vcpu);
}

bool la_triage_blame_timer(const struct la_triage *t, struct la_judgement *j,
			   const struct la_cpu *c)
{
	struct la_cause *cause = &j->panic->cause;
	const uint64_t late = la_triage_timer_lost(t, c);

	if (!late)
		return false;
	cause->symbol = cause->module = cause->caller = NULL;
	cause->pc_known = cause->regs_known = false;
	la_triage_summary(
		j,
		"CPU %u does not let RCU go on: it is %s, and its timer, due %.1f s before, did not interrupt it",
		c->cpu, doing(c), (double)late / 1e9);
	advise(j, c);
	return true;
}

bool la_judge_lost_timer(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_cpu *worst = NULL;
	uint64_t longest = 0;

	for (size_t i = 0; i < t->cpus->n; i++) {
		const uint64_t late = la_triage_timer_lost(t, &t->cpus->cpu[i]);

		if (late > longest) {
			longest = late;
			worst = &t->cpus->cpu[i];
		}
	}
	if (!worst)
		return false;
	j->panic->verdict = LA_VERDICT_VCPU;
	j->panic->confidence = LA_LIKELY;
	la_triage_who_from_cpu(j, worst);
	j->panic->cause.kind = "timer-lost";
	j->panic->message = la_format(j->arena, "CPU %u has had no timer interrupt for %.1f s",
				      worst->cpu, (double)longest / 1e9);
	la_triage_summary(
		j,
		"CPU %u is %s, and its timer, which was due %.1f s ago, did not interrupt it: its timers, and whoever sleeps by them, wait for ever",
		worst->cpu, doing(worst), (double)longest / 1e9);
	advise(j, worst);
	return true;
}

void la_triage_say_timers(const struct la_triage *t, struct la_judgement *j)
{
	for (size_t i = 0; t->cpus && i < t->cpus->n; i++) {
		const struct la_cpu *c = &t->cpus->cpu[i];
		const uint64_t late = la_triage_timer_lost(t, c);

		if (late)
			la_triage_fact(
				j, "hrtimer_bases",
				"CPU %u was %s, and its timer, due %.1f s before, did not interrupt it",
				c->cpu, doing(c), (double)late / 1e9);
	}
}

static size_t frame_in(const struct la_cpu *c, size_t from, const char *const *names)
{
	for (size_t i = from; i < c->stack.n && c->stack.frame[i].method != LA_FROM_SCAN; i++)
		for (size_t n = 0; names[n]; n++)
			if (la_is_function(c->stack.frame[i].symbol, names[n]))
				return i;
	return SIZE_MAX;
}

/* kernel/time/{hrtimer,timer}.c, 5.10 to 7.2: both wait until the function of their timer has returned. */
const char *la_triage_own_timer(struct la_judgement *j, const struct la_cpu *c)
{
	static const char *const cancels[] = { "hrtimer_cancel", "timer_delete_sync",
					       "__timer_delete_sync", "del_timer_sync", NULL };
	static const char *const callers[] = { "__hrtimer_run_queues", "__run_hrtimer",
					       "call_timer_fn",        "expire_timers",
					       "__run_timers",         NULL };
	const size_t cancel = frame_in(c, 0, cancels);
	const size_t caller = cancel < SIZE_MAX ? frame_in(c, cancel, callers) : SIZE_MAX;
	const char *text;

	if (caller == SIZE_MAX || caller == cancel + 1 || !c->stack.frame[caller - 1].symbol)
		return "";
	text = la_format(
		j->arena,
		"; %s(), a timer's function, waits there for the end of one: perhaps its own",
		c->stack.frame[caller - 1].symbol);
	return text ? text : "";
}
