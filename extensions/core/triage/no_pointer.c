// SPDX-License-Identifier: GPL-3.0-or-later
// Values that are no pointers and were used as such: error codes, text.
#include <inttypes.h>
#include <string.h>

#include "detail.h"

/* The kernel's own codes beside those that user space knows by the same number (linux/errno.h). */
static const char *error_name(unsigned code)
{
	switch (code) {
	case 512:
		return "ERESTARTSYS";
	case 513:
		return "ERESTARTNOINTR";
	case 514:
		return "ERESTARTNOHAND";
	case 517:
		return "EPROBE_DEFER";
	case 524:
		return "ENOTSUPP";
	case 529:
		return "EIOCBQUEUED";
	default:
		return strerrorname_np((int)code);
	}
}

const char *la_error_pointer(struct la_arena *arena, uint64_t pointer, uint64_t address)
{
	const uint64_t code = (uint64_t)0 - pointer;
	const uint64_t offset = address - pointer;

	const char *name = error_name((unsigned)code);

	if (name)
		return la_format(arena,
				 "error pointer -%" PRIu64 " (%s; or NULL - %" PRIu64
				 ") plus %#" PRIx64,
				 code, name, code, offset);
	/* container_of(NULL): of a list whose links were never set, say. */
	return la_format(arena, "NULL pointer minus %" PRIu64 " plus %#" PRIx64, code, offset);
}

/* Fewer may be a number; of fewer kinds, a pattern that memory is filled with. */
#define MIN_TEXT 5
#define MIN_KINDS 3

static unsigned kinds_of(const char *text)
{
	unsigned kinds = 0;

	for (const char *at = text; *at; at++)
		kinds += strchr(text, *at) == at;
	return kinds;
}

const char *la_text_pointer(struct la_arena *arena, uint64_t value)
{
	char text[sizeof(value) + 1] = "";
	size_t n = 0;

	/* Text lies in memory from the lowest byte on, and has a NUL behind it, or goes on. */
	while (n < sizeof(value) && (value >> 8 * n & 0xff) >= ' ' &&
	       (value >> 8 * n & 0xff) < 127) {
		text[n] = (char)(value >> 8 * n & 0xff);
		n++;
	}
	if (n < MIN_TEXT || kinds_of(text) < MIN_KINDS ||
	    (n < sizeof(value) && (value >> 8 * n & 0xff)))
		return NULL;
	return la_format(arena, "the text \"%s\" over a pointer", text);
}
