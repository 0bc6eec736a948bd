// SPDX-License-Identifier: GPL-3.0-or-later
// Tables of known issues: stanzas of "KEY = VALUE" lines below a "[name]".
#include "lakvm/triage/known.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lakvm/base/jump.h"

/* A line that is longer is no sentence. */
#define MAX_LINE 1024

struct parser {
	struct la_arena *arena;
	struct la_known_table *table;
	struct la_known *entry; /* LA_KNOWN_MAX of them */
	struct la_known now;    /* the stanza that is read; name NULL: there is none */
	size_t began;           /* its line */
	bool spoiled;           /* it has a line that cannot be used: none of it is */
	size_t left_out;        /* remarks */
	bool nomem;
};

static void remark(struct parser *p, size_t line, const char *what, const char *about, int n)
{
	struct la_known_table *t = p->table;
	const char *text;

	if (t->nremarks == LA_KNOWN_REMARKS - 1) {
		p->left_out++;
		return;
	}
	text = la_format(p->arena, "line %zu: %s%s%.*s%s", line, what, n ? " \"" : "",
			 n < 40 ? n : 40, about, n ? "\"" : "");
	if (text)
		t->remark[t->nremarks++] = text;
	p->nomem |= !text;
}

static const char **place_of(struct la_known *k, const char *key, size_t n)
{
	const struct {
		const char *name;
		const char **place;
	} keys[] = {
		{ "what", &k->what },
		{ "cure", &k->cure },
		{ "link", &k->link },
		{ "verdict", &k->pattern.verdict },
		{ "kind", &k->pattern.kind },
		{ "function", &k->pattern.function },
		{ "module", &k->pattern.module },
		{ "message", &k->pattern.message },
		{ "kernel", &k->pattern.kernel },
		{ "signature", &k->pattern.signature },
		{ "fact", &k->pattern.fact },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strlen(keys[i].name) == n && !memcmp(keys[i].name, key, n))
			return keys[i].place;
	return NULL;
}

/* One that asks for a kernel alone would fit every verdict of it. */
static bool asks(const struct la_known_pattern *a)
{
	return a->verdict || a->kind || a->function || a->module || a->message || a->signature ||
	       a->fact;
}

/* The stanza is at its end: is it one? */
static void close_stanza(struct parser *p)
{
	struct la_known_table *t = p->table;

	if (!p->now.name)
		return;
	if (p->spoiled)
		; /* it was said */
	else if (!p->now.what)
		remark(p, p->began, "an entry that does not say what it is:", p->now.name,
		       (int)strlen(p->now.name));
	else if (!asks(&p->now.pattern))
		remark(p, p->began, "an entry that would fit everything:", p->now.name,
		       (int)strlen(p->now.name));
	else
		p->entry[t->n++] = p->now;
	p->now = (struct la_known){ .name = NULL };
	p->spoiled = false;
}

