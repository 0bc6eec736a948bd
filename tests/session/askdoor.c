// SPDX-License-Identifier: GPL-3.0-or-later
// A second crash extension, for tests, that has lakvm's glue in it: "askdoor FILE" asks the door over
// crash the questions of tests/tools/door_facts.c and appends its answers to FILE.
#include "../../extensions/glue/crash.h"
#include "../../extensions/glue/glue.h"

#include "../tools/door_facts.h"

static void cmd_askdoor(void)
{
	struct la_error err = { "" };
	const struct la_door *door = reader_open(&err) ? door_open(&err) : NULL;
	FILE *file = argcnt > 1 ? fopen(args[1], "a") : NULL;

	if (!file)
		return;
	if (door)
		door_facts(door, file);
	else
		fprintf(file, "broken: %s\n", err.text);
	fclose(file);
}

static struct command_table_entry commands[] = { { "askdoor", cmd_askdoor, NULL, MINIMAL },
						 { NULL } };

void __attribute__((constructor)) askdoor_init(void);
void __attribute__((constructor)) askdoor_init(void)
{
	register_extension(commands);
}

void __attribute__((destructor)) askdoor_fini(void);
void __attribute__((destructor)) askdoor_fini(void)
{
	door_close();
	reader_close();
}
