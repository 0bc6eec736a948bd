// SPDX-License-Identifier: GPL-3.0-or-later
// Why the guest died or hangs: facts are collected first, then rules judge them in order.
#include "lakvm/panic.h"

#include <inttypes.h>
#include <string.h>

#include "oops.h"
#include "signature.h"

#define LOG_TAIL 15
#define MAX_FACTS 64

const char *la_confidence_name(enum la_confidence c)
{
	static const char *const names[] = { "unknown", "likely", "certain" };

	return (size_t)c < sizeof(names) / sizeof(names[0]) ? names[c] : "unknown";
}

const char *la_verdict_name(enum la_verdict v)
{
	static const char *const names[] = {
		[LA_VERDICT_UNKNOWN] = "unknown",	  [LA_VERDICT_PANIC] = "panic",
		[LA_VERDICT_OOPS] = "oops",		  [LA_VERDICT_RUNNING] = "running",
		[LA_VERDICT_SOFT_LOCKUP] = "soft-lockup", [LA_VERDICT_FIRMWARE] = "firmware",
	};

	return (size_t)v < sizeof(names) / sizeof(names[0]) ? names[v] : "unknown";
}

/* --- what is collected --- */

/* Things a rule may need. Each is there, or there is a sentence why not. */
enum source {
	SOURCE_LOG,
	SOURCE_PANIC_CPU,
	SOURCE_CPUS,
	NSOURCES,
};
#define NEEDS(source) (1u << (source))

static const char *const source_names[NSOURCES] = {
	[SOURCE_LOG] = "log",
	[SOURCE_PANIC_CPU] = "panic_cpu",
	[SOURCE_CPUS] = "registers",
};

struct triage {
	const struct la_kernel *k;
	struct la_arena *arena;
	struct la_panic *ret;
	unsigned have;                /* bits of enum source */
	const char *missing[NSOURCES]; /* why not */

	struct la_log log;
	struct la_events events;
	const struct la_event *panic; /* the panic's record, or NULL */
	int panic_cpu;                /* -1: no CPU has entered panic() */
	const char *buffer;           /* text in panic's own buffer, or NULL */
	uint64_t taint;
	const struct la_cpu *cpu; /* the panicking CPU */
	size_t below_panic;       /* its first frame below panic() and die(); SIZE_MAX: none there */

	struct la_fact *fact;
	struct la_unchecked *unchecked;
};

static void fact(struct triage *t, const char *source, const char *text)
{
	if (!text || !source || t->ret->nfacts == MAX_FACTS)
		return;
	t->fact[t->ret->nfacts++] = (struct la_fact){ .text = text, .source = source };
}

static void missing(struct triage *t, enum source source, const struct la_error *err,
		    enum la_status st)
{
	t->missing[source] = la_format(t->arena, "%s: %s", source_names[source],
				       err && err->text[0] ? err->text : la_status_text(st));
}

static double seconds(uint64_t nsec)
{
	return (double)nsec / 1e9;
}

static void collect_log(struct triage *t)
{
	struct la_error err = { "" };
	enum la_status st = la_log_read(t->k, t->arena, &t->log, &err);
	const char *what = err.text[0] ? err.text : la_status_text(st);

	if (t->log.n) {
		t->have |= NEEDS(SOURCE_LOG);
		if (st != LA_OK || t->log.lost)
			fact(t, "log",
			     la_format(t->arena, "%zu records read, %zu lost%s%s", t->log.n,
				       t->log.lost, st != LA_OK ? ": " : "",
				       st != LA_OK ? what : ""));
	} else if (st == LA_OK) {
		t->missing[SOURCE_LOG] = "log: it is empty";
	} else {
		missing(t, SOURCE_LOG, &err, st);
	}
	la_events_parse(t->arena, &t->log, &t->events);
	/* The first panic is the reason; a second one would be a failure while panicking. */
	for (size_t i = 0; i < t->events.n && !t->panic; i++)
		if (t->events.event[i].kind == LA_EVENT_PANIC)
			t->panic = &t->events.event[i];
}

