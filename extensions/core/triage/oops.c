// SPDX-License-Identifier: GPL-3.0-or-later
// Log records into events: which line opens one, and to which of those that are open a line belongs.
#include "oops.h"

#include <string.h>

#include "message.h"
#include "report.h"

/* More CPUs than this do not report at once; of more the one that waited longest is given up. */
#define MAX_OPEN 16
/* A report is printed at once; what comes later is of another one. */
#define PAUSE_NS UINT64_C(10000000000)
/* As many records may lie between what was said and the warning or oops that it led to. */
#define SAID_RECORDS 8

/* What a writer said last that may be the reason of what it says next. */
struct words {
	uint32_t caller;
	bool cut_here; /* "[ cut here ]": the next line is a WARN()'s text, if it has one */
	const char *said, *at;
	const struct la_message *because;
	size_t record;
};

struct parser {
	struct la_arena *arena;
	struct la_events *events;
	size_t room;
	const struct la_record *rec;
	size_t record, line;
	struct la_report open[MAX_OPEN];
	size_t nopen;
	struct words words[MAX_OPEN];
	size_t nwords;
	bool nomem;
	bool full; /* an event was lost: what follows may be of it */
};

/* --- opening --- */

/* Events move when their array grows: what points to them goes along. */
static bool make_room(struct parser *p)
{
	struct la_events *events = p->events;
	struct la_event *grown =
		la_room(p->arena, events->event, events->n, &p->room, sizeof(*grown));

	if (!grown) {
		p->nomem = p->full = true;
		return false;
	}
	for (size_t i = 0; i < p->nopen; i++)
		p->open[i].event = grown + (p->open[i].event - events->event);
	events->event = grown;
	return true;
}

static struct la_report *new_report(struct parser *p)
{
	struct la_report *oldest = &p->open[0];

	if (p->nopen < MAX_OPEN)
		return &p->open[p->nopen++];
	for (size_t i = 1; i < MAX_OPEN; i++)
		if (p->open[i].fed < oldest->fed)
			oldest = &p->open[i];
	return oldest;
}

/* Add @e; a report of it is opened if lines of its own may follow. */
static struct la_report *add_event(struct parser *p, const struct la_event *e, bool followed)
{
	struct la_report *r;
	struct la_event *added;

	if (!make_room(p))
		return NULL;
	added = &p->events->event[p->events->n++];
	*added = *e;
	added->record = p->record;
	added->ts_nsec = p->rec->ts_nsec;
	if (!followed)
		return NULL;
	r = new_report(p);
	*r = (struct la_report){ .event = added,
				 .caller = p->rec->caller_id,
				 .fed_ns = p->rec->ts_nsec,
				 .fed = p->line };
	return r;
}

static void feed(struct parser *p, struct la_report *r, enum la_report_stage stage)
{
	r->fed = p->line;
	r->fed_ns = p->rec->ts_nsec;
	if (stage > r->stage)
		r->stage = stage;
}

static void close_report(struct parser *p, struct la_report *r)
{
	*r = p->open[--p->nopen];
}

/* --- choosing --- */

/* May this line be one of @r's at all? */
static bool same_writer(const struct parser *p, const struct la_report *r)
{
	return r->caller == p->rec->caller_id &&
	       (p->rec->ts_nsec < r->fed_ns || p->rec->ts_nsec - r->fed_ns <= PAUSE_NS);
}

/* The report that got a line last of those that have come as far as @from and not beyond @to. */
static struct la_report *newest(struct parser *p, enum la_report_stage from,
				enum la_report_stage to)
{
	struct la_report *best = NULL;

	for (size_t i = 0; i < p->nopen; i++) {
		struct la_report *r = &p->open[i];

		if (same_writer(p, r) && r->stage >= from && r->stage <= to &&
		    (!best || r->fed > best->fed))
			best = r;
	}
	return best;
}

/* Reports whose "CPU: ..." line is lost still get what follows it. */
static struct la_report *newest_or_announced(struct parser *p, enum la_report_stage to)
{
	struct la_report *r = newest(p, LA_REPORT_WHO, to);

	return r ? r : newest(p, LA_REPORT_ANNOUNCED, LA_REPORT_ANNOUNCED);
}

