// SPDX-License-Identifier: GPL-3.0-or-later
// Dumps from text: the description, and the bytes a described address has.
#include "mkdump.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mkdump_priv.h"

/* Names and offsets as in dump-format sources: makedumpfile diskdump_mod.h, <elf.h>. */
static const struct mk_field fields[] = {
	{ "signature", 0, 8, false },
	{ "version", 8, 4, false },
	{ "dump_level", 8, 4, true },
	{ "status", 424, 4, false },
	{ "block_size", 428, 4, false },
	{ "sub_hdr_size", 432, 4, false },
	{ "bitmap_blocks", 436, 4, false },
	{ "max_mapnr", 440, 4, false },
	{ "nr_cpus", 460, 4, false },
	{ "split", 12, 4, true },
	{ "start_pfn", 16, 8, true },
	{ "end_pfn", 24, 8, true },
	{ "offset_vmcoreinfo", 32, 8, true },
	{ "size_vmcoreinfo", 40, 8, true },
	{ "offset_note", 48, 8, true },
	{ "size_note", 56, 8, true },
	{ "offset_eraseinfo", 64, 8, true },
	{ "size_eraseinfo", 72, 8, true },
	{ "start_pfn_64", 80, 8, true },
	{ "end_pfn_64", 88, 8, true },
	{ "max_mapnr_64", 96, 8, true },
	{ "e_class", 4, 1, false },
	{ "e_data", 5, 1, false },
	{ "e_type", 16, 2, false },
	{ "e_machine", 18, 2, false },
	{ "e_phoff", 32, 8, false },
	{ "e_shoff", 40, 8, false },
	{ "e_phentsize", 54, 2, false },
	{ "e_phnum", 56, 2, false },
};

static const struct mk_field desc_fields[] = {
	{ "offset", 0, 8, false },
	{ "size", 8, 4, false },
	{ "flags", 12, 4, false },
};

#define CORE_UNIT 4096 /* whose kind is one */

static const char *const kinds[] = { "hole", "words",    "noise",   "mixed",
				     "zero", "excluded", "missing", "core" };
static const char *const methods[] = { "raw", "zlib", "lzo", "snappy", "zstd" };

void mk_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("mkdump: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(99);
}

void *mk_alloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p)
		mk_die("out of memory");
	return p;
}

static uint64_t number(const char *text)
{
	static const char units[] = "KMGT";
	char *end;
	uint64_t v = text ? (uint64_t)strtoull(text, &end, 0) : 0;
	const char *unit;

	if (!text || end == text)
		mk_die("not a number: %s", text ? text : "(missing)");
	if (*end && (unit = strchr(units, *end)) && !end[1])
		return v << (10 * (unit - units + 1));
	if (*end)
		mk_die("not a number: %s", text);
	return v;
}

static unsigned pick(const char *word, const char *const *list, unsigned n)
{
	for (unsigned i = 0; word && i < n; i++)
		if (strcmp(word, list[i]) == 0)
			return i;
	mk_die("unknown word: %s", word ? word : "(missing)");
}

static const struct mk_field *field(const char *word, const struct mk_field *list, size_t n)
{
	for (size_t i = 0; word && i < n; i++)
		if (strcmp(word, list[i].name) == 0)
			return &list[i];
	mk_die("unknown field: %s", word ? word : "(missing)");
}