static void collect_panic_cpu(struct triage *t)
{
	struct la_error err = { "" };
	uint64_t value;
	enum la_status st = la_read_variable(t->k, "panic_cpu", 4, &value, &err);

	t->panic_cpu = -1;
	if (st != LA_OK) {
		missing(t, SOURCE_PANIC_CPU, &err, st);
		return;
	}
	if (value != UINT32_MAX && value >= t->k->ncpus) {
		t->missing[SOURCE_PANIC_CPU] =
			la_format(t->arena, "panic_cpu: %#" PRIx64 " is no CPU", value);
		return;
	}
	t->have |= NEEDS(SOURCE_PANIC_CPU);
	t->panic_cpu = (int)(uint32_t)value;
	if (t->panic_cpu >= 0)
		fact(t, "panic_cpu", la_format(t->arena, "CPU %d is in panic()", t->panic_cpu));
	else
		fact(t, "panic_cpu", "no CPU is in panic()");
}

/* Plain text in the kernel's sense: printable, UTF-8 allowed, with newlines at most. */
static bool plain_text(const char *s)
{
	for (const unsigned char *p = (const unsigned char *)s; *p; p++)
		if ((*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7f)
			return false;
	return *s != '\0';
}

/*
 * panic() formats its message into a static buffer of its own before anything is printed, so
 * that it is there even if no record could be written. The symbol is local to panic(), to
 * vpanic() since 6.17 (kernel/panic.c); compilers number such symbols, and other functions have
 * a "buf" too: size and content decide.
 */
static void collect_buffer(struct triage *t)
{
	static const char *const names[] = {
		"panic.buf", "vpanic.buf", "buf",   "buf.0",  "buf.1",	"buf.2",  "buf.3",
		"buf.4",     "buf.5",	   "buf.6", "buf.7",  "buf.8",	"buf.9",  "buf.10",
		"buf.11",    "buf.12",	   "buf.13", "buf.14", "buf.15",
	};
	const struct la_door *door = t->k->door;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !t->buffer; i++) {
		uint64_t va, size;
		char *text;

		if (!door->symbol(door->ctx, names[i], &va) ||
		    !door->symbol_size(door->ctx, names[i], &size) || size != 1024 ||
		    la_read_text(t->k, t->arena, va, 1024, &text, NULL) != LA_OK ||
		    !plain_text(text))
			continue;
		t->buffer = text;
	}
}

/* Bits of tainted_mask as the letters of "Tainted: G      D" (kernel/panic.c, taint_flags). */
#define TAINT_DIE (UINT64_C(1) << 7)

static void collect_taint(struct triage *t)
{
	static const char letters[] = "PFSRMBUDAWCIOELKXTN";
	char text[sizeof(letters)] = "";
	size_t n = 0;

	if (la_read_variable(t->k, "tainted_mask", 8, &t->taint, NULL) != LA_OK)
		return;
	for (size_t i = 0; i < sizeof(letters) - 1; i++)
		if (t->taint >> i & 1)
			text[n++] = letters[i];
	if (n)
		fact(t, "tainted_mask", la_format(t->arena, "tainted: %s", text));
}

/* One line for each kind of trouble the log tells of, with its last telling. */
static void collect_events(struct triage *t)
{
	for (enum la_event_kind kind = 0; kind <= LA_EVENT_CACHE_ERROR; kind++) {
		const struct la_event *last = la_events_last(&t->events, kind, SIZE_MAX);
		size_t n = 0;

		if (!last || kind == LA_EVENT_PANIC_END)
			continue;
		for (size_t i = 0; i < t->events.n; i++)
			n += t->events.event[i].kind == kind;
		if (n == 1)
			fact(t, "log",
			     la_format(t->arena, "at %.6f: %s", seconds(last->ts_nsec),
				       last->line));
		else
			fact(t, "log",
			     la_format(t->arena, "%zu times %s, last at %.6f: %s", n,
				       la_event_name(kind), seconds(last->ts_nsec), last->line));
	}
}

static bool is_function(const char *symbol, const char *function)
{
	size_t n = strlen(function);

	return symbol && !strncmp(symbol, function, n) && (!symbol[n] || symbol[n] == '.');
}

