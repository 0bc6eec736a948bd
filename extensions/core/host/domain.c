// SPDX-License-Identifier: GPL-3.0-or-later
// The domain's XML, as far as its <cpu> goes: a scanner for tags, which knows how deep it is.
#include "lakvm/host/host.h"

#include <string.h>

/* More than any libvirt writes. */
#define MAX_DEPTH 64
#define MAX_NAME 64

struct scan {
	const char *at, *end;
};

/* Behind the next @what; false: there is none. */
static bool skip_to(struct scan *s, const char *what)
{
	const char *found = memmem(s->at, (size_t)(s->end - s->at), what, strlen(what));

	if (!found)
		return false;
	s->at = found + strlen(what);
	return true;
}

static bool begins(const struct scan *s, const char *what)
{
	return (size_t)(s->end - s->at) >= strlen(what) && !memcmp(s->at, what, strlen(what));
}

struct tag {
	const char *name;
	size_t length;
	const char *rest, *end; /* its attributes */
	bool opens, closes;     /* both: an empty element */
};

/* The next tag, over comments, instructions and what is quoted; false: there is none, or it has no end. */
static bool next_tag(struct scan *s, struct tag *ret)
{
	char quote = 0;

	for (;;) {
		const char *end = NULL;

		if (!skip_to(s, "<"))
			return false;
		if (begins(s, "!--"))
			end = "-->";
		else if (begins(s, "![CDATA["))
			end = "]]>";
		else if (begins(s, "?"))
			end = "?>";
		else if (begins(s, "!"))
			end = ">";
		if (!end)
			break;
		if (!skip_to(s, end))
			return false;
	}
	*ret = (struct tag){ .opens = true };
	if (begins(s, "/")) {
		*ret = (struct tag){ .closes = true };
		s->at++;
	}
	ret->name = s->at;
	while (s->at < s->end && !strchr(" \t\r\n/>", *s->at))
		s->at++;
	ret->length = (size_t)(s->at - ret->name);
	ret->rest = s->at;
	for (; s->at < s->end && (quote || *s->at != '>'); s->at++)
		quote = quote ? (*s->at == quote ? 0 : quote) :
				(*s->at == '"' || *s->at == '\'' ? *s->at : 0);
	if (s->at == s->end)
		return false;
	ret->end = s->at++;
	if (ret->end > ret->rest && ret->end[-1] == '/')
		ret->closes = true;
	return true;
}

static bool is(const struct tag *t, const char *name)
{
	return t->length == strlen(name) && !memcmp(t->name, name, t->length);
}

/* The value of an attribute that libvirt writes as NAME='VALUE'; a copy, or NULL. */
static const char *attribute(struct la_arena *arena, const struct tag *t, const char *name)
{
	const size_t n = strlen(name);

	for (const char *p = t->rest; p + n + 2 < t->end; p++) {
		const char *value = p + n + 2, *end;

		if ((*p != ' ' && *p != '\n' && *p != '\t') || memcmp(p + 1, name, n) ||
		    p[n + 1] != '=' || (*value != '\'' && *value != '"'))
			continue;
		end = memchr(value + 1, *value, (size_t)(t->end - value - 1));
		return end && end - value - 1 <= MAX_NAME ?
			       la_strndup(arena, value + 1, (size_t)(end - value - 1)) :
			       NULL;
	}
	return NULL;
}

static const char *text_of(struct la_arena *arena, const struct scan *s)
{
	const char *end = memchr(s->at, '<', (size_t)(s->end - s->at));

	return end && end > s->at && end - s->at <= MAX_NAME ?
		       la_strndup(arena, s->at, (size_t)(end - s->at)) :
		       NULL;
}

bool la_host_parse_domain(struct la_arena *arena, const char *text, size_t size,
			  struct la_host_cpu *ret)
{
	struct scan s = { text, text + size };
	const size_t refused = la_arena_refused(arena);
	bool in_cpu = false;
	unsigned depth = 0;
	struct tag t;

	*ret = (struct la_host_cpu){ 0 };
	while (depth < MAX_DEPTH && next_tag(&s, &t)) {
		if (depth == 0 && !is(&t, "domain"))
			return true;
		if (t.opens && depth == 1 && is(&t, "cpu")) {
			ret->given = true;
			ret->mode = attribute(arena, &t, "mode");
			in_cpu = !t.closes;
		} else if (t.opens && !t.closes && depth == 2 && in_cpu && is(&t, "model")) {
			ret->model = text_of(arena, &s);
		}
		depth += t.opens && !t.closes;
		depth -= t.closes && !t.opens;
		in_cpu = in_cpu && depth > 1;
		if (!depth) {
			ret->known = true;
			break;
		}
	}
	if (!ret->known)
		*ret = (struct la_host_cpu){ 0 };
	return la_arena_refused(arena) == refused;
}
