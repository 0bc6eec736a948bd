// SPDX-License-Identifier: GPL-3.0-or-later
// Packed files, through the program that packed them.
#include "unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lakvm/convert/convert.h"
#include "program.h"

const char *unpack_program(int fd)
{
	struct la_saved saved;

	return la_saved_find(fd, &saved, NULL) == LA_OK && !saved.libvirt ?
		       la_packer_program(saved.packer) :
		       NULL;
}

enum la_status unpack_begin(const char *program, int fd, struct unpacker *ret, struct la_error *err)
{
	int ends[2];

	*ret = (struct unpacker){ .program = program, .stream = -1 };
	if (pipe2(ends, O_CLOEXEC))
		return la_fail(err, LA_IO, "%s: %s", program, strerror(errno));
	ret->child = fork();
	if (ret->child < 0) {
		la_fail(err, LA_IO, "%s: %s", program, strerror(errno));
		close(ends[0]);
		close(ends[1]);
		return LA_IO;
	}
	if (!ret->child) {
		if (dup2(fd, 0) < 0 || dup2(ends[1], 1) < 0)
			_exit(127);
		execlp(program, program, "-dc", (char *)NULL);
		program_say("%s, which packed this file: %s", program, strerror(errno));
		_exit(127);
	}
	close(ends[1]);
	/* More room for what is unpacked while its reader is busy. */
	fcntl(ends[0], F_SETPIPE_SZ, 1 << 20);
	ret->stream = ends[0];
	return LA_OK;
}

enum la_status unpack_end(struct unpacker *u, struct la_error *err)
{
	static char rest[65536];
	int ended = 0;
	ssize_t n;

	while ((n = read(u->stream, rest, sizeof(rest))) > 0 || (n < 0 && errno == EINTR))
		;
	close(u->stream);
	while (waitpid(u->child, &ended, 0) < 0)
		if (errno != EINTR)
			return la_fail(err, LA_IO, "%s: %s", u->program, strerror(errno));
	if (WIFSIGNALED(ended))
		return la_fail(err, LA_IO, "%s, which unpacks it, was ended by signal %d",
			       u->program, WTERMSIG(ended));
	if (WEXITSTATUS(ended))
		return la_fail(err, LA_CORRUPT,
			       "%s, which unpacks it, ended with status %d: damaged", u->program,
			       WEXITSTATUS(ended));
	return LA_OK;
}

void unpack_abandon(struct unpacker *u)
{
	close(u->stream);
	while (waitpid(u->child, NULL, 0) < 0 && errno == EINTR)
		;
}

size_t unpack_head(const char *program, int fd, void *ret, size_t size, struct la_error *err)
{
	struct unpacker unpacker;
	size_t got = 0;
	ssize_t n;

	if (unpack_begin(program, fd, &unpacker, err) != LA_OK)
		return 0;
	while (got < size) {
		n = read(unpacker.stream, (char *)ret + got, size - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	unpack_abandon(&unpacker);
	return got;
}
