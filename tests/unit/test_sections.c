// SPDX-License-Identifier: GPL-3.0-or-later
// Memory sections and struct pages of a guest written by hand: 16 KiB pages, sections of 512 MiB,
// mem_section of 32 bytes, struct page of 56 bytes (no power of two).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake.h"
#include "lakvm/dump/dump.h"
#include "lakvm/guest/sections.h"
#include "lakvm/guest/vmcoreinfo.h"
#include "lakvm/guest/page.h"

#define CACHED UINT64_C(0x9000000000000000)
#define POINTER 0x1000 /* the variable mem_section */
#define ROOTS 0x40000
#define ROOT0 0x4000
#define PAGES 0x10000
#define INFO 0x30000
#define ENTRY(n) (ROOT0 + 32 * (n))

struct test {
	struct fake *fake;
	struct la_kernel k;
	struct la_arena *arena;
};

static void put_info(struct test *t, const char *text)
{
	fake_symbol(t->fake, "vmcoreinfo_data", CACHED | 0x1010, 8, NULL);
	fake_symbol(t->fake, "vmcoreinfo_size", CACHED | 0x1018, 8, NULL);
	fake_put_u64(t->fake, 0x1010, CACHED | INFO);
	fake_put_u64(t->fake, 0x1018, strlen(text));
	fake_put(t->fake, INFO, text, strlen(text));
	assert_int_equal(la_vmcoreinfo_read(&t->k, t->arena, &t->k.vmcoreinfo, &t->k.vmcoreinfo_len,
					    NULL),
			 LA_OK);
}

static int start(void **state)
{
	static const char zero[0x4000];
	struct test *t = calloc(1, sizeof(*t));

	t->fake = fake_new();
	t->arena = la_arena_new(1 << 20);
	t->k.door = fake_door(t->fake);
	t->k.mmu.dmw[1] = UINT64_C(0x9000000000000011);
	la_geometry_init(&t->k.mmu.geometry, 14, 3, NULL);
	fake_symbol(t->fake, "mem_section", CACHED | POINTER, 8, NULL);
	fake_type(t->fake, "mem_section", 32);
	fake_type(t->fake, "page", 56);
	fake_member(t->fake, "mem_section", "section_mem_map", 0, 8);
	fake_member(t->fake, "page", "flags", 0, 8);
	fake_member(t->fake, "page", "page_type", 48, 4);
	fake_member(t->fake, "page", "_mapcount", 48, 4);
	fake_member(t->fake, "page", "_refcount", 52, 4);
	/* 4096 pointers, as many as sections of 128 MiB would take. */
	fake_put(t->fake, ROOTS, zero, 0x4000);
	fake_put(t->fake, ROOTS + 0x4000, zero, 0x4000);
	fake_put(t->fake, ROOT0, zero, 0x4000);
	fake_put(t->fake, PAGES, zero, 0x4000);
	fake_put_u64(t->fake, POINTER, CACHED | ROOTS);
	fake_put_u64(t->fake, ROOTS, CACHED | ROOT0);
	*state = t;
	return 0;
}

static int finish(void **state)
{
	struct test *t = *state;

	la_arena_free(t->arena);
	fake_free(t->fake);
	free(t);
	return 0;
}

/* Section 3 begins at frame 98304; its map is the array's address less so many struct pages. */
static void test_encoded_map(void **state)
{
	struct test *t = *state;
	struct la_sections s;
	struct la_section section;
	char flags[80];

	fake_put_u64(t->fake, ENTRY(3), (CACHED + 0x400000 - UINT64_C(98304) * 56) | 0xf);
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);
	assert_int_equal(s.size_bits, 29);
	assert_int_equal(s.per_root, 512);
	assert_int_equal(la_section_find(&t->k, &s, 0x60000000 + 5 * 0x4000 + 0x123, &section,
					 NULL),
			 LA_OK);
	assert_int_equal(section.number, 3);
	assert_int_equal(section.start, 0x60000000);
	assert_int_equal(section.end, 0x80000000);
	assert_false(section.rebuilt);
	assert_int_equal(section.page, CACHED + 0x400000 + 5 * 56);
	la_section_flags(section.map, flags, sizeof(flags));
	assert_string_equal(flags, "PRESENT|HAS_MEM_MAP|ONLINE|EARLY");
}

