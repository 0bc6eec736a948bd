// SPDX-License-Identifier: GPL-3.0-or-later
// ELF64 core dumps with any layout of PT_LOAD segments. QEMU writes e_ehsize 8, program headers
// at 192, unaligned data, and PN_XNUM for very many segments (dump/dump.c); only what e_phoff,
// e_phentsize and e_phnum say is relied on.
#include "format.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"

/* Notes of 2048 vCPUs take less than 2 MiB. */
#define MAX_NOTES (UINT64_C(64) << 20)

/* ELF has no blocks; this is only the unit of the page cache. */
#define ELF_BLOCK 4096

struct elf {
	struct la_extents load; /* by guest-physical address */
};

struct phdrs {
	uint64_t offset;
	uint64_t n;
};

static enum la_status read_ehdr(struct la_file *f, struct phdrs *ret, struct la_error *err)
{
	uint8_t head[sizeof(Elf64_Ehdr)], section[sizeof(Elf64_Shdr)];
	enum la_status status = la_file_read(f, 0, head, sizeof(head), err);
	uint64_t shoff;

	if (status)
		return la_fail(err, status, "ELF header");
	if (head[EI_CLASS] != ELFCLASS64 || head[EI_DATA] != ELFDATA2LSB)
		return la_fail(err, LA_UNSUPPORTED, "%s: not a 64-bit little-endian ELF file",
			       f->path);
	if (la_le16(head + offsetof(Elf64_Ehdr, e_type)) != ET_CORE)
		return la_fail(err, LA_UNSUPPORTED, "%s: ELF file of type %u, not a core dump",
			       f->path, la_le16(head + offsetof(Elf64_Ehdr, e_type)));
	ret->offset = la_le64(head + offsetof(Elf64_Ehdr, e_phoff));
	ret->n = la_le16(head + offsetof(Elf64_Ehdr, e_phnum));
	if (la_le16(head + offsetof(Elf64_Ehdr, e_phentsize)) != sizeof(Elf64_Phdr))
		return la_fail(err, LA_CORRUPT, "%s: program headers of %u bytes", f->path,
			       la_le16(head + offsetof(Elf64_Ehdr, e_phentsize)));
	if (ret->n == PN_XNUM) {
		shoff = la_le64(head + offsetof(Elf64_Ehdr, e_shoff));
		status = la_file_read(f, shoff, section, sizeof(section), err);
		if (status)
			return la_fail(err, status, "ELF section header 0");
		ret->n = la_le32(section + offsetof(Elf64_Shdr, sh_info));
	}
	if (ret->offset > f->size || ret->n > (f->size - ret->offset) / sizeof(Elf64_Phdr))
		return la_fail(err, LA_TRUNCATED,
			       "%s: %" PRIu64 " program headers at 0x%" PRIx64
			       ", but the file ends at 0x%" PRIx64,
			       f->path, ret->n, ret->offset, f->size);
	if (ret->n > f->stored / sizeof(Elf64_Phdr)) /* a flattened file may claim any size */
		return la_fail(err, LA_CORRUPT,
			       "%s: %" PRIu64 " program headers in %" PRIu64 " bytes", f->path,
			       ret->n, f->stored);
	return LA_OK;
}

/*
 * The bytes that a segment has in memory but not in the file may be zeros, or what makedumpfile
 * filtered out: the file does not say, so they count as left out.
 */
static enum la_status add_load(struct la_file *f, const uint8_t *phdr, struct la_extent *bytes,
			       size_t *nbytes, struct la_extent *rest, size_t *nrest,
			       struct la_error *err)
{
	uint64_t offset = la_le64(phdr + offsetof(Elf64_Phdr, p_offset));
	uint64_t start = la_le64(phdr + offsetof(Elf64_Phdr, p_paddr));
	uint64_t filesz = la_le64(phdr + offsetof(Elf64_Phdr, p_filesz));
	uint64_t memsz = la_le64(phdr + offsetof(Elf64_Phdr, p_memsz));

	if (memsz < filesz)
		memsz = filesz;
	if (start > LA_PHYS_END || memsz > LA_PHYS_END - start || offset > INT64_MAX - filesz)
		return la_fail(err, LA_CORRUPT,
			       "%s: segment of 0x%" PRIx64 " bytes at physical 0x%" PRIx64
			       ", file offset 0x%" PRIx64,
			       f->path, memsz, start, offset);
	if (filesz)
		bytes[(*nbytes)++] = (struct la_extent){ start, start + filesz, offset };
	if (memsz > filesz)
		rest[(*nrest)++] = (struct la_extent){ start + filesz, start + memsz, LA_NO_DATA };
	return LA_OK;
}

