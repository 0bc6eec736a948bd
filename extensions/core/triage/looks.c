// SPDX-License-Identifier: GPL-3.0-or-later
// Two looks at a CPU that hangs: where the kernel reported it, and where it is now.
#include <string.h>

#include "trace.h"
#include "triage.h"

/* "name+0x12/0x34 [mod]" of a trace: is that @symbol? */
static bool is_printed(const char *printed, const char *symbol)
{
	return symbol && strlen(symbol) == strcspn(printed, "+") &&
	       !strncmp(printed, symbol, strlen(symbol));
}

/*
 * The module's function nearest to where the two looks part, from the outermost caller inwards. NULL: they do not part,
 * or there is none.
 */
static const struct la_frame *common_caller(const struct la_stack *s, const struct la_event *e)
{
	const struct la_frame *found = NULL;
	size_t i = s->n, k = e->ntrace;

	for (; i && k && s->frame[i - 1].method != LA_FROM_SCAN; i--, k--) {
		if (!is_printed(e->trace[k - 1], s->frame[i - 1].symbol))
			return found;
		if (s->frame[i - 1].module)
			found = &s->frame[i - 1];
	}
	return NULL;
}

bool la_triage_blame_looper(const struct la_triage *t, struct la_judgement *j,
			    const struct la_cpu *c, const struct la_event *report)
{
	const struct la_event *end = la_events_end(&t->events);
	struct la_cause *cause = &j->panic->cause;
	const char *place = NULL;
	const struct la_frame *f = NULL;

	for (const struct la_event *e = report; !place && e < end; e++)
		if (e->ntrace && !e->trace_left_out && (e == report || e->cpu == report->cpu)) {
			place = la_event_place(e);
			f = common_caller(&c->stack, e);
		}
	if (!place || !f || !cause->symbol || cause->module)
		return false;
	la_triage_summary(
		j,
		"CPU %u ran %s%s and never let another task run: %s [%.*s] does not come to an end; it had called %.*s when that was reported, and %s now",
		c->cpu, c->task.comm[0] ? "task " : "a task", c->task.comm, f->symbol,
		(int)strcspn(f->module, "]"), f->module, (int)strcspn(place, "+"), place,
		cause->symbol);
	cause->symbol = f->symbol;
	cause->module = f->module;
	cause->pc_known = f->pc_known;
	cause->pc = f->pc;
	cause->offset = f->offset;
	la_triage_advice(j, "crash> dis -rl %s: which loop of it does not end", f->symbol);
	return true;
}
