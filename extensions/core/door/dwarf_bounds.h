/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What libdw is not asked, because the answer could take any amount of time or memory: a file of a
 * megabyte can describe tables of many gigabytes.
 */
#ifndef LAKVM_DOOR_DWARF_BOUNDS_H
#define LAKVM_DOOR_DWARF_BOUNDS_H

#include <elfutils/libdw.h>
#include <gelf.h>
#include <stdbool.h>

/**
 * May @section, which says of itself how large it is when it is unpacked, be unpacked? True also for one that
 * is not packed.
 */
bool la_elf_unpacks(Elf_Scn *section, const GElf_Shdr *header);

/** May units be read? libdw keeps for each of them the abbreviations that it has gone through. */
bool la_dwarf_units_bounded(Dwarf *dwarf);

/** May the files and lines of @unit be read? Each byte of its program can make a line, which takes a hundred. */
bool la_dwarf_lines_bounded(Dwarf_Die *unit);

/** Go to the next entry beside @die; false: it was the last, or the next would lie before it, which goes in circles. */
bool la_dwarf_next(Dwarf_Die *die);

#endif
