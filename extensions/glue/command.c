// SPDX-License-Identifier: GPL-3.0-or-later
// What the commands share: memory that ends with the command, and the way to crash's output.
#include "crash.h"
#include "glue.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lakvm/regs_text.h"
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

/* 256 vCPUs with all their registers make half a megabyte of text. */
#define MAX_TEXT ((size_t)16 << 20)

static char *read_file(struct la_arena *arena, const char *path, size_t *ret_size)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	struct stat status;

	if (!file) {
		error(INFO, "%s: %s\n", path, strerror(errno));
		return NULL;
	}
	if (fstat(fileno(file), &status) || !S_ISREG(status.st_mode))
		error(INFO, "%s: not a file\n", path);
	else if ((size_t)status.st_size > MAX_TEXT)
		error(INFO, "%s: too large for a register text\n", path);
	else if (!(text = la_alloc(arena, (size_t)status.st_size + 1)))
		error(INFO, "out of memory\n");
	else
		*ret_size = fread(text, 1, (size_t)status.st_size, file);
	fclose(file);
	return text;
}

bool command_registers(struct la_arena *arena, const char *path, struct la_note_regs **ret, size_t *n)
{
	struct la_error err = { "" };
	size_t size;
	char *text = read_file(arena, path, &size);

	if (text && la_regs_text(arena, text, size, ret, n, &err) == LA_OK)
		return true;
	if (text)
		error(INFO, "%s: %s\n", path, err.text);
	return false;
}

const struct la_cpus *command_cpus_with_text(struct la_kernel *kernel, struct la_arena *arena,
					     const char *path)
{
	struct la_cpus *cpus = la_alloc(arena, sizeof(*cpus));
	struct la_error err = { "" };
	struct la_note_regs *regs;
	size_t n;

	if (!cpus || !command_registers(arena, path, &regs, &n))
		return NULL;
	if (la_cpus_analyse_text(kernel, arena, regs, n, cpus, &err) != LA_OK) {
		error(INFO, "%s: %s\n", path, err.text);
		return NULL;
	}
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
