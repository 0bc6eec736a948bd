// SPDX-License-Identifier: GPL-3.0-or-later
// Dumps from text: the files. Laid out as QEMU's dump/dump.c and makedumpfile do it.
#include <elf.h>
#include <endian.h>
#include <fcntl.h>
#include <lzo/lzo1x.h>
#include <snappy-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "mkdump_priv.h"

#define DESC_BYTES 24
#define CHUNK (1 << 20)

void mk_write_at(int fd, uint64_t off, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	while (len) {
		ssize_t n = pwrite(fd, p, len, (off_t)off);

		if (n <= 0)
			mk_die("writing failed");
		p += n;
		off += (size_t)n;
		len -= (size_t)n;
	}
}

size_t mk_pack(enum mkdump_method method, const uint8_t *page, size_t size, uint8_t *ret,
	       size_t cap)
{
	static uint8_t work[LZO1X_1_MEM_COMPRESS];
	uLongf zlib_len = cap;
	lzo_uint lzo_len = cap;
	size_t len = cap;

	switch (method) {
	case RAW:
		break;
	case ZLIB: /* QEMU uses Z_BEST_SPEED */
		return compress2(ret, &zlib_len, page, size, Z_BEST_SPEED) == Z_OK ? zlib_len : 0;
	case LZO:
		return lzo1x_1_compress(page, size, ret, &lzo_len, work) == LZO_E_OK ? lzo_len : 0;
	case SNAPPY:
		return snappy_compress((const char *)page, size, (char *)ret, &len) == SNAPPY_OK ?
			       len :
			       0;
	case ZSTD:
		len = ZSTD_compress(ret, cap, page, size, 1);
		return ZSTD_isError(len) ? 0 : len;
	}
	return 0;
}

