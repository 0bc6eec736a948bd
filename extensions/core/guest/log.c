// SPDX-License-Identifier: GPL-3.0-or-later
// The kernel's log out of the guest's memory. What it holds is taken as a claim and bounded everywhere.
#include "log_reader.h"

#include <string.h>

enum la_status la_log_window_read(const struct la_log_reader *r, struct la_log_window *w,
				  uint64_t va, void *ret, size_t len, struct la_error *err)
{
	unsigned char *out = ret;

	while (len) {
		uint64_t start = va - va % LA_LOG_BLOCK;
		size_t skip = (size_t)(va - start);
		size_t n = LA_LOG_BLOCK - skip < len ? LA_LOG_BLOCK - skip : len;

		if (!w->valid || w->va != start) {
			enum la_status st = la_read(r->k, start, w->bytes, LA_LOG_BLOCK, err);

			w->valid = st == LA_OK;
			w->va = start;
			if (st != LA_OK)
				return st;
		}
		memcpy(out, w->bytes + skip, n);
		out += n;
		va += n;
		len -= n;
	}
	return LA_OK;
}

struct la_record *la_log_add(struct la_log_reader *r)
{
	struct la_log *log = r->log;
	struct la_record *list = la_room(r->arena, log->record, log->n, &r->room, sizeof(*list));

	if (!list)
		return NULL;
	log->record = list;
	return &log->record[log->n++];
}

enum la_status la_log_text(struct la_log_reader *r, uint64_t va, size_t len, struct la_record *rec,
			   struct la_error *err)
{
	char *text = la_alloc(r->arena, len + 1);
	enum la_status st;

	if (!text)
		return LA_NOMEM;
	st = la_log_window_read(r, r->text, va, text, len, err);
	if (st != LA_OK)
		return st;
	for (size_t i = 0; i < len; i++)
		if (!text[i])
			text[i] = '?';
	rec->text = text;
	rec->len = len;
	return LA_OK;
}

enum la_status la_log_read(const struct la_kernel *k, struct la_arena *arena, struct la_log *ret,
			   struct la_error *err)
{
	struct la_log_reader r = { .k = k, .arena = arena, .log = ret };
	struct la_log_window *windows = la_alloc_n(arena, 3, sizeof(*windows));
	uint64_t address;

	*ret = (struct la_log){ 0 };
	if (!windows)
		return la_fail(err, LA_NOMEM, "log");
	r.descs = &windows[0];
	r.infos = &windows[1];
	r.text = &windows[2];

	if (k->door->symbol(k->door->ctx, "prb", &address))
		return la_log_read_ring(&r, err);
	if (k->door->symbol(k->door->ctx, "log_first_idx", &address))
		return la_log_read_bytes(&r, err);
	return la_fail(err, LA_ABSENT, "no log: neither prb nor log_first_idx is known");
}
