// SPDX-License-Identifier: GPL-3.0-or-later
// The ELF core that a stream is turned into: headers and notes as QEMU's dump-guest-memory writes
// them (dump/dump.c, target/loongarch/arch_dump.c, 9.2 to 11.1). crash wants the notes in front of
// the first PT_LOAD, and as many vCPUs as there are only show behind the RAM; so there is room.
#include "core_file.h"

#include <elf.h>
#include <string.h>

#include "writer.h"

#ifndef EM_LOONGARCH
#define EM_LOONGARCH 258
#endif

#define NOTE_HEAD 20 /* Elf64_Nhdr and "CORE", padded to 8 */
#define PRSTATUS_SIZE 480
#define FPREGSET_SIZE 268
#define CPU_NOTES (NOTE_HEAD + PRSTATUS_SIZE + NOTE_HEAD + FPREGSET_SIZE)
#define NOTES_AT 4096

static uint8_t *note_head(uint8_t *at, uint32_t type, uint32_t size)
{
	Elf64_Nhdr head = { .n_namesz = 5, .n_descsz = size, .n_type = type };

	memcpy(at, &head, sizeof(head));
	memcpy(at + sizeof(head), "CORE", 5);
	return at + NOTE_HEAD;
}

/* struct loongarch_elf_prstatus and struct loongarch_fpu_struct. @at is zero. */
static uint8_t *cpu_notes(uint8_t *at, const struct la_saved_cpu *cpu)
{
	uint32_t pid = cpu->vcpu + 1, fpvalid = 1;

	at = note_head(at, NT_PRSTATUS, PRSTATUS_SIZE);
	memcpy(at + 32, &pid, 4);
	memcpy(at + 112, cpu->gpr, sizeof(cpu->gpr));
	memcpy(at + 112 + 33 * 8, &cpu->era, 8);
	memcpy(at + 112 + 34 * 8, &cpu->badv, 8);
	memcpy(at + 472, &fpvalid, 4);
	at = note_head(at + PRSTATUS_SIZE, NT_FPREGSET, FPREGSET_SIZE);
	memcpy(at, cpu->fpr, sizeof(cpu->fpr));
	memcpy(at + 256, &cpu->fcc, 8);
	memcpy(at + 264, &cpu->fcsr, 4);
	return at + FPREGSET_SIZE;
}

static Elf64_Phdr segment(uint64_t pa, uint64_t size, uint64_t offset)
{
	return (Elf64_Phdr){ .p_type = PT_LOAD,
			     .p_offset = offset,
			     .p_vaddr = pa,
			     .p_paddr = pa,
			     .p_filesz = size,
			     .p_memsz = size };
}

enum la_status la_core_write(struct la_arena *arena, int out, uint64_t ram, uint64_t high_base,
			     const struct la_saved_cpu *cpu, size_t ncpus, struct la_error *err)
{
	uint64_t low = ram < LA_LOW_RAM ? ram : LA_LOW_RAM;
	Elf64_Phdr phdr[3] = { { .p_type = PT_NOTE, .p_offset = NOTES_AT } };
	Elf64_Ehdr head = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_CORE,
		.e_machine = EM_LOONGARCH,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(head),
		.e_ehsize = sizeof(head),
		.e_phentsize = sizeof(phdr[0]),
		.e_phnum = ram > low ? 3 : 2,
	};
	uint8_t *notes, *at;

	if (ncpus > (LA_CORE_DATA - NOTES_AT) / CPU_NOTES)
		return la_fail(err, LA_UNSUPPORTED, "%zu vCPUs: more than a dump has room for",
			       ncpus);
	at = notes = la_alloc_n(arena, ncpus, CPU_NOTES);
	if (!notes)
		return la_fail(err, LA_NOMEM, "notes of %zu vCPUs", ncpus);
	for (size_t i = 0; i < ncpus; i++)
		at = cpu_notes(at, &cpu[i]);
	phdr[0].p_filesz = phdr[0].p_memsz = (uint64_t)(at - notes);
	phdr[1] = segment(0, low, LA_CORE_DATA);
	phdr[2] = segment(high_base, ram - low, LA_CORE_DATA + low);
	if (la_pwrite(out, &head, sizeof(head), 0, err) != LA_OK ||
	    la_pwrite(out, phdr, sizeof(phdr), sizeof(head), err) != LA_OK ||
	    la_pwrite(out, notes, (size_t)(at - notes), NOTES_AT, err) != LA_OK)
		return LA_IO;
	return LA_OK;
}
