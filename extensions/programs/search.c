// SPDX-License-Identifier: GPL-3.0-or-later
// ladump --find: a search of the guest's RAM on all processors.
#include "search.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lakvm/base/threads.h"
#include "lakvm/render/find.h"
#include "program.h"

/* What takes less than a second is not worth a line. */
struct progress {
	struct timespec began;
	bool shown;
};

static void show(void *ctx, uint64_t done, uint64_t total)
{
	struct progress *p = ctx;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec - p->began.tv_sec - (now.tv_nsec < p->began.tv_nsec) < 1)
		return;
	p->shown = true;
	fprintf(stderr, "\rsearching RAM: %3" PRIu64 "%%", total ? done * 100 / total : 100);
}

static void put(void *ctx, const char *text)
{
	fputs(text, ctx);
}

size_t search_limit(const char *text)
{
	char *end;
	const unsigned long n = strtoul(text, &end, 10);

	return *end || *text < '0' || *text > '9' || n > LA_FIND_MAX_LIMIT ? 0 : n;
}

int search_print(struct la_dump *dump, const struct la_report *r, const struct search_words *words,
		 bool json, struct la_arena *arena)
{
	const struct la_sink sink = { put, stdout };
	struct progress shown = { .shown = false };
	struct la_find_options options = { .limit = words->limit,
					   .threads = la_processors(),
					   .progress = isatty(2) ? show : NULL,
					   .ctx = &shown };
	struct la_find_order order = { .everywhere = true };
	struct la_sections sections;
	struct la_error err = { "" };
	struct la_find found;
	enum la_status status = la_find_parse_what(r->kernel->door, words->what, &order, &err);
	bool known;

	if (status == LA_OK && words->where)
		status = la_find_parse_where(words->where, &order, &err);
	if (status != LA_OK)
		return program_fail(err.text);
	known = la_sections_init(&sections, r->kernel, NULL) == LA_OK;
	clock_gettime(CLOCK_MONOTONIC, &shown.began);
	status = la_find(r->kernel, dump, known ? &sections : NULL,
			 r->cpus_reason ? NULL : &r->cpus, &order, &options, arena, &found, &err);
	if (shown.shown)
		fprintf(stderr, "\r%*s\r", 20, "");
	if (status != LA_OK)
		return program_fail(err.text);
	if (json)
		status = la_render_find_json(&found, &sink);
	else
		la_render_find_text(&found, &sink);
	return status == LA_OK ? EXIT_SUCCESS : program_fail("out of memory");
}
