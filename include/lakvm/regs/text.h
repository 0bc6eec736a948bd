/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Registers out of saved text: what QEMU's monitor prints for "info registers -a", as
 * `virsh qemu-monitor-command --hmp DOMAIN 'info registers -a'` saves it. The only source that has
 * the exact pc and the control registers.
 */
#ifndef LAKVM_REGS_TEXT_H
#define LAKVM_REGS_TEXT_H

#include "lakvm/isa/regs.h"

/**
 * All vCPUs in @text of @size bytes, in its order; pid is QEMU's cpu_index + 1, as in its notes.
 * Knows the formats of QEMU 6.2 (openEuler) to 11. LA_INVALID: no vCPU in it. What is not
 * understood is passed over. The array belongs to @arena.
 */
enum la_status la_regs_text(struct la_arena *arena, const char *text, size_t size,
			    struct la_vcpu_regs **ret, size_t *ret_n, struct la_error *err);

/** The same out of the file @path. LA_INVALID, too: it cannot be read, or is no text of registers by its size. */
enum la_status la_regs_text_read(struct la_arena *arena, const char *path,
				 struct la_vcpu_regs **ret, size_t *ret_n, struct la_error *err);

#endif
