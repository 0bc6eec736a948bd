// SPDX-License-Identifier: GPL-3.0-or-later
// The dump reader's parts against the simplest thing that does the same.
#include <lzo/lzo1x.h>
#include <setjmp.h>
#include <snappy-c.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <cmocka.h>

#include "dump/bitmap.h"
#include "dump/flat.h"
#include "dump/format.h"

static uint64_t seed = 42;

static unsigned draw(unsigned n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)((seed >> 33) % n);
}

/* Overlapping extents: painting them one after the other onto an array. */
static void test_extents(void **state)
{
	(void)state;
	for (unsigned turn = 0; turn < 3000; turn++) {
		struct la_arena *arena = la_arena_new(1 << 20);
		uint64_t paint[256];
		struct la_extent raw[20];
		struct la_extents x;
		unsigned n = draw(20);

		for (unsigned i = 0; i < 256; i++)
			paint[i] = UINT64_MAX - 1;
		for (unsigned i = 0; i < n; i++) {
			uint64_t start = draw(200), len = 1 + draw(50);
			uint64_t data = draw(5) ? start + 1000 * draw(3) : LA_NO_DATA;

			raw[i] = (struct la_extent){ start, start + len, data };
			for (uint64_t k = 0; k < len; k++)
				paint[start + k] = data == LA_NO_DATA ? data : data + k;
		}
		assert_int_equal(la_extents_settle(&x, arena, raw, n), LA_OK);
		for (unsigned i = 1; i < x.n; i++)
			assert_true(x.e[i].start >= x.e[i - 1].end);
		for (unsigned k = 0; k < 512; k++) {
			uint64_t at = k < 256 ? k : draw(256); /* in order, then at random */
			const struct la_extent *e = la_extents_find(&x, at);

			if (!e || e->start > at)
				assert_int_equal(paint[at], UINT64_MAX - 1);
			else if (e->data == LA_NO_DATA)
				assert_int_equal(paint[at], LA_NO_DATA);
			else
				assert_int_equal(paint[at], e->data + (at - e->start));
			if (e && e->start > at) /* nothing in between */
				for (uint64_t i = at; i < e->start; i++)
					assert_int_equal(paint[i], UINT64_MAX - 1);
		}
		la_arena_free(arena);
	}
}

/* Bitmaps of awkward sizes: counting one bit after the other. */
static void test_bitmap(void **state)
{
	static const uint64_t sizes[] = { 1, 63, 64, 65, 1000, 65536, 65537, 200001, 524288 };
	struct la_dump_stats stats = { 0 };
	char path[] = "/tmp/lakvm-bitmap.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	unlink(path);
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		struct la_arena *arena = la_arena_new(1 << 24);
		uint64_t nbits = sizes[s], bytes = (nbits + 7) / 8, count = 0;
		uint8_t *bits = calloc(1, bytes);
		struct la_file f = { .fd = fd,
				     .path = "x",
				     .stored = bytes + 3,
				     .size = bytes + 3,
				     .stats = &stats };
		struct la_bitmap b;
		bool same;

		for (uint64_t i = 0; i < bytes; i++) /* with long runs of the same */
			bits[i] = i / 1000 % 3 == 0 ? 0 :
				  i / 1000 % 3 == 1 ? 0xff :
						      (uint8_t)draw(256);
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, bits, bytes, 3), bytes);
		assert_int_equal(la_bitmap_load(&b, arena, &f, 3, nbits, NULL), LA_OK);
		for (uint64_t i = 0; i < nbits; i++) {
			bool bit = bits[i / 8] >> (i % 8) & 1;

			assert_int_equal(la_bitmap_test(&b, i), bit);
			assert_int_equal(la_bitmap_rank(&b, i), count);
			count += bit;
		}
		assert_int_equal(b.count, count);
		assert_int_equal(la_bitmap_rank(&b, nbits), count);
		assert_false(la_bitmap_test(&b, nbits));
		assert_false(la_bitmap_test(&b, UINT64_MAX));
		for (unsigned turn = 0; turn < 200; turn++) {
			uint64_t from = draw((unsigned)nbits + 1), end = draw((unsigned)nbits + 2),
				 at;
			bool value = draw(2);

			for (at = from; at < end && at < nbits; at++)
				if (la_bitmap_test(&b, at) == value)
					break;
			if (from >= end)
				at = end < nbits ? end : nbits;
			assert_int_equal(la_bitmap_next(&b, from, end, value), at);

			for (at = from; at && !la_bitmap_test(&b, at - 1);)
				at--;
			assert_int_equal(la_bitmap_last(&b, from), at - 1);
		}
		assert_int_equal(la_bitmap_same(&b, &f, 3, &same, NULL), LA_OK);
		assert_true(same);
		bits[bytes - 1] ^= 1;
		assert_int_equal(pwrite(fd, bits, bytes, 3), bytes);
		assert_int_equal(la_bitmap_same(&b, &f, 3, &same, NULL), LA_OK);
		assert_false(same);
		assert_int_equal(la_bitmap_load(&b, arena, &f, 4, nbits, NULL), LA_TRUNCATED);
		free(bits);
		la_arena_free(arena);
	}
	close(fd);
}

