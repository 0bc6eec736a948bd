// SPDX-License-Identifier: GPL-3.0-or-later
// Rendering: the same results as text and JSON, the unknown as unknown, the hostile as harmless.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <cmocka.h>

#include "lakvm/render/render.h"
#include "render/text.h"
#include "lakvm/base/escape.h"

static char output[1 << 16];

static void put(void *ctx, const char *text)
{
	size_t used = strlen(output), n = strlen(text);

	(void)ctx;
	assert_true(n < sizeof(output) - used);
	memcpy(output + used, text, n + 1);
}

static const struct la_sink sink = { .put = put };

static int start(void **state)
{
	(void)state;
	output[0] = '\0';
	return 0;
}

/* A result with everything in it. */
static struct la_frame frames[3] = {
	{ .sp = 0x9000000100003b30,
	  .symbol = "vpanic",
	  .start = 0x9000000000220a08,
	  .method = LA_FROM_POSITION,
	  .verified = true },
	{ .pc = 0x9000000000eb7fa8,
	  .pc_known = true,
	  .code = 0x9000000000eb7fa8,
	  .sp = 0x9000000100003c00,
	  .symbol = "i8042_flush",
	  .start = 0x9000000000eb7f50,
	  .offset = 0x58,
	  .method = LA_FROM_EXCEPTION,
	  .pc_exact = true,
	  .verified = true },
	{ .pc = 0xffff800002000010,
	  .pc_known = true,
	  .code = 0xffff80000200000c,
	  .sp = 0x9000000100003d00,
	  .symbol = "mod_init",
	  .start = 0xffff800002000000,
	  .offset = 0x10,
	  .module = "mod",
	  .method = LA_FROM_SCAN },
};

static struct la_cpu two_cpus[2];
static struct la_cpus cpus;
static struct la_panic full;

static void make_detail(struct la_detail *d)
{
	static const char *const taint[] = { "D: an oops or BUG() happened before" };
	static const char *const log[] = { "[    0.435000] what came before" };

	*d = (struct la_detail){
		.insn_known = true,
		.operand = { { .reg = 12, .known = true, .value = 0xffff800000008000 },
			     { .reg = 13 },
			     { .reg = 25 } },
		.noperands = 3,
		.address_class = "in the range of modules and vmalloc",
		.walked = true,
		.walk = { .status = LA_UNMAPPED, .reason = "the entry is empty" },
		.file = "drivers/input/i8042.c",
		.line = 512,
		.taint = taint,
		.ntaint = 1,
		.log = log,
		.nlog = 1,
		.clock_known = true,
		.clock = { .date = 1795757892, .uptime_ns = 1500000000 }
	};
	la_insn_words(0x38203599, &d->insn);
	d->walk.translation = (struct la_translation){ .window = -1, .nsteps = 1 };
	d->walk.translation.step[0] = (struct la_walk_step){ .entry_pa = 0x1230 };
	la_geometry_init(&d->walk.geometry, 14, 3, NULL);
}

