// SPDX-License-Identifier: GPL-3.0-or-later
// Why panic() was called, or what an oops was about: out of the log, checked against the stack.
#include "trace.h"
#include "triage.h"

#include <inttypes.h>
#include <string.h>

static const struct {
	unsigned first, last; /* exception codes */
	const char *kind;
	bool address; /* BADV means something */
} exception_kind[] = {
	{ LA_ECODE_PIL, LA_ECODE_PPI, "page-fault", true },
	{ LA_ECODE_ADE, LA_ECODE_ADE, "ade", true },
	{ LA_ECODE_ALE, LA_ECODE_ALE, "ale", true },
	{ LA_ECODE_BCE, LA_ECODE_BCE, "bce", false },
	{ LA_ECODE_BRK, LA_ECODE_BRK, "break", false },
	{ LA_ECODE_INE, LA_ECODE_INE, "ine", false },
	{ LA_ECODE_IPE, LA_ECODE_IPE, "ipe", false },
	{ LA_ECODE_FPD, 17, "fpu-disabled", false }, /* FPD, SXD, ASXD */
	{ 18, 18, "fpe", false },
};

/* Titles that die() is called with (arch/loongarch/{kernel/traps,kernel/unaligned,mm/fault}.c). */
static const struct {
	const char *title, *kind;
} title_kind[] = {
	{ "Oops - BUG", "bug" },
	{ "Oops", "page-fault" },
	{ "Kernel ade access", "ade" },
	{ "Kernel ale access", "ale" },
	{ "Unhandled kernel unaligned access", "ale" },
	{ "Bounds check error in kernel code", "bce" },
	{ "Break instruction in kernel code", "break" },
	{ "Reserved instruction in kernel code", "ine" },
	{ "FP exception in kernel code", "fpe" },
	{ "do_fpu invoked from kernel context!", "fpu-disabled" },
	{ "do_lsx invoked from kernel context!", "fpu-disabled" },
	{ "do_lasx invoked from kernel context!", "fpu-disabled" },
};

/* "func+0x12/0x34 [mod]" as the kernel printed it: it knew its modules'. False: it is no such place. */
static bool printed_place(struct la_judgement *j, const char *printed, const char **symbol_ret,
			  uint64_t *offset_ret, const char **module_ret)
{
	const size_t n = printed ? strcspn(printed, "+") : 0;
	const char *module;
	uint64_t offset = 0;

	if (!n || strncmp(printed + n, "+0x", 3))
		return false;
	for (const char *p = printed + n + 3; (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'f');
	     p++)
		offset = offset << 4 | (uint64_t)(*p <= '9' ? *p - '0' : *p - 'a' + 10);
	*symbol_ret = la_strndup(j->arena, printed, n);
	*offset_ret = offset;
	module = strstr(printed, " [");
	if (module)
		*module_ret = la_strndup(j->arena, module + 2, strcspn(module + 2, "] "));
	return true;
}

/* Symbol and offset of the pc: as found, else as printed. */
static void cause_place(struct la_judgement *j, const struct la_fault *f, const char *printed)
{
	struct la_cause *c = &j->panic->cause;

	if (f->symbol) {
		c->symbol = f->symbol;
		c->module = f->module;
		c->offset = f->offset;
		return;
	}
	printed_place(j, printed, &c->symbol, &c->offset, &c->module);
}

void la_triage_cause_reported(const struct la_triage *t, struct la_judgement *j,
			      const struct la_event *report)
{
	const struct la_event *end = la_events_end(&t->events);
	struct la_cause *c = &j->panic->cause;

	for (const struct la_event *e = report; !c->symbol && e < end; e++) {
		const char *place = e == report || e->cpu == report->cpu ? la_event_place(e) : NULL;

		if (place && printed_place(j, place, &c->symbol, &c->offset, &c->module))
			la_triage_fact(j, "log", "CPU %d was in %s when that was reported",
				       report->cpu, c->symbol);
	}
}

/* Kind, address and pc that the registers at an exception tell. */
static void cause_registers(struct la_judgement *j, const struct la_fault *f)
{
	const unsigned nkinds = sizeof(exception_kind) / sizeof(exception_kind[0]);
	struct la_cause *c = &j->panic->cause;
	const bool said_bug = c->kind && !strcmp(c->kind, "bug");
	uint64_t estat, badv;

	c->regs = f->regs;
	c->regs_known = true;
	if (f->regs.pc_known) {
		c->pc = f->regs.pc;
		c->pc_known = true;
	}
	if (f->caller) {
		c->caller = f->caller;
		c->caller_offset = f->caller_offset;
	}
	if (!la_csr_get(&f->regs, LA_CSR_ESTAT, &estat))
		return;
	for (unsigned i = 0; i < nkinds; i++) {
		unsigned ecode = LA_ESTAT_ECODE(estat);

		if (ecode < exception_kind[i].first || ecode > exception_kind[i].last)
			continue;
		c->kind = exception_kind[i].kind;
		/* Where the instruction is lost the kernel's own word counts. */
		if (ecode == LA_ECODE_BRK && (f->insn_known ? f->insn == LA_INSN_BUG : said_bug))
			c->kind = "bug";
		if (exception_kind[i].address && la_csr_get(&f->regs, LA_CSR_BADV, &badv)) {
			c->address = badv;
			c->address_known = true;
		}
	}
}

