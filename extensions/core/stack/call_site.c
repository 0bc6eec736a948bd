// SPDX-License-Identifier: GPL-3.0-or-later
// The call before a return address: does it go to the function that was called?
#include "base/bytes.h"
#include "flow.h"
#include "isa/eval.h"
#include "isa/insn.h"
#include "lakvm/door/modules.h"
#include "steps.h"

#define BEFORE_CALL 8      /* instructions that may load the address of a called register */
#define MAX_FUNCTION 16384 /* bytes of a function searched for tail calls */
#define MAX_JUMPS 64       /* tail-call targets looked at in one function */
#define MAX_TAIL_CALLS 5   /* in a row: 6.12 has four of rcu_report_qs_rdp() to swake_up_one() */
#define MAX_FUNCTIONS 64   /* that are looked at for one call */

/* The call instruction before @ra and, if the code shows it, where it goes. */
static bool read_call(const struct la_kernel *k, uint64_t ra, uint64_t *target, bool *known)
{
	unsigned char code[4 * BEFORE_CALL];
	struct la_values values;
	uint32_t insn;

	if (ra & 3 || la_read_code(k, ra - 4, &insn, 4, NULL) != LA_OK ||
	    !la_insn_is_call(insn, ra - 4, target))
		return false;
	*known = la_insn_is_bl(insn);
	if (*known || la_read_code(k, ra - sizeof(code), code, sizeof(code), NULL) != LA_OK)
		return true;

	/* jirl ra: follow the instructions before it, as long as they run straight. */
	la_values_none(&values);
	for (unsigned i = 0; i + 1 < BEFORE_CALL; i++) {
		uint32_t before = la_le32(code + 4 * i);

		la_values_run(&values, before, ra - sizeof(code) + 4 * i);
		if (la_insn_is_b(before) || la_insn_is_bl(before) || la_insn_is_jirl(before))
			la_values_none(&values);
	}
	*known = la_values_has(&values, la_insn_rj(insn));
	if (*known)
		*target = values.value[la_insn_rj(insn)] + (uint64_t)la_insn_offs16(insn);
	return true;
}

bool la_link_target(const struct la_kernel *k, uint64_t ra, uint64_t *ret, bool *sure_ret)
{
	uint32_t insn[2];
	bool known;

	if (!read_call(k, ra, ret, &known) || !known ||
	    la_read_code(k, ra - 8, insn, sizeof(insn), NULL) != LA_OK)
		return false;
	/* Another way may lead into the middle of these instructions with another value in the
	 * register; not so with bl, or pcaddu18i and jirl, which compilers keep together. */
	*sure_ret = la_insn_is_bl(insn[1]) ||
		    (insn[0] >> 25 == 0x0f && la_insn_rd(insn[0]) == la_insn_rj(insn[1]));
	return true;
}

/* "foo.cold" and "foo.isra.0.cold" are parts of the functions foo and foo.isra.0. */
static bool is_cold_part(const char *part, const char *whole)
{
	size_t len = strlen(whole);

	return !strncmp(part, whole, len) && !strncmp(part + len, ".cold", 5);
}

struct jumps {
	uint64_t to[MAX_JUMPS];
	size_t n;
	bool indirect; /* there is a jump through a register */
	bool runs_on;  /* the last instruction does not end the function */
};

/* Where control leaves [start, end) other than by calls and returns. */
static bool read_jumps(const struct la_kernel *k, uint64_t start, uint64_t end, struct jumps *ret)
{
	const uint64_t first = start;
	unsigned char code[1024];
	struct la_values values;
	uint32_t insn = 0;

	*ret = (struct jumps){ .n = 0 };
	la_values_none(&values);
	while (start < end) {
		size_t len = end - start < sizeof(code) ? (size_t)(end - start) : sizeof(code);

		if (la_read_code(k, start, code, len, NULL) != LA_OK)
			return false;
		for (size_t i = 0; i + 4 <= len; i += 4) {
			uint64_t to = 0;

			insn = la_le32(code + i);
			if (la_insn_is_b(insn)) {
				to = start + i + (uint64_t)la_insn_offs26(insn);
			} else if (la_insn_is_jirl(insn) && !la_insn_rd(insn) &&
				   !la_insn_is_ret(insn)) {
				/* a module's PLT entry loads the address and jumps */
				if (la_values_has(&values, la_insn_rj(insn)))
					to = values.value[la_insn_rj(insn)] +
					     (uint64_t)la_insn_offs16(insn);
				else
					ret->indirect = true;
			}
			if (to && !(to >= first && to < end) && ret->n < MAX_JUMPS)
				ret->to[ret->n++] = to;
			la_values_run(&values, insn, start + i);
			if (la_insn_is_b(insn) || la_insn_is_bl(insn) || la_insn_is_jirl(insn) ||
			    la_insn_is_branch(insn))
				la_values_none(&values);
		}
		start += len;
	}
	ret->runs_on = !(la_insn_is_b(insn) || (la_insn_is_jirl(insn) && !la_insn_rd(insn)));
	return true;
}

