/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Register values as far as straight-line code shows them. */
#ifndef LAKVM_VALUES_H
#define LAKVM_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "lakvm/isa/loongarch.h"

struct la_values {
	uint32_t known; /* bit n: value[n]; bit 0 is always set */
	uint64_t value[LA_NGPR];
};

static inline void la_values_none(struct la_values *v)
{
	v->known = 1;
	v->value[0] = 0;
}

static inline bool la_values_has(const struct la_values *v, unsigned reg)
{
	return v->known >> reg & 1;
}

static inline void la_values_set(struct la_values *v, unsigned reg, uint64_t value)
{
	if (!reg)
		return;
	v->value[reg] = value;
	v->known |= 1u << reg;
}

/**
 * Carry out @insn at @pc. What it writes becomes known if it is simple arithmetic on known
 * values, else unknown. Calls and jumps are not followed; a link register becomes known.
 */
void la_values_run(struct la_values *v, uint32_t insn, uint64_t pc);

/** The general registers that @insn may write, bit n for register n. May say too many. */
uint32_t la_insn_writes(uint32_t insn);

/** The general registers that @insn may read. May say too many. */
uint32_t la_insn_reads(uint32_t insn);

#endif
