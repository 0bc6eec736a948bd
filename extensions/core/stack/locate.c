// SPDX-License-Identifier: GPL-3.0-or-later
// Finding the innermost frame of a CPU whose pc is not known.
//
// ra is the return address of the last call that was made (or restored on return from it), so the
// CPU is in one of two functions: in the callee, before it makes a call of its own or after it has
// taken back its return address, or in the caller, after that call returned. Each place is one
// hypothesis, the callee's one for every size its stack frame can have at that time. A hypothesis
// is dropped if the stack above it does not prove itself, or if no instruction of its code agrees with
// the registers (reach.c).
#include "steps.h"

#include <stdio.h>

#include "base/bytes.h"
#include "callee.h"
#include "isa/insn.h"

#define MAX_HYPOTHESES 12

struct hypothesis {
	bool in_callee;
	uint64_t cfa;  /* of the callee: the stack pointer at the call */
	bool proven;   /* the calls of the stack above fit, to a known end */
	bool complete; /* all code of the hypothesis was looked at */
	struct la_region_summary code;
};

struct search {
	struct la_walk w;
	const struct la_regs *regs;
	uint64_t ra, sp;
	struct la_callee callee;
	struct hypothesis hypothesis[MAX_HYPOTHESES];
	size_t n;
	struct la_region region;
	struct la_frames frames;
};

/* --- stacks --- */

/* Frame 0 is the caller, which made a call before ra. */
static bool walk_caller(struct search *s, uint64_t sp)
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

/* Frame 0 is at @pc exactly. */
static bool walk_from(struct search *s, uint64_t pc, enum la_method method)
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

static struct hypothesis *add(struct search *s, bool in_callee, uint64_t cfa)
{
	struct hypothesis *h = &s->hypothesis[s->n];

	if (s->n == MAX_HYPOTHESES)
		return NULL;
	s->n++;
	*h = (struct hypothesis){ .in_callee = in_callee, .cfa = cfa, .complete = true };
	return h;
}

/* Does the call before ra return at all? If not, what follows it is another function. */
static bool can_return(const struct search *s)
{
	const struct la_kernel *k = s->w.k;
	struct la_symbol caller, behind;

	return k->door->symbol_at(k->door->ctx, la_vector_origin(k, s->ra - 4), &caller) &&
	       k->door->symbol_at(k->door->ctx, la_vector_origin(k, s->ra), &behind) &&
	       caller.start == behind.start;
}

/* In the callee, which was entered with stack pointer @cfa. */
static void try_callee(struct search *s, uint64_t cfa)
{
	struct la_region_root root[LA_REGION_ROOTS];
	struct hypothesis *h;
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
		h->proven = walk_from(s, h->code.best, LA_FROM_POSITION) && s->frames.linked;
}

static void try_callee_frames(struct search *s)
{
	uint64_t frame[MAX_HYPOTHESES - 1];
	size_t n;

	if (!s->callee.start)
		return;
	n = la_callee_frames(&s->callee, &s->region, frame, MAX_HYPOTHESES - 1);
	for (size_t i = 0; i < n; i++)
		try_callee(s, s->sp + frame[i]);
}

/*
 * If the callee has returned: had it made no calls? After calls its return address would still lie
 * below the stack pointer. Only an exception after the return can overwrite it there without
 * changing ra; that is then the last exception, and ERA says where it came from.
 */
