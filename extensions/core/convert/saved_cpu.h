/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A vCPU as a stream saves it. */
#ifndef LAKVM_CONVERT_SAVED_CPU_H
#define LAKVM_CONVERT_SAVED_CPU_H

#include <stdbool.h>
#include <stdint.h>

struct la_saved_cpu {
	uint32_t vcpu;  /* QEMU's cpu_index */
	unsigned known; /* bits 0..31: gpr */
	bool pc_known;
	uint64_t gpr[32], pc, era, badv, fpr[32], fcc;
	uint32_t fcsr;
	char *csrs; /* "CRMD b4 PRMD 4 ..." */
};

#endif
