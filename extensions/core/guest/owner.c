// SPDX-License-Identifier: GPL-3.0-or-later
// Whose a byte of the guest's RAM is.
#include "lakvm/guest/owner.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lakvm/base/jump.h"
#include "mapped.h"
#include "owner_places.h"
#include "user_page.h"

#define CACHED_BASE ((uint64_t)LA_CACHED_WINDOW << 60)

/* Hits of a search lie together: struct pages are read once for a few frames. */
#define KEPT_PAGES 16

/* Far more than a guest's kernel has of per-CPU memory for each CPU. */
#define MAX_PERCPU (UINT64_C(64) << 20)

struct kept_page {
	uint64_t key; /* page frame + 1 */
	bool known;
	struct la_page page;
	char reason[200];
};

struct la_owners {
	const struct la_kernel *k;
	const struct la_sections *s; /* or NULL */
	struct la_arena *arena;
	struct kept_page kept[KEPT_PAGES];
	uint64_t image, image_end, init, init_end; /* 0: not known */
	uint64_t percpu, percpu_end;               /* static variables as linked; 0: not known */
	uint64_t
		percpu_size; /* bytes of them, and of room for more behind them, that each CPU has */
	struct la_task_table tasks;
	struct la_mapped mapped;
	struct la_modules modules;
	bool tasks_read, mapped_read, modules_read;
	const char *nomem;
};

const char *la_owner_kind_name(enum la_owner_kind kind)
{
	static const char *const name[] = { "unknown", "free",       "task",
					    "slab",    "page-cache", "kernel" };

	return name[kind];
}

const char *la_owner_place_name(enum la_owner_place place)
{
	static const char *const name[] = {
		[LA_PLACE_OTHER] = "other",
		[LA_PLACE_IMAGE] = "image",
		[LA_PLACE_MODULE] = "module",
		[LA_PLACE_PERCPU] = "percpu",
		[LA_PLACE_STACK] = "stack",
		[LA_PLACE_IRQ_STACK] = "irq-stack",
		[LA_PLACE_USER] = "user",
		[LA_PLACE_OBJECT] = "object",
		[LA_PLACE_STRUCT_PAGE] = "struct-page",
		[LA_PLACE_VMALLOC] = "vmalloc",
	};

	return name[place];
}

/* Two symbols around something; both 0 if one is not known, or they make no sense. */
static void find_bounds(const struct la_door *door, const char *first, const char *last,
			uint64_t *start, uint64_t *end)
{
	if (!door->symbol(door->ctx, first, start) || !door->symbol(door->ctx, last, end) ||
	    *end <= *start)
		*start = *end = 0;
}

/*
 * The first chunk of per-CPU memory: for each CPU a copy of the static variables, and room for those that come later,
 * for which struct pcpu_chunk stands. What lies behind that was given back (mm/percpu.c, pcpu_embed_first_chunk()).
 */
static uint64_t percpu_size(const struct la_owners *o)
{
	const struct la_kernel *k = o->k;
	const uint64_t fixed = o->percpu_end - o->percpu;
	uint64_t chunk, base, start, pages, end;

	if (la_read_variable(k, "pcpu_first_chunk", 8, &chunk, NULL) != LA_OK ||
	    la_read_variable(k, "pcpu_base_addr", 8, &base, NULL) != LA_OK ||
	    la_read_member(k, chunk, "pcpu_chunk", "base_addr", &start, NULL) != LA_OK ||
	    la_read_member(k, chunk, "pcpu_chunk", "nr_pages", &pages, NULL) != LA_OK ||
	    la_read_member(k, chunk, "pcpu_chunk", "end_offset", &end, NULL) != LA_OK)
		return fixed;
	end = start - base + (pages << k->mmu.geometry.page_shift) - (uint32_t)end;
	return end > fixed && end <= MAX_PERCPU ? end : fixed;
}

struct la_owners *la_owners_new(const struct la_kernel *k, const struct la_sections *s,
				struct la_arena *arena)
{
	struct la_owners *o = la_alloc(arena, sizeof(*o));

	if (!o)
		return NULL;
	o->k = k;
	o->s = s;
	o->arena = arena;
	find_bounds(k->door, "_text", "_end", &o->image, &o->image_end);
	if (!o->image)
		find_bounds(k->door, "_stext", "_end", &o->image, &o->image_end);
	find_bounds(k->door, "__init_begin", "__init_end", &o->init, &o->init_end);
	find_bounds(k->door, "__per_cpu_start", "__per_cpu_end", &o->percpu, &o->percpu_end);
	o->percpu_size = percpu_size(o);
	return o;
}

const char *la_owners_remark(const struct la_owners *o)
{
	if (o->nomem)
		return o->nomem;
	return o->tasks.remark ? o->tasks.remark : o->mapped.remark;
}

