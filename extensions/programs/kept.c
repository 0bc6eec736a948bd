// SPDX-License-Identifier: GPL-3.0-or-later
// Files unpacked once and kept, below the user's cache.
#include "kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "output.h"
#include "unpack.h"

#define LIMIT_MIB 4096
/* What has another name than a kept file is one that was not completed; it may be in work for as long. */
#define IN_WORK_SECONDS 3600
/* Another run may have been told its name, and be about to open it. */
#define JUST_USED_SECONDS 60
#define ENDING ".vmlinux"

static uint64_t limit(void)
{
	const char *text = getenv("LAKVM_CACHE_MIB");
	unsigned long long mib = LIMIT_MIB;
	char *end;

	if (text && text[0] >= '0' && text[0] <= '9') {
		mib = strtoull(text, &end, 10);
		if (*end || mib > UINT64_MAX >> 20)
			mib = LIMIT_MIB;
	}
	return (uint64_t)mib << 20;
}

/* A folder that only its owner can put something into. */
static enum la_status own_folder(const char *path, struct la_error *err)
{
	struct stat st;

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return la_fail(err, LA_IO, "%s: cannot be made: %s", path, strerror(errno));
	if (stat(path, &st) != 0)
		return la_fail(err, LA_IO, "%s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 022)
		return la_fail(err, LA_IO, "%s: belongs to someone else, or others may write to it",
			       path);
	return LA_OK;
}

static enum la_status find_folder(struct la_arena *arena, const char **ret, struct la_error *err)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	enum la_status status;

	if (!cache || cache[0] != '/') {
		if (!home || home[0] != '/')
			return la_fail(
				err, LA_IO,
				"nowhere to unpack it: neither HOME nor XDG_CACHE_HOME is set");
		cache = la_format(arena, "%s/.cache", home);
	}
	if (!cache || !(*ret = la_format(arena, "%s/lakvm/vmlinux", cache)))
		return la_fail(err, LA_NOMEM, "cache");
	mkdir(cache, 0700); /* often it is there; where it cannot be made, the next one says so */
	status = own_folder(la_format(arena, "%s/lakvm", cache), err);
	return status == LA_OK ? own_folder(*ret, err) : status;
}

struct entry {
	char *name;
	uint64_t bytes;
	struct timespec used;
};

static int oldest_first(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
	return (x->used.tv_nsec > y->used.tv_nsec) - (x->used.tv_nsec < y->used.tv_nsec);
}

static bool is_kept(const char *name)
{
	const size_t len = strlen(name), ending = sizeof(ENDING) - 1;

	return len > ending && !strcmp(name + len - ending, ENDING);
}

/* The kept files of a folder; what a killed program has left in it is removed. */
static struct entry *list(DIR *dir, struct la_arena *arena, size_t *ret_n)
{
	const time_t now = time(NULL);
	struct entry *entry = NULL, *more;
	size_t n = 0, room = 0;
	struct dirent *d;
	struct stat st;

