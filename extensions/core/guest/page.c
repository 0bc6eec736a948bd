// SPDX-License-Identifier: GPL-3.0-or-later
// struct page: what a page frame is used for.
#include "lakvm/guest/page.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lakvm/guest/inode.h"
#include "lakvm/guest/vmcoreinfo.h"

struct name {
	const char *enumerator, *text;
};

static void add_name(char *ret, size_t size, size_t *used, const char *name)
{
	int n = *used < size ? snprintf(ret + *used, size - *used, "%s%s", *used ? "|" : "", name) :
			       0;

	*used += n > 0 ? (size_t)n : 0;
}

/* Names that a bit has for every page; aliases for certain kinds of pages are left out. */
static const char *const page_flag[] = {
	"PG_locked",     "PG_writeback",   "PG_referenced",   "PG_uptodate",     "PG_dirty",
	"PG_lru",        "PG_head",        "PG_waiters",      "PG_active",       "PG_workingset",
	"PG_error",      "PG_slab",        "PG_owner_priv_1", "PG_owner_2",      "PG_arch_1",
	"PG_reserved",   "PG_private",     "PG_private_2",    "PG_mappedtodisk", "PG_reclaim",
	"PG_swapbacked", "PG_unevictable", "PG_mlocked",      "PG_uncached",     "PG_hwpoison",
	"PG_young",      "PG_idle",        "PG_dropbehind",   "PG_arch_2",       "PG_arch_3",
};

static void name_flags(const struct la_door *door, struct la_page *page, uint64_t flags,
		       unsigned nflags)
{
	uint64_t seen = 0;
	size_t used = 0;
	int64_t bit;

	for (size_t i = 0; i < sizeof(page_flag) / sizeof(page_flag[0]); i++) {
		if (!door->enumerator(door->ctx, page_flag[i], &bit) || bit < 0 || bit >= nflags ||
		    seen >> bit & 1 || !(flags >> bit & 1))
			continue;
		seen |= UINT64_C(1) << bit;
		add_name(page->names, sizeof(page->names), &used, page_flag[i] + 3);
	}
}

static unsigned bits_for(uint64_t n)
{
	unsigned bits = 0;

	while (bits < 32 && UINT64_C(1) << bits < n)
		bits++;
	return bits;
}

/*
 * From the top of the word: section (without vmemmap only), node, zone (page-flags-layout.h). A
 * node that does not fit is kept elsewhere.
 */
static void read_places(const struct la_door *door, const struct la_sections *s,
			struct la_page *page, unsigned nflags)
{
	static const struct name zone[] = {
		{ "ZONE_DMA", "DMA" },       { "ZONE_DMA32", "DMA32" },
		{ "ZONE_NORMAL", "Normal" }, { "ZONE_MOVABLE", "Movable" },
		{ "ZONE_DEVICE", "Device" },
	};
	const unsigned sections = s->has_vmemmap || s->physmem_bits < s->size_bits ?
					  0 :
					  s->physmem_bits - s->size_bits;
	unsigned nodes = 0, zones, at = 64 - sections;
	uint64_t size;
	int64_t value;

	if (!door->enumerator(door->ctx, "__MAX_NR_ZONES", &value) || value < 1 || value > 8)
		return;
	zones = bits_for((uint64_t)value);
	/* node_data[MAX_NUMNODES] of pointers; a kernel without NUMA has none. */
	if (door->symbol_size(door->ctx, "node_data", &size))
		nodes = bits_for(size / 8);
	if (sections + zones + nodes + nflags <= 64) {
		at -= nodes;
		page->node = nodes ? (int)(page->flags >> at & ((UINT64_C(1) << nodes) - 1)) : 0;
	}
	at -= zones;
	page->zone = zones ? (int)(page->flags >> at & ((UINT64_C(1) << zones) - 1)) : 0;
	for (size_t i = 0; i < sizeof(zone) / sizeof(zone[0]); i++)
		if (door->enumerator(door->ctx, zone[i].enumerator, &value) && value == page->zone)
			page->zone_name = zone[i].text;
}