static void put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static void put64(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

static uint64_t ceil_div(uint64_t a, uint64_t b)
{
	return (a + b - 1) / b;
}

static bool dumped(enum mkdump_kind kind)
{
	return kind != MK_HOLE && kind != MK_EXCLUDED;
}

struct layout {
	uint64_t sub_blocks, bitmap_blocks, max_pfn, bitmaps, descs;
};

static void write_headers(const struct mkdump *m, int fd, const struct layout *l, uint64_t start,
			  uint64_t end, uint64_t erase_at)
{
	static const uint32_t status[] = { 0, 1, 2, 4, 0x20 };
	uint64_t notes_at = m->block + 104;
	uint8_t h[464] = "KDUMP   ", s[104] = { 0 };

	put32(h + 8, (uint32_t)m->version);
	strcpy((char *)h + 272, "Unknown");
	put32(h + 424, status[m->method]);
	put32(h + 428, m->block);
	put32(h + 432, (uint32_t)l->sub_blocks);
	put32(h + 436, (uint32_t)l->bitmap_blocks);
	put32(h + 440, l->max_pfn > UINT32_MAX ? UINT32_MAX : (uint32_t)l->max_pfn);
	put32(h + 460, 1);
	mk_write_at(fd, 0, h, sizeof(h));

	put32(s + 8, 1);
	if (m->nsplit > 1 && m->version >= 2) {
		put32(s + 12, 1);
		put64(s + 16, start);
		put64(s + 24, end);
	}
	if (m->version >= 3 && m->vmcoreinfo_size) {
		put64(s + 32, notes_at + m->vmcoreinfo_at);
		put64(s + 40, m->vmcoreinfo_size);
	}
	if (m->version >= 4 && m->nnotes) {
		put64(s + 48, notes_at);
		put64(s + 56, m->nnotes);
	}
	if (m->version >= 5 && m->eraseinfo) {
		put64(s + 64, erase_at);
		put64(s + 72, strlen(m->eraseinfo));
		mk_write_at(fd, erase_at, m->eraseinfo, strlen(m->eraseinfo));
	}
	if (m->version >= 6) {
		if (m->nsplit > 1) {
			put64(s + 80, start);
			put64(s + 88, end);
		}
		put64(s + 96, l->max_pfn);
	}
	mk_write_at(fd, m->block, s, sizeof(s));
	if (m->nnotes)
		mk_write_at(fd, notes_at, m->notes, m->nnotes);
}

static void write_bitmap(const struct mkdump *m, int fd, uint64_t off, uint64_t size, bool second)
{
	uint8_t *map = mk_alloc(size);

	for (size_t i = 0; i < m->nram; i++) {
		const struct mk_ram *r = &m->ram[i];

		if (r->kind == MK_HOLE || (second && !dumped(r->kind)))
			continue;
		for (uint64_t pfn = r->start / m->block; pfn < ceil_div(r->end, m->block); pfn++) {
			if (pfn % 8 == 0 && pfn + 8 <= r->end / m->block) {
				map[pfn / 8] = 0xff;
				pfn += 7;
			} else {
				map[pfn / 8] |= (uint8_t)(1u << (pfn % 8));
			}
		}
	}
	mk_write_at(fd, off, map, size);
	free(map);
}

/* Descriptors and pages, each written a megabyte at a time. */
struct stream {
	int fd;
	uint64_t at;
	uint8_t *buf;
	size_t n;
};

static void flush(struct stream *s)
{
	mk_write_at(s->fd, s->at, s->buf, s->n);
	s->at += s->n;
	s->n = 0;
}

static void put(struct stream *s, const void *bytes, size_t len)
{
	if (s->n + len > CHUNK)
		flush(s);
	memcpy(s->buf + s->n, bytes, len);
	s->n += len;
}

static bool is_zero(const uint8_t *page, size_t size)
{
	return !page[0] && memcmp(page, page + 1, size - 1) == 0;
}

static void put_page(const struct mkdump *m, struct stream *descs, struct stream *data,
		     uint64_t pfn, uint64_t zero, uint8_t *page, uint8_t *packed)
{
	static const uint32_t flag[] = { 0, 1, 2, 4, 0x20 };
	enum mkdump_kind kind = mkdump_kind_at(m, pfn * m->block);
	uint8_t desc[DESC_BYTES] = { 0 };
	size_t n = 0;

	if (kind == MK_CORE) {
		mkdump_bytes(m, pfn * m->block, page, m->block);
		if (is_zero(page, m->block))
			kind = MK_ZERO;
	}
	if (kind == MK_ZERO && zero) {
		put64(desc, zero);
		put32(desc + 8, m->block);
	} else if (kind != MK_MISSING) {
		mkdump_bytes(m, pfn * m->block, page, m->block);
		if (m->method != RAW)
			n = mk_pack(m->method, page, m->block, packed, 2 * m->block + 1024);
		put64(desc, data->at + data->n);
		if (n && n < m->block) {
			put32(desc + 8, (uint32_t)n);
			put32(desc + 12, flag[m->method]);
			put(data, packed, n);
		} else {
			put32(desc + 8, m->block);
			put(data, page, m->block);
		}
	}
	put(descs, desc, sizeof(desc));
}

/* [start, end) in page frames. Returns the end of the page data. */
static uint64_t write_pages(const struct mkdump *m, int fd, uint64_t descs_at, uint64_t start,
			    uint64_t end)
{
	uint8_t *page = mk_alloc(m->block), *packed = mk_alloc(2 * m->block + 1024);
	struct stream descs = { fd, descs_at, mk_alloc(CHUNK), 0 };
	struct stream data = { fd, descs_at, mk_alloc(CHUNK), 0 };
	uint64_t zero = 0, from, to;

	for (size_t i = 0; i < m->nram; i++) {
		from = m->ram[i].start / m->block;
		to = ceil_div(m->ram[i].end, m->block);
		from = from > start ? from : start;
		to = to < end ? to : end;
		if (dumped(m->ram[i].kind) && from < to)
			data.at += DESC_BYTES * (to - from);
	}
	if (!m->no_zero_page) {
		zero = data.at;
		put(&data, page, m->block);
	}
	for (size_t i = 0; i < m->nram; i++) {
		from = m->ram[i].start / m->block;
		to = ceil_div(m->ram[i].end, m->block);
		from = from > start ? from : start;
		to = to < end ? to : end;
		for (uint64_t pfn = from; dumped(m->ram[i].kind) && pfn < to; pfn++)
			put_page(m, &descs, &data, pfn, zero, page, packed);
	}
	flush(&descs);
	flush(&data);
	free(page);
	free(packed);
	free(descs.buf);
	free(data.buf);
	return data.at;
}

static void write_kdump(struct mkdump *m, int fd, unsigned part)
{
	uint64_t bitmap, start, end, erase_at;
	struct layout l;

	for (size_t i = 0; i < m->nram; i++)
		if (m->ram[i].start % m->block || m->ram[i].end % m->block)
			mk_die("a range is not made of whole blocks");
	l.max_pfn = m->nram ? m->ram[m->nram - 1].end / m->block : 1;
	l.sub_blocks = ceil_div(104 + m->nnotes, m->block);
	bitmap = ceil_div(ceil_div(l.max_pfn, 8), m->block);
	l.bitmap_blocks = m->one_bitmap ? bitmap : 2 * bitmap;
	l.bitmaps = m->block * (1 + l.sub_blocks);
	l.descs = m->descs = l.bitmaps + m->block * l.bitmap_blocks;
	start = l.max_pfn * part / m->nsplit;
	end = l.max_pfn * (part + 1) / m->nsplit;

	write_bitmap(m, fd, l.bitmaps, bitmap * m->block, false);
	if (!m->one_bitmap)
		write_bitmap(m, fd, l.bitmaps + bitmap * m->block, bitmap * m->block, true);
	erase_at = write_pages(m, fd, l.descs, start, end);
	write_headers(m, fd, &l, start, end, erase_at);
}

/* As QEMU: section headers at 64, then program headers, notes, data. */
static void write_elf(struct mkdump *m, int fd)
{
	uint64_t at, phnum = m->nram + 1;
	Elf64_Ehdr e = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			 .e_type = ET_CORE,
			 .e_machine = 258,
			 .e_version = EV_CURRENT,
			 .e_phoff = m->phoff,
			 .e_shoff = m->xnum ? 64 : 0,
			 .e_ehsize = (uint16_t)m->ehsize,
			 .e_phentsize = sizeof(Elf64_Phdr),
			 .e_shentsize = sizeof(Elf64_Shdr),
			 .e_phnum = m->xnum ? PN_XNUM : (uint16_t)phnum };
	Elf64_Shdr s = { .sh_info = (uint32_t)phnum };
	Elf64_Phdr p = { .p_type = PT_NOTE };
	uint8_t *page = mk_alloc(CHUNK);

	if (m->xnum && m->phoff < 128)
		mk_die("xnum needs room for a section header: phoff=192");
	mk_write_at(fd, 0, &e, sizeof(e));
	if (m->xnum)
		mk_write_at(fd, 64, &s, sizeof(s));
	at = m->phoff + phnum * sizeof(p);
	p.p_offset = at;
	p.p_filesz = p.p_memsz = m->nnotes;
	mk_write_at(fd, m->phoff, &p, sizeof(p));
	if (m->nnotes)
		mk_write_at(fd, at, m->notes, m->nnotes);
	at += m->nnotes + m->skew;
	for (size_t i = 0; i < m->nram; i++) {
		const struct mk_ram *r = &m->ram[i];

		p = (Elf64_Phdr){ .p_type = PT_LOAD,
				  .p_offset = at,
				  .p_vaddr = r->start,
				  .p_paddr = r->start,
				  .p_memsz = r->end - r->start };
		if (dumped(r->kind))
			p.p_filesz = p.p_memsz;
		mk_write_at(fd, m->phoff + (i + 1) * sizeof(p), &p, sizeof(p));
		for (uint64_t n, pa = r->start; dumped(r->kind) && pa < r->end; pa += n) {
			n = r->end - pa < CHUNK ? r->end - pa : CHUNK;
			if (r->kind != MK_ZERO) {
				mkdump_bytes(m, pa, page, n);
				mk_write_at(fd, at + (pa - r->start), page, n);
			}
		}
		at += p.p_filesz;
	}
	free(page);
	if (lseek(fd, 0, SEEK_END) < (off_t)at && ftruncate(fd, (off_t)at))
		mk_die("ftruncate failed");
}

