// SPDX-License-Identifier: GPL-3.0-or-later
// The RAM of a migration stream: QEMU migration/ram.c, ram_save_*() and ram_load_precopy().
#include "ram.h"
#include "core_file.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Flags in the low bits of each record's address (ram.h). */
enum {
	FLAG_ZERO = 0x02,
	FLAG_MEM_SIZE = 0x04,
	FLAG_PAGE = 0x08,
	FLAG_EOS = 0x10,
	FLAG_CONTINUE = 0x20,
	FLAG_XBZRLE = 0x40,
	FLAG_HOOK = 0x80,
	FLAG_COMPRESS = 0x100,
	FLAG_MULTIFD = 0x200,
	FLAGS = 0xfff,
};

#define UNIT 4096 /* of the map of written pages; every page size is a multiple */
#define MAX_PAGE 65536
#define MAX_BLOCKS 4096
#define PIECE ((size_t)1 << 20) /* of a mapped block, at once */
#define MAX_NAMED 16            /* of the blocks that are left out */
#define MAX_RAM ((uint64_t)1 << 46)

static bool starts(const char *name, const char *with)
{
	return !strncmp(name, with, strlen(with));
}

/*
 * Memory that is not the guest's RAM: firmware, ROM images, video memory, and everything that
 * bears a device's path. Memory backends may have any name, or a path below /objects.
 */
static bool is_device_memory(const char *name)
{
	if (starts(name, "/objects/"))
		return false;
	return strchr(name, '/') || strstr(name, "flash") || strstr(name, "vga") ||
	       strstr(name, "vram") || strstr(name, ".rom") || strstr(name, "bios");
}

/* DIMMs plugged in while the guest runs: no word in the stream about where. */
static bool is_hotplugged(const char *name)
{
	return strstr(name, "dimm") || strstr(name, "virtiomem");
}

static int name_number(const char *name)
{
	size_t n = strlen(name);

	while (n && name[n - 1] >= '0' && name[n - 1] <= '9')
		n--;
	return (int)(strtoul(name + n, NULL, 10) & INT_MAX);
}

static int by_number(const void *left, const void *right)
{
	const struct la_ram_block *const *a = left, *const *b = right;
	const int of_a = name_number((*a)->name), of_b = name_number((*b)->name);

	return of_a != of_b ? of_a - of_b : *a < *b ? -1 : 1;
}

static int by_name(const void *left, const void *right)
{
	const struct la_ram_block *const *a = left, *const *b = right;
	const int order = strcmp((*a)->name, (*b)->name);

	return order ? order : *a < *b ? -1 : 1;
}

/*
 * Give each block of RAM its place. QEMU's RAM is one piece (loongarch.ram), or the nodes' pieces
 * one behind the other in the nodes' order (hw/core/numa.c, numa_init_memdev_container()); the
 * stream has the largest first, and equal ones in their order.
 */
static enum la_status place_blocks(struct la_saved_ram *ram)
{
	struct la_ram_block **order = la_alloc_n(ram->arena, ram->nblocks, sizeof(*order));

	if (!order)
		return LA_NOMEM;
	for (size_t i = 0; i < ram->nblocks; i++)
		order[i] = &ram->blocks[i];
	qsort(order, ram->nblocks, sizeof(*order), by_number);
	for (size_t i = 0; i < ram->nblocks; i++) {
		if (!order[i]->ram)
			continue;
		order[i]->at = ram->total;
		ram->total += order[i]->size;
	}
	qsort(order, ram->nblocks, sizeof(*order), by_name);
	ram->by_name = order;
	return LA_OK;
}

