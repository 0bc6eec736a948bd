// SPDX-License-Identifier: GPL-3.0-or-later
// Bounds of what libdw is asked. Source of the formats: DWARF 5, 6.2.4 and 7.5.3.
#include "dwarf_bounds.h"

#include <dwarf.h>
#include <string.h>

#include "base/bytes.h"

/* Debian 7.2 has 190 MiB of .debug_info. Debugging information packs to a third or a tenth. */
#define MAX_UNPACKED (UINT64_C(1) << 30)
#define MAX_TIMES 32
#define ALWAYS_UNPACKED (UINT64_C(1) << 20)

/*
 * Entries of all units' tables, and one more for so many bytes of .debug_info. A kernel of 50 MiB of it has 130,000; one
 * of 16 MiB 690,000 behind dwz, which lets units share tables. A unit takes as much memory as a few of them.
 */
#define MAX_ABBREVIATIONS (1u << 20)
#define BYTES_FOR_ONE 8
#define UNIT_COUNTS_AS 8

/* Bytes of one unit's lines; the longest of kernels that were looked at have 130 KB. */
#define MAX_LINES (2u << 20)

bool la_elf_unpacks(Elf_Scn *section, const GElf_Shdr *header)
{
	GElf_Chdr packed;

	if (!(header->sh_flags & SHF_COMPRESSED))
		return true;
	return gelf_getchdr(section, &packed) && packed.ch_size <= MAX_UNPACKED &&
	       (packed.ch_size <= ALWAYS_UNPACKED || packed.ch_size / MAX_TIMES <= header->sh_size);
}

/* A section of @elf as libdw has it, which unpacks what it uses; NULL: none, or under another name. */
static Elf_Data *section_data(Elf *elf, const char *wanted)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return NULL;
	while ((section = elf_nextscn(elf, section))) {
		const char *name = gelf_getshdr(section, &header) ?
					   elf_strptr(elf, names, header.sh_name) :
					   NULL;

		if (name && !strcmp(name, wanted) && header.sh_type != SHT_NOBITS &&
		    !(header.sh_flags & SHF_COMPRESSED))
			return elf_rawdata(section, NULL);
	}
	return NULL;
}

static bool leb128(const unsigned char **at, const unsigned char *end, uint64_t *ret)
{
	*ret = 0;
	for (unsigned shift = 0; *at < end; shift += 7) {
		const unsigned char byte = *(*at)++;

		if (shift < 64)
			*ret |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

/* Behind the attributes of one abbreviation; false: the section ends in them. */
static bool skip_attributes(const unsigned char **at, const unsigned char *end)
{
	uint64_t name, form, value;

	do {
		if (!leb128(at, end, &name) || !leb128(at, end, &form) ||
		    (form == DW_FORM_implicit_const && !leb128(at, end, &value)))
			return false;
	} while (name || form);
	return true;
}

/* Entries of the table at @offset, at most @most. */
static size_t abbreviations(const Elf_Data *table, uint64_t offset, size_t most)
{
	const unsigned char *at = table->d_buf, *end = at + table->d_size;
	uint64_t code, tag;
	size_t n = 0;

	for (at += offset < table->d_size ? offset : table->d_size; n < most; n++) {
		if (!leb128(&at, end, &code) || !code || !leb128(&at, end, &tag) || at == end)
			break;
		at++; /* has it children */
		if (!skip_attributes(&at, end))
			break;
	}
	return n;
}

bool la_dwarf_units_bounded(Dwarf *dwarf)
{
	const Elf_Data *table = section_data(dwarf_getelf(dwarf), ".debug_abbrev");
	const Elf_Data *info = section_data(dwarf_getelf(dwarf), ".debug_info");
	const size_t most = MAX_ABBREVIATIONS + (info ? info->d_size / BYTES_FOR_ONE : 0);
	Dwarf_Off unit = 0, next, offset;
	size_t seen = 0, header;

	while (table && table->d_buf && seen < most &&
	       !dwarf_nextcu(dwarf, unit, &next, &header, &offset, NULL, NULL) && next > unit) {
		seen += UNIT_COUNTS_AS + abbreviations(table, offset, most - seen);
		unit = next;
	}
	return seen < most;
}

bool la_dwarf_lines_bounded(Dwarf_Die *unit)
{
	Dwarf *dwarf = dwarf_cu_getdwarf(unit->cu);
	const Elf_Data *table = dwarf ? section_data(dwarf_getelf(dwarf), ".debug_line") : NULL;
	Dwarf_Attribute attribute;
	const unsigned char *at;
	Dwarf_Word offset;

	if (!table || !table->d_buf || table->d_size < 12 ||
	    !dwarf_attr(unit, DW_AT_stmt_list, &attribute) ||
	    dwarf_formudata(&attribute, &offset) || offset > table->d_size - 12)
		return false;
	at = (const unsigned char *)table->d_buf + offset;
	return la_le32(at) == UINT32_MAX ? la_le64(at + 4) <= MAX_LINES : la_le32(at) <= MAX_LINES;
}

bool la_dwarf_next(Dwarf_Die *die)
{
	const Dwarf_Off before = dwarf_dieoffset(die);

	return !dwarf_siblingof(die, die) && dwarf_dieoffset(die) > before;
}
