// SPDX-License-Identifier: GPL-3.0-or-later
// Flattened files that are cut off. The format: dump/flat.c; the mark: makedumpfile diskdump_mod.h.
#include "lakvm/convert/flattened.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "writer.h"

#define HEADER 4096
#define RECORD 16
#define MAX_OFFSET (UINT64_C(1) << 62)
/* As in dump/flat.c: no writer makes so many records so small. */
#define MANY_RECORDS (1u << 20)
#define LEAST_RECORD 256
#define STATUS_AT 424 /* of struct disk_dump_header */
#define INCOMPLETE 8  /* DUMP_DH_COMPRESSED_INCOMPLETE */

struct record {
	uint64_t to, len; /* place in the plain file */
	uint64_t at;      /* of its bytes in this one */
};

/* A file's records in their order, and the piece of the file that they are read from. */
struct records {
	int fd;
	uint64_t size, next; /* of the file; where the next one begins */
	size_t n;
	uint64_t start; /* of the piece */
	size_t held;
	unsigned char piece[65536];
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

static void begin_records(struct records *r, int fd, uint64_t size)
{
	*r = (struct records){ .fd = fd, .size = size, .next = HEADER };
}

/* The header of a record that begins at r->next; NULL: there are not so many bytes. */
static const unsigned char *header_of(struct records *r)
{
	const uint64_t at = r->next;
	size_t len = sizeof(r->piece);

	if (at > r->size || r->size - at < RECORD)
		return NULL;
	if (at < r->start || at - r->start > r->held || r->held - (at - r->start) < RECORD) {
		/* what lies behind one of a megabyte is read alone, what lies behind a small one ahead */
		if (at < r->start || at - r->start > sizeof(r->piece))
			len = RECORD;
		if (r->size - at < len)
			len = (size_t)(r->size - at);
		r->held = 0;
		if (!read_at(r->fd, at, r->piece, len))
			return NULL;
		r->start = at;
		r->held = len;
	}
	return r->piece + (at - r->start);
}

enum found { FOUND, FOUND_END, FOUND_CUT, FOUND_JUNK };

/* The next record; of the last one there may be less than it says. */
static enum found next_record(struct records *r, struct record *ret)
{
	const unsigned char *header = header_of(r);
	uint64_t words[2];

	if (!header)
		return FOUND_CUT;
	if (r->n >= MANY_RECORDS && r->next / r->n < LEAST_RECORD)
		return FOUND_JUNK;
	memcpy(words, header, sizeof(words));
	*ret = (struct record){ be64toh(words[0]), be64toh(words[1]), r->next + RECORD };
	if (ret->to == UINT64_MAX && ret->len == UINT64_MAX)
		return FOUND_END;
	/* The unwritten rest of a file reads as zeros. */
	if (ret->to >= MAX_OFFSET || ret->len >= MAX_OFFSET || !ret->len)
		return FOUND_CUT;
	r->next = ret->at + ret->len;
	r->n++;
	return FOUND;
}

bool la_flattened_is_cut(int fd)
{
	unsigned char end[RECORD], mark[RECORD];
	struct record record = { 0 };
	struct records r;
	enum found found;
	struct stat st;

	memset(mark, 0xff, sizeof(mark));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size < HEADER || !is_flattened(fd))
		return false;
	/* A whole one ends with it: then there is no need to go through all of it. */
	if (read_at(fd, (uint64_t)st.st_size - sizeof(end), end, sizeof(end)) &&
	    !memcmp(end, mark, sizeof(end)))
		return false;
	begin_records(&r, fd, (uint64_t)st.st_size);
	do
		found = next_record(&r, &record);
	while (found == FOUND);
	return found == FOUND_CUT;
}

static enum la_status copy(int in, struct la_writer *out, const struct record *r, uint64_t len,
			   struct la_error *err)
{
	char buffer[65536];
	enum la_status status = LA_OK;

	for (uint64_t done = 0; done < len && status == LA_OK;) {
		const size_t n =
			len - done < sizeof(buffer) ? (size_t)(len - done) : sizeof(buffer);

		if (!read_at(in, r->at + done, buffer, n))
			return la_fail(err, LA_IO, "%s", strerror(errno));
		status = la_writer_put(out, buffer, n, r->to + done, err);
		done += n;
	}
	return status;
}

/* All records; *@ret_bytes: how many bytes they have. */
static enum la_status copy_all(struct records *r, struct la_writer *out, uint64_t *ret_bytes,
			       struct la_error *err)
{
	struct record record = { 0 };
	enum la_status status = LA_OK;

	while (status == LA_OK && next_record(r, &record) == FOUND) {
		const uint64_t left = r->size - record.at,
			       len = record.len < left ? record.len : left;

		status = copy(r->fd, out, &record, len, err);
		*ret_bytes += len;
	}
	return status;
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
	enum la_status status, written;
	struct la_error why = { "" };
	struct la_writer writer;
	struct records r;
	struct stat st;

	*ret_bytes = 0;
	if (fstat(in, &st))
		return la_fail(err, LA_IO, "%s", strerror(errno));
	if (!is_flattened(in))
		return la_fail(err, LA_INVALID, "not a flattened dump");
	if (la_writer_begin(&writer, out, err) != LA_OK)
		return LA_NOMEM;
	begin_records(&r, in, (uint64_t)st.st_size);
	status = copy_all(&r, &writer, ret_bytes, err);
	written = la_writer_end(&writer, status == LA_OK ? err : &why);
	if (status == LA_OK)
		status = written;
	return status == LA_OK ? mark_incomplete(out, err) : status;
}
