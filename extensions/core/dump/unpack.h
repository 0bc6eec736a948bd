/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Decompression of one block. */
#ifndef LAKVM_DUMP_UNPACK_H
#define LAKVM_DUMP_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum la_packing { LA_RAW, LA_ZLIB, LA_LZO, LA_SNAPPY, LA_ZSTD };
const char *la_packing_name(enum la_packing packing);

struct la_unpacker; /* state of the decompressors, allocated once */

struct la_unpacker *la_unpacker_new(void);
void la_unpacker_free(struct la_unpacker *u);
/** True if @src unpacks to exactly @len bytes. Writes no byte beyond them. */
bool la_unpack(struct la_unpacker *u, enum la_packing packing, const uint8_t *src, size_t src_len,
	       uint8_t *ret, size_t len);

#endif
