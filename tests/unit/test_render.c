// SPDX-License-Identifier: GPL-3.0-or-later
// Rendering: the same results as text and JSON, the unknown as unknown, the hostile as harmless.
#include "rendered.h"

#include "render/text.h"

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

	/* Where nothing else takes them, the cause has the lines that are left. */
	output[0] = '\0';
	full.nstuck = full.nadvice = full.nknown = 0;
	full.release = full.signature = NULL;
	la_render_panic_text(&full, false, &sink);
	has("a cause of many words\n      WHERE: ");
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

#define TEST(f) cmocka_unit_test_setup(f, start)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_panic_text),   TEST(test_unknown_text),
		TEST(test_first_screen), TEST(test_panic_line),
		TEST(test_waits),        TEST(test_cpus_text),
		TEST(test_equal_stacks), TEST(test_hostile_text),
		TEST(test_hostile_json), TEST(test_escape_in_small_pieces),
		TEST(test_unseen),       TEST(test_names_unseen),
		TEST(test_long_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