static void test_absent(void **state)
{
	struct test *t = *state;
	struct la_sections s;
	struct la_section section;

	fake_put_u64(t->fake, ENTRY(1), 1); /* present, but nothing was ever put online */
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);
	assert_int_equal(la_section_find(&t->k, &s, 0, &section, NULL), LA_ABSENT);
	assert_int_equal(la_section_find(&t->k, &s, 0x20000000, &section, NULL), LA_OK);
	assert_int_equal(section.page, 0);
	/* The second root does not exist. */
	assert_int_equal(la_section_find(&t->k, &s, UINT64_C(512) << 29, &section, NULL),
			 LA_ABSENT);
	assert_int_equal(la_section_find(&t->k, &s, UINT64_C(1) << 48, &section, NULL), LA_ABSENT);
}

static void test_size_of_a_section(void **state)
{
	static const char old[] = "Linux version 5.10.0-216.oe2203 (someone@somewhere) #1 SMP";
	struct test *t = *state;
	struct la_sections s;

	fake_symbol(t->fake, "linux_banner", CACHED | 0x38000, sizeof(old), NULL);
	fake_put(t->fake, 0x38000, old, sizeof(old));
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);
	assert_int_equal(s.size_bits, 28);
	put_info(t, "OSRELEASE=x\nNUMBER(SECTION_SIZE_BITS)=27\n");
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);
	assert_int_equal(s.size_bits, 27);
	put_info(t, "OSRELEASE=x\nNUMBER(SECTION_SIZE_BITS)=99\n"); /* nonsense */
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);
	assert_int_equal(s.size_bits, 28);
}

/* 256 MiB at 0 and 1 GiB at 2 GiB, as QEMU's virt machine puts it. */
static const struct la_ram_range ram[] = { { .start = 0, .end = 0x10000000 },
					   { .start = 0x80000000, .end = 0xc0000000 } };

static void put_ram(struct test *t)
{
	fake_door(t->fake)->ram = ram;
	fake_door(t->fake)->nram = 2;
}

static void test_size_against_the_table(void **state)
{
	struct test *t = *state;
	struct la_sections s;

	put_ram(t);
	/* Sections of 256 MiB: number 0, and 8 to 11. Taken for 512 MiB, 8 would be at 4 GiB. */
	fake_put_u64(t->fake, ENTRY(0), CACHED | 3);
	for (unsigned i = 8; i < 12; i++)
		fake_put_u64(t->fake, ENTRY(i), CACHED | 3);
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);
	assert_int_equal(s.size_bits, 28);
	assert_string_equal(s.size_from, "the table of sections");
	assert_string_equal(s.remark, "");
	/* What the kernel says of itself is not overruled, but it is said. */
	put_info(t, "NUMBER(SECTION_SIZE_BITS)=29\n");
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);
	assert_int_equal(s.size_bits, 29);
	assert_string_equal(s.size_from, "VMCOREINFO");
	assert_non_null(strstr(s.remark, "2^28"));
	put_info(t, "NUMBER(SECTION_SIZE_BITS)=28\n");
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);
	assert_string_equal(s.remark, "");
	/* What is left of a table that is cut off still says what it says. */
	fake_hide(t->fake, ROOTS + 0x1000, 0x1000, LA_NOT_RAM);
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);
	assert_string_equal(s.remark, "");
	put_info(t, "NUMBER(SECTION_SIZE_BITS)=29\n");
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);
	assert_non_null(strstr(s.remark, "2^28"));
	/* Without the only root nothing is left. */
	fake_hide(t->fake, ROOT0, 0x1000, LA_NOT_RAM);
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);
	assert_string_equal(s.remark, "");
}

/*
 * By the build: a section of 256 MiB has 128 parts of 2 MiB, a bit each is 16 bytes; one of 512 MiB has 256,
 * 32 bytes. The guest may have died before it had anything else.
 */
