/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Address translation as LoongArch64 does it: direct-mapped windows (DMW) and
 * page tables of 2 to 4 levels with huge entries at every directory level.
 * Source: LoongArch Reference Manual v1.10, volume 1, chapter 5; Linux
 * arch/loongarch/include/asm/{addrspace,pgtable,pgtable-bits}.h (5.19 to 7.2).
 */
#ifndef LAKVM_MMU_H
#define LAKVM_MMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/door/door.h"
#include "lakvm/base/status.h"

#define LA_MAX_LEVELS 4
#define LA_NDMW 4

/** Physical addresses have at most 48 bits (TO_PHYS_MASK of asm/addrspace.h). */
#define LA_PHYS_MASK ((UINT64_C(1) << 48) - 1)

/** Bits 63 to 60 of the window that Linux reads its own memory through (CACHE_BASE, the same file). */
#define LA_CACHED_WINDOW 9

/* Page-table entry bits; pt_bits of a leaf at any level unless noted (asm/pgtable-bits.h). */
#define LA_PTE_VALID (UINT64_C(1) << 0)
#define LA_PTE_DIRTY (UINT64_C(1) << 1)
#define LA_PTE_PLV (UINT64_C(3) << 2)
#define LA_PTE_CACHE (UINT64_C(3) << 4)
#define LA_PTE_GLOBAL (UINT64_C(1) << 6) /* in a pte */
#define LA_PTE_HUGE (UINT64_C(1) << 6)   /* in a directory entry */
#define LA_PTE_PRESENT (UINT64_C(1) << 7)
#define LA_PTE_WRITE (UINT64_C(1) << 8)
#define LA_PTE_MODIFIED (UINT64_C(1) << 9)
#define LA_PTE_PROTNONE (UINT64_C(1) << 10)
#define LA_PTE_SPECIAL (UINT64_C(1) << 11)
#define LA_PTE_HGLOBAL (UINT64_C(1) << 12)         /* huge leaf only */
#define LA_PTE_PRESENT_INVALID (UINT64_C(1) << 60) /* huge pmd, 6.4 and later */
#define LA_PTE_NO_READ (UINT64_C(1) << 61)
#define LA_PTE_NO_EXEC (UINT64_C(1) << 62)
#define LA_PTE_RPLV (UINT64_C(1) << 63)

/** Shape of the page tables. shift[0] belongs to the pte level, shift[levels-1] to the pgd. */
struct la_geometry {
	unsigned page_shift; /* 12, 14 or 16 */
	unsigned levels;     /* 2 to 4 */
	unsigned index_bits; /* of every level: page_shift - 3 */
	unsigned shift[LA_MAX_LEVELS];
};

/** Fill in a geometry; LA_UNSUPPORTED for a combination that no Linux kernel has. */
enum la_status la_geometry_init(struct la_geometry *ret, unsigned page_shift, unsigned levels,
				struct la_error *err);

/** What translation needs to know of one guest. */
struct la_mmu {
	struct la_geometry geometry;
	uint64_t dmw[LA_NDMW]; /* CSR.DMW0-3; 0: not set by the guest */
	uint64_t kernel_pgd;   /* swapper_pg_dir: virtual, in a window */
	/* Directory entries with these values are empty; [0] unused, [1] invalid_pte_table, [2]
	 * invalid_pmd_table, [3] invalid_pud_table; 0 where the kernel has no such level. */
	uint64_t invalid_table[LA_MAX_LEVELS];
	/* First address of the page-mapped kernel range; 0: not known, or not set up yet. */
	uint64_t vm_map_base;
	/* Implemented bits of a virtual and of a physical address (VALEN and PALEN of the manual);
	 * 0 stands for the 48 of every CPU so far. */
	unsigned virt_bits, phys_bits;
};

/** "PTE", "PMD", "PUD" or "PGD": the kernel's name of a level in @g. */
const char *la_level_name(const struct la_geometry *g, unsigned level);

/** Segments of the 64-bit address space (manual, 5.2.1), named as in crash's vtop. */
enum la_segment { LA_XUVRANGE, LA_XSPRANGE, LA_XKPRANGE, LA_XKVRANGE };
enum la_segment la_segment_of(uint64_t va);
const char *la_segment_name(enum la_segment segment);

struct la_walk_step {
	unsigned level;    /* 0 pte, 1 pmd, 2 pud, 3 pgd; a folded top is named by its own level */
	uint64_t entry_pa; /* where the entry lies */
	uint64_t entry;    /* its value */
};

struct la_translation {
	int window; /* DMW number that translated the address, or -1 */
	unsigned nsteps;
	struct la_walk_step step[LA_MAX_LEVELS];
	unsigned page_shift; /* of the page found: more than the geometry's for a huge one */
	uint64_t leaf;       /* the entry that maps the page; 0 through a window */
	bool swapped;        /* LA_UNMAPPED because the page is in swap (or migrating) */
	/* Bits of the address that the CPU does not look at here and that no address of the kernel's
	 * has: the same place has a better name. 0 as a rule. */
	uint64_t ignored;
	uint64_t pa;
};

/**
 * Translate @va as the CPU does: through the windows, of which it takes the low phys_bits, else
 * through the tables at @pgd (virtual, in a window; 0 for the user space of a kernel thread,
 * which has none), if bits 63 to virt_bits - 1 are alike. Tables that span less than that are walked with
 * what they span, and wrap around.
 * LA_OK: ret->pa is right. LA_UNMAPPED: the guest maps nothing there, ret->step tells how far
 * the walk came. LA_NOT_RAM and the like: a table could not be read. LA_CORRUPT: an entry
 * points where no table can be. LA_UNSUPPORTED: the layout of the tables is not known (levels 0), and no
 * window has @va. @ret is filled in as far as the walk came in every case.
 */
enum la_status la_translate(const struct la_door *door, const struct la_mmu *mmu, uint64_t pgd,
			    uint64_t va, struct la_translation *ret, struct la_error *err);

/** Physical address of a window address. False if no window of the guest has @va. */
bool la_window(const struct la_mmu *mmu, uint64_t va, uint64_t *pa_ret, int *window_ret);

/** Is a leaf entry present, also as PROT_NONE or as a huge page under migration? */
bool la_pte_present(uint64_t entry);

/** Physical address in a leaf entry at @level of @g. */
uint64_t la_pte_pa(const struct la_geometry *g, unsigned level, uint64_t entry);

/** Flags of an entry, "VALID|DIRTY|PRESENT"; @huge: entry of a directory level. */
void la_pte_flags(uint64_t entry, bool huge, char *ret, size_t size);

#endif
