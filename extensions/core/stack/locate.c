// SPDX-License-Identifier: GPL-3.0-or-later
// Finding the innermost frame of a CPU whose pc is not known.
//
// ra is the return address of the last call that was made (or restored on return from it), so the
// CPU is in one of two functions: in the callee, before it makes a call of its own or after it has
// taken back its return address, or in the caller, after that call returned. Each place is one
// hypothesis, the callee's one for every size its stack frame can have at that time. A hypothesis
// is dropped if the stack above it does not prove itself, or if no instruction of its code agrees with
// the registers (reach.c).
#include "locate.h"

#include <stdio.h>

#include "base/bytes.h"

/* --- stacks --- */

bool la_locate_walk_caller(struct la_locate *s, uint64_t sp)
{
	struct la_unwind_frame at = { .regs = *s->regs, .method = LA_FROM_POSITION };

	at.regs.pc_known = true;
	at.regs.pc = s->ra;
	la_gpr_set(&at.regs, LA_R_SP, sp);
	if (!la_at_resolve(&s->w, &at))
		return false;
	la_walk_run(&s->w, &at, true, &s->frames);
	return true;
}

bool la_locate_walk(struct la_locate *s, uint64_t pc, enum la_method method)
{
	struct la_unwind_frame at = { .regs = *s->regs, .exact = true, .method = method };

	at.regs.pc_known = true;
	at.regs.pc = pc;
	if (!la_at_resolve(&s->w, &at))
		return false;
	la_walk_run(&s->w, &at, true, &s->frames);
	return true;
}

/* --- hypotheses --- */

static struct la_hypothesis *add(struct la_locate *s, bool in_callee, uint64_t cfa)
{
	struct la_hypothesis *h = &s->hypothesis[s->n];

	if (s->n == LA_HYPOTHESES)
		return NULL;
	s->n++;
	*h = (struct la_hypothesis){ .in_callee = in_callee, .cfa = cfa, .complete = true };
	return h;
}

/* Does the call before ra return at all? If not, what follows it is another function. */
static bool can_return(const struct la_locate *s)
{
	const struct la_kernel *k = s->w.k;
	struct la_symbol caller, behind;

	return k->door->symbol_at(k->door->ctx, la_vector_origin(k, s->ra - 4), &caller) &&
	       k->door->symbol_at(k->door->ctx, la_vector_origin(k, s->ra), &behind) &&
	       caller.start == behind.start;
}

/* In the callee, which was entered with stack pointer @cfa. */
static void try_callee(struct la_locate *s, uint64_t cfa)
{
	struct la_region_root root[LA_REGION_ROOTS];
	struct la_hypothesis *h;
	size_t nroots;

	for (size_t i = 0; i < s->n; i++)
		if (s->hypothesis[i].in_callee && s->hypothesis[i].cfa == cfa)
			return;
	h = add(s, true, cfa);
	if (!h)
		return;
	nroots = la_callee_roots(&s->callee, cfa, root);
	la_region_run(&s->region, s->w.k, s->regs, root, nroots, false);
	h->complete = s->region.complete;
	la_region_summarise(&s->region, false, &h->code);
	if (h->code.feasible)
		h->proven = la_locate_walk(s, h->code.best, LA_FROM_POSITION) && s->frames.linked;
}

static void try_callee_frames(struct la_locate *s)
{
	uint64_t frame[LA_HYPOTHESES - 1];
	size_t n;

	if (!s->callee.start)
		return;
	n = la_callee_frames(&s->callee, &s->region, frame, LA_HYPOTHESES - 1);
	for (size_t i = 0; i < n; i++)
		try_callee(s, s->sp + frame[i]);
}

/*
 * If the callee has returned: had it made no calls? After calls its return address would still lie
 * below the stack pointer. Only an exception after the return can overwrite it there without
 * changing ra; that is then the last exception, and ERA says where it came from.
 */
