// SPDX-License-Identifier: GPL-3.0-or-later
// What the kernel had reported before the fault that ended it: that may be why.
#include <string.h>

#include "trace.h"
#include "triage.h"

/* The next report is made of this one, and says more. */
static bool is_reason_of_next(const struct la_events *events, const struct la_event *e)
{
	return e->message->flags & LA_MESSAGE_REASON && e + 1 < la_events_end(events) &&
	       e[1].because == e->message;
}

static const struct la_event *first_trouble(const struct la_events *events,
					    const struct la_event *until)
{
	for (const struct la_event *e = events->event; e < until; e++)
		if (e->message && e->message->flags & LA_MESSAGE_TROUBLE &&
		    e->record < until->record && e->kind != until->kind &&
		    !is_reason_of_next(events, e))
			return e;
	return NULL;
}

void la_triage_say_earlier(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_panic *p = j->panic;
	const struct la_event *e, *end = la_events_end(&t->events);
	const char *place;

	if ((p->verdict != LA_VERDICT_PANIC && p->verdict != LA_VERDICT_OOPS) || !j->event ||
	    j->event->kind != LA_EVENT_OOPS || j->event < t->events.event || j->event >= end)
		return;
	e = first_trouble(&t->events, j->event);
	if (!e)
		return;
	place = la_event_place(e);
	la_triage_advice(j, "look first at what was reported at %.6f, before it: \"%s\"%s%.*s%s",
			 la_seconds(e->ts_nsec), e->said ? e->said : e->line,
			 e->said && place ? ", by " : "",
			 e->said && place ? (int)strcspn(place, "+") : 0, place ? place : "",
			 e->said && place ? "()" : "");
}
