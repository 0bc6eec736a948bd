// SPDX-License-Identifier: GPL-3.0-or-later
// What the host did, beside the verdicts that it may explain.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lakvm/host/host.h"
#include "panic_guest.h"

static const struct la_host_vcpu starved[] = {
	{ 0, 'S', 'S', true, 1000000, 0 },
	{ 1, 'R', 'R', true, 12000000, 970000000 },
};
static const struct la_host_vcpu run[] = {
	{ 0, 'S', 'S', true, 1000000, 0 },
	{ 1, 'R', 'R', true, 999000000, 1000 },
};

static struct la_host host_of(const struct la_host_vcpu *vcpu)
{
	return (struct la_host){ .running = true,
				 .interval_ns = 1000000000,
				 .vcpu = vcpu,
				 .nvcpus = 2,
				 .cpus = 64,
				 .load = "900.0 800.0 700.0" };
}

static bool advises(const struct la_panic *p, const char *part)
{
	for (size_t i = 0; i < p->nadvice; i++)
		if (strstr(p->advice[i], part))
			return true;
	return false;
}

/* A CPU that takes no interrupts: of its own doing, or since nobody runs it. */
static void test_hard_lockup(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct la_host host = host_of(i ? starved : run);
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 6, 0, 1, "nothing said");
		set_panic_cpu(g, UINT32_MAX);
		g->k.host = &host;
		g->cpu[0].state = LA_CPU_IDLE;
		g->cpu[1].state = LA_CPU_RUNNING;
		g->cpu[1].symbol = "busy_function";
		g->cpu[1].clock_age_known = true;
		g->cpu[1].clock_age_ns = 20000000000;
		p = analyse(g, true);
		assert_int_equal(p->verdict, LA_VERDICT_HARD_LOCKUP);
		assert_int_equal(p->confidence, LA_LIKELY);
		assert_int_equal(
			strstr(p->summary,
			       "the host did not run vCPU 1: its thread ran 0.01 s of 1.00") !=
				NULL,
			i);
		assert_int_equal(has_fact(p, "host", "the host did not run vCPU 1"), i);
		assert_int_equal(has_fact(p, "host", "load 900.0 800.0 700.0 on 64 CPUs"), i);
		assert_int_equal(has_fact(p, "host", "it ran each vCPU that wanted to"), !i);
		assert_int_equal(advises(p, "virsh schedinfo"), i);
		guest_free(g);
	}
}

/* Whose answer is waited for. */
static void test_lost_ipi(void **state)
{
	const struct la_host host = host_of(starved);
	struct guest *g = *state;
	const struct la_panic *p;

	set_panic_cpu(g, UINT32_MAX);
	g->k.host = &host;
	g->cpu[0].state = LA_CPU_IPI_WAIT;
	g->cpu[0].waits_for = 1;
	g->cpu[1].state = LA_CPU_SPINNING;
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_LOST_IPI);
	assert_non_null(strstr(p->summary, "the host did not run vCPU 1"));
}

/* Nothing else is wrong; and never is it certain. */
static void test_runs(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct la_host host = host_of(i ? starved : run);
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 6, 0, 1, "nothing said");
		set_panic_cpu(g, UINT32_MAX);
		g->k.host = &host;
		g->cpu[0].state = LA_CPU_IDLE;
		g->cpu[1].state = LA_CPU_RUNNING;
		p = analyse(g, true);
		assert_int_equal(p->verdict, i ? LA_VERDICT_VCPU : LA_VERDICT_RUNNING);
		if (i) {
			assert_int_equal(p->confidence, LA_LIKELY);
			assert_string_equal(p->cause.kind, "not-run");
			assert_int_equal(p->cpu, 1);
		}
		guest_free(g);
	}
}

/* A panic is one, whatever the host does: a fact, and no more. */
static void test_panic(void **state)
{
	const struct la_host host = host_of(starved);
	struct guest *g = *state;
	const struct la_panic *p;

	ring_add(&g->ring, 1000, 0, 0, 1, "Kernel panic - not syncing: sysrq triggered crash");
	g->k.host = &host;
	die(g, &(struct death){ .cpu = 1,
				.message = "sysrq triggered crash",
				.stack = { "panic", "sysrq_handle_crash", "__handle_sysrq" } });
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_PANIC);
	assert_int_equal(p->confidence, LA_CERTAIN);
	assert_null(strstr(p->summary, "host"));
	assert_true(has_fact(p, "host", "the host did not run vCPU 1"));
}

/* Without registers, and with more vCPUs than are told. */
static void test_many(void **state)
{
	struct la_host_vcpu vcpu[20];
	struct la_host host = host_of(vcpu);
	struct guest *g = *state;
	const struct la_panic *p;
	size_t n = 0;

	for (unsigned i = 0; i < 20; i++)
		vcpu[i] = (struct la_host_vcpu){ i, 'T', 'T', true, 0, 0 };
	host.nvcpus = 20;
	host.remark = "memory is not as it was written";
	g->k.host = &host;
	p = analyse(g, false);
	for (size_t i = 0; i < p->nfacts; i++)
		n += !strcmp(p->fact[i].source, "host");
	assert_int_equal(n, 8 + 1 + 1);
	assert_true(has_fact(p, "host", "nor 12 other vCPUs"));
	assert_true(has_fact(p, "folder", "memory is not as it was written"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hard_lockup),
		cmocka_unit_test_setup_teardown(test_lost_ipi, start, finish),
		cmocka_unit_test(test_runs),
		cmocka_unit_test_setup_teardown(test_panic, start, finish),
		cmocka_unit_test_setup_teardown(test_many, start, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
