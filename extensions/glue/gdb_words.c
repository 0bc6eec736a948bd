// SPDX-License-Identifier: GPL-3.0-or-later
// Which of gdb's commands look at frames. A frame of which it knows no register ends gdb, and crash with it.
#include "gdb_words.h"

#include <stddef.h>
#include <string.h>

/* A name that gdb knows, and the shortest beginning of it that gdb takes for it. */
struct name {
	const char *name;
	size_t shortest;
};

static const struct name of_frame[] = {
	{ "backtrace", 2 },     { "bt", 2 },   { "where", 3 },       { "frame", 1 },
	{ "select-frame", 3 },  { "up", 2 },   { "up-silently", 3 }, { "down", 2 },
	{ "down-silently", 5 }, { "faas", 2 }, { "advance", 3 },     { NULL, 0 }
};

static const struct name of_threads[] = {
	{ "t", 1 }, { "thread", 3 }, { "taas", 3 }, { "tfaas", 3 }, { NULL, 0 }
};

static const struct name info[] = { { "i", 1 }, { "info", 3 }, { NULL, 0 } };

static const struct name info_of_frame[] = { { "frame", 1 },  { "s", 1 },    { "stack", 4 },
					     { "locals", 3 }, { "args", 2 }, { NULL, 0 } };

static bool is_one_of(const struct name *names, const char *word)
{
	/* what stands behind it without a blank is no part of it, as in bt/1 */
	const size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyz-");

	for (; names->name; names++)
		if (n >= names->shortest && !strncmp(names->name, word, n))
			return true;
	return false;
}

bool gdb_makes_frame(char *const *word, int n)
{
	return (n > 0 && is_one_of(of_frame, word[0])) ||
	       (n > 1 && is_one_of(info, word[0]) && is_one_of(info_of_frame, word[1]));
}

bool gdb_takes_thread(char *const *word, int n)
{
	/* alone it only says which one it is */
	return n > 1 && is_one_of(of_threads, word[0]);
}