static void read_at(int fd, uint64_t off, void *ret, size_t len)
{
	if (pread(fd, ret, len, (off_t)off) != (ssize_t)len)
		mk_die("reading back failed");
}

static void put_record(struct stream *s, int in, uint64_t off, uint64_t len, int junk)
{
	uint64_t head[2] = { htobe64(off), htobe64(len) };
	uint8_t *bytes = mk_alloc(len);

	if (junk)
		memset(bytes, 0xaa, len);
	else
		read_at(in, off, bytes, len);
	flush(s);
	mk_write_at(s->fd, s->at, head, sizeof(head));
	mk_write_at(s->fd, s->at + sizeof(head), bytes, len);
	s->at += sizeof(head) + len;
	free(bytes);
}

/* @fd is replaced by its flattened form. */
void mk_flatten(int fd, const struct mk_step *step)
{
	uint64_t size = (uint64_t)lseek(fd, 0, SEEK_END), rec = step->flat.record;
	uint64_t n = ceil_div(size, rec), seed = step->flat.seed, v[2] = { htobe64(1), htobe64(1) };
	uint64_t *order = mk_alloc((n + 1) * sizeof(*order)), off, len;
	char path[] = "/tmp/mkdump.XXXXXX";
	struct stream out = { mkstemp(path), 0, mk_alloc(CHUNK), 0 };
	uint8_t *bytes = mk_alloc(rec > CHUNK ? rec : CHUNK);
	ssize_t got;

	if (out.fd < 0)
		mk_die("no temporary file");
	unlink(path);
	memcpy(bytes, "makedumpfile", 12);
	memcpy(bytes + 16, v, 16);
	put(&out, bytes, 4096);
	for (uint64_t i = 0; i < n; i++)
		order[i] = i;
	for (uint64_t i = n; step->flat.shuffle && i > 1; i--) {
		uint64_t j = (seed = seed * 6364136223846793005u + 1442695040888963407u) >> 33, t;

		j %= i;
		t = order[i - 1];
		order[i - 1] = order[j];
		order[j] = t;
	}
	for (uint64_t i = 0; step->flat.overlap && i < n; i += 3)
		if (i * rec >= 100 && i * rec + rec + 100 <= size)
			put_record(&out, fd, i * rec - 100, rec + 200, 1);
	for (uint64_t i = 0; i < n; i++) {
		off = order[i] * rec;
		len = size - off < rec ? size - off : rec;
		read_at(fd, off, bytes, len);
		if (step->flat.gaps && order[i] != n - 1 && !bytes[0] &&
		    memcmp(bytes, bytes + 1, len - 1) == 0)
			continue;
		put_record(&out, fd, off, len, 0);
	}
	memset(v, 0xff, sizeof(v));
	if (!step->flat.no_end)
		put(&out, v, sizeof(v));
	flush(&out);

	if (ftruncate(fd, 0))
		mk_die("ftruncate failed");
	for (off = 0; (got = pread(out.fd, bytes, CHUNK, (off_t)off)) > 0; off += (size_t)got)
		mk_write_at(fd, off, bytes, (size_t)got);
	close(out.fd);
	free(out.buf);
	free(bytes);
	free(order);
}

