// SPDX-License-Identifier: GPL-3.0-or-later
// Finding pages in a kdump-compressed file; kdump_open.c says how it is laid out.
#include "kdump.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"

static const struct la_kdump_part *part_of(const struct la_kdump *k, uint64_t pfn)
{
	for (size_t i = 0; i < k->nparts; i++)
		if (pfn >= k->part[i].start && pfn < k->part[i].end)
			return &k->part[i];
	return NULL;
}

/* Where the descriptor of a dumped page is; those of the next ones follow it. */
static uint64_t desc_of(const struct la_kdump *k, const struct la_kdump_part *part, uint64_t pfn)
{
	return k->descs + LA_KDUMP_DESC * (la_bitmap_rank(&k->dumped, pfn) - part->first);
}

static enum la_status read_desc(struct la_dump *dump, uint64_t at, const struct la_kdump_part *part,
				struct la_block *ret, struct la_error *err)
{
	struct la_kdump *k = dump->priv;
	struct la_file *f = part->file;
	const uint8_t *desc;
	enum la_status status;
	uint64_t offset;
	uint32_t size, flags;

	status = la_readahead_get(&k->desc, f, at, LA_KDUMP_DESC, &desc, err);
	if (status)
		return la_fail(err, status, "page descriptor");
	offset = la_le64(desc);
	size = la_le32(desc + 8);
	flags = la_le32(desc + 12);
	if (offset == part->zero && offset && !flags) {
		*ret = (struct la_block){ LA_BLOCK_ZERO, ret->start, ret->end, f,
					  true,          LA_RAW,     offset,   size };
		return LA_OK;
	}
	if (!offset)
		return la_fail(err, LA_TRUNCATED, "%s: the page was never written to the dump",
			       f->path);
	ret->offset = offset;
	ret->size = size;
	switch (flags) {
	case 0:
		ret->packing = LA_RAW;
		break;
	case 0x01:
		ret->packing = LA_ZLIB;
		break;
	case 0x02:
		ret->packing = LA_LZO;
		break;
	case 0x04:
		ret->packing = LA_SNAPPY;
		break;
	case 0x20:
		ret->packing = LA_ZSTD;
		break;
	default:
		return la_fail(err, LA_CORRUPT, "%s: page descriptor %" PRIu64 ": flags 0x%" PRIx32,
			       f->path, (at - k->descs) / LA_KDUMP_DESC, flags);
	}
	if (!size || size > dump->block_size || (!flags && size != dump->block_size))
		return la_fail(err, LA_CORRUPT,
			       "%s: page descriptor %" PRIu64 ": %" PRIu32
			       " bytes for a block of %" PRIu32,
			       f->path, (at - k->descs) / LA_KDUMP_DESC, size, dump->block_size);
	if (offset < k->descs || offset > INT64_MAX)
		return la_fail(err, LA_CORRUPT,
			       "%s: page descriptor %" PRIu64 ": offset 0x%" PRIx64
			       " is not in the page data",
			       f->path, (at - k->descs) / LA_KDUMP_DESC, offset);
	ret->stored = true;
	if (offset > f->size || size > f->size - offset)
		return la_fail(err, LA_TRUNCATED,
			       "%s: page data at 0x%" PRIx64 ", but the %s ends at 0x%" PRIx64,
			       f->path, offset, f->flattened ? "dump" : "file", f->size);
	ret->state = LA_BLOCK_PRESENT;
	return LA_OK;
}

static enum la_status find_stored(struct la_dump *dump, uint64_t at,
				  const struct la_kdump_part *part, struct la_block *ret,
				  struct la_error *err)
{
	enum la_status status;

	ret->state = LA_BLOCK_MISSING;
	ret->file = part->file;
	status = read_desc(dump, at, part, ret, err);
	if (status == LA_CORRUPT)
		ret->state = LA_BLOCK_PRESENT;
	return status;
}

enum la_status la_kdump_find(struct la_dump *dump, uint64_t pa, struct la_block *ret,
			     struct la_error *err)
{
	const struct la_kdump *k = dump->priv;
	uint64_t pfn = pa >> k->shift;
	const struct la_kdump_part *part;

	*ret = (struct la_block){ .state = LA_BLOCK_HOLE,
				  .start = pfn << k->shift,
				  .end = (pfn << k->shift) + dump->block_size };
	if (!la_bitmap_test(&k->dumped, pfn)) {
		if (!la_bitmap_test(k->ram, pfn))
			return la_fail(err, LA_NOT_RAM, "page frame 0x%" PRIx64 " is not RAM", pfn);
		ret->state = LA_BLOCK_EXCLUDED;
		return la_fail(err, LA_EXCLUDED, "page frame 0x%" PRIx64 " is excluded", pfn);
	}
	part = part_of(k, pfn);
	ret->state = LA_BLOCK_MISSING;
	if (!part)
		return la_fail(err, LA_TRUNCATED,
			       "page frame 0x%" PRIx64
			       " is in a part of the split dump that was not given",
			       pfn);
	return find_stored(dump, desc_of(k, part, pfn), part, ret, err);
}

