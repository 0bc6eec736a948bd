// SPDX-License-Identifier: GPL-3.0-or-later
// A search of a dump against looking at each byte that its description says is there.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "lakvm/dump/search.h"
#include "opened.h"

/* Memory of each kind, ranges that touch and ranges that do not, and borders of the pieces that are handed out. */
static const char *const ram = "ram 0 64K words\n"
			       "ram 64K 64K zero\n"
			       "ram 128K 64K noise\n"
			       "ram 192K 16K excluded\n"
			       "ram 208K 32K words\n"
			       "ram 240K 256K zero\n"
			       "ram 496K 256K words\n"
			       "ram 2G 128K mixed\n";
static const struct {
	uint64_t start, end;
} range[] = { { 0, 752 << 10 }, { UINT64_C(2) << 30, (UINT64_C(2) << 30) + (128 << 10) } };

static const char *const format[] = {
	"kdump method=zlib\n",
	"kdump method=raw block=16384\n",
	"kdump method=lzo block=8192\n",
	"elf\n",
};

#define MOST (1 << 17) /* more than there are of anything here */

static bool is_there(enum mkdump_kind kind)
{
	return kind == MK_WORDS || kind == MK_NOISE || kind == MK_MIXED || kind == MK_ZERO;
}

struct truth {
	uint8_t *bytes; /* of the range with 1 KiB of nothing behind it */
	uint8_t *there;
	size_t n;
	uint64_t start;
};

static struct truth truth_of(const struct mkdump *m, size_t i)
{
	struct truth t = { .n = (size_t)(range[i].end - range[i].start), .start = range[i].start };

	t.bytes = calloc(1, t.n + 1024);
	t.there = calloc(1, t.n + 1024);
	assert_true(t.bytes && t.there);
	for (size_t at = 0; at < t.n; at += 1024) {
		if (!is_there(mkdump_kind_at(m, t.start + at)))
			continue;
		mkdump_bytes(m, t.start + at, t.bytes + at, 1024);
		memset(t.there + at, 1, 1024);
	}
	return t;
}

static bool hit_at(const struct truth *t, const struct la_search_what *w, size_t at,
		   uint64_t *value)
{
	const size_t n = w->size ? w->size : w->nbytes;
	uint8_t word[8] = { 0 };

	if (!w->size && (t->bytes[at] != w->bytes[0] || memcmp(t->bytes + at, w->bytes, n) != 0))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!t->there[at + i])
			return false;
	if (w->size)
		memcpy(word, t->bytes + at, n);
	*value = la_le64(word);
	return !w->size || (*value >= w->low && *value <= w->high);
}

/* All that there is to be found. */
static size_t look(const struct truth *t, const struct la_search_what *w, struct la_search_hit *ret)
{
	size_t n = 0;

	for (size_t k = 0; k < 2; k++)
		for (size_t at = 0; at < t[k].n; at += w->size ? w->size : 1)
			if (hit_at(&t[k], w, at, &ret[n].value))
				ret[n++].pa = t[k].start + at;
	return n;
}

static void compare(struct opened *o, const struct la_search_what *w,
		    const struct la_search_hit *hit, size_t n, unsigned threads, size_t limit)
{
	const struct la_search s = { .what = *w, .threads = threads, .limit = limit };
	struct la_arena *arena = la_arena_new(32 << 20);
	struct la_search_result r;

	assert_int_equal(la_dump_search(o->dump, &s, arena, &r, NULL), LA_OK);
	assert_int_equal(r.found, n);
	assert_int_equal(r.n, n < limit ? n : limit);
	for (size_t i = 0; i < r.n; i++) {
		assert_int_equal(r.hit[i].pa, hit[i].pa);
		assert_int_equal(r.hit[i].value, hit[i].value);
	}
	la_arena_free(arena);
}

/* A row of bytes as the dump has it at @at of the first range. */
static struct la_search_what row(const struct truth *t, size_t at, size_t n)
{
	struct la_search_what w = { .nbytes = n };

	memcpy(w.bytes, t[0].bytes + at, n);
	return w;
}

