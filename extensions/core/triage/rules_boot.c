// SPDX-License-Identifier: GPL-3.0-or-later
// Rules for guests that have not come up: that are in their firmware, still boot, or died of what they found; and for one
// that is well, but where nobody sees it: its console is elsewhere.
#include <inttypes.h>
#include <string.h>

#include "cpu/priv.h"
#include "triage.h"

/* For so long a boot may say nothing: initcalls that wait for devices do. */
#define SILENCE_NS (UINT64_C(30) * 1000000000)

static size_t count_states(const struct la_cpus *cpus, enum la_cpu_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < cpus->n; i++)
		n += cpus->cpu[i].state == state;
	return n;
}

static void firmware_in_words(struct la_judgement *j, size_t reset, size_t n)
{
	la_triage_fact(j, "registers", "none of %zu vCPUs is in the kernel", n);
	if (reset == n)
		la_triage_summary(
			j, n == 1 ? "the vCPU is as it came out of reset: nothing has run on it" :
				    "the vCPUs are as they came out of reset: nothing has run");
	else
		la_triage_summary(
			j, "the guest is in its firmware or boot loader: Linux has not begun");
	la_triage_advice(
		j,
		"virsh dumpxml DOMAIN: are loader and nvram of <os> there, and do they fit this machine type?");
	la_triage_advice(
		j,
		"repeat info registers: a pc that stays is a vCPU that does not run, one that changes is firmware at work");
}

/* Not one vCPU runs Linux, and Linux has said nothing: it was never started. */
bool la_judge_firmware(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_cpus *cpus = t->cpus;
	const size_t reset = count_states(cpus, LA_CPU_NEVER_STARTED);
	size_t n = 0;

	for (size_t i = 0; i < cpus->n; i++) {
		if (cpus->cpu[i].regs.source == LA_REGS_NONE)
			continue;
		/* Where no kernel is, a vCPU that nothing matches is in no kernel either. */
		if (cpus->cpu[i].state != LA_CPU_FIRMWARE &&
		    cpus->cpu[i].state != LA_CPU_NEVER_STARTED)
			return false;
		n++;
	}
	if (!n || t->log.n)
		return false;
	j->panic->verdict = LA_VERDICT_FIRMWARE;
	/* The registers are one witness, a memory without kernel the other. */
	j->panic->confidence = t->boot.proved_absent ? LA_CERTAIN : LA_LIKELY;
	firmware_in_words(j, reset, n);
	return true;
}

/* --- still booting --- */

/* Seconds since the last record, by the guest's own clock. */
static bool silence_of(const struct la_triage *t, uint64_t *ret)
{
	const uint64_t last = t->log.n ? t->log.record[t->log.n - 1].ts_nsec : 0;

	if (!t->boot.now_known || !t->log.n || t->boot.now_ns < last)
		return false;
	*ret = t->boot.now_ns - last;
	return true;
}

static const char *stage_in_words(const struct la_triage *t)
{
	static const char *const stages[] = { "before its scheduler works", "in its initcalls",
					      "freeing the memory of its start" };

	return t->boot.state < sizeof(stages) / sizeof(stages[0]) ? stages[t->boot.state] :
								    "starting";
}

static void booting_facts(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_cpu *c = t->boot.cpu;
	uint64_t silence;

	la_triage_fact(j, "system_state", "%" PRIu64 ": the kernel still boots, %s", t->boot.state,
		       stage_in_words(t));
	if (c && t->boot.initcall)
		la_triage_fact(j, la_format(j->arena, "stack of CPU %u", c->cpu),
			       "it runs the initcall %s()", t->boot.initcall);
	else if (c && c->symbol)
		la_triage_fact(j, la_format(j->arena, "stack of CPU %u", c->cpu), "it is in %s()",
			       c->symbol);
	if (silence_of(t, &silence))
		la_triage_fact(j, "log", "nothing was said for %.1f s of the guest's clock",
			       la_seconds(silence));
	else
		la_triage_fact(
			j, "log",
			"for how long nothing was said is not known: no clock of a run queue runs");
	if (t->boot.not_started)
		la_triage_fact(j, "registers",
			       t->boot.not_started == 1 ? "%zu vCPU was not started by Linux" :
							  "%zu vCPUs were not started by Linux",
			       t->boot.not_started);
}

static bool on_stack(const struct la_stack *stack, const char *function)
{
	for (size_t i = 0; stack && i < stack->n; i++)
		if (stack->frame[i].method != LA_FROM_SCAN &&
		    la_is_function(stack->frame[i].symbol, function))
			return true;
	return false;
}

/* init/do_mounts.c; wait_for_root() was part of prepare_namespace() until 6.6. */
static bool waits_for_root(const struct la_triage *t)
{
	const struct la_stack *s = t->boot.starts;

	return on_stack(s, "wait_for_root") ||
	       (on_stack(s, "prepare_namespace") &&
		(on_stack(s, "msleep") || on_stack(s, "wait_for_device_probe")));
}

