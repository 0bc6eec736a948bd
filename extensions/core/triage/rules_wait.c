// SPDX-License-Identifier: GPL-3.0-or-later
// Rules on who waits for whom: deadlocks, locks that do not come back, die() within die(), tasks that sleep too long.
#include <inttypes.h>
#include <string.h>

#include "triage.h"

#define SECOND UINT64_C(1000000000)

/* --- die() waits for itself --- */

static const char *exception_name(const struct la_fault *f)
{
	uint64_t estat;

	if (!la_csr_get(&f->regs, LA_CSR_ESTAT, &estat))
		return "an exception";
	return la_ecode_meaning(LA_ESTAT_ECODE(estat), LA_ESTAT_ESUBCODE(estat));
}

static const char *place_name(struct la_judgement *j, const struct la_fault *f)
{
	const char *text = f->symbol ? la_format(j->arena, "%s+0x%" PRIx64, f->symbol, f->offset) :
				       la_format(j->arena, "%016" PRIx64, f->pc);

	return text ? text : "?";
}

/* Has another CPU the lock that this one waits for in die(), one of which nobody knows that it is in die(), too? */
static bool has_other_holder(const struct la_triage *t, const struct la_dying *d)
{
	const size_t node = la_waits_cpu(&t->waits, d->cpu->cpu);
	const size_t holder = la_waits_next(&t->waits, node);

	if (holder == LA_NO_NODE)
		return false;
	for (size_t i = 0; i < t->ndying; i++)
		if (t->waits.node[holder].cpu == (int)t->dying[i].cpu->cpu)
			return false;
	return true;
}

/* The one that waits for what it has itself: its outer die() has taken the lock, its inner one wants it. */
static const struct la_dying *find_stuck(const struct la_triage *t)
{
	const struct la_dying *found = NULL;
	bool all = t->ndying > 0;

	for (size_t i = 0; i < t->ndying; i++) {
		const struct la_dying *d = &t->dying[i];

		all = all && d->waits && !has_other_holder(t, d);
		if (d->waits && d->exceptions > 1 && (!found || (d->has_lock && !found->has_lock)))
			found = d;
	}
	/* Nobody else is in die() to give it back. */
	return found ? found : all ? &t->dying[0] : NULL;
}

static void tell_dying(struct la_judgement *j, const struct la_dying *d)
{
	const char *more = "";

	if (!d->exceptions)
		return;
	if (d->exceptions > 1)
		more = la_format(j->arena, ", then %s in %s%s", exception_name(&d->last),
				 place_name(j, &d->last),
				 d->printing ? " while die() printed that" : "");
	la_triage_stuck(j, "CPU %u is in die(): %s at %s%s%s", d->cpu->cpu,
			exception_name(&d->first), place_name(j, &d->first), more ? more : "",
			d->waits ? "; waits for die_lock" : "");
}

bool la_judge_die_deadlock(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_dying *d = find_stuck(t);

	if (!d)
		return false;
	j->panic->verdict = LA_VERDICT_DIE_DEADLOCK;
	j->panic->confidence =
		d->has_lock && d->cpu->stack.verified && d->exceptions > 1 ? LA_CERTAIN : LA_LIKELY;
	la_triage_who_from_cpu(j, d->cpu);
	j->panic->cause.kind = "die-deadlock";
	if (d->first.regs.source != LA_REGS_NONE)
		la_triage_cause_fault(j, &d->first);
	j->panic->message =
		la_format(j->arena, "CPU %u waits in die() for die_lock%s", d->cpu->cpu,
			  d->has_lock || d->exceptions > 1 ? ", which it has itself" : "");
	if (d->exceptions > 1)
		la_triage_summary(
			j,
			"%s at %s; %s, %s in %s ended in a second die(), which waits for die_lock that the first one has",
			exception_name(&d->first), place_name(j, &d->first),
			d->printing ? "while die() printed that" : "in die()",
			exception_name(&d->last), place_name(j, &d->last));
	for (size_t i = 0; i < t->ndying; i++)
		tell_dying(j, &t->dying[i]);
	for (size_t i = 0; i < t->waits.n; i++)
		if (t->waits.node[i].cpu != (int)d->cpu->cpu &&
		    la_waits_head(&t->waits, i) == la_waits_cpu(&t->waits, d->cpu->cpu))
			la_triage_stuck(j, "%s", la_triage_edge(t, j, i));
	la_triage_advice(
		j,
		"the fault to mend is the first one; the lock is only why nothing was printed of it");
	return true;
}

