// SPDX-License-Identifier: GPL-3.0-or-later
// The log as text, in the forms of crash's log.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "lakvm/render/render.h"

static void to_text(void *ctx, const char *text)
{
	strncat(ctx, text, 1023 - strlen(ctx));
}

static struct la_record record[] = {
	{ .ts_nsec = UINT64_C(5000123456),
	  .level = 4,
	  .caller_id = 153,
	  .text = "usb 1-1: new\nline\033[2J",
	  .subsystem = "usb",
	  .device = "+usb:1-1" },
	{ .ts_nsec = UINT64_C(123456000000789),
	  .level = 0,
	  .caller_id = 0x80000001,
	  .text = "over",
	  .subsystem = "",
	  .device = "" },
	{ .ts_nsec = 0,
	  .level = 6,
	  .caller_id = UINT32_MAX,
	  .text = "",
	  .subsystem = "",
	  .device = "" },
};

static const char *render(const struct la_log_format *format)
{
	static char out[1024];

	out[0] = '\0';
	la_render_log_text(&(struct la_log){ .record = record, .n = 3 }, format,
			   &(struct la_sink){ to_text, out });
	return out;
}

static void test_uptime(void **state)
{
	const char *text = render(&(struct la_log_format){ 0 });

	(void)state;
	assert_ptr_equal(strstr(text, "[    5.000123] usb 1-1: new\n"), text);
	assert_non_null(strstr(text, "line\\x1b[2J\n[123456.000000] over\n[    0.000000] \n"));
	assert_null(strstr(text, "SUBSYSTEM"));
}

static void test_everything(void **state)
{
	const char *text =
		render(&(struct la_log_format){ .level = true, .caller = 6, .device = true });

	(void)state;
	assert_ptr_equal(strstr(text, "[    5.000123] [  T153] <4>usb 1-1"), text);
	assert_non_null(strstr(text, "SUBSYSTEM=usb\n"));
	assert_non_null(strstr(text, "DEVICE=+usb:1-1\n"));
	assert_non_null(strstr(text, "] [    C1] <0>over\n[    0.000000] <6>\n"));
}

static void test_clock(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	/* 2026-11-24 12:00:00 UTC, checked with date(1) */
	assert_non_null(
		strstr(render(&(struct la_log_format){ .time = LA_LOG_CLOCK, .boot = 1795521600 }),
		       "[Tue Nov 24 12:00:05 UTC 2026] usb"));
	assert_ptr_equal(strstr(render(&(struct la_log_format){ .time = LA_LOG_NO_TIME,
								.level = true }),
				"<4>usb"),
			 render(&(struct la_log_format){ .time = LA_LOG_NO_TIME, .level = true }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uptime),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_clock),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
