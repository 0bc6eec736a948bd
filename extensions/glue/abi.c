// SPDX-License-Identifier: GPL-3.0-or-later
// Is the running program the crash that lakvm was built for? Answered from the sizes in its
// dynamic symbol table, so that no structure is touched before the answer is known.
#include "crash.h"
#include "glue.h"

#include <dlfcn.h>
#include <link.h>

/*
 * Tables that differ between crash 8.0.6, 9.0.0/1, 9.0.2 and later, or would if fields moved.
 * To support another crash: build against its defs.h; nothing here needs to change.
 */
static const struct {
	const char *symbol;
	size_t size;
} table[] = {
	{ "program_context", sizeof(struct program_context) },
	{ "machdep_table", sizeof(struct machdep_table) },
	{ "kernel_table", sizeof(struct kernel_table) },
	{ "task_table", sizeof(struct task_table) },
	{ "vm_table", sizeof(struct vm_table) },
	{ "symbol_table_data", sizeof(struct symbol_table_data) },
	{ "offset_table", sizeof(struct offset_table) },
	{ "size_table", sizeof(struct size_table) },
};

bool abi_fits(char *ret, size_t size)
{
	/* loongarch64.c of crash is empty for every other target. */
	if (!dlsym(RTLD_DEFAULT, "loongarch64_init")) {
		snprintf(ret, size,
			 "this crash was built for another architecture than LOONGARCH64");
		return false;
	}
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const ElfW(Sym) *sym = NULL;
		void *address = dlsym(RTLD_DEFAULT, table[i].symbol);
		Dl_info info;

		if (!address || !dladdr1(address, &info, (void **)&sym, RTLD_DL_SYMENT) || !sym) {
			snprintf(ret, size, "this crash has no %s", table[i].symbol);
			return false;
		}
		if (sym->st_size != table[i].size) {
			snprintf(ret, size,
				 "built for another version of crash: its %s has %zu bytes, here it has %zu; rebuild lakvm with this crash's defs.h",
				 table[i].symbol, table[i].size, (size_t)sym->st_size);
			return false;
		}
	}
	return true;
}
