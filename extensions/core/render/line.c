// SPDX-License-Identifier: GPL-3.0-or-later
// Lines cut to a width.
#include "line.h"

#include <string.h>

#include "lakvm/base/escape.h"

static void put(void *ctx, const char *text)
{
	struct la_line *l = ctx;
	const size_t room = sizeof(l->text) - 1 - l->n, len = strlen(text);
	const size_t n = len < room ? len : room;

	memcpy(l->text + l->n, text, n);
	l->n += n;
	l->text[l->n] = '\0';
}

void la_line_begin(struct la_line *l)
{
	l->sink = (struct la_sink){ put, l };
	l->n = 0;
	l->text[0] = '\0';
}

/* Columns of a character: East Asian ones and pictures take two (Unicode 16, UAX 11, in large). */
static unsigned width(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} wide[] = {
		{ 0x1100, 0x115f }, { 0x2e80, 0xa4cf },   { 0xac00, 0xd7a3 },
		{ 0xf900, 0xfaff }, { 0xfe30, 0xfe6f },   { 0xff00, 0xff60 },
		{ 0xffe0, 0xffe6 }, { 0x1f300, 0x1faff }, { 0x20000, 0x3fffd },
	};

	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		if (code >= wide[i].first && code <= wide[i].last)
			return 2;
	return 1;
}

void la_line_end(struct la_line *l, unsigned columns, const struct la_sink *to)
{
	size_t at = 0, fits = 0; /* bytes; fits: with "..." behind them */
	unsigned used = 0;

	while (at < l->n) {
		const size_t length = la_utf8_length(l->text + at);
		const unsigned w = length ? width(la_utf8_code(l->text + at, length)) : 1;

		if (columns && used + w > columns) {
			l->text[fits] = '\0';
			la_puts(to, l->text);
			la_puts(to, "...\n");
			return;
		}
		used += w;
		at += length ? length : 1;
		if (used + 3 <= columns)
			fits = at;
	}
	la_puts(to, l->text);
	la_puts(to, "\n");
}