/* --- a spin lock that does not come back --- */

/* The last oops that was before: did its task die with the lock? */
bool la_triage_blame_oops(const struct la_triage *t, struct la_judgement *j, const char *lock)
{
	const struct la_event *oops = t->last_oops;

	if (!oops)
		return false;
	la_triage_cause_oops(t, j);
	la_triage_set_uptime(j, oops->ts_nsec);
	la_triage_summary(j, "%s at %.6f: who had it died with %s, which nobody gives back",
			  oops->text ? oops->text : "an oops", la_seconds(oops->ts_nsec), lock);
	return true;
}

/* Has this CPU been at it for seconds, or did the kernel say that it is stuck? */
static bool is_long(const struct la_triage *t, int cpu)
{
	const struct la_cpu *c = cpu >= 0 && t->cpus ? la_cpus_find(t->cpus, (unsigned)cpu) : NULL;

	if (!c)
		return false;
	if ((c->clock_age_known && c->clock_age_ns >= LA_DEAF_NS) || la_triage_starved(t, c))
		return true;
	for (size_t i = 0; i < t->events.n; i++)
		if (t->events.event[i].kind == LA_EVENT_SOFT_LOCKUP &&
		    t->events.event[i].cpu == cpu)
			return true;
	return false;
}

static bool any_long(const struct la_triage *t, size_t thing)
{
	const struct la_waits *w = &t->waits;
	const size_t holder = w->thing[thing].holder;

	for (size_t i = 0; i < w->n; i++)
		if (w->node[i].on == thing && is_long(t, w->node[i].cpu))
			return true;
	return holder != LA_NO_NODE && is_long(t, w->node[holder].cpu);
}

/* Is it sure that this lock does not come back? */
static bool is_lost(const struct la_triage *t, size_t thing)
{
	const struct la_thing *l = &t->waits.thing[thing];

	if ((l->kind != LA_THING_SPINLOCK && l->kind != LA_THING_RWLOCK) || !l->nwaiters)
		return false;
	if (l->how == LA_HOW_NOBODY)
		return true;
	return l->holder != LA_NO_NODE && (t->waits.node[l->holder].cpu < 0 || any_long(t, thing));
}

static void tell_lost(const struct la_triage *t, struct la_judgement *j, const struct la_thing *l)
{
	const char *lock = la_triage_thing(j, l);
	const struct la_wait_node *holder = &t->waits.node[l->holder];

	if (holder->state == 'X' && la_triage_blame_oops(t, j, lock))
		return;
	if (holder->cpu < 0)
		la_triage_summary(j,
				  "%s has taken %s and sleeps%s%s%s with it, where nobody may sleep",
				  la_triage_who(j, holder), lock, holder->function ? " in " : "",
				  holder->function ? holder->function : "",
				  holder->function ? "()" : "");
	else
		la_triage_summary(j, "%s has %s and does not come to give it back%s%s%s",
				  la_triage_who(j, holder), lock,
				  holder->function ? ": it is in " : "",
				  holder->function ? holder->function : "",
				  holder->function ? "()" : "");
}