static bool made_no_calls(struct la_locate *s, const struct la_region_root *root)
{
	const struct la_callee *c = &s->callee;
	const struct la_node *node;
	uint64_t era;

	if (c->guessed || c->cut || !la_csr_get(s->regs, LA_CSR_ERA, &era) ||
	    la_callee_kept_ra(c, s->sp))
		return false;
	la_region_run(&s->region, s->w.k, s->regs, root, 1, false);
	node = la_region_node(&s->region, era, true);
	return s->region.complete && !(node && node->reached);
}

/* In the caller, behind the call. */
static void try_caller(struct la_locate *s)
{
	struct la_region_root root[LA_REGION_ROOTS];
	const struct la_region_root behind = {
		.pc = s->ra, .after_return = true, .sp_known = true, .sp = s->sp
	};
	bool no_calls = false;
	size_t nroots = 0;
	struct la_hypothesis *h;

	if (!can_return(s))
		return;
	h = add(s, false, s->sp);
	if (!h)
		return;
	h->proven = la_locate_walk_caller(s, s->sp) && s->frames.linked;

	/* What a callee without calls leaves in the registers is known when it returns. */
	if (s->callee.start && !s->callee.guessed) {
		no_calls = made_no_calls(s, &behind);
		nroots = la_callee_roots(&s->callee, s->sp, root);
		la_region_run(&s->region, s->w.k, s->regs, root, no_calls ? 1 : nroots, true);
	}
	if (!nroots || (s->region.calls && !no_calls) || !s->region.complete)
		la_region_run(&s->region, s->w.k, s->regs, &behind, 1, false);
	h->complete = s->region.complete;
	la_region_summarise(&s->region, true, &h->code);
}

/* --- when nothing proves itself --- */

static void doubt(struct la_frames *f)
{
	for (size_t i = 0; i < f->n; i++)
		f->frame[i].verified = false;
	f->verified = false;
}

static bool reaches_end(const struct la_frames *f)
{
	return f->stop == LA_STOP_END || f->stop == LA_STOP_USER;
}

/*
 * A word on the stack that is a return address, with the caller's stack pointer just above it as
 * compilers lay out frames, and from which the stack proves itself to its end.
 */
static bool scan(struct la_locate *s, uint64_t sp)
{
	unsigned char raw[512];
	uint64_t top = (sp | (LA_THREAD_SIZE - 1)) + 1;

	for (uint64_t at = sp & ~UINT64_C(7); at < top; at += sizeof(raw)) {
		size_t len = top - at < sizeof(raw) ? (size_t)(top - at) : sizeof(raw);

		if (la_read(s->w.k, at, raw, len, NULL) != LA_OK)
			return false;
		for (size_t i = 0; i + 8 <= len; i += 8) {
			struct la_unwind_frame from = { .regs = *s->regs, .method = LA_FROM_SCAN };

			from.regs.gpr_known &= 1u << LA_R_TP | 1u << LA_R_U0;
			from.regs.pc = la_le64(raw + i);
			from.regs.pc_known = true;
			la_gpr_set(&from.regs, LA_R_SP, at + i + 8);
			if (!la_at_resolve(&s->w, &from))
				continue;
			la_walk_run(&s->w, &from, true, &s->frames);
			if (s->frames.n > 1 && s->frames.linked)
				return true;
		}
	}
	return false;
}

/*
 * The frames from the caller up that were found one from the other, as long as their calls fit,
 * and above them, where no method leads on, what can be scanned for.
 */
static bool scan_above(struct la_locate *s)
{
	struct la_frames below;
	size_t n;

	if (!la_locate_walk_caller(s, s->sp))
		return false;
	below = s->frames;
	n = below.nlinked;
	if (n < 2 || !scan(s, below.frame[n - 1].sp) || n + s->frames.n > LA_MAX_FRAMES)
		return false;
	memmove(s->frames.frame + n, s->frames.frame, s->frames.n * sizeof(below.frame[0]));
	memcpy(s->frames.frame, below.frame, n * sizeof(below.frame[0]));
	s->frames.n += n;
	return true;
}

/*
 * A function that nobody can name, called through a register that has changed since, has made a frame and not called
 * anything yet: whatever its size is, the caller's stack begins above it, and proves itself to its end, if what called
 * the caller did so by name: its return address that the function has kept is behind a call that could be any function's.
 */