static void test_size_by_the_build(void **state)
{
	static const struct {
		size_t bytes;
		unsigned bits;
	} build[] = { { 8, 27 }, { 16, 28 }, { 32, 29 }, { 64, 30 } };
	struct test *t = *state;
	struct la_sections s;

	put_ram(t);
	fake_put_u64(t->fake, POINTER, 0);
	for (size_t i = 0; i < sizeof(build) / sizeof(build[0]); i++) {
		fake_member(t->fake, "mem_section_usage", "subsection_map", 16, build[i].bytes);
		assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_ABSENT);
		assert_int_equal(s.size_bits, build[i].bits);
		assert_string_equal(s.size_from, "struct mem_section_usage");
		assert_string_equal(s.remark, "");
	}
	/* The guest's own word counts more; its table is heard against both. */
	fake_put_u64(t->fake, POINTER, CACHED | ROOTS);
	fake_put_u64(t->fake, ENTRY(0), CACHED | 3);
	for (unsigned i = 8; i < 12; i++)
		fake_put_u64(t->fake, ENTRY(i), CACHED | 3);
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);
	assert_int_equal(s.size_bits, 30);
	assert_non_null(strstr(s.remark, "2^28"));
	put_info(t, "NUMBER(SECTION_SIZE_BITS)=28\n");
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);
	assert_int_equal(s.size_bits, 28);
	assert_string_equal(s.remark, "");
	/* A size that no section has. */
	fake_member(t->fake, "mem_section_usage", "subsection_map", 16, 24);
	put_info(t, "OSRELEASE=x\n");
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);
	assert_string_equal(s.size_from, "the table of sections");
}

/* No VMCOREINFO, no array in the build (no vmemmap), and a table that is damaged or was never made. */
static void test_size_that_is_a_guess(void **state)
{
	static const char v6_6[] =
		"Linux version 6.6.0-97.oe2403sp2.loongarch64 (someone@somewhere) #1 SMP";
	struct test *t = *state;
	struct la_sections s;

	put_ram(t);
	fake_symbol(t->fake, "linux_banner", CACHED | 0x38000, sizeof(v6_6), NULL);
	fake_put(t->fake, 0x38000, v6_6, sizeof(v6_6));
	for (unsigned damage = 0; damage < 3; damage++) {
		if (damage == 0)
			fake_hide(t->fake, ROOTS, 0x1000, LA_CORRUPT);
		else if (damage == 1)
			fake_hide(t->fake, POINTER, 8, LA_CORRUPT);
		else
			fake_type(t->fake, "mem_section", 7);
		la_sections_init(&s, &t->k, NULL);
		assert_int_equal(s.size_bits, 29);
		assert_string_equal(s.size_from, "the kernel's version");
		assert_non_null(strstr(s.remark, "2^28 or 2^29 bytes, taken as 2^29"));
	}
	fake_put(t->fake, 0x38000, "Linux version 4.19.0-1.x", 25);
	la_sections_init(&s, &t->k, NULL);
	assert_int_equal(s.size_bits, 28);
	assert_non_null(strstr(s.remark, "2^28 or 2^29 bytes, taken as 2^28"));
}

static void test_size_by_option(void **state)
{
	struct test *t = *state;
	struct la_sections s;

	put_ram(t);
	fake_put_u64(t->fake, ENTRY(0), CACHED | 3);
	fake_put_u64(t->fake, ENTRY(8), CACHED | 3);
	put_info(t, "NUMBER(SECTION_SIZE_BITS)=28\n");
	/* A person is believed more than the kernel. */
	fake_door(t->fake)->overrides =
		&(struct la_overrides){ .section_bits = 30, .phys_bits = 40 };
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);
	assert_int_equal(s.size_bits, 30);
	assert_int_equal(s.physmem_bits, 40);
	assert_int_equal(la_sections_roots(&s), 2);
	assert_non_null(strstr(s.remark, "2^28"));
	/* One section, larger than all memory. */
	s = (struct la_sections){ .physmem_bits = 32, .size_bits = 34, .per_root = 128 };
	assert_int_equal(la_sections_roots(&s), 1);
	s.per_root = 0; /* nobody knows the table */
	assert_int_equal(la_sections_roots(&s), 0);
}

/* One section may be larger than all the memory that a person says there can be. */
static void test_section_beyond_memory(void **state)
{
	struct test *t = *state;
	struct la_sections s;
	struct la_page page;

	put_ram(t);
	fake_put_u64(t->fake, ENTRY(0), CACHED | 3);
	fake_door(t->fake)->overrides =
		&(struct la_overrides){ .section_bits = 34, .phys_bits = 32 };
	la_sections_init(&s, &t->k, NULL);
	assert_int_equal(s.size_bits, 34);
	assert_int_equal(la_sections_roots(&s), 1);
	s.has_vmemmap = false;
	fake_enumerator(t->fake, "__MAX_NR_ZONES", 4);
	fake_enumerator(t->fake, "__NR_PAGEFLAGS", 20);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | PAGES, &page, NULL), LA_OK);
}

