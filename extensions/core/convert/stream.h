/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The stream: its sections, big-endian numbers and strings; the first failure stays. */
#ifndef LAKVM_CONVERT_STREAM_H
#define LAKVM_CONVERT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/convert/convert.h"

/* Section types: QEMU migration/savevm.h. */
enum {
	LA_VM_EOF = 0x00,
	LA_VM_START = 0x01,
	LA_VM_PART = 0x02,
	LA_VM_END = 0x03,
	LA_VM_FULL = 0x04,
	LA_VM_SUBSECTION = 0x05,
	LA_VM_VMDESCRIPTION = 0x06,
	LA_VM_CONFIGURATION = 0x07,
	LA_VM_COMMAND = 0x08,
	LA_VM_FOOTER = 0x7e,
};

#define LA_STREAM_BUFFER ((size_t)1 << 20)

struct la_stream {
	int fd;
	uint8_t *buffer;
	size_t at, end; /* of what is not consumed yet, in the buffer */
	uint64_t base;  /* offset of the buffer in the stream */
	uint64_t next_progress;
	const struct la_convert_options *opt;
	enum la_status status;
	struct la_error *err;
};

enum la_status la_stream_init(struct la_stream *s, struct la_arena *arena, int fd,
			      const struct la_convert_options *opt, struct la_error *err);

/** Offset of the next byte, for messages. */
uint64_t la_stream_offset(const struct la_stream *s);

/** Up to @n bytes (at most LA_STREAM_BUFFER) without consuming them; fewer only at the end. */
const uint8_t *la_stream_peek(struct la_stream *s, size_t n, size_t *ret_n);

/** Consume @n bytes, at most LA_STREAM_BUFFER; NULL after a failure. Valid until the next call. */
const uint8_t *la_stream_take(struct la_stream *s, size_t n);

/** Numbers of 1, 2, 4, 8 bytes; 0 after a failure. */
uint64_t la_stream_be(struct la_stream *s, unsigned bytes);

/** A string with its length in the first byte. @ret has room for 256. */
bool la_stream_name(struct la_stream *s, char *ret);

/** Go on at @offset of the file; only the stream of a file that can seek. */
bool la_stream_seek(struct la_stream *s, uint64_t offset);

/** Record a failure at the stream's place; returns the status for the caller to return. */
enum la_status la_stream_fail(struct la_stream *s, enum la_status status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
