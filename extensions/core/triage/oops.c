// SPDX-License-Identifier: GPL-3.0-or-later
// Log records into events: panics, oopses with their register dumps and traces, lockups.
// Every parser gets a line and takes it whole or leaves everything as it was.
#include "oops.h"

#include <string.h>

#include "message.h"

struct parser {
	struct la_arena *arena;
	struct la_events *events;
	size_t room;
	const struct la_record *rec;
	size_t record;
	struct la_event *open; /* the newest event, while it may still get lines */
	uint32_t caller;       /* who wrote the newest event: lines of others are not its */
	struct la_regs *regs;  /* of the newest event, writable */
	bool in_trace;
	bool nomem;
};

static struct la_event *add_event(struct parser *p, const struct la_event *e)
{
	struct la_events *events = p->events;

	if (events->n == p->room) {
		size_t room = p->room ? p->room * 2 : 16;
		void *grown =
			la_regrow(p->arena, events->event, events->n, room, sizeof(*events->event));

		if (!grown) {
			p->nomem = true;
			p->open = NULL; /* what follows is not of the event before */
			return NULL;
		}
		events->event = grown;
		p->room = room;
	}
	p->open = &events->event[events->n++];
	*p->open = *e;
	p->in_trace = false;
	p->regs = NULL;
	p->caller = p->rec->caller_id;
	return p->open;
}

/* A line of the vocabulary opens an event. */
static bool take_message(struct parser *p, const char *line)
{
	struct la_event e;

	if (!la_message_scan(line, &e))
		return false;
	e.record = p->record;
	e.ts_nsec = p->rec->ts_nsec;
	add_event(p, &e);
	return true;
}

/* die() in arch/loongarch/kernel/traps.c: "%s[#%d]:". It names the oops announced just before. */
static bool take_die(struct parser *p, const char *line)
{
	struct la_event *e = p->open;
	const char *end = strstr(line, "[#"), *s, *name;
	int number;

	if (!end || end == line)
		return false;
	s = end + 2;
	if (!la_eat_dec(&s, &number) || strcmp(s, "]:"))
		return false;
	if (!e || e->kind != LA_EVENT_OOPS || e->number) {
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
	name = la_strndup(p->arena, line, (size_t)(end - line));
	if (!name)
		p->nomem = true;
	e->text = name ? name : "";
	return true;
}

/* lib/dump_stack.c: "CPU: 0 UID: 0 PID: 1 Comm: swapper/0 Not tainted ..."; UID since 6.12. */
static bool take_who(struct parser *p, const char *line)
{
	struct la_event *e = p->open;
	static const char *const after[] = { " Not tainted", " Tainted:", " Kdump:" };
	int cpu, pid, uid;
	const char *end;

	if (!la_eat(&line, "CPU: ") || !la_eat_dec(&line, &cpu))
		return false;
	if (la_eat(&line, " UID: ") && !la_eat_dec(&line, &uid))
		return false;
	if (!la_eat(&line, " PID: ") || !la_eat_dec(&line, &pid) || !la_eat(&line, " Comm: "))
		return false;
	if (e->cpu < 0)
		e->cpu = cpu;
	if (!e->pid_known) {
		e->pid = pid;
		e->pid_known = true;
		for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
			end = strstr(line, after[i]);
			if (end) {
				la_event_comm(e, line, end);
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
		p->open->regs = p->regs;
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

		if (la_eat(&s, names[i]) && *s == ' ') {
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
		bool is_pc = la_eat(&line, "pc");

		if (!is_pc && !gpr_number(&line, &n))
			return false;
		la_eat_spaces(&line);
		if (!la_eat_hex(&line, &value))
			return false;
		la_eat_spaces(&line);
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

	if (!la_eat(&line, "$"))
		return false;
	la_eat_spaces(&line);
	if (!la_eat_dec(&line, &first) || first > LA_NGPR - 4)
		return false;
	la_eat_spaces(&line);
	if (!la_eat(&line, ":"))
		return false;
	for (int i = 0; i < 4; i++) {
		la_eat_spaces(&line);
		if (!la_eat_hex(&line, &value[i]))
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

	la_eat_spaces(&line);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const char *s = line;

		if (!la_eat(&s, table[i].prefix) || !la_eat_hex(&s, &value))
			continue;
		regs = event_regs(p);
		if (!regs)
			return true;
		la_csr_set(regs, table[i].csr, value);
		if (table[i].csr == LA_CSR_ERA) {
			regs->pc_known = true;
			regs->pc = value;
			la_eat_spaces(&s);
			if (strchr(s, '+'))
				p->open->pc_symbol = s;
		}
		return true;
	}
	return false;
}

/* "[<9000000000eb7fa8>] i8042_flush+0x58/0x160"; the address is missing before 4.19-era ports. */
static bool take_frame(struct parser *p, const char *line)
{
	struct la_event *e = p->open;
	uint64_t pc;

	if (!p->in_trace)
		return false;
	la_eat_spaces(&line);
	if (la_eat(&line, "[<")) {
		if (!la_eat_hex(&line, &pc) || !la_eat(&line, ">]"))
			return false;
		la_eat_spaces(&line);
	}
	if (!strstr(line, "+0x")) {
		p->in_trace = false;
		return false;
	}
	if (e->ntrace < LA_EVENT_TRACE)
		e->trace[e->ntrace++] = line;
	else
		e->trace_left_out++;
	return true;
}

static bool take_trace(struct parser *p, const char *line)
{
	if (strncmp(line, "Call Trace:", 11))
		return false;
	p->in_trace = !p->open->ntrace;
	return true;
}

static bool take_end(struct parser *p, const char *line)
{
	if (!la_eat(&line, "---[ end trace"))
		return false;
	p->open->ended = true;
	p->open = NULL;
	return true;
}

/*
 * kernel/rcu/tree_stall.h: "\t3-...0: (1 GPs behind) ..." for each CPU that is waited for, then
 * "\t(detected by 1, t=5253 jiffies, g=-659, q=29 ncpus=2)" or "\t(t=5250 jiffies g=-659 ...".
 */
static bool take_stall(struct parser *p, const char *line)
{
	struct la_event *e = p->open;
	const char *s;
	bool minus;
	int number;

	if (e->kind != LA_EVENT_RCU_STALL || !la_eat(&line, "rcu: \t"))
		return false;
	s = line;
	if (la_eat_dec(&s, &number) && *s == '-') {
		if (e->cpu < 0)
			e->cpu = number;
		return true;
	}
	s = *line == '(' ? strstr(line, " g=") : NULL;
	if (!s)
		return false;
	s += 3;
	minus = la_eat(&s, "-");
	if (!la_eat_dec(&s, &number))
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
