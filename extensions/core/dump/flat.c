// SPDX-License-Identifier: GPL-3.0-or-later
// Flattened files: a dump written to a pipe, as a row of records that say where their bytes
// belong. Source: makedumpfile makedumpfile.h (struct makedumpfile_header,
// makedumpfile_data_header), QEMU dump/dump.c (write_start_flat_header, write_buffer).
//
//   0     "makedumpfile", type and version as big-endian 64-bit numbers, zeros up to 4096
//   4096  records: big-endian offset and length, both signed 64-bit, then that many bytes
//   end   a record header with both numbers -1
#include "flat.h"
#include "readahead.h"

#include <endian.h>
#include <inttypes.h>
#include <string.h>

#define FLAT_HEADER_SIZE 4096
#define RECORD_HEADER_SIZE 16
/*
 * The index takes memory for each record, so there must not be more of them than the bytes of the
 * file account for. QEMU's hold 4 KiB and more, makedumpfile's hardly less.
 */
#define MANY_RECORDS (1u << 20)
#define LEAST_RECORD 256
#define FLAT_TYPE 1
#define FLAT_VERSION 1

/* Dumps lie below this, so that offset + length cannot overflow. */
#define FLAT_MAX_OFFSET (UINT64_C(1) << 62)

static uint64_t be64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

struct records {
	struct la_arena *scratch;
	struct la_extent *e;
	size_t n, room;
};

static enum la_status add_record(struct records *r, uint64_t start, uint64_t len, uint64_t data)
{
	struct la_extent *list = la_room(r->scratch, r->e, r->n, &r->room, sizeof(*list));

	if (!list)
		return LA_NOMEM;
	r->e = list;
	r->e[r->n++] = (struct la_extent){ start, start + len, data };
	return LA_OK;
}

/* Walk the chain of records. Where it breaks, what came before stays usable: f->cut_at. */
static enum la_status collect(struct la_file *f, struct records *r, uint64_t *size,
			      struct la_readahead *w, const struct la_dump_options *opt,
			      struct la_error *err)
{
	uint64_t at = FLAT_HEADER_SIZE, start, len, have;
	const uint8_t *header;
	enum la_status status;

	f->cut = true;
	*size = 0;
	for (size_t turn = 0;; turn++) {
		f->cut_at = at;
		if (at > f->stored || f->stored - at < RECORD_HEADER_SIZE)
			return LA_OK;
		status = la_readahead_get(w, f, at, RECORD_HEADER_SIZE, &header, err);
		if (status)
			return status;
		start = be64(header);
		len = be64(header + 8);
		if (start == UINT64_MAX && len == UINT64_MAX) {
			f->cut = false;
			return LA_OK;
		}
		/*
		 * No writer makes a record of nothing at 0: this is the unwritten rest of a file.
		 */
		if (start >= FLAT_MAX_OFFSET || len >= FLAT_MAX_OFFSET || (!start && !len))
			return LA_OK;
		at += RECORD_HEADER_SIZE;
		have = len < f->stored - at ? len : f->stored - at;
		if (r->n >= MANY_RECORDS && at / r->n < LEAST_RECORD)
			return la_fail(err, LA_CORRUPT,
				       "%s: %zu records in 0x%" PRIx64
				       " bytes: smaller ones than any writer makes",
				       f->path, r->n, at);
		if (have) {
			status = add_record(r, start, have, at);
			if (status)
				return la_fail(err, status, "%s: index of %zu records", f->path,
					       r->n);
			if (start + have > *size)
				*size = start + have;
		}
		if (have < len) {
			f->cut_at = f->stored;
			return LA_OK;
		}
		at += len;
		if (opt->progress && turn % 8192 == 8191)
			opt->progress(opt->ctx, at, f->stored);
	}
}

enum la_status la_flat_open(struct la_file *f, struct la_arena *arena,
			    const struct la_dump_options *opt, struct la_error *err)
{
	static const uint8_t signature[16] = "makedumpfile";
	struct records r = { .scratch = NULL };
	struct la_readahead w;
	enum la_status status;
	uint8_t head[32];
	uint64_t size = 0;

	if (f->stored < FLAT_HEADER_SIZE)
		return LA_OK;
	status = la_file_read_stored(f, 0, head, sizeof(head), err);
	if (status)
		return status;
	if (memcmp(head, signature, sizeof(signature)) != 0)
		return LA_OK;
	if (be64(head + 16) != FLAT_TYPE || be64(head + 24) != FLAT_VERSION)
		return la_fail(err, LA_UNSUPPORTED,
			       "%s: flattened format of type %" PRIu64 ", version %" PRIu64,
			       f->path, be64(head + 16), be64(head + 24));

	r.scratch = la_arena_new(SIZE_MAX);
	if (!r.scratch)
		return LA_NOMEM;
	status = la_readahead_init(&w, r.scratch, 65536, 512);
	if (!status)
		status = collect(f, &r, &size, &w, opt, err);
	if (!status)
		status = la_extents_settle(&f->flat, arena, r.e, r.n);
	f->flattened = true;
	f->size = size;
	la_arena_free(r.scratch);
	return status;
}
