/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text of the guest made fit to print: it may hold anything. */
#ifndef LAKVM_TEXT_H
#define LAKVM_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "lakvm/render/render.h"

/** Length of the well-formed UTF-8 character at @s (RFC 3629), 0 if there is none. */
size_t la_utf8_length(const char *s);

/**
 * Copy @s to @ret as far as it fits: control characters, DEL and bytes that are no UTF-8 as
 * "\xNN". @lines: the line behind a newline is indented beyond our labels; else a newline is a
 * control character like others. Returns where it stopped; call again until that is the text's
 * end. @size must be at least 32.
 */
const char *la_text_escape(const char *s, bool lines, char *ret, size_t size);

/** Is @c to be shown at all? */
bool la_render_wanted(const struct la_render_options *opt, const struct la_cpu *c);

#endif
