/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where can a CPU be, given the registers it has and a call it made last?
 *
 * A region is the code that can run after a starting point without making another call: as long
 * as ra holds the same return address. Abstract interpretation of it gives what each of its
 * instructions implies for the registers when it is about to run: constants, sums, and outcomes
 * of the branches on the way (a loop that was left says that its condition no longer held). An
 * instruction whose implications the CPU's registers contradict is not where the CPU is.
 *
 * What no instruction of the region writes has had its present value all the time; that is what
 * the interpretation starts from.
 *
 * A second pass believes that memory has not changed either, so that loads imply values too. It
 * refutes nothing; it gives each instruction a score that helps to choose among those left.
 */
#ifndef LAKVM_REGION_H
#define LAKVM_REGION_H

#include "lakvm/guest/kernel.h"
#include "lakvm/isa/regs.h"
#include "isa/eval.h"

#define LA_REGION_NODES 640
#define LA_REGION_CONDITIONS 8
#define LA_REGION_ROOTS 16

/**
 * A branch that was passed, and whether it was taken; a sum that was formed ("addi.d a3, a2, -64"), of unknown values; or,
 * where memory is believed, a store that was made. Of an instruction whose registers were not written since.
 */
struct la_condition {
	uint32_t insn;
	bool taken;
};

struct la_region_state {
	struct la_values values;
	unsigned nconditions;
	struct la_condition condition[LA_REGION_CONDITIONS];
};

struct la_node {
	uint64_t pc;
	bool after_return; /* reached by returning from the region's function to its caller */
	uint32_t insn;
	bool reached;
	bool queued;
	bool feasible;
	bool hidden; /* of a frameless function, where no jump that can be followed leads to it */
	int score;   /* of a feasible one: how well the values it implies fit, loads included */
	struct la_region_state in;
};

struct la_region_root {
	uint64_t pc;
	bool after_return;
	bool sp_known;
	uint64_t sp;
	uint64_t prelude;  /* first of the straight instructions that lead to the call; 0 = none */
	uint64_t call;     /* the call, behind the last of them */
	bool prelude_sure; /* no other way may lead into them */
};

struct la_region {
	const struct la_kernel *k;
	const struct la_regs *regs;
	uint64_t ra;
	bool follow_return; /* go on at ra after a return */
	bool calls;         /* it contains a call */
	bool complete;      /* all ways through it were followed */
	bool trust_memory;  /* loads give what memory holds now: likely, not certain */
	size_t n;
	struct la_node node[LA_REGION_NODES];
	uint16_t index[2 * LA_REGION_NODES]; /* hash of (pc, after_return) to node + 1 */
};

/**
 * Analyse from at most LA_REGION_ROOTS roots; @ret's nodes then say which of them are feasible. @regs must
 * know ra and sp; they and @k are kept. More code than LA_REGION_NODES: not complete.
 */
void la_region_run(struct la_region *ret, const struct la_kernel *k, const struct la_regs *regs,
		   const struct la_region_root *root, size_t nroots, bool follow_return);

/**
 * Likely value of @reg after the straight code [from, to): registers that are @believed (bit n for register n) are
 * taken as they are now, and so is memory. @from may be @to or 0: no code. False: not known.
 */
bool la_region_evaluate(const struct la_kernel *k, const struct la_regs *regs, uint32_t believed,
			uint64_t from, uint64_t to, unsigned reg, uint64_t *ret);
/** tp, the per-CPU base, sp, and what calls keep. */
#define LA_REGION_KEPT (1u << LA_R_TP | 1u << LA_R_SP | 1u << LA_R_U0 | 0x3ffu << LA_R_FP)

/**
 * The first part of la_region_run(): find all code that can run from @root on. @r's k, regs, ra and follow_return
 * are set; what it finds goes into its nodes, calls and complete. Returns the registers that the code writes.
 */
uint32_t la_region_explore(struct la_region *r, const struct la_region_root *root, size_t nroots);

/** Does @insn load ra from the stack, @offset bytes above sp? */
bool la_reloads_ra(uint32_t insn, int64_t *offset);

/** The node at @pc, or NULL. */
const struct la_node *la_region_node(const struct la_region *r, uint64_t pc, bool after_return);

/** Where a node's instruction goes, as long as ra stays the same. */
struct la_successors {
	uint64_t fall, jump; /* 0 = none */
	bool returns;
	bool unknown; /* a jump through a register */
};
void la_region_successors(const struct la_region *r, const struct la_node *node,
			  struct la_successors *ret);

/** The registers a branch compares; the second is r0 for those that compare with zero. */
void la_branch_operands(uint32_t insn, unsigned *left, unsigned *right);
/** Is the branch taken with these values? False in @known_ret: not a branch on registers. */
bool la_branch_taken(uint32_t insn, uint64_t a, uint64_t b, bool *known_ret);

/** @insn runs: what the registers or the memory that it writes had to do with is forgotten. */
void la_conditions_forget(struct la_region_state *s, uint32_t insn);
void la_conditions_add(struct la_region_state *s, uint32_t insn, bool taken);
/** If @insn is one. To be asked when its result is in the state's values, if that is known. */
void la_conditions_add_sum(struct la_region_state *s, uint32_t insn);
void la_conditions_add_store(struct la_region_state *s, uint32_t insn);
/** Do the CPU's registers, and its memory, agree? False in @known_ret: nobody knows. */
bool la_condition_holds(const struct la_region *r, const struct la_condition *c, bool *known_ret);

/** What @insn does to a state. Loads count only where @trust_memory; ra's from the stack always. */
void la_region_follow(const struct la_kernel *k, struct la_region_state *s, uint32_t insn,
		      uint64_t pc, bool trust_memory);

/** Code in which a CPU stays although nothing it does itself will get it out. */
enum la_wait {
	LA_WAIT_NONE,
	LA_WAIT_TIME, /* a loop that reads the clock */
	LA_WAIT_POLL, /* a loop that reads memory, which still has the value that keeps it going */
	LA_WAIT_LONG, /* an idle instruction, or a jump to itself */
};

/** What a set of feasible instructions amounts to. */
struct la_region_summary {
	size_t feasible;
	uint64_t best;     /* the feasible one whose values fit best */
	int score;         /* of it */
	size_t likeliest;  /* how many fit as well */
	bool loops;        /* some of them form a loop */
	bool best_loops;   /* one whose values fit as well as any is in a loop */
	enum la_wait wait; /* the longest that a feasible one is part of */
	uint64_t endless;  /* a feasible jump to itself, 0 = none */
	bool has_era;      /* the last exception came from one of them */
};
/** Over the nodes that have this @after_return. */
void la_region_summarise(const struct la_region *r, bool after_return,
			 struct la_region_summary *ret);

#endif
