// SPDX-License-Identifier: GPL-3.0-or-later
// The cause in the words of a person, and what to type next.
#include <inttypes.h>
#include <string.h>

#include "trace.h"
#include "triage.h"
#include "lakvm/door/modules.h"

#define NEAR_NULL 0x10000

/* What an exception did with its address: what, and by whom. */
static const char *access_in_words(const struct la_cause *c)
{
	uint64_t estat;

	if (!c->regs_known || !la_csr_get(&c->regs, LA_CSR_ESTAT, &estat))
		return "accessed";
	switch (LA_ESTAT_ECODE(estat)) {
	case LA_ECODE_PIL:
	case LA_ECODE_PNR:
		return "read";
	case LA_ECODE_PIS:
	case LA_ECODE_PME:
		return "written";
	case LA_ECODE_PIF:
	case LA_ECODE_PNX:
		return "executed";
	case LA_ECODE_ADE: /* ADEF or ADEM */
		return LA_ESTAT_ESUBCODE(estat) ? "accessed" : "executed";
	default:
		return "accessed";
	}
}

/* What runs a function, by a function that is always there in such a stack. */
static const struct {
	const char *function, *text;
} contexts[] = {
	{ "call_timer_fn", "from a timer" },
	{ "expire_timers", "from a timer" },
	{ "__hrtimer_run_queues", "from a high-resolution timer" },
	{ "irq_work_run_list", "from irq_work" },
	{ "irq_work_single", "from irq_work" },
	{ "__flush_smp_call_function_queue", "from an IPI that another CPU sent" },
	{ "flush_smp_call_function_queue", "from an IPI that another CPU sent" },
	{ "tasklet_action_common", "from a tasklet" },
	{ "net_rx_action", "while network packets were received" },
	{ "blk_done_softirq", "while a disk request was completed" },
	{ "rcu_do_batch", "from an RCU callback" },
	{ "handle_softirqs", "from a softirq" },
	{ "__do_softirq", "from a softirq" },
	{ "handle_irq_event", "from an interrupt handler" },
	{ "do_vint", "from an interrupt" },
	{ "process_one_work", "from a work item" },
	{ "do_init_module", "while a module was loaded" },
	{ "__do_sys_delete_module", "while a module was removed" },
	{ "do_one_initcall", "while the kernel started" },
	{ "do_syscall", "in a system call" },
	{ "handle_syscall", "in a system call" },
	{ "kthread", "in a kernel thread" },
};

static bool is_name(const char *function, int length, const char *name)
{
	return length == (int)strlen(name) && !strncmp(function, name, (size_t)length);
}

static const char *context(const struct la_callers *who)
{
	const char *text = NULL;

	/* The kernel's own initcalls and a module's are called by one function. */
	for (size_t i = 0; i < who->n; i++) {
		if (text && !is_name(who->function[i], who->length[i], "do_init_module"))
			continue;
		for (size_t k = 0; k < sizeof(contexts) / sizeof(contexts[0]); k++)
			if (is_name(who->function[i], who->length[i], contexts[k].function))
				text = contexts[k].text;
		if (text && !is_name(who->function[i], who->length[i], "do_one_initcall"))
			break;
	}
	return text;
}

/* ", called from f [m], from a timer" */
static const char *callers_in_words(const struct la_judgement *j, const struct la_callers *who)
{
	const struct la_cause *c = &j->panic->cause;
	const char *when = context(who);
	bool named = who->n && !la_is_outermost(who->function[0]) && !c->caller;
	const char *module = named ? who->module[0] : NULL;

	for (size_t k = 0; named && k < sizeof(contexts) / sizeof(contexts[0]); k++)
		named = !is_name(who->function[0], who->length[0], contexts[k].function);
	return la_format(j->arena, "%s%.*s%s%.*s%s%s%s", named ? ", called by " : "",
			 named ? who->length[0] : 0, named ? who->function[0] : "",
			 named && module ? " [" : "",
			 named && module ? (int)strcspn(module, "]") : 0,
			 named && module ? module : "", named && module ? "]" : "",
			 when ? ", " : "", when ? when : "");
}

