// SPDX-License-Identifier: GPL-3.0-or-later
// A fault in the kernel's own code, none of a module's on the stack: the registers may tell whose data it worked on.
#include <string.h>

#include "collect.h"
#include "trace.h"

#define MAX_SYMBOL 4096 /* an address as far behind a symbol may be something else's */
#define MAX_TOLD 4

static bool module_called(const struct la_triage *t, const struct la_judgement *j)
{
	struct la_callers who;

	if (j->panic->cause.module)
		return true;
	la_triage_callers(t, j, &who);
	for (size_t i = 0; i < who.n; i++)
		if (who.module[i])
			return true;
	return false;
}

void la_triage_say_touched(const struct la_kernel *k, const struct la_triage *t,
			   struct la_judgement *j)
{
	const struct la_cause *c = &j->panic->cause;
	const char *told[MAX_TOLD], *text = "";
	struct la_symbol s;
	uint64_t value;
	size_t n = 0;

	if (!c->regs_known || !c->pc_known || module_called(t, j))
		return;
	for (unsigned reg = 1; text && reg < LA_NGPR && n < MAX_TOLD; reg++) {
		bool again = false;

		if (!la_gpr_get(&c->regs, reg, &value) ||
		    !k->door->symbol_at(k->door->ctx, value, &s) || !s.module ||
		    value - s.start >= MAX_SYMBOL)
			continue;
		for (size_t i = 0; i < n; i++)
			again = again || !strcmp(told[i], s.name);
		if (again)
			continue;
		text = la_format(j->arena, "%s%s%s (%s [%s])", text, n ? ", " : "",
				 la_gpr_name(reg), s.name, s.module);
		told[n++] = s.name;
	}
	if (!n || !text)
		return;
	la_triage_fact(j, "registers at the fault", "those lead into a module: %s", text);
	la_triage_advice(j, "no module's code is on the stack, but registers lead into one: %s",
			 text);
}