static void root_in_words(const struct la_triage *t, struct la_judgement *j)
{
	const char *root = t->boot.root;

	j->panic->cause.kind = "root-wait";
	j->panic->message = "waiting for the root device";
	la_triage_summary(
		j,
		"the kernel waits for its root device%s%s, which has not come (rootwait, rootdelay)",
		root ? " " : "", root ? root : "");
	la_triage_advice(
		j,
		"check root= on the guest's command line, and that its disk and the driver of it are there");
}

/* Who starts the guest: the task that sleeps in its way, else the CPU that boots. */
static void blame_starter(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_cpu *c = t->boot.cpu;

	if (t->boot.starts && (!c || c->state == LA_CPU_IDLE)) {
		j->panic->task = t->boot.starter;
		j->panic->stack = t->boot.starts;
		la_triage_cause_sleeper(j, t->boot.starts);
		return;
	}
	if (!c)
		return;
	la_triage_who_from_cpu(j, c);
	/* Not proved, it is the likeliest; what an idle CPU is in tells nothing. */
	if (c->state != LA_CPU_IDLE)
		j->panic->cause.symbol = c->symbol  ? c->symbol :
					 c->stack.n ? c->stack.frame[0].symbol :
						      NULL;
}

bool la_judge_booting(const struct la_triage *t, struct la_judgement *j)
{
	struct la_panic *p = j->panic;
	uint64_t silence = 0;
	const bool known = silence_of(t, &silence);
	const char *initcall = t->boot.initcall;

	if (!t->boot.booting)
		return false;
	p->verdict = LA_VERDICT_BOOTING;
	p->confidence = LA_LIKELY;
	p->cause.kind = "booting";
	blame_starter(t, j);
	booting_facts(t, j);
	if (waits_for_root(t)) {
		root_in_words(t, j);
		return true;
	}
	if (initcall)
		p->message = la_format(j->arena, "in the initcall %s", initcall);
	else
		p->message = stage_in_words(t);
	if (known && silence >= SILENCE_NS)
		la_triage_summary(j, "the boot stands still %s%s%s: nothing was said for %.0f s",
				  stage_in_words(t), initcall ? ", at " : "",
				  initcall ? initcall : "", la_seconds(silence));
	else
		la_triage_summary(j, "the kernel still boots, %s%s%s", stage_in_words(t),
				  initcall ? ", at " : "", initcall ? initcall : "");
	la_triage_advice(j, "take a second dump or register text some seconds later, and compare");
	la_triage_advice(
		j,
		"boot with \"initcall_debug ignore_loglevel earlycon console=ttyS0\" to see each step");
	return true;
}

/* --- what a panic in early boot means --- */

static void unknown_processor(const struct la_triage *t, struct la_judgement *j)
{
	la_triage_summary(j,
			  "the kernel does not know this CPU model: cpu_probe() gave up with BUG()");
	if (t->boot.processor_known)
		la_triage_fact(j, "cpu_data",
			       "the CPU says that its model (CPUCFG.0, PRID) is %#" PRIx64,
			       t->boot.processor);
	if (t->domain && !t->domain->given)
		la_triage_summary(
			j,
			"the kernel does not know this CPU model: cpu_probe() gave up with BUG(); the domain names none, it has no <cpu> element");
	la_triage_advice(
		j,
		"give the domain a CPU model that the kernel knows: <cpu mode='custom' match='exact' check='none'><model>la464</model></cpu> (virsh edit), or -cpu la464");
	la_triage_advice(
		j,
		"or boot a kernel that knows the model: cpu_probe() of arch/loongarch/kernel/cpu-probe.c has the list");
}

/* Without its initramfs, which had the drivers or init, the kernel finds neither root nor init. */
static void explain_no_root(const struct la_triage *t, struct la_judgement *j)
{
	const char *kind = j->panic->cause.kind;

	if (!kind || (strcmp(kind, "no-root") && strcmp(kind, "no-init")) || !t->word)
		return;
	for (size_t i = 0; i < t->events.n; i++) {
		const struct la_event *e = &t->events.event[i];

		if (strcmp(la_event_name(e), "bad-initramfs"))
			continue;
		la_triage_summary(j, "%s; before that its initramfs was lost: \"%s\"",
				  t->word->meaning, e->line);
		la_triage_advice(
			j,
			"make the guest's initramfs anew (dracut -f, update-initramfs -u), and check what -initrd or the boot loader hands over");
		return;
	}
}

