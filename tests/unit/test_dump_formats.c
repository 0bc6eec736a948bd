// SPDX-License-Identifier: GPL-3.0-or-later
// The dump reader on sound dumps: every variant gives back what its description says.
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include <cmocka.h>

#include "lakvm/dump/dump.h"
#include "opened.h"

/*
 * Two ranges of RAM as on QEMU's "virt", ends that are not ends of 64 KiB blocks where the block
 * allows it, every kind of content.
 */
#define RAM                                                                                        \
	"ram 0 128K words\n"                                                                       \
	"ram 128K 64K zero\n"                                                                      \
	"ram 192K 64K noise\n"                                                                     \
	"ram 0x80000000 128K mixed\n"                                                              \
	"ram 0x80020000 64K excluded\n"                                                            \
	"ram 0x80030000 64K words\n"                                                               \
	"ram 0x90000000 64K zero\n"

static void check(const char *text, size_t nfiles)
{
	struct opened o;
	const char *wrong;

	opened_make(&o, text, nfiles, NULL);
	if (!o.dump)
		fail_msg("%s\n%s", text, o.err.text);
	wrong = opened_wrong(&o);
	if (wrong)
		fail_msg("%s\n%s", text, wrong);
	assert_null(la_dump_remark(o.dump, 0));
	opened_free(&o);
}

static void test_methods_and_blocks(void **state)
{
	static const char *const method[] = { "raw", "zlib", "lzo", "snappy", "zstd" };
	static const unsigned block[] = { 512, 4096, 16384, 65536 };
	char text[1024];

	(void)state;
	for (size_t m = 0; m < 5; m++) {
		for (size_t b = 0; b < 4; b++) {
			snprintf(text, sizeof(text), "kdump method=%s block=%u\n" RAM, method[m],
				 block[b]);
			check(text, 1);
			strcat(text, "flatten\n");
			check(text, 1);
		}
	}
}

static void test_versions(void **state)
{
	char text[1024];

	(void)state;
	for (int version = 1; version <= 6; version++) {
		snprintf(text, sizeof(text), "kdump version=%d\n" RAM, version);
		check(text, 1);
		snprintf(text, sizeof(text), "kdump version=%d no-zero-page\n" RAM "split 2\n",
			 version);
		if (version >= 2)
			check(text, 2);
	}
	check("kdump one-bitmap\nram 0 64K words\nram 1M 64K zero\n", 1);
	check("kdump no-zero-page\n" RAM, 1);
}

static void test_flattened(void **state)
{
	(void)state;
	check("kdump\n" RAM "flatten record=1000\n", 1);
	check("kdump\n" RAM "flatten record=1 shuffle=1\n"
	      "# one byte a record: hundreds of thousands of them\n",
	      1);
	check("kdump\n" RAM "flatten record=4096 shuffle=7\n", 1);
	check("kdump\n" RAM "flatten record=5000 shuffle=8 overlap\n", 1);
	check("kdump\n" RAM "flatten gaps\n", 1);
	check("kdump method=raw block=16384\n" RAM "split 3\nflatten shuffle=2 gaps\n", 3);
	check("elf\n" RAM "flatten record=3000 shuffle=5 gaps\n", 1);
}

static void test_elf(void **state)
{
	char *text = malloc(70000 * 24), *p = text;

	(void)state;
	check("elf\n" RAM, 1);
	check("elf ehsize=8 phoff=192 skew=5\n" RAM, 1);
	check("elf phoff=192 xnum\n" RAM, 1);
	check("elf skew=1\nram 0 1000 words\nram 1000 3096 noise\nram 8192 512 words\n", 1);

	/* More segments than e_phnum can count. */
	p += sprintf(p, "elf phoff=192 xnum\n");
	for (unsigned i = 0; i < 66000; i++)
		p += sprintf(p, "ram 0x%x 8 words\n", i * 512);
	strcpy(p, "file 0\n");
	struct opened o;
	opened_make(&o, text, 1, NULL);
	assert_non_null(o.dump);
	for (uint64_t i = 0; i < 66000; i += 99) {
		uint64_t v = 1;

		assert_int_equal(la_dump_read(o.dump, i * 512, &v, 8, NULL), LA_OK);
		assert_int_equal(v, i * 512);
		assert_int_equal(la_dump_read(o.dump, i * 512 + 1, &v, 8, NULL), LA_NOT_RAM);
	}
	opened_free(&o);
	free(text);
}