static void test_against_bytes(void **state)
{
	struct la_search_hit *hit = calloc(MOST, sizeof(*hit));

	assert_non_null(hit);
	(void)state;
	for (size_t f = 0; f < sizeof(format) / sizeof(format[0]); f++) {
		char text[1024];
		struct opened o;
		struct truth t[2];

		snprintf(text, sizeof(text), "%s%s", format[f], ram);
		opened_make(&o, text, 1, NULL);
		assert_non_null(o.dump);
		t[0] = truth_of(o.m, 0);
		t[1] = truth_of(o.m, 1);
		const struct la_search_what what[] = {
			{ .size = 8, .low = 0x8008, .high = 0x8008 },
			{ .size = 8, .low = 0x8001, .high = 0x12345 },
			{ .size = 8, .low = 1, .high = UINT64_MAX },
			{ .size = 4, .low = 0x35000, .high = 0x35100 },
			{ .size = 2, .low = 0x1238, .high = 0x1238 },
			row(t, 0x9001, 1),              /* in a piece */
			row(t, 0x8ffd, 9),              /* over the end of a block */
			row(t, 0xfff9, 200),            /* into zeros, */
			row(t, (240 << 10) - 8, 16),    /* more of which follow, */
			row(t, (496 << 10) - 7, 24),    /* and out of them */
			row(t, (208 << 10) - 100, 256), /* begins in what is excluded */
		};

		for (size_t i = 0; i < sizeof(what) / sizeof(what[0]); i++) {
			const size_t n = look(t, &what[i], hit);

			assert_int_equal(n != 0, i + 1 < sizeof(what) / sizeof(what[0]));
			compare(&o, &what[i], hit, n, 1, MOST);
			compare(&o, &what[i], hit, n, 3, i % 2 ? 5 : MOST);
		}
		for (size_t k = 0; k < 2; k++) {
			free(t[k].bytes);
			free(t[k].there);
		}
		opened_free(&o);
	}
	free(hit);
}

/* What begins in one chunk of 16 MiB and ends in the next is found once, whoever has which. */
static void test_between_chunks(void **state)
{
	struct opened o;

	(void)state;
	opened_make(&o, "elf\nram 0 48M words\n", 1, NULL);
	for (unsigned threads = 1; threads <= 4; threads++) {
		for (uint64_t at = 16 << 20; at <= 32 << 20; at += 16 << 20) {
			struct la_arena *arena = la_arena_new(8 << 20);
			struct la_search s = { .threads = threads, .limit = 10 };
			struct la_search_result r;

			s.what.nbytes = 14;
			mkdump_bytes(o.m, at - 7, s.what.bytes, s.what.nbytes);
			assert_int_equal(la_dump_search(o.dump, &s, arena, &r, NULL), LA_OK);
			assert_int_equal(r.found, 1);
			assert_int_equal(r.hit[0].pa, at - 7);
			assert_int_equal(r.bytes.searched, 48 << 20);
			la_arena_free(arena);
		}
	}
	opened_free(&o);
}

static void counts(const char *text, unsigned threads, size_t files, struct la_search_counts *ret)
{
	const struct la_search s = { .what = { .size = 8, .low = 1, .high = 1 },
				     .threads = threads };
	struct la_arena *arena = la_arena_new(8 << 20);
	struct la_search_result r;
	struct opened o;

	opened_make(&o, text, files, NULL);
	assert_non_null(o.dump);
	assert_int_equal(la_dump_search(o.dump, &s, arena, &r, NULL), LA_OK);
	assert_int_equal(r.n, 0);
	*ret = r.bytes;
	assert_int_equal(ret->ram,
			 ret->searched + ret->zero + ret->excluded + ret->missing + ret->damaged);
	opened_free(&o);
	la_arena_free(arena);
}