static void make_full(void)
{
	static const struct la_fact facts[] = { { "CPU 1 is in panic()", "panic_cpu" } };
	static const struct la_unchecked unchecked[] = { { "oops", "log: it is empty" },
							 { "vcpu", "registers: there are none" },
							 { "running", "log: it is empty" } };
	static const char *const stuck[] = { "CPU 0 waits for CPU 1" };
	static const char *const advice[] = { "lamem 0xffff800000008064", "dis i8042_flush" };
	static const char *const tail[] = { "[    0.435502] Kernel panic - not syncing: x" };

	memset(two_cpus, 0, sizeof(two_cpus));
	two_cpus[0] = (struct la_cpu){ .cpu = 0,
				       .matched = true,
				       .vcpu = 0,
				       .online_known = true,
				       .state = LA_CPU_STOPPED,
				       .before = LA_CPU_USER,
				       .waits_for = -1 };
	two_cpus[0].regs.source = LA_REGS_NOTE;
	la_gpr_set(&two_cpus[0].regs, LA_R_RA, 0x9000000000000001);
	two_cpus[1] = (struct la_cpu){ .cpu = 1,
				       .matched = true,
				       .vcpu = 3,
				       .online = true,
				       .online_known = true,
				       .state = LA_CPU_PANICKING,
				       .pc_source = LA_PC_RECOVERED,
				       .pc = 0x9000000000220a10,
				       .symbol = "vpanic",
				       .offset = 8,
				       .verified = true,
				       .waits_for = -1,
				       .remark = "odd" };
	two_cpus[1].task = (struct la_task){
		.address = 0x9000000100367380, .pid_known = true, .pid = 1, .comm = "swapper/0"
	};
	two_cpus[1].stack = (struct la_stack){
		.frame = frames, .n = 3, .stop = LA_STOP_NO_RULE, .reason = "no rule"
	};
	cpus = (struct la_cpus){ .cpu = two_cpus, .n = 2 };

	full = (struct la_panic){ .release = "7.2.12+deb14-loong64",
				  .verdict = LA_VERDICT_PANIC,
				  .confidence = LA_CERTAIN,
				  .message = "Attempted to kill init! exitcode=0x0000000b",
				  .summary = "i8042_flush read a port that is not there",
				  .advice = advice,
				  .nadvice = 2,
				  .stuck = stuck,
				  .nstuck = 1,
				  .cpu = 1,
				  .task = two_cpus[1].task,
				  .uptime_known = true,
				  .uptime_s = 0.435502,
				  .stack = &two_cpus[1].stack,
				  .signature = "lakvm-1 panic",
				  .hash = "0123456789abcdef",
				  .fact = facts,
				  .nfacts = 1,
				  .unchecked = unchecked,
				  .nunchecked = 3,
				  .log_tail = tail,
				  .nlog_tail = 1,
				  .cpus = &cpus };
	full.cause = (struct la_cause){ .kind = "page-fault",
					.address_known = true,
					.address = 0xffff800000008064,
					.pc_known = true,
					.pc = 0x9000000000eb7fa8,
					.symbol = "i8042_flush",
					.offset = 88,
					.regs_known = true };
	la_csr_set(&full.cause.regs, LA_CSR_BADV, 0xffff800000008064);
	la_csr_set(&full.cause.regs, LA_CSR_PRMD, 0);
	full.cause.code[LA_CODE_BEFORE] = 0x38203599;
	full.cause.code_known = 1u << LA_CODE_BEFORE;
	make_detail(&full.detail);
}

static void has(const char *part)
{
	if (!strstr(output, part))
		fail_msg("not there: %s\n%s", part, output);
}

static void test_panic_text(void **state)
{
	(void)state;
	make_full();
	la_render_panic_text(&full, false, &sink);
	/* The first lines are what goes into a ticket. */
	assert_ptr_equal(strstr(output,
				"    VERDICT: panic (certain): Attempted to kill init! "
				"exitcode=0x0000000b\n"
				"      CAUSE: i8042_flush read a port that is not there\n"
				"      WHERE: i8042_flush+0x58  drivers/input/i8042.c: 512\n"
				"        WHO: \"swapper/0\" (PID 1) on CPU 1\n"
				"       WHEN: 0.435502 s after boot; guest's clock "
				"1.500 s (2026-11-27T05:38:12Z)\n"
				"     KERNEL: 7.2.12+deb14-loong64\n"
				"      STUCK: CPU 0 waits for CPU 1\n"
				"       NEXT: lamem 0xffff800000008064\n"
				"             dis i8042_flush\n"
				"  SIGNATURE: 0123456789abcdef lakvm-1 panic\n"),
			 output);
	has("\nFAULT:\n         PC: 9000000000eb7fa8\n"
	    "INSTRUCTION: ldx.bu $s2, $t0, $t1   $t0=ffff800000008000 $t1=? $s2=?\n"
	    "       CODE: <38203599> \n"
	    "    ADDRESS: ffff800000008064  in the range of modules and vmalloc\n"
	    "        PTE: 0000000000000000 at 1230\n"
	    "   UNMAPPED: the entry is empty\n");
	has("\nSTACK OF CPU 1:\n");
	has(" #0 [9000000100003b30] vpanic+?\n");
	has(" #1 [9000000100003c00] i8042_flush+0x58 at 9000000000eb7fa8\n");
	has(" #2 [9000000100003d00] mod_init+0x10 [mod] at ffff800002000010  ?scan\n");
	has("    (stack ends: no rule)\n");
	has("     BADV: ffff800000008064\n");
	has("     PRMD: 0000000000000000");
	has("\nOTHER CPUS:\n");
	has("   0    0  stopped");
	has("(before: user)");
	has("\nIN THE LOG:\n[    0.435000] what came before\n");
	has("\nTAINTED:\n  D: an oops or BUG() happened before\n");
	has("  panic_cpu: CPU 1 is in panic()\n");
	has("  oops, running: log: it is empty\n  vcpu: registers: there are none\n");
	assert_null(strstr(output, "END OF THE LOG"));
	assert_null(strstr(output, "ALL CPUS"));

	output[0] = '\0';
	la_render_panic_text(&full, true, &sink);
	has("\nEND OF THE LOG:\n[    0.435502] Kernel panic - not syncing: x\n");
	has("\nALL CPUS:\n");
	has("   ra: 9000000000000001");
}

