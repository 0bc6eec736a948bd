/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A report while its lines still come, and the lines of it. Each la_report_*() gets a line and takes it
 * whole for the report, or leaves everything as it was.
 */
#ifndef LAKVM_TRIAGE_REPORT_H
#define LAKVM_TRIAGE_REPORT_H

#include "event.h"
#include "lakvm/base/arena.h"

/** How far it has come; each step is optional. */
enum la_report_stage {
	LA_REPORT_ANNOUNCED,
	LA_REPORT_WHO,   /* CPU and task */
	LA_REPORT_REGS,  /* some registers */
	LA_REPORT_TRACE, /* "Call Trace:" */
};

struct la_report {
	struct la_event *event;
	struct la_regs *regs; /* the event's, writable */
	enum la_report_stage stage;
	uint32_t caller; /* of its records */
	uint64_t fed_ns; /* time of its last line */
	size_t fed;      /* number of that line */
	bool in_trace;
};

/** What a line with registers begins with: the number of the first one; -1: it is no such line. */
int la_report_first_gpr(const char *line);

/** General registers, a CSR; false: not such a line. Without memory they are lost (*nomem is set). */
bool la_report_gprs(struct la_report *r, struct la_arena *arena, const char *line, bool *nomem);
bool la_report_csr(struct la_report *r, struct la_arena *arena, const char *line, bool *nomem);

/** One function of its trace. */
bool la_report_frame(struct la_report *r, const char *line);

/** Who: lib/dump_stack.c's "CPU: 0 UID: 0 PID: 1 Comm: swapper/0 ..."; the name into @who->comm. */
bool la_report_who(const char *line, struct la_event *who);

/** The same of sched_show_task(): "task:jbd2/vda2-8 state:D stack:0 pid:312 ...". */
bool la_report_task(const char *line, struct la_event *who);

/** Lines of an RCU stall: which CPU or task is waited for, and in which grace period. */
bool la_report_stall(struct la_report *r, const char *line);

/** Is it a line of stack words, modules, code, registers or the like: nothing to read for a person? */
bool la_report_is_detail(const char *line);

#endif
