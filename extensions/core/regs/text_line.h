/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One line of a text with registers. */
#ifndef LAKVM_REGS_TEXT_LINE_H
#define LAKVM_REGS_TEXT_LINE_H

#include "lakvm/isa/regs.h"

/** What one line of the text says. */
struct la_text_line {
	enum {
		LA_LINE_OTHER,   /* not understood */
		LA_LINE_NOTHING, /* blank, a prompt, a fence, registers that nobody here asks for */
		LA_LINE_VCPU,    /* "CPU#3": the registers behind it are those of @vcpu */
		LA_LINE_REGISTERS,
	} kind;
	unsigned vcpu;
	struct la_regs regs; /* what it tells, source LA_REGS_TEXT */
	bool damaged;        /* a register's name has no value behind it */
};

/** Read the line @at..@end, which has no line feed in it. */
void la_text_line(const char *at, const char *end, struct la_text_line *ret);

/** Do two sets know a register in common? */
bool la_text_repeats(const struct la_regs *a, const struct la_regs *b);

/** Add to @regs what @more knows, also in place of what @regs knew. */
void la_text_add(struct la_regs *regs, const struct la_regs *more);

#endif
