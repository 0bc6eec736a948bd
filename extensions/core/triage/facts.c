// SPDX-License-Identifier: GPL-3.0-or-later
// What is to be known of a guest's end: variables, records, stacks. Nothing is judged here.
#include "collect.h"

#include <inttypes.h>
#include <string.h>

#include "cpu/priv.h"
#include "lakvm/guest/relocation.h"
#include "lakvm/guest/vmcoreinfo.h"
#include "message.h"

static const char *const source_names[] = {
	[LA_SOURCE_LOG] = "log",
	[LA_SOURCE_PANIC_CPU] = "panic_cpu",
	[LA_SOURCE_CPUS] = "registers",
};

static void missing(struct la_triage *t, struct la_arena *arena, enum la_source source,
		    const struct la_error *err, enum la_status st)
{
	t->missing[source] = la_format(arena, "%s: %s", source_names[source],
				       err && err->text[0] ? err->text : la_status_text(st));
}

static void collect_log(const struct la_kernel *k, struct la_triage *t, struct la_judgement *j)
{
	struct la_error err = { "" };
	enum la_status st = la_log_read(k, j->arena, &t->log, &err);
	const char *what = err.text[0] ? err.text : la_status_text(st);

	if (t->log.ahead)
		la_triage_fact(
			j, "log",
			"pages of different instants: %zu records are newer than the ring that holds them "
			"(the guest ran while it was dumped, or its memory is damaged): nothing that follows is sure",
			t->log.ahead);
	if (t->log.n) {
		t->have |= LA_NEEDS(LA_SOURCE_LOG);
		if (st != LA_OK || t->log.lost)
			la_triage_fact(j, "log", "%zu records read, %zu lost%s%s", t->log.n,
				       t->log.lost, st != LA_OK ? ": " : "",
				       st != LA_OK ? what : "");
	} else if (st == LA_OK) {
		/* A kernel that has come to its scheduler has said something. */
		t->missing[LA_SOURCE_LOG] =
			t->boot.state_known && t->boot.state ?
				"log: its ring holds nothing, and this kernel has run: it is lost" :
				"log: it is empty";
	} else {
		missing(t, j->arena, LA_SOURCE_LOG, &err, st);
	}
	if (la_events_parse(j->arena, &t->log, &t->events) != LA_OK)
		la_triage_fact(j, "log", "out of memory: what it tells is known in part");
	/* The first panic is the reason; a second one would be a failure while panicking. */
	for (size_t i = 0; i < t->events.n && !t->panic; i++)
		if (t->events.event[i].kind == LA_EVENT_PANIC)
			t->panic = &t->events.event[i];
}

static void collect_panic_cpu(const struct la_kernel *k, struct la_triage *t,
			      struct la_judgement *j)
{
	struct la_error err = { "" };
	uint64_t value;
	enum la_status st = la_read_variable(k, "panic_cpu", 4, &value, &err);

	t->panic_cpu = -1;
	if (st != LA_OK) {
		missing(t, j->arena, LA_SOURCE_PANIC_CPU, &err, st);
		return;
	}
	if (value != UINT32_MAX && value >= k->ncpus) {
		t->missing[LA_SOURCE_PANIC_CPU] =
			la_format(j->arena, "panic_cpu: %#" PRIx64 " is no CPU", value);
		return;
	}
	t->have |= LA_NEEDS(LA_SOURCE_PANIC_CPU);
	t->panic_cpu = (int)(uint32_t)value;
	if (t->panic_cpu >= 0)
		la_triage_fact(j, "panic_cpu", "CPU %d is in panic()", t->panic_cpu);
	else
		la_triage_fact(j, "panic_cpu", "no CPU is in panic()");
}

/*
 * panic() formats its message into a static buffer of its own before anything is printed, so
 * that it is there even if no record could be written. The symbol is local to panic(), to
 * vpanic() since 6.17 (kernel/panic.c); compilers number such symbols, and other functions have
 * a "buf" too: size and content decide.
 */
static void collect_buffer(const struct la_kernel *k, struct la_triage *t, struct la_judgement *j)
{
	static const char *const names[] = {
		"panic.buf", "vpanic.buf", "buf",    "buf.0",  "buf.1",  "buf.2", "buf.3",
		"buf.4",     "buf.5",      "buf.6",  "buf.7",  "buf.8",  "buf.9", "buf.10",
		"buf.11",    "buf.12",     "buf.13", "buf.14", "buf.15",
	};
	const struct la_door *door = k->door;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !t->buffer; i++) {
		uint64_t va, size;
		char *text;

		if (!door->symbol(door->ctx, names[i], &va) ||
		    !door->symbol_size(door->ctx, names[i], &size) || size != 1024 ||
		    la_read_text(k, j->arena, va, 1024, &text, NULL) != LA_OK ||
		    !la_plain_text(text))
			continue;
		t->buffer = text;
	}
}

