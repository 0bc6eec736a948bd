// SPDX-License-Identifier: GPL-3.0-or-later
// Log records into events: panics, oopses with their register dumps and traces, lockups.
// Every parser gets a line and takes it whole or leaves everything as it was.
#include "oops.h"

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

static bool eat(const char **p, const char *literal)
{
	size_t n = strlen(literal);

	if (strncmp(*p, literal, n))
		return false;
	*p += n;
	return true;
}

static bool eat_hex(const char **p, uint64_t *ret)
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

static bool eat_dec(const char **p, int *ret)
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

static void eat_spaces(const char **p)
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

static void set_comm(struct la_event *e, const char *start, const char *end)
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
			if (!eat_dec(&line, &e->cpu))
				return false;
			break;
		case 'p':
			if (!eat_dec(&line, &e->pid))
				return false;
			e->pid_known = true;
			break;
		case 'n':
			if (!eat_dec(&line, &dec))
				return false;
			break;
		case 'a':
			if (!eat_hex(&line, &e->address))
				return false;
			e->address_known = true;
			break;
		case 'e':
			if (!eat_hex(&line, &e->era))
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
					set_comm(e, line, end);
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

/* --- the parser --- */

struct parser {
	struct la_arena *arena;
	struct la_events *events;
	size_t room;
	const struct la_record *rec;
	size_t record;
	bool open;            /* the newest event may still get lines */
	uint32_t caller;      /* who wrote the newest event: lines of others are not its */
	struct la_regs *regs; /* of the newest event, writable */
	bool in_trace;
	bool nomem;
};

static struct la_event *newest(struct parser *p)
{
	return p->events->n ? &p->events->event[p->events->n - 1] : NULL;
}

static struct la_event *add_event(struct parser *p, const struct la_event *e)
{
	struct la_events *events = p->events;

	if (events->n == p->room) {
		size_t room = p->room ? p->room * 2 : 16;
		void *grown =
			la_regrow(p->arena, events->event, events->n, room, sizeof(*events->event));

		if (!grown) {
			p->nomem = true;
			return NULL;
		}
		events->event = grown;
		p->room = room;
	}
	events->event[events->n] = *e;
	p->open = true;
	p->in_trace = false;
	p->regs = NULL;
	p->caller = p->rec->caller_id;
	return &events->event[events->n++];
}

/* A line of the vocabulary opens an event. */
static bool take_message(struct parser *p, const char *line)
{
	for (size_t i = 0; i < sizeof(vocabulary) / sizeof(vocabulary[0]); i++) {
		struct la_event e = { .kind = vocabulary[i].kind,
				      .record = p->record,
				      .ts_nsec = p->rec->ts_nsec,
				      .line = line,
				      .cpu = -1 };

		if (scan(line, vocabulary[i].pattern, &e)) {
			add_event(p, &e);
			return true;
		}
	}
	return false;
}

/* die() in arch/loongarch/kernel/traps.c: "%s[#%d]:". It names the oops announced just before. */
static bool take_die(struct parser *p, const char *line)
{
	struct la_event *e = newest(p);
	const char *end = strstr(line, "[#"), *s;
	int number;

	if (!end || end == line)
		return false;
	s = end + 2;
	if (!eat_dec(&s, &number) || strcmp(s, "]:"))
		return false;
	if (!e || !p->open || e->kind != LA_EVENT_OOPS || e->number) {
		struct la_event fresh = { .kind = LA_EVENT_OOPS,
					  .record = p->record,
					  .ts_nsec = p->rec->ts_nsec,
					  .line = line,
					  .cpu = -1 };

		e = add_event(p, &fresh);
		if (!e)
			return true;
	}
	e->number = (unsigned)number;
	e->text = la_strndup(p->arena, line, (size_t)(end - line));
	return true;
}

/* lib/dump_stack.c: "CPU: 0 UID: 0 PID: 1 Comm: swapper/0 Not tainted ..."; UID since 6.12. */
static bool take_who(struct parser *p, const char *line)
{
	struct la_event *e = newest(p);
	static const char *const after[] = { " Not tainted", " Tainted:", " Kdump:" };
	int cpu, pid, uid;
	const char *end;

	if (!eat(&line, "CPU: ") || !eat_dec(&line, &cpu))
		return false;
	if (eat(&line, " UID: ") && !eat_dec(&line, &uid))
		return false;
	if (!eat(&line, " PID: ") || !eat_dec(&line, &pid) || !eat(&line, " Comm: "))
		return false;
	if (e->cpu < 0)
		e->cpu = cpu;
	if (!e->pid_known) {
		e->pid = pid;
		e->pid_known = true;
		for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
			end = strstr(line, after[i]);
			if (end) {
				set_comm(e, line, end);
				break;
			}
		}
	}
	return true;
}

