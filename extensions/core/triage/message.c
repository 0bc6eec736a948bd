// SPDX-License-Identifier: GPL-3.0-or-later
// Reading lines of the log: does one open an event, and what does it say?
#include "message.h"

#include <string.h>

const char *la_event_name(const struct la_event *e)
{
	if (e->message)
		return e->message->name;
	return e->kind == LA_EVENT_OOPS ? "oops" : "dump";
}

bool la_eat(const char **p, const char *literal)
{
	size_t n = strlen(literal);

	if (strncmp(*p, literal, n))
		return false;
	*p += n;
	return true;
}

bool la_eat_hex(const char **p, uint64_t *ret)
{
	static const char digits[] = "0123456789abcdef";
	const char *s = *p, *d;
	uint64_t value = 0;
	size_t n = 0;

	if (s[0] == '0' && s[1] == 'x')
		s += 2;
	for (; *s && (d = strchr(digits, *s)); s++, n++)
		value = value << 4 | (uint64_t)(d - digits);
	if (n < 1 || n > 16)
		return false;
	*p = s;
	*ret = value;
	return true;
}

bool la_eat_dec(const char **p, int *ret)
{
	const char *s = *p;
	int value = 0, n = 0;

	for (; *s >= '0' && *s <= '9' && n < 9; s++, n++)
		value = value * 10 + (*s - '0');
	if (!n || (*s >= '0' && *s <= '9'))
		return false;
	*p = s;
	*ret = value;
	return true;
}

void la_eat_spaces(const char **p)
{
	while (**p == ' ' || **p == '\t')
		(*p)++;
}

/* The first place in @s of the first @n bytes of @literal, or NULL. */
static const char *find(const char *s, const char *literal, size_t n)
{
	for (; *s; s++)
		if (!strncmp(s, literal, n))
			return s;
	return NULL;
}

bool la_is_place(const char *s)
{
	uint64_t value;
	size_t n = strcspn(s, "+ ");

	if (!n || s[n] != '+')
		return false;
	s += n + 1;
	return s[0] == '0' && s[1] == 'x' && la_eat_hex(&s, &value) && la_eat(&s, "/0x") &&
	       la_eat_hex(&s, &value) && (!*s || *s == ' ');
}

void la_event_comm(struct la_event *e, const char *start, const char *end)
{
	size_t n = (size_t)(end - start);

	if (n > sizeof(e->comm) - 1)
		n = sizeof(e->comm) - 1;
	memcpy(e->comm, start, n);
	e->comm[n] = '\0';
}

/* Match @line against @pattern and note what it says in @e, which only counts on success. */
static bool scan(const char *line, const char *pattern, struct la_event *e)
{
	const char *end;
	size_t n;
	int dec;

	for (;;) {
		n = strcspn(pattern, "%");
		if (strncmp(line, pattern, n))
			return false;
		line += n;
		pattern += n;
		if (!*pattern)
			return true;
		switch (pattern[1]) {
		case 'c':
			if (la_eat(&line, "-1"))
				e->cpu_bad = true;
			else if (!la_eat_dec(&line, &e->cpu))
				return false;
			break;
		case 'p':
			if (!la_eat_dec(&line, &e->pid))
				return false;
			e->pid_known = true;
			break;
		case 'n':
			if (!la_eat_dec(&line, &dec))
				return false;
			break;
		case 'a':
			if (!la_eat_hex(&line, &e->address))
				return false;
			e->address_known = true;
			break;
		case 'e':
			if (!la_eat_hex(&line, &e->era))
				return false;
			e->era_known = true;
			break;
		case 's':
			line = find(line, pattern + 2, strcspn(pattern + 2, "%"));
			if (!line)
				return false;
			break;
		case 't':
			/* A name may hold anything: the longest one after which the rest fits. */
			for (end = line + strlen(line); end > line; end--) {
				if (scan(end, pattern + 2, e)) {
					la_event_comm(e, line, end);
					return true;
				}
			}
			return false;
		case 'm':
			e->text = line;
			return true;
		}
		pattern += 2;
	}
}

bool la_message_scan(const char *line, struct la_event *ret)
{
	for (size_t i = 0; i < la_vocabulary_size; i++) {
		const struct la_message *m = &la_vocabulary[i];

		/* Most lines differ in their first character. */
		if (m->pattern[0] != '%' && m->pattern[0] != line[0])
			continue;
		*ret = (struct la_event){ .kind = m->kind, .message = m, .line = line, .cpu = -1 };
		if (scan(line, m->pattern, ret))
			return true;
	}
	return false;
}

bool la_plain_text(const char *s)
{
	for (const unsigned char *p = (const unsigned char *)s; *p; p++)
		if ((*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7f)
			return false;
	return *s != '\0';
}