static bool take_above_frame(struct la_locate *s)
{
	struct la_frame *frame = s->frames.frame;
	const uint64_t top = (s->sp | (LA_THREAD_SIZE - 1)) + 1;
	uint64_t era;

	/* Where the caller's own return address is right above, there is no frame between. */
	if (!la_is_text(s->w.k, s->ra - 4) || !la_locate_walk_caller(s, s->sp) ||
	    s->frames.nlinked > 1)
		return false;
	for (uint64_t sp = s->sp + 16; sp < top && sp <= s->sp + LA_MAX_FRAME; sp += 16) {
		if (!la_locate_walk_caller(s, sp) || !s->frames.linked ||
		    s->frames.n == LA_MAX_FRAMES || !la_locate_firm_caller(s, 0))
			continue;
		/* It has a name if the last exception came from it. */
		if (la_csr_get(s->regs, LA_CSR_ERA, &era) &&
		    la_locate_walk(s, era, LA_FROM_POSITION) && s->frames.n > 1 &&
		    frame[1].pc == s->ra && frame[1].sp == sp)
			return true;
		la_locate_walk_caller(s, sp);
		memmove(frame + 1, frame, s->frames.n * sizeof(*frame));
		frame[0] = (struct la_frame){ .sp = s->sp, .method = LA_FROM_POSITION };
		s->frames.n++;
		return true;
	}
	return false;
}

/* The best of what does not prove itself. */
static void take_unproven(struct la_locate *s)
{
	uint64_t era;

	if (take_above_frame(s)) {
		doubt(&s->frames);
	} else if (la_locate_walk_caller(s, s->sp) && reaches_end(&s->frames)) {
		doubt(&s->frames);
	} else if (la_csr_get(s->regs, LA_CSR_ERA, &era) &&
		   la_locate_walk(s, era, LA_FROM_POSITION) && reaches_end(&s->frames)) {
		doubt(&s->frames);
	} else if (scan_above(s)) {
		doubt(&s->frames);
	} else if (scan(s, s->sp)) {
		doubt(&s->frames);
		return; /* its pc is a return address found on the stack */
	} else if (la_locate_walk_caller(s, s->sp)) {
		doubt(&s->frames);
	} else {
		s->frames.n = 0;
		s->frames.stop = LA_STOP_BAD_PC;
		s->frames.verified = false;
		snprintf(s->frames.reason, sizeof(s->frames.reason),
			 "neither ra nor the stack leads to kernel text");
		return;
	}
	s->frames.frame[0].pc_known = s->frames.frame[0].pc_exact = false;
	s->frames.frame[0].pc = s->frames.frame[0].offset = 0;
}

/*
 * Between user mode and the kernel: ra is still, or again, user mode's, and the stack holds nothing
 * but its registers. The CPU is likely to be in the code that saved them.
 */
static bool take_entry(struct la_locate *s)
{
	struct la_frame *frame = &s->frames.frame[0];
	struct la_symbol symbol;
	struct la_regs saved;
	uint64_t era, prmd;

	if (s->ra >> 63 || !la_is_stack_bottom(s->sp) || !la_csr_get(s->regs, LA_CSR_ERA, &era) ||
	    la_pt_regs_read(s->w.k, s->sp, &saved, NULL) != LA_OK ||
	    !la_csr_get(&saved, LA_CSR_PRMD, &prmd) || (prmd & 3) != 3 ||
	    !la_exception_entry(s->w.k, &saved, era, &symbol))
		return false;
	*frame = (struct la_frame){ .sp = s->sp,
				    .symbol = symbol.name,
				    .start = symbol.start,
				    .method = LA_FROM_POSITION,
				    .pt_regs = s->sp };
	s->frames.n = 1;
	s->frames.stop = LA_STOP_USER;
	s->frames.verified = false;
	snprintf(s->frames.reason, sizeof(s->frames.reason), "came from user mode");
	return true;
}

/*
 * The same in the kernel: the entry has moved the stack pointer down, and what it saves first is where that was. What it
 * has interrupted goes on at ERA, with the registers as they are, but for those that the entry works with: ra, by which it
 * puts ERA into memory, t0 and t1. Which of them are saved is not known, so nobody may take what lies there for a pt_regs.
 */