static bool any_function(const char *symbol, const char *const *functions)
{
	for (; *functions; functions++)
		if (is_function(symbol, *functions))
			return true;
	return false;
}

/* Frames of dying itself, which lie between the reason and the innermost frame. */
static const char *const dying[] = { "panic", "vpanic", "die", "make_task_dead", "do_exit",
				     "nmi_panic", NULL };

/* The CPU in panic(), by variable or by its stack, and where its stack leaves dying. */
static void collect_stack(struct triage *t)
{
	const struct la_cpus *cpus = t->ret->cpus;

	t->below_panic = SIZE_MAX;
	if (!cpus || !cpus->n) {
		t->missing[SOURCE_CPUS] = "registers: there are none";
		return;
	}
	t->have |= NEEDS(SOURCE_CPUS);
	for (size_t i = 0; i < cpus->n && !t->cpu; i++) {
		const struct la_cpu *c = &cpus->cpu[i];

		if (c->matched && (t->panic_cpu >= 0 ? c->cpu == (unsigned)t->panic_cpu :
						       c->state == LA_CPU_PANICKING))
			t->cpu = c;
	}
	if (!t->cpu)
		return;
	for (size_t i = 0; i < t->cpu->stack.n; i++)
		if (any_function(t->cpu->stack.frame[i].symbol, dying))
			t->below_panic = i + 1;
	if (t->below_panic != SIZE_MAX)
		fact(t, la_format(t->arena, "stack of CPU %u", t->cpu->cpu),
		     la_format(t->arena, "it is in %s()",
			       t->cpu->stack.frame[t->below_panic - 1].symbol));
}

/* --- causes --- */

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

/*
 * What panic() is called with, and what it means. by_oops: the panic is the consequence of an
 * oops, if the same task had one just before; else the kind given here is all there is.
 * To add a message: a row here, with the text as printed (a part of it suffices).
 */
static const struct panic_word {
	const char *text, *kind;
	bool by_oops;
} panic_word[] = {
	{ "Fatal exception", "oops", true },
	{ "Attempted to kill init!", "init-exit", true },
	{ "Attempted to kill the idle task!", "oops", true },
	{ "Aiee, killing interrupt handler!", "oops", true },
	{ "Oopsed too often", "oops", true },
	{ "Oops failed to kill thread", "oops", true },
	{ "sysrq triggered crash", "sysrq", false },
	{ "softlockup: hung tasks", "soft-lockup", false },
	{ "Hard LOCKUP", "hard-lockup", false },
	{ "hung_task: blocked tasks", "hung-task", false },
	{ "RCU Stall", "rcu-stall", false },
	{ "Out of memory", "oom", false },
	{ "System is deadlocked on memory", "oom", false },
	{ "VFS: Unable to mount root fs", "no-root", false },
	{ "No working init found", "no-init", false },
	{ "Requested init", "no-init", false },
	{ "panic_on_warn set", "warning", false },
	{ "system warned too often", "warning", false },
	{ "panic_on_taint set", "taint", false },
	{ "stack-protector:", "stack-corruption", false },
	{ "corrupted stack end detected", "stack-overflow", false },
	{ "Can't handle the cache error!", "cache-error", false },
	{ "Failed to allocate", "boot-memory", false },
	{ "Out of memory when creating slab", "boot-memory", false },
};

static const struct panic_word *panic_word_of(const char *message)
{
	for (size_t i = 0; message && i < sizeof(panic_word) / sizeof(panic_word[0]); i++)
		if (strstr(message, panic_word[i].text))
			return &panic_word[i];
	return NULL;
}

/* BUG() is "break 1", BRK_BUG of asm/break.h. */
static bool is_bug(const struct triage *t, uint64_t pc)
{
	uint32_t insn;

	return la_read_u32(t->k, pc, &insn, NULL) == LA_OK && insn == 0x002a0001;
}