/* Cut to the screen, whatever a guest says, and never within a character; and no more than 12 lines. */
static void test_first_screen(void **state)
{
	static const char *const many[] = { "one", "two", "three", "four", "five" };
	static const struct la_known one = { "one", "a bug\n of theirs", "update", "there", { 0 } },
				     two = { .name = "two", .what = "b" };
	static const struct la_known *const known[] = { &one, &two };
	char message[1200];
	size_t lines = 0;

	(void)state;
	make_full();
	for (size_t i = 0; i + 3 < sizeof(message); i += 3)
		memcpy(message + i, "\xe4\xb8\xad", 4); /* a wide character */
	full.message = message;
	full.summary =
		"a cause of many words, a cause of many words, a cause of many words, a cause of "
		"many words, a cause of many words, a cause of many words, a cause of many words, "
		"a cause of many words, a cause of many words, a cause of many words";
	full.known = known;
	full.nknown = 2;
	full.stuck = full.advice = many;
	full.nstuck = full.nadvice = 5;
	la_render_panic_text(&full, false, &sink);
	has("VERDICT: panic (certain): \xe4\xb8\xad");
	has("\xe4\xb8\xad...\n");
	has("      STUCK: (1 of 5) one\n");
	has(" LOOKS LIKE: (1 of 2) a bug\\x0a of theirs\n");
	has("\nKNOWN ISSUES LIKE IT:\n  one: a bug\\x0a of theirs\n    cure: update\n    see: there\n  two: b\n");
	has("       NEXT: one\n             two\n");
	assert_null(strstr(output, "             four\n")); /* there is no room */
	has("      CAUSE: a cause of many words, a cause");
	has(", a cause of many\n             words, a cause");
	has("...\n      WHERE: ");
	has("\nSTUCK BECAUSE OF IT:\n  one\n  two\n  three\n  four\n  five\n");
	has("\nWHAT TO DO NEXT:\n  one\n");
	for (const char *at = output, *end; (end = strchr(at, '\n')) && end != at; at = end + 1) {
		size_t columns = 0;

		for (const char *c = at; c < end; c++)
			columns += ((unsigned char)*c & 0xc0) != 0x80 ? 1 : 0; /* characters */
		for (const char *c = at; c < end; c++)
			columns += (unsigned char)*c == 0xe4; /* that are wide */
		assert_true(columns <= 100);
		lines++;
	}
	assert_true(lines >= 10 && lines <= 12);
}

