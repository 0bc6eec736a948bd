/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What outlives a call, in a program that may be left by longjmp. crash's errors jump out of
 * whatever runs, and its answer to Ctrl-C does so from a signal handler, between any two
 * instructions. The one rule, for every cache and everything else that is kept:
 *
 *  1. Withdraw the key, fill in the content, set the key. "Was tried already" is a key too.
 *  2. A key is set for an answer, never for a question that was cut short.
 *  3. Memory has an owner that is freed or used again the next time, whichever way this one ends.
 *  4. Libraries that keep state of their own (malloc, libdw, gdb) cannot follow this rule: signals
 *     wait while they run. Such a piece is short and calls no door.
 */
#ifndef LAKVM_JUMP_H
#define LAKVM_JUMP_H

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

/** What stands before it in the program happens before what follows, as signal handlers see it. */
static inline void la_fence(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

/** Before the content changes: nobody finds it under the key (an lvalue). 0, NULL or false is no key. */
#define LA_WITHDRAW(key)                                                                           \
	do {                                                                                       \
		(key) = 0;                                                                         \
		la_fence();                                                                        \
	} while (0)

/** When the content is complete: from now on it is found under the key. */
#define LA_PUBLISH(key, value)                                                                     \
	do {                                                                                       \
		la_fence();                                                                        \
		(key) = (value);                                                                   \
	} while (0)

/** Let signals wait, but for those that the program's own mistakes raise. May be nested. */
static inline void la_hold(sigset_t *ret_before)
{
	static const int raised[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS };
	sigset_t wait;

	sigfillset(&wait);
	for (size_t i = 0; i < sizeof(raised) / sizeof(raised[0]); i++)
		sigdelset(&wait, raised[i]);
	sigprocmask(SIG_BLOCK, &wait, ret_before);
}

/** Signals that waited arrive now, and may leave by longjmp from here. */
static inline void la_release(const sigset_t *before)
{
	sigprocmask(SIG_SETMASK, before, NULL);
}

#endif
