// SPDX-License-Identifier: GPL-3.0-or-later
// crash says that a read failed ("seek error", "invalid kernel virtual address"), not why. Behind
// its line the commands that read what a person names say the reason.
#include "crash.h"
#include "glue.h"

static struct {
	char *name;
	cmd_func_t crash;
} commands[] = { { "rd", NULL }, { "struct", NULL }, { "union", NULL }, { "*", NULL } };

static struct {
	char reason[256]; /* of a failed translation; empty: none failed last */
	bool physical;    /* reading pa failed */
	uint64_t pa;
	size_t len;
} last;

void read_reason_forget(void)
{
	last.reason[0] = '\0';
	last.physical = false;
}

void read_reason_note(const char *reason)
{
	snprintf(last.reason, sizeof(last.reason), "%s", reason);
	last.physical = false;
}

/* The words are looked for only if they are wanted: crash reads in vain all the time. */
void read_reason_note_physical(uint64_t pa, size_t len)
{
	last.physical = true;
	last.pa = pa;
	last.len = len;
}

bool read_reason_physical(uint64_t *ret_pa, size_t *ret_len)
{
	*ret_pa = last.pa;
	*ret_len = last.len;
	return last.physical;
}

static void run(void *command)
{
	(*(cmd_func_t *)command)();
}

static void command_hook(void)
{
	cmd_func_t *crash = NULL;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (STREQ(pc->curcmd, commands[i].name))
			crash = &commands[i].crash;
	if (!crash || !*crash)
		error(FATAL, "lakvm: not a command of crash\n");
	read_reason_forget();
	/* struct returns as if nothing were: gdb has printed the error that crash's reader returned. */
	guard_run(run, crash);
	if (last.physical)
		reader_explain(last.pa, last.reason, sizeof(last.reason));
	if (last.reason[0])
		error(INFO, "%s\n", last.reason);
}

void read_reason_install(void)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		commands[i].crash = command_replace(commands[i].name, command_hook);
}
