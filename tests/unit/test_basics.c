// SPDX-License-Identifier: GPL-3.0-or-later
// Arena and error trail.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lakvm/base/arena.h"
#include "lakvm/base/escape.h"
#include "lakvm/base/status.h"

static void test_arena_limit(void **state)
{
	struct la_arena *arena = la_arena_new(100000);
	char *p;

	(void)state;
	p = la_alloc(arena, 90000);
	assert_non_null(p);
	assert_int_equal(p[0], 0);
	assert_int_equal(p[89999], 0);
	assert_null(la_alloc(arena, 20000));
	assert_non_null(la_alloc(arena, 5000));
	assert_null(la_alloc(arena, SIZE_MAX));
	assert_null(la_alloc_n(arena, SIZE_MAX / 2, 4));
	la_arena_free(arena);
}

static void test_arena_regrow(void **state)
{
	struct la_arena *arena = la_arena_new(1 << 20);
	uint32_t *v = la_alloc_n(arena, 2, sizeof(*v));

	(void)state;
	v[0] = 7;
	v[1] = 9;
	v = la_regrow(arena, v, 2, 4, sizeof(*v));
	assert_int_equal(v[0], 7);
	assert_int_equal(v[1], 9);
	assert_int_equal(v[3], 0);
	assert_string_equal(la_format(arena, "%d-%s", 3, "x"), "3-x");
	assert_string_equal(la_strndup(arena, "hello", 4), "hell");
	la_arena_free(arena);
}

static void test_error_trail(void **state)
{
	struct la_error err = { "" };
	char big[400];

	(void)state;
	assert_int_equal(la_fail(&err, LA_CORRUPT, "inner %d", 1), LA_CORRUPT);
	assert_string_equal(err.text, "inner 1");
	la_fail(&err, LA_CORRUPT, "outer");
	assert_string_equal(err.text, "outer: inner 1");
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = 'x';
	big[sizeof(big) - 1] = '\0';
	la_fail(&err, LA_CORRUPT, "%s", big);
	assert_int_equal(err.text[sizeof(err.text) - 1], 0);
	assert_int_equal(la_fail(NULL, LA_ABSENT, "nobody listens"), LA_ABSENT);
	/* names of files may hold anything */
	la_error_clear(&err);
	la_fail(&err, LA_CORRUPT, "inner");
	la_fail(&err, LA_CORRUPT, "%s", "/tmp/\x1b[2J\n\xe2\x80\xae\xff");
	assert_string_equal(err.text, "/tmp/\\x1b[2J\\x0a\\u202e\\xff: inner");
	/* a trail that is too long is cut between characters */
	for (int pad = 240; pad < 255; pad++) {
		size_t length = 0;

		la_error_clear(&err);
		la_fail(&err, LA_CORRUPT, "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac");
		la_fail(&err, LA_CORRUPT, "%.*s", pad, big);
		for (const char *at = err.text; *at; at += length) {
			length = la_utf8_length(at);
			assert_int_not_equal(length, 0);
		}
	}
	la_error_clear(&err);
	la_fail(&err, LA_NOMEM, "notes of %d vCPUs", 3);
	la_fail(&err, LA_NOMEM, "dump");
	assert_string_equal(err.text, "dump: notes of 3 vCPUs: out of memory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena_limit),
		cmocka_unit_test(test_arena_regrow),
		cmocka_unit_test(test_error_trail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
