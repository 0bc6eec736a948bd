// SPDX-License-Identifier: GPL-3.0-or-later
// A search of all RAM: whoever is free takes the next chunk, looks through it piece by piece, and keeps the first hits
// that it finds. As each goes upwards, the first of all are among these.
#include "lakvm/dump/search.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "format.h"
#include "lakvm/base/threads.h"

#define CHUNK (UINT64_C(16) << 20)
/* Of what needs no unpacking: as much as the processor's nearest caches have room for. */
#define PIECE ((size_t)32 << 10)
#define MAX_WORKERS 64

struct job {
	const struct la_search *s;
	const struct la_ram_range *ram;
	const uint64_t *before; /* bytes of RAM in the ranges before each one */
	size_t nram;
	uint64_t total;
	struct worker *worker;
	unsigned nworkers;
	_Atomic uint64_t next, done; /* bytes of RAM, as if it had no holes */
	pthread_mutex_t wanted;
};

struct worker {
	struct job *job;
	struct la_dump *dump;
	uint8_t *bytes; /* the end of the piece before, and a piece */
	size_t room;
	struct la_search_hit *hit;
	size_t n;
	uint64_t found;
	struct la_search_counts counts;
};

static bool wanted(struct job *j, uint64_t pa)
{
	bool is;

	if (!j->s->wanted)
		return true;
	if (j->nworkers == 1) /* may be left by longjmp */
		return j->s->wanted(j->s->ctx, pa);
	pthread_mutex_lock(&j->wanted);
	is = j->s->wanted(j->s->ctx, pa);
	pthread_mutex_unlock(&j->wanted);
	return is;
}

static void take(struct worker *w, uint64_t pa, uint64_t value)
{
	if (!wanted(w->job, pa))
		return;
	if (w->n < w->job->s->limit)
		w->hit[w->n++] = (struct la_search_hit){ pa, value };
	w->found++;
}

static uint64_t word_at(const uint8_t *bytes, unsigned size)
{
	return size == 8 ? la_le64(bytes) : size == 4 ? la_le32(bytes) : la_le16(bytes);
}

/* Is there a word to look for among these? The compiler makes no branches of it. */
static bool any_of_8(const uint8_t *bytes, uint64_t low, uint64_t span)
{
	unsigned any = 0;

	for (unsigned i = 0; i < 8; i++)
		any |= la_le64(bytes + 8 * i) - low <= span;
	return any;
}

static void search_words(struct worker *w, uint64_t pa, const uint8_t *bytes, size_t n)
{
	const struct la_search_what *what = &w->job->s->what;
	const uint64_t low = what->low, span = what->high - what->low;
	size_t at = (size_t)(-pa & (what->size - 1));

	while (at < n && n - at >= what->size) {
		const size_t stop = n - at >= 64 ? at + 64 : n;

		if (what->size == 8 && stop - at == 64 && !any_of_8(bytes + at, low, span)) {
			at = stop;
			continue;
		}
		for (; at < stop && n - at >= what->size; at += what->size) {
			const uint64_t value = word_at(bytes + at, what->size);

			if (value - low <= span)
				take(w, pa + at, value);
		}
	}
}

/* Those that begin before @end. */
static void search_bytes(struct worker *w, uint64_t pa, const uint8_t *bytes, size_t n,
			 uint64_t end)
{
	const struct la_search_what *what = &w->job->s->what;
	const uint8_t *at = bytes, *found;

	while ((found = memmem(at, (size_t)(bytes + n - at), what->bytes, what->nbytes))) {
		if (pa + (uint64_t)(found - bytes) >= end)
			return;
		take(w, pa + (uint64_t)(found - bytes), 0);
		at = found + 1;
	}
}

/*
 * [pa, end) of one range, up to @limit of which what begins before @end goes on. What follows a piece
 * may end what begins in it: as many of its last bytes as that takes stay in front of the next.
 */
static void search_range(struct worker *w, uint64_t pa, uint64_t end, uint64_t limit)
{
	const struct la_search_what *what = &w->job->s->what;
	const size_t keep = what->size ? 0 : what->nbytes - 1;
	const uint64_t behind = limit - end < keep ? limit : end + keep;
	size_t kept = 0;

	for (uint64_t next; pa < behind; pa = next) {
		uint8_t *to = w->bytes + keep;
		const struct la_piece p =
			la_dump_piece(w->dump, pa, pa < end ? end : behind, to, w->room);
		size_t n = 0;

		next = p.end;
		if (pa < end) {
			w->counts.searched += p.state == LA_BLOCK_PRESENT ? next - pa : 0;
			w->counts.zero += p.state == LA_BLOCK_ZERO ? next - pa : 0;
			w->counts.damaged += p.damaged ? next - pa : 0;
			w->counts.missing +=
				p.state == LA_BLOCK_MISSING && !p.damaged ? next - pa : 0;
			w->counts.excluded +=
				p.state == LA_BLOCK_EXCLUDED || p.state == LA_BLOCK_HOLE ?
					next - pa :
					0;
		}
		if (p.state == LA_BLOCK_PRESENT)
			n = (size_t)(next - pa);
		if (what->size) {
			search_words(w, pa, to, n);
			continue;
		}
		/* of zeros, as many as matter at their beginning, and then at their end */
		if (p.state == LA_BLOCK_ZERO) {
			n = next - pa < keep ? (size_t)(next - pa) : keep;
			memset(to, 0, n);
		}
		if (!n) {
			kept = 0;
			continue;
		}
		search_bytes(w, pa - kept, to - kept, kept + n, end);
		if (p.state == LA_BLOCK_ZERO && next - pa > n) {
			kept = keep;
			memset(w->bytes, 0, keep);
			continue;
		}
		n += kept;
		to -= kept;
		kept = n < keep ? n : keep;
		memmove(w->bytes + keep - kept, to + n - kept, kept);
	}
}

