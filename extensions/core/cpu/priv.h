/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of la_cpus_analyse, for each other and for triage. */
#ifndef LAKVM_CPU_H
#define LAKVM_CPU_H

#include "lakvm/cpu/cpus.h"

/**
 * Fill in which CPUs there are, and of each its registers and whose they are: from the dump's notes and the
 * @n of @text, as la_cpus_analyse_text() has them.
 */
enum la_status la_cpus_collect(const struct la_kernel *k, struct la_arena *arena,
			       const struct la_vcpu_regs *text, size_t n, struct la_cpus *ret,
			       struct la_error *err);

/** A virtual address of the kernel: in a window, or mapped in the upper half. */
bool la_kernel_address(const struct la_kernel *k, uint64_t va);

/** The CPU whose per-CPU base is @base. */
bool la_match_percpu(const struct la_kernel *k, uint64_t base, unsigned *ret);

/** The CPU that the registers themselves prove. False in user mode and in the firmware. */
bool la_match_registers(const struct la_kernel *k, const struct la_regs *regs, unsigned *ret);

/** The other kernel in memory (la_relocation.other) that these registers are of; NULL: of none. */
const struct la_other_kernel *la_match_other(const struct la_kernel *k, const struct la_regs *regs);

/** The CPU that the kernel remembers to be QEMU's @vcpu. */
bool la_match_map(const struct la_kernel *k, int vcpu, unsigned *ret);

/** The task that r2 leads to, if it is the kernel's. */
bool la_match_task(const struct la_kernel *k, const struct la_regs *regs, uint64_t *ret);

/** Add the sentence @text to a remark; NULL: nothing. */
void la_cpu_remark(struct la_arena *arena, const char **remark_ret, const char *text);

/** Remark on what the registers of @cpus tell of damage; needs their states. */
void la_cpus_find_odd(const struct la_kernel *k, struct la_arena *arena, struct la_cpus *cpus);

/** Does @symbol name @function, also as one of the compiler's variants ("panic.cold")? */
bool la_is_function(const char *symbol, const char *function);

/** What the frames, innermost first, say of the CPU. LA_CPU_UNKNOWN without any. */
enum la_cpu_state la_cpu_state_of(const struct la_frame *frame, size_t n);

/** Of la_cpu.preempt_count (linux/preempt.h): hard interrupts that it is in. */
#define LA_PREEMPT_HARDIRQ 0xf0000u

/** Fill in what a stopped or interrupted CPU did before; needs its state and stack. */
void la_cpu_find_before(struct la_cpu *c);

/** closed_loop: needs the position, and before. */
void la_cpu_find_closed(const struct la_kernel *k, struct la_cpu *c);

/** Fill in the lock or the CPUs that a CPU waits for; needs its state, symbol and registers. */
void la_cpu_find_wait(const struct la_kernel *k, struct la_arena *arena, struct la_cpu *c);

/** Find those that spin although the likeliest place of theirs is the caller; needs states and locks of all. */
void la_cpus_find_callers(const struct la_kernel *k, struct la_arena *arena, struct la_cpus *cpus);

/** The task that holds a spin lock, where the kernel keeps that (CONFIG_DEBUG_SPINLOCK). False: nobody, or not known. */
bool la_spin_owner(const struct la_kernel *k, uint64_t lock, uint64_t *ret);

/** The youngest clock of all run queues, in nanoseconds; 0: not known. */
uint64_t la_cpus_now(const struct la_kernel *k, const struct la_cpus *cpus);

/**
 * Show @take each request (struct __call_single_data) that other CPUs have queued for @cpu, newest
 * first, until it returns false. LA_CORRUPT: a queue that leads nowhere or back into itself.
 */
enum la_status la_cpu_each_call(const struct la_kernel *k, unsigned cpu,
				bool (*take)(void *ctx, uint64_t csd), void *ctx);

/** Fill in what others have queued for a CPU, and the time the host took from it. */
void la_cpu_find_pending(const struct la_kernel *k, struct la_arena *arena, struct la_cpu *c);

/** Fill in whose function a CPU calls that is in the kernel's timers. */
void la_cpu_find_callback(const struct la_kernel *k, struct la_cpu *c);

/** Fill in how long each CPU has run its task, and how old its clock is; needs their tasks. */
void la_cpus_find_since(const struct la_kernel *k, struct la_cpus *cpus);

/** Fill in whose task is of a real-time class, and what it leaves to others; needs their tasks. */
void la_cpus_find_realtime(const struct la_kernel *k, struct la_cpus *cpus);

#endif
