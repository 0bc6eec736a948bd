/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel's ELF file for those that know elfutils. */
#ifndef LAKVM_DOOR_ELF_FILE_H
#define LAKVM_DOOR_ELF_FILE_H

#include <elfutils/libdw.h>
#include <gelf.h>

#include "lakvm/base/status.h"
#include "lakvm/door/elf_file.h"

/** libelf's and libdw's handles, valid until la_elf_file_close. NULL: no DWARF, or a section too large. */
Elf *la_elf_file_elf(const struct la_elf_file *f);
Dwarf *la_elf_file_dwarf(struct la_elf_file *f);

/**
 * Run @fn(@arg), which asks libdw about this file: libdw ends the process when it is out of memory, and here that
 * ends @fn instead. Signals wait meanwhile. False: it ran out, now or before. From then on the file has no
 * DWARF, but what libdw gave before stays valid until la_elf_file_close.
 */
bool la_elf_file_ask_dwarf(struct la_elf_file *f, void (*fn)(void *), void *arg);

/** Memory ran out for what was to be kept of this file's DWARF: from now on it has none. */
void la_elf_file_set_exhausted(struct la_elf_file *f);

/** Did memory run out for this file's DWARF? */
bool la_elf_file_exhausted(const struct la_elf_file *f);

/**
 * The content of the section @name, unpacked where it is compressed. LA_ABSENT: there is none. LA_CORRUPT: it
 * does not unpack, or la_elf_unpacks() refuses it.
 */
enum la_status la_elf_file_section(struct la_elf_file *f, const char *name, Elf_Data **ret,
				   struct la_error *err);

#endif
