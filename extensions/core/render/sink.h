/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text on its way out. */
#ifndef LAKVM_PUT_H
#define LAKVM_PUT_H

#include <stdbool.h>

#include "lakvm/render/render.h"

/** A text of our own, as it is. */
void la_puts(const struct la_sink *sink, const char *text);

/** Numbers and short names, at most 639 bytes: longer text goes through la_put_text(). */
void la_put(const struct la_sink *sink, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Text of the guest or of a file, of any length; la_text_escape() says how and what @lines is. */
void la_put_text(const struct la_sink *sink, const char *text, bool lines);

#endif
