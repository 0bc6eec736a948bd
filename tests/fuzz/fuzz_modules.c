// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzz target: a guest's memory in which a list of modules is said to lie. The input is the memory from
// physical 0 on, with the list's head at its start.
#include <stdlib.h>
#include <string.h>

#include "guest.h"
#include "lakvm/guest/modules.h"

#define WINDOW UINT64_C(0x9000000000000000)

static bool symbol(void *ctx, const char *name, uint64_t *ret)
{
	(void)ctx;
	*ret = WINDOW;
	return !strcmp(name, "modules");
}

static bool member(void *ctx, const char *type, const char *name, struct la_member *ret)
{
	static const struct {
		const char *type, *name;
		size_t offset, size;
		int old; /* -1: in both */
	} known[] = {
		{ "module", "list", 0, 16, -1 },
		{ "module", "name", 16, 24, -1 },
		{ "module", "version", 40, 8, -1 },
		{ "module", "kallsyms", 48, 8, -1 },
		{ "module", "mem", 56, 48, 0 },
		{ "module", "core_layout", 56, 16, 1 },
		{ "module", "init_layout", 72, 16, 1 },
		{ "module_memory", "base", 0, 8, 0 },
		{ "module_memory", "size", 8, 4, 0 },
		{ "module_layout", "base", 0, 8, 1 },
		{ "module_layout", "size", 8, 4, 1 },
		{ "mod_kallsyms", "symtab", 0, 8, -1 },
		{ "mod_kallsyms", "num_symtab", 8, 4, -1 },
		{ "mod_kallsyms", "strtab", 16, 8, -1 },
	};
	const struct memory *m = ctx;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].type, type) || strcmp(known[i].name, name) ||
		    (known[i].old >= 0 && known[i].old != m->old))
			continue;
		*ret = (struct la_member){ known[i].offset, known[i].size };
		return true;
	}
	return false;
}

static bool type_size(void *ctx, const char *type, size_t *ret)
{
	(void)ctx;
	*ret = 16;
	return !strcmp(type, "module_memory");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory m = { data, size, size && data[size - 1] & 1 };
	struct la_door door = { .ctx = &m,
				.read_phys = read_memory,
				.symbol = symbol,
				.member = member,
				.type_size = type_size };
	struct la_kernel k = { .door = &door, .ncpus = 1 };
	struct la_arena *arena = la_arena_new(256 << 20);
	struct la_modules modules;
	struct la_module one;
	uint64_t end, value;

	k.mmu.dmw[1] = UINT64_C(0x9000000000000011);
	if (la_modules_read(&k, arena, &modules, NULL) != LA_OK)
		modules.n = 0;
	for (size_t i = 0; i < modules.n; i++) {
		const struct la_module *module = &modules.module[i];

		for (size_t s = 0; s < module->nsymbols; s++) {
			const struct la_module_symbol *symbol = &module->symbol[s];

			if (s && symbol->start < symbol[-1].start)
				abort();
			la_module_symbol_at(module, symbol->start, &end);
			if (symbol->name && strlen(symbol->name) > 511)
				abort();
			if (symbol->name)
				la_modules_symbol(&modules, symbol->name, &value);
		}
	}
	la_module_find(&k, arena, WINDOW | 0x800, &one, NULL);
	la_arena_free(arena);
	return 0;
}
