// SPDX-License-Identifier: GPL-3.0-or-later
// A second crash extension, for tests: writes down crash's tables byte by byte, so that a test can
// see whether loading and unloading lakvm left a trace. Knows the tables by name and size only.
#include <dlfcn.h>
#include <link.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

struct command_table_entry { /* as every crash since 4.0 has it (defs.h) */
	const char *name;
	void (*func)(void);
	char **help;
	unsigned long flags;
};

extern void register_extension(struct command_table_entry *);
extern void get_symbol_data(char *, long, void *);
extern char *args[];
extern int argcnt;

static const char *const tables[] = { "program_context", "machdep_table", "kernel_table",
				      "task_table",      "vm_table",      "linux_command_table",
				      "offset_table",    "size_table" };

static void write_table(FILE *file, const char *name)
{
	unsigned char *data = dlsym(RTLD_DEFAULT, name);
	const ElfW(Sym) *sym = NULL;
	Dl_info info;

	if (!data || !dladdr1(data, &info, (void **)&sym, RTLD_DL_SYMENT) || !sym)
		return;
	for (size_t i = 0; i + 8 <= sym->st_size; i += 8) {
		unsigned long word;

		memcpy(&word, data + i, sizeof(word));
		if (word)
			fprintf(file, "%s+%zu %lx\n", name, i, word);
	}
}

/*
 * lasnap FILE: all words that are not 0; as comments, where lakvm is mapped and the bytes
 * allocated.
 */
static void cmd_lasnap(void)
{
	FILE *file = argcnt > 1 ? fopen(args[1], "w") : NULL, *maps;
	char line[512];

	if (!file)
		return;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		write_table(file, tables[i]);
	maps = fopen("/proc/self/maps", "r");
	while (maps && fgets(line, sizeof(line), maps))
		if (strstr(line, "/lakvm.so"))
			fprintf(file, "# mapped %s", line);
	if (maps)
		fclose(maps);
	/* The heap's own account: under emulation, resident pages are those of the emulator. */
	fprintf(file, "# heap %zu\n", mallinfo2().uordblks + mallinfo2().hblkhd);
	fclose(file);
}

/* lafault: what crash does with a value that it did not check: an address made of what was read. */
static void cmd_lafault(void)
{
	unsigned long word = 0;

	get_symbol_data("jiffies_64", sizeof(word), &word);
	*(volatile unsigned long *)(word & 0xff8) = 1;
}

static char *fault_help[] = { "lafault", "touch memory that is not there", "", NULL };
static char *help[] = { "lasnap", "write down crash's tables", "FILE", NULL };
static struct command_table_entry commands[] = { { "lasnap", cmd_lasnap, help, 8 /* MINIMAL */ },
						 { "lafault", cmd_lafault, fault_help, 0 },
						 { NULL } };

static void __attribute__((constructor)) load(void)
{
	register_extension(commands);
}
