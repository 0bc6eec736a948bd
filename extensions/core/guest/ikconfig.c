// SPDX-License-Identifier: GPL-3.0-or-later
// The kernel's own configuration out of its image.
#include "lakvm/guest/ikconfig.h"

#include <string.h>
#include <zlib.h>

/* A distribution's is 70 KiB packed, 300 KiB unpacked. */
#define MAX_PACKED ((size_t)1 << 20)
#define MAX_TEXT ((size_t)4 << 20)

static enum la_status unpack(const void *packed, size_t len, char *ret, size_t size,
			     struct la_error *err)
{
	z_stream z = { .next_in = (void *)packed,
		       .avail_in = (uInt)len,
		       .next_out = (void *)ret,
		       .avail_out = (uInt)size };
	int got;

	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) /* 16: with gzip's header */
		return la_fail(err, LA_NOMEM, "zlib");
	got = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	if (got != Z_STREAM_END)
		return la_fail(err, LA_CORRUPT, "not what gzip writes, or longer than %zu bytes",
			       size);
	return LA_OK;
}

enum la_status la_ikconfig_read(const struct la_kernel *k, struct la_arena *arena, const char **ret,
				struct la_error *err)
{
	const struct la_door *door = k->door;
	uint64_t start, end;
	char *packed, *text;
	enum la_status status;

	if (!door->symbol(door->ctx, "kernel_config_data", &start) ||
	    !door->symbol(door->ctx, "kernel_config_data_end", &end))
		return la_fail(err, LA_ABSENT, "this kernel carries no configuration");
	if (end <= start || end - start > MAX_PACKED)
		return la_fail(err, LA_CORRUPT, "kernel_config_data ends where it cannot");
	packed = la_alloc(arena, end - start);
	text = la_alloc(arena, MAX_TEXT + 1);
	if (!packed || !text)
		return la_fail(err, LA_NOMEM, "kernel configuration");
	status = la_read(k, start, packed, end - start, err);
	if (status == LA_OK)
		status = unpack(packed, end - start, text, MAX_TEXT, err);
	if (status != LA_OK)
		return la_fail(err, status, "kernel configuration");
	*ret = text;
	return LA_OK;
}

bool la_ikconfig_enabled(const char *text, const char *name)
{
	const size_t n = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, n) && !strncmp(line + n, "=y", 2) &&
		    (!line[n + 2] || line[n + 2] == '\n'))
			return true;
	}
	return false;
}
