/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory sections (SPARSEMEM_EXTREME) and struct page. Source: include/linux/mmzone.h,
 * page-flags.h and page-flags-layout.h, mm/sparse.c, arch/loongarch/include/asm/sparsemem.h
 * (Linux 5.19 to 7.2).
 */
#ifndef LAKVM_SECTIONS_H
#define LAKVM_SECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/guest/kernel.h"
#include "lakvm/base/status.h"

/* What SECTION_SIZE_BITS can be believed to be. */
#define LA_SECTION_BITS_MIN 24
#define LA_SECTION_BITS_MAX 34

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
	char remark[200];      /* what the table itself says against size_bits; empty: nothing */
};

/**
 * How this guest keeps its memory sections. The size of a section is what VMCOREINFO says, else
 * that of the kernel's version, where the table does not disprove it: sections that exist have RAM
 * in them (the door's). LA_ABSENT: a kernel without
 * sections. LA_UNSUPPORTED, or why the table is not known: size_bits is valid all the same.
 */
enum la_status la_sections_init(struct la_sections *ret, const struct la_kernel *k,
				struct la_error *err);

/** How many roots the table has room for (NR_SECTION_ROOTS). */
uint64_t la_sections_roots(const struct la_sections *s);

struct la_section {
	uint64_t number;
	uint64_t start, end; /* physical range */
	bool rebuilt;        /* the table cannot be read: page follows from vmemmap alone */
	uint64_t map;        /* section_mem_map as it is; unknown if rebuilt */
	uint64_t page;       /* struct page of the address that was asked for; 0 = none */
};

/** The section and the struct page of @pa. LA_ABSENT: the guest has no such section. */
enum la_status la_section_find(const struct la_kernel *k, const struct la_sections *s, uint64_t pa,
			       struct la_section *ret, struct la_error *err);

/** Flags of a section, "PRESENT|HAS_MEM_MAP|ONLINE|EARLY". */
void la_section_flags(uint64_t map, char *ret, size_t size);

#define LA_PAGE_UNKNOWN (-1)

struct la_page {
	uint64_t address;
	uint64_t flags; /* the whole word, with the page's zone and node at its top */
	uint64_t head;  /* of a tail page: the first page of the compound page; 0: no tail */
	char names
		[320]; /* of the flags, "lru|uptodate", of a tail page the head's; empty: none set */
	const char *type;      /* "buddy", "slab", ...; NULL: no typed page, or unknown */
	int zone, node;        /* LA_PAGE_UNKNOWN */
	const char *zone_name; /* NULL = unknown */
	bool refcount_known, mapcount_known;
	int32_t refcount; /* of a tail page the head's */
	int32_t mapcount; /* as /proc/kpagecount: 0 = not mapped; unknown for a typed page but hugetlb,
			      * and for a page of a large folio whose mappings the kernel only counts together */
	/* Whose memory it is, by its mapping or its slab; of a tail page the head's. */
	enum { LA_PAGE_NOBODY, LA_PAGE_FILE, LA_PAGE_ANON, LA_PAGE_KSM, LA_PAGE_SLAB } owner;
	uint64_t inode; /* of LA_PAGE_FILE: its number; 0 = unknown */
	uint64_t index; /* of LA_PAGE_FILE: the page's in the file, in pages */
	bool index_known;
	char owner_name[64]; /* the slab cache's, or the file system's (s_id); empty = unknown */
};

/** "file", "anon", "ksm", "slab"; NULL for LA_PAGE_NOBODY. */
const char *la_page_owner_name(const struct la_page *page);

/**
 * The struct page at @address. What the kernel keeps only of the first page of a compound page
 * (struct folio, since 5.16; PF_HEAD and PF_NO_TAIL before) is that page's.
 */
enum la_status la_page_read(const struct la_kernel *k, const struct la_sections *s,
			    uint64_t address, struct la_page *ret, struct la_error *err);

#endif
