/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the fuzz targets have in common that make a guest of a few bytes. */
#ifndef LAKVM_FUZZ_GUEST_H
#define LAKVM_FUZZ_GUEST_H

#include <string.h>

#include "lakvm/door/door.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where the RAM of a guest that is made and damaged begins. */
#define RAM UINT64_C(0x200000)

static inline void put64(unsigned char *ram, size_t at, uint64_t value)
{
	memcpy(ram + at, &value, 8);
}

static inline void put32(unsigned char *ram, size_t at, uint32_t value)
{
	memcpy(ram + at, &value, 4);
}

static inline enum la_status read_ram(const unsigned char *ram, size_t size, uint64_t pa, void *ret,
				      size_t len)
{
	if (pa < RAM || pa - RAM > size || len > size - (pa - RAM))
		return LA_NOT_RAM;
	memcpy(ret, ram + (pa - RAM), len);
	return LA_OK;
}

/* A guest whose memory from 0 on is the input. */
struct memory {
	const uint8_t *data;
	size_t size;
	bool old; /* it is of a kernel that had the layout of before */
};

/* Behind the input memory goes on for a while with zeros, so that blocks can be read. */
static inline enum la_status read_memory(void *ctx, uint64_t pa, void *ret, size_t len)
{
	const struct memory *m = ctx;
	uint8_t *out = ret;

	if (pa > UINT64_C(1) << 20 || len > UINT64_C(1) << 20)
		return LA_NOT_RAM;
	for (size_t i = 0; i < len; i++)
		out[i] = pa + i < m->size ? m->data[pa + i] : 0;
	return LA_OK;
}

static inline bool no_size(void *ctx, const char *name, uint64_t *ret)
{
	(void)ctx, (void)name, (void)ret;
	return false;
}

static inline bool no_member(void *ctx, const char *type, const char *name, struct la_member *ret)
{
	(void)ctx, (void)type, (void)name, (void)ret;
	return false;
}

static inline bool no_type(void *ctx, const char *type, size_t *ret)
{
	(void)ctx, (void)type, (void)ret;
	return false;
}

#endif
