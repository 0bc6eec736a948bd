// SPDX-License-Identifier: GPL-3.0-or-later
// Work that waits in the pool of workers that the workqueues' watchdog has reported.
#include "collect.h"

#define POOLS 2 /* of a CPU, by priority (NR_STD_WORKER_POOLS, kernel/workqueue.c, 3.9 to 7.1) */

void la_triage_work(const struct la_kernel *k, struct la_triage *t)
{
	const struct la_event *e = la_events_last(&t->events, LA_EVENT_WORKQUEUE, SIZE_MAX);
	const struct la_door *door = k->door;
	struct la_member list;
	uint64_t pool, next;
	size_t size;

	if (!e || e->cpu < 0 || !door->type_size(door->ctx, "worker_pool", &size) ||
	    !door->member(door->ctx, "worker_pool", "worklist", &list) ||
	    la_percpu(k, "cpu_worker_pools", (unsigned)e->cpu, &pool, NULL) != LA_OK)
		return;
	for (unsigned i = 0; i < POOLS; i++, pool += size) {
		if (la_read_u64(k, pool + list.offset, &next, NULL) != LA_OK)
			return;
		t->work_waits |= next != pool + list.offset;
	}
	t->work_known = true;
}
