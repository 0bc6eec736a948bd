// SPDX-License-Identifier: GPL-3.0-or-later
// Guest text into printable text.
#include "escape.h"

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

/* C0 controls, DEL, and the C1 controls U+0080 to U+009F, which terminals obey as well. */
static int is_control(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;

	return (n == 1 && (p[0] < 0x20 || p[0] == 0x7f)) || (n == 2 && p[0] == 0xc2 && p[1] < 0xa0);
}

/* Continuation lines begin behind the column of labels, so that none can pose as one of ours. */
#define NEWLINE "\n             "

const char *la_text_escape(const char *s, bool lines, char *ret, size_t size)
{
	size_t used = 0;

	while (*s && size - used > sizeof(NEWLINE)) {
		size_t n = la_utf8_length(s);

		if (*s == '\n' && lines) {
			memcpy(ret + used, NEWLINE, sizeof(NEWLINE) - 1);
			used += sizeof(NEWLINE) - 1;
			s++;
		} else if (*s == '\t') {
			ret[used++] = *s++;
		} else if (!n || is_control(s, n)) {
			used += (size_t)snprintf(ret + used, size - used, "\\x%02x",
						 (unsigned char)*s);
			s++;
			if (n == 2) { /* the second byte of a C1 control is no character alone */
				if (size - used > 4)
					used += (size_t)snprintf(ret + used, size - used, "\\x%02x",
								 (unsigned char)*s);
				s++;
			}
		} else {
			memcpy(ret + used, s, n);
			used += n;
			s += n;
		}
	}
	ret[used] = '\0';
	return s;
}
