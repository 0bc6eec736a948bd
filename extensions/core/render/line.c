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

/* Where in a line of @columns the text from @at on has to end. */
struct fit {
	size_t all;   /* all of it fits, or so many bytes */
	size_t space; /* up to the last space among these; 0: there is none */
	size_t cut;   /* so many with "..." behind them */
	bool whole;
};

static struct fit fit(const struct la_line *l, size_t at, unsigned columns)
{
	struct fit f = { .whole = false };
	unsigned used = 0;

	for (size_t i = at; i < l->n;) {
		const size_t length = la_utf8_length(l->text + i), n = length ? length : 1;
		const unsigned w = length ? width(la_utf8_code(l->text + i, length)) : 1;

		if (used + w > columns)
			return f;
		if (l->text[i] == ' ' && i > at)
			f.space = i - at;
		used += w;
		i += n;
		f.all = i - at;
		if (used + 3 <= columns)
			f.cut = i - at;
	}
	f.whole = true;
	return f;
}

static void put_bytes(struct la_line *l, size_t at, size_t n, const struct la_sink *to)
{
	const char kept = l->text[at + n];

	l->text[at + n] = '\0';
	la_puts(to, l->text + at);
	l->text[at + n] = kept;
}

size_t la_line_end(struct la_line *l, unsigned columns, size_t lines, unsigned indent,
		   const struct la_sink *to)
{
	unsigned room = columns;
	size_t at = 0;

	for (size_t line = 1;; line++, room = columns - indent) {
		const struct fit f = fit(l, at, room);

		if (line > 1)
			la_put(to, "%*s", (int)indent, "");
		if (f.whole || line == lines) {
			put_bytes(l, at, f.whole ? l->n - at : f.cut, to);
			la_puts(to, f.whole ? "\n" : "...\n");
			return line;
		}
		/* a word that is longer than the line is broken within */
		put_bytes(l, at, f.space > indent ? f.space : f.all, to);
		la_puts(to, "\n");
		at += f.space > indent ? f.space + 1 : f.all;
	}
}