/* The report that waits for these registers: the one before them is the last that it has. */
static struct la_report *waits_for_gpr(struct parser *p, int first)
{
	struct la_report *best = NULL;

	for (size_t i = 0; i < p->nopen; i++) {
		struct la_report *r = &p->open[i];
		uint32_t known = r->regs ? r->regs->gpr_known : 0;
		bool next = first <= 1 ? !(known & ~1u) :
					 (known >> (first - 1) & 1) && !(known >> first & 1);

		if (same_writer(p, r) && r->stage < LA_REPORT_TRACE && next &&
		    (r->stage > LA_REPORT_ANNOUNCED || !newest(p, LA_REPORT_WHO, LA_REPORT_REGS)) &&
		    (!best || r->fed > best->fed))
			best = r;
	}
	return best ? best : newest_or_announced(p, LA_REPORT_REGS);
}

static bool is_same(const struct la_event *e, const struct la_event *who)
{
	if (e->pid_known && e->pid != who->pid)
		return false;
	return e->cpu < 0 || who->cpu < 0 || e->cpu == who->cpu;
}

/*
 * The report that @who may be of: one that names this CPU or task, else, but not for a task that only
 * was shown, one that names nobody yet.
 */
static struct la_report *waits_for_who(struct parser *p, const struct la_event *who, bool shown)
{
	struct la_report *best = NULL;
	int best_rank = 0;

	for (size_t i = 0; i < p->nopen; i++) {
		struct la_report *r = &p->open[i];
		int rank = 2 * (r->stage == LA_REPORT_ANNOUNCED) +
			   (r->event->cpu >= 0 || r->event->pid_known);

		if (!same_writer(p, r) || r->stage >= LA_REPORT_TRACE || !is_same(r->event, who) ||
		    (shown && !r->event->pid_known) ||
		    (best && (best_rank > rank || (best_rank == rank && best->fed > r->fed))))
			continue;
		best = r;
		best_rank = rank;
	}
	return best;
}

/* --- what a writer said before --- */

static struct words *words_of(struct parser *p)
{
	struct words *oldest = &p->words[0];

	for (size_t i = 0; i < p->nwords; i++) {
		if (p->words[i].caller == p->rec->caller_id)
			return &p->words[i];
		if (p->words[i].record < oldest->record)
			oldest = &p->words[i];
	}
	if (p->nwords < MAX_OPEN)
		oldest = &p->words[p->nwords++];
	*oldest = (struct words){ .caller = p->rec->caller_id, .record = p->record };
	return oldest;
}

static bool is_consequence(const struct la_event *e)
{
	return e->kind == LA_EVENT_BUG || e->kind == LA_EVENT_WARN || e->kind == LA_EVENT_OOPS ||
	       (e->kind == LA_EVENT_REPORT && e->message->flags & LA_MESSAGE_FOLLOWED);
}

/* @e may be what the last words led to, or words itself. */
static void connect(struct parser *p, struct la_event *e)
{
	struct words *w = words_of(p);
	bool recent = p->record - w->record <= SAID_RECORDS;

	if (is_consequence(e) && recent) {
		e->said = w->said;
		e->because = w->because;
		if (!e->at)
			e->at = e->kind == LA_EVENT_OOPS ? w->at : NULL;
	}
	w->record = p->record;
	w->cut_here = false;
	if (e->kind == LA_EVENT_BUG) {
		w->at = e->at;
	} else if (e->kind == LA_EVENT_REPORT && e->message->flags & LA_MESSAGE_REASON) {
		w->said = e->line;
		w->because = e->message;
		w->at = NULL;
	} else if (e->kind != LA_EVENT_OOPS || e->number) {
		w->said = w->at = NULL;
		w->because = NULL;
	}
}

/* include/asm-generic/bug.h, CUT_HERE: what WARN() was called with comes next, then "WARNING:". */
static bool take_words(struct parser *p, const char *line)
{
	struct words *w;

	if (!strncmp(line, "------------[ cut here ]------------", 36)) {
		w = words_of(p);
		if (p->record - w->record > SAID_RECORDS)
			*w = (struct words){ .caller = w->caller };
		w->cut_here = true;
		w->record = p->record;
		return true;
	}
	for (size_t i = 0; i < p->nwords; i++) {
		w = &p->words[i];
		if (w->caller == p->rec->caller_id && w->cut_here) {
			w->cut_here = false;
			w->said = line;
			w->record = p->record;
			return true;
		}
	}
	return false;
}

