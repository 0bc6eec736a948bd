// SPDX-License-Identifier: GPL-3.0-or-later
// What a function's code does to its frame, on every way through it. See flow.h.
#include "flow.h"

#include <string.h>

#include "base/bytes.h"
#include "isa/insn.h"
#include "isa/eval.h"
#include "lakvm/door/modules.h"

#define MAX_INSNS 4096 /* of a function */
#define MAX_LABELS 256 /* where ways can meet */
#define NKEPT 11       /* ra, fp, s0-s8 */

/* What holds when an instruction is about to run. "CFA" is the stack pointer at entry. */
struct state {
	bool sp_known, fp_known;
	int32_t sp, fp; /* CFA = sp + this; CFA = fp + this */
	struct la_rule rule[LA_NGPR];
	/*
	 * Every way here passes a call or a break. If that never returns, this code is reached
	 * from elsewhere only, and the state of that other way is the right one.
	 */
	bool doubtful;
};

struct label {
	uint32_t index; /* of the instruction */
	bool reached, queued;
	struct state in;
};

struct flow {
	uint64_t start;
	unsigned traced_entry; /* la_flow_traced_entry() */
	bool whole_code;       /* the instructions are all that the function has */
	bool returns_behind;   /* and what follows returns at once: returns_at() */
	size_t n;              /* instructions */
	uint32_t insn[MAX_INSNS];
	size_t nlabels;
	struct label label[MAX_LABELS];
	bool gap;     /* a way was lost, or does not agree with another */
	bool refuted; /* a doubtful way does not agree with one that is not doubtful */
	bool body_known;
	struct state body; /* at a call or a jump by register, with the return address saved */
};

static unsigned kept(unsigned i)
{
	return i ? LA_R_FP + i - 1 : LA_R_RA;
}

static bool is_kept(unsigned reg)
{
	return reg == LA_R_RA || reg >= LA_R_FP;
}

/* --- one instruction --- */

/* CFA - @reg, if @reg is one of the two that frames are addressed by. */
static bool distance(const struct state *s, unsigned reg, int64_t *ret)
{
	*ret = reg == LA_R_SP ? s->sp : s->fp;
	return (reg == LA_R_SP && s->sp_known) || (reg == LA_R_FP && s->fp_known);
}

/* rd = rj + *sum_ret, for the instructions that frames are made with. */
static bool adds(const struct la_values *v, uint32_t insn, int64_t *sum_ret)
{
	const unsigned rk = la_insn_rk(insn);

	*sum_ret = 0;
	if (la_insn_is_addi_d(insn)) {
		*sum_ret = la_insn_si12(insn);
		return true;
	}
	if (!la_values_has(v, rk))
		return false;
	if (insn >> 15 == 0x21) /* add.d */
		*sum_ret = (int64_t)v->value[rk];
	else if (insn >> 15 == 0x23) /* sub.d */
		*sum_ret = (int64_t)(0 - v->value[rk]);
	else
		return insn >> 15 == 0x2a && rk == LA_R_ZERO; /* or: move */
	return *sum_ret >= -(int64_t)LA_THREAD_SIZE && *sum_ret <= (int64_t)LA_THREAD_SIZE;
}

static void run_store(struct state *s, unsigned reg, int64_t place)
{
	for (unsigned i = 0; i < NKEPT; i++) {
		struct la_rule *rule = &s->rule[kept(i)];

		if (rule->kind == LA_RULE_AT_CFA && rule->offset == place)
			rule->kind = LA_RULE_UNKNOWN; /* something else is there now */
	}
	if (is_kept(reg) && s->rule[reg].kind == LA_RULE_SAME)
		s->rule[reg] = (struct la_rule){ LA_RULE_AT_CFA, (int32_t)place };
}

static void run_writes(struct state *s, uint32_t written)
{
	for (unsigned i = 0; i < NKEPT; i++)
		if (written >> kept(i) & 1 && s->rule[kept(i)].kind == LA_RULE_SAME)
			s->rule[kept(i)].kind = LA_RULE_UNKNOWN;
	if (written >> LA_R_SP & 1)
		s->sp_known = false;
	if (written >> LA_R_FP & 1)
		s->fp_known = false;
}