/* A fault of a detector's victim or of a warning: where it was, nothing else went wrong there. */
static void cause_position(struct la_judgement *j, const struct la_fault *f, const char *printed)
{
	struct la_cause *c = &j->panic->cause;

	if (f->regs.source != LA_REGS_NONE) {
		c->regs = f->regs;
		c->regs_known = true;
	}
	c->pc = f->pc;
	c->pc_known = f->pc_known;
	c->caller = f->caller;
	c->caller_offset = f->caller_offset;
	cause_place(j, f, printed);
}

/* A CPU as it was found: what it was taken from, else where it is. */
static void cause_from_cpu(struct la_judgement *j, const struct la_cpu *at)
{
	struct la_cause *c = &j->panic->cause;
	const struct la_frame *f = at->before_frame;

	if (f && f->symbol) {
		c->symbol = f->symbol;
		c->module = f->module;
		c->offset = f->offset;
		c->pc = f->pc;
		c->pc_known = f->pc_known;
	} else if (at->symbol) {
		c->symbol = at->symbol;
		c->module = at->module;
		c->pc_known = at->pc_source != LA_PC_NONE;
		c->pc = c->pc_known ? at->pc : 0;
		c->offset = c->pc_known ? at->offset : 0;
	}
}

static bool is_reported(const struct la_event *e)
{
	return e->kind == LA_EVENT_WARN || e->kind == LA_EVENT_ATOMIC ||
	       e->kind == LA_EVENT_SPINLOCK ||
	       (e->kind == LA_EVENT_REPORT && e->message->flags & LA_MESSAGE_FOLLOWED);
}

static void cause_oops(struct la_judgement *j, const struct la_event *oops,
		       const struct la_fault *fault)
{
	struct la_cause *c = &j->panic->cause;

	j->event = oops;
	j->witnesses |= LA_WITNESS_LOG;
	if (fault->agrees)
		j->witnesses |= LA_WITNESS_MEMORY;
	if (oops->regs)
		cause_registers(j, fault);
	for (size_t i = 0; oops->text && i < sizeof(title_kind) / sizeof(title_kind[0]); i++)
		if (!strcmp(oops->text, title_kind[i].title) && (!c->kind || i == 0))
			c->kind = title_kind[i].kind; /* only the title tells BUG() from a break */
	if (!c->kind)
		c->kind = oops->address_known ? "page-fault" : "oops";
	if (!c->address_known && oops->address_known) {
		c->address = oops->address;
		c->address_known = true;
	}
	if (fault->pc_known) {
		c->pc = fault->pc;
		c->pc_known = true;
	}
	cause_place(j, fault, oops->pc_symbol);
	/* Of a pc that is no code, even by the kernel's own word, ra says who jumped there. */
	if (!c->symbol && !c->caller)
		printed_place(j, oops->ra_symbol, &c->caller, &c->caller_offset, &c->module);
	if (oops->cpu_bad)
		la_triage_fact(
			j, "log",
			"the oops says \"CPU -1\": the task pointer (tp) was destroyed before");
}

void la_triage_consequences(const struct la_triage *t, struct la_judgement *j,
			    const struct la_event *first, const struct la_event *last)
{
	for (const struct la_event *e = t->events.event; e < la_events_end(&t->events); e++) {
		if (e->kind != LA_EVENT_OOPS || e == first)
			continue;
		if (e < first)
			la_triage_fact(j, "log", "an earlier oops, at %.6f, may have done damage",
				       la_seconds(e->ts_nsec));
		else
			la_triage_fact(j, "log", "a consequence%s: the oops at %.6f%s%s",
				       e > last ? " or another fault" : "", la_seconds(e->ts_nsec),
				       e->pc_symbol ? " in " : "",
				       e->pc_symbol ? e->pc_symbol : "");
	}
}

void la_triage_cause_fault(struct la_judgement *j, const struct la_fault *f)
{
	cause_registers(j, f);
	cause_place(j, f, NULL);
}

void la_triage_cause_oops(const struct la_triage *t, struct la_judgement *j)
{
	cause_oops(j, t->oops, &t->oops_fault);
	/* A crash kernel took over: the one who called it is that oops's CPU, and may still show it. */
	if (t->stack_pt_regs && t->oops_fault.pc_known && t->stack_fault.pc == t->oops_fault.pc)
		j->witnesses |= LA_WITNESS_STACK;
	la_triage_blame_lost(t, j);
	la_triage_consequences(t, j, t->oops, t->last_oops);
}

