// SPDX-License-Identifier: GPL-3.0-or-later
// Files under another name until they are complete.
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_UNFINISHED 2

/* What a signal has to remove. */
static const char *volatile unfinished[MAX_UNFINISHED];

/* Those that end a process and can be caught, but for faults. */
static const int ending[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGPIPE, SIGALRM,   SIGTERM,
			      SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF };
#define NENDING (sizeof(ending) / sizeof(ending[0]))

void output_remove_unfinished(void)
{
	for (int i = 0; i < MAX_UNFINISHED; i++)
		if (unfinished[i])
			unlink(unfinished[i]);
}

/* The signal, whose action is the default one again, is sent once more and ends the program. */
static void interrupted(int number)
{
	output_remove_unfinished();
	raise(number);
}

static void ending_signals(sigset_t *ret)
{
	sigemptyset(ret);
	for (size_t i = 0; i < NENDING; i++)
		sigaddset(ret, ending[i]);
}

void output_guard(void)
{
	struct sigaction ours = { .sa_handler = interrupted, .sa_flags = (int)SA_RESETHAND }, now;

	ending_signals(&ours.sa_mask);
	for (size_t i = 0; i < NENDING; i++)
		if (sigaction(ending[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaction(ending[i], &ours, NULL);
}

enum la_status output_may_replace(const char *path, const struct stat *input, struct la_error *err)
{
	struct stat st;

	if (!path[0])
		return la_fail(err, LA_INVALID, "a file without a name");
	if (lstat(path, &st) != 0)
		return errno == ENOENT ? LA_OK :
					 la_fail(err, LA_IO, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return la_fail(err, LA_INVALID, "%s: %s, which is not replaced", path,
			       S_ISLNK(st.st_mode) ? "a link" :
			       S_ISDIR(st.st_mode) ? "a folder" :
						     "no regular file");
	if (st.st_dev == input->st_dev && st.st_ino == input->st_ino)
		return la_fail(err, LA_INVALID, "%s: the file that is read, which is not replaced",
			       path);
	return LA_OK;
}

bool output_same(const char *a, const char *b)
{
	char *of_a = strdup(a), *of_b = strdup(b), *name_a = strdup(a), *name_b = strdup(b);
	struct stat sa, sb;
	/* Out of memory: better refused than overwritten. */
	bool same = !of_a || !of_b || !name_a || !name_b;

	if (!same)
		same = (stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
			sa.st_ino == sb.st_ino) ||
		       (!strcmp(basename(name_a), basename(name_b)) &&
			stat(dirname(of_a), &sa) == 0 && stat(dirname(of_b), &sb) == 0 &&
			sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino);
	free(of_a);
	free(of_b);
	free(name_a);
	free(name_b);
	return same;
}

enum la_status output_begin(struct la_arena *arena, const char *path, struct output *ret,
			    struct la_error *err)
{
	char *name = la_format(arena, "%s.XXXXXX", path);
	sigset_t signals, before;
	int which = 0;

	*ret = (struct output){ .path = path, .fd = -1 };
	if (!name)
		return la_fail(err, LA_NOMEM, "%s", path);
	while (which < MAX_UNFINISHED && unfinished[which])
		which++;
	if (which == MAX_UNFINISHED)
		return la_fail(err, LA_INVALID, "%s: too many files at a time", path);
	/* Between the file and the note of it nothing may end the program. */
	ending_signals(&signals);
	sigprocmask(SIG_BLOCK, &signals, &before);
	ret->fd = mkostemp(name, O_CLOEXEC);
	if (ret->fd >= 0)
		ret->temporary = unfinished[which] = name;
	else
		la_fail(err, LA_IO, "%s: cannot be written: %s", path, strerror(errno));
	sigprocmask(SIG_SETMASK, &before, NULL);
	return ret->fd >= 0 ? LA_OK : LA_IO;
}

enum la_status output_write(struct output *out, const void *data, size_t size, struct la_error *err)
{
	const char *from = data;

	while (size) {
		const ssize_t n = write(out->fd, from, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return la_fail(err, LA_IO, "%s: %s", out->path,
				       n ? strerror(errno) : "nothing was written");
		from += n;
		size -= (size_t)n;
	}
	return LA_OK;
}

/* A name counts once the folder that has it is on the disk. Not every file system can do that. */
static bool sync_folder(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	bool done = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);

	if (fd >= 0)
		close(fd);
	free(copy);
	return done;
}

enum la_status output_complete(struct output *out, const struct stat *input, struct la_error *err)
{
	const int fd = out->fd;
	enum la_status status;

	out->fd = -1;
	if (fsync(fd) != 0 && errno != EINVAL) {
		la_fail(err, LA_IO, "%s: %s", out->path, strerror(errno));
		close(fd);
		return LA_IO;
	}
	if (close(fd) != 0)
		return la_fail(err, LA_IO, "%s: %s", out->path, strerror(errno));
	status = output_may_replace(out->path, input, err);
	if (status != LA_OK)
		return status;
	if (rename(out->temporary, out->path) != 0)
		return la_fail(err, LA_IO, "%s: %s", out->path, strerror(errno));
	for (int i = 0; i < MAX_UNFINISHED; i++)
		if (unfinished[i] == out->temporary)
			unfinished[i] = NULL;
	out->temporary = NULL;
	if (!sync_folder(out->path))
		return la_fail(err, LA_IO, "%s: its folder cannot be written: %s", out->path,
			       strerror(errno));
	return LA_OK;
}
