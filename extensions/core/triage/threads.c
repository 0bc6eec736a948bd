// SPDX-License-Identifier: GPL-3.0-or-later
// A guest that has as many tasks as it can: fork() fails there, and nothing else says so.
#include <stdio.h>
#include <string.h>

#include "collect.h"

#define COMM sizeof(((struct la_task *)NULL)->comm)
#define NAMES 64 /* of tasks that are counted: who leaks them comes again and again */

struct names {
	const struct la_kernel *k;
	size_t offset; /* of task_struct.comm */
	struct {
		char name[COMM];
		size_t n;
	} of[NAMES];
	size_t n;
};

/* "courier/17" and "courier/18" are of one kind. */
static bool count_name(void *ctx, uint64_t task)
{
	struct names *all = ctx;
	char name[COMM];
	size_t i;

	if (la_read_name(all->k, task + all->offset, name, sizeof(name), NULL) != LA_OK)
		return true;
	name[strcspn(name, "0123456789")] = '\0';
	for (i = 0; i < all->n && strcmp(all->of[i].name, name) != 0;)
		i++;
	if (i == NAMES)
		return true;
	if (i == all->n)
		snprintf(all->of[all->n++].name, sizeof(name), "%s", name);
	all->of[i].n++;
	return true;
}

/* The most of one name; 0: nobody knows. */
static size_t find_most(const struct la_kernel *k, struct la_arena *arena, char ret[COMM])
{
	struct names *all = la_alloc(arena, sizeof(*all));
	struct la_member comm;
	size_t best = 0;

	if (!all || !k->door->member(k->door->ctx, "task_struct", "comm", &comm))
		return 0;
	all->k = k;
	all->offset = comm.offset;
	la_tasks_each(k, count_name, all, NULL);
	for (size_t i = 0; i < all->n; i++)
		if (all->of[i].n > all->of[best].n)
			best = i;
	memcpy(ret, all->of[best].name, COMM);
	return all->of[best].n;
}

/*
 * kernel/fork.c (5.19 to 7.2) makes no task beyond max_threads, which it sets by the size of memory (threads-max of
 * /proc/sys/kernel). A few end and are made again all the time.
 */
void la_triage_threads(const struct la_kernel *k, struct la_triage *t, struct la_judgement *j)
{
	uint64_t threads, most;

	if (la_read_variable(k, "nr_threads", 4, &threads, NULL) != LA_OK ||
	    la_read_variable(k, "max_threads", 4, &most, NULL) != LA_OK || !most ||
	    threads < most - most / 50)
		return;
	t->full.threads = threads;
	t->full.most = most;
	t->full.named = find_most(k, j->arena, t->full.name);
	la_triage_fact(j, "nr_threads", "%llu tasks, of %llu that there can be (threads-max)",
		       (unsigned long long)threads, (unsigned long long)most);
}

void la_triage_say_threads(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_full *f = &t->full;

	if (!f->threads || j->panic->verdict != LA_VERDICT_RUNNING || j->panic->summary)
		return;
	la_triage_summary(
		j,
		"it runs, but hardly any task can be made any more: there are %llu tasks of %llu that there can be",
		(unsigned long long)f->threads, (unsigned long long)f->most);
	if (!f->named) /* what the tasks are is not known */
		return;
	la_triage_summary(j, "%s, %zu of them named \"%s\"", j->panic->summary, f->named, f->name);
	la_triage_advice(j, "crash> ps | grep %s: who makes them, and why they do not end",
			 f->name);
}
