/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One line that is the same for the same trouble on other machines, and its hash. */
#ifndef LAKVM_SIGNATURE_H
#define LAKVM_SIGNATURE_H

#include "lakvm/triage/panic.h"

/**
 * Fill in @p->signature and @p->hash from the rest of @p: kind, cause, message with its numbers
 * masked, and the functions in @function from the innermost on. No addresses, CPUs or pids.
 */
void la_signature(struct la_arena *arena, struct la_panic *p, const char *const *function,
		  size_t nfunctions);

#endif
