// SPDX-License-Identifier: GPL-3.0-or-later
// The graph of waits in words: who, what for, and who is stuck because of whom.
#include <inttypes.h>
#include <string.h>

#include "cpu/graph.h"
#include "triage.h"

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

const char *la_triage_who(struct la_judgement *j, const struct la_wait_node *node)
{
	const struct la_task *task = &node->task;
	const char *name = task->comm[0] ? task->comm : "a task without a name";
	const char *text;

	if (node->cpu >= 0 && task->pid_known)
		text = la_format(j->arena, "CPU %d (%s, PID %d)", node->cpu, name, task->pid);
	else if (node->cpu >= 0)
		text = la_format(j->arena, "CPU %d", node->cpu);
	else if (task->pid_known)
		text = la_format(j->arena, "task %s (PID %d)", name, task->pid);
	else
		text = la_format(j->arena, "the task at %" PRIx64, task->address);
	return or_empty(text);
}

static const char *kind_in_words(const struct la_thing *thing)
{
	static const char *const words[] = {
		[LA_THING_UNKNOWN] = "something",
		[LA_THING_SPINLOCK] = "spin lock",
		[LA_THING_RWLOCK] = "read-write lock",
		[LA_THING_MUTEX] = "mutex",
		[LA_THING_RWSEM] = "rw semaphore",
		[LA_THING_SEMAPHORE] = "semaphore",
		[LA_THING_RT_MUTEX] = "rt mutex",
		[LA_THING_PERCPU_RWSEM] = "per-CPU rw semaphore",
		[LA_THING_COMPLETION] = "completion",
		[LA_THING_BIT] = "bit",
		[LA_THING_PAGE] = "page",
		[LA_THING_QUEUE] = "wait queue",
		[LA_THING_ANSWER] = "the answer to an IPI",
	};

	return words[thing->kind];
}

const char *la_triage_thing(struct la_judgement *j, const struct la_thing *thing)
{
	const char *text;

	if (thing->kind == LA_THING_ANSWER)
		text = kind_in_words(thing);
	else if (thing->symbol && thing->offset)
		text = la_format(j->arena, "the %s at %s+0x%" PRIx64 "%s%s%s", kind_in_words(thing),
				 thing->symbol, thing->offset, thing->module ? " [" : "",
				 or_empty(thing->module), thing->module ? "]" : "");
	else if (thing->symbol)
		text = la_format(j->arena, "the %s %s%s%s%s", kind_in_words(thing), thing->symbol,
				 thing->module ? " [" : "", or_empty(thing->module),
				 thing->module ? "]" : "");
	else if (thing->what)
		text = thing->what;
	else if (thing->address)
		text = la_format(j->arena, "the %s at %" PRIx64, kind_in_words(thing),
				 thing->address);
	else
		text = thing->kind == LA_THING_UNKNOWN ?
			       kind_in_words(thing) :
			       la_format(j->arena, "a %s", kind_in_words(thing));
	return or_empty(text);
}

static const char *how_in_words(const struct la_thing *thing)
{
	static const char *const words[] = {
		[LA_HOW_UNKNOWN] = "",
		[LA_HOW_OWNER] = "held by",
		[LA_HOW_CODE] = "held by",
		[LA_HOW_REST] = "held by",
		[LA_HOW_ROLE] = "which is to come from",
		[LA_HOW_READER] = "held by readers, the last one known",
		[LA_HOW_NOBODY] = "",
	};

	return words[thing->how];
}

/* How that is known, where the lock itself does not tell. */
static const char *why_in_words(const struct la_thing *thing)
{
	if (thing->how == LA_HOW_CODE)
		return ", whose code has taken it";
	return thing->how == LA_HOW_REST ? ", since nobody else can hold it" : "";
}

/* "waits", or for how long it has. */
static const char *how_long(struct la_judgement *j, const struct la_wait_node *node)
{
	if (!node->since_known || node->since_ns < 1000000000)
		return "waits";
	return or_empty(la_format(j->arena, "has waited %.0f s", (double)node->since_ns / 1e9));
}

/*
 * The module's function that a wait in the kernel's own code is of; NULL if @node waits in a module's own, or in none's. It
 * says more than where the kernel waits.
 */
static const struct la_frame *module_caller(const struct la_wait_node *node)
{
	const struct la_stack *s = node->stack;

	if (!node->function || !s || node->frame >= s->n ||
	    s->frame[node->frame].symbol != node->function)
		return NULL;
	for (size_t i = node->frame + 1; !s->frame[node->frame].module && i < s->n; i++) {
		if (s->frame[i].pt_regs || s->frame[i].method == LA_FROM_SCAN)
			return NULL;
		if (s->frame[i].module && s->frame[i].symbol)
			return &s->frame[i];
	}
	return NULL;
}

/* " in f()", " in f(), on behalf of g() [m],"; empty where that is not known. */
static const char *where(struct la_judgement *j, const struct la_wait_node *node)
{
	const struct la_frame *caller = module_caller(node);

	if (!node->function)
		return "";
	return or_empty(caller ? la_format(j->arena, " in %s(), on behalf of %s() [%s],",
					   node->function, caller->symbol, caller->module) :
				 la_format(j->arena, " in %s()", node->function));
}

