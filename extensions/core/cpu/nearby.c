// SPDX-License-Identifier: GPL-3.0-or-later
// Who may have what somebody waits for, where nothing names anybody: other tasks that sleep in the same module.
#include <string.h>

#include "graph.h"
#include "priv.h"
#include "lakvm/door/modules.h"

#define MAX_MODULES 4
#define MAX_STACKS 512 /* of tasks that are walked for it */
#define MAX_NEARBY 8

struct search {
	struct la_graph *g;
	const char *module[MAX_MODULES];
	size_t n;
	unsigned stacks, left;
};

/* The innermost frame of a module's function; SIZE_MAX: there is none. */
static size_t module_frame(const struct la_stack *stack)
{
	for (size_t i = 0; stack && i < stack->n; i++)
		if (stack->frame[i].module && !la_is_bpf(stack->frame[i].module) &&
		    stack->frame[i].symbol && stack->frame[i].method != LA_FROM_SCAN)
			return i;
	return SIZE_MAX;
}

static bool is_wanted(const struct search *s, const char *module)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->module[i], module))
			return true;
	return false;
}

/* Of what another sleeper is to do or to give back; not of spin locks, whose holders run. */
static bool may_be_a_task_s(const struct la_thing *t)
{
	switch (t->kind) {
	case LA_THING_RWSEM:
	case LA_THING_SEMAPHORE:
	case LA_THING_PERCPU_RWSEM:
	case LA_THING_COMPLETION:
	case LA_THING_QUEUE:
		return t->holder == LA_NO_NODE && !t->io;
	default:
		return false;
	}
}

static void find_modules(struct search *s)
{
	for (size_t i = 0; i < s->g->n && s->n < MAX_MODULES; i++) {
		const struct la_wait_node *node = &s->g->node[i];
		size_t at;

		if (node->on == LA_NO_NODE || !may_be_a_task_s(&s->g->thing[node->on]))
			continue;
		at = module_frame(node->stack);
		if (at != SIZE_MAX && !is_wanted(s, node->stack->frame[at].module))
			s->module[s->n++] = node->stack->frame[at].module;
	}
}

static bool is_node(const struct la_graph *g, uint64_t task)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->node[i].task.address == task)
			return true;
	return false;
}

static bool take_nearby(void *ctx, uint64_t task)
{
	struct search *s = ctx;
	struct la_stack stack;
	struct la_regs regs;
	size_t at, node;

	if (is_node(s->g, task) || (s->g->cpus && la_cpus_running(s->g->cpus, task)) ||
	    la_task_regs(s->g->k, task, &regs, NULL) != LA_OK)
		return true;
	la_unwind(s->g->k, s->g->arena, &regs, -1, &stack);
	at = module_frame(&stack);
	if (at != SIZE_MAX && is_wanted(s, stack.frame[at].module)) {
		node = la_graph_task(s->g, task);
		if (node == LA_NO_NODE)
			return false;
		s->g->node[node].nearby = true;
		s->g->node[node].function = stack.frame[at].symbol;
		s->left--;
	}
	return s->left && --s->stacks;
}

void la_graph_nearby(struct la_graph *g)
{
	struct search s = { .g = g, .stacks = MAX_STACKS, .left = MAX_NEARBY };

	find_modules(&s);
	if (s.n)
		la_tasks_each(g->k, take_nearby, &s, NULL);
}
