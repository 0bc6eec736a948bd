// SPDX-License-Identifier: GPL-3.0-or-later
// Which known issues a verdict looks like.
#include <string.h>

#include "lakvm/triage/known.h"
#include "lakvm/triage/panic.h"

/* Behind the last * all is tried again one byte further: no more than pattern times text steps. */
bool la_known_glob(const char *pattern, const char *text)
{
	const char *star = NULL, *from = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			from = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

/* Nothing asked, or there is something and it fits. */
static bool fits(const char *pattern, const char *text)
{
	return !pattern || (text && la_known_glob(pattern, text));
}

/* By the hash, or the text whole. */
static bool signature_fits(const char *pattern, const struct la_panic *p)
{
	return !pattern || (p->signature &&
			    (!strcmp(pattern, p->hash) || la_known_glob(pattern, p->signature)));
}

static bool a_fact_fits(const char *pattern, const struct la_panic *p)
{
	if (!pattern)
		return true;
	for (size_t i = 0; i < p->nfacts; i++)
		if (la_known_glob(pattern, p->fact[i].text))
			return true;
	return false;
}

static bool matches(const struct la_known_pattern *a, const struct la_panic *p)
{
	return fits(a->verdict, la_verdict_name(p->verdict)) && fits(a->kind, p->cause.kind) &&
	       fits(a->function, p->cause.symbol ? p->cause.symbol : p->cause.caller) &&
	       fits(a->module, p->cause.module) && fits(a->message, p->message) &&
	       fits(a->kernel, p->release) && signature_fits(a->signature, p) &&
	       a_fact_fits(a->fact, p);
}

bool la_known_match(struct la_arena *arena, const struct la_known_table *table, struct la_panic *p)
{
	const struct la_known **known;
	size_t n = 0;

	for (size_t i = 0; i < table->n; i++)
		n += matches(&table->entry[i].pattern, p);
	if (!n)
		return true;
	known = la_alloc_n(arena, p->nknown + n, sizeof(*known));
	if (!known)
		return false;
	if (p->nknown)
		memcpy(known, p->known, p->nknown * sizeof(*known));
	for (size_t i = 0; i < table->n; i++)
		if (matches(&table->entry[i].pattern, p))
			known[p->nknown++] = &table->entry[i];
	p->known = known;
	return true;
}
