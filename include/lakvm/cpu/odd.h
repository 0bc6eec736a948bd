/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What registers alone tell of the life of their CPU. */
#ifndef LAKVM_CPU_ODD_H
#define LAKVM_CPU_ODD_H

#include <stdbool.h>

#include "lakvm/guest/kernel.h"
#include "lakvm/isa/regs.h"

/**
 * Linux has not run on it, or not yet: EENTRY is not what each of its CPUs sets first of all, and pc,
 * sp and tp are no addresses of the kernel's. It waits in the firmware, or runs that.
 */
bool la_regs_before_linux(const struct la_kernel *k, const struct la_regs *regs);

/** The same, and as it came out of reset: direct addresses (CRMD.DA), and not for a TLB refill. */
bool la_regs_never_started(const struct la_kernel *k, const struct la_regs *regs);

/** What r21, in the kernel the base of this CPU's per-CPU area, is. */
enum la_base {
	LA_BASE_FINE,    /* a base, or the user's, or nobody knows */
	LA_BASE_NOT_YET, /* 0, and this CPU has not had one yet */
	LA_BASE_LOST,    /* not a base, in kernel code that needs it */
	LA_BASE_UNCLEAR, /* 0 in the kernel, not yet or lost */
	LA_BASE_MISSING, /* not a base where other vCPUs have one; whether in the kernel is not known */
};

/** @others_have: another vCPU of the same moment has a base (la_regs_have_base). */
enum la_base la_regs_base(const struct la_kernel *k, const struct la_regs *regs, bool others_have);

/** Is r21 a base, as far as can be told, of a vCPU in the kernel or of one of which only r21 is known? */
bool la_regs_have_base(const struct la_kernel *k, const struct la_regs *regs);

#endif
