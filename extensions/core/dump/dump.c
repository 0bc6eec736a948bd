// SPDX-License-Identifier: GPL-3.0-or-later
// The dump reader's front: opening, reading through the cache, explaining.
#include "lakvm/dump/dump.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "flat.h"
#include "format.h"
#include "notes.h"

#define DEFAULT_CACHE_MIB 32
#define MAX_CACHE_MIB 65536

static const struct la_format *const formats[] = { &la_format_kdump, &la_format_elf };

/* Files that are known for what they are, and not read here. */
static const struct {
	const char *magic;
	size_t len;
	const char *what;
} foreign[] = {
	{ "DISKDUMP", 8, "a diskdump file, which no LoongArch system writes" },
	{ "QEVM", 4, "a QEMU migration stream (virsh dump without --memory-only)" },
	{ "LibvirtQemudSave", 16, "a libvirt save file (virsh save)" },
	{ "LibvirtQemudPart", 16, "an unfinished libvirt save file (virsh save)" },
};

const char *la_block_state_name(enum la_block_state state)
{
	static const char *const name[] = { "hole", "present", "zero", "excluded", "missing" };

	return name[state];
}

const char *la_dump_remark(const struct la_dump *dump, size_t i)
{
	return i <= LA_MAX_REMARKS ? dump->remark[i] : NULL;
}

static enum la_status open_files(struct la_dump *dump, const char *const *path, size_t n,
				 const struct la_dump_options *opt, struct la_error *err)
{
	enum la_status status;
	struct la_file *f;

	dump->file = la_alloc_n(dump->arena, n, sizeof(*dump->file));
	if (!dump->file)
		return LA_NOMEM;
	for (size_t i = 0; i < n; i++) {
		const char *own = la_strndup(dump->arena, path[i], strlen(path[i]));

		f = &dump->file[i];
		status = own ? la_file_open(f, own, err) : LA_NOMEM;
		if (status)
			return status;
		dump->nfiles = i + 1;
		f->stats = &dump->stats;
		status = la_flat_open(f, dump->arena, opt, err);
		if (status)
			return status;
		la_file_map(f);
		if (f->cut)
			la_dump_add_remark(dump,
					   "%s: flattened, and no sound record from 0x%" PRIx64
					   " on: cut off or damaged",
					   f->path, f->cut_at);
	}
	return LA_OK;
}

static enum la_status probe(struct la_dump *dump, struct la_error *err)
{
	struct la_file *f = &dump->file[0];
	enum la_status status;
	uint8_t head[16];

	status = la_file_read(f, 0, head, sizeof(head), err);
	if (status == LA_TRUNCATED && !f->flattened)
		return la_fail(err, LA_ABSENT, "no dump");
	if (status)
		return status;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (formats[i]->probe(head)) {
			dump->format = formats[i];
			return LA_OK;
		}
	}
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (memcmp(head, foreign[i].magic, foreign[i].len) == 0)
			return la_fail(err, LA_UNSUPPORTED, "%s: %s", f->path, foreign[i].what);
	return la_fail(err, LA_ABSENT, "%s: no dump format that is known here", f->path);
}

static enum la_status open_all(struct la_dump *dump, const char *const *path, size_t n,
			       const struct la_dump_options *opt, struct la_error *err)
{
	unsigned mib = opt->cache_mib ? opt->cache_mib : DEFAULT_CACHE_MIB;
	enum la_status status;

	if (mib > MAX_CACHE_MIB)
		return la_fail(err, LA_INVALID, "page cache of %u MiB", mib);
	dump->zero_excluded = opt->zero_excluded;
	dump->threads = opt->threads;
	status = open_files(dump, path, n, opt, err);
	if (!status)
		status = probe(dump, err);
	if (status)
		return status;
	dump->unpacker = la_unpacker_new();
	status = dump->unpacker ? dump->format->open(dump, err) : LA_NOMEM;
	if (!status)
		status = la_cache_init(&dump->cache, dump->arena, dump->block_size,
				       (size_t)mib << 20);
	if (status)
		return status;
	if (!dump->vmcoreinfo)
		dump->vmcoreinfo = la_notes_text(dump->notes, dump->notes_size, "VMCOREINFO",
						 &dump->vmcoreinfo_size);
	/* of an ELF file; makedumpfile makedumpfile.h, ERASEINFO_NOTE_NAME */
	if (!dump->eraseinfo)
		dump->eraseinfo = la_notes_text(dump->notes, dump->notes_size, "ERASEINFO",
						&dump->eraseinfo_size);
	return LA_OK;
}