static void cause_position(struct triage *t, const char *printed)
{
	const struct la_door *door = t->k->door;
	struct la_cause *c = &t->ret->cause;
	struct la_symbol symbol;
	size_t n;

	if (c->pc_known &&
	    door->symbol_at(door->ctx, la_fold_vector(t->k, c->pc), &symbol)) {
		c->symbol = symbol.name;
		c->module = symbol.module;
		c->offset = la_fold_vector(t->k, c->pc) - symbol.start;
		return;
	}
	/* A module's symbols may be unknown here; the kernel knew them: "func+0x12/0x34 [mod]". */
	n = printed ? strcspn(printed, "+") : 0;
	if (n && !strncmp(printed + n, "+0x", 3)) {
		uint64_t offset = 0;

		for (const char *p = printed + n + 3; (*p >= '0' && *p <= '9') ||
						      (*p >= 'a' && *p <= 'f'); p++)
			offset = offset << 4 | (uint64_t)(*p <= '9' ? *p - '0' : *p - 'a' + 10);
		c->symbol = la_strndup(t->arena, printed, n);
		c->offset = offset;
	}
}

/* Kind, address and pc that a set of registers at an exception tells. */
static void cause_registers(struct triage *t, const struct la_regs *regs)
{
	struct la_cause *c = &t->ret->cause;
	uint64_t estat, badv;

	c->regs = *regs;
	c->regs_known = true;
	if (regs->pc_known) {
		c->pc = regs->pc;
		c->pc_known = true;
	}
	if (!la_csr_get(regs, LA_CSR_ESTAT, &estat))
		return;
	for (size_t i = 0; i < sizeof(exception_kind) / sizeof(exception_kind[0]); i++) {
		unsigned ecode = LA_ESTAT_ECODE(estat);

		if (ecode < exception_kind[i].first || ecode > exception_kind[i].last)
			continue;
		c->kind = exception_kind[i].kind;
		if (ecode == LA_ECODE_BRK && c->pc_known && is_bug(t, c->pc))
			c->kind = "bug";
		if (exception_kind[i].address && la_csr_get(regs, LA_CSR_BADV, &badv)) {
			c->address = badv;
			c->address_known = true;
		}
	}
}

static void cause_from_oops(struct triage *t, const struct la_event *oops)
{
	struct la_cause *c = &t->ret->cause;

	if (oops->regs)
		cause_registers(t, oops->regs);
	for (size_t i = 0; oops->text && i < sizeof(title_kind) / sizeof(title_kind[0]); i++)
		if (!strcmp(oops->text, title_kind[i].title) && (!c->kind || i == 0))
			c->kind = title_kind[i].kind; /* only the title tells BUG() from a break */
	if (!c->kind)
		c->kind = oops->address_known ? "page-fault" : "oops";
	if (!c->address_known && oops->address_known) {
		c->address = oops->address;
		c->address_known = true;
	}
	if (!c->pc_known && oops->era_known) {
		c->pc = oops->era;
		c->pc_known = true;
	}
	cause_position(t, oops->pc_symbol);
}

/*
 * The exception that the panicking CPU's stack leads back to, saved in full by the exception's
 * entry. Only frames outside panic() count: above it lie the timer ticks of its endless loop.
 */
static void cause_from_stack(struct triage *t)
{
	const struct la_stack *stack = &t->cpu->stack;
	struct la_cause *c = &t->ret->cause;
	const char *source = la_format(t->arena, "stack of CPU %u", t->cpu->cpu);

	for (size_t i = t->below_panic; i < stack->n; i++) {
		struct la_regs regs;
		uint64_t prmd;

		if (!stack->frame[i].pt_regs)
			continue;
		if (la_pt_regs_read(t->k, stack->frame[i].pt_regs, &regs, NULL) != LA_OK)
			return;
		/* From user mode: the kernel was called, it did not fault. */
		if (!regs.pc_known || (la_csr_get(&regs, LA_CSR_PRMD, &prmd) && (prmd & 3)))
			return;
		if (c->pc_known && c->pc != regs.pc) {
			fact(t, source,
			     la_format(t->arena,
				       "its exception frame has pc %#" PRIx64
				       ", the log says %#" PRIx64,
				       regs.pc, c->pc));
			return;
		}
		fact(t, source,
		     la_format(t->arena, "exception frame at %#" PRIx64 " with pc %#" PRIx64 "%s",
			       stack->frame[i].pt_regs, regs.pc,
			       c->pc_known ? ", as in the log" : ""));
		cause_registers(t, &regs);
		cause_position(t, NULL);
		return;
	}
}

