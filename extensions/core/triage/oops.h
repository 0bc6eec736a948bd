/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernel said about its own troubles: log records into events. Only the kernel's own
 * words count (facility 0); what user space wrote to /dev/kmsg is passed over.
 *
 * Several CPUs may report at once and their lines mix. Where records say who printed them
 * (CONFIG_PRINTK_CALLER), a line belongs to a report of the same writer. Elsewhere it belongs to the
 * report that has come as far as to such a line: the one whose CPU or task the line names, whose
 * registers go on with those in the line, else that which got a line last.
 */
#ifndef LAKVM_OOPS_H
#define LAKVM_OOPS_H

#include <stddef.h>

#include "event.h"
#include "lakvm/base/arena.h"
#include "lakvm/guest/log.h"
#include "lakvm/base/status.h"

struct la_events {
	struct la_event *event; /* in the order of the log */
	size_t n;
	/* Of each record: is it nothing but registers, stack words, a trace, a list of modules? NULL:
	 * not known, without memory. */
	const bool *detail;
};

/** Behind the last of @events; where there are none, NULL. */
static inline const struct la_event *la_events_end(const struct la_events *events)
{
	return events->n ? events->event + events->n : events->event; /* C has no NULL + 0 */
}

/** All events of @log. LA_NOMEM is the only failure; @ret is then what was found so far. */
enum la_status la_events_parse(struct la_arena *arena, const struct la_log *log,
			       struct la_events *ret);

/** The last event of @kind at or before event index @before; NULL if there is none. */
const struct la_event *la_events_last(const struct la_events *events, enum la_event_kind kind,
				      size_t before);

#endif
