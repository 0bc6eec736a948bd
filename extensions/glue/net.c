// SPDX-License-Identifier: GPL-3.0-or-later
// The last net. What crash computes from a damaged guest may still lead it to memory that it does not have, in a
// place that claims.c does not know: then the command is given up, and the session goes on. crash does so for signals
// that come while gdb works (restart() in cmdline.c), and at the end of each question to gdb gives the
// signal back to the system, which ends the process: so it is caught again with every read.
#include "crash.h"
#include "glue.h"

#include <signal.h>
#include <unistd.h>

/* SIGBUS is dump/map.c's: a dump that became shorter is no reason to give a command up. */
static const int caught[] = { SIGSEGV, SIGFPE };
#define NCAUGHT (sizeof(caught) / sizeof(caught[0]))

static struct {
	bool spread;
	struct sigaction before[NCAUGHT];
	stack_t stack_before;
	char stack[65536]; /* what ran over may have been the stack */
} here;

/*
 * Nothing is freed or printed through stdio before crash is back where it starts a command: the signal may have
 * come in the middle of that. Signals are let through again by hand, since longjmp() leaves them held.
 */
static void fall(int signal)
{
	static const char text[] =
		"\nlakvm: crash was led to memory that it does not have, by what this guest holds: the command is given up\n";
	sigset_t set;

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(128 + signal);
	sigemptyset(&set);
	for (size_t i = 0; i < NCAUGHT; i++)
		sigaddset(&set, caught[i]);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	guard_leave();
}

static void catch (bool keep)
{
	struct sigaction action = { .sa_handler = fall, .sa_flags = SA_ONSTACK };

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < NCAUGHT; i++)
		sigaction(caught[i], &action, keep ? &here.before[i] : NULL);
}

void net_spread(void)
{
	const stack_t stack = { .ss_sp = here.stack, .ss_size = sizeof(here.stack) };

	/* -d or "set core on": the user wants to see where it dies. */
	if (here.spread || pc->flags & DROP_CORE || sigaltstack(&stack, &here.stack_before))
		return;
	catch (true);
	here.spread = true;
}

void net_mend(void)
{
	if (here.spread && !(pc->flags & (IN_GDB | DROP_CORE)))
		catch (false);
}

void net_close(void)
{
	if (!here.spread)
		return;
	here.spread = false;
	for (size_t i = 0; i < NCAUGHT; i++)
		sigaction(caught[i], &here.before[i], NULL);
	sigaltstack(&here.stack_before, NULL);
}