static void test_size_that_nothing_disproves(void **state)
{
	struct test *t = *state;
	struct la_sections s;

	put_ram(t);
	/* One section at 0 fits any size: it is a guess, and said to be one. */
	fake_put_u64(t->fake, ENTRY(0), CACHED | 3);
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);
	assert_int_equal(s.size_bits, 29);
	assert_non_null(strstr(s.remark, "taken as 2^29"));
	/* No size fits a table that is rubbish: it is no witness. */
	fake_put_u64(t->fake, ENTRY(500), CACHED | 3);
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);
	assert_int_equal(s.size_bits, 29);
	assert_non_null(strstr(s.remark, "taken as 2^29"));
	put_info(t, "NUMBER(SECTION_SIZE_BITS)=29\n");
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);
	assert_string_equal(s.remark, "");
}

static void test_table_lost(void **state)
{
	struct test *t = *state;
	struct la_sections s;
	struct la_section section;
	struct la_error err = { "" };

	fake_hide(t->fake, ROOTS, 0x1000, LA_TRUNCATED);
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);
	assert_int_equal(la_section_find(&t->k, &s, 0x8000, &section, &err), LA_TRUNCATED);
	assert_string_not_equal(err.text, "");

	fake_symbol(t->fake, "vmemmap_populate", CACHED | 0x200000, 64, NULL);
	put_info(t, "SYMBOL(vmemmap)=ffffff2000000000\n");
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);
	assert_int_equal(la_section_find(&t->k, &s, 0x8000, &section, &err), LA_OK);
	assert_string_equal(err.text, "");
	assert_true(section.rebuilt);
	assert_int_equal(section.page, UINT64_C(0xffffff2000000000) + 2 * 56);
}

static void test_variable_lost(void **state)
{
	struct test *t = *state;
	struct la_sections s;
	struct la_section section;
	struct la_error err = { "" };

	fake_hide(t->fake, POINTER, 8, LA_CORRUPT);
	assert_int_equal(la_sections_init(&s, &t->k, &err), LA_CORRUPT);
	assert_non_null(strstr(err.text, "mem_section"));
	assert_int_equal(s.roots, 0);
	/* as much as it takes to write the table again */
	assert_int_equal(s.size_bits, 29);
	assert_int_equal(s.per_root, 512);
	assert_int_equal(la_section_find(&t->k, &s, 0x8000, &section, NULL), LA_CORRUPT);

	fake_symbol(t->fake, "vmemmap_populate", CACHED | 0x200000, 64, NULL);
	put_info(t, "SYMBOL(vmemmap)=ffffff2000000000\n");
	la_error_clear(&err);
	assert_int_equal(la_sections_init(&s, &t->k, &err), LA_OK);
	assert_string_equal(err.text, "");
	assert_int_equal(la_section_find(&t->k, &s, 0x8000, &section, &err), LA_OK);
	assert_true(section.rebuilt);
	assert_int_equal(section.page, UINT64_C(0xffffff2000000000) + 2 * 56);
}

/* Before sparse_init() has run vmemmap is empty too. */
static void test_none_set_up(void **state)
{
	struct test *t = *state;
	struct la_sections s;

	fake_symbol(t->fake, "vmemmap_populate", CACHED | 0x200000, 64, NULL);
	put_info(t, "SYMBOL(vmemmap)=ffffff2000000000\n");
	fake_put_u64(t->fake, POINTER, 0);
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_ABSENT);
}

/*
 * vmemmap by the formula alone, as the kernels of the lab have it in their VMCOREINFO, a word of
 * their own: 16 KiB pages in three levels with KFENCE and struct pages of 80 bytes (Debian's 7.2), 4 KiB
 * in four and 64 KiB in two levels with 56 bytes (6.12), 16 KiB in three without KFENCE (7.3).
 * The last row is no guest's: 7.3's definitions worked out by hand, with KFENCE and HUGETLB_PAGE_OPTIMIZE_VMEMMAP,
 * where vmalloc memory ends some 40 MiB below a boundary of 64 MiB.
 */