void la_triage_explain_boot(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_panic *p = j->panic;

	if (p->verdict != LA_VERDICT_PANIC && p->verdict != LA_VERDICT_OOPS)
		return;
	if (t->boot.booting)
		la_triage_fact(j, "system_state",
			       "%" PRIu64 ": it happened while the kernel booted, %s",
			       t->boot.state, stage_in_words(t));
	if (t->boot.booting && t->boot.not_started) {
		la_triage_fact(j, "registers",
			       t->boot.not_started == 1 ? "%zu vCPU was not started by Linux yet" :
							  "%zu vCPUs were not started by Linux yet",
			       t->boot.not_started);
		la_triage_stuck(j,
				t->boot.not_started == 1 ? "%zu other vCPU was never started" :
							   "%zu other vCPUs were never started",
				t->boot.not_started);
	}
	explain_no_root(t, j);
	if (p->cause.kind && !strcmp(p->cause.kind, "bug") &&
	    la_is_function(p->cause.symbol, "cpu_probe"))
		unknown_processor(t, j);
}

/* --- halted --- */

/* Where arch/loongarch/kernel/reset.c ends, each of them for ever if the machine does not go off. */
static const struct {
	const char *function, *what;
} ends[] = {
	{ "machine_halt", "somebody halted the guest" },
	{ "machine_power_off", "somebody shut the guest down, and it is not switched off" },
	{ "machine_restart", "somebody restarted the guest, and it does not come back" },
};

static const char *end_of(const struct la_cpu *c)
{
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (la_is_function(c->symbol, ends[i].function) ||
		    on_stack(&c->stack, ends[i].function))
			return ends[i].what;
	return NULL;
}

/* It went down as somebody wanted, all the way: the other CPUs are stopped, this one has nothing more to do. */
bool la_judge_halted(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_cpu *found = NULL;
	const char *what = NULL;

	if (!t->boot.state_known || t->boot.state <= t->boot.running ||
	    t->boot.state > t->boot.running + 3)
		return false;
	for (size_t i = 0; i < t->cpus->n; i++) {
		const struct la_cpu *c = &t->cpus->cpu[i];
		const char *end = end_of(c);

		if (end) {
			found = c;
			what = end;
		} else if (c->state != LA_CPU_STOPPED && c->state != LA_CPU_OFFLINE &&
			   c->state != LA_CPU_NEVER_STARTED) {
			return false;
		}
	}
	if (!found)
		return false;
	j->panic->verdict = LA_VERDICT_HALTED;
	/* Two witnesses: what the kernel notes of itself, and where its last CPU is. */
	j->panic->confidence = found->verified ? LA_CERTAIN : LA_LIKELY;
	la_triage_who_from_cpu(j, found);
	j->panic->message = "System halted";
	la_triage_fact(j, "system_state", "%" PRIu64 ": on the way down, and at its end",
		       t->boot.state);
	la_triage_summary(j, "%s: the system is halted, and nothing is wrong with it", what);
	return true;
}

/* --- consoles --- */

static bool says(const char *text, const char *word)
{
	return text && strstr(text, word);
}

void la_triage_say_consoles(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_boot *b = &t->boot;

	if (b->command_line)
		la_triage_fact(j, "command line", "%s", b->command_line);
	if (b->consoles && *b->consoles)
		la_triage_fact(j, "consoles", "the kernel writes to: %s", b->consoles);
	else if (b->consoles)
		la_triage_fact(j, "consoles", "the kernel writes to none");
	if (!b->consoles || says(b->consoles, "ttyS") || says(b->consoles, "hvc") ||
	    says(b->consoles, "ttyAMA"))
		return;
	la_triage_summary(
		j,
		"nothing is wrong with the guest, but its kernel writes to no serial console%s%s",
		*b->consoles ? ", only to " : "", b->consoles);
	la_triage_advice(
		j,
		"if virsh console shows nothing: add console=ttyS0,115200 to the guest's kernel command line%s",
		says(b->command_line, "console=") ? " (it names another console)" : "");
	if (says(b->command_line, "quiet"))
		la_triage_advice(j, "\"quiet\" on the command line hides all but warnings");
}

/* --- a log that is lost --- */

/* die() sets the bit, and nothing but die() (arch/loongarch/kernel/traps.c); what it was about only the log had. */
bool la_judge_lost_oops(const struct la_triage *t, struct la_judgement *j)
{
	if (t->boot.absent || t->have & LA_NEEDS(LA_SOURCE_LOG) || !(t->taint & LA_TAINT_DIE))
		return false;
	j->panic->verdict = LA_VERDICT_OOPS;
	j->panic->confidence = LA_LIKELY;
	j->panic->message = "an oops whose words are lost";
	la_triage_fact(j, "tainted_mask", "D: the kernel has died in a task, and went on");
	la_triage_summary(
		j, "the kernel had an oops and lived on; what it said of it is lost with the log");
	la_triage_advice(
		j,
		"look for its text where the console of the guest is kept (virsh console, a serial log)");
	return true;
}
