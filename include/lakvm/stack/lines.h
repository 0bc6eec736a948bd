/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Source positions of kernel code, and the functions that the compiler inlined there, out of
 * vmlinux's DWARF through elfutils' libdw. Only the units of the addresses asked for are read.
 */
#ifndef LAKVM_LINES_H
#define LAKVM_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/guest/kernel.h"
#include "lakvm/base/status.h"

#define LA_MAX_INLINED 16 /* functions inlined into one another */

/** A place in the source; all text lives until la_lines_close(). */
struct la_place {
	const char *function; /* NULL = unknown */
	const char *file;     /* NULL = unknown */
	unsigned line;        /* 0 = unknown */
};

/**
 * A code address in the source. An inlined function has no frame of its own: at one address the
 * CPU is in inlined[0], which is part of inlined[1], ..., which is part of @self. The line of each is
 * where the one before it was called, that of the innermost where the CPU is.
 */
struct la_lines_at {
	struct la_place self; /* the function that has the frame */
	struct la_place inlined[LA_MAX_INLINED];
	size_t n;
	size_t left_out; /* inlined deeper still, inside inlined[0]: there is no room for them */
};

/**
 * Open the debugging information of door->vmlinux, for addresses that are moved by what
 * door->relocation is now; it stays open, in k->lines, until la_lines_close(); what was open before is
 * closed. LA_ABSENT: the door has no file, or that no such information, or a section of more than 1 GiB.
 * LA_IO, LA_INVALID: it is no vmlinux (la_elf_file_open).
 * LA_NOMEM. On failure k->lines is NULL.
 */
enum la_status la_lines_open(struct la_kernel *k, struct la_error *err);
/** Without effect if it is not open. */
void la_lines_close(struct la_kernel *k);

/**
 * What the instruction at @code (run-time address) belongs to. NULL: not opened, no debugging
 * information about this address, as for a module's, a damaged file, or out of memory. The result lives until
 * the next call.
 */
const struct la_lines_at *la_lines_find(const struct la_kernel *k, uint64_t code);

/** Did the last la_lines_find() find nothing because memory ran out? */
bool la_lines_exhausted(const struct la_kernel *k);

struct la_stack; /* unwind.h */

/**
 * A copy of @stack in @arena whose frames say where their code is in the source, as far as
 * la_lines_find() knows it; their names are @stack's and the file's. NULL: out of memory.
 */
const struct la_stack *la_lines_stack(const struct la_kernel *k, struct la_arena *arena,
				      const struct la_stack *stack);

#endif
