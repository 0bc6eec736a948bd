// SPDX-License-Identifier: GPL-3.0-or-later
// Source positions out of DWARF that was made to harm: lists of ranges that hold nothing, and that everybody
// shares. Each opening and each question has to end, and soon.
#include <dwarf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

#include "fake.h"
#include "lakvm/stack/lines.h"
#include "small_elf.h"

#define SECONDS 20 /* of CPU time, under sanitizers; without a bound it takes hours */
#define PC UINT64_C(0x10000)

enum { WITH_LIST = 1, WITH_CODE, BLOCK, NOTHING, BACK, WITH_LINES };

/* What each kind of entry has; all of it in fixed sizes. */
static const unsigned char abbreviations[] = {
	/* clang-format off */
	WITH_LIST, DW_TAG_compile_unit, 0, DW_AT_low_pc, DW_FORM_addr, DW_AT_ranges, DW_FORM_sec_offset, 0, 0,
	WITH_CODE, DW_TAG_compile_unit, 1, DW_AT_low_pc, DW_FORM_addr, DW_AT_high_pc, DW_FORM_data8, 0, 0,
	BLOCK, DW_TAG_lexical_block, 0, DW_AT_ranges, DW_FORM_sec_offset, 0, 0,
	NOTHING, DW_TAG_variable, 0, 0, 0,
	BACK, DW_TAG_structure_type, 1, DW_AT_sibling, DW_FORM_ref4, 0, 0,
	WITH_LINES, DW_TAG_compile_unit, 1, DW_AT_low_pc, DW_FORM_addr, DW_AT_high_pc, DW_FORM_data8,
		DW_AT_stmt_list, DW_FORM_sec_offset, 0, 0,
	0,
	/* clang-format on */
};

void __wrap_la_libdw_room(void);

/* Asked for 50,000 units, room takes AddressSanitizer longer (15 s) than all else that is measured here. */
void __wrap_la_libdw_room(void)
{
}

struct bytes {
	unsigned char *at;
	size_t n;
};

static void put(struct bytes *b, uint64_t value, size_t n)
{
	memcpy(b->at + b->n, &value, n);
	b->n += n;
}

/* The header of a unit of DWARF 4, whose length end_unit() fills in. */
static size_t begin_unit(struct bytes *info)
{
	const size_t at = info->n;

	put(info, 0, 4);
	put(info, 4, 2);
	put(info, 0, 4);
	put(info, 8, 1);
	return at;
}

static void end_unit(struct bytes *info, size_t at)
{
	const uint32_t length = (uint32_t)(info->n - at - 4);

	memcpy(info->at + at, &length, 4);
}

static void code_unit(struct bytes *info, size_t blocks)
{
	const size_t at = begin_unit(info);

	put(info, WITH_CODE, 1);
	put(info, PC, 8);
	put(info, 0x1000, 8);
	for (size_t i = 0; i < blocks; i++) {
		put(info, BLOCK, 1);
		put(info, 0, 4);
	}
	put(info, 0, 1);
	end_unit(info, at);
}

/* @units with one list of @empty ranges, behind one with code and as many @blocks with that list. */
static void ask(size_t units, size_t blocks, size_t empty)
{
	struct bytes info = { malloc(64 + 32 * units + 5 * blocks), 0 };
	struct bytes ranges = { malloc(16 * (empty + 1)), 0 };
	struct fake *fake = fake_new();
	struct la_kernel k = { .door = fake_door(fake) };
	char path[SMALL_ELF_PATH];

	code_unit(&info, blocks);
	for (size_t i = 0; i < units; i++) {
		const size_t at = begin_unit(&info);

		put(&info, WITH_LIST, 1);
		put(&info, 0, 8);
		put(&info, 0, 4);
		end_unit(&info, at);
	}
	for (size_t i = 0; i < empty; i++) {
		put(&ranges, 1, 8);
		put(&ranges, 1, 8);
	}
	put(&ranges, 0, 8);
	put(&ranges, 0, 8);
	small_elf_write(path,
			(struct small_section[]){
				{ .name = ".debug_info", .bytes = info.at, .size = info.n },
				{ .name = ".debug_abbrev",
				  .bytes = abbreviations,
				  .size = sizeof(abbreviations) },
				{ .name = ".debug_ranges", .bytes = ranges.at, .size = ranges.n } },
			3);
	free(info.at);
	free(ranges.at);
	fake_door(fake)->vmlinux = path;
	assert_int_equal(la_lines_open(&k, NULL), LA_OK);
	assert_non_null(la_lines_find(&k, PC + 0x10));
	la_lines_close(&k);
	fake_free(fake);
	unlink(path);
}