/* "key=VALUE": the value, or NULL. */
static const char *option(const char *word, const char *key)
{
	size_t n = strlen(key);

	return strncmp(word, key, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

static char *next_word(char **line)
{
	char *word;

	do
		word = strsep(line, " \t");
	while (word && !*word);
	return word;
}

static void add_note(struct mkdump *m, const char *name, uint32_t type, const void *desc,
		     uint32_t descsz)
{
	uint32_t namesz = (uint32_t)strlen(name) + 1;
	size_t padded = (namesz + 3) & ~3u, size = 12 + padded + ((descsz + 3) & ~3u);
	uint8_t *p;

	m->notes = realloc(m->notes, m->nnotes + size);
	if (!m->notes)
		mk_die("out of memory");
	p = m->notes + m->nnotes;
	memset(p, 0, size);
	memcpy(p, &namesz, 4);
	memcpy(p + 4, &descsz, 4);
	memcpy(p + 8, &type, 4);
	memcpy(p + 12, name, namesz);
	if (desc)
		memcpy(p + 12 + padded, desc, descsz);
	if (strcmp(name, "VMCOREINFO") == 0) {
		m->vmcoreinfo_at = m->nnotes + 12 + padded;
		m->vmcoreinfo_size = descsz;
	}
	m->nnotes += size;
}

/*
 * NT_PRSTATUS and NT_PRFPREG of QEMU's target/loongarch/arch_dump.c. Each value spells the vCPU
 * and the register it is for.
 */
static void add_prstatus(struct mkdump *m, unsigned n)
{
	for (unsigned cpu = 0; cpu < n; cpu++) {
		uint8_t desc[480] = { 0 };
		uint32_t pid = cpu + 1;
		uint64_t v;

		memcpy(desc + 32, &pid, 4);
		for (unsigned slot = 1; slot < 35; slot++) {
			v = 0x9000000000000000u | (uint64_t)cpu << 32 | slot;
			memcpy(desc + 112 + 8 * slot, &v, 8);
		}
		add_note(m, "CORE", 1, desc, sizeof(desc));
		add_note(m, "CORE", 2, NULL, 268);
	}
}

static struct mk_step *add_step(struct mkdump *m, enum mk_what what, int file)
{
	struct mk_step *s = &m->step[m->nsteps++];

	if (m->nsteps > MAX_STEPS)
		mk_die("more than %d steps", MAX_STEPS);
	*s = (struct mk_step){ .what = what, .file = file };
	return s;
}

static void parse_flatten(struct mk_step *s, char *rest)
{
	const char *v;
	char *word;

	s->flat.record = 16384;
	while ((word = next_word(&rest))) {
		if ((v = option(word, "record")))
			s->flat.record = number(v);
		else if ((v = option(word, "shuffle"))) {
			s->flat.shuffle = true;
			s->flat.seed = number(v);
		} else if (strcmp(word, "overlap") == 0)
			s->flat.overlap = true;
		else if (strcmp(word, "gaps") == 0)
			s->flat.gaps = true;
		else if (strcmp(word, "no-end") == 0)
			s->flat.no_end = true;
		else
			mk_die("unknown word: %s", word);
	}
}

static void parse_poke(struct mk_step *s, char *rest)
{
	char *word;

	s->index = number(next_word(&rest));
	while ((word = next_word(&rest))) {
		s->bytes = realloc(s->bytes, s->nbytes + strlen(word) / 2 + 1);
		for (unsigned byte; sscanf(word, "%2x", &byte) == 1; word += 2)
			s->bytes[s->nbytes++] = (uint8_t)byte;
	}
}

static void parse_format(struct mkdump *m, char *rest)
{
	const char *v;
	char *word;

	while ((word = next_word(&rest))) {
		if ((v = option(word, "version")))
			m->version = (int)number(v);
		else if ((v = option(word, "block")))
			m->block = (uint32_t)number(v);
		else if ((v = option(word, "method")))
			m->method = pick(v, methods, 5);
		else if ((v = option(word, "ehsize")))
			m->ehsize = number(v);
		else if ((v = option(word, "phoff")))
			m->phoff = number(v);
		else if ((v = option(word, "skew")))
			m->skew = number(v);
		else if (strcmp(word, "one-bitmap") == 0)
			m->one_bitmap = true;
		else if (strcmp(word, "no-zero-page") == 0)
			m->no_zero_page = true;
		else if (strcmp(word, "xnum") == 0)
			m->xnum = true;
		else
			mk_die("unknown word: %s", word);
	}
}

static void parse_ram(struct mkdump *m, char *rest)
{
	struct mk_ram *r = &m->ram[m->nram++];

	if (m->nram > MAX_RAM)
		mk_die("more than %d ranges", MAX_RAM);
	r->start = number(next_word(&rest));
	r->end = r->start + number(next_word(&rest));
	r->kind = pick(next_word(&rest), kinds, sizeof(kinds) / sizeof(kinds[0]));
	if (m->nram > 1 && r->start < r[-1].end)
		mk_die("ranges must ascend");
	if (r->kind == MK_CORE && (r->start % CORE_UNIT || r->end % CORE_UNIT))
		mk_die("ranges of a core file must be made of %d bytes each", CORE_UNIT);
}

static void parse_line(struct mkdump *m, char *line, int *file)
{
	char *rest = line, *word = next_word(&rest), *name, *type;
	struct mk_step *s;

	if (!word)
		return;
	if (strcmp(word, "kdump") == 0 || strcmp(word, "elf") == 0) {
		m->format = *word == 'e' ? MK_ELF : MK_KDUMP;
		parse_format(m, rest);
	} else if (strcmp(word, "notes") == 0) {
		m->format = MK_NOTES;
	} else if (strcmp(word, "core") == 0) {
		mk_core_open(m, next_word(&rest));
	} else if (strcmp(word, "ram") == 0) {
		parse_ram(m, rest);
	} else if (strcmp(word, "prstatus") == 0) {
		add_prstatus(m, (unsigned)number(next_word(&rest)));
	} else if (strcmp(word, "note") == 0) {
		name = next_word(&rest);
		type = next_word(&rest);
		add_note(m, name, (uint32_t)number(type), NULL, (uint32_t)number(next_word(&rest)));
	} else if (strcmp(word, "vmcoreinfo") == 0) {
		add_note(m, "VMCOREINFO", 0, rest, (uint32_t)strlen(rest));
	} else if (strcmp(word, "eraseinfo") == 0 && m->format == MK_ELF) {
		add_note(m, "ERASEINFO", 0, rest, (uint32_t)strlen(rest));
	} else if (strcmp(word, "eraseinfo") == 0) {
		m->eraseinfo = strdup(rest);
	} else if (strcmp(word, "split") == 0) {
		m->nsplit = (unsigned)number(next_word(&rest));
	} else if (strcmp(word, "file") == 0) {
		*file = (int)number(next_word(&rest));
	} else if (strcmp(word, "set") == 0) {
		s = add_step(m, STEP_SET, *file);
		s->field = field(next_word(&rest), fields, sizeof(fields) / sizeof(fields[0]));
		s->value = (int64_t)number(next_word(&rest));
	} else if (strcmp(word, "desc") == 0) {
		s = add_step(m, STEP_DESC, *file);
		s->index = number(next_word(&rest));
		s->field = field(next_word(&rest), desc_fields, 3);
		s->value = (int64_t)number(next_word(&rest));
	} else if (strcmp(word, "poke") == 0) {
		parse_poke(add_step(m, STEP_POKE, *file), rest);
	} else if (strcmp(word, "truncate") == 0) {
		s = add_step(m, STEP_TRUNCATE, *file);
		s->value = (int64_t)number(next_word(&rest));
	} else if (strcmp(word, "flatten") == 0) {
		parse_flatten(add_step(m, STEP_FLATTEN, *file), rest);
	} else {
		mk_die("unknown directive: %s", word);
	}
}

struct mkdump *mkdump_parse(const char *text)
{
	struct mkdump *m = mk_alloc(sizeof(*m));
	char *copy = strdup(text), *rest = copy, *line;
	int file = -1;

	m->version = 6;
	m->block = 4096;
	m->method = ZLIB;
	m->ehsize = 64;
	m->phoff = 64;
	m->nsplit = 1;
	m->ram = mk_alloc(MAX_RAM * sizeof(*m->ram));
	while ((line = strsep(&rest, "\n"))) {
		line[strcspn(line, "#")] = '\0';
		parse_line(m, line, &file);
	}
	free(copy);
	return m;
}

void mkdump_free(struct mkdump *m)
{
	for (size_t i = 0; i < m->nsteps; i++)
		free(m->step[i].bytes);
	mk_core_close(m->core);
	free(m->ram);
	free(m->notes);
	free(m->eraseinfo);
	free(m);
}

enum mkdump_kind mkdump_kind_at(const struct mkdump *m, uint64_t pa)
{
	size_t low = 0, high = m->nram;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (m->ram[mid].end > pa)
			high = mid;
		else
			low = mid + 1;
	}
	return low < m->nram && m->ram[low].start <= pa ? m->ram[low].kind : MK_HOLE;
}

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t hash(uint64_t v)
{
	v += UINT64_C(0x9e3779b97f4a7c15);
	v = (v ^ v >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	v = (v ^ v >> 27) * UINT64_C(0x94d049bb133111eb);
	return v ^ v >> 31;
}

void mkdump_bytes(const struct mkdump *m, uint64_t pa, void *ret, size_t len)
{
	uint8_t *to = ret;

	while (len) {
		enum mkdump_kind kind = mkdump_kind_at(m, pa);
		size_t unit = kind == MK_CORE ? CORE_UNIT : 8, skip = pa % unit,
		       n = unit - skip < len ? unit - skip : len;
		uint64_t word = pa - skip, value = 0;

		if (kind == MK_WORDS || (kind == MK_MIXED && (pa >> 12) % 4))
			value = word;
		else if (kind == MK_NOISE || kind == MK_MIXED)
			value = hash(word);
		if (kind == MK_CORE)
			mk_core_read(m->core, pa, to, n);
		else
			memcpy(to, (uint8_t *)&value + skip, n);
		to += n;
		pa += n;
		len -= n;
	}
}