/* @v: constants of the straight code before, for frames too large for addi.d. */
static void run(struct state *s, const struct la_values *v, uint32_t insn)
{
	const unsigned rd = la_insn_rd(insn), rj = la_insn_rj(insn);
	int64_t offset, to_cfa;

	/* Below the stack pointer an interrupt overwrites all: a store there saves nothing. */
	if (la_insn_is_store(insn, &offset) && distance(s, rj, &to_cfa)) {
		if (offset - to_cfa < 0 && (!s->sp_known || offset - to_cfa >= -s->sp))
			run_store(s, rd, offset - to_cfa);
	} else if (la_insn_is_load(insn, &offset) && is_kept(rd) && distance(s, rj, &to_cfa) &&
		   s->rule[rd].kind == LA_RULE_AT_CFA && s->rule[rd].offset == offset - to_cfa) {
		s->rule[rd].kind = LA_RULE_SAME;
		s->fp_known = s->fp_known && rd != LA_R_FP;
	} else if ((rd == LA_R_SP || rd == LA_R_FP) && la_insn_writes(insn) >> rd & 1 &&
		   adds(v, insn, &offset) && distance(s, rj, &to_cfa)) {
		run_writes(s, 1u << rd);
		if (rd == LA_R_SP) {
			s->sp_known = true;
			s->sp = (int32_t)(to_cfa - offset);
		} else {
			s->fp_known = true;
			s->fp = (int32_t)(to_cfa - offset);
		}
	} else {
		run_writes(s, la_insn_writes(insn));
	}
}

/* --- all ways --- */

static struct label *find(struct flow *f, uint64_t index)
{
	for (size_t i = 0; i < f->nlabels; i++)
		if (f->label[i].index == index)
			return &f->label[i];
	return NULL;
}

static void add_label(struct flow *f, uint64_t index)
{
	if (index >= f->n || find(f, index))
		return;
	if (f->nlabels == MAX_LABELS)
		f->gap = true;
	else
		f->label[f->nlabels++] = (struct label){ .index = (uint32_t)index };
}

/* Where a jump at @index that is no call goes, relative to the start; outside: >= f->n. */
static bool jump_target(const struct flow *f, size_t index, uint64_t *ret)
{
	const uint32_t insn = f->insn[index];

	if (la_insn_is_b(insn))
		*ret = index + (uint64_t)(la_insn_offs26(insn) / 4);
	else if (la_insn_is_branch(insn))
		*ret = index + (uint64_t)(la_insn_branch_offset(insn) / 4);
	else
		return false;
	return true;
}

static bool same_rule(const struct la_rule *a, const struct la_rule *b)
{
	return a->kind == b->kind && (a->kind != LA_RULE_AT_CFA || a->offset == b->offset);
}

/*
 * One way has moved the stack by an amount that only registers knew (alloca, RANDOMIZE_KSTACK_OFFSET's
 * "sub.d sp, sp, t0"), the other not, or by another: where both agree on the frame by fp, that is what
 * is known of it. Which of them was taken cannot be said, and so not where sp is.
 */
static bool same_by_fp(const struct state *a, const struct state *b)
{
	return a->fp_known && b->fp_known && a->fp == b->fp &&
	       same_rule(&a->rule[LA_R_RA], &b->rule[LA_R_RA]);
}

static bool same_frame(const struct state *a, const struct state *b)
{
	if (a->sp_known != b->sp_known || (a->sp_known && a->sp != b->sp))
		return false;
	if (!a->sp_known && (a->fp_known != b->fp_known || (a->fp_known && a->fp != b->fp)))
		return false;
	return same_rule(&a->rule[LA_R_RA], &b->rule[LA_R_RA]);
}

/* Are sp and ra as at the function's entry? They must be where it is left. */
static bool is_entry(const struct state *s)
{
	return s->sp_known && !s->sp && s->rule[LA_R_RA].kind == LA_RULE_SAME;
}

