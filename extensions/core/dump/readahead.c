// SPDX-License-Identifier: GPL-3.0-or-later
// Read-ahead: reads that follow one another are answered from one large read of the file, others
// by a read of little more than what is asked for, which the file's mapping serves. What is handed
// out is always a copy: somebody else may write to the file, and whoever checks bytes and then uses
// them must find the same ones.
#include "readahead.h"

#include "lakvm/base/jump.h"

enum la_status la_readahead_init(struct la_readahead *w, struct la_arena *arena, size_t cap,
				 size_t least)
{
	*w = (struct la_readahead){ .buf = la_alloc(arena, cap), .cap = cap, .least = least };
	return w->buf ? LA_OK : LA_NOMEM;
}

enum la_status la_readahead_get(struct la_readahead *w, struct la_file *f, uint64_t off, size_t len,
				const uint8_t **ret, struct la_error *err)
{
	uint64_t at = w->file == f ? off - w->off : UINT64_MAX; /* wraps for one before it */
	enum la_status status;
	size_t want = len > w->least ? len : w->least;

	if (at <= w->len && len <= w->len - at) {
		*ret = w->buf + at;
		return LA_OK;
	}
	if (len > w->cap)
		return la_fail(err, LA_INVALID, "%zu bytes in one piece", len);
	if (at <= w->len)
		want = w->cap;
	if (off > f->size || len > f->size - off)
		want = len;
	else if (want > f->size - off)
		want = (size_t)(f->size - off);
	else if (f->map.usable && at > w->len)
		want = len;

	LA_WITHDRAW(w->file);
	status = la_file_read(f, off, w->buf, want, want > len ? NULL : err);
	if (status && want > len) { /* what lies ahead may be what cannot be read */
		want = len;
		status = la_file_read(f, off, w->buf, want, err);
	}
	if (status)
		return status;
	w->off = off;
	w->len = want;
	LA_PUBLISH(w->file, f);
	*ret = w->buf;
	return LA_OK;
}
