/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files that read the guest for the rules. What cannot be read stays unknown; none of these fails. */
#ifndef LAKVM_COLLECT_H
#define LAKVM_COLLECT_H

#include "lakvm/guest/kernel.h"
#include "triage.h"

/** Fill in @t, which is zeroed but for its CPUs; what a person may want to know goes to @j as facts. */
void la_triage_collect(const struct la_kernel *k, struct la_triage *t, struct la_judgement *j);

/** The exceptions that log, stack and CSRs tell of; needs the events and the CPU of @t. */
void la_triage_faults(const struct la_kernel *k, struct la_triage *t);

/** Whom the detector that called panic() caught; needs all of the above, and la_triage_blocked(). */
void la_triage_culprit(const struct la_kernel *k, struct la_triage *t);

/** What the guest has at the pc of registers that a report printed. */
void la_triage_event_fault(const struct la_kernel *k, const struct la_event *e,
			   struct la_fault *ret);

/** The task that the last report of a hung task in @t's events names. */
void la_triage_blocked(const struct la_kernel *k, struct la_arena *arena, struct la_triage *t);

/** Does work wait where the last report of the workqueues' watchdog has it? */
void la_triage_work(const struct la_kernel *k, struct la_triage *t);

/**
 * What panic() was called with, where the log does not say it: its buffer's text, or where it was called again while it
 * ran, what the first call was given, as far as its caller's code tells. NULL: not known.
 */
const char *la_triage_first_message(const struct la_kernel *k, struct la_arena *arena,
				    const struct la_triage *t);

/** Who waits for whom, and CPUs in die(); needs the CPUs and the log of @t. */
void la_triage_waits(const struct la_kernel *k, struct la_triage *t, struct la_judgement *j);
void la_triage_dying(const struct la_kernel *k, struct la_arena *arena, struct la_triage *t);

/** A stack that ran over; needs the CPUs of @t. */
void la_triage_overrun(const struct la_kernel *k, struct la_arena *arena, struct la_triage *t);

/** A register that a CPU which died has lost; needs the faults of @t. */
void la_triage_lost(const struct la_kernel *k, struct la_triage *t);

/** What memory has at the pc of @regs, symbols too. */
void la_triage_fault_of(const struct la_kernel *k, const struct la_regs *regs,
			struct la_fault *ret);
/** How far the guest came with its boot; needs the CPUs of @t. */
void la_triage_boot(const struct la_kernel *k, struct la_arena *arena, struct la_triage *t);

/** Where the memory went, if the log or panic() says that it ran out; needs both of @t. */
void la_triage_memory(const struct la_kernel *k, struct la_triage *t, struct la_judgement *j);

/** Whether there are as many tasks as there can be, and who most of them are. */
void la_triage_threads(const struct la_kernel *k, struct la_triage *t, struct la_judgement *j);

/** The instructions around the cause's pc, if that is known. */
void la_triage_code(const struct la_kernel *k, struct la_cause *cause);

/** Of a fault in code of the kernel that no module called, which symbols of modules its registers lead to. */
void la_triage_say_touched(const struct la_kernel *k, const struct la_triage *t,
			   struct la_judgement *j);

/** What the host said, as facts; the domain's CPU, and why the host did not run a vCPU. */
void la_triage_host(const struct la_kernel *k, struct la_triage *t, struct la_judgement *j);

#endif