static struct la_regs *event_regs(struct parser *p)
{
	if (!p->regs) {
		p->regs = la_alloc(p->arena, sizeof(*p->regs));
		if (!p->regs) {
			p->nomem = true;
			return NULL;
		}
		p->regs->source = LA_REGS_PT_REGS;
		newest(p)->regs = p->regs;
	}
	return p->regs;
}

/* Numbers of registers as __show_regs() names them: 22 is "s9" there. */
static bool gpr_number(const char **p, unsigned *ret)
{
	static const char *const names[LA_NGPR] = {
		"zero", "ra", "tp", "sp", "a0", "a1", "a2", "a3", "a4", "a5", "a6",
		"a7",   "t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "u0",
		"s9",   "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8",
	};

	for (unsigned i = 0; i < LA_NGPR; i++) {
		const char *s = *p;

		if (eat(&s, names[i]) && *s == ' ') {
			*p = s;
			*ret = i;
			return true;
		}
	}
	return false;
}

/* "pc V ra V tp V sp V", "a0 V a1 V a2 V a3 V", ...: since 6.1. */
static bool take_gprs(struct parser *p, const char *line)
{
	struct la_regs found = { 0 }, *regs;
	uint64_t value;
	unsigned n;

	while (*line) {
		bool is_pc = eat(&line, "pc");

		if (!is_pc && !gpr_number(&line, &n))
			return false;
		eat_spaces(&line);
		if (!eat_hex(&line, &value))
			return false;
		eat_spaces(&line);
		if (is_pc) {
			found.pc_known = true;
			found.pc = value;
			la_csr_set(&found, LA_CSR_ERA, value);
		} else {
			la_gpr_set(&found, n, value);
		}
	}
	if (!found.gpr_known)
		return false;
	regs = event_regs(p);
	if (!regs)
		return true;
	for (unsigned i = 0; i < LA_NGPR; i++)
		if (la_gpr_get(&found, i, &value))
			la_gpr_set(regs, i, value);
	if (found.pc_known) {
		regs->pc_known = true;
		regs->pc = found.pc;
		la_csr_set(regs, LA_CSR_ERA, found.pc);
	}
	return true;
}

/* "$ 4   : V V V V": 5.19 and 6.0. */
static bool take_numbered_gprs(struct parser *p, const char *line)
{
	struct la_regs *regs;
	uint64_t value[4];
	int first;

	if (!eat(&line, "$"))
		return false;
	eat_spaces(&line);
	if (!eat_dec(&line, &first) || first > LA_NGPR - 4)
		return false;
	eat_spaces(&line);
	if (!eat(&line, ":"))
		return false;
	for (int i = 0; i < 4; i++) {
		eat_spaces(&line);
		if (!eat_hex(&line, &value[i]))
			return false;
	}
	regs = event_regs(p);
	for (int i = 0; regs && i < 4; i++)
		la_gpr_set(regs, (unsigned)(first + i), value[i]);
	return true;
}

/* Lines with one CSR; the second name is that of 5.19 to 6.2. */
static bool take_csr(struct parser *p, const char *line)
{
	static const struct {
		const char *prefix;
		enum la_csr csr;
	} table[] = {
		{ "ERA: ", LA_CSR_ERA },     { "era   : ", LA_CSR_ERA },
		{ "CRMD: ", LA_CSR_CRMD },   { "CSR crmd: ", LA_CSR_CRMD },
		{ "PRMD: ", LA_CSR_PRMD },   { "CSR prmd: ", LA_CSR_PRMD },
		{ "EUEN: ", LA_CSR_EUEN },   { "CSR euen: ", LA_CSR_EUEN },
		{ "ECFG: ", LA_CSR_ECFG },   { "CSR ecfg: ", LA_CSR_ECFG },
		{ "ESTAT: ", LA_CSR_ESTAT }, { "CSR estat: ", LA_CSR_ESTAT },
		{ "BADV: ", LA_CSR_BADV },   { "BadVA : ", LA_CSR_BADV },
	};
	struct la_regs *regs;
	uint64_t value;

	eat_spaces(&line);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const char *s = line;

		if (!eat(&s, table[i].prefix) || !eat_hex(&s, &value))
			continue;
		regs = event_regs(p);
		if (!regs)
			return true;
		la_csr_set(regs, table[i].csr, value);
		if (table[i].csr == LA_CSR_ERA) {
			regs->pc_known = true;
			regs->pc = value;
			eat_spaces(&s);
			if (strchr(s, '+'))
				newest(p)->pc_symbol = s;
		}
		return true;
	}
	return false;
}

