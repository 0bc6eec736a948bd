// SPDX-License-Identifier: GPL-3.0-or-later
// Why the guest died or hangs: rules judge the collected facts in order.
#include "lakvm/triage/panic.h"

#include <inttypes.h>
#include <string.h>

#include "collect.h"
#include "cpu/priv.h"
#include "detail.h"
#include "lakvm/guest/relocation.h"
#include "lakvm/stack/lines.h"
#include "lakvm/triage/other.h"

#define LOG_TAIL 15

static void compare_buffer(const struct la_triage *t, struct la_judgement *j)
{
	if (t->buffer && !t->panic && t->panics > 1)
		la_triage_fact(
			j, "panic's buffer",
			"panic() was called %u times, each while it ran: the last time for: %s",
			t->panics, t->buffer);
	else if (t->buffer && !t->panic)
		la_triage_fact(j, "panic's buffer", "message that is not in the log: %s",
			       t->buffer);
	else if (t->buffer && strcmp(t->buffer, t->panic->text))
		la_triage_fact(j, "panic's buffer", "another message: %s", t->buffer);
	else if (t->buffer)
		la_triage_fact(j, "panic's buffer", "the same message as in the log");
}

/*
 * panic_cpu alone is no panic(): crash_kexec() sets it too, when a crash kernel takes over from die()
 * (kernel/crash_core.c, 4.6 to 7.2; before that, kexec_core.c).
 */
static bool was_called(const struct la_triage *t)
{
	if (t->panic || t->buffer)
		return true;
	return t->panic_cpu >= 0 && (t->in_panic || !(t->last_oops || t->below_panic != SIZE_MAX));
}

/* Of all that tell of the cause: was it in an exception vector? */
static bool was_in_vector(const struct la_triage *t, const struct la_cause *c)
{
	const struct la_fault *all[] = { &t->panic_fault, &t->oops_fault, &t->stack_fault,
					 &t->csr_fault };

	for (size_t i = 0; c->pc_known && i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i]->in_vector && all[i]->pc == c->pc)
			return true;
	return false;
}

/*
 * A CPU without its task writes where others read: what they faulted at may have come of that. And the kernel's own way into
 * an exception faults only where somebody else has damaged what it goes by.
 */
static void doubt_victim(const struct la_triage *t, struct la_judgement *j)
{
	const bool in_vector = was_in_vector(t, &j->panic->cause);

	if (in_vector) {
		la_triage_fact(
			j, "registers",
			"the fault was in an exception vector: page tables, or what else that goes "
			"by, had been overwritten");
		la_triage_advice(j,
				 "who overwrote what an exception vector goes by is to blame, not "
				 "who came into it");
	}
	if (t->astray)
		la_triage_fact(j, "registers",
			       "CPU %u is on a kernel stack, and its tp leads to no task, or to one "
			       "that was overwritten: the fault may have come of that",
			       t->astray->cpu);
	if ((in_vector || t->astray) && j->panic->confidence == LA_CERTAIN)
		j->panic->confidence = LA_LIKELY;
}

static bool judge_panic(const struct la_triage *t, struct la_judgement *j)
{
	struct la_panic *p = j->panic;

	if (!was_called(t))
		return false;
	p->verdict = LA_VERDICT_PANIC;
	p->message = t->message;
	if (t->panic_cpu >= 0)
		p->cpu = t->panic_cpu;
	if (t->cpu)
		la_triage_who_from_cpu(j, t->cpu);
	if (t->panic)
		la_triage_who_from_event(j, t->panic);
	compare_buffer(t, j);
	la_triage_cause(t, j);
	p->confidence = la_triage_confidence(j->witnesses);
	if (!t->panic && t->panics > 1)
		p->confidence = LA_LIKELY;
	if (t->word && t->word->by == LA_BY_OOPS) {
		doubt_victim(t, j);
		if (j->event)
			la_triage_who_from_event(j, j->event);
	}
	if (t->panic)
		la_triage_set_uptime(j, t->log.record[t->panic->record].ts_nsec);
	return true;
}

