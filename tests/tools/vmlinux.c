// SPDX-License-Identifier: GPL-3.0-or-later
// A door over a vmlinux file (symbols, DWARF) and a dump, on any machine, without crash.
#include "vmlinux.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lakvm/dump.h"

#define MAX_UNITS 200 /* compilation units searched for a type; the kernel's core comes early */

struct entry {
	uint64_t start, size;
	const char *name;
	int rank; /* functions before labels before data */
};

struct type {
	char name[64];
	bool found;
	Dwarf_Die die;
};

struct vmlinux {
	struct la_door door;
	struct la_dump *dump;
	int fd;
	Elf *elf;
	Dwarf *dwarf;
	struct entry *by_address, *by_name;
	size_t n;
	struct type type[256];
	size_t ntypes;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(99);
}

static enum la_status read_phys(void *ctx, uint64_t pa, void *ret, size_t len)
{
	return la_dump_read(((struct vmlinux *)ctx)->dump, pa, ret, len, NULL);
}

static const struct entry *find_name(const struct vmlinux *v, const char *name)
{
	size_t low = 0, high = v->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(v->by_name[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < v->n && !strcmp(v->by_name[low].name, name) ? &v->by_name[low] : NULL;
}

static bool symbol(void *ctx, const char *name, uint64_t *ret)
{
	const struct vmlinux *v = ctx;
	const struct entry *e = find_name(v, name);

	if (e)
		*ret = e->start + (e->start >= UINT64_C(1) << 32 ? v->door.relocation : 0);
	return e != NULL;
}

static bool symbol_size(void *ctx, const char *name, uint64_t *ret)
{
	const struct entry *e = find_name(ctx, name);

	if (!e || !e->size)
		return false;
	*ret = e->size;
	return true;
}

static bool symbol_at(void *ctx, uint64_t addr, struct la_symbol *ret)
{
	const struct vmlinux *v = ctx;
	uint64_t file = addr - v->door.relocation;
	size_t low = 0, high = v->n;
	const struct entry *e;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (v->by_address[middle].start <= file)
			low = middle + 1;
		else
			high = middle;
	}
	/* Modules and heap lie behind the last symbol, which is _end. */
	if (!low || low == v->n)
		return false;
	e = &v->by_address[low - 1];
	while (e > v->by_address && e[-1].start == e->start)
		e--; /* the best of those at one address */
	*ret = (struct la_symbol){ e->name, e->start + v->door.relocation,
				   v->by_address[low].start + v->door.relocation, NULL };
	return true;
}

static bool find_type(struct vmlinux *v, const char *name, Dwarf_Die *ret)
{
	Dwarf_Off offset = 0, next;
	unsigned units = 0;
	struct type *t;
	size_t header;

	for (size_t i = 0; i < v->ntypes; i++) {
		if (!strcmp(v->type[i].name, name)) {
			*ret = v->type[i].die;
			return v->type[i].found;
		}
	}
	if (v->ntypes == sizeof(v->type) / sizeof(v->type[0]))
		die(name, "too many types");
	t = &v->type[v->ntypes++];
	snprintf(t->name, sizeof(t->name), "%s", name);
	while (!t->found && units++ < MAX_UNITS &&
	       !dwarf_nextcu(v->dwarf, offset, &next, &header, NULL, NULL, NULL)) {
		Dwarf_Die unit, child;

		if (dwarf_offdie(v->dwarf, offset + header, &unit) && !dwarf_child(&unit, &child)) {
			do {
				const char *n = dwarf_diename(&child);

				if (dwarf_tag(&child) == DW_TAG_structure_type && n &&
				    !strcmp(n, name) && !dwarf_hasattr(&child, DW_AT_declaration)) {
					t->found = true;
					t->die = child;
					break;
				}
			} while (!dwarf_siblingof(&child, &child));
		}
		offset = next;
	}
	*ret = t->die;
	return t->found;
}

/* A member, also of an anonymous structure or union inside. */
static bool find_member(Dwarf_Die *type, const char *name, uint64_t base, struct la_member *ret)
{
	Dwarf_Die child, inner;

	if (dwarf_child(type, &child))
		return false;
	do {
		const char *n = dwarf_diename(&child);
		Dwarf_Attribute attr;
		Dwarf_Word offset = 0, size = 0;

		if (dwarf_tag(&child) != DW_TAG_member)
			continue;
		if (dwarf_attr(&child, DW_AT_data_member_location, &attr))
			dwarf_formudata(&attr, &offset);
		if (!dwarf_attr(&child, DW_AT_type, &attr) || !dwarf_formref_die(&attr, &inner))
			continue;
		if (n && !strcmp(n, name)) {
			dwarf_aggregate_size(&inner, &size);
			*ret = (struct la_member){ base + offset, size };
			return true;
		}
		if (!n && find_member(&inner, name, base + offset, ret))
			return true;
	} while (!dwarf_siblingof(&child, &child));
	return false;
}

static bool member(void *ctx, const char *type, const char *name, struct la_member *ret)
{
	Dwarf_Die d;

	return find_type(ctx, type, &d) && find_member(&d, name, 0, ret);
}

static bool type_size(void *ctx, const char *type, size_t *ret)
{
	Dwarf_Die d;
	int size;

	if (!find_type(ctx, type, &d))
		return false;
	size = dwarf_bytesize(&d);
	*ret = size > 0 ? (size_t)size : 0;
	return size > 0;
}

static size_t file_bytes(void *ctx, uint64_t address, void *ret, size_t len)
{
	const struct vmlinux *v = ctx;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	address -= v->door.relocation;
	while ((scn = elf_nextscn(v->elf, scn))) {
		Elf_Data *data;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_PROGBITS ||
		    address - sh.sh_addr >= sh.sh_size || !(sh.sh_flags & SHF_ALLOC))
			continue;
		data = elf_rawdata(scn, NULL);
		if (!data || !data->d_buf || address - sh.sh_addr >= data->d_size)
			return 0;
		if (len > data->d_size - (address - sh.sh_addr))
			len = data->d_size - (address - sh.sh_addr);
		memcpy(ret, (const char *)data->d_buf + (address - sh.sh_addr), len);
		return len;
	}
	return 0;
}

