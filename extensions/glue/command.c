// SPDX-License-Identifier: GPL-3.0-or-later
// What the commands share: memory that is freed with the command, and the way to crash's output.
#include "crash.h"
#include "glue.h"

#include <jansson.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lakvm/base/jump.h"
#include "lakvm/regs/text.h"
#include "lakvm/render/render.h"

#define COMMAND_MEMORY ((size_t)128 << 20)

/* bt of many tasks would grow a command's memory; each stack has its own. */
#define STACK_MEMORY ((size_t)4 << 20)

static struct {
	struct la_arena *command, *stack;
} here;

struct la_arena *arena_renew(struct la_arena **place, size_t limit)
{
	sigset_t before;

	la_hold(&before);
	la_arena_free(*place);
	*place = limit ? la_arena_new(limit) : NULL;
	la_release(&before);
	return *place;
}

/* JSON that a longjmp leaves half made is freed with the command's arena. */
static void *json_alloc(size_t size)
{
	return here.command ? la_alloc(here.command, size) : NULL;
}

static void json_free(void *unused)
{
	(void)unused;
}

void command_memory_free(void)
{
	arena_renew(&here.command, 0);
}

struct la_arena *command_memory(void)
{
	json_set_alloc_funcs(json_alloc, json_free);
	if (!arena_renew(&here.command, COMMAND_MEMORY))
		error(INFO, "out of memory\n");
	return here.command;
}

struct la_arena *stack_memory(void)
{
	return arena_renew(&here.stack, STACK_MEMORY);
}

void stack_memory_free(void)
{
	arena_renew(&here.stack, 0);
}

void command_close(void)
{
	json_set_alloc_funcs(malloc, free);
	stack_memory_free();
	command_memory_free();
}

bool command_registers(struct la_arena *arena, const char *path, struct la_regs_text *ret)
{
	struct la_error err = { "" };

	if (la_regs_text_read(arena, path, ret, &err) == LA_OK)
		return true;
	error(INFO, "%s\n", err.text);
	return false;
}

const struct la_cpus *command_cpus_with_text(struct la_kernel *kernel, struct la_arena *arena,
					     const char *path)
{
	struct la_cpus *cpus = la_alloc(arena, sizeof(*cpus));
	struct la_error err = { "" };
	struct la_regs_text text;

	if (!cpus || !command_registers(arena, path, &text))
		return NULL;
	if (la_cpus_analyse_text(kernel, arena, text.vcpu, text.n, cpus, &err) != LA_OK) {
		la_fail(&err, LA_NOMEM, "%s",
			path); /* the only failure; the name is made fit to print */
		error(INFO, "%s\n", err.text);
		return NULL;
	}
	la_cpus_add_remark(arena, cpus, text.remark);
	return cpus;
}

static void run(void *command)
{
	(*(cmd_func_t *)command)();
}

char *command_capture(cmd_func_t command, bool *ret_done)
{
	FILE *crash_fp = fp, *stream;
	char *output = NULL;
	size_t size;
	bool done;

	stream = open_memstream(&output, &size);
	if (!stream) {
		error(INFO, "out of memory\n");
		return NULL;
	}
	fp = stream;
	done = guard_run(run, &command);
	fp = crash_fp;
	if (fclose(stream) != 0) { /* there was no room for all of it */
		error(INFO, "out of memory\n");
		free(output);
		return NULL;
	}
	if (ret_done)
		*ret_done = done;
	return output;
}

cmd_func_t command_replace(const char *name, cmd_func_t hook)
{
	struct command_table_entry *entry = pc->cmd_table;
	cmd_func_t before = NULL;

	for (; entry && entry->name; entry++) {
		if (!STREQ(entry->name, name))
			continue;
		before = entry->func;
		REPAIR(name, entry->func, hook);
	}
	return before;
}

unsigned command_columns(void)
{
	struct winsize size;

	if (pc->redirect & (REDIRECT_TO_FILE | REDIRECT_TO_PIPE) ||
	    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		return 0;
	return size.ws_col;
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