/* The cache never gives another block's bytes, and keeps what is used often. */
static void test_cache_content(void **state)
{
	struct la_arena *arena = la_arena_new(1 << 22);
	unsigned hits = 0, asked = 0;
	const uint8_t *data;
	struct la_cache c;
	uint64_t stamp;
	uint32_t slot;

	(void)state;
	assert_int_equal(la_cache_init(&c, arena, 512, 64 * 512), LA_OK);
	for (unsigned i = 0; i < 200000; i++) {
		uint64_t block = draw(2) ? draw(32) : draw(100000);
		bool zero = block % 3 == 0;

		asked += block < 32;
		enum la_cached cached = la_cache_get(&c, block, &data);

		if (cached == LA_CACHED) {
			hits += block < 32;
			if (zero) {
				assert_null(data);
			} else {
				memcpy(&stamp, data, sizeof(stamp));
				assert_int_equal(stamp, block);
			}
			continue;
		}
		if (zero) {
			la_cache_put(&c, block, LA_CACHE_ZERO);
			continue;
		}
		if (cached == LA_UNCACHED && block % 5 == 0) {
			la_cache_put(&c, block, LA_CACHE_SEEN);
			assert_int_equal(la_cache_get(&c, block, &data), LA_SEEN);
			continue;
		}
		memcpy(la_cache_claim(&c, &slot), &block, sizeof(block));
		la_cache_put(&c, block, slot);
		assert_int_equal(la_cache_get(&c, block, &data), LA_CACHED);
	}
	assert_true(hits > asked / 10 * 8);
	la_arena_free(arena);
}

/* What unpacks to more or less than a page is refused, and nothing behind the page is touched. */
static void test_unpack(void **state)
{
	enum { BIG = 1 << 20, PAGE = 4096 };
	static uint8_t plain[BIG], packed[BIG + BIG / 8 + 1024], out[PAGE + 64],
		work[LZO1X_1_MEM_COMPRESS];
	struct la_unpacker *u = la_unpacker_new();

	(void)state;
	assert_non_null(u);
	for (unsigned i = 0; i < PAGE; i++)
		plain[i] = (uint8_t)(i / 7);
	for (int p = LA_ZLIB; p <= LA_ZSTD; p++) {
		static const size_t sizes[] = { PAGE, PAGE - 1, PAGE + 1, BIG };

		for (size_t s = 0; s < 4; s++) {
			uLongf zlen = sizeof(packed);
			lzo_uint llen = sizeof(packed);
			size_t len = sizeof(packed);

			if (p == LA_ZLIB)
				assert_int_equal(compress(packed, &zlen, plain, sizes[s]), Z_OK);
			else if (p == LA_LZO)
				lzo1x_1_compress(plain, sizes[s], packed, &llen, work);
			else if (p == LA_SNAPPY)
				snappy_compress((char *)plain, sizes[s], (char *)packed, &len);
			else
				len = ZSTD_compress(packed, len, plain, sizes[s], 1);
			len = p == LA_ZLIB ? zlen : p == LA_LZO ? llen : len;
			memset(out, 0x55, sizeof(out));
			assert_int_equal(la_unpack(u, p, packed, len, out, PAGE), s == 0);
			if (!s)
				assert_memory_equal(out, plain, PAGE);
			for (unsigned i = PAGE; i < sizeof(out); i++)
				assert_int_equal(out[i], 0x55);
			assert_false(la_unpack(u, p, packed, len - 1, out, PAGE));
			assert_false(la_unpack(u, p, packed, 1, out, PAGE));
		}
	}
	la_unpacker_free(u);
}

/*
 * Somebody else writes to the file between a check of its bytes and their use: what was handed out
 * stays as it was, wherever in the file it lies and whatever was read before.
 */
static void test_bytes_are_taken_once(void **state)
{
	static const struct {
		uint64_t off;
		size_t len;
	} ask[] = { { 100000, 24 }, { 0, 1500 }, { 70000, 4096 }, { 74096, 4096 }, { 5000, 8 } };
	struct la_arena *arena = la_arena_new(1 << 20);
	static uint8_t old[128 * 1024], new[sizeof(old)];
	struct la_dump_stats stats = { 0 };
	char path[] = "/tmp/lakvm-taken.XXXXXX";
	struct la_readahead w;
	struct la_file f;
	const uint8_t *got;
	int fd = mkstemp(path);

	(void)state;
	memset(old, 'o', sizeof(old));
	memset(new, 'n', sizeof(new));
	assert_int_equal(pwrite(fd, old, sizeof(old), 0), sizeof(old));
	assert_int_equal(la_file_open(&f, path, NULL), LA_OK);
	f.stats = &stats;
	la_file_map(&f);
	assert_true(f.map.usable);
	assert_int_equal(la_readahead_init(&w, arena, 65536, 1), LA_OK);
	for (size_t i = 0; i < sizeof(ask) / sizeof(ask[0]); i++) {
		assert_int_equal(la_readahead_get(&w, &f, ask[i].off, ask[i].len, &got, NULL),
				 LA_OK);
		assert_int_equal(got[0], 'o');
		assert_int_equal(pwrite(fd, new, sizeof(new), 0), sizeof(new));
		assert_memory_equal(got, old, ask[i].len);
		assert_int_equal(pwrite(fd, old, sizeof(old), 0), sizeof(old));
	}
	la_file_close(&f);
	close(fd);
	unlink(path);
	la_arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_are_taken_once),
		cmocka_unit_test(test_extents),
		cmocka_unit_test(test_bitmap),
		cmocka_unit_test(test_cache_content),
		cmocka_unit_test(test_unpack),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