enum la_status la_dump_open(struct la_dump **ret, const char *const *path, size_t n,
			    const struct la_dump_options *opt, struct la_error *err)
{
	static const struct la_dump_options defaults;
	/* No limit of its own: each size was checked against the bytes the files have. */
	struct la_arena *arena = la_arena_new(SIZE_MAX);
	struct la_dump *dump = arena ? la_alloc(arena, sizeof(*dump)) : NULL;
	enum la_status status;

	*ret = NULL;
	if (!n || !dump) {
		la_arena_free(arena);
		return n ? la_fail(err, LA_NOMEM, "%s", path[0]) :
			   la_fail(err, LA_INVALID, "no file of a dump");
	}
	dump->arena = arena;
	status = open_all(dump, path, n, opt ? opt : &defaults, err);
	if (status) {
		la_dump_close(dump);
		return err && err->text[0] ? status : la_fail(err, status, "%s", path[0]);
	}
	*ret = dump;
	return LA_OK;
}

void la_dump_close(struct la_dump *dump)
{
	if (!dump)
		return;
	for (size_t i = 0; i < dump->nfiles; i++)
		la_file_close(&dump->file[i]);
	la_unpacker_free(dump->unpacker);
	la_arena_free(dump->arena);
}

static enum la_status open_again(struct la_dump *dump, const struct la_dump *of,
				 struct la_error *err)
{
	enum la_status status;

	*dump = (struct la_dump){ .arena = dump->arena,
				  .format = of->format,
				  .zero_excluded = of->zero_excluded,
				  .notes = of->notes,
				  .notes_size = of->notes_size,
				  .vmcoreinfo = of->vmcoreinfo,
				  .vmcoreinfo_size = of->vmcoreinfo_size,
				  .eraseinfo = of->eraseinfo,
				  .eraseinfo_size = of->eraseinfo_size,
				  .name = of->name };
	memcpy(dump->remark, of->remark, sizeof(dump->remark));
	dump->file = la_alloc_n(dump->arena, of->nfiles, sizeof(*dump->file));
	if (!dump->file)
		return LA_NOMEM;
	for (; dump->nfiles < of->nfiles; dump->nfiles++) {
		struct la_file *f = &dump->file[dump->nfiles];

		status = la_file_again(f, &of->file[dump->nfiles], err);
		if (status)
			return status;
		f->stats = &dump->stats;
	}
	dump->unpacker = la_unpacker_new();
	status = dump->unpacker ? la_dump_set_block_size(dump, of->block_size) : LA_NOMEM;
	if (!status)
		status = la_cache_init(&dump->cache, dump->arena, dump->block_size, 1 << 20);
	return status ? status : dump->format->again(dump, of);
}

enum la_status la_dump_again(struct la_dump **ret, const struct la_dump *of, struct la_error *err)
{
	struct la_arena *arena = la_arena_new(SIZE_MAX);
	struct la_dump *dump = arena ? la_alloc(arena, sizeof(*dump)) : NULL;
	enum la_status status;

	*ret = NULL;
	if (!dump) {
		la_arena_free(arena);
		return la_fail(err, LA_NOMEM, "second reader");
	}
	dump->arena = arena;
	status = open_again(dump, of, err);
	if (status) {
		la_dump_close(dump);
		return err && err->text[0] ? status : la_fail(err, status, "second reader");
	}
	*ret = dump;
	return LA_OK;
}

/* One whole block into @to. */
static enum la_status load(struct la_dump *dump, const struct la_block *b, uint64_t at, uint8_t *to,
			   struct la_error *err)
{
	size_t size = b->packing == LA_RAW ? dump->block_size : (size_t)b->size;
	uint64_t offset = b->offset + (at - b->start);
	const uint8_t *bytes;
	enum la_status status;
	bool sound = true;

