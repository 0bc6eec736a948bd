// SPDX-License-Identifier: GPL-3.0-or-later
// log: does crash's own output say that it could read no log? Nothing that a guest wrote may say so.
#include "fake_crash.h"

static int argcnt;
static char *args[1];

#include "../../extensions/glue/log.c"

/* --- other files of the glue --- */

struct la_kernel *session_kernel(struct la_error *err)
{
	(void)err;
	return NULL;
}

struct la_arena *command_memory(void)
{
	return NULL;
}

const struct la_sink *command_sink(void)
{
	return NULL;
}

static bool crash_log_ends;

char *command_capture(cmd_func_t command, bool *ret_done)
{
	(void)command;
	*ret_done = crash_log_ends;
	return strdup("[    0.000000] a record\n");
}

cmd_func_t command_replace(const char *name, cmd_func_t hook)
{
	(void)name;
	return hook;
}

/* As error() prints them into what is captured (crash's tools.c, printk.c). */
static void test_failed(void **state)
{
	(void)state;
	assert_true(has_failed(""));
	assert_true(has_failed("\n\n"));
	assert_true(has_failed("\nWARNING: cannot read printk_ringbuffer contents\n"));
	assert_true(has_failed("\nWARNING: cannot read prb_desc_ring contents\n"));
	assert_true(has_failed("\nWARNING: cannot read prb_text_data_ring contents\n"));
	assert_true(has_failed("\nWARNING: cannot read log_buf contents\n"));
}

static void test_guest_wrote_it(void **state)
{
	(void)state;
	assert_false(has_failed("[    1.000000] cannot read log_buf contents\n"));
	assert_false(has_failed("[    0.000000] Linux version 6.12\n"
				"[    1.000000] WARNING: cannot read prb_desc_ring contents\n"));
	assert_false(has_failed("Linux version 6.12\nWARNING: cannot read log_buf contents\n"));
	assert_false(has_failed("WARNING: cannot read log_buf contents\nand what follows\n"));
}

/* crash looks at this size alone when it decides whether it has asked for the structures of printk. */
static void test_asked_again(void **state)
{
	(void)state;
	fp = fopen("/dev/null", "w");
	assert_non_null(fp);
	ASSIGN_SIZE(printk_info) = 88;
	crash_log_ends = true;
	log_hook();
	assert_int_equal(ASSIGN_SIZE(printk_info), 88);
	crash_log_ends = false;
	log_hook();
	assert_int_equal(ASSIGN_SIZE(printk_info), -1);
	fclose(fp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_asked_again),
		cmocka_unit_test(test_guest_wrote_it),
	};

	log_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
