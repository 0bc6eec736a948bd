/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a longjmp out of a signal handler may interrupt. */
#ifndef LAKVM_FENCE_H
#define LAKVM_FENCE_H

#include <stdatomic.h>

/*
 * A signal handler may leave by longjmp between any two instructions. What is filled in becomes
 * visible in this order: withdraw the key, fence, write the content, fence, set the key.
 */
static inline void la_fence(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

#endif
