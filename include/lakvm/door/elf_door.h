/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The door over a vmlinux file (symbols, DWARF) and a dump: the core without crash. */
#ifndef LAKVM_ELF_DOOR_H
#define LAKVM_ELF_DOOR_H

#include "lakvm/base/arena.h"
#include "lakvm/door/door.h"
#include "lakvm/base/status.h"

struct la_dump;
struct la_elf_door;

/**
 * Open @vmlinux, an ELF64 file of LoongArch with a symbol table; layouts of types are known only
 * if it has DWARF too. @dump, NULL for none, must outlive the door. The door's memory belongs to
 * @arena, its file is open until la_elf_door_close.
 */
enum la_status la_elf_door_open(struct la_elf_door **ret, const char *vmlinux, struct la_dump *dump,
				struct la_arena *arena, struct la_error *err);
void la_elf_door_close(struct la_elf_door *e);

/** Set what is added to addresses of the file (la_relocation_find); 0 at first. */
void la_elf_door_relocate(struct la_elf_door *e, uint64_t relocation);

/**
 * Set what neither file tells: where the guest has RAM (la_dump_ram), and what a person says of it
 * (NULL: nothing). Both must outlive the door.
 */
void la_elf_door_set_guest(struct la_elf_door *e, const struct la_ram_range *ram, size_t nram,
			   const struct la_overrides *said);

const struct la_door *la_elf_door(const struct la_elf_door *e);

#endif