static bool enumerator(void *ctx, const char *name, int64_t *ret)
{
	(void)ctx, (void)name, (void)ret;
	return false;
}

static int compare_address(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->rank - b->rank;
}

static int compare_name(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;

	return strcmp(a->name, b->name);
}

static void load_symbols(struct vmlinux *v)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh = { 0 };
	Elf_Data *data;
	size_t total;

	while ((scn = elf_nextscn(v->elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_SYMTAB)
			break;
	data = scn ? elf_getdata(scn, NULL) : NULL;
	if (!data)
		die("vmlinux", "no symbols");
	total = sh.sh_size / sh.sh_entsize;
	v->by_address = calloc(total, sizeof(*v->by_address));
	v->by_name = calloc(total, sizeof(*v->by_name));
	if (!v->by_address || !v->by_name)
		die("vmlinux", "out of memory");
	for (size_t i = 0; i < total; i++) {
		GElf_Sym s;
		const char *name;

		if (!gelf_getsym(data, (int)i, &s) || s.st_shndx == SHN_UNDEF ||
		    GELF_ST_TYPE(s.st_info) > STT_FUNC)
			continue;
		name = elf_strptr(v->elf, sh.sh_link, s.st_name);
		if (!name || !*name || name[0] == '.' || name[0] == '$')
			continue;
		v->by_address[v->n++] = (struct entry){ s.st_value, s.st_size, name,
							GELF_ST_TYPE(s.st_info) == STT_FUNC ? 0 :
							s.st_size			    ? 1 :
											      2 };
	}
	memcpy(v->by_name, v->by_address, v->n * sizeof(*v->by_name));
	qsort(v->by_address, v->n, sizeof(*v->by_address), compare_address);
	qsort(v->by_name, v->n, sizeof(*v->by_name), compare_name);
}

struct vmlinux *vmlinux_open(const char *path, const char *dump, uint64_t relocation)
{
	struct vmlinux *v = calloc(1, sizeof(*v));
	struct la_error err = { "" };

	if (!v)
		die(path, "out of memory");
	elf_version(EV_CURRENT);
	v->fd = open(path, O_RDONLY);
	v->elf = v->fd < 0 ? NULL : elf_begin(v->fd, ELF_C_READ_MMAP, NULL);
	v->dwarf = v->elf ? dwarf_begin_elf(v->elf, DWARF_C_READ, NULL) : NULL;
	if (!v->dwarf)
		die(path, "no ELF file with DWARF");
	if (la_dump_open(&v->dump, &dump, 1, NULL, &err) != LA_OK)
		die(dump, err.text);
	v->door = (struct la_door){ .ctx = v,
				    .read_phys = read_phys,
				    .symbol = symbol,
				    .symbol_at = symbol_at,
				    .symbol_size = symbol_size,
				    .member = member,
				    .type_size = type_size,
				    .enumerator = enumerator,
				    .file_bytes = file_bytes,
				    .vmlinux = path,
				    .relocation = relocation };
	v->door.notes = la_dump_notes(v->dump, &v->door.notes_size);
	load_symbols(v);
	return v;
}

void vmlinux_close(struct vmlinux *v)
{
	la_dump_close(v->dump);
	dwarf_end(v->dwarf);
	elf_end(v->elf);
	close(v->fd);
	free(v->by_address);
	free(v->by_name);
	free(v);
}

const struct la_door *vmlinux_door(const struct vmlinux *v)
{
	return &v->door;
}
