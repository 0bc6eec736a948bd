// SPDX-License-Identifier: GPL-3.0-or-later
// The folder that lavirsh-dump wrote: is it whole, and what is in it.
#include "lakvm/host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION 1
#define FIRST_LINE "lavirsh-dump "
#define LAST_LINE "\nend\n"
/* A manifest has a line for each file; XML of a domain with hundreds of devices has a megabyte. */
#define MAX_MANIFEST ((off_t)64 << 10)
#define MAX_TEXT ((off_t)4 << 20)

struct folder {
	struct la_arena *arena;
	const char *path;
	int fd;
	const char *manifest;
};

/* Without following a link or waiting for somebody at the other end of a pipe; -1: no such file, and why in errno. */
static int open_file(const struct folder *f, const char *name, off_t *ret_size)
{
	const int fd =
		openat(f->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat about;

	if (fd < 0)
		return -1;
	if (fstat(fd, &about) || !S_ISREG(about.st_mode)) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	*ret_size = about.st_size;
	return fd;
}

/* Of open_file(), which follows no link and opens nothing but files. */
static const char *why(void)
{
	return errno == EINVAL || errno == ELOOP ? "not a file" : strerror(errno);
}

/* What @fd has, at most @most bytes, as a text with a NUL behind it; @fd is closed. */
static enum la_status read_file(const struct folder *f, const char *name, int fd, off_t size,
				off_t most, char **ret, size_t *ret_size, struct la_error *err)
{
	char *text = size <= most ? la_alloc(f->arena, (size_t)size + 1) : NULL;
	size_t got = 0;
	ssize_t n = 1;

	while (text && got < (size_t)size && n > 0) {
		n = read(fd, text + got, (size_t)size - got);
		if (n > 0)
			got += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	if (n < 0)
		la_fail(err, LA_IO, "%s/%s: %s", f->path, name, strerror(errno));
	close(fd);
	if (size > most)
		return la_fail(err, LA_INVALID, "%s/%s: too large", f->path, name);
	if (!text)
		return la_fail(err, LA_NOMEM, "%s/%s", f->path, name);
	if (n < 0)
		return LA_IO;
	*ret = text;
	*ret_size = got;
	return LA_OK;
}

static void add_remark(const struct folder *f, struct la_host *ret, const char *text)
{
	ret->remark = la_format(f->arena, "%s%s%s", ret->remark ? ret->remark : "",
				ret->remark ? "; " : "", text ? text : "out of memory");
}

static enum la_status read_manifest(struct folder *f, struct la_error *err)
{
	const size_t first = strlen(FIRST_LINE), last = strlen(LAST_LINE);
	unsigned version;
	size_t size;
	char *text;
	off_t length;
	const int fd = open_file(f, "manifest", &length);
	enum la_status status;

	if (fd < 0 && errno == ENOENT)
		return la_fail(err, LA_INVALID,
			       "%s: a folder, and none of lavirsh-dump: it has no manifest",
			       f->path);
	if (fd < 0)
		return la_fail(err, LA_IO, "%s/manifest: %s", f->path, why());
	status = read_file(f, "manifest", fd, length, MAX_MANIFEST, &text, &size, err);
	if (status != LA_OK)
		return status;
	if (strncmp(text, FIRST_LINE, first) || sscanf(text + first, "%5u\n", &version) != 1)
		return la_fail(err, LA_INVALID, "%s/manifest: none of lavirsh-dump", f->path);
	if (version != VERSION)
		return la_fail(
			err, LA_INVALID,
			"%s/manifest: version %u of lavirsh-dump's folders, and only %d is known",
			f->path, version, VERSION);
	if (strlen(text) != size || size < last || strcmp(text + size - last, LAST_LINE))
		return la_fail(err, LA_INVALID,
			       "%s/manifest: it has no end: the folder is not whole", f->path);
	f->manifest = text;
	return LA_OK;
}

/* "file SIZE NAME" of the manifest; false: it names none. */
static bool size_of(const struct folder *f, const char *name, uint64_t *ret)
{
	for (const char *line = f->manifest; line; line = strchr(line, '\n')) {
		int at = 0;

		line += *line == '\n';
		if (sscanf(line, "file %18" SCNu64 " %n", ret, &at) == 1 && at &&
		    !strncmp(line + at, name, strlen(name)) && line[at + strlen(name)] == '\n')
			return true;
	}
	return false;
}

/* Is it as the manifest has it? */
static void check_size(const struct folder *f, const char *name, off_t size, struct la_host *ret)
{
	uint64_t written;

	if (!size_of(f, name, &written))
		add_remark(f, ret, la_format(f->arena, "%s has come into the folder later", name));
	else if ((uint64_t)size != written)
		add_remark(
			f, ret,
			la_format(f->arena,
				  "%s is not as it was written: it has %jd bytes, and had %" PRIu64,
				  name, (intmax_t)size, written));
}

/* Opened; -1: it is not there, and a remark says so where it was, or why it cannot be read. */
static int open_written(const struct folder *f, const char *name, off_t *ret_size,
			struct la_host *ret)
{
	const int fd = open_file(f, name, ret_size);
	uint64_t written;

	if (fd >= 0)
		check_size(f, name, *ret_size, ret);
	else if (errno != ENOENT || size_of(f, name, &written))
		add_remark(f, ret, la_format(f->arena, "%s cannot be used: %s", name, why()));
	return fd;
}

/* The path of a file that is read elsewhere, or NULL. */
static const char *path_of(const struct folder *f, const char *name, struct la_host *ret)
{
	off_t size;
	const int fd = open_written(f, name, &size, ret);

	if (fd < 0)
		return NULL;
	close(fd);
	return la_format(f->arena, "%s/%s", f->path, name);
}

/* A text for one of the parsers; one that cannot be read is unknown, and remarked. */
static const char *text_of(const struct folder *f, const char *name, size_t *ret_size,
			   struct la_host *ret)
{
	struct la_error err = { "" };
	off_t size;
	const int fd = open_written(f, name, &size, ret);
	char *text = NULL;

	if (fd < 0)
		return NULL;
	if (read_file(f, name, fd, size, MAX_TEXT, &text, ret_size, &err) != LA_OK)
		add_remark(f, ret, err.text);
	return text;
}

static enum la_status read_folder(struct folder *f, struct la_host *ret, struct la_error *err)
{
	static const char *const texts[LA_HOST_TEXTS] = { "manifest", "host", "domain.xml" };
	const char *text;
	size_t size = 0;
	enum la_status status = read_manifest(f, err);
	bool done = true;

	for (size_t i = 0; i < LA_HOST_TEXTS; i++)
		ret->text[i] = la_format(f->arena, "%s/%s", f->path, texts[i]);

	if (status != LA_OK)
		return status;
	ret->memory = path_of(f, "memory", ret);
	ret->registers = path_of(f, "registers", ret);
	text = text_of(f, "host", &size, ret);
	if (text)
		done = la_host_parse_load(f->arena, text, size, ret);
	text = text_of(f, "domain.xml", &size, ret);
	if (text)
		done = la_host_parse_domain(f->arena, text, size, &ret->cpu) && done;
	return done ? LA_OK : la_fail(err, LA_NOMEM, "%s", f->path);
}

enum la_status la_host_read(struct la_arena *arena, const char *path, struct la_host *ret,
			    struct la_error *err)
{
	struct folder f = { .arena = arena, .path = path };
	enum la_status status;

	*ret = (struct la_host){ 0 };
	f.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f.fd < 0)
		return la_fail(err, errno == ENOTDIR || errno == ENOENT ? LA_ABSENT : LA_IO,
			       "%s: %s", path, strerror(errno));
	status = read_folder(&f, ret, err);
	close(f.fd);
	return status;
}