static uint64_t bytes_at(struct la_stream *s, uint64_t offset, uint8_t *to, uint64_t size)
{
	uint64_t done = 0;

	while (done < size) {
		ssize_t n = pread(s->fd, to + done, (size_t)(size - done), (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (uint64_t)n;
	}
	return done;
}

static bool is_zero(const uint8_t *data, size_t size)
{
	return !data[0] && !memcmp(data, data + 1, size - 1);
}

static bool was_written(const struct la_saved_ram *ram, uint64_t at)
{
	return ram->written[at / UNIT / 8] >> at / UNIT % 8 & 1;
}

/* One page; a page of zeros stays the hole that it is, unless it had other content before. */
static enum la_status put(struct la_stream *s, struct la_saved_ram *ram, uint64_t offset,
			  const uint8_t *data, size_t size)
{
	const struct la_ram_block *b = ram->current;
	uint64_t at = b->at + offset;

	if (!b->ram)
		return LA_OK;
	for (; size; size -= UNIT, data += UNIT, at += UNIT) {
		if (!was_written(ram, at)) {
			if (is_zero(data, UNIT))
				continue;
			ram->written[at / UNIT / 8] |= (uint8_t)(1u << at / UNIT % 8);
			ram->stored += UNIT;
		}
		if (la_writer_put(&ram->out, data, UNIT, LA_CORE_DATA + at, s->err) != LA_OK)
			return s->status = LA_IO;
	}
	return LA_OK;
}

/* The map of a block's pages, a piece of it at a time. */
struct page_map {
	uint64_t at, pages; /* in the file; of the block */
	uint64_t first;     /* page that the piece begins with, a multiple of 8 * sizeof(bits) */
	bool read;
	uint8_t bits[4096];
};

/* Is page @n stored? False in @there_ret: the file ends before its place in the map. */
static bool is_stored(struct la_stream *s, struct page_map *map, uint64_t n, bool *there_ret)
{
	const uint64_t in_piece = n % (8 * sizeof(map->bits)), first = n - in_piece;
	uint64_t left = (map->pages - first + 7) / 8;

	if (!map->read || first != map->first) {
		if (left > sizeof(map->bits))
			left = sizeof(map->bits);
		map->read = bytes_at(s, map->at + first / 8, map->bits, left) == left;
		map->first = first;
	}
	*there_ret = map->read;
	return map->read && map->bits[in_piece / 8] >> in_piece % 8 & 1;
}

/* The stored pages from @n on that follow one another, as many as are read at once. */
static uint64_t run_of(struct la_stream *s, struct page_map *map, uint64_t n, uint64_t most)
{
	uint64_t run = 0;
	bool there = true;

	while (run < most && n + run < map->pages && is_stored(s, map, n + run, &there))
		run++;
	return run;
}

/* Pages with fixed places: struct MappedRamHeader, a bitmap, and the block as it is. */
static enum la_status mapped_block(struct la_stream *s, struct la_saved_ram *ram,
				   struct la_ram_block *b)
{
	struct page_map map = { .at = b->bitmap_at, .pages = b->size / ram->page_size };
	const uint64_t page = ram->page_size;
	uint64_t run, next_progress = 0;

	ram->current = b;
	for (uint64_t n = 0; b->ram && n < map.pages; n += run) {
		uint64_t got;
		bool there;

		run = 1;
		if (!is_stored(s, &map, n, &there)) {
			if (!there)
				return la_stream_fail(s, LA_TRUNCATED,
						      "the map of block \"%s\" is behind the end",
						      b->name);
			continue;
		}
		run = run_of(s, &map, n, PIECE / page);
		got = bytes_at(s, b->pages_at + n * page, ram->piece, run * page) / page;
		if (got && put(s, ram, n * page, ram->piece, got * page) != LA_OK)
			return s->status;
		if (got < run)
			return la_stream_fail(s, LA_TRUNCATED,
					      "block \"%s\" is cut off at 0x%" PRIx64, b->name,
					      (n + got) * page);
		if (s->opt && s->opt->progress && n * page >= next_progress) {
			s->opt->progress(s->opt->ctx, b->pages_at + n * page);
			next_progress = (n + run) * page + (16 << 20);
		}
	}
	return LA_OK;
}

static bool good_page_size(uint64_t size)
{
	return size >= UNIT && size <= MAX_PAGE && !(size & (size - 1));
}

static enum la_status mapped_header(struct la_stream *s, struct la_saved_ram *ram,
				    struct la_ram_block *b)
{
	uint64_t version = la_stream_be(s, 4), page = la_stream_be(s, 8);
	uint64_t bitmap = la_stream_be(s, 8), pages = la_stream_be(s, 8);

	if (s->status != LA_OK)
		return s->status;
	if (version != 1)
		return la_stream_fail(s, LA_UNSUPPORTED, "mapped-ram of version %" PRIu64, version);
	if (!good_page_size(page) || (ram->page_size && page != ram->page_size) ||
	    bitmap > INT64_MAX - b->size || pages > INT64_MAX - b->size || b->size % page)
		return la_stream_fail(s, LA_CORRUPT,
				      "block \"%s\": mapped-ram header makes no sense", b->name);
	ram->page_size = (uint32_t)page;
	/* Where it goes shows only when all blocks are known: see read_blocks(). */
	b->bitmap_at = bitmap;
	b->pages_at = pages;
	la_stream_seek(s, pages + b->size);
	return s->status;
}

/* The first of the blocks that have no place, by name, and how many more there are. */
static void list_left_out(struct la_saved_ram *ram)
{
	size_t n = 0;

	for (size_t i = 0; i < ram->nblocks; i++) {
		const struct la_ram_block *b = &ram->blocks[i];

		if (is_hotplugged(b->name) && n++ < MAX_NAMED)
			ram->left_out =
				la_format(ram->arena, "%s%s%s (%" PRIu64 " MiB)",
					  ram->left_out ? ram->left_out : "",
					  ram->left_out ? ", " : "", b->name, b->size >> 20);
	}
	if (n > MAX_NAMED)
		ram->left_out = la_format(ram->arena, "%s, and %zu more",
					  ram->left_out ? ram->left_out : "", n - MAX_NAMED);
}

static enum la_status read_blocks(struct la_stream *s, struct la_saved_ram *ram, uint64_t total)
{
	size_t room = 0;

	if (ram->blocks)
		return la_stream_fail(s, LA_CORRUPT, "a second list of memory blocks");
	while (total) {
		struct la_ram_block *b;

		if (ram->nblocks == MAX_BLOCKS)
			return la_stream_fail(s, LA_CORRUPT, "more than %d memory blocks",
					      MAX_BLOCKS);
		b = la_room(ram->arena, ram->blocks, ram->nblocks, &room, sizeof(*b));
		if (!b)
			return la_stream_fail(s, LA_NOMEM, "list of memory blocks");
		ram->blocks = b;
		b = &ram->blocks[ram->nblocks++];
		if (!la_stream_name(s, b->name))
			return s->status;
		b->size = la_stream_be(s, 8);
		if (s->status != LA_OK)
			return s->status;
		if (!b->size || b->size > total || b->size > MAX_RAM || b->size % UNIT)
			return la_stream_fail(s, LA_CORRUPT, "block \"%s\" of 0x%" PRIx64 " bytes",
					      b->name, b->size);
		total -= b->size;
		b->at = UINT64_MAX;
		b->ram = !is_device_memory(b->name) && !is_hotplugged(b->name);
		if (ram->mapped && mapped_header(s, ram, b) != LA_OK)
			return s->status;
	}
	list_left_out(ram);
	if (place_blocks(ram) != LA_OK)
		return la_stream_fail(s, LA_NOMEM, "list of memory blocks");
	if (!ram->total)
		return la_stream_fail(s, LA_UNSUPPORTED,
				      "no memory block is RAM of a LoongArch guest");
	if (ram->total > MAX_RAM)
		return la_stream_fail(s, LA_CORRUPT, "0x%" PRIx64 " bytes of RAM", ram->total);
	ram->written = la_alloc(ram->arena, ram->total / UNIT / 8 + 1);
	if (!ram->written)
		return la_stream_fail(s, LA_NOMEM, "a guest of %" PRIu64 " MiB", ram->total >> 20);
	if (ftruncate(ram->out.fd, (off_t)(LA_CORE_DATA + ram->total)))
		return la_stream_fail(s, LA_IO, "a dump of %" PRIu64 " MiB cannot be made: %s",
				      ram->total >> 20, strerror(errno));
	if (ram->mapped && !(ram->piece = la_alloc(ram->arena, PIECE)))
		return la_stream_fail(s, LA_NOMEM, "list of memory blocks");
	for (size_t i = 0; ram->mapped && i < ram->nblocks; i++)
		if (mapped_block(s, ram, &ram->blocks[i]) != LA_OK)
			return s->status;
	return s->status;
}

/* The first block of that name: each record may name another one. */
static struct la_ram_block *find_block(struct la_saved_ram *ram, const char *name)
{
	size_t low = 0, high = ram->by_name ? ram->nblocks : 0;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (strcmp(ram->by_name[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return ram->by_name && low < ram->nblocks && !strcmp(ram->by_name[low]->name, name) ?
		       ram->by_name[low] :
		       NULL;
}

/* Can the bytes at @data be the record behind a page of @page bytes? */
static bool record_follows(struct la_saved_ram *ram, const uint8_t *data, size_t n, size_t page)
{
	const struct la_ram_block *b = ram->current;
	char name[256] = "";
	uint64_t word = 0;
	unsigned flags;

	if (n < 8 + 5) /* the end mark and the section's footer: the least that follows */
		return false;
	for (int i = 0; i < 8; i++)
		word = word << 8 | data[i];
	flags = word & FLAGS;
	word -= flags;
	if (flags == FLAG_EOS)
		return !word && data[8] == LA_VM_FOOTER;
	if ((flags & ~(unsigned)FLAG_CONTINUE) != FLAG_ZERO &&
	    (flags & ~(unsigned)FLAG_CONTINUE) != FLAG_PAGE)
		return false;
	if (!(flags & FLAG_CONTINUE))
		b = data[8] <= n - 9 ? find_block(ram, memcpy(name, data + 9, data[8])) : NULL;
	return b && word < b->size && word % page == 0;
}

/*
 * QEMU's page size (TARGET_PAGE_BITS: 14 up to 8.1, then 12) stands only in the description at the
 * end. The first page stored tells it as well: it is where the next record can be.
 */
static enum la_status find_page_size(struct la_stream *s, struct la_saved_ram *ram)
{
	size_t n;
	const uint8_t *data = la_stream_peek(s, MAX_PAGE + 9 + 255, &n);

	for (size_t page = UNIT; page <= MAX_PAGE && s->status == LA_OK; page *= 2) {
		if (page > n)
			return la_stream_fail(s, LA_TRUNCATED, "the stream ends inside a page");
		if (record_follows(ram, data + page, n - page, page)) {
			ram->page_size = (uint32_t)page;
			return LA_OK;
		}
	}
	return la_stream_fail(s, LA_CORRUPT, "nothing that could follow a page behind this one");
}

static enum la_status page_record(struct la_stream *s, struct la_saved_ram *ram, uint64_t addr,
				  unsigned flags)
{
	static const uint8_t zeros[UNIT];
	const uint8_t *data = zeros;
	uint8_t filled[UNIT];
	char name[256];

	if (!(flags & FLAG_CONTINUE)) {
		if (!la_stream_name(s, name))
			return s->status;
		ram->current = find_block(ram, name);
		if (!ram->current)
			return la_stream_fail(s, LA_CORRUPT,
					      "a page of \"%s\", which is in no list", name);
	}
	if (!ram->current)
		return la_stream_fail(s, LA_CORRUPT, "a page of no block");
	if (flags & FLAG_ZERO) {
		uint8_t byte = (uint8_t)la_stream_be(s, 1);

		if (byte && !ram->page_size)
			return la_stream_fail(s, LA_UNSUPPORTED, "a page filled with 0x%02x", byte);
		memset(filled, byte, sizeof(filled));
		data = filled;
	} else if (!ram->page_size && find_page_size(s, ram) != LA_OK) {
		return s->status;
	}
	if (s->status != LA_OK)
		return s->status;
	/* Before the first stored page nothing can have been there: a page of zeros is no work. */
	if (!ram->page_size)
		return addr < ram->current->size ?
			       LA_OK :
			       la_stream_fail(s, LA_CORRUPT, "page 0x%" PRIx64 " is outside \"%s\"",
					      addr, ram->current->name);
	if (addr % ram->page_size || addr >= ram->current->size ||
	    ram->page_size > ram->current->size - addr)
		return la_stream_fail(s, LA_CORRUPT, "page 0x%" PRIx64 " is outside \"%s\"", addr,
				      ram->current->name);
	if (flags & FLAG_PAGE) {
		data = la_stream_take(s, ram->page_size);
		return data ? put(s, ram, addr, data, ram->page_size) : s->status;
	}
	for (uint32_t done = 0; done < ram->page_size; done += UNIT)
		if (put(s, ram, addr + done, data, UNIT) != LA_OK)
			return s->status;
	return LA_OK;
}

enum la_status la_ram_section(struct la_stream *s, struct la_saved_ram *ram)
{
	static const struct {
		unsigned flag;
		const char *what;
	} refused[] = {
		{ FLAG_XBZRLE, "XBZRLE, differences to earlier pages" },
		{ FLAG_HOOK, "RAM sent by RDMA" },
		{ FLAG_COMPRESS, "pages compressed by QEMU" },
		{ FLAG_MULTIFD, "RAM sent through other channels (multifd)" },
	};

	while (s->status == LA_OK) {
		uint64_t addr = la_stream_be(s, 8);
		unsigned flags = addr & FLAGS;

		addr -= flags;
		if (s->status != LA_OK)
			break;
		for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
			if (flags & refused[i].flag && !(ram->mapped && flags == FLAG_MULTIFD))
				return la_stream_fail(s, LA_UNSUPPORTED, "%s: not read",
						      refused[i].what);
		switch (flags & ~(unsigned)FLAG_CONTINUE) {
		case FLAG_MEM_SIZE:
			read_blocks(s, ram, addr);
			break;
		case FLAG_ZERO:
		case FLAG_PAGE:
			page_record(s, ram, addr, flags);
			break;
		case FLAG_EOS:
			return LA_OK;
		case FLAG_MULTIFD:
			break;
		default:
			return la_stream_fail(s, LA_CORRUPT, "flags 0x%x in a record of RAM",
					      flags);
		}
	}
	return s->status;
}
