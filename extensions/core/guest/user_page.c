// SPDX-License-Identifier: GPL-3.0-or-later
// From an anonymous page to the address that maps it: page->mapping less its flags is a struct anon_vma, whose tree has
// a struct anon_vma_chain for each area that may map it; page->index counts pages from where the area began
// (include/linux/rmap.h, mm/rmap.c: vma_address()). A page that is shared since a fork has several.
#include "user_page.h"

/* A tree of more areas, or one that is deeper, is not looked through to its end. */
#define MAX_AREAS 256
#define MAX_WAITING 64

struct search {
	const struct la_kernel *k;
	uint64_t pa, index;
	uint64_t mm, va;
};

/* Does the area of this chain map the page where it should? */
static bool area_has(struct search *s, uint64_t chain)
{
	const unsigned shift = s->k->mmu.geometry.page_shift;
	uint64_t vma, start, end, pgoff, mm, pgd, va;
	struct la_translation t;

	if (la_read_member(s->k, chain, "anon_vma_chain", "vma", &vma, NULL) != LA_OK ||
	    la_read_member(s->k, vma, "vm_area_struct", "vm_start", &start, NULL) != LA_OK ||
	    la_read_member(s->k, vma, "vm_area_struct", "vm_end", &end, NULL) != LA_OK ||
	    la_read_member(s->k, vma, "vm_area_struct", "vm_pgoff", &pgoff, NULL) != LA_OK ||
	    la_read_member(s->k, vma, "vm_area_struct", "vm_mm", &mm, NULL) != LA_OK ||
	    la_read_member(s->k, mm, "mm_struct", "pgd", &pgd, NULL) != LA_OK)
		return false;
	va = start + ((s->index - pgoff) << shift);
	if (s->index < pgoff || va < start || va >= end || la_segment_of(va) != LA_XUVRANGE ||
	    la_translate(s->k->door, &s->k->mmu, pgd, va, &t, NULL) != LA_OK ||
	    t.pa >> shift != s->pa >> shift)
		return false;
	s->mm = mm;
	s->va = va + (s->pa & ((UINT64_C(1) << shift) - 1));
	return true;
}

/* Through the red-black tree, with a list of those still to be looked at. */
static bool search_tree(struct search *s, uint64_t root, size_t rb)
{
	uint64_t waiting[MAX_WAITING], side;
	size_t n = 0;

	if (root)
		waiting[n++] = root;
	for (unsigned i = 0; n && i < MAX_AREAS; i++) {
		const uint64_t node = waiting[--n];

		if (area_has(s, node - rb))
			return true;
		if (la_read_member(s->k, node, "rb_node", "rb_left", &side, NULL) == LA_OK &&
		    side && n < MAX_WAITING)
			waiting[n++] = side;
		if (la_read_member(s->k, node, "rb_node", "rb_right", &side, NULL) == LA_OK &&
		    side && n < MAX_WAITING)
			waiting[n++] = side;
	}
	return false;
}

bool la_user_page_find(const struct la_kernel *k, const struct la_sections *sections,
		       const struct la_page *page, uint64_t pa, uint64_t *ret_mm, uint64_t *ret_va)
{
	const struct la_door *door = k->door;
	const uint64_t first = page->head ? page->head : page->address;
	struct search s = { .k = k, .pa = pa };
	struct la_member tree, rb;
	uint64_t mapping, root;

	if (!k->mmu.geometry.levels || !sections->page_size ||
	    la_read_member(k, first, "page", "mapping", &mapping, NULL) != LA_OK ||
	    (la_read_member(k, first, "page", "index", &s.index, NULL) != LA_OK &&
	     la_read_member(k, first, "page", "__folio_index", &s.index, NULL) != LA_OK) ||
	    (mapping & 3) != 1 || !door->member(door->ctx, "anon_vma", "rb_root", &tree) ||
	    !door->member(door->ctx, "anon_vma_chain", "rb", &rb) ||
	    la_read_u64(k, mapping - 1 + tree.offset, &root, NULL) != LA_OK)
		return false;
	s.index += (page->address - first) / sections->page_size;
	if (!search_tree(&s, root, rb.offset))
		return false;
	*ret_mm = s.mm;
	*ret_va = s.va;
	return true;
}