	status = la_readahead_get(&dump->data, b->file, offset, size, &bytes, err);
	if (status)
		return status;
	if (b->packing == LA_RAW)
		memcpy(to, bytes, size);
	else
		sound = la_unpack(dump->unpacker, b->packing, bytes, size, to, dump->block_size);
	if (b->packing != LA_RAW)
		dump->stats.unpacked++;
	if (!sound)
		return la_fail(err, LA_CORRUPT, "%s: offset 0x%" PRIx64 ": damaged %s data",
			       b->file->path, offset, la_packing_name(b->packing));
	return LA_OK;
}

/* The block at @at through the cache. */
static enum la_status load_cached(struct la_dump *dump, const struct la_block *b, uint64_t at,
				  const uint8_t **ret, struct la_error *err)
{
	enum la_status status;
	uint32_t slot;
	uint8_t *to = la_cache_claim(&dump->cache, &slot);

	status = load(dump, b, at, to, err);
	if (status)
		return status;
	la_cache_put(&dump->cache, at / dump->block_size, slot);
	*ret = to;
	return LA_OK;
}

/* As much of [pa, pa + len) as one answer of the format covers; *len is cut to it. */
static enum la_status read_some(struct la_dump *dump, uint64_t pa, uint8_t *to, size_t *len,
				struct la_error *err)
{
	uint64_t at = pa & ~(uint64_t)(dump->block_size - 1);
	size_t left = (size_t)(at + dump->block_size - pa);
	const uint8_t *bytes;
	struct la_block b;
	enum la_status status;
	enum la_cached cached = LA_UNCACHED;

	dump->stats.blocks++;
	if (!dump->direct)
		cached = la_cache_get(&dump->cache, at / dump->block_size, &bytes);
	if (cached == LA_CACHED) {
		dump->stats.cache_hits++;
		*len = *len < left ? *len : left;
		if (bytes) {
			memcpy(to, bytes + (pa - at), *len);
		} else {
			dump->stats.zero++;
			memset(to, 0, *len);
		}
		return LA_OK;
	}

	status = dump->format->find(dump, pa, &b, err);
	if (*len > b.end - pa)
		*len = (size_t)(b.end - pa);
	if (status) {
		if (!dump->zero_excluded ||
		    (b.state != LA_BLOCK_EXCLUDED && (b.state != LA_BLOCK_MISSING || b.stored)))
			return status;
		la_error_clear(err);
		memset(to, 0, *len);
		return LA_OK;
	}
	if (b.state == LA_BLOCK_ZERO) {
		dump->stats.zero++;
		/* A hole of a file may end inside a block. */
		if (*len < dump->block_size && b.start <= at && b.end >= at + dump->block_size)
			la_cache_put(&dump->cache, at / dump->block_size, LA_CACHE_ZERO);
		memset(to, 0, *len);
		return LA_OK;
	}
	/*
	 * A segment of an ELF file is read as it lies there: large pieces at once, and the
	 * blocks at its ends, which hold more than this segment, never through the cache.
	 */
	if (dump->direct || b.start > at || b.end < at + dump->block_size || *len > left)
		return la_file_read(b.file, b.offset + (pa - b.start), to, *len, err);
	/* Whoever reads whole blocks goes through memory once and would only empty the cache. */
	if (*len == dump->block_size)
		return load(dump, &b, at, to, err);
	/*
	 * Bytes that need no unpacking are fetched alone; a block that is asked for again is kept.
	 */
	if (b.packing == LA_RAW && cached == LA_UNCACHED) {
		la_cache_put(&dump->cache, at / dump->block_size, LA_CACHE_SEEN);
		return la_file_read(b.file, b.offset + (pa - b.start), to, *len, err);
	}
	status = load_cached(dump, &b, at, &bytes, err);
	if (!status)
		memcpy(to, bytes + (pa - at), *len);
	return status;
}

enum la_status la_dump_read(struct la_dump *dump, uint64_t pa, void *ret, size_t len,
			    struct la_error *err)
{
	enum la_status status;
	uint8_t *to = ret;
	size_t n;

	if (len && len - 1 > UINT64_MAX - pa)
		return la_fail(err, LA_NOT_RAM, "0x%" PRIx64, pa);
	for (; len; to += n, pa += n, len -= n) {
		n = len;
		status = read_some(dump, pa, to, &n, err);
		if (status)
			return la_fail(err, status, "0x%" PRIx64, pa);
	}
	return LA_OK;
}

