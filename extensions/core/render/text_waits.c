// SPDX-License-Identifier: GPL-3.0-or-later
// Who waits for whom, as trees: whoever is waited for, and below it those that wait.
#include <inttypes.h>

#include "text.h"

#define MAX_DEPTH 12 /* deeper ones stand at this depth */
#define MAX_QUEUE 16

struct tree {
	const struct la_waits *w;
	const struct la_sink *sink;
	size_t lines, left_out; /* that may still be put; that were not */
};

static bool may_put(struct tree *t, unsigned depth)
{
	if (!t->lines) {
		t->left_out++;
		return false;
	}
	t->lines--;
	la_put(t->sink, "%*s", (int)(2 + 2 * (depth < MAX_DEPTH ? depth : MAX_DEPTH)), "");
	return true;
}

void la_put_wait_state(const struct la_wait_node *n, const struct la_sink *sink)
{
	la_put(sink, "%c", n->state);
	if (n->since_known)
		la_put(sink, " for %.3f s", (double)n->since_ns / 1e9);
	if (n->function) {
		la_puts(sink, " in ");
		la_put_text(sink, n->function, false);
	}
}

static void put_node(const struct la_wait_node *n, const struct la_sink *sink)
{
	if (n->cpu >= 0)
		la_put(sink, "CPU %d ", n->cpu);
	if (n->task.comm[0]) {
		la_puts(sink, "\"");
		la_put_text(sink, n->task.comm, false);
		la_puts(sink, "\"");
	} else {
		la_puts(sink, n->cpu >= 0 ? "(unknown task)" : "unknown task");
	}
	if (n->task.pid_known)
		la_put(sink, " (PID %d)", n->task.pid);
	la_puts(sink, " ");
	la_put_wait_state(n, sink);
}

static void put_thing(const struct la_thing *g, const struct la_sink *sink)
{
	la_puts(sink, la_thing_name(g->kind));
	if (g->address)
		la_put(sink, " %016" PRIx64, g->address);
	if (g->symbol) {
		la_puts(sink, " (");
		la_put_symbol(sink, g->symbol, true, g->offset, g->module);
		la_puts(sink, ")");
	}
	if (g->what) {
		la_puts(sink, ", ");
		la_put_text(sink, g->what, false);
	}
	if (g->word_known && (g->kind == LA_THING_SPINLOCK || g->kind == LA_THING_RWLOCK))
		la_put(sink, ", word %08" PRIx64, g->word);
	for (size_t i = 0; i < g->nqueue && i < MAX_QUEUE; i++)
		la_put(sink, i ? ", %u" : ", queue: CPU %u", g->queue[i].cpu);
	if (g->nqueue > MAX_QUEUE)
		la_put(sink, " and %zu more", g->nqueue - MAX_QUEUE);
	if (g->io)
		la_puts(sink, ", ends with an I/O");
}

/* "how": by what its holder is known. */
static void put_waiter(struct tree *t, size_t i, unsigned depth)
{
	const struct la_wait_node *n = &t->w->node[i];
	const struct la_thing *g = &t->w->thing[n->on];

	if (!may_put(t, depth))
		return;
	put_node(n, t->sink);
	la_puts(t->sink, " waits for ");
	put_thing(g, t->sink);
	if (g->holder != LA_NO_NODE)
		la_put(t->sink, " (by %s)", la_how_name(g->how));
	la_puts(t->sink, "\n");
}

/* Those that wait for node @i, but for those in its circle, each with those that wait for it. */
static void put_below(struct tree *t, size_t i, unsigned depth)
{
	for (size_t k = 0; k < t->w->n && depth < LA_MAX_WAITS; k++) {
		if (t->w->node[k].cycle || la_waits_next(t->w, k) != i || k == i)
			continue;
		put_waiter(t, k, depth);
		put_below(t, k, depth + 1);
	}
}

static void put_cycle(struct tree *t, unsigned cycle)
{
	const struct la_waits *w = t->w;
	size_t first = 0, i;

	while (first < w->n && w->node[first].cycle != cycle)
		first++;
	if (first == w->n || !may_put(t, 0))
		return;
	la_puts(t->sink, "in a circle:\n");
	i = first;
	for (size_t steps = 0; steps < w->n; steps++) {
		put_waiter(t, i, 1);
		put_below(t, i, 2);
		i = la_waits_next(w, i);
		if (i == first || i == LA_NO_NODE)
			break;
	}
}

/* Something that nobody is known to hold, and who waits for it. */
static void put_ownerless(struct tree *t, size_t thing)
{
	const struct la_thing *g = &t->w->thing[thing];

	if (g->holder != LA_NO_NODE || !g->nwaiters || !may_put(t, 0))
		return;
	put_thing(g, t->sink);
	la_puts(t->sink, g->how == LA_HOW_NOBODY ? ": nobody can hold it\n" :
			 la_thing_passes(g)      ? ": free, it passes to the first of its queue\n" :
						   ": held by unknown\n");
	for (size_t k = 0; k < t->w->n; k++) {
		if (t->w->node[k].on != thing || !may_put(t, 1))
			continue;
		put_node(&t->w->node[k], t->sink);
		la_puts(t->sink, " waits for it\n");
		put_below(t, k, 2);
	}
}

void la_put_waits(const struct la_waits *w, size_t lines, const struct la_sink *sink)
{
	struct tree t = { .w = w, .sink = sink, .lines = lines };

	for (unsigned cycle = 1; cycle <= w->ncycles; cycle++)
		put_cycle(&t, cycle);
	for (size_t i = 0; i < w->n; i++) {
		if (w->node[i].on != LA_NO_NODE || !w->node[i].behind || !may_put(&t, 0))
			continue;
		put_node(&w->node[i], sink);
		la_put(sink, ": %zu behind it\n", w->node[i].behind);
		put_below(&t, i, 1);
	}
	for (size_t i = 0; i < w->nthings; i++)
		put_ownerless(&t, i);
	if (t.left_out || w->left_out)
		la_put(sink, "  (%zu more)\n", t.left_out + w->left_out);
	if (w->remark) {
		la_puts(sink, "  note: ");
		la_put_text(sink, w->remark, false);
		la_puts(sink, "\n");
	}
}

bool la_has_waits(const struct la_waits *w)
{
	return w && (w->nthings || w->remark);
}
