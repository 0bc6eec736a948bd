/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A search of all that a dump has of the guest's RAM. */
#ifndef LAKVM_DUMP_SEARCH_H
#define LAKVM_DUMP_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/base/status.h"
#include "lakvm/dump/dump.h"

/** Bytes that can be searched for at once. */
#define LA_SEARCH_MAX 256

/** Words of @size bytes (2, 4 or 8) at multiples of it, from @low to @high; or, with @size 0, a row of bytes. */
struct la_search_what {
	unsigned size;
	uint64_t low, high; /* both are among them */
	uint8_t bytes[LA_SEARCH_MAX];
	size_t nbytes; /* 1 to LA_SEARCH_MAX; not all of them 0 */
};

struct la_search {
	struct la_search_what
		what; /* never a word of 0, or zeros alone: they are all over a guest */
	size_t limit; /* how many of the hits are kept: the first ones */
	unsigned
		threads; /* 1: reads through the dump itself, as a signal handler may leave it; more: each has its own reader */
	/* Does this one count? NULL: all do. Called by one thread at a time, which may read through the dump. */
	bool (*wanted)(void *ctx, uint64_t pa);
	/* Called now and then, by the caller's thread, with bytes of RAM. May be NULL. */
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

struct la_search_hit {
	uint64_t pa;
	uint64_t value; /* of a word that was found */
};

/** Bytes of RAM, which add up to @ram: what was looked at, or why it was not. */
struct la_search_counts {
	uint64_t ram;
	uint64_t searched; /* the file stores it */
	uint64_t zero;     /* as enum la_block_state has these */
	uint64_t excluded, missing;
	uint64_t damaged; /* stored, and it does not unpack, or cannot be read */
};

struct la_search_result {
	struct la_search_hit *hit; /* ascending; the first @n of all */
	size_t n;
	uint64_t found; /* all of them */
	struct la_search_counts bytes;
};

/**
 * Go through all RAM in @dump. What the file does not have is counted, and is no failure. LA_INVALID: zeros, or a word that
 * has no size. LA_NOMEM, also where a second reader cannot be had. @ret is the arena's.
 */
enum la_status la_dump_search(struct la_dump *dump, const struct la_search *s,
			      struct la_arena *arena, struct la_search_result *ret,
			      struct la_error *err);

#endif