/* Two in a circle with one behind them, a lock that nobody holds, and no room for all. */
static void test_waits(void **state)
{
	static const struct la_queued queue[] = { { 3, 0 }, { 2, 0 } };
	static struct la_thing things[] = {
		{ .kind = LA_THING_MUTEX,
		  .address = 0xffff800012000000,
		  .symbol = "a_mutex",
		  .how = LA_HOW_OWNER,
		  .holder = 1,
		  .nwaiters = 2 },
		{ .kind = LA_THING_MUTEX, .how = LA_HOW_OWNER, .holder = 0, .nwaiters = 1 },
		{ .kind = LA_THING_SPINLOCK,
		  .address = 0x9000000001000000,
		  .word_known = true,
		  .word = 0xc0101,
		  .queue = queue,
		  .nqueue = 2,
		  .how = LA_HOW_NOBODY,
		  .holder = LA_NO_NODE,
		  .nwaiters = 1 },
		{ .kind = LA_THING_ANSWER, .how = LA_HOW_ROLE, .holder = 5, .nwaiters = 1 },
	};
	static struct la_wait_node nodes[] = {
		{ .cpu = -1,
		  .on = 0,
		  .state = 'D',
		  .since_known = true,
		  .since_ns = 1500000000,
		  .function = "f",
		  .cycle = 1,
		  .task = { .pid_known = true, .pid = 7, .comm = "one\n" } },
		{ .cpu = -1, .on = 1, .state = 'D', .cycle = 1, .task = { .comm = "two" } },
		{ .cpu = -1, .on = 0, .state = 'D', .task = { .comm = "behind" } },
		{ .cpu = 3, .on = 2, .state = 'R' },
		{ .cpu = 1, .on = 3, .state = 'R', .task = { .comm = "asks" } },
		{ .cpu = 2, .on = LA_NO_NODE, .state = 'R', .behind = 1 },
	};
	struct la_waits w = {
		.node = nodes, .n = 6, .thing = things, .nthings = 4, .ncycles = 1, .remark = "odd"
	};

	(void)state;
	make_full();
	full.waits = &w;
	la_render_panic_text(&full, false, &sink);
	has("\nWHO WAITS FOR WHOM:\n  in a circle:\n"
	    "    \"one\\x0a\" (PID 7) D for 1.500 s in f waits for mutex ffff800012000000 (a_mutex+0x0) (by owner)\n"
	    "    \"two\" D waits for mutex (by owner)\n"
	    "      \"behind\" D waits for mutex ffff800012000000 (a_mutex+0x0) (by owner)\n"
	    "  CPU 2 (unknown task) R: 1 behind it\n"
	    "    CPU 1 \"asks\" R waits for answer (by role)\n"
	    "  spinlock 9000000001000000, word 000c0101, queue: CPU 3, 2: nobody can hold it\n"
	    "    CPU 3 (unknown task) R waits for it\n"
	    "  note: odd\n");
	output[0] = '\0';
	la_put_waits(&w, 2, &sink);
	has("  in a circle:\n    \"one\\x0a\"");
	has("\n  (");
	assert_null(strstr(output, "CPU 3"));
}

static void test_panic_line(void **state)
{
	(void)state;
	make_full();
	full.cause.module = "mod";
	full.detail.module_version = "1.2";
	full.message = "with\na newline";
	la_render_panic_line(&full, &sink);
	assert_string_equal(output,
			    "panic (certain): with\\x0aa newline; i8042_flush read a port that "
			    "is not there; in i8042_flush+0x58 [mod 1.2]  "
			    "drivers/input/i8042.c: 512; 0123456789abcdef\n");
	output[0] = '\0';
	full.summary = NULL;
	full.cause.caller = "atkbd_init";
	full.cause.caller_offset = 8;
	la_render_panic_line(&full, &sink);
	has("; page-fault at address ffff800000008064, in the range of modules and vmalloc; in ");
	has(", called from atkbd_init+0x8 [mod 1.2]  drivers");
}

static void test_unknown_text(void **state)
{
	struct la_panic nothing = { .cpu = -1 };

	(void)state;
	la_render_panic_text(&nothing, false, &sink);
	assert_string_equal(output, "    VERDICT: unknown (unknown)\n"
				    "        WHO: unknown task\n"
				    "       WHEN: unknown\n");
	output[0] = '\0';
	la_render_panic_line(&nothing, &sink);
	assert_string_equal(output, "unknown (unknown)\n");
}

static void test_cpus_text(void **state)
{
	static const unsigned only[] = { 1 };
	struct la_render_options opt = { .registers = false };

	(void)state;
	make_full();
	la_render_cpus_text(&cpus, &opt, &sink);
	has("   1    3  panicking           1  swapper/0        recovered    vpanic+0x8\n");
	has("note: odd\n");
	assert_null(strstr(output, "#1"));

	output[0] = '\0';
	opt = (struct la_render_options){
		.registers = true, .stacks = true, .only = only, .nonly = 1
	};
	la_render_cpus_text(&cpus, &opt, &sink);
	assert_null(strstr(output, "stopped"));
	has(" #1 [9000000100003c00] i8042_flush+0x58");
}

