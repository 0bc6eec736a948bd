/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside the builder: mkdump.c parses, mkdump_file.c writes. */
#ifndef LAKVM_MKDUMP_PRIV_H
#define LAKVM_MKDUMP_PRIV_H

#include "mkdump.h"

#define MAX_RAM 70000
#define MAX_STEPS 64

enum mkdump_method { RAW, ZLIB, LZO, SNAPPY, ZSTD };

struct mk_ram {
	uint64_t start, end;
	enum mkdump_kind kind;
};

enum mk_what { STEP_SET, STEP_DESC, STEP_POKE, STEP_TRUNCATE, STEP_FLATTEN };

struct mk_step {
	enum mk_what what;
	int file; /* -1: all */
	const struct mk_field *field;
	uint64_t index;
	int64_t value;
	uint8_t *bytes;
	size_t nbytes;
	struct {
		uint64_t record, seed;
		bool shuffle, overlap, gaps, no_end;
	} flat;
};

struct mk_field {
	const char *name;
	uint64_t offset; /* in the file; for a sub-header field in block 1 */
	unsigned size;
	bool sub;
};

struct mkdump {
	enum { MK_KDUMP, MK_ELF, MK_NOTES } format;
	int version;
	uint32_t block;
	enum mkdump_method method;
	bool one_bitmap, no_zero_page;
	uint64_t ehsize, phoff, skew;
	bool xnum;
	struct mk_ram *ram; /* ascending */
	size_t nram;
	struct mk_core *core; /* NULL: none */
	uint8_t *notes;
	size_t nnotes;
	uint64_t vmcoreinfo_at, vmcoreinfo_size; /* in the notes; size 0: none */
	char *eraseinfo;
	unsigned nsplit;
	struct mk_step step[MAX_STEPS];
	size_t nsteps;
	uint64_t descs; /* file offset, set while writing */
};

void mk_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void *mk_alloc(size_t size);
/** Open the file, and take its notes, into @m->notes. It is kept open until mk_core_close(). */
void mk_core_open(struct mkdump *m, const char *path);
/** @len bytes of its memory at @pa; zeros where it has none. */
void mk_core_read(const struct mk_core *core, uint64_t pa, void *ret, size_t len);
void mk_core_close(struct mk_core *core);
void mk_write_at(int fd, uint64_t off, const void *bytes, size_t len);
void mk_flatten(int fd, const struct mk_step *step);
size_t mk_pack(enum mkdump_method method, const uint8_t *page, size_t size, uint8_t *ret,
	       size_t cap);

#endif
