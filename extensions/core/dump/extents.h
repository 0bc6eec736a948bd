/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ranges of an address space and where their bytes are. */
#ifndef LAKVM_DUMP_EXTENTS_H
#define LAKVM_DUMP_EXTENTS_H

#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/base/status.h"

#define LA_NO_DATA UINT64_MAX

struct la_extent {
	uint64_t start, end;
	uint64_t data; /* place of the byte at start; LA_NO_DATA: the range has no bytes */
};

struct la_extents {
	struct la_extent *e; /* ascending, disjoint */
	size_t n;
	size_t last; /* where the last search ended: scans find the next one there */
};

/**
 * Put @n extents that may overlap into order; of two that overlap, the one later in @raw holds.
 * The result belongs to @arena.
 */
enum la_status la_extents_settle(struct la_extents *ret, struct la_arena *arena,
				 const struct la_extent *raw, size_t n);

/** The first extent that ends behind @at: it holds @at or bounds the gap there; NULL: none. */
const struct la_extent *la_extents_find(struct la_extents *x, uint64_t at);

#endif
