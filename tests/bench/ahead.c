// SPDX-License-Identifier: GPL-3.0-or-later
// An experiment, not part of lakvm: would a second thread that unpacks ahead of a scan pay?
//
//   ahead DUMP...
//
// A scan in requests of a guest page, as crash's search makes them, by one thread, and by one that
// takes what another has unpacked ahead, through a dump of its own, and does itself what is not there
// yet. Nobody waits, and nobody holds a lock that a longjmp could leave held. Prints the CPU time of
// the scan's thread and, in brackets, of both, of the best of nine.
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

#include "common.h"
#include "draw.h"

#define GUEST_PAGE 16384
#define LEAD 4   /* pages between the two, so that they do not do the same one */
#define AHEAD 32 /* pages at most */
#define ROUNDS 9

struct slot {
	_Atomic uint64_t holds; /* page + 1 */
	enum la_status status;
	uint8_t bytes[GUEST_PAGE];
};

static struct slot ring[AHEAD];
static _Atomic uint64_t wanted; /* the page the scan is at */
static uint64_t first, last;

/* CPU time of the scan's own thread: on a machine that is busy, wall time says nothing. */
static double own_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void *helper(void *dump)
{
	for (uint64_t next = first, at; next < last;) {
		struct slot *s;

		at = atomic_load(&wanted);
		if (next < at + LEAD)
			next = at + LEAD;
		if (next >= at + AHEAD || next >= last) {
			if (at + 1 >= last)
				break;
			sched_yield();
			continue;
		}
		s = &ring[next % AHEAD];
		atomic_store(&s->holds, 0);
		s->status = la_dump_read(dump, next * GUEST_PAGE, s->bytes, GUEST_PAGE, NULL);
		atomic_store(&s->holds, ++next);
	}
	return NULL;
}

static uint64_t scan(struct la_dump *dump, struct la_dump *second)
{
	static uint8_t own[GUEST_PAGE], copy[GUEST_PAGE];
	pthread_t thread;
	uint64_t sum = 0, v;

	for (int i = 0; i < AHEAD; i++)
		atomic_store(&ring[i].holds, 0);
	atomic_store(&wanted, first);
	if (second && pthread_create(&thread, NULL, helper, second))
		exit(2);
	for (uint64_t page = first; page < last; page++) {
		struct slot *s = &ring[page % AHEAD];

		atomic_store(&wanted, page);
		if (atomic_load(&s->holds) == page + 1) {
			memcpy(copy, s->bytes, GUEST_PAGE);
			memcpy(&v, copy + 4096, sizeof(v));
			sum += s->status ? 0 : v;
		} else if (la_dump_read(dump, page * GUEST_PAGE, own, GUEST_PAGE, NULL) == LA_OK) {
			memcpy(&v, own + 4096, sizeof(v));
			sum += v;
		}
	}
	if (second)
		pthread_join(thread, NULL);
	return sum;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		double best[2] = { 1e9, 1e9 }, cpu[2] = { 0, 0 };
		struct la_arena *arena = la_arena_new((size_t)1 << 30);
		struct la_dump *dump = open_ours(argv[i]), *second = open_ours(argv[i]);
		struct la_ram_range *ram;
		uint64_t sum[2];
		size_t n;

		if (la_dump_ram(dump, false, arena, &ram, &n, NULL) || !n)
			return 2;
		first = ram[n - 1].start /
			GUEST_PAGE; /* the largest range: high RAM, if there is any */
		last = ram[n - 1].end / GUEST_PAGE;
		for (int k = 0; k < 2 * ROUNDS; k++) {
			double start = own_time(), used = now();

			sum[k % 2] = scan(dump, k % 2 ? second : NULL);
			if (own_time() - start < best[k % 2]) {
				best[k % 2] = own_time() - start;
				cpu[k % 2] = now() - used;
			}
		}
		printf("%s: one thread %.3f s (%.3f s CPU), with a second %.3f s (%.3f s CPU): %.2f x%s\n",
		       argv[i], best[0], cpu[0], best[1], cpu[1], best[0] / best[1],
		       sum[0] == sum[1] ? "" : "  different results!");
		fflush(stdout);
		la_dump_close(dump);
		la_dump_close(second);
		la_arena_free(arena);
	}
	return 0;
}
