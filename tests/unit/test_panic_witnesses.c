// SPDX-License-Identifier: GPL-3.0-or-later
// Verdicts of panic(): every witness, then fewer and fewer.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "asm.h"
#include "panic_guest.h"
#include "triage/triage.h"

static void test_all_witnesses(void **state)
{
	static const struct death death = { 1,
					    "Attempted to kill init! exitcode=0x0000000b",
					    { "__udelay", "vpanic", "panic", "do_exit",
					      "make_task_dead", "die", "do_page_fault",
					      "tlb_do_page_fault_0", "i8042_flush", "i8042_init",
					      "do_one_initcall" },
					    7,
					    0x9000000000eb7fa8,
					    0xffff800000008064,
					    0,
					    0x10000 };
	struct guest *g = *state;
	const struct la_panic *p;

	add_log(g, "i8042-7.2.12.log", 0, 1);
	die(g, &death);
	g->cpu[1].task = (struct la_task){
		.address = W + 0x367380, .pid_known = true, .pid = 1, .comm = "swapper/0"
	};
	fake_symbol(g->f, "i8042_flush", 0x9000000000eb7f50, 0x160, NULL);
	p = analyse(g, true);

	check_i8042(p);
	assert_int_equal(p->confidence, LA_CERTAIN);
	assert_int_equal(p->cpu, 1);
	assert_int_equal(p->task.pid, 1);
	assert_int_equal(p->task.address, W + 0x367380);
	assert_ptr_equal(p->stack, &g->cpu[1].stack);
	assert_true(p->uptime_known);
	assert_true(p->uptime_s == 0.435502);
	assert_true(has_fact(p, "panic_cpu", "CPU 1"));
	assert_true(has_fact(p, "panic's buffer", "same message"));
	assert_true(has_fact(p, "stack of CPU 1", "as in the log"));
	assert_int_equal(p->nunchecked, 0);
	assert_int_equal(p->nlog_tail, 15);
	assert_string_equal(p->log_tail[13], "[    0.435502] Kernel panic - not syncing: Attempted "
					     "to kill init! exitcode=0x0000000b");
	assert_string_equal(p->signature,
			    "lakvm-2 page-fault i8042_flush<i8042_init<do_one_initcall");
}

/* The log alone, as a minimal session may have it. */
static void test_log_alone(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p;

	add_log(g, "i8042-7.2.12.log", 0, 1);
	p = analyse(g, false);
	check_i8042(p);
	assert_int_equal(p->confidence, LA_LIKELY);
	assert_int_equal(p->task.pid, 1);
	assert_string_equal(p->task.comm, "swapper/0");
	assert_int_equal(p->task.address, 0);
	assert_null(p->stack);
}

/* The panic's own record never made it: the buffer has the message, the variable the CPU. */
static void test_record_missing(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p;

	add_log(g, "i8042-7.2.12.log", 3, 1);
	set_panic_cpu(g, 1);
	set_buffer(g, "buf.0", 0x810000, "\x01\x02 binary, not a message");
	set_buffer(g, "buf.7", 0x820000, "Attempted to kill init! exitcode=0x0000000b");
	p = analyse(g, false);
	check_i8042(p);
	assert_int_equal(p->confidence, LA_LIKELY); /* two of the panic, one of its cause */
	assert_true(has_fact(p, "panic's buffer", "not in the log"));
}

/*
 * A notifier of panic() panics, too: without the log the buffer has the later message, and what the first call was given is
 * in its caller's code: panic("device lost, code %#x, after %d of %s%%", 0x2b, -3, "many"), of which the last is loaded from
 * where nobody knows.
 */