/* The area of all note segments, each aligned to 4 as notes are. */
static enum la_status read_notes(struct la_dump *dump, const uint8_t *phdr, uint64_t n)
{
	const uint8_t *end = phdr + n * sizeof(Elf64_Phdr), *area;
	struct la_file *f = &dump->file[0];
	uint64_t total = 0, size, count = 0;
	uint8_t *all;
	size_t got;

	for (const uint8_t *p = phdr; p < end; p += sizeof(Elf64_Phdr)) {
		size = la_le64(p + offsetof(Elf64_Phdr, p_filesz));
		if (la_le32(p) != PT_NOTE || !size || size > MAX_NOTES)
			continue;
		total += (size + 3) & ~UINT64_C(3);
		count++;
		if (total > MAX_NOTES || total > f->stored + 4 * count)
			break;
	}
	if (!count)
		return LA_OK;
	if (total > MAX_NOTES || total > f->stored + 4 * count) {
		la_dump_add_remark(dump, "notes of more bytes than the file has");
		return LA_OK;
	}
	all = la_alloc(dump->arena, (size_t)total);
	if (!all)
		return LA_NOMEM;
	dump->notes = all;
	for (const uint8_t *p = phdr; p < end; p += sizeof(Elf64_Phdr)) {
		size = la_le64(p + offsetof(Elf64_Phdr, p_filesz));
		if (la_le32(p) != PT_NOTE || !size || size > MAX_NOTES)
			continue;
		area = la_dump_area(dump, f, la_le64(p + offsetof(Elf64_Phdr, p_offset)), size,
				    "notes", &got);
		if (!area)
			continue;
		memcpy(all + dump->notes_size, area, got);
		dump->notes_size += (got + 3) & ~(size_t)3;
	}
	return LA_OK;
}

static enum la_status read_segments(struct la_dump *dump, struct elf *elf, const uint8_t *phdr,
				    uint64_t n, struct la_error *err)
{
	struct la_file *f = &dump->file[0];
	struct la_arena *scratch = la_arena_new(SIZE_MAX);
	struct la_extent *bytes = scratch ? la_alloc_n(scratch, n, sizeof(*bytes)) : NULL;
	struct la_extent *all = scratch ? la_alloc_n(scratch, 2 * n, sizeof(*all)) : NULL;
	size_t nbytes = 0, nall = 0;
	enum la_status status = bytes && all ? LA_OK : LA_NOMEM;

	/*
	 * Where segments overlap (the kernel's own vmcore has its text twice), bytes win over
	 * none, and of two with bytes the first one, as in crash and makedumpfile.
	 */
	for (uint64_t i = 0; i < n && !status; i++)
		if (la_le32(phdr + i * sizeof(Elf64_Phdr)) == PT_LOAD)
			status = add_load(f, phdr + i * sizeof(Elf64_Phdr), bytes, &nbytes, all,
					  &nall, err);
	if (!status && !nbytes && !nall)
		status = la_fail(err, LA_CORRUPT, "%s: ELF file without memory in it", f->path);
	while (nbytes && !status)
		all[nall++] = bytes[--nbytes];
	if (!status)
		status = la_extents_settle(&elf->load, dump->arena, all, nall);
	la_arena_free(scratch);
	return status;
}

static void remark_cut(struct la_dump *dump, const struct elf *elf)
{
	const struct la_file *f = &dump->file[0];
	uint64_t end = 0;

	for (size_t i = 0; i < elf->load.n; i++) {
		const struct la_extent *e = &elf->load.e[i];

		if (e->data != LA_NO_DATA && e->data + (e->end - e->start) > end)
			end = e->data + (e->end - e->start);
	}
	if (end > f->size)
		la_dump_add_remark(dump,
				   "cut off: ends at 0x%" PRIx64 ", its segments at 0x%" PRIx64,
				   f->size, end);
}

static enum la_status elf_open(struct la_dump *dump, struct la_error *err)
{
	struct la_file *f = &dump->file[0];
	struct elf *elf = la_alloc(dump->arena, sizeof(*elf));
	struct la_arena *scratch = NULL;
	struct phdrs ph = { 0, 0 };
	uint8_t *phdr;
	enum la_status status;