static const char *place_in_words(const struct la_judgement *j)
{
	const struct la_cause *c = &j->panic->cause;

	if (c->caller &&
	    c->symbol) /* the module is the caller's, the other is a function that checks */
		return la_format(j->arena, "%s, called by %s%s%s%s", c->symbol, c->caller,
				 c->module ? " [" : "", c->module ? c->module : "",
				 c->module ? "]" : "");
	if (c->caller)
		return la_format(j->arena, "%s, which jumped there", c->caller);
	if (!c->symbol)
		return "a function that is not known";
	return la_format(j->arena, "%s%s%s%s", c->symbol, c->module ? " [" : "",
			 c->module ? c->module : "", c->module ? "]" : "");
}

/* What else the oops says about itself: the report before it. */
static const char *reason_in_words(const struct la_judgement *j)
{
	const struct la_event *e = j->event;

	if (e && e->said && e->because && e->because->meaning)
		return la_format(j->arena, "; before it: \"%s\": %s", e->said, e->because->meaning);
	if (e && e->said)
		return la_format(j->arena, "; before it: \"%s\"", e->said);
	return "";
}

static const struct {
	const char *kind, *text;
} fault_words[] = {
	{ "bug", "BUG()" },
	{ "break", "break instruction" },
	{ "ine", "instruction that the CPU does not know" },
	{ "ipe", "instruction that needs more privilege" },
	{ "bce", "bounds check that failed" },
	{ "fpu-disabled", "floating point or vector instruction without kernel_fpu_begin()" },
	{ "fpe", "floating point exception" },
	{ "oops", "exception" },
};

/* "NULL pointer plus 0x80", or "address 0x1234 (in user space)". */
static const char *address_in_words(const struct la_judgement *j)
{
	const char *class = j->panic->detail.address_class;
	const char *text;

	if (class && (!strncmp(class, "NULL ", 5) || !strncmp(class, "error pointer", 13) ||
		      !strncmp(class, "LIST_POISON", 11)))
		return class;
	text = la_format(j->arena, "address %#" PRIx64 "%s%s%s", j->panic->cause.address,
			 class ? " (" : "", class ? class : "", class ? ")" : "");
	return text ? text : "an address";
}

static void say_fault(struct la_judgement *j, const struct la_callers *who)
{
	const struct la_cause *c = &j->panic->cause;
	const char *where = place_in_words(j), *callers = callers_in_words(j, who);
	const char *reason = reason_in_words(j), *what = NULL;

	if (!where || !callers || !reason)
		return;
	for (size_t i = 0; i < sizeof(fault_words) / sizeof(fault_words[0]); i++)
		if (!strcmp(c->kind, fault_words[i].kind))
			what = fault_words[i].text;
	if (!strcmp(c->kind, "bug") && j->event && j->event->at)
		la_triage_summary(j, "BUG() at %s in %s%s%s", j->event->at, where, callers, reason);
	else if (what)
		la_triage_summary(j, "%s in %s%s%s", what, where, callers, reason);
	else if (!strcmp(c->kind, "ale"))
		la_triage_summary(j, "misaligned access in %s%s%s", where, callers, reason);
	else if (c->address_known)
		la_triage_summary(j, "%s %s by %s%s%s", address_in_words(j), access_in_words(c),
				  where, callers, reason);
	else
		la_triage_summary(j, "%s in %s%s%s", c->kind, where, callers, reason);
}

static void say_stack_overflow(struct la_judgement *j, const struct la_callers *who)
{
	const struct la_cause *c = &j->panic->cause;
	const char *callers = c->symbol ? callers_in_words(j, who) : "";

	if (callers)
		la_triage_summary(j, "the kernel stack of %s%s ran over%s%s%s",
				  j->panic->task.comm[0] ? "task " : "a task", j->panic->task.comm,
				  c->symbol ? ", in " : "", c->symbol ? c->symbol : "", callers);
	la_triage_advice(
		j, "crash> bt -f: is one function on the stack again and again, or one with large "
		   "variables?");
}

