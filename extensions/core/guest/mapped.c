// SPDX-License-Identifier: GPL-3.0-or-later
// The kernel's page tables read backwards.
#include "mapped.h"

#include <stdlib.h>

#include "base/bytes.h"

/* A guest maps some hundred MiB this way; damaged tables may lead to themselves. */
#define MAX_TABLES 32768
#define MAX_PIECES ((size_t)1 << 20)
/* Few pages are mapped more than once. */
#define MAX_ALIASES 256

struct walk {
	const struct la_kernel *k;
	struct la_arena *arena;
	struct la_mapped *ret;
	unsigned char *table[LA_MAX_LEVELS]; /* a copy for each level */
	size_t room;
	unsigned tables;
	bool unread, nomem;
};

static bool add(struct walk *w, uint64_t pa, uint64_t va, uint64_t size)
{
	struct la_mapped *m = w->ret;
	struct la_mapped_piece *last = m->n ? &m->piece[m->n - 1] : NULL;

	if (last && last->pa + last->size == pa && last->va + last->size == va) {
		last->size += size;
		return true;
	}
	if (m->n == MAX_PIECES)
		return false;
	last = la_room(w->arena, m->piece, m->n, &w->room, sizeof(*last));
	if (!last) {
		w->nomem = true;
		return false;
	}
	m->piece = last;
	m->piece[m->n++] = (struct la_mapped_piece){ .pa = pa, .va = va, .size = size };
	return true;
}

/* What is mapped by the table at @at, whose first entry is for @va. False: no more can be taken. */
static bool walk_table(struct walk *w, uint64_t at, unsigned level, uint64_t va)
{
	const struct la_mmu *mmu = &w->k->mmu;
	const struct la_geometry *g = &mmu->geometry;
	const unsigned char *table = w->table[level];
	uint64_t pa;

	if (w->tables++ == MAX_TABLES)
		return false;
	if (!la_window(mmu, at, &pa, NULL) ||
	    w->k->door->read_phys(w->k->door->ctx, pa, w->table[level],
				  (size_t)8 << g->index_bits) != LA_OK) {
		w->unread = true;
		return true;
	}
	for (uint64_t i = 0; i < UINT64_C(1) << g->index_bits; i++) {
		const uint64_t entry = la_le64(table + 8 * i), to = va + (i << g->shift[level]);

		if (!entry || (level && entry == mmu->invalid_table[level]))
			continue;
		if (!level || entry & LA_PTE_HUGE) {
			if (la_pte_present(entry) &&
			    !add(w, la_pte_pa(g, level, entry), to, UINT64_C(1) << g->shift[level]))
				return false;
		} else if (!walk_table(w, entry, level - 1, to)) {
			return false;
		}
	}
	return true;
}

static int by_pa(const void *pa, const void *pb)
{
	const struct la_mapped_piece *a = pa, *b = pb;

	if (a->pa != b->pa)
		return a->pa < b->pa ? -1 : 1;
	return a->va < b->va ? -1 : a->va > b->va;
}

enum la_status la_mapped_read(const struct la_kernel *k, struct la_arena *arena,
			      struct la_mapped *ret)
{
	const struct la_geometry *g = &k->mmu.geometry;
	struct walk w = { .k = k, .arena = arena, .ret = ret };
	uint64_t reach = 0, span;
	bool whole;

	*ret = (struct la_mapped){ .n = 0 };
	if (!g->levels || !k->mmu.kernel_pgd || !k->mmu.vm_map_base)
		return LA_ABSENT;
	for (unsigned i = 0; i < g->levels; i++) {
		w.table[i] = la_alloc(arena, (size_t)8 << g->index_bits);
		if (!w.table[i])
			return LA_NOMEM;
	}
	span = (UINT64_C(1) << g->shift[g->levels - 1]) << g->index_bits;
	whole = walk_table(&w, k->mmu.kernel_pgd, g->levels - 1, k->mmu.vm_map_base & ~(span - 1));
	if (w.nomem)
		return LA_NOMEM;
	if (!whole)
		ret->remark = "the kernel's page tables map more than is believed";
	else if (w.unread)
		ret->remark = "some of the kernel's page tables cannot be read";
	if (ret->n)
		qsort(ret->piece, ret->n, sizeof(*ret->piece), by_pa);
	for (size_t i = 0; i < ret->n; i++) {
		struct la_mapped_piece *p = &ret->piece[i];

		reach = p->pa + p->size > reach ? p->pa + p->size : reach;
		p->reach = reach;
	}
	return LA_OK;
}

bool la_mapped_find(const struct la_mapped *m, uint64_t pa, uint64_t *ret_va)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (m->piece[middle].pa <= pa)
			low = middle + 1;
		else
			high = middle;
	}
	for (unsigned i = 0; i < MAX_ALIASES && low && m->piece[low - 1].reach > pa; i++, low--) {
		const struct la_mapped_piece *p = &m->piece[low - 1];

		if (pa - p->pa >= p->size)
			continue;
		*ret_va = p->va + (pa - p->pa);
		return true;
	}
	return false;
}
