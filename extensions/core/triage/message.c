// SPDX-License-Identifier: GPL-3.0-or-later
// The kernel's messages that open an event, and what is read out of them.
#include "message.h"

#include <string.h>

/*
 * The vocabulary. To add a message, add its line here. A pattern starts at the line's first
 * character and need not reach its end. Literal text stands for itself, and
 *   %c a CPU number   %p a pid   %n any number   %a the address that faulted   %e its pc
 *   %t a task's name  %s anything (both up to the literal text behind them)   %m the rest: text
 */
static const struct message {
	enum la_event_kind kind;
	const char *pattern;
} vocabulary[] = {
	/* kernel/panic.c, unchanged from 2.6 to 7.2 */
	{ LA_EVENT_PANIC, "Kernel panic - not syncing: %m" },
	{ LA_EVENT_PANIC_END, "---[ end Kernel panic" },
	/* arch/loongarch/mm/fault.c, show_fault(): the line before "Oops[#n]:" */
	{ LA_EVENT_OOPS,
	  "CPU %c Unable to handle kernel paging request at virtual address %a, era == %e" },
	/* lib/bug.c; the oops "Oops - BUG" follows */
	{ LA_EVENT_BUG, "kernel BUG at %m" },
	{ LA_EVENT_BUG, "Kernel BUG at %m" },
	/* kernel/panic.c, __warn(): up to 6.18, and since */
	{ LA_EVENT_WARN, "WARNING: CPU: %c PID: %p at %m" },
	{ LA_EVENT_WARN, "WARNING: %s, CPU#%c: %t/%p" },
	/* kernel/watchdog.c */
	{ LA_EVENT_SOFT_LOCKUP, "watchdog: BUG: soft lockup - CPU#%c stuck for %ns! [%t:%p]" },
	{ LA_EVENT_HARD_LOCKUP, "watchdog: Watchdog detected hard LOCKUP on cpu %c" },
	{ LA_EVENT_HARD_LOCKUP, "watchdog: CPU%n: Watchdog detected hard LOCKUP on cpu %c" },
	/* kernel/rcu/tree_stall.h, tree_exp.h */
	{ LA_EVENT_RCU_STALL, "rcu: INFO: %s self-detected stall on CPU" },
	{ LA_EVENT_RCU_STALL, "rcu: INFO: %s detected stalls on CPUs/tasks:" },
	{ LA_EVENT_RCU_STALL, "rcu: INFO: %s detected expedited stalls on CPUs/tasks:" },
	/* kernel/hung_task.c */
	{ LA_EVENT_HUNG_TASK, "INFO: task %t:%p blocked for more than %n seconds." },
	{ LA_EVENT_HUNG_TASK, "INFO: task %t:%p blocked in I/O wait for more than %n seconds." },
	/* mm/oom_kill.c */
	{ LA_EVENT_OOM, "Out of memory: Killed process %p (%t)" },
	/* kernel/locking/spinlock_debug.c, kernel/sched/core.c */
	{ LA_EVENT_SPINLOCK, "BUG: spinlock %s on CPU#%c, %t/%p" },
	{ LA_EVENT_ATOMIC, "BUG: scheduling while atomic: %t/%p/" },
	/* arch/loongarch/kernel/traps.c, cache_parity_error() */
	{ LA_EVENT_CACHE_ERROR, "Cache error exception:" },
};

static const char *const event_names[] = {
	[LA_EVENT_PANIC] = "panic",
	[LA_EVENT_PANIC_END] = "end of panic",
	[LA_EVENT_OOPS] = "oops",
	[LA_EVENT_BUG] = "BUG",
	[LA_EVENT_WARN] = "warning",
	[LA_EVENT_SOFT_LOCKUP] = "soft lockup",
	[LA_EVENT_HARD_LOCKUP] = "hard lockup",
	[LA_EVENT_RCU_STALL] = "RCU stall",
	[LA_EVENT_HUNG_TASK] = "hung task",
	[LA_EVENT_OOM] = "out of memory",
	[LA_EVENT_SPINLOCK] = "spinlock complaint",
	[LA_EVENT_ATOMIC] = "scheduling while atomic",
	[LA_EVENT_CACHE_ERROR] = "cache error",
};

