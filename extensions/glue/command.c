// SPDX-License-Identifier: GPL-3.0-or-later
// What the commands share: memory that ends with the command, and the way to crash's output.
#include "crash.h"
#include "glue.h"

#include "lakvm/render.h"

#define COMMAND_MEMORY ((size_t)128 << 20)

static struct la_arena *memory;

void command_memory_free(void)
{
	la_arena_free(memory);
	memory = NULL;
}

struct la_arena *command_memory(void)
{
	command_memory_free();
	memory = la_arena_new(COMMAND_MEMORY);
	if (!memory)
		error(INFO, "out of memory\n");
	return memory;
}

static void put(void *ctx, const char *text)
{
	(void)ctx;
	fputs(text, fp); /* fp is crash's: the screen, a pipe or a file */
}

const struct la_sink *command_sink(void)
{
	static const struct la_sink sink = { put, NULL };

	return &sink;
}
