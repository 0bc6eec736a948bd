/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading one line of the log. Each la_eat_*() moves @p behind what it read, or leaves all as it was. */
#ifndef LAKVM_MESSAGE_H
#define LAKVM_MESSAGE_H

#include "event.h"

/** The kernel's messages, the special ones before the general. */
extern const struct la_message la_vocabulary[];
extern const size_t la_vocabulary_size;

/** Is @line one that opens an event? Then @ret is that event, but for its record and time. */
bool la_message_scan(const char *line, struct la_event *ret);

/** Does @p go on with @literal? */
bool la_eat(const char **p, const char *literal);

/** 1 to 16 hexadecimal digits in lower case, with 0x or without. */
bool la_eat_hex(const char **p, uint64_t *ret);

/** 1 to 9 decimal digits. */
bool la_eat_dec(const char **p, int *ret);

void la_eat_spaces(const char **p);

/** "func+0x58/0x160" and what else the kernel may put behind it (" [mod]"), as one frame of a trace. */
bool la_is_place(const char *s);

/** A task's name, from @start up to @end; cut at what a task can have. */
void la_event_comm(struct la_event *e, const char *start, const char *end);

/** Is it plain text in the kernel's sense: printable, UTF-8 allowed, with newlines and tabs at most, and not empty? */
bool la_plain_text(const char *s);

#endif