bool la_judge_spinlock(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_waits *w = &t->waits;
	const struct la_wait_node *waiter = NULL;
	const struct la_thing *l = NULL;
	const char *lock;
	size_t thing = 0;

	while (thing < w->nthings && !is_lost(t, thing))
		thing++;
	for (size_t i = 0; thing < w->nthings && i < w->n && !waiter; i++)
		waiter = w->node[i].on == thing ? &w->node[i] : NULL;
	if (!waiter)
		return false;
	l = &w->thing[thing];
	lock = la_triage_thing(j, l);
	j->panic->verdict = LA_VERDICT_SPINLOCK;
	j->panic->confidence = LA_LIKELY;
	if (l->how == LA_HOW_NOBODY) {
		j->panic->message =
			la_format(j->arena, "%s waits for %s, which no running CPU holds",
				  la_triage_who(j, waiter), lock);
		la_triage_blame(j, waiter, "spinlock");
		if (!la_triage_blame_oops(t, j, lock))
			la_triage_summary(
				j,
				"%s was not given back: every other CPU is idle, in user mode, or waits for it",
				lock);
	} else {
		j->panic->message = la_format(j->arena, "%s waits for %s, taken by %s",
					      la_triage_who(j, waiter), lock,
					      la_triage_who(j, &w->node[l->holder]));
		la_triage_blame(j, &w->node[l->holder], "spinlock");
		tell_lost(t, j, l);
	}
	if (!j->panic->cause.address_known && l->address) {
		j->panic->cause.address = l->address;
		j->panic->cause.address_known = true;
	}
	for (size_t i = 0; i < w->n; i++)
		if (w->node[i].on == thing)
			la_triage_stuck(j, "%s", la_triage_edge(t, j, i));
	return true;
}

/* --- tasks that sleep, and nobody has said a word yet --- */

/* Longer than drivers sleep on purpose (msleep()); and where no time is set, longer than locks are held. */
#define SLEPT_LONG (10 * SECOND)
#define WAITED_LONG (5 * SECOND)

bool la_triage_waits_long(const struct la_waits *w, size_t i)
{
	const struct la_wait_node *n = &w->node[i];
	const bool lock = n->on != LA_NO_NODE &&
			  (w->thing[n->on].io || (w->thing[n->on].kind != LA_THING_UNKNOWN &&
						  w->thing[n->on].kind != LA_THING_QUEUE));

	return n->cpu < 0 && n->state == 'D' && n->since_known &&
	       n->since_ns >= (lock || !n->timed ? WAITED_LONG : SLEPT_LONG);
}

/* The end of the chain that the longest wait, of those with the most behind them, is in. */
static size_t worst_sleeper(const struct la_waits *w)
{
	size_t worst = LA_NO_NODE;

	for (size_t i = 0; i < w->n; i++)
		if (la_triage_waits_long(w, i) &&
		    (worst == LA_NO_NODE || w->node[i].behind > w->node[worst].behind ||
		     (w->node[i].behind == w->node[worst].behind &&
		      w->node[i].since_ns > w->node[worst].since_ns)))
			worst = i;
	return worst;
}

/* Ready to run, and whom the CPU runs instead of it. */
static const char *ready(const struct la_triage *t, struct la_judgement *j,
			 const struct la_wait_node *h)
{
	const struct la_cpu *c =
		t->cpus && h->ready_on >= 0 ? la_cpus_find(t->cpus, (unsigned)h->ready_on) : NULL;

	if (!c || !c->matched || !c->task.pid)
		return "is ready to run";
	if (!c->realtime)
		return la_format(j->arena, "is ready to run on CPU %d, which runs %s (PID %d)",
				 h->ready_on, c->task.comm, c->task.pid);
	return la_format(
		j->arena,
		"is ready to run on CPU %d, which runs the real-time task %s (PID %d, %s, priority %u)",
		h->ready_on, c->task.comm, c->task.pid, c->realtime, c->rt_priority);
}

/* What one does who waits for nothing that is known. */
static const char *doing(const struct la_triage *t, struct la_judgement *j,
			 const struct la_wait_node *h)
{
	const char *text = h->state == 'X' ? "is dead" :
			   h->state == 'T' ? "is stopped (SIGSTOP, or a debugger)," :
			   h->cpu >= 0     ? "runs" :
			   h->state == 'R' ? ready(t, j, h) :
					     "sleeps";

	return text ? text : "?";
}

#define WAITS_TOLD 3 /* of a chain: the others are in STUCK */

/* Who waits for whom, from @from to the last one before @head. */
static const char *chain(const struct la_triage *t, struct la_judgement *j, size_t from,
			 size_t head)
{
	const struct la_waits *w = &t->waits;
	const char *text = la_triage_edge(t, j, from);
	size_t at = la_waits_next(w, from);

	for (size_t told = 1; text && at != head && told < WAITS_TOLD; told++) {
		text = la_format(j->arena, "%s, which %s", text, la_triage_waiting(t, j, at));
		at = la_waits_next(w, at);
	}
	if (text && at != head)
		text = la_format(j->arena, "%s, and so on up to %s", text,
				 la_triage_who(j, &w->node[head]));
	return text ? text : "?";
}