/* 100,000 million ranges, if they were looked at for each unit, */
static void test_units(void **state)
{
	(void)state;
	ask(50000, 1, 2000000);
}

/* and for each block of the unit that has the code. */
static void test_blocks(void **state)
{
	(void)state;
	ask(1, 100000, 2000000);
}

/* Entries after which the unit begins again, as the last one says: each turn goes through all of them. */
static void test_circle(void **state)
{
	const size_t entries = 500000;
	struct bytes info = { malloc(64 + entries), 0 };
	struct fake *fake = fake_new();
	struct la_kernel k = { .door = fake_door(fake) };
	const size_t unit = begin_unit(&info);
	char path[SMALL_ELF_PATH];

	(void)state;
	put(&info, WITH_CODE, 1);
	put(&info, PC, 8);
	put(&info, 0x1000, 8);
	const size_t first = info.n;

	put(&info, NOTHING, 1);
	put(&info, BACK, 1);
	put(&info, first, 4);
	memset(info.at + info.n, NOTHING, entries);
	info.n += entries;
	put(&info, 0, 2);
	end_unit(&info, unit);
	small_elf_write(path,
			(struct small_section[]){
				{ .name = ".debug_info", .bytes = info.at, .size = info.n },
				{ .name = ".debug_abbrev",
				  .bytes = abbreviations,
				  .size = sizeof(abbreviations) } },
			2);
	free(info.at);
	fake_door(fake)->vmlinux = path;
	assert_int_equal(la_lines_open(&k, NULL), LA_OK);
	assert_non_null(la_lines_find(&k, PC + 0x10));
	la_lines_close(&k);
	fake_free(fake);
	unlink(path);
}

/* A line for each byte, and nothing that needs so many: the unit has a function, but no lines. */
static void test_many_lines(void **state)
{
	static const unsigned char header[] = { 1, 1, 1, 0xfb, 14, 13,  0,   1,   1, 1, 1, 0, 0, 0,
						1, 0, 0, 1,    0,  'a', '.', 'c', 0, 0, 0, 0, 0 };
	const size_t rows = 8u << 20;
	struct bytes info = { malloc(64), 0 }, table = { malloc(rows + 64), 0 };
	struct fake *fake = fake_new();
	struct la_kernel k = { .door = fake_door(fake) };
	const size_t unit = begin_unit(&info);
	const struct la_lines_at *at;
	struct rusage used;
	char path[SMALL_ELF_PATH];

	(void)state;
	put(&info, WITH_LINES, 1);
	put(&info, PC, 8);
	put(&info, 0x1000, 8);
	put(&info, 0, 4);
	put(&info, 0, 1);
	end_unit(&info, unit);
	put(&table, 0, 4);
	put(&table, 4, 2);
	put(&table, sizeof(header), 4);
	memcpy(table.at + table.n, header, sizeof(header));
	table.n += sizeof(header);
	put(&table, 0x020900, 3); /* DW_LNE_set_address */
	put(&table, PC, 8);
	memset(table.at + table.n, 13 + 5, rows); /* the same address, the same line */
	table.n += rows;
	put(&table, 0x010100, 3); /* DW_LNE_end_sequence */
	end_unit(&table, 0);
	small_elf_write(path,
			(struct small_section[]){
				{ .name = ".debug_info", .bytes = info.at, .size = info.n },
				{ .name = ".debug_abbrev",
				  .bytes = abbreviations,
				  .size = sizeof(abbreviations) },
				{ .name = ".debug_line", .bytes = table.at, .size = table.n } },
			3);
	free(info.at);
	free(table.at);
	fake_door(fake)->vmlinux = path;
	assert_int_equal(la_lines_open(&k, NULL), LA_OK);
	at = la_lines_find(&k, PC + 0x10);
	assert_non_null(at);
	assert_int_equal(at->self.line, 0);
	assert_int_equal(getrusage(RUSAGE_SELF, &used), 0);
	assert_true(used.ru_maxrss >> 10 < 400); /* MiB; the lines would take 800 */
	la_lines_close(&k);
	fake_free(fake);
	unlink(path);
}

int main(void)
{
	/* Other signals wait while libdw works; this limit's end is no signal that could. */
	const struct rlimit limit = { SECONDS, SECONDS };

	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_circle),
		cmocka_unit_test(test_many_lines),
	};

	if (setrlimit(RLIMIT_CPU, &limit))
		return EXIT_FAILURE;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
