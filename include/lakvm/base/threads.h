/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One job on several processors. Only programs use it: in crash, which forks and leaves whatever runs by longjmp,
 * everything stays on its one thread.
 */
#ifndef LAKVM_THREADS_H
#define LAKVM_THREADS_H

#include <pthread.h>
#include <stdbool.h>

/** As many processors as this process may run on (taskset, cpusets), at least 1 and at most 64. */
unsigned la_processors(void);

/**
 * Call @work(@ctx, i) for each i below @n, at most 64, at once: 0 in the caller's thread, others in threads of their
 * own, which get no signals but those that their own mistakes raise. Returns when all have returned. Where the
 * machine has no thread to give, the caller does that part too; so no part may wait for another one.
 */
void la_run_threads(unsigned n, void (*work)(void *ctx, unsigned i), void *ctx);

/** One job beside the caller. */
struct la_aside {
	pthread_t thread;
	bool running;
	void (*work)(void *ctx);
	void *ctx;
};

/**
 * Call @work(@ctx) in a thread of its own, which gets signals as above. Where there is but one processor, or no
 * thread to give, it is done here and now. @a stays the other thread's until la_aside_end(), and so does what @work
 * uses.
 */
void la_aside_begin(struct la_aside *a, void (*work)(void *ctx), void *ctx);

/** Wait until it is done; at once, where nothing goes on (an @a of zeros). */
void la_aside_end(struct la_aside *a);

#endif