static void test_split(void **state)
{
	const char *text = "kdump\n" RAM "split 3\n";
	struct la_error err = { "" };
	struct la_dump *dump;
	struct opened o;
	uint64_t v;

	(void)state;
	check(text, 3);
	opened_make(&o, text, 3, NULL);
	/* In another order, and without the middle part. */
	dump = NULL;
	assert_int_equal(la_dump_open(&dump, (const char *[]){ o.path[2], o.path[0] }, 2, NULL,
				      &err),
			 LA_OK);
	assert_int_equal(la_dump_read(dump, 0x90000000, &v, 8, NULL), LA_OK);
	assert_int_equal(la_dump_read(dump, 8, &v, 8, NULL), LA_OK);
	assert_int_equal(v, 8);
	assert_non_null(la_dump_remark(dump, 0));
	la_dump_close(dump);
	/* Each part may be of another second (makedumpfile --split), not of another machine. */
	for (int i = 0; i < 2; i++) {
		int fd = open(o.path[1], O_WRONLY);

		assert_int_equal(pwrite(fd, "\x01\x02", 2, i ? 77 : 408), 2);
		close(fd);
		la_error_clear(&err);
		assert_int_equal(la_dump_open(&dump,
					      (const char *[]){ o.path[0], o.path[1], o.path[2] },
					      3, NULL, &err),
				 i ? LA_INVALID : LA_OK);
		la_dump_close(dump);
	}
	la_error_clear(&err);
	/* The first part alone: 0x80000000 is page frame 0x80000 of 0x90010, so in part 2. */
	assert_int_equal(la_dump_open(&dump, (const char *[]){ o.path[0] }, 1, NULL, &err), LA_OK);
	assert_int_equal(la_dump_read(dump, 8, &v, 8, NULL), LA_OK);
	assert_int_equal(la_dump_read(dump, 0x80000000, &v, 8, &err), LA_TRUNCATED);
	assert_non_null(strstr(err.text, "not given"));
	la_dump_close(dump);
	/* The same part twice. */
	la_error_clear(&err);
	assert_int_equal(la_dump_open(&dump, (const char *[]){ o.path[1], o.path[1] }, 2, NULL,
				      &err),
			 LA_INVALID);
	assert_null(dump);
	opened_free(&o);
}

static void test_zero_excluded(void **state)
{
	const struct la_dump_options opt = { .zero_excluded = true };
	uint8_t page[8192], zero[8192] = { 0 };
	struct opened o;

	(void)state;
	opened_make(&o,
		    "kdump\nram 0 4K words\nram 4K 4K excluded\nram 8K 4K missing\n"
		    "ram 12K 4K words\n",
		    1, &opt);
	assert_non_null(o.dump);
	memset(page, 1, sizeof(page));
	assert_int_equal(la_dump_read(o.dump, 4096, page, 8192, NULL), LA_OK);
	assert_memory_equal(page, zero, 8192);
	assert_int_equal(la_dump_read(o.dump, 16384, page, 8, NULL), LA_NOT_RAM);
	opened_free(&o);

	opened_make(&o, "elf\nram 0 4K words\nram 4K 8K excluded\n", 1, &opt);
	memset(page, 1, sizeof(page));
	assert_int_equal(la_dump_read(o.dump, 4096, page, 8192, NULL), LA_OK);
	assert_memory_equal(page, zero, 8192);
	opened_free(&o);
}

