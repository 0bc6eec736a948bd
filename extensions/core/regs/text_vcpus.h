/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whose the registers in a text are. */
#ifndef LAKVM_REGS_TEXT_VCPUS_H
#define LAKVM_REGS_TEXT_VCPUS_H

#include "lakvm/isa/regs.h"

/* More vCPUs than any QEMU has; more means the text is something else. */
#define LA_TEXT_VCPUS 4096

#define LA_NO_VCPU UINT32_MAX

/** One listing of one vCPU. */
struct la_text_listing {
	unsigned vcpu;  /* LA_NO_VCPU: the text does not say; la_text_number() then gives one */
	unsigned below; /* the vCPU that a line named, before others of its registers came */
	bool counted;   /* the number is not the text's */
	struct la_regs regs;
};

/**
 * Give a number to each of @n listings that has none: of the vCPU in @below, unless its registers say
 * another; to a pc alone, or behind one, that of the listing before; else of the vCPU whose number (CPUID),
 * per-CPU base or task it has. What nothing tells apart are one vCPU after the other, the first time by
 * new numbers. Numbers given are below LA_TEXT_VCPUS. LA_INVALID: more would be needed. LA_NOMEM.
 * @arena: for what is needed on the way.
 */
enum la_status la_text_number(struct la_text_listing *listing, size_t n, struct la_arena *arena,
			      struct la_error *err);

#endif
