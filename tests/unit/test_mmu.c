// SPDX-License-Identifier: GPL-3.0-or-later
// Translation through windows and hand-made page tables.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fake.h"
#include "lakvm/guest/mmu.h"

#define CACHED UINT64_C(0x9000000000000000)

struct guest {
	struct fake *fake;
	struct la_mmu mmu;
};

static struct guest guest_new(unsigned page_shift, unsigned levels)
{
	struct guest g = { .fake = fake_new() };

	assert_int_equal(la_geometry_init(&g.mmu.geometry, page_shift, levels, NULL), LA_OK);
	g.mmu.dmw[0] = UINT64_C(0x8000000000000001);
	g.mmu.dmw[1] = UINT64_C(0x9000000000000011);
	g.mmu.invalid_table[1] = CACHED | 0x7000000;
	g.mmu.invalid_table[2] = CACHED | 0x7100000;
	g.mmu.kernel_pgd = CACHED | 0x1000000;
	return g;
}

static enum la_status translate(struct guest *g, uint64_t va, struct la_translation *t)
{
	struct la_error err = { "" };

	return la_translate(fake_door(g->fake), &g->mmu, g->mmu.kernel_pgd, va, t, &err);
}

static void test_windows(void **state)
{
	struct guest g = guest_new(14, 3);
	struct la_translation t;

	(void)state;
	assert_int_equal(translate(&g, UINT64_C(0x90000002f0000000), &t), LA_OK);
	assert_int_equal(t.pa, UINT64_C(0x2f0000000));
	assert_int_equal(t.window, 1);
	assert_int_equal(translate(&g, UINT64_C(0x800000001fe001e0), &t), LA_OK);
	assert_int_equal(t.pa, 0x1fe001e0);
	assert_int_equal(t.window, 0);
	/* a window that the guest did not set */
	assert_int_equal(translate(&g, UINT64_C(0xa000000000001000), &t), LA_UNMAPPED);
	g.mmu.dmw[2] = UINT64_C(0xa000000000000021);
	assert_int_equal(translate(&g, UINT64_C(0xa000000000001000), &t), LA_OK);
	assert_int_equal(t.pa, 0x1000);
	fake_free(g.fake);
}

/* Why @va does not translate, which takes so many steps to see. */
static const char *reason_of(struct guest *g, uint64_t va, enum la_status status, unsigned steps)
{
	static struct la_error err;
	struct la_translation t;

	la_error_clear(&err);
	assert_int_equal(la_translate(fake_door(g->fake), &g->mmu, g->mmu.kernel_pgd, va, &t, &err),
			 status);
	assert_int_equal(t.nsteps, steps);
	return err.text;
}

static const char *reason(struct guest *g, uint64_t va)
{
	return reason_of(g, va, LA_UNMAPPED, 0);
}

/* Addresses that the CPU does not even look up, each with the CPU's own reason. */
static void test_no_address(void **state)
{
	struct guest g = guest_new(14, 3);
	struct la_translation t;
	struct la_error err;

	(void)state;
	assert_non_null(strstr(reason(&g, UINT64_C(0x4000000000000000)), "not canonical"));
	assert_non_null(strstr(reason(&g, UINT64_C(1) << 47), "not canonical: bits 63 to 47"));
	assert_non_null(strstr(reason(&g, UINT64_C(0xffff7fffffffffff)), "not canonical"));
	assert_non_null(strstr(reason(&g, UINT64_C(0xc000000000000000)), "not canonical"));
	assert_non_null(strstr(reason(&g, UINT64_C(0xb000000000000000)), "no window"));
	/* a kernel thread has no tables for user space */
	assert_int_equal(la_translate(fake_door(g.fake), &g.mmu, 0, 0x120000000, &t, &err),
			 LA_UNMAPPED);
	assert_non_null(strstr(err.text, "has none"));
	assert_int_equal(la_translate(fake_door(g.fake), &g.mmu, 0, CACHED | 8, &t, NULL), LA_OK);
	/* A CPU with fewer bits. */
	g.mmu.virt_bits = 40;
	assert_non_null(strstr(reason(&g, UINT64_C(0xffff800000000000)), "bits 63 to 39"));
	/* Of an address in a window the CPU takes as many bits as it has wires for. */
	assert_int_equal(translate(&g, UINT64_C(0x9004000012345678), &t), LA_OK);
	assert_int_equal(t.pa, 0x12345678);
	assert_int_equal(t.ignored, UINT64_C(0x0004000000000000));
	assert_int_equal(translate(&g, UINT64_C(0x9000800012345678), &t), LA_OK);
	assert_int_equal(t.pa, UINT64_C(0x800012345678));
	assert_int_equal(t.ignored, 0);
	g.mmu.phys_bits = 40;
	assert_int_equal(translate(&g, UINT64_C(0x9000800012345678), &t), LA_OK);
	assert_int_equal(t.pa, 0x12345678);
	assert_int_equal(t.ignored, UINT64_C(0x0000800000000000));
	fake_free(g.fake);
}

