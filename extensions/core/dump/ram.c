// SPDX-License-Identifier: GPL-3.0-or-later
// The guest's RAM as a list of ranges. The counts of a large dump take a look at each page's descriptor: a program does
// that on several processors, a piece of the address space at a time.
#include <stdatomic.h>

#include "format.h"
#include "lakvm/base/threads.h"

#define MAX_THREADS 64
/* Descriptors of so many pages take less time than the threads' own readers. */
#define SMALL ((uint64_t)1 << 17)
#define PIECES 128

struct piece {
	struct la_ram_list list;
	enum la_status status;
};

struct job {
	uint64_t start, end, step;
	struct piece piece[PIECES];
	struct la_dump *reader[MAX_THREADS];
	struct la_arena *arena[MAX_THREADS];
	unsigned n;
	_Atomic unsigned next;
};

static void run(void *ctx, unsigned i)
{
	struct job *j = ctx;
	unsigned at;

	while ((at = atomic_fetch_add(&j->next, 1)) < PIECES) {
		struct piece *p = &j->piece[at];
		const uint64_t start = j->start + at * j->step;
		const uint64_t end = start + j->step;

		p->list.arena = j->arena[i];
		if (start < j->end)
			p->status =
				j->reader[i]->format->ram(j->reader[i], true, start,
							  end < j->end ? end : j->end, &p->list);
	}
}

static enum la_status collect(const struct job *j, struct la_ram_list *ret)
{
	enum la_status status = LA_OK;

	for (unsigned at = 0; at < PIECES && !status; at++) {
		const struct piece *p = &j->piece[at];

		status = p->status;
		for (size_t i = 0; i < p->list.n && !status; i++)
			status = la_ram_append(ret, &p->list.r[i]);
	}
	return status;
}

/* @list.cell, @start and @end are as the format's own hook has them. */
static enum la_status count_at_once(struct la_dump *dump, uint64_t start, uint64_t end,
				    struct la_ram_list *list)
{
	const uint64_t block = dump->block_size;
	struct job *j = la_alloc(list->arena, sizeof(*j));
	enum la_status status = j ? LA_OK : LA_NOMEM;

	if (status)
		return status;
	j->start = start;
	j->end = end;
	j->step = ((end - start) / PIECES / block + 1) * block;
	for (unsigned at = 0; at < PIECES; at++)
		j->piece[at].list.cell = list->cell;
	for (; j->n < dump->threads && j->n < MAX_THREADS && !status; j->n++) {
		j->arena[j->n] = la_arena_new(SIZE_MAX);
		status = j->arena[j->n] ? la_dump_again(&j->reader[j->n], dump, NULL) : LA_NOMEM;
	}
	if (!status) {
		la_run_threads(j->n, run, j);
		status = collect(j, list);
	}
	for (unsigned i = 0; i < j->n; i++) {
		la_dump_close(j->reader[i]);
		la_arena_free(j->arena[i]);
	}
	return status;
}

static enum la_status list_ram(struct la_dump *dump, bool count, uint64_t cell,
			       struct la_arena *arena, struct la_ram_range **ret, size_t *ret_n,
			       struct la_error *err)
{
	struct la_ram_list plain = { .arena = arena }, list = { .arena = arena, .cell = cell };
	enum la_status status = dump->format->ram(dump, false, 0, LA_PHYS_END, &plain);
	uint64_t size = 0;

	for (size_t i = 0; i < plain.n; i++) {
		size += plain.r[i].end - plain.r[i].start;
		if (!count)
			plain.r[i] = (struct la_ram_range){ .start = plain.r[i].start,
							    .end = plain.r[i].end };
	}
	if (!count || status)
		list = plain;
	else if (dump->threads > 1 && size / dump->block_size > SMALL)
		status = count_at_once(dump, plain.r[0].start, plain.r[plain.n - 1].end, &list);
	else
		status = dump->format->ram(dump, true, 0, LA_PHYS_END, &list);
	*ret = list.r;
	*ret_n = list.n;
	return status ? la_fail(err, status, "map of %zu RAM ranges", list.n) : LA_OK;
}

enum la_status la_dump_ram(struct la_dump *dump, bool count, struct la_arena *arena,
			   struct la_ram_range **ret, size_t *ret_n, struct la_error *err)
{
	return list_ram(dump, count, 0, arena, ret, ret_n, err);
}

enum la_status la_dump_ram_cells(struct la_dump *dump, uint64_t cell, struct la_arena *arena,
				 struct la_ram_range **ret, size_t *ret_n, struct la_error *err)
{
	return list_ram(dump, true, cell, arena, ret, ret_n, err);
}
