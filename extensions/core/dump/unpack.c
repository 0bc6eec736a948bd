// SPDX-License-Identifier: GPL-3.0-or-later
// Decompression of single pages. The decompressors' state is allocated once, when the dump is
// opened, and set up anew for each page.
#include "unpack.h"

#include <lzo/lzo1x.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <zstd.h>

/*
 * On x86-64 libdeflate takes half of zlib's time for a page; on LoongArch, which it does not count
 * among the machines where unaligned access is fast, nearly twice as much (docs/reader.md). The
 * Makefile decides the same way whether to link it.
 */
#if __has_include(<libdeflate.h>) && !defined(__loongarch__)
#include <libdeflate.h>

typedef struct libdeflate_decompressor zlib_state;

static zlib_state *zlib_new(void)
{
	return libdeflate_alloc_decompressor();
}

static void zlib_free(zlib_state *z)
{
	libdeflate_free_decompressor(z);
}

static bool unpack_zlib(zlib_state *z, const uint8_t *src, size_t src_len, uint8_t *ret, size_t len)
{
	/* Without a place for the actual size, only the exact one is a success. */
	return libdeflate_zlib_decompress(z, src, src_len, ret, len, NULL) == LIBDEFLATE_SUCCESS;
}
#else
#include <zlib.h>

typedef z_stream zlib_state;

static zlib_state *zlib_new(void)
{
	zlib_state *z = calloc(1, sizeof(*z));

	if (z && inflateInit(z) == Z_OK)
		return z;
	free(z);
	return NULL;
}

static void zlib_free(zlib_state *z)
{
	if (z)
		inflateEnd(z);
	free(z);
}

static bool unpack_zlib(zlib_state *z, const uint8_t *src, size_t src_len, uint8_t *ret, size_t len)
{
	if (inflateReset(z) != Z_OK)
		return false;
	/* not written to; zlib may be built without const */
	z->next_in = (uint8_t *)(uintptr_t)src;
	z->avail_in = (uInt)src_len;
	z->next_out = ret;
	z->avail_out = (uInt)len;
	return inflate(z, Z_FINISH) == Z_STREAM_END && !z->avail_out;
}
#endif

struct la_unpacker {
	zlib_state *zlib;
	ZSTD_DCtx *zstd;
};

const char *la_packing_name(enum la_packing packing)
{
	static const char *const name[] = { "raw", "zlib", "lzo", "snappy", "zstd" };

	return name[packing];
}

struct la_unpacker *la_unpacker_new(void)
{
	struct la_unpacker *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->zlib = zlib_new();
	u->zstd = ZSTD_createDCtx();
	if (!u->zlib || !u->zstd || lzo_init() != LZO_E_OK) {
		la_unpacker_free(u);
		return NULL;
	}
	return u;
}

void la_unpacker_free(struct la_unpacker *u)
{
	if (!u)
		return;
	zlib_free(u->zlib);
	ZSTD_freeDCtx(u->zstd);
	free(u);
}

bool la_unpack(struct la_unpacker *u, enum la_packing packing, const uint8_t *src, size_t src_len,
	       uint8_t *ret, size_t len)
{
	lzo_uint lzo_len = len;
	size_t out = len;

	switch (packing) {
	case LA_RAW:
		break;
	case LA_ZLIB:
		return unpack_zlib(u->zlib, src, src_len, ret, len);
	case LA_LZO:
		return lzo1x_decompress_safe(src, src_len, ret, &lzo_len, NULL) == LZO_E_OK &&
		       lzo_len == len;
	case LA_SNAPPY:
		return snappy_uncompressed_length((const char *)src, src_len, &out) == SNAPPY_OK &&
		       out == len &&
		       snappy_uncompress((const char *)src, src_len, (char *)ret, &out) ==
			       SNAPPY_OK;
	case LA_ZSTD:
		return ZSTD_decompressDCtx(u->zstd, ret, len, src, src_len) == len;
	}
	return false;
}