/* The range of RAM that has the byte @at of all RAM. */
static size_t range_of(const struct job *j, uint64_t at)
{
	size_t low = 0, high = j->nram;

	while (high - low > 1) {
		const size_t middle = low + (high - low) / 2;

		if (j->before[middle] <= at)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static void search_chunk(struct worker *w, uint64_t at, uint64_t end)
{
	const struct job *j = w->job;

	for (size_t i = range_of(j, at); at < end; i++) {
		const struct la_ram_range *r = &j->ram[i];
		const uint64_t pa = r->start + (at - j->before[i]);
		const uint64_t n = r->end - pa < end - at ? r->end - pa : end - at;

		search_range(w, pa, pa + n, r->end);
		at += n;
	}
}

static void run(void *ctx, unsigned i)
{
	struct job *j = ctx;
	struct worker *w = &j->worker[i];
	uint64_t at;

	while ((at = atomic_fetch_add(&j->next, CHUNK)) < j->total) {
		const uint64_t end = j->total - at < CHUNK ? j->total : at + CHUNK;

		if (i == 0 && j->s->progress)
			j->s->progress(j->s->ctx, atomic_load(&j->done), j->total);
		search_chunk(w, at, end);
		atomic_fetch_add(&j->done, end - at);
	}
}

static enum la_status prepare(struct job *j, struct la_dump *dump, struct la_arena *arena,
			      struct la_error *err)
{
	const struct la_search *s = j->s;
	struct la_ram_range *ram;
	uint64_t *before;
	enum la_status status = la_dump_ram(dump, false, arena, &ram, &j->nram, err);

	if (status)
		return status;
	before = la_alloc_n(arena, j->nram, sizeof(*before));
	j->worker = la_alloc_n(arena, s->threads, sizeof(*j->worker));
	if (!before || !j->worker)
		return LA_NOMEM;
	j->ram = ram;
	j->before = before;
	for (size_t i = 0; i < j->nram; i++) {
		before[i] = j->total;
		j->total += ram[i].end - ram[i].start;
	}
	for (; j->nworkers < s->threads; j->nworkers++) {
		struct worker *w = &j->worker[j->nworkers];

		*w = (struct worker){ .job = j, .dump = dump };
		w->room = dump->block_size > PIECE ? dump->block_size : PIECE;
		w->bytes = la_alloc(arena, LA_SEARCH_MAX + w->room);
		w->hit = la_alloc_n(arena, s->limit, sizeof(*w->hit));
		if (!w->bytes || !w->hit)
			return LA_NOMEM;
		if (s->threads > 1)
			status = la_dump_again(&w->dump, dump, err);
		if (status)
			return status;
	}
	return LA_OK;
}

static int by_address(const void *pa, const void *pb)
{
	const struct la_search_hit *a = pa, *b = pb;

	return a->pa < b->pa ? -1 : a->pa > b->pa;
}

static enum la_status collect(struct job *j, struct la_arena *arena, struct la_search_result *ret)
{
	size_t n = 0;

	for (unsigned i = 0; i < j->nworkers; i++)
		n += j->worker[i].n;
	ret->hit = la_alloc_n(arena, n, sizeof(*ret->hit));
	if (!ret->hit)
		return LA_NOMEM;
	ret->bytes.ram = j->total;
	for (unsigned i = 0; i < j->nworkers; i++) {
		const struct worker *w = &j->worker[i];

		if (w->n)
			memcpy(ret->hit + ret->n, w->hit, w->n * sizeof(*w->hit));
		ret->n += w->n;
		ret->found += w->found;
		ret->bytes.searched += w->counts.searched;
		ret->bytes.zero += w->counts.zero;
		ret->bytes.excluded += w->counts.excluded;
		ret->bytes.missing += w->counts.missing;
		ret->bytes.damaged += w->counts.damaged;
	}
	qsort(ret->hit, ret->n, sizeof(*ret->hit), by_address);
	ret->n = ret->n < j->s->limit ? ret->n : j->s->limit;
	return LA_OK;
}

static bool sound(const struct la_search_what *what)
{
	if (what->size)
		return (what->size == 2 || what->size == 4 || what->size == 8) && what->low &&
		       what->low <= what->high;
	for (size_t i = 0; i < what->nbytes && what->nbytes <= LA_SEARCH_MAX; i++)
		if (what->bytes[i])
			return true;
	return false;
}

enum la_status la_dump_search(struct la_dump *dump, const struct la_search *s,
			      struct la_arena *arena, struct la_search_result *ret,
			      struct la_error *err)
{
	struct job j = { .s = s };
	enum la_status status;

	*ret = (struct la_search_result){ .n = 0 };
	if (!sound(&s->what) || !s->threads || s->threads > MAX_WORKERS)
		return la_fail(err, LA_INVALID, "zeros, which are all over a guest, or no word");
	status = prepare(&j, dump, arena, err);
	if (!status) {
		pthread_mutex_init(&j.wanted, NULL);
		la_run_threads(j.nworkers, run, &j);
		pthread_mutex_destroy(&j.wanted);
		status = collect(&j, arena, ret);
	}
	for (unsigned i = 0; i < j.nworkers && s->threads > 1; i++)
		la_dump_close(j.worker[i].dump);
	return status && !(err && err->text[0]) ? la_fail(err, status, "search") : status;
}
