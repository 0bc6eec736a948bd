// SPDX-License-Identifier: GPL-3.0-or-later
// kdump-compressed files, header versions 1 to 6, also split into parts.
// Sources: makedumpfile diskdump_mod.h and IMPLEMENTATION, QEMU include/system/dump.h and
// dump/dump.c, crash diskdump.h. Offsets are those of the 64-bit little-endian layout.
//
// In units of the block size: header, sub-header with the notes behind it, bitmap 1 (the page is
// RAM), bitmap 2 (the page has a descriptor), descriptors in page order, page data.
#include "kdump.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum header {
	HDR_VERSION = 8, /* and the name of the system behind it */
	HDR_TIMESTAMP = 408,
	HDR_STATUS = 424,
	HDR_BLOCK_SIZE = 428,
	HDR_SUB_SIZE = 432, /* in blocks */
	HDR_BITMAP_BLOCKS = 436,
	HDR_MAX_MAPNR = 440,
	HDR_BYTES = 464,
};

enum sub_header {
	SUB_SPLIT = 12,        /* since version 2 */
	SUB_START_PFN = 16,    /* 2 */
	SUB_END_PFN = 24,      /* 2 */
	SUB_VMCOREINFO = 32,   /* 3: offset, size */
	SUB_NOTES = 48,        /* 4: offset, size */
	SUB_ERASEINFO = 64,    /* 5: offset, size */
	SUB_START_PFN_64 = 80, /* 6 */
	SUB_END_PFN_64 = 88,   /* 6 */
	SUB_MAX_MAPNR_64 = 96, /* 6 */
	SUB_BYTES = 104,
};

#define STATUS_INCOMPLETE 0x8
#define STATUS_EXCLUDED_VMEMMAP 0x10

/*
 * makedumpfile's block is the page of its machine, QEMU's that of the emulated one: 4 to 64 KiB.
 * More is allowed for, but the header must fit in a block and a page of junk must stay small.
 */
#define MIN_BLOCK 512
#define MAX_BLOCK (1u << 20)

static enum la_status read_header(struct la_dump *dump, struct la_kdump *k, uint8_t *head,
				  uint8_t *sub, struct la_error *err)
{
	struct la_file *f = &dump->file[0];
	uint64_t max_mapnr, half, nblocks;
	uint32_t block, sub_blocks, bitmap_blocks;
	enum la_status status = la_file_read(f, 0, head, HDR_BYTES, err);

	if (status)
		return la_fail(err, status, "kdump header");
	k->version = (int)la_le32(head + HDR_VERSION);
	if (k->version < 1 || k->version > 6)
		return la_fail(err, LA_UNSUPPORTED, "%s: kdump header version %d", f->path,
			       k->version);
	block = la_le32(head + HDR_BLOCK_SIZE);
	if (block < MIN_BLOCK || block > MAX_BLOCK || (block & (block - 1)))
		return la_fail(err, LA_CORRUPT, "%s: block size %" PRIu32, f->path, block);
	k->shift = (unsigned)__builtin_ctz(block);
	status = la_dump_set_block_size(dump, block);
	if (status)
		return status;

	sub_blocks = la_le32(head + HDR_SUB_SIZE);
	bitmap_blocks = la_le32(head + HDR_BITMAP_BLOCKS);
	if (!sub_blocks || sub_blocks > INT32_MAX)
		return la_fail(err, LA_CORRUPT, "%s: sub-header of %" PRId32 " blocks", f->path,
			       (int32_t)sub_blocks);
	status = la_file_read(f, block, sub, k->version >= 6 ? SUB_BYTES : SUB_START_PFN_64, err);
	if (status)
		return la_fail(err, status, "kdump sub-header");

	max_mapnr = la_le32(head + HDR_MAX_MAPNR);
	if (k->version >= 6 && la_le64(sub + SUB_MAX_MAPNR_64))
		max_mapnr = la_le64(sub + SUB_MAX_MAPNR_64);
	if (!max_mapnr || max_mapnr > LA_PHYS_END >> k->shift)
		return la_fail(err, LA_CORRUPT, "%s: %" PRIu64 " page frames", f->path, max_mapnr);

	/* A file whose bitmap blocks hold one bitmap only is a full dump of old: it is both. */
	nblocks = ((max_mapnr + 7) / 8 + block - 1) / block;
	k->two_bitmaps = bitmap_blocks / 2 >= nblocks;
	half = k->two_bitmaps ? bitmap_blocks / 2 : 0;
	if (!k->two_bitmaps && bitmap_blocks < nblocks)
		return la_fail(err, LA_CORRUPT,
			       "%s: bitmap of %" PRIu32 " blocks for %" PRIu64 " page frames",
			       f->path, bitmap_blocks, max_mapnr);
	k->bitmaps = (uint64_t)block * (UINT64_C(1) + sub_blocks);
	k->descs = k->bitmaps + (uint64_t)block * bitmap_blocks;
	status = la_bitmap_load(&k->dumped, dump->arena, f, k->bitmaps + half * block, max_mapnr,
				err);
	return status ? la_fail(err, status, "kdump bitmap 2") : LA_OK;
}

