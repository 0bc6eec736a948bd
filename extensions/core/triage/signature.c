// SPDX-License-Identifier: GPL-3.0-or-later
// Signature of a verdict: normalised text first, then its hash, so that a person can see what
// was compared. The first word is the version of this scheme: any change of it changes the word.
#include "signature.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#define SCHEME "lakvm-1"
#define MAX_FUNCTIONS 6

/* Length of a number at @s: 0x and hex digits, or decimal, or a bare address of 16 digits. */
static size_t number_length(const char *s)
{
	size_t n = 0;

	if (s[0] == '0' && s[1] == 'x' && isxdigit((unsigned char)s[2])) {
		for (n = 2; isxdigit((unsigned char)s[n]);)
			n++;
		return n;
	}
	while (isxdigit((unsigned char)s[n]))
		n++;
	if (n >= 8)
		return n;
	for (n = 0; isdigit((unsigned char)s[n]);)
		n++;
	return n;
}

/* @text with every number as '#': addresses, pids, sizes, sectors, error codes. */
static char *mask_numbers(struct la_arena *arena, const char *text)
{
	char *masked = la_strndup(arena, text, strlen(text));
	char *out = masked;

	if (!masked)
		return NULL;
	while (*text) {
		size_t n = number_length(text);

		if (n) {
			*out++ = '#';
			text += n;
			continue;
		}
		/* A newline in a message must not make two lines of one signature. */
		*out++ = isspace((unsigned char)*text) ? ' ' : *text;
		text++;
	}
	*out = '\0';
	return masked;
}

/* "func.isra.0" and "func.cold" are whatever this build's compiler made of func. */
static int plain_length(const char *function)
{
	return (int)strcspn(function, ".");
}

static uint64_t fnv1a(const char *text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return hash;
}

void la_signature(struct la_arena *arena, struct la_panic *p, const char *const *function,
		  size_t nfunctions)
{
	const char *message = p->message ? mask_numbers(arena, p->message) : "";
	char *text = la_format(arena, "%s %s %s \"%s\"", SCHEME, la_verdict_name(p->verdict),
			       p->cause.kind ? p->cause.kind : "-", message ? message : "");

	for (size_t i = 0; text && i < nfunctions && i < MAX_FUNCTIONS; i++)
		text = la_format(arena, "%s%s%.*s", text, i ? "<" : " ", plain_length(function[i]),
				 function[i]);
	if (!text)
		return;
	p->signature = text;
	snprintf(p->hash, sizeof(p->hash), "%016" PRIx64, fnv1a(text));
}
