/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Read-ahead: bytes of a file, more of them where reads follow one another. */
#ifndef LAKVM_DUMP_READAHEAD_H
#define LAKVM_DUMP_READAHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "file.h"
#include "lakvm/base/arena.h"

struct la_readahead {
	uint8_t *buf;
	size_t cap, least; /* bytes of a read that continues the last one, and of any other */
	struct la_file *file;
	uint64_t off;
	size_t len;
};

enum la_status la_readahead_init(struct la_readahead *w, struct la_arena *arena, size_t cap,
				 size_t least);

/** A copy of @len (at most w->cap) bytes of the dump at @off, valid until the next call. */
enum la_status la_readahead_get(struct la_readahead *w, struct la_file *f, uint64_t off, size_t len,
				const uint8_t **ret, struct la_error *err);

#endif
