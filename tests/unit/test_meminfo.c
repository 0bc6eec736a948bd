// SPDX-License-Identifier: GPL-3.0-or-later
// Where the memory went, by counters of a kernel made here.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lakvm/guest/meminfo.h"
#include "panic_guest.h"

#define MIB (UINT64_C(1) << 20)
#define PAGE UINT64_C(16384)

/* Physical places. */
#define TOTAL 0x820000
#define ZONE 0x820100
#define NODE 0x820200
#define CACHES 0x820400
#define CACHE(n) (0x821000 + (n)*0x200)
#define CACHE_NODE(n) (0x822000 + (n)*0x100)
#define NAME(n) (0x823030 + (n)*0x100) /* near the end of what can be read */
#define TASK(n) (0x824000 + (n)*0x1000)
#define MM(n) (0x828000 + (n)*0x1000)

enum { FREE, ANON = 1, FILES, SHMEM, SLAB, SLAB_RECLAIMABLE, STACKS, TABLES };

static void set_pages(struct guest *g, uint64_t array, unsigned item, uint64_t mib)
{
	fake_put_u64(g->f, array + item * 8, mib * MIB / PAGE);
}

static void describe_counters(struct guest *g)
{
	static const struct {
		const char *name;
		int64_t value;
	} items[] = {
		{ "NR_FREE_PAGES", FREE },
		{ "NR_ANON_MAPPED", ANON },
		{ "NR_FILE_PAGES", FILES },
		{ "NR_SHMEM", SHMEM },
		{ "NR_SLAB_UNRECLAIMABLE_B", SLAB },
		{ "NR_SLAB_RECLAIMABLE_B", SLAB_RECLAIMABLE },
		{ "NR_KERNEL_STACK_KB", STACKS },
		{ "NR_PAGETABLE", TABLES },
		{ "MM_ANONPAGES", 1 },
	};

	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
		fake_enumerator(g->f, items[i].name, items[i].value);
	fake_symbol(g->f, "_totalram_pages", W + TOTAL, 8, NULL);
	fake_symbol(g->f, "vm_zone_stat", W + ZONE, 64, NULL);
	fake_symbol(g->f, "vm_node_stat", W + NODE, 64, NULL);
	fake_put_u64(g->f, TOTAL, 400 * MIB / PAGE);
	for (unsigned i = 0; i < 8; i++)
		fake_put_u64(g->f, NODE + i * 8, 0);
	set_pages(g, ZONE, FREE, 2);
	fake_put_u64(g->f, NODE + STACKS * 8, 3 * 1024);
}

/* Two caches of one node; what stands behind the one pointer that the array has memory for is somebody else's. */
static void describe_caches(struct guest *g)
{
	static const char *const names[] = { "dentry", "kmalloc-1k" };

	fake_symbol(g->f, "slab_caches", W + CACHES, 16, NULL);
	fake_symbol(g->f, "nr_node_ids", W + CACHES + 64, 4, NULL);
	fake_put_u32(g->f, CACHES + 64, 1);
	fake_member(g->f, "kmem_cache", "list", 0, 16);
	fake_member(g->f, "kmem_cache", "size", 16, 4);
	fake_member(g->f, "kmem_cache", "name", 24, 8);
	fake_member(g->f, "kmem_cache", "node", 32, 64 * 8);
	fake_member(g->f, "kmem_cache_node", "total_objects", 8, 8);
	fake_put_u64(g->f, CACHES, W + CACHE(0));
	for (unsigned i = 0; i < 2; i++) {
		fake_put_u64(g->f, CACHE(i), W + (i ? CACHES : CACHE(1)));
		fake_put_u32(g->f, CACHE(i) + 16, i ? 1024 : 192);
		fake_put_u64(g->f, CACHE(i) + 24, W + NAME(i));
		fake_hide(g->f, NAME(i) + 16, 0x80, LA_EXCLUDED);
		fake_put_u64(g->f, CACHE(i) + 32, W + CACHE_NODE(i));
		fake_put_u64(g->f, CACHE(i) + 40, W + CACHES - 8);
		fake_put(g->f, NAME(i), names[i], strlen(names[i]) + 1);
		fake_put_u64(g->f, CACHE_NODE(i) + 8, i ? 350 * 1024 : 1000);
	}
}