static const char *keep(struct parser *p, const char *text, size_t n)
{
	const char *copy = la_strndup(p->arena, text, n);

	p->nomem |= !copy;
	return copy;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void trim(const char **text, size_t *n)
{
	while (*n && blank((*text)[0])) {
		(*text)++;
		(*n)--;
	}
	while (*n && blank((*text)[*n - 1]))
		(*n)--;
}

static void read_name(struct parser *p, size_t line, const char *text, size_t n)
{
	close_stanza(p);
	p->began = line;
	p->now.name = keep(p, text + 1, n - 2);
	if (n > 2)
		return;
	p->spoiled = true;
	remark(p, line, "an entry without a name", "", 0);
}

static void read_value(struct parser *p, size_t line, const char *text, size_t n)
{
	const char *equals = memchr(text, '=', n), *value;
	size_t key, left;
	const char **place;

	if (!equals || !p->now.name) {
		p->spoiled |= p->now.name != NULL;
		remark(p, line,
		       equals ? "it belongs to no entry:" : "neither [name] nor KEY = VALUE:", text,
		       (int)n);
		return;
	}
	key = (size_t)(equals - text);
	value = equals + 1;
	left = n - key - 1;
	trim(&text, &key);
	trim(&value, &left);
	place = place_of(&p->now, text, key);
	if (place && !*place && left) {
		*place = keep(p, value, left);
		return;
	}
	p->spoiled = true;
	remark(p, line,
	       !place ? "there is no key" :
	       *place ? "a second time:" :
			"nothing behind",
	       text, (int)key);
}

static void read_line(struct parser *p, size_t line, const char *text, size_t n)
{
	trim(&text, &n);
	if (!n || text[0] == '#')
		return;
	if (n > MAX_LINE || memchr(text, '\0', n)) {
		p->spoiled |= p->now.name != NULL;
		remark(p, line, n > MAX_LINE ? "too long" : "a zero byte", "", 0);
	} else if (text[0] == '[' && text[n - 1] == ']') {
		read_name(p, line, text, n);
	} else {
		read_value(p, line, text, n);
	}
}

enum la_status la_known_parse(struct la_arena *arena, const char *text, size_t size,
			      struct la_known_table *ret, struct la_error *err)
{
	struct parser p = { .arena = arena, .table = ret };
	size_t line = 1, at = 0;

	*ret = (struct la_known_table){ .n = 0 };
	p.entry = la_alloc_n(arena, LA_KNOWN_MAX, sizeof(*p.entry));
	if (!p.entry)
		return la_fail(err, LA_NOMEM, "known issues");
	ret->entry = p.entry;
	for (; at < size && ret->n < LA_KNOWN_MAX; line++) {
		const char *end = memchr(text + at, '\n', size - at);
		const size_t n = end ? (size_t)(end - (text + at)) : size - at;

		read_line(&p, line, text + at, n);
		at += n + 1;
	}
	if (ret->n < LA_KNOWN_MAX)
		close_stanza(&p);
	else if (at < size)
		remark(&p, line, "more entries than are read", "", 0);
	if (p.left_out) {
		ret->remark[ret->nremarks] = la_format(arena, "and %zu more", p.left_out);
		p.nomem |= !ret->remark[ret->nremarks];
		ret->nremarks += ret->remark[ret->nremarks] != NULL;
	}
	return p.nomem ? la_fail(err, LA_NOMEM, "known issues") : LA_OK;
}

/* All of the file in @arena. */
static enum la_status read_file(struct la_arena *arena, const char *path, char **ret, size_t *ret_n,
				struct la_error *err)
{
	/* Without O_NONBLOCK a FIFO would be waited for. */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	enum la_status status = LA_OK;
	size_t n = 0, size = 0;
	struct stat st;
	ssize_t got = 1;

	if (fd < 0)
		return la_fail(err, errno == ENOENT || errno == ENOTDIR ? LA_ABSENT : LA_IO,
			       "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		status = la_fail(err, LA_IO, "%s: not a file", path);
	else if (st.st_size > (off_t)LA_KNOWN_FILE_MAX)
		status = la_fail(err, LA_INVALID, "%s: larger than %zu bytes", path,
				 LA_KNOWN_FILE_MAX);
	else if (!(*ret = la_alloc(arena, size = (size_t)st.st_size)))
		status = la_fail(err, LA_NOMEM, "%s", path);
	while (status == LA_OK && n < size && got) {
		got = read(fd, *ret + n, size - n);
		if (got < 0 && errno != EINTR)
			status = la_fail(err, LA_IO, "%s: %s", path, strerror(errno));
		n += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	*ret_n = n;
	return status;
}

enum la_status la_known_read(struct la_arena *arena, const char *path, struct la_known_table *ret,
			     struct la_error *err)
{
	enum la_status status;
	sigset_t before;
	char *text = NULL;
	size_t n = 0;

	*ret = (struct la_known_table){ .n = 0 };
	la_hold(&before); /* a jump would leave the file open */
	status = read_file(arena, path, &text, &n, err);
	la_release(&before);
	if (status == LA_OK)
		status = la_known_parse(arena, text, n, ret, err);
	for (size_t i = 0; status == LA_OK && i < ret->nremarks; i++) {
		ret->remark[i] = la_format(arena, "%s: %s", path, ret->remark[i]);
		if (!ret->remark[i])
			status = la_fail(err, LA_NOMEM, "%s", path);
	}
	if (status != LA_OK)
		*ret = (struct la_known_table){ .n = 0 };
	return status;
}
