// SPDX-License-Identifier: GPL-3.0-or-later
// crash says that a read failed ("seek error", "invalid kernel virtual address"), not why. Behind
// its line the commands that read what a person names say the reason.
#include "crash.h"
#include "glue.h"

#define COMMANDS 5

static struct {
	struct {
		char *name;
		cmd_func_t crash;
	} command[COMMANDS];
	char reason[256]; /* of a failed translation; empty: none failed last */
	bool physical;    /* reading pa failed */
	uint64_t pa;
	size_t len;
} here = { .command = { { "rd", NULL },
			{ "struct", NULL },
			{ "union", NULL },
			{ "*", NULL },
			{ "bt", NULL } } };

void read_reason_forget(void)
{
	here.reason[0] = '\0';
	here.physical = false;
}

void read_reason_note(const char *reason)
{
	snprintf(here.reason, sizeof(here.reason), "%s", reason);
	here.physical = false;
}

/* The reason is worked out only when asked for: crash makes many reads that fail. */
void read_reason_note_physical(uint64_t pa, size_t len)
{
	here.physical = true;
	here.pa = pa;
	here.len = len;
}

bool read_reason_physical(uint64_t *ret_pa, size_t *ret_len)
{
	*ret_pa = here.pa;
	*ret_len = here.len;
	return here.physical;
}

static void run(void *command)
{
	(*(cmd_func_t *)command)();
}

static void command_hook(void)
{
	cmd_func_t *crash = NULL;

	for (size_t i = 0; i < COMMANDS; i++)
		if (STREQ(pc->curcmd, here.command[i].name))
			crash = &here.command[i].crash;
	if (!crash || !*crash)
		error(FATAL, "lakvm: not a command of crash\n");
	read_reason_forget();
	/* struct returns as if it had succeeded: gdb has printed the error that crash's reader returned. */
	guard_run(run, crash);
	if (here.physical)
		reader_explain(here.pa, here.reason, sizeof(here.reason));
	if (here.reason[0])
		error(INFO, "%s\n", here.reason);
}

void read_reason_install(void)
{
	for (size_t i = 0; i < COMMANDS; i++)
		here.command[i].crash = command_replace(here.command[i].name, command_hook);
}
