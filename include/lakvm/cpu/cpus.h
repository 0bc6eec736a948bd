/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every vCPU was doing: the result behind lacpus. */
#ifndef LAKVM_CPUS_H
#define LAKVM_CPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/guest/kernel.h"
#include "lakvm/guest/relocation.h"
#include "lakvm/guest/task.h"
#include "lakvm/isa/regs.h"
#include "lakvm/stack/unwind.h"

enum la_cpu_state {
	LA_CPU_UNKNOWN = 0,
	LA_CPU_PANICKING,
	LA_CPU_STOPPED,       /* by panic(): in stop_this_cpu or panic_smp_self_stop */
	LA_CPU_KDUMP_STOPPED, /* in crash_shutdown_secondary */
	LA_CPU_IDLE,
	LA_CPU_USER,
	LA_CPU_SPINNING, /* waiting for a lock */
	LA_CPU_IPI_WAIT, /* waiting for other CPUs to answer an IPI */
	LA_CPU_DELAY,
	LA_CPU_IRQ,
	LA_CPU_EXCEPTION,
	LA_CPU_RUNNING, /* in kernel code, nothing special */
	LA_CPU_FIRMWARE,
	LA_CPU_NEVER_STARTED, /* as it came out of reset, or waiting for Linux, which runs, to start it */
	LA_CPU_OFFLINE,
};
/** Names as docs/json.md has them: "panicking", "stopped", "kdump-stopped", ... */
const char *la_cpu_state_name(enum la_cpu_state state);

enum la_pc_source { LA_PC_NONE, LA_PC_TEXT, LA_PC_CRASH_NOTES, LA_PC_RECOVERED };
const char *la_pc_source_name(enum la_pc_source source);

/** What no sound CPU of a sound kernel has; bits of la_cpu.odd. */
enum la_odd {
	LA_ODD_BASE = 1 << 0,          /* its per-CPU base is lost: r21 is none in the kernel */
	LA_ODD_TASK = 1 << 1,          /* tp leads to no task in the kernel */
	LA_ODD_SHARED_STACK = 1 << 2,  /* its stack pointer is on one stack with another CPU's */
	LA_ODD_STACK = 1 << 3,         /* its stack pointer is in no stack that it can be on */
	LA_ODD_TIMER_PENDING = 1 << 4, /* the timer's interrupt waits, interrupts are off */
	LA_ODD_TIMER_ENDED = 1 << 5, /* the timer has come to its end, and nobody has set it anew */
	LA_ODD_IPI_PENDING = 1 << 6, /* an IPI waits, interrupts are off */
};

