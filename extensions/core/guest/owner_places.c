// SPDX-License-Identifier: GPL-3.0-or-later
// Tables of tasks, their stacks, and modules' memory.
#include "owner_places.h"

#include <stdlib.h>

#include "module_list.h"

struct reading {
	const struct la_kernel *k;
	struct la_arena *arena;
	struct la_task_table *ret;
	size_t task_room, stack_room;
	bool nomem;
};

static bool add_piece(struct reading *r, const struct la_stack_piece *piece)
{
	struct la_task_table *t = r->ret;
	struct la_stack_piece *list =
		la_room(r->arena, t->stack, t->nstacks, &r->stack_room, sizeof(*list));

	if (!list) {
		r->nomem = true;
		return false;
	}
	t->stack = list;
	t->stack[t->nstacks++] = *piece;
	return true;
}

/* A stack in a window is one piece; one that is mapped has a piece for each page. */
static bool add_stack(struct reading *r, uint64_t va, size_t task, bool irq)
{
	struct la_translation t;

	for (uint64_t at = 0, n; va && at < LA_THREAD_SIZE; at += n) {
		n = LA_THREAD_SIZE - at;
		if (la_translate(r->k->door, &r->k->mmu, r->k->mmu.kernel_pgd, va + at, &t, NULL) !=
		    LA_OK)
			return true; /* damaged: no stack is there */
		if (t.window < 0) {
			const uint64_t page = UINT64_C(1) << t.page_shift;
			const uint64_t left = page - (t.pa & (page - 1));

			n = left < n ? left : n;
		}
		if (!add_piece(r, &(struct la_stack_piece){ t.pa, va + at, n, task, irq }))
			return false;
	}
	return true;
}

static bool add_task(void *ctx, uint64_t address)
{
	struct reading *r = ctx;
	struct la_task_table *t = r->ret;
	struct la_task_entry *e = la_room(r->arena, t->task, t->ntasks, &r->task_room, sizeof(*e));

	if (!e) {
		r->nomem = true;
		return false;
	}
	t->task = e;
	e = &t->task[t->ntasks++];
	la_task_read(r->k, address, &e->task);
	if (la_read_member(r->k, address, "task_struct", "mm", &e->mm, NULL) != LA_OK)
		e->mm = 0;
	return add_stack(r, e->task.stack, t->ntasks - 1, false);
}

/* Idle tasks are on no list; the first is init_task, which the list of all begins with and does not show. */
static void add_cpus(struct reading *r)
{
	struct la_stack_area area;
	uint64_t rq, idle, init;

	if (r->k->door->symbol(r->k->door->ctx, "init_task", &init))
		add_task(r, init);
	else
		init = 0;
	for (unsigned cpu = 0; cpu < r->k->ncpus && !r->nomem; cpu++) {
		if (la_percpu(r->k, "runqueues", cpu, &rq, NULL) == LA_OK &&
		    la_read_member(r->k, rq, "rq", "idle", &idle, NULL) == LA_OK && idle &&
		    idle != init)
			add_task(r, idle);
		if (la_irq_stack(r->k, cpu, &area, NULL) == LA_OK)
			add_stack(r, area.base, cpu, true);
	}
}

static int by_pa(const void *pa, const void *pb)
{
	const struct la_stack_piece *a = pa, *b = pb;

	if (a->pa != b->pa)
		return a->pa < b->pa ? -1 : 1;
	return a->task < b->task ? -1 : a->task > b->task;
}

enum la_status la_task_table_read(const struct la_kernel *k, struct la_arena *arena,
				  struct la_task_table *ret)
{
	struct reading r = { .k = k, .arena = arena, .ret = ret };
	struct la_error err = { "" };
	enum la_status status;

	*ret = (struct la_task_table){ .ntasks = 0 };
	add_cpus(&r);
	status = la_tasks_each(k, add_task, &r, &err);
	if (status != LA_OK && status != LA_ABSENT && !r.nomem)
		ret->remark = la_format(arena, "tasks: %s", err.text);
	if (ret->nstacks)
		qsort(ret->stack, ret->nstacks, sizeof(*ret->stack), by_pa);
	return r.nomem ? LA_NOMEM : LA_OK;
}

const struct la_stack_piece *la_stack_piece_find(const struct la_task_table *t, uint64_t pa)
{
	size_t low = 0, high = t->nstacks;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (t->stack[middle].pa <= pa)
			low = middle + 1;
		else
			high = middle;
	}
	return low && pa - t->stack[low - 1].pa < t->stack[low - 1].size ? &t->stack[low - 1] :
									   NULL;
}

void la_module_parts_read(const struct la_kernel *k, struct la_arena *arena, struct la_modules *ret)
{
	struct la_module *list = NULL, *more;
	struct la_module_walk walk;
	uint64_t module;
	size_t room = 0;

	*ret = (struct la_modules){ .n = 0 };
	if (la_module_walk_begin(k, &walk, NULL) != LA_OK)
		return;
	while (la_module_walk_next(k, &walk, &module, NULL) == LA_OK && module) {
		more = la_room(arena, list, ret->n, &room, sizeof(*list));
		if (!more)
			return;
		list = more;
		ret->module = list;
		list[ret->n] = (struct la_module){ .address = module };
		la_module_read_parts(k, &list[ret->n]);
		la_module_read_names(k, arena, &list[ret->n]);
		ret->n++;
	}
}
