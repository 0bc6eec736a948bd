// SPDX-License-Identifier: GPL-3.0-or-later
// lakvm.so: loaded by crash's "extend", it registers its commands, repairs what crash gets wrong
// about LoongArch64 guests, and turns a --minimal session into a full one.
#include "glue/crash.h"
#include "glue/glue.h"
#include "lakvm/base/escape.h"

static struct command_table_entry commands[] = {
	{ "lapanic", cmd_lapanic, help_lapanic, MINIMAL },
	{ "lacpus", cmd_lacpus, help_lacpus, MINIMAL },
	{ "lamem", cmd_lamem, help_lamem, MINIMAL },
	{ NULL },
};

static void start(void *unused)
{
	struct la_error err = { "" };
	char why[512], text[2048];

	(void)unused;
	if (pc->flags & KERNEL_DEBUG_QUERY || !DUMPFILE()) {
		error(NOTE, "lakvm: no dump in this session: nothing was changed\n");
		return;
	}
	if (!reader_open(&err)) {
		error(INFO, "lakvm: %s: nothing was changed\n", err.text);
		return;
	}
	if (!session_matches_vmlinux(why, sizeof(why))) {
		la_text_escape(why, false, text,
			       sizeof(text)); /* a banner out of the dump, a file's name */
		error(INFO, "lakvm: %s: nothing was changed\n", text);
		return;
	}
	startup_repair();
	session_say_others();
	if (pc->flags & MINIMAL_MODE)
		startup_promote();
	else
		startup_adopt();
}

static void __attribute__((constructor)) lakvm_load(void)
{
	char why[256];

	if (!abi_fits(why, sizeof(why))) {
		fprintf(stderr, "lakvm: %s\n", why);
		return;
	}
	register_extension(commands);
	/* Refused, for example because another copy of lakvm is loaded: crash has said so. */
	if (!(pc->curext->flags & REGISTERED))
		return;
	guard_run(start, NULL);
}

static void __attribute__((destructor)) lakvm_unload(void)
{
	net_close();
	repairs_undo();
	command_close();
	misfit_close();
	session_close();
	overlay_close();
	reader_close();
}