static void do_step(const struct mkdump *m, int fd, const struct mk_step *s)
{
	off_t size;

	switch (s->what) {
	case STEP_SET:
		mk_write_at(fd, s->field->offset + (s->field->sub ? m->block : 0), &s->value,
			    s->field->size);
		break;
	case STEP_DESC:
		mk_write_at(fd, m->descs + DESC_BYTES * s->index + s->field->offset, &s->value,
			    s->field->size);
		break;
	case STEP_POKE:
		mk_write_at(fd, s->index, s->bytes, s->nbytes);
		break;
	case STEP_TRUNCATE:
		size = s->value < 0 ? lseek(fd, 0, SEEK_END) + s->value : s->value;
		if (size < 0 || ftruncate(fd, size))
			mk_die("ftruncate failed");
		break;
	case STEP_FLATTEN:
		mk_flatten(fd, s);
		break;
	}
}

void mkdump_write(struct mkdump *m, const char *path)
{
	char name[4096];
	int fd;

	if (lzo_init() != LZO_E_OK)
		mk_die("lzo does not work");
	for (unsigned part = 0; part < m->nsplit; part++) {
		snprintf(name, sizeof(name), part ? "%s.%u" : "%s", path, part);
		fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
		if (fd < 0)
			mk_die("%s: cannot be created", name);
		if (m->format == MK_ELF)
			write_elf(m, fd);
		else if (m->format == MK_NOTES)
			mk_write_at(fd, 0, m->notes, m->nnotes);
		else
			write_kdump(m, fd, part);
		for (size_t i = 0; i < m->nsteps; i++)
			if (m->step[i].file < 0 || m->step[i].file == (int)part)
				do_step(m, fd, &m->step[i]);
		close(fd);
	}
}
