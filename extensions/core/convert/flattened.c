// SPDX-License-Identifier: GPL-3.0-or-later
// Flattened files that are cut off. The format: dump/flat.c; the mark: makedumpfile diskdump_mod.h.
#include "lakvm/convert/flattened.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"

#define HEADER 4096
#define RECORD 16
#define MAX_OFFSET (UINT64_C(1) << 62)
#define STATUS_AT 424 /* of struct disk_dump_header */
#define INCOMPLETE 8  /* DUMP_DH_COMPRESSED_INCOMPLETE */

struct record {
	uint64_t to, len; /* place in the plain file */
	uint64_t at;      /* of its bytes in this one */
};

static bool read_at(int fd, uint64_t at, void *ret, size_t len)
{
	size_t done = 0;

	while (done < len) {
		const ssize_t n = pread(fd, (char *)ret + done, len - done, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static bool is_flattened(int fd)
{
	static const char signature[16] = "makedumpfile";
	char head[sizeof(signature)];

	return read_at(fd, 0, head, sizeof(head)) && !memcmp(head, signature, sizeof(head));
}

enum found { FOUND, FOUND_END, FOUND_CUT };

/* The record at @at of a file of @size bytes; of the last one there may be less than it says. */
static enum found next_record(int fd, uint64_t at, uint64_t size, struct record *ret)
{
	uint64_t words[2];

	if (at > size || size - at < RECORD || !read_at(fd, at, words, sizeof(words)))
		return FOUND_CUT;
	*ret = (struct record){ be64toh(words[0]), be64toh(words[1]), at + RECORD };
	if (ret->to == UINT64_MAX && ret->len == UINT64_MAX)
		return FOUND_END;
	/* The unwritten rest of a file reads as zeros. */
	return ret->to >= MAX_OFFSET || ret->len >= MAX_OFFSET || !ret->len ? FOUND_CUT : FOUND;
}

bool la_flattened_is_cut(int fd)
{
	unsigned char end[RECORD], mark[RECORD];
	struct record r = { 0 };
	enum found found;
	struct stat st;

	memset(mark, 0xff, sizeof(mark));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size < HEADER || !is_flattened(fd))
		return false;
	/* A whole one ends with it: then there is no need to go through all of it. */
	if (read_at(fd, (uint64_t)st.st_size - sizeof(end), end, sizeof(end)) &&
	    !memcmp(end, mark, sizeof(end)))
		return false;
	for (uint64_t at = HEADER;; at = r.at + r.len) {
		found = next_record(fd, at, (uint64_t)st.st_size, &r);
		if (found != FOUND)
			return found == FOUND_CUT;
	}
}

static enum la_status copy(int in, int out, const struct record *r, uint64_t len,
			   struct la_error *err)
{
	char buffer[65536];

	for (uint64_t done = 0; done < len;) {
		const size_t n =
			len - done < sizeof(buffer) ? (size_t)(len - done) : sizeof(buffer);
		size_t written = 0;

		if (!read_at(in, r->at + done, buffer, n))
			return la_fail(err, LA_IO, "%s", strerror(errno));
		while (written < n) {
			const ssize_t w = pwrite(out, buffer + written, n - written,
						 (off_t)(r->to + done + written));

			if (w < 0 && errno == EINTR)
				continue;
			if (w <= 0)
				return la_fail(err, LA_IO, "%s", strerror(errno));
			written += (size_t)w;
		}
		done += n;
	}
	return LA_OK;
}

static enum la_status mark_incomplete(int out, struct la_error *err)
{
	unsigned char head[STATUS_AT + 4];

	if (!read_at(out, 0, head, sizeof(head)) || memcmp(head, "KDUMP   ", 8) != 0)
		return la_fail(err, LA_TRUNCATED, "it ends before the dump's header does");
	const uint32_t status = htole32(la_le32(head + STATUS_AT) | INCOMPLETE);

	return pwrite(out, &status, sizeof(status), STATUS_AT) == (ssize_t)sizeof(status) ?
		       LA_OK :
		       la_fail(err, LA_IO, "%s", strerror(errno));
}

enum la_status la_flattened_restore(int in, int out, uint64_t *ret_bytes, struct la_error *err)
{
	enum la_status status;
	struct record r = { 0 };
	struct stat st;

	*ret_bytes = 0;
	if (fstat(in, &st))
		return la_fail(err, LA_IO, "%s", strerror(errno));
	if (!is_flattened(in))
		return la_fail(err, LA_INVALID, "not a flattened dump");
	for (uint64_t at = HEADER; next_record(in, at, (uint64_t)st.st_size, &r) == FOUND;
	     at = r.at + r.len) {
		const uint64_t left = (uint64_t)st.st_size - r.at;

		status = copy(in, out, &r, r.len < left ? r.len : left, err);
		if (status != LA_OK)
			return status;
		*ret_bytes += r.len < left ? r.len : left;
	}
	return mark_incomplete(out, err);
}
