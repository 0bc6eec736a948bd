// SPDX-License-Identifier: GPL-3.0-or-later
// Leaving a function by what its own instructions do: the method for code without call-frame
// information (assembler, modules).
#include "steps.h"

#include "flow.h"

enum la_step_result la_step_prologue(const struct la_walk *w, const struct la_unwind_frame *at,
				     struct la_step *ret)
{
	/* A pc outside all text is where a bad pointer was called: ra still has the caller. */
	struct la_cfi_row row = { .cfa_reg = LA_R_SP };
	bool whole = true;

	if (at->symbol.name && !la_flow_row(w->k, &at->symbol, at->code, &row, &whole))
		return LA_STEP_NOT_MINE;
	ret->sound = whole;
	return la_step_by_row(w, at, &row, LA_FROM_PROLOGUE, ret);
}
