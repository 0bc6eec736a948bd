// SPDX-License-Identifier: GPL-3.0-or-later
// The page cache: tags in sets of four say which block is in which slot. There are eight times as
// many tags as slots, so that blocks that need no slot are remembered too and do not drive out
// others, and so that sets hardly ever fill up.
#include "cache.h"

#include "lakvm/base/jump.h"

#define TAGS_PER_SLOT 8

enum la_status la_cache_init(struct la_cache *c, struct la_arena *arena, uint32_t block_size,
			     size_t bytes)
{
	size_t nslots = bytes / block_size;

	if (nslots < 4)
		nslots = 4;
	if (nslots > UINT32_MAX / (2 * TAGS_PER_SLOT))
		nslots = UINT32_MAX / (2 * TAGS_PER_SLOT);
	*c = (struct la_cache){ .block_size = block_size, .nslots = (uint32_t)nslots, .nsets = 1 };
	while (c->nsets < nslots * TAGS_PER_SLOT / LA_CACHE_WAYS)
		c->nsets *= 2;
	/* Zeroed memory of this size comes fresh from the kernel: untouched slots cost nothing. */
	c->data = la_alloc_n(arena, nslots, block_size);
	c->tag = la_alloc_n(arena, (size_t)c->nsets * LA_CACHE_WAYS, sizeof(*c->tag));
	c->owner = la_alloc_n(arena, nslots, sizeof(*c->owner));
	c->used = la_alloc_n(arena, nslots, sizeof(*c->used));
	return c->data && c->tag && c->owner && c->used ? LA_OK : LA_NOMEM;
}

static uint32_t set_of(const struct la_cache *c, uint64_t block)
{
	/* Fibonacci hashing: neighbouring blocks spread over the sets. */
	return (uint32_t)(block * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (c->nsets - 1);
}

enum la_cached la_cache_get(struct la_cache *c, uint64_t block, const uint8_t **ret)
{
	const struct la_cache_tag *tag = &c->tag[(size_t)set_of(c, block) * LA_CACHE_WAYS];

	for (unsigned i = 0; i < LA_CACHE_WAYS; i++) {
		if (tag[i].key != block + 1)
			continue;
		if (tag[i].slot == LA_CACHE_SEEN)
			return LA_SEEN;
		*ret = NULL;
		if (tag[i].slot != LA_CACHE_ZERO) {
			c->used[tag[i].slot] = 1;
			*ret = c->data + (size_t)tag[i].slot * c->block_size;
		}
		return LA_CACHED;
	}
	return LA_UNCACHED;
}

uint8_t *la_cache_claim(struct la_cache *c, uint32_t *slot)
{
	/* The clock: a slot that was hit since the hand came by is spared once. */
	for (;;) {
		if (++c->hand >= c->nslots)
			c->hand = 0;
		if (!c->used[c->hand])
			break;
		c->used[c->hand] = 0;
	}
	if (c->owner[c->hand]) {
		c->tag[c->owner[c->hand] - 1].key = 0;
		c->owner[c->hand] = 0;
	}
	la_fence();
	*slot = c->hand;
	return c->data + (size_t)c->hand * c->block_size;
}

/* The block's own tag, an empty one, one without a slot, which is cheap to find again, or any. */
static size_t tag_for(struct la_cache *c, uint64_t block)
{
	size_t at = (size_t)set_of(c, block) * LA_CACHE_WAYS, ret = at + c->turn++ % LA_CACHE_WAYS;

	for (size_t i = at; i < at + LA_CACHE_WAYS; i++)
		if (c->tag[i].key == block + 1)
			return i;
	for (size_t i = at; i < at + LA_CACHE_WAYS && c->tag[ret].key; i++)
		if (!c->tag[i].key || c->tag[i].slot >= LA_CACHE_SEEN)
			ret = i;
	return ret;
}

void la_cache_put(struct la_cache *c, uint64_t block, uint32_t slot)
{
	size_t victim = tag_for(c, block);

	LA_WITHDRAW(c->tag[victim].key);
	/* The slot of a tag that gives way is found again by the clock. */
	if (c->tag[victim].slot < c->nslots && c->owner[c->tag[victim].slot] == victim + 1)
		c->owner[c->tag[victim].slot] = 0;
	c->tag[victim].slot = slot;
	if (slot < c->nslots)
		c->owner[slot] = (uint32_t)victim + 1;
	LA_PUBLISH(c->tag[victim].key, block + 1);
}