/* --- lines --- */

/* "WARNING: kernel/foo.c:12 at bar+0x1/0x20, CPU#7: comm/1": since 6.19 the place is in the middle. */
static void place_of_warning(struct parser *p, struct la_event *e)
{
	const char *start = e->line + strlen("WARNING: "), *end = strstr(start, ", CPU#");

	e->at = e->text;
	if (!e->at && end)
		e->at = la_strndup(p->arena, start, (size_t)(end - start));
}

/* The address line and "Oops[#1]:" are of one oops; in the log of 6.17 they may have changed places. */
static bool late_address(struct parser *p, const struct la_event *e)
{
	struct la_report *r = newest(p, LA_REPORT_ANNOUNCED, LA_REPORT_ANNOUNCED);

	if (e->kind != LA_EVENT_OOPS || !r || r->event->kind != LA_EVENT_OOPS ||
	    r->event->message || r->event->address_known || !r->event->text ||
	    strcmp(r->event->text, "Oops"))
		return false;
	r->event->message = e->message;
	r->event->cpu = e->cpu;
	r->event->cpu_bad = e->cpu_bad;
	r->event->address_known = e->address_known;
	r->event->address = e->address;
	r->event->era_known = e->era_known;
	r->event->era = e->era;
	feed(p, r, LA_REPORT_ANNOUNCED);
	return true;
}

/* A line of the vocabulary opens an event. */
static bool take_message(struct parser *p, const char *line)
{
	struct la_event e;

	if (!la_message_scan(line, &e))
		return false;
	if (late_address(p, &e))
		return true;
	if (e.kind == LA_EVENT_WARN)
		place_of_warning(p, &e);
	else if (e.kind == LA_EVENT_BUG)
		e.at = e.text;
	connect(p, &e);
	add_event(p, &e, e.message->flags & LA_MESSAGE_FOLLOWED);
	return true;
}

/* The oops that was announced and has no title yet. */
static struct la_report *announced_oops(struct parser *p)
{
	struct la_report *best = NULL;

	for (size_t i = 0; i < p->nopen; i++) {
		struct la_report *r = &p->open[i];

		if (same_writer(p, r) && r->event->kind == LA_EVENT_OOPS && !r->event->number &&
		    (!best || r->fed > best->fed))
			best = r;
	}
	return best;
}

/* die() in arch/loongarch/kernel/traps.c: "%s[#%d]:". It names the oops announced just before. */
static bool take_die(struct parser *p, const char *line)
{
	const char *end = strstr(line, "[#"), *s, *name;
	struct la_event fresh = { .kind = LA_EVENT_OOPS, .line = line, .cpu = -1 };
	struct la_report *r;
	int number;

	if (!end || end == line)
		return false;
	s = end + 2;
	if (!la_eat_dec(&s, &number) || strcmp(s, "]:"))
		return false;
	r = announced_oops(p);
	if (!r) {
		fresh.number = (unsigned)number;
		connect(p, &fresh);
		r = add_event(p, &fresh, true);
	}
	if (!r)
		return true;
	feed(p, r, LA_REPORT_ANNOUNCED);
	r->event->number = (unsigned)number;
	name = la_strndup(p->arena, line, (size_t)(end - line));
	if (!name)
		p->nomem = true;
	r->event->text = name ? name : "";
	return true;
}

/* Who, by dump_stack() or sched_show_task(). Of no report that is known: somebody dumped a stack. */
static bool take_who(struct parser *p, const char *line)
{
	struct la_event who;
	struct la_report *r;
	bool shown = false;

	if (!la_report_who(line, &who)) {
		shown = la_report_task(line, &who);
		if (!shown)
			return false;
	}
	r = waits_for_who(p, &who, shown);
	if (!r) {
		who.kind = LA_EVENT_DUMP;
		who.line = line;
		r = add_event(p, &who, true);
	}
	if (!r)
		return true;
	feed(p, r, LA_REPORT_WHO);
	r->event->cpu_bad |= who.cpu_bad;
	if (r->event->cpu < 0)
		r->event->cpu = who.cpu;
	if (!r->event->pid_known) {
		r->event->pid_known = true;
		r->event->pid = who.pid;
	}
	if (!r->event->comm[0])
		memcpy(r->event->comm, who.comm, sizeof(who.comm));
	return true;
}

