// SPDX-License-Identifier: GPL-3.0-or-later
// ladump's result where only saved register text is there: the seed case's, before any dump.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "lakvm/regs/text.h"
#include "lakvm/render/report.h"

static const char head[] =
	"CPU#0\n PC=900000000159e420  FCSR0 0x00000000\n"
	" GPR00: r0 0000000000000000 r1 900000000159f604 r2 90000000022f8000 r3 90000000022fbb30\n"
	" GPR04: r4 00000000000003e8 r5 90000000016fc750 r6 90000000022fbaef r7 900000000348a0c8\n";
static const char early[] =
	" GPR20: r20 000000000000002d r21 0000000000000000 r22 0000000000000800 r23 9000000003483db0\n";
static const char later[] =
	" GPR20: r20 000000000000002d r21 0000000168bf0000 r22 0000000000000800 r23 9000000003483db0\n";
static const char brk[] = "CRMD=00000000000000b4\nPRMD=0000000000000000\nESTAT=00000000000c0000\n"
			  "ERA=90000000015fb78c\nBADV=0000000000000000\nBADI=00000000002a0001\n"
			  "EENTRY=9000000003460000\n";

struct test {
	struct la_arena *arena;
	struct la_report report;
	char out[16384];
};

static int start(void **state)
{
	struct test *t = calloc(1, sizeof(*t));

	t->arena = la_arena_new(16 << 20);
	*state = t;
	return 0;
}

static int finish(void **state)
{
	struct test *t = *state;

	la_report_close(&t->report);
	la_arena_free(t->arena);
	free(t);
	return 0;
}

static void make_with(struct test *t, const char *base, const char *csrs, const char *words)
{
	struct la_report_options opt = { 0 };
	struct la_regs_text regs;
	char text[2048];

	snprintf(text, sizeof(text), "%s%s%s", head, base, csrs);
	assert_int_equal(la_regs_text(t->arena, text, strlen(text), &regs, NULL), LA_OK);
	opt.text = regs.vcpu;
	opt.ntext = regs.n;
	assert_int_equal(la_overrides_parse(words, &opt.said, NULL), LA_OK);
	assert_int_equal(la_report_make(NULL, NULL, &opt, t->arena, &t->report, NULL), LA_OK);
}

static void make(struct test *t, const char *base, const char *csrs)
{
	make_with(t, base, csrs, "");
}

static void to_out(void *ctx, const char *text)
{
	struct test *t = ctx;
	size_t n = strlen(t->out);

	snprintf(t->out + n, sizeof(t->out) - n, "%s", text);
}

static void test_seed(void **state)
{
	struct test *t = *state;
	const struct la_sink sink = { to_out, t };
	const struct la_render_options show = { .registers = true };

	make(t, early, brk);
	assert_int_equal(t->report.cpus.n, 1);
	assert_true(t->report.cpus.cpu[0].pc == UINT64_C(0x900000000159e420));
	assert_int_equal(t->report.nnotes, 1);
	assert_non_null(strstr(t->report.note[0], "break 1: BUG"));
	assert_non_null(strstr(t->report.note[0], " at 90000000015fb78c"));
	assert_non_null(strstr(t->report.note[0], "before per-CPU areas existed"));
	la_render_report_text(&t->report, &show, &sink);
	assert_non_null(strstr(t->out, "900000000159e420"));
	assert_non_null(strstr(t->out, t->report.note[0]));
	/* nothing of a dump that is not there */
	assert_null(strstr(t->out, "FORMAT"));
	assert_null(strstr(t->out, "KERNEL"));
}

static void test_later(void **state)
{
	struct test *t = *state;

	make(t, later, brk);
	assert_int_equal(t->report.nnotes, 1);
	assert_null(strstr(t->report.note[0], "per-CPU"));
}

static void test_no_exception(void **state)
{
	struct test *t = *state;

	/* an interrupt; then a break in user mode; then no CSRs at all */
	make(t, later, "CRMD=b4\nPRMD=4\nESTAT=0000000000000800\nERA=90000000015fb78c\n");
	assert_int_equal(t->report.nnotes, 0);
	la_report_close(&t->report);
	make(t, later, "CRMD=b4\nPRMD=7\nESTAT=00000000000c0000\nERA=0000000120001234\n");
	assert_int_equal(t->report.nnotes, 0);
	la_report_close(&t->report);
	make(t, later, "");
	assert_int_equal(t->report.nnotes, 0);
}

static void test_json(void **state)
{
	struct test *t = *state;
	const struct la_sink sink = { to_out, t };
	const struct la_render_options show = { 0 };
	json_t *o, *cpu, *layout;

	make(t, early, brk);
	assert_int_equal(la_render_report_json(&t->report, &show, false, &sink), LA_OK);
	o = json_loads(t->out, 0, NULL);
	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "schema")), "lakvm.dump/1");
	for (const char *const *key =
		     (const char *const[]){ "dump", "release", "build_id", "banner", "page_size",
					    "vmcoreinfo", "relocation", "cpus_remark", "log",
					    "log_lost", "log_remark", NULL };
	     *key; key++)
		assert_true(json_is_null(json_object_get(o, *key)));
	layout = json_object_get(o, "layout");
	for (const char *const *key = (const char *const[]){ "levels", "remark", "sections", NULL };
	     *key; key++)
		assert_true(json_is_null(json_object_get(layout, *key)));
	assert_int_equal(json_array_size(json_object_get(layout, "known_by")), 0);
	cpu = json_array_get(json_object_get(o, "cpus"), 0);
	assert_string_equal(json_string_value(json_object_get(cpu, "pc")), "0x900000000159e420");
	assert_true(json_is_null(json_object_get(cpu, "cpu")));
	assert_int_equal(json_array_size(json_object_get(o, "notes")), 1);
	json_decref(o);
}

static void test_options(void **state)
{
	struct test *t = *state;
	const struct la_sink sink = { to_out, t };
	json_t *o, *layout;

	make_with(t, early, brk, "page_size=64k,levels=2");
	assert_int_equal(la_render_report_json(&t->report, &(struct la_render_options){ 0 }, false,
					       &sink),
			 LA_OK);
	o = json_loads(t->out, 0, NULL);
	assert_non_null(o);
	assert_int_equal(json_integer_value(json_object_get(o, "page_size")), 65536);
	layout = json_object_get(o, "layout");
	/* nothing else tells anything, and without tables (swapper_pg_dir) there is no walk */
	assert_string_equal(json_string_value(
				    json_array_get(json_object_get(layout, "known_by"), 0)),
			    "an option");
	assert_true(json_is_null(json_object_get(layout, "remark")));
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, start, finish)
		T(test_seed), T(test_later), T(test_no_exception), T(test_json), T(test_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
