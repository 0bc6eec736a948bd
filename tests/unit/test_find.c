// SPDX-License-Identifier: GPL-3.0-or-later
// Whose memory it is, how a search is asked for, and how its result is printed: a guest made by hand, with 16 KiB pages.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "fake.h"
#include "lakvm/render/find.h"

#define W UINT64_C(0x9000000000000000)
#define PAGE UINT64_C(0x4000)
#define VMEMMAP (W + 0x40000000) /* of the frames that a test sets up */
#define MAPPED UINT64_C(0xffff800000000000)
#define IMAGE (W + 0x200000)
#define TASK (W + 0x1000000)
#define STACK (W + 0x1100000)
#define IRQ_STACK (W + 0x1200000)
#define MM (W + 0x1300000)
#define PGD (W + 0x1400000)
#define USER_PGD (W + 0x1500000)
#define CACHE (W + 0x1600000)
#define CHAIN (W + 0x1700000)
#define MODULE (W + 0x1800000)
#define INODE (W + 0x1900000)

struct test {
	struct fake *f;
	struct la_arena *arena;
	struct la_kernel k;
	struct la_sections s;
	uint64_t percpu[2];
	struct la_owners *owners;
	char out[8192];
};

static void put(struct test *t, uint64_t va, uint64_t value)
{
	fake_put_u64(t->f, va - W, value);
}

static void members(struct fake *f)
{
	fake_member(f, "mem_section", "section_mem_map", 0, 8);
	fake_member(f, "page", "flags", 0, 8);
	fake_member(f, "page", "compound_head", 8, 8);
	fake_member(f, "page", "mapping", 0x18, 8);
	fake_member(f, "page", "index", 0x20, 8);
	fake_member(f, "page", "page_type", 0x30, 4);
	fake_member(f, "page", "_refcount", 0x34, 4);
	fake_member(f, "slab", "slab_cache", 8, 8);
	fake_enumerator(f, "PGTY_buddy", 0xf0);
	fake_enumerator(f, "PGTY_slab", 0xf5);
	fake_enumerator(f, "PG_reserved", 10);
	fake_enumerator(f, "__NR_PAGEFLAGS", 24);
	fake_member(f, "kmem_cache", "name", 0, 8);
	fake_member(f, "kmem_cache", "size", 8, 4);
	fake_member(f, "kmem_cache", "object_size", 12, 4);
	fake_member(f, "kmem_cache", "oo", 16, 4);
	fake_member(f, "kmem_cache", "red_left_pad", 20, 4);
	fake_member(f, "task_struct", "tasks", 0x10, 16);
	fake_member(f, "task_struct", "pid", 0x100, 4);
	fake_member(f, "task_struct", "comm", 0x110, 16);
	fake_member(f, "task_struct", "stack", 0x120, 8);
	fake_member(f, "task_struct", "mm", 0x130, 8);
	fake_member(f, "mm_struct", "pgd", 8, 8);
	fake_member(f, "anon_vma", "rb_root", 0x10, 16);
	fake_member(f, "anon_vma_chain", "rb", 0x20, 24);
	fake_member(f, "anon_vma_chain", "vma", 0, 8);
	fake_member(f, "rb_node", "rb_left", 16, 8);
	fake_member(f, "rb_node", "rb_right", 8, 8);
	fake_member(f, "vm_area_struct", "vm_start", 0, 8);
	fake_member(f, "vm_area_struct", "vm_end", 8, 8);
	fake_member(f, "vm_area_struct", "vm_pgoff", 16, 8);
	fake_member(f, "vm_area_struct", "vm_mm", 24, 8);
	fake_member(f, "address_space", "host", 0, 8);
	fake_member(f, "inode", "i_ino", 0, 8);
	fake_member(f, "module", "list", 8, 16);
	fake_member(f, "module", "name", 0x20, 16);
	fake_member(f, "module", "core_layout", 0x40, 16);
	fake_member(f, "module_layout", "base", 0, 8);
	fake_member(f, "module_layout", "size", 8, 4);
}

/* A list of the task alone, and of the module alone. */
static void lists(struct test *t)
{
	fake_symbol(t->f, "init_task", TASK, 0x200, NULL);
	put(t, TASK + 0x10, TASK + 0x10);
	fake_put_u32(t->f, TASK + 0x100 - W, 77);
	fake_put(t->f, TASK + 0x110 - W, "worker\0\0\0\0\0\0\0\0\0", 16);
	put(t, TASK + 0x120, STACK);
	put(t, TASK + 0x130, MM);
	fake_symbol(t->f, "modules", IMAGE + 0x8000, 16, NULL);
	put(t, IMAGE + 0x8000, MODULE + 8);
	put(t, MODULE + 8, IMAGE + 0x8000);
	fake_put(t->f, MODULE + 0x20 - W, "lkdtm\0\0\0\0\0\0\0\0\0\0", 16);
	put(t, MODULE + 0x40, MAPPED + PAGE);
	fake_put_u32(t->f, MODULE + 0x48 - W, (uint32_t)PAGE);
}