/* What a detector of the kernel found, whether it made the kernel panic or not. */
static void say_detected(enum la_event_kind report, struct la_judgement *j,
			 const struct la_callers *who)
{
	const struct la_panic *p = j->panic;
	const char *place = p->cause.symbol ? place_in_words(j) : NULL;
	const char *callers = place ? callers_in_words(j, who) : "";
	const char *in = place ? " in " : "";

	place = place ? place : "";
	switch (report) {
	case LA_EVENT_HUNG_TASK:
		if (p->task.comm[0])
			la_triage_summary(j, "task %s (PID %d) waits%s%s%s, and nothing wakes it",
					  p->task.comm, p->task.pid, in, place, callers);
		else
			la_triage_summary(
				j, "a task waits and nothing wakes it; the report that names it "
				   "is lost");
		la_triage_advice(
			j,
			"crash> foreach UN bt: who else waits, and who holds what they wait for?");
		break;
	case LA_EVENT_RCU_STALL:
		if (p->cpu >= 0)
			la_triage_summary(j, "CPU %d does not let RCU go on: it is%s%s%s", p->cpu,
					  place[0] ? in : " at a place that is not known", place,
					  callers);
		else
			la_triage_summary(
				j, "something does not let RCU go on; which CPU is not known");
		break;
	case LA_EVENT_WORKQUEUE:
		if (place[0])
			la_triage_summary(j,
					  "CPU %d does not come to work that waits in its "
					  "workqueues: %s does not come out of %s%s",
					  p->cpu, p->task.comm[0] ? p->task.comm : "a worker",
					  place, callers);
		else
			la_triage_summary(j, "work items wait, and no worker does them; which "
					     "worker keeps them waiting is not known");
		break;
	case LA_EVENT_HARD_LOCKUP:
		if (p->cpu >= 0)
			la_triage_summary(j, "CPU %d takes no interrupts: it is%s%s%s", p->cpu,
					  place[0] ? in : " at a place that is not known", place,
					  callers);
		else
			la_triage_summary(j, "a CPU takes no interrupts; which one is not known");
		break;
	default:
		la_triage_summary(j, "CPU %d ran %s%s and never let another task run: it is%s%s%s",
				  p->cpu, p->task.comm[0] ? "task " : "a task", p->task.comm,
				  place[0] ? in : " at a place that is not known", place, callers);
		break;
	}
	if (p->cpu >= 0)
		la_triage_advice(
			j, "crash> lacpus -b -c %d: the stack of that CPU, and what it waits for",
			p->cpu);
}

/* Bytes of a sentence without its full stop. */
static size_t without_stop(const char *text)
{
	const size_t n = strlen(text);

	return n && text[n - 1] == '.' ? n - 1 : n;
}

static void say_warning(struct la_judgement *j, const struct la_callers *who)
{
	const struct la_event *e = j->event;
	const char *where = place_in_words(j), *callers = callers_in_words(j, who);
	const struct la_message *m = e ? (e->because ? e->because : e->message) : NULL;
	const char *said = la_check_in_words(j->panic->cause.symbol);

	if (!e && said && where && callers)
		la_triage_summary(j, "%s; in %s%s", said, where, callers);
	if (!e || !where || !callers)
		return;
	said = e->said ? e->said : e->text ? e->text : e->line;
	la_triage_summary(j, "%.*s in %s%s%s%s", (int)without_stop(said), said, where, callers,
			  m && m->meaning ? ": " : "", m && m->meaning ? m->meaning : "");
	la_triage_advice(j,
			 "the panic is by panic_on_warn or the like: without it the guest would have "
			 "gone on");
}

/* Where pc is no code, whoever jumped there has it. A return address may be the next function's, so that is not asked for. */
static void advise_code(struct la_judgement *j)
{
	const struct la_cause *c = &j->panic->cause;

	if (c->symbol && c->pc_known)
		la_triage_advice(j, "crash> dis -rl %" PRIx64 ": the code that leads there", c->pc);
	else if (c->symbol || c->caller)
		la_triage_advice(j, "crash> dis -l %s: the code that did it",
				 c->symbol ? c->symbol : c->caller);
}