/* init_task, a process, and a thread of it: both share the memory, which counts once. */
static void describe_tasks(struct guest *g)
{
	fake_symbol(g->f, "init_task", W + TASK(0), 0x800, NULL);
	fake_member(g->f, "task_struct", "tasks", 0x10, 16);
	fake_member(g->f, "task_struct", "pid", 0x20, 4);
	fake_member(g->f, "task_struct", "tgid", 0x24, 4);
	fake_member(g->f, "task_struct", "mm", 0x28, 8);
	fake_member(g->f, "task_struct", "comm", 0x30, 16);
	fake_member(g->f, "mm_struct", "rss_stat", 0x40, 4 * 40);
	for (unsigned i = 0; i < 3; i++) {
		fake_put_u64(g->f, TASK(i) + 0x10, W + TASK((i + 1) % 3) + 0x10);
		fake_put_u32(g->f, TASK(i) + 0x20, i ? 40 + i : 0);
		fake_put_u32(g->f, TASK(i) + 0x24, i ? 41 : 0);
		fake_put_u64(g->f, TASK(i) + 0x28, i ? W + MM(1) : 0);
		fake_put(g->f, TASK(i) + 0x30,
			 i == 1 ? "memhog\0\0\0\0\0\0\0\0\0" : "x\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	}
}

static struct guest *new_guest(void)
{
	struct guest *g = guest_new();

	g->k.mmu.geometry.page_shift = 14;
	describe_counters(g);
	describe_caches(g);
	describe_tasks(g);
	return g;
}

static void test_parts(void **state)
{
	struct guest *g = new_guest();
	struct la_meminfo m;

	(void)state;
	set_pages(g, NODE, SLAB, 360);
	set_pages(g, NODE, SLAB_RECLAIMABLE, 4);
	set_pages(g, NODE, FILES, 11);
	set_pages(g, NODE, SHMEM, 8);
	assert_int_equal(la_meminfo_read(&g->k, &m, NULL), LA_OK);
	assert_int_equal(m.total, 400 * MIB);
	assert_int_equal(m.bytes[LA_MEMORY_FREE], 2 * MIB);
	assert_int_equal(m.bytes[LA_MEMORY_SLAB], 364 * MIB);
	assert_int_equal(m.bytes[LA_MEMORY_SHMEM], 8 * MIB);
	assert_int_equal(m.bytes[LA_MEMORY_FILE], 3 * MIB);
	assert_int_equal(m.bytes[LA_MEMORY_STACKS], 3 * MIB);
	assert_int_equal(m.bytes[LA_MEMORY_OTHER], 20 * MIB);
	assert_string_equal(m.cache, "kmalloc-1k");
	assert_int_equal(m.cache_bytes, 350 * MIB);
	assert_int_equal(m.task.address, 0);
	guest_free(g);
}

/* As 6.2 and later count, and as 6.1 did. */
static void test_largest_process(void **state)
{
	(void)state;
	for (int old = 0; old < 2; old++) {
		struct guest *g = new_guest();
		struct la_meminfo m;

		if (old) {
			fake_type(g->f, "mm_rss_stat", 32);
			fake_put_u64(g->f, MM(1) + 0x40 + 8, 300 * MIB / PAGE);
		} else {
			fake_type(g->f, "percpu_counter", 40);
			fake_member(g->f, "percpu_counter", "count", 8, 8);
			fake_put_u64(g->f, MM(1) + 0x40 + 40 + 8, 300 * MIB / PAGE);
		}
		assert_int_equal(la_meminfo_read(&g->k, &m, NULL), LA_OK);
		assert_string_equal(m.task.comm, "memhog");
		assert_int_equal(m.task.pid, 41);
		assert_int_equal(m.task_bytes, 300 * MIB);
		guest_free(g);
	}
}

static void test_damaged(void **state)
{
	struct la_error err = { "" };
	struct la_meminfo m = { .total = 7 };
	struct guest *g = new_guest();

	(void)state;
	set_pages(g, NODE, TABLES, 5000);
	assert_int_equal(la_meminfo_read(&g->k, &m, &err), LA_CORRUPT);
	assert_non_null(strstr(err.text, "more page tables than memory"));
	assert_int_equal(m.total, 7);
	/* a cache that has more than all caches together */
	set_pages(g, NODE, TABLES, 0);
	set_pages(g, NODE, SLAB, 10);
	assert_int_equal(la_meminfo_read(&g->k, &m, NULL), LA_OK);
	assert_string_equal(m.cache, "");
	/* a list that never comes back, and tasks whose list ends in nothing */
	fake_put_u64(g->f, CACHE(1), W + CACHE(1));
	fake_put_u64(g->f, TASK(1) + 0x10, 0x123);
	assert_int_equal(la_meminfo_read(&g->k, &m, NULL), LA_OK);
	/* counters that CPUs have taken below nothing */
	fake_put_u64(g->f, NODE + ANON * 8, (uint64_t)-3);
	assert_int_equal(la_meminfo_read(&g->k, &m, NULL), LA_OK);
	assert_int_equal(m.bytes[LA_MEMORY_ANON], 0);
	guest_free(g);

	g = guest_new();
	assert_int_equal(la_meminfo_read(&g->k, &m, &err), LA_ABSENT);
	guest_free(g);
}

static const struct la_panic *run_out(struct guest *g)
{
	ring_add(&g->ring, 1000, 6, 0, 1,
		 "Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled");
	die(g, &(struct death){ .message = "Out of memory: system-wide panic_on_oom is enabled",
				.stack = { "panic", "out_of_memory", "__alloc_pages" } });
	return analyse(g, true);
}

/* The verdict says what took the memory where one thing did, and nothing where none did. */
static void test_verdict(void **state)
{
	struct guest *g = new_guest();
	const struct la_panic *p;

	(void)state;
	set_pages(g, NODE, SLAB, 360);
	p = run_out(g);
	assert_string_equal(p->cause.kind, "oom");
	assert_non_null(strstr(p->summary,
			       "360 of 400 MiB are objects of the kernel (slab), of that "
			       "350 MiB kmalloc-1k"));
	assert_true(has_fact(p, "slab_caches", "kmalloc-1k, with 350 MiB"));
	guest_free(g);

	g = new_guest();
	set_pages(g, NODE, SLAB, 100);
	set_pages(g, NODE, ANON, 100);
	set_pages(g, NODE, FILES, 100);
	p = run_out(g);
	assert_null(strstr(p->summary, "MiB"));
	guest_free(g);

	/* most is free: it ran out for another reason */
	g = new_guest();
	set_pages(g, NODE, SLAB, 170);
	set_pages(g, ZONE, FREE, 200);
	p = run_out(g);
	assert_null(strstr(p->summary, "slab"));
	guest_free(g);
}

/* The OOM killer has killed what it could, and the guest lives, with no more memory than before. */
static void test_living(void **state)
{
	(void)state;
	for (int full = 0; full < 2; full++) {
		struct guest *g = new_guest();
		const struct la_panic *p;

		set_panic_cpu(g, UINT32_MAX);
		g->cpu[0].state = g->cpu[1].state = LA_CPU_IDLE;
		ring_add(&g->ring, 1000, 6, 0, 1,
			 "Out of memory: Killed process 65 (dd) total-vm:2528kB");
		set_pages(g, NODE, FILES, 350);
		set_pages(g, NODE, SHMEM, 350);
		if (!full)
			set_pages(g, ZONE, FREE, 390);
		p = analyse(g, true);
		assert_int_equal(p->verdict, LA_VERDICT_RUNNING);
		assert_non_null(strstr(p->summary, "memory ran out"));
		assert_int_equal(!!strstr(p->summary, "; 350 of 400 MiB are tmpfs"), full);
		guest_free(g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),   cmocka_unit_test(test_largest_process),
		cmocka_unit_test(test_damaged), cmocka_unit_test(test_verdict),
		cmocka_unit_test(test_living),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