static void test_notes(void **state)
{
	static const char *const text[] = {
		"kdump\nprstatus 3\nvmcoreinfo OSRELEASE=6.12.0\neraseinfo erase foo\nram 0 4K words\n",
		"kdump version=5\nprstatus 3\nvmcoreinfo OSRELEASE=6.12.0\neraseinfo erase foo\n"
		"ram 0 4K words\nflatten\n",
		"elf skew=3\nprstatus 3\nvmcoreinfo OSRELEASE=6.12.0\neraseinfo erase foo\nram 0 4K words\n",
	};
	const uint8_t *notes;
	const char *info;
	struct opened o;
	size_t size;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		opened_make(&o, text[i], 1, NULL);
		assert_non_null(o.dump);
		notes = la_dump_notes(o.dump, &size);
		/* QEMU's two notes of a vCPU take 788 bytes; then the VMCOREINFO note. */
		assert_int_equal(size, 3 * 788 + 12 + 12 + 16 + (i < 2 ? 0 : 12 + 12 + 12));
		assert_memory_equal(notes + 788 + 12, "CORE", 5);
		info = la_dump_vmcoreinfo(o.dump, &size);
		assert_int_equal(size, 16);
		assert_memory_equal(info, "OSRELEASE=6.12.0", 16);
		info = la_dump_eraseinfo(o.dump, &size);
		assert_int_equal(size, 9);
		assert_memory_equal(info, "erase foo", 9);
		opened_free(&o);
	}
	opened_make(&o, "kdump\nram 0 4K words\n", 1, NULL);
	assert_null(la_dump_notes(o.dump, &size));
	assert_null(la_dump_vmcoreinfo(o.dump, &size));
	assert_int_equal(size, 0);
	opened_free(&o);
}

static void test_ram(void **state)
{
	struct la_arena *arena = la_arena_new(1 << 20);
	struct la_ram_range *r;
	struct opened o;
	size_t n;

	(void)state;
	opened_make(&o, "kdump\n" RAM "ram 0x90010000 8K missing\n", 1, NULL);
	assert_non_null(o.dump);
	assert_int_equal(la_dump_ram(o.dump, true, arena, &r, &n, NULL), LA_OK);
	assert_int_equal(n, 3);
	assert_int_equal(r[0].start, 0);
	assert_int_equal(r[0].end, 256 << 10);
	assert_int_equal(r[0].present, 192 << 10);
	assert_int_equal(r[0].zero, 64 << 10);
	assert_int_equal(r[1].start, 0x80000000);
	assert_int_equal(r[1].end, 0x80040000);
	assert_int_equal(r[1].present, 192 << 10);
	assert_int_equal(r[1].excluded, 64 << 10);
	assert_int_equal(r[2].zero, 64 << 10);
	assert_int_equal(r[2].missing, 8 << 10);
	assert_int_equal(la_dump_ram(o.dump, false, arena, &r, &n, NULL), LA_OK);
	assert_int_equal(n, 3);
	assert_int_equal(r[1].end, 0x80040000);
	assert_int_equal(r[1].present, 0);
	opened_free(&o);

	opened_make(&o,
		    "elf\nram 0 12K words\nram 12K 4K noise\nram 16K 4K excluded\n"
		    "ram 0x80000000 8K words\ntruncate -4096\n",
		    1, NULL);
	assert_int_equal(la_dump_ram(o.dump, true, arena, &r, &n, NULL), LA_OK);
	assert_int_equal(n, 2);
	assert_int_equal(r[0].end, 20 << 10);
	assert_int_equal(r[0].present, 16 << 10);
	assert_int_equal(r[0].excluded, 4 << 10);
	assert_int_equal(r[1].present, 4 << 10);
	assert_int_equal(r[1].missing, 4 << 10);
	opened_free(&o);
	la_arena_free(arena);
}

