/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bitmap of pages that counts. */
#ifndef LAKVM_DUMP_BITMAP_H
#define LAKVM_DUMP_BITMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "file.h"
#include "lakvm/base/arena.h"

struct la_bitmap {
	uint64_t nbits;
	uint64_t *word;
	/* Set bits before each word: rank[] counts from the last multiple of 65536 bits. */
	uint16_t *rank;
	uint64_t *rank64k;
	uint64_t count; /* set bits in all */
};

enum la_status la_bitmap_load(struct la_bitmap *ret, struct la_arena *arena, struct la_file *f,
			      uint64_t off, uint64_t nbits, struct la_error *err);
/** Does the file hold the same bits at @off? */
enum la_status la_bitmap_same(const struct la_bitmap *b, struct la_file *f, uint64_t off, bool *ret,
			      struct la_error *err);
/** First bit at or behind @from that has @value, but at most @end. */
uint64_t la_bitmap_next(const struct la_bitmap *b, uint64_t from, uint64_t end, bool value);
/** Last set bit below @end, which is at most nbits; UINT64_MAX: none. */
uint64_t la_bitmap_last(const struct la_bitmap *b, uint64_t end);

static inline bool la_bitmap_test(const struct la_bitmap *b, uint64_t n)
{
	return n < b->nbits && (b->word[n / 64] >> (n % 64) & 1);
}

/** Set bits below @n, which may be nbits. */
static inline uint64_t la_bitmap_rank(const struct la_bitmap *b, uint64_t n)
{
	uint64_t w = n / 64;

	if (n >= b->nbits)
		return b->count;
	return b->rank64k[n / 65536] + b->rank[w] +
	       (unsigned)__builtin_popcountll(b->word[w] & ((UINT64_C(1) << (n % 64)) - 1));
}

#endif
