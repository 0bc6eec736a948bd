// SPDX-License-Identifier: GPL-3.0-or-later
// From a physical address to its memory section and struct page.
#include "lakvm/guest/sections.h"

#include <inttypes.h>
#include <stdio.h>

#include "lakvm/guest/vmcoreinfo.h"

/* MAX_PHYSMEM_BITS: 48 in every version (asm/sparsemem.h). */
static unsigned physmem_bits(const struct la_kernel *k)
{
	return k->door->overrides && k->door->overrides->phys_bits ? k->door->overrides->phys_bits :
								     48;
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
	/* A person may give sections more bits than memory. */
	const uint64_t n = UINT64_C(1) << (s->physmem_bits > bits ? s->physmem_bits - bits : 0);

	return s->per_root ? (n + s->per_root - 1) / s->per_root : 0;
}

uint64_t la_sections_roots(const struct la_sections *s)
{
	return nr_roots(s, s->size_bits);
}

static bool has_ram(const struct la_door *door, uint64_t start, uint64_t end)
{
	const struct la_ram_range *r = la_ram_find(door->ram, door->nram, start);

	return r && r->start < end;
}

enum fit { UNKNOWN, FITS, MISFIT };

/* Root @i of the table, with sections of 2^@bits bytes. */
static enum fit root_fits(const struct la_kernel *k, const struct la_sections *s, uint64_t i,
			  size_t map_offset, unsigned bits)
{
	const size_t words = s->entry_size / 8;
	enum fit fit = UNKNOWN;
	uint64_t root, entry[MAX_ENTRY_WORDS];

	if (la_read_u64(k, s->roots + i * 8, &root, NULL) != LA_OK || !root ||
	    la_read(k, root, entry, s->per_root * s->entry_size, NULL) != LA_OK)
		return UNKNOWN;
	for (uint64_t j = 0; j < s->per_root; j++) {
		const uint64_t start = (i * s->per_root + j) << bits;

		if (!(entry[j * words + map_offset / 8] & SECTION_PRESENT))
			continue;
		if (!has_ram(k->door, start, start + (UINT64_C(1) << bits)))
			return MISFIT;
		fit = FITS;
	}
	return fit;
}

/*
 * With sections of 2^@bits bytes, does each one that the table has hold RAM? What cannot be read of the table
 * says nothing; the rest does.
 */
static enum fit table_fits(const struct la_kernel *k, const struct la_sections *s, unsigned bits)
{
	enum fit fit = UNKNOWN;
	struct la_member map;

	if (!k->door->nram || !s->roots ||
	    !k->door->member(k->door->ctx, "mem_section", "section_mem_map", &map) ||
	    s->per_root * (s->entry_size / 8) > MAX_ENTRY_WORDS || map.offset >= s->entry_size)
		return UNKNOWN;
	for (uint64_t i = 0; i < nr_roots(s, bits) && fit != MISFIT; i++) {
		const enum fit root = root_fits(k, s, i, map.offset, bits);

		fit = root == UNKNOWN ? fit : root;
	}
	return fit;
}

/* The only size that the table fits the RAM with; 0: none, or several, and so it is no witness. */
static unsigned fitting_bits(const struct la_kernel *k, const struct la_sections *s)
{
	unsigned fitting = 0;

	for (unsigned bits = 27; bits <= 30; bits++) {
		if (table_fits(k, s, bits) != FITS)
			continue;
		if (fitting)
			return 0;
		fitting = bits;
	}
	return fitting;
}

static bool is_before_5_19(const struct la_kernel *k)
{
	char text[64] = "";
	unsigned major, minor;
	uint64_t banner;

	return k->door->symbol(k->door->ctx, "linux_banner", &banner) &&
	       la_read(k, banner, text, sizeof(text) - 1, NULL) == LA_OK &&
	       sscanf(text, "Linux version %4u.%4u", &major, &minor) == 2 &&
	       (major < 5 || (major == 5 && minor < 19));
}

/*
 * A bit for each 2 MiB of a section, an array (linux/mmzone.h, SUBSECTION_SHIFT, since 5.3; only with vmemmap).
 * It is a matter of the build: also a guest that died before it had a table or VMCOREINFO is known by it.
 */
static bool bits_of_type(const struct la_door *door, unsigned *ret)
{
	struct la_member map;

	if (!door->member(door->ctx, "mem_section_usage", "subsection_map", &map))
		return false;
	for (*ret = 27; *ret <= LA_SECTION_BITS_MAX; ++*ret)
		if (map.size == (size_t)1 << (*ret - 21 - 3))
			return true;
	return false;
}

