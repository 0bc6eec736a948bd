/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The instructions that can fault, in words: loads, stores, prefetches, atomics, break, jumps through a register. Names
 * and order of operands are those of binutils' disassembler with -M no-aliases.
 * Source: LoongArch Reference Manual v1.10, volume 1, chapter 2 and appendix B.
 */
#ifndef LAKVM_DISASM_H
#define LAKVM_DISASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/isa/regs.h"

struct la_insn_words {
	char text[64];   /* "ld.d $a0, $s1, 128"; of others ".word 0x02c02063" */
	bool known;      /* it is one of those */
	unsigned reg[3]; /* the general registers it names, each once, the zero register not */
	size_t nregs;
	bool accesses; /* it reaches memory at @base + @index or @offset */
	bool stores;   /* it writes there, atomics too */
	unsigned base;
	int index; /* -1: there is none */
	int64_t offset;
};

/** The words of @insn. */
void la_insn_words(uint32_t insn, struct la_insn_words *ret);

/** The address that @w reaches with the registers @regs. False: it reaches none, or they do not tell. */
bool la_insn_reaches(const struct la_insn_words *w, const struct la_regs *regs, uint64_t *ret);

#endif
