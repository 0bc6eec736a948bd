/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where to read next, and how long it took: for the programs of tests/bench and the extension there. */
#ifndef LAKVM_BENCH_DRAW_H
#define LAKVM_BENCH_DRAW_H

#include <stdint.h>
#include <time.h>

static uint64_t seed;

static inline uint64_t draw(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

/** CPU time, user and system: one thread, files in the page cache, and a machine that others use. */
static inline double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

#endif
