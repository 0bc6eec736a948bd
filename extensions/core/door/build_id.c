// SPDX-License-Identifier: GPL-3.0-or-later
// Which build of a kernel an ELF file is, and whether it has what is needed of one.
#include <stdio.h>
#include <string.h>

#include "dump/notes.h"
#include "elf_file.h"

#define EM_LOONG 258 /* EM_LOONGARCH, which older headers lack */

void la_build_id_text(const struct la_build_id *id, char ret[2 * 64 + 1])
{
	ret[0] = '\0';
	for (size_t i = 0; i < id->size; i++)
		snprintf(ret + 2 * i, 3, "%02x", id->byte[i]);
}

static int digit(char c)
{
	const char *const digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

bool la_build_id_parse(const char *text, size_t len, struct la_build_id *ret)
{
	struct la_build_id id = { .size = len / 2 };

	if (len < 4 || len % 2 || id.size > sizeof(id.byte))
		return false;
	for (size_t i = 0; i < id.size; i++) {
		const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		id.byte[i] = (uint8_t)(high << 4 | low);
	}
	*ret = id;
	return true;
}

bool la_build_id_same(const struct la_build_id *a, const struct la_build_id *b)
{
	return a->size == b->size && !memcmp(a->byte, b->byte, a->size);
}

static bool find_note(const Elf_Data *data, struct la_build_id *ret, uint64_t *offset)
{
	struct la_notes notes = la_notes_of(data->d_buf, data->d_size);
	struct la_note note;

	while (la_notes_next(&notes, &note)) {
		if (note.type != LA_BUILD_ID_TYPE || !la_note_is(&note, LA_BUILD_ID_OWNER) ||
		    !note.descsz || note.descsz > sizeof(ret->byte))
			continue;
		*ret = (struct la_build_id){ .size = note.descsz };
		memcpy(ret->byte, note.desc, note.descsz);
		*offset = (uint64_t)(note.desc - (const uint8_t *)data->d_buf);
		return true;
	}
	return false;
}

bool la_elf_file_build_id(const struct la_elf_file *f, struct la_build_id *ret, uint64_t *address)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	uint64_t offset;

	while ((section = elf_nextscn(la_elf_file_elf(f), section))) {
		const Elf_Data *data;

		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_NOTE ||
		    !(header.sh_flags & SHF_ALLOC) || !(data = elf_rawdata(section, NULL)) ||
		    !data->d_buf || !find_note(data, ret, &offset))
			continue;
		if (address)
			*address = header.sh_addr + offset;
		return la_elf_file_sound(f);
	}
	return false;
}

/* Bytes of the section @name in the file; one that was packed or left out (SHT_NOBITS) counts as it is. */
static bool has_section(Elf *elf, const char *name)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return false;
	while ((section = elf_nextscn(elf, section))) {
		const char *here;

		if (gelf_getshdr(section, &header) && header.sh_type != SHT_NOBITS &&
		    header.sh_size && (here = elf_strptr(elf, names, header.sh_name)) &&
		    !strcmp(here, name))
			return true;
	}
	return false;
}

enum la_status la_elf_file_is_kernel(const struct la_elf_file *f, struct la_error *err)
{
	Elf *elf = la_elf_file_elf(f);
	GElf_Ehdr header;
	uint64_t size;

	if (!gelf_getehdr(elf, &header) || header.e_machine != EM_LOONG)
		return la_fail(err, LA_UNSUPPORTED, "not a program of LoongArch");
	if (!has_section(elf, ".symtab"))
		return la_fail(err, LA_ABSENT, "it has no symbols");
	if (!la_elf_file_symbol_size(f, "linux_banner", &size))
		return la_fail(err, LA_UNSUPPORTED, "not a kernel");
	if (!has_section(elf, ".text"))
		return la_fail(err, LA_ABSENT, "it has no code, only what a debugger adds");
	if (!has_section(elf, ".debug_info"))
		return la_fail(err, LA_ABSENT, "it has no debugging information");
	return LA_OK;
}