static void test_called_again(void **state)
{
	static const struct death deaths[] = {
		{ 1, "gave up", { "__udelay", "panic", "device_lost" }, 0, 0, 0, 0, 0 },
		{ 1,
		  "gave up",
		  { "__udelay", "panic", "notifier", "notifier_call_chain", "panic",
		    "device_lost" },
		  0,
		  0,
		  0,
		  0,
		  0 },
	};

	static const char format[] = "device lost, code %#x, after %d of %s%%";
	const uint32_t code[] = { PCADDI(A0, 0x10000), ORI(A1, ZERO, 0x2b), ADDI_D(A2, ZERO, -3),
				  LD_D(A3, T3, 0), BL(0, 0x1000) };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct guest *g = guest_new();
		const struct la_panic *p;
		struct la_frame *f;

		die(g, &deaths[i]);
		for (size_t c = 0; c < sizeof(code) / sizeof(code[0]); c++)
			fake_put_u32(g->f, 0x300000 + 4 * c, code[c]);
		fake_put(g->f, 0x310000, format, sizeof(format));
		fake_symbol(g->f, "_stext", W + 0x200000, 0, NULL);
		fake_symbol(g->f, "_etext", W + 0x400000, 0, NULL);
		f = &g->frame[1][i ? 5 : 2];
		f->start = W + 0x300000;
		f->code = f->start + 4 * (sizeof(code) / sizeof(code[0]) - 1);
		f->pc = f->code + 4;
		p = analyse(g, true);
		assert_int_equal(p->verdict, LA_VERDICT_PANIC);
		assert_int_equal(p->confidence, i ? LA_LIKELY : LA_CERTAIN);
		assert_string_equal(p->message,
				    i ? "device lost, code 0x2b, after -3 of ...%" : "gave up");
		assert_string_equal(p->cause.symbol, "device_lost");
		assert_int_equal(has_fact(p, "panic's buffer",
					  "panic() was called 2 times, each while it ran: the last "
					  "time for: gave up"),
				 i == 1);
		guest_free(g);
	}
}

/* No log at all: variable, buffer and stack suffice. */
static void test_no_log(void **state)
{
	static const struct death death = { 1,
					    "Fatal exception",
					    { "__udelay", "vpanic", "panic", "die", "do_page_fault",
					      "tlb_do_page_fault_0", "i8042_flush" },
					    5,
					    0x9000000000eb7fa8,
					    0xffff800000008064,
					    0,
					    0x10000 };
	struct guest *g = *state;
	const struct la_panic *p;

	die(g, &death);
	fake_symbol(g->f, "i8042_flush", 0x9000000000eb7f50, 0x160, NULL);
	la_panic_analyse(&g->k, g->arena, &g->cpus, &g->p);
	p = &g->p;
	assert_int_equal(p->verdict, LA_VERDICT_PANIC);
	assert_int_equal(p->confidence, LA_LIKELY); /* the stack alone tells the cause */
	assert_string_equal(p->message, "Fatal exception");
	assert_string_equal(p->cause.kind, "page-fault");
	assert_int_equal(p->cause.address, 0xffff800000008064);
	assert_string_equal(p->cause.symbol, "i8042_flush");
	assert_false(p->uptime_known);
	/* "oops" and the rest come after "panic" and were not needed. */
	assert_int_equal(p->nunchecked, 0);
}

/* What rules say is text, never a format, said once, and counted where there is no room for it. */
static void test_what_rules_say(void **state)
{
	struct guest *g = *state;
	struct la_judgement j;

	assert_true(la_triage_open(&j, g->arena, &g->p, 1));
	assert_null(g->p.summary);
	la_triage_summary(&j, "%s", "%n first");
	la_triage_summary(&j, "read by %s", "deref_thing");
	assert_string_equal(g->p.summary, "read by deref_thing");
	for (int i = 0; i < 20; i++)
		la_triage_advice(&j, "lamem %#x", i / 2);
	assert_int_equal(g->p.nadvice, LA_MAX_ADVICE);
	assert_string_equal(g->p.advice[0], "lamem 0");
	assert_string_equal(g->p.advice[1], "lamem 0x1");
	la_triage_stuck(&j, "CPU %u waits", 3);
	la_triage_close(&j);
	assert_int_equal(g->p.nstuck, 1);
	for (unsigned i = 0; i < 40; i++)
		la_triage_stuck(&j, "CPU %u waits", i);
	la_triage_close(&j);
	assert_int_equal(g->p.nstuck, LA_MAX_STUCK + 1);
	assert_string_equal(g->p.stuck[LA_MAX_STUCK], "9 more");
}

