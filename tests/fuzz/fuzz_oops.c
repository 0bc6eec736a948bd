// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzz target: log records (one a line, each tab in front makes it another writer's) into events.
#include <stdlib.h>
#include <string.h>

#include "triage/oops.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void as_log(struct la_arena *arena, const uint8_t *data, size_t size)
{
	struct la_record *record = la_alloc_n(arena, size + 1, sizeof(*record));
	struct la_log log = { .record = record };
	struct la_events events;

	while (record && size) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t n = end ? (size_t)(end - data) : size;
		struct la_record *r = &record[log.n++];
		size_t writer = 0;

		r->caller_id = r->caller_id2 = UINT32_MAX;
		while (writer < n && data[writer] == '\t')
			writer++;
		if (writer)
			r->caller_id = (uint32_t)writer;
		r->text = la_strndup(arena, (const char *)data + writer, n - writer);
		if (!r->text)
			return;
		r->len = strlen(r->text);
		n += end != NULL;
		data += n;
		size -= n;
	}
	la_events_parse(arena, &log, &events);
	for (size_t i = 0; i < events.n; i++)
		if (events.event[i].record >= log.n || events.event[i].ntrace > LA_EVENT_TRACE ||
		    strlen(events.event[i].comm) > 16)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct la_arena *arena = la_arena_new(64 << 20);

	as_log(arena, data, size);
	la_arena_free(arena);
	return 0;
}
