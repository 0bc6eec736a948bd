// SPDX-License-Identifier: GPL-3.0-or-later
// Gathered writing, beside what is read meanwhile.
#include "writer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define ROOM ((size_t)8 << 20)
#define PIECES (ROOM / 4096)

/* Bytes one behind the other in the file, and so in the batch. */
struct piece {
	uint64_t offset;
	size_t size;
};

struct la_batch {
	size_t used, npieces;
	struct piece piece[PIECES];
	uint8_t bytes[ROOM];
};

enum la_status la_pwrite(int fd, const void *data, size_t size, uint64_t offset,
			 struct la_error *err)
{
	const uint8_t *from = data;

	while (size) {
		ssize_t n = pwrite(fd, from, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return la_fail(err, LA_IO, "the dump cannot be written: %s",
				       n ? strerror(errno) : "nothing written");
		from += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
	return LA_OK;
}

enum la_status la_writer_begin(struct la_writer *w, int fd, struct la_error *err)
{
	*w = (struct la_writer){ .fd = fd, .arena = la_arena_new(SIZE_MAX) };
	if (w->arena) {
		w->filling = la_alloc(w->arena, sizeof(*w->filling));
		w->writing = la_alloc(w->arena, sizeof(*w->writing));
	}
	if (w->filling && w->writing)
		return LA_OK;
	la_arena_free(w->arena);
	return la_fail(err, LA_NOMEM, "the dump's pages");
}

/* In the other thread; nothing more is written after a failure. */
static void write_batch(void *ctx)
{
	struct la_writer *w = ctx;
	const struct la_batch *b = w->writing;
	const uint8_t *from = b->bytes;

	for (size_t i = 0; i < b->npieces && w->status == LA_OK; i++) {
		w->status = la_pwrite(w->fd, from, b->piece[i].size, b->piece[i].offset, &w->why);
		from += b->piece[i].size;
	}
}

static enum la_status wait_for_other(struct la_writer *w, struct la_error *err)
{
	la_aside_end(&w->aside);
	return w->status == LA_OK ? LA_OK : la_fail(err, w->status, "%s", w->why.text);
}

static enum la_status hand_over(struct la_writer *w, struct la_error *err)
{
	struct la_batch *full = w->filling;
	enum la_status status = wait_for_other(w, err);

	if (status != LA_OK)
		return status;
	w->filling = w->writing;
	w->filling->used = w->filling->npieces = 0;
	w->writing = full;
	la_aside_begin(&w->aside, write_batch, w);
	return LA_OK;
}

/* Add what there is room for to the batch; returns how much. */
static size_t gather(struct la_batch *b, const uint8_t *data, size_t size, uint64_t offset)
{
	struct piece *last = b->npieces ? &b->piece[b->npieces - 1] : NULL;

	size = size < ROOM - b->used ? size : ROOM - b->used;
	if (!last || last->offset + last->size != offset) {
		if (b->npieces == PIECES)
			return 0;
		last = &b->piece[b->npieces++];
		*last = (struct piece){ .offset = offset };
	}
	memcpy(b->bytes + b->used, data, size);
	b->used += size;
	last->size += size;
	return size;
}

enum la_status la_writer_put(struct la_writer *w, const void *data, size_t size, uint64_t offset,
			     struct la_error *err)
{
	const uint8_t *from = data;
	enum la_status status;

	while (size) {
		size_t n = gather(w->filling, from, size, offset);

		if (!n) {
			status = hand_over(w, err);
			if (status != LA_OK)
				return status;
		}
		from += n;
		offset += n;
		size -= n;
	}
	return LA_OK;
}

enum la_status la_writer_end(struct la_writer *w, struct la_error *err)
{
	enum la_status status = hand_over(w, err);

	if (status == LA_OK)
		status = wait_for_other(w, err);
	la_arena_free(w->arena);
	return status;
}
