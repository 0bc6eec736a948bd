// SPDX-License-Identifier: GPL-3.0-or-later
// Modules, as far as crash believes them: it copies names into fixed buffers, and follows the symbol tables of each
// without looking where they end (store_module_symbols_*() and store_module_kallsyms_v2() of symbols.c). The list is cut
// before the first entry that is no module; of a module whose tables lead out of it, they are taken as empty.
#include "crash.h"
#include "glue.h"

#include "lakvm/guest/mmu.h"

#define MAX_REGION (UINT64_C(64) << 20) /* all modules have 256 MiB (asm/module.h, MODULES_END) */
#define MAX_REGIONS 16
#define MAX_SYMBOLS 1000000
#define SYMBOL 24           /* Elf64_Sym */
#define MAX_SYMBOL_NAME 512 /* KSYM_NAME_LEN since 6.1, 128 before */

struct region {
	uint64_t base, size;
};

struct modules {
	const struct la_kernel *k;
	struct la_arena *arena;
	struct la_member list, name;
	struct la_member syms, num_syms, gpl_syms, num_gpl_syms;
	size_t symtab, num_symtab, strtab; /* offsets in the module */
	bool has_kallsyms;
	struct region
		region[MAX_REGIONS]; /* of one module; the first is text, data holds its kallsyms */
	size_t nregions, data;
};

static bool member(const struct modules *m, const char *type, const char *name,
		   struct la_member *ret)
{
	return m->k->door->member(m->k->door->ctx, type, name, ret);
}

/* Since 4.5; before, they are members of the module itself. */
static void find_kallsyms(struct modules *m)
{
	struct la_member core = { .offset = 0 }, symtab, num, strtab;
	const char *type = member(m, "module", "core_kallsyms", &core) ? "mod_kallsyms" : "module";

	m->has_kallsyms = member(m, type, "symtab", &symtab) &&
			  member(m, type, "num_symtab", &num) && member(m, type, "strtab", &strtab);
	m->symtab = core.offset + symtab.offset;
	m->num_symtab = core.offset + num.offset;
	m->strtab = core.offset + strtab.offset;
}

/* The memory of a module: since 6.4 module.mem[], before core_layout (4.5), and before that two members. */
static bool read_regions(struct modules *m, uint64_t at)
{
	struct la_member mem, base, size;
	size_t each = 0, n = 1;

	if (member(m, "module", "mem", &mem) && member(m, "module_memory", "base", &base) &&
	    member(m, "module_memory", "size", &size) &&
	    m->k->door->type_size(m->k->door->ctx, "module_memory", &each)) {
		n = mem.size / each;
		m->data = 1; /* MOD_DATA */
	} else if (!(member(m, "module", "core_layout", &mem) &&
		     member(m, "module_layout", "base", &base) &&
		     member(m, "module_layout", "size", &size))) {
		mem.offset = 0;
		if (!member(m, "module", "module_core", &base) ||
		    !member(m, "module", "core_size", &size))
			return false;
	}
	m->nregions = n < MAX_REGIONS ? n : MAX_REGIONS;
	for (size_t i = 0; i < m->nregions; i++) {
		const uint64_t place = at + mem.offset + i * each;
		uint32_t bytes;

		if (la_read_u64(m->k, place + base.offset, &m->region[i].base, NULL) != LA_OK ||
		    la_read_u32(m->k, place + size.offset, &bytes, NULL) != LA_OK)
			return false;
		m->region[i].size = bytes;
		if (bytes > MAX_REGION ||
		    (bytes && la_segment_of(m->region[i].base) != LA_XKVRANGE))
			return false;
	}
	return m->nregions && m->region[0].size && m->data < m->nregions;
}

static bool is_module(struct modules *m, uint64_t at)
{
	char name[256];

	return m->name.size && m->name.size <= sizeof(name) &&
	       la_read(m->k, at + m->name.offset, name, m->name.size, NULL) == LA_OK && name[0] &&
	       memchr(name, '\0', m->name.size) && read_regions(m, at);
}

static bool in_region(const struct region *r, uint64_t at, uint64_t size)
{
	return at >= r->base && at - r->base <= r->size && size <= r->size - (at - r->base);
}

/* --- what kallsyms has of it --- */

static bool kallsyms_are_sound(struct modules *m, uint64_t at)
{
	const struct region *data = &m->region[m->data];
	uint64_t symtab, strtab;
	uint32_t n, name;
	unsigned char *bytes;
	size_t end;

	if (la_read_u32(m->k, at + m->num_symtab, &n, NULL) != LA_OK ||
	    la_read_u64(m->k, at + m->symtab, &symtab, NULL) != LA_OK ||
	    la_read_u64(m->k, at + m->strtab, &strtab, NULL) != LA_OK)
		return false;
	if (!n)
		return true;
	if (n > MAX_SYMBOLS || !in_region(data, symtab, (uint64_t)n * SYMBOL) ||
	    !in_region(data, strtab, 1))
		return false;
	bytes = la_alloc(m->arena, data->size);
	/* crash does without them if they cannot be read. */
	if (!bytes || la_read(m->k, data->base, bytes, data->size, NULL) != LA_OK)
		return bytes;
	end = data->size; /* behind the last 0: every name that begins before it ends */
	while (end > strtab - data->base && bytes[end - 1])
		end--;
	for (uint32_t i = 1; i < n; i++) {
		memcpy(&name, bytes + (symtab - data->base) + (size_t)i * SYMBOL, sizeof(name));
		if (name >= end - (strtab - data->base) ||
		    strnlen((char *)bytes + (strtab - data->base) + name, MAX_SYMBOL_NAME) ==
			    MAX_SYMBOL_NAME)
			return false;
	}
	return true;
}

