// SPDX-License-Identifier: GPL-3.0-or-later
// Who tells the shape of the page tables, and who is believed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <cmocka.h>

#include "fake.h"
#include "lakvm/guest/kernel.h"
#include "lakvm/guest/init.h"

#define CACHED UINT64_C(0x9000000000000000)
#define PGD (CACHED | 0x1000000)
#define CONFIG 0x2000000

struct test {
	struct fake *fake;
	struct la_arena *arena;
	struct la_overrides said;
};

/* vmlinux of a kernel with 16 KiB pages in three levels. */
static int start(void **state)
{
	struct test *t = calloc(1, sizeof(*t));

	t->fake = fake_new();
	t->arena = la_arena_new(16 << 20);
	fake_symbol(t->fake, "swapper_pg_dir", PGD, 16384, NULL);
	fake_symbol(t->fake, "invalid_pte_table", CACHED | 0x1004000, 16384, NULL);
	fake_symbol(t->fake, "invalid_pmd_table", CACHED | 0x1008000, 16384, NULL);
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

static struct la_kernel open_kernel(struct test *t)
{
	struct la_kernel k;

	assert_int_equal(la_kernel_init(&k, fake_door(t->fake), t->arena, NULL), LA_OK);
	return k;
}

static void put_configuration(struct test *t, const char *text)
{
	unsigned char packed[4096];
	z_stream z = { .next_in = (void *)text,
		       .avail_in = (uInt)strlen(text),
		       .next_out = packed,
		       .avail_out = sizeof(packed) };

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY),
			 Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	fake_put(t->fake, CONFIG, packed, z.total_out);
	fake_symbol(t->fake, "kernel_config_data", CACHED | CONFIG, 0, NULL);
	fake_symbol(t->fake, "kernel_config_data_end", CACHED | (CONFIG + z.total_out), 0, NULL);
}

static void test_vmlinux(void **state)
{
	struct test *t = *state;
	struct la_kernel k = open_kernel(t);

	assert_int_equal(k.mmu.geometry.page_shift, 14);
	assert_int_equal(k.mmu.geometry.levels, 3);
	assert_int_equal(k.mmu.kernel_pgd, PGD);
	assert_int_equal(k.mmu.invalid_table[2], CACHED | 0x1008000);
	assert_string_equal(k.geometry_remark, "");
	assert_int_equal(k.nwitnesses, 1);
	assert_int_equal(k.mmu.virt_bits, 0);
}

static void test_all_agree(void **state)
{
	struct test *t = *state;
	struct la_kernel k;

	fake_door(t->fake)->vmcoreinfo = "OSRELEASE=x\nPAGESIZE=16384\n";
	fake_door(t->fake)->vmcoreinfo_size = 27;
	put_configuration(t,
			  "# CONFIG_4KB_3LEVEL is not set\nCONFIG_16KB_3LEVEL=y\nCONFIG_HZ=250\n");
	k = open_kernel(t);
	assert_int_equal(k.nwitnesses, 3);
	assert_int_equal(k.mmu.geometry.levels, 3);
	assert_string_equal(k.geometry_remark, "");
}

static void test_disagreement_is_said(void **state)
{
	struct test *t = *state;
	struct la_kernel k;

	fake_door(t->fake)->vmcoreinfo = "PAGESIZE=4096\n";
	fake_door(t->fake)->vmcoreinfo_size = 14;
	put_configuration(t, "CONFIG_X=y\nCONFIG_16KB_2LEVEL=y\n");
	k = open_kernel(t);
	assert_int_equal(k.mmu.geometry.page_shift, 14);
	assert_int_equal(k.mmu.geometry.levels, 3);
	assert_non_null(strstr(k.geometry_remark,
			       "vmlinux says pages of 16384 bytes, but VMCOREINFO says 4096"));
	assert_non_null(strstr(
		k.geometry_remark,
		"; vmlinux says 3 levels of page tables, but the kernel's configuration says 2"));
}

/* Without symbols of the empty tables nothing tells the levels; two is no answer. */
static void test_page_size_alone(void **state)
{
	struct fake *fake = fake_new();
	struct la_arena *arena = la_arena_new(1 << 20);
	struct la_error err = { "" };
	struct la_kernel k;

	(void)state;
	fake_symbol(fake, "swapper_pg_dir", PGD, 0, NULL);
	fake_door(fake)->vmcoreinfo = "PAGESIZE=16384\n";
	fake_door(fake)->vmcoreinfo_size = 15;
	assert_int_equal(la_kernel_init(&k, fake_door(fake), arena, &err), LA_OK);
	assert_int_equal(k.mmu.geometry.levels, 0);
	la_arena_free(arena);
	fake_free(fake);
}

static struct la_vcpu_regs vcpu(uint64_t pgdh, uint64_t pwcl, uint64_t pwch)
{
	struct la_vcpu_regs r = { .pid = 1 };

	la_csr_set(&r.regs, LA_CSR_PGDH, pgdh);
	la_csr_set(&r.regs, LA_CSR_PWCL, pwcl);
	la_csr_set(&r.regs, LA_CSR_PWCH, pwch);
	la_csr_set(&r.regs, LA_CSR_DMW0, UINT64_C(0x8000000000000001));
	la_csr_set(&r.regs, LA_CSR_DMW1, UINT64_C(0x9000000000000011));
	la_csr_set(&r.regs, LA_CSR_DMW2, UINT64_C(0xb000000000000021));
	return r;
}

