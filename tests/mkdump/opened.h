/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For tests: a described dump, written to a temporary file and opened by the reader. */
#ifndef LAKVM_MKDUMP_OPENED_H
#define LAKVM_MKDUMP_OPENED_H

#include "lakvm/dump/dump.h"
#include "mkdump.h"

struct opened {
	struct mkdump *m;
	char path[8][64];
	size_t n;
	struct la_dump *dump; /* NULL: status and err say why */
	enum la_status status;
	struct la_error err;
};

/** @nfiles: how many parts a split dump has; 1 for others. @opt may be NULL. */
void opened_make(struct opened *o, const char *text, size_t nfiles,
		 const struct la_dump_options *opt);
void opened_free(struct opened *o);

/**
 * Read all described RAM and its surroundings in pieces of several sizes and alignments, and
 * compare with the description: bytes where it has some, the right status where not. Returns
 * NULL, or what is wrong.
 */
const char *opened_wrong(struct opened *o);

#endif