static void read_tasks(struct la_owners *o)
{
	if (o->tasks_read)
		return;
	if (la_task_table_read(o->k, o->arena, &o->tasks) != LA_OK)
		o->nomem = "tasks: out of memory";
	LA_PUBLISH(o->tasks_read, true);
}

static void read_mapped(struct la_owners *o)
{
	if (o->mapped_read)
		return;
	if (la_mapped_read(o->k, o->arena, &o->mapped) == LA_NOMEM)
		o->nomem = "the kernel's page tables: out of memory";
	LA_PUBLISH(o->mapped_read, true);
}

static const struct la_module *find_module(struct la_owners *o, uint64_t va)
{
	if (!o->modules_read) {
		la_module_parts_read(o->k, o->arena, &o->modules);
		LA_PUBLISH(o->modules_read, true);
	}
	return la_modules_find(&o->modules, va);
}

static const struct kept_page *read_page(struct la_owners *o, uint64_t pa)
{
	const uint64_t pfn = pa >> o->k->mmu.geometry.page_shift;
	struct kept_page *p = &o->kept[pfn % KEPT_PAGES];
	struct la_error err = { "" };
	struct la_section section;

	if (p->key == pfn + 1)
		return p;
	LA_WITHDRAW(p->key);
	p->known = o->s && o->k->mmu.geometry.page_shift &&
		   la_section_find(o->k, o->s, pa, &section, &err) == LA_OK && section.page &&
		   la_page_read(o->k, o->s, section.page, &p->page, &err) == LA_OK;
	snprintf(p->reason, sizeof(p->reason), "%s",
		 o->s ? err.text : "where its struct pages are is not known");
	LA_PUBLISH(p->key, pfn + 1);
	return p;
}

/* The page allocator's; only the first page of a free block has a type. */
static bool is_free(const struct la_page *p)
{
	if (p->type)
		return !strcmp(p->type, "buddy");
	return p->refcount_known && !p->refcount && !p->head && p->owner == LA_PAGE_NOBODY;
}

static void name_symbol(const struct la_owners *o, uint64_t va, uint64_t by, struct la_owner *ret)
{
	struct la_symbol symbol;

	if (!o->k->door->symbol_at(o->k->door->ctx, va - by, &symbol))
		return;
	snprintf(ret->symbol, sizeof(ret->symbol), "%s", symbol.name);
	ret->offset = va - by - symbol.start;
	if (symbol.module)
		snprintf(ret->module, sizeof(ret->module), "%s", symbol.module);
}

static bool in_stack(struct la_owners *o, uint64_t pa, struct la_owner *ret)
{
	const struct la_stack_piece *piece;

	read_tasks(o);
	piece = la_stack_piece_find(&o->tasks, pa);
	if (!piece)
		return false;
	ret->va = piece->va + (pa - piece->pa);
	ret->kind = piece->irq ? LA_OWNER_KERNEL : LA_OWNER_TASK;
	ret->place = piece->irq ? LA_PLACE_IRQ_STACK : LA_PLACE_STACK;
	if (piece->irq)
		ret->cpu = (int)piece->task;
	else
		ret->task = o->tasks.task[piece->task].task;
	return true;
}

/* Init memory is given back when the guest has booted. */
static bool in_image(const struct la_owners *o, uint64_t va, const struct kept_page *page,
		     struct la_owner *ret)
{
	if (va < o->image || va >= o->image_end)
		return false;
	if (page->known && (is_free(&page->page) || page->page.owner != LA_PAGE_NOBODY) &&
	    va >= o->init && va < o->init_end)
		return false;
	ret->kind = LA_OWNER_KERNEL;
	ret->place = LA_PLACE_IMAGE;
	name_symbol(o, va, 0, ret);
	return true;
}

static bool in_percpu(const struct la_owners *o, uint64_t va, struct la_owner *ret)
{
	const uint64_t fixed = o->percpu_end - o->percpu;

	for (unsigned cpu = 0; o->percpu && o->k->percpu && cpu < o->k->ncpus; cpu++) {
		const uint64_t at = va - (o->percpu + o->k->percpu[cpu]);

		if (at >= o->percpu_size)
			continue;
		ret->kind = LA_OWNER_KERNEL;
		ret->place = LA_PLACE_PERCPU;
		ret->cpu = (int)cpu;
		if (at < fixed)
			name_symbol(o, va, o->k->percpu[cpu], ret);
		return true;
	}
	return false;
}

/*
 * A slab is a row of slots of kmem_cache.size bytes from the first page on; in a slot the object begins behind the
 * left red zone, where there is one.
 */
