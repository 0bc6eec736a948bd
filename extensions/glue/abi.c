// SPDX-License-Identifier: GPL-3.0-or-later
// Is the running program the crash that lakvm was built for? Answered from its dynamic symbol table:
// what it calls itself, and the sizes of its tables. No structure is touched before the answer is known.
#include "crash.h"
#include "glue.h"

#include <dlfcn.h>
#include <link.h>

#ifndef LA_CRASH_VERSION
#define LA_CRASH_VERSION ""
#endif

/*
 * Tables that differ between releases, or would if fields moved (a distribution's mixture of patches).
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

/* "9.0.2", or "8.0.4-17.oe2403sp3"; "" where the symbol of its build_data.c is not there. */
static const char *running_version(void)
{
	char **version = dlsym(RTLD_DEFAULT, "build_version");

	return version && *version ? *version : "";
}

/*
 * The arguments of a hook may change where no size does, so the release has to be the same. The number
 * that a distribution adds to it changes with each of its builds and does not count.
 */
static bool same_release(const char *a, const char *b)
{
	const size_t na = strcspn(a, "-"), nb = strcspn(b, "-");

	return !*a || !*b || (na == nb && !memcmp(a, b, na));
}

static size_t running_size(const char *symbol)
{
	const ElfW(Sym) *sym = NULL;
	void *address = dlsym(RTLD_DEFAULT, symbol);
	Dl_info info;

	if (!address || !dladdr1(address, &info, (void **)&sym, RTLD_DL_SYMENT) || !sym)
		return 0;
	return sym->st_size;
}

bool abi_fits(char *ret, size_t size)
{
	const char *version = running_version();
	char differs[128] = "";

	/* loongarch64.c of crash is empty for every other target. */
	if (!dlsym(RTLD_DEFAULT, "loongarch64_init")) {
		snprintf(ret, size,
			 "this crash was built for another architecture than LOONGARCH64");
		return false;
	}
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]) && !*differs; i++) {
		const size_t here = running_size(table[i].symbol);

		if (here != table[i].size)
			snprintf(differs, sizeof(differs), " (%s has %zu bytes, not %zu)",
				 table[i].symbol, here, table[i].size);
	}
	if (!*differs && same_release(LA_CRASH_VERSION, version))
		return true;
	snprintf(ret, size,
		 "built for crash %s, this is crash %s%s; rebuild: make CRASH_INC=DIRECTORY-OF-ITS-DEFS.H",
		 *LA_CRASH_VERSION ? LA_CRASH_VERSION : "of another version",
		 *version ? version : "of an unknown version", differs);
	return false;
}