/* A label's state only loses knowledge, and is replaced at most once, by one that is not doubtful. */
static void send(struct flow *f, uint64_t index, const struct state *s)
{
	struct label *label = find(f, index);
	struct state *in;

	if (!label) { /* out of the function: to another, or to a part of it that is elsewhere */
		f->gap = f->gap || index < f->n || !is_entry(s);
		return;
	}
	in = &label->in;
	if (label->reached && !same_frame(in, s) && same_by_fp(in, s)) {
		label->queued = label->queued || in->sp_known;
		in->sp_known = false;
	} else if (label->reached && !same_frame(in, s)) {
		if (in->doubtful == s->doubtful)
			f->gap = true;
		else
			f->refuted = true;
		if (!in->doubtful || s->doubtful)
			return;
		label->reached = false;
	}
	if (!label->reached) {
		label->reached = label->queued = true;
		*in = *s;
		return;
	}
	for (unsigned i = 1; i < NKEPT; i++) {
		struct la_rule *rule = &in->rule[kept(i)];

		if (!same_rule(rule, &s->rule[kept(i)]) && rule->kind != LA_RULE_UNKNOWN) {
			rule->kind = LA_RULE_UNKNOWN;
			label->queued = true;
		}
	}
	if (in->fp_known && (!s->fp_known || s->fp != in->fp)) {
		in->fp_known = false;
		label->queued = true;
	}
	if (in->doubtful && !s->doubtful) {
		in->doubtful = false;
		label->queued = true;
	}
}

static void note_body(struct flow *f, const struct state *s)
{
	if (!f->body_known && s->rule[LA_R_RA].kind == LA_RULE_AT_CFA) {
		f->body_known = true;
		f->body = *s;
		f->body.doubtful = true;
	}
}

unsigned la_flow_traced_entry(const struct la_symbol *function)
{
	return function->module && la_is_bpf(function->module) ? LA_TRACED_ENTRY : 1;
}

/* A tracer's "move t0, ra" and call at the very start, which leave the frame as it was. */
static bool is_traced_entry(const struct flow *f, size_t index, const struct state *s)
{
	return index <= f->traced_entry && la_insn_links(f->insn[index]) && is_entry(s) &&
	       f->insn[0] == LA_INSN_MOVE_T0_RA;
}

/* From a label straight on, to the next one or to where the function is left. */
static void follow(struct flow *f, const struct label *from)
{
	struct state s = from->in;
	struct la_values v;
	size_t i = from->index;
	uint64_t target;

	la_values_none(&v);
	for (; i < f->n && (i == from->index || !find(f, i)); i++) {
		const uint32_t insn = f->insn[i];

		if (jump_target(f, i, &target)) {
			send(f, target, &s);
			if (la_insn_is_b(insn))
				return;
			continue;
		}
		if (la_insn_is_jirl(insn) && !la_insn_rd(insn)) {
			/* A return, a tail call; or a jump table, whose targets we do not know. */
			note_body(f, &s);
			f->gap = f->gap || !is_entry(&s);
			return;
		}
		if (insn == LA_INSN_ERTN)
			return;
		if (is_traced_entry(f, i, &s))
			continue;
		run(&s, &v, insn);
		la_values_run(&v, insn, f->start + 4 * i);
		if (la_insn_links(insn)) {
			note_body(f, &s);
			la_values_none(&v);
			s.doubtful = true;
		} else if (insn >> 15 == 0x54) { /* break: BUG() never returns, WARN() does */
			s.doubtful = true;
		}
	}
	if (i < f->n)
		send(f, i, &s);
	else if (!s.doubtful && !(f->returns_behind && is_entry(&s)))
		f->gap = true;
}

static void read_insns(struct flow *f, const struct la_kernel *k, uint64_t function_end)
{
	unsigned char code[1024];
	uint64_t end = function_end;

	if (end <= f->start || end - f->start > 4 * MAX_INSNS)
		end = f->start + 4 * MAX_INSNS;
	for (uint64_t at = f->start; at < end;) {
		size_t len = end - at < sizeof(code) ? (size_t)(end - at) : sizeof(code);

		if (la_read_code(k, at, code, len, NULL) != LA_OK)
			return;
		for (size_t i = 0; i + 4 <= len; i += 4)
			f->insn[f->n++] = la_le32(code + i);
		at += len;
	}
	f->whole_code = f->start + 4 * (uint64_t)f->n == function_end;
}

/* Does it link, or write the stack pointer, the return address or a register that callers keep? */
static bool touches_frame(uint32_t insn)
{
	const uint32_t kept = 1u << LA_R_RA | 1u << LA_R_SP | 0x3ffu << LA_R_FP;

	return la_insn_links(insn) || la_insn_writes(insn) & kept;
}

#define RETURNS_WITHIN 4 /* instructions */

/*
 * Assembler may run on into another symbol. If that only returns (idle_exit behind __arch_cpu_idle), it is the end of the
 * function. If not, the function may be one that is jumped to with a frame (ftrace_common, which runs on into ftrace_call).
 */
