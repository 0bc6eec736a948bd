// SPDX-License-Identifier: GPL-3.0-or-later
// A sparse ELF dump: its holes are zeros that nobody has to fetch. In a memory file each page that a mapping
// is asked for takes memory, as one of a disk's file takes the page cache: so the file itself tells.
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "lakvm/dump/dump.h"

#define GIB (UINT64_C(1) << 30)
#define RAM (UINT64_C(0x80000000))
#define SIZE (2 * GIB)
#define STEP 65536
#define SKEW 0x123 /* where the file's blocks begin inside the guest's */
#define DATA (0x10000 + SKEW)

/* Guest-physical, and as long as the bytes of a block. */
static const uint64_t written[] = { RAM + 0x5000, RAM + GIB + 0x71fff, RAM + SIZE - 4096 };
#define NWRITTEN (sizeof(written) / sizeof(written[0]))

static struct la_dump *dump;
static int fd;

static uint64_t blocks(void)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (uint64_t)st.st_blocks;
}

static void write_at(uint64_t at, const void *bytes, size_t n)
{
	assert_int_equal(pwrite(fd, bytes, n, (off_t)at), n);
}

static int make(void **state)
{
	const Elf64_Ehdr e = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB,
					    EV_CURRENT },
			       .e_type = ET_CORE,
			       .e_machine = 258,
			       .e_version = EV_CURRENT,
			       .e_phoff = sizeof(e),
			       .e_ehsize = sizeof(e),
			       .e_phentsize = sizeof(Elf64_Phdr),
			       .e_phnum = 1 };
	const Elf64_Phdr p = { .p_type = PT_LOAD,
			       .p_offset = DATA,
			       .p_paddr = RAM,
			       .p_filesz = SIZE,
			       .p_memsz = SIZE };
	struct la_error err = { "" };
	char name[40];
	const char *path = name;
	char page[4096];

	(void)state;
	fd = memfd_create("sparse", 0);
	if (fd < 0 || ftruncate(fd, (off_t)(DATA + SIZE)))
		return -1;
	write_at(0, &e, sizeof(e));
	write_at(sizeof(e), &p, sizeof(p));
	memset(page, 0x5a, sizeof(page));
	for (size_t i = 0; i < NWRITTEN; i++)
		write_at(DATA + (written[i] - RAM), page, sizeof(page));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	if (la_dump_open(&dump, &path, 1, NULL, &err) != LA_OK)
		fail_msg("%s", err.text);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	la_dump_close(dump);
	close(fd);
	return 0;
}

static uint64_t read_u64(uint64_t pa)
{
	uint64_t value = 1;

	assert_int_equal(la_dump_read(dump, pa, &value, sizeof(value), NULL), LA_OK);
	return value;
}

/* As a search for a kernel does, and one through all memory. */
static void test_untouched(void **state)
{
	static char much[1 << 20];
	const uint64_t before = blocks();
	struct la_dump_stats opened, s;

	(void)state;
	la_dump_stats(dump, &opened);
	for (uint64_t pa = RAM; pa < RAM + SIZE; pa += STEP)
		assert_int_equal(read_u64(pa), 0);
	assert_int_equal(la_dump_read(dump, RAM + 3 * GIB / 2, much, sizeof(much), NULL), LA_OK);
	assert_int_equal(much[0] | much[sizeof(much) - 1], 0);
	assert_int_equal(blocks(), before);
	la_dump_stats(dump, &s);
	assert_true(s.zero >= SIZE / STEP);
	assert_int_equal(s.file_bytes, opened.file_bytes);
}

/* The bytes at both ends of what was written are as the file has them. */
static void test_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < NWRITTEN; i++) {
		char got[4096 + 16], expected[sizeof(got)] = { 0 };
		const size_t n = written[i] + 4096 == RAM + SIZE ? 8 + 4096 : sizeof(got);

		memset(expected + 8, 0x5a, 4096);
		assert_int_equal(la_dump_read(dump, written[i] - 8, got, n, NULL), LA_OK);
		assert_memory_equal(got, expected, n);
		assert_int_equal(read_u64(written[i]), UINT64_C(0x5a5a5a5a5a5a5a5a));
		assert_int_equal(read_u64(written[i] + 4092 - 4), UINT64_C(0x5a5a5a5a5a5a5a5a));
	}
}

/* What a hole is, is told; the counts are of whole blocks of the file. */
static void test_told(void **state)
{
	struct la_arena *arena = la_arena_new(1 << 20);
	struct la_dump_place place;
	struct la_ram_range *ram;
	size_t n;

	(void)state;
	la_dump_explain(dump, RAM + GIB / 2, &place);
	assert_int_equal(place.state, LA_BLOCK_ZERO);
	assert_int_equal(place.status, LA_OK);
	assert_true(place.start <= RAM + GIB / 2 && place.start >= written[0] + 4096);
	assert_true(place.end > RAM + GIB / 2 && place.end <= written[1]);
	assert_int_equal(place.offset, DATA + (place.start - RAM));
	assert_int_equal(place.size, place.end - place.start);
	la_dump_explain(dump, written[1], &place);
	assert_int_equal(place.state, LA_BLOCK_PRESENT);
	assert_int_equal(la_dump_ram(dump, true, arena, &ram, &n, NULL), LA_OK);
	assert_int_equal(n, 1);
	assert_int_equal(ram->start, RAM);
	assert_int_equal(ram->end, RAM + SIZE);
	assert_int_equal(ram->present + ram->zero, SIZE);
	assert_in_range(ram->present, NWRITTEN * 4096, NWRITTEN * 3 * 65536);
	la_arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_untouched, make, finish),
		cmocka_unit_test_setup_teardown(test_ends, make, finish),
		cmocka_unit_test_setup_teardown(test_told, make, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
