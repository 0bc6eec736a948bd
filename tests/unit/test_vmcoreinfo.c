// SPDX-License-Identifier: GPL-3.0-or-later
// VMCOREINFO lines.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fake.h"
#include "lakvm/guest/build_id.h"
#include "lakvm/guest/init.h"
#include "lakvm/guest/vmcoreinfo.h"

static void test_lines(void **state)
{
	const char text[] =
		"OSRELEASE=6.12\nXPAGESIZE=1\nPAGESIZE=16384\nSYMBOL(_stext)=9000000000202000\n"
		"NUMBER(VMALLOC_START)=0xffff800082008000\nNUMBER(BAD)=12x\nLAST=7";
	const char *value;
	uint64_t n;
	size_t len;

	(void)state;
	assert_true(la_vmcoreinfo_get(text, strlen(text), "OSRELEASE", &value, &len));
	assert_int_equal(len, 4);
	assert_memory_equal(value, "6.12", 4);
	assert_true(la_vmcoreinfo_number(text, strlen(text), "PAGESIZE", false, &n));
	assert_int_equal(n, 16384);
	assert_true(la_vmcoreinfo_number(text, strlen(text), "SYMBOL(_stext)", true, &n));
	assert_true(n == UINT64_C(0x9000000000202000));
	assert_true(la_vmcoreinfo_number(text, strlen(text), "NUMBER(VMALLOC_START)", false, &n));
	assert_true(n == UINT64_C(0xffff800082008000));
	assert_true(la_vmcoreinfo_number(text, strlen(text), "LAST", false, &n));
	assert_int_equal(n, 7);
	assert_false(la_vmcoreinfo_number(text, strlen(text), "NUMBER(BAD)", false, &n));
	assert_false(la_vmcoreinfo_get(text, strlen(text), "PAGE", &value, &len));
	assert_false(la_vmcoreinfo_get(text, 0, "OSRELEASE", &value, &len));
	/* a text that was cut in the middle of a key */
	assert_false(la_vmcoreinfo_get(text, 5, "OSRELEASE", &value, &len));
}

static void test_from_memory(void **state)
{
	struct fake *fake = fake_new();
	struct la_kernel k = { .door = fake_door(fake) };
	struct la_arena *arena = la_arena_new(1 << 20);
	struct la_error err = { "" };
	const char *text;
	size_t len;

	(void)state;
	k.mmu.dmw[1] = UINT64_C(0x9000000000000011);
	assert_int_equal(la_vmcoreinfo_read(&k, arena, &text, &len, &err), LA_ABSENT);
	fake_symbol(fake, "vmcoreinfo_data", UINT64_C(0x9000000000001000), 8, NULL);
	fake_symbol(fake, "vmcoreinfo_size", UINT64_C(0x9000000000001008), 8, NULL);
	fake_put_u64(fake, 0x1000, 0);
	fake_put_u64(fake, 0x1008, 0);
	assert_int_equal(la_vmcoreinfo_read(&k, arena, &text, &len, &err), LA_ABSENT);
	fake_put_u64(fake, 0x1000, UINT64_C(0x9000000000002000));
	fake_put_u64(fake, 0x1008, UINT64_C(1) << 40);
	assert_int_equal(la_vmcoreinfo_read(&k, arena, &text, &len, &err), LA_CORRUPT);
	fake_put_u64(fake, 0x1008, 4);
	assert_int_equal(la_vmcoreinfo_read(&k, arena, &text, &len, &err), LA_NOT_RAM);
	fake_put(fake, 0x2000, "A=12", 4);
	assert_int_equal(la_vmcoreinfo_read(&k, arena, &text, &len, &err), LA_OK);
	assert_int_equal(len, 4);
	assert_string_equal(text, "A=12");
	la_arena_free(arena);
	fake_free(fake);
}

