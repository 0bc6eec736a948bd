// SPDX-License-Identifier: GPL-3.0-or-later
// Address translation: windows, then page tables of any LoongArch64 Linux geometry.
#include "lakvm/guest/mmu.h"

#include <inttypes.h>
#include <stdio.h>

#define DEFAULT_BITS 48 /* of addresses, virtual and physical: 3A5000 to 3C6000, and QEMU's la464 */

/* Bits @high to @low. */
static uint64_t mask(unsigned high, unsigned low)
{
	return high < low ? 0 : (~UINT64_C(0) >> (63 - high + low)) << low;
}

enum la_status la_geometry_init(struct la_geometry *ret, unsigned page_shift, unsigned levels,
				struct la_error *err)
{
	/* arch/loongarch/Kconfig, choice of page-table layout (5.19 to 7.2). */
	static const struct {
		unsigned page_shift, levels;
	} known[] = { { 12, 3 }, { 12, 4 }, { 14, 2 }, { 14, 3 }, { 16, 2 }, { 16, 3 } };
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].page_shift == page_shift && known[i].levels == levels)
			break;
	if (i == sizeof(known) / sizeof(known[0]))
		return la_fail(err, LA_UNSUPPORTED,
			       "no Linux kernel has %u levels of tables with 2^%u-byte pages",
			       levels, page_shift);

	*ret = (struct la_geometry){ .page_shift = page_shift,
				     .levels = levels,
				     .index_bits = page_shift - 3 };
	for (i = 0; i < levels; i++)
		ret->shift[i] = page_shift + (unsigned)i * ret->index_bits;
	return LA_OK;
}

const char *la_level_name(const struct la_geometry *g, unsigned level)
{
	static const char *const name[LA_MAX_LEVELS] = { "PTE", "PMD", "PUD", "PGD" };

	return level + 1 == g->levels ? "PGD" : name[level % LA_MAX_LEVELS];
}

enum la_segment la_segment_of(uint64_t va)
{
	return (enum la_segment)(va >> 62);
}

const char *la_segment_name(enum la_segment segment)
{
	static const char *const name[] = { "xuvrange", "xsprange", "xkprange", "xkvrange" };

	return name[segment & 3];
}

bool la_window(const struct la_mmu *mmu, uint64_t va, uint64_t *pa_ret, int *window_ret)
{
	for (int i = 0; i < LA_NDMW; i++) {
		/* PLV0 must be enabled for the kernel to use the window; VSEG is bits 63:60. */
		if (!(mmu->dmw[i] & 1) || (mmu->dmw[i] ^ va) >> 60)
			continue;
		*pa_ret = va & mask((mmu->phys_bits ? mmu->phys_bits : DEFAULT_BITS) - 1, 0);
		if (window_ret)
			*window_ret = i;
		return true;
	}
	return false;
}

bool la_pte_present(uint64_t entry)
{
	return entry & (LA_PTE_PRESENT | LA_PTE_PROTNONE);
}

uint64_t la_pte_pa(const struct la_geometry *g, unsigned level, uint64_t entry)
{
	/* Flags live below the page frame and above bit 47 (asm/pgtable-bits.h); in a huge entry the
	 * bits below its own size are flags as well, HGLOBAL (bit 12) among them. */
	return entry & LA_PHYS_MASK & ~((UINT64_C(1) << g->shift[level]) - 1);
}

void la_pte_flags(uint64_t entry, bool huge, char *ret, size_t size)
{
	static const struct {
		uint64_t bit;
		const char *pte, *dir; /* names in a pte and in a huge directory entry */
	} flag[] = {
		{ LA_PTE_VALID, "VALID", "VALID" },
		{ LA_PTE_DIRTY, "DIRTY", "DIRTY" },
		{ LA_PTE_PLV, "PLV", "PLV" },
		{ LA_PTE_GLOBAL, "GLOBAL", "HUGE" },
		{ LA_PTE_PRESENT, "PRESENT", "PRESENT" },
		{ LA_PTE_WRITE, "WRITE", "WRITE" },
		{ LA_PTE_MODIFIED, "MODIFIED", "MODIFIED" },
		{ LA_PTE_PROTNONE, "PROTNONE", "PROTNONE" },
		{ LA_PTE_SPECIAL, "SPECIAL", "SPECIAL" },
		{ LA_PTE_HGLOBAL, NULL, "HGLOBAL" },
		{ LA_PTE_NO_READ, "NO_READ", "NO_READ" },
		{ LA_PTE_NO_EXEC, "NO_EXEC", "NO_EXEC" },
		{ LA_PTE_RPLV, "RPLV", "RPLV" },
	};
	size_t used = 0;

	if (size)
		ret[0] = '\0';
	for (size_t i = 0; i < sizeof(flag) / sizeof(flag[0]) && used < size; i++) {
		const char *name = huge ? flag[i].dir : flag[i].pte;
		int n;

		if (!name || !(entry & flag[i].bit))
			continue;
		n = snprintf(ret + used, size - used, "%s%s", used ? "|" : "", name);
		used += n > 0 ? (size_t)n : 0;
	}
}

/* A table of page tables has one page and lies in a window, where the kernel put its address. */
static enum la_status table_pa(const struct la_mmu *mmu, uint64_t table, uint64_t *pa_ret,
			       struct la_error *err)
{
	if (!la_window(mmu, table, pa_ret, NULL) ||
	    *pa_ret & ((UINT64_C(1) << mmu->geometry.page_shift) - 1))
		return la_fail(err, LA_CORRUPT, "%#" PRIx64 " can be no page table", table);
	return LA_OK;
}

