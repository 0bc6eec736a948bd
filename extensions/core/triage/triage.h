/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Triage from the inside. Evidence flows one way: collect.h's files read the guest and fill in a struct
 * la_triage; rules (panic.c, cause.c, rules_*.c) get that as it is, and no way to read more, and
 * write a struct la_judgement.
 */
#ifndef LAKVM_TRIAGE_H
#define LAKVM_TRIAGE_H

#include "lakvm/cpu/waits.h"
#include "lakvm/guest/meminfo.h"
#include "lakvm/host/host.h"
#include "lakvm/triage/panic.h"
#include "oops.h"

/* Things a rule may need. Each is there, or there is a sentence why not. */
enum la_source {
	LA_SOURCE_LOG,
	LA_SOURCE_PANIC_CPU,
	LA_SOURCE_CPUS,
	LA_SOURCE_TASKS, /* the list of tasks, as far as the log makes it worth a walk */
	LA_NSOURCES,
};
#define LA_NEEDS(source) (1u << (source))

#define LA_TAINT_DIE (UINT64_C(1) << 7) /* include/linux/panic.h */

/** An exception as one witness tells it: registers at it, and what the guest has at its pc. */
struct la_fault {
	struct la_regs regs; /* source LA_REGS_NONE: there is no such witness */
	bool pc_known;       /* out of regs, or the log's own line */
	uint64_t pc;
	const char *symbol, *module; /* of pc; NULL: unknown */
	uint64_t offset;
	const char *caller; /* where pc is no code: the function of ra, or NULL */
	uint64_t caller_offset;
	bool in_vector; /* in an exception vector: what that goes by, page tables and its CPU's own data, is damaged */
	bool insn_known; /* the instruction that faulted: BADI, else what memory has at pc */
	uint64_t insn;
	/* Memory has an instruction at pc that does with these registers what they say went wrong:
	 * accesses just the address in BADV, or is the break of a BUG(). */
	bool agrees;
};

#define LA_INSN_BUG 0x002a0001 /* BUG() is "break 1", BRK_BUG of asm/break.h */

/** How to find out why panic() was called. */
enum la_panic_by {
	LA_BY_CALLER,   /* the message says it all, and who called panic() */
	LA_BY_OOPS,     /* an oops of the same context */
	LA_BY_WARNING,  /* a warning or report of the same context */
	LA_BY_DETECTOR, /* a report on somebody else, whom a detector caught */
};

/** What panic() is called with, and what it means. */
struct la_panic_word {
	const char *text; /* a part of the message */
	const char *kind;
	enum la_panic_by by;
	enum la_event_kind report; /* LA_BY_DETECTOR: of this kind */
	const char *from;    /* functions that call panic() with it, by '|'; NULL: not known */
	const char *meaning; /* in plain words; NULL: others say it better */
	const char *advice;  /* or NULL */
};

/** The row for @message; NULL: there is none, or no message. */
const struct la_panic_word *la_panic_word(const char *message);

/** The row for a BUG() in @function, if that is how a detector ends the guest; NULL: it is a BUG() as any other. */
const struct la_panic_word *la_panic_word_of_bug(const char *function);

/** What @function reports, if it is one that only checks: told where its words are lost; NULL: it is none. */
const char *la_check_in_words(const char *function);

/** Is @function one of those that call panic() with @word's message? */
bool la_panic_word_from(const struct la_panic_word *word, const char *function);

/** Whom a detector caught. */
struct la_culprit {
	const struct la_event *report; /* that names it; NULL: none */
	const struct la_event
		*shown; /* that has its registers or its trace: that one or another; or NULL */
	int cpu;        /* -1: unknown */
	const struct la_cpu *at; /* that CPU as it was found; or NULL */
	const struct la_cpu
		*named; /* the report names this one, which was idle; NULL: it names the culprit */
	struct la_fault place; /* where it was when it was reported */
	bool task;             /* it is a task that sleeps: la_triage.blocked, if that was found */
};

/** As many tasks as the kernel makes. threads 0: there are fewer, or nobody knows. */
struct la_full {
	uint64_t threads, most;
	size_t named;                                      /* so many of them */
	char name[sizeof(((struct la_task *)NULL)->comm)]; /* like this, without its number */
};

/** A task that the kernel reported to be blocked, as it is now. */
struct la_blocked {
	bool found; /* a task with that pid and name is there, and still sleeps uninterruptibly */
	struct la_task task;
	const struct la_stack *stack; /* NULL: unknown */
};

