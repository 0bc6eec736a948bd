// SPDX-License-Identifier: GPL-3.0-or-later
// From a physical address to its memory section and struct page.
#include "lakvm/sections.h"

#include <inttypes.h>
#include <stdio.h>

#include "lakvm/dump.h"
#include "lakvm/vmcoreinfo.h"

/* MAX_PHYSMEM_BITS: 48 in every version (asm/sparsemem.h). */
static unsigned physmem_bits(const struct la_kernel *k)
{
	return k->door->overrides && k->door->overrides->phys_bits ? k->door->overrides->phys_bits : 48;
}

/* Low bits of section_mem_map. An encoded map is aligned to the smallest page, and no version has
 * flags beyond bit 4 here (SECTION_MAP_MASK, mmzone.h 5.10 to 7.2). */
#define SECTION_PRESENT UINT64_C(1)
#define SECTION_HAS_MEM_MAP UINT64_C(2)
#define SECTION_FLAGS UINT64_C(0x1f)

/* Both roots and entries are read as words; NULL roots and holes are what most of them are. */
#define MAX_ENTRY_WORDS (65536 / 8)

static uint64_t nr_roots(const struct la_sections *s, unsigned bits)
{
	const uint64_t n = UINT64_C(1) << (s->physmem_bits - bits);

	return (n + s->per_root - 1) / s->per_root;
}

uint64_t la_sections_roots(const struct la_sections *s)
{
	return nr_roots(s, s->size_bits);
}

static bool has_ram(const struct la_door *door, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < door->nram; i++)
		if (door->ram[i].start < end && door->ram[i].end > start)
			return true;
	return false;
}

enum fit { UNKNOWN, FITS, MISFIT };

/* With sections of 2^@bits bytes, does each one that the table has hold RAM? */
static enum fit table_fits(const struct la_kernel *k, const struct la_sections *s, unsigned bits)
{
	const size_t words = s->entry_size / 8;
	enum fit fit = UNKNOWN;
	struct la_member map;
	uint64_t root, entry[MAX_ENTRY_WORDS];

	if (!k->door->member(k->door->ctx, "mem_section", "section_mem_map", &map) ||
	    s->per_root * words > MAX_ENTRY_WORDS || map.offset / 8 >= words)
		return UNKNOWN;
	for (uint64_t i = 0; i < nr_roots(s, bits); i++) {
		if (la_read_u64(k, s->roots + i * 8, &root, NULL) != LA_OK)
			return UNKNOWN;
		if (!root)
			continue;
		if (la_read(k, root, entry, s->per_root * s->entry_size, NULL) != LA_OK)
			return UNKNOWN;
		for (uint64_t j = 0; j < s->per_root; j++) {
			const uint64_t start = (i * s->per_root + j) << bits;

			if (!(entry[j * words + map.offset / 8] & SECTION_PRESENT))
				continue;
			if (!has_ram(k->door, start, start + (UINT64_C(1) << bits)))
				return MISFIT;
			fit = FITS;
		}
	}
	return fit;
}

/* @told: the guest or a person gave the size; it then stays, and is only doubted. */
static void check_size(const struct la_kernel *k, struct la_sections *s, bool told)
{
	unsigned fitting = 0;

	if (!k->door->nram || table_fits(k, s, s->size_bits) != MISFIT)
		return;
	for (unsigned bits = 27; bits <= 30; bits++) {
		if (table_fits(k, s, bits) != FITS)
			continue;
		if (fitting)
			return; /* several would do, so none of them says anything */
		fitting = bits;
	}
	if (!fitting)
		return;
	snprintf(s->remark, sizeof(s->remark),
		 "the table of memory sections fits the RAM with sections of 2^%u bytes, not with the 2^%u of %s%s",
		 fitting, s->size_bits, s->size_from, told ? "" : ", and is believed");
	if (!told) {
		s->size_bits = fitting;
		s->size_from = "the table of sections";
	}
}

static bool is_before_5_19(const struct la_kernel *k)
{
	char text[64] = "";
	unsigned major, minor;
	uint64_t banner;

	return k->door->symbol(k->door->ctx, "linux_banner", &banner) &&
	       la_read(k, banner, text, sizeof(text) - 1, NULL) == LA_OK &&
	       sscanf(text, "Linux version %u.%u", &major, &minor) == 2 &&
	       (major < 5 || (major == 5 && minor < 19));
}