/*
 * The type of a page that no user maps, in a word it shares with the mapcount. From 6.12 on a number in
 * its top byte (enum pagetype); before, in a word of ones, the zero at one of the bits that 6.10 and
 * 6.11 name in that enum. Until then they are macros, of which VMCOREINFO repeats two, inverted; as
 * long as those have their old values, so have the other two (5.19 to 6.9).
 */
static const char *typed_by_bit(const struct la_kernel *k, uint32_t word)
{
	static const struct name type[] = {
		{ "PG_buddy", "buddy" },       { "PG_offline", "offline" }, { "PG_table", "table" },
		{ "PG_guard", "guard" },       { "PG_hugetlb", "hugetlb" }, { "PG_slab", "slab" },
		{ "PG_zsmalloc", "zsmalloc" },
	};
	static const uint32_t macro[] = { 0x80, 0x100, 0x200, 0x400 };
	const struct la_door *door = k->door;
	uint64_t buddy, offline;
	int64_t bit;

	if (!(word >> 31))
		return NULL;
	if (door->enumerator(door->ctx, "PG_buddy", &bit)) {
		for (size_t i = 0; i < sizeof(type) / sizeof(type[0]); i++)
			if (door->enumerator(door->ctx, type[i].enumerator, &bit) && bit >= 0x80 &&
			    !(word & bit))
				return type[i].text;
		return NULL;
	}
	if (la_vmcoreinfo_number(k->vmcoreinfo, k->vmcoreinfo_len,
				 "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)", false, &buddy) &&
	    ~(uint32_t)buddy != macro[0])
		return NULL;
	if (la_vmcoreinfo_number(k->vmcoreinfo, k->vmcoreinfo_len,
				 "NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)", false, &offline) &&
	    ~(uint32_t)offline != macro[1])
		return NULL;
	for (size_t i = 0; i < sizeof(macro) / sizeof(macro[0]); i++)
		if (!(word & macro[i]))
			return type[i].text;
	return NULL;
}

static void read_type(const struct la_kernel *k, uint64_t first, struct la_page *page)
{
	static const struct name type[] = {
		{ "PGTY_buddy", "buddy" },
		{ "PGTY_offline", "offline" },
		{ "PGTY_table", "table" },
		{ "PGTY_guard", "guard" },
		{ "PGTY_hugetlb", "hugetlb" },
		{ "PGTY_slab", "slab" },
		{ "PGTY_zsmalloc", "zsmalloc" },
		{ "PGTY_unaccepted", "unaccepted" },
		{ "PGTY_large_kmalloc", "large_kmalloc" },
	};
	const struct la_door *door = k->door;
	uint64_t word;
	int64_t value;

	if (la_read_member(k, first, "page", "page_type", &word, NULL) != LA_OK)
		return;
	if (!door->enumerator(door->ctx, type[0].enumerator, &value)) {
		page->type = typed_by_bit(k, (uint32_t)word);
		return;
	}
	for (size_t i = 0; i < sizeof(type) / sizeof(type[0]); i++)
		if (door->enumerator(door->ctx, type[i].enumerator, &value) &&
		    value == (int64_t)((uint32_t)word >> 24))
			page->type = type[i].text;
}

const char *la_page_owner_name(const struct la_page *page)
{
	static const char *const name[] = { NULL, "file", "anon", "ksm", "slab" };

	return name[page->owner];
}

/* struct slab lies over struct page since 5.17 (mm/slab.h); before, the member was in struct page. */
static void read_slab(const struct la_kernel *k, uint64_t first, struct la_page *ret)
{
	uint64_t cache, name;

	ret->owner = LA_PAGE_SLAB;
	if ((la_read_member(k, first, "slab", "slab_cache", &cache, NULL) == LA_OK ||
	     la_read_member(k, first, "page", "slab_cache", &cache, NULL) == LA_OK) &&
	    la_read_member(k, cache, "kmem_cache", "name", &name, NULL) == LA_OK)
		la_read_name(k, name, ret->owner_name, sizeof(ret->owner_name), NULL);
}

static void read_file(const struct la_kernel *k, uint64_t first, uint64_t mapping,
		      struct la_page *ret)
{
	struct la_inode inode;
	uint64_t host;

