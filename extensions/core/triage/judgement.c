// SPDX-License-Identifier: GPL-3.0-or-later
// What rules write into a judgement: facts, when it was, whose it was.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "triage.h"

bool la_triage_open(struct la_judgement *j, struct la_arena *arena, struct la_panic *panic,
		    size_t nrules)
{
	*j = (struct la_judgement){ .arena = arena,
				    .panic = panic,
				    .refused = la_arena_refused(arena) };
	/* two that say what is left out, and one for la_panic_lines() */
	j->fact = la_alloc_n(arena, LA_MAX_FACTS + 3, sizeof(*j->fact));
	j->unchecked = la_alloc_n(arena, nrules, sizeof(*j->unchecked));
	j->advice = la_alloc_n(arena, LA_MAX_ADVICE, sizeof(*j->advice));
	j->stuck = la_alloc_n(arena, LA_MAX_STUCK + 1, sizeof(*j->stuck));
	if (!j->fact || !j->unchecked || !j->advice || !j->stuck)
		return false;
	panic->fact = j->fact;
	panic->unchecked = j->unchecked;
	panic->advice = j->advice;
	panic->stuck = j->stuck;
	return true;
}

static const char *sentence(struct la_judgement *j, const char *fmt, va_list ap)
{
	char text[1280]; /* a whole record (PRINTKRB_RECORD_MAX, 1024 bytes) and words around it */

	vsnprintf(text, sizeof(text), fmt, ap);
	return la_strndup(j->arena, text, sizeof(text));
}

void la_triage_fact(struct la_judgement *j, const char *source, const char *fmt, ...)
{
	const char *copy;
	va_list ap;

	if (j->panic->nfacts == LA_MAX_FACTS) {
		j->left_out++;
		return;
	}
	va_start(ap, fmt);
	copy = sentence(j, fmt, ap);
	va_end(ap);
	if (copy && source)
		j->fact[j->panic->nfacts++] = (struct la_fact){ .text = copy, .source = source };
}

void la_triage_summary(struct la_judgement *j, const char *fmt, ...)
{
	const char *copy;
	va_list ap;

	va_start(ap, fmt);
	copy = sentence(j, fmt, ap);
	va_end(ap);
	if (copy)
		j->panic->summary = copy;
}

void la_triage_advice(struct la_judgement *j, const char *fmt, ...)
{
	struct la_panic *p = j->panic;
	const char *copy;
	va_list ap;

	va_start(ap, fmt);
	copy = sentence(j, fmt, ap);
	va_end(ap);
	if (!copy || p->nadvice == LA_MAX_ADVICE)
		return;
	for (size_t i = 0; i < p->nadvice; i++)
		if (!strcmp(j->advice[i], copy))
			return;
	j->advice[p->nadvice++] = copy;
}

void la_triage_stuck(struct la_judgement *j, const char *fmt, ...)
{
	const char *copy;
	va_list ap;

	if (j->panic->nstuck == LA_MAX_STUCK) {
		j->stuck_left_out++;
		return;
	}
	va_start(ap, fmt);
	copy = sentence(j, fmt, ap);
	va_end(ap);
	if (copy)
		j->stuck[j->panic->nstuck++] = copy;
}

/* Whatever it was that somebody went on without. */
static void say_no_memory(struct la_judgement *j)
{
	static const struct la_fact fact = { .text = "out of memory: not all that was seen is told",
					     .source = "limit" };
	struct la_panic *p = j->panic;

	if (p->fact) {
		j->fact[p->nfacts++] = fact;
	} else {
		p->fact = &fact;
		p->nfacts = 1;
	}
}

void la_triage_close(struct la_judgement *j)
{
	const char *text = la_format(j->arena, "%zu more were seen, and are left out", j->left_out);

	if (j->left_out && text)
		j->fact[j->panic->nfacts++] = (struct la_fact){ .text = text, .source = "limit" };
	text = la_format(j->arena, "%zu more", j->stuck_left_out);
	if (j->stuck_left_out && text)
		j->stuck[j->panic->nstuck++] = text;
	if (la_arena_refused(j->arena) != j->refused)
		say_no_memory(j);
	j->panic->room = j->fact && j->panic->fact == j->fact ? &j->fact[j->panic->nfacts] : NULL;
}

enum la_confidence la_triage_confidence(unsigned witnesses)
{
	if (!witnesses)
		return LA_LIKELY; /* that it ended so is known, only not why */
	return witnesses & (witnesses - 1) ? LA_CERTAIN : LA_LIKELY;
}

void la_triage_set_uptime(struct la_judgement *j, uint64_t nsec)
{
	/* Records have no time before a clock runs. */
	j->panic->uptime_known = nsec != 0;
	j->panic->uptime_s = la_seconds(nsec);
}

/* Task and CPU out of an event, where the registers did not tell. */
void la_triage_who_from_event(struct la_judgement *j, const struct la_event *e)
{
	struct la_panic *p = j->panic;

	if (p->cpu < 0)
		p->cpu = e->cpu;
	if (!e->pid_known)
		return;
	if (!p->task.address && !p->task.pid_known) {
		p->task.pid = e->pid;
		p->task.pid_known = true;
	}
	if (p->task.pid_known && p->task.pid == e->pid && !p->task.comm[0])
		memcpy(p->task.comm, e->comm, sizeof(p->task.comm));
}

void la_triage_who_from_cpu(struct la_judgement *j, const struct la_cpu *c)
{
	j->panic->cpu = (int)c->cpu;
	j->panic->task = c->task;
	if (c->stack.n)
		j->panic->stack = &c->stack;
}
