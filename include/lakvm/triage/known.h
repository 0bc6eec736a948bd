/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Known issues: tables that ship with lakvm and that a person keeps, docs/known-issues.md. What matches a verdict is a
 * hint beside it and never changes it.
 */
#ifndef LAKVM_KNOWN_H
#define LAKVM_KNOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "lakvm/base/arena.h"
#include "lakvm/base/status.h"

struct la_panic;

/** What an entry asks of a verdict; patterns with * and ?, NULL: not asked. */
struct la_known_pattern {
	const char *verdict, *kind, *function, *module, *message, *kernel, *signature, *fact;
};

struct la_known {
	const char *name;
	const char *what; /* what it is, a sentence */
	const char *cure; /* NULL: none is told */
	const char *link; /* NULL: none is told */
	struct la_known_pattern pattern;
};

/** As many as a file may have; what stands behind them is not read. */
#define LA_KNOWN_MAX 1000
#define LA_KNOWN_FILE_MAX ((size_t)1 << 20)
/** Remarks that a table holds; the last says how many more there are. */
#define LA_KNOWN_REMARKS 16

struct la_known_table {
	const struct la_known *entry;
	size_t n;
	/* One for each entry or line that cannot be used: "line 12: ...". */
	const char *remark[LA_KNOWN_REMARKS];
	size_t nremarks;
};

/**
 * The entries of @text, @size bytes of any content, in @arena. LA_NOMEM is the only failure; what is wrong is left
 * out and remarked.
 */
enum la_status la_known_parse(struct la_arena *arena, const char *text, size_t size,
			      struct la_known_table *ret, struct la_error *err);

/**
 * Those of the file @path; its remarks name it. LA_ABSENT: there is none. LA_IO: it cannot be read, or is none.
 * LA_INVALID: it is larger than LA_KNOWN_FILE_MAX. LA_NOMEM.
 */
enum la_status la_known_read(struct la_arena *arena, const char *path, struct la_known_table *ret,
			     struct la_error *err);

/**
 * Add the entries of @table that fit the verdict to p->known, behind those that are there. False: out of memory,
 * and p->known is as it was.
 */
bool la_known_match(struct la_arena *arena, const struct la_known_table *table, struct la_panic *p);

/**
 * Match the shipped table and the person's own: ~/.config/lakvm/known-issues, or below $XDG_CONFIG_HOME. Where
 * $LAKVM_KNOWN_ISSUES is set, that file alone is read (empty: none). @tell gets a line about each that cannot be
 * used; a file that is not there is none of these.
 */
void la_known_hints(struct la_arena *arena, struct la_panic *p,
		    void (*tell)(void *ctx, const char *line), void *ctx);

/** Does @text match @pattern, in which * stands for any bytes and ? for one? */
bool la_known_glob(const char *pattern, const char *text);

#endif
