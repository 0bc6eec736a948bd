// SPDX-License-Identifier: GPL-3.0-or-later
// Choosing where a CPU is among the places where it can be. See locate.c.
#include "locate.h"

#include "isa/insn.h"

static bool is_alive(const struct la_hypothesis *h)
{
	return h->proven && h->code.feasible;
}

/*
 * How likely a hypothesis is: the values that fit, and at how many places; and whether it is a wait,
 * in which a CPU stays, while it is in straight code for a moment only.
 */
static int weight(const struct la_hypothesis *h)
{
	int places = 0;

	for (size_t n = h->code.likeliest * h->code.likeliest; n > 1; n /= 2)
		places++;
	return 4 * h->code.score + places + (h->code.wait ? 32 : 0) + (h->code.has_era ? 2 : 0) +
	       (h->code.best_loops ? 2 : 0);
}

/* The best score in the callee, and behind the call, of what these roots of it lead to. */
static void score_both(struct la_locate *s, const struct la_region_root *root, size_t nroots,
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
static void compare_callee_and_caller(struct la_locate *s)
{
	struct la_region_root root[LA_REGION_ROOTS];
	struct la_hypothesis *callee = NULL, *caller = NULL;
	struct la_region_summary inside = { .feasible = 0 }, behind = { .feasible = 0 };
	size_t nroots;

	for (size_t i = 0; i < s->n; i++) {
		struct la_hypothesis *h = &s->hypothesis[i];

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

static const struct la_hypothesis *choose(const struct la_locate *s)
{
	const struct la_hypothesis *best = NULL;

	for (size_t i = 0; i < s->n; i++) {
		const struct la_hypothesis *h = &s->hypothesis[i];

		if (!is_alive(h))
			continue;
		/* Where they are equal the callee is taken, which comes first, and of its frames the smallest. */
		if (!best || weight(h) > weight(best))
			best = h;
	}
	return best;
}

bool la_locate_firm_caller(const struct la_locate *s, size_t i)
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

static bool is_callee_open(const struct la_locate *s)
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
static bool is_certain(const struct la_locate *s, const struct la_hypothesis *h)
{
	/* How many straight instructions do not count, for each kind of wait. */
	static const size_t moment[] = {
		[LA_WAIT_NONE] = 0, [LA_WAIT_TIME] = 4, [LA_WAIT_POLL] = 16, [LA_WAIT_LONG] = 64
	};

	if (is_callee_open(s))
		return false;
	for (size_t i = 0; i < s->n; i++) {
		const struct la_hypothesis *other = &s->hypothesis[i];

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
static bool function_of(const struct la_locate *s, uint64_t pc, struct la_symbol *ret)
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
 * The function that most of the likeliest instructions of the region belong to. @only_ret: all that are
 * feasible belong to it.
 */
static bool likeliest_function(const struct la_locate *s, struct la_symbol *ret, bool *only_ret)
{
	struct la_region_summary code;
	struct {
		struct la_symbol symbol;
		size_t likeliest;
	} f[LA_CALLEE_FUNCTIONS];
	size_t n = 0, best = 0, j;

	*only_ret = true;
	la_region_summarise(&s->region, false, &code);
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
		f[j].likeliest += node->score >= code.score;
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
static bool same_stack(const struct la_locate *s, const struct la_hypothesis *h)
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
static void finish(struct la_locate *s, const struct la_hypothesis *h, bool certain)
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
	if (!same_stack(s, h) || (is_callee_open(s) && !la_locate_firm_caller(s, caller)))
		doubtful = s->frames.n;
	/* What is left by fp proves nothing about its sp, which earlier calls can have made up. */
	else if (is_callee_open(s) && doubtful < s->frames.n && s->frames.frame[doubtful].by_fp)
		doubtful++;
	for (size_t i = 0; i < s->frames.n && i < doubtful; i++)
		s->frames.frame[i].verified = false;
}

/*
 * The function of the callee's code that the CPU is likely to be in. Before the callee's calls, and after them: where
 * both lead to the same code, little is known of the registers there, so the better one is taken alone.
 */
static bool name_function(struct la_locate *s, const struct la_region_root *root, size_t nroots,
			  struct la_symbol *ret)
{
	struct la_region_summary before, after;
	bool only;

	if (nroots > 1) {
		la_region_run(&s->region, s->w.k, s->regs, root + 1, nroots - 1, false);
		la_region_summarise(&s->region, false, &after);
	}
	la_region_run(&s->region, s->w.k, s->regs, root, 1, false);
	la_region_summarise(&s->region, false, &before);
	if (nroots > 1 && after.feasible && (!before.feasible || after.score > before.score))
		la_region_run(&s->region, s->w.k, s->regs, root + 1, nroots - 1, false);
	return likeliest_function(s, ret, &only);
}

bool la_locate_best(struct la_locate *s)
{
	struct la_region_root root[LA_REGION_ROOTS];
	const struct la_hypothesis *h;
	struct la_symbol symbol;
	bool certain, only;
	size_t nroots;

	compare_callee_and_caller(s);
	h = choose(s);
	if (!h)
		return false;
	if (!h->in_callee) {
		la_locate_walk_caller(s, s->sp);
		certain = is_certain(s, h);
	} else {
		nroots = la_callee_roots(&s->callee, h->cfa, root);
		la_region_run(&s->region, s->w.k, s->regs, root, nroots, false);
		la_locate_walk(s, h->code.best, LA_FROM_POSITION);
		certain = likeliest_function(s, &symbol, &only) && only && is_certain(s, h);
		if (name_function(s, root, nroots, &symbol)) {
			s->frames.frame[0].symbol = symbol.name;
			s->frames.frame[0].start = symbol.start;
			s->frames.frame[0].module = symbol.module;
		}
	}
	finish(s, h, certain);
	return true;
}
