// SPDX-License-Identifier: GPL-3.0-or-later
// CPUs that wait for others' answers to IPIs: who stands still, and who never took the request.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "panic_guest.h"

/* One that takes interrupts has had the request for seconds: its IPI was lost, or is masked there. */
static void test_ipi_not_taken(void **state)
{
	static const struct {
		enum la_cpu_state target;
		unsigned calls;
		uint64_t seconds, ecfg; /* ecfg 0: not known */
		const char *advice;     /* NULL: nothing is lost */
	} test[] = {
		{ LA_CPU_USER, 1, 11, 0, "IPIs are switched off on that CPU" },
		{ LA_CPU_IDLE, 2, 11, 0x1fff, "IPIs are switched off on that CPU" },
		{ LA_CPU_USER, 1, 11, 0x0fff, "its ECFG has the IPI line off" },
		{ LA_CPU_USER, 1, 1, 0, NULL },
		{ LA_CPU_USER, 0, 11, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(test) / sizeof(test[0]); i++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		set_panic_cpu(g, UINT32_MAX);
		g->cpu[0].state = test[i].target;
		g->cpu[0].calls = test[i].calls;
		if (test[i].ecfg)
			la_csr_set(&g->cpu[0].regs, LA_CSR_ECFG, test[i].ecfg);
		g->cpu[1].state = LA_CPU_IPI_WAIT;
		g->cpu[1].waits_for = 0;
		g->cpu[1].since_known = true;
		g->cpu[1].since_ns = test[i].seconds * 1000000000;
		p = analyse(g, true);
		assert_int_equal(p->verdict == LA_VERDICT_LOST_IPI, test[i].advice != NULL);
		if (test[i].advice) {
			assert_int_equal(p->cpu, 1);
			assert_int_equal(p->confidence, LA_LIKELY);
			assert_non_null(strstr(p->summary, "has not taken the request for 11 s"));
			assert_non_null(strstr(p->advice[0], test[i].advice));
		}
		guest_free(g);
	}
}

static void test_lost_ipi(void **state)
{
	static const struct {
		enum la_cpu_state target;
		uint64_t clock_age_ns;
		bool crmd_known;
		uint64_t crmd;
		enum la_verdict verdict;
	} cases[] = {
		{ LA_CPU_SPINNING, 0, false, 0, LA_VERDICT_LOST_IPI },
		{ LA_CPU_OFFLINE, 0, false, 0, LA_VERDICT_LOST_IPI },
		{ LA_CPU_IDLE, 60000000000, false, 0, LA_VERDICT_UNKNOWN },
		{ LA_CPU_RUNNING, 4000000, false, 0, LA_VERDICT_UNKNOWN },
		{ LA_CPU_RUNNING, 4000000, true, 0xb4, LA_VERDICT_UNKNOWN },
		{ LA_CPU_RUNNING, 4000000, true, 0xb0, LA_VERDICT_LOST_IPI },
		{ LA_CPU_RUNNING, 4000000000, false, 0, LA_VERDICT_HARD_LOCKUP },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 6, 0, 1, "nothing said");
		set_panic_cpu(g, UINT32_MAX);
		g->cpu[0].state = cases[i].target;
		g->cpu[0].clock_age_known = true;
		g->cpu[0].clock_age_ns = cases[i].clock_age_ns;
		g->cpu[0].calls = 1;
		if (cases[i].crmd_known)
			la_csr_set(&g->cpu[0].regs, LA_CSR_CRMD, cases[i].crmd);
		g->cpu[1].state = LA_CPU_IPI_WAIT;
		g->cpu[1].waits_for = 0;
		p = analyse(g, true);
		assert_int_equal(p->verdict, cases[i].verdict);
		if (p->verdict == LA_VERDICT_LOST_IPI)
			assert_int_equal(p->cpu, 1);
		if (p->verdict ==
		    LA_VERDICT_HARD_LOCKUP) { /* who stands still is to blame, not who waits */
			assert_int_equal(p->cpu, 0);
			assert_int_equal(p->nstuck, 1);
			assert_non_null(
				strstr(p->stuck[0], "CPU 1 waits for the answer to an IPI"));
		}
		guest_free(g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost_ipi),
		cmocka_unit_test(test_ipi_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
