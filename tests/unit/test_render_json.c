// SPDX-License-Identifier: GPL-3.0-or-later
// Rendering as JSON: the keys of docs/json.md in their order, and null for what is unknown.
#include "rendered.h"

static void test_panic_json(void **state)
{
	/* The order of docs/json.md. */
	static const char *const keys[] = {
		"schema", "release",   "kind",      "message", "summary",      "confidence",
		"cpu",    "task",      "pid",       "comm",    "uptime_s",     "cause",
		"frames", "signature", "stuck",     "advice",  "evidence",     "not_checked",
		"waits",  "log_tail",  "cpus",      "fault",   "source",       "module_version",
		"exit",   "taint",     "log_lines", "clock",   "known_issues", NULL
	};
	static const char *const frame_keys[] = {
		"level", "pc",   "symbol",  "offset",           "sp",     "method",  "verified",
		"file",  "line", "inlined", "inlined_left_out", "module", "pt_regs", NULL
	};
	json_t *o, *list, *f;

	(void)state;
	make_full();
	assert_int_equal(la_render_panic_json(&full, &sink), LA_OK);
	o = parsed();
	keys_are(o, keys);
	assert_string_equal(string_at(o, "schema"), "lakvm.panic/1");
	assert_string_equal(string_at(o, "kind"), "panic");
	assert_string_equal(string_at(o, "confidence"), "certain");
	assert_string_equal(string_at(o, "task"), "0x9000000100367380");
	assert_int_equal(json_integer_value(json_object_get(o, "cpu")), 1);
	has("\"uptime_s\":0.435502,");
	f = json_object_get(o, "cause");
	assert_string_equal(string_at(f, "address"), "0xffff800000008064");
	assert_int_equal(json_integer_value(json_object_get(f, "offset")), 88);
	assert_string_equal(string_at(json_object_get(f, "csr"), "prmd"), "0x0");

	f = json_object_get(o, "fault");
	assert_string_equal(string_at(f, "instruction"), "ldx.bu $s2, $t0, $t1");
	assert_string_equal(string_at(json_object_get(f, "operands"), "t0"), "0xffff800000008000");
	assert_true(json_is_null(json_object_get(json_object_get(f, "operands"), "s2")));
	assert_string_equal(string_at(json_object_get(f, "walk"), "reason"), "the entry is empty");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(o, "source"), "line")),
			 512);
	assert_string_equal(string_at(json_object_get(o, "clock"), "date"), "2026-11-27T05:38:12Z");

	list = json_object_get(o, "frames");
	assert_int_equal(json_array_size(list), 3);
	f = json_array_get(list, 0);
	keys_are(f, frame_keys);
	assert_true(json_is_null(json_object_get(f, "pc")));
	assert_true(json_is_null(json_object_get(f, "offset")));
	assert_true(json_is_true(json_object_get(f, "verified")));
	f = json_array_get(list, 2);
	assert_string_equal(string_at(f, "module"), "mod");
	assert_string_equal(string_at(f, "method"), "scan");
	assert_true(json_is_false(json_object_get(f, "verified")));
	f = json_object_get(o, "cpus");
	assert_int_equal(json_integer_value(json_object_get(f, "stopped")), 1);
	assert_int_equal(json_integer_value(json_object_get(f, "panicking")), 1);
	json_decref(o);
}

static void test_unknown_json(void **state)
{
	struct la_panic nothing = { .cpu = -1 };
	static const char *const nulls[] = { "release", "message",  "cpu",   "task",      "pid",
					     "comm",    "uptime_s", "cause", "signature", "cpus" };
	json_t *o;

	(void)state;
	assert_int_equal(la_render_panic_json(&nothing, &sink), LA_OK);
	o = parsed();
	for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++)
		if (!json_is_null(json_object_get(o, nulls[i])))
			fail_msg("%s is not null", nulls[i]);
	assert_int_equal(json_array_size(json_object_get(o, "frames")), 0);
	json_decref(o);
}

static void test_cpus_json(void **state)
{
	static const char *const keys[] = { "cpu",
					    "vcpu",
					    "online",
					    "state",
					    "task",
					    "pid",
					    "comm",
					    "pc",
					    "pc_source",
					    "symbol",
					    "offset",
					    "module",
					    "verified",
					    "before",
					    "lock",
					    "lock_symbol",
					    "lock_owner",
					    "waits_for",
					    "waits_for_all",
					    "pending_calls",
					    "pending_call",
					    "since_ns",
					    "clock_age_ns",
					    "realtime",
					    "watchdog_age_ns",
					    "timer_lag_ns",
					    "timer_late_ns",
					    "preempt_count",
					    "odd",
					    "steal_ns",
					    "preempted",
					    "regs",
					    "csr",
					    "frames",
					    "stop",
					    "stop_reason",
					    "remark",
					    NULL };
	struct la_render_options opt = { .registers = false };
	json_t *o, *c;

	(void)state;
	make_full();
	assert_int_equal(la_render_cpus_json(&cpus, &opt, &sink), LA_OK);
	o = parsed();
	assert_string_equal(string_at(o, "schema"), "lakvm.cpus/1");
	c = json_array_get(json_object_get(o, "cpus"), 0);
	keys_are(c, keys);
	assert_string_equal(string_at(json_object_get(c, "before"), "state"), "user");
	assert_true(json_is_null(json_object_get(c, "task")));
	assert_true(json_is_null(json_object_get(c, "pc")));
	assert_string_equal(string_at(c, "pc_source"), "none");
	assert_true(json_is_false(json_object_get(c, "online")));
	assert_string_equal(string_at(json_object_get(c, "regs"), "ra"), "0x9000000000000001");
	c = json_array_get(json_object_get(o, "cpus"), 1);
	assert_int_equal(json_integer_value(json_object_get(c, "vcpu")), 3);
	assert_int_equal(json_array_size(json_object_get(c, "frames")), 3);
	assert_string_equal(string_at(c, "remark"), "odd");
	json_decref(o);
}

#define TEST(f) cmocka_unit_test_setup(f, start)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_panic_json),
		TEST(test_unknown_json),
		TEST(test_cpus_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
