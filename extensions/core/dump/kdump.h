/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An open kdump-compressed file, between what opens it and what finds pages in it. */
#ifndef LAKVM_DUMP_KDUMP_H
#define LAKVM_DUMP_KDUMP_H

#include "bitmap.h"
#include "format.h"

/** Bytes of a page's descriptor. */
#define LA_KDUMP_DESC 24

struct la_kdump_part {
	struct la_file *file;
	uint64_t start, end; /* page frames whose descriptors it holds */
	uint64_t first;      /* rank of the first of them in bitmap 2 */
	uint64_t zero;       /* offset of the zero page that many descriptors share; 0 = none */
};

struct la_kdump {
	int version;
	unsigned shift;
	struct la_bitmap dumped;     /* bitmap 2 */
	const struct la_bitmap *ram; /* bitmap 1, which is often the same */
	struct la_bitmap own_ram;
	uint64_t bitmaps, descs; /* offsets */
	bool two_bitmaps;
	struct la_kdump_part *part;
	size_t nparts;
	struct la_readahead desc;
};

/** la_format's open: dump->priv becomes a struct la_kdump. */
enum la_status la_kdump_open(struct la_dump *dump, struct la_error *err);

/** la_format's find. */
enum la_status la_kdump_find(struct la_dump *dump, uint64_t pa, struct la_block *ret,
			     struct la_error *err);

#endif