struct la_cpu {
	unsigned cpu; /* Linux's number; meaningless if !matched */
	bool matched; /* the register note was matched to a Linux CPU */
	int vcpu;     /* QEMU's cpu_index, -1 = unknown */
	bool online, online_known;
	enum la_cpu_state state;
	struct la_task task;
	enum la_pc_source pc_source;
	uint64_t pc;        /* valid unless pc_source is LA_PC_NONE */
	const char *symbol; /* function the CPU is in: also known where the exact pc is not */
	bool verified;      /* pc (or symbol) is proved; else it is only likely */
	uint64_t offset;    /* valid with pc and symbol */
	const char *module;
	struct la_regs regs; /* source LA_REGS_NONE: no registers */
	/* What saved text has of it, the earliest first: several, if it was seen several times. */
	const struct la_regs *sample;
	size_t nsamples;
	struct la_stack stack;
	/* What an interrupt or exception took it from, where state is stopped, irq or the like;
	 * LA_CPU_UNKNOWN: nothing such. before_frame: its place in stack, NULL in user mode. */
	enum la_cpu_state before;
	const struct la_frame *before_frame;
	/* From its proved position, or the one it was taken from, its code leads nowhere else: it never ends. */
	bool closed_loop;
	/* A timer's function that it calls, or has called just now, in @dispatcher, a function on its stack, and that is on no
	 * stack itself; NULL: none is known. */
	const char *callback, *callback_module, *dispatcher;
	/* What it waits for; 0, NULL and -1 are unknown. */
	uint64_t lock; /* spinning: address of the lock */
	const char *lock_symbol;
	uint64_t lock_offset;
	uint64_t lock_owner;           /* task_struct; only debugging kernels keep it */
	int waits_for;                 /* ipi-wait: the first CPU that has not answered */
	const unsigned *waits_for_all; /* all of them */
	size_t nwaits_for;
	/* IPI requests that others have queued for it (smp_call_function and the like) and that it has
	 * not taken; the function of the oldest, NULL = unknown. */
	bool calls_known;
	unsigned calls;
	const char *call;
	/* Nanoseconds until the youngest clock of all CPUs' run queues: since its task came onto it
	 * (not of idle tasks), and since it last looked at its own clock, which each tick does. */
	bool since_known, clock_age_known;
	uint64_t since_ns, clock_age_ns;
	uint64_t
		clock_ns; /* that clock itself, which the log's times are of, too; only with clock_age_known */
	/* Its task is of a real-time class, which others of lower rank have to wait for: "FIFO", "RR" or "DEADLINE"; NULL: it is
	 * not, or that is not known. Then, too: its priority (of DEADLINE 0), how many other tasks want this CPU; and, if that
	 * is known, how long there has been that task, and how much of that time it ran. */
	const char *realtime;
	unsigned rt_priority, wanting;
	bool share_known;
	uint64_t life_ns, ran_ns;
	/* Nanoseconds since the soft lockup detector's thread could run on it last; and how much later than its own
	 * the detector's timers of other CPUs are due, which is 0 to one period of them where all take timer
	 * interrupts. Only where that detector runs. */
	bool watchdog_age_known, timer_lag_known;
	uint64_t watchdog_age_ns, timer_lag_ns;
	/* Nanoseconds since the next event was due that it had set its timer for, until the guest's clock was moved on
	 * last; 0: it is not due. More than a tick on a CPU that takes interrupts: its interrupt did not come. */
	bool timer_late_known;
	uint64_t timer_late_ns;
	/* thread_info.preempt_count of its task: what it may not be taken from (linux/preempt.h). */
	bool preempt_known;
	uint32_t preempt_count;
	/* What the guest knows of the host: time it took from this vCPU since boot; whether it had
	 * taken it off a CPU at this moment (KVM with steal time only). */
	bool steal_known, preempted_known;
	uint64_t steal_ns;
	bool preempted;
	/* The kernel in the same memory that it is in, not the one that was analysed: then nothing but its
	 * registers is known. NULL: it is in this one. */
	const struct la_other_kernel *other;
	uint64_t stack_base; /* lowest address of the stack that its task has; 0 = unknown */
	bool stack_overrun;  /* the mark at the end of its task's stack is overwritten */
	unsigned odd;        /* bits of enum la_odd; what is not known is not in it */
	const char *remark;  /* one sentence on what is odd about this CPU, or NULL */
};

struct la_cpus {
	struct la_cpu *cpu; /* in order of Linux CPU numbers, unmatched vCPUs last */
	size_t n;
	const char *remark; /* what could not be done, or NULL */
};

/**
 * Registers, tasks, positions, stacks, states of all possible CPUs and all vCPUs in the notes. What
 * cannot be found stays unknown; LA_NOMEM is the only failure. Everything belongs to @arena, names of
 * symbols to the door.
 */
enum la_status la_cpus_analyse(const struct la_kernel *k, struct la_arena *arena,
			       struct la_cpus *ret, struct la_error *err);

/**
 * The same with registers out of saved text (la_regs_text), @n vCPUs. Where the dump's notes hold
 * the same general registers as one of its samples, that is of the same moment, and its pc and CSRs
 * are used. Where they differ, or the text has too few to tell, the notes count, and the remark tells
 * what the text said.
 */
enum la_status la_cpus_analyse_text(const struct la_kernel *k, struct la_arena *arena,
				    const struct la_vcpu_regs *text, size_t n, struct la_cpus *ret,
				    struct la_error *err);

/** Add a sentence to what could not be done; NULL: none. The text must live as long as @cpus. */
void la_cpus_add_remark(struct la_arena *arena, struct la_cpus *cpus, const char *text);

/**
 * A copy of @cpus in @arena in which the stacks of the CPUs in @only (@n numbers; NULL: of all) say
 * where they are in the source (la_lines_stack). NULL: out of memory.
 */
const struct la_cpus *la_cpus_lines(const struct la_kernel *k, struct la_arena *arena,
				    const struct la_cpus *cpus, const unsigned *only, size_t n);

/** Is @c one of the @n Linux CPUs in @list? NULL lists all. */
bool la_cpu_listed(const struct la_cpu *c, const unsigned *list, size_t n);

/** The entry of Linux CPU @cpu, or NULL. */
const struct la_cpu *la_cpus_find(const struct la_cpus *cpus, unsigned cpu);

/** The entry whose task is the task_struct at @task, or NULL. */
const struct la_cpu *la_cpus_running(const struct la_cpus *cpus, uint64_t task);

#endif
