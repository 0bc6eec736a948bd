/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A temporary ELF file that has nothing but .debug_frame, made by hand. */
#ifndef LAKVM_TEST_DEBUG_FRAME_H
#define LAKVM_TEST_DEBUG_FRAME_H

#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct frames_section {
	unsigned char bytes[4096];
	size_t size;
};

static inline void frame_u32(struct frames_section *s, uint32_t v)
{
	memcpy(s->bytes + s->size, &v, 4);
	s->size += 4;
}

static inline void frame_u64(struct frames_section *s, uint64_t v)
{
	memcpy(s->bytes + s->size, &v, 8);
	s->size += 8;
}

/* Fill in an entry's length, padded with DW_CFA_nop to 8 bytes. */
static inline void frame_close(struct frames_section *s, size_t start)
{
	while ((s->size - start) % 8)
		s->bytes[s->size++] = 0;
	uint32_t length = (uint32_t)(s->size - start - 4);
	memcpy(s->bytes + start, &length, 4);
}

/* The CIE that gcc writes for LoongArch: data alignment -8, ra in r1, CFA = r3. At offset 0. */
static inline void frame_cie(struct frames_section *s)
{
	static const unsigned char body[] = { 1, 0, 1, 0x78, 1, 0x0c, 3, 0 };
	size_t start = s->size;

	frame_u32(s, 0);
	frame_u32(s, 0xffffffff);
	memcpy(s->bytes + s->size, body, sizeof(body));
	s->size += sizeof(body);
	frame_close(s, start);
}

static inline void frame_fde(struct frames_section *s, uint64_t pc, uint64_t size,
			     const void *program, size_t len)
{
	size_t start = s->size;

	frame_u32(s, 0);
	frame_u32(s, 0); /* CIE */
	frame_u64(s, pc);
	frame_u64(s, size);
	memcpy(s->bytes + s->size, program, len);
	s->size += len;
	frame_close(s, start);
}

/* Write the file; the name is the caller's to unlink and free. */
static inline char *frame_write(const struct frames_section *s)
{
	static const char names[] = "\0.debug_frame\0.shstrtab";
	char *path = strdup("/tmp/lakvm-frames-XXXXXX");
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "wb");
	Elf64_Ehdr ehdr = { .e_type = ET_EXEC,
			    .e_machine = 258,
			    .e_version = 1,
			    .e_ehsize = sizeof(ehdr),
			    .e_shentsize = sizeof(Elf64_Shdr),
			    .e_shnum = 3,
			    .e_shstrndx = 2,
			    .e_shoff = sizeof(ehdr) };
	Elf64_Shdr shdr[3] = { { 0 } };

	memcpy(ehdr.e_ident, ELFMAG, SELFMAG);
	ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
	ehdr.e_ident[EI_VERSION] = EV_CURRENT;
	shdr[1] = (Elf64_Shdr){ .sh_name = 1,
				.sh_type = SHT_PROGBITS,
				.sh_offset = sizeof(ehdr) + sizeof(shdr),
				.sh_size = s->size,
				.sh_addralign = 8 };
	shdr[2] = (Elf64_Shdr){ .sh_name = 14,
				.sh_type = SHT_STRTAB,
				.sh_offset = sizeof(ehdr) + sizeof(shdr) + s->size,
				.sh_size = sizeof(names),
				.sh_addralign = 1 };
	fwrite(&ehdr, sizeof(ehdr), 1, f);
	fwrite(shdr, sizeof(shdr), 1, f);
	fwrite(s->bytes, 1, s->size, f);
	fwrite(names, 1, sizeof(names), f);
	fclose(f);
	return path;
}

#endif