/* Bits of tainted_mask as the letters of "Tainted: G      D" (kernel/panic.c, taint_flags). */
static void collect_taint(const struct la_kernel *k, struct la_triage *t, struct la_judgement *j)
{
	static const char letters[] = "PFSRMBUDAWCIOELKXTN";
	char text[sizeof(letters)] = "";
	size_t n = 0;

	if (la_read_variable(k, "tainted_mask", 8, &t->taint, NULL) != LA_OK)
		return;
	for (size_t i = 0; i < sizeof(letters) - 1; i++)
		if (t->taint >> i & 1)
			text[n++] = letters[i];
	if (n)
		la_triage_fact(j, "tainted_mask", "tainted: %s", text);
}

/* "at 2.542079: Trying to free already-free IRQ 19: WARNING: CPU: 0 ..." */
static const char *record_of(struct la_judgement *j, const struct la_event *e)
{
	return la_format(j->arena, "at %.6f: %s%s%s", la_seconds(e->ts_nsec),
			 e->said ? e->said : "", e->said ? ": " : "", e->line);
}

static bool alike(const struct la_event *a, const struct la_event *b)
{
	return !strcmp(la_event_name(a), la_event_name(b));
}

/* One line for each kind of trouble in the log, with the first and the last record of it. */
static void collect_events(const struct la_triage *t, struct la_judgement *j)
{
	for (size_t i = 0; i < t->events.n; i++) {
		const struct la_event *e = &t->events.event[i], *last = e;
		const char *meaning = e->message ? e->message->meaning : NULL;
		const char *text, *end;
		size_t n = 1;
		bool first = true;

		if (e->kind == LA_EVENT_PANIC_END || e->kind == LA_EVENT_BACKTRACE ||
		    e->kind == LA_EVENT_DUMP)
			continue;
		for (size_t k = 0; k < i && first; k++)
			first = !alike(&t->events.event[k], e);
		if (!first)
			continue;
		for (size_t k = i + 1; k < t->events.n; k++)
			if (alike(&t->events.event[k], e)) {
				last = &t->events.event[k];
				n++;
			}
		text = record_of(j, e);
		end = n > 1 ? record_of(j, last) : NULL;
		if (text && end)
			text = la_format(j->arena, "%zu times %s, first %s; last %s", n,
					 la_event_name(e), text, end);
		if (text)
			la_triage_fact(j, "log", "%s%s%s%s", text, meaning ? " (" : "",
				       meaning ? meaning : "", meaning ? ")" : "");
	}
}

static bool any_function(const char *symbol, const char *const *functions)
{
	for (; *functions; functions++)
		if (la_is_function(symbol, *functions))
			return true;
	return false;
}

/*
 * Frames of dying itself, which lie between the reason and the innermost frame. Of an oops without a
 * panic that a crash kernel took over only the last two are there (kernel/crash_core.c).
 */
static const char *const dying[] = { "panic",          "vpanic",        "die",
				     "make_task_dead", "do_exit",       "nmi_panic",
				     "crash_kexec",    "__crash_kexec", NULL };
static const char *const panicking[] = { "panic", "vpanic", NULL };

/* The CPU in panic(), by variable or by its stack, and where its stack leaves dying. */
static void collect_stack(struct la_triage *t, struct la_judgement *j)
{
	const struct la_cpus *cpus = t->cpus;

	t->below_panic = SIZE_MAX;
	if (!cpus || !cpus->n) {
		t->missing[LA_SOURCE_CPUS] = "registers: there are none";
		return;
	}
	t->have |= LA_NEEDS(LA_SOURCE_CPUS);
	for (size_t i = 0; i < cpus->n && !t->cpu; i++) {
		const struct la_cpu *c = &cpus->cpu[i];

		if (c->matched && (t->panic_cpu >= 0 ? c->cpu == (unsigned)t->panic_cpu :
						       c->state == LA_CPU_PANICKING))
			t->cpu = c;
	}
	if (!t->cpu)
		return;
	/* Words found by searching the stack may be left over from calls long finished. */
	for (size_t i = 0; i < t->cpu->stack.n; i++) {
		const struct la_frame *f = &t->cpu->stack.frame[i];

		if (f->method == LA_FROM_SCAN)
			break;
		/* A task that ends runs others' code, too: what happens in that is the reason, not that it ends. */
		if (any_function(f->symbol, dying) &&
		    (t->below_panic == i || !la_is_function(f->symbol, "do_exit")))
			t->below_panic = i + 1;
		/* Frames are innermost first: a die() before panic() is of a fault while panicking. */
		t->panics += la_is_function(f->symbol, "panic"); /* vpanic() is called by it */
		if (any_function(f->symbol, panicking)) {
			t->in_panic = true;
			t->in_die = false;
		}
		t->in_die |= la_is_function(f->symbol, "die");
	}
	if (t->below_panic != SIZE_MAX)
		la_triage_fact(j, la_format(j->arena, "stack of CPU %u", t->cpu->cpu),
			       "it is in %s()", t->cpu->stack.frame[t->below_panic - 1].symbol);
}