static void tell_head(const struct la_triage *t, struct la_judgement *j, size_t from)
{
	const struct la_waits *w = &t->waits;
	const size_t head = la_waits_head(w, from);
	const struct la_wait_node *h = &w->node[head];

	if (h->on != LA_NO_NODE && head != from)
		la_triage_summary(j, "%s; %s%s", chain(t, j, from, head),
				  la_triage_edge(t, j, head),
				  w->thing[h->on].io ? ", which does not return" : "");
	else if (h->on != LA_NO_NODE)
		la_triage_summary(j, "%s%s", la_triage_edge(t, j, head),
				  w->thing[h->on].io ? ", which does not return" : "");
	else if (head != from)
		la_triage_summary(j, "%s; that one %s%s%s%s", chain(t, j, from, head),
				  doing(t, j, h), h->function ? " in " : "",
				  h->function ? h->function : "", h->function ? "()" : "");
	if (h->state == 'T' && h->task.pid_known)
		la_triage_advice(j, "let it go on: kill -CONT %d, or end what traces it",
				 h->task.pid);
	if (h->on != LA_NO_NODE && w->thing[h->on].io)
		la_triage_advice(
			j,
			"look at the storage that the guest's disk is on, and at the messages of its host");
}

static void tell_long(const struct la_triage *t, struct la_judgement *j)
{
	for (size_t i = 0; i < t->waits.n; i++) {
		if (!la_triage_waits_long(&t->waits, i))
			continue;
		la_triage_stuck(j, "%s", la_triage_edge(t, j, i));
		if (t->waits.node[i].queued)
			la_triage_stuck(j,
					"work items that wait for their turn behind %s: %s; does it "
					"wait for one of them?",
					la_triage_who(j, &t->waits.node[i]),
					t->waits.node[i].queued);
	}
}

static bool is_lock(enum la_thing_kind kind)
{
	switch (kind) {
	case LA_THING_MUTEX:
	case LA_THING_RWSEM:
	case LA_THING_SEMAPHORE:
	case LA_THING_RT_MUTEX:
	case LA_THING_PERCPU_RWSEM:
		return true;
	default:
		return false;
	}
}

/*
 * Who has a lock that names nobody, as one whose readers are only counted? Somebody who went to sleep for something
 * else before the first began to wait for it; of several the last to do so. LA_NO_NODE: nobody has.
 */
static size_t guess_holder(const struct la_waits *w, size_t head)
{
	const size_t on = w->node[head].on;
	size_t best = LA_NO_NODE;
	uint64_t since = 0;
	bool ends = false;

	if (on == LA_NO_NODE || !is_lock(w->thing[on].kind) || w->thing[on].holder != LA_NO_NODE)
		return LA_NO_NODE;
	for (size_t i = 0; i < w->n; i++)
		if (w->node[i].on == on && w->node[i].since_ns > since)
			since = w->node[i].since_ns;
	for (size_t i = 0; i < w->n; i++)
		if (w->node[i].on != LA_NO_NODE && !is_lock(w->thing[w->node[i].on].kind) &&
		    la_triage_waits_long(w, i) && w->node[i].since_ns >= since) {
			/* Rather one whom nobody is known to keep waiting: who waits for @head is a victim. */
			const bool end = la_waits_next(w, i) == LA_NO_NODE;

			if (best != LA_NO_NODE &&
			    (end != ends ? ends : w->node[i].since_ns >= w->node[best].since_ns))
				continue;
			best = i;
			ends = end;
		}
	return best;
}

/* Who sleeps in the same module may be who is waited for. */
static void advise_nearby(const struct la_triage *t, struct la_judgement *j)
{
	size_t told = 0;

	for (size_t i = 0; i < t->waits.n && told < 2; i++) {
		const struct la_wait_node *n = &t->waits.node[i];

		if (!n->nearby || !n->task.pid_known)
			continue;
		la_triage_advice(
			j,
			"crash> bt %d: %s is in the same module, in %s(), and may be who it waits for",
			n->task.pid, n->task.comm, n->function);
		told++;
	}
}