/* Zeros, which are an empty table of page tables. */
static void table(struct test *t, uint64_t va)
{
	static const uint8_t zero[0x4000];

	fake_put(t->f, va - W, zero, sizeof(zero));
}

/* MAPPED and two pages behind it go to 0x3000000, those of the task at 64 KiB to 0x5000000. */
static void tables(struct test *t)
{
	for (uint64_t i = 0; i < 3; i++) {
		table(t, PGD + i * PAGE);
		table(t, USER_PGD + i * PAGE);
		if (i == 2)
			continue;
		put(t, PGD + i * PAGE, PGD + (i + 1) * PAGE);
		put(t, USER_PGD + i * PAGE, USER_PGD + (i + 1) * PAGE);
	}
	for (uint64_t i = 0; i < 3; i++)
		put(t, PGD + 2 * PAGE + 8 * i,
		    (0x3000000 + i * PAGE) | LA_PTE_PRESENT | LA_PTE_VALID);
	put(t, USER_PGD + 2 * PAGE + 8 * (0x10000 / PAGE),
	    0x5000000 | LA_PTE_PRESENT | LA_PTE_VALID);
}

static int start(void **state)
{
	struct test *t = calloc(1, sizeof(*t));

	if (!t)
		return 1;
	*state = t;
	t->f = fake_new();
	t->arena = la_arena_new(8 << 20);
	t->percpu[0] = 0x2000000;
	t->percpu[1] = 0x2100000;
	t->k = (struct la_kernel){ .door = fake_door(t->f), .ncpus = 2, .percpu = t->percpu };
	t->k.mmu.dmw[1] = W | 0x11;
	t->k.mmu.kernel_pgd = PGD;
	t->k.mmu.vm_map_base = MAPPED;
	la_geometry_init(&t->k.mmu.geometry, 14, 3, NULL);
	t->s = (struct la_sections){ .size_bits = 29,
				     .physmem_bits = 48,
				     .page_size = 64,
				     .has_vmemmap = true,
				     .vmemmap = VMEMMAP };
	members(t->f);
	fake_symbol(t->f, "_text", IMAGE, 0, NULL);
	fake_symbol(t->f, "__init_begin", IMAGE + 0x4000, 0, NULL);
	fake_symbol(t->f, "setup_all", IMAGE + 0x4008, 0x100, NULL);
	fake_symbol(t->f, "__init_end", IMAGE + 0x8000, 0, NULL);
	fake_symbol(t->f, "__per_cpu_start", IMAGE + 0xc000, 0, NULL);
	fake_symbol(t->f, "irq_stack", IMAGE + 0xc010, 8, NULL);
	fake_symbol(t->f, "__per_cpu_end", IMAGE + 0xc100, 0, NULL);
	fake_symbol(t->f, "_end", IMAGE + 0x10000, 0, NULL);
	put(t, IMAGE + 0xc010 + t->percpu[1], IRQ_STACK);
	lists(t);
	tables(t);
	t->owners = la_owners_new(&t->k, &t->s, t->arena);
	return !t->owners;
}

static int finish(void **state)
{
	struct test *t = *state;

	la_arena_free(t->arena);
	fake_free(t->f);
	free(t);
	return 0;
}

/* The struct page of @pa: what is not given is 0, and nobody has the page if @count is. */
static uint64_t frame(struct test *t, uint64_t pa, uint64_t flags, uint64_t mapping, uint32_t type,
		      uint32_t count)
{
	const uint64_t at = VMEMMAP + pa / PAGE * 64;

	for (uint64_t i = 0; i < 64; i += 8)
		put(t, at + i, 0);
	put(t, at, flags);
	put(t, at + 0x18, mapping);
	fake_put_u32(t->f, at + 0x30 - W, type);
	fake_put_u32(t->f, at + 0x34 - W, count);
	return at;
}

static struct la_owner whose(struct test *t, uint64_t pa)
{
	struct la_owner o;

	la_owner_find(t->owners, pa, &o);
	return o;
}

