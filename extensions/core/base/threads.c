// SPDX-License-Identifier: GPL-3.0-or-later
// One job on several processors.
#include "lakvm/base/threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

#include "lakvm/base/jump.h"

#define MAX_THREADS 64

unsigned la_processors(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof(set), &set) != 0) /* more than a set has room for */
		return MAX_THREADS;
	n = CPU_COUNT(&set);
	return n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : (unsigned)n;
}

struct part {
	void (*work)(void *ctx, unsigned i);
	void *ctx;
	pthread_t thread;
	unsigned i;
	bool running;
};

static void *run_part(void *arg)
{
	const struct part *p = arg;

	p->work(p->ctx, p->i);
	return NULL;
}

void la_run_threads(unsigned n, void (*work)(void *ctx, unsigned i), void *ctx)
{
	struct part part[MAX_THREADS];
	sigset_t before;

	n = n < MAX_THREADS ? n : MAX_THREADS;
	la_hold(&before); /* a thread has the signals of who makes it */
	for (unsigned i = 1; i < n; i++) {
		part[i] = (struct part){ .work = work, .ctx = ctx, .i = i };
		part[i].running = pthread_create(&part[i].thread, NULL, run_part, &part[i]) == 0;
	}
	la_release(&before);
	if (n)
		work(ctx, 0);
	for (unsigned i = 1; i < n; i++) {
		if (part[i].running)
			pthread_join(part[i].thread, NULL);
		else
			work(ctx, i);
	}
}