/* Did the one who panicked have this oops? Told by who wrote the records, else by the pid. */
static bool same_context(const struct triage *t, const struct la_event *oops)
{
	const struct la_record *a = &t->log.record[oops->record];
	const struct la_record *b = t->panic ? &t->log.record[t->panic->record] : NULL;

	if (b && a->caller_id != UINT32_MAX && b->caller_id != UINT32_MAX)
		return a->caller_id == b->caller_id;
	if (oops->pid_known && t->ret->task.pid_known)
		return oops->pid == t->ret->task.pid;
	return true;
}

static void judge_cause(struct triage *t)
{
	const struct panic_word *word = panic_word_of(t->ret->message);
	size_t before = t->panic ? (size_t)(t->panic - t->events.event) : SIZE_MAX;
	const struct la_event *oops = la_events_last(&t->events, LA_EVENT_OOPS, before);
	struct la_cause *c = &t->ret->cause;

	if (oops && word && word->by_oops && same_context(t, oops))
		cause_from_oops(t, oops);
	if (t->cpu && t->below_panic != SIZE_MAX)
		cause_from_stack(t);
	/* A panic from an interrupt (lockup detectors) shows what was interrupted, no fault. */
	if (!c->kind && word)
		c->kind = word->kind;
}

/* --- rules --- */

static void set_uptime(struct triage *t, uint64_t nsec)
{
	t->ret->uptime_known = true;
	t->ret->uptime_s = seconds(nsec);
}

/* Task and CPU out of an event, where the registers did not tell. */
static void who_from_event(struct triage *t, const struct la_event *e)
{
	struct la_panic *p = t->ret;

	if (p->cpu < 0)
		p->cpu = e->cpu;
	if (!p->task.address && !p->task.pid_known && e->pid_known) {
		p->task.pid = e->pid;
		p->task.pid_known = true;
		memcpy(p->task.comm, e->comm, sizeof(p->task.comm));
	}
}

static void who_from_cpu(struct triage *t, const struct la_cpu *c)
{
	t->ret->cpu = (int)c->cpu;
	t->ret->task = c->task;
	if (c->stack.n)
		t->ret->stack = &c->stack;
}

static bool judge_panic(struct triage *t)
{
	struct la_panic *p = t->ret;
	bool called = t->panic_cpu >= 0;
	bool on_stack = t->cpu && t->below_panic != SIZE_MAX;

	if (!t->panic && !called)
		return false;
	p->verdict = LA_VERDICT_PANIC;
	p->message = t->panic && t->panic->text[0] ? t->panic->text : t->buffer;
	if (t->panic_cpu >= 0)
		p->cpu = t->panic_cpu;
	if (t->cpu)
		who_from_cpu(t, t->cpu);
	if (t->panic)
		who_from_event(t, t->panic);

	if (t->buffer && t->panic)
		fact(t, "panic's buffer",
		     strcmp(t->buffer, t->panic->text) ?
			     la_format(t->arena, "another message: %s", t->buffer) :
			     "the same message as in the log");
	else if (t->buffer)
		fact(t, "panic's buffer",
		     la_format(t->arena, "message that is not in the log: %s", t->buffer));

	/* Two witnesses that do not depend on each other: the variable, the record, the stack. */
	p->confidence = called + (t->panic != NULL) + on_stack + (t->buffer && called) >= 2 ?
				LA_CERTAIN :
				LA_LIKELY;
	judge_cause(t);
	if (t->panic)
		set_uptime(t, t->log.record[t->panic->record].ts_nsec);
	return true;
}