static void test_kernel(void **state)
{
	struct test *t = *state;
	struct la_owner o;

	frame(t, 0x204000, 1 << 10, 0, UINT32_MAX, 1);
	o = whose(t, 0x204010);
	assert_int_equal(o.kind, LA_OWNER_KERNEL);
	assert_int_equal(o.place, LA_PLACE_IMAGE);
	assert_string_equal(o.symbol, "setup_all");
	assert_int_equal(o.offset, 8);
	o = whose(t, IMAGE - W + 0xc014 + t->percpu[1]);
	assert_int_equal(o.place, LA_PLACE_PERCPU);
	assert_int_equal(o.cpu, 1);
	assert_string_equal(o.symbol, "irq_stack");
	assert_int_equal(o.offset, 4);
	o = whose(t, IRQ_STACK - W + 0x3ff8);
	assert_int_equal(o.place, LA_PLACE_IRQ_STACK);
	assert_int_equal(o.kind, LA_OWNER_KERNEL);
	assert_int_equal(o.cpu, 1);
	/* Without a struct page nothing tells whose the rest is. */
	o = whose(t, 0x6000000);
	assert_int_equal(o.kind, LA_OWNER_UNKNOWN);
	assert_int_equal(o.va, W + 0x6000000);
	assert_string_not_equal(o.reason, "");
}

/* Init memory that was given back is who has it now. */
static void test_init_is_freed(void **state)
{
	struct test *t = *state;

	frame(t, 0x204000, 0, 0, UINT32_MAX, 0);
	assert_int_equal(whose(t, 0x204010).kind, LA_OWNER_FREE);
}

static void test_mapped(void **state)
{
	struct test *t = *state;
	struct la_owner o;

	for (unsigned i = 0; i < 3; i++)
		frame(t, 0x3000000 + i * PAGE, 0, 0, UINT32_MAX, 1);
	o = whose(t, 0x3000008);
	assert_int_equal(o.kind, LA_OWNER_KERNEL);
	assert_int_equal(o.place, LA_PLACE_VMALLOC);
	assert_int_equal(o.va, MAPPED + 8);
	o = whose(t, 0x3000000 + PAGE + 0x10);
	assert_int_equal(o.place, LA_PLACE_MODULE);
	assert_string_equal(o.module, "lkdtm");
	assert_int_equal(o.va, MAPPED + PAGE + 0x10);
	t->s.vmemmap = MAPPED + 2 * PAGE;
	t->s.roots = 0;
	frame(t, 0x3000000 + 2 * PAGE, 0, 0, UINT32_MAX, 1);
	o = whose(t, 0x3000000 + 2 * PAGE + 3 * 64 + 0x18);
	assert_int_equal(o.place, LA_PLACE_STRUCT_PAGE);
	assert_int_equal(o.pfn, 3);
	assert_int_equal(o.offset, 0x18);
}

static void test_stack(void **state)
{
	struct test *t = *state;
	const struct la_owner o = whose(t, STACK - W + 0x3000);

	assert_int_equal(o.kind, LA_OWNER_TASK);
	assert_int_equal(o.place, LA_PLACE_STACK);
	assert_int_equal(o.task.address, TASK);
	assert_int_equal(o.task.pid, 77);
	assert_int_equal(whose(t, STACK - W + 0x4000).kind, LA_OWNER_UNKNOWN);
}