/* What the dump does not have is counted, each byte once. */
static void test_counts(void **state)
{
	struct la_search_counts c;

	(void)state;
	for (unsigned threads = 1; threads <= 2; threads++) {
		counts("kdump method=zlib\nram 0 1M words\nram 1M 2M zero\nram 3M 512K excluded\n"
		       "ram 1G 256K missing\nram 2G 256K excluded\n",
		       threads, 1, &c);
		assert_int_equal(c.searched, 1 << 20);
		assert_int_equal(c.zero, 2 << 20);
		assert_int_equal(c.excluded, 768 << 10);
		assert_int_equal(c.missing, 256 << 10);
		assert_int_equal(c.damaged, 0);
		counts("kdump method=zlib\nram 0 1M words\ndesc 3 flags 0x80\ndesc 5 size 5000\n",
		       threads, 1, &c);
		assert_int_equal(c.damaged, 8192);
		assert_int_equal(c.searched, (1 << 20) - 8192);
		counts("elf\nram 0 1M words\nram 1M 1M excluded\ntruncate -4096\n", threads, 1, &c);
		assert_int_equal(c.excluded, 1 << 20);
		assert_int_equal(c.missing, 4096);
		counts("kdump method=snappy\nram 0 1M words\nsplit 3\n", threads, 3, &c);
		assert_int_equal(c.searched, 1 << 20);
		counts("kdump method=zstd\nram 0 1M words\nflatten shuffle=7\n", threads, 1, &c);
		assert_int_equal(c.searched, 1 << 20);
	}
}

static bool odd_page(void *ctx, uint64_t pa)
{
	++*(uint64_t *)ctx;
	return pa >> 12 & 1;
}

static void progress(void *ctx, uint64_t done, uint64_t total)
{
	(void)ctx;
	assert_true(done <= total);
}

/* Asked of each hit, by one thread at a time: the count is not lost. */
static void test_wanted(void **state)
{
	struct opened o;
	uint64_t asked = 0;
	struct la_search s = { .what = { .size = 8, .low = 1, .high = UINT64_MAX },
			       .wanted = odd_page,
			       .progress = progress,
			       .ctx = &asked,
			       .threads = 4,
			       .limit = 1 };
	struct la_arena *arena = la_arena_new(8 << 20);
	struct la_search_result r;

	(void)state;
	opened_make(&o, "kdump method=lzo\nram 16M 40M words\n", 1, NULL);
	assert_int_equal(la_dump_search(o.dump, &s, arena, &r, NULL), LA_OK);
	assert_int_equal(asked, (40 << 20) / 8);
	assert_int_equal(r.found, (20 << 20) / 8);
	assert_int_equal(r.hit[0].pa, (16 << 20) + 4096);
	s.threads = 0;
	assert_int_equal(la_dump_search(o.dump, &s, arena, &r, NULL), LA_INVALID);
	s.threads = 1;
	s.what = (struct la_search_what){ .nbytes = 3 };
	assert_int_equal(la_dump_search(o.dump, &s, arena, &r, NULL), LA_INVALID);
	la_arena_free(arena);
	opened_free(&o);
}

/* The map of memory is the same, whoever counted which part of it. */
static void test_map(void **state)
{
	static const char text[] = "kdump method=raw block=512\nram 0 40M words\nram 40M 40M zero\n"
				   "ram 80M 3M excluded\nram 96M 1M missing\nram 100M 1M words\n";
	struct la_arena *arena = la_arena_new(64 << 20);
	const unsigned threads[] = { 0, 2, 5 };
	struct la_ram_range *r[3];
	size_t n[3];

	(void)state;
	for (uint64_t cell = 0; cell <= 1 << 20; cell += 1 << 19) {
		for (size_t i = 0; i < 3; i++) {
			const struct la_dump_options opt = { .threads = threads[i] };
			struct opened o;

			opened_make(&o, text, 1, &opt);
			assert_int_equal(cell ? la_dump_ram_cells(o.dump, cell, arena, &r[i], &n[i],
								  NULL) :
						la_dump_ram(o.dump, true, arena, &r[i], &n[i],
							    NULL),
					 LA_OK);
			opened_free(&o);
			assert_int_equal(n[i], n[0]);
			assert_memory_equal(r[i], r[0], n[0] * sizeof(*r[0]));
		}
		assert_int_equal(n[0], cell ? 85 * ((1 << 20) / cell) : 3);
		assert_int_equal(r[0][0].present, cell ? cell : 40 << 20);
	}
	la_arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_bytes), cmocka_unit_test(test_between_chunks),
		cmocka_unit_test(test_counts),        cmocka_unit_test(test_wanted),
		cmocka_unit_test(test_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