/*
 * Is it the end of the chain that is to blame, and not who waits there? Not one that is dead or stopped, of which nothing
 * tells where it took the lock, and not one that sleeps for a time that it has set itself: it may be right to.
 */
static bool is_to_blame(const struct la_wait_node *head, const struct la_wait_node *from)
{
	switch (head->state) {
	case 'D':
		return true;
	case 'S':
		return !head->timed && head->function && head->since_known &&
		       head->since_ns >= from->since_ns;
	case 'R':
		return head->function;
	default:
		return false;
	}
}

/* The report and the task as it is now witness that it waits, not who is to blame for that. */
static void doubt(struct la_judgement *j)
{
	j->witnesses &= ~LA_WITNESS_MEMORY;
	if (j->panic->confidence == LA_CERTAIN)
		j->panic->confidence = LA_LIKELY;
}

/* Whose sleep is it that all others wait for? */
static void blame_sleeper(const struct la_triage *t, struct la_judgement *j, size_t from)
{
	const size_t head = la_waits_head(&t->waits, from);
	const size_t holder = guess_holder(&t->waits, head);
	const struct la_wait_node *h = &t->waits.node[head];

	if (holder != LA_NO_NODE) {
		la_triage_blame(j, &t->waits.node[holder], "hung-task");
		doubt(j);
		la_triage_summary(j,
				  "%s, perhaps with what others wait for and that names nobody: %s",
				  la_triage_edge(t, j, holder), la_triage_edge(t, j, head));
	} else {
		const bool blamed = is_to_blame(h, &t->waits.node[from]);

		la_triage_blame(j, blamed ? h : &t->waits.node[from], "hung-task");
		if (blamed && h->state != 'D')
			doubt(j);
		if (blamed && head != from)
			j->event = NULL; /* it is of the one that waits */
		tell_head(t, j, from);
		advise_nearby(t, j);
	}
	tell_long(t, j);
}

bool la_triage_chain(const struct la_triage *t, struct la_judgement *j, uint64_t task)
{
	for (size_t i = 0; task && i < t->waits.n; i++) {
		if (t->waits.node[i].task.address != task)
			continue;
		blame_sleeper(t, j, i);
		return true;
	}
	return false;
}

bool la_triage_blame_holder(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_waits *w = &t->waits;
	const size_t node =
		j->panic->cpu >= 0 ? la_waits_cpu(w, (unsigned)j->panic->cpu) : LA_NO_NODE;
	const size_t head = la_waits_head(w, node);

	if (head == LA_NO_NODE || head == node || w->node[head].state == 'X')
		return false;
	la_triage_behind(t, j, head);
	la_triage_blame(j, &w->node[head], j->panic->cause.kind);
	/* The report, and registers, are those of the one that waits. */
	j->panic->cause.regs_known = j->panic->cause.address_known = false;
	j->event = NULL;
	tell_head(t, j, node);
	return true;
}

bool la_triage_longest(const struct la_triage *t, struct la_judgement *j)
{
	const size_t worst = worst_sleeper(&t->waits);

	if (worst == LA_NO_NODE)
		return false;
	blame_sleeper(t, j, worst);
	return true;
}

bool la_judge_blocked(const struct la_triage *t, struct la_judgement *j)
{
	const struct la_waits *w = &t->waits;
	const size_t worst = worst_sleeper(w);
	const struct la_wait_node *n;
	size_t more = 0;

	if (worst == LA_NO_NODE)
		return false;
	n = &w->node[worst];
	/* A boot that lets some time pass, as rootdelay= wants, is the boot's own matter. */
	if (t->boot.booting && n->timed && n->task.pid_known && n->task.pid == 1 && !n->behind)
		return false;
	for (size_t i = 0; i < w->n; i++)
		more += i != worst && la_triage_waits_long(w, i);
	j->panic->verdict = LA_VERDICT_HUNG_TASK;
	j->panic->confidence = LA_LIKELY;
	j->panic->message = la_format(j->arena, "%s has slept uninterruptibly for %.0f s%s",
				      la_triage_who(j, n), (double)n->since_ns / 1e9,
				      more ? la_format(j->arena, ", and %zu more", more) : "");
	blame_sleeper(t, j, worst);
	return true;
}