/* Tables of 36 bits on a CPU of 48: lddir takes its index out of the address whatever is above it. */
static void test_tables_shorter_than_addresses(void **state)
{
	struct guest g = guest_new(14, 2);
	struct la_translation t;

	(void)state;
	fake_put_u64(g.fake, 0x1000000 + 3 * 8, CACHED | 0x2000000);
	fake_put_u64(g.fake, 0x2000000 + 4 * 8, 0x5674000 | 0x1d3);
	fake_put_u64(g.fake, 0x1000000 + 2047 * 8, CACHED | 0x2004000);
	fake_put_u64(g.fake, 0x2004000 + 2047 * 8, 0x9a8000 | 0x1d3);
	/* vm_map_base and what follows, and the fixed map at the top: the kernel's own addresses */
	assert_int_equal(translate(&g, UINT64_C(0xffff800000000000) | 3 << 25 | 4 << 14, &t),
			 LA_OK);
	assert_int_equal(t.pa, 0x5674000);
	assert_int_equal(t.ignored, 0);
	assert_int_equal(translate(&g, UINT64_C(0xffffffffffffc000), &t), LA_OK);
	assert_int_equal(t.pa, 0x9a8000);
	assert_int_equal(t.ignored, 0);
	/* between them the CPU finds the same entries again, under names that nobody gave out */
	assert_int_equal(translate(&g, UINT64_C(0xffff805000000000) | 3 << 25 | 4 << 14, &t),
			 LA_OK);
	assert_int_equal(t.pa, 0x5674000);
	assert_int_equal(t.ignored, UINT64_C(0x5000000000));
	/* and of a user's address */
	assert_int_equal(translate(&g, UINT64_C(0x3000000000) | 3 << 25 | 4 << 14, &t), LA_OK);
	assert_int_equal(t.ignored, UINT64_C(0x3000000000));
	fake_free(g.fake);
}

/* Index arithmetic spelled out by hand for each geometry: va = base + i*PGD + j*... + offset. */
static void test_three_levels_16k(void **state)
{
	struct guest g = guest_new(14, 3);
	const uint64_t va = UINT64_C(0xffff800000000000) | UINT64_C(3) << 36 | UINT64_C(5) << 25 |
			    7 << 14 | 0x123;
	struct la_translation t;

	(void)state;
	fake_put_u64(g.fake, 0x1000000 + 3 * 8, CACHED | 0x1004000);
	fake_put_u64(g.fake, 0x1004000 + 5 * 8, CACHED | 0x1008000);
	/* NO_EXEC, NO_READ and RPLV (bits 61 to 63) are no part of the address */
	fake_put_u64(g.fake, 0x1008000 + 7 * 8, UINT64_C(0xe000000123454000) | 0x1d3);
	assert_int_equal(translate(&g, va, &t), LA_OK);
	assert_int_equal(t.pa, UINT64_C(0x123454123));
	assert_int_equal(t.page_shift, 14);
	assert_int_equal(t.nsteps, 3);
	assert_int_equal(t.step[0].level, 2);
	assert_int_equal(t.step[2].entry_pa, 0x1008000 + 7 * 8);

	/* the empty markers of each level; 0x40 is an empty kernel pte */
	fake_put_u64(g.fake, 0x1008000 + 7 * 8, 0x40);
	assert_int_equal(translate(&g, va, &t), LA_UNMAPPED);
	assert_false(t.swapped);
	/* in swap: offset 0x345, exclusive, area 5; the types at the end are no swap areas */
	fake_put_u64(g.fake, 0x1008000 + 7 * 8, UINT64_C(0x345) << 24 | 1 << 23 | 5 << 16);
	assert_non_null(strstr(reason_of(&g, va, LA_UNMAPPED, 3),
			       "swapped out to area 5, offset 837 (PTE 0x345850000)"));
	assert_int_equal(translate(&g, va, &t), LA_UNMAPPED);
	assert_true(t.swapped);
	fake_put_u64(g.fake, 0x1008000 + 7 * 8, UINT64_C(0x345) << 24 | 30 << 16);
	assert_non_null(
		strstr(reason_of(&g, va, LA_UNMAPPED, 3), "being moved, poisoned or marked"));
	/* PROT_NONE pages hold data */
	fake_put_u64(g.fake, 0x1008000 + 7 * 8, 0x123454000 | 0x400);
	assert_int_equal(translate(&g, va, &t), LA_OK);
	fake_put_u64(g.fake, 0x1004000 + 5 * 8, g.mmu.invalid_table[1]);
	assert_int_equal(translate(&g, va, &t), LA_UNMAPPED);
	assert_int_equal(t.nsteps, 2);
	fake_put_u64(g.fake, 0x1000000 + 3 * 8, g.mmu.invalid_table[2]);
	assert_int_equal(translate(&g, va, &t), LA_UNMAPPED);
	assert_int_equal(t.nsteps, 1);
	fake_free(g.fake);
}

