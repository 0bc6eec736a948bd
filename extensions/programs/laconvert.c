// SPDX-License-Identifier: GPL-3.0-or-later
// laconvert: a migration stream or save file into an ELF core and register text; docs/laconvert.1.
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lakvm/convert/convert.h"

/* A guest of 8 TiB takes 256 MiB for its map, large devices three times 64 MiB. */
#define MEMORY ((size_t)1 << 30)

static const char usage[] =
	"usage: laconvert [--high-ram=ADDRESS] FILE DUMP [REGISTERS]\n"
	"       laconvert --check FILE\n"
	"\n"
	"Turns FILE (virsh save, virsh dump without --memory-only, QEMU's migration to a file)\n"
	"into the ELF dump DUMP and the register text REGISTERS (default: DUMP.registers).\n"
	"--check: exit 0 if FILE is one, 1 if it is not.\n";

/* What a signal has to remove. */
static const char *unfinished[2];

static void remove_unfinished(void)
{
	for (int i = 0; i < 2; i++)
		if (unfinished[i])
			unlink(unfinished[i]);
}

static void interrupted(int number)
{
	remove_unfinished();
	signal(number, SIG_DFL);
	raise(number);
}

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "laconvert: %s: %s\n", what, why);
	remove_unfinished();
	exit(1);
}

/* A file beside @path under another name, until it is complete. */
static int create(struct la_arena *arena, const char *path, int which)
{
	char *name = la_format(arena, "%s.XXXXXX", path);
	int fd;

	if (!name)
		fail(path, "out of memory");
	fd = mkstemp(name);
	if (fd < 0)
		fail(path, strerror(errno));
	unfinished[which] = name;
	return fd;
}

static void complete(const char *path, int fd, int which)
{
	if (close(fd) || rename(unfinished[which], path))
		fail(path, strerror(errno));
	unfinished[which] = NULL;
}

struct progress {
	time_t began;
	uint64_t total; /* 0: not known, the file is packed */
	bool shown;
};

static void show_progress(void *ctx, uint64_t done)
{
	struct progress *p = ctx;

	if (time(NULL) - p->began < 2)
		return;
	p->shown = true;
	if (p->total)
		fprintf(stderr, "\r%3" PRIu64 "%% of %" PRIu64 " MiB", done * 100 / p->total,
			p->total >> 20);
	else
		fprintf(stderr, "\r%" PRIu64 " MiB", done >> 20);
}

/* The packed part of @fd as a stream, through the program that packed it. */
static int unpack(const char *program, int fd, pid_t *child)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		fail(program, strerror(errno));
	*child = fork();
	if (*child < 0)
		fail(program, strerror(errno));
	if (!*child) {
		if (dup2(fd, 0) < 0 || dup2(ends[1], 1) < 0)
			_exit(127);
		execlp(program, program, "-dc", (char *)NULL);
		fprintf(stderr, "laconvert: %s, which packed this file: %s\n", program,
			strerror(errno));
		_exit(127);
	}
	close(ends[1]);
	return ends[0];
}

/* Pages that are not zero cannot take more than the file does, unless it is packed. */
static void check_space(const char *dump, int out, const struct stat *in, bool packed)
{
	uint64_t need = (uint64_t)in->st_blocks * 512, free;
	struct statvfs fs;
	char why[200];

	if (fstatvfs(out, &fs))
		return;
	free = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (need <= free)
		return;
	snprintf(why, sizeof(why), "no space: %s%" PRIu64 " MiB needed, %" PRIu64 " MiB free",
		 packed ? "more than " : "up to ", need >> 20, free >> 20);
	fail(dump, why);
}

static void report(const char *file, const struct la_converted *m)
{
	fprintf(stderr,
		"laconvert: %s: %" PRIu64 " MiB of RAM, %" PRIu64 " MiB not zero%s%s; "
		"from 256 MiB on at 0x%" PRIx64 " (%s)\n",
		file, m->ram >> 20, m->stored >> 20, m->machine ? ", machine " : "",
		m->machine ? m->machine : "", m->high_base, m->high_base_from);
	if (m->left_out)
		fprintf(stderr, "laconvert: left out, their place is not in the stream: %s\n",
			m->left_out);
	if (!m->registers)
		fprintf(stderr, "laconvert: registers are unknown: %s\n", m->unknown.text);
}

