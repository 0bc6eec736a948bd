/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the programs of tests/bench share. */
#ifndef LAKVM_BENCH_COMMON_H
#define LAKVM_BENCH_COMMON_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lakvm/dump/dump.h"

#define MAX_PARTS 8

/** The files of a dump given as PATH or, if it is split, as PATH,PATH...; they stay allocated. */
static inline size_t parts_of(const char *dump, const char *part[MAX_PARTS])
{
	char *copy = strdup(dump), *at;
	size_t n = 0;

	for (at = strtok(copy, ","); at && n < MAX_PARTS; at = strtok(NULL, ","))
		part[n++] = at;
	return n;
}

/** Ends the program, with the reason, if our reader does not open @path. */
static inline struct la_dump *open_ours(const char *path)
{
	const char *part[MAX_PARTS];
	size_t n = parts_of(path, part);
	struct la_error err = { "" };
	struct la_dump *dump;

	if (la_dump_open(&dump, part, n, NULL, &err)) {
		fprintf(stderr, "%s: %s\n", path, err.text);
		exit(2);
	}
	return dump;
}

#endif