/* Bitmap 1 takes memory only where it differs from bitmap 2: where pages were filtered out. */
static enum la_status read_bitmap1(struct la_dump *dump, struct la_kdump *k, struct la_error *err)
{
	struct la_file *f = &dump->file[0];
	enum la_status status;
	bool same = true;

	k->ram = &k->dumped;
	if (!k->two_bitmaps)
		return LA_OK;
	status = la_bitmap_same(&k->dumped, f, k->bitmaps, &same, err);
	if (!status && !same) {
		k->ram = &k->own_ram;
		status = la_bitmap_load(&k->own_ram, dump->arena, f, k->bitmaps, k->dumped.nbits,
					err);
	}
	return status ? la_fail(err, status, "kdump bitmap 1") : LA_OK;
}

/*
 * The first page stored is the zero page, if the writer shares one: QEMU always does,
 * makedumpfile when it was told to leave out zero pages.
 */
static uint64_t find_zero_page(struct la_dump *dump, struct la_file *f, uint64_t at)
{
	const uint8_t *page;

	if (la_readahead_get(&dump->data, f, at, dump->block_size, &page, NULL))
		return 0;
	return !page[0] && memcmp(page, page + 1, dump->block_size - 1) == 0 ? at : 0;
}

/* What the parts of one dump have in common; each has its own time stamp. */
static bool same_dump(const uint8_t *a, const uint8_t *b)
{
	return !memcmp(a, b, HDR_TIMESTAMP) &&
	       !memcmp(a + HDR_BLOCK_SIZE, b + HDR_BLOCK_SIZE, HDR_MAX_MAPNR + 4 - HDR_BLOCK_SIZE);
}

static enum la_status open_part(struct la_dump *dump, struct la_kdump *k, struct la_file *f,
				const uint8_t *first_head, struct la_kdump_part *ret,
				struct la_error *err)
{
	uint64_t bitmap2 = k->bitmaps + (k->two_bitmaps ? (k->descs - k->bitmaps) / 2 : 0);
	uint8_t head[HDR_BYTES], sub[SUB_BYTES] = { 0 };
	enum la_status status = la_file_read(f, 0, head, sizeof(head), err);
	bool same = true;

	if (!status)
		status = la_file_read(f, dump->block_size, sub,
				      k->version >= 6 ? SUB_BYTES : SUB_START_PFN_64, err);
	if (!status && f != dump->file)
		status = la_bitmap_same(&k->dumped, f, bitmap2, &same, err);
	if (status)
		return la_fail(err, status, "part of a split dump");
	if (!same_dump(head, first_head) || !same)
		return la_fail(err, LA_INVALID, "%s and %s are not parts of one dump",
			       dump->file[0].path, f->path);

	*ret = (struct la_kdump_part){ .file = f, .start = 0, .end = k->dumped.nbits };
	if (k->version >= 2 && la_le32(sub + SUB_SPLIT)) {
		ret->start = la_le64(sub + (k->version >= 6 ? SUB_START_PFN_64 : SUB_START_PFN));
		ret->end = la_le64(sub + (k->version >= 6 ? SUB_END_PFN_64 : SUB_END_PFN));
		if (ret->start > ret->end || ret->start > k->dumped.nbits)
			return la_fail(err, LA_CORRUPT,
				       "%s: part of a split dump from page frame 0x%" PRIx64
				       " to 0x%" PRIx64,
				       f->path, ret->start, ret->end);
		if (ret->end > k->dumped.nbits)
			ret->end = k->dumped.nbits;
	}
	ret->first = la_bitmap_rank(&k->dumped, ret->start);
	ret->zero =
		find_zero_page(dump, f,
			       k->descs + LA_KDUMP_DESC * (la_bitmap_rank(&k->dumped, ret->end) -
							   ret->first));
	return LA_OK;
}

static int by_start(const void *pa, const void *pb)
{
	const struct la_kdump_part *a = pa, *b = pb;

	return a->start < b->start ? -1 : a->start > b->start;
}

static enum la_status open_parts(struct la_dump *dump, struct la_kdump *k, const uint8_t *head,
				 struct la_error *err)
{
	uint64_t end = 0;
	enum la_status status;