	while ((d = readdir(dir))) {
		if (fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (!is_kept(d->d_name)) {
			if (now - st.st_mtime > IN_WORK_SECONDS)
				unlinkat(dirfd(dir), d->d_name, 0);
			continue;
		}
		more = la_room(arena, entry, n, &room, sizeof(*entry));
		if (!more)
			break;
		entry = more;
		entry[n] = (struct entry){ .name = la_strndup(arena, d->d_name, NAME_MAX),
					   .bytes = (uint64_t)st.st_blocks * 512,
					   .used = st.st_mtim };
		n += entry[n].name != NULL;
	}
	*ret_n = n;
	return entry;
}

static bool just_used(const struct entry *e, time_t now)
{
	return e->used.tv_sec <= now && now - e->used.tv_sec < JUST_USED_SECONDS;
}

/* Remove those used longest ago until all take at most the limit, but for what was used just now. */
static void make_room(const char *folder, struct la_arena *arena)
{
	const time_t now = time(NULL);
	DIR *dir = opendir(folder);
	struct entry *entry;
	uint64_t all = 0;
	size_t n;

	if (!dir)
		return;
	entry = list(dir, arena, &n);
	for (size_t i = 0; i < n; i++)
		all += entry[i].bytes;
	if (n)
		qsort(entry, n, sizeof(*entry), oldest_first);
	for (size_t i = 0; i < n && all > limit(); i++)
		if (!just_used(&entry[i], now) && !unlinkat(dirfd(dir), entry[i].name, 0))
			all -= entry[i].bytes;
	closedir(dir);
}

/* At a terminal, from the second second on. */
static bool show_progress(time_t began, uint64_t done)
{
	if (!isatty(2) || time(NULL) - began < 2)
		return false;
	fprintf(stderr, "\runpacking: %" PRIu64 " MiB", done >> 20);
	return true;
}

static enum la_status copy(const struct unpacker *u, struct output *out, struct la_error *err)
{
	static char buffer[1 << 20];
	const time_t began = time(NULL);
	enum la_status status = LA_OK;
	bool shown = false;
	uint64_t done = 0;
	ssize_t n = 0;

	while (status == LA_OK && (n = read(u->stream, buffer, sizeof(buffer))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			status = la_fail(err, LA_IO, "%s: %s", u->program, strerror(errno));
			break;
		}
		done += (uint64_t)n;
		if (done > limit())
			status =
				la_fail(err, LA_IO,
					"unpacks to more than the cache may hold (LAKVM_CACHE_MIB)");
		else
			status = output_write(out, buffer, (size_t)n, err);
		shown |= show_progress(began, done);
	}
	if (shown)
		fprintf(stderr, "\r%*s\r", 40, "");
	return status;
}

static enum la_status unpack_to(const char *kept, int fd, const char *program,
				const struct stat *packed, struct la_arena *arena,
				struct la_error *err)
{
	struct unpacker unpacker;
	enum la_status status;
	struct output out;

	output_guard();
	status = output_begin(arena, kept, &out, err);
	if (status != LA_OK)
		return status;
	if (lseek(fd, 0, SEEK_SET) != 0)
		status = la_fail(err, LA_IO, "%s", strerror(errno));
	else
		status = unpack_begin(program, fd, &unpacker, err);
	if (status == LA_OK) {
		status = copy(&unpacker, &out, err);
		if (status == LA_OK)
			status = unpack_end(&unpacker, err);
		else
			unpack_abandon(&unpacker);
	}
	if (status == LA_OK)
		status = output_complete(&out, packed, err);
	if (status != LA_OK)
		output_remove_unfinished();
	return status;
}

enum la_status kept_unpacked(const char *path, int fd, const char *program, struct la_arena *arena,
			     const char **ret, struct la_error *err)
{
	const char *folder = NULL, *name;
	enum la_status status;
	struct stat st, old;

	if (fstat(fd, &st) != 0)
		return la_fail(err, LA_IO, "%s: %s", path, strerror(errno));
	status = find_folder(arena, &folder, err);
	if (status != LA_OK)
		return la_fail(err, status, "%s", path);
	name = la_format(arena, "%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64 ENDING,
			 (uint64_t)st.st_dev, (uint64_t)st.st_ino, (uint64_t)st.st_size,
			 (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec,
			 (uint64_t)st.st_ctim.tv_sec * 1000000000 + (uint64_t)st.st_ctim.tv_nsec);
	if (!name || !(*ret = la_format(arena, "%s/%s", folder, name)))
		return la_fail(err, LA_NOMEM, "%s", path);
	if (lstat(*ret, &old) != 0 || !S_ISREG(old.st_mode) || old.st_uid != geteuid()) {
		status = unpack_to(*ret, fd, program, &st, arena, err);
		if (status != LA_OK)
			return la_fail(err, status, "%s", path);
	}
	utimensat(AT_FDCWD, *ret, NULL, 0);
	make_room(folder, arena);
	return LA_OK;
}