static void test_explain(void **state)
{
	struct la_dump_place p;
	struct opened o;

	(void)state;
	opened_make(&o,
		    "kdump method=raw\nram 0 8K zero\nram 8K 4K words\nram 12K 4K excluded\n"
		    "ram 16K 4K missing\nram 24K 4K zero\n",
		    1, NULL);
	assert_non_null(o.dump);
	/* Header, sub-header, two bitmaps; 7 - 1 - 1 descriptors; zero page, page of words. */
	la_dump_explain(o.dump, 8200, &p);
	assert_int_equal(p.state, LA_BLOCK_PRESENT);
	assert_int_equal(p.status, LA_OK);
	assert_int_equal(p.start, 8192);
	assert_int_equal(p.end, 12288);
	assert_true(p.stored);
	assert_int_equal(p.offset, 4 * 4096 + 5 * 24 + 4096);
	assert_int_equal(p.size, 4096);
	assert_string_equal(p.method, "raw");
	assert_string_equal(p.file, o.path[0]);
	assert_string_equal(p.reason, "");
	la_dump_explain(o.dump, 0, &p);
	assert_int_equal(p.state, LA_BLOCK_ZERO);
	assert_int_equal(p.offset, 4 * 4096 + 5 * 24);
	la_dump_explain(o.dump, 12300, &p);
	assert_int_equal(p.state, LA_BLOCK_EXCLUDED);
	assert_int_equal(p.status, LA_EXCLUDED);
	assert_false(p.stored);
	la_dump_explain(o.dump, 16384, &p);
	assert_int_equal(p.state, LA_BLOCK_MISSING);
	assert_int_equal(p.status, LA_TRUNCATED);
	la_dump_explain(o.dump, 20480, &p);
	assert_int_equal(p.state, LA_BLOCK_HOLE);
	assert_int_equal(p.status, LA_NOT_RAM);
	la_dump_explain(o.dump, UINT64_MAX, &p);
	assert_int_equal(p.state, LA_BLOCK_HOLE);
	opened_free(&o);

	/* In a flattened file the place is that in the file, behind two headers here. */
	opened_make(&o, "elf\nram 0 64K words\nflatten record=1M\n", 1, NULL);
	la_dump_explain(o.dump, 4096, &p);
	assert_int_equal(p.start, 0);
	assert_int_equal(p.end, 65536);
	assert_int_equal(p.offset, 4096 + 16 + 64 + 2 * 56);
	opened_free(&o);
}

/* A cache too small for the dump, reads all over it. */
static void test_cache(void **state)
{
	const struct la_dump_options opt = { .cache_mib = 1 };
	struct la_dump_stats stats;
	uint64_t seed = 1, pa, v;
	struct opened o;

	(void)state;
	opened_make(&o, "kdump method=lzo\nram 0 4M words\nram 4M 4M zero\nram 8M 1M noise\n", 1,
		    &opt);
	assert_non_null(o.dump);
	for (unsigned i = 0; i < 100000; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1;
		pa = (seed >> 33) % (9 << 20) & ~UINT64_C(7);
		if (i % 3)
			pa %= 512 << 10;
		uint64_t want;

		mkdump_bytes(o.m, pa, &want, 8);
		assert_int_equal(la_dump_read(o.dump, pa, &v, 8, NULL), LA_OK);
		assert_int_equal(v, want);
	}
	la_dump_stats(o.dump, &stats);
	assert_true(stats.cache_hits > 60000);
	assert_true(stats.cache_hits < stats.blocks);
	opened_free(&o);
}

static sigjmp_buf escape;

static void on_alarm(int sig)
{
	(void)sig;
	siglongjmp(escape, 1);
}

/*
 * crash's SIGINT handler leaves by longjmp from wherever it comes: what is read afterwards must
 * be right all the same.
 */
static void test_longjmp(void **state)
{
	const struct la_dump_options opt = { .cache_mib = 1 };
	struct itimerval every = { { 0, 0 }, { 0, 50 } };
	static struct opened o;
	static volatile uint64_t pa, jumps;
	static uint64_t v, want;

	(void)state;
	/* Small records: one read-ahead takes many system calls, and the longjmp comes amid them. */
	opened_make(&o, "kdump method=zlib\nram 0 4M mixed\nram 4M 1M zero\nflatten record=512\n",
		    1, &opt);
	assert_non_null(o.dump);
	signal(SIGALRM, on_alarm);
	for (pa = 0; jumps < 2000;) {
		if (sigsetjmp(escape, 1)) {
			jumps++;
		} else {
			every.it_value.tv_usec = 1 + (suseconds_t)jumps % 100;
			setitimer(ITIMER_REAL, &every, NULL);
			for (;;) {
				pa = (pa + 4096) % (5 << 20);
				la_dump_read(o.dump, pa, &v, 1, NULL);
			}
		}
		for (unsigned i = 0; i < 20; i++) { /* the pages around, then some others */
			uint64_t at = (pa + (i < 10 ? i : i * 77) * 4096) % (5 << 20);

			mkdump_bytes(o.m, at, &want, 8);
			assert_int_equal(la_dump_read(o.dump, at, &v, 8, NULL), LA_OK);
			assert_int_equal(v, want);
		}
	}
	signal(SIGALRM, SIG_DFL);
	opened_free(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_methods_and_blocks),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_flattened),
		cmocka_unit_test(test_elf),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_zero_excluded),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_ram),
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_cache),
		cmocka_unit_test(test_longjmp),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
