// SPDX-License-Identifier: GPL-3.0-or-later
// The one recovery point: error(FATAL) and FAULT_ON_ERROR jump to pc->main_loop_env (or, inside
// foreach, to pc->foreach_loop_env), out of whatever was running.
#include "crash.h"
#include "glue.h"

/* Left open by a longjmp, these would later make crash exit (hq_open() fails) or lose output. */
static void tidy(void)
{
	if (pc->tmpfile)
		close_tmpfile();
	if (pc->tmpfile2)
		close_tmpfile2();
	hq_close();
}

void guard_leave(void)
{
	longjmp(pc->flags & IN_FOREACH ? pc->foreach_loop_env : pc->main_loop_env, 1);
}

bool guard_run(void (*fn)(void *), void *arg)
{
	jmp_buf saved_main, saved_foreach;
	FILE *saved_fp = fp;
	const ulonglong foreach = pc->flags & IN_FOREACH;
	char *curcmd = pc->curcmd;
	bool done = false;

	memcpy(saved_main, pc->main_loop_env, sizeof(saved_main));
	memcpy(saved_foreach, pc->foreach_loop_env, sizeof(saved_foreach));
	pc->flags &= ~IN_FOREACH;

	/* C11 allows setjmp() in a comparison like this, and in no assignment (7.13.1.1). */
	if (setjmp(pc->main_loop_env) == 0) {
		fn(arg);
		done = true;
	} else {
		tidy();
	}

	memcpy(pc->main_loop_env, saved_main, sizeof(saved_main));
	memcpy(pc->foreach_loop_env, saved_foreach, sizeof(saved_foreach));
	pc->flags = (pc->flags & ~IN_FOREACH) | foreach;
	pc->curcmd = curcmd;
	fp = saved_fp;
	return done;
}
