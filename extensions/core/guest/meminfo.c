// SPDX-License-Identifier: GPL-3.0-or-later
// Where the guest's memory is, by its kernel's own counters.
#include "lakvm/guest/meminfo.h"

#include <string.h>

#include "base/cycle.h"

const char *la_memory_name(enum la_memory what)
{
	static const char *const names[] = {
		[LA_MEMORY_FREE] = "free",
		[LA_MEMORY_SLAB] = "objects of the kernel (slab)",
		[LA_MEMORY_ANON] = "anonymous memory of processes",
		[LA_MEMORY_SHMEM] = "tmpfs and shared memory",
		[LA_MEMORY_FILE] = "the page cache",
		[LA_MEMORY_TABLES] = "page tables",
		[LA_MEMORY_STACKS] = "kernel stacks of tasks",
		[LA_MEMORY_OTHER] = "pages that the kernel and its drivers took for themselves",
	};

	return names[what];
}

/* Counters of the whole guest: arrays of atomic_long_t, whose items are enumerators. In KiB or in pages. */
static const struct counter {
	enum la_memory what;
	const char *array, *item;
	bool kib;
} counters[] = {
	{ LA_MEMORY_FREE, "vm_zone_stat", "NR_FREE_PAGES", false },
	{ LA_MEMORY_SLAB, "vm_node_stat", "NR_SLAB_RECLAIMABLE_B", false },
	{ LA_MEMORY_SLAB, "vm_node_stat", "NR_SLAB_UNRECLAIMABLE_B", false },
	{ LA_MEMORY_ANON, "vm_node_stat", "NR_ANON_MAPPED", false },
	{ LA_MEMORY_FILE, "vm_node_stat", "NR_FILE_PAGES", false },
	{ LA_MEMORY_SHMEM, "vm_node_stat", "NR_SHMEM", false },
	{ LA_MEMORY_TABLES, "vm_node_stat", "NR_PAGETABLE", false },
	{ LA_MEMORY_STACKS, "vm_node_stat", "NR_KERNEL_STACK_KB", true },
};

/* Differences that CPUs have not yet added can make one of them negative: it is 0 then. */
static enum la_status read_counter(const struct la_kernel *k, const struct counter *c,
				   uint64_t *ret, struct la_error *err)
{
	const struct la_door *door = k->door;
	const unsigned shift = c->kib ? 10 : k->mmu.geometry.page_shift;
	uint64_t array, value;
	enum la_status status;
	int64_t item;

	if (!door->symbol(door->ctx, c->array, &array) ||
	    !door->enumerator(door->ctx, c->item, &item) || item < 0 || item > 1024)
		return la_fail(err, LA_ABSENT, "this kernel has no %s[%s]", c->array, c->item);
	status = la_read_u64(k, array + (uint64_t)item * 8, &value, err);
	if (status == LA_OK)
		*ret += (int64_t)value < 0 ? 0 : value << shift;
	return status;
}

/* What @from counts has @part in it. */
static void take_out(uint64_t *from, uint64_t part)
{
	*from -= part < *from ? part : *from;
}

/* --- the largest slab cache: struct kmem_cache of mm/slub.c, whose nodes count objects only with CONFIG_SLUB_DEBUG --- */

/* More than a kernel ever has. */
#define MAX_CACHES 100000

/* kmem_cache.node[] is declared for all nodes that can be, and has memory for those that the guest can have. */
static uint64_t count_nodes(const struct la_kernel *k, uint64_t declared)
{
	uint64_t n;

	if (la_read_variable(k, "nr_node_ids", 4, &n, NULL) != LA_OK)
		return 1;
	return n < declared ? n : declared;
}

static uint64_t cache_bytes(const struct la_kernel *k, uint64_t cache)
{
	const struct la_door *door = k->door;
	struct la_member nodes;
	uint64_t size, n, total = 0;

	if (!door->member(door->ctx, "kmem_cache", "node", &nodes) || !nodes.size ||
	    la_read_member(k, cache, "kmem_cache", "size", &size, NULL) != LA_OK ||
	    size > UINT32_MAX)
		return 0;
	n = count_nodes(k, nodes.size / 8);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t node, objects;

		if (la_read_u64(k, cache + nodes.offset + i * 8, &node, NULL) == LA_OK && node &&
		    la_read_member(k, node, "kmem_cache_node", "total_objects", &objects, NULL) ==
			    LA_OK &&
		    objects < UINT64_C(1) << 40)
			total += objects;
	}
	return size && total < UINT64_MAX / size ? total * size : 0;
}

