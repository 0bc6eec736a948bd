/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who called whom, out of a stack of the guest or a trace in its log, without the machinery. */
#ifndef LAKVM_TRIAGE_TRACE_H
#define LAKVM_TRIAGE_TRACE_H

#include "event.h"
#include "lakvm/stack/unwind.h"

/** Does @function only dump, die, detect, check, sleep or wait for time? A variant of the compiler's too. */
bool la_is_machinery(const char *function);

/** Does every task, system call or interrupt come from @function? */
bool la_is_outermost(const char *function);

/** "func+0x12/0x34" of where @e happened: by its registers, its own words, its trace; NULL: not said. */
const char *la_event_place(const struct la_event *e);

/** What called @function, by the trace of @e; NULL: the trace does not say. */
const char *la_event_below(const struct la_event *e, const char *function);

#define LA_CALLERS 16

struct la_callers {
	const char
		*function[LA_CALLERS]; /* innermost first; length[] characters of it are the name */
	int length[LA_CALLERS];
	const char *module[LA_CALLERS]; /* NULL: the kernel; of a trace with "]" behind it */
	size_t n;
};

/**
 * The callers of @first by the trace of @e or by @s from frame @from on; where @first is not on it or
 * NULL, all of them. Frames found by searching end a stack.
 */
void la_callers_of_trace(const struct la_event *e, const char *first, struct la_callers *ret);
void la_callers_of_stack(const struct la_stack *s, size_t from, const char *first,
			 struct la_callers *ret);

#endif