static bool take_gprs(struct parser *p, const char *line)
{
	int first = la_report_first_gpr(line);
	struct la_report *r = first < 0 ? NULL : waits_for_gpr(p, first);

	if (!r || !la_report_gprs(r, p->arena, line, &p->nomem))
		return false;
	feed(p, r, LA_REPORT_REGS);
	return true;
}

static bool take_csr(struct parser *p, const char *line)
{
	struct la_report *r = newest_or_announced(p, LA_REPORT_REGS);

	if (!r || !la_report_csr(r, p->arena, line, &p->nomem))
		return false;
	feed(p, r, LA_REPORT_REGS);
	return true;
}

static bool take_trace(struct parser *p, const char *line)
{
	struct la_report *r;

	if (strncmp(line, "Call Trace:", 11))
		return false;
	r = newest_or_announced(p, LA_REPORT_REGS);
	if (!r)
		return false;
	r->in_trace = true;
	feed(p, r, LA_REPORT_TRACE);
	return true;
}

static bool take_frame(struct parser *p, const char *line)
{
	struct la_report *r = newest(p, LA_REPORT_TRACE, LA_REPORT_TRACE);

	if (!r || !r->in_trace || !la_report_frame(r, line))
		return false;
	feed(p, r, LA_REPORT_TRACE);
	return true;
}

static bool take_end(struct parser *p, const char *line)
{
	struct la_report *r;

	if (!la_eat(&line, "---[ end trace"))
		return false;
	r = newest(p, LA_REPORT_WHO, LA_REPORT_TRACE);
	if (!r)
		r = newest(p, LA_REPORT_ANNOUNCED, LA_REPORT_ANNOUNCED);
	if (r) {
		r->event->ended = true;
		close_report(p, r);
	}
	return true;
}

/* Which CPU stalls is printed by the writer of the stall's first line; that opens no report if others follow. */
static bool take_stall(struct parser *p, const char *line)
{
	for (size_t i = p->events->n; i && i + MAX_OPEN > p->events->n; i--) {
		struct la_event *e = &p->events->event[i - 1];
		struct la_report r = { .event = e };

		if (e->kind == LA_EVENT_RCU_STALL && p->rec->ts_nsec - e->ts_nsec <= PAUSE_NS)
			return la_report_stall(&r, line);
	}
	return false;
}

static bool take_line(struct parser *p, const char *line)
{
	/* Lines that belong to a report of the same writer. */
	static bool (*const part[])(struct parser *, const char *) = {
		take_gprs, take_csr, take_trace, take_frame, take_end,
	};

	if (take_message(p, line) || take_die(p, line) || take_who(p, line) || take_stall(p, line))
		return false;
	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++)
		if (part[i](p, line))
			return true;
	return !take_words(p, line) && la_report_is_detail(line);
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

/* One record; a newline in it ends a line. Returns false if there is no memory. */
static bool take_record(struct parser *p, bool *detail)
{
	char *text = la_strndup(p->arena, p->rec->text, p->rec->len), *line, *end;
	bool all = true;

	if (!text)
		return false;
	for (line = text; line && !p->full; line = end) {
		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		all = take_line(p, line) && all;
		p->line++;
	}
	if (detail)
		*detail = all;
	return !p->nomem;
}

enum la_status la_events_parse(struct la_arena *arena, const struct la_log *log,
			       struct la_events *ret)
{
	struct parser *p = la_alloc(arena, sizeof(*p));
	bool *detail = la_alloc_n(arena, log->n, sizeof(*detail));
	bool ok = p && detail;

	*ret = (struct la_events){ .detail = detail };
	if (!ok)
		return LA_NOMEM;
	p->arena = arena;
	p->events = ret;
	for (size_t i = 0; i < log->n && ok; i++) {
		p->rec = &log->record[i];
		p->record = i;
		if (!p->rec->facility && p->rec->len)
			ok = take_record(p, &detail[i]);
	}
	for (size_t i = 0; i < ret->n; i++)
		fill_in_caller(&ret->event[i], &log->record[ret->event[i].record]);
	return ok ? LA_OK : LA_NOMEM;
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