static void test_vmemmap_computed(void **state)
{
	static const struct {
		unsigned page_shift, levels;
		size_t page_size;
		bool kfence;
		uint64_t vmemmap;
	} guest[] = {
		{ 14, 3, 80, true, UINT64_C(0xfffffebffe000000) },
		{ 12, 4, 56, false, UINT64_C(0xfffffc8000000000) },
		{ 16, 2, 56, false, UINT64_C(0xffff83c800000000) },
		{ 14, 3, 64, false, UINT64_C(0xfffffefffe000000) },
		{ 14, 3, 64, true, UINT64_C(0xffffff0000000000) },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(guest) / sizeof(guest[0]); i++) {
		struct fake *fake = fake_new();
		struct la_kernel k = { .door = fake_door(fake) };
		const struct la_geometry *g = &k.mmu.geometry;
		uint64_t table = 0x100000;
		struct la_sections s;

		la_geometry_init(&k.mmu.geometry, guest[i].page_shift, guest[i].levels, NULL);
		k.mmu.dmw[1] = UINT64_C(0x9000000000000011);
		k.mmu.kernel_pgd = CACHED | table;
		k.mmu.vm_map_base = UINT64_C(0xffff800000000000);
		k.mmu.virt_bits = k.mmu.phys_bits = 48;
		fake_door(fake)->ram = ram;
		fake_door(fake)->nram =
			1; /* 256 MiB: their struct pages are in the first huge page */
		fake_symbol(fake, "mem_section", CACHED | POINTER, 8, NULL);
		fake_put_u64(fake, POINTER, CACHED | 0x7000000); /* the table is lost */
		fake_type(fake, "mem_section", 16);
		fake_type(fake, "page", guest[i].page_size);
		fake_symbol(fake, "vmemmap_populate", CACHED | 0x200000, 64, NULL);
		if (guest[i].kfence)
			fake_symbol(fake, "__kfence_pool", CACHED | 0x1100, 8, NULL);
		assert_int_equal(la_sections_init(&s, &k, NULL), LA_OK);
		assert_int_equal(s.vmemmap, 0); /* nothing is mapped there */

		/* Tables down to a huge entry of level 1, at the level of which 2-level tables begin. */
		for (unsigned level = g->levels - 1; level > 0; level--) {
			const uint64_t index =
				guest[i].vmemmap >> g->shift[level] & ((1u << g->index_bits) - 1);

			fake_put_u64(fake, table + index * 8,
				     level > 1 ? CACHED | (table + 0x100000) : 0x2000000 | 0x11d3);
			if (level == 1 && guest[i].page_shift == 12) /* two */
				fake_put_u64(fake, table + index * 8 + 8, 0x4000000 | 0x11d3);
			table += 0x100000;
		}
		assert_int_equal(la_sections_init(&s, &k, NULL), LA_OK);
		assert_int_equal(s.vmemmap, guest[i].vmemmap);
		fake_free(fake);
	}
}

