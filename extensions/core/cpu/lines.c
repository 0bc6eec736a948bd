// SPDX-License-Identifier: GPL-3.0-or-later
// Source positions of CPUs' stacks: a copy has them, because few who ask for stacks want them.
#include "lakvm/stack/lines.h"

#include <string.h>

#include "lakvm/cpu/cpus.h"

bool la_cpu_listed(const struct la_cpu *c, const unsigned *list, size_t n)
{
	if (!list)
		return true;
	for (size_t i = 0; i < n; i++)
		if (list[i] == c->cpu)
			return true;
	return false;
}

const struct la_cpus *la_cpus_lines(const struct la_kernel *k, struct la_arena *arena,
				    const struct la_cpus *cpus, const unsigned *only, size_t n)
{
	struct la_cpus *ret = la_alloc(arena, sizeof(*ret));

	if (!ret)
		return NULL;
	*ret = *cpus;
	ret->cpu = la_alloc_n(arena, cpus->n, sizeof(*ret->cpu));
	if (!ret->cpu)
		return NULL;
	for (size_t i = 0; i < cpus->n; i++) {
		const struct la_stack *stack = &cpus->cpu[i].stack;

		if (la_cpu_listed(&cpus->cpu[i], only, n))
			stack = la_lines_stack(k, arena, stack);
		if (!stack)
			return NULL;
		ret->cpu[i] = cpus->cpu[i];
		ret->cpu[i].stack = *stack;
	}
	return ret;
}
