// SPDX-License-Identifier: GPL-3.0-or-later
// lapanic: why the guest died or hung.
#include "crash.h"
#include "glue.h"

#include "lakvm/triage/panic.h"
#include "lakvm/render/render.h"

char *help_lapanic[] = {
	"lapanic",
	"why a LoongArch64 guest died or hung",
	"[-j] [-r FILE]",
	"  Tells from the dump why the guest's kernel panicked: the message, the task and",
	"  CPU, the exception that led to it with its registers, the stack, what the other",
	"  CPUs did, and the end of the kernel's log. Everything that was seen is listed",
	"  with its source; what could not be found is said to be unknown.",
	" ",
	"    -j       one JSON object instead (schema lakvm.panic/1).",
	"    -r FILE  use the text of QEMU's \"info registers -a\" of the same moment: it",
	"             has the program counters, which the dump lacks.",
	" ",
	"  The command also works in a minimal session, as long as the dump can be read.",
	"\nEXAMPLES",
	"  %s> lapanic",
	"  %s> lapanic -j > panic.json",
	NULL
};

void cmd_lapanic(void)
{
	const struct la_cpus *cpus;
	struct la_kernel *kernel;
	struct la_arena *arena;
	struct la_error err = { "" };
	struct la_panic panic;
	const char *text = NULL;
	bool json = false;
	int c;

	while ((c = getopt(argcnt, args, "jr:")) != EOF) {
		if (c == 'j')
			json = true;
		else if (c == 'r')
			text = optarg;
		else
			argerrs++;
	}
	if (argerrs || args[optind])
		cmd_usage(pc->curcmd, SYNOPSIS);

	kernel = session_kernel(&err);
	if (!kernel) {
		error(INFO, "%s\n", err.text);
		return;
	}
	arena = command_memory();
	if (!arena)
		return;
	cpus = text ? command_cpus_with_text(kernel, arena, text) : session_cpus(&err);
	if (!cpus) {
		if (text)
			return;
		error(INFO, "no registers: %s\n", err.text);
	}
	la_panic_analyse(kernel, arena, cpus, &panic);
	if (json) {
		if (session_lines(NULL)) /* without them positions in the source are unknown */
			la_panic_lines(kernel, arena, &panic);
		if (la_render_panic_json(&panic, command_sink()) != LA_OK)
			error(INFO, "out of memory\n");
	} else {
		la_render_panic_text(&panic, command_sink());
	}
	command_memory_free();
}