/* Bytes from @pa on, and no more than @len of them. 0: they cannot be read. */
static size_t fetch(struct la_dump *dump, const struct la_block *b, uint64_t pa, uint8_t *to,
		    size_t room, uint64_t len)
{
	const uint64_t at = pa & ~(uint64_t)(dump->block_size - 1);
	const uint64_t left = at + dump->block_size - pa;

	/* A segment of an ELF file, as it lies there. */
	if (b->packing == LA_RAW && (b->start != at || b->end != at + dump->block_size)) {
		len = len < room ? len : room;
		return la_file_read(b->file, b->offset + (pa - b->start), to, (size_t)len, NULL) ?
			       0 :
			       (size_t)len;
	}
	if (load(dump, b, at, to, NULL))
		return 0;
	len = len < left ? len : left;
	if (pa != at)
		memmove(to, to + (pa - at), (size_t)len);
	return (size_t)len;
}

struct la_piece la_dump_piece(struct la_dump *dump, uint64_t pa, uint64_t end, uint8_t *to,
			      size_t room)
{
	struct la_block b;
	const enum la_status status = dump->format->find(dump, pa, &b, NULL);
	struct la_piece p = { .state = b.state, .end = b.end < end ? b.end : end };
	size_t n;

	dump->stats.blocks++;
	if (status == LA_CORRUPT) {
		p.state = LA_BLOCK_MISSING;
		p.damaged = true;
	} else if (status && dump->format->next &&
		   (b.state == LA_BLOCK_HOLE || b.state == LA_BLOCK_EXCLUDED)) {
		p.end = dump->format->next(dump, pa, end);
	} else if (!status && b.state == LA_BLOCK_PRESENT) {
		n = fetch(dump, &b, pa, to, room, p.end - pa);
		p.damaged = !n;
		p.state = n ? LA_BLOCK_PRESENT : LA_BLOCK_MISSING;
		if (n)
			p.end = pa + n;
		else if (p.end - pa > dump->block_size) /* what lies behind may read */
			p.end = pa + dump->block_size;
	}
	return p;
}

void la_dump_explain(struct la_dump *dump, uint64_t pa, struct la_dump_place *ret)
{
	uint64_t at = pa & ~(uint64_t)(dump->block_size - 1);
	struct la_error err = { "" };
	const uint8_t *bytes;
	struct la_block b;
	uint8_t byte;

	memset(ret, 0, sizeof(*ret));
	ret->status = dump->format->find(dump, pa, &b, &err);
	ret->state = b.state;
	ret->start = b.start;
	ret->end = b.end;
	ret->file = b.file ? b.file->path : NULL;
	if (b.stored) {
		ret->offset = la_file_where(b.file, b.offset);
		ret->stored = ret->offset != UINT64_MAX;
		ret->size = b.size;
		ret->method = la_packing_name(b.packing);
	}
	if (ret->status == LA_OK && b.packing != LA_RAW)
		ret->status = load_cached(dump, &b, at, &bytes, &err);
	else if (ret->status == LA_OK)
		ret->status = la_file_read(b.file, b.offset + (pa - b.start), &byte, 1, &err);
	snprintf(ret->reason, sizeof(ret->reason), "%s", err.text);
}

const void *la_dump_notes(const struct la_dump *dump, size_t *ret_size)
{
	*ret_size = dump->notes_size;
	return dump->notes;
}

const char *la_dump_vmcoreinfo(const struct la_dump *dump, size_t *ret_size)
{
	*ret_size = dump->vmcoreinfo_size;
	return dump->vmcoreinfo;
}

const char *la_dump_eraseinfo(const struct la_dump *dump, size_t *ret_size)
{
	*ret_size = dump->eraseinfo_size;
	return dump->eraseinfo;
}

const char *la_dump_format(const struct la_dump *dump)
{
	return dump->name;
}

uint32_t la_dump_block_size(const struct la_dump *dump)
{
	return dump->block_size;
}

const char *la_dump_shrank(const struct la_dump *dump)
{
	for (size_t i = 0; i < dump->nfiles; i++)
		if (dump->file[i].shrank)
			return dump->file[i].path;
	return NULL;
}

void la_dump_stats(const struct la_dump *dump, struct la_dump_stats *ret)
{
	*ret = dump->stats;
}
