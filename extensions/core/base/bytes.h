/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Little-endian values out of raw bytes; the core never casts raw buffers to structures. */
#ifndef LAKVM_BYTES_H
#define LAKVM_BYTES_H

#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "crash for LoongArch64 runs on little-endian machines only");

static inline uint16_t la_le16(const void *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t la_le32(const void *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t la_le64(const void *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

#endif
