/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A saved console log as a la_log: one record a line, "[    0.358569] text". */
#ifndef LAKVM_TEST_SERIALLOG_H
#define LAKVM_TEST_SERIALLOG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lakvm/guest/log.h"

static inline struct la_log *serial_log(struct la_arena *arena, const char *text)
{
	struct la_log *log = la_alloc(arena, sizeof(*log));
	size_t room = 0;

	for (const char *p = text; *p; p++)
		room += *p == '\n';
	log->record = la_alloc_n(arena, room + 1, sizeof(*log->record));
	while (*text) {
		struct la_record *r = &log->record[log->n];
		size_t n = strcspn(text, "\n");
		unsigned long s, us;
		int used = 0;

		if (sscanf(text, "[%lu.%lu]%n", &s, &us, &used) >= 2 && used && (size_t)used <= n) {
			if (text[used] == ' ')
				used++;
			r->seq = log->n++;
			r->ts_nsec = s * 1000000000 + us * 1000;
			r->level = 6;
			r->caller_id = r->caller_id2 = UINT32_MAX;
			r->len = n - (size_t)used;
			r->text = la_strndup(arena, text + used, r->len);
		}
		text += n;
		text += *text == '\n';
	}
	return log;
}

/* @name is a file of tests/unit/data; tests run in the top folder. */
static inline struct la_log *serial_log_file(struct la_arena *arena, const char *name)
{
	char path[256], *text;
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "tests/unit/data/%s", name);
	file = fopen(path, "r");
	if (!file) {
		perror(path);
		abort();
	}
	text = la_alloc(arena, 1 << 20);
	n = fread(text, 1, (1 << 20) - 1, file);
	text[n] = '\0';
	fclose(file);
	return serial_log(arena, text);
}

#endif
