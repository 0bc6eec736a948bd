/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One trouble that the kernel reported in its log. */
#ifndef LAKVM_EVENT_H
#define LAKVM_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/isa/regs.h"

enum la_event_kind {
	LA_EVENT_PANIC,     /* "Kernel panic - not syncing: ..." */
	LA_EVENT_PANIC_END, /* "---[ end Kernel panic ..." */
	LA_EVENT_OOPS,      /* die(): "Oops[#1]:", also the line that announces it */
	LA_EVENT_BUG,       /* "kernel BUG at FILE:LINE!" */
	LA_EVENT_WARN,      /* "WARNING: ..." */
	LA_EVENT_SOFT_LOCKUP,
	LA_EVENT_HARD_LOCKUP,
	LA_EVENT_RCU_STALL,
	LA_EVENT_HUNG_TASK,
	LA_EVENT_WORKQUEUE,   /* work items wait in a pool; cpu: the pool's, -1: it has several */
	LA_EVENT_OOM,         /* the OOM killer took a process */
	LA_EVENT_SPINLOCK,    /* "BUG: spinlock ..." of CONFIG_DEBUG_SPINLOCK */
	LA_EVENT_ATOMIC,      /* "BUG: scheduling while atomic" */
	LA_EVENT_CACHE_ERROR, /* "Cache error exception:" */
	LA_EVENT_RCU_STARVED, /* RCU's kthread gets no CPU; cpu: where it last ran */
	LA_EVENT_BACKTRACE,   /* a CPU showed its stack because another one asked: a detector did */
	LA_EVENT_DUMP,   /* a stack that somebody dumped, of a CPU or a task; no report names it */
	LA_EVENT_REPORT, /* any other: its message tells */
};

/** A row of the vocabulary. */
struct la_message {
	enum la_event_kind kind;
	const char *pattern; /* see vocabulary.c */
	const char *name;    /* one word for the same trouble: "slab-corruption" */
	const char *meaning; /* in plain words, no full stop; NULL: a rule says it better */
	unsigned flags;
#define LA_MESSAGE_FOLLOWED 1u /* by lines of the same context: who, registers, a trace */
#define LA_MESSAGE_TROUBLE 2u  /* a guest that says this is ill, even if it lives on */
#define LA_MESSAGE_REASON 4u /* of the warning, BUG() or report that the same context prints next */
};

#define LA_EVENT_TRACE 24

struct la_event {
	enum la_event_kind kind;
	const struct la_message *message; /* NULL: no row of the vocabulary opened it */
	size_t record;                    /* index of the record it starts in */
	uint64_t ts_nsec;
	const char *line; /* that line, without its newline */
	const char *
		text; /* panic: its message; oops: its title ("Oops"); else the row's %m; or NULL */
	const char *
		at; /* BUG, WARN and the oops of a BUG: "mm/slub.c:4242!", with the function if said */
	/* What the same context said just before it and is its reason: a WARN()'s text, or a report
	 * ("list_del corruption ..."). because: the report's row; NULL: none. */
	const char *said;
	const struct la_message *because;
	int cpu;      /* -1 = not said */
	bool cpu_bad; /* it said "CPU -1": the task pointer it was read through is destroyed */
	bool pid_known;
	int pid;
	char comm[17];      /* empty = not said */
	bool address_known; /* oops: the address that could not be reached */
	uint64_t address;
	bool era_known; /* oops: the pc, as that line says it */
	uint64_t era;
	unsigned number; /* oops: the n of "[#n]", 0 = not said */
	bool gp_known;   /* RCU stall: the grace period that does not end */
	int64_t gp;
	bool ended; /* oops: its "---[ end trace" was seen */
	/* The register dump, as printed (source LA_REGS_PT_REGS), or NULL. */
	const struct la_regs *regs;
	const char *pc_symbol; /* "func+0x12/0x34" behind ERA, or NULL */
	const char *ra_symbol; /* the same behind ra, or NULL */
	/* Function names of the call trace, innermost first, with offsets as printed. */
	const char *trace[LA_EVENT_TRACE];
	size_t ntrace;
	size_t trace_left_out; /* outer ones for which there is no room */
};

/** What the event is called: its row's name. */
const char *la_event_name(const struct la_event *e);

#endif