/* "[<9000000000eb7fa8>] i8042_flush+0x58/0x160"; the address is missing before 4.19-era ports. */
static bool take_frame(struct parser *p, const char *line)
{
	struct la_event *e = newest(p);
	uint64_t pc;

	if (!p->in_trace)
		return false;
	eat_spaces(&line);
	if (eat(&line, "[<")) {
		if (!eat_hex(&line, &pc) || !eat(&line, ">]"))
			return false;
		eat_spaces(&line);
	}
	if (!strstr(line, "+0x")) {
		p->in_trace = false;
		return false;
	}
	if (e->ntrace < LA_EVENT_TRACE)
		e->trace[e->ntrace++] = line;
	return true;
}

static bool take_trace(struct parser *p, const char *line)
{
	if (strncmp(line, "Call Trace:", 11))
		return false;
	p->in_trace = !newest(p)->ntrace;
	return true;
}

static bool take_end(struct parser *p, const char *line)
{
	if (!eat(&line, "---[ end trace"))
		return false;
	newest(p)->ended = true;
	p->open = false;
	return true;
}

/*
 * kernel/rcu/tree_stall.h: "\t3-...0: (1 GPs behind) ..." for each CPU that is waited for, then
 * "\t(detected by 1, t=5253 jiffies, g=-659, q=29 ncpus=2)" or "\t(t=5250 jiffies g=-659 ...".
 */
static bool take_stall(struct parser *p, const char *line)
{
	struct la_event *e = newest(p);
	const char *s;
	bool minus;
	int number;

	if (e->kind != LA_EVENT_RCU_STALL || !eat(&line, "rcu: \t"))
		return false;
	s = line;
	if (eat_dec(&s, &number) && *s == '-') {
		if (e->cpu < 0)
			e->cpu = number;
		return true;
	}
	s = *line == '(' ? strstr(line, " g=") : NULL;
	if (!s)
		return false;
	s += 3;
	minus = eat(&s, "-");
	if (!eat_dec(&s, &number))
		return false;
	e->gp = minus ? -(int64_t)number : number;
	e->gp_known = true;
	return true;
}

static void take_line(struct parser *p, const char *line)
{
	/* Lines that belong to the event before them, if the same context printed them. */
	static bool (*const part[])(struct parser *, const char *) = {
		take_who,   take_gprs,  take_numbered_gprs, take_csr,
		take_trace, take_frame, take_end,           take_stall,
	};

	if (take_message(p, line) || take_die(p, line))
		return;
	if (!p->open || p->caller != p->rec->caller_id)
		return;
	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++)
		if (part[i](p, line))
			return;
}

/*
 * Who printed it, as the record has it (printk_caller_id(), 5.10 and later): the panicking or
 * faulting context itself. Lockup reports are printed by a watchdog and about somebody else.
 */
static void fill_in_caller(struct la_event *e, const struct la_record *rec)
{
	const uint32_t ids[] = { rec->caller_id, rec->caller_id2 };

	if (e->kind != LA_EVENT_PANIC && e->kind != LA_EVENT_OOPS && e->kind != LA_EVENT_WARN)
		return;
	for (size_t i = 0; i < 2; i++) {
		if (ids[i] == UINT32_MAX)
			continue;
		if (ids[i] >> 31 && e->cpu < 0) {
			e->cpu = (int)(ids[i] & INT32_MAX);
		} else if (!(ids[i] >> 31) && !e->pid_known) {
			e->pid = (int)ids[i];
			e->pid_known = true;
		}
	}
}

enum la_status la_events_parse(struct la_arena *arena, const struct la_log *log,
			       struct la_events *ret)
{
	struct parser p = { .arena = arena, .events = ret };

	*ret = (struct la_events){ 0 };
	for (size_t i = 0; i < log->n && !p.nomem; i++) {
		char *text, *line, *end;

		p.rec = &log->record[i];
		p.record = i;
		if (p.rec->facility || !p.rec->len)
			continue;
		text = la_strndup(arena, p.rec->text, p.rec->len);
		if (!text)
			return LA_NOMEM;
		for (line = text; line; line = end) {
			end = strchr(line, '\n');
			if (end)
				*end++ = '\0';
			take_line(&p, line);
		}
	}
	for (size_t i = 0; i < ret->n; i++)
		fill_in_caller(&ret->event[i], &log->record[ret->event[i].record]);
	return p.nomem ? LA_NOMEM : LA_OK;
}

const struct la_event *la_events_last(const struct la_events *events, enum la_event_kind kind,
				      size_t before)
{
	if (!events->n)
		return NULL;
	for (size_t i = before < events->n ? before + 1 : events->n; i; i--)
		if (events->event[i - 1].kind == kind)
			return &events->event[i - 1];
	return NULL;
}
