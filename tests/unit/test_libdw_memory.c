// SPDX-License-Identifier: GPL-3.0-or-later
// libdw without memory, which would end the process: whoever asks is told, and nothing that is kept is wrong.
// A table of 100,000 lines wants 4 MB at once, where the sanitizer's allocator gives 2 MB at most.
#include <dwarf.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "fake.h"
#include "lakvm/stack/lines.h"
#include "lakvm/stack/unwind.h"
#include "lakvm/triage/panic.h"
#include "small_elf.h"

#define PC UINT64_C(0x10000)
#define SMALL UINT64_C(0x8000000) /* another unit's, with a short table */
#define ROWS 100000

const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);

const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1:max_allocation_size_mb=2";
}

/* What libdw took for itself before it had to be left. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libdw";
}

struct bytes {
	unsigned char at[ROWS + 4096];
	size_t n;
};

static struct bytes info, table;

static void put(struct bytes *b, uint64_t value, size_t n)
{
	memcpy(b->at + b->n, &value, n);
	b->n += n;
}

static void end(struct bytes *b, size_t start)
{
	const uint32_t length = (uint32_t)(b->n - start - 4);

	memcpy(b->at + start, &length, 4);
}

/* DWARF 4, 6.2.4: a header, one file, and @rows rows of one byte and one address each. */
static void put_table(uint64_t pc, size_t rows)
{
	static const unsigned char header[] = { 1, 1, 1, 0xfb, 14, 13,  0,   1,   1, 1, 1, 0, 0, 0,
						1, 0, 0, 1,    0,  'a', '.', 'c', 0, 0, 0, 0, 0 };
	const size_t start = table.n;

	put(&table, 0, 4);
	put(&table, 4, 2);
	put(&table, sizeof(header), 4);
	memcpy(table.at + table.n, header, sizeof(header));
	table.n += sizeof(header);
	put(&table, 0x020900, 3); /* DW_LNE_set_address */
	put(&table, pc, 8);
	memset(table.at + table.n, 13 + 14 + 5, rows); /* the next address, the same line */
	table.n += rows;
	put(&table, 0x010100, 3); /* DW_LNE_end_sequence */
	end(&table, start);
}

static void put_unit(uint64_t pc, size_t rows)
{
	const size_t start = info.n;

	put(&info, 0, 4);
	put(&info, 4, 2);
	put(&info, 0, 4);
	put(&info, 8, 1);
	put(&info, 1, 1);
	put(&info, pc, 8);
	put(&info, rows, 8);
	put(&info, table.n, 4);
	end(&info, start);
	put_table(pc, rows);
}

static void write_vmlinux(char *path)
{
	static const unsigned char abbreviations[] = { 1,
						       DW_TAG_compile_unit,
						       0,
						       DW_AT_low_pc,
						       DW_FORM_addr,
						       DW_AT_high_pc,
						       DW_FORM_data8,
						       DW_AT_stmt_list,
						       DW_FORM_sec_offset,
						       0,
						       0,
						       0 };

	info.n = table.n = 0;
	put_unit(PC, ROWS);
	put_unit(SMALL, 16);
	small_elf_write(path,
			(struct small_section[]){
				{ .name = ".debug_info", .bytes = info.at, .size = info.n },
				{ .name = ".debug_abbrev",
				  .bytes = abbreviations,
				  .size = sizeof(abbreviations) },
				{ .name = ".debug_line", .bytes = table.at, .size = table.n } },
			3);
}

static void test_lines(void **state)
{
	struct la_frame frame[2] = { { .code = SMALL + 4 }, { .code = PC + 0x10 } };
	struct la_stack small = { .frame = frame, .n = 1 }, both = { .frame = frame, .n = 2 };
	struct fake *fake = fake_new();
	struct la_kernel k = { .door = fake_door(fake) };
	struct la_arena *arena = la_arena_new(1 << 20);
	struct la_fact room[1] = { { NULL, NULL } };
	struct la_panic panic = { .stack = &both, .fact = room, .room = room };
	const struct la_lines_at *at;
	char path[SMALL_ELF_PATH];
	sigset_t mask;

	(void)state;
#ifndef __SANITIZE_ADDRESS__
	skip();
#endif
	write_vmlinux(path);
	fake_door(fake)->vmlinux = path;
	assert_int_equal(la_lines_open(&k, NULL), LA_OK);
	at = la_lines_find(&k, SMALL + 4);
	assert_non_null(at);
	assert_int_equal(at->self.line, 1);
	assert_non_null(la_lines_stack(&k, arena, &small));

	assert_null(la_lines_find(&k, PC + 0x10));
	assert_null(la_lines_stack(&k, arena, &both)); /* out of memory: not "it has no line" */
	assert_true(la_lines_exhausted(&k));
	la_panic_lines(&k, arena, &panic);
	assert_ptr_equal(panic.stack, &both);
	assert_int_equal(panic.nfacts, 1);
	assert_string_equal(room[0].source, "limit");
	la_panic_lack_lines(&panic); /* once is enough */
	assert_int_equal(panic.nfacts, 1);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	assert_false(sigismember(&mask, SIGINT));

	/* What was answered stays; nothing more is asked of this file, and a new one is asked afresh. */
	at = la_lines_find(&k, SMALL + 4);
	assert_non_null(at);
	assert_string_equal(at->self.file, "a.c");
	assert_null(la_lines_find(&k, SMALL + 8));
	assert_int_equal(la_lines_open(&k, NULL), LA_OK);
	assert_non_null(la_lines_find(&k, SMALL + 8));
	la_lines_close(&k);
	la_arena_free(arena);
	fake_free(fake);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