const char *la_triage_waiting(const struct la_triage *t, struct la_judgement *j, size_t i)
{
	const struct la_wait_node *node = &t->waits.node[i];
	const struct la_thing *thing = node->on != LA_NO_NODE ? &t->waits.thing[node->on] : NULL;
	const struct la_wait_node *holder =
		thing && thing->holder != LA_NO_NODE ? &t->waits.node[thing->holder] : NULL;
	const char *by = "";

	if (holder == node)
		by = thing->how == LA_HOW_ROLE ? ", which is to come from itself" :
						 ", which it holds itself";
	else if (holder)
		by = la_format(j->arena, ", %s %s%s", how_in_words(thing), la_triage_who(j, holder),
			       why_in_words(thing));
	else if (thing && thing->how == LA_HOW_NOBODY)
		by = ", which no running CPU holds";
	else if (thing && la_thing_passes(thing))
		by = ", which is free, and passes to the first of its queue";
	return or_empty(la_format(j->arena, "%s%s for %s%s", how_long(j, node), where(j, node),
				  thing ? la_triage_thing(j, thing) : "something", or_empty(by)));
}

const char *la_triage_edge(const struct la_triage *t, struct la_judgement *j, size_t i)
{
	return or_empty(la_format(j->arena, "%s %s", la_triage_who(j, &t->waits.node[i]),
				  la_triage_waiting(t, j, i)));
}

/* Does node @i come to @node, by one step or more? */
static bool leads_to(const struct la_waits *w, size_t i, size_t node)
{
	for (size_t steps = 0; steps < w->n; steps++) {
		i = la_waits_next(w, i);
		if (i == LA_NO_NODE || i == node)
			return i == node;
	}
	return false;
}

void la_triage_behind(const struct la_triage *t, struct la_judgement *j, size_t node)
{
	for (size_t i = 0; i < t->waits.n; i++)
		if (i == node ? t->waits.node[i].cycle > 0 : leads_to(&t->waits, i, node))
			la_triage_stuck(j, "%s", la_triage_edge(t, j, i));
}

void la_triage_blame(struct la_judgement *j, const struct la_wait_node *node, const char *kind)
{
	struct la_panic *p = j->panic;
	struct la_cause *c = &p->cause;
	const struct la_frame *f = node->stack && node->frame < node->stack->n ?
					   &node->stack->frame[node->frame] :
					   NULL;
	const struct la_frame *caller;

	p->cpu = node->cpu;
	p->task = node->task;
	p->stack = node->stack && node->stack->n ? node->stack : NULL;
	c->kind = kind;
	c->caller = NULL;
	if (!node->function || !f || f->symbol != node->function)
		return;
	c->symbol = f->symbol;
	c->module = f->module;
	c->pc_known = f->pc_known;
	c->pc = f->pc;
	c->offset = f->pc_known ? f->offset : 0;
	caller = module_caller(node);
	if (!caller)
		return;
	c->caller = caller->symbol;
	c->caller_offset = caller->pc_known ? caller->offset : 0;
	c->module = caller->module;
}

/* The node of what the verdict names. */
static size_t node_of(const struct la_waits *w, const struct la_panic *p)
{
	for (size_t i = 0; i < w->n; i++)
		if (p->task.address ? w->node[i].task.address == p->task.address :
				      p->cpu >= 0 && w->node[i].cpu == p->cpu)
			return i;
	return LA_NO_NODE;
}

void la_triage_add_waits(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_waits *w = &t->waits;
	const size_t node = node_of(w, j->panic);

	if (j->panic->nstuck)
		return;
	/* A guest that lived on after an oops: who hangs since, perhaps for what the dead task was to do. */
	for (size_t i = 0; j->panic->verdict == LA_VERDICT_OOPS && i < w->n; i++)
		if (la_triage_waits_long(w, i))
			la_triage_stuck(j, "%s", la_triage_edge(t, j, i));
	/* Who waits for what somebody had who is dead. */
	for (size_t i = 0; i < w->n; i++)
		if (la_waits_next(w, i) != LA_NO_NODE && w->node[la_waits_next(w, i)].state == 'X')
			la_triage_stuck(j, "%s, who is dead", la_triage_edge(t, j, i));
	if (node == LA_NO_NODE)
		return;
	/* Where it leads first, then who else is stuck in it. */
	for (size_t i = node, steps = 0; i != LA_NO_NODE && steps < w->n && steps < 8; steps++) {
		if (w->node[i].on != LA_NO_NODE)
			la_triage_stuck(j, "%s", la_triage_edge(t, j, i));
		i = la_waits_next(w, i);
		if (i == node)
			break;
	}
	for (size_t i = 0; i < w->n; i++)
		if (i != node && leads_to(w, i, node) && !leads_to(w, node, i))
			la_triage_stuck(j, "%s", la_triage_edge(t, j, i));
}
