/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory sections (SPARSEMEM_EXTREME). Source: include/linux/mmzone.h, mm/sparse.c,
 * arch/loongarch/include/asm/sparsemem.h (Linux 5.19 to 7.2).
 */
#ifndef LAKVM_SECTIONS_H
#define LAKVM_SECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/guest/kernel.h"
#include "lakvm/base/status.h"

struct la_sections {
	unsigned size_bits;    /* a section has 1 << size_bits bytes; valid whatever else is not */
	const char *size_from; /* what says so: "VMCOREINFO", ... */
	unsigned physmem_bits; /* sections cover 1 << physmem_bits bytes; valid likewise */
	uint64_t roots;        /* virtual address of the array of pointers to roots; 0: unknown */
	size_t entry_size;     /* sizeof(struct mem_section): 16, or 32 with PAGE_EXTENSION */
	uint64_t per_root;     /* entries in a root; 0: the layout of the table is not known */
	size_t page_size;      /* sizeof(struct page); may be no power of two */
	bool has_vmemmap;      /* the kernel has all struct pages in one virtual array */
	uint64_t vmemmap;      /* that array; 0 = unknown */
	char remark[200];      /* what speaks against size_bits, or that nothing speaks for it */
};

/**
 * How this guest keeps its memory sections. The size of a section is what an option, VMCOREINFO or
 * the build (struct mem_section_usage) says; else the only one with which all sections of the table have
 * RAM in them (the door's); else that of the kernel's version, and then the remark says that it is a guess.
 * LA_OK: struct pages can be found, by the table or, where roots is 0, by vmemmap alone. LA_ABSENT: a kernel
 * without sections, or one that has not set them up. LA_UNSUPPORTED, or why the table is not known: size_bits
 * and physmem_bits are valid all the same.
 */
enum la_status la_sections_init(struct la_sections *ret, const struct la_kernel *k,
				struct la_error *err);

/** How many roots the table has room for (NR_SECTION_ROOTS); 0 where its layout is not known. */
uint64_t la_sections_roots(const struct la_sections *s);

struct la_section {
	uint64_t number;
	uint64_t start, end; /* physical range */
	bool rebuilt;        /* the table cannot be read: page follows from vmemmap alone */
	uint64_t map;        /* section_mem_map as it is; unknown if rebuilt */
	uint64_t page;       /* struct page of the address that was asked for; 0 = none */
};

/**
 * The section and the struct page of @pa, of sections that la_sections_init found. LA_ABSENT: the guest has no
 * such section; number, start and end are filled in all the same. Else why the table cannot be read.
 */
enum la_status la_section_find(const struct la_kernel *k, const struct la_sections *s, uint64_t pa,
			       struct la_section *ret, struct la_error *err);

/** Flags of a section, "PRESENT|HAS_MEM_MAP|ONLINE|EARLY". */
void la_section_flags(uint64_t map, char *ret, size_t size);

#endif
