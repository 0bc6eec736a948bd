// SPDX-License-Identifier: GPL-3.0-or-later
// A bitmap of a kdump file in memory, with the number of set bits before each of its words, so
// that the place of a page's descriptor is one addition and one popcount away. The counts take a
// quarter of the bitmap.
#include "bitmap.h"

#include <inttypes.h>
#include <string.h>

#define CHUNK 65536 /* bytes */

static bool all_zero(const uint8_t *p, size_t len)
{
	return !len || (!p[0] && memcmp(p, p + 1, len - 1) == 0);
}

/*
 * Copied chunk by chunk, because zeros need not be: what is never written to takes no memory, and
 * a bitmap of 64 TiB with a gigabyte of RAM in it takes 32 KiB.
 */
static enum la_status load_words(struct la_bitmap *b, struct la_file *f, uint64_t off,
				 uint8_t *chunk, struct la_error *err)
{
	uint64_t bytes = (b->nbits + 7) / 8;
	enum la_status status;
	size_t n;

	for (uint64_t at = 0; at < bytes; at += n) {
		n = bytes - at < CHUNK ? (size_t)(bytes - at) : CHUNK;
		status = la_file_read(f, off + at, chunk, n, err);
		if (status)
			return status;
		if (!all_zero(chunk, n))
			memcpy((uint8_t *)b->word + at, chunk, n);
	}
	if (b->nbits % 64 && b->word[b->nbits / 64])
		b->word[b->nbits / 64] &= (UINT64_C(1) << (b->nbits % 64)) - 1;
	return LA_OK;
}

static void count_words(struct la_bitmap *b)
{
	uint64_t nwords = (b->nbits + 63) / 64, base = 0;

	for (uint64_t w = 0; w < nwords; w++) {
		if (w % 1024 == 0)
			b->rank64k[w / 1024] = base = b->count;
		if (b->count != base)
			b->rank[w] = (uint16_t)(b->count - base);
		if (b->word[w])
			b->count += (unsigned)__builtin_popcountll(b->word[w]);
	}
}

enum la_status la_bitmap_load(struct la_bitmap *ret, struct la_arena *arena, struct la_file *f,
			      uint64_t off, uint64_t nbits, struct la_error *err)
{
	uint64_t nwords = (nbits + 63) / 64;
	struct la_arena *scratch;
	enum la_status status;
	uint8_t *chunk;

	memset(ret, 0, sizeof(*ret));
	/* No writer leaves a gap in a bitmap, so it must not be larger than the file itself. */
	if ((nbits + 7) / 8 > f->stored)
		return la_fail(err, LA_TRUNCATED,
			       "%s: bitmap of %" PRIu64 " bytes in a file of %" PRIu64, f->path,
			       (nbits + 7) / 8, f->stored);
	scratch = la_arena_new(2 * CHUNK);
	chunk = scratch ? la_alloc(scratch, CHUNK) : NULL;
	ret->nbits = nbits;
	ret->word = la_alloc_n(arena, nwords, sizeof(*ret->word));
	ret->rank = la_alloc_n(arena, nwords, sizeof(*ret->rank));
	ret->rank64k = la_alloc_n(arena, nwords / 1024 + 1, sizeof(*ret->rank64k));
	if (chunk && ret->word && ret->rank && ret->rank64k) {
		status = load_words(ret, f, off, chunk, err);
		if (!status)
			count_words(ret);
	} else {
		status = la_fail(err, LA_NOMEM, "%s: bitmap of %" PRIu64 " pages", f->path, nbits);
	}
	la_arena_free(scratch);
	return status;
}

enum la_status la_bitmap_same(const struct la_bitmap *b, struct la_file *f, uint64_t off, bool *ret,
			      struct la_error *err)
{
	uint64_t bytes = (b->nbits + 7) / 8;
	enum la_status status = LA_OK;
	struct la_arena *scratch = la_arena_new(2 * CHUNK);
	uint8_t *chunk = scratch ? la_alloc(scratch, CHUNK) : NULL;
	size_t n;

	*ret = chunk;
	if (!chunk)
		status = LA_NOMEM;
	for (uint64_t at = 0; at < bytes && *ret && !status; at += n) {
		n = bytes - at < CHUNK ? (size_t)(bytes - at) : CHUNK;
		status = la_file_read(f, off + at, chunk, n, err);
		if (status)
			break;
		if (at + n == bytes && b->nbits % 8)
			chunk[n - 1] &= (uint8_t)((1u << (b->nbits % 8)) - 1);
		*ret = memcmp(chunk, (const uint8_t *)b->word + at, n) == 0;
	}
	la_arena_free(scratch);
	return status;
}

uint64_t la_bitmap_next(const struct la_bitmap *b, uint64_t from, uint64_t end, bool value)
{
	uint64_t flip = value ? 0 : UINT64_MAX, w, bits, at;

	if (end > b->nbits)
		end = b->nbits;
	if (from >= end)
		return end;
	w = from / 64;
	bits = (b->word[w] ^ flip) & (UINT64_MAX << (from % 64));
	while (!bits) {
		if (++w * 64 >= end)
			return end;
		bits = b->word[w] ^ flip;
	}
	at = w * 64 + (unsigned)__builtin_ctzll(bits);
	return at < end ? at : end;
}

uint64_t la_bitmap_last(const struct la_bitmap *b, uint64_t end)
{
	uint64_t w = end / 64, bits = 0;

	if (end % 64)
		bits = b->word[w] & ((UINT64_C(1) << (end % 64)) - 1);
	while (!bits && w)
		bits = b->word[--w];
	return bits ? w * 64 + 63 - (unsigned)__builtin_clzll(bits) : UINT64_MAX;
}