	k->nparts = dump->nfiles;
	k->part = la_alloc_n(dump->arena, k->nparts, sizeof(*k->part));
	if (!k->part)
		return LA_NOMEM;
	for (size_t i = 0; i < k->nparts; i++) {
		status = open_part(dump, k, &dump->file[i], head, &k->part[i], err);
		if (status)
			return status;
	}
	qsort(k->part, k->nparts, sizeof(*k->part), by_start);
	for (size_t i = 0; i < k->nparts; i++) {
		if (k->part[i].start < end)
			return la_fail(err, LA_INVALID, "%s: holds the same page frames as %s",
				       k->part[i].file->path, k->part[i - 1].file->path);
		if (k->part[i].start > end)
			la_dump_add_remark(dump,
					   "split dump: the part with 0x%" PRIx64 "-0x%" PRIx64
					   " was not given",
					   end << k->shift, k->part[i].start << k->shift);
		end = k->part[i].end;
	}
	if (end < k->dumped.nbits)
		la_dump_add_remark(dump, "split dump: the part from 0x%" PRIx64 " was not given",
				   end << k->shift);
	return LA_OK;
}

static void add_areas(struct la_dump *dump, const struct la_kdump *k, const uint8_t *sub)
{
	struct la_file *f = &dump->file[0];

	if (k->version >= 3 && la_le64(sub + SUB_VMCOREINFO))
		dump->vmcoreinfo =
			(const char *)la_dump_area(dump, f, la_le64(sub + SUB_VMCOREINFO),
						   la_le64(sub + SUB_VMCOREINFO + 8), "VMCOREINFO",
						   &dump->vmcoreinfo_size);
	if (k->version >= 4 && la_le64(sub + SUB_NOTES))
		dump->notes =
			la_dump_area(dump, f, la_le64(sub + SUB_NOTES),
				     la_le64(sub + SUB_NOTES + 8), "notes", &dump->notes_size);
	if (k->version >= 5 && la_le64(sub + SUB_ERASEINFO))
		dump->eraseinfo = (const char *)la_dump_area(dump, f, la_le64(sub + SUB_ERASEINFO),
							     la_le64(sub + SUB_ERASEINFO + 8),
							     "erase info", &dump->eraseinfo_size);
}

static void describe(struct la_dump *dump, const struct la_kdump *k, const uint8_t *head)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} method[] = { { 0x01, "zlib" }, { 0x02, "lzo" }, { 0x04, "snappy" }, { 0x20, "zstd" } };
	uint32_t status = la_le32(head + HDR_STATUS);
	const char *packing = "uncompressed";
	const struct la_kdump_part *last = &k->part[k->nparts - 1];
	struct la_error err = { "" };
	struct la_block b;
	uint64_t pfn;

	for (size_t i = 0; i < sizeof(method) / sizeof(method[0]); i++)
		if (status & method[i].bit)
			packing = method[i].name;
	dump->name = la_format(dump->arena, "kdump-compressed v%d, %s%s%s", k->version, packing,
			       dump->file[0].flattened ? ", flattened" : "",
			       k->nparts > 1 ? ", split" : "");
	if (status & STATUS_INCOMPLETE)
		la_dump_add_remark(dump, "marked as incomplete by its writer");
	if (status & STATUS_EXCLUDED_VMEMMAP)
		la_dump_add_remark(dump, "struct pages of excluded pages were excluded too");

	/* Writers go upwards, so the last page tells whether they came to the end. */
	pfn = la_bitmap_last(&k->dumped, last->end);
	if (pfn != UINT64_MAX && pfn >= last->start &&
	    la_kdump_find(dump, pfn << k->shift, &b, &err) == LA_TRUNCATED)
		la_dump_add_remark(dump,
				   "cut off: the last page, at 0x%" PRIx64 ", is not in the file",
				   b.start);
}

enum la_status la_kdump_open(struct la_dump *dump, struct la_error *err)
{
	struct la_kdump *k = la_alloc(dump->arena, sizeof(*k));
	uint8_t head[HDR_BYTES], sub[SUB_BYTES] = { 0 };
	enum la_status status;

	if (!k)
		return LA_NOMEM;
	dump->priv = k;
	status = read_header(dump, k, head, sub, err);
	if (!status)
		status = read_bitmap1(dump, k, err);
	if (!status)
		status = la_readahead_init(&k->desc, dump->arena,
					   65536 / LA_KDUMP_DESC * LA_KDUMP_DESC, LA_KDUMP_DESC);
	if (!status)
		status = open_parts(dump, k, head, err);
	if (status)
		return status;
	add_areas(dump, k, sub);
	describe(dump, k, head);
	return LA_OK;
}
