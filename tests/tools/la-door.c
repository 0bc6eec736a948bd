// SPDX-License-Identifier: GPL-3.0-or-later
// What the door over vmlinux and dump says to the questions of door_facts.c; crash's door is asked the
// same by tests/session/askdoor.c.
#include <stdio.h>
#include <stdlib.h>

#include "door_facts.h"
#include "lakvm/door/elf_door.h"
#include "lakvm/dump/dump.h"

int main(int argc, char **argv)
{
	struct la_arena *arena = la_arena_new(256u << 20);
	struct la_error err = { "" };
	struct la_ram_range *ram;
	struct la_elf_door *v;
	struct la_dump *dump;
	size_t n;

	if (argc < 3 || !arena) {
		fprintf(stderr, "usage: la-door VMLINUX DUMP [RELOCATION]\n");
		return 99;
	}
	if (la_dump_open(&dump, (const char *const *)argv + 2, 1, NULL, &err) != LA_OK ||
	    la_dump_ram(dump, false, arena, &ram, &n, &err) != LA_OK ||
	    la_elf_door_open(&v, argv[1], dump, arena, &err) != LA_OK) {
		fprintf(stderr, "%s\n", err.text);
		return 99;
	}
	la_elf_door_relocate(v, argc > 3 ? strtoull(argv[3], NULL, 0) : 0);
	la_elf_door_set_guest(v, ram, n, NULL);
	door_facts(la_elf_door(v), stdout);
	la_elf_door_close(v);
	la_dump_close(dump);
	la_arena_free(arena);
	return 0;
}