/* True: the guest or a person says so, false: concluded from the version. */
static bool find_size(const struct la_kernel *k, struct la_sections *ret)
{
	uint64_t bits;

	if (k->door->overrides && k->door->overrides->section_bits) {
		ret->size_bits = k->door->overrides->section_bits;
		ret->size_from = "an option";
		return true;
	}
	if (la_vmcoreinfo_number(k->vmcoreinfo, k->vmcoreinfo_len, "NUMBER(SECTION_SIZE_BITS)", false,
				 &bits) && bits >= LA_SECTION_BITS_MIN && bits <= LA_SECTION_BITS_MAX) {
		ret->size_bits = (unsigned)bits;
		ret->size_from = "VMCOREINFO";
		return true;
	}
	/* 29 in mainline (asm/sparsemem.h, since 5.19); the 4.19 and 5.10 ports of vendors have 28. */
	ret->size_bits = is_before_5_19(k) ? 28 : 29;
	ret->size_from = "the kernel's version";
	return false;
}

enum la_status la_sections_init(struct la_sections *ret, const struct la_kernel *k,
				struct la_error *err)
{
	const struct la_door *door = k->door;
	uint64_t address;
	enum la_status status;
	bool told;

	*ret = (struct la_sections){ .physmem_bits = physmem_bits(k) };
	told = find_size(k, ret);
	if (!door->symbol(door->ctx, "mem_section", &address) ||
	    !door->type_size(door->ctx, "mem_section", &ret->entry_size) ||
	    !door->type_size(door->ctx, "page", &ret->page_size))
		return la_fail(err, LA_ABSENT, "this kernel has no memory sections");
	if (!k->mmu.geometry.levels || ret->entry_size < 16 || ret->entry_size % 8 || !ret->page_size ||
	    ret->entry_size > UINT64_C(1) << k->mmu.geometry.page_shift)
		return la_fail(err, LA_UNSUPPORTED, "the layout of this kernel's memory sections is not known");
	ret->per_root = (UINT64_C(1) << k->mmu.geometry.page_shift) / ret->entry_size;
	ret->has_vmemmap = door->symbol(door->ctx, "vmemmap_populate", &address);
	if (ret->has_vmemmap && door->overrides && door->overrides->vmemmap)
		ret->vmemmap = door->overrides->vmemmap;
	else if (ret->has_vmemmap)
		la_vmcoreinfo_number(k->vmcoreinfo, k->vmcoreinfo_len, "SYMBOL(vmemmap)", true,
				     &ret->vmemmap);
	status = la_read_variable(k, "mem_section", 8, &ret->roots, err);
	if (status == LA_OK && !ret->roots)
		status = la_fail(err, LA_ABSENT, "the guest has set up no memory sections");
	if (status == LA_OK)
		check_size(k, ret, told);
	/* With vmemmap known the table can be done without. */
	return ret->vmemmap && status != LA_ABSENT ? LA_OK : status;
}

enum la_status la_section_find(const struct la_kernel *k, const struct la_sections *s, uint64_t pa,
			       struct la_section *ret, struct la_error *err)
{
	const uint64_t pfn = pa >> k->mmu.geometry.page_shift;
	uint64_t root = 0;
	struct la_member map;
	enum la_status status;

	*ret = (struct la_section){ .number = pa >> s->size_bits };
	ret->start = ret->number << s->size_bits;
	ret->end = ret->start + (UINT64_C(1) << s->size_bits);
	if (pa >> s->physmem_bits)
		return la_fail(err, LA_ABSENT, "beyond the last memory section");
	if (!k->door->member(k->door->ctx, "mem_section", "section_mem_map", &map))
		return la_fail(err, LA_ABSENT, "struct mem_section has no section_mem_map");

	status = s->roots ? la_read_u64(k, s->roots + ret->number / s->per_root * 8, &root, err) :
			    la_fail(err, LA_CORRUPT, "the table of memory sections cannot be found");
	if (status == LA_OK && !root)
		return la_fail(err, LA_ABSENT, "memory section %" PRIu64 " does not exist", ret->number);
	if (status == LA_OK)
		status = la_read_u64(k, root + ret->number % s->per_root * s->entry_size + map.offset,
				     &ret->map, err);
	if (status != LA_OK) {
		if (!s->vmemmap)
			return la_fail(err, status, "memory section %" PRIu64, ret->number);
		la_error_clear(err);
		ret->rebuilt = true;
		ret->page = s->vmemmap + pfn * s->page_size;
		return LA_OK;
	}
	if (!(ret->map & SECTION_PRESENT))
		return la_fail(err, LA_ABSENT, "memory section %" PRIu64 " does not exist", ret->number);
	/* sparse_encode_mem_map(): the array's address less the section's first page frame. */
	if (ret->map & SECTION_HAS_MEM_MAP)
		ret->page = (ret->map & ~SECTION_FLAGS) + pfn * s->page_size;
	return LA_OK;
}