	ret->owner = LA_PAGE_FILE;
	ret->index_known =
		la_read_member(k, first, "page", "index", &ret->index, NULL) == LA_OK ||
		la_read_member(k, first, "page", "__folio_index", &ret->index, NULL) == LA_OK;
	if (la_read_member(k, mapping, "address_space", "host", &host, NULL) != LA_OK || !host)
		return;
	la_inode_read(k, host, &inode);
	ret->inode = inode.number;
	memcpy(ret->owner_name, inode.on, sizeof(ret->owner_name));
}

/* page->mapping (page-flags.h, PAGE_MAPPING_ANON): bit 0 anonymous memory, bits 0 and 1 KSM. */
static void read_owner(const struct la_kernel *k, uint64_t first, uint64_t flags,
		       struct la_page *ret)
{
	/* The only type of pages that tasks have. */
	const bool typed = ret->type && strcmp(ret->type, "hugetlb") != 0;
	uint64_t mapping;
	int64_t bit;

	/* Until 6.9 PG_slab was a flag. */
	if (ret->type ? !strcmp(ret->type, "slab") :
			k->door->enumerator(k->door->ctx, "PG_slab", &bit) && bit < 64 &&
				flags >> bit & 1) {
		read_slab(k, first, ret);
		return;
	}
	if (typed || !ret->refcount_known || ret->refcount <= 0 ||
	    la_read_member(k, first, "page", "mapping", &mapping, NULL) != LA_OK || !mapping)
		return;
	if ((mapping & 3) == 3)
		ret->owner = LA_PAGE_KSM;
	else if (mapping & 1)
		ret->owner = LA_PAGE_ANON;
	else if (!(mapping & 2)) /* a movable page of a driver */
		read_file(k, first, mapping, ret);
}

/*
 * A tail page has bit 0 set in the word that leads to its head: the head's address, or since 7.1
 * (compound_info), in kernels that free struct pages of huge pages and whose struct page has a power
 * of two bytes, the mask that turns a tail's address into it (linux/page-flags.h).
 */
static uint64_t find_head(const struct la_kernel *k, const struct la_sections *s, uint64_t address)
{
	const bool power = !(s->page_size & (s->page_size - 1));
	uint64_t word;

	if (la_read_member(k, address, "page", "compound_head", &word, NULL) == LA_OK)
		return word & 1 ? word - 1 : 0;
	if (la_read_member(k, address, "page", "compound_info", &word, NULL) != LA_OK ||
	    !(word & 1))
		return 0;
	word -= 1;
	return power && !(-word & (-word - 1)) ? address & word : word;
}

/* Counts of mappings begin at -1. Damaged ones may wrap. */
static bool read_count(const struct la_kernel *k, uint64_t address, const char *type,
		       const char *member, int32_t *ret)
{
	uint64_t value;

	if (la_read_member(k, address, type, member, &value, NULL) != LA_OK)
		return false;
	*ret = (int32_t)((uint32_t)value + 1);
	return true;
}

/*
 * Do the pages of a compound page that is mapped @whole times as a whole count their other mappings? Until
 * 6.9 always. From 6.15 on a kernel need not (NO_PAGE_MAPCOUNT) and only counts all mappings; then what would
 * be the number of pages that have other ones is not kept up, nor even set at first.
 */
static bool counts_pages(const struct la_kernel *k, uint64_t first, int32_t whole)
{
	/* in the number of pages (mm/internal.h, ENTIRELY_MAPPED) */
	const uint64_t entirely = 0x800000;
	int32_t all;
	uint64_t pages;

	if (!read_count(k, first, "folio", "_large_mapcount", &all) || all == whole)
		return true;
	if (la_read_member(k, first, "folio", "_nr_pages_mapped", &pages, NULL) != LA_OK ||
	    !(pages & entirely) != !whole)
		return false;
	pages &= ~entirely;
	return pages && all > whole && pages <= (uint64_t)((int64_t)all - whole);
}

/*
 * The mappings of a compound page as a whole, in its second page until 6.2. Until 6.1 a page of a file
 * has them in its own count too, and each anonymous one that is also mapped by itself one too many
 * (__page_mapcount(), mm/util.c).
 */
