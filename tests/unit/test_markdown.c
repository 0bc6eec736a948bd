// SPDX-License-Identifier: GPL-3.0-or-later
// A verdict as Markdown: what a guest says is no mark of it, and the file is whole or not there.
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "lakvm/render/markdown.h"

static char output[1 << 16];

static void put(void *ctx, const char *text)
{
	(void)ctx;
	assert_true(strlen(output) + strlen(text) < sizeof(output));
	strcat(output, text);
}

static const struct la_sink sink = { .put = put };

static struct la_frame frame = { .sp = 0x9000000100003b30,
				 .symbol = "i8042_flush",
				 .pc = 0x9000000000eb7fa8,
				 .pc_known = true,
				 .method = LA_FROM_EXCEPTION,
				 .verified = true };
static const struct la_stack stack = { .frame = &frame, .n = 1, .stop = LA_STOP_END };

static struct la_panic panic(void)
{
	static const char *const advice[] = { "dis i8042_flush", "# look | `at` it" };
	static const char *const lines[] = { "[    1.0] ```\n# no heading", "    [link](x)" };
	static const struct la_fact facts[] = { { "<b>a fact</b>", "log" } };
	static const struct la_known known = { "a*b", "what *it* is", "cure | it", NULL, { 0 } };
	static const struct la_known *const hits[] = { &known };
	struct la_panic p = { .verdict = LA_VERDICT_OOPS,
			      .confidence = LA_CERTAIN,
			      .message = "Oops *and* | <script>",
			      .release = "6.12",
			      .cpu = 1,
			      .stack = &stack,
			      .signature = "lakvm-1 oops _x_",
			      .hash = "0123456789abcdef",
			      .advice = advice,
			      .nadvice = 2,
			      .fact = facts,
			      .nfacts = 1,
			      .known = hits,
			      .nknown = 1 };

	p.cause.kind = "page-fault";
	p.cause.address_known = true;
	p.cause.address = 0x80;
	p.cause.symbol = "i8042_flush";
	p.cause.pc_known = true;
	p.cause.pc = 0x9000000000eb7fa8;
	p.detail.log = lines;
	p.detail.nlog = 2;
	snprintf(p.task.comm, sizeof(p.task.comm), "a|b\n# c");
	return p;
}

static void has(const char *part)
{
	if (!strstr(output, part))
		fail_msg("not there: %s\n%s", part, output);
}

static void test_english(void **state)
{
	const struct la_panic p = panic();

	(void)state;
	output[0] = '\0';
	la_render_panic_markdown(&p, LA_ENGLISH, &sink);
	assert_ptr_equal(strstr(output,
				"# oops (certain): Oops \\*and\\* \\| \\<script\\>\n\n| | |\n"
				"|---|---|\n| **Cause** | page-fault at address "),
			 output);
	has("| **Who** | \"a\\|b\\\\x0a\\# c\" on CPU 1 |\n");
	has("| **Signature** | 0123456789abcdef lakvm-1 oops \\_x\\_ |\n");
	has("\n## What to do next\n\n- dis i8042\\_flush\n- \\# look \\| \\`at\\` it\n");
	has("\n## Known issues like it\n\n- **a\\*b**: what \\*it\\* is; Cure: cure \\| it\n");
	has("\n## Fault\n\n             PC: 9000000000eb7fa8\n");
	has("\n## Stack\n\n     #0 [9000000100003b30] i8042_flush+0x0 at 9000000000eb7fa8\n");
	has("\n## Facts\n\n- log: \\<b\\>a fact\\</b\\>\n");
	/* Within a block every line is indented, a fence or a heading is none. */
	has("\n## In the log\n\n    [    1.0] ```\n                 # no heading\n        [link](x)\n");
	for (const char *at = output; (at = strstr(at, "\n#")); at++)
		assert_true(!strncmp(at, "\n## ", 4));
}

static void test_chinese(void **state)
{
	const struct la_panic p = panic();

	(void)state;
	output[0] = '\0';
	la_render_panic_markdown(&p, LA_CHINESE, &sink);
	has("| **原因** | page-fault");
	has("\n## 下一步\n");
	has("\n## 调用栈\n");
}

