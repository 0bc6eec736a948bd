/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The door over a vmlinux file (symbols, DWARF) and a dump: the core without crash. */
#ifndef LAKVM_ELF_DOOR_H
#define LAKVM_ELF_DOOR_H

#include "lakvm/base/arena.h"
#include "lakvm/door/door.h"
#include "lakvm/door/modules.h"
#include "lakvm/base/status.h"

struct la_dump;
struct la_elf_door;

/**
 * Open @vmlinux, an ELF64 file of LoongArch with a symbol table; types and enumerators are known only
 * if it has DWARF too. @vmlinux, @dump (NULL for none) and @arena, which has the door's memory, must
 * outlive the door; the file is open until la_elf_door_close. LA_IO, LA_INVALID: no such file
 * (la_elf_file_open), or of another machine. LA_ABSENT: it has no symbols. LA_NOMEM. @err says which, and
 * *@ret is NULL. Of a file that is cut while it is open, nothing more is known.
 */
enum la_status la_elf_door_open(struct la_elf_door **ret, const char *vmlinux, struct la_dump *dump,
				struct la_arena *arena, struct la_error *err);
/** NULL is allowed. */
void la_elf_door_close(struct la_elf_door *e);

/** Set what is added to addresses of the file (la_relocation_find); 0 at first. */
void la_elf_door_relocate(struct la_elf_door *e, uint64_t relocation);

/**
 * Set what neither file tells: where the guest has RAM (la_dump_ram), and what a person says of it
 * (NULL: nothing). Both must outlive the door.
 */
void la_elf_door_set_guest(struct la_elf_door *e, const struct la_ram_range *ram, size_t nram,
			   const struct la_overrides *said);

/**
 * Set the modules whose symbols it shall know too (la_modules_read), behind vmlinux's; NULL: none. They must outlive
 * the door.
 */
void la_elf_door_set_modules(struct la_elf_door *e, const struct la_modules *modules);

/** Did memory run out in the middle of its DWARF? Then what it does not know may well be there. */
bool la_elf_door_exhausted(const struct la_elf_door *e);

/** The door itself; valid until la_elf_door_close. */
const struct la_door *la_elf_door(const struct la_elf_door *e);

#endif