struct name {
	const char *enumerator, *text;
};

static void add_name(char *ret, size_t size, size_t *used, const char *name)
{
	int n = *used < size ? snprintf(ret + *used, size - *used, "%s%s", *used ? "|" : "", name) : 0;

	*used += n > 0 ? (size_t)n : 0;
}

void la_section_flags(uint64_t map, char *ret, size_t size)
{
	static const char *const flag[] = { "PRESENT", "HAS_MEM_MAP", "ONLINE", "EARLY",
					    "TAINT_ZONE_DEVICE" };
	size_t used = 0;

	if (size)
		ret[0] = '\0';
	for (size_t i = 0; i < sizeof(flag) / sizeof(flag[0]); i++)
		if (map >> i & 1)
			add_name(ret, size, &used, flag[i]);
}

/* Names that a bit has for every page; aliases for certain kinds of pages are left out. */
static const char *const page_flag[] = {
	"PG_locked", "PG_writeback", "PG_referenced", "PG_uptodate", "PG_dirty", "PG_lru", "PG_head",
	"PG_waiters", "PG_active", "PG_workingset", "PG_error", "PG_slab", "PG_owner_priv_1",
	"PG_owner_2", "PG_arch_1", "PG_reserved", "PG_private", "PG_private_2", "PG_mappedtodisk",
	"PG_reclaim", "PG_swapbacked", "PG_unevictable", "PG_mlocked", "PG_uncached", "PG_hwpoison",
	"PG_young", "PG_idle", "PG_dropbehind", "PG_arch_2", "PG_arch_3",
};

static void name_flags(const struct la_door *door, struct la_page *page, uint64_t flags, unsigned nflags)
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
		{ "ZONE_DMA", "DMA" }, { "ZONE_DMA32", "DMA32" }, { "ZONE_NORMAL", "Normal" },
		{ "ZONE_MOVABLE", "Movable" }, { "ZONE_DEVICE", "Device" },
	};
	const unsigned sections = s->has_vmemmap ? 0 : s->physmem_bits - s->size_bits;
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

/* enum pagetype in the top byte of page_type: 6.12 and later. Before it was a word of inverted
 * bits without names in debug information, and such pages stay untyped here. */
static void read_type(const struct la_kernel *k, uint64_t first, struct la_page *page)
{
	static const struct name type[] = {
		{ "PGTY_buddy", "buddy" }, { "PGTY_offline", "offline" }, { "PGTY_table", "table" },
		{ "PGTY_guard", "guard" }, { "PGTY_hugetlb", "hugetlb" }, { "PGTY_slab", "slab" },
		{ "PGTY_zsmalloc", "zsmalloc" }, { "PGTY_unaccepted", "unaccepted" },
		{ "PGTY_large_kmalloc", "large_kmalloc" },
	};
	uint64_t word;
	int64_t value;

	if (la_read_member(k, first, "page", "page_type", &word, NULL) != LA_OK)
		return;
	for (size_t i = 0; i < sizeof(type) / sizeof(type[0]); i++)
		if (k->door->enumerator(k->door->ctx, type[i].enumerator, &value) &&
		    value == (int64_t)((uint32_t)word >> 24))
			page->type = type[i].text;
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
	if (la_read_member(k, address, "page", "compound_info", &word, NULL) != LA_OK || !(word & 1))
		return 0;
	word -= 1;
	return power && !(-word & (-word - 1)) ? address & word : word;
}

enum la_status la_page_read(const struct la_kernel *k, const struct la_sections *s, uint64_t address,
			    struct la_page *ret, struct la_error *err)
{
	const struct la_door *door = k->door;
	int64_t nflags = 64, head;
	uint64_t value, flags, first = address;
	enum la_status status;

	*ret = (struct la_page){ .address = address, .zone = LA_PAGE_UNKNOWN, .node = LA_PAGE_UNKNOWN };
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
	/* It shares its place with the type, which is far below -1 as a number. */
	if (la_read_member(k, address, "page", "_mapcount", &value, NULL) == LA_OK &&
	    (int32_t)value >= -1) {
		ret->mapcount_known = true;
		ret->mapcount = (int32_t)value + 1;
	}
	if (!door->enumerator(door->ctx, "PG_head", &head) || head < 0 || head > 63 || !(flags >> head & 1))
		return LA_OK;
	/* Mappings of the whole compound page are counted in its second page (6.0 and later). */
	if (la_read_member(k, first, "folio", "_entire_mapcount", &value, NULL) == LA_OK)
		ret->mapcount += (int32_t)value + 1;
	else
		ret->mapcount_known = false;
	return LA_OK;
}
