// SPDX-License-Identifier: GPL-3.0-or-later
// Out of memory at every single allocation of opening a dump: it fails, and says what of.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "opened.h"

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

static unsigned fail_at, allocation; /* the one that fails, counted from 1; 0: none */

void *__wrap_calloc(size_t n, size_t size)
{
	return fail_at && ++allocation == fail_at ? NULL : __real_calloc(n, size);
}

static unsigned fail_each(const char *const *path, size_t n)
{
	const struct la_dump_options opt = { .cache_mib = 1 };
	struct la_ram_range *ram;
	unsigned failed = 0;

	for (unsigned at = 1;; at++) {
		struct la_arena *arena = la_arena_new(SIZE_MAX);
		struct la_error err = { "" };
		struct la_dump *dump;
		enum la_status status;
		size_t nram;

		fail_at = at;
		allocation = 0;
		status = la_dump_open(&dump, path, n, &opt, &err);
		if (status == LA_OK) {
			status = la_dump_ram(dump, true, arena, &ram, &nram, &err);
			la_dump_close(dump);
		} else {
			assert_null(dump);
		}
		la_arena_free(arena);
		fail_at = 0;
		if (allocation < at) {
			assert_int_equal(status, LA_OK);
			return failed;
		}
		assert_int_equal(status, LA_NOMEM);
		assert_non_null(strstr(err.text, "out of memory"));
		failed++;
	}
}

static void test_each_allocation(void **state)
{
	static const struct {
		const char *text;
		unsigned files, least;
	} dump[] = {
		{ "kdump\nram 0 1M words\nprstatus 2\n", 1, 10 },
		{ "kdump\nram 0 1M words\nram 1M 1M excluded\nsplit 3\n", 3, 10 },
		{ "elf\nram 0 1M words\nprstatus 2\n", 1, 10 },
		{ "kdump\nram 0 1M noise\nflatten shuffle=3 overlap\n", 1, 10 },
		{ "elf\nram 0 1M words\nflatten\n", 1, 10 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(dump) / sizeof(dump[0]); i++) {
		const char *path[3];
		struct opened o;

		opened_make(&o, dump[i].text, dump[i].files, NULL);
		assert_int_equal(o.status, LA_OK);
		for (unsigned j = 0; j < dump[i].files; j++)
			path[j] = o.path[j];
		assert_true(fail_each(path, dump[i].files) >= dump[i].least);
		opened_free(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_allocation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