static void test_page(void **state)
{
	struct test *t = *state;
	struct la_sections s;
	struct la_page page;

	fake_enumerator(t->fake, "PG_locked", 0);
	fake_enumerator(t->fake, "PG_uptodate", 3);
	fake_enumerator(t->fake, "PG_reserved", 13);
	fake_enumerator(t->fake, "__NR_PAGEFLAGS", 20);
	fake_enumerator(t->fake, "PGTY_buddy", 0xf0);
	fake_enumerator(t->fake, "PGTY_slab", 0xf5);
	fake_enumerator(t->fake, "__MAX_NR_ZONES", 3);
	fake_enumerator(t->fake, "ZONE_DMA32", 0);
	fake_enumerator(t->fake, "ZONE_NORMAL", 1);
	fake_symbol(t->fake, "node_data", CACHED | 0x39000, 64 * 8, NULL); /* six bits */
	fake_symbol(t->fake, "vmemmap_populate", CACHED | 0x200000, 64, NULL);
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);

	fake_put_u64(t->fake, PAGES, UINT64_C(3) << 58 | UINT64_C(1) << 56 | 1 << 13 | 1);
	fake_put_u32(t->fake, PAGES + 48, 4);
	fake_put_u32(t->fake, PAGES + 52, 7);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | PAGES, &page, NULL), LA_OK);
	assert_string_equal(page.names, "locked|reserved");
	assert_int_equal(page.node, 3);
	assert_int_equal(page.zone, 1);
	assert_string_equal(page.zone_name, "Normal");
	assert_null(page.type);
	assert_int_equal(page.refcount, 7);
	assert_true(page.mapcount_known);
	assert_int_equal(page.mapcount, 5);

	fake_put_u32(t->fake, PAGES + 48, 0xf0000003);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | PAGES, &page, NULL), LA_OK);
	assert_string_equal(page.type, "buddy");
	assert_false(page.mapcount_known);

	/* Whose it is: buddy pages are nobody's whatever mapping holds, others by their mapping. */
	fake_member(t->fake, "page", "mapping", 24, 8);
	fake_member(t->fake, "page", "index", 32, 8);
	fake_member(t->fake, "address_space", "host", 0, 8);
	fake_member(t->fake, "inode", "i_ino", 8, 8);
	fake_member(t->fake, "inode", "i_sb", 16, 8);
	fake_member(t->fake, "super_block", "s_id", 8, 32);
	fake_put_u64(t->fake, PAGES + 24, CACHED | 0x1200);
	fake_put_u64(t->fake, PAGES + 32, 9);
	fake_put_u64(t->fake, 0x1200, CACHED | 0x1300);
	fake_put_u64(t->fake, 0x1308, 4711);
	fake_put_u64(t->fake, 0x1310, CACHED | 0x1400);
	fake_put(t->fake, 0x1408, "vda1", 5);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | PAGES, &page, NULL), LA_OK);
	assert_null(la_page_owner_name(&page));
	fake_put_u32(t->fake, PAGES + 48, 0);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | PAGES, &page, NULL), LA_OK);
	assert_string_equal(la_page_owner_name(&page), "file");
	assert_int_equal(page.inode, 4711);
	assert_int_equal(page.index, 9);
	assert_string_equal(page.owner_name, "vda1");
	fake_put_u64(t->fake, PAGES + 24, CACHED | 0x1201);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | PAGES, &page, NULL), LA_OK);
	assert_string_equal(la_page_owner_name(&page), "anon");
	fake_put_u64(t->fake, PAGES + 24, CACHED | 0x1203);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | PAGES, &page, NULL), LA_OK);
	assert_string_equal(la_page_owner_name(&page), "ksm");
	/* A slab by its type, with the cache over the page. */
	fake_member(t->fake, "slab", "slab_cache", 8, 8);
	fake_member(t->fake, "kmem_cache", "name", 0, 8);
	fake_put_u64(t->fake, PAGES + 8, CACHED | 0x1500);
	fake_put_u64(t->fake, 0x1500, CACHED | 0x1510);
	fake_put(t->fake, 0x1510, "dentry", 7);
	fake_put(t->fake, 0x1517, "................", 16);
	fake_put_u32(t->fake, PAGES + 48, 0xf5000000);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | PAGES, &page, NULL), LA_OK);
	assert_string_equal(la_page_owner_name(&page), "slab");
	assert_string_equal(page.owner_name, "dentry");

	/* Without vmemmap 19 bits at the top are the section's number. */
	s.has_vmemmap = false;
	fake_put_u64(t->fake, PAGES, UINT64_C(6) << 45 | UINT64_C(5) << 39 | UINT64_C(1) << 37);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | PAGES, &page, NULL), LA_OK);
	assert_int_equal(page.node, 5);
	assert_int_equal(page.zone, 1);

	assert_int_equal(la_page_read(&t->k, &s, CACHED | 0x7000000, &page, NULL), LA_NOT_RAM);
}