static void test_locale(void **state)
{
	(void)state;
	unsetenv("LC_ALL");
	unsetenv("LC_MESSAGES");
	unsetenv("LANG");
	assert_int_equal(la_language_of_locale(), LA_ENGLISH);
	setenv("LANG", "zh_CN.UTF-8", 1);
	assert_int_equal(la_language_of_locale(), LA_CHINESE);
	setenv("LC_MESSAGES", "C", 1);
	assert_int_equal(la_language_of_locale(), LA_ENGLISH);
	setenv("LC_ALL", "zh_TW", 1);
	assert_int_equal(la_language_of_locale(), LA_CHINESE);
	setenv("LC_ALL", "", 1);
	assert_int_equal(la_language_of_locale(), LA_ENGLISH);
}

static enum la_status to_file(struct la_arena *arena, const char *folder, const char *name,
			      struct la_error *err)
{
	const struct la_panic p = panic();

	la_error_clear(err);
	return la_render_panic_markdown_file(&p, LA_ENGLISH,
					     &(struct la_text_file){
						     la_format(arena, "%s/%s", folder, name),
						     (const char *[]){
							     NULL,
							     la_format(arena, "%s/dump", folder) },
						     2 },
					     arena, err);
}

static size_t entries(const char *folder)
{
	char command[200];
	FILE *pipe;
	size_t n = 0;

	snprintf(command, sizeof(command), "ls -A %s", folder);
	pipe = popen(command, "r");
	for (int c; (c = fgetc(pipe)) != EOF;)
		n += c == '\n';
	pclose(pipe);
	return n;
}

static void test_file(void **state)
{
	char folder[] = "/tmp/lakvm-markdown-XXXXXX", path[100], link[100], dump[100];
	static char text[1 << 15];
	struct la_arena *arena = la_arena_new(16 << 20);
	struct rlimit before, small;
	struct la_error err;
	struct stat st;
	FILE *file;
	size_t n;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a.md", folder);
	umask(022);
	assert_int_equal(to_file(arena, folder, "a.md", &err), LA_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_int_equal(to_file(arena, folder, "a.md", &err), LA_OK); /* gives way */
	file = fopen(path, "r");
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	output[0] = '\0';
	la_render_panic_markdown(&(struct la_panic){ 0 }, LA_ENGLISH, &sink);
	assert_true(strlen(text) > 300 && text[strlen(text) - 1] == '\n');

	/* neither a link, a folder nor a device */
	snprintf(link, sizeof(link), "%s/link", folder);
	assert_int_equal(symlink("a.md", link), 0);
	assert_int_equal(to_file(arena, folder, "link", &err), LA_INVALID);
	assert_non_null(strstr(err.text, "not a regular file"));
	assert_int_equal(to_file(arena, "/dev", "full", &err), LA_INVALID);
	assert_int_equal(to_file(arena, folder, "", &err), LA_INVALID);
	assert_int_equal(to_file(arena, "/nonexistent", "x", &err), LA_IO);

	/* nor what is read, by whatever name */
	snprintf(dump, sizeof(dump), "%s/dump", folder);
	assert_int_equal(rename(path, dump), 0);
	assert_int_equal(to_file(arena, folder, "dump", &err), LA_INVALID);
	assert_non_null(strstr(err.text, "is read"));
	assert_int_equal(linkat(AT_FDCWD, dump, AT_FDCWD, path, 0), 0);
	assert_int_equal(to_file(arena, folder, "a.md", &err), LA_INVALID);
	assert_int_equal(unlink(dump), 0);

	/* what cannot be written leaves the old one as it was, and nothing beside it */
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	small = (struct rlimit){ 100, before.rlim_max };
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(to_file(arena, folder, "a.md", &err), LA_IO);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_non_null(strstr(err.text, "File too large"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, n);
	assert_int_equal(entries(folder), 2);
	unlink(path);
	unlink(link);
	rmdir(folder);
	la_arena_free(arena);
}

static void test_no_memory(void **state)
{
	struct la_arena *small = la_arena_new(4096);
	struct la_error err = { "" };

	(void)state;
	assert_int_equal(to_file(small, "/tmp", "none.md", &err), LA_NOMEM);
	la_arena_free(small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_english),   cmocka_unit_test(test_chinese),
		cmocka_unit_test(test_locale),    cmocka_unit_test(test_file),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests_name("markdown", tests, NULL, NULL);
}
