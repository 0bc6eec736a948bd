// SPDX-License-Identifier: GPL-3.0-or-later
// Tables of known issues: what is read, what is left out with a reason, what fits a verdict.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "lakvm/triage/known.h"
#include "lakvm/triage/panic.h"

struct test {
	struct la_arena *arena;
	struct la_known_table table;
	struct la_panic panic;
	char said[4096];
};

static int start(void **state)
{
	struct test *t = calloc(1, sizeof(*t));

	t->arena = la_arena_new(8 << 20);
	t->panic = (struct la_panic){ .verdict = LA_VERDICT_PANIC,
				      .message = "Attempted to kill init! exitcode=0x0000000b",
				      .release = "6.6.0-72.oe2403",
				      .signature = "lakvm-1 panic page-fault",
				      .hash = "0123456789abcdef" };
	t->panic.cause.kind = "page-fault";
	t->panic.cause.symbol = "xnic_poll";
	*state = t;
	return 0;
}

static int finish(void **state)
{
	struct test *t = *state;

	la_arena_free(t->arena);
	free(t);
	return 0;
}

static void parse(struct test *t, const char *text)
{
	assert_int_equal(la_known_parse(t->arena, text, strlen(text), &t->table, NULL), LA_OK);
}

static size_t hits(struct test *t, const char *patterns)
{
	char text[512];

	snprintf(text, sizeof(text), "[one]\nwhat = it\n%s", patterns);
	parse(t, text);
	assert_int_equal(t->table.n, 1);
	t->panic.nknown = 0;
	assert_true(la_known_match(t->arena, &t->table, &t->panic));
	return t->panic.nknown;
}

static void test_entries(void **state)
{
	struct test *t = *state;

	parse(t, "# a table\n\n[first]\n  what\t=  one thing = two  \r\ncure=do it\nkind = bug\n"
		 "[second]\nlink = http://x/#y\nfact = *\nwhat = w");
	assert_int_equal(t->table.nremarks, 0);
	assert_int_equal(t->table.n, 2);
	assert_string_equal(t->table.entry[0].name, "first");
	assert_string_equal(t->table.entry[0].what, "one thing = two");
	assert_string_equal(t->table.entry[0].cure, "do it");
	assert_null(t->table.entry[0].link);
	assert_string_equal(t->table.entry[0].pattern.kind, "bug");
	assert_string_equal(t->table.entry[1].link, "http://x/#y");
	parse(t, "");
	assert_int_equal(t->table.n + t->table.nremarks, 0);
}

static void test_bad_entries(void **state)
{
	struct test *t = *state;
	static const struct {
		const char *text, *remark;
	} bad[] = {
		{ "kind = bug\n", "line 1: it belongs to no entry: \"kind = bug\"" },
		{ "[a]\nwhat = w\nkind bug\n",
		  "line 3: neither [name] nor KEY = VALUE: \"kind bug\"" },
		{ "[a]\nwhat = w\ncolour = red\n", "line 3: there is no key \"colour\"" },
		{ "[a]\nwhat = w\nkind = a\nkind = b\n", "line 4: a second time: \"kind\"" },
		{ "[a]\nwhat = w\nkind =  \n", "line 3: nothing behind \"kind\"" },
		{ "[a]\nkind = bug\n", "line 1: an entry that does not say what it is: \"a\"" },
		{ "[a]\nwhat = w\nkernel = *\n",
		  "line 1: an entry that would fit everything: \"a\"" },
		{ "[]\nwhat = w\nkind = bug\n", "line 1: an entry without a name" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[256];

		snprintf(text, sizeof(text), "%s[good]\nwhat = w\nkind = k\n", bad[i].text);
		parse(t, text);
		assert_int_equal(t->table.n, 1);
		assert_string_equal(t->table.entry[0].name, "good");
		assert_int_equal(t->table.nremarks, 1);
		assert_string_equal(t->table.remark[0], bad[i].remark);
	}
}

static void test_bounds(void **state)
{
	struct test *t = *state;
	char *text = malloc(200000);
	size_t n = 0;

	for (int i = 0; i < 1100; i++)
		n += (size_t)sprintf(text + n, "[e]\nwhat = w\nkind = k\n");
	parse(t, text);
	assert_int_equal(t->table.n, LA_KNOWN_MAX);
	assert_non_null(strstr(t->table.remark[0], "more entries than are read"));
	n = 0;
	for (int i = 0; i < 100; i++)
		n += (size_t)sprintf(text + n, "nonsense\n");
	parse(t, text);
	assert_int_equal(t->table.nremarks, LA_KNOWN_REMARKS);
	assert_string_equal(t->table.remark[LA_KNOWN_REMARKS - 1], "and 85 more");
	memset(text, 'x', 100000);
	text[100000] = '\0';
	parse(t, text);
	assert_string_equal(t->table.remark[0], "line 1: too long");
	assert_int_equal(la_known_parse(t->arena, "[a]\nwhat\0 = w", 13, &t->table, NULL), LA_OK);
	assert_string_equal(t->table.remark[0], "line 2: a zero byte");
	free(text);
}

static void test_glob(void **state)
{
	char text[2000], pattern[200] = "";

	(void)state;
	assert_true(la_known_glob("*", ""));
	assert_true(la_known_glob("a*c", "abcbc"));
	assert_true(la_known_glob("?b*", "abc"));
	assert_false(la_known_glob("a", "ab"));
	assert_false(la_known_glob("", "a"));
	assert_false(la_known_glob("a?", "a"));
	assert_true(la_known_glob("*exit*0x0b", "an exitcode=0x0b"));
	/* what takes forever by trying all ways */
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 60; i++)
		strcat(pattern, "*a");
	strcat(pattern, "b");
	assert_false(la_known_glob(pattern, text));
}