/* What the kernel keeps only of the first page of a compound page is shown of each of its pages. */
static void test_compound_page(void **state)
{
	struct test *t = *state;
	struct la_sections s;
	struct la_page page;
	const uint64_t head = PAGES + 4 * 56, tail = PAGES + 7 * 56;

	fake_enumerator(t->fake, "PG_uptodate", 3);
	fake_enumerator(t->fake, "PG_head", 6);
	fake_enumerator(t->fake, "__NR_PAGEFLAGS", 20);
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);
	fake_put_u64(t->fake, head, 1 << 6 | 1 << 3);
	fake_put_u32(t->fake, head + 48, UINT32_MAX);
	fake_put_u32(t->fake, head + 52, 2);
	fake_put_u32(t->fake, tail + 48, 0);
	fake_member(t->fake, "page", "compound_head", 8, 8);
	fake_put_u64(t->fake, tail + 8, (CACHED | head) + 1);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | tail, &page, NULL), LA_OK);
	assert_int_equal(page.head, CACHED | head);
	assert_int_equal(page.flags, 0);
	assert_string_equal(page.names, "uptodate|head");
	assert_int_equal(page.refcount, 2);
	/* how often the whole is mapped cannot be told, so how often the page is cannot either */
	assert_false(page.mapcount_known);
	/* the second page of the compound page counts that */
	fake_member(t->fake, "folio", "_entire_mapcount", 56 + 24, 4);
	fake_put_u32(t->fake, head + 56 + 24, 2);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | tail, &page, NULL), LA_OK);
	assert_int_equal(page.mapcount, 1 + 3);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | head, &page, NULL), LA_OK);
	assert_int_equal(page.head, 0);
	assert_int_equal(page.mapcount, 0 + 3);
	/* Of all mappings, four are not of the whole, and of three pages. */
	fake_member(t->fake, "folio", "_large_mapcount", 56 + 16, 4);
	fake_member(t->fake, "folio", "_nr_pages_mapped", 56 + 20, 4);
	fake_put_u32(t->fake, head + 56 + 16, 6);
	fake_put_u32(t->fake, head + 56 + 20, 0x800000 | 3);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | tail, &page, NULL), LA_OK);
	assert_true(page.mapcount_known);
	assert_int_equal(page.mapcount, 1 + 3);
	/* NO_PAGE_MAPCOUNT: no page has them, or what an address has left is there; of which page they are is lost. */
	static const uint32_t lost[] = { 0,          0x800000,   0x800000 | 5,
					 0xfffffebf, 0x90000001, 0xdead0000 };

	for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
		fake_put_u32(t->fake, head + 56 + 20, lost[i]);
		assert_int_equal(la_page_read(&t->k, &s, CACHED | tail, &page, NULL), LA_OK);
		assert_false(page.mapcount_known);
	}
	/* All are mappings of the whole. */
	fake_put_u32(t->fake, head + 56 + 16, 2);
	fake_put_u32(t->fake, tail + 48, UINT32_MAX);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | tail, &page, NULL), LA_OK);
	assert_true(page.mapcount_known);
	assert_int_equal(page.mapcount, 3);
	/* The first page of a hugetlb page has a type, and is mapped all the same. */
	fake_enumerator(t->fake, "PGTY_buddy", 0xf0);
	fake_enumerator(t->fake, "PGTY_hugetlb", 0xf4);
	fake_put_u32(t->fake, head + 48, 0xf4000000);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | head, &page, NULL), LA_OK);
	assert_true(page.mapcount_known);
	assert_int_equal(page.mapcount, 3);
	/* Counts of a damaged page wrap. */
	fake_put_u32(t->fake, head + 48, INT32_MAX);
	fake_put_u32(t->fake, head + 56 + 24, INT32_MAX);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | head, &page, NULL), LA_OK);
	assert_false(page.mapcount_known);
	/* a pointer to nowhere leaves the page's own flags */
	fake_put_u64(t->fake, tail + 8, (CACHED | 0x7000000) + 1);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | tail, &page, NULL), LA_OK);
	assert_string_equal(page.names, "");
}

/* How __page_mapcount() of 6.1 counts (mm/util.c). */
static void test_mapcount_of_6_1(void **state)
{
	struct test *t = *state;
	struct la_sections s;
	struct la_page page;
	const uint64_t head = PAGES + 4 * 56, second = head + 56, tail = PAGES + 7 * 56;

	fake_enumerator(t->fake, "PG_head", 6);
	fake_enumerator(t->fake, "__NR_PAGEFLAGS", 20);
	fake_member(t->fake, "page", "compound_head", 8, 8);
	fake_member(t->fake, "page", "compound_dtor", 16, 1);
	fake_member(t->fake, "page", "compound_mapcount", 20, 4);
	fake_member(t->fake, "page", "mapping", 24, 8);
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);
	fake_put_u64(t->fake, head, 1 << 6);
	fake_put_u64(t->fake, head + 24, CACHED | 0x1201); /* anonymous */
	fake_put_u64(t->fake, tail + 8, (CACHED | head) + 1);
	fake_put_u32(t->fake, second + 20, 1); /* mapped twice as a whole */
	fake_put_u32(t->fake, tail + 48, 3);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | tail, &page, NULL), LA_OK);
	assert_int_equal(page.mapcount, 4 + 2); /* as 6.2 does */

	fake_enumerator(t->fake, "PG_double_map", 8);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | tail, &page, NULL), LA_OK);
	assert_int_equal(page.mapcount, 4 + 2);
	fake_put_u64(t->fake, second, 1 << 8);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | tail, &page, NULL), LA_OK);
	assert_int_equal(page.mapcount, 4 + 2 - 1);
	fake_put_u64(t->fake, head + 24, CACHED | 0x1200); /* a file's */
	assert_int_equal(la_page_read(&t->k, &s, CACHED | tail, &page, NULL), LA_OK);
	assert_int_equal(page.mapcount, 4);
	fake_enumerator(t->fake, "HUGETLB_PAGE_DTOR", 2);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | tail, &page, NULL), LA_OK);
	assert_int_equal(page.mapcount, 4);
	fake_put_u64(t->fake, second + 16, UINT64_C(1) << 32 | 2);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | tail, &page, NULL), LA_OK);
	assert_int_equal(page.mapcount, 4 + 2);
}

