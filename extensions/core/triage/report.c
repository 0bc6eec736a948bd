// SPDX-License-Identifier: GPL-3.0-or-later
// The lines of a report: who, registers, trace, stalled CPUs, as LoongArch kernels print them.
#include "report.h"

#include <string.h>

#include "message.h"

static struct la_regs *report_regs(struct la_report *r, struct la_arena *arena, bool *nomem)
{
	if (!r->regs) {
		r->regs = la_alloc(arena, sizeof(*r->regs));
		if (!r->regs) {
			*nomem = true;
			return NULL;
		}
		r->regs->source = LA_REGS_PT_REGS;
		r->event->regs = r->regs;
	}
	return r->regs;
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
static bool named_gprs(const char *line, struct la_regs *found)
{
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
			found->pc_known = true;
			found->pc = value;
		} else {
			la_gpr_set(found, n, value);
		}
	}
	return found->gpr_known != 0;
}

/* "$ 4   : V V V V": 5.19 and 6.0. */
static bool numbered_gprs(const char *line, struct la_regs *found)
{
	uint64_t value;
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
		if (!la_eat_hex(&line, &value))
			return false;
		la_gpr_set(found, (unsigned)(first + i), value);
	}
	return true;
}

static bool any_gprs(const char *line, struct la_regs *found)
{
	if (named_gprs(line, found))
		return true;
	*found = (struct la_regs){ 0 };
	return numbered_gprs(line, found);
}

int la_report_first_gpr(const char *line)
{
	struct la_regs found = { 0 };

	if (!any_gprs(line, &found))
		return -1;
	for (int i = 0; i < LA_NGPR; i++)
		if (found.gpr_known >> i & 1)
			return i;
	return -1;
}

bool la_report_gprs(struct la_report *r, struct la_arena *arena, const char *line, bool *nomem)
{
	struct la_regs found = { 0 }, *regs;
	uint64_t value;

	if (!any_gprs(line, &found))
		return false;
	regs = report_regs(r, arena, nomem);
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

/* Lines with one CSR; the second name is that of 5.19 to 6.2. */
bool la_report_csr(struct la_report *r, struct la_arena *arena, const char *line, bool *nomem)
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
	const char *ra;
	struct la_regs *regs;
	uint64_t value;

	la_eat_spaces(&line);
	ra = line;
	if ((la_eat(&ra, "ra: ") || la_eat(&ra, "ra    : ")) && la_eat_hex(&ra, &value)) {
		la_eat_spaces(&ra);
		if (la_is_place(ra))
			r->event->ra_symbol = ra;
		return true;
	}
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const char *s = line;

		if (!la_eat(&s, table[i].prefix) || !la_eat_hex(&s, &value))
			continue;
		regs = report_regs(r, arena, nomem);
		if (!regs)
			return true;
		la_csr_set(regs, table[i].csr, value);
		if (table[i].csr == LA_CSR_ERA) {
			regs->pc_known = true;
			regs->pc = value;
			la_eat_spaces(&s);
			if (strchr(s, '+'))
				r->event->pc_symbol = s;
		}
		return true;
	}
	return false;
}

/* "[<9000000000eb7fa8>] i8042_flush+0x58/0x160"; the address is missing before 4.19-era ports. */
bool la_report_frame(struct la_report *r, const char *line)
{
	struct la_event *e = r->event;
	uint64_t pc;

	la_eat_spaces(&line);
	if (la_eat(&line, "[<")) {
		if (!la_eat_hex(&line, &pc) || !la_eat(&line, ">]"))
			return false;
		la_eat_spaces(&line);
	}
	if (!la_is_place(line))
		return false;
	if (e->ntrace < LA_EVENT_TRACE)
		e->trace[e->ntrace++] = line;
	else
		e->trace_left_out++;
	return true;
}

/* UID since 6.12. "Kdump: loaded" stands between the name and the taint if a crash kernel is loaded. */
bool la_report_who(const char *line, struct la_event *who)
{
	static const char *const after[] = { " Kdump: loaded ", " Not tainted", " Tainted: " };
	int uid;

	*who = (struct la_event){ .cpu = -1 };
	if (!la_eat(&line, "CPU: "))
		return false;
	if (la_eat(&line, "-1"))
		who->cpu_bad = true;
	else if (!la_eat_dec(&line, &who->cpu))
		return false;
	if (la_eat(&line, " UID: ") && !la_eat_dec(&line, &uid))
		return false;
	if (!la_eat(&line, " PID: ") || !la_eat_dec(&line, &who->pid) || !la_eat(&line, " Comm: "))
		return false;
	who->pid_known = true;
	for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
		const char *end = strstr(line, after[i]);

		if (end) {
			la_event_comm(who, line, end);
			break;
		}
	}
	return true;
}

bool la_report_task(const char *line, struct la_event *who)
{
	const char *end, *pid;

	*who = (struct la_event){ .cpu = -1 };
	if (!la_eat(&line, "task:"))
		return false;
	end = strstr(line, " state:");
	pid = end ? strstr(end, " pid:") : NULL;
	if (!pid)
		return false;
	pid += 5;
	la_eat_spaces(&pid);
	if (!la_eat_dec(&pid, &who->pid))
		return false;
	who->pid_known = true;
	while (end > line && end[-1] == ' ')
		end--;
	la_event_comm(who, line, end);
	return true;
}

/*
 * kernel/rcu/tree_stall.h: "\t3-...0: (1 GPs behind) ..." for each CPU that is waited for,
 * "\tTasks blocked on level-0 rcu_node (CPUs 0-7): P312" (or "P312/1:b..l") for tasks, then
 * "\t(detected by 1, t=5253 jiffies, g=-659, q=29 ncpus=2)" or "\t(t=5250 jiffies g=-659 ...".
 */
bool la_report_stall(struct la_report *r, const char *line)
{
	struct la_event *e = r->event;
	const char *s;
	bool minus;
	int number;

	if (!la_eat(&line, "rcu:"))
		return false;
	la_eat_spaces(&line);
	s = line;
	if (la_eat_dec(&s, &number) && *s == '-') {
		if (e->cpu < 0)
			e->cpu = number;
		return true;
	}
	s = strncmp(line, "Tasks blocked on ", 17) ? NULL : strstr(line, ": P");
	if (s) {
		s += 3;
		if (!e->pid_known && la_eat_dec(&s, &e->pid))
			e->pid_known = true;
		return true;
	}
	s = *line == '(' ? strstr(line, " g=") : NULL;
	if (!s && *line == '(')
		s = strstr(line, ",g=");
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

bool la_report_is_detail(const char *line)
{
	static const char *const begin[] = {
		"Stack : ",       "Call Trace:", "Code:", "Modules linked in:",
		"Hardware name:", "PRID: ",      "ra: ",  "Process ",
		"Workqueue: ",    "[<",          "...",   "Unloaded tainted modules:",
		"Last unloaded:"
	};
	uint64_t value;

	la_eat_spaces(&line);
	if (!*line)
		return true;
	for (size_t i = 0; i < sizeof(begin) / sizeof(begin[0]); i++)
		if (!strncmp(line, begin[i], strlen(begin[i])))
			return true;
	/* More words of the stack. */
	return la_eat_hex(&line, &value) && la_eat(&line, " ") && la_eat_hex(&line, &value);
}
