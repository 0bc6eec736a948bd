/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel's page tables read backwards: which address of its page-mapped range leads to a physical one. */
#ifndef LAKVM_GUEST_MAPPED_H
#define LAKVM_GUEST_MAPPED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/base/status.h"
#include "lakvm/guest/kernel.h"

/* Pages that follow one another in both spaces. */
struct la_mapped_piece {
	uint64_t pa, va, size;
	uint64_t reach; /* the end of the furthest piece up to this one */
};

struct la_mapped {
	struct la_mapped_piece *piece; /* by pa */
	size_t n;
	const char *remark; /* what was left out; NULL: nothing */
};

/** Read them all, within bounds. LA_NOMEM; LA_ABSENT: their layout, or where they are, is not known. */
enum la_status la_mapped_read(const struct la_kernel *k, struct la_arena *arena,
			      struct la_mapped *ret);

/** One address that leads to @pa. False: none. */
bool la_mapped_find(const struct la_mapped *m, uint64_t pa, uint64_t *ret_va);

#endif
