// SPDX-License-Identifier: GPL-3.0-or-later
// Pieces of a verdict for a person.
#include "panic_words.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "text.h"

void la_put_verdict(const struct la_panic *p, const struct la_sink *sink)
{
	la_put(sink, "%s (%s)", la_verdict_name(p->verdict), la_confidence_name(p->confidence));
	if (p->message) {
		la_puts(sink, ": ");
		la_put_text(sink, p->message, false);
	}
}

bool la_put_cause(const struct la_panic *p, const struct la_sink *sink)
{
	const struct la_cause *c = &p->cause;
	const struct la_detail *d = &p->detail;

	if (p->summary) {
		la_put_text(sink, p->summary, false);
		return true;
	}
	if (!c->kind)
		return false;
	la_puts(sink, c->kind);
	if (c->address_known)
		la_put(sink, " at address %016" PRIx64, c->address);
	if (d->address_class) {
		la_puts(sink, ", ");
		la_put_text(sink, d->address_class, false);
	}
	if (d->exit_code)
		la_put(sink, "; %s", d->exit_code);
	return true;
}

static void put_module(const struct la_panic *p, const struct la_sink *sink)
{
	if (!p->cause.module)
		return;
	la_puts(sink, " [");
	la_put_text(sink, p->cause.module, false);
	if (p->detail.module_version) {
		la_puts(sink, " ");
		la_put_text(sink, p->detail.module_version, false);
	}
	la_puts(sink, "]");
}

static void put_function(const char *name, bool offset_known, uint64_t offset,
			 const struct la_sink *sink)
{
	if (offset_known)
		la_put_symbol(sink, name, true, offset, NULL);
	else
		la_put_text(sink, name, false);
}

bool la_put_where(const struct la_panic *p, const struct la_sink *sink)
{
	const struct la_cause *c = &p->cause;
	const struct la_detail *d = &p->detail;

	if (!c->symbol && !c->pc_known && !c->caller)
		return false;
	if (c->symbol)
		put_function(c->symbol, c->pc_known || c->offset, c->offset, sink);
	else if (c->pc_known)
		la_put(sink, "%016" PRIx64, c->pc);
	if (c->caller) {
		la_puts(sink, c->symbol || c->pc_known ? ", called from " : "called from ");
		put_function(c->caller, c->caller_offset, c->caller_offset, sink);
	}
	put_module(p, sink); /* the caller's, if there is one */
	if (c->symbol && !c->pc_known && !c->offset)
		la_puts(sink, ", where in it is not known");
	if (d->file) {
		la_puts(sink, "  ");
		la_put_text(sink, d->file, false);
		if (d->line)
			la_put(sink, ": %u", d->line);
	}
	return true;
}

bool la_put_who(const struct la_panic *p, const struct la_sink *sink)
{
	const struct la_cpu *c =
		p->cpus && p->cpu >= 0 ? la_cpus_find(p->cpus, (unsigned)p->cpu) : NULL;

	if (p->verdict == LA_VERDICT_FIRMWARE ||
	    (p->verdict == LA_VERDICT_RUNNING && !p->task.comm[0]))
		return false;
	if (p->task.comm[0]) {
		la_puts(sink, "\"");
		la_put_text(sink, p->task.comm, false);
		la_puts(sink, "\"");
	} else {
		la_puts(sink, "unknown task");
	}
	if (p->task.pid_known)
		la_put(sink, " (PID %d)", p->task.pid);
	if (p->cpu >= 0)
		la_put(sink, " on CPU %d", p->cpu);
	if (c && c->since_known)
		la_put(sink, ", for %.3f s", (double)c->since_ns / 1e9);
	return true;
}

bool la_put_unchecked(const struct la_panic *p, size_t first, const struct la_sink *sink)
{
	const char *reason = p->unchecked[first].reason;

	for (size_t i = 0; i < first; i++)
		if (!strcmp(p->unchecked[i].reason, reason))
			return false;
	for (size_t i = first; i < p->nunchecked; i++) {
		if (strcmp(p->unchecked[i].reason, reason))
			continue;
		la_puts(sink, i > first ? ", " : "");
		la_put_text(sink, p->unchecked[i].rule, false);
	}
	la_puts(sink, ": ");
	la_put_text(sink, reason, false);
	return true;
}

bool la_clock_text(const struct la_detail *d, char *ret, size_t size)
{
	const time_t at = (time_t)d->clock.date;
	struct tm parts;

	return d->clock_known && gmtime_r(&at, &parts) &&
	       strftime(ret, size, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

void la_put_when(const struct la_panic *p, const struct la_sink *sink)
{
	const struct la_detail *d = &p->detail;
	char date[40];

	if (p->uptime_known && p->uptime_of_end)
		la_put(sink, "last log line %.3f s after boot", p->uptime_s);
	else if (p->uptime_known)
		la_put(sink, "%.6f s after boot", p->uptime_s);
	else
		la_puts(sink, "unknown");
	if (la_clock_text(d, date, sizeof(date)))
		la_put(sink, "; guest's clock %.3f s (%s)", (double)d->clock.uptime_ns / 1e9, date);
}