/* More facts than a result holds are counted. */
static void test_many_facts(void **state)
{
	static struct la_cpu many[200];
	struct guest *g = *state;
	const struct la_panic *p;

	ring_add(&g->ring, 1000, 6, 0, 1, "nothing said");
	set_panic_cpu(g, UINT32_MAX);
	for (unsigned i = 0; i < 200; i++)
		many[i] = (struct la_cpu){
			.cpu = i, .matched = true, .state = LA_CPU_SPINNING, .waits_for = -1
		};
	g->cpus = (struct la_cpus){ .cpu = many, .n = 200 };
	p = analyse(g, true);
	assert_string_equal(p->fact[p->nfacts - 1].source, "limit");
	/* one is of panic_cpu */
	assert_int_equal(atoi(p->fact[p->nfacts - 1].text), 201 - (int)(p->nfacts - 1));
}

static void test_running(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p;

	ring_add(&g->ring, 1000, 6, 0, 1, "all is well");
	set_panic_cpu(g, UINT32_MAX);
	g->cpu[0].state = LA_CPU_IDLE;
	g->cpu[1].state = LA_CPU_USER;
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_RUNNING);
	/* who waits for ever is not known without the tasks */
	assert_int_equal(p->confidence, LA_UNSURE);
	assert_null(p->signature);
	assert_null(p->message);

	g->cpu[1].state = LA_CPU_SPINNING;
	la_panic_analyse(&g->k, g->arena, &g->cpus, &g->p);
	assert_int_equal(p->verdict, LA_VERDICT_UNKNOWN);
	assert_int_equal(p->confidence, LA_UNSURE);
}

/* The page of the log's head is older than those of its records: the guest ran while it was dumped. */
static void test_two_instants(void **state)
{
	struct guest *g = *state;

	for (uint64_t i = 0; i < 5; i++)
		ring_add(&g->ring, 1000 + i, 6, 0, 1, "all is well");
	assert_false(has_fact(analyse(g, true), "log", "pages of different instants"));
	g->ring.head_id -= 2;
	assert_true(has_fact(analyse(g, true), "log", "pages of different instants: 2 records"));
}

/* Nothing can be read: no verdict, and each rule says why it was not tried. */
static void test_nothing_known(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p = &g->p;

	la_panic_analyse(&g->k, g->arena, NULL, &g->p);
	assert_int_equal(p->verdict, LA_VERDICT_UNKNOWN);
	assert_true(p->nunchecked >= 4);
	assert_string_equal(p->unchecked[0].rule, "panic");
	for (size_t i = 0; i < p->nunchecked; i++)
		assert_true(p->unchecked[i].reason[0] != '\0');
	assert_int_equal(p->cpu, -1);
	assert_null(p->signature);
}

/* With less and less memory: what is not as it was with enough is said to be so. */
static void test_no_memory(void **state)
{
	struct guest *g = *state;
	struct la_panic whole;
	unsigned short_of = 0;

	die(g, &(struct death){ .cpu = 1,
				.message = "Attempted to kill init! exitcode=0x0000000b",
				.stack = { "panic", "do_exit", "do_group_exit" } });
	add_log(g, "i8042-7.2.12.log", 0, 1);
	whole = *analyse(g, true);
	assert_false(has_fact(&whole, "limit", "out of memory"));
	for (size_t limit = 0; limit < (size_t)4 << 20; limit += 1 + limit / 8) {
		struct la_arena *arena = la_arena_new(limit);
		struct la_panic p;

		la_panic_analyse(&g->k, arena, &g->cpus, &p);
		if (!has_fact(&p, "limit", "out of memory")) {
			assert_int_equal(p.nfacts, whole.nfacts);
			assert_int_equal(p.nlog_tail, whole.nlog_tail);
			assert_int_equal(p.nunchecked, whole.nunchecked);
			assert_int_equal(p.verdict, whole.verdict);
			assert_string_equal(p.message, whole.message);
			assert_string_equal(p.signature, whole.signature);
			assert_string_equal(p.release ? p.release : "",
					    whole.release ? whole.release : "");
		} else {
			short_of++;
		}
		la_arena_free(arena);
	}
	assert_true(short_of > 10);
}