	if (!elf)
		return LA_NOMEM;
	if (dump->nfiles > 1)
		return la_fail(err, LA_INVALID, "%s: an ELF dump has no parts", f->path);
	dump->priv = elf;
	dump->direct = f->map.usable && !f->flattened;
	dump->name = f->flattened ? "ELF64 core, flattened" : "ELF64 core";
	status = la_dump_set_block_size(dump, ELF_BLOCK);
	if (!status)
		status = read_ehdr(f, &ph, err);
	if (status)
		return status;
	scratch = la_arena_new(SIZE_MAX);
	phdr = scratch ? la_alloc_n(scratch, (size_t)ph.n, sizeof(Elf64_Phdr)) : NULL;
	if (!phdr)
		status = la_fail(err, LA_NOMEM, "%" PRIu64 " program headers", ph.n);
	if (!status)
		status = la_file_read(f, ph.offset, phdr, (size_t)ph.n * sizeof(Elf64_Phdr), err);
	if (!status)
		status = read_segments(dump, elf, phdr, ph.n, err);
	if (!status)
		status = read_notes(dump, phdr, ph.n);
	la_arena_free(scratch);
	if (!status && !f->flattened)
		status = la_file_find_holes(f, dump->arena);
	if (!status)
		remark_cut(dump, elf);
	return status;
}

/* A block of the file in two states: what is a hole of the file takes no look, and no page cache. */
static void divide(struct la_file *f, uint64_t pa, struct la_block *b)
{
	const uint64_t at = b->offset + (pa - b->start);
	uint64_t start, end;

	if (la_file_is_hole(f, at, &start, &end))
		b->state = LA_BLOCK_ZERO;
	if (end < b->offset + b->size)
		b->size = end - b->offset;
	if (start > b->offset) {
		b->size -= start - b->offset;
		b->start += start - b->offset;
		b->offset = start;
	}
	b->end = b->start + b->size;
}

static enum la_status elf_find(struct la_dump *dump, uint64_t pa, struct la_block *ret,
			       struct la_error *err)
{
	struct elf *elf = dump->priv;
	struct la_file *f = &dump->file[0];
	const struct la_extent *e = la_extents_find(&elf->load, pa);
	uint64_t end, held;

	*ret = (struct la_block){ .state = LA_BLOCK_HOLE, .start = pa, .end = UINT64_MAX };
	if (!e || e->start > pa) {
		if (e)
			ret->end = e->start;
		return la_fail(err, LA_NOT_RAM, "0x%" PRIx64 " is in no segment", pa);
	}
	ret->start = e->start;
	ret->end = e->end;
	ret->file = f;
	if (e->data == LA_NO_DATA) {
		ret->state = LA_BLOCK_EXCLUDED;
		return la_fail(err, LA_EXCLUDED,
			       "the segment of 0x%" PRIx64 " has no bytes for it in the file", pa);
	}
	ret->stored = true;
	ret->packing = LA_RAW;
	ret->offset = e->data;
	ret->size = e->end - e->start;
	ret->state = LA_BLOCK_PRESENT;
	/* A segment may go on behind the end of a cut-off file. */
	held = f->size > e->data ? f->size - e->data : 0;
	end = e->start + (held < ret->size ? held : ret->size);
	if (pa < end) {
		ret->end = end;
		ret->size = end - e->start;
		if (f->holes.n)
			divide(f, pa, ret);
		return LA_OK;
	}
	ret->state = LA_BLOCK_MISSING;
	ret->start = end;
	ret->offset = e->data + (end - e->start);
	ret->size = e->end - end;
	return la_fail(err, LA_TRUNCATED,
		       "%s: at file offset 0x%" PRIx64 ", but the file ends at 0x%" PRIx64, f->path,
		       e->data + (pa - e->start), f->size);
}

static enum la_status elf_ram(struct la_dump *dump, bool count, uint64_t from, uint64_t to,
			      struct la_ram_list *list)
{
	const struct elf *elf = dump->priv;
	enum la_status status = LA_OK;
	struct la_block b;
	uint64_t pa;

	for (size_t i = 0; i < elf->load.n && !status; i++) {
		const uint64_t start = elf->load.e[i].start > from ? elf->load.e[i].start : from;
		const uint64_t end = elf->load.e[i].end < to ? elf->load.e[i].end : to;

		for (pa = start; pa < end && !status; pa = b.end) {
			elf_find(dump, pa, &b, NULL);
			b.end = b.end < end ? b.end : end;
			status = la_ram_add(list, pa, b.end, count ? b.state : LA_BLOCK_PRESENT);
		}
	}
	return status;
}

static enum la_status elf_again(struct la_dump *ret, const struct la_dump *of)
{
	struct elf *elf = la_alloc(ret->arena, sizeof(*elf));

	if (!elf)
		return LA_NOMEM;
	*elf = *(const struct elf *)of->priv;
	ret->priv = elf;
	ret->direct = ret->file[0].map.usable && !ret->file[0].flattened;
	return LA_OK;
}

static bool elf_probe(const uint8_t *head)
{
	return memcmp(head, ELFMAG, SELFMAG) == 0;
}

const struct la_format la_format_elf = {
	.probe = elf_probe,
	.open = elf_open,
	.find = elf_find,
	.again = elf_again,
	.ram = elf_ram,
};
