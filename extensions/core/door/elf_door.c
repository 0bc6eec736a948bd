// SPDX-License-Identifier: GPL-3.0-or-later
// The door over a vmlinux file (symbols, DWARF) and a dump, without crash.
#include "lakvm/door/elf_door.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lakvm/dump/dump.h"

#define MAX_TYPES 256

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

struct la_elf_door {
	struct la_door door;
	struct la_arena *arena;
	struct la_dump *dump;
	int fd;
	Elf *elf;
	Dwarf *dwarf;
	bool dwarf_tried;
	struct entry *by_address, *by_name;
	size_t n;
	struct type type[MAX_TYPES];
	size_t ntypes;
};

static enum la_status read_phys(void *ctx, uint64_t pa, void *ret, size_t len)
{
	const struct la_elf_door *v = ctx;

	return v->dump ? la_dump_read(v->dump, pa, ret, len, NULL) : LA_ABSENT;
}

static const struct entry *find_name(const struct la_elf_door *v, const char *name)
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
	const struct la_elf_door *v = ctx;
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
	const struct la_elf_door *v = ctx;
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
	/* Offsets in per-CPU areas and absolute symbols lie far below the kernel's addresses. */
	if (e->start >> 48 != file >> 48)
		return false;
	while (e > v->by_address && e[-1].start == e->start)
		e--; /* the best of those at one address */
	*ret = (struct la_symbol){ e->name, e->start + v->door.relocation,
				   v->by_address[low].start + v->door.relocation, NULL };
	return true;
}

static bool find_type(struct la_elf_door *v, const char *name, Dwarf_Die *ret)
{
	Dwarf_Off offset = 0, next;
	struct type *t;
	size_t header;

	for (size_t i = 0; i < v->ntypes; i++) {
		if (!strcmp(v->type[i].name, name)) {
			*ret = v->type[i].die;
			return v->type[i].found;
		}
	}
	if (!v->dwarf_tried) {
		v->dwarf_tried = true;
		v->dwarf = dwarf_begin_elf(v->elf, DWARF_C_READ, NULL);
	}
	if (!v->dwarf || v->ntypes == MAX_TYPES)
		return false;
	t = &v->type[v->ntypes++];
	snprintf(t->name, sizeof(t->name), "%s", name);
	while (!t->found && !dwarf_nextcu(v->dwarf, offset, &next, &header, NULL, NULL, NULL)) {
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

/* elfutils does not know the size of an array whose unit names no language, as dwz makes them. */
static void find_size(Dwarf_Die *type, Dwarf_Word *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Die whole, child;
	Dwarf_Word last;

	*ret = 0;
	if (!dwarf_aggregate_size(type, ret) || dwarf_peel_type(type, &whole) ||
	    dwarf_tag(&whole) != DW_TAG_array_type || !dwarf_attr(&whole, DW_AT_type, &attr) ||
	    !dwarf_formref_die(&attr, &child) || dwarf_aggregate_size(&child, ret) ||
	    dwarf_child(&whole, &child))
		return;
	do {
		if (dwarf_attr(&child, DW_AT_upper_bound, &attr) && !dwarf_formudata(&attr, &last))
			*ret *= last + 1;
	} while (!dwarf_siblingof(&child, &child));
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
			find_size(&inner, &size);
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
	const struct la_elf_door *v = ctx;
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

static enum la_status load_symbols(struct la_elf_door *v, const char *path, struct la_error *err)
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
		return la_fail(err, LA_ABSENT, "%s has no symbol table", path);
	total = data->d_size / sizeof(Elf64_Sym);
	v->by_address = la_alloc_n(v->arena, total, sizeof(*v->by_address));
	v->by_name = la_alloc_n(v->arena, total, sizeof(*v->by_name));
	if (!v->by_address || !v->by_name)
		return la_fail(err, LA_NOMEM, "symbols of %s", path);
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
							s.st_size                           ? 1 :
											      2 };
	}
	memcpy(v->by_name, v->by_address, v->n * sizeof(*v->by_name));
	qsort(v->by_address, v->n, sizeof(*v->by_address), compare_address);
	qsort(v->by_name, v->n, sizeof(*v->by_name), compare_name);
	return LA_OK;
}

static Elf *open_elf(const char *path, int *fd)
{
	elf_version(EV_CURRENT);
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	return *fd < 0 ? NULL : elf_begin(*fd, ELF_C_READ_MMAP, NULL);
}

enum la_status la_elf_door_open(struct la_elf_door **ret, const char *vmlinux, struct la_dump *dump,
				struct la_arena *arena, struct la_error *err)
{
	struct la_elf_door *v = la_alloc(arena, sizeof(*v));
	enum la_status status;
	GElf_Ehdr header;

	if (!v)
		return la_fail(err, LA_NOMEM, "%s", vmlinux);
	v->arena = arena;
	v->dump = dump;
	v->elf = open_elf(vmlinux, &v->fd);
	if (!v->elf || !gelf_getehdr(v->elf, &header)) {
		la_elf_door_close(v);
		return la_fail(err, LA_INVALID, "%s: cannot be read as an ELF file", vmlinux);
	}
	if (gelf_getclass(v->elf) != ELFCLASS64 || header.e_machine != EM_LOONGARCH) {
		la_elf_door_close(v);
		return la_fail(err, LA_INVALID, "%s: not a 64-bit LoongArch kernel", vmlinux);
	}
	status = load_symbols(v, vmlinux, err);
	if (status != LA_OK) {
		la_elf_door_close(v);
		return status;
	}
	v->door = (struct la_door){ .ctx = v,
				    .read_phys = read_phys,
				    .symbol = symbol,
				    .symbol_at = symbol_at,
				    .symbol_size = symbol_size,
				    .member = member,
				    .type_size = type_size,
				    .enumerator = enumerator,
				    .file_bytes = file_bytes,
				    .vmlinux = vmlinux };
	if (dump)
		la_door_take_notes(dump, &v->door);
	*ret = v;
	return LA_OK;
}

void la_elf_door_close(struct la_elf_door *v)
{
	if (!v)
		return;
	dwarf_end(v->dwarf);
	elf_end(v->elf);
	if (v->fd >= 0)
		close(v->fd);
}

void la_elf_door_relocate(struct la_elf_door *v, uint64_t relocation)
{
	v->door.relocation = relocation;
}

void la_elf_door_set_guest(struct la_elf_door *v, const struct la_ram_range *ram, size_t nram,
			   const struct la_overrides *said)
{
	v->door.ram = ram;
	v->door.nram = nram;
	v->door.overrides = said;
}

const struct la_door *la_elf_door(const struct la_elf_door *v)
{
	return &v->door;
}

bool la_elf_is_program(const char *path)
{
	GElf_Ehdr header;
	int fd;
	Elf *elf = open_elf(path, &fd);
	const bool program = elf && gelf_getehdr(elf, &header) &&
			     (header.e_type == ET_EXEC || header.e_type == ET_DYN);

	elf_end(elf);
	if (fd >= 0)
		close(fd);
	return program;
}
