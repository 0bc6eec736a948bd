/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A set of registers in which each value is known or unknown, never a made-up 0. */
#ifndef LAKVM_REGS_H
#define LAKVM_REGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/isa/loongarch.h"
#include "lakvm/base/status.h"

enum la_regs_source {
	LA_REGS_NONE = 0,
	LA_REGS_TEXT,        /* saved "info registers" text: exact pc */
	LA_REGS_CRASH_NOTES, /* the kernel's own per-CPU notes: pc at the time of saving */
	LA_REGS_NOTE,        /* QEMU's ELF note: no pc */
	LA_REGS_PT_REGS,     /* saved on the stack by an exception */
	LA_REGS_SWITCHED,    /* task_struct.thread of a task that is not running */
};

struct la_regs {
	enum la_regs_source source;
	uint32_t gpr_known; /* bit n: gpr[n] */
	uint32_t csr_known; /* bit n: csr[n], enum la_csr */
	bool pc_known;
	uint64_t pc;
	uint64_t gpr[LA_NGPR];
	uint64_t csr[LA_NCSR];
};

/** Value of general register @n. False: not known, and @ret stays as it is. */
static inline bool la_gpr_get(const struct la_regs *r, unsigned n, uint64_t *ret)
{
	if (n >= LA_NGPR || !(r->gpr_known & (1u << n)))
		return false;
	*ret = r->gpr[n];
	return true;
}

/**
 * Value that an instruction gets from general register @n: $zero is 0, whatever is saved in its place (nothing, as in the log;
 * the number of a system call, in pt_regs: do_syscall() of arch/loongarch/kernel/syscall.c).
 */
static inline bool la_gpr_operand(const struct la_regs *r, unsigned n, uint64_t *ret)
{
	if (n)
		return la_gpr_get(r, n, ret);
	*ret = 0;
	return true;
}

/** @n must be below LA_NGPR. */
static inline void la_gpr_set(struct la_regs *r, unsigned n, uint64_t value)
{
	r->gpr[n] = value;
	r->gpr_known |= 1u << n;
}

/** As la_gpr_get() and la_gpr_set(). @n must be below LA_NCSR for the latter. */
static inline bool la_csr_get(const struct la_regs *r, enum la_csr n, uint64_t *ret)
{
	if (n >= LA_NCSR || !(r->csr_known & (1u << n)))
		return false;
	*ret = r->csr[n];
	return true;
}

/**
 * CRMD.IE, as the CPU's own CRMD says, in @on. False where that is not known: an exception clears it before anything can
 * save it.
 */
static inline bool la_regs_interrupts(const struct la_regs *r, bool *on)
{
	uint64_t crmd;

	if ((r->source != LA_REGS_TEXT && r->source != LA_REGS_NOTE) ||
	    !la_csr_get(r, LA_CSR_CRMD, &crmd))
		return false;
	*on = crmd >> 2 & 1;
	return true;
}

/** Are they off, or on? False, both, where that is not known. */
static inline bool la_regs_interrupts_off(const struct la_regs *r)
{
	bool on;

	return la_regs_interrupts(r, &on) && !on;
}

static inline bool la_regs_interrupts_on(const struct la_regs *r)
{
	bool on;

	return la_regs_interrupts(r, &on) && on;
}

static inline void la_csr_set(struct la_regs *r, enum la_csr n, uint64_t value)
{
	r->csr[n] = value;
	r->csr_known |= 1u << n;
}

_Static_assert(LA_NCSR <= 32, "csr_known holds one bit a CSR");

/** Size of the kernel's struct pt_regs: 32 GPRs and 8 more (asm/ptrace.h, Linux 5.19 to 7.2). */
#define LA_PT_REGS_SIZE 320

/**
 * Registers out of a struct pt_regs image of LA_PT_REGS_SIZE bytes (mainline layout:
 * regs[32], orig_a0, era, badv, crmd, prmd, euen, ecfg, estat).
 * Known are pc (era), the general registers, ERA and PRMD; where the kernel has saved CRMD (vendors' 4.19
 * and 5.10 do not), also CRMD, EUEN, ECFG, ESTAT, and for exceptions PIL to ALE BADV. Not known is gpr[21]
 * (kernels before 7.2 leave it stale for kernel-mode exceptions), nor, where ESTAT says system call, t0-t8.
 */
void la_regs_from_pt_regs(const void *image, struct la_regs *ret);

/** One CPU's registers as a dump's notes or saved text have them. */
struct la_vcpu_regs {
	uint32_t pid; /* QEMU: cpu_index + 1; the kernel's notes: of the task that ran */
	bool counted; /* a text does not say its number, vCPUs were counted in its order */
	struct la_regs regs;
	/* Its listings in a saved text, one at least, the earliest first; regs is the last of them that
	 * has more than a pc, or else the last. NULL and 0: of notes. */
	const struct la_regs *sample;
	size_t nsamples;
};

/**
 * All NT_PRSTATUS notes of an ELF note area, in file order, in the layout of whoever wrote them
 * (QEMU upstream, QEMU 6.2 of openEuler, kernel), which the first note that shows it decides for
 * those behind it; one before that is read as QEMU's. Notes that are cut short or have sizes that do
 * not fit end the list with LA_CORRUPT, too little memory with LA_NOMEM: what was found before stays.
 * An empty note, with which the kernel ends its own, ends the list with LA_OK. No notes: LA_OK, NULL, 0.
 * The array belongs to @arena. Source: QEMU target/loongarch/arch_dump.c (9.2 to 10.2, and the
 * openEuler 6.2 branch), Linux arch/loongarch/include/uapi/asm/reg.h.
 */
enum la_status la_notes_regs(struct la_arena *arena, const void *notes, size_t size,
			     struct la_vcpu_regs **ret, size_t *ret_n, struct la_error *err);

#endif
