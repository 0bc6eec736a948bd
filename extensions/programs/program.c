// SPDX-License-Identifier: GPL-3.0-or-later
// The start and the end of a program.
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lakvm/render/sink.h"

static const char *program;

/* What a stack is usually given, and what is enough for finding where a CPU is. */
#define STACK ((rlim_t)8 << 20)
#define LEAST_STACK ((rlim_t)1 << 20)

/* A stack grows up to the limit that holds when it does. */
static void want_stack(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= STACK)
		return;
	limit.rlim_cur = limit.rlim_max < STACK ? limit.rlim_max : STACK;
	setrlimit(RLIMIT_STACK, &limit);
	if (limit.rlim_cur < LEAST_STACK) {
		program_say("a stack of %llu KiB is too small (ulimit -s): %llu KiB are needed",
			    (unsigned long long)limit.rlim_cur >> 10,
			    (unsigned long long)LEAST_STACK >> 10);
		exit(EXIT_FAILURE);
	}
}

/* A stack that cannot grow for want of memory is a SIGSEGV, which nobody can tell of: so it grows now. */
static void __attribute__((noinline)) take_stack(void)
{
	volatile char room[LEAST_STACK / 2];

	for (size_t i = 0; i < sizeof(room); i += 4096)
		room[i] = 0;
}

void program_start(const char *name)
{
	program = name;
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
			exit(EXIT_FAILURE);
	want_stack();
	take_stack();
}

static void put(void *ctx, const char *text)
{
	fputs(text, ctx);
}

void program_say(const char *fmt, ...)
{
	const struct la_sink sink = { put, stderr };
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s: ", program);
	la_put_text(&sink, n < 0 ? "out of memory" : text, false);
	fputc('\n', stderr);
	if (n >= 0)
		free(text);
}

int program_fail(const char *what)
{
	program_say("%s", what);
	return EXIT_FAILURE;
}

const char program_lakvm[] = LAKVM_VERSION;

int program_version(void)
{
	printf("%s (lakvm) %s\n", program, program_lakvm);
	return program_end(EXIT_SUCCESS);
}

int program_end(int status)
{
	const bool failed = ferror(stdout);

	errno = 0;
	if (fclose(stdout) == 0 && !failed)
		return status;
	program_say("standard output: %s", errno ? strerror(errno) : "not all of it was written");
	return EXIT_FAILURE;
}
