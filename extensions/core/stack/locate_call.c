// SPDX-License-Identifier: GPL-3.0-or-later
// Naming the callee of a call through a register that has changed since. What the register was loaded from is found
// through the caller's registers: those that the callee has not touched yet, or those that it has put into its own
// frame. See locate.c.
#include "base/bytes.h"
#include "locate.h"
#include "table_row.h"

#define MAX_FUNCTION 16384 /* bytes of a function whose description is looked at */
#define MAX_PLACES 8       /* stack pointers of the caller's from which the stack proves itself */
#define SLOTS 11 /* words below the caller's stack pointer that can keep ra, fp, s0 to s8 */

/*
 * Has @function, somewhere, a frame of @size bytes? If @reg is not 0, one that keeps this register of its caller
 * @offset bytes from the caller's stack pointer.
 */
static bool has_frame(const struct la_kernel *k, const struct la_symbol *function, uint64_t size,
		      unsigned reg, int32_t offset)
{
	struct la_cfi_row row;

	for (uint64_t pc = function->start;
	     pc < function->end && pc < function->start + MAX_FUNCTION; pc += 4)
		if (la_table_row(k, pc, &row) && row.cfa_reg == LA_R_SP && row.cfa_offset >= 0 &&
		    (uint64_t)row.cfa_offset == size &&
		    (!reg ||
		     (row.rule[reg].kind == LA_RULE_AT_CFA && row.rule[reg].offset == offset)))
			return true;
	return false;
}

/* By what the callee has put into its frame of @size bytes, which ends at the caller's stack pointer. */
static bool by_saved(const struct la_locate *s, const struct la_stack *stack, uint64_t size,
		     struct la_symbol *ret)
{
	struct la_frame *caller = &stack->frame[0];
	unsigned reg, other;

	caller->kept_known &= 1; /* the per-CPU base stays as it is */
	if (la_frame_callee(s->w.k, stack, ret, &reg) || !reg)
		return false;
	caller->kept_known |= 1u << (reg - LA_R_U0);
	for (int32_t offset = -8; offset >= -8 * SLOTS && (uint64_t)-offset <= size; offset -= 8)
		if (la_read_u64(s->w.k, caller->sp + (uint64_t)(int64_t)offset,
				&caller->kept[reg - LA_R_U0], NULL) == LA_OK &&
		    la_frame_callee(s->w.k, stack, ret, &other) &&
		    has_frame(s->w.k, ret, size, reg, offset))
			return true;
	return false;
}

bool la_locate_name_callee(struct la_locate *s)
{
	const uint64_t top = (s->sp | (LA_THREAD_SIZE - 1)) + 1;
	struct la_frame *caller = &s->frames.frame[0];
	struct la_symbol callee;
	unsigned places = 0, missing;

	for (uint64_t sp = s->sp; sp < top && sp <= s->sp + LA_MAX_FRAME; sp += 16) {
		const uint64_t size = sp - s->sp;
		struct la_stack stack;

		if (!la_locate_walk_caller(s, sp) || !s->frames.linked)
			continue;
		if (places++ == MAX_PLACES)
			return false;
		la_frames_place(s->w.k, caller, s->frames.n);
		stack = (struct la_stack){ .frame = caller,
					   .n = s->frames.n,
					   .tp = s->w.thread_info };
		if ((la_frame_callee(s->w.k, &stack, &callee, &missing) &&
		     (!size || has_frame(s->w.k, &callee, size, 0, 0))) ||
		    (size && by_saved(s, &stack, size, &callee))) {
			la_callee_guess(&s->callee, callee.start);
			return true;
		}
	}
	return false;
}