/* The part of the memory that explains why it ran out: two fifths, where free memory does not. NULL: none does. */
static const char *memory_in_words(struct la_judgement *j, const struct la_meminfo *m)
{
	enum la_memory most = LA_MEMORY_SLAB;
	const char *whose = "";

	for (enum la_memory i = most; i < LA_NMEMORY; i++)
		if (m->bytes[i] > m->bytes[most])
			most = i;
	if (m->bytes[most] < m->total / 5 * 2 || m->bytes[LA_MEMORY_FREE] > m->bytes[most])
		return NULL;
	if (most == LA_MEMORY_SLAB && m->cache[0] && m->cache_bytes >= m->bytes[most] / 3) {
		whose = la_format(j->arena, ", of that %" PRIu64 " MiB %s", m->cache_bytes >> 20,
				  m->cache);
		la_triage_advice(j, "crash> kmem -S %s: what its objects are, and who made them",
				 m->cache);
	} else if (most == LA_MEMORY_ANON && m->task.address &&
		   m->task_bytes >= m->bytes[most] / 3) {
		whose = la_format(j->arena, ", of that %" PRIu64 " MiB of %s (PID %d)",
				  m->task_bytes >> 20, m->task.comm, m->task.pid);
		la_triage_advice(j, "crash> vm %d: what it has in its memory", m->task.pid);
	} else if (most == LA_MEMORY_SHMEM) {
		la_triage_advice(j, "crash> mount: which tmpfs there are; ipcs: shared memory");
	} else if (most == LA_MEMORY_OTHER) {
		la_triage_advice(
			j, "crash> kmem -v; mod: a driver that takes pages and gives none back");
	}
	return la_format(j->arena, "; %" PRIu64 " of %" PRIu64 " MiB are %s%s",
			 m->bytes[most] >> 20, m->total >> 20, la_memory_name(most),
			 whose ? whose : "");
}

static void say_called(const struct la_triage *t, struct la_judgement *j,
		       const struct la_callers *who)
{
	const char *callers = callers_in_words(j, who);
	const char *symbol = j->panic->cause.symbol;
	const char *memory = t->memory_known && t->word && !strcmp(t->word->kind, "oom") ?
				     memory_in_words(j, &t->memory) :
				     NULL;

	if (!callers)
		return;
	if (t->word && t->word->meaning)
		la_triage_summary(j, "%s%s", t->word->meaning, memory ? memory : "");
	else if (symbol)
		la_triage_summary(j, "%s called panic()%s: %s", symbol, callers, t->message);
	else
		la_triage_summary(j, "panic() was called: %s", t->message);
	if (t->word && t->word->advice)
		la_triage_advice(j, "%s", t->word->advice);
	else if (!t->word || !t->word->meaning)
		advise_code(j);
}

static bool is_fault(const struct la_cause *c)
{
	return c->pc_known || c->address_known || c->symbol;
}

static void say_oops(struct la_judgement *j, const struct la_callers *who)
{
	struct la_panic *p = j->panic;
	const struct la_cause *c = &p->cause;

	if (!strcmp(c->kind, "init-exit") && p->detail.exit_code) {
		la_triage_summary(j, "%s", p->detail.exit_code);
		la_triage_advice(
			j, "crash> log: what init said before; check init and its libraries on the "
			   "guest's root file system");
	} else if (!strcmp(c->kind, "stack-overflow")) {
		say_stack_overflow(j, who);
	} else if (is_fault(c)) {
		say_fault(j, who);
		advise_code(j);
		if (c->address_known && c->address >= NEAR_NULL)
			la_triage_advice(j, "crash> lamem %" PRIx64 ": what that address is",
					 c->address);
	}
	if (c->module && !la_is_bpf(c->module))
		la_triage_advice(j, "crash> mod -s %.*s: load its symbols for source lines",
				 (int)strcspn(c->module, "]"), c->module);
}

