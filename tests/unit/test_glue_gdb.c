// SPDX-License-Identifier: GPL-3.0-or-later
// Which of gdb's commands look at frames. What gdb takes for which command was asked of the gdb 10.2 in crash
// ("help" and each beginning of each name); that those make frames was seen in that crash, which they ended.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../extensions/glue/gdb_words.c"

typedef bool asked(char *const *word, int n);

/* One line of words, as crash takes it apart. */
static bool ask(asked *question, const char *line)
{
	char copy[64], *word[8];
	int n = 0;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *one = strtok(copy, " "); one && n < 8; one = strtok(NULL, " "))
		word[n++] = one;
	return question(word, n);
}

static void expect(asked *question, const char *const *line, bool expected)
{
	for (; *line; line++)
		if (ask(question, *line) != expected)
			fail_msg("\"%s\"", *line);
}

static void test_frame(void **state)
{
	static const char *const yes[] = { "ba",
					   "backtrace",
					   "bt",
					   "bt 3",
					   "bt/1",
					   "whe",
					   "where 4",
					   "f",
					   "f 1",
					   "fr",
					   "frame",
					   "sel",
					   "select-frame 0",
					   "up",
					   "up 2",
					   "up-",
					   "up-silently",
					   "do",
					   "dow",
					   "down",
					   "down-",
					   "fa p 1",
					   "faas p 1",
					   "adv panic",
					   "info f",
					   "info frame",
					   "i f",
					   "inf fr",
					   "i s",
					   "info stac",
					   "info stack",
					   "info loc",
					   "info locals",
					   "info ar",
					   "info args",
					   NULL };
	static const char *const no[] = { "",
					  "b",
					  "b panic",
					  "w",
					  "wh",
					  "with print pretty on -- p 1",
					  "whatis jiffies",
					  "while",
					  "u",
					  "until",
					  "d",
					  "document",
					  "s",
					  "se",
					  "set",
					  "a",
					  "ad",
					  "t",
					  "tbreak panic",
					  "th",
					  "bts",
					  "btx 1",
					  "frames",
					  "upper",
					  "i",
					  "in f",
					  "info",
					  "info l",
					  "info lo",
					  "info line panic",
					  "info a",
					  "info address panic",
					  "info st",
					  "info sta",
					  "info scope panic",
					  "info symbol panic",
					  "info source",
					  "info registers",
					  "info r",
					  "info all-registers",
					  "info threads",
					  "infox f",
					  "print $pc",
					  "p frame",
					  "ptype struct list_head",
					  "ptype where",
					  "x/i $pc",
					  "list panic",
					  "disassemble panic",
					  NULL };

	(void)state;
	expect(gdb_makes_frame, yes, true);
	expect(gdb_makes_frame, no, false);
}

static void test_thread(void **state)
{
	static const char *const yes[] = { "t 2",    "thr 2",   "thread 2", "thread apply all bt",
					   "taa bt", "taas bt", "tfa bt",   "tfaas bt",
					   NULL };
	static const char *const no[] = { "",       "t",          "thread",       "th 2",
					  "ta 2",   "tf 2",       "tbreak p",     "tfind 1",
					  "bt",     "tui enable", "info threads", "target x",
					  "type x", NULL };

	(void)state;
	expect(gdb_takes_thread, yes, true);
	expect(gdb_takes_thread, no, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frame),
		cmocka_unit_test(test_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
