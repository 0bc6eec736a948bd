// SPDX-License-Identifier: GPL-3.0-or-later
// Remarks on a CPU, or on all of them.
#include "priv.h"

void la_cpu_remark(struct la_arena *arena, const char **remark_ret, const char *text)
{
	const char *joined = text;

	if (!text)
		return;
	if (*remark_ret)
		joined = la_format(arena, "%s; %s", *remark_ret, text);
	if (joined)
		*remark_ret = joined;
}
