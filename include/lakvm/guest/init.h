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
 * What the kernel says of itself in memory: page size, levels, windows, per-CPU areas. @ret is filled in
 * as far as it is known, whatever the status; cfi and lines are not opened. LA_OK: memory can be read,
 * if mmu.geometry.levels is 0 only through the windows; @err then names the worst gap, or is as it was.
 * LA_ABSENT: the door has no swapper_pg_dir, so this is no kernel it knows. Arrays belong to @arena,
 * which must live as long as @ret, as must @door.
 */
enum la_status la_kernel_init(struct la_kernel *ret, const struct la_door *door,
			      struct la_arena *arena, struct la_error *err);

/**
 * What the registers @text (la_regs_text_read) of @n vCPUs say of this kernel's windows and page tables;
 * they are the CPU's own and win over all but an option. Only those of the first vCPU that runs this
 * kernel count: its PGDH is swapper_pg_dir. None: nothing changes.
 */
void la_kernel_use_registers(struct la_kernel *k, const struct la_vcpu_regs *text, size_t n);

#endif
