/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The dump reader: guest-physical memory out of a dump file. Reads kdump-compressed files
 * (header versions 1 to 6; zlib, lzo, snappy, zstd, uncompressed), split ones, ELF64 cores, and
 * each of these in flattened form, in place. docs/reader.md has its design and measurements.
 *
 * It never believes the file: what is damaged is reported as such, for the address concerned,
 * and the rest stays readable. It starts no thread. All its state is the dump's, but for one list of
 * mappings and a SIGBUS handler, in force while a dump is open, which passes on what is not its own
 * (map.c). Reading allocates nothing, so a signal handler may leave any function by longjmp, as crash's
 * SIGINT handler does, and the dump stays usable: any but la_dump_open, la_dump_close and those that
 * are given an arena.
 */
#ifndef LAKVM_DUMP_H
#define LAKVM_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/dump/ram.h"
#include "lakvm/base/status.h"

struct la_dump;

struct la_dump_options {
	/* Pages that were left out of the dump, or never written to it, read as zeros. */
	bool zero_excluded;
	unsigned cache_mib; /* page cache; 0 = 32 */
	/* How many la_dump_ram may use at once for the counts of a large dump; 0 = the caller's alone. */
	unsigned threads;
	/*
	 * Called now and then while a flattened file is indexed, the one thing that takes longer
	 * with a larger file. May be NULL.
	 */
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

/**
 * Open one dump: @n files are the parts of a split dump, else n is 1. @opt may be NULL.
 * LA_ABSENT: no format the reader knows. LA_UNSUPPORTED: one it knows and does not read, or what
 * is no file at all. LA_INVALID: no file, or files that are not one dump. LA_IO: a file cannot be
 * opened or read. LA_TRUNCATED, LA_CORRUPT: its headers end, or make no sense. LA_NOMEM.
 * Whatever the failure, @err says why and *@ret is NULL. On success it belongs to the caller until
 * la_dump_close.
 */
enum la_status la_dump_open(struct la_dump **ret, const char *const *path, size_t n,
			    const struct la_dump_options *opt, struct la_error *err);
void la_dump_close(struct la_dump *dump);

/**
 * A second reader of @of, which must outlive it, for another thread: it shares what never changes (bitmaps, the index
 * of a flattened file), and has its own caches, with one MiB of pages. LA_IO, LA_NOMEM.
 */
enum la_status la_dump_again(struct la_dump **ret, const struct la_dump *of, struct la_error *err);

/**
 * Read @len bytes at guest-physical @pa. All or nothing: unless LA_OK is returned, the bytes at
 * @ret have no meaning. LA_NOT_RAM, LA_EXCLUDED, LA_TRUNCATED, LA_CORRUPT and LA_IO (the file
 * cannot be read) are the reason of the first byte that cannot be read.
 */
enum la_status la_dump_read(struct la_dump *dump, uint64_t pa, void *ret, size_t len,
			    struct la_error *err);

enum la_block_state {
	LA_BLOCK_HOLE, /* not RAM of the guest */
	LA_BLOCK_PRESENT,
	LA_BLOCK_ZERO,     /* the file's shared zero page, or a hole of a sparse ELF file */
	LA_BLOCK_EXCLUDED, /* RAM, but left out of the dump */
	LA_BLOCK_MISSING,  /* RAM that should be in the file, which is cut off */
};
const char *la_block_state_name(enum la_block_state state);

/** What the file holds for one guest-physical address. */
struct la_dump_place {
	enum la_block_state state;
	enum la_status status; /* what reading it gives: LA_CORRUPT for a present, damaged page */
	uint64_t start, end;   /* guest-physical range for which the same holds */
	const char *file;      /* the part that holds or should hold it; NULL: none */
	bool stored;           /* offset, size and method are valid */
	uint64_t offset;       /* of the bytes for @start in that file (a flattened one as it is) */
	uint64_t size;         /* bytes there */
	const char *method;    /* "raw", "zlib", "lzo", "snappy", "zstd" */
	char reason[256];      /* why it does not read; empty if it does */
};

/** Explain @pa; reads the page to find out whether it is sound. */
void la_dump_explain(struct la_dump *dump, uint64_t pa, struct la_dump_place *ret);

/**
 * The guest's RAM in ascending order, neighbours merged; the array belongs to @arena. The counts
 * need the whole descriptor table (24 bytes for each page), so they are filled in only if @count: a descriptor
 * that cannot be read counts as missing. LA_NOMEM is the only failure.
 */
enum la_status la_dump_ram(struct la_dump *dump, bool count, struct la_arena *arena,
			   struct la_ram_range **ret, size_t *ret_n, struct la_error *err);

/**
 * As la_dump_ram with the counts, but each range divided at the multiples of @cell bytes: one entry
 * more for each multiple that lies inside a range, so @cell must not be small against RAM.
 */
enum la_status la_dump_ram_cells(struct la_dump *dump, uint64_t cell, struct la_arena *arena,
				 struct la_ram_range **ret, size_t *ret_n, struct la_error *err);

/** The ELF notes in file order; NULL and 0 when there are none. Valid until la_dump_close. */
const void *la_dump_notes(const struct la_dump *dump, size_t *ret_size);

/** Text of the VMCOREINFO note; not NUL-terminated. NULL and 0 when there is none. */
const char *la_dump_vmcoreinfo(const struct la_dump *dump, size_t *ret_size);

/** What makedumpfile erased from the dump, as it lists it; NULL and 0: nothing. */
const char *la_dump_eraseinfo(const struct la_dump *dump, size_t *ret_size);

/** For a person: "kdump-compressed v6, zlib, flattened". */
const char *la_dump_format(const struct la_dump *dump);

/** The unit in which the file stores memory; for ELF 4096, which has no such unit. */
uint32_t la_dump_block_size(const struct la_dump *dump);

/** Things about the file a person should know ("cut off: ..."); NULL behind the last one. */
const char *la_dump_remark(const struct la_dump *dump, size_t i);

/** The file, or one of the parts, that was found shorter by a read than when it was opened; NULL: none. */
const char *la_dump_shrank(const struct la_dump *dump);

struct la_dump_stats {
	uint64_t blocks; /* looked up */
	uint64_t cache_hits;
	uint64_t zero;     /* answered without a look at the file, from the cache's zero page too */
	uint64_t unpacked; /* decompressed */
	uint64_t file_reads; /* system calls */
	uint64_t file_bytes;
};
void la_dump_stats(const struct la_dump *dump, struct la_dump_stats *ret);

#endif
