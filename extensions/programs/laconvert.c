// SPDX-License-Identifier: GPL-3.0-or-later
// laconvert: a migration stream or save file into an ELF core and register text; docs/laconvert.1.
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "lakvm/convert/convert.h"
#include "lakvm/convert/flattened.h"
#include "output.h"
#include "program.h"
#include "unpack.h"

/* A guest of 8 TiB takes 256 MiB for its map, large devices three times 64 MiB. */
#define MEMORY ((size_t)1 << 30)

static const char usage[] =
	"usage: laconvert [--high-ram=ADDRESS] FILE DUMP [REGISTERS]\n"
	"       laconvert --check FILE\n"
	"       laconvert --help | --version\n"
	"\n"
	"Turns FILE (virsh save, virsh dump without --memory-only, QEMU's migration to a file)\n"
	"into the ELF dump DUMP and the register text REGISTERS (default: DUMP.registers).\n"
	"Of a flattened dump that was cut off, what it still has becomes the plain dump DUMP, marked incomplete.\n"
	"--check: exit 0 if FILE is one of these, 1 if it is not.\n";

static void fail(const char *what, const char *why)
{
	output_remove_unfinished();
	program_say("%s%s%s", what, what[0] ? ": " : "", why);
	exit(EXIT_FAILURE);
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
	program_say("%s: %" PRIu64 " MiB of RAM, %" PRIu64 " MiB not zero%s%s; "
		    "from 256 MiB on at 0x%" PRIx64 " (%s)",
		    file, m->ram >> 20, m->stored >> 20, m->machine ? ", machine " : "",
		    m->machine ? m->machine : "", m->high_base, m->high_base_from);
	if (m->left_out)
		program_say("left out, their place is not in the stream: %s", m->left_out);
	if (!m->registers)
		program_say("registers are unknown: %s", m->unknown.text);
}

/* The stream of @in, unpacked if need be, into the file @out. */
static enum la_status convert_stream(struct la_arena *arena, int in, const struct la_saved *saved,
				     int out, const struct la_convert_options *opt,
				     struct la_converted *ret, struct la_error *err)
{
	const char *program = la_packer_program(saved->packer);
	struct unpacker unpacker;
	enum la_status status;

	if (lseek(in, (off_t)saved->start, SEEK_SET) < 0)
		return la_fail(err, LA_IO, "%s", strerror(errno));
	if (!program)
		return la_convert(arena, in, out, opt, ret, err);
	status = unpack_begin(program, in, &unpacker, err);
	if (status != LA_OK)
		return status;
	status = la_convert(arena, unpacker.stream, out, opt, ret, err);
	if (status == LA_OK)
		return unpack_end(&unpacker, err);
	unpack_abandon(&unpacker);
	return status;
}

static int open_input(const char *file, struct stat *ret)
{
	/* without waiting, should it be a pipe */
	const int in = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (in < 0 || fstat(in, ret))
		fail(file, strerror(errno));
	if (!S_ISREG(ret->st_mode))
		fail(file, "not a file");
	return in;
}

/* What is left of a flattened dump; registers are in it. */
static void restore(const char *file, const char *dump, int in, const struct stat *st)
{
	struct la_arena *arena = la_arena_new(MEMORY);
	struct la_error err = { "" };
	struct output out;
	uint64_t bytes;

	if (!arena)
		fail(file, "out of memory");
	if (output_may_replace(dump, st, &err) != LA_OK ||
	    output_begin(arena, dump, &out, &err) != LA_OK)
		fail("", err.text);
	check_space(dump, out.fd, st, false);
	if (la_flattened_restore(in, out.fd, &bytes, &err) != LA_OK)
		fail(file, err.text);
	if (output_complete(&out, st, &err) != LA_OK)
		fail("", err.text);
	program_say("%s: cut off: a flattened dump without its end; %" PRIu64
		    " MiB of it are there",
		    file, bytes >> 20);
	la_arena_free(arena);
}