static uint64_t kdump_next(struct la_dump *dump, uint64_t pa, uint64_t end)
{
	const struct la_kdump *k = dump->priv;
	const uint64_t last = (end + dump->block_size - 1) >> k->shift, nbits = k->dumped.nbits;
	const uint64_t stop = last < nbits ? last : nbits;
	const uint64_t pfn = pa >> k->shift;
	uint64_t next = pfn < stop ? la_bitmap_next(&k->dumped, pfn, stop, true) : stop;

	next = next == stop ? end : next << k->shift;
	return next > pa ? next : pa;
}

/* Dumped pages from @pfn on, below @end and all in one part, that are in one state; returns the first behind them. */
static uint64_t same_state(struct la_dump *dump, const struct la_kdump_part *part, uint64_t pfn,
			   uint64_t end, enum la_block_state *ret)
{
	const struct la_kdump *k = dump->priv;
	uint64_t at = desc_of(k, part, pfn);
	struct la_block b = { 0 };

	find_stored(dump, at, part, &b, NULL);
	*ret = b.state;
	while (++pfn < end) {
		find_stored(dump, at += LA_KDUMP_DESC, part, &b, NULL);
		if (b.state != *ret)
			break;
	}
	return pfn;
}

/* Of a split dump the part that has @pfn was not given: the first page of the next one that was. */
static uint64_t end_of_gap(const struct la_kdump *k, uint64_t pfn, uint64_t end)
{
	for (size_t i = 0; i < k->nparts; i++)
		if (k->part[i].start > pfn && k->part[i].start < end)
			end = k->part[i].start;
	return end;
}

static enum la_status add_dumped(struct la_dump *dump, struct la_ram_list *list, uint64_t pfn,
				 uint64_t end, bool count)
{
	const struct la_kdump *k = dump->priv;
	enum la_status status = LA_OK;
	uint64_t next;

	if (!count)
		return la_ram_add(list, pfn << k->shift, end << k->shift, LA_BLOCK_PRESENT);
	for (; pfn < end && !status; pfn = next) {
		const struct la_kdump_part *part = part_of(k, pfn);
		enum la_block_state state = LA_BLOCK_MISSING;

		if (part)
			next = same_state(dump, part, pfn, end < part->end ? end : part->end,
					  &state);
		else
			next = end_of_gap(k, pfn, end);
		status = la_ram_add(list, pfn << k->shift, next << k->shift, state);
	}
	return status;
}

/* Pages with a descriptor count as RAM even if bitmap 1 of a damaged file does not have them. */
static enum la_status kdump_ram(struct la_dump *dump, bool count, uint64_t from, uint64_t to,
				struct la_ram_list *list)
{
	const struct la_kdump *k = dump->priv;
	uint64_t pfn = from >> k->shift, end = to >> k->shift, next, dumped;
	enum la_status status = LA_OK;

	end = end < k->dumped.nbits ? end : k->dumped.nbits;
	while (pfn < end && !status) {
		dumped = la_bitmap_next(&k->dumped, pfn, end, true);
		if (dumped == pfn) {
			next = la_bitmap_next(&k->dumped, pfn, end, false);
			status = add_dumped(dump, list, pfn, next, count);
		} else if (la_bitmap_test(k->ram, pfn)) {
			next = la_bitmap_next(k->ram, pfn, dumped, false);
			status = la_ram_add(list, pfn << k->shift, next << k->shift,
					    LA_BLOCK_EXCLUDED);
		} else {
			next = la_bitmap_next(k->ram, pfn, dumped, true);
		}
		pfn = next;
	}
	return status;
}

static enum la_status kdump_again(struct la_dump *ret, const struct la_dump *of)
{
	const struct la_kdump *from = of->priv;
	struct la_kdump *k = la_alloc(ret->arena, sizeof(*k));
	enum la_status status;

	if (!k)
		return LA_NOMEM;
	ret->priv = k;
	*k = *from;
	if (from->ram == &from->dumped)
		k->ram = &k->dumped;
	else
		k->ram = &k->own_ram;
	k->part = la_alloc_n(ret->arena, k->nparts, sizeof(*k->part));
	status = la_readahead_init(&k->desc, ret->arena, from->desc.cap, from->desc.least);
	if (!k->part || status)
		return LA_NOMEM;
	for (size_t i = 0; i < k->nparts; i++) {
		k->part[i] = from->part[i];
		k->part[i].file = ret->file + (from->part[i].file - of->file);
	}
	return LA_OK;
}

static bool kdump_probe(const uint8_t *head)
{
	return memcmp(head, "KDUMP   ", 8) == 0;
}

const struct la_format la_format_kdump = {
	.probe = kdump_probe,
	.open = la_kdump_open,
	.find = la_kdump_find,
	.again = kdump_again,
	.next = kdump_next,
	.ram = kdump_ram,
};
