/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside the dump reader: what an open dump is, and what a format has to tell of its file. From the
 * bottom up: a file or the dump a flattened file stands for (file.c, map.c, flat.c) as a row of
 * extents (extents.c); read-ahead, page cache and decompression (readahead.c, cache.c, unpack.c);
 * one table of hooks for each format (kdump.c and kdump_open.c with bitmap.c, elf.c) over what they share (format.c); the
 * public functions (dump.c).
 */
#ifndef LAKVM_DUMP_FORMAT_H
#define LAKVM_DUMP_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache.h"
#include "file.h"
#include "lakvm/base/arena.h"
#include "lakvm/dump/dump.h"
#include "readahead.h"
#include "unpack.h"

/** LoongArch64 physical addresses have at most 48 bits. */
#define LA_PHYS_END (UINT64_C(1) << 48)

/** Where the bytes of guest-physical [start, end) are. */
struct la_block {
	enum la_block_state state;
	uint64_t start, end;
	struct la_file *file;
	bool stored; /* the four fields below are valid */
	enum la_packing packing;
	uint64_t offset; /* in the dump, for the byte at start */
	uint64_t size;
};

/* RAM ranges while they are collected. */
struct la_ram_list {
	struct la_arena *arena;
	struct la_ram_range *r;
	size_t n, room;
	uint64_t cell; /* ranges are divided at its multiples; 0: they are not */
};

/** Add a piece of RAM in one state, joined to the range before it where they touch. */
enum la_status la_ram_add(struct la_ram_list *list, uint64_t start, uint64_t end,
			  enum la_block_state state);

/** The same for a range with its counts, which holds no multiple of the cell but at its start. */
enum la_status la_ram_append(struct la_ram_list *list, const struct la_ram_range *range);

/**
 * One format. To add one: write these hooks in a file of its own and list the table in dump.c.
 */
struct la_format {
	/** Does a file that begins with these 16 bytes have this format? */
	bool (*probe)(const uint8_t *head);

	/**
	 * Read all headers; fills in notes, vmcoreinfo, eraseinfo, name, and
	 * whatever the format needs in dump->priv.
	 */
	enum la_status (*open)(struct la_dump *dump, struct la_error *err);

	/**
	 * Find what the file has for @pa. Whatever the status, state, start and end are filled
	 * in, and the rest as far as it is known. LA_OK: the state is PRESENT or ZERO.
	 */
	enum la_status (*find)(struct la_dump *dump, uint64_t pa, struct la_block *ret,
			       struct la_error *err);

	/** The same for a second reader of @of (la_dump_again): its own priv, and what in it changes. */
	enum la_status (*again)(struct la_dump *ret, const struct la_dump *of);

	/**
	 * The first address from @pa on, at most @end, that the file stores bytes for; a find() that is not LA_OK
	 * may cover less. NULL: it never does.
	 */
	uint64_t (*next)(struct la_dump *dump, uint64_t pa, uint64_t end);

	/**
	 * Hand the RAM in [start, end), which are multiples of the block size, in ascending order to la_ram_add;
	 * without @count all of it as PRESENT.
	 */
	enum la_status (*ram)(struct la_dump *dump, bool count, uint64_t start, uint64_t end,
			      struct la_ram_list *list);
};

extern const struct la_format la_format_kdump, la_format_elf;

#define LA_MAX_REMARKS 8

struct la_dump {
	struct la_arena *arena;
	const struct la_format *format;
	void *priv;
	struct la_file *file;
	size_t nfiles;
	bool zero_excluded;
	unsigned threads;
	bool direct; /* memory lies in the file's mapping as it is: a cache would only cost time */
	uint32_t block_size;
	struct la_cache cache;
	struct la_readahead data;
	struct la_unpacker *unpacker;
	const uint8_t *notes;
	size_t notes_size;
	const char *vmcoreinfo, *eraseinfo;
	size_t vmcoreinfo_size, eraseinfo_size;
	const char *name;
	const char *remark[LA_MAX_REMARKS + 1];
	struct la_dump_stats stats;
};

/** One answer for whoever goes through all memory. */
struct la_piece {
	enum la_block_state state; /* MISSING, too: damaged */
	bool damaged;
	uint64_t end; /* it holds up to here */
};

/**
 * What there is from @pa on, at most up to @end, where it changes or @room is full; its bytes are at @to if it is
 * PRESENT. @room: at least a block.
 */
struct la_piece la_dump_piece(struct la_dump *dump, uint64_t pa, uint64_t end, uint8_t *to,
			      size_t room);

void la_dump_add_remark(struct la_dump *dump, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** Set the block size and what depends on it; the first thing a format's open does with it. */
enum la_status la_dump_set_block_size(struct la_dump *dump, uint32_t block_size);

/**
 * Copy of @size bytes of a file into the dump's memory. NULL and 0, after a remark about @what,
 * when they do not fit in the file or cannot be read: none of these areas is worth failing for.
 */
const uint8_t *la_dump_area(struct la_dump *dump, struct la_file *f, uint64_t off, uint64_t size,
			    const char *what, size_t *ret_size);

#endif
