// SPDX-License-Identifier: GPL-3.0-or-later
// What rules write into a judgement: facts, when it was, whose it was.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "triage.h"

void la_triage_fact(struct la_judgement *j, const char *source, const char *fmt, ...)
{
	char text[1280]; /* a whole record (PRINTKRB_RECORD_MAX, 1024 bytes) and words around it */
	const char *copy;
	va_list ap;

	if (j->panic->nfacts == LA_MAX_FACTS) {
		j->left_out++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	copy = la_strndup(j->arena, text, sizeof(text));
	if (copy && source)
		j->fact[j->panic->nfacts++] = (struct la_fact){ .text = copy, .source = source };
}

void la_triage_set_uptime(struct la_judgement *j, uint64_t nsec)
{
	j->panic->uptime_known = true;
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
