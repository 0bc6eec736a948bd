// SPDX-License-Identifier: GPL-3.0-or-later
// CPUs or tasks that wait for each other in a circle.
#include "triage.h"

/* The cycle with the most behind it, by its first node. */
static size_t worst_cycle(const struct la_waits *w)
{
	size_t worst = LA_NO_NODE;

	for (size_t i = 0; i < w->n; i++) {
		if (!w->node[i].cycle)
			continue;
		if (worst == LA_NO_NODE || (w->node[i].cycle != w->node[worst].cycle &&
					    w->node[i].behind > w->node[worst].behind))
			worst = i;
	}
	return worst;
}

/* Do all locks of the circle name their holders themselves? */
static bool is_proved(const struct la_waits *w, size_t first)
{
	size_t i = first;

	do {
		if (w->thing[w->node[i].on].how != LA_HOW_OWNER)
			return false;
		i = la_waits_next(w, i);
	} while (i != first);
	return true;
}

/* Does somebody of the circle wait for what another one has to do, and not for a lock? */
static bool has_role(const struct la_waits *w, size_t first)
{
	size_t i = first;

	do {
		if (w->thing[w->node[i].on].how == LA_HOW_ROLE)
			return true;
		i = la_waits_next(w, i);
	} while (i != first);
	return false;
}

/* Is the task of the last oops in the circle? */
static bool died_in(const struct la_triage *t, size_t first)
{
	const struct la_waits *w = &t->waits;
	size_t i = first;

	do {
		if (t->last_oops->pid_known && w->node[i].task.pid_known &&
		    w->node[i].task.pid == t->last_oops->pid)
			return true;
		i = la_waits_next(w, i);
	} while (i != first);
	return false;
}

/* How not to get into such a circle. */
static const char *way_out(const struct la_waits *w, size_t first)
{
	const bool alone = la_waits_next(w, first) == first;

	if (has_role(w, first))
		return alone ? "a work item, thread or handler may not wait for its own end, nor for what is done only after it" :
			       "who waits for the end of a work item, thread or handler may hold nothing that this one wants";
	return alone ? "a lock that is held may not be taken again: not by the functions it is held over, and not in an "
		       "interrupt or softirq that comes meanwhile (spin_lock_irqsave(), spin_lock_bh())" :
		       "these functions have to take their locks in one order";
}

bool la_judge_deadlock(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_waits *w = &t->waits;
	const size_t first = worst_cycle(w);
	const struct la_thing *thing;
	const char *text;
	size_t i = first;

	if (first == LA_NO_NODE)
		return false;
	thing = &w->thing[w->node[first].on];
	j->panic->verdict = LA_VERDICT_DEADLOCK;
	j->panic->confidence = is_proved(w, first) ? LA_CERTAIN : LA_LIKELY;
	la_triage_blame(j, &w->node[first], "deadlock");
	if (thing->address) {
		j->panic->cause.address = thing->address;
		j->panic->cause.address_known = true;
	}
	text = la_format(j->arena, "%s", la_triage_edge(t, j, first));
	while ((i = la_waits_next(w, i)) != first && text)
		text = la_format(j->arena, "%s; %s", text, la_triage_edge(t, j, i));
	j->panic->message =
		la_waits_next(w, first) == first ?
			la_format(j->arena, "%s waits for %s", la_triage_who(j, &w->node[first]),
				  has_role(w, first) ? "itself" : "what it has itself") :
		has_role(w, first) ? "each waits for the next one" :
				     "each waits for what the next one has";
	if (text)
		la_triage_summary(j, "%s", text);
	la_triage_behind(t, j, first);
	/* Its own end wants what it had when it died. */
	if (t->last_oops && died_in(t, first)) {
		j->panic->confidence = LA_LIKELY;
		j->panic->cause = (struct la_cause){ .kind = NULL };
		la_triage_blame_oops(t, j, la_triage_thing(j, thing));
		return true;
	}
	la_triage_advice(j, "%s", way_out(w, first));
	la_triage_advice(j, "a kernel with CONFIG_PROVE_LOCKING says so before it happens");
	return true;
}
