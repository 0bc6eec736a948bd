/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The RAM in a stream. */
#ifndef LAKVM_CONVERT_RAM_H
#define LAKVM_CONVERT_RAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stream.h"
#include "writer.h"

struct la_ram_block {
	char name[256];
	uint64_t size;
	bool ram;                     /* the guest's RAM, and not a device's memory */
	uint64_t at;                  /* if so: its place in all RAM */
	uint64_t bitmap_at, pages_at; /* mapped-ram: places in the file */
};

struct la_saved_ram {
	struct la_arena *arena;
	struct la_writer out;
	bool mapped; /* capability "mapped-ram": pages have fixed places in the file */
	struct la_ram_block *blocks, *current;
	struct la_ram_block **by_name; /* all of them in this order */
	size_t nblocks;
	uint32_t page_size; /* 0: not known yet */
	uint64_t total, stored;
	uint8_t *written; /* a bit for each page of 4096 bytes */
	uint8_t *piece;   /* mapped-ram: pages that follow one another */
	char *left_out;
};

/** The records of one RAM section, up to and with its end mark. */
enum la_status la_ram_section(struct la_stream *s, struct la_saved_ram *ram);

#endif
