// SPDX-License-Identifier: GPL-3.0-or-later
// Letters, codes and lines of the log that belong to a verdict.
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "detail.h"

/* Bits of tainted_mask in order: kernel/panic.c, taint_flags (J: since 6.15). */
static const char *const taints[] = {
	"P: a proprietary module was loaded",
	"F: a module was loaded by force",
	"S: the system is outside its CPU's specification",
	"R: a module was unloaded by force",
	"M: the processor reported a machine check",
	"B: a page had bad flags, or was used while free",
	"U: user space asked for it",
	"D: an oops or BUG() happened before",
	"A: an ACPI table was overridden",
	"W: a WARNING was printed before",
	"C: a staging driver was loaded",
	"I: firmware has a bug that is worked around",
	"O: a module from outside the kernel's tree was loaded",
	"E: a module without a signature was loaded",
	"L: a soft lockup happened before",
	"K: the kernel was live-patched",
	"X: the distribution's own mark",
	"T: the layout of structures is random",
	"N: a test inside the kernel was run",
	"J: fwctl was used to change a device",
};
#define NTAINTS (sizeof(taints) / sizeof(taints[0]))

const char *const *la_taint_words(struct la_arena *arena, uint64_t taint, size_t *ret_n)
{
	const char **words = la_alloc_n(arena, NTAINTS, sizeof(*words));

	*ret_n = 0;
	for (size_t i = 0; words && i < NTAINTS; i++)
		if (taint >> i & 1)
			words[(*ret_n)++] = taints[i];
	return words;
}

/* Signals that end a process on their own (asm-generic/signal.h). */
static const char *signal_name(unsigned number)
{
	static const char *const names[] = {
		[1] = "SIGHUP",   [2] = "SIGINT",   [3] = "SIGQUIT",  [4] = "SIGILL",
		[5] = "SIGTRAP",  [6] = "SIGABRT",  [7] = "SIGBUS",   [8] = "SIGFPE",
		[9] = "SIGKILL",  [10] = "SIGUSR1", [11] = "SIGSEGV", [12] = "SIGUSR2",
		[13] = "SIGPIPE", [14] = "SIGALRM", [15] = "SIGTERM", [31] = "SIGSYS",
	};

	return number < sizeof(names) / sizeof(names[0]) && names[number] ? names[number] :
									    "a signal";
}

/* A wait status as exit(2) leaves it: the code in bits 8 to 15, or a signal in bits 0 to 6 and bit 7 for a core. */
const char *la_exit_words(struct la_arena *arena, const char *message)
{
	const char *at =
		message && strstr(message, "kill init!") ? strstr(message, "exitcode=") : NULL;
	unsigned long status;
	unsigned code;
	char *end;

	if (!at)
		return NULL;
	status = strtoul(at + strlen("exitcode="), &end, 0);
	if (end == at + strlen("exitcode=") || status > 0xffff)
		return NULL;
	code = (unsigned)status >> 8 & 0xff;
	if (status & 0x7f)
		return la_format(arena, "init was killed by signal %lu (%s)", status & 0x7f,
				 signal_name((unsigned)status & 0x7f));
	return la_format(arena, "init ended itself with status %u%s", code,
			 code == 127 ? ": a shell found no such program" :
			 code == 126 ? ": a shell could not run the program" :
				       "");
}

#define BEFORE 5   /* records before the first trouble */
#define OF_FAULT 8 /* lines that tell of the fault */
#define LOOKED_AT 40

/* Registers, stack words, code and traces: the verdict shows them better. */
static bool is_dump(const char *text)
{
	static const char *const starts[] = {
		"[<",   "pc ",  "Stack :", "Call Trace", "Code:", "Modules linked", "CRMD", "PRMD",
		"EUEN", "ECFG", "---[",    "PRID",       "..."
	};
	size_t words = 0;

	while (*text == ' ' || *text == '\t')
		text++;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (!strncmp(text, starts[i], strlen(starts[i])))
			return true;
	for (const char *at = text; *at;) { /* rows of 64-bit words */
		size_t n = 0;

		while (isxdigit((unsigned char)at[n]))
			n++;
		words += n == 16;
		at += n ? n : 1;
	}
	return words >= 2 || !*text;
}

static const char *line_of(struct la_arena *arena, const struct la_record *r)
{
	return la_format(arena, "[%5" PRIu64 ".%06" PRIu64 "] %s", r->ts_nsec / 1000000000,
			 r->ts_nsec % 1000000000 / 1000, r->text);
}

struct lines {
	struct la_arena *arena;
	const char **line;
	size_t n;
	size_t next; /* records before this one were shown, or passed over */
};

static void add(struct lines *l, const struct la_log *log, size_t i)
{
	const char *text = i >= l->next && i < log->n ? line_of(l->arena, &log->record[i]) : NULL;

	if (!text)
		return;
	l->line[l->n++] = text;
	l->next = i + 1;
}

static void add_before(struct lines *l, const struct la_log *log, size_t record)
{
	for (size_t i = record > BEFORE ? record - BEFORE : 0; i < record; i++)
		add(l, log, i);
}

/* The first event that is a sign of trouble; notes on what somebody did are none. */
static const struct la_event *first_trouble(const struct la_triage *t, const struct la_event *e)
{
	for (size_t i = 0; i < t->events.n; i++) {
		const struct la_event *at = &t->events.event[i];

		if (at == e || !at->message || at->message->flags & LA_MESSAGE_TROUBLE)
			return at;
	}
	return NULL;
}

const char *const *la_log_lines(struct la_arena *arena, const struct la_triage *t,
				const struct la_event *e, size_t *ret_n)
{
	const struct la_event *first = first_trouble(t, e);
	struct lines l = { .arena = arena,
			   .line = la_alloc_n(arena, 2 * BEFORE + 1 + OF_FAULT, sizeof(*l.line)) };
	const struct la_log *log = &t->log;

	*ret_n = 0;
	if (!l.line || !first)
		return NULL;
	add_before(&l, log, first->record);
	if (first != e)
		add(&l, log, first->record);
	if (e && first != e)
		add_before(&l, log, e->record);
	for (size_t i = e ? e->record : log->n, shown = 0;
	     i < log->n && i - e->record < LOOKED_AT && shown < OF_FAULT; i++) {
		if (is_dump(log->record[i].text))
			continue;
		add(&l, log, i);
		shown++;
	}
	*ret_n = l.n;
	return l.line;
}

const struct la_moment *la_log_moments(struct la_arena *arena, const struct la_triage *t,
				       size_t *ret_n)
{
	struct la_moment *moment = la_alloc_n(arena, t->events.n, sizeof(*moment));

	*ret_n = 0;
	for (size_t i = 0; moment && i < t->events.n; i++) {
		const struct la_event *e = &t->events.event[i];

		moment[(*ret_n)++] = (struct la_moment){
			.record = e->record,
			.name = la_event_name(e),
			.trouble = !e->message || e->message->flags & LA_MESSAGE_TROUBLE,
		};
	}
	return moment;
}