static bool read_whole_before_6_3(const struct la_kernel *k, uint64_t first, uint64_t second,
				  int32_t *ret)
{
	const struct la_door *door = k->door;
	uint64_t mapping, flags, destructor;
	int64_t bit, huge;

	if (!read_count(k, second, "page", "compound_mapcount", ret))
		return false;
	if (!door->enumerator(door->ctx, "PG_double_map", &bit) || bit < 0 || bit > 63)
		return true;
	if (la_read_member(k, first, "page", "mapping", &mapping, NULL) != LA_OK ||
	    la_read_member(k, second, "page", "flags", &flags, NULL) != LA_OK)
		return false;
	if (mapping & 1)
		*ret = (int32_t)((uint32_t)*ret - (uint32_t)(flags >> bit & 1));
	else if (!door->enumerator(door->ctx, "HUGETLB_PAGE_DTOR", &huge) ||
		 la_read_member(k, second, "page", "compound_dtor", &destructor, NULL) != LA_OK ||
		 destructor != (uint64_t)huge)
		*ret = 0;
	return true;
}

/* As /proc/kpagecount tells it: mappings of the page itself, and of the compound page that it is in. */
static void read_mapcount(const struct la_kernel *k, const struct la_sections *s, uint64_t first,
			  uint64_t flags, struct la_page *ret)
{
	const struct la_door *door = k->door;
	int32_t whole;
	int64_t head;

	if (!read_count(k, ret->address, "page", "_mapcount", &ret->mapcount))
		return;
	/* It shares its place with the type, which is far below -1 as a number. */
	ret->mapcount_known = ret->mapcount >= 0;
	if (!ret->mapcount_known && ret->type && !strcmp(ret->type, "hugetlb")) {
		ret->mapcount_known = true; /* mapped as a whole only */
		ret->mapcount = 0;
	}
	if (!door->enumerator(door->ctx, "PG_head", &head) || head < 0 || head > 63 ||
	    !(flags >> head & 1))
		return;
	if (read_count(k, first, "folio", "_entire_mapcount", &whole) ?
		    !counts_pages(k, first, whole) :
		    !read_whole_before_6_3(k, first, first + s->page_size, &whole))
		ret->mapcount_known = false;
	else
		ret->mapcount = (int32_t)((uint32_t)ret->mapcount + (uint32_t)whole);
}

enum la_status la_page_read(const struct la_kernel *k, const struct la_sections *s,
			    uint64_t address, struct la_page *ret, struct la_error *err)
{
	const struct la_door *door = k->door;
	int64_t nflags = 64;
	uint64_t value, flags, first = address;
	enum la_status status;

	*ret = (struct la_page){ .address = address,
				 .zone = LA_PAGE_UNKNOWN,
				 .node = LA_PAGE_UNKNOWN };
	status = la_read_member(k, address, "page", "flags", &ret->flags, err);
	if (status != LA_OK)
		return la_fail(err, status, "struct page %#" PRIx64, address);
	flags = ret->flags;
	ret->head = find_head(k, s, address);
	if (ret->head && la_read_member(k, ret->head, "page", "flags", &value, NULL) == LA_OK) {
		first = ret->head;
		flags = value;
	}
	if (door->enumerator(door->ctx, "__NR_PAGEFLAGS", &nflags) && nflags > 0 && nflags < 64) {
		name_flags(door, ret, flags, (unsigned)nflags);
		read_places(door, s, ret, (unsigned)nflags);
	}
	read_type(k, first, ret);
	if (la_read_member(k, first, "page", "_refcount", &value, NULL) == LA_OK) {
		ret->refcount_known = true;
		ret->refcount = (int32_t)value;
	}
	read_mapcount(k, s, first, flags, ret);
	read_owner(k, first, flags, ret);
	if (s->page_size)
		ret->index += (address - first) / s->page_size;
	return LA_OK;
}

bool la_page_is_buddy(const struct la_kernel *k, uint64_t address)
{
	struct la_page page = { .address = address };

	read_type(k, address, &page);
	return page.type && !strcmp(page.type, "buddy");
}
