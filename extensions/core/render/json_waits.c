// SPDX-License-Identifier: GPL-3.0-or-later
// The graph of who waits for whom as JSON (docs/json.md, "waits").
#include "json.h"

static json_t *index_or_null(size_t i)
{
	return la_json_number(i != LA_NO_NODE, i);
}

static json_t *node(struct la_json *b, const struct la_wait_node *n)
{
	const char state[2] = { n->state, '\0' };
	json_t *o = json_object();

	la_json_set(b, o, "cpu", n->cpu >= 0 ? json_integer(n->cpu) : json_null());
	la_json_set_task(b, o, &n->task);
	la_json_set(b, o, "state", la_json_text(state));
	la_json_set(b, o, "function", la_json_text(n->function));
	la_json_set(b, o, "pc", la_json_hex(n->pc != 0, n->pc));
	la_json_set(b, o, "waits_for", index_or_null(n->on));
	la_json_set(b, o, "writes", json_boolean(n->write));
	la_json_set(b, o, "since_ns", la_json_number(n->since_known, n->since_ns));
	la_json_set(b, o, "nearby", json_boolean(n->nearby));
	la_json_set(b, o, "timed", json_boolean(n->timed));
	la_json_set(b, o, "queued", la_json_text(n->queued));
	la_json_set(b, o, "behind", la_json_number(true, n->behind));
	la_json_set(b, o, "cycle", la_json_number(n->cycle != 0, n->cycle));
	return o;
}

static json_t *queue(struct la_json *b, const struct la_thing *t)
{
	json_t *list = json_array(), *o;

	for (size_t i = 0; i < t->nqueue; i++) {
		o = json_object();
		la_json_set(b, o, "cpu", la_json_number(true, t->queue[i].cpu));
		la_json_set(b, o, "level", la_json_number(true, t->queue[i].level));
		la_json_append(b, list, o);
	}
	return list;
}

static json_t *thing(struct la_json *b, const struct la_thing *t)
{
	json_t *o = json_object();

	la_json_set(b, o, "kind", la_json_text(la_thing_name(t->kind)));
	la_json_set(b, o, "address", la_json_hex(t->address != 0, t->address));
	la_json_set(b, o, "symbol", la_json_text(t->symbol));
	la_json_set(b, o, "offset", la_json_number(t->symbol != NULL, t->offset));
	la_json_set(b, o, "module", la_json_text(t->module));
	la_json_set(b, o, "word", la_json_hex(t->word_known, t->word));
	la_json_set(b, o, "queue", queue(b, t));
	la_json_set(b, o, "queue_cut", json_boolean(t->queue_cut));
	la_json_set(b, o, "readers", la_json_number(t->word_known, t->readers));
	la_json_set(b, o, "bit", t->bit >= 0 ? json_integer(t->bit) : json_null());
	la_json_set(b, o, "what", la_json_text(t->what));
	la_json_set(b, o, "io", json_boolean(t->io));
	la_json_set(b, o, "how", la_json_text(la_how_name(t->how)));
	la_json_set(b, o, "holder", index_or_null(t->holder));
	la_json_set(b, o, "waiters", la_json_number(true, t->nwaiters));
	return o;
}

json_t *la_json_waits(struct la_json *b, const struct la_waits *w)
{
	json_t *o, *list;

	if (!w)
		return json_null();
	o = json_object();
	list = json_array();
	for (size_t i = 0; i < w->n; i++)
		la_json_append(b, list, node(b, &w->node[i]));
	la_json_set(b, o, "nodes", list);
	list = json_array();
	for (size_t i = 0; i < w->nthings; i++)
		la_json_append(b, list, thing(b, &w->thing[i]));
	la_json_set(b, o, "things", list);
	la_json_set(b, o, "cycles", la_json_number(true, w->ncycles));
	la_json_set(b, o, "tasks", la_json_number(true, w->tasks));
	la_json_set(b, o, "left_out", la_json_number(true, w->left_out));
	la_json_set(b, o, "remark", la_json_text(w->remark));
	return o;
}
