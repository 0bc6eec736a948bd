// SPDX-License-Identifier: GPL-3.0-or-later
// Who does what a sleeping task waits for: what it waits on is part of a structure that names that task.
#include <string.h>

#include "graph.h"
#include "priv.h"

/* Who works off a wait queue: the structure that it is part of names that task. */
static const struct {
	const char *type, *queue, *task;
} providers[] = {
	{ "journal_s", "j_wait_done_commit", "j_task" }, /* include/linux/jbd2.h */
	{ "journal_s", "j_wait_transaction_locked", "j_task" },
};

static uint64_t thread_of_journal(const struct la_graph *g, const struct la_wait *w)
{
	const struct la_door *door = g->k->door;
	struct la_member queue;
	struct la_task task;
	uint64_t address;

	if (!w->what || !strstr(w->what, "journal"))
		return 0;
	for (size_t i = 0; i < sizeof(providers) / sizeof(providers[0]); i++) {
		if (!door->member(door->ctx, providers[i].type, providers[i].queue, &queue) ||
		    la_read_member(g->k, w->address - queue.offset, providers[i].type,
				   providers[i].task, &address, NULL) != LA_OK ||
		    !la_kernel_address(g->k, address))
			continue;
		/* Nothing says which of the structure's queues it is, but for what comes of it. */
		la_task_read(g->k, address, &task);
		if (strncmp(task.comm, "jbd2/", 5))
			continue;
		return address;
	}
	return 0;
}

#define MAX_SCHEDULED 256 /* work items that a worker has before it; more is damage */

/*
 * flush_work() and its like put a struct wq_barrier behind the work item that runs, into the list of its worker
 * (kernel/workqueue.c, insert_wq_barrier(); 5.10 to 7.1). Behind one that has not begun it leads to no worker.
 */
static uint64_t worker_of_barrier(const struct la_graph *g, const struct la_wait *w)
{
	const struct la_door *door = g->k->door;
	struct la_member done, work, entry, scheduled;
	uint64_t function, wanted, task, start, at;
	struct la_task worker;

	if (!door->member(door->ctx, "wq_barrier", "done", &done) ||
	    !door->member(door->ctx, "wq_barrier", "work", &work) ||
	    !door->member(door->ctx, "work_struct", "entry", &entry) ||
	    !door->member(door->ctx, "worker", "scheduled", &scheduled) ||
	    !door->symbol(door->ctx, "wq_barrier_func", &wanted) ||
	    la_read_member(g->k, w->address - done.offset + work.offset, "work_struct", "func",
			   &function, NULL) != LA_OK ||
	    function != wanted)
		return 0;
	at = start = w->address - done.offset + work.offset + entry.offset;
	for (unsigned i = 0; i < MAX_SCHEDULED; i++) {
		if (la_read_u64(g->k, at, &at, NULL) != LA_OK || at == start)
			return 0;
		if (la_read_member(g->k, at - scheduled.offset, "worker", "task", &task, NULL) !=
			    LA_OK ||
		    !la_kernel_address(g->k, task))
			continue;
		la_task_read(g->k, task, &worker);
		if (!strncmp(worker.comm, "kworker/", 8))
			return task;
	}
	return 0;
}

/* CPUs come and go by the work of their threads cpuhp/N (kernel/cpu.c, struct cpuhp_cpu_state, 4.10 to 7.1). */
static uint64_t thread_of_hotplug(const struct la_graph *g, const struct la_wait *w)
{
	const struct la_door *door = g->k->door;
	struct la_member up, down;
	uint64_t state, task;

	if (!door->member(door->ctx, "cpuhp_cpu_state", "done_up", &up) ||
	    !door->member(door->ctx, "cpuhp_cpu_state", "done_down", &down))
		return 0;
	for (unsigned cpu = 0; cpu < g->k->ncpus; cpu++)
		if (la_percpu(g->k, "cpuhp_state", cpu, &state, NULL) == LA_OK &&
		    (w->address == state + up.offset || w->address == state + down.offset) &&
		    la_read_member(g->k, state, "cpuhp_cpu_state", "thread", &task, NULL) == LA_OK)
			return la_kernel_address(g->k, task) ? task : 0;
	return 0;
}

void la_wait_provider(const struct la_graph *g, struct la_wait *w)
{
	if (!w->address)
		return;
	if (w->kind == LA_THING_QUEUE)
		w->provider = thread_of_journal(g, w);
	if (w->kind != LA_THING_COMPLETION)
		return;
	w->provider = worker_of_barrier(g, w);
	if (!w->provider)
		w->provider = thread_of_hotplug(g, w);
}