/* The exception that the panicking CPU's stack leads back to, saved in full by the exception's entry. */
static void cause_from_stack(const struct la_triage *t, struct la_judgement *j)
{
	const char *source = la_format(j->arena, "stack of CPU %u", t->cpu->cpu);
	const struct la_fault *f = &t->stack_fault;
	struct la_cause *c = &j->panic->cause;

	if (c->pc_known && c->pc != f->pc) {
		la_triage_fact(j, source,
			       "its exception frame has pc %#" PRIx64 ", the log says %#" PRIx64,
			       f->pc, c->pc);
		return;
	}
	la_triage_fact(j, source, "exception frame at %#" PRIx64 " with pc %#" PRIx64 "%s",
		       t->stack_pt_regs, f->pc, c->pc_known ? ", as in the log" : "");
	j->witnesses |= LA_WITNESS_STACK;
	if (f->agrees)
		j->witnesses |= LA_WITNESS_MEMORY;
	cause_registers(j, f);
	cause_place(j, f, NULL);
}

static void cause_from_csrs(const struct la_triage *t, struct la_judgement *j)
{
	cause_registers(j, &t->csr_fault);
	cause_place(j, &t->csr_fault, NULL);
	j->witnesses |= LA_WITNESS_CSR;
	la_triage_fact(j, "registers", "the last exception of CPU %u was at pc %#" PRIx64,
		       t->cpu->cpu, t->csr_fault.pc);
}

/* The message says that an oops is the reason, or nothing says anything. */
static void by_oops(const struct la_triage *t, struct la_judgement *j)
{
	struct la_cause *c = &j->panic->cause;

	if (t->panic_oops) {
		cause_oops(j, t->panic_oops, &t->panic_fault);
		la_triage_consequences(t, j, t->panic_oops, t->panic_last_oops);
	}
	if (t->stack_pt_regs)
		cause_from_stack(t, j);
	if (t->csr_fault.pc_known && !c->pc_known)
		cause_from_csrs(t, j);
	else if (t->csr_fault.pc_known && t->csr_fault.pc == c->pc)
		j->witnesses |= LA_WITNESS_CSR;
	/* A fault after the stack ran over is a consequence, and one after a register was lost. */
	if (t->cpu && t->cpu->stack_overrun)
		la_triage_blame_overrun(t, j);
	else
		la_triage_blame_lost(t, j);
}

/* The last warning of the one who panicked; its own exception frame, if it has one, is no fault. */
static void by_warning(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_event *e = t->panic;
	struct la_cause *c = &j->panic->cause;
	struct la_fault none = { .pc_known = false };

	while (e && e > t->events.event && !is_reported(e))
		e--;
	if (e && !is_reported(e))
		e = NULL;
	j->event = e;
	if (e) {
		j->witnesses |= LA_WITNESS_LOG;
		if (e->kind == LA_EVENT_WARN && t->warned.pc_known)
			cause_position(j, &t->warned, e->pc_symbol);
		else
			cause_place(j, &none, la_event_place(e));
	}
	if (t->stack_pt_regs && (!c->pc_known || c->pc == t->stack_fault.pc)) {
		j->witnesses |= LA_WITNESS_STACK;
		cause_position(j, &t->stack_fault, NULL);
	}
}

/* Whoever waits for a lock is not the one that keeps it, known or not. */
static bool is_kept_waiting(const struct la_triage *t, int cpu)
{
	const struct la_waits *w = &t->waits;
	const size_t node = cpu >= 0 ? la_waits_cpu(w, (unsigned)cpu) : LA_NO_NODE;

	return node != LA_NO_NODE && w->node[node].on != LA_NO_NODE;
}

/* Where the kernel named several tasks, the one that counts is not the last, and may wait all the same. */
static void find_waiting(const struct la_triage *t, struct la_judgement *j)
{
	struct la_panic *p = j->panic;

	for (size_t i = 0; i < t->waits.n && p->task.pid_known; i++) {
		const struct la_wait_node *n = &t->waits.node[i];

		if (n->cpu >= 0 || n->state != 'D' || !n->task.pid_known ||
		    n->task.pid != p->task.pid || strcmp(n->task.comm, p->task.comm) != 0)
			continue;
		p->task = n->task;
		p->stack = n->stack;
		j->witnesses |= LA_WITNESS_MEMORY;
		return;
	}
}

