/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the guest uses its memory for, by looking at a few struct pages of every part of it. */
#ifndef LAKVM_USAGE_H
#define LAKVM_USAGE_H

#include <stddef.h>

#include "lakvm/base/arena.h"
#include "lakvm/guest/explain.h"
#include "lakvm/guest/kernel.h"
#include "lakvm/guest/sections.h"

enum la_use {
	LA_USE_FREE, /* in the page allocator's hands: in a block of its free lists */
	LA_USE_SLAB, /* objects of the kernel */
	LA_USE_FILE, /* the page cache, also tmpfs */
	LA_USE_ANON, /* of processes, also KSM */
	LA_USE_KERNEL, /* anything else: the kernel itself, page tables, stacks, vmalloc, drivers, reserved */
	LA_USE_UNKNOWN, /* its struct page cannot be read */
	LA_NUSES,
};
/** "free", "slab", "page cache", "anonymous", "kernel", "unknown" */
const char *la_use_name(enum la_use use);

/** Pages that are looked at in each cell of a map (la_mem_map). */
#define LA_USE_SAMPLES 8

struct la_cell_use {
	unsigned char of[LA_NUSES]; /* pages of each kind among those looked at */
};

struct la_mem_use {
	const struct la_cell_use *cell; /* as many as the map has; NULL: unknown */
	const char *reason;             /* why it is, or NULL */
};

/**
 * What @map's cells are used for. Never fails: what is not known is unknown in @ret, which belongs to @arena. Kinds
 * are la_page_read()'s; a page is free if a block of the buddy allocator (type buddy, order in private:
 * mm/page_alloc.c, set_buddy_order()) covers it, or it lies in a per-CPU list, which nothing marks: that is kernel here.
 */
void la_mem_usage(const struct la_kernel *k, const struct la_sections *s,
		  const struct la_mem_map *map, struct la_arena *arena, struct la_mem_use *ret);

#endif
