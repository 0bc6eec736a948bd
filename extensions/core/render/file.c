// SPDX-License-Identifier: GPL-3.0-or-later
// Text as a file.
#include "lakvm/render/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lakvm/base/jump.h"

/* Text that grows in an arena. */
struct text {
	struct la_arena *arena;
	char *bytes;
	size_t n, size;
	bool nomem;
};

static void put(void *ctx, const char *piece)
{
	struct text *t = ctx;
	const size_t n = strlen(piece);

	while (!t->nomem && t->size - t->n < n) {
		const size_t grown = t->size ? 2 * t->size : 65536;
		char *bytes = la_regrow(t->arena, t->bytes, t->size, grown, 1);

		t->nomem = !bytes;
		if (bytes) {
			t->bytes = bytes;
			t->size = grown;
		}
	}
	if (t->nomem)
		return;
	memcpy(t->bytes + t->n, piece, n);
	t->n += n;
}

static bool is_read(const struct la_text_file *file, const struct stat *there)
{
	struct stat st;

	for (size_t i = 0; i < file->nread; i++)
		if (file->read[i] && stat(file->read[i], &st) == 0 && st.st_dev == there->st_dev &&
		    st.st_ino == there->st_ino)
			return true;
	return false;
}

/* Only what is absent, or a regular file that nobody reads here, may be replaced. */
static enum la_status may_replace(const struct la_text_file *file, struct la_error *err)
{
	const char *path = file->path;
	struct stat st;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? LA_OK :
					 la_fail(err, LA_IO, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return la_fail(err, LA_INVALID, "%s: not a regular file, which is not replaced",
			       path);
	if (is_read(file, &st))
		return la_fail(err, LA_INVALID, "%s: a file that is read, which is not replaced",
			       path);
	return LA_OK;
}

static bool write_all(int fd, const struct text *t)
{
	size_t n = 0;

	while (n < t->n) {
		const ssize_t got = write(fd, t->bytes + n, t->n - n);

		if (got <= 0 && !(got < 0 && errno == EINTR))
			return false;
		n += got > 0 ? (size_t)got : 0;
	}
	return true;
}

/* As open() would have made it. */
static bool usual_mode(int fd)
{
	const mode_t mask = umask(0);

	umask(mask);
	return fchmod(fd, 0666 & ~mask) == 0;
}

static enum la_status write_file(const struct text *t, const char *path, char *beside,
				 struct la_error *err)
{
	const int fd = mkostemp(beside, O_CLOEXEC);
	bool done;

	if (fd < 0)
		return la_fail(err, LA_IO, "%s: cannot be written: %s", path, strerror(errno));
	errno = 0;
	done = write_all(fd, t) && usual_mode(fd) && (fsync(fd) == 0 || errno == EINVAL);
	done = close(fd) == 0 && done && rename(beside, path) == 0;
	if (done)
		return LA_OK;
	la_fail(err, LA_IO, "%s: %s", path, errno ? strerror(errno) : "nothing was written");
	unlink(beside);
	return LA_IO;
}

enum la_status la_text_file_write(enum la_status (*render)(const void *what,
							   const struct la_sink *sink),
				  const void *what, const struct la_text_file *file,
				  struct la_arena *arena, struct la_error *err)
{
	struct text text = { .arena = arena };
	const struct la_sink sink = { put, &text };
	char *beside = la_format(arena, "%s.XXXXXX", file->path);
	enum la_status status = render(what, &sink);
	sigset_t before;

	if (status == LA_OK && (text.nomem || !beside))
		status = LA_NOMEM;
	if (status != LA_OK)
		return la_fail(err, status, "%s: %s", file->path, la_status_text(status));
	status = may_replace(file, err);
	if (status != LA_OK)
		return status;
	la_hold(&before); /* a jump would leave half a file under another name */
	status = write_file(&text, file->path, beside, err);
	la_release(&before);
	return status;
}
