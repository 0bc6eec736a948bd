// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers out of the guest's memory: one that cannot be read whole leaves what was there before.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lakvm/guest/kernel.h"

#define WINDOW UINT64_C(0x9000000000000000)
#define READABLE 0x1000 /* bytes; what is read across this border begins to arrive, and fails */

static enum la_status read_phys(void *ctx, uint64_t pa, void *ret, size_t len)
{
	(void)ctx;
	memset(ret, 0x5a, pa + len > READABLE ? len / 2 : len);
	return pa + len > READABLE ? LA_EXCLUDED : LA_OK;
}

static bool symbol(void *ctx, const char *name, uint64_t *ret)
{
	(void)ctx;
	(void)name;
	*ret = WINDOW | (READABLE - 2);
	return true;
}

static bool member(void *ctx, const char *type, const char *name, struct la_member *ret)
{
	(void)ctx;
	(void)type;
	(void)name;
	*ret = (struct la_member){ 0, 8 };
	return true;
}

static void test_numbers(void **state)
{
	const struct la_door door = { .read_phys = read_phys, .symbol = symbol, .member = member };
	static const uint64_t percpu[1] = { 0 };
	const struct la_kernel k = {
		.door = &door, .ncpus = 1, .percpu = percpu, .mmu.dmw[1] = WINDOW | 0x11
	};
	uint64_t at = WINDOW | (READABLE - 4), word = 7;
	uint32_t half = 7;
	bool bit = true;

	(void)state;
	assert_int_equal(la_read_u64(&k, at - 4, &word, NULL), LA_OK);
	assert_int_equal(word, UINT64_C(0x5a5a5a5a5a5a5a5a));
	assert_int_equal(la_read_u32(&k, at, &half, NULL), LA_OK);
	assert_int_equal(half, 0x5a5a5a5a);

	word = half = 7;
	assert_int_equal(la_read_u64(&k, at, &word, NULL), LA_EXCLUDED);
	assert_int_equal(la_read_u32(&k, at + 2, &half, NULL), LA_EXCLUDED);
	assert_int_equal(half, 7);
	assert_int_equal(la_read_member(&k, at, "type", "member", &word, NULL), LA_EXCLUDED);
	assert_int_equal(la_read_variable(&k, "variable", 4, &word, NULL), LA_EXCLUDED);
	assert_int_equal(word, 7);
	assert_int_equal(la_cpumask_test(&k, "mask", 0, &bit, NULL), LA_EXCLUDED);
	assert_true(bit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