static void convert(const char *file, const char *dump, const char *registers, uint64_t high_base)
{
	struct progress progress = { .began = time(NULL) };
	struct la_convert_options opt = { .high_base = high_base, .ctx = &progress };
	struct la_arena *arena = la_arena_new(MEMORY);
	/* without waiting, should it be a pipe */
	int in = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK), out, text, status, stream;
	struct la_error err = { "" };
	struct la_converted m;
	struct la_saved saved;
	const char *program;
	pid_t child = 0;
	struct stat st;

	if (in < 0 || fstat(in, &st))
		fail(file, strerror(errno));
	if (!S_ISREG(st.st_mode))
		fail(file, "not a file");
	if (!arena || !(registers = registers ? registers : la_format(arena, "%s.registers", dump)))
		fail(file, "out of memory");
	if (la_saved_find(in, &saved, &err) != LA_OK)
		fail(file, err.text);
	if (lseek(in, (off_t)saved.start, SEEK_SET) < 0)
		fail(file, strerror(errno));
	program = la_packer_program(saved.packer);
	out = create(arena, dump, 0);
	check_space(dump, out, &st, program != NULL);
	if (isatty(2))
		opt.progress = show_progress;
	progress.total = program ? 0 : (uint64_t)st.st_size;
	stream = program ? unpack(program, in, &child) : in;

	status = la_convert(arena, stream, out, &opt, &m, &err);
	if (progress.shown)
		fputs("\r                          \r", stderr);
	if (child) {
		int ended;

		close(stream);
		if (waitpid(child, &ended, 0) == child && WIFEXITED(ended) &&
		    WEXITSTATUS(ended) == 127)
			fail(file, "not unpacked");
	}
	if (status != LA_OK)
		fail(file, err.text);
	report(file, &m);
	if (m.registers) {
		size_t size = strlen(m.registers);

		text = create(arena, registers, 1);
		if (write(text, m.registers, size) != (ssize_t)size)
			fail(registers, strerror(errno));
		complete(registers, text, 1);
	} else {
		unlink(registers); /* of an earlier file they would lie */
	}
	complete(dump, out, 0);
	la_arena_free(arena);
}

/* A packed file may hold anything: look inside. */
static int check(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK), stream;
	struct la_saved saved;
	char magic[4] = "";
	const char *program;
	ssize_t n;
	pid_t child;

	if (fd < 0 || la_saved_find(fd, &saved, NULL) == LA_ABSENT)
		return 1;
	program = la_packer_program(saved.packer);
	if (!program || saved.libvirt)
		return 0;
	stream = unpack(program, fd, &child);
	n = read(stream, magic, sizeof(magic));
	close(stream);
	waitpid(child, NULL, 0);
	return n == sizeof(magic) && !memcmp(magic, "QEVM", sizeof(magic)) ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "check", no_argument, NULL, 'c' },
						 { "high-ram", required_argument, NULL, 'r' },
						 { "help", no_argument, NULL, 'h' },
						 { NULL, 0, NULL, 0 } };
	uint64_t high_base = 0;
	char *end;
	bool only_check = false;
	int c, n;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			only_check = true;
			break;
		case 'r':
			high_base = strtoull(optarg, &end, 0);
			if (*end || high_base < 0x10000000 || high_base >> 47 || high_base & 0xffff)
				fail(optarg, "no address that RAM can have");
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	n = argc - optind;
	argv += optind;
	if (only_check && n == 1)
		return check(argv[0]);
	if (only_check || n < 2 || n > 3) {
		fputs(usage, stderr);
		return 2;
	}
	signal(SIGINT, interrupted);
	signal(SIGTERM, interrupted);
	signal(SIGHUP, interrupted);
	convert(argv[0], argv[1], n == 3 ? argv[2] : NULL, high_base);
	return 0;
}
