// SPDX-License-Identifier: GPL-3.0-or-later
// Guest text into printable text.
#include "lakvm/base/escape.h"

#include <stdio.h>
#include <string.h>

size_t la_utf8_length(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (p[0] < 0x80)
		return p[0] != 0;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		n = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		n = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		n = 4;
	else
		return 0;
	/* No overlong forms, no surrogates, nothing beyond U+10FFFF. */
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return n;
}

uint32_t la_utf8_code(const char *s, size_t length)
{
	static const unsigned char mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t code = (unsigned char)s[0] & mask[length];

	for (size_t i = 1; i < length; i++)
		code = code << 6 | ((unsigned char)s[i] & 0x3f);
	return code;
}

/* C0 controls, DEL, and the C1 controls U+0080 to U+009F, which terminals obey as well. */
static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

/* Unicode 16, DerivedCoreProperties.txt; the line separators, annotation marks and what is no character added. */
static const struct {
	uint32_t first, last;
} hidden[] = {
	{ 0xad, 0xad },       { 0x34f, 0x34f },     { 0x61c, 0x61c },   { 0x115f, 0x1160 },
	{ 0x17b4, 0x17b5 },   { 0x180b, 0x180f },   { 0x200b, 0x200f }, { 0x2028, 0x202e },
	{ 0x2060, 0x206f },   { 0x3164, 0x3164 },   { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff },
	{ 0xffa0, 0xffa0 },   { 0xfff0, 0xfffb },   { 0xfffe, 0xffff }, { 0x1bca0, 0x1bca3 },
	{ 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
};

bool la_text_hidden(uint32_t code)
{
	if (is_control(code))
		return true;
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (code >= hidden[i].first && code <= hidden[i].last)
			return true;
	return false;
}

/* Continuation lines begin behind the column of labels, so that none can pose as one of ours. */
#define NEWLINE "\n             "
#define PIECE (sizeof(NEWLINE) + 1) /* the longest that one character becomes, and a NUL */

enum newline { ESCAPED, INDENTED, KEPT };

/* What the character at @s becomes. Returns how many bytes of @s that is. */
static size_t escape_one(const char *s, enum newline newline, char ret[PIECE])
{
	const unsigned char *p = (const unsigned char *)s;
	const size_t n = la_utf8_length(s);
	const uint32_t code = la_utf8_code(s, n);

	if (*s == '\n' && newline == INDENTED)
		memcpy(ret, NEWLINE, sizeof(NEWLINE));
	else if (*s == '\n' && newline == KEPT)
		memcpy(ret, "\n", 2);
	else if (!n)
		snprintf(ret, PIECE, "\\x%02x", p[0]);
	else if (*s == '\t' || !la_text_hidden(code))
		snprintf(ret, PIECE, "%.*s", (int)n, s);
	else if (!is_control(code))
		snprintf(ret, PIECE, code > 0xffff ? "\\U%08x" : "\\u%04x", code);
	else if (n == 1)
		snprintf(ret, PIECE, "\\x%02x", p[0]);
	else
		snprintf(ret, PIECE, "\\x%02x\\x%02x", p[0], p[1]);
	return n ? n : 1;
}

static const char *escape(const char *s, enum newline newline, char *ret, size_t size)
{
	size_t used = 0;

	while (*s) {
		char piece[PIECE];
		const size_t taken = escape_one(s, newline, piece), n = strlen(piece);

		if (n >= size - used)
			break;
		memcpy(ret + used, piece, n);
		used += n;
		s += taken;
	}
	ret[used] = '\0';
	return s;
}

const char *la_text_escape(const char *s, bool lines, char *ret, size_t size)
{
	return escape(s, lines ? INDENTED : ESCAPED, ret, size);
}

const char *la_text_show(const char *s, char *ret, size_t size)
{
	return escape(s, KEPT, ret, size);
}