static void find_cache(const struct la_kernel *k, struct la_meminfo *ret)
{
	const struct la_door *door = k->door;
	struct la_cycle cycle = { 0 };
	struct la_member list;
	uint64_t head, at, largest = 0;

	if (!door->symbol(door->ctx, "slab_caches", &head) ||
	    !door->member(door->ctx, "kmem_cache", "list", &list) ||
	    la_read_u64(k, head, &at, NULL) != LA_OK)
		return;
	for (unsigned i = 0; at != head && i < MAX_CACHES && !la_cycle_step(&cycle, at); i++) {
		const uint64_t bytes = cache_bytes(k, at - list.offset);

		if (bytes > ret->cache_bytes) {
			ret->cache_bytes = bytes;
			largest = at - list.offset;
		}
		if (la_read_u64(k, at, &at, NULL) != LA_OK)
			break;
	}
	/* A cache cannot have more than all of them: what says so is damaged. */
	if (!largest || ret->cache_bytes > ret->bytes[LA_MEMORY_SLAB] ||
	    la_read_member(k, largest, "kmem_cache", "name", &at, NULL) != LA_OK ||
	    la_read_name(k, at, ret->cache, sizeof(ret->cache), NULL) != LA_OK)
		ret->cache[0] = '\0';
}

/* --- the largest process --- */

struct search {
	const struct la_kernel *k;
	struct la_meminfo *ret;
	struct la_member rss;
	uint64_t item; /* bytes into rss_stat */
	uint64_t largest;
};

/*
 * mm_struct.rss_stat: an array of struct percpu_counter since 6.2 (f1a7941243c1), whose count lacks what the CPUs have
 * not yet added; before, a structure with an array of atomic_long_t.
 */
static bool prepare(struct search *s)
{
	const struct la_door *door = s->k->door;
	struct la_member count;
	int64_t anon;
	size_t size;

	if (!door->member(door->ctx, "mm_struct", "rss_stat", &s->rss) ||
	    !door->enumerator(door->ctx, "MM_ANONPAGES", &anon) || anon < 0 || anon > 8)
		return false;
	if (door->type_size(door->ctx, "mm_rss_stat", &size))
		s->item = (uint64_t)anon * 8;
	else if (door->type_size(door->ctx, "percpu_counter", &size) &&
		 door->member(door->ctx, "percpu_counter", "count", &count))
		s->item = (uint64_t)anon * size + count.offset;
	else
		return false;
	return true;
}

static bool weigh(void *ctx, uint64_t task)
{
	struct search *s = ctx;
	const struct la_kernel *k = s->k;
	uint64_t pid, tgid, mm, pages;

	if (la_read_member(k, task, "task_struct", "pid", &pid, NULL) == LA_OK &&
	    la_read_member(k, task, "task_struct", "tgid", &tgid, NULL) == LA_OK && pid == tgid &&
	    la_read_member(k, task, "task_struct", "mm", &mm, NULL) == LA_OK && mm &&
	    la_read_u64(k, mm + s->rss.offset + s->item, &pages, NULL) == LA_OK &&
	    (int64_t)pages > 0 && pages < UINT64_C(1) << 40 &&
	    pages << k->mmu.geometry.page_shift > s->ret->task_bytes) {
		s->ret->task_bytes = pages << k->mmu.geometry.page_shift;
		s->largest = task;
	}
	return true;
}

static void find_task(const struct la_kernel *k, struct la_meminfo *ret)
{
	struct search s = { .k = k, .ret = ret };

	if (!prepare(&s))
		return;
	/* Of a damaged list what could be read of it counts. */
	la_tasks_each(k, weigh, &s, NULL);
	if (s.largest && ret->task_bytes <= ret->total)
		la_task_read(k, s.largest, &ret->task);
}

enum la_status la_meminfo_read(const struct la_kernel *k, struct la_meminfo *ret,
			       struct la_error *err)
{
	struct la_meminfo info = { .total = 0 };
	uint64_t pages;
	enum la_status status;

	if (!k->mmu.geometry.page_shift)
		return la_fail(err, LA_ABSENT, "the size of the guest's pages is not known");
	status = la_read_variable(k, "_totalram_pages", 8, &pages, err);
	for (size_t i = 0; status == LA_OK && i < sizeof(counters) / sizeof(counters[0]); i++)
		status = read_counter(k, &counters[i], &info.bytes[counters[i].what], err);
	if (status != LA_OK)
		return status;
	info.total = pages << k->mmu.geometry.page_shift;
	take_out(&info.bytes[LA_MEMORY_FILE], info.bytes[LA_MEMORY_SHMEM]);
	info.bytes[LA_MEMORY_OTHER] = info.total;
	for (enum la_memory i = 0; i < LA_MEMORY_OTHER; i++) {
		if (info.bytes[i] > info.total)
			return la_fail(err, LA_CORRUPT,
				       "its counters are damaged: more %s than memory",
				       la_memory_name(i));
		take_out(&info.bytes[LA_MEMORY_OTHER], info.bytes[i]);
	}
	find_cache(k, &info);
	find_task(k, &info);
	*ret = info;
	return LA_OK;
}
