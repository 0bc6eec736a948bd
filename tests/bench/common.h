/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the two programs of tests/bench share. */
#ifndef LAKVM_BENCH_COMMON_H
#define LAKVM_BENCH_COMMON_H

#include <stdio.h>
#include <stdlib.h>

#include "lakvm/dump.h"

/** Ends the program, with the reason, if our reader does not open @path. */
static inline struct la_dump *open_ours(const char *path)
{
	struct la_error err = { "" };
	struct la_dump *dump;

	if (la_dump_open(&dump, &path, 1, NULL, &err)) {
		fprintf(stderr, "%s: %s\n", path, err.text);
		exit(2);
	}
	return dump;
}

#endif