const char *la_event_name(enum la_event_kind kind)
{
	if ((size_t)kind >= sizeof(event_names) / sizeof(event_names[0]))
		return "?";
	return event_names[kind];
}

/* --- scanning --- */

bool la_eat(const char **p, const char *literal)
{
	size_t n = strlen(literal);

	if (strncmp(*p, literal, n))
		return false;
	*p += n;
	return true;
}

bool la_eat_hex(const char **p, uint64_t *ret)
{
	static const char digits[] = "0123456789abcdef";
	const char *s = *p, *d;
	uint64_t value = 0;
	size_t n = 0;

	if (s[0] == '0' && s[1] == 'x')
		s += 2;
	for (; *s && (d = strchr(digits, *s)); s++, n++)
		value = value << 4 | (uint64_t)(d - digits);
	if (n < 1 || n > 16)
		return false;
	*p = s;
	*ret = value;
	return true;
}

bool la_eat_dec(const char **p, int *ret)
{
	const char *s = *p;
	int value = 0, n = 0;

	for (; *s >= '0' && *s <= '9' && n < 9; s++, n++)
		value = value * 10 + (*s - '0');
	if (!n || (*s >= '0' && *s <= '9'))
		return false;
	*p = s;
	*ret = value;
	return true;
}

void la_eat_spaces(const char **p)
{
	while (**p == ' ' || **p == '\t')
		(*p)++;
}

/* The first place in @s of the first @n bytes of @literal, or NULL. */
static const char *find(const char *s, const char *literal, size_t n)
{
	for (; *s; s++)
		if (!strncmp(s, literal, n))
			return s;
	return NULL;
}

void la_event_comm(struct la_event *e, const char *start, const char *end)
{
	size_t n = (size_t)(end - start);

	if (n > sizeof(e->comm) - 1)
		n = sizeof(e->comm) - 1;
	memcpy(e->comm, start, n);
	e->comm[n] = '\0';
}

/* Match @line against @pattern and note what it says in @e, which only counts on success. */
static bool scan(const char *line, const char *pattern, struct la_event *e)
{
	const char *end;
	size_t n;
	int dec;

	for (;;) {
		n = strcspn(pattern, "%");
		if (strncmp(line, pattern, n))
			return false;
		line += n;
		pattern += n;
		if (!*pattern)
			return true;
		switch (pattern[1]) {
		case 'c':
			if (!la_eat_dec(&line, &e->cpu))
				return false;
			break;
		case 'p':
			if (!la_eat_dec(&line, &e->pid))
				return false;
			e->pid_known = true;
			break;
		case 'n':
			if (!la_eat_dec(&line, &dec))
				return false;
			break;
		case 'a':
			if (!la_eat_hex(&line, &e->address))
				return false;
			e->address_known = true;
			break;
		case 'e':
			if (!la_eat_hex(&line, &e->era))
				return false;
			e->era_known = true;
			break;
		case 's':
			line = find(line, pattern + 2, strcspn(pattern + 2, "%"));
			if (!line)
				return false;
			break;
		case 't':
			/* A name may hold anything: the longest one after which the rest fits. */
			for (end = line + strlen(line); end > line; end--) {
				if (scan(end, pattern + 2, e)) {
					la_event_comm(e, line, end);
					return true;
				}
			}
			return false;
		case 'm':
			e->text = line;
			return true;
		}
		pattern += 2;
	}
}

bool la_message_scan(const char *line, struct la_event *ret)
{
	for (size_t i = 0; i < sizeof(vocabulary) / sizeof(vocabulary[0]); i++) {
		*ret = (struct la_event){ .kind = vocabulary[i].kind, .line = line, .cpu = -1 };
		if (scan(line, vocabulary[i].pattern, ret))
			return true;
	}
	return false;
}
