/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Why the guest died or hung: the result behind lapanic. */
#ifndef LAKVM_PANIC_H
#define LAKVM_PANIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/cpu/cpus.h"
#include "lakvm/cpu/waits.h"
#include "lakvm/guest/kernel.h"
#include "lakvm/guest/log.h"
#include "lakvm/guest/task.h"
#include "lakvm/triage/detail.h"
#include "lakvm/triage/known.h"

/** How sure the cause is, not only that there was a panic. */
enum la_confidence {
	LA_UNSURE = 0, /* nothing tells it, or what tells it is contradicted */
	/* One witness tells it: the log, or the stack; or it is only known how the guest ended. */
	LA_LIKELY,
	/* Two witnesses, none made from the other, tell the same: the log's registers and an exception
	 * frame on the stack (same pc); the log's registers and the instruction at that pc (does with them
	 * what went wrong); panic()'s message and the function that called it; a report on a CPU or task
	 * and the guest itself (that CPU's clock stands, that task still sleeps). */
	LA_CERTAIN,
};
const char *la_confidence_name(enum la_confidence c); /* "unknown", "likely", "certain" */

enum la_verdict {
	LA_VERDICT_UNKNOWN = 0,    /* "unknown": here is what was seen */
	LA_VERDICT_PANIC,          /* "panic" */
	LA_VERDICT_OOPS,           /* "oops": an oops, and no panic after it */
	LA_VERDICT_RUNNING,        /* "running": nothing wrong was found */
	LA_VERDICT_SOFT_LOCKUP,    /* "soft-lockup": reported, and still going on */
	LA_VERDICT_FIRMWARE,       /* "firmware": no vCPU runs Linux, and Linux never ran */
	LA_VERDICT_STACK_OVERFLOW, /* "stack-overflow": of a running task, and no panic */
	LA_VERDICT_RCU_STALL,      /* "rcu-stall": reported, and the same grace period goes on */
	LA_VERDICT_HUNG_TASK,      /* "hung-task": reported, and still blocked */
	LA_VERDICT_SPINLOCK,       /* "spinlock": waited for, and no CPU can be its holder */
	LA_VERDICT_DIE_DEADLOCK, /* "die-deadlock": CPUs wait in die() for die_lock, which one of them has */
	LA_VERDICT_DEADLOCK, /* "deadlock": CPUs or tasks wait for each other in a circle */
	LA_VERDICT_HARD_LOCKUP, /* "hard-lockup": a CPU that takes no interrupts any more, in the kernel */
	LA_VERDICT_VCPU, /* "vcpu": registers of a vCPU that no sound kernel has, or one that the host does not run */
	LA_VERDICT_LOST_IPI, /* "lost-ipi": waited for, and its receiver cannot answer */
	LA_VERDICT_WORKQUEUE, /* "workqueue-lockup": reported, and work still waits behind a worker that runs */
	LA_VERDICT_BOOTING, /* "booting": the kernel has not come to run its first process */
	LA_VERDICT_HALTED, /* "halted": somebody halted it, or it was shut down, and that is done */
};
const char *la_verdict_name(enum la_verdict v);

/** As many as the kernel's own "Code:" line has, near enough (show_code() in traps.c). */
#define LA_CODE_WORDS 12
#define LA_CODE_BEFORE 6

/** What led to the panic. */
struct la_cause {
	const char *kind; /* "page-fault", "bug", "ade", ...; NULL = none found */
	bool address_known;
	uint64_t address; /* the address that faulted */
	bool pc_known;
	uint64_t pc;
	const char *symbol;
	uint64_t offset;
	const char *module;
	/* Where pc is no code, who jumped there; where it is in a function that only checks (list_add,
	 * refcount_t), whose call it was; where a task waits in the kernel's own code, the module's function that
	 * led there; or NULL. caller_offset 0: not known. */
	const char *caller;
	uint64_t caller_offset;
	bool regs_known;
	struct la_regs regs; /* at the fault */
	/* Instructions around pc, which is code[LA_CODE_BEFORE]; bit n: code[n] could be read. */
	uint32_t code[LA_CODE_WORDS];
	unsigned code_known;
};

/** Something that was seen, and where. */
struct la_fact {
	const char *text;
	const char *source; /* "log", "panic_cpu", "panic's buffer", "stack of cpu 0", ... */
};

/** A rule that could not be tried. */
struct la_unchecked {
	const char *rule;
	const char *reason;
};

struct la_panic {
	const char *release; /* of the kernel, as uname -r; NULL = unknown */
	enum la_verdict verdict;
	enum la_confidence confidence;
	const char *message; /* without "Kernel panic - not syncing: "; NULL = none */
	/* The cause in the words of a person, one sentence without a full stop; NULL: nothing to say beyond kind and message. */
	const char *summary;
	const char *const
		*advice; /* what to do next: each a command to type or a cure, the best first */
	size_t nadvice;
	const char *const *stuck; /* what else is stuck because of it, one CPU or task each */
	size_t nstuck;            /* the last may say how many more there are */
	int cpu; /* Linux CPU of the verdict (that panicked, oopsed, waits), -1 = unknown */
	struct la_task task; /* the task it happened in; address 0 and pid_known false: unknown */
	bool uptime_known;
	double uptime_s;    /* at the panic if that is known, else at the last record */
	bool uptime_of_end; /* it is the last record's: nothing tells when it happened */
	struct la_cause cause;
	const struct la_stack *stack; /* of that CPU or of the task that is blocked, or NULL */
	const char *signature;        /* plain text, no addresses, CPUs or pids; NULL = none */
	char hash[17];                /* FNV-1a 64 of the signature in hex; empty without one */
	const struct la_fact *fact;   /* as they were found; the last says how many were left out */
	size_t nfacts;
	struct la_fact *room; /* for one more fact, behind the last; NULL: there is none */
	const struct la_unchecked *unchecked;
	size_t nunchecked;
	const struct la_log *log;    /* all records that were read; NULL: none was */
	const char *const *log_tail; /* the last records, with times as dmesg prints them */
	size_t nlog_tail;
	struct la_detail detail;
	const struct la_known *const *known; /* hints of la_known_hints() */
	size_t nknown;
	const struct la_cpus *cpus;   /* as given */
	const struct la_waits *waits; /* who waits for whom; NULL: nobody looked */
};

/**
 * Collect facts, judge them, never fail: what could not be found is unknown in @ret and named in
 * its facts or unchecked rules. @cpus may be NULL (then without stacks). Everything belongs to
 * @arena or to @cpus; names of symbols to the door. Where memory was not enough, the last fact says so.
 */
void la_panic_analyse(const struct la_kernel *k, struct la_arena *arena, const struct la_cpus *cpus,
		      struct la_panic *ret);

/**
 * Let the frames of @p's stack say where they are in the source (la_lines_stack), and its detail where the cause
 * is. Without memory for that they say nothing, and a fact says so.
 */
void la_panic_lines(const struct la_kernel *k, struct la_arena *arena, struct la_panic *p);

/** The fact alone: memory ran out before anything could be asked (la_lines_open()). */
void la_panic_lack_lines(struct la_panic *p);

#endif