static void test_huge(void **state)
{
	struct guest g = guest_new(14, 3);
	const uint64_t va = UINT64_C(0xffff800000000000) | UINT64_C(5) << 25 | 0x1abcde8;
	struct la_translation t;

	(void)state;
	fake_put_u64(g.fake, 0x1000000, CACHED | 0x1004000);
	/* 0x11d3 as the vmemmap has it: V, D, cached, HUGE, PRESENT, WRITE, HGLOBAL (bit 12) */
	fake_put_u64(g.fake, 0x1004000 + 5 * 8, UINT64_C(0x2ea000000) | 0x11d3);
	assert_int_equal(translate(&g, va, &t), LA_OK);
	assert_int_equal(t.pa, UINT64_C(0x2ebabcde8));
	assert_int_equal(t.page_shift, 25);
	/* under migration since 6.4 a huge entry is PRESENT_INVALID and still holds its page */
	fake_put_u64(g.fake, 0x1004000 + 5 * 8, UINT64_C(0x2ea000000) | 0x40 | UINT64_C(1) << 60);
	assert_int_equal(translate(&g, va, &t), LA_OK);
	fake_free(g.fake);
}

static void test_other_geometries(void **state)
{
	struct guest g = guest_new(12, 4);
	struct la_translation t;

	(void)state;
	g.mmu.invalid_table[3] = CACHED | 0x7200000;
	fake_put_u64(g.fake, 0x1000000 + 1 * 8, CACHED | 0x2000000);
	fake_put_u64(g.fake, 0x2000000 + 2 * 8, CACHED | 0x2001000);
	fake_put_u64(g.fake, 0x2001000 + 3 * 8, CACHED | 0x2002000);
	fake_put_u64(g.fake, 0x2002000 + 4 * 8, 0x5678000 | 0x1d3);
	assert_int_equal(translate(&g,
				   UINT64_C(1) << 39 | UINT64_C(2) << 30 | 3 << 21 | 4 << 12 | 9,
				   &t),
			 LA_OK);
	assert_int_equal(t.pa, 0x5678009);
	assert_int_equal(t.nsteps, 4);
	fake_free(g.fake);

	g = guest_new(16, 2);
	fake_put_u64(g.fake, 0x1000000 + 3 * 8, CACHED | 0x2000000);
	fake_put_u64(g.fake, 0x2000000 + 4 * 8, 0x5670000 | 0x1d3);
	assert_int_equal(translate(&g, UINT64_C(3) << 29 | 4 << 16 | 0xabcd, &t), LA_OK);
	assert_int_equal(t.pa, 0x567abcd);
	/* folded: the top entry may be huge */
	fake_put_u64(g.fake, 0x1000000 + 3 * 8, 0x40000000 | 0x11d3);
	assert_int_equal(translate(&g, UINT64_C(3) << 29 | 4 << 16 | 0xabcd, &t), LA_OK);
	assert_int_equal(t.pa, 0x4004abcd);
	assert_string_equal(la_level_name(&g.mmu.geometry, 1), "PGD");
	fake_free(g.fake);

	assert_int_equal(la_geometry_init(&g.mmu.geometry, 14, 4, NULL), LA_UNSUPPORTED);
	assert_int_equal(la_geometry_init(&g.mmu.geometry, 0, 3, NULL), LA_UNSUPPORTED);
}

