// SPDX-License-Identifier: GPL-3.0-or-later
// What the guest uses its memory for: a few pages of every cell of its map.
#include "lakvm/guest/usage.h"

#include "lakvm/guest/page.h"

/* Of the buddy allocator; its largest blocks have 2^13 pages where pages are largest (64 KiB, 512 MiB blocks). */
#define MAX_ORDER 14

const char *la_use_name(enum la_use use)
{
	static const char *const names[] = { "free",      "slab",   "page cache",
					     "anonymous", "kernel", "unknown" };

	return names[use];
}

struct walk {
	const struct la_kernel *k;
	const struct la_sections *s;
	uint64_t page_size;
	uint64_t free_from, free_end; /* physical: the free block that was met last */
};

/*
 * Is the page at @address, of frame @pfn, in a free block? Only the block's first page says so, and how large it is.
 * The largest blocks first: most free memory is in such.
 */
static bool find_free_block(struct walk *w, uint64_t pfn, uint64_t address)
{
	for (unsigned n = MAX_ORDER + 1; n--;) {
		const uint64_t into = pfn & ((UINT64_C(1) << n) - 1), back = into * w->s->page_size;
		uint64_t order;

		if (n && !(into >> (n - 1))) /* the same page as for the order below */
			continue;
		if (back > address || !la_page_is_buddy(w->k, address - back) ||
		    la_read_member(w->k, address - back, "page", "private", &order, NULL) !=
			    LA_OK ||
		    order < n || order > MAX_ORDER)
			continue;
		w->free_from = (pfn - into) * w->page_size;
		w->free_end = w->free_from + (w->page_size << order);
		return true;
	}
	return false;
}

static enum la_use use_of(struct walk *w, uint64_t pa)
{
	struct la_section section;
	struct la_page page;

	if (pa >= w->free_from && pa < w->free_end)
		return LA_USE_FREE;
	if (la_section_find(w->k, w->s, pa, &section, NULL) != LA_OK || !section.page)
		return LA_USE_UNKNOWN;
	if (find_free_block(w, pa / w->page_size, section.page))
		return LA_USE_FREE;
	if (la_page_read(w->k, w->s, section.page, &page, NULL) != LA_OK)
		return LA_USE_UNKNOWN;
	switch (page.owner) {
	case LA_PAGE_FILE:
		return LA_USE_FILE;
	case LA_PAGE_ANON:
	case LA_PAGE_KSM:
		return LA_USE_ANON;
	case LA_PAGE_SLAB:
		return LA_USE_SLAB;
	case LA_PAGE_NOBODY:
		break;
	}
	return LA_USE_KERNEL;
}

/* Evenly, and in each cell at other places, so that nothing that comes at regular distances is always met or missed. */
static void look_at(struct walk *w, const struct la_ram_range *cell, size_t number,
		    struct la_cell_use *ret)
{
	const uint64_t step = (cell->end - cell->start) / LA_USE_SAMPLES;
	const uint64_t first =
		step > w->page_size ? number * UINT64_C(0x9e3779b97f4a7c15) % step : 0;

	for (unsigned i = 0; i < LA_USE_SAMPLES; i++) {
		const uint64_t pa = cell->start + i * step + first;

		if (!i || step >= w->page_size)
			ret->of[use_of(w, pa & ~(w->page_size - 1))]++;
	}
}

void la_mem_usage(const struct la_kernel *k, const struct la_sections *s,
		  const struct la_mem_map *map, struct la_arena *arena, struct la_mem_use *ret)
{
	struct walk w = { .k = k, .s = s, .page_size = UINT64_C(1) << k->mmu.geometry.page_shift };
	struct la_cell_use *cell;

	*ret = (struct la_mem_use){ .cell = NULL };
	if (!k->mmu.geometry.page_shift || !s->page_size) {
		ret->reason = "the guest's struct pages are not found";
		return;
	}
	cell = la_alloc_n(arena, map->ncells, sizeof(*cell));
	if (!cell) {
		ret->reason = "out of memory";
		return;
	}
	for (size_t i = 0; i < map->ncells; i++)
		look_at(&w, &map->cell[i], i, &cell[i]);
	ret->cell = cell;
}