/* --- the symbols that it exports --- */

/* Where the name of the symbol at @at is; since 4.19 kernels may say it relative to the place that says so. */
static bool name_of(const struct modules *m, uint64_t at, uint64_t *ret)
{
	struct la_member where;
	uint32_t offset;

	if (member(m, "kernel_symbol", "name_offset", &where)) {
		if (la_read_u32(m->k, at + where.offset, &offset, NULL) != LA_OK)
			return false;
		*ret = at + where.offset + (uint64_t)(int64_t)(int32_t)offset;
		return true;
	}
	return member(m, "kernel_symbol", "name", &where) &&
	       la_read_u64(m->k, at + where.offset, ret, NULL) == LA_OK;
}

static const struct region *region_of(const struct modules *m, uint64_t at, uint64_t size)
{
	for (size_t i = 0; i < m->nregions; i++)
		if (in_region(&m->region[i], at, size))
			return &m->region[i];
	return NULL;
}

/* crash reads the names from the first to the last at once, as one piece of the region that has the first. */
static bool exports_are_sound(struct modules *m, uint64_t at, const struct la_member *table,
			      const struct la_member *number)
{
	const struct region *of_names = NULL, *of_name;
	uint64_t first, name;
	uint32_t n;
	size_t each;
	char text[MAX_SYMBOL_NAME];

	if (la_read_u32(m->k, at + number->offset, &n, NULL) != LA_OK ||
	    la_read_u64(m->k, at + table->offset, &first, NULL) != LA_OK ||
	    !m->k->door->type_size(m->k->door->ctx, "kernel_symbol", &each))
		return false;
	if (!n)
		return true;
	if (n > MAX_SYMBOLS || !region_of(m, first, n * each))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (!name_of(m, first + i * each, &name))
			return false;
		of_name = region_of(m, name, 1);
		if (!of_name || (of_names && of_name != of_names))
			return false;
		of_names = of_name;
		const uint64_t left = of_name->size - (name - of_name->base);
		const size_t len = left < sizeof(text) ? (size_t)left : sizeof(text);

		if (la_read(m->k, name, text, len, NULL) != LA_OK || strnlen(text, len) == len)
			return false;
	}
	return true;
}

/* --- the list --- */

static bool lay(const struct modules *m, uint64_t va, uint64_t value, size_t size)
{
	struct la_translation t;

	return la_translate(m->k->door, &m->k->mmu, m->k->mmu.kernel_pgd, va, &t, NULL) == LA_OK &&
	       overlay_patch(t.pa, &value, size);
}

static void check_tables(struct modules *m, uint64_t at)
{
	bool emptied = false;

	if (m->has_kallsyms && !kallsyms_are_sound(m, at))
		emptied = lay(m, at + m->num_symtab, 0, 4);
	if (!exports_are_sound(m, at, &m->syms, &m->num_syms))
		emptied = lay(m, at + m->num_syms.offset, 0, 4) || emptied;
	if (!exports_are_sound(m, at, &m->gpl_syms, &m->num_gpl_syms))
		emptied = lay(m, at + m->num_gpl_syms.offset, 0, 4) || emptied;
	if (emptied)
		error(WARNING,
		      "lakvm: symbol tables of the module at %llx are damaged: crash does without\n",
		      (ulonglong)at);
}

/* A list that leads back into itself is cut where it does so (R. P. Brent, 1980: one remembered entry, further on). */
static void check_list(struct modules *m, uint64_t head)
{
	uint64_t at = head, next, mark = head, steps = 0, room = 1;

	while (la_read_u64(m->k, at, &next, NULL) == LA_OK && next != head) {
		if (next == mark || !is_module(m, next - m->list.offset)) {
			lay(m, at, head, 8);
			error(WARNING,
			      "lakvm: what follows %llx in the list of modules cannot be read, or is no module: crash sees it up to there\n",
			      (ulonglong)at);
			return;
		}
		check_tables(m, next - m->list.offset);
		at = next;
		if (++steps == room) {
			mark = at;
			room *= 2;
			steps = 0;
		}
	}
}

void claims_modules(void)
{
	struct la_kernel *kernel = session_kernel(NULL);
	struct modules m = { .k = kernel };
	uint64_t head;

	if (!kernel || !kernel->door->symbol(kernel->door->ctx, "modules", &head) ||
	    !member(&m, "module", "list", &m.list) || !member(&m, "module", "name", &m.name) ||
	    !member(&m, "module", "syms", &m.syms) ||
	    !member(&m, "module", "num_syms", &m.num_syms) ||
	    !member(&m, "module", "gpl_syms", &m.gpl_syms) ||
	    !member(&m, "module", "num_gpl_syms", &m.num_gpl_syms))
		return;
	m.arena = stack_memory();
	if (!m.arena)
		return;
	find_kallsyms(&m);
	check_list(&m, head);
	stack_memory_free();
}