/* Is it what one of the kernel's detectors reports, in panic() or still going on? */
static bool detected(const struct la_triage *t, const struct la_panic *p,
		     enum la_event_kind *report)
{
	switch (p->verdict) {
	case LA_VERDICT_PANIC:
		if (!t->word || t->word->by != LA_BY_DETECTOR)
			return false;
		*report = t->word->report;
		return true;
	case LA_VERDICT_SOFT_LOCKUP:
		*report = LA_EVENT_SOFT_LOCKUP;
		return true;
	case LA_VERDICT_HARD_LOCKUP:
		*report = LA_EVENT_HARD_LOCKUP;
		return true;
	case LA_VERDICT_RCU_STALL:
		*report = LA_EVENT_RCU_STALL;
		return true;
	case LA_VERDICT_WORKQUEUE:
		*report = LA_EVENT_WORKQUEUE;
		return true;
	case LA_VERDICT_HUNG_TASK:
		*report = LA_EVENT_HUNG_TASK;
		return true;
	default:
		return false;
	}
}

/* Who the task waits for in the end. */
static void advise_holder(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_waits *w = &t->waits;
	const struct la_wait_node *head;

	for (size_t i = 0; i < w->n; i++) {
		if (!j->panic->task.address || w->node[i].task.address != j->panic->task.address ||
		    w->node[i].on == LA_NO_NODE || w->node[i].cycle)
			continue;
		head = &w->node[la_waits_head(w, i)];
		if (head != &w->node[i] && head->task.pid_known && head->cpu < 0)
			la_triage_advice(j, "crash> bt %d: the stack of the one it waits for",
					 head->task.pid);
		return;
	}
}

void la_triage_say(const struct la_triage *t, struct la_judgement *j)
{
	struct la_panic *p = j->panic;
	struct la_callers who;
	enum la_event_kind report;

	if (p->summary && !p->nadvice)
		advise_holder(t, j);
	if (!p->summary && !p->cause.kind && !p->message && p->verdict == LA_VERDICT_PANIC)
		la_triage_summary(j, "panic() was called; why, is in no part of the dump that can "
				     "be read");
	if (p->summary || !p->cause.kind)
		return;
	la_triage_callers(t, j, &who);
	if (detected(t, p, &report))
		say_detected(report, j, &who);
	else if (p->verdict == LA_VERDICT_PANIC && t->word && t->word->by == LA_BY_WARNING)
		say_warning(j, &who);
	else if (p->verdict == LA_VERDICT_PANIC &&
		 (!strcmp(p->cause.kind, "panic") || (t->word && t->word->by == LA_BY_CALLER)))
		say_called(t, j, &who);
	else if (p->verdict == LA_VERDICT_PANIC || p->verdict == LA_VERDICT_OOPS ||
		 p->verdict == LA_VERDICT_STACK_OVERFLOW)
		say_oops(j, &who);
}

void la_triage_say_reports(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_event *first = NULL, *e;
	const char *memory, *so_far;
	size_t n = 0;

	for (e = t->events.event; e < la_events_end(&t->events); e++) {
		if (!e->message || !(e->message->flags & LA_MESSAGE_TROUBLE))
			continue;
		/* What it led to says the same, and more. */
		if (e->message->flags & LA_MESSAGE_REASON && e + 1 < la_events_end(&t->events) &&
		    e[1].because == e->message)
			continue;
		first = first ? first : e;
		n++;
	}
	if (!first || j->panic->summary)
		return;
	j->event = first;
	so_far = j->panic->verdict == LA_VERDICT_RUNNING ? "it runs, but" :
							   "what hangs is not known, but";
	la_triage_summary(j, "%s the kernel reported %s%.6f s: \"%s\"%s%s%s", so_far,
			  n > 1 ? "trouble, first at " : "at ", la_seconds(first->ts_nsec),
			  first->line, first->said ? ", \"" : "", first->said ? first->said : "",
			  first->said ? "\"" : "");
	if (first->because && first->because->meaning)
		la_triage_summary(j, "%s: %s", j->panic->summary, first->because->meaning);
	else if (first->message->meaning)
		la_triage_summary(j, "%s: %s", j->panic->summary, first->message->meaning);
	memory = t->memory_known ? memory_in_words(j, &t->memory) : NULL;
	/* The kernel's line is long, and says less. */
	if (memory && !strcmp(la_event_name(first), "oom"))
		la_triage_summary(j, "%s memory ran out at %.6f s%s", so_far,
				  la_seconds(first->ts_nsec), memory);
}
