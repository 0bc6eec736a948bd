/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a verdict's numbers mean: the instruction at the fault, the address it could not reach, letters and codes in
 * words, the lines of the log that tell of it, the guest's own clock. Nothing here changes the verdict.
 */
#ifndef LAKVM_DETAIL_H
#define LAKVM_DETAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/guest/clock.h"
#include "lakvm/guest/explain.h"
#include "lakvm/isa/disasm.h"

struct la_operand {
	unsigned reg;
	bool known;
	uint64_t value; /* at the fault */
};

/** Something that the kernel reported in its log. */
struct la_moment {
	size_t record;    /* index in the log */
	const char *name; /* of the report in a word: "oops", "soft-lockup" */
	bool trouble;     /* a guest that says this is ill; else it is only part of a report */
};

struct la_detail {
	/* The instruction at the fault; insn_known: it could be read. */
	bool insn_known;
	struct la_insn_words insn;
	struct la_operand operand[3];
	size_t noperands;
	bool reaches_known;
	uint64_t reaches; /* the address that it reaches with these operands */
	/* The address that faulted: what kind it is, in words, and where it goes. */
	const char *address_class; /* NULL: no address is known */
	bool walked;
	struct la_mem_address walk;
	const char *module_version; /* of the module of the cause; NULL: none, or unknown */
	const char *file; /* source position of the cause, la_panic_lines(); NULL: unknown */
	unsigned line;    /* 0: unknown */
	const char *const *taint; /* "D: ...", one for each letter */
	size_t ntaint;
	const char *exit_code;  /* how the init process ended, in words; NULL: not of this panic */
	const char *const *log; /* what the log has before the first trouble, and of the fault */
	size_t nlog;
	/* What the log tells of, in its order; and of each record, is it registers, stack words or a trace. NULL: unknown. */
	const struct la_moment *moment;
	size_t nmoments;
	const bool *dump_line;
	bool clock_known;
	struct la_clock clock;
};

#endif