/* What a person, the guest or its build says. */
static bool told_size(const struct la_kernel *k, struct la_sections *ret)
{
	uint64_t bits;

	if (k->door->overrides && k->door->overrides->section_bits) {
		ret->size_bits = k->door->overrides->section_bits;
		ret->size_from = "an option";
		return true;
	}
	if (la_vmcoreinfo_number(k->vmcoreinfo, k->vmcoreinfo_len, "NUMBER(SECTION_SIZE_BITS)",
				 false, &bits) &&
	    bits >= LA_SECTION_BITS_MIN && bits <= LA_SECTION_BITS_MAX) {
		ret->size_bits = (unsigned)bits;
		ret->size_from = "VMCOREINFO";
		return true;
	}
	ret->size_from = "struct mem_section_usage";
	return bits_of_type(k->door, &ret->size_bits);
}

/*
 * 29 in mainline (asm/sparsemem.h, since 5.19). The 4.19 and 5.10 ports of vendors have 28, and so have kernels
 * that vendors made of later ones: a version alone tells nothing for sure.
 */
static void guess_size(const struct la_kernel *k, struct la_sections *ret)
{
	ret->size_bits = is_before_5_19(k) ? 28 : 29;
	ret->size_from = "the kernel's version";
	snprintf(ret->remark, sizeof(ret->remark),
		 "sections have 2^28 or 2^29 bytes, taken as 2^%u: this guest has nothing that tells",
		 ret->size_bits);
}

/* What was told stays, and is only doubted by the table; a guess is not needed where the table tells. */
static void find_size(const struct la_kernel *k, struct la_sections *ret)
{
	const bool told = told_size(k, ret);
	unsigned fitting;

	if (told && table_fits(k, ret, ret->size_bits) != MISFIT)
		return;
	fitting = fitting_bits(k, ret);
	if (told && fitting) {
		snprintf(ret->remark, sizeof(ret->remark),
			 "the table of memory sections fits the RAM with sections of 2^%u bytes, not with the 2^%u of %s",
			 fitting, ret->size_bits, ret->size_from);
	} else if (fitting) {
		ret->size_bits = fitting;
		ret->size_from = "the table of sections";
	} else if (!told) {
		guess_size(k, ret);
	}
}

/*
 * Where vmalloc memory ends by asm/pgtable.h (6.2 and later): where KFENCE's pages (6.6 and later; 255
 * objects unless configured) and vmemmap still fit below the end of what the tables span.
 */
static uint64_t compute_vmalloc_end(const struct la_kernel *k, size_t page_size)
{
	const struct la_geometry *g = &k->mmu.geometry;
	const unsigned span = g->shift[g->levels - 1] + g->index_bits;
	const unsigned phys_bits = k->mmu.phys_bits ? k->mmu.phys_bits : 48;
	const uint64_t pmd = UINT64_C(1) << g->shift[1], pages = UINT64_C(1)
								 << (phys_bits - g->page_shift);
	unsigned bits = k->mmu.virt_bits ? k->mmu.virt_bits - 1 : 47;
	uint64_t end, unused;

	if (k->door->symbol(k->door->ctx, "kasan_early_shadow_page", &unused))
		bits--;
	end = k->mmu.vm_map_base + (UINT64_C(1) << (span < bits ? span : bits)) - pmd -
	      pages * page_size;
	if (k->door->symbol(k->door->ctx, "__kfence_pool", &unused))
		end -= UINT64_C(514) << g->page_shift;
	return end;
}

/* Are the struct pages of all RAM mapped, if the array begins at @vmemmap? */
static bool has_pages(const struct la_kernel *k, uint64_t vmemmap, size_t page_size)
{
	const struct la_door *door = k->door;

	for (size_t i = 0; i < door->nram; i++) {
		const uint64_t pfn[2] = { door->ram[i].start >> k->mmu.geometry.page_shift,
					  (door->ram[i].end - 1) >> k->mmu.geometry.page_shift };

		for (unsigned j = 0; j < 2; j++) {
			struct la_translation t;

			if (la_translate(door, &k->mmu, k->mmu.kernel_pgd,
					 vmemmap + pfn[j] * page_size, &t, NULL) != LA_OK)
				return false;
		}
	}
	return door->nram;
}

/*
 * vmemmap lies behind vmalloc memory: 6.12 skips to the next boundary of what a directory entry maps also from
 * such a boundary; 7.3 does not, and a kernel with HUGETLB_PAGE_OPTIMIZE_VMEMMAP aligns it to what the
 * struct pages of 16 GiB take, if that is a power of two (linux/mmzone.h, MAX_FOLIO_VMEMMAP_ALIGN). From
 * 6.9 on VMCOREINFO tells it.
 */