static void convert(const char *file, const char *dump, const char *registers, uint64_t high_base)
{
	struct progress progress = { .began = time(NULL) };
	struct la_convert_options opt = { .high_base = high_base, .ctx = &progress };
	struct la_arena *arena = la_arena_new(MEMORY);
	struct la_error err = { "" };
	struct output elf, text;
	struct la_converted m;
	struct la_saved saved;
	struct stat st;
	const int in = open_input(file, &st);
	enum la_status status;
	bool packed;

	if (la_flattened_is_cut(in)) {
		la_arena_free(arena);
		restore(file, dump, in, &st);
		return;
	}
	if (!arena || !(registers = registers ? registers : la_format(arena, "%s.registers", dump)))
		fail(file, "out of memory");
	if (output_same(dump, registers))
		fail(dump, "named for the dump and for the registers");
	if (output_may_replace(dump, &st, &err) != LA_OK ||
	    output_may_replace(registers, &st, &err) != LA_OK)
		fail("", err.text);
	if (la_saved_find(in, &saved, &err) != LA_OK)
		fail(file, err.text);
	packed = la_packer_program(saved.packer) != NULL;
	if (output_begin(arena, dump, &elf, &err) != LA_OK)
		fail("", err.text);
	check_space(dump, elf.fd, &st, packed);
	if (isatty(2))
		opt.progress = show_progress;
	progress.total = packed ? 0 : (uint64_t)st.st_size;
	status = convert_stream(arena, in, &saved, elf.fd, &opt, &m, &err);
	if (progress.shown)
		fputs("\r                          \r", stderr);
	if (status != LA_OK)
		fail(file, err.text);
	report(file, &m);
	if (m.registers && (output_begin(arena, registers, &text, &err) != LA_OK ||
			    output_write(&text, m.registers, strlen(m.registers), &err) != LA_OK ||
			    output_complete(&text, &st, &err) != LA_OK))
		fail("", err.text);
	/* Those of an earlier file would lie. */
	if (!m.registers && output_may_replace(registers, &st, &err) == LA_OK &&
	    unlink(registers) != 0 && errno != ENOENT)
		fail(registers, strerror(errno));
	if (output_complete(&elf, &st, &err) != LA_OK) {
		/* and without the dump they belong to nothing */
		if (m.registers)
			unlink(registers);
		fail("", err.text);
	}
	la_arena_free(arena);
}

/* A packed file may hold anything: look inside. */
static int check(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct la_error err = { "" };
	enum la_status status;
	struct la_saved saved;
	char magic[4] = "";
	const char *program;

	if (fd < 0)
		return 1;
	if (la_flattened_is_cut(fd))
		return 0;
	status = la_saved_find(fd, &saved, &err);
	if (status == LA_IO) {
		program_fail(err.text);
		return 1;
	}
	if (status != LA_OK) /* a damaged one is one as well */
		return status == LA_ABSENT;
	program = la_packer_program(saved.packer);
	if (!program || saved.libvirt)
		return 0;
	if (unpack_head(program, fd, magic, sizeof(magic), &err) < sizeof(magic))
		return err.text[0] ? program_fail(err.text) : 1;
	return memcmp(magic, "QEVM", sizeof(magic)) != 0;
}

static int refuse(const char *what, const char *why)
{
	program_say("%s: %s", what, why);
	return PROGRAM_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "check", no_argument, NULL, 'c' },
						 { "high-ram", required_argument, NULL, 'r' },
						 { "help", no_argument, NULL, 'h' },
						 { "version", no_argument, NULL, 'V' },
						 { NULL, 0, NULL, 0 } };
	uint64_t high_base = 0;
	char *end;
	bool only_check = false;
	int c, n;

	program_start("laconvert");
	while ((c = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			only_check = true;
			break;
		case 'r':
			high_base = strtoull(optarg, &end, 0);
			if (*end || high_base < 0x10000000 || high_base >> 47 || high_base & 0xffff)
				return refuse(optarg, "no address that RAM can have");
			break;
		case 'h':
			fputs(usage, stdout);
			return program_end(EXIT_SUCCESS);
		case 'V':
			return program_version();
		default:
			fputs(usage, stderr);
			return PROGRAM_USAGE;
		}
	}
	n = argc - optind;
	argv += optind;
	if (only_check && n == 1)
		return check(argv[0]);
	if (only_check || n < 2 || n > 3) {
		fputs(usage, stderr);
		return PROGRAM_USAGE;
	}
	output_guard();
	convert(argv[0], argv[1], n == 3 ? argv[2] : NULL, high_base);
	return 0;
}
