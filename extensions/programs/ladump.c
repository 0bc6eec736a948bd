// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * ladump: what a dump of a LoongArch64 guest says of itself, without crash. docs/ladump.1 has
 * the manual.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lakvm/dump.h"
#include "lakvm/elf_door.h"
#include "lakvm/relocation.h"

#define MEMORY ((size_t)512 << 20)
#define MAX_PARTS 64

static int fail(const char *what)
{
	fprintf(stderr, "ladump: %s\n", what);
	return EXIT_FAILURE;
}

static void usage(FILE *to)
{
	fprintf(to, "usage: ladump --relocation VMLINUX DUMP...\n");
}

/* For lacrash: the offset alone. */
static int print_relocation(struct la_dump *dump, const char *vmlinux, struct la_arena *arena)
{
	struct la_relocation relocation;
	struct la_ram_range *ram;
	struct la_elf_door *door;
	struct la_error err = { "" };
	enum la_status status;
	size_t n;

	if (la_dump_ram(dump, false, arena, &ram, &n, &err) != LA_OK ||
	    la_elf_door_open(&door, vmlinux, dump, arena, &err) != LA_OK)
		return fail(err.text);
	status = la_relocation_find(la_elf_door(door), ram, n, NULL, 0, arena, &relocation, &err);
	if (status == LA_OK)
		printf("0x%" PRIx64 "\n", relocation.offset);
	else
		fail(err.text);
	for (size_t i = 0; i < relocation.n && status != LA_OK; i++)
		fprintf(stderr, "  %s: 0x%" PRIx64 "\n",
			la_relocation_way_name(relocation.finding[i].way), relocation.finding[i].offset);
	la_elf_door_close(door);
	return status == LA_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "relocation", no_argument, NULL, 'k' },
						 { "help", no_argument, NULL, 'h' },
						 { NULL, 0, NULL, 0 } };
	const char *part[MAX_PARTS], *vmlinux = NULL;
	struct la_error err = { "" };
	struct la_dump *dump = NULL;
	struct la_arena *arena;
	bool relocation = false;
	size_t nparts = 0;
	int c, status;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'k') {
			relocation = true;
		} else {
			usage(c == 'h' ? stdout : stderr);
			return c == 'h' ? EXIT_SUCCESS : EXIT_FAILURE;
		}
	}
	for (int i = optind; i < argc; i++) {
		if (!vmlinux && la_elf_is_program(argv[i]))
			vmlinux = argv[i];
		else if (nparts < MAX_PARTS)
			part[nparts++] = argv[i];
	}
	if (!nparts || !relocation || !vmlinux) {
		usage(stderr);
		return EXIT_FAILURE;
	}
	arena = la_arena_new(MEMORY);
	if (!arena)
		return fail("out of memory");
	if (la_dump_open(&dump, part, nparts, NULL, &err) != LA_OK)
		status = fail(err.text);
	else
		status = print_relocation(dump, vmlinux, arena);
	la_dump_close(dump);
	la_arena_free(arena);
	return status;
}