static bool made_no_calls(struct search *s, const struct la_region_root *root)
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
static void try_caller(struct search *s)
{
	struct la_region_root root[LA_REGION_ROOTS];
	const struct la_region_root behind = {
		.pc = s->ra, .after_return = true, .sp_known = true, .sp = s->sp
	};
	bool no_calls = false;
	size_t nroots = 0;
	struct hypothesis *h;

	if (!can_return(s))
		return;
	h = add(s, false, s->sp);
	if (!h)
		return;
	h->proven = walk_caller(s, s->sp) && s->frames.linked;

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

/* --- choice --- */

static bool is_alive(const struct hypothesis *h)
{
	return h->proven && h->code.feasible;
}

/*
 * How likely a hypothesis is: the values that fit, and at how many places; and whether it is a wait,
 * in which a CPU stays, while it is in straight code for a moment only.
 */
static int weight(const struct hypothesis *h)
{
	int places = 0;

	for (size_t n = h->code.likeliest * h->code.likeliest; n > 1; n /= 2)
		places++;
	return 4 * h->code.score + places + (h->code.wait ? 32 : 0) + (h->code.has_era ? 2 : 0) +
	       (h->code.best_loops ? 2 : 0);
}

/* The best score in the callee, and behind the call, of what these roots of it lead to. */
static void score_both(struct search *s, const struct la_region_root *root, size_t nroots,
		       struct la_region_summary *inside, struct la_region_summary *behind)
{
	struct la_region_summary in, out;

	la_region_run(&s->region, s->w.k, s->regs, root, nroots, true);
	la_region_summarise(&s->region, false, &in);
	la_region_summarise(&s->region, true, &out);
	if (in.feasible && (!inside->feasible || in.score > inside->score))
		*inside = in;
	if (out.feasible && (!behind->feasible || out.score > behind->score))
		*behind = out;
}

static void take_score(struct la_region_summary *of, const struct la_region_summary *from)
{
	of->score = from->score;
	of->likeliest = from->likeliest;
	of->best_loops = from->best_loops;
}

/*
 * Has the callee just returned, or is it about to? Where it has, the registers still have what
 * its last instructions left in them, so both must be scored with what the callee implies. Without
 * calls it leaves much of what it was called with, with calls little; merged, the
 * two would have no values in common.
 */
static void compare_callee_and_caller(struct search *s)
{
	struct la_region_root root[LA_REGION_ROOTS];
	struct hypothesis *callee = NULL, *caller = NULL;
	struct la_region_summary inside = { .feasible = 0 }, behind = { .feasible = 0 };
	size_t nroots;

	for (size_t i = 0; i < s->n; i++) {
		struct hypothesis *h = &s->hypothesis[i];

		if (is_alive(h) && !h->in_callee)
			caller = h;
		else if (is_alive(h) && h->cfa == s->sp)
			callee = h;
	}
	if (!callee || !caller)
		return;
	nroots = la_callee_roots(&s->callee, s->sp, root);
	score_both(s, root, 1, &inside, &behind);
	if (nroots > 1)
		score_both(s, root + 1, nroots - 1, &inside, &behind);
	if (!inside.feasible || !behind.feasible)
		return;
	take_score(&callee->code, &inside);
	take_score(&caller->code, &behind);
}

static const struct hypothesis *choose(const struct search *s)
{
	const struct hypothesis *best = NULL;

	for (size_t i = 0; i < s->n; i++) {
		const struct hypothesis *h = &s->hypothesis[i];

		if (!is_alive(h))
			continue;
		/* The caller comes last, and is taken if the callee is not likelier. */
		if (!best || weight(h) >= weight(best))
			best = h;
	}
	return best;
}

/*
 * Was the function of frame @i of s->frames called by name? Where the callee is not known, the
 * stack pointer can be that of a frame of its own; the caller's frame, looked for there, is then
 * another one, and a call through a register does not show that.
 */
static bool has_firm_caller(const struct search *s, size_t i)
{
	const struct la_frame *f = s->frames.frame;
	struct la_symbol symbol = { .name = NULL };

	if (i + 1 >= s->frames.n || !f[i].symbol)
		return false;
	symbol.name = f[i].symbol;
	symbol.start = f[i].start;
	symbol.module = f[i].module;
	return la_call_reaches(s->w.k, f[i + 1].pc, &symbol) == LA_LINK_DIRECT;
}

static bool is_callee_open(const struct search *s)
{
	bool open = s->callee.guessed || s->callee.cut || !s->callee.start;

	for (size_t i = 0; i < s->n; i++)
		open = open || (s->hypothesis[i].in_callee && !s->hypothesis[i].complete);
	return open;
}

/*
 * Is @h where the CPU is, and not only where it is likely to be? Everything else must be refuted,
 * with one exception: if @h waits, for time or for others, a few straight instructions elsewhere do
 * not count, because a CPU is hardly ever in them.
 */
static bool is_certain(const struct search *s, const struct hypothesis *h)
{
	/* How many straight instructions do not count, for each kind of wait. */
	static const size_t moment[] = {
		[LA_WAIT_NONE] = 0, [LA_WAIT_TIME] = 4, [LA_WAIT_POLL] = 16, [LA_WAIT_LONG] = 64
	};

	if (is_callee_open(s))
		return false;
	for (size_t i = 0; i < s->n; i++) {
		const struct hypothesis *other = &s->hypothesis[i];

		if (other == h)
			continue;
		if (!other->complete && other->proven)
			return false;
		if (is_alive(other) &&
		    (other->code.loops || other->code.feasible > moment[h->code.wait]))
			return false;
	}
	return true;
}

/* A symbol that the code before it continues into is a label (idle_exit), not a function of its own. */
static bool function_of(const struct search *s, uint64_t pc, struct la_symbol *ret)
{
	const struct la_kernel *k = s->w.k;
	bool found = k->door->symbol_at(k->door->ctx, la_vector_origin(k, pc), ret);

	for (unsigned labels = 0; found && labels < 4; labels++) {
		const struct la_node *before = la_region_node(&s->region, ret->start - 4, false);

		if (!before || la_insn_is_b(before->insn) || la_insn_is_jirl(before->insn))
			break;
		found = k->door->symbol_at(k->door->ctx, ret->start - 4, ret);
	}
	return found;
}

/*
 * The function that most of the likeliest instructions belong to. @only_ret: all that are feasible
 * belong to it.
 */
static bool likeliest_function(const struct search *s, int score, struct la_symbol *ret,
			       bool *only_ret)
{
	struct {
		struct la_symbol symbol;
		size_t likeliest;
	} f[LA_CALLEE_FUNCTIONS];
	size_t n = 0, best = 0, j;

	*only_ret = true;
	for (size_t i = 0; i < s->region.n; i++) {
		const struct la_node *node = &s->region.node[i];
		struct la_symbol symbol;

		if (!node->feasible)
			continue;
		if (!function_of(s, node->pc, &symbol)) {
			*only_ret = false;
			continue;
		}
		for (j = 0; j < n && f[j].symbol.start != symbol.start;)
			j++;
		if (j == LA_CALLEE_FUNCTIONS) {
			*only_ret = false;
			continue;
		}
		if (j == n) {
			f[n].symbol = symbol;
			f[n++].likeliest = 0;
		}
		f[j].likeliest += node->score >= score;
	}
	for (j = 1; j < n; j++)
		if (f[j].likeliest > f[best].likeliest)
			best = j;
	if (n)
		*ret = f[best].symbol;
	*only_ret = *only_ret && n == 1;
	return n > 0;
}

/* Do all hypotheses that are left agree on the stack pointer the caller made the call with? */
static bool same_stack(const struct search *s, const struct hypothesis *h)
{
	for (size_t i = 0; i < s->n; i++)
		if (is_alive(&s->hypothesis[i]) && s->hypothesis[i].cfa != h->cfa)
			return false;
	return true;
}

/*
 * Frame 0 stands for all feasible places; an exact one is named only where there is no other, or
 * where the CPU stays for ever. If it is not certain whether the callee has returned, the
 * place in the caller is not certain either, but the frames above it are.
 */
static void finish(struct search *s, const struct hypothesis *h, bool certain)
{
	struct la_frame *frame = &s->frames.frame[0];
	size_t caller = h->in_callee ? 1 : 0, doubtful = caller + 1;
	uint64_t pc = h->code.endless;

	if (!pc && h->complete && h->code.feasible == 1)
		pc = h->code.best;
	if (!certain)
		pc = 0;
	frame->method = LA_FROM_POSITION;
	frame->pc_known = frame->pc_exact = pc != 0;
	frame->pc = pc;
	frame->offset = pc ? la_vector_origin(s->w.k, pc) - frame->start : 0;
	if (certain)
		return;
	s->frames.verified = false;
	if (!same_stack(s, h) || (is_callee_open(s) && !has_firm_caller(s, caller)))
		doubtful = s->frames.n;
	/* What is left by fp proves nothing about its sp, which earlier calls can have made up. */
	else if (is_callee_open(s) && doubtful < s->frames.n && s->frames.frame[doubtful].by_fp)
		doubtful++;
	for (size_t i = 0; i < s->frames.n && i < doubtful; i++)
		s->frames.frame[i].verified = false;
}

static bool take_best(struct search *s)
{
	struct la_region_root root[LA_REGION_ROOTS];
	const struct hypothesis *h;
	struct la_symbol symbol;
	bool certain, only;

	compare_callee_and_caller(s);
	h = choose(s);
	if (!h)
		return false;
	if (!h->in_callee) {
		walk_caller(s, s->sp);
		certain = is_certain(s, h);
	} else {
		la_region_run(&s->region, s->w.k, s->regs, root,
			      la_callee_roots(&s->callee, h->cfa, root), false);
		walk_from(s, h->code.best, LA_FROM_POSITION);
		certain = is_certain(s, h);
		if (likeliest_function(s, h->code.score, &symbol, &only)) {
			s->frames.frame[0].symbol = symbol.name;
			s->frames.frame[0].start = symbol.start;
			s->frames.frame[0].module = symbol.module;
		}
		certain = certain && only;
	}
	finish(s, h, certain);
	return true;
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
static bool scan(struct search *s, uint64_t sp)
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
static bool scan_above(struct search *s)
{
	struct la_frames below;
	size_t n;

	if (!walk_caller(s, s->sp))
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

/* The best of what does not prove itself. */
static void take_unproven(struct search *s)
{
	uint64_t era;

	if (walk_caller(s, s->sp) && reaches_end(&s->frames)) {
		doubt(&s->frames);
	} else if (la_csr_get(s->regs, LA_CSR_ERA, &era) && walk_from(s, era, LA_FROM_POSITION) &&
		   reaches_end(&s->frames)) {
		doubt(&s->frames);
	} else if (scan_above(s)) {
		doubt(&s->frames);
	} else if (scan(s, s->sp)) {
		doubt(&s->frames);
		return; /* its pc is a return address found on the stack */
	} else if (walk_caller(s, s->sp)) {
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
static bool take_entry(struct search *s)
{
	struct la_frame *frame = &s->frames.frame[0];
	struct la_symbol symbol;
	uint64_t era;

	if (s->ra >> 63 || !la_is_stack_bottom(s->sp) || !la_csr_get(s->regs, LA_CSR_ERA, &era) ||
	    !la_exception_entry(s->w.k, s->sp, era, &symbol))
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

static void nothing(struct la_arena *arena, enum la_stop reason, const char *text,
		    struct la_stack *ret)
{
	*ret = (struct la_stack){ .stop = reason };
	snprintf(ret->reason, sizeof(ret->reason), "%s", text);
	ret->frame = la_alloc(arena, 0);
}

void la_unwind_cpu(const struct la_kernel *k, struct la_arena *arena, const struct la_regs *regs,
		   int cpu, struct la_stack *ret)
{
	struct search s;

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
	s.callee = (struct la_callee){ .start = 0 };
	s.n = 0;
	if (la_is_text(k, s.ra - 4)) {
		la_callee_find(&s.callee, k, regs);
		try_callee_frames(&s);
		try_caller(&s);
	}
	if (!take_best(&s) && !take_entry(&s))
		take_unproven(&s);
	la_frames_keep(k, arena, &s.frames, ret);
}