/* die() sets the taint, and nothing but die() (arch/loongarch/kernel/traps.c): the oops was no fancy. */
static bool judge_oops(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_event *oops = t->oops;
	struct la_panic *p = j->panic;

	if (!oops)
		return false;
	p->verdict = LA_VERDICT_OOPS;
	p->message = oops->text ? oops->text : oops->line;
	if (t->panic_cpu >= 0) {
		la_triage_fact(j, "panic_cpu",
			       "a crash kernel took over on CPU %d, without panic()", t->panic_cpu);
		if (t->cpu && (oops->cpu < 0 || oops->cpu == t->panic_cpu))
			la_triage_who_from_cpu(j, t->cpu);
	}
	la_triage_who_from_event(j, oops);
	la_triage_cause_oops(t, j);
	if (!(t->taint & LA_TAINT_DIE))
		j->witnesses &= ~LA_WITNESS_MEMORY;
	p->confidence = la_triage_confidence(j->witnesses);
	doubt_victim(t, j);
	la_triage_set_uptime(j, oops->ts_nsec);
	return true;
}

/*
 * The rules in order of rank; the first that fits gives the verdict. To add a rule: write its
 * judge, here or in rules_*.c, and declare what it reads. all: every one of these must be there.
 * any: at least one of these. What is not there makes the rule "not checked", with the reason.
 * What still goes on ranks before an oops that may have been survived long ago.
 */
static const struct rule {
	const char *name;
	unsigned all, any;
	bool (*judge)(const struct la_triage *t, struct la_judgement *j);
} rules[] = {
	{ "panic", 0, LA_NEEDS(LA_SOURCE_PANIC_CPU) | LA_NEEDS(LA_SOURCE_LOG), judge_panic },
	{ "halted", LA_NEEDS(LA_SOURCE_CPUS), 0, la_judge_halted },
	{ "stack-overflow", LA_NEEDS(LA_SOURCE_CPUS), 0, la_judge_stack_overflow },
	{ "die-deadlock", LA_NEEDS(LA_SOURCE_CPUS), 0, la_judge_die_deadlock },
	{ "deadlock", 0, LA_NEEDS(LA_SOURCE_CPUS) | LA_NEEDS(LA_SOURCE_TASKS), la_judge_deadlock },
	{ "hard-lockup", LA_NEEDS(LA_SOURCE_CPUS), 0, la_judge_hard_lockup },
	{ "spinlock", LA_NEEDS(LA_SOURCE_CPUS), 0, la_judge_spinlock },
	{ "soft-lockup", LA_NEEDS(LA_SOURCE_LOG) | LA_NEEDS(LA_SOURCE_CPUS), 0,
	  la_judge_soft_lockup },
	{ "rcu-stall", LA_NEEDS(LA_SOURCE_LOG), 0, la_judge_rcu_stall },
	{ "hung-task", LA_NEEDS(LA_SOURCE_LOG) | LA_NEEDS(LA_SOURCE_TASKS), 0, la_judge_hung_task },
	{ "lost-ipi", LA_NEEDS(LA_SOURCE_CPUS), 0, la_judge_lost_ipi },
	{ "endless-loop", LA_NEEDS(LA_SOURCE_CPUS), 0, la_judge_endless },
	{ "workqueue-lockup", LA_NEEDS(LA_SOURCE_LOG) | LA_NEEDS(LA_SOURCE_CPUS), 0,
	  la_judge_workqueue },
	{ "lost-timer", LA_NEEDS(LA_SOURCE_CPUS), 0, la_judge_lost_timer },
	{ "oops", LA_NEEDS(LA_SOURCE_LOG), 0, judge_oops },
	{ "blocked", LA_NEEDS(LA_SOURCE_TASKS), 0, la_judge_blocked },
	{ "vcpu", LA_NEEDS(LA_SOURCE_CPUS), 0, la_judge_vcpu },
	{ "firmware", LA_NEEDS(LA_SOURCE_CPUS), 0, la_judge_firmware },
	{ "booting", LA_NEEDS(LA_SOURCE_CPUS), 0, la_judge_booting },
	{ "lost-oops", 0, 0, la_judge_lost_oops },
	{ "running", LA_NEEDS(LA_SOURCE_CPUS), 0, la_judge_running },
};
#define NRULES (sizeof(rules) / sizeof(rules[0]))

static const char *unmet(const struct la_triage *t, const struct rule *rule)
{
	unsigned lacking = rule->all & ~t->have;

	/* Registers alone tell that no vCPU is in a kernel; all else is read through one that is not there. */
	if (t->boot.absent && rule->judge != la_judge_firmware)
		return t->boot.absent;
	if (rule->any && !(rule->any & t->have))
		lacking |= rule->any;
	for (unsigned i = 0; i < LA_NSOURCES; i++)
		if (lacking & LA_NEEDS(i))
			return t->missing[i] ? t->missing[i] : "not found";
	return NULL;
}

