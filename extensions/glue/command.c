// SPDX-License-Identifier: GPL-3.0-or-later
// What the commands share: memory that ends with the command, and the way to crash's output.
#include "crash.h"
#include "glue.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "lakvm/regs/text.h"
#include "lakvm/render/render.h"

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
		error(INFO, "%s: %s\n", path, err.text);
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
	fclose(stream);
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
