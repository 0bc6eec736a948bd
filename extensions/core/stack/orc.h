/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ORC tables that objtool makes and the kernel keeps in memory for its own unwinder
 * (CONFIG_UNWINDER_ORC, Linux 6.9 to 7.2), one row at a time.
 */
#ifndef LAKVM_ORC_H
#define LAKVM_ORC_H

#include "cfi.h"
#include "lakvm/guest/kernel.h"

/**
 * The row for the instruction at run-time address @code of the kernel or a module. ORC follows
 * ra, sp and fp only: s0-s8 are LA_RULE_UNKNOWN, and fde_start and fde_end are 0. False: nothing is
 * known of this place, and @ret has no meaning; *@why_ret is then NULL where there simply is no
 * entry of a function here, or a constant text: the tables or the list of modules are damaged, or not
 * in the dump. True leaves it NULL.
 */
bool la_orc_row(const struct la_kernel *k, uint64_t code, struct la_cfi_row *ret,
		const char **why_ret);

#endif
