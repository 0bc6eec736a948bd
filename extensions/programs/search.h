/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ladump --find. */
#ifndef LAKVM_PROGRAM_SEARCH_H
#define LAKVM_PROGRAM_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

#include "lakvm/base/arena.h"
#include "lakvm/dump/dump.h"
#include "lakvm/report/find.h"
#include "lakvm/report/report.h"

struct search_words {
	const char *what, *where; /* as given; NULL: not */
	size_t limit;
};

/** A count of hits to show, 1 to LA_FIND_MAX_LIMIT; 0: @text is none. */
size_t search_limit(const char *text);

/** Search @dump on all processors, print what is found; returns the exit status. */
int search_print(struct la_dump *dump, const struct la_report *r, const struct search_words *words,
		 bool json, struct la_arena *arena);

#endif
