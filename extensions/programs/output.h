/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files that a program writes: under another name beside their place until they are complete, so
 * that nobody finds half of one. Only what is absent, or a regular file, gives way to them.
 */
#ifndef LAKVM_OUTPUT_H
#define LAKVM_OUTPUT_H

#include <stdbool.h>
#include <sys/stat.h>

#include "lakvm/base/arena.h"
#include "lakvm/base/status.h"

struct output {
	const char *path;
	const char *temporary; /* NULL: there is none */
	int fd;
};

/** Remove what is unfinished when a signal ends the program. Signals that are ignored stay so. */
void output_guard(void);

/**
 * May @path be replaced? LA_INVALID: it is a device, a link, a folder or the like, or the very file
 * that @input describes. LA_IO: nobody can tell.
 */
enum la_status output_may_replace(const char *path, const struct stat *input, struct la_error *err);

/** Are the two names of one file, whether it exists or not? */
bool output_same(const char *a, const char *b);

/** Begin @path. At most two are unfinished at a time. @path and the memory of @arena stay. */
enum la_status output_begin(struct la_arena *arena, const char *path, struct output *ret,
			    struct la_error *err);

enum la_status output_write(struct output *out, const void *data, size_t size,
			    struct la_error *err);

/** Put it on the disk and in its place. */
enum la_status output_complete(struct output *out, const struct stat *input, struct la_error *err);

/** Remove whatever is unfinished. */
void output_remove_unfinished(void);

#endif