/* compound_info of 7.1 may be a mask, where struct page has a power of two bytes. */
static void test_compound_mask(void **state)
{
	struct test *t = *state;
	struct la_sections s;
	struct la_page page;
	const uint64_t tail = PAGES + 0x1040;

	fake_member(t->fake, "page", "compound_info", 8, 8);
	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);
	s.page_size = 64;
	fake_put_u64(t->fake, tail + 8, -UINT64_C(0x1000) | 1);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | tail, &page, NULL), LA_OK);
	assert_int_equal(page.head, (CACHED | PAGES) + 0x1000);
	fake_put_u64(t->fake, tail + 8, (CACHED | PAGES) + 1);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | tail, &page, NULL), LA_OK);
	assert_int_equal(page.head, CACHED | PAGES);
}

/* page_type before 6.12: ones, of which the type's is cleared (page-flags.h, 6.1). */
static void test_types_before_6_12(void **state)
{
	static const struct {
		uint32_t word;
		const char *type;
	} old[] = { { 0xffffffff, NULL },    { 0xffffff7f, "buddy" }, { 0xfffffeff, "offline" },
		    { 0xfffffdff, "table" }, { 0xfffffbff, "guard" }, { 5, NULL },
		    { 0xfffffffe, NULL } },
	  by_name[] = { { 0xffffffff, NULL }, { 0xfffffbff, "buddy" }, { 0xffffffef, NULL } };
	struct test *t = *state;
	struct la_sections s;
	struct la_page page;

	assert_int_equal(la_sections_init(&s, &t->k, NULL), LA_OK);
	for (size_t i = 0; i < sizeof(old) / sizeof(old[0]); i++) {
		fake_put_u32(t->fake, PAGES + 48, old[i].word);
		assert_int_equal(la_page_read(&t->k, &s, CACHED | PAGES, &page, NULL), LA_OK);
		assert_int_equal(!page.type, !old[i].type);
		if (page.type)
			assert_string_equal(page.type, old[i].type);
	}
	/* VMCOREINFO that contradicts: then the others are not known either. */
	put_info(t, "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-257\n");
	fake_put_u32(t->fake, PAGES + 48, 0xffffff7f);
	assert_int_equal(la_page_read(&t->k, &s, CACHED | PAGES, &page, NULL), LA_OK);
	assert_null(page.type);
	/* 6.10 and 6.11 name the bits. */
	fake_enumerator(t->fake, "PG_buddy", 0x400);
	for (size_t i = 0; i < sizeof(by_name) / sizeof(by_name[0]); i++) {
		fake_put_u32(t->fake, PAGES + 48, by_name[i].word);
		assert_int_equal(la_page_read(&t->k, &s, CACHED | PAGES, &page, NULL), LA_OK);
		assert_int_equal(!page.type, !by_name[i].type);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, finish)
		TEST(test_encoded_map),
		TEST(test_absent),
		TEST(test_size_of_a_section),
		TEST(test_size_against_the_table),
		TEST(test_size_by_option),
		TEST(test_size_by_the_build),
		TEST(test_size_that_is_a_guess),
		TEST(test_section_beyond_memory),
		TEST(test_size_that_nothing_disproves),
		TEST(test_table_lost),
		TEST(test_variable_lost),
		TEST(test_none_set_up),
		TEST(test_vmemmap_computed),
		TEST(test_page),
		TEST(test_types_before_6_12),
		TEST(test_compound_page),
		TEST(test_mapcount_of_6_1),
		TEST(test_compound_mask),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