static void test_matches(void **state)
{
	static const struct la_fact facts[] = { { "CPU 1 runs with interrupts off", "registers" } };
	struct test *t = *state;

	t->panic.fact = facts;
	t->panic.nfacts = 1;
	assert_int_equal(hits(t, "kind = page-fault\nfunction = xnic_*\nkernel = 6.6.0-*\n"), 1);
	assert_int_equal(hits(t, "kind = page-fault\nfunction = ynic_*\n"), 0);
	assert_int_equal(hits(t, "module = *\nkind = page-fault\n"), 0); /* it has none */
	assert_int_equal(hits(t, "verdict = panic\nmessage = *exitcode=0x0000000b\n"), 1);
	assert_int_equal(hits(t, "signature = 0123456789abcdef\n"), 1);
	assert_int_equal(hits(t, "signature = lakvm-? panic *\n"), 1);
	assert_int_equal(hits(t, "signature = 0123456789abcde0\n"), 0);
	assert_int_equal(hits(t, "fact = *interrupts off\n"), 1);
	t->panic.cause.symbol = NULL;
	t->panic.cause.caller = "xnic_poll";
	assert_int_equal(hits(t, "function = xnic_poll\n"), 1);
	/* behind those of another table */
	assert_true(la_known_match(t->arena, &t->table, &t->panic));
	assert_int_equal(t->panic.nknown, 2);
}

static void tell(void *ctx, const char *line)
{
	struct test *t = ctx;

	strncat(t->said, line, sizeof(t->said) - strlen(t->said) - 2);
	strcat(t->said, "\n");
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* The table that ships is sound; a person's own is found; what is no file is said. */
static void test_files(void **state)
{
	char folder[] = "/tmp/lakvm-known-XXXXXX", path[100];
	struct test *t = *state;

	assert_int_equal(la_known_read(t->arena, "share/known-issues", &t->table, NULL), LA_OK);
	assert_true(t->table.n >= 8);
	assert_int_equal(t->table.nremarks, 0);

	assert_non_null(mkdtemp(folder));
	setenv("HOME", folder, 1);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("LAKVM_KNOWN_ISSUES");
	la_known_hints(t->arena, &t->panic, tell, t);
	assert_string_equal(t->said, "");
	snprintf(path, sizeof(path), "%s/.config", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	strcat(path, "/lakvm");
	assert_int_equal(mkdir(path, 0700), 0);
	strcat(path, "/known-issues");
	put(path, "[mine]\nwhat = it\nkind = page-fault\n[bad]\n");
	t->panic.nknown = 0;
	la_known_hints(t->arena, &t->panic, tell, t);
	assert_true(t->panic.nknown >= 1);
	assert_string_equal(t->panic.known[t->panic.nknown - 1]->name, "mine");
	assert_non_null(
		strstr(t->said, "/.config/lakvm/known-issues: line 4: an entry that does not"));

	setenv("LAKVM_KNOWN_ISSUES", "", 1);
	t->panic.nknown = 0;
	t->said[0] = '\0';
	la_known_hints(t->arena, &t->panic, tell, t);
	assert_int_equal(t->panic.nknown, 0);
	setenv("LAKVM_KNOWN_ISSUES", folder, 1);
	la_known_hints(t->arena, &t->panic, tell, t);
	assert_non_null(strstr(t->said, ": not a file\n"));
	assert_int_equal(truncate(path, (off_t)LA_KNOWN_FILE_MAX + 1), 0);
	assert_int_equal(la_known_read(t->arena, path, &t->table, NULL), LA_INVALID);
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	rmdir(folder);
}

static void test_no_memory(void **state)
{
	struct la_arena *small = la_arena_new(4096);
	struct test *t = *state;

	assert_int_equal(la_known_parse(small, "[a]", 3, &t->table, NULL), LA_NOMEM);
	la_arena_free(small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, finish)
		TEST(test_entries), TEST(test_bad_entries), TEST(test_bounds),    TEST(test_glob),
		TEST(test_matches), TEST(test_files),       TEST(test_no_memory),
	};

	return cmocka_run_group_tests_name("known", tests, NULL, NULL);
}
