// SPDX-License-Identifier: GPL-3.0-or-later
// Values that are no pointers and were used as such: error codes, text.
#include <inttypes.h>
#include <string.h>

#include "detail.h"

/* Codes that functions return in place of a pointer (uapi/asm-generic/errno-base.h, errno.h; linux/errno.h). */
static const struct {
	unsigned code;
	const char *name;
} codes[] = {
	{ 1, "EPERM" },
	{ 2, "ENOENT" },
	{ 3, "ESRCH" },
	{ 4, "EINTR" },
	{ 5, "EIO" },
	{ 6, "ENXIO" },
	{ 7, "E2BIG" },
	{ 8, "ENOEXEC" },
	{ 9, "EBADF" },
	{ 10, "ECHILD" },
	{ 11, "EAGAIN" },
	{ 12, "ENOMEM" },
	{ 13, "EACCES" },
	{ 14, "EFAULT" },
	{ 16, "EBUSY" },
	{ 17, "EEXIST" },
	{ 18, "EXDEV" },
	{ 19, "ENODEV" },
	{ 20, "ENOTDIR" },
	{ 21, "EISDIR" },
	{ 22, "EINVAL" },
	{ 23, "ENFILE" },
	{ 24, "EMFILE" },
	{ 25, "ENOTTY" },
	{ 27, "EFBIG" },
	{ 28, "ENOSPC" },
	{ 30, "EROFS" },
	{ 34, "ERANGE" },
	{ 36, "ENAMETOOLONG" },
	{ 38, "ENOSYS" },
	{ 61, "ENODATA" },
	{ 71, "EPROTO" },
	{ 75, "EOVERFLOW" },
	{ 95, "EOPNOTSUPP" },
	{ 104, "ECONNRESET" },
	{ 107, "ENOTCONN" },
	{ 110, "ETIMEDOUT" },
	{ 111, "ECONNREFUSED" },
	{ 116, "ESTALE" },
	{ 512, "ERESTARTSYS" },
	{ 517, "EPROBE_DEFER" },
	{ 524, "ENOTSUPP" },
};

const char *la_error_pointer(struct la_arena *arena, uint64_t pointer, uint64_t address)
{
	const uint64_t code = (uint64_t)0 - pointer;
	const uint64_t offset = address - pointer;

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == code)
			return la_format(arena,
					 "error pointer -%" PRIu64 " (%s; or NULL - %" PRIu64
					 ") plus %#" PRIx64,
					 code, codes[i].name, code, offset);
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
