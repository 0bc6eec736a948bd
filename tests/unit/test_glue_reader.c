// SPDX-License-Identifier: GPL-3.0-or-later
// Which words of crash's command line are parts of a split dump. An argument may be anything: what would make
// open() or read() wait is not waited for.
#include "fake_crash.h"

#include <sys/stat.h>

#define SECONDS 20 /* what waits, waits for ever */
#define NAMES 6
#define MORE 70 /* times the last of the parts, at the end */

static ulonglong fake_diskdump_flags, *diskdump_flags = &fake_diskdump_flags;
#define ZERO_EXCLUDED 1u
#define DISKDUMP_DUMPFILE() TRUE
#define REMOTE_MEMSRC() 0
#define ACTIVE() 0
enum { PAGE_INCOMPLETE = -4, PAGE_EXCLUDED, READ_ERROR, SEEK_ERROR };

static int read_diskdump(int fd, void *ret, int count, ulong address, physaddr_t pa)
{
	(void)fd;
	(void)ret;
	(void)address;
	(void)pa;
	return count;
}

static int read_kdump(int fd, void *ret, int count, ulong address, physaddr_t pa)
{
	return read_diskdump(fd, ret, count, address, pa);
}

static int read_netdump(int fd, void *ret, int count, ulong address, physaddr_t pa)
{
	return read_diskdump(fd, ret, count, address, pa);
}

#include "../../extensions/glue/reader.c"

/* --- other files of the glue --- */

const struct la_door *door_open(struct la_error *err)
{
	(void)err;
	return NULL;
}

bool overlay_read(uint64_t pa, void *ret, size_t len)
{
	(void)pa;
	(void)ret;
	(void)len;
	return false;
}

void overlay_lay(uint64_t pa, void *bytes, size_t len)
{
	(void)pa;
	(void)bytes;
	(void)len;
}

void net_mend(void)
{
}

void read_reason_note_physical(uint64_t pa, size_t len)
{
	(void)pa;
	(void)len;
}

void read_reason_forget(void)
{
}

void repair(const char *what, void *place, const void *value, size_t size)
{
	(void)what;
	memcpy(place, value, size);
}

/* --- */

static char **name; /* the command line, behind the program */

static void test_parts(void **state)
{
	const char *part[READER_PARTS];

	(void)state;
	alarm(SECONDS);
	assert_int_equal(find_parts(here.arguments, sizeof(here.arguments), part), 2 + MORE);
	alarm(0);
	assert_string_equal(part[0], name[1]);
	assert_string_equal(part[1], name[4]);
	assert_true(2 + MORE > READER_PARTS); /* none is dropped in silence */
	assert_string_equal(part[READER_PARTS - 1], name[4]);
}

static void test_signature(void **state)
{
	(void)state;
	alarm(SECONDS);
	for (int i = 0; i < NAMES; i++)
		assert_int_equal(has_kdump_signature(name[i]), i == 1 || i == 4);
	assert_false(has_kdump_signature("/dev/zero"));
	assert_false(has_kdump_signature("/dev/tty"));
	assert_false(has_kdump_signature(""));
	alarm(0);
}

/* crash shows its own reader's faults as such. */
static void test_install(void **state)
{
	char byte;

	(void)state;
	pc->readmem = read_kdump;
	here.crash_readmem = read_kdump;
	reader_install();
	assert_ptr_equal(pc->readmem, readmem_hook);
	assert_int_equal(pc->readmem(0, &byte, 1, 0, 0x1000), 1);
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		perror(path);
}

/* This program again, with arguments that crash may have. */
static void again(const char *self)
{
	char folder[] = "/tmp/lakvm-argv-XXXXXX", path[NAMES][64];
	char *words[NAMES + MORE + 2] = { (char *)self };

	if (!mkdtemp(folder))
		return;
	for (int i = 0; i < NAMES; i++) {
		snprintf(path[i], sizeof(path[i]), "%s/%d", folder, i);
		words[i + 1] = path[i];
	}
	for (int i = 0; i < MORE; i++)
		words[NAMES + 1 + i] = path[4];
	if (mkfifo(path[0], 0600) || mkdir(path[2], 0700))
		return;
	put(path[1], "KDUMP   \6");
	put(path[3], "KDUMP");
	put(path[4], "KDUMP   and more");
	put(path[5], "\177ELF");
	execv(self, words);
	perror(self);
}

static void clean(void)
{
	for (int i = 0; i < NAMES; i++)
		remove(name[i]);
	*strrchr(name[0], '/') = '\0';
	rmdir(name[0]);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_install),
	};
	int failed;

	if (argc != NAMES + MORE + 1) {
		again("/proc/self/exe");
		return EXIT_FAILURE;
	}
	name = argv + 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	clean();
	return failed;
}