static void judge(const struct la_triage *t, struct la_judgement *j)
{
	for (size_t i = 0; i < NRULES; i++) {
		const char *reason = unmet(t, &rules[i]);

		if (reason)
			j->unchecked[j->panic->nunchecked++] =
				(struct la_unchecked){ .rule = rules[i].name, .reason = reason };
		else if (rules[i].judge(t, j))
			break;
	}
}

/* --- the rest of the result --- */

static void keep_log_tail(const struct la_triage *t, struct la_judgement *j)
{
	size_t first = t->log.n > LOG_TAIL ? t->log.n - LOG_TAIL : 0;
	const char **tail = la_alloc_n(j->arena, LOG_TAIL, sizeof(*tail));

	for (size_t i = first; tail && i < t->log.n; i++) {
		const struct la_record *r = &t->log.record[i];
		const char *line =
			la_format(j->arena, "[%5" PRIu64 ".%06" PRIu64 "] %s",
				  r->ts_nsec / 1000000000, r->ts_nsec % 1000000000 / 1000, r->text);

		if (line)
			tail[j->panic->nlog_tail++] = line;
	}
	j->panic->log_tail = tail;
	j->panic->log = t->log.n ? &t->log : NULL;
	if (!j->panic->uptime_known && t->log.n) {
		la_triage_set_uptime(j, t->log.record[t->log.n - 1].ts_nsec);
		j->panic->uptime_of_end = true;
	}
}

static void add_other_kernels(const struct la_kernel *k, struct la_judgement *j)
{
	for (size_t i = 0; k->place && i < k->place->nothers; i++) {
		const char *text = la_other_kernel_text(k->door, &k->place->other[i], j->arena);

		if (text)
			la_triage_fact(j, "memory", "%s", text);
	}
}

void la_panic_analyse(const struct la_kernel *k, struct la_arena *arena, const struct la_cpus *cpus,
		      struct la_panic *ret)
{
	struct la_judgement j;
	struct la_triage *t;

	*ret = (struct la_panic){ .cpu = -1, .cpus = cpus };
	if (la_triage_open(&j, arena, ret, NRULES) && (t = la_alloc(arena, sizeof(*t)))) {
		t->cpus = cpus;
		la_triage_collect(k, t, &j);
		judge(t, &j);
		la_triage_add_waits(t, &j);
		la_triage_say_timers(t, &j);
		ret->waits = &t->waits;
		la_triage_explain_boot(t, &j);
		add_other_kernels(k, &j);
		la_triage_code(k, &ret->cause);
		la_triage_blame_caller(t, &j);
		la_detail_collect(k, t, &j);
		la_triage_say_earlier(t, &j);
		la_triage_say(t, &j);
		la_triage_say_touched(k, t, &j);
		la_triage_explain_host(t, &j);
		if (ret->verdict == LA_VERDICT_RUNNING || ret->verdict == LA_VERDICT_UNKNOWN) {
			la_triage_say_reports(t, &j);
			la_triage_say_threads(t, &j);
			la_triage_say_hogs(t, &j);
		}
		keep_log_tail(t, &j);
		la_triage_sign(t, &j);
	}
	la_triage_close(&j);
}

void la_panic_lack_lines(struct la_panic *p)
{
	if (!p->room)
		return; /* la_triage_close() has said it */
	*p->room = (struct la_fact){ .text = "out of memory: source positions are not told",
				     .source = "limit" };
	p->room = NULL;
	p->nfacts++;
}

void la_panic_lines(const struct la_kernel *k, struct la_arena *arena, struct la_panic *p)
{
	const struct la_stack *stack = p->stack ? la_lines_stack(k, arena, p->stack) : NULL;
	const struct la_lines_at *at = p->cause.pc_known ? la_lines_find(k, p->cause.pc) : NULL;

	if ((p->stack && !stack) || (p->cause.pc_known && !at && la_lines_exhausted(k)))
		la_panic_lack_lines(p);
	if (stack)
		p->stack = stack;
	if (at) {
		p->detail.file = at->n ? at->inlined[0].file : at->self.file;
		p->detail.line = at->n ? at->inlined[0].line : at->self.line;
	}
}
