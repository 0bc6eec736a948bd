/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whose a byte of the guest's RAM is: the way back from a physical address to what the kernel uses it for.
 * Source of the layouts: Linux 5.19 to 7.2, mm/slab.h, mm/slub.c, include/linux/{mm_types,rmap,rbtree}.h,
 * mm/percpu.c.
 */
#ifndef LAKVM_OWNER_H
#define LAKVM_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/base/status.h"
#include "lakvm/guest/kernel.h"
#include "lakvm/guest/page.h"
#include "lakvm/guest/sections.h"
#include "lakvm/guest/task.h"

/** Every byte is one's; what is not known is LA_OWNER_UNKNOWN's. */
enum la_owner_kind {
	LA_OWNER_UNKNOWN,
	LA_OWNER_FREE,  /* nobody's: in the page allocator */
	LA_OWNER_TASK,  /* its kernel stack, or memory of its user space that no file has */
	LA_OWNER_SLAB,  /* a slab cache's */
	LA_OWNER_CACHE, /* the page cache: of files, tmpfs too */
	LA_OWNER_KERNEL, /* all else that the kernel has: its image, modules, per-CPU areas, tables */
};
/** "unknown", "free", "task", "slab", "page-cache", "kernel". */
const char *la_owner_kind_name(enum la_owner_kind kind);

/** What exactly, where that is more than the kind; names as docs/json.md has them. */
enum la_owner_place {
	LA_PLACE_OTHER,
	LA_PLACE_IMAGE,       /* symbol */
	LA_PLACE_MODULE,      /* module; symbol, if it has one there */
	LA_PLACE_PERCPU,      /* cpu; symbol of a static variable */
	LA_PLACE_STACK,       /* task */
	LA_PLACE_IRQ_STACK,   /* cpu */
	LA_PLACE_USER,        /* task, user address */
	LA_PLACE_OBJECT,      /* in an object of a slab cache */
	LA_PLACE_STRUCT_PAGE, /* pfn of the page frame that it describes */
	LA_PLACE_VMALLOC,     /* mapped behind vm_map_base, and none of those */
	LA_NPLACES
};
/** "other", "image", "module", "percpu", "stack", "irq-stack", "user", "object", "struct-page", "vmalloc". */
const char *la_owner_place_name(enum la_owner_place place);

struct la_owner {
	enum la_owner_kind kind;
	enum la_owner_place place;
	uint64_t
		va; /* by which the kernel reaches it: of what it maps behind vm_map_base that address */
	char symbol[128]; /* empty: none */
	uint64_t offset;  /* in symbol; of an object, a struct page: in that */
	char module[64];
	int cpu;             /* -1: no CPU's */
	struct la_task task; /* address 0: not known, or no task's */
	bool user_known;
	uint64_t user;   /* address in the task's user space */
	uint64_t object; /* address of a slab's object, of a struct page */
	uint64_t size; /* of a slab's object, without what its cache puts around it for debugging */
	uint64_t pfn;
	bool page_known;
	struct la_page page; /* what the frame is used for: flags, type, cache, file */
	char reason[200];    /* why something is not known; empty: nothing to say */
};

struct la_owners;

/**
 * Prepare to ask, in @arena, which has all that is looked up later too; @k and @s (NULL: sections are not known) must
 * live as long. NULL: out of memory.
 */
struct la_owners *la_owners_new(const struct la_kernel *k, const struct la_sections *s,
				struct la_arena *arena);

/** Whose is @pa? Never fails. The first questions read the list of tasks and the kernel's page tables. */
void la_owner_find(struct la_owners *o, uint64_t pa, struct la_owner *ret);

/** What could not be looked at, for all answers; NULL: nothing. */
const char *la_owners_remark(const struct la_owners *o);

#endif
