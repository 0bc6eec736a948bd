// SPDX-License-Identifier: GPL-3.0-or-later
// One job on several processors.
#include "lakvm/base/threads.h"

#include <sched.h>

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

/* Enough for whatever works in one, however little the process itself was given (ulimit -s). */
#define STACK ((size_t)1 << 20)

static bool start(pthread_t *ret, void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	bool started;

	if (pthread_attr_init(&attr) != 0)
		return false;
	started = pthread_attr_setstacksize(&attr, STACK) == 0 &&
		  pthread_create(ret, &attr, run, arg) == 0;
	pthread_attr_destroy(&attr);
	return started;
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
		part[i].running = start(&part[i].thread, run_part, &part[i]);
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

static void *run_aside(void *arg)
{
	const struct la_aside *a = arg;

	a->work(a->ctx);
	return NULL;
}

void la_aside_begin(struct la_aside *a, void (*work)(void *ctx), void *ctx)
{
	sigset_t before;

	*a = (struct la_aside){ .work = work, .ctx = ctx };
	if (la_processors() > 1) {
		la_hold(&before);
		a->running = start(&a->thread, run_aside, a);
		la_release(&before);
	}
	if (!a->running)
		work(ctx);
}

void la_aside_end(struct la_aside *a)
{
	if (a->running)
		pthread_join(a->thread, NULL);
	a->running = false;
}
