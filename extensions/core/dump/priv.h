/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside the dump reader. From the bottom up: a file or the dump a flattened file stands for
 * (file.c, map.c, flat.c) as a row of extents (extents.c); read-ahead, page cache and
 * decompression (readahead.c, cache.c, unpack.c); one table of hooks for each format
 * (kdump.c with bitmap.c, elf.c); the public functions (dump.c).
 */
#ifndef LAKVM_DUMP_PRIV_H
#define LAKVM_DUMP_PRIV_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/dump/dump.h"

/** LoongArch64 physical addresses have at most 48 bits. */
#define LA_PHYS_END (UINT64_C(1) << 48)

/*
 * A signal handler may leave by longjmp between any two instructions. What is filled in becomes
 * visible in this order: withdraw the key, fence, write the content, fence, set the key.
 */
static inline void la_fence(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

/* --- extents: ranges of an address space and where their bytes are --- */

#define LA_NO_DATA UINT64_MAX

struct la_extent {
	uint64_t start, end;
	uint64_t data; /* place of the byte at start; LA_NO_DATA: the range has no bytes */
};

struct la_extents {
	struct la_extent *e; /* ascending, disjoint */
	size_t n;
	size_t last; /* where the last search ended: scans find the next one there */
};

/**
 * Put @n extents that may overlap into order; of two that overlap, the one later in @raw holds.
 * The result belongs to @arena.
 */
enum la_status la_extents_settle(struct la_extents *ret, struct la_arena *arena,
				 const struct la_extent *raw, size_t n);

/** The first extent that ends behind @at: it holds @at or bounds the gap there; NULL: none. */
const struct la_extent *la_extents_find(struct la_extents *x, uint64_t at);

/* --- files --- */

struct la_map {
	uint8_t *base; /* NULL: none */
	size_t size;
	int fd;
	bool usable; /* false: none, or no longer the file */
	volatile sig_atomic_t faulted;
	struct la_map *next; /* all mappings of the process */
};

/** Map a regular file of @size bytes. Where that is not possible, m->usable stays false. */
void la_map_open(struct la_map *m, int fd, uint64_t size);
void la_map_close(struct la_map *m);

/**
 * To be asked after the use of @len bytes at @off: were they the file's? If not, m->usable is
 * false from now on, and what was made of them is worth nothing.
 */
bool la_map_held(struct la_map *m, uint64_t off, size_t len);

struct la_file {
	int fd;
	const char *path;
	uint64_t stored; /* bytes of the file itself: nothing from it may need more memory */
	uint64_t size;   /* bytes of the dump: the same, unless the file is flattened */
	bool flattened;
	bool cut;        /* flattened and not complete: a gap is not zeros but unknown */
	uint64_t cut_at; /* file offset up to which its records are sound */
	struct la_extents flat;
	uint64_t next; /* end of the last read */
	bool shrank;   /* bytes that were there when it was opened are gone */
	struct la_map map;
	struct la_dump_stats *stats;
};

/** Open a regular file or block device; others are LA_UNSUPPORTED. Nothing to close on failure. */
enum la_status la_file_open(struct la_file *ret, const char *path, struct la_error *err);
void la_file_close(struct la_file *f);

/**
 * Map it where that is possible. Not before it is indexed: that touches each page once, for which
 * pread is faster.
 */
void la_file_map(struct la_file *f);

/** Read from the file as it is. A file that has become shorter gives LA_TRUNCATED. */
enum la_status la_file_read_stored(struct la_file *f, uint64_t off, void *ret, size_t len,
				   struct la_error *err);

/** Read from the dump: flattened files as if they were rearranged. */
enum la_status la_file_read(struct la_file *f, uint64_t off, void *ret, size_t len,
			    struct la_error *err);

/** The same @len bytes in the mapping, if they lie there in one piece; NULL: la_file_read. */
const uint8_t *la_file_mapped(struct la_file *f, uint64_t off, size_t len);

/** Offset in the file itself of a byte of the dump; UINT64_MAX: it has none. */
uint64_t la_file_where(struct la_file *f, uint64_t off);

/** If the file is flattened, index it. */
enum la_status la_flat_open(struct la_file *f, struct la_arena *arena,
			    const struct la_dump_options *opt, struct la_error *err);

/* --- read-ahead --- */

struct la_readahead {
	uint8_t *buf;
	size_t cap, least; /* bytes of a read that continues the last one, and of any other */
	struct la_file *file;
	const uint8_t *bytes; /* buf, or in the file's mapping */
	uint64_t off;
	size_t len;
};

enum la_status la_readahead_init(struct la_readahead *w, struct la_arena *arena, size_t cap,
				 size_t least);

/**
 * @len (at most w->cap) bytes of the dump at @off, valid until the next call. Once they are used,
 * la_readahead_held must be asked: if it says false, get and use them again.
 */
enum la_status la_readahead_get(struct la_readahead *w, struct la_file *f, uint64_t off, size_t len,
				const uint8_t **ret, struct la_error *err);
bool la_readahead_held(struct la_readahead *w);

/* --- page cache --- */

struct la_cache_tag {
	uint64_t key;  /* block number + 1; 0 = empty */
	uint32_t slot; /* or one of these, which need no slot: */
};

#define LA_CACHE_WAYS 4
#define LA_CACHE_ZERO UINT32_MAX       /* a block of zeros */
#define LA_CACHE_SEEN (UINT32_MAX - 1) /* asked for once, not kept */

struct la_cache {
	uint8_t *data;
	uint32_t block_size, nslots;
	struct la_cache_tag *tag; /* nsets * LA_CACHE_WAYS */
	uint32_t nsets;           /* a power of two */
	uint32_t *owner;          /* by slot: its tag + 1, 0 = none */
	uint8_t *used;            /* by slot: hit since the clock hand came by */
	uint32_t hand, turn;
};

enum la_status la_cache_init(struct la_cache *c, struct la_arena *arena, uint32_t block_size,
			     size_t bytes);
enum la_cached { LA_UNCACHED, LA_SEEN, LA_CACHED };

/** LA_CACHED: @ret is the block's data, NULL for zeros. */
enum la_cached la_cache_get(struct la_cache *c, uint64_t block, const uint8_t **ret);
/** A slot to fill, taken from a block not used for long; la_cache_put makes it visible. */
uint8_t *la_cache_claim(struct la_cache *c, uint32_t *slot);
void la_cache_put(struct la_cache *c, uint64_t block, uint32_t slot);

/* --- decompression --- */

enum la_packing { LA_RAW, LA_ZLIB, LA_LZO, LA_SNAPPY, LA_ZSTD };
const char *la_packing_name(enum la_packing packing);

struct la_unpacker; /* state of the decompressors, allocated once */

struct la_unpacker *la_unpacker_new(void);
void la_unpacker_free(struct la_unpacker *u);
/** True if @src unpacks to exactly @len bytes. Writes no byte beyond them. */
bool la_unpack(struct la_unpacker *u, enum la_packing packing, const uint8_t *src, size_t src_len,
	       uint8_t *ret, size_t len);

/* --- bitmaps --- */

struct la_bitmap {
	uint64_t nbits;
	uint64_t *word;
	/* Set bits before each word: rank[] counts from the last multiple of 65536 bits. */
	uint16_t *rank;
	uint64_t *rank64k;
	uint64_t count; /* set bits in all */
};

enum la_status la_bitmap_load(struct la_bitmap *ret, struct la_arena *arena, struct la_file *f,
			      uint64_t off, uint64_t nbits, struct la_error *err);
/** Does the file hold the same bits at @off? */
enum la_status la_bitmap_same(const struct la_bitmap *b, struct la_file *f, uint64_t off, bool *ret,
			      struct la_error *err);
/** First bit at or behind @from that has @value, but at most @end. */
uint64_t la_bitmap_next(const struct la_bitmap *b, uint64_t from, uint64_t end, bool value);
/** Last set bit below @end, which is at most nbits; UINT64_MAX: none. */
uint64_t la_bitmap_last(const struct la_bitmap *b, uint64_t end);

static inline bool la_bitmap_test(const struct la_bitmap *b, uint64_t n)
{
	return n < b->nbits && (b->word[n / 64] >> (n % 64) & 1);
}

/** Set bits below @n, which may be nbits. */
static inline uint64_t la_bitmap_rank(const struct la_bitmap *b, uint64_t n)
{
	uint64_t w = n / 64;

	if (n >= b->nbits)
		return b->count;
	return b->rank64k[n / 65536] + b->rank[w] +
	       (unsigned)__builtin_popcountll(b->word[w] & ((UINT64_C(1) << (n % 64)) - 1));
}

/* --- the dump --- */

/** Where the bytes of guest-physical [start, end) are. */
struct la_block {
	enum la_block_state state;
	uint64_t start, end;
	struct la_file *file;
	bool stored; /* the four fields below are valid */
	enum la_packing packing;
	uint64_t offset; /* in the dump, for the byte at start */
	uint64_t size;
};

/* RAM ranges while they are collected. */
struct la_ram_list {
	struct la_arena *arena;
	struct la_ram_range *r;
	size_t n, cap;
	uint64_t cell; /* ranges are divided at its multiples; 0: they are not */
};

/** Add a piece of RAM in one state, joined to the range before it where they touch. */
enum la_status la_ram_add(struct la_ram_list *list, uint64_t start, uint64_t end,
			  enum la_block_state state);

/**
 * One format. To add one: write these hooks in a file of its own and list the table in dump.c.
 */
struct la_format {
	/** Does a file that begins with these 16 bytes have this format? */
	bool (*probe)(const uint8_t *head);

	/**
	 * Read all headers; fills in notes, vmcoreinfo, eraseinfo, name, and
	 * whatever the format needs in dump->priv.
	 */
	enum la_status (*open)(struct la_dump *dump, struct la_error *err);

	/**
	 * Find what the file has for @pa. Whatever the status, state, start and end are filled
	 * in, and the rest as far as it is known. LA_OK: the state is PRESENT or ZERO.
	 */
	enum la_status (*find)(struct la_dump *dump, uint64_t pa, struct la_block *ret,
			       struct la_error *err);

	/** Hand all RAM, in ascending order, to la_ram_add; without @count all of it as PRESENT. */
	enum la_status (*ram)(struct la_dump *dump, bool count, struct la_ram_list *list);
};

extern const struct la_format la_format_kdump, la_format_elf;

#define LA_MAX_REMARKS 8

struct la_dump {
	struct la_arena *arena;
	const struct la_format *format;
	void *priv;
	struct la_file *file;
	size_t nfiles;
	bool zero_excluded;
	bool direct; /* memory lies in the file's mapping as it is: a cache would only cost time */
	uint32_t block_size;
	struct la_cache cache;
	struct la_readahead data;
	struct la_unpacker *unpacker;
	const uint8_t *notes;
	size_t notes_size;
	const char *vmcoreinfo, *eraseinfo;
	size_t vmcoreinfo_size, eraseinfo_size;
	const char *name;
	const char *remark[LA_MAX_REMARKS + 1];
	struct la_dump_stats stats;
};

void la_dump_add_remark(struct la_dump *dump, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** Set the block size and what depends on it; the first thing a format's open does with it. */
enum la_status la_dump_set_block_size(struct la_dump *dump, uint32_t block_size);

/**
 * Copy of @size bytes of a file into the dump's memory. NULL and 0, after a remark about @what,
 * when they do not fit in the file or cannot be read: none of these areas is worth failing for.
 */
const uint8_t *la_dump_area(struct la_dump *dump, struct la_file *f, uint64_t off, uint64_t size,
			    const char *what, size_t *ret_size);

#endif