/* Text of the guest is never a format. */
static void test_percent_signs(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p;

	ring_add(&g->ring, 1000, 0, 0, 1, "Kernel panic - not syncing: %s%n %d");
	ring_add(&g->ring, 2000, 0, 0, 1, "WARNING: CPU: 1 PID: 2 at %s%n%s");
	set_panic_cpu(g, 0);
	set_buffer(g, "buf.1", 0x810000, "%n%s%s%s");
	p = analyse(g, true);
	assert_string_equal(p->message, "%s%n %d");
	assert_true(has_fact(p, "panic's buffer", "another message: %n%s%s%s"));
	assert_true(has_fact(p, "log", "PID: 2 at %s%n%s"));
}

/* The variable is damaged; the record still tells. */
static void test_bad_panic_cpu(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p;

	ring_add(&g->ring, 1000, 0, 0, 1, "Kernel panic - not syncing: x");
	set_panic_cpu(g, 4711);
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_PANIC);
	assert_int_equal(p->confidence, LA_LIKELY);
	assert_int_equal(p->cpu, -1);
}

/* --- the signature --- */

static uint64_t reference_fnv1a(const char *s)
{
	uint64_t h = UINT64_C(14695981039346656037);

	while (*s) {
		h ^= (unsigned char)*s++;
		h *= UINT64_C(1099511628211);
	}
	return h;
}

static void test_signature_masks_numbers(void **state)
{
	static const char *const messages[] = {
		"stack-protector: Kernel stack is corrupted in: f+0x12/0x34 pid 77 at 90000000deadbeef",
		"stack-protector: Kernel stack is corrupted in: f+0x9/0x100 pid 1 at 9000000000000001",
	};
	char *text[2], hash[2][17];

	(void)state;
	assert_true(reference_fnv1a("a") == UINT64_C(0xaf63dc4c8601ec8c)); /* published value */
	for (int i = 0; i < 2; i++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		set_panic_cpu(g, 0);
		set_buffer(g, "buf.1", 0x810000, messages[i]);
		p = analyse(g, true);
		text[i] = strdup(p->signature);
		memcpy(hash[i], p->hash, 17);
		guest_free(g);
	}
	assert_string_equal(text[0], "lakvm-2 stack-corruption \"stack-protector: Kernel "
				     "stack is corrupted in: f+#/# pid # at #\"");
	assert_string_equal(text[0], text[1]);
	assert_string_equal(hash[0], hash[1]);
	assert_true(strtoull(hash[0], NULL, 16) == reference_fnv1a(text[0]));
	free(text[0]);
	free(text[1]);
}

#define GUEST(f) cmocka_unit_test_setup_teardown(f, start, finish)

/* In the end of a task, which a signal has killed, others' code runs: a fault or a panic() in that is not the end's. */
static void test_in_exit(void **state)
{
	static const struct death deaths[] = {
		{ 0,
		  "Fatal exception",
		  { "panic", "die", "do_page_fault", "tlb_do_page_fault_1", "session_watch",
		    "filp_flush", "put_files_struct", "do_exit", "do_group_exit", "get_signal" },
		  3,
		  W + 0x300040,
		  0x10,
		  0,
		  0x10000 },
		{ 0,
		  "card: lost",
		  { "panic", "session_watch", "filp_flush", "put_files_struct", "do_exit",
		    "do_group_exit", "get_signal" },
		  0,
		  0,
		  0,
		  0,
		  0 },
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		fake_symbol(g->f, "session_watch", W + 0x300000, 0x100, NULL);
		die(g, &deaths[i]);
		p = analyse(g, true);
		assert_string_equal(p->cause.symbol, "session_watch");
		assert_string_equal(p->cause.kind, i ? "panic" : "page-fault");
		guest_free(g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GUEST(test_all_witnesses),
		GUEST(test_log_alone),
		GUEST(test_record_missing),
		cmocka_unit_test(test_in_exit),
		GUEST(test_no_log),
		GUEST(test_what_rules_say),
		GUEST(test_many_facts),
		GUEST(test_no_memory),
		GUEST(test_running),
		GUEST(test_two_instants),
		GUEST(test_nothing_known),
		GUEST(test_percent_signs),
		GUEST(test_bad_panic_cpu),
		cmocka_unit_test(test_called_again),
		cmocka_unit_test(test_signature_masks_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
