/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text on its way out: to a screen, a file, crash's output. */
#ifndef LAKVM_SINK_H
#define LAKVM_SINK_H

#include <stdbool.h>

/** Where text goes; what put() gets is NUL-terminated and may be part of a line. */
struct la_sink {
	void (*put)(void *ctx, const char *text);
	void *ctx;
};

/**
 * A text of our own, of any length, with its lines as they are. The names in it are a kernel's or a file's: what a
 * reader would not see is made fit to print all the same (la_text_show() in lakvm/base/escape.h).
 */
void la_puts(const struct la_sink *sink, const char *text);

/** Numbers and short names of our own; what is longer than 639 bytes is cut. */
void la_put(const struct la_sink *sink, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/**
 * Text of the guest, of a file, or with a file's name in it, of any length, made fit to print:
 * la_text_escape() (lakvm/base/escape.h) says how, and what @lines is.
 */
void la_put_text(const struct la_sink *sink, const char *text, bool lines);

#endif
