/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Registers out of saved text: what QEMU's monitor prints for "info registers -a", as
 * `virsh qemu-monitor-command --hmp DOMAIN 'info registers -a'` saves it, or gdb on QEMU's stub, in
 * whatever a person pasted it into. The only source that has the exact pc and the control registers.
 */
#ifndef LAKVM_REGS_TEXT_H
#define LAKVM_REGS_TEXT_H

#include "lakvm/isa/regs.h"

struct la_regs_text {
	struct la_vcpu_regs *vcpu; /* in order of their numbers; pid is QEMU's cpu_index + 1 */
	size_t n;
	/* One sentence on what of the text was not understood (how many lines, the first of them), and
	 * on what it does not say and was assumed; NULL: nothing. */
	const char *remark;
};

/**
 * All vCPUs in @text of @size bytes, ASCII with any other letters, or UTF-16 with its mark. Knows what QEMU 6.2
 * (openEuler) to 11 and gdb print, whole or in parts, with other text around; a number that was cut short is
 * not understood. A vCPU's listing begins with a line that names it ("CPU#n") or where
 * a register repeats; several listings of one vCPU are samples of it over time. Where no line names
 * vCPUs, they are told apart by their numbers (CPUID), per-CPU bases, tasks and vectors, and counted; pcs
 * without other registers are taken as samples of one. LA_INVALID: no register in it, more than 32768
 * listings, more than 4096 vCPUs or a number of one beyond. LA_NOMEM. @ret has meaning after LA_OK only;
 * everything in it belongs to @arena, and @text is not needed later.
 */
enum la_status la_regs_text(struct la_arena *arena, const char *text, size_t size,
			    struct la_regs_text *ret, struct la_error *err);

/**
 * The same out of the file @path, or out of a pipe that somebody writes to: one that nobody has open to
 * write is empty, one that somebody has is waited for. LA_IO: it cannot be opened or read. LA_INVALID, too:
 * it is neither, or larger than 16 MiB. The text takes its size of @arena, that of a pipe 16 MiB.
 */
enum la_status la_regs_text_read(struct la_arena *arena, const char *path, struct la_regs_text *ret,
				 struct la_error *err);

#endif