/* Is there a call in @tracer, within its first instructions, that goes to @pc? */
static bool calls(const struct la_kernel *k, const struct la_symbol *tracer, uint64_t pc)
{
	uint64_t target;
	bool sure;

	for (uint64_t i = 2; i <= MAX_FUNCTION / 4 && i <= (tracer->end - tracer->start) / 4; i++)
		if (la_link_target(k, tracer->start + 4 * i, &target, &sure) && target == pc)
			return true;
	return false;
}

/*
 * Does the function at @from begin with the call of @tracer that returns in its stead? Where that is ftrace's code, the
 * tracer itself tells by what it calls.
 */
static bool is_traced_by(const struct la_kernel *k, uint64_t from, const struct la_symbol *tracer)
{
	uint64_t target;
	bool sure;

	if (!tracer->module || !la_is_bpf(tracer->module))
		return false;
	for (uint64_t i = 2; i <= LA_TRACED_ENTRY + 1; i++)
		if (la_is_traced_call(k, from + 4 * i))
			return (la_link_target(k, from + 4 * i, &target, &sure) &&
				target == tracer->start) ||
			       (calls(k, tracer, from + 4 * i) &&
				la_is_ftrace_call(k, from + 4 * i));
	return false;
}

/* Functions that jump to one another: the one that was called, and what it leads to without a call that comes back. */
struct chain {
	struct {
		uint64_t start;
		unsigned tail_calls; /* that lead to it */
	} function[MAX_FUNCTIONS];
	size_t n;
};

static void add_function(struct chain *c, uint64_t start, unsigned tail_calls)
{
	size_t i = 0;

	while (i < c->n && c->function[i].start != start)
		i++;
	if (i < c->n || c->n == MAX_FUNCTIONS || tail_calls > MAX_TAIL_CALLS)
		return;
	c->function[c->n].start = start;
	c->function[c->n++].tail_calls = tail_calls;
}

/* Is the function at @from @callee, or does it run on into it? If not, those it jumps to are added. */
static enum la_link look_at(const struct la_kernel *k, uint64_t from, unsigned tail_calls,
			    const struct la_symbol *callee, struct chain *c)
{
	struct la_symbol symbol;
	struct jumps jumps;
	uint64_t end;

	/* A trampoline calls what is traced behind the call of itself. */
	if (from == callee->start ||
	    (from > callee->start && from < callee->end && la_is_traced_call(k, from)) ||
	    is_traced_by(k, from, callee))
		return LA_LINK_DIRECT;
	/* A module's PLT has no symbol, and there may be none before it. */
	if (!k->door->symbol_at(k->door->ctx, from, &symbol))
		symbol = (struct la_symbol){ .module = "" };
	if (symbol.name && symbol.start == from && is_cold_part(callee->name, symbol.name))
		return LA_LINK_DIRECT;
	/* Only a function's start, or a PLT entry, which has no symbol of its own, can be called. */
	if (symbol.start != from && !symbol.module)
		return LA_LINK_NONE;
	end = symbol.start != from ? from + 16 : symbol.end;
	if (end <= from || end - from > MAX_FUNCTION)
		end = from + MAX_FUNCTION;
	if (tail_calls == MAX_TAIL_CALLS || !read_jumps(k, from, end, &jumps))
		return LA_LINK_NONE;
	/* A label inside the function, or right after it, may count as a symbol of its own. */
	if ((jumps.runs_on && end == callee->start) ||
	    (symbol.start == from && callee->start > from && callee->start < end))
		return LA_LINK_DIRECT;
	for (size_t i = 0; i < jumps.n; i++)
		add_function(c, jumps.to[i], tail_calls + 1);
	return jumps.indirect ? LA_LINK_INDIRECT : LA_LINK_NONE;
}

/* Does the function at @from lead to @callee without a call that comes back to it? */
static enum la_link leads_to(const struct la_kernel *k, uint64_t from,
			     const struct la_symbol *callee)
{
	enum la_link link = LA_LINK_NONE;
	struct chain c = { .n = 0 };

	add_function(&c, from, 0);
	for (size_t i = 0; i < c.n && link != LA_LINK_DIRECT; i++) {
		enum la_link next =
			look_at(k, c.function[i].start, c.function[i].tail_calls, callee, &c);

		if (next > link)
			link = next;
	}
	return link;
}

enum la_link la_call_reaches(const struct la_kernel *k, uint64_t ra, const struct la_symbol *callee)
{
	uint64_t target;
	bool known;

	if (!read_call(k, ra, &target, &known))
		return LA_LINK_NONE;
	if (!known)
		return LA_LINK_INDIRECT;
	if (!callee->name)
		return LA_LINK_NONE; /* what was called is no function */
	return leads_to(k, target, callee);
}
