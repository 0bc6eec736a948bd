// SPDX-License-Identifier: GPL-3.0-or-later
// panic() that was called again while it ran, by a notifier of its own say: what the first call said, where the log is lost.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "collect.h"
#include "message.h"

#define MAX_MESSAGE 1024 /* of panic()'s own buffer */
#define UNKNOWN "..."

/* The arguments of the call that frame @at makes, one after the other; those on the stack are not followed. */
struct arguments {
	const struct la_kernel *k;
	struct la_arena *arena;
	const struct la_stack *stack;
	size_t at;
	unsigned next;
};

static bool next_argument(struct arguments *a, uint64_t *ret)
{
	const unsigned reg = a->next;

	if (reg > LA_R_A7)
		return false;
	a->next++;
	return la_frame_register(a->k, a->stack, a->at, a->stack->frame[a->at].code, reg, ret);
}

static char *number(struct la_arena *arena, char conversion, bool prefix, unsigned bytes, int width,
		    uint64_t value)
{
	const uint64_t low = bytes < 8 ? value & UINT32_MAX : value;
	const int64_t wide = bytes < 8 ? (int64_t)(int32_t)value : (int64_t)value;

	switch (conversion) {
	case 'd':
	case 'i':
		return la_format(arena, "%0*" PRId64, width, wide);
	case 'u':
		return la_format(arena, "%0*" PRIu64, width, low);
	case 'x':
	case 'X':
		return la_format(arena, prefix ? "%#0*" PRIx64 : "%0*" PRIx64, width, low);
	default:
		return NULL;
	}
}

/* What printf() makes of the conversion at @*format, a '%', and behind it; where that is not known, UNKNOWN. */
static const char *convert(struct arguments *a, const char **format)
{
	const char *at = *format + 1;
	bool prefix = false, zeros = false;
	unsigned bytes = 4;
	uint64_t value;
	char *text;
	int width = 0;

	for (; *at && strchr("#0- +", *at); at++) {
		prefix = prefix || *at == '#';
		zeros = zeros || *at == '0';
	}
	for (; *at >= '0' && *at <= '9'; at++)
		width = width < 64 ? width * 10 + *at - '0' : width;
	for (; *at && strchr("hlLqzt", *at); at++)
		bytes = *at == 'h' ? bytes : 8;
	*format = at + (*at != '\0');
	if (*at == '%')
		return "%";
	if (!next_argument(a, &value))
		return UNKNOWN;
	if (*at == 's')
		return la_read_text(a->k, a->arena, value, MAX_MESSAGE, &text, NULL) == LA_OK ?
			       text :
			       UNKNOWN;
	text = number(a->arena, *at, prefix, bytes, zeros ? width : 0, value);
	return text ? text : UNKNOWN;
}

/* The text that the call of panic() by frame @at was given. NULL: it is not known. */
static const char *text_of_call(const struct la_kernel *k, struct la_arena *arena,
				const struct la_stack *stack, size_t at)
{
	struct arguments a = { .k = k, .arena = arena, .stack = stack, .at = at, .next = LA_R_A0 };
	char said[MAX_MESSAGE] = "";
	uint64_t address;
	char *format;
	size_t n = 0;

	if (!next_argument(&a, &address) ||
	    la_read_text(k, arena, address, sizeof(said) - 1, &format, NULL) != LA_OK)
		return NULL;
	for (const char *f = format; *f && n < sizeof(said) - 1;) {
		const size_t plain = strcspn(f, "%");
		const char *value = "";

		n += (size_t)snprintf(said + n, sizeof(said) - n, "%.*s", (int)plain, f);
		f += plain;
		if (*f)
			value = convert(&a, &f);
		if (n < sizeof(said))
			n += (size_t)snprintf(said + n, sizeof(said) - n, "%s", value);
	}
	return la_plain_text(said) ? la_format(arena, "%s", said) : NULL;
}

const char *la_triage_first_message(const struct la_kernel *k, struct la_arena *arena,
				    const struct la_triage *t)
{
	if (t->panics < 2)
		return t->buffer;
	return t->below_panic < t->cpu->stack.n ?
		       text_of_call(k, arena, &t->cpu->stack, t->below_panic) :
		       NULL;
}
