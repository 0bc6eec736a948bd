/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pieces of text that several results have. */
#ifndef LAKVM_RENDER_TEXT_H
#define LAKVM_RENDER_TEXT_H

#include "lakvm/cpu/waits.h"
#include "lakvm/render/render.h"

/** "symbol+0x58 [module]"; "symbol+?" where only the function is known. */
void la_put_symbol(const struct la_sink *sink, const char *symbol, bool offset_known,
		   uint64_t offset, const char *module);

/**
 * Frames, one to a line, and why the stack ends early. @shared: of several CPUs, so without what is
 * only one's: stack addresses, copies of vectors. @source: with source positions, where known.
 */
void la_put_stack(const struct la_stack *stack, bool shared, bool source,
		  const struct la_sink *sink);

/** Do two CPUs do the same, as far as can be said without naming their stacks? */
bool la_same_stack(const struct la_cpu *a, const struct la_cpu *b);

/** "CPU 2-63,65": @cpus[@first], and those behind it that share its stack. */
void la_put_cpu_numbers(const struct la_cpus *cpus, size_t first, const struct la_sink *sink);

/** Bytes in a column 13 wide: "     64.0 MB". */
void la_put_size(const struct la_sink *sink, uint64_t bytes);

/** Registers as crash's bt prints them for an exception frame, with CSRs in words. */
void la_put_registers(const struct la_regs *regs, const struct la_sink *sink);

/** Does anybody wait, or is that not known? Then la_put_waits() says who for whom, in at most @lines lines and a few. */
bool la_has_waits(const struct la_waits *w);
void la_put_waits(const struct la_waits *w, size_t lines, const struct la_sink *sink);

/** "D for 18.423 s in config_set": how a node of it waits. */
void la_put_wait_state(const struct la_wait_node *n, const struct la_sink *sink);

/** lacpus' table. */
void la_put_cpu_header(const struct la_sink *sink);
void la_put_cpu_line(const struct la_cpu *c, const struct la_sink *sink);

#endif