static uint64_t compute_vmemmap(const struct la_kernel *k, size_t page_size)
{
	const struct la_geometry *g = &k->mmu.geometry;
	const uint64_t pmd = UINT64_C(1) << g->shift[1], end = compute_vmalloc_end(k, page_size);
	const uint64_t folio = (UINT64_C(16) << (30 - g->page_shift)) * page_size;
	const uint64_t align = folio > pmd && !(folio & (folio - 1)) ? folio : pmd;
	const uint64_t place[] = { (end + pmd) & -pmd, (end + pmd - 1) & -pmd,
				   (end + align - 1) & -align };

	for (size_t i = 0; i < sizeof(place) / sizeof(place[0]); i++) {
		if (has_pages(k, place[i], page_size))
			return place[i];
	}
	return 0;
}

static uint64_t find_vmemmap(const struct la_kernel *k, size_t page_size)
{
	const struct la_overrides *o = k->door->overrides;
	uint64_t vmemmap;

	if (o && o->vmemmap)
		return o->vmemmap;
	if (la_vmcoreinfo_number(k->vmcoreinfo, k->vmcoreinfo_len, "SYMBOL(vmemmap)", true,
				 &vmemmap))
		return vmemmap;
	return k->mmu.vm_map_base ? compute_vmemmap(k, page_size) : 0;
}

/* What @ret needs of the table; its place, per_root and page_size stay 0 where they are not known. */
static enum la_status find_table(struct la_sections *ret, const struct la_kernel *k,
				 struct la_error *err)
{
	const struct la_door *door = k->door;
	uint64_t address;
	enum la_status status;

	if (!door->symbol(door->ctx, "mem_section", &address) ||
	    !door->type_size(door->ctx, "mem_section", &ret->entry_size) ||
	    !door->type_size(door->ctx, "page", &ret->page_size))
		return la_fail(err, LA_ABSENT, "this kernel has no memory sections");
	if (!k->mmu.geometry.levels || ret->entry_size < 16 || ret->entry_size % 8 ||
	    !ret->page_size || ret->entry_size > UINT64_C(1) << k->mmu.geometry.page_shift)
		return la_fail(err, LA_UNSUPPORTED,
			       "the layout of this kernel's memory sections is not known");
	ret->per_root = (UINT64_C(1) << k->mmu.geometry.page_shift) / ret->entry_size;
	ret->has_vmemmap = door->symbol(door->ctx, "vmemmap_populate", &address);
	if (ret->has_vmemmap)
		ret->vmemmap = find_vmemmap(k, ret->page_size);
	status = la_read_variable(k, "mem_section", 8, &ret->roots, err);
	if (status == LA_OK && !ret->roots)
		status = la_fail(err, LA_ABSENT, "the guest has set up no memory sections");
	return status;
}

enum la_status la_sections_init(struct la_sections *ret, const struct la_kernel *k,
				struct la_error *err)
{
	enum la_status status;

	*ret = (struct la_sections){ .physmem_bits = physmem_bits(k) };
	status = find_table(ret, k, err);
	find_size(k, ret);
	if (!ret->vmemmap || status == LA_ABSENT)
		return status;
	/* With vmemmap known the table can be done without. */
	la_error_clear(err);
	return LA_OK;
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

	status = s->roots ?
			 la_read_u64(k, s->roots + ret->number / s->per_root * 8, &root, err) :
			 la_fail(err, LA_CORRUPT, "the table of memory sections cannot be found");
	if (status == LA_OK && !root)
		return la_fail(err, LA_ABSENT, "memory section %" PRIu64 " does not exist",
			       ret->number);
	if (status == LA_OK)
		status = la_read_u64(k,
				     root + ret->number % s->per_root * s->entry_size + map.offset,
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
		return la_fail(err, LA_ABSENT, "memory section %" PRIu64 " does not exist",
			       ret->number);
	/* sparse_encode_mem_map(): the array's address less the section's first page frame. */
	if (ret->map & SECTION_HAS_MEM_MAP)
		ret->page = (ret->map & ~SECTION_FLAGS) + pfn * s->page_size;
	return LA_OK;
}

void la_section_flags(uint64_t map, char *ret, size_t size)
{
	static const char *const flag[] = { "PRESENT", "HAS_MEM_MAP", "ONLINE", "EARLY",
					    "TAINT_ZONE_DEVICE" };
	size_t used = 0;

	if (size)
		ret[0] = '\0';
	for (size_t i = 0; i < sizeof(flag) / sizeof(flag[0]) && used < size; i++) {
		int n = map >> i & 1 ? snprintf(ret + used, size - used, "%s%s", used ? "|" : "",
						flag[i]) :
				       0;

		used += n > 0 ? (size_t)n : 0;
	}
}