/* CPUs that stand alike share a stack; a state, a frame or a number of its own keeps one apart. */
static void test_equal_stacks(void **state)
{
	static struct la_frame other[3];
	static struct la_cpu many[9];
	static const struct la_cpus all = { .cpu = many, .n = 9 };
	static const unsigned only[] = { 2, 7 };
	struct la_render_options opt = { .stacks = true };

	(void)state;
	memcpy(other, frames, sizeof(other));
	for (unsigned i = 0; i < 9; i++) {
		many[i] = (struct la_cpu){
			.cpu = i,
			.matched = i < 8,
			.vcpu = (int)i,
			.state = i == 4 ? LA_CPU_IDLE : LA_CPU_STOPPED,
			.waits_for = -1,
			.stack = { .frame = i == 5 ? other : frames, .n = 3, .stop = LA_STOP_END }
		};
	}
	for (unsigned i = 0; i < 3; i++)
		other[i].sp += 0x4000; /* the same but for its place */
	la_render_cpus_text(&all, &opt, &sink);
	has("\nSTACK OF CPUS 0-3,5-7 (stopped):\n #0 vpanic+?\n #1 i8042_flush+0x58 at 9000000000eb7fa8\n");
	has("\nSTACK OF CPU 4 (idle):\n #0 [9000000100003b30] vpanic+?\n");
	has("\nSTACK OF CPU - (VCPU 8) (stopped):\n #0 [");

	output[0] = '\0';
	other[1].offset += 4;
	la_render_cpus_text(&all, &opt, &sink);
	has("\nSTACK OF CPUS 0-3,6-7 (stopped):\n");
	has("\nSTACK OF CPU 5 (stopped):\n #0 [");

	output[0] = '\0';
	opt.only = only;
	opt.nonly = 2;
	la_render_cpus_text(&all, &opt, &sink);
	has("\nSTACK OF CPUS 2,7 (stopped):\n");
	assert_null(strstr(output, "idle"));
}

/* --- JSON --- */

static json_t *parsed(void)
{
	json_error_t error;
	json_t *o;

	assert_ptr_equal(strchr(output, '\n'), output + strlen(output) - 1);
	o = json_loads(output, JSON_REJECT_DUPLICATES, &error);
	if (!o)
		fail_msg("%s: %s", error.text, output);
	return o;
}

static void keys_are(json_t *o, const char *const *names)
{
	const char *key;
	json_t *value;

	json_object_foreach (o, key, value) {
		assert_non_null(*names);
		assert_string_equal(key, *names++);
	}
	assert_null(*names);
}

static const char *string_at(json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

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

/* --- hostile text --- */

static const char *const hostile[] = {
	"\x1b[2J\x07 clear",
	"line\nVERDICT: all is well",
	"quote\" back\\slash",
	"\xff\xfe\x80 bytes",
	"\xc0\xaf overlong, \xed\xa0\x80 surrogate, \xf4\x90\x80\x80 too high",
	"\xc2\x9b"
	"31m C1",
	"cut \xe4\xb8",
	"good \xe4\xb8\xad\xe6\x96\x87 \xf0\x9f\x90\xa7",
	"\x7f\r\b\t",
};

static void test_hostile_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		output[0] = '\0';
		make_full();
		full.message = hostile[i];
		full.summary = hostile[i];
		full.log_tail = full.stuck = full.advice = &hostile[i];
		full.nadvice = 1;
		snprintf(full.task.comm, sizeof(full.task.comm), "%s", hostile[i]);
		snprintf(two_cpus[0].task.comm, sizeof(two_cpus[0].task.comm), "%s", hostile[i]);
		la_render_panic_text(&full, false, &sink);
		for (const unsigned char *p = (unsigned char *)output; *p; p++)
			assert_true((*p >= 0x20 && *p != 0x7f) || *p == '\n' || *p == '\t');
		for (const char *p = output; *p;) {
			size_t n = la_utf8_length(p);

			assert_true(n > 0);
			assert_false(n == 2 && (unsigned char)p[0] == 0xc2 &&
				     (unsigned char)p[1] < 0xa0);
			p += n;
		}
		assert_null(strstr(output, "\n    VERDICT: all"));
		if (i == 1) { /* a name with a newline in it still takes one line */
			has("\"line\\x0aVERDICT: al\"");
			has("stopped             -  line\\x0aVERDICT: ");
		}
	}
	/* What is fit to print stays as it is. */
	output[0] = '\0';
	make_full();
	full.message = hostile[7];
	la_render_panic_text(&full, false, &sink);
	has(hostile[7]);
}

static void test_hostile_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		json_t *o;

		output[0] = '\0';
		make_full();
		full.message = hostile[i];
		full.summary = hostile[i];
		full.log_tail = full.stuck = full.advice = &hostile[i];
		full.nadvice = 1;
		snprintf(full.task.comm, sizeof(full.task.comm), "%s", hostile[i]);
		assert_int_equal(la_render_panic_json(&full, &sink), LA_OK);
		o = parsed();
		assert_true(json_is_string(json_object_get(o, "message")));
		if (i == 2 || i == 7)
			assert_string_equal(string_at(o, "message"), hostile[i]);
		json_decref(o);
	}
	output[0] = '\0';
	make_full();
	full.message = "a\xff";
	la_render_panic_json(&full, &sink);
	has("\"message\":\"a\xef\xbf\xbd\"");
}

