/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Call-frame information, one row at a time.
 */
#ifndef LAKVM_CFI_H
#define LAKVM_CFI_H

#include <stdbool.h>
#include <stdint.h>

#include "lakvm/isa/loongarch.h"

/** Where a caller's register is. */
enum la_rule_kind {
	LA_RULE_SAME = 0, /* still in the register; also what no rule was given for */
	LA_RULE_AT_CFA,   /* saved in memory at CFA + offset */
	LA_RULE_CFA_PLUS, /* its value is CFA + offset */
	LA_RULE_UNKNOWN,  /* lost, or described in a way we do not follow */
};

struct la_rule {
	uint8_t kind; /* enum la_rule_kind */
	int32_t offset;
};

/** What holds at one code address. Of the rules, those of ra, fp and s0-s8 count: what a call keeps. */
struct la_cfi_row {
	uint64_t fde_start, fde_end; /* run-time addresses of the function (from its FDE) */
	uint8_t cfa_reg;             /* CFA = this register + cfa_offset */
	int32_t cfa_offset;
	struct la_rule rule[LA_NGPR];
};

struct la_cfi;

/** The row for the instruction at run-time address @pc. False: @cfi is NULL, no FDE, or not understood. */
bool la_cfi_row(struct la_cfi *cfi, uint64_t pc, struct la_cfi_row *ret);

#endif