static bool judge_oops(struct triage *t)
{
	const struct la_event *oops = la_events_last(&t->events, LA_EVENT_OOPS, SIZE_MAX);
	struct la_panic *p = t->ret;

	if (!oops)
		return false;
	p->verdict = LA_VERDICT_OOPS;
	/* die() sets the taint, and nothing but die() (arch/loongarch/kernel/traps.c). */
	p->confidence = t->taint & TAINT_DIE ? LA_CERTAIN : LA_LIKELY;
	p->message = oops->text ? oops->text : oops->line;
	who_from_event(t, oops);
	cause_from_oops(t, oops);
	set_uptime(t, oops->ts_nsec);
	return true;
}

/* Reported by the kernel's watchdog, and still going on: the CPU still runs that task. */
static bool judge_soft_lockup(struct triage *t)
{
	const struct la_event *e = la_events_last(&t->events, LA_EVENT_SOFT_LOCKUP, SIZE_MAX);
	const struct la_cpu *c = e && e->cpu >= 0 ? la_cpus_find(t->ret->cpus, (unsigned)e->cpu) :
						    NULL;
	struct la_panic *p = t->ret;

	if (!c || !c->task.pid_known || c->task.pid != e->pid || c->state == LA_CPU_IDLE ||
	    c->state == LA_CPU_USER)
		return false;
	p->verdict = LA_VERDICT_SOFT_LOCKUP;
	p->confidence = LA_LIKELY;
	p->message = e->line;
	who_from_cpu(t, c);
	p->cause.kind = "soft-lockup";
	if (c->pc_source != LA_PC_NONE) {
		p->cause.pc = c->pc;
		p->cause.pc_known = true;
		cause_position(t, NULL);
	}
	return true;
}

/* Not one vCPU runs Linux, and Linux has said nothing: it was never started. */
static bool judge_firmware(struct triage *t)
{
	const struct la_cpus *cpus = t->ret->cpus;
	size_t n = 0;

	for (size_t i = 0; i < cpus->n; i++) {
		if (cpus->cpu[i].regs.source == LA_REGS_NONE)
			continue;
		if (cpus->cpu[i].state != LA_CPU_FIRMWARE)
			return false;
		n++;
	}
	if (!n || t->log.n)
		return false;
	t->ret->verdict = LA_VERDICT_FIRMWARE;
	t->ret->confidence = LA_LIKELY;
	fact(t, "registers", la_format(t->arena, "none of %zu vCPUs is in the kernel", n));
	return true;
}

/* Every CPU does what a healthy system's CPUs do. */
static bool judge_running(struct triage *t)
{
	const struct la_cpus *cpus = t->ret->cpus;
	size_t idle = 0, user = 0, kernel = 0;

	for (size_t i = 0; i < cpus->n; i++) {
		switch (cpus->cpu[i].state) {
		case LA_CPU_IDLE:
			idle++;
			break;
		case LA_CPU_USER:
			user++;
			break;
		case LA_CPU_RUNNING:
		case LA_CPU_IRQ:
		case LA_CPU_EXCEPTION:
			kernel++;
			break;
		case LA_CPU_OFFLINE:
			break;
		default:
			return false;
		}
	}
	if (!(idle + user + kernel))
		return false;
	t->ret->verdict = LA_VERDICT_RUNNING;
	t->ret->confidence = kernel ? LA_UNSURE : LA_LIKELY;
	fact(t, "registers",
	     la_format(t->arena, "%zu CPUs idle, %zu in user mode, %zu in the kernel", idle, user,
		       kernel));
	return true;
}

/*
 * The rules in order of rank; the first that fits gives the verdict. To add a rule: write its
 * judge above, and declare here what it reads. all: every one of these must be there. any: at
 * least one of these. What is not there makes the rule "not checked", with the reason.
 */
static const struct rule {
	const char *name;
	unsigned all, any;
	bool (*judge)(struct triage *t);
} rules[] = {
	{ "panic", 0, NEEDS(SOURCE_PANIC_CPU) | NEEDS(SOURCE_LOG), judge_panic },
	{ "oops", NEEDS(SOURCE_LOG), 0, judge_oops },
	{ "soft-lockup", NEEDS(SOURCE_LOG) | NEEDS(SOURCE_CPUS), 0, judge_soft_lockup },
	{ "firmware", NEEDS(SOURCE_CPUS), 0, judge_firmware },
	{ "running", NEEDS(SOURCE_CPUS) | NEEDS(SOURCE_LOG), 0, judge_running },
};
#define NRULES (sizeof(rules) / sizeof(rules[0]))

