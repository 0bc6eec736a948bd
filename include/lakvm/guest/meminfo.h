/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the guest's memory is, by the counters that its kernel keeps for /proc/meminfo. */
#ifndef LAKVM_MEMINFO_H
#define LAKVM_MEMINFO_H

#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/status.h"
#include "lakvm/guest/kernel.h"
#include "lakvm/guest/task.h"

enum la_memory {
	LA_MEMORY_FREE,
	LA_MEMORY_SLAB,   /* objects of the kernel, and kmalloc() of whole pages */
	LA_MEMORY_ANON,   /* of processes */
	LA_MEMORY_SHMEM,  /* tmpfs, shared memory */
	LA_MEMORY_FILE,   /* the rest of the page cache */
	LA_MEMORY_TABLES, /* page tables of processes */
	LA_MEMORY_STACKS, /* kernel stacks of tasks */
	LA_MEMORY_OTHER, /* what no counter tells of: pages that drivers took, vmalloc(), the kernel's own */
	LA_NMEMORY,
};

struct la_meminfo {
	uint64_t total;             /* bytes that the page allocator was given */
	uint64_t bytes[LA_NMEMORY]; /* their sum is @total, unless counters lag */
	/* The slab cache that has most, as the kernel counts it itself (objects times size); empty: not known. */
	char cache[64];
	uint64_t cache_bytes;
	struct la_task task; /* the process that has most anonymous memory; address 0: not known */
	uint64_t task_bytes; /* about: parts of it are counted for each CPU and not added up here */
};

/** "free", "slab", "anonymous memory of processes", ... */
const char *la_memory_name(enum la_memory what);

/**
 * Read the counters: _totalram_pages, vm_zone_stat[], vm_node_stat[] (mm/vmstat.c, since 4.8), slab_caches, and
 * mm_struct.rss_stat of all processes. LA_ABSENT: this kernel has no such counters, or they are not known; else as
 * la_read().
 */
enum la_status la_meminfo_read(const struct la_kernel *k, struct la_meminfo *ret,
			       struct la_error *err);

#endif
