/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where exceptions enter the kernel: the vectors, which are copies of handlers, and the code that saves
 * what was interrupted. Vendors give handlers other names, so they are known by what they are: a handler by
 * its copy, what saves by its instructions; by their names only where these cannot be read.
 * Source: Linux arch/loongarch/kernel/{genex,entry}.S, traps.c, mm/tlb.c, mm/tlbex.S (5.19 to 7.2).
 */
#ifndef LAKVM_VECTORS_H
#define LAKVM_VECTORS_H

#include <stdbool.h>
#include <stdint.h>

#include "lakvm/guest/kernel.h"

#define LA_VECTOR_SIZE 0x200 /* VECSIZE of asm/setup.h */
#define LA_VECTORS 128       /* slots; all of them take 64 KiB */
#define LA_VECTOR_FIRST_INT                                                                        \
	64 /* EXCCODE_INT_START; those below have the exception's code as number */
#define LA_VECTOR_TLB_REFILL 80 /* tlbrentry: so many slots behind the vectors (kernel/traps.c) */

/**
 * The slot whose code @pc is in, the boot CPU's (TLB refill's also by physical address) or a CPU's own
 * copy; -1: in none.
 */
int la_vector_slot(const struct la_kernel *k, uint64_t pc);

/** Address of the handler that a slot was copied from; 0: not known, or no slot. */
uint64_t la_vector_handler(const struct la_kernel *k, unsigned slot);

/**
 * Address of the code that saves registers for exceptions which enter by @slot: the handler, or what it
 * jumps to; where neither shows it, what the kernel names so, or else the handler; 0: not known.
 */
uint64_t la_vector_saver(const struct la_kernel *k, unsigned slot);

/**
 * Does the code that begins at @start save the interrupted registers into a struct pt_regs at the stack
 * pointer, which it lowers for that? (SAVE_ALL of asm/stackframe.h, and handle_syscall)
 */
bool la_saves_registers(const struct la_kernel *k, uint64_t start);

/**
 * Does the code that begins at @start return from an exception, as to user mode, before it could return to a
 * caller? No compiled function does. False, too: it cannot be read.
 */
bool la_leads_to_user(const struct la_kernel *k, uint64_t start);

#endif
