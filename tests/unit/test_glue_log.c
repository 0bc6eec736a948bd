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

/* A crash whose questions to gdb may be interrupted: dump_lockless_record_log(), init_offsets(). */
static bool crash_log_ends;
static int interrupted, asked, runs; /* the question that is; those that were */

static long ask_gdb(long size)
{
	return ++asked == interrupted ? -1 : size;
}

char *command_capture(cmd_func_t command, bool *ret_done)
{
	(void)command;
	runs++;
	if (ASSIGN_SIZE(printk_info) < 0) {
		ASSIGN_SIZE(printk_info) = ask_gdb(88);
		ASSIGN_SIZE(printk_ringbuffer) = ask_gdb(80);
		ASSIGN_SIZE(prb_desc) = ask_gdb(24);
	}
	*ret_done = crash_log_ends && ASSIGN_SIZE(printk_info) >= 0 &&
		    ASSIGN_SIZE(printk_ringbuffer) >= 0 && ASSIGN_SIZE(prb_desc) >= 0;
	return strdup(*ret_done ? "[    0.000000] a record\n" :
				  "\nlog: invalid structure size: printk_ringbuffer\n");
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
	ASSIGN_SIZE(printk_ringbuffer) = 80;
	ASSIGN_SIZE(prb_desc) = 24;
	crash_log_ends = true;
	log_hook();
	assert_int_equal(ASSIGN_SIZE(printk_info), 88);
	crash_log_ends = false;
	log_hook();
	assert_int_equal(ASSIGN_SIZE(printk_info), -1);
	fclose(fp);
}

static void make_log(char *ret, size_t size)
{
	fp = fmemopen(ret, size, "w");
	assert_non_null(fp);
	log_hook();
	fclose(fp);
}

/* One interrupted question, of this command or of an earlier one, costs no log. */
static void test_interrupted(void **state)
{
	char output[256];

	(void)state;
	crash_log_ends = true;
	for (interrupted = 1; interrupted <= 3; interrupted++) {
		ASSIGN_SIZE(printk_info) = -1;
		asked = 0;
		make_log(output, sizeof(output));
		assert_string_equal(output, "[    0.000000] a record\n");
	}
	interrupted = 0;
	ASSIGN_SIZE(printk_info) = 88;
	ASSIGN_SIZE(printk_ringbuffer) = -1;
	make_log(output, sizeof(output));
	assert_string_equal(output, "[    0.000000] a record\n");
	/* A log that fails for another reason is not run again and again. */
	crash_log_ends = false;
	runs = 0;
	make_log(output, sizeof(output));
	assert_int_equal(runs, 1);
	make_log(output, sizeof(output));
	assert_int_equal(runs, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_asked_again),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_guest_wrote_it),
	};

	log_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
