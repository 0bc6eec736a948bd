/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a CPU whose pc is not known may be: between what makes the hypotheses and what chooses. */
#ifndef LAKVM_LOCATE_H
#define LAKVM_LOCATE_H

#include "callee.h"
#include "steps.h"

#define LA_HYPOTHESES 12
#define LA_MAX_FRAME 4096 /* bytes: no function of the kernel's has a larger one */

struct la_hypothesis {
	bool in_callee;
	uint64_t cfa;  /* of the callee: the stack pointer at the call */
	bool proven;   /* the calls of the stack above fit, to a known end */
	bool complete; /* all code of the hypothesis was looked at */
	struct la_region_summary code;
};

struct la_locate {
	struct la_walk w;
	const struct la_regs *regs;
	uint64_t ra, sp;
	struct la_callee callee;
	struct la_hypothesis hypothesis[LA_HYPOTHESES];
	size_t n;
	struct la_region region;
	struct la_frames frames;
};

/** Walk with the caller as frame 0, which made a call before ra with stack pointer @sp. False: that is not kernel text. */
bool la_locate_walk_caller(struct la_locate *s, uint64_t sp);

/** Walk with frame 0 at @pc exactly. False: that is not kernel text. */
bool la_locate_walk(struct la_locate *s, uint64_t pc, enum la_method method);

/**
 * Was the function of frame @i of s->frames called by name? Where the callee is not known, the stack pointer can be that
 * of a frame of its own; the caller's frame, looked for there, is then another one, and a call through a register
 * does not show that.
 */
bool la_locate_firm_caller(const struct la_locate *s, size_t i);

/**
 * Where the call before ra goes through a register that names nothing any more: find the callee by what the register was
 * loaded from. It may have a frame of its own already. It is a guess; false: there is none. Changes s->frames.
 */
bool la_locate_name_callee(struct la_locate *s);

/** Choose among the hypotheses, and leave the frames of the chosen one in @s. False: none is left. */
bool la_locate_best(struct la_locate *s);

#endif
