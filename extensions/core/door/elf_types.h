/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Structures, unions and enumerators out of DWARF, by name; the first definition of a name counts. */
#ifndef LAKVM_DOOR_ELF_TYPES_H
#define LAKVM_DOOR_ELF_TYPES_H

#include "elf_file.h"
#include "lakvm/base/arena.h"
#include "lakvm/door/door.h"

struct la_types;

/** @file and @arena must live as long. NULL: out of memory. */
struct la_types *la_types_new(struct la_arena *arena, struct la_elf_file *file);

/** As the door's member(), type_size() and enumerator() promise; nothing is found in an exhausted file. */
bool la_types_member(struct la_types *t, const char *type, const char *member,
		     struct la_member *ret);
bool la_types_size(struct la_types *t, const char *type, size_t *ret);
bool la_types_enumerator(struct la_types *t, const char *name, int64_t *ret);

#endif