static void collect_release(const struct la_kernel *k, struct la_judgement *j)
{
	const struct la_door *door = k->door;
	struct la_member name, release;
	uint64_t uts;
	char *text;

	if (!door->symbol(door->ctx, "init_uts_ns", &uts) ||
	    !door->member(door->ctx, "uts_namespace", "name", &name) ||
	    !door->member(door->ctx, "new_utsname", "release", &release) || release.size > 256 ||
	    la_read_text(k, j->arena, uts + name.offset + release.offset, release.size, &text,
			 NULL) != LA_OK)
		return;
	if (la_plain_text(text))
		j->panic->release = text;
}

/* Without a vmlinux. */
static void collect_told_release(const struct la_kernel *k, struct la_judgement *j)
{
	const char *value;
	size_t n;

	if (!j->panic->release && k->vmcoreinfo &&
	    la_vmcoreinfo_get(k->vmcoreinfo, k->vmcoreinfo_len, "OSRELEASE", &value, &n) && n)
		j->panic->release = la_strndup(j->arena, value, n);
}

/* CPUs that wait for something, or whose stack ran over: what a hang is made of. */
static void collect_waiting(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_cpus *cpus = t->cpus;

	for (size_t i = 0; cpus && i < cpus->n; i++) {
		const struct la_cpu *c = &cpus->cpu[i];
		const char *source = la_format(j->arena, "stack of CPU %u", c->cpu);
		const struct la_stack *s = &c->stack;
		const char *caller;

		if (c->stack_overrun)
			la_triage_fact(j, source, "its end mark is overwritten");
		if ((c->state == LA_CPU_RUNNING || c->state == LA_CPU_SPINNING) &&
		    la_regs_interrupts_off(&c->regs))
			la_triage_fact(j, "registers", "CPU %u runs with interrupts off", c->cpu);
		if (c->state != LA_CPU_SPINNING && c->state != LA_CPU_IPI_WAIT)
			continue;
		caller = s->n > 1 ? s->frame[1].symbol : NULL;
		la_triage_fact(j, source, "waits for %s%s%s%s",
			       c->state == LA_CPU_SPINNING ? "a lock" : "other CPUs",
			       caller ? " in " : "", caller ? caller : "", caller ? "()" : "");
	}
}

/* The grace period that goes on; asked for only where it can be compared with one that stalled. */
static void collect_grace_period(const struct la_kernel *k, struct la_triage *t)
{
	const struct la_event *e = la_events_last(&t->events, LA_EVENT_RCU_STALL, SIZE_MAX);
	const struct la_door *door = k->door;
	uint64_t state, seq;

	if (!e || !e->gp_known || !door->symbol(door->ctx, "rcu_state", &state) ||
	    la_read_member(k, state, "rcu_state", "gp_seq", &seq, NULL) != LA_OK)
		return;
	t->gp_known = true;
	t->gp = (int64_t)seq;
}

/* What lies where a kernel would have its variables is somebody else's: 0 would be a CPU that panicked. */
static void leave_memory(struct la_triage *t, struct la_judgement *j)
{
	for (enum la_source i = 0; i < LA_NSOURCES; i++)
		if (i != LA_SOURCE_CPUS)
			t->missing[i] = t->boot.absent;
	t->panic_cpu = -1;
	la_triage_fact(j, "memory", "%s", t->boot.absent);
	collect_stack(t, j);
}

/* The kernel died of a BUG(), by which a detector ends what somebody else has done. */
static void find_bug_of_detector(struct la_triage *t)
{
	const struct la_fault *f = t->panic_oops ? &t->panic_fault : &t->stack_fault;
	const struct la_panic_word *word = NULL;

	if (t->message && (!t->word || t->word->by == LA_BY_OOPS) && f->insn_known &&
	    f->insn == LA_INSN_BUG)
		word = la_panic_word_of_bug(f->symbol);
	if (word)
		t->word = word;
}

void la_triage_collect(const struct la_kernel *k, struct la_triage *t, struct la_judgement *j)
{
	la_triage_boot(k, j->arena, t);
	la_triage_host(k, t, j);
	if (t->boot.absent) {
		leave_memory(t, j);
		return;
	}
	if (k->place && !k->place->known && k->place->remark[0])
		la_triage_fact(j, "vmlinux", "it is not used: %s", k->place->remark);
	collect_release(k, j);
	collect_told_release(k, j);
	collect_panic_cpu(k, t, j);
	collect_log(k, t, j);
	collect_buffer(k, t, j);
	collect_taint(k, t, j);
	collect_events(t, j);
	collect_stack(t, j);
	collect_waiting(t, j);
	collect_grace_period(k, t);
	t->message = t->panic && t->panic->text[0] ? t->panic->text :
						     la_triage_first_message(k, j->arena, t);
	t->word = la_panic_word(t->message);
	la_triage_memory(k, t, j);
	la_triage_threads(k, t, j);
	la_triage_faults(k, t);
	find_bug_of_detector(t);
	la_triage_work(k, t);
	la_triage_blocked(k, j->arena, t);
	la_triage_waits(k, t, j);
	la_triage_dying(k, j->arena, t);
	la_triage_overrun(k, j->arena, t);
	la_triage_lost(k, t);
	la_triage_culprit(k, t);
}
