/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page cache. */
#ifndef LAKVM_DUMP_CACHE_H
#define LAKVM_DUMP_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/base/status.h"

struct la_cache_tag {
	uint64_t key;  /* block number + 1; 0 = empty */
	uint32_t slot; /* or one of these, which need no slot: */
};

#define LA_CACHE_WAYS 4
#define LA_CACHE_ZERO UINT32_MAX       /* a block of zeros */
#define LA_CACHE_SEEN (UINT32_MAX - 1) /* asked for once, not kept */

struct la_cache {
	uint8_t *data;
	uint32_t block_size, nslots;
	struct la_cache_tag *tag; /* nsets * LA_CACHE_WAYS */
	uint32_t nsets;           /* a power of two */
	uint32_t *owner;          /* by slot: its tag + 1, 0 = none */
	uint8_t *used;            /* by slot: hit since the clock hand came by */
	uint32_t hand, turn;
};

enum la_status la_cache_init(struct la_cache *c, struct la_arena *arena, uint32_t block_size,
			     size_t bytes);
enum la_cached { LA_UNCACHED, LA_SEEN, LA_CACHED };

/** LA_CACHED: @ret is the block's data, NULL for zeros. */
enum la_cached la_cache_get(struct la_cache *c, uint64_t block, const uint8_t **ret);
/** A slot to fill, taken from a block not used for long; la_cache_put makes it visible. */
uint8_t *la_cache_claim(struct la_cache *c, uint32_t *slot);
void la_cache_put(struct la_cache *c, uint64_t block, uint32_t slot);

#endif