/** A CPU whose stack is in die(): the first exception of its chain, and how it goes on. */
struct la_dying {
	const struct la_cpu *cpu;
	struct la_fault first;  /* the outermost exception whose handling led to die() */
	uint64_t first_pt_regs; /* where that is saved */
	struct la_fault last;   /* the innermost of them, if there are several */
	unsigned exceptions;    /* how many there are */
	bool waits;             /* it waits for die_lock, in die() */
	bool has_lock;          /* it has taken it, in an outer die() */
	bool printing;          /* the last exception came while die() printed the one before */
	const char
		*broke; /* function of the last exception, if there are several; NULL = unknown */
};

/** A kernel stack that ran over. */
struct la_overrun {
	const struct la_cpu *cpu; /* whose task's it is; NULL: none did */
	uint64_t base;            /* lowest address of the stack; 0: unknown */
	struct la_fault
		again;  /* the call of itself that a function left on the stack again and again */
	unsigned times; /* how often; 0: there is none */
	struct la_fault first; /* the first exception that is saved there, if any */
	unsigned
		nested; /* exceptions that are saved there; each but the first came in the handler of another */
	bool filled;                  /* they reach down to its end: they alone made it run over */
	bool below;                   /* it came when the stack pointer was below the stack */
	const struct la_stack *stack; /* of that exception; or NULL */
};

/** How far the guest came with its boot. */
struct la_boot {
	/* Why memory is not believed: this kernel is not there, or that is not known; NULL: it is, or nobody can tell. */
	const char *absent;
	bool proved_absent; /* memory has something else there */
	bool state_known;
	uint64_t state;           /* system_state */
	bool booting;             /* it is before SYSTEM_RUNNING */
	const struct la_cpu *cpu; /* that boots, or NULL */
	const char *initcall;     /* that its stack is in, or NULL */
	/* Where the task that starts all sleeps (PID 1): its stack; NULL: it runs, or is not found. */
	struct la_task starter;
	const struct la_stack *starts;
	const char *root; /* root= of the command line, where it still is in memory; or NULL */
	uint64_t
		running; /* SYSTEM_RUNNING; what follows is the way down: halt, power off, restart */
	const char *command_line; /* or NULL */
	const char *consoles;     /* enabled ones, "tty0, ttyS0"; empty: none; NULL: not known */
	bool now_known;
	uint64_t now_ns; /* by the clocks of the run queues, at most a tick old where ticks come */
	bool processor_known;
	uint64_t processor; /* CPUCFG.0 of the CPU that boots, as the kernel read it */
	size_t not_started; /* vCPUs in no kernel, while one is */
};

/** What is known of the guest's end. Nothing here is judged. */
struct la_triage {
	unsigned have;                    /* bits of enum la_source */
	const char *missing[LA_NSOURCES]; /* why not */

	struct la_log log;
	struct la_events events;
	const struct la_event *panic; /* the panic's record, or NULL */
	/* The oops that led to it: the first of a chain that ends in the last one of the same context before
	 * it; NULL: none. oops: the first of the chain that ends in the last one of all. */
	const struct la_event *panic_oops, *panic_last_oops;
	const struct la_event *last_oops, *oops;
	struct la_fault panic_fault, oops_fault; /* what panic_oops and oops tell */
	const char *message;              /* panic()'s, of the log or else of its buffer; or NULL */
	const struct la_panic_word *word; /* that it is; or NULL */
	struct la_culprit culprit;
	struct la_fault
		warned;     /* what the last warning before the panic tells, if it has registers */
	int panic_cpu;      /* -1: no CPU has entered panic() */
	const char *buffer; /* text in panic's own buffer, or NULL */
	uint64_t taint;
	const struct la_cpus *cpus; /* or NULL */
	const struct la_cpu *cpu;   /* the panicking CPU, or NULL */
	size_t below_panic; /* its first frame below panic() and die(); SIZE_MAX: none there */
	unsigned panics;    /* calls of panic() on its stack */
	bool in_panic,
		in_die; /* panic() is on its stack; die(), not called by a fault in panic() */
	/* The kernel-mode exception that its stack leads back to, saved at stack_pt_regs (0: none), and
	 * the last one by its CSRs, if saved text has them. */
	uint64_t stack_pt_regs;
	struct la_fault stack_fault, csr_fault;
	bool gp_known; /* rcu_state.gp_seq; read where a stall report names a grace period */
	int64_t gp;
	/* Work waits for workers of the CPU that the workqueues' watchdog reported last; read only after a report. */
	bool work_known, work_waits;
	struct la_blocked blocked;    /* of the last report of a hung task */
	struct la_waits waits;        /* who waits for whom */
	uint64_t watchdog_ns;         /* how often the soft lockup detector looks; 0 = unknown */
	const struct la_dying *dying; /* CPUs in die() */
	size_t ndying;
	struct la_overrun overrun;
	/* Registers that a CPU which died has lost: LA_ODD_BASE or LA_ODD_TASK, 0: none; whose, and that registers of its
	 * first exception tell that it was before that. */
	unsigned lost;
	int lost_cpu; /* -1: not known */
	bool lost_before;
	const struct la_cpu *
		astray; /* another CPU on a kernel stack whose tp leads to no task, or to one that was overwritten; or NULL */
	struct la_boot boot;
	bool memory_known; /* asked for only where memory ran out */
	struct la_meminfo memory;
	struct la_full full;
	const struct la_host_cpu *domain; /* what the domain says of its CPU; NULL: not known */
	/* For each of cpus, why the host did not run its vCPU; NULL: it did, or nobody knows. */
	const char **not_run;
};

