/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The function that the last call went to, and the code it leads to without another call. */
#ifndef LAKVM_CALLEE_H
#define LAKVM_CALLEE_H

#include "reach.h"
#include "steps.h"

#define LA_CALLEE_FUNCTIONS 8

/** Where a function has its return address back in ra. */
struct la_epilogue {
	uint64_t pc;
	struct la_cfi_row row;
	int32_t kept; /* where the return address was until then, from the CFA */
};

struct la_callee {
	const struct la_kernel *k;
	const struct la_regs *regs;
	uint64_t ra;
	uint64_t start; /* its first instruction, 0 = unknown */
	bool guessed;   /* the call itself does not name it */
	bool cut;       /* there is code of it that roots and frames leave out */
	struct la_symbol function[LA_CALLEE_FUNCTIONS]; /* itself and those it jumps to */
	size_t nfunctions;
	struct la_epilogue epilogue[LA_REGION_ROOTS - 1]; /* of all of them */
	size_t nepilogues;
};

/**
 * Find the callee of the call before ra, by the call, or by guessing what the register had that it went through. @regs
 * must know ra and sp; they and @k are kept.
 */
void la_callee_find(struct la_callee *c, const struct la_kernel *k, const struct la_regs *regs);

/** Take the function at @start instead, 0 = an unknown one: a guess, too. */
void la_callee_guess(struct la_callee *c, uint64_t start);

/** The function that the last exception came from, as a guess. False: there is none but the caller itself. */
bool la_callee_by_exception(struct la_callee *c);

/**
 * Where its code starts with ra as it is, entered with stack pointer @cfa (0 = unknown): at its first
 * instruction, and at the ends that la_callee_frames() has found. @root has room for LA_REGION_ROOTS;
 * returns how many there are.
 */
size_t la_callee_roots(struct la_callee *c, uint64_t cfa, struct la_region_root *root);

/**
 * Can it have made calls and returned, entered with stack pointer @cfa? Then its return address
 * still lies where it kept it, below the stack pointer, unless something was put there since.
 * After la_callee_frames(), for a callee that is neither guessed nor cut; true where that cannot be told.
 */
bool la_callee_kept_ra(const struct la_callee *c, uint64_t cfa);

/**
 * Find the functions it leads to, and every size their frames can have while ra is as it is: at
 * most @max in @frame, the first being 0; returns how many. What is left out sets @cut. @region is
 * used for that.
 */
size_t la_callee_frames(struct la_callee *c, struct la_region *region, uint64_t *frame, size_t max);

#endif
