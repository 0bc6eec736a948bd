// SPDX-License-Identifier: GPL-3.0-or-later
// What instructions do to general registers: the core's evaluation against a machine's, recorded by
// tests/lab/instructions.c ("make instructions").
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "isa/eval.h"

#define RECORD "tests/unit/data/instructions.txt"

enum { T0 = 12, T1, T2 };

struct machine {
	uint64_t old, a, b, result;
};

static struct la_values values_of(const struct machine *m)
{
	struct la_values v;

	la_values_none(&v);
	la_values_set(&v, T0, m->old);
	la_values_set(&v, T1, m->a);
	la_values_set(&v, T2, m->b);
	return v;
}

/* The machine's result, where what it is made of is known; what is not known does not count. */
static void check_run(uint32_t insn, const struct machine *m)
{
	struct la_values v = values_of(m);

	la_values_run(&v, insn, 0);
	if (!la_values_has(&v, T0) || v.value[T0] != m->result)
		fail_msg("%08" PRIx32 " of %" PRIx64 ", %" PRIx64 ", %" PRIx64 ": not %" PRIx64,
			 insn, m->old, m->a, m->b, m->result);
	assert_int_equal(v.value[T1], m->a);
	assert_int_equal(v.value[T2], m->b);
	for (unsigned reg = T0; reg <= T2; reg++) {
		v = values_of(m);
		v.known &= ~(1u << reg);
		v.value[reg] = ~v.value[reg];
		la_values_run(&v, insn, 0);
		if (la_values_has(&v, T0))
			assert_int_equal(v.value[T0], m->result);
	}
}

/* Both may say too many, never too few. What is written is not known any more. */
static void check_use(uint32_t insn, uint32_t writes, uint32_t reads)
{
	struct la_values v;

	if (~la_insn_writes(insn) & writes || ~la_insn_reads(insn) & reads)
		fail_msg("%08" PRIx32 ": writes %" PRIx32 ", reads %" PRIx32, insn,
			 la_insn_writes(insn), la_insn_reads(insn));
	if (!writes)
		assert_int_equal(la_insn_writes(insn), 0);
	la_values_none(&v);
	for (unsigned reg = 1; reg < LA_NGPR; reg++)
		la_values_set(&v, reg, reg);
	v.known &= ~reads | 1;
	la_values_run(&v, insn, 0x1000);
	for (unsigned reg = 1; reg < LA_NGPR; reg++)
		if (la_values_has(&v, reg) && !(writes >> reg & 1))
			assert_int_equal(v.value[reg], reg);
}

static void test_machine(void **state)
{
	FILE *file = fopen(RECORD, "r");
	unsigned runs = 0, uses = 0;
	char line[128];

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		struct machine m;
		uint32_t insn, writes, reads;

		if (sscanf(line, "run %" SCNx32 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64,
			   &insn, &m.old, &m.a, &m.b, &m.result) == 5) {
			check_run(insn, &m);
			runs++;
		} else if (sscanf(line, "use %" SCNx32 " %" SCNx32 " %" SCNx32, &insn, &writes,
				  &reads) == 3) {
			check_use(insn, writes, reads);
			uses++;
		} else {
			fail_msg("%s: %s", RECORD, line);
		}
	}
	fclose(file);
	assert_true(runs > 1000);
	assert_true(uses > 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_machine) };

	return cmocka_run_group_tests_name("eval", tests, NULL, NULL);
}
