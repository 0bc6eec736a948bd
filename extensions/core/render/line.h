/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One line of text that is no wider than a screen. */
#ifndef LAKVM_RENDER_LINE_H
#define LAKVM_RENDER_LINE_H

#include <stddef.h>

#include "lakvm/render/sink.h"

/** A line that is being written; its sink takes pieces. What has no room is left away. */
struct la_line {
	struct la_sink sink;
	char text[2048];
	size_t n;
};

/** Begin an empty line. @l must stay where it is until la_line_end. */
void la_line_begin(struct la_line *l);

/**
 * Hand it to @to in at most @lines lines of @columns each, wide characters counted as two: broken at spaces, each
 * further line @indent columns in; what has no room is left away for "...". Returns how many lines those were.
 */
size_t la_line_end(struct la_line *l, unsigned columns, size_t lines, unsigned indent,
		   const struct la_sink *to);

#endif
