// SPDX-License-Identifier: GPL-3.0-or-later
// A module's symbol table as the kernel keeps it: struct mod_kallsyms { Elf64_Sym *symtab; unsigned int num_symtab;
// char *strtab; ... }, to which module.kallsyms leads (since 4.5, commit 8244062ef1e5): while a module's
// init runs that is the whole table, then module.core_kallsyms. Values are run-time addresses.
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "module_list.h"

/* KSYM_NAME_LEN is 512 (since 6.1; 128 before). */
#define MAX_NAME 511

/* Bytes of a module that were copied, as far as the dump has them. */
struct copy {
	unsigned char *bytes;
	size_t size;
	bool whole; /* false: zeros stand for what cannot be read */
};

/* The part of @m that has @at, or NULL. */
static const struct la_module_part *own_part(const struct la_module *m, uint64_t at)
{
	for (size_t i = 0; i < m->nparts; i++)
		if (at >= m->part[i].start && at < m->part[i].end)
			return &m->part[i];
	return NULL;
}

/* @len bytes at @at, page by page; a page has 4 KiB at least. */
static bool copy_bytes(const struct la_kernel *k, struct la_arena *arena, uint64_t at, size_t len,
		       struct copy *ret)
{
	unsigned char *bytes = la_alloc(arena, len);
	size_t done = 0;

	*ret = (struct copy){ bytes, len, true };
	while (bytes && done < len) {
		size_t n = 4096 - (size_t)((at + done) % 4096);

		n = n < len - done ? n : len - done;
		if (la_read(k, at + done, bytes + done, n, NULL) != LA_OK) {
			memset(bytes + done, 0, n);
			ret->whole = false;
		}
		done += n;
	}
	return bytes != NULL;
}

/* Where the table and its names are, and how many symbols. False: the kernel keeps none. */
static bool find_table(const struct la_kernel *k, const struct la_module *m, uint64_t *symtab,
		       uint64_t *strtab, uint64_t *n)
{
	static const char type[] = "mod_kallsyms";
	uint64_t table;

	return la_read_member(k, m->address, "module", "kallsyms", &table, NULL) == LA_OK &&
	       table && la_read_member(k, table, type, "symtab", symtab, NULL) == LA_OK &&
	       la_read_member(k, table, type, "strtab", strtab, NULL) == LA_OK &&
	       la_read_member(k, table, type, "num_symtab", n, NULL) == LA_OK;
}

/* The name at @offset of the names, NULL if it is not all there. */
static char *name_at(const struct copy *names, uint32_t offset)
{
	char *name = (char *)names->bytes + offset;
	size_t room;

	if (offset >= names->size)
		return NULL;
	room = names->size - offset;
	return memchr(name, '\0', room < MAX_NAME + 1 ? room : MAX_NAME + 1) ? name : NULL;
}

/* Marks of the assembler's and the linker's: is_mapping_symbol() in include/linux/module_symbol.h, and as the
 * elf door leaves them out of vmlinux. */
static bool is_mark(const char *name)
{
	return name[0] == '.' || name[0] == '$' || (name[0] == 'L' && name[1] == '0');
}

static int compare(const void *left, const void *right)
{
	const struct la_module_symbol *a = left, *b = right;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (a->function != b->function)
		return a->function ? -1 : 1;
	return 0;
}

/* Those of @n entries that are of this module's memory. */
static size_t take(struct la_module *m, const struct copy *table, const struct copy *names,
		   struct la_module_symbol *ret)
{
	const size_t n = table->size / sizeof(Elf64_Sym);
	size_t taken = 0;

	for (size_t i = 1; i < n; i++) { /* the first is none */
		Elf64_Sym s;
		char *name;

		memcpy(&s, table->bytes + i * sizeof(s), sizeof(s));
		if (s.st_shndx == SHN_UNDEF || !own_part(m, s.st_value))
			continue;
		name = name_at(names, s.st_name);
		if (name && !*name) /* one that has none; or the page that has it is not there */
			name = NULL;
		if (name ? is_mark(name) : names->whole)
			continue;
		if (name)
			name[la_plain_length(name)] = '\0';
		else
			m->incomplete = true;
		ret[taken++] = (struct la_module_symbol){
			.start = s.st_value,
			.size = s.st_size,
			.name = name,
			.function = ELF64_ST_TYPE(s.st_info) == STT_FUNC,
		};
	}
	return taken;
}

/* Bytes from the start of the names to the end of the last that @table needs, as far as the part goes. */
static size_t names_size(const struct copy *table, uint64_t room)
{
	uint64_t most = 0;

	for (size_t i = 0; i < table->size / sizeof(Elf64_Sym); i++) {
		Elf64_Sym s;

		memcpy(&s, table->bytes + i * sizeof(s), sizeof(s));
		if (s.st_shndx != SHN_UNDEF && s.st_name > most)
			most = s.st_name;
	}
	return (size_t)(most + MAX_NAME + 1 < room ? most + MAX_NAME + 1 : room);
}

/* As many of the table's @n entries as its part and @left have room for. */
static size_t entries(const struct la_module_part *part, uint64_t symtab, uint64_t n, size_t left)
{
	const uint64_t room = (part->end - symtab) / sizeof(Elf64_Sym);

	n = n < room ? n : room;
	return n < left ? (size_t)n : left;
}

enum la_status la_module_read_symbols(const struct la_kernel *k, struct la_arena *arena,
				      struct la_module *m, struct la_module_budget *left,
				      struct la_error *err)
{
	const struct la_module_part *of_table, *of_names;
	uint64_t symtab, strtab, told;
	struct la_module_symbol *symbol;
	struct copy table, names;
	size_t n, bytes;

	if (!find_table(k, m, &symtab, &strtab, &told) || !told)
		return LA_OK;
	of_table = own_part(m, symtab);
	of_names = own_part(m, strtab);
	m->incomplete = true;
	if (!of_table || !of_names)
		return LA_OK;
	n = entries(of_table, symtab, told, left->symbols);
	if (!copy_bytes(k, arena, symtab, n * sizeof(Elf64_Sym), &table))
		return la_fail(err, LA_NOMEM, "symbols of modules");
	bytes = names_size(&table, of_names->end - strtab);
	if (bytes > left->bytes)
		return LA_OK;
	if (!copy_bytes(k, arena, strtab, bytes, &names) ||
	    !(symbol = la_alloc_n(arena, n, sizeof(*symbol))))
		return la_fail(err, LA_NOMEM, "symbols of modules");
	m->incomplete = n < told || !table.whole;
	m->nsymbols = take(m, &table, &names, symbol);
	qsort(symbol, m->nsymbols, sizeof(*symbol), compare);
	m->symbol = symbol;
	left->symbols -= n;
	left->bytes -= bytes;
	return LA_OK;
}