static bool take_kernel_entry(struct la_locate *s)
{
	struct la_unwind_frame at = { .regs = *s->regs,
				      .exact = true,
				      .method = LA_FROM_EXCEPTION };
	struct la_frame *frame = s->frames.frame;
	struct la_symbol symbol = { .name = NULL };
	struct la_regs saved;
	uint64_t era, sp;

	if (!la_csr_get(s->regs, LA_CSR_ERA, &era) || !la_is_text(s->w.k, era) ||
	    la_pt_regs_read(s->w.k, s->sp, &saved, NULL) != LA_OK ||
	    !la_gpr_get(&saved, LA_R_SP, &sp) || sp != s->sp + LA_PT_REGS_SIZE)
		return false;
	if (s->ra == era) {
		la_gpr_set(&at.regs, LA_R_RA, saved.gpr[LA_R_RA]);
		la_csr_set(&saved, LA_CSR_ERA, era); /* the kind of exception lies there by then */
	}
	at.regs.gpr_known &= ~(1u << LA_R_T0 | 1u << (LA_R_T0 + 1));
	la_gpr_set(&at.regs, LA_R_SP, sp);
	at.regs.pc = era;
	at.regs.pc_known = true;
	if (!la_at_resolve(&s->w, &at))
		return false;
	la_walk_run(&s->w, &at, true, &s->frames);
	if (!s->frames.linked || s->frames.n == LA_MAX_FRAMES)
		return false;
	la_exception_entry(s->w.k, &saved, era, &symbol);
	memmove(frame + 1, frame, s->frames.n++ * sizeof(*frame));
	*frame = (struct la_frame){ .sp = s->sp,
				    .symbol = symbol.name,
				    .start = symbol.start,
				    .method = LA_FROM_POSITION };
	doubt(&s->frames);
	return true;
}

static void nothing(struct la_arena *arena, enum la_stop reason, const char *text,
		    struct la_stack *ret)
{
	*ret = (struct la_stack){ .stop = reason };
	snprintf(ret->reason, sizeof(ret->reason), "%s", text);
	ret->frame = la_alloc(arena, 0);
}

/* Take this function for the callee; which code of it, and which of the caller's, can the CPU be in? */
static bool try_functions(struct la_locate *s)
{
	s->n = 0;
	try_callee_frames(s);
	try_caller(s);
	return la_locate_best(s);
}

/* With the callees that the call before ra can have gone to, the likeliest first, until the stack proves itself. */
static bool try_callees(struct la_locate *s)
{
	struct la_callee *c = &s->callee;

	la_callee_find(c, s->w.k, s->regs);
	if (c->start && try_functions(s))
		return true;
	if (c->start && !c->guessed)
		return false;
	if ((la_locate_name_callee(s) && try_functions(s)) ||
	    (la_callee_by_exception(c) && try_functions(s)))
		return true;
	la_callee_guess(c, 0); /* in the caller, then */
	return try_functions(s);
}

void la_unwind_cpu(const struct la_kernel *k, struct la_arena *arena, const struct la_regs *regs,
		   int cpu, struct la_stack *ret)
{
	struct la_locate s;

	if (regs->pc_known)
		return la_unwind(k, arena, regs, cpu, ret);
	if (!la_gpr_get(regs, LA_R_RA, &s.ra))
		s.ra = 0; /* of no use, then: the stack is searched */
	if (!la_gpr_get(regs, LA_R_SP, &s.sp))
		return nothing(arena, LA_STOP_NO_REGS, "no registers to start from", ret);
	if (s.sp >> 63 == 0)
		return nothing(arena, LA_STOP_USER, "in user mode", ret);
	la_walk_init(&s.w, k, regs, cpu);
	s.regs = regs;
	if (!(la_is_text(k, s.ra - 4) && try_callees(&s)) && !take_entry(&s) &&
	    !take_kernel_entry(&s))
		take_unproven(&s);
	la_frames_keep(&s.w, arena, &s.frames, ret);
}
