// SPDX-License-Identifier: GPL-3.0-or-later
// Physical memory: lakvm's own reader where it knows the format, crash's where it does not.
#include "crash.h"
#include "glue.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lakvm/base/escape.h"
#include "lakvm/base/jump.h"
#include "lakvm/dump/dump.h"
#include "lakvm/guest/explain.h"

/*
 * crash asks for at most one page of the kernel at a time, but its readers copy out of one cached
 * block of the dump and do not notice that the block is smaller (diskdump.c, cache_page and
 * read_diskdump). 4096 bytes is the smallest block that any dump has.
 */
#define SAFE_CHUNK 4096

static struct {
	struct la_dump *dump; /* NULL: crash's own reader is used */
	int (*crash_readmem)(int, void *, int, ulong, physaddr_t);
	char arguments[65536]; /* of crash's command line */
	const char *part[READER_PARTS];
	bool told; /* that the file has become shorter */
} here;

static bool has_kdump_signature(const char *path)
{
	char signature[8] = "";
	/* An argument may name anything: a FIFO would let open() wait, a terminal read(). */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;
	bool found;

	if (fd < 0)
		return false;
	found = !fstat(fd, &status) && S_ISREG(status.st_mode) &&
		read(fd, signature, sizeof(signature)) == sizeof(signature) &&
		!memcmp(signature, "KDUMP   ", sizeof(signature));
	close(fd);
	return found;
}

/*
 * The parts of a split dump are named on crash's command line, and pc->dumpfile is only the last
 * of them. Returns how many there are, of which @ret has at most READER_PARTS; they point into @arguments.
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
	for (char *at = arguments; at < arguments + len; at += strlen(at) + 1) {
		if (!has_kdump_signature(at))
			continue;
		if (n < READER_PARTS)
			ret[n] = at;
		n++;
	}
	return n;
}

/* Remarks about the file, which may name files. */
static void warn_of_remarks(void)
{
	char text[BUFSIZE];

	for (size_t i = 0; la_dump_remark(here.dump, i); i++) {
		la_text_escape(la_dump_remark(here.dump, i), false, text, sizeof(text));
		error(WARNING, "lakvm: %s\n", text);
	}
}

bool reader_open(struct la_error *err)
{
	const char *path = pc->dumpfile;
	char text[BUFSIZE];
	size_t nparts;
	struct la_dump_options options = {
		.zero_excluded = *diskdump_flags & ZERO_EXCLUDED,
	};
	enum la_status status;
	sigset_t before;

	here.crash_readmem = pc->readmem;
	if (!path) {
		la_fail(err, LA_ABSENT, "no dump file is open");
		return false;
	}
	nparts = DISKDUMP_DUMPFILE() ?
			 find_parts(here.arguments, sizeof(here.arguments), here.part) :
			 0;
	/* For raw RAM files and the like pc->dumpfile names a header that crash made up, without data. */
	if (here.crash_readmem != read_diskdump && here.crash_readmem != read_kdump &&
	    here.crash_readmem != read_netdump)
		return here.crash_readmem != NULL;
	/* The reader is half made until it is open. */
	la_hold(&before);
	if (nparts > READER_PARTS)
		status = la_fail(err, LA_UNSUPPORTED, "a dump of more than %d parts", READER_PARTS);
	else if (nparts > 1)
		status = la_dump_open(&here.dump, here.part, nparts, &options, err);
	else
		status = la_dump_open(&here.dump, &path, 1, &options, err);
	la_release(&before);
	if (status == LA_OK) {
		warn_of_remarks();
		return true;
	}
	here.dump = NULL;
	/* What only crash can read, crash reads, in safe chunks. */
	la_text_escape(err->text, false, text, sizeof(text));
	error(WARNING, "lakvm: %s: left to crash's own reader\n", text);
	return true;
}

void reader_close(void)
{
	la_dump_close(here.dump);
	here.dump = NULL;
}

void reader_parts(const char *ret[READER_PARTS])
{
	memcpy(ret, here.part, sizeof(here.part));
}

struct la_dump *reader_dump(void)
{
	return here.dump;
}

static enum la_status read_through_crash(uint64_t pa, unsigned char *ret, size_t len)
{
	const int fd = REMOTE_MEMSRC() ? pc->sockfd : ACTIVE() ? pc->mfd : pc->dfd;

	while (len) {
		size_t n = SAFE_CHUNK - pa % SAFE_CHUNK;
		int got;

		if (n > len)
			n = len;
		got = here.crash_readmem(fd, ret, (int)n, 0, pa);
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
	const char *file = la_dump_shrank(here.dump);
	char name[BUFSIZE];

	if (!file || here.told)
		return;
	here.told = true;
	la_text_escape(file, false, name, sizeof(name));
	fprintf(stderr,
		"%s: %s has become shorter since it was opened: what it lost reads as an error\n",
		pc->program_name, name);
}

enum la_status reader_read(uint64_t pa, void *ret, size_t len)
{
	enum la_status status;

	if (!here.dump)
		return read_through_crash(pa, ret, len);
	status = la_dump_read(here.dump, pa, ret, len, NULL);
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

	status = here.dump ? la_dump_read(here.dump, pa, &byte, 1, &err) :
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
	net_mend();
	if (overlay_read(pa, buffer, (size_t)count))
		return count;
	status = reader_read(pa, buffer, (size_t)count);
	if (status != LA_OK)
		read_reason_note_physical(pa, (size_t)count);
	else
		read_reason_forget();
	switch (status) {
	case LA_OK:
		overlay_lay(pa, buffer, (size_t)count);
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
