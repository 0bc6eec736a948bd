// SPDX-License-Identifier: GPL-3.0-or-later
// Physical memory: lakvm's own reader where it knows the format, crash's where it does not.
#include "crash.h"
#include "glue.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "lakvm/base/escape.h"
#include "lakvm/dump/dump.h"
#include "lakvm/guest/explain.h"

/*
 * crash asks for at most one page of the kernel at a time, but its readers copy out of one cached
 * block of the dump and do not notice that the block is smaller (diskdump.c, cache_page and
 * read_diskdump). 4096 bytes is the smallest block that any dump has.
 */
#define SAFE_CHUNK 4096

static struct la_dump *dump; /* NULL: crash's own reader serves */
static int (*crash_readmem)(int, void *, int, ulong, physaddr_t);

#define MAX_PARTS 64

static bool has_kdump_signature(const char *path)
{
	char signature[8] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool found;

	if (fd < 0)
		return false;
	found = read(fd, signature, sizeof(signature)) == sizeof(signature) &&
		!memcmp(signature, "KDUMP   ", sizeof(signature));
	close(fd);
	return found;
}

/*
 * The parts of a split dump are named on crash's command line, and pc->dumpfile is only the last
 * of them. Returns how many names are in @ret; they point into @arguments.
 */
static size_t find_parts(char *arguments, size_t size, const char **ret)
{
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t len;
	size_t n = 0;

	if (fd < 0)
		return 0;
	len = read(fd, arguments, size - 1);
	close(fd);
	if (len <= 0)
		return 0;
	arguments[len] = '\0';
	for (char *at = arguments; at < arguments + len && n < MAX_PARTS; at += strlen(at) + 1)
		if (has_kdump_signature(at))
			ret[n++] = at;
	return n;
}

/* What is odd about the file, with names of files in it. */
static void warn_of_remarks(void)
{
	char text[BUFSIZE];

	for (size_t i = 0; la_dump_remark(dump, i); i++) {
		la_text_escape(la_dump_remark(dump, i), false, text, sizeof(text));
		error(WARNING, "lakvm: %s\n", text);
	}
}

bool reader_open(struct la_error *err)
{
	static char arguments[65536];
	const char *part[MAX_PARTS], *path = pc->dumpfile;
	size_t nparts;
	struct la_dump_options options = {
		.zero_excluded = *diskdump_flags & ZERO_EXCLUDED,
	};
	enum la_status status;
	sigset_t interrupt, before;

	crash_readmem = pc->readmem;
	if (!path) {
		la_fail(err, LA_ABSENT, "no dump file is open");
		return false;
	}
	nparts = DISKDUMP_DUMPFILE() ? find_parts(arguments, sizeof(arguments), part) : 0;
	/* For raw RAM files and the like pc->dumpfile names a header that crash made up, without data. */
	if (crash_readmem != read_diskdump && crash_readmem != read_kdump &&
	    crash_readmem != read_netdump)
		return crash_readmem != NULL;
	/* crash's handler of Ctrl-C leaves by longjmp, and the reader is half made until it is open. */
	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	sigprocmask(SIG_BLOCK, &interrupt, &before);
	if (nparts > 1)
		status = la_dump_open(&dump, part, nparts, &options, err);
	else
		status = la_dump_open(&dump, &path, 1, &options, err);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (status == LA_OK) {
		warn_of_remarks();
		return true;
	}
	dump = NULL;
	/* Something that only crash can read: it does, in safe chunks. */
	return crash_readmem != NULL;
}

void reader_close(void)
{
	la_dump_close(dump);
	dump = NULL;
}

struct la_dump *reader_dump(void)
{
	return dump;
}

static enum la_status read_through_crash(uint64_t pa, unsigned char *ret, size_t len)
{
	const int fd = REMOTE_MEMSRC() ? pc->sockfd : ACTIVE() ? pc->mfd : pc->dfd;

	while (len) {
		size_t n = SAFE_CHUNK - pa % SAFE_CHUNK;
		int got;

		if (n > len)
			n = len;
		got = crash_readmem(fd, ret, (int)n, 0, pa);
		if (got == PAGE_EXCLUDED)
			return LA_EXCLUDED;
		if (got == PAGE_INCOMPLETE)
			return LA_TRUNCATED;
		if (got == READ_ERROR)
			return LA_CORRUPT;
		if (got != (int)n)
			return LA_NOT_RAM;
		pa += n;
		ret += n;
		len -= n;
	}
	return LA_OK;
}

/* Once, and not through error(), which would write it into what a command sends to a file. */
static void say_shrank(void)
{
	static bool said;
	const char *file = la_dump_shrank(dump);

	if (!file || said)
		return;
	said = true;
	fprintf(stderr,
		"%s: %s has become shorter since it was opened: what it lost reads as an error\n",
		pc->program_name, file);
}

enum la_status reader_read(uint64_t pa, void *ret, size_t len)
{
	enum la_status status;

	if (!dump)
		return read_through_crash(pa, ret, len);
	status = la_dump_read(dump, pa, ret, len, NULL);
	if (status != LA_OK)
		say_shrank();
	return status;
}

enum la_status reader_explain(uint64_t pa, char *ret, size_t size)
{
	const struct la_door *door = door_open(NULL);
	struct la_error err = { "" };
	enum la_status status;
	char byte;

	status = dump ? la_dump_read(dump, pa, &byte, 1, &err) :
			read_through_crash(pa, (unsigned char *)&byte, 1);
	if (status == LA_NOT_RAM && door) {
		char where[120];

		la_mem_describe_hole(door, pa, where, sizeof(where));
		snprintf(ret, size, "physical %llx is %s", (ulonglong)pa, where);
	} else {
		snprintf(ret, size, "physical %llx: %s", (ulonglong)pa,
			 err.text[0] ? err.text : la_status_text(status));
	}
	return status;
}

/* pc->readmem: crash wants the count or one of its four errors. */
static int readmem_hook(int fd, void *buffer, int count, ulong address, physaddr_t pa)
{
	enum la_status status;

	(void)fd;
	(void)address;
	if (overlay_read(pa, buffer, (size_t)count))
		return count;
	status = reader_read(pa, buffer, (size_t)count);
	if (status != LA_OK)
		read_reason_note_physical(pa, (size_t)count);
	else
		read_reason_forget();
	switch (status) {
	case LA_OK:
		return count;
	case LA_EXCLUDED:
		return PAGE_EXCLUDED;
	case LA_TRUNCATED:
		return PAGE_INCOMPLETE;
	case LA_NOT_RAM:
		return SEEK_ERROR;
	default:
		return READ_ERROR;
	}
}

void reader_install(void)
{
	REPAIR("reader of physical memory", pc->readmem, readmem_hook);
}