/* What the dump brings along is another kernel's, which ran before it in this guest. */
static void test_of_another_kernel(void **state)
{
	static const char other[] = "OSRELEASE=5.10\nSYMBOL(_stext)=9000000000212340\n",
			  own[] = "OSRELEASE=6.12\nSYMBOL(_stext)=9000000000202000\n";
	struct fake *fake = fake_new();
	struct la_door *door = fake_door(fake);
	struct la_arena *arena = la_arena_new(1 << 20);
	struct la_kernel k;

	(void)state;
	fake_symbol(fake, "swapper_pg_dir", UINT64_C(0x9000000000004000), 0, NULL);
	fake_symbol(fake, "_stext", UINT64_C(0x9000000000202000), 0, NULL);
	door->vmcoreinfo = own;
	door->vmcoreinfo_size = sizeof(own) - 1;
	la_kernel_init(&k, door, arena, NULL);
	assert_string_equal(k.vmcoreinfo, own);
	assert_null(k.vmcoreinfo_remark);

	door->vmcoreinfo = other;
	door->vmcoreinfo_size = sizeof(other) - 1;
	la_kernel_init(&k, door, arena, NULL);
	assert_null(k.vmcoreinfo);
	assert_non_null(strstr(k.vmcoreinfo_remark, "another kernel's, 5.10: it is not used"));

	/* its own is in memory */
	fake_symbol(fake, "vmcoreinfo_data", UINT64_C(0x9000000000001000), 8, NULL);
	fake_symbol(fake, "vmcoreinfo_size", UINT64_C(0x9000000000001008), 8, NULL);
	fake_put_u64(fake, 0x1000, UINT64_C(0x9000000000002000));
	fake_put_u64(fake, 0x1008, sizeof(own) - 1);
	fake_put(fake, 0x2000, own, sizeof(own) - 1);
	la_kernel_init(&k, door, arena, NULL);
	assert_string_equal(k.vmcoreinfo, own);
	assert_non_null(k.vmcoreinfo_remark);
	la_arena_free(arena);
	fake_free(fake);
}

static void test_build_id_text(void **state)
{
	static const char *const bad[] = { "", "ab", "abc", "abcdefg0", "0x1234", "ab cd" };
	struct la_build_id id = { .size = 7 };
	char text[2 * sizeof(id.byte) + 1], long_one[2 * sizeof(id.byte) + 3];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(la_build_id_parse(bad[i], strlen(bad[i]), &id));
	memset(long_one, 'a', sizeof(long_one));
	assert_false(la_build_id_parse(long_one, sizeof(long_one) - 1, &id));
	assert_int_equal(id.size, 7);
	assert_true(la_build_id_parse("00FFa5\n", 6, &id));
	la_build_id_text(&id, text);
	assert_string_equal(text, "00ffa5");
}

static void put_note(struct fake *fake, uint64_t pa, uint32_t size, uint32_t type,
		     const char *owner, char fill)
{
	char body[128];

	memset(body, fill, sizeof(body));
	fake_put_u32(fake, pa, 4);
	fake_put_u32(fake, pa + 4, size);
	fake_put_u32(fake, pa + 8, type);
	fake_put(fake, pa + 12, owner, 4);
	fake_put(fake, pa + 16, body, size < sizeof(body) ? size : sizeof(body));
}

/* A guest that died before it wrote its VMCOREINFO. */
static void test_build_ids_in_memory(void **state)
{
	static const struct la_ram_range ram = { .start = 0, .end = 0x10000 };
	struct fake *fake = fake_new();
	struct la_arena *arena = la_arena_new(1 << 20);
	struct la_build_id id = { .size = 20 };
	struct la_kernel_identity k;
	struct la_error err = { "" };

	(void)state;
	for (uint64_t pa = 0; pa < ram.end; pa += 8)
		fake_put_u64(fake, pa, 0);
	assert_int_equal(la_kernel_identity_find(fake_door(fake), &ram, 1, false, arena, &k, &err),
			 LA_ABSENT);
	for (uint32_t i = 1; i < 10; i++) /* across the end of a block, at each word of it */
		put_note(fake, 0x1000 * i - 4 * i, 20, 3, "GNU", (char)i);
	put_note(fake, 0x100, 20, 3, "GNV", 90);
	put_note(fake, 0x200, 20, 4, "GNU", 91);
	put_note(fake, 0x300, 65, 3, "GNU", 92);
	put_note(fake, 0x400, 0xfffffff0, 3, "GNU", 93);
	put_note(fake, 0x500, 0, 3, "GNU", 94);
	put_note(fake, 0x600, 20, 3, "GNU", 5); /* once more */
	fake_put(fake, 0xfffc, "GNU", 4);
	assert_int_equal(la_kernel_identity_find(fake_door(fake), &ram, 1, false, arena, &k, &err),
			 LA_OK);
	assert_false(k.said);
	for (char fill = 90; fill < 95; fill++) {
		memset(id.byte, fill, id.size);
		assert_false(la_kernel_identity_has(&k, &id));
	}
	assert_int_equal(k.n, 9);
	for (char fill = 1; fill < 10; fill++) {
		memset(id.byte, fill, id.size);
		assert_true(la_kernel_identity_has(&k, &id));
	}
	la_arena_free(arena);
	fake_free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_from_memory),
		cmocka_unit_test(test_of_another_kernel),
		cmocka_unit_test(test_build_id_text),
		cmocka_unit_test(test_build_ids_in_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
