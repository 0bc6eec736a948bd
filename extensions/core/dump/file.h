/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file below a dump; of a flattened one, the dump that it stands for. */
#ifndef LAKVM_DUMP_FILE_H
#define LAKVM_DUMP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "extents.h"
#include "lakvm/dump/dump.h"
#include "map.h"

struct la_file {
	int fd;
	const char *path;
	uint64_t stored; /* bytes of the file itself: nothing from it may need more memory */
	uint64_t size;   /* bytes of the dump: the same, unless the file is flattened */
	bool flattened;
	bool cut;        /* flattened and not complete: a gap is not zeros but unknown */
	uint64_t cut_at; /* file offset up to which its records are sound */
	struct la_extents flat;
	struct la_extents holes; /* where nothing was ever written, as far as they were looked up */
	bool shrank;             /* bytes that were there when it was opened are gone */
	struct la_map map;
	struct la_dump_stats *stats;
};

/** Open a regular file or block device; others are LA_UNSUPPORTED. Nothing to close on failure. */
enum la_status la_file_open(struct la_file *ret, const char *path, struct la_error *err);
/** The same open file for a second reader: what was found of it, and a mapping of its own. */
enum la_status la_file_again(struct la_file *ret, const struct la_file *of, struct la_error *err);
void la_file_close(struct la_file *f);

/**
 * Map it where that is possible. Not before it is indexed: that touches each page once, for which
 * pread is faster.
 */
void la_file_map(struct la_file *f);

/**
 * Look up the holes of a sparse file, the first ones if there are very many; where its file system does not
 * tell them it has none. They belong to @arena.
 */
enum la_status la_file_find_holes(struct la_file *f, struct la_arena *arena);

/**
 * Is the byte at @off in a hole, so that it is 0 without a look? In both cases [*start, *end) is where the
 * same holds.
 */
bool la_file_is_hole(struct la_file *f, uint64_t off, uint64_t *start, uint64_t *end);

/** Read from the file as it is. A file that has become shorter gives LA_TRUNCATED. */
enum la_status la_file_read_stored(struct la_file *f, uint64_t off, void *ret, size_t len,
				   struct la_error *err);

/** Read from the dump: flattened files as if they were rearranged. */
enum la_status la_file_read(struct la_file *f, uint64_t off, void *ret, size_t len,
			    struct la_error *err);

/** Offset in the file itself of a byte of the dump; UINT64_MAX: it has none. */
uint64_t la_file_where(struct la_file *f, uint64_t off);

#endif
