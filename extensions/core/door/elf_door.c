// SPDX-License-Identifier: GPL-3.0-or-later
// The door over a vmlinux file (symbols, DWARF) and a dump, without crash.
#include "lakvm/door/elf_door.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf_file.h"
#include "elf_types.h"
#include "lakvm/dump/dump.h"

/* KSYM_NAME_LEN is 512 (since 6.1; 128 before): the kernel has no longer ones. */
#define MAX_NAME 511

struct entry {
	uint64_t start, size;
	const char *name;
	int rank; /* functions before labels before data */
};

struct la_elf_door {
	struct la_door door;
	struct la_arena *arena;
	struct la_dump *dump;
	struct la_elf_file *file;
	struct la_types *types;
	struct entry *by_address, *by_name;
	size_t n;
	const struct la_modules *modules; /* or NULL */
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

	if (!e)
		return v->modules && la_modules_symbol(v->modules, name, ret);
	*ret = e->start + (e->start >= UINT64_C(1) << 32 ? v->door.relocation : 0);
	return true;
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
		return la_modules_symbol_at(v->modules, addr, ret);
	e = &v->by_address[low - 1];
	/* Offsets in per-CPU areas and absolute symbols lie far below the kernel's addresses. */
	if (e->start >> 48 != file >> 48)
		return la_modules_symbol_at(v->modules, addr, ret);
	while (e > v->by_address && e[-1].start == e->start)
		e--; /* the best of those at one address */
	*ret = (struct la_symbol){ e->name, e->start + v->door.relocation,
				   v->by_address[low].start + v->door.relocation, NULL };
	return true;
}

static bool member(void *ctx, const char *type, const char *name, struct la_member *ret)
{
	const struct la_elf_door *v = ctx;

	return la_types_member(v->types, type, name, ret) && la_elf_file_sound(v->file);
}

static bool type_size(void *ctx, const char *type, size_t *ret)
{
	const struct la_elf_door *v = ctx;

	return la_types_size(v->types, type, ret) && la_elf_file_sound(v->file);
}

static bool enumerator(void *ctx, const char *name, int64_t *ret)
{
	const struct la_elf_door *v = ctx;

	return la_types_enumerator(v->types, name, ret) && la_elf_file_sound(v->file);
}

static size_t file_bytes(void *ctx, uint64_t address, void *ret, size_t len)
{
	const struct la_elf_door *v = ctx;

	return la_elf_file_bytes(v->file, address - v->door.relocation, ret, len);
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

	const int order = strcmp(a->name, b->name);

	return order ? order : compare_address(left, right);
}

static enum la_status load_symbols(struct la_elf_door *v, const char *path, struct la_error *err)
{
	Elf *elf = la_elf_file_elf(v->file);
	Elf_Scn *scn = NULL;
	GElf_Shdr sh = { 0 };
	Elf_Data *data;
	size_t total;

	errno = 0; /* libelf's own error numbers are not public */
	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_SYMTAB)
			break;
	data = scn ? elf_getdata(scn, NULL) : NULL;
	if (!data && errno == ENOMEM)
		return la_fail(err, LA_NOMEM, "symbols of %s", path);
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
		name = elf_strptr(elf, sh.sh_link, s.st_name);
		if (!name || !*name || name[0] == '.' || name[0] == '$' ||
		    strnlen(name, MAX_NAME + 1) > MAX_NAME)
			continue;
		if (name[la_plain_length(name)] &&
		    !(name = la_strndup(v->arena, name, la_plain_length(name))))
			return la_fail(err, LA_NOMEM, "symbols of %s", path);
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

enum la_status la_elf_door_open(struct la_elf_door **ret, const char *vmlinux, struct la_dump *dump,
				struct la_arena *arena, struct la_error *err)
{
	struct la_elf_door *v = la_alloc(arena, sizeof(*v));
	enum la_status status;
	GElf_Ehdr header;

	*ret = NULL;
	if (!v)
		return la_fail(err, LA_NOMEM, "%s", vmlinux);
	v->arena = arena;
	v->dump = dump;
	status = la_elf_file_open(&v->file, vmlinux, err);
	if (status == LA_OK &&
	    (!gelf_getehdr(la_elf_file_elf(v->file), &header) || header.e_machine != EM_LOONGARCH))
		status = la_fail(err, LA_INVALID, "%s: not a 64-bit LoongArch kernel", vmlinux);
	if (status == LA_OK)
		status = load_symbols(v, vmlinux, err);
	if (status == LA_OK && !(v->types = la_types_new(arena, v->file)))
		status = la_fail(err, LA_NOMEM, "%s", vmlinux);
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
	if (v)
		la_elf_file_close(v->file);
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

void la_elf_door_set_modules(struct la_elf_door *v, const struct la_modules *modules)
{
	v->modules = modules;
}

bool la_elf_door_exhausted(const struct la_elf_door *v)
{
	return la_elf_file_exhausted(v->file);
}

const struct la_door *la_elf_door(const struct la_elf_door *v)
{
	return &v->door;
}
