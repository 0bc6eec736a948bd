// SPDX-License-Identifier: GPL-3.0-or-later
// The start and the end of a program.
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *program;

void program_start(const char *name)
{
	program = name;
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
			exit(EXIT_FAILURE);
}

int program_fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", program, what);
	return EXIT_FAILURE;
}

int program_end(int status)
{
	const bool failed = ferror(stdout);

	errno = 0;
	if (fclose(stdout) == 0 && !failed)
		return status;
	fprintf(stderr, "%s: standard output: %s\n", program,
		errno ? strerror(errno) : "not all of it was written");
	return EXIT_FAILURE;
}
