/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A vmlinux for tests: some sections of debugging information, and one symbol. */
#ifndef LAKVM_TEST_SMALL_ELF_H
#define LAKVM_TEST_SMALL_ELF_H

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALL_ELF_PATH 40
#define SMALL_ELF_SECTIONS 8

struct small_section {
	const char *name;
	const void *bytes;
	size_t size;
	uint32_t type, link, entry; /* 0: SHT_PROGBITS and none */
};

/* Writes it into a new file, whose name goes to @path; the @n sections are 1 to n, in this order. */
static inline void small_elf_write(char *path, const struct small_section *given, size_t n)
{
	static const char symbol_names[] = "\0_stext";
	static const Elf64_Sym symbols[2] = { [1] = { .st_name = 1,
						      .st_info =
							      ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
						      .st_shndx = SHN_ABS,
						      .st_value = UINT64_C(0x9000000000200000),
						      .st_size = 4 } };
	struct small_section section[SMALL_ELF_SECTIONS];
	Elf64_Shdr shdr[SMALL_ELF_SECTIONS + 1] = { { 0 } };
	char names[256] = "";
	size_t length = 1;
	Elf64_Ehdr ehdr = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			    .e_type = ET_EXEC,
			    .e_machine = 258,
			    .e_version = EV_CURRENT,
			    .e_shoff = sizeof(ehdr),
			    .e_ehsize = sizeof(ehdr),
			    .e_shentsize = sizeof(Elf64_Shdr),
			    .e_shnum = (uint16_t)(n + 4),
			    .e_shstrndx = (uint16_t)(n + 3) };
	uint64_t at = sizeof(ehdr) + (n + 4) * sizeof(Elf64_Shdr);
	FILE *f;

	assert_true(n + 3 <= SMALL_ELF_SECTIONS);
	memcpy(section, given, n * sizeof(*given));
	section[n] = (struct small_section){ ".symtab",  symbols,           sizeof(symbols),
					     SHT_SYMTAB, (uint32_t)(n + 2), sizeof(Elf64_Sym) };
	section[n + 1] = (struct small_section){ .name = ".strtab",
						 .bytes = symbol_names,
						 .size = sizeof(symbol_names),
						 .type = SHT_STRTAB };
	section[n + 2] = (struct small_section){
		.name = ".shstrtab", .bytes = names, .size = sizeof(names), .type = SHT_STRTAB
	};
	for (size_t s = 0; s < n + 3; s++) {
		shdr[s + 1] =
			(Elf64_Shdr){ .sh_name = (uint32_t)length,
				      .sh_type = section[s].type ? section[s].type : SHT_PROGBITS,
				      .sh_offset = at,
				      .sh_size = section[s].size,
				      .sh_link = section[s].link,
				      .sh_entsize = section[s].entry,
				      .sh_addralign = 1 };
		at += section[s].size;
		strcpy(names + length, section[s].name);
		length += strlen(section[s].name) + 1;
	}
	strcpy(path, "/tmp/lakvm-elf-XXXXXX");
	f = fdopen(mkstemp(path), "wb");
	assert_non_null(f);
	fwrite(&ehdr, sizeof(ehdr), 1, f);
	fwrite(shdr, (n + 4) * sizeof(*shdr), 1, f);
	for (size_t s = 0; s < n + 3; s++)
		fwrite(section[s].bytes, 1, section[s].size, f);
	assert_int_equal(fclose(f), 0);
}

#endif
