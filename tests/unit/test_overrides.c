// SPDX-License-Identifier: GPL-3.0-or-later
// NAME=VALUE words about a guest.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lakvm/door/overrides.h"

static void test_words(void **state)
{
	struct la_overrides o = { 0 };

	(void)state;
	assert_int_equal(la_overrides_parse("page_size=16k,levels=3", &o, NULL), LA_OK);
	assert_int_equal(o.page_shift, 14);
	assert_int_equal(o.levels, 3);
	assert_int_equal(o.section_bits, 0);
	assert_int_equal(
		la_overrides_parse("section_size_bits=28,max_physmem_bits=46,vabits_actual=40", &o,
				   NULL),
		LA_OK);
	assert_int_equal(la_overrides_parse("vmemmap=0xfffffebffe000000,page_size=65536,", &o,
					    NULL),
			 LA_OK);
	assert_int_equal(o.page_shift, 16);
	assert_int_equal(o.levels, 3); /* what was said before stays */
	assert_int_equal(o.section_bits, 28);
	assert_int_equal(o.phys_bits, 46);
	assert_int_equal(o.virt_bits, 40);
	assert_int_equal(o.vmemmap, UINT64_C(0xfffffebffe000000));
	assert_int_equal(la_overrides_parse("", &o, NULL), LA_OK);
}

static void test_nonsense(void **state)
{
	static const char *const bad[] = {
		"page_size=8k",
		"page_size=",
		"page_size",
		"=4k",
		"levels=5",
		"levels=-2",
		"levels=2x",
		"section_size_bits=99",
		"max_physmem_bits=64",
		"vabits_actual=0",
		"vmemmap=0x1000",
		"vmemmap=0xffffffffffffffffff",
		"colour=3",
		"pages_size=4k",
		"levels =3",
		"page_size=99999999k",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct la_overrides o = { 0 };
		struct la_error err = { "" };

		assert_int_equal(la_overrides_parse(bad[i], &o, &err), LA_INVALID);
		assert_non_null(strstr(err.text, "none of: page_size="));
		assert_memory_equal(&o, &(struct la_overrides){ 0 }, sizeof(o));
	}
}

static void test_what_stood_before_counts(void **state)
{
	struct la_overrides o = { 0 };
	struct la_error err = { "" };

	(void)state;
	assert_int_equal(la_overrides_parse("levels=2,nonsense=1,page_size=4k", &o, &err),
			 LA_INVALID);
	assert_non_null(strstr(err.text, "\"nonsense=1\""));
	assert_int_equal(o.levels, 2);
	assert_int_equal(o.page_shift, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_what_stood_before_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