/* What a reader does not see but obeys: DEL, C1, directions, separators, marks of no width, tags. */
static const struct {
	const char *text, *shown, *json;
} unseen[] = {
	{ "\x7f", "\\x7f", "\\u007f" },
	{ "\xc2\x9b", "\\xc2\\x9b", "\\u009b" },
	{ "\xe2\x80\x8b", "\\u200b", "\\u200b" },
	{ "\xe2\x80\x8e", "\\u200e", "\\u200e" },
	{ "\xe2\x80\xa8", "\\u2028", "\\u2028" },
	{ "\xe2\x80\xae", "\\u202e", "\\u202e" },
	{ "\xe2\x81\xa6", "\\u2066", "\\u2066" },
	{ "\xe2\x81\xa9", "\\u2069", "\\u2069" },
	{ "\xef\xbb\xbf", "\\ufeff", "\\ufeff" },
	{ "\xf3\xa0\x80\x81", "\\U000e0001", "\\udb40\\udc01" },
};

static void test_unseen(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++) {
		char message[64], expected[64];
		json_t *o;

		output[0] = '\0';
		make_full();
		snprintf(message, sizeof(message), "a%s\xe4\xb8\xad", unseen[i].text);
		full.message = message;
		la_render_panic_text(&full, false, &sink);
		snprintf(expected, sizeof(expected), ": a%s\xe4\xb8\xad\n", unseen[i].shown);
		has(expected);

		output[0] = '\0';
		assert_int_equal(la_render_panic_json(&full, &sink), LA_OK);
		snprintf(expected, sizeof(expected), ":\"a%s\xe4\xb8\xad\",", unseen[i].json);
		has(expected);
		assert_null(strstr(output, unseen[i].text));
		o = parsed();
		assert_string_equal(string_at(o, "message"), message);
		json_decref(o);
	}
}

/* Long text goes through JSON's printer in pieces; no character is lost or divided between them. */
static void test_long_json(void **state)
{
	char *message = calloc(1, 24000);
	json_t *o;

	(void)state;
	for (int shift = 0; shift < 3; shift++) {
		memset(message, 'x', (size_t)shift);
		message[shift] = '\0';
		for (int i = 0; i < 3000; i++)
			strcat(message, i % 7 ? "\xe4\xb8\xad" : "\xe2\x80\xae");
		output[0] = '\0';
		make_full();
		full.message = message;
		assert_int_equal(la_render_panic_json(&full, &sink), LA_OK);
		o = parsed();
		assert_string_equal(string_at(o, "message"), message);
		json_decref(o);
	}
	free(message);
}

static void test_escape_in_small_pieces(void **state)
{
	char small[32], all[256] = "";
	const char *s = "abc\x01\xff \xe4\xb8\xad\xc2\x85 and a longer tail of plain text\n";

	(void)state;
	while (*s) {
		const char *next = la_text_escape(s, true, small, sizeof(small));

		assert_true(next > s);
		assert_true(strlen(small) < sizeof(small));
		strcat(all, small);
		s = next;
	}
	assert_string_equal(all, "abc\\x01\\xff \xe4\xb8\xad\\xc2\\x85 and a longer tail of plain "
				 "text\n             ");
}

/* Also what is in a name that a kernel or its file has, such as a symbol's. */
static void test_names_unseen(void **state)
{
	(void)state;
	la_puts(&sink, "a\x1b[31m\tb\n\xc2\x9b\xe4\xb8\xad\xff\n");
	la_put(&sink, "#%u %s\n", 1,
	       "\xe2\x80\xae"
	       "evil\x7f");
	assert_string_equal(output, "a\\x1b[31m\tb\n\\xc2\\x9b\xe4\xb8\xad\\xff\n"
				    "#1 \\u202eevil\\x7f\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, start)
		TEST(test_panic_text),
		TEST(test_unknown_text),
		TEST(test_first_screen),
		TEST(test_panic_line),
		TEST(test_waits),
		TEST(test_cpus_text),
		TEST(test_equal_stacks),
		TEST(test_panic_json),
		TEST(test_unknown_json),
		TEST(test_cpus_json),
		TEST(test_hostile_text),
		TEST(test_hostile_json),
		TEST(test_escape_in_small_pieces),
		TEST(test_unseen),
		TEST(test_names_unseen),
		TEST(test_long_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