static enum la_status map_leaf(const struct la_geometry *g, unsigned level, uint64_t entry,
			       uint64_t va, struct la_translation *ret, struct la_error *err)
{
	/* GLOBAL alone is an empty kernel entry: kernel_pte_init() fills tables with it since 6.12
	 * (mm/init.c), and set_pte() puts it into an entry's buddy before (asm/pgtable.h). */
	if (!(entry & ~LA_PTE_GLOBAL))
		return la_fail(err, LA_UNMAPPED, "empty %s", la_level_name(g, level));
	if (!la_pte_present(entry) && !(level && entry & LA_PTE_PRESENT_INVALID)) {
		/* Type in bits 16 to 22, offset from bit 24 (asm/pgtable.h, 6.3 and later; before, the type
		 * had bit 23 too, which is now a mark). Of the 32 types the last few are none of swap,
		 * 9 at most (linux/swap.h). */
		const unsigned type = entry >> 16 & 0x7f;

		/* An offset of 2^36 pages and more is none; the address of a table would be one. */
		if (entry >> 60)
			return la_fail(err, LA_CORRUPT,
				       "%s %#" PRIx64 " is neither a page nor a place in swap",
				       la_level_name(g, level), entry);
		ret->swapped = true;
		if (type < 32 - 9)
			return la_fail(err, LA_UNMAPPED,
				       "swapped out to area %u, offset %" PRIu64 " (%s %#" PRIx64
				       ")",
				       type, entry >> 24, la_level_name(g, level), entry);
		return la_fail(err, LA_UNMAPPED,
			       "not present: being moved, poisoned or marked (%s %#" PRIx64
			       ", of type %u)",
			       la_level_name(g, level), entry, type);
	}
	ret->leaf = entry;
	ret->page_shift = g->shift[level];
	ret->pa = la_pte_pa(g, level, entry) | (va & ((UINT64_C(1) << g->shift[level]) - 1));
	return LA_OK;
}

/* The tables of the lower half serve users, those of the upper half the kernel. */
static enum la_status check_half(const struct la_mmu *mmu, uint64_t va, struct la_translation *ret,
				 struct la_error *err)
{
	const struct la_geometry *g = &mmu->geometry;
	const unsigned valid = mmu->virt_bits ? mmu->virt_bits : DEFAULT_BITS;
	const uint64_t sign = mask(63, valid - 1);
	/* Between what the tables span and the sign. The kernel's addresses have zeros there from
	 * vm_map_base on, and ones at the top, where the fixed map is. */
	const uint64_t between = mask(valid - 2, g->shift[g->levels - 1] + g->index_bits);

	switch (la_segment_of(va)) {
	case LA_XKPRANGE:
		return la_fail(err, LA_UNMAPPED, "%#" PRIx64 " is in no window the guest set", va);
	case LA_XSPRANGE:
		return la_fail(err, LA_UNMAPPED,
			       "%#" PRIx64 " is in no window the guest set, and not canonical", va);
	default:
		if ((va & sign) != 0 && (va & sign) != sign)
			return la_fail(
				err, LA_UNMAPPED,
				"%#" PRIx64
				" is not canonical: bits 63 to %u are not alike, an address error to the CPU",
				va, valid - 1);
	}
	if ((va & between) != 0 && !(va & sign && (va & between) == between))
		ret->ignored = va & between;
	return LA_OK;
}

enum la_status la_translate(const struct la_door *door, const struct la_mmu *mmu, uint64_t pgd,
			    uint64_t va, struct la_translation *ret, struct la_error *err)
{
	const struct la_geometry *g = &mmu->geometry;
	uint64_t table = pgd, pa = 0, entry;
	enum la_status status;

	*ret = (struct la_translation){ .window = -1 };
	if (la_window(mmu, va, &ret->pa, &ret->window)) {
		ret->page_shift = mmu->phys_bits ? mmu->phys_bits : DEFAULT_BITS;
		ret->ignored = va & mask(59, ret->page_shift);
		return LA_OK;
	}
	if (!g->levels)
		return la_fail(err, LA_UNSUPPORTED,
			       "the layout of this guest's page tables is not known");
	status = check_half(mmu, va, ret, err);
	if (status != LA_OK)
		return status;
	if (!pgd)
		return la_fail(err, LA_UNMAPPED,
			       "%#" PRIx64 " is in user space, and this task has none", va);

	for (unsigned level = g->levels; level-- > 0;) {
		struct la_walk_step *step = &ret->step[ret->nsteps];

		status = table_pa(mmu, table, &pa, err);
		if (status != LA_OK)
			return la_fail(err, status, "%s table", la_level_name(g, level));
		pa += ((va >> g->shift[level]) & ((UINT64_C(1) << g->index_bits) - 1)) * 8;
		status = door->read_phys(door->ctx, pa, &entry, sizeof(entry));
		if (status != LA_OK)
			return la_fail(err, status, "%s entry at physical %#" PRIx64 " is %s",
				       la_level_name(g, level), pa, la_status_text(status));
		*step = (struct la_walk_step){ level, pa, entry };
		ret->nsteps++;

		if (level == 0 || entry & LA_PTE_HUGE)
			return map_leaf(g, level, entry, va, ret, err);
		if (!entry || entry == mmu->invalid_table[level])
			return la_fail(err, LA_UNMAPPED, "empty %s", la_level_name(g, level));
		table = entry;
	}
	return la_fail(err, LA_INVALID, "a geometry without levels");
}