static const char *unmet(const struct triage *t, const struct rule *rule)
{
	unsigned lacking = rule->all & ~t->have;

	if (rule->any && !(rule->any & t->have))
		lacking |= rule->any;
	for (unsigned i = 0; i < NSOURCES; i++)
		if (lacking & NEEDS(i))
			return t->missing[i] ? t->missing[i] : source_names[i];
	return NULL;
}

static void judge(struct triage *t)
{
	for (size_t i = 0; i < NRULES; i++) {
		const char *reason = unmet(t, &rules[i]);

		if (reason)
			t->unchecked[t->ret->nunchecked++] =
				(struct la_unchecked){ .rule = rules[i].name, .reason = reason };
		else if (rules[i].judge(t))
			break;
	}
}

/* --- the rest of the result --- */

static void keep_log_tail(struct triage *t)
{
	size_t first = t->log.n > LOG_TAIL ? t->log.n - LOG_TAIL : 0;
	const char **tail = la_alloc_n(t->arena, LOG_TAIL, sizeof(*tail));

	for (size_t i = first; tail && i < t->log.n; i++) {
		const struct la_record *r = &t->log.record[i];
		const char *line = la_format(t->arena, "[%5" PRIu64 ".%06" PRIu64 "] %s",
					     r->ts_nsec / 1000000000,
					     r->ts_nsec % 1000000000 / 1000, r->text);

		if (line)
			tail[t->ret->nlog_tail++] = line;
	}
	t->ret->log_tail = tail;
	if (!t->ret->uptime_known && t->log.n)
		set_uptime(t, t->log.record[t->log.n - 1].ts_nsec);
}

/* Functions for the signature: where it happened, then who called, as far as that is certain. */
static void sign(struct triage *t)
{
	const struct la_stack *stack = t->ret->stack;
	const char *function[8];
	size_t n = 0, i;

	if (t->ret->verdict == LA_VERDICT_UNKNOWN || t->ret->verdict == LA_VERDICT_RUNNING)
		return;
	if (t->ret->cause.symbol)
		function[n++] = t->ret->cause.symbol;
	i = t->below_panic != SIZE_MAX ? t->below_panic : 0;
	/* Behind an exception, the handlers that led from it to die() say nothing new. */
	for (size_t j = i; stack && t->ret->cause.pc_known && j < stack->n; j++) {
		if (stack->frame[j].pt_regs) {
			i = j + 1;
			break;
		}
	}
	for (; stack && i < stack->n && n < sizeof(function) / sizeof(function[0]); i++) {
		const struct la_frame *f = &stack->frame[i];

		if (!f->verified || !f->symbol)
			break;
		if (n == 1 && t->ret->cause.symbol && !strcmp(f->symbol, function[0]))
			continue;
		function[n++] = f->symbol;
	}
	la_signature(t->arena, t->ret, function, n);
}

void la_panic_analyse(const struct la_kernel *k, struct la_arena *arena,
		      const struct la_cpus *cpus, struct la_panic *ret)
{
	struct triage t = { .k = k, .arena = arena, .ret = ret };

	*ret = (struct la_panic){ .cpu = -1, .cpus = cpus };
	t.fact = la_alloc_n(arena, MAX_FACTS, sizeof(*t.fact));
	t.unchecked = la_alloc_n(arena, NRULES, sizeof(*t.unchecked));
	if (!t.fact || !t.unchecked)
		return;
	ret->fact = t.fact;
	ret->unchecked = t.unchecked;

	collect_panic_cpu(&t);
	collect_log(&t);
	collect_buffer(&t);
	collect_taint(&t);
	collect_events(&t);
	collect_stack(&t);
	judge(&t);
	keep_log_tail(&t);
	sign(&t);
}
