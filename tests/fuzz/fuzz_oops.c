// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzz target: text that people and kernels wrote. The first byte chooses: log records (one a
// line, a tab in front makes it another writer's) into events, or saved register text.
#include <stdlib.h>
#include <string.h>

#include "lakvm/regs_text.h"
#include "oops.h"

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

		r->caller_id = n && data[0] == '\t' ? 7 : UINT32_MAX;
		r->caller_id2 = UINT32_MAX;
		r->text = la_strndup(arena, (const char *)data, n);
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
	struct la_note_regs *regs;
	char *copy;
	size_t n;

	if (size && data[0] == 'C') {
		copy = malloc(size); /* of exactly this size: a byte too far is seen */
		memcpy(copy, data, size);
		la_regs_text(arena, copy, size, &regs, &n, NULL);
		free(copy);
	} else {
		as_log(arena, data, size);
	}
	la_arena_free(arena);
	return 0;
}
