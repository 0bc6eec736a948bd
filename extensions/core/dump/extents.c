// SPDX-License-Identifier: GPL-3.0-or-later
// Ranges of an address space: overlapping ones put into order, and found.
#include "extents.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* An extent with its place in the given order, which decides between overlapping ones. */
struct ranked {
	struct la_extent e;
	size_t rank;
};

static int by_start(const void *pa, const void *pb)
{
	const struct ranked *a = pa, *b = pb;

	if (a->e.start != b->e.start)
		return a->e.start < b->e.start ? -1 : 1;
	return a->rank < b->rank ? -1 : 1;
}

static void append(struct la_extents *x, uint64_t start, uint64_t end, const struct la_extent *from)
{
	uint64_t data = from->data == LA_NO_DATA ? LA_NO_DATA : from->data + (start - from->start);
	struct la_extent *prev = x->n ? &x->e[x->n - 1] : NULL;

	/* A covered neighbour's start may have cut a winning extent in two. */
	if (prev && prev->end == start &&
	    (data == LA_NO_DATA ?
		     prev->data == LA_NO_DATA :
		     prev->data != LA_NO_DATA && data - prev->data == start - prev->start)) {
		prev->end = end;
		return;
	}
	x->e[x->n++] = (struct la_extent){ start, end, data };
}

static void heap_push(const struct ranked *r, size_t *heap, size_t *n, size_t i)
{
	size_t at = (*n)++;

	for (; at && r[heap[(at - 1) / 2]].rank < r[i].rank; at = (at - 1) / 2)
		heap[at] = heap[(at - 1) / 2];
	heap[at] = i;
}

static void heap_pop(const struct ranked *r, size_t *heap, size_t *n)
{
	size_t last = heap[--*n], at = 0, child;

	while ((child = 2 * at + 1) < *n) {
		if (child + 1 < *n && r[heap[child + 1]].rank > r[heap[child]].rank)
			child++;
		if (r[heap[child]].rank < r[last].rank)
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = last;
}

/*
 * Sweep over the starts and ends with the open extents in a heap, the winner on top: O(n log n),
 * and at most two pieces come out for each extent, whatever a hostile file does.
 */
static void sweep(struct la_extents *x, const struct ranked *r, size_t n, size_t *heap)
{
	size_t open = 0, i = 0;
	uint64_t at = 0, stop;

	while (open || i < n) {
		if (!open && at < r[i].e.start)
			at = r[i].e.start;
		for (; i < n && r[i].e.start <= at; i++)
			heap_push(r, heap, &open, i);
		while (open && r[heap[0]].e.end <= at)
			heap_pop(r, heap, &open);
		if (!open)
			continue;
		stop = r[heap[0]].e.end;
		if (i < n && r[i].e.start < stop)
			stop = r[i].e.start;
		append(x, at, stop, &r[heap[0]].e);
		at = stop;
	}
}

enum la_status la_extents_settle(struct la_extents *ret, struct la_arena *arena,
				 const struct la_extent *raw, size_t n)
{
	struct la_arena *scratch = la_arena_new(SIZE_MAX);
	struct ranked *r = scratch ? la_alloc_n(scratch, n, sizeof(*r)) : NULL;
	enum la_status status = LA_NOMEM;
	bool sorted = true, overlap = false;
	size_t *heap = NULL;

	memset(ret, 0, sizeof(*ret));
	if (!r)
		goto out;
	for (size_t i = 0; i < n; i++) {
		r[i] = (struct ranked){ raw[i], i };
		sorted = sorted && (!i || raw[i - 1].start < raw[i].start);
	}
	if (!sorted)
		qsort(r, n, sizeof(*r), by_start);
	for (size_t i = 1; i < n; i++)
		overlap = overlap || r[i].e.start < r[i - 1].e.end;

	ret->e = la_alloc_n(arena, overlap ? 2 * n : n, sizeof(*ret->e));
	if (overlap)
		heap = la_alloc_n(scratch, n, sizeof(*heap));
	if (!ret->e || (overlap && !heap))
		goto out;
	if (overlap)
		sweep(ret, r, n, heap);
	else
		for (size_t i = 0; i < n; i++)
			append(ret, r[i].e.start, r[i].e.end, &r[i].e);
	status = LA_OK;
out:
	la_arena_free(scratch);
	return status;
}

const struct la_extent *la_extents_find(struct la_extents *x, uint64_t at)
{
	size_t low = 0, high = x->n, mid = x->last;

	/* Try where the last search ended and the one behind it, then bisect. */
	for (size_t i = 0; i < 2 && mid < x->n; i++, mid++) {
		if (x->e[mid].end > at && (!mid || x->e[mid - 1].end <= at)) {
			x->last = mid;
			return &x->e[mid];
		}
	}
	while (low < high) {
		mid = low + (high - low) / 2;
		if (x->e[mid].end > at)
			high = mid;
		else
			low = mid + 1;
	}
	if (low == x->n)
		return NULL;
	x->last = low;
	return &x->e[low];
}