static void test_damaged_tables(void **state)
{
	struct guest g = guest_new(14, 3);
	struct la_translation t;
	const uint64_t va = UINT64_C(0xffff800000000000);

	(void)state;
	fake_put_u64(g.fake, 0x1000000, UINT64_C(0x1234567890000000));
	assert_int_equal(translate(&g, va, &t), LA_CORRUPT);
	fake_put_u64(g.fake, 0x1000000, CACHED | 0x1004008);
	assert_int_equal(translate(&g, va, &t), LA_CORRUPT);
	fake_put_u64(g.fake, 0x1000000, CACHED | 0x7fff0000);
	assert_int_equal(translate(&g, va, &t), LA_NOT_RAM);
	fake_hide(g.fake, 0x1000000, 8, LA_EXCLUDED);
	assert_int_equal(translate(&g, va, &t), LA_EXCLUDED);
	memset(&g.mmu.geometry, 0, sizeof(g.mmu.geometry));
	assert_int_equal(translate(&g, va, &t), LA_UNSUPPORTED);
	fake_free(g.fake);
}

/* Each layout, and each level of it at which an entry can be damaged. */
static void test_damage_at_each_level(void **state)
{
	static const unsigned layout[][2] = { { 12, 3 }, { 12, 4 }, { 14, 2 },
					      { 14, 3 }, { 16, 2 }, { 16, 3 } };
	const uint64_t va = 0; /* the first entry of every table */

	(void)state;
	for (size_t i = 0; i < sizeof(layout) / sizeof(layout[0]); i++) {
		const unsigned levels = layout[i][1];
		struct guest g = guest_new(layout[i][0], levels);
		const uint64_t table = 0x1000000, size = UINT64_C(1) << layout[i][0];
		struct la_translation t;

		for (unsigned level = 0; level + 1 < levels; level++)
			fake_put_u64(g.fake, table + level * size,
				     CACHED + table + (level + 1) * size);
		fake_put_u64(g.fake, table + (levels - 1) * size, 0x2340000 | 0x1d3);
		assert_int_equal(translate(&g, va, &t), LA_OK);
		for (unsigned level = 0; level < levels; level++) {
			const uint64_t at = table + level * size;
			const char *text;

			/* a cycle: the walk is as long as the layout, and what it ends on is a table */
			for (unsigned up = 0; up <= level; up++) {
				fake_put_u64(g.fake, at, CACHED + table + up * size);
				text = reason_of(&g, va, LA_CORRUPT, levels);
				assert_non_null(
					strstr(text, "is neither a page nor a place in swap"));
			}
			if (level + 1 < levels) {
				fake_put_u64(g.fake, at, UINT64_C(0x1234567890000000));
				text = reason_of(&g, va, LA_CORRUPT, level + 1);
				assert_non_null(strstr(text, "can be no page table"));
				/* in the middle of a page; a leaf of an odd kind, as in the pte of a page */
				fake_put_u64(g.fake, at, CACHED | 0x1004008);
				reason_of(&g, va, LA_CORRUPT, level + 1);
				fake_put_u64(g.fake, at, 0x2340000 | 0x193);
				reason_of(&g, va, LA_CORRUPT, level + 1);
				fake_put_u64(g.fake, at, CACHED | 0x700000000000);
				text = reason_of(&g, va, LA_NOT_RAM, level + 1);
				assert_non_null(strstr(text, "700000000000"));
				fake_put_u64(g.fake, at, CACHED + table + (level + 1) * size);
			}
		}
		/* tables that the dump lacks, the lowest first */
		for (unsigned level = levels; level-- > 0;) {
			fake_hide(g.fake, table + level * size, 8, LA_EXCLUDED);
			reason_of(&g, va, LA_EXCLUDED, level);
		}
		fake_free(g.fake);
	}
}

static void test_flags(void **state)
{
	char text[160];

	(void)state;
	la_pte_flags(0x1d3, false, text, sizeof(text));
	assert_string_equal(text, "VALID|DIRTY|GLOBAL|PRESENT|WRITE");
	la_pte_flags(0x11d3, true, text, sizeof(text));
	assert_string_equal(text, "VALID|DIRTY|HUGE|PRESENT|WRITE|HGLOBAL");
	la_pte_flags(0x11d3, true, text, 9);
	assert_int_equal(strlen(text), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_no_address),
		cmocka_unit_test(test_tables_shorter_than_addresses),
		cmocka_unit_test(test_three_levels_16k),
		cmocka_unit_test(test_huge),
		cmocka_unit_test(test_other_geometries),
		cmocka_unit_test(test_damaged_tables),
		cmocka_unit_test(test_damage_at_each_level),
		cmocka_unit_test(test_flags),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