static bool returns_at(const struct la_kernel *k, uint64_t at)
{
	for (unsigned i = 0; i < RETURNS_WITHIN; i++, at += 4) {
		unsigned char raw[4];
		uint32_t insn;

		if (la_read_code(k, at, raw, sizeof(raw), NULL) != LA_OK)
			return false;
		insn = la_le32(raw);
		if (la_insn_is_jirl(insn))
			return !la_insn_rd(insn) && la_insn_rj(insn) == LA_R_RA;
		if (la_insn_is_b(insn) || la_insn_is_branch(insn) || touches_frame(insn))
			return false;
	}
	return false;
}

static void run_all(struct flow *f)
{
	size_t budget = f->nlabels * (NKEPT + 5); /* see send(): no label is queued more often */
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < f->nlabels; i++) {
			if (!f->label[i].queued)
				continue;
			if (!budget--) {
				f->gap = true;
				return;
			}
			f->label[i].queued = false;
			follow(f, &f->label[i]);
			again = true;
		}
	}
}

/*
 * Does no instruction touch the stack pointer, the return address or a register that callers keep?
 * Then all of it is as at the entry, whichever way leads there (copy_user.S: a jump table). What
 * could not be read, or is longer than what is looked at, proves nothing.
 */
static bool is_all_entry(const struct flow *f)
{
	if (!f->whole_code)
		return false;
	for (size_t i = 0; i < f->n; i++)
		if (touches_frame(f->insn[i]))
			return false;
	return true;
}

bool la_flow_is_frameless(const struct la_kernel *k, const struct la_symbol *function)
{
	unsigned char code[256];
	uint64_t at = function->start;

	if (function->end <= at || function->end - at > 4 * MAX_INSNS)
		return false;
	for (size_t len; at < function->end; at += len) {
		len = function->end - at < sizeof(code) ? (size_t)(function->end - at) :
							  sizeof(code);
		if (la_read_code(k, at, code, len, NULL) != LA_OK)
			return false;
		for (size_t i = 0; i + 4 <= len; i += 4)
			if (touches_frame(la_le32(code + i)))
				return false;
	}
	return true;
}

bool la_flow_jumps_inside(const struct la_kernel *k, const struct la_symbol *function,
			  uint64_t jump)
{
	uint32_t insn;

	for (uint64_t at = jump - 4; at >= function->start && at + 16 >= jump; at -= 4) {
		if (la_read_code(k, at, &insn, 4, NULL) != LA_OK)
			return false;
		if (insn >> 25 == 0x0c) /* pcaddi, forwards */
			return at + ((uint64_t)(insn >> 5 & 0xfffff) << 2) < function->end;
	}
	return false;
}

bool la_flow_row(const struct la_kernel *k, const struct la_symbol *function, uint64_t code,
		 struct la_cfi_row *ret, bool *whole_ret)
{
	const struct state entry = { .sp_known = true };
	struct flow f = { .start = function->start,
			  .traced_entry = la_flow_traced_entry(function) };
	uint64_t target;
	const struct label *here;
	const struct state *s;

	read_insns(&f, k, function->end);
	f.returns_behind = f.whole_code && returns_at(k, function->end);
	if (code < f.start || (code - f.start) / 4 >= f.n)
		return false;
	add_label(&f, 0);
	add_label(&f, (code - f.start) / 4);
	for (size_t i = 0; i < f.n; i++)
		if (jump_target(&f, i, &target))
			add_label(&f, target);
	send(&f, 0, &entry);
	run_all(&f);

	here = find(&f, (code - f.start) / 4);
	*whole_ret = false;
	if (here && here->reached) {
		s = &here->in;
		*whole_ret = !f.gap && !(s->doubtful && f.refuted);
	} else if (here && is_all_entry(&f)) {
		s = &entry;
		*whole_ret = true;
	} else if (here && f.body_known) {
		/*
		 * Code reached only by a jump table or a patched branch: its frame is taken to be as
		 * at the calls.
		 */
		s = &f.body;
	} else {
		return false;
	}
	if (!s->sp_known && !s->fp_known)
		return false;
	*ret = (struct la_cfi_row){
		.fde_start = f.start,
		.fde_end = f.start + 4 * f.n,
		.cfa_reg = s->sp_known ? LA_R_SP : LA_R_FP,
		.cfa_offset = s->sp_known ? s->sp : s->fp,
	};
	memcpy(ret->rule, s->rule, sizeof(ret->rule));
	return true;
}