static void find_object(const struct la_owners *o, struct la_owner *ret)
{
	const struct la_kernel *k = o->k;
	const uint64_t first = ret->page.head ? ret->page.head : ret->page.address;
	const unsigned shift = k->mmu.geometry.page_shift;
	uint64_t cache, size, pad, bytes, many, base, at;

	ret->kind = LA_OWNER_SLAB;
	if (!o->s->page_size ||
	    (la_read_member(k, first, "slab", "slab_cache", &cache, NULL) != LA_OK &&
	     la_read_member(k, first, "page", "slab_cache", &cache, NULL) != LA_OK) ||
	    la_read_member(k, cache, "kmem_cache", "size", &size, NULL) != LA_OK || !size ||
	    la_read_member(k, cache, "kmem_cache", "object_size", &bytes, NULL) != LA_OK ||
	    la_read_member(k, cache, "kmem_cache", "oo", &many, NULL) != LA_OK)
		return;
	if (la_read_member(k, cache, "kmem_cache", "red_left_pad", &pad, NULL) != LA_OK)
		pad = 0;
	base = (ret->va & ~((UINT64_C(1) << shift) - 1)) -
	       ((ret->page.address - first) / o->s->page_size << shift);
	at = ret->va - base;
	/* struct kmem_cache_order_objects: how many objects a slab has, in the low 16 bits */
	if (at / size >= (many & 0xffff) || at % size < pad || at % size - pad >= bytes)
		return; /* behind the last one, or what debugging put around it */
	ret->place = LA_PLACE_OBJECT;
	ret->object = ret->va - at % size + pad;
	ret->offset = ret->va - ret->object;
	ret->size = bytes;
}

/* Of several tasks with this address space the one that leads its process comes first in the list. */
static void find_user(struct la_owners *o, uint64_t pa, struct la_owner *ret)
{
	uint64_t mm;

	ret->kind = LA_OWNER_TASK;
	if (!la_user_page_find(o->k, o->s, &ret->page, pa, &mm, &ret->user))
		return;
	ret->place = LA_PLACE_USER;
	ret->user_known = true;
	read_tasks(o);
	for (size_t i = 0; i < o->tasks.ntasks; i++) {
		if (o->tasks.task[i].mm != mm)
			continue;
		ret->task = o->tasks.task[i].task;
		return;
	}
}

static void find_mapped(struct la_owners *o, uint64_t pa, struct la_owner *ret)
{
	const struct la_sections *s = o->s;
	const struct la_module *m;
	uint64_t va, frames;

	read_mapped(o);
	if (!la_mapped_find(&o->mapped, pa, &va))
		return;
	ret->va = va;
	ret->place = LA_PLACE_VMALLOC;
	m = find_module(o, va);
	if (m) {
		ret->place = LA_PLACE_MODULE;
		name_symbol(o, va, 0, ret);
		snprintf(ret->module, sizeof(ret->module), "%s", m->name);
		return;
	}
	if (!s || !s->vmemmap || !s->page_size || va < s->vmemmap)
		return;
	frames = UINT64_C(1) << (s->physmem_bits - o->k->mmu.geometry.page_shift);
	ret->pfn = (va - s->vmemmap) / s->page_size;
	if (ret->pfn >= frames)
		return;
	ret->place = LA_PLACE_STRUCT_PAGE;
	ret->object = s->vmemmap + ret->pfn * s->page_size;
	ret->offset = va - ret->object;
}

static void find_by_page(struct la_owners *o, uint64_t pa, struct la_owner *ret)
{
	const struct la_page *p = &ret->page;

	switch (p->owner) {
	case LA_PAGE_SLAB:
		find_object(o, ret);
		return;
	case LA_PAGE_FILE:
		ret->kind = LA_OWNER_CACHE;
		return;
	case LA_PAGE_ANON:
	case LA_PAGE_KSM:
		find_user(o, pa, ret);
		return;
	case LA_PAGE_NOBODY:
		break;
	}
	ret->kind = is_free(p) ? LA_OWNER_FREE : LA_OWNER_KERNEL;
	if (ret->kind == LA_OWNER_KERNEL)
		find_mapped(o, pa, ret);
}

void la_owner_find(struct la_owners *o, uint64_t pa, struct la_owner *ret)
{
	const struct kept_page *page = read_page(o, pa);

	*ret = (struct la_owner){ .va = CACHED_BASE | pa, .cpu = -1 };
	ret->page_known = page->known;
	if (page->known)
		ret->page = page->page;
	if (in_stack(o, pa, ret) || in_image(o, ret->va, page, ret) || in_percpu(o, ret->va, ret))
		return;
	if (page->known) {
		find_by_page(o, pa, ret);
		return;
	}
	find_mapped(o, pa, ret);
	if (ret->place != LA_PLACE_OTHER)
		ret->kind = LA_OWNER_KERNEL;
	else
		snprintf(ret->reason, sizeof(ret->reason), "%s", page->reason);
}