/* A slab of two pages with slots of 192 bytes: 32 of a red zone, 100 of the object, and the rest. */
static void test_slab(void **state)
{
	struct test *t = *state;
	const uint64_t base = 0x4000000;
	const uint64_t first = frame(t, base, 0, 0, 0xf5000000, 1);
	const uint64_t second = frame(t, base + PAGE, 0, 0, 0, 0);
	struct la_owner o;

	put(t, second + 8, first + 1);
	put(t, first + 8, CACHE);
	put(t, CACHE, CACHE + 0x100);
	fake_put(t->f, CACHE + 0x100 - W, "filp\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24);
	fake_put_u32(t->f, CACHE + 8 - W, 192);
	fake_put_u32(t->f, CACHE + 12 - W, 100);
	fake_put_u32(t->f, CACHE + 16 - W, 1 << 16 | 170);
	fake_put_u32(t->f, CACHE + 20 - W, 32);
	o = whose(t, base + 100 * 192 + 32 + 60); /* in the second page */
	assert_int_equal(o.kind, LA_OWNER_SLAB);
	assert_int_equal(o.place, LA_PLACE_OBJECT);
	assert_string_equal(o.page.owner_name, "filp");
	assert_int_equal(o.object, W + base + 100 * 192 + 32);
	assert_int_equal(o.offset, 60);
	assert_int_equal(o.size, 100);
	assert_int_equal(whose(t, base + 100 * 192 + 31).place, LA_PLACE_OTHER);
	assert_int_equal(whose(t, base + 100 * 192 + 132).place, LA_PLACE_OTHER);
	o = whose(t, base + 170 * 192 + 40); /* behind the last one */
	assert_int_equal(o.kind, LA_OWNER_SLAB);
	assert_int_equal(o.place, LA_PLACE_OTHER);
}

static void test_pages(void **state)
{
	struct test *t = *state;
	const uint64_t file = 0x5100000;
	struct la_owner o;

	put(t, frame(t, file, 0, INODE, UINT32_MAX, 2) + 0x20, 9);
	put(t, INODE, INODE + 0x80);
	put(t, INODE + 0x80, 4711);
	o = whose(t, file + 5);
	assert_int_equal(o.kind, LA_OWNER_CACHE);
	assert_int_equal(o.page.inode, 4711);
	assert_int_equal(o.page.index, 9);
	frame(t, 0x5200000, 0, 0, 0xf0000000, 0);
	assert_int_equal(whose(t, 0x5200000).kind, LA_OWNER_FREE);
	frame(t, 0x5204000, 0, 0, UINT32_MAX, 0); /* further pages of the free block */
	assert_int_equal(whose(t, 0x5204000).kind, LA_OWNER_FREE);
	frame(t, 0x5208000, 0, 0, UINT32_MAX, 3);
	assert_int_equal(whose(t, 0x5208000).kind, LA_OWNER_KERNEL);
	assert_int_equal(whose(t, 0x5208000).place, LA_PLACE_OTHER);
}

/* An area that was unmapped stays in the tree; the one beside it has the page. */
static void test_user(void **state)
{
	struct test *t = *state;
	const uint64_t anon = CHAIN + 0x800, root = CHAIN + 0x20, other = CHAIN + 0x220;
	struct la_owner o;

	put(t, frame(t, 0x5000000, 0, anon + 1, UINT32_MAX, 1) + 0x20, 7);
	put(t, anon + 0x10, root);
	for (uint64_t at = CHAIN, area = CHAIN + 0x400; at <= CHAIN + 0x200;
	     at += 0x200, area += 0x100) {
		put(t, at, area);
		put(t, area, at == CHAIN ? 0x30000 : 0xc000);
		put(t, area + 8, 0x50000);
		put(t, area + 16, 6);
		put(t, area + 24, MM);
		put(t, at + 0x20 + 8, 0);
		put(t, at + 0x20 + 16, 0);
	}
	put(t, root + 16, other);
	put(t, MM + 8, USER_PGD);
	o = whose(t, 0x5000123);
	assert_int_equal(o.kind, LA_OWNER_TASK);
	assert_int_equal(o.place, LA_PLACE_USER);
	assert_true(o.user_known);
	assert_int_equal(o.user, 0x10123);
	assert_int_equal(o.task.pid, 77);
	put(t, root + 16, root); /* a tree in a circle ends */
	o = whose(t, 0x5000123);
	assert_int_equal(o.kind, LA_OWNER_TASK);
	assert_false(o.user_known);
	assert_int_equal(o.task.address, 0);
}

static enum la_status what(struct test *t, const char *text, struct la_search_what *ret)
{
	struct la_find_order order;
	struct la_error err = { "" };
	const enum la_status status = la_find_parse_what(fake_door(t->f), text, &order, &err);

	*ret = order.what;
	assert_int_equal(status == LA_OK, !err.text[0]);
	return status;
}

static void test_parse(void **state)
{
	static const char *const wrong[] = { "",
					     "zork",
					     "1-",
					     "5-5",
					     "5-4",
					     "12/3",
					     "12/16",
					     "12/",
					     "text:",
					     "bytes:",
					     "bytes:123",
					     "0",
					     "0x0/4",
					     "10000/2",
					     "bytes:00000000",
					     "11112222333344445",
					     "1 2" };
	struct test *t = *state;
	struct la_search_what w;

	assert_int_equal(what(t, "init_task", &w), LA_OK);
	assert_true(w.size == 8 && w.low == TASK && w.high == TASK + 0x1ff);
	assert_int_equal(what(t, "_text", &w), LA_OK);
	assert_true(w.low == IMAGE && w.high == IMAGE);
	assert_int_equal(what(t, "0xDEADbeef", &w), LA_OK);
	assert_true(w.size == 8 && w.low == 0xdeadbeef && w.high == w.low);
	assert_int_equal(what(t, "000000000000000012/4", &w), LA_OK);
	assert_true(w.size == 4 && w.low == 0x12);
	assert_int_equal(what(t, "1000-0x2000", &w), LA_OK);
	assert_true(w.size == 8 && w.low == 0x1000 && w.high == 0x1fff);
	assert_int_equal(what(t, "text:a b:", &w), LA_OK);
	assert_true(w.size == 0 && w.nbytes == 4 && !memcmp(w.bytes, "a b:", 4));
	assert_int_equal(what(t, "bytes:00Ff10", &w), LA_OK);
	assert_true(w.size == 0 && w.nbytes == 3 && !memcmp(w.bytes, "\0\xff\x10", 3));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(what(t, wrong[i], &w), LA_INVALID);
}

static void test_parse_where(void **state)
{
	static const char *const wrong[] = { "", "unknown", "task:", "kernel:1", "slabs", ":" };
	struct la_find_order o = { .everywhere = true };

	(void)state;
	assert_int_equal(la_find_parse_where("slab:kmalloc-64", &o, NULL), LA_OK);
	assert_false(o.everywhere);
	assert_int_equal(o.kind, LA_OWNER_SLAB);
	assert_string_equal(o.name, "kmalloc-64");
	assert_int_equal(la_find_parse_where("page-cache", &o, NULL), LA_OK);
	assert_int_equal(o.kind, LA_OWNER_CACHE);
	assert_null(o.name);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(la_find_parse_where(wrong[i], &o, NULL), LA_INVALID);
}

static void to_text(void *ctx, const char *text)
{
	struct test *t = ctx;
	const size_t n = strlen(t->out);

	snprintf(t->out + n, sizeof(t->out) - n, "%s", text);
}

static struct la_find example(struct la_find_hit *hit)
{
	hit[0] = (struct la_find_hit){ .pa = 0x1000, .value = 0x77 };
	hit[0].owner = (struct la_owner){
		.kind = LA_OWNER_TASK,
		.place = LA_PLACE_STACK,
		.va = W + 0x1000,
		.cpu = -1,
		.task = { .address = TASK, .pid_known = true, .pid = 5, .comm = "a\033b" }
	};
	hit[0].frame_known = hit[0].offset_known = true;
	hit[0].level = 2;
	hit[0].symbol = "schedule";
	hit[0].offset = 0x20;
	hit[1] = (struct la_find_hit){ .pa = 0x2000, .value = 0x78 };
	hit[1].owner = (struct la_owner){ .va = W + 0x2000, .cpu = -1, .reason = "no struct page" };
	return (struct la_find){
		.order = { .what = { .size = 8, .low = 0x70, .high = 0x7f }, .everywhere = true },
		.hit = hit,
		.n = 2,
		.found = 12,
		.bytes = { .ram = 8192, .searched = 4096, .excluded = 4096 },
	};
}

static void test_text(void **state)
{
	struct test *t = *state;
	struct la_find_hit hit[2];
	const struct la_find f = example(hit);

	la_render_find_text(&f, &(struct la_sink){ to_text, t });
	assert_non_null(strstr(t->out, "   FOUND: 12 of pointers 70-80\n"));
	assert_non_null(
		strstr(t->out, "                77  task 5 \"a\\x1bb\" stack, #2 schedule+0x20\n"));
	assert_non_null(strstr(t->out, "unknown: no struct page\n"));
	assert_non_null(strstr(t->out, "    MORE: 10 are not shown\n"));
	assert_non_null(strstr(t->out, "excluded"));
}

static void test_json(void **state)
{
	struct test *t = *state;
	struct la_find_hit hit[2];
	const struct la_find f = example(hit);
	json_t *o, *owner;

	assert_int_equal(la_render_find_json(&f, &(struct la_sink){ to_text, t }), LA_OK);
	o = json_loads(t->out, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "schema")), "lakvm.find/1");
	assert_int_equal(json_integer_value(json_object_get(o, "found")), 12);
	assert_int_equal(json_integer_value(json_object_get(o, "excluded")), 4096);
	assert_true(json_is_null(json_object_get(o, "in")));
	owner = json_object_get(json_array_get(json_object_get(o, "hits"), 0), "owner");
	assert_string_equal(json_string_value(json_object_get(owner, "place")), "stack");
	assert_string_equal(json_string_value(
				    json_object_get(json_object_get(owner, "frame"), "symbol")),
			    "schedule");
	assert_true(json_is_null(json_object_get(owner, "offset")));
	assert_true(json_is_null(json_object_get(owner, "cpu")));
	json_decref(o);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_kernel), TEST(test_init_is_freed), TEST(test_mapped),
		TEST(test_stack),  TEST(test_slab),          TEST(test_pages),
		TEST(test_user),   TEST(test_parse),         TEST(test_parse_where),
		TEST(test_text),   TEST(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