/* Somebody else is the cause, whom the report names. */
static void by_detector(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_culprit *c = &t->culprit;
	struct la_panic *p = j->panic;
	const char *place = c->shown ? la_event_place(c->shown) : NULL;

	j->event = c->report;
	if (c->report || t->word->report == LA_EVENT_SOFT_LOCKUP)
		j->witnesses |= LA_WITNESS_LOG;
	if (t->panic_cpu >= 0 && t->panic_cpu != c->cpu)
		la_triage_fact(j, "panic_cpu",
			       "CPU %d found the trouble of another one, and is not its cause",
			       t->panic_cpu);
	if (c->task) {
		p->cpu = -1;
		p->task = (struct la_task){ .address = 0 };
		p->stack = NULL;
		if (c->report)
			la_triage_who_from_event(j, c->report);
		if (t->blocked.found && p->task.pid_known && t->blocked.task.pid == p->task.pid) {
			p->task = t->blocked.task;
			p->stack = t->blocked.stack;
			j->witnesses |= LA_WITNESS_MEMORY;
		} else {
			find_waiting(t, j);
		}
		if (!c->report && la_triage_longest(t, j))
			la_triage_fact(j, "tasks",
				       "the report that names the task is lost: of those that sleep, "
				       "it is who has longest, or whom that one waits for");
		else if (!la_triage_chain(t, j, p->task.address))
			la_triage_cause_sleeper(j, p->stack);
		if (!p->cause.symbol && place)
			cause_position(j, &(struct la_fault){ .pc_known = false }, place);
		return;
	}
	if (c->cpu != p->cpu) {
		p->task = (struct la_task){ .address = 0 };
		p->stack = NULL;
	}
	p->cpu = c->cpu;
	if (c->at)
		la_triage_who_from_cpu(j, c->at);
	if (c->shown)
		la_triage_who_from_event(j, c->shown);
	if (c->report && c->report != c->shown && !c->named)
		la_triage_who_from_event(j, c->report);
	if (c->named)
		la_triage_fact(j, "log",
			       "the report names CPU %u, which was idle; only CPU %d was in the "
			       "kernel all the time",
			       c->named->cpu, c->cpu);
	if (c->place.pc_known)
		cause_position(j, &c->place, place);
	else if (c->at)
		cause_from_cpu(j, c->at);
	if (!p->cause.symbol && place)
		cause_place(j, &c->place, place);
	if (c->at && t->word->report == LA_EVENT_RCU_STALL && la_triage_blame_timer(t, j, c->at))
		return;
	/* That it was the one is a conclusion, which no second witness makes sure; and so is who holds the lock. */
	if (c->named || la_triage_blame_holder(t, j) || is_kept_waiting(t, c->cpu))
		return;
	/* The second witness: the CPU was found where the report has it, or its clock stands. */
	if (c->at && c->at == t->cpu && t->stack_pt_regs && c->place.pc_known &&
	    t->stack_fault.pc == c->place.pc)
		j->witnesses |= LA_WITNESS_STACK;
	if (c->at && c->at != t->cpu && c->at->clock_age_known && c->at->clock_age_ns >= 3000000000)
		j->witnesses |= LA_WITNESS_MEMORY;
}

/* The message says what it is; where it was, who called panic() tells. */
static void by_caller(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_frame *f = t->cpu && t->in_panic && t->below_panic < t->cpu->stack.n ?
					   &t->cpu->stack.frame[t->below_panic] :
					   NULL;
	struct la_cause *c = &j->panic->cause;
	const char *trace = t->panic ? la_event_below(t->panic, "panic") : NULL;

	j->event = t->panic;
	j->witnesses |= LA_WITNESS_LOG;
	if (t->cpu && t->stack_pt_regs)
		la_triage_fact(j, la_format(j->arena, "stack of CPU %u", t->cpu->cpu),
			       "panic() was called behind an exception, at pc %#" PRIx64
			       ", which is not its reason",
			       t->stack_fault.pc);
	if (f && f->symbol && f->method != LA_FROM_SCAN) {
		c->symbol = f->symbol;
		c->module = f->module;
		c->offset = f->offset;
		if (f->verified &&
		    (!t->word || !t->word->from || la_panic_word_from(t->word, f->symbol)))
			j->witnesses |= LA_WITNESS_STACK;
	} else if (trace) {
		cause_place(j, &(struct la_fault){ .pc_known = false }, trace);
	}
}

void la_triage_cause(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_panic_word *word = t->word;
	struct la_cause *c = &j->panic->cause;

	switch (word ? word->by : !t->message || t->in_die ? LA_BY_OOPS : LA_BY_CALLER) {
	case LA_BY_OOPS:
		by_oops(t, j);
		break;
	case LA_BY_WARNING:
		by_warning(t, j);
		break;
	case LA_BY_DETECTOR:
		by_detector(t, j);
		break;
	case LA_BY_CALLER:
		by_caller(t, j);
		break;
	}
	if (word && (!c->kind || word->by != LA_BY_OOPS))
		c->kind = word->kind;
	else if (!c->kind && t->message)
		c->kind = "panic";
}
