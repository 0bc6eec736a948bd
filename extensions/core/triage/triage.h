/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Triage from the inside: facts.c collects, cause.c explains, panic.c judges. Evidence flows in
 * that order only.
 */
#ifndef LAKVM_TRIAGE_H
#define LAKVM_TRIAGE_H

#include "lakvm/triage/panic.h"
#include "oops.h"

/* Things a rule may need. Each is there, or there is a sentence why not. */
enum la_source {
	LA_SOURCE_LOG,
	LA_SOURCE_PANIC_CPU,
	LA_SOURCE_CPUS,
	LA_NSOURCES,
};
#define LA_NEEDS(source) (1u << (source))

#define LA_MAX_FACTS 64
#define LA_TAINT_DIE (UINT64_C(1) << 7) /* include/linux/panic.h */

struct la_triage {
	const struct la_kernel *k;
	struct la_arena *arena;
	struct la_panic *ret;
	unsigned have;                    /* bits of enum la_source */
	const char *missing[LA_NSOURCES]; /* why not */

	struct la_log log;
	struct la_events events;
	const struct la_event *panic; /* the panic's record, or NULL */
	const struct la_event *oops;  /* the oops that led to it, found by la_triage_cause */
	int panic_cpu;                /* -1: no CPU has entered panic() */
	const char *buffer;           /* text in panic's own buffer, or NULL */
	uint64_t taint;
	const struct la_cpu *cpu; /* the panicking CPU */
	size_t below_panic; /* its first frame below panic() and die(); SIZE_MAX: none there */

	struct la_fact *fact;
	struct la_unchecked *unchecked;
};

/** Fill in all of @t but what the caller set: k, arena, ret, fact and unchecked. */
void la_triage_collect(struct la_triage *t);

/** Note a fact; one over the limit, or without memory for it, is dropped. */
void la_triage_fact(struct la_triage *t, const char *source, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** Why was panic() called? Fills in @t->ret->cause. */
void la_triage_cause(struct la_triage *t);

/** The cause that one oops tells. */
void la_triage_cause_oops(struct la_triage *t, const struct la_event *oops);

/** Symbol and offset of @t->ret->cause.pc; @printed: as the kernel printed it, or NULL. */
void la_triage_position(struct la_triage *t, const char *printed);

/** Uptime of the verdict; CPU and task of an event or a CPU. */
void la_triage_set_uptime(struct la_triage *t, uint64_t nsec);
void la_triage_who_from_event(struct la_triage *t, const struct la_event *e);
void la_triage_who_from_cpu(struct la_triage *t, const struct la_cpu *c);

/* Rules of rules_hang.c. Each gives the verdict and returns true, or leaves @t alone but for facts. */
bool la_judge_stack_overflow(struct la_triage *t);
bool la_judge_soft_lockup(struct la_triage *t);
bool la_judge_rcu_stall(struct la_triage *t);
bool la_judge_hung_task(struct la_triage *t);
bool la_judge_spinlock(struct la_triage *t);
bool la_judge_lost_ipi(struct la_triage *t);
bool la_judge_firmware(struct la_triage *t);
bool la_judge_running(struct la_triage *t);

static inline double la_seconds(uint64_t nsec)
{
	return (double)(nsec / 1000) / 1e6; /* cut at microseconds, as dmesg does */
}

#endif
