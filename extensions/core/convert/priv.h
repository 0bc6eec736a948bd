/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the parts of the converter: the stream, the RAM in it, the vCPUs, the ELF file. */
#ifndef LAKVM_MIGRATION_PRIV_H
#define LAKVM_MIGRATION_PRIV_H

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

/* --- the stream: big-endian numbers and strings; the first failure stays --- */

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

/* --- the ELF file --- */

/* Headers and notes lie in front of this; crash reads them as one piece. */
#define LA_CORE_DATA ((uint64_t)1 << 20)
#define LA_LOW_RAM ((uint64_t)256 << 20)

struct la_saved_cpu {
	uint32_t vcpu;  /* QEMU's cpu_index */
	unsigned known; /* bits 0..31: gpr */
	bool pc_known;
	uint64_t gpr[32], pc, era, badv, fpr[32], fcc;
	uint32_t fcsr;
	char *csrs; /* "CRMD b4 PRMD 4 ..." */
};

enum la_status la_core_write(struct la_arena *arena, int out, uint64_t ram, uint64_t high_base,
			     const struct la_saved_cpu *cpu, size_t ncpus, struct la_error *err);
enum la_status la_pwrite(int fd, const void *data, size_t size, uint64_t offset,
			 struct la_error *err);

/* --- RAM --- */

struct la_ram_block {
	char name[256];
	uint64_t size;
	bool ram;                     /* the guest's RAM, and not a device's memory */
	uint64_t at;                  /* if so: its place in all RAM */
	uint64_t bitmap_at, pages_at; /* mapped-ram: places in the file */
};

struct la_saved_ram {
	struct la_arena *arena;
	int out;
	bool mapped; /* capability "mapped-ram": pages have fixed places in the file */
	struct la_ram_block *blocks, *current;
	size_t nblocks;
	uint32_t page_size; /* 0: not known yet */
	uint64_t total, stored;
	uint8_t *written; /* a bit for each page of 4096 bytes */
	char *left_out;
};

/** The records of one RAM section, up to and with its end mark. */
enum la_status la_ram_section(struct la_stream *s, struct la_saved_ram *ram);

/* --- vCPUs --- */

/**
 * The vCPUs in @tail, all that follows the RAM. On failure @err says why the registers are
 * unknown. @ret_version is the version of the state "cpu".
 */
enum la_status la_saved_cpus(struct la_arena *arena, const uint8_t *tail, size_t size,
			     struct la_saved_cpu **ret, size_t *ret_n, unsigned *ret_version,
			     struct la_error *err);

/** Their register text; NULL when out of memory. */
char *la_saved_cpus_text(struct la_arena *arena, const struct la_saved_cpu *cpu, size_t n);

#endif