static void test_registers(void **state)
{
	struct test *t = *state;
	struct la_kernel k = open_kernel(t);
	/* The first is in firmware. The values are those of 16 KiB pages in three levels (la464). */
	struct la_vcpu_regs r[2] = { vcpu(0, 0x13e4d52c, 0x267), vcpu(PGD, 0x5e56e, 0x2e4) };

	la_kernel_use_registers(&k, r, 1);
	assert_int_equal(k.nwitnesses, 1);
	assert_int_equal(k.mmu.dmw[2], 0);
	la_kernel_use_registers(&k, r, 2);
	assert_int_equal(k.nwitnesses, 2);
	assert_string_equal(k.witness[0].name, "PWCL and PWCH");
	assert_int_equal(k.mmu.geometry.levels, 3);
	assert_string_equal(k.geometry_remark, "");
	assert_int_equal(k.mmu.dmw[2], UINT64_C(0xb000000000000021));

	/* What the CPU walks with counts more than the vmlinux; 4 KiB in four levels. */
	k = open_kernel(t);
	r[1] = vcpu(PGD, 0x13e4d52c, 0x267);
	la_kernel_use_registers(&k, r, 2);
	assert_int_equal(k.mmu.geometry.page_shift, 12);
	assert_int_equal(k.mmu.geometry.levels, 4);
	assert_non_null(strstr(k.geometry_remark, "PWCL and PWCH says 4 levels"));

	/* 64 KiB in two: Dir1 is not used. */
	k = open_kernel(t);
	r[1] = vcpu(PGD, 0x1b0, 0x35d);
	la_kernel_use_registers(&k, r, 2);
	assert_int_equal(k.mmu.geometry.page_shift, 16);
	assert_int_equal(k.mmu.geometry.levels, 2);

	/* Nonsense is no witness. */
	k = open_kernel(t);
	r[1] = vcpu(PGD, 0, 0);
	la_kernel_use_registers(&k, r, 2);
	assert_int_equal(k.nwitnesses, 1);
	assert_int_equal(k.mmu.geometry.levels, 3);
}

static void test_option_wins(void **state)
{
	struct test *t = *state;
	struct la_vcpu_regs r = vcpu(PGD, 0x5e56e, 0x2e4);
	struct la_kernel k;

	t->said = (struct la_overrides){
		.page_shift = 16, .levels = 2, .virt_bits = 40, .phys_bits = 44
	};
	fake_door(t->fake)->overrides = &t->said;
	k = open_kernel(t);
	la_kernel_use_registers(&k, &r, 1);
	assert_int_equal(k.mmu.geometry.page_shift, 16);
	assert_int_equal(k.mmu.geometry.levels, 2);
	assert_int_equal(k.mmu.virt_bits, 40);
	assert_int_equal(k.mmu.phys_bits, 44);
	assert_non_null(
		strstr(k.geometry_remark,
		       "an option says pages of 65536 bytes, but PWCL and PWCH says 16384"));
	/* What no kernel has is not walked. */
	t->said.levels = 4;
	k = open_kernel(t);
	assert_int_equal(k.mmu.geometry.levels, 0);
}

static void test_widths(void **state)
{
	struct test *t = *state;
	struct la_kernel k;

	fake_symbol(t->fake, "vm_map_base", CACHED | 0x100, 8, NULL);
	fake_put_u64(t->fake, 0x100, UINT64_C(0xffffff8000000000)); /* -2^39: 40 implemented bits */
	fake_symbol(t->fake, "cpu_data", CACHED | 0x200, 512, NULL);
	fake_member(t->fake, "cpuinfo_loongarch", "pabits", 4, 4);
	fake_put_u64(t->fake, 0x200, UINT64_C(45) << 32);
	k = open_kernel(t);
	assert_int_equal(k.mmu.virt_bits, 40);
	assert_int_equal(k.mmu.phys_bits, 46);
	/* Of all widths that a damaged word could give, those that no CPU has are none. */
	for (unsigned bits = 0; bits < 64; bits++) {
		struct la_translation at;

		fake_put_u64(t->fake, 0x100, ~UINT64_C(0) << bits);
		k = open_kernel(t);
		assert_int_equal(k.mmu.virt_bits,
				 bits + 1 < LA_VIRT_BITS_MIN || bits + 1 > LA_VIRT_BITS_MAX ?
					 0 :
					 bits + 1);
		la_translate(k.door, &k.mmu, k.mmu.kernel_pgd, UINT64_C(0xffff800000004000), &at,
			     NULL);
	}
	fake_put_u64(t->fake, 0x100, UINT64_C(0xffffff8000000001)); /* no power of two */
	fake_put_u64(t->fake, 0x200, UINT64_C(0xffffffff) << 32);
	k = open_kernel(t);
	assert_int_equal(k.mmu.virt_bits, 0);
	assert_int_equal(k.mmu.phys_bits, 0);
	/* Powers of two that no CPU's width gives. */
	for (unsigned bits = 0; bits < 35; bits++) {
		struct la_translation translation;

		fake_put_u64(t->fake, 0x100, -(UINT64_C(1) << bits));
		k = open_kernel(t);
		assert_int_equal(k.mmu.virt_bits, 0);
		la_translate(k.door, &k.mmu, k.mmu.kernel_pgd, -(UINT64_C(1) << bits), &translation,
			     NULL);
	}
}

static void test_broken_configuration(void **state)
{
	struct test *t = *state;
	struct la_kernel k;

	put_configuration(t, "CONFIG_64KB_2LEVEL=y\n");
	fake_put(t->fake, CONFIG + 12, "\xff\xff\xff\xff\xff\xff", 6);
	k = open_kernel(t);
	assert_int_equal(k.nwitnesses, 1);
	assert_int_equal(k.mmu.geometry.page_shift, 14);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, finish)
		TEST(test_vmlinux),
		TEST(test_all_agree),
		TEST(test_disagreement_is_said),
		TEST(test_page_size_alone),
		TEST(test_registers),
		TEST(test_option_wins),
		TEST(test_widths),
		TEST(test_broken_configuration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
