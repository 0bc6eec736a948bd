// SPDX-License-Identifier: GPL-3.0-or-later
// Finding the innermost frame of a CPU whose pc is not known.
#include "steps.h"

#include <stdio.h>

static void nothing(struct la_arena *arena, enum la_stop reason, const char *text,
		    struct la_stack *ret)
{
	struct la_frames frames = { .stop = reason };

	snprintf(frames.reason, sizeof(frames.reason), "%s", text);
	la_frames_keep(arena, &frames, ret);
}

/* The caller: ra is in it, and the stack pointer is its own or its callee's that took no stack. */
static bool try_caller(const struct la_walk *w, const struct la_regs *regs, struct la_frames *ret)
{
	struct la_at at = { .regs = *regs, .method = LA_FROM_POSITION };

	if (!la_gpr_get(regs, LA_R_RA, &at.regs.pc))
		return false;
	at.regs.pc_known = true;
	if (!la_at_resolve(w, &at))
		return false;
	la_walk_run(w, &at, true, ret);
	return true;
}

void la_unwind_cpu(const struct la_kernel *k, struct la_arena *arena, const struct la_regs *regs,
		   int cpu, struct la_stack *ret)
{
	struct la_frames frames;
	struct la_walk w;
	uint64_t sp;

	if (regs->pc_known)
		return la_unwind(k, arena, regs, cpu, ret);
	if (!la_gpr_get(regs, LA_R_SP, &sp))
		return nothing(arena, LA_STOP_NO_REGS, "no registers to start from", ret);
	if (sp >> 63 == 0)
		return nothing(arena, LA_STOP_USER, "in user mode", ret);
	la_walk_init(&w, k, regs, cpu);
	if (!try_caller(&w, regs, &frames))
		return nothing(arena, LA_STOP_BAD_PC, "ra is no kernel text", ret);
	frames.frame[0].pc = 0;
	frames.frame[0].pc_known = false;
	for (size_t i = 0; i < frames.n; i++)
		frames.frame[i].verified = frames.frame[i].verified && frames.verified;
	la_frames_keep(arena, &frames, ret);
}
