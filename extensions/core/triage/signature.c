// SPDX-License-Identifier: GPL-3.0-or-later
// Signature of a verdict: normalised text first, then its hash, so that a person can see what
// was compared. The first word is the version of this scheme: a change of it by which most signatures become others
// changes the word.
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

/*
 * SYSCALL_DEFINEx() (include/linux/syscalls.h) gives a system call two names at one address, sys_x and __se_sys_x,
 * and a body __do_sys_x, which is mostly inlined: which of them is found depends on the order of symbols and on the
 * compiler.
 */
static size_t system_call_prefix(const char *function)
{
	return !strncmp(function, "__se_sys_", 9) || !strncmp(function, "__do_sys_", 9) ? 5 : 0;
}

/* The text so far, and the function that was added last. */
struct names {
	char *text;
	const char *last;
	int length;
	size_t n;
};

static void add_name(struct la_arena *arena, struct names *names, const char *function, int length)
{
	const size_t prefix = system_call_prefix(function);

	function += prefix;
	length -= (int)prefix;
	/* no system call calls itself: that was its body */
	if (names->n && length == names->length && !strncmp(function, "sys_", 4) &&
	    !strncmp(function, names->last, (size_t)length))
		return;
	names->text =
		la_format(arena, "%s%s%.*s", names->text, names->n++ ? "<" : " ", length, function);
	names->last = function;
	names->length = length;
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
	struct names names = { .n = 0 };
	struct la_callers who;

	if (p->verdict == LA_VERDICT_UNKNOWN || p->verdict == LA_VERDICT_RUNNING)
		return;
	names.text = la_format(j->arena, "%s %s%s%s%s%s", SCHEME,
			       c->kind ? c->kind : la_verdict_name(p->verdict), address_class(c),
			       message ? " \"" : "", message ? message : "", message ? "\"" : "");
	if (names.text && first && !la_is_machinery(first))
		add_name(j->arena, &names, first, plain_length(first));
	la_triage_callers(t, j, &who);
	for (size_t i = 0; names.text && i < who.n && names.n < MAX_FUNCTIONS; i++) {
		/* What runs everything tells nothing, and unwinders differ there. */
		if (la_is_outermost(who.function[i]))
			break;
		add_name(j->arena, &names, who.function[i], who.length[i]);
	}
	if (!names.text)
		return;
	p->signature = names.text;
	snprintf(p->hash, sizeof(p->hash), "%016" PRIx64, fnv1a(names.text));
}
