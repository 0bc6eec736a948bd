// SPDX-License-Identifier: GPL-3.0-or-later
// Who does what a sleeping task waits for: what it waits on is part of a structure that names that task.
#include <string.h>

#include "graph.h"
#include "priv.h"

#define MAX_HANDLERS 16 /* of one interrupt that share it; more are damage */

/* As far as the stack is more than words that may be left over. */
static bool is_in(const struct la_stack *stack, const char *function)
{
	for (size_t i = 0; i < stack->n && stack->frame[i].method != LA_FROM_SCAN; i++)
		if (la_is_function(stack->frame[i].symbol, function))
			return true;
	return false;
}

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

/* synchronize_irq() waits for the threads of one interrupt's handlers (include/linux/irqdesc.h, interrupt.h, 5.10 to 7.1). */
static uint64_t thread_of_irq(const struct la_graph *g, const struct la_wait *w)
{
	const struct la_door *door = g->k->door;
	uint64_t action, thread, found = 0;
	struct la_member queue;

	if (!door->member(door->ctx, "irq_desc", "wait_for_threads", &queue) ||
	    la_read_member(g->k, w->address - queue.offset, "irq_desc", "action", &action, NULL) !=
		    LA_OK)
		return 0;
	for (unsigned i = 0; i < MAX_HANDLERS && la_kernel_address(g->k, action); i++) {
		if (la_read_member(g->k, action, "irqaction", "thread", &thread, NULL) != LA_OK ||
		    (thread && found))
			return 0;
		found = thread ? thread : found;
		if (la_read_member(g->k, action, "irqaction", "next", &action, NULL) != LA_OK)
			return 0;
	}
	return la_kernel_address(g->k, found) ? found : 0;
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

static bool add_ending(struct la_graph *g, uint64_t completion, uint64_t task)
{
	struct la_ending *list =
		la_room(g->arena, g->ending, g->nendings, &g->ending_room, sizeof(*list));

	if (!list)
		return false;
	g->ending = list;
	g->ending[g->nendings++] = (struct la_ending){ completion, task };
	return true;
}

/*
 * A task completes what its vfork_done says when it ends: kthread.exited, for which kthread_stop() waits, or what its
 * parent waits for in vfork() (kernel/fork.c); and a thread kthread.parked, for which kthread_park() does. Its struct
 * kthread is in worker_private since 5.17 (kernel/kthread.c, to 7.1).
 */
static bool take_ending(void *ctx, uint64_t task)
{
	struct la_graph *g = ctx;
	const struct la_door *door = g->k->door;
	struct la_member parked;
	uint64_t at;

	if (la_read_member(g->k, task, "task_struct", "vfork_done", &at, NULL) == LA_OK && at &&
	    !add_ending(g, at, task))
		return false;
	return la_read_member(g->k, task, "task_struct", "worker_private", &at, NULL) != LA_OK ||
	       !at || !door->member(door->ctx, "kthread", "parked", &parked) ||
	       add_ending(g, at + parked.offset, task);
}

static uint64_t task_that_ends(struct la_graph *g, const struct la_stack *stack, struct la_wait *w)
{
	const bool vfork =
		is_in(stack, "kernel_clone") || is_in(stack, "_do_fork"); /* before 5.10 */
	const bool asks = vfork || is_in(stack, "kthread_stop") || is_in(stack, "kthread_park");

	if (asks && !g->endings_read)
		la_tasks_each(g->k, take_ending, g, NULL);
	g->endings_read = g->endings_read || asks;
	for (size_t i = 0; asks && i < g->nendings; i++) {
		if (g->ending[i].completion != w->address)
			continue;
		if (vfork)
			w->what = "its child of vfork() to run a program, or to end";
		return g->ending[i].task;
	}
	return 0;
}

/* rcu_barrier() waits for callbacks of all CPUs (kernel/rcu/tree.c): for the CPU that does not come out of one of them. */
static uint64_t task_in_callback(const struct la_graph *g, const struct la_stack *stack)
{
	const bool waits = is_in(stack, "rcu_barrier");
	const struct la_cpu *found = NULL;

	for (size_t i = 0; waits && g->cpus && i < g->cpus->n; i++) {
		const struct la_cpu *c = &g->cpus->cpu[i];

		if (!is_in(&c->stack, "rcu_do_batch"))
			continue;
		if (found)
			return 0;
		found = c;
	}
	return found ? found->task.address : 0;
}

static bool take_stack(void *ctx, uint64_t task)
{
	struct la_graph *g = ctx;
	struct la_stack_of *list;
	uint64_t base;

	if (la_read_member(g->k, task, "task_struct", "stack", &base, NULL) != LA_OK)
		return true;
	list = la_room(g->arena, g->stack, g->nstacks, &g->stack_room, sizeof(*list));
	if (!list)
		return false;
	g->stack = list;
	g->stack[g->nstacks++] = (struct la_stack_of){ base, task };
	return true;
}

/* A wait queue that another task has on its stack: that one has begun what is waited for, and wakes the others (fs/dcache.c). */
static uint64_t owner_of_stack(struct la_graph *g, const struct la_wait_node *node,
			       struct la_wait *w)
{
	if (!g->stacks_read)
		la_tasks_each(g->k, take_stack, g, NULL);
	g->stacks_read = true;
	for (size_t i = 0; i < g->nstacks; i++) {
		if (w->address - g->stack[i].base >= LA_THREAD_SIZE)
			continue;
		if (g->stack[i].task == node->task.address)
			return 0;
		if (!w->what)
			w->what = "something that another task does";
		return g->stack[i].task;
	}
	return 0;
}

void la_wait_provider(struct la_graph *g, const struct la_wait_node *node, struct la_wait *w)
{
	if (!w->address)
		return;
	if (w->kind == LA_THING_QUEUE)
		w->provider = thread_of_journal(g, w);
	if (w->kind == LA_THING_QUEUE &&
	    (is_in(node->stack, "__synchronize_irq") || is_in(node->stack, "synchronize_irq")))
		w->provider = thread_of_irq(g, w);
	if (w->kind == LA_THING_QUEUE && !w->provider)
		w->provider = owner_of_stack(g, node, w);
	if (w->kind != LA_THING_COMPLETION)
		return;
	la_wait_work(g, node->task.address, w);
	if (!w->provider)
		w->provider = thread_of_hotplug(g, w);
	if (!w->provider)
		w->provider = task_that_ends(g, node->stack, w);
	if (!w->provider)
		w->provider = task_in_callback(g, node->stack);
}
