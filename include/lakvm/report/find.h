/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where in the guest's RAM something is, and whose memory that is: the results behind ladump --find and lamem -f. */
#ifndef LAKVM_FIND_H
#define LAKVM_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/base/status.h"
#include "lakvm/cpu/cpus.h"
#include "lakvm/dump/search.h"
#include "lakvm/guest/kernel.h"
#include "lakvm/guest/owner.h"
#include "lakvm/guest/sections.h"

/** Hits that are shown where nobody says how many. */
#define LA_FIND_LIMIT 100
#define LA_FIND_MAX_LIMIT 100000

/** What to search for, and where it may be. */
struct la_find_order {
	struct la_search_what what;
	bool everywhere;         /* else only in what kind owns, */
	enum la_owner_kind kind; /* and of that only in what belongs to */
	const char *name;        /* this slab cache, this pid (decimal); NULL: to any */
};

/** How both are written, for a person; a line each. */
extern const char la_find_what_help[], la_find_where_help[];

/**
 * Understand @text: a symbol of @door's, for pointers into it; VALUE or VALUE/SIZE, a hexadecimal number of SIZE (8, 4, 2)
 * bytes; LO-HI, for pointers from LO up to below HI; text:TEXT; bytes:HEX. LA_INVALID: it is none of these, or zeros.
 */
enum la_status la_find_parse_what(const struct la_door *door, const char *text,
				  struct la_find_order *ret, struct la_error *err);

/**
 * Understand @text: "free", "task", "slab", "page-cache" or "kernel", behind task and slab perhaps ":" and a name. It
 * must live as long as @ret. LA_INVALID: it is none of these.
 */
enum la_status la_find_parse_where(const char *text, struct la_find_order *ret,
				   struct la_error *err);

struct la_find_options {
	size_t limit;     /* 1 to LA_FIND_MAX_LIMIT */
	unsigned threads; /* as struct la_search has them */
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

struct la_find_hit {
	uint64_t pa;
	uint64_t value; /* of a word */
	struct la_owner owner;
	/* On a stack: the frame that has it, and its place in the stack. Not known of what lies below the last frame,
	 * where calls that have returned left it. */
	bool frame_known;
	size_t level;
	const char *symbol; /* of the frame; NULL: none */
	bool offset_known;
	uint64_t offset;
	const char *module;
};

struct la_find {
	struct la_find_order order;
	struct la_find_hit *hit; /* by physical address, the first ones */
	size_t n;
	uint64_t found; /* all that are where it was searched */
	uint64_t
		nobody_knows; /* hits that were left out because their owner is not known; 0 everywhere */
	struct la_search_counts bytes;
	const char *remark; /* what could not be looked at; NULL: nothing */
};

/**
 * Search @dump, of the kernel @k. @s: its sections; @cpus: its CPUs, for the stacks of tasks that run; NULL: not known.
 * Everything in @ret belongs to @arena, and names of symbols to the door. LA_ABSENT: it was asked for
 * an owner, and whose memory is whose is not known. LA_NOMEM, and as la_dump_search().
 */
enum la_status la_find(const struct la_kernel *k, struct la_dump *dump, const struct la_sections *s,
		       const struct la_cpus *cpus, const struct la_find_order *order,
		       const struct la_find_options *opt, struct la_arena *arena,
		       struct la_find *ret, struct la_error *err);

#endif
