/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Getting to know a guest's kernel, once, before anything of it is read. */
#ifndef LAKVM_GUEST_INIT_H
#define LAKVM_GUEST_INIT_H

#include <stddef.h>

#include "lakvm/base/arena.h"
#include "lakvm/guest/kernel.h"
#include "lakvm/isa/regs.h"
#include "lakvm/base/status.h"

/** What to say where mmu.geometry stays unknown (levels 0), and what helps; one line. */
extern const char la_geometry_unknown[];

/**
 * What the kernel says of itself in memory: page size, levels, windows, per-CPU areas. Fills in
 * what it can and returns LA_OK as long as window addresses translate; @err then explains the
 * worst gap. Arrays belong to @arena, which must live as long as @ret.
 */
enum la_status la_kernel_init(struct la_kernel *ret, const struct la_door *door,
			      struct la_arena *arena, struct la_error *err);

/**
 * What registers (la_regs_text) of vCPUs that run this kernel say of its windows and page tables;
 * they are the CPU's own and win over all but an option.
 */
void la_kernel_use_registers(struct la_kernel *k, const struct la_vcpu_regs *text, size_t n);

#endif