/** What the rules write. */
struct la_judgement {
	struct la_arena *arena;
	struct la_panic *panic;
	struct la_fact *fact;
	struct la_unchecked *unchecked;
	size_t left_out; /* facts over the limit */
	size_t refused;  /* la_arena_refused() when it began */
	const char **advice, **stuck;
	size_t stuck_left_out;
	const struct la_event *event; /* that is the cause, or names it; NULL: none in the log */
	unsigned witnesses;           /* LA_WITNESS_* that tell the same cause */
	bool off_stack; /* the cause is a function that is on no stack any more: no callers are its */
};

/** Facts that a result holds: more are counted, and the last fact says how many. */
#define LA_MAX_FACTS 64

/* Witnesses of a cause; none of them is made from another one. */
#define LA_WITNESS_LOG 1u    /* what the kernel printed, or panic()'s own buffer */
#define LA_WITNESS_STACK 2u  /* an exception frame, or the function that called panic() */
#define LA_WITNESS_CSR 4u    /* the control registers of the last exception */
#define LA_WITNESS_MEMORY 8u /* the instruction at pc; a task's state; a clock that stands */

/** How sure a cause is that @witnesses tell: certain if there are two. */
enum la_confidence la_triage_confidence(unsigned witnesses);

/** Note a fact; one without memory for it is dropped, which la_triage_close() says. */
void la_triage_fact(struct la_judgement *j, const char *source, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** Pieces of advice and of what is stuck that a result holds. */
#define LA_MAX_ADVICE 8
#define LA_MAX_STUCK 32

/**
 * The cause in words, written by the rule that judges, or by whoever knows better later: the last one counts.
 * One sentence without a full stop at its end, as a person would say it; without memory for it the old one stays.
 */
void la_triage_summary(struct la_judgement *j, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** What to do next, the best first. What was said before is not said again; more than LA_MAX_ADVICE are dropped. */
void la_triage_advice(struct la_judgement *j, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** What else is stuck because of it: "CPU 3 waits for ..."; more than LA_MAX_STUCK are counted. */
void la_triage_stuck(struct la_judgement *j, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** To be called once when all rules are done, or none could begin: says how much was left out, and why. */
void la_triage_close(struct la_judgement *j);

/** A judgement that writes into @panic, out of @arena; false: no memory, and @j is only to be closed. */
bool la_triage_open(struct la_judgement *j, struct la_arena *arena, struct la_panic *panic,
		    size_t nrules);

/** Why was panic() called? Fills in the cause. */
void la_triage_cause(const struct la_triage *t, struct la_judgement *j);

/** The cause that the first oops of the last chain tells. */
void la_triage_cause_oops(const struct la_triage *t, struct la_judgement *j);

/** Kind, address, pc and place of the cause, as the exception @f tells them. */
void la_triage_cause_fault(struct la_judgement *j, const struct la_fault *f);

/** A node of the graph, a thing that it waits for, in words; @j's arena has them. */
const char *la_triage_who(struct la_judgement *j, const struct la_wait_node *node);
const char *la_triage_thing(struct la_judgement *j, const struct la_thing *thing);

/** "CPU 1 (x, PID 3) waits in f() for the mutex m, held by task y (PID 4)": node @i of @t's graph. */
const char *la_triage_edge(const struct la_triage *t, struct la_judgement *j, size_t i);
/** The same without who: "waits in f() for the mutex m, held by task y (PID 4)". */
const char *la_triage_waiting(const struct la_triage *t, struct la_judgement *j, size_t i);

/** Say of every other node that waits for @node, also through others, that it is stuck, and what for. */
void la_triage_behind(const struct la_triage *t, struct la_judgement *j, size_t node);

/** CPU, task, stack and place of the verdict are @node's. */
void la_triage_blame(struct la_judgement *j, const struct la_wait_node *node, const char *kind);

/** Make the last oops the cause, whose task died with @lock, in words; false: there was none. */
bool la_triage_blame_oops(const struct la_triage *t, struct la_judgement *j, const char *lock);

/**
 * Blame whoever the chain of waits that begins at the task_struct @task ends in, with summary and advice. False: it is
 * in no chain.
 */
bool la_triage_chain(const struct la_triage *t, struct la_judgement *j, uint64_t task);

/**
 * A CPU found in two functions of the kernel's own, where @report has it and where it is now, both called by one of a
 * module: that one loops, with summary and advice. False: it is not so.
 */
bool la_triage_blame_looper(const struct la_triage *t, struct la_judgement *j,
			    const struct la_cpu *c, const struct la_event *report);

/**
 * Blame whoever holds what the CPU of the verdict waits for, in the end, with summary. False: it waits for nothing, or
 * that has no holder who could go on.
 */
bool la_triage_blame_holder(const struct la_triage *t, struct la_judgement *j);

/** The same of whoever has slept longest, where no report names a task. False: nobody sleeps for long. */
bool la_triage_longest(const struct la_triage *t, struct la_judgement *j);

/** Does node @i, a task, sleep for longer than tasks do on purpose? */
bool la_triage_waits_long(const struct la_waits *w, size_t i);

/** Much longer than any tick, and than the remote ticks of CONFIG_NO_HZ_FULL (1 s). */
#define LA_DEAF_NS UINT64_C(3000000000)

/** Has @c asked others for their stacks, and waits for them, 10 s at most (lib/nmi_backtrace.c, 4.9 to 7.2)? */
bool la_triage_asks_for_stacks(const struct la_cpu *c);

/** What a guest that runs cannot do any more. */
void la_triage_say_threads(const struct la_triage *t, struct la_judgement *j);

/** Could no other task run on @c for longer than the soft lockup detector's thread ever waits? */
bool la_triage_starved(const struct la_triage *t, const struct la_cpu *c);

/**
 * After the verdict, whichever it is: what the graph knows of the CPU or task that it names, where the rule did
 * not say it.
 */
void la_triage_add_waits(const struct la_triage *t, struct la_judgement *j);

/** A stack that ran over is the cause: who did it, if that is known. */
void la_triage_blame_overrun(const struct la_triage *t, struct la_judgement *j);

/** Where the CPU was by @report's own words, or by those of its CPU after it, if the cause has no place yet. */
void la_triage_cause_reported(const struct la_triage *t, struct la_judgement *j,
			      const struct la_event *report);

/** List the oopses that followed on @first, up to @last, as consequences. */
void la_triage_consequences(const struct la_triage *t, struct la_judgement *j,
			    const struct la_event *first, const struct la_event *last);

/** Say the cause in words, and what to type next, if no rule has; needs the rest of the result. */
void la_triage_say(const struct la_triage *t, struct la_judgement *j);

/** Of a fault, the first other trouble that the kernel had reported before, as advice. */
void la_triage_say_earlier(const struct la_triage *t, struct la_judgement *j);

/** Where a sleeping task waits: the first function of its stack that is not scheduling. */
void la_triage_cause_sleeper(struct la_judgement *j, const struct la_stack *stack);

struct la_callers;

/** The callers of where the cause was, by the log's trace of it, else by the stack of the result. */
void la_triage_callers(const struct la_triage *t, const struct la_judgement *j,
		       struct la_callers *ret);

/** Where a function that only checks found the trouble, whose call it was becomes the cause's caller. */
void la_triage_blame_caller(const struct la_triage *t, struct la_judgement *j);

/**
 * Signature and hash: kind, what kind of address, for a panic() with a reason of its own its message with
 * numbers masked, and up to three functions from the innermost on; the log's trace counts before the
 * stack, so that a register text changes nothing. No addresses, CPUs, pids, and no machinery (trace.h).
 */
void la_triage_sign(const struct la_triage *t, struct la_judgement *j);

/** What the kernel reported and lived on: the verdict is that it runs, or unknown. */
void la_triage_say_reports(const struct la_triage *t, struct la_judgement *j);

/** Real-time tasks that keep others from their CPUs: of a guest that runs, or of which nothing else is known. */
void la_triage_say_hogs(const struct la_triage *t, struct la_judgement *j);

/** Place of the cause: where @f is, if that is verified; NULL: as it was. */
void la_triage_cause_frame(struct la_judgement *j, const struct la_frame *f);

/**
 * Kind and place of the cause: where @c is, if that is verified, or who calls that, if it never takes long or only waits. No
 * place where that is an exception vector.
 */
void la_triage_cause_cpu(struct la_judgement *j, const struct la_cpu *c, const char *kind);

/** The same of a CPU that takes no interrupts: who prints, or the timer's function that comes again. */
void la_triage_cause_deaf(struct la_judgement *j, const struct la_cpu *c, const char *kind);

/** The cause of a CPU that does not come to an end: the same, or where an interrupt took it from. */
void la_triage_cause_running(struct la_judgement *j, const struct la_cpu *c, const char *kind);

/** Uptime of the verdict; CPU and task of an event or a CPU. */
void la_triage_set_uptime(struct la_judgement *j, uint64_t nsec);
void la_triage_who_from_event(struct la_judgement *j, const struct la_event *e);
void la_triage_who_from_cpu(struct la_judgement *j, const struct la_cpu *c);

/** The CPU of the verdict has lost a register that all its accesses go by: what it faulted at is a consequence. */
void la_triage_blame_lost(const struct la_triage *t, struct la_judgement *j);

/**
 * Who keeps RCU from going on where a report names the CPU @named: that one, or, if it was idle and takes its timer's
 * interrupts, the only one that has been in the kernel all the time.
 */
const struct la_cpu *la_triage_staller(const struct la_triage *t, const struct la_cpu *named);

/**
 * For how many nanoseconds the timer of @c, which takes interrupts, has been due and did not interrupt it; 0: it has not,
 * or that is not known. Of a guest that panicked, before that.
 */
uint64_t la_triage_timer_lost(const struct la_triage *t, const struct la_cpu *c);
/** The CPU @c that stalls RCU is one of those: say so. False: it is not. */
bool la_triage_blame_timer(const struct la_triage *t, struct la_judgement *j,
			   const struct la_cpu *c);
/**
 * "brake_tick(), a timer's function, waits there for the end of one: perhaps its own": a CPU that does not come to an end,
 * in words behind that; empty: it is not so.
 */
const char *la_triage_own_timer(struct la_judgement *j, const struct la_cpu *c);
/** After the verdict: facts on all CPUs of which that is so. */
void la_triage_say_timers(const struct la_triage *t, struct la_judgement *j);

/* Rules of rules_*.c. Each gives the verdict and returns true, or leaves @j alone but for facts. */
bool la_judge_stack_overflow(const struct la_triage *t, struct la_judgement *j);
bool la_judge_soft_lockup(const struct la_triage *t, struct la_judgement *j);
bool la_judge_rcu_stall(const struct la_triage *t, struct la_judgement *j);
bool la_judge_hung_task(const struct la_triage *t, struct la_judgement *j);
bool la_judge_die_deadlock(const struct la_triage *t, struct la_judgement *j);
bool la_judge_deadlock(const struct la_triage *t, struct la_judgement *j);
bool la_judge_hard_lockup(const struct la_triage *t, struct la_judgement *j);
bool la_judge_workqueue(const struct la_triage *t, struct la_judgement *j);
bool la_judge_endless(const struct la_triage *t, struct la_judgement *j);
bool la_judge_blocked(const struct la_triage *t, struct la_judgement *j);
bool la_judge_vcpu(const struct la_triage *t, struct la_judgement *j);
bool la_judge_spinlock(const struct la_triage *t, struct la_judgement *j);
bool la_judge_lost_ipi(const struct la_triage *t, struct la_judgement *j);
bool la_judge_running(const struct la_triage *t, struct la_judgement *j);
/* Of rules_timer.c. */
bool la_judge_lost_timer(const struct la_triage *t, struct la_judgement *j);

/* Rules of rules_boot.c, as these. */
bool la_judge_firmware(const struct la_triage *t, struct la_judgement *j);
bool la_judge_halted(const struct la_triage *t, struct la_judgement *j);
bool la_judge_booting(const struct la_triage *t, struct la_judgement *j);
/** The log is lost, and the kernel has noted that it died in part. */
bool la_judge_lost_oops(const struct la_triage *t, struct la_judgement *j);
/** What a panic or oops means that came while the kernel booted; when the verdict is there. */
void la_triage_explain_boot(const struct la_triage *t, struct la_judgement *j);
/** Where the host did not run a vCPU: whether that explains what was judged. When the verdict is there. */
void la_triage_explain_host(const struct la_triage *t, struct la_judgement *j);
/** Where a guest that is well writes to. */
void la_triage_say_consoles(const struct la_triage *t, struct la_judgement *j);

static inline double la_seconds(uint64_t nsec)
{
	return (double)(nsec / 1000) / 1e6; /* cut at microseconds, as dmesg does */
}

#endif
