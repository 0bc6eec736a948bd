// SPDX-License-Identifier: GPL-3.0-or-later
// The file below a dump: large pieces by pread, all others out of the mapping (docs/reader.md).
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A read-ahead asks for more than this, and a system call then costs little beside the copy. */
#define MAPPED_READ 32768
#define MAX_HOLES 65536 /* 2 system calls and 24 bytes each */

/* Opened without waiting, because opening a pipe would wait for its other end. */
enum la_status la_file_open(struct la_file *ret, const char *path, struct la_error *err)
{
	struct stat st;
	off_t size;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return la_fail(err, LA_IO, "cannot open %s: %s", path, strerror(errno));
	memset(ret, 0, sizeof(*ret));
	ret->fd = fd;
	ret->path = path;
	if (fstat(fd, &st) != 0) {
		la_fail(err, LA_IO, "%s: %s", path, strerror(errno));
		close(fd);
		return LA_IO;
	}
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
		close(fd);
		return la_fail(err, LA_UNSUPPORTED, "%s: neither a file nor a block device", path);
	}
	size = S_ISREG(st.st_mode) ? st.st_size : lseek(fd, 0, SEEK_END);
	if (size < 0) {
		la_fail(err, LA_IO, "%s: %s", path, strerror(errno));
		close(fd);
		return LA_IO;
	}
	ret->stored = ret->size = (uint64_t)size;
	return LA_OK;
}

void la_file_map(struct la_file *f)
{
	struct stat st;

	if (fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode))
		la_map_open(&f->map, f->fd, f->stored, false);
}

enum la_status la_file_again(struct la_file *ret, const struct la_file *of, struct la_error *err)
{
	*ret = *of;
	ret->map = (struct la_map){ .base = NULL };
	ret->fd = fcntl(of->fd, F_DUPFD_CLOEXEC, 0);
	if (ret->fd < 0)
		return la_fail(err, LA_IO, "%s: %s", of->path, strerror(errno));
	la_file_map(ret);
	return LA_OK;
}

/* In steps of one hole and one piece of data. -1 in @hole: the file system does not tell them. */
static void next_hole(const struct la_file *f, off_t at, off_t *hole, off_t *data)
{
	*hole = lseek(f->fd, at, SEEK_HOLE);
	*data = *hole < 0 ? -1 : lseek(f->fd, *hole, SEEK_DATA);
	if (*hole >= 0 && *data < 0) /* ENXIO: none up to the end */
		*data = (off_t)f->stored;
}

enum la_status la_file_find_holes(struct la_file *f, struct la_arena *arena)
{
	struct la_extent *hole = NULL;
	size_t n = 0, room = 0;
	struct stat st;
	off_t start, end = 0;

	if (fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_blocks * 512 >= f->stored)
		return LA_OK;
	while (n < MAX_HOLES) {
		next_hole(f, end, &start, &end);
		if (start < 0 || (uint64_t)start >= f->stored || end <= start)
			break;
		hole = la_room(arena, hole, n, &room, sizeof(*hole));
		if (!hole)
			return LA_NOMEM;
		hole[n++] = (struct la_extent){ (uint64_t)start, (uint64_t)end, LA_NO_DATA };
	}
	f->holes = (struct la_extents){ .e = hole, .n = n };
	return LA_OK;
}

bool la_file_is_hole(struct la_file *f, uint64_t off, uint64_t *start, uint64_t *end)
{
	const struct la_extent *next = la_extents_find(&f->holes, off);
	const size_t before = next ? (size_t)(next - f->holes.e) : f->holes.n;

	if (next && next->start <= off) {
		*start = next->start;
		*end = next->end;
		return true;
	}
	*start = before ? f->holes.e[before - 1].end : 0;
	*end = next ? next->start : UINT64_MAX;
	return false;
}

void la_file_close(struct la_file *f)
{
	la_map_close(&f->map);
	if (f->path && f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

enum la_status la_file_read_stored(struct la_file *f, uint64_t off, void *ret, size_t len,
				   struct la_error *err)
{
	uint8_t *to = ret;
	ssize_t n;

	if (off > f->stored || len > f->stored - off)
		return la_fail(err, LA_TRUNCATED,
			       "%s: offset 0x%" PRIx64 ": file ends at 0x%" PRIx64, f->path, off,
			       f->stored);
	if (f->map.usable && len <= MAPPED_READ) {
		memcpy(to, f->map.base + off, len);
		if (la_map_held(&f->map, off, len))
			return LA_OK;
	}
	while (len) {
		n = pread(f->fd, to, len, (off_t)off);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return la_fail(err, LA_IO, "%s: offset 0x%" PRIx64 ": %s", f->path, off,
				       strerror(errno));
		if (n == 0) {
			f->shrank = true;
			return la_fail(err, LA_TRUNCATED,
				       "%s: offset 0x%" PRIx64
				       ": the file has become shorter: it ends at 0x%" PRIx64,
				       f->path, off, (uint64_t)lseek(f->fd, 0, SEEK_END));
		}
		f->stats->file_reads++;
		f->stats->file_bytes += (size_t)n;
		to += n;
		off += (size_t)n;
		len -= (size_t)n;
	}
	return LA_OK;
}

enum la_status la_file_read(struct la_file *f, uint64_t off, void *ret, size_t len,
			    struct la_error *err)
{
	const struct la_extent *e;
	enum la_status status;
	uint8_t *to = ret;
	uint64_t n;

	if (!f->flattened)
		return la_file_read_stored(f, off, ret, len, err);
	if (off > f->size || len > f->size - off)
		return la_fail(err, LA_TRUNCATED,
			       "%s: offset 0x%" PRIx64 " of the dump: it ends at 0x%" PRIx64,
			       f->path, off, f->size);
	for (; len; to += n, off += n, len -= (size_t)n) {
		e = la_extents_find(&f->flat, off);
		if (e && e->start <= off) {
			n = e->end - off < len ? e->end - off : len;
			status = la_file_read_stored(f, e->data + (off - e->start), to, (size_t)n,
						     err);
			if (status)
				return status;
			continue;
		}
		if (f->cut)
			return la_fail(err, LA_TRUNCATED,
				       "%s: offset 0x%" PRIx64
				       " of the dump: in no record up to 0x%" PRIx64
				       ", where the file is cut off",
				       f->path, off, f->cut_at);
		n = e && e->start - off < len ? e->start - off : len;
		memset(to, 0, (size_t)n);
	}
	return LA_OK;
}

uint64_t la_file_where(struct la_file *f, uint64_t off)
{
	const struct la_extent *e;

	if (!f->flattened)
		return off;
	e = la_extents_find(&f->flat, off);
	return e && e->start <= off ? e->data + (off - e->start) : UINT64_MAX;
}
