// SPDX-License-Identifier: GPL-3.0-or-later
// Text on its way out.
#include "lakvm/render/sink.h"

#include <stdarg.h>
#include <stdio.h>

#include "lakvm/base/escape.h"

/* As nearly all of it is: seen by its reader as it is. */
static bool is_plain(const char *text)
{
	while ((*text >= ' ' && *text < 0x7f) || *text == '\n' || *text == '\t')
		text++;
	return !*text;
}

void la_puts(const struct la_sink *sink, const char *text)
{
	char chunk[512];

	if (is_plain(text)) {
		sink->put(sink->ctx, text);
		return;
	}
	while (*text) {
		text = la_text_show(text, chunk, sizeof(chunk));
		sink->put(sink->ctx, chunk);
	}
}

void la_put(const struct la_sink *sink, const char *fmt, ...)
{
	char text[640];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	la_puts(sink, text);
}

void la_put_text(const struct la_sink *sink, const char *text, bool lines)
{
	char chunk[512];

	while (*text) {
		text = la_text_escape(text, lines, chunk, sizeof(chunk));
		sink->put(sink->ctx, chunk);
	}
}
