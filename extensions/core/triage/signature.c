// SPDX-License-Identifier: GPL-3.0-or-later
// Signature of a verdict: normalised text first, then its hash, so that a person can see what
// was compared. The first word is the version of this scheme: any change of it changes the word.
#include "trace.h"
#include "triage.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SCHEME "lakvm-2"
#define MAX_FUNCTIONS 3

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

/* What kind of address it was, where that is the same on every machine. */
static const char *address_class(const struct la_cause *c)
{
	if (!c->address_known)
		return "";
	if (c->address < 0x10000)
		return " null";
	if (c->address >= (uint64_t)-4095)
		return " error-number";
	return c->address >> 32 == 0x6b6b6b6b ? " freed" : "";
}

void la_triage_sign(const struct la_triage *t, struct la_judgement *j)
{
	struct la_panic *p = j->panic;
	const struct la_cause *c = &p->cause;
	const char *first = c->caller ? c->caller : c->symbol;
	bool called = p->verdict == LA_VERDICT_PANIC && t->message &&
		      (t->word ? t->word->by == LA_BY_CALLER : !t->in_die);
	const char *message = called ? mask_numbers(j->arena, t->message) : NULL;
	struct la_callers who;
	size_t n = 0;
	char *text;

	if (p->verdict == LA_VERDICT_UNKNOWN || p->verdict == LA_VERDICT_RUNNING)
		return;
	text = la_format(j->arena, "%s %s%s%s%s%s", SCHEME,
			 c->kind ? c->kind : la_verdict_name(p->verdict), address_class(c),
			 message ? " \"" : "", message ? message : "", message ? "\"" : "");
	if (text && first && !la_is_machinery(first))
		text = la_format(j->arena, "%s %.*s", text, plain_length(first), first), n++;
	la_triage_callers(t, j, &who);
	for (size_t i = 0; text && i < who.n && n < MAX_FUNCTIONS; i++, n++) {
		/* What runs everything tells nothing, and unwinders differ there. */
		if (la_is_outermost(who.function[i]))
			break;
		text = la_format(j->arena, "%s%s%.*s", text, n ? "<" : " ", who.length[i],
				 who.function[i]);
	}
	if (!text)
		return;
	p->signature = text;
	snprintf(p->hash, sizeof(p->hash), "%016" PRIx64, fnv1a(text));
}
