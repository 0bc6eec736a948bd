// SPDX-License-Identifier: GPL-3.0-or-later
// The file "host" of lavirsh-dump: lines of words, each known by its first one.
#include "lakvm/host/host.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_VCPUS 4096
#define MAX_WORDS 12

struct line {
	const char *word[MAX_WORDS];
	size_t length[MAX_WORDS];
	size_t n;
};

/* Words are set apart by blanks; of a line with more than MAX_WORDS the rest is not looked at. */
static const char *next_line(const char *at, const char *end, struct line *ret)
{
	const char *feed = memchr(at, '\n', (size_t)(end - at));
	const char *stop = feed ? feed : end;

	ret->n = 0;
	while (at < stop && ret->n < MAX_WORDS) {
		const char *blank = memchr(at, ' ', (size_t)(stop - at));
		const char *last = blank ? blank : stop;

		if (last > at) {
			ret->word[ret->n] = at;
			ret->length[ret->n++] = (size_t)(last - at);
		}
		at = last + (last < stop);
	}
	return feed ? feed + 1 : end;
}

static bool is(const struct line *l, size_t i, const char *word)
{
	return i < l->n && l->length[i] == strlen(word) && !memcmp(l->word[i], word, l->length[i]);
}

/* Digits and nothing else, at most 2^64-1. */
static bool number(const struct line *l, size_t i, uint64_t *ret)
{
	uint64_t value = 0;

	if (i >= l->n)
		return false;
	for (size_t k = 0; k < l->length[i]; k++) {
		const unsigned digit = (unsigned char)l->word[i][k] - (unsigned)'0';

		if (digit > 9 || value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*ret = value;
	return true;
}

static char thread_state(const struct line *l, size_t i)
{
	return i < l->n && l->length[i] == 1 && l->word[i][0] >= 'A' && l->word[i][0] <= 'z' ?
		       l->word[i][0] :
		       0;
}

/* "vcpu N thread ID state S S [ran_ns NS waited_ns NS]" */
static void take_vcpu(const struct line *l, struct la_host_vcpu *vcpu, struct la_host *ret)
{
	struct la_host_vcpu v = { 0 };
	uint64_t n;

	if (!number(l, 1, &n) || n >= MAX_VCPUS || !is(l, 4, "state") || ret->nvcpus == MAX_VCPUS)
		return;
	v.vcpu = (unsigned)n;
	v.first = thread_state(l, 5);
	v.last = thread_state(l, 6);
	v.known = is(l, 7, "ran_ns") && number(l, 8, &v.ran_ns) && is(l, 9, "waited_ns") &&
		  number(l, 10, &v.waited_ns);
	vcpu[ret->nvcpus++] = v;
}

bool la_host_parse_load(struct la_arena *arena, const char *text, size_t size, struct la_host *ret)
{
	const char *end = text + size;
	struct la_host_vcpu *vcpu;
	size_t lines = 0;
	struct line l;
	uint64_t n;

	for (const char *at = text; at < end; at = next_line(at, end, &l))
		lines++;
	vcpu = la_alloc_n(arena, lines < MAX_VCPUS ? lines : MAX_VCPUS, sizeof(*vcpu));
	if (lines && !vcpu)
		return false;
	ret->vcpu = vcpu;
	for (const char *at = text; at < end;) {
		at = next_line(at, end, &l);
		if (is(&l, 0, "guest"))
			ret->running = is(&l, 1, "running");
		else if (is(&l, 0, "load") && l.n == 4)
			ret->load = la_strndup(arena, l.word[1],
					       (size_t)(l.word[3] + l.length[3] - l.word[1]));
		else if (is(&l, 0, "cpus") && number(&l, 1, &n) && n <= UINT32_MAX)
			ret->cpus = (unsigned)n;
		else if (is(&l, 0, "interval_ns") && number(&l, 1, &n))
			ret->interval_ns = n;
		else if (is(&l, 0, "steal_ns") && number(&l, 1, &n)) {
			ret->steal_known = true;
			ret->steal_ns = n;
		} else if (is(&l, 0, "vcpu"))
			take_vcpu(&l, vcpu, ret);
	}
	return true;
}

/* --- what it means --- */

/* A tenth of the time on a CPU is not much of a run. */
static bool hardly_ran(const struct la_host *h, const struct la_host_vcpu *v)
{
	return v->known && v->ran_ns < h->interval_ns / 10;
}

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

const char *la_host_not_run(struct la_arena *arena, const struct la_host *h, unsigned vcpu)
{
	const struct la_host_vcpu *v = NULL;

	for (size_t i = 0; i < h->nvcpus && !v; i++)
		if (h->vcpu[i].vcpu == vcpu)
			v = &h->vcpu[i];
	if (!v || !h->running || !h->interval_ns)
		return NULL;
	if (v->first == v->last && (v->first == 'T' || v->first == 't') && hardly_ran(h, v))
		return v->first == 'T' ? "its thread was stopped (SIGSTOP, or its cgroup)" :
					 "a debugger had stopped its thread";
	if (v->first == 'D' && v->last == 'D' && hardly_ran(h, v))
		return la_format(
			arena,
			"its thread slept in the host's kernel, where nothing wakes it but what it waits for (state D)");
	if (!hardly_ran(h, v))
		return NULL;
	if (v->waited_ns >= h->interval_ns / 2)
		return la_format(arena, "its thread ran %.2f s of %.2f and waited %.2f for a CPU",
				 seconds(v->ran_ns), seconds(h->interval_ns),
				 seconds(v->waited_ns));
	/* What waits all the time is counted when it runs at last. */
	if (v->first == 'R' && v->last == 'R')
		return la_format(arena, "its thread was ready to run, and ran %.2f s of %.2f",
				 seconds(v->ran_ns), seconds(h->interval_ns));
	return NULL;
}
