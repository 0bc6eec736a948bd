/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * struct page: what a page frame is used for. Source: include/linux/page-flags.h and
 * page-flags-layout.h, mm_types.h (Linux 5.10 to 7.2).
 */
#ifndef LAKVM_PAGE_H
#define LAKVM_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lakvm/guest/kernel.h"
#include "lakvm/guest/sections.h"
#include "lakvm/base/status.h"

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
	char owner_name[64]; /* the slab cache's, or la_inode.on; empty = unknown */
};

/** "file", "anon", "ksm", "slab"; NULL for LA_PAGE_NOBODY. */
const char *la_page_owner_name(const struct la_page *page);

/**
 * The struct page at @address. What the kernel keeps only of the first page of a compound page
 * (struct folio, since 5.16; PF_HEAD and PF_NO_TAIL before) is that page's.
 */
enum la_status la_page_read(const struct la_kernel *k, const struct la_sections *s,
			    uint64_t address, struct la_page *ret, struct la_error *err);

/** Is it, by its type, the first page of a free block of the page allocator (struct page at @address)? */
bool la_page_is_buddy(const struct la_kernel *k, uint64_t address);

#endif
