// SPDX-License-Identifier: GPL-3.0-or-later
// What a verdict's numbers mean: addresses, letters, codes, the clock, the lines of the log.
#include <inttypes.h>
#include <string.h>

#include "guest.h"

#include "lakvm/guest/clock.h"
#include "triage/detail.h"

static void is(const struct guest *g, uint64_t address, const char *words)
{
	const struct la_task task = { .address = TASK, .stack = STACK };
	const char *said = la_address_class(&g->k, g->arena, address, address, 1, &task);

	if (strcmp(said, words))
		fail_msg("%" PRIx64 ": %s, not %s", address, said, words);
}

/* The pointer that the address was made of tells more than the address. */
static void test_pointers(void **state)
{
	static const struct {
		uint64_t base, offset;
		const char *words;
	} test[] = {
		{ (uint64_t)-16, 0x18, "error pointer -16 (EBUSY; or NULL - 16) plus 0x18" },
		{ (uint64_t)-12, 4, "error pointer -12 (ENOMEM; or NULL - 12) plus 0x4" },
		{ (uint64_t)-517, 8, "error pointer -517 (EPROBE_DEFER; or NULL - 517) plus 0x8" },
		{ (uint64_t)-40, 0xc, "error pointer -40 (ELOOP; or NULL - 40) plus 0xc" },
		{ (uint64_t)-529, 0,
		  "NULL pointer minus 529, or that as an error code taken for a pointer" },
		{ (uint64_t)-529, 8, "error pointer -529 (EIOCBQUEUED; or NULL - 529) plus 0x8" },
		{ (uint64_t)-200, 200, "NULL pointer minus 200 plus 0xc8" },
		{ (uint64_t)-4096, 0x1010, "NULL pointer plus 0x10" }, /* no code is that large */
		{ 0x10, 0x18, "NULL pointer plus 0x28" },
		{ UINT64_C(0x0064656c69616601), 0x10, "no address: its upper bits are not alike" },
		{ UINT64_C(0x64656c6961662041), 0x10,
		  "the text \"A failed\" over a pointer, plus 0x10" },
	};
	const struct la_task task = { .address = TASK, .stack = STACK };
	struct guest g = guest_new();

	(void)state;
	for (size_t i = 0; i < sizeof(test) / sizeof(test[0]); i++)
		assert_string_equal(la_address_class(&g.k, g.arena, test[i].base + test[i].offset,
						     test[i].base, 1, &task),
				    test[i].words);
	guest_free(&g);
}

/* An element that was removed from its list: the code took its link's offset from the mark that was left there. */
static void test_removed_entry(void **state)
{
	const struct {
		uint32_t before; /* the instruction before the access */
		uint64_t base;
		const char *words;
	} test[] = {
		{ ADDI_D(S0, T0, -24), 0xe8,
		  "LIST_POISON1 minus 0x10, of an entry that was removed from its list" },
		{ ADDI_D(S0, T0, -24), 0x10a,
		  "LIST_POISON2 minus 0x10, of an entry that was removed from its list" },
		{ ADDI_D(S0, T0, 8), 0x108,
		  "LIST_POISON1 plus 0x10, of an entry that was removed from its list" },
		{ ADDI_D(S1, T0, -24), 0xe8, "NULL pointer plus 0xf0" }, /* another register's */
		{ ADDI_D(S0, T0, -24), 0xe0, "NULL pointer plus 0xe8" },
		{ NOP, 0xe8, "NULL pointer plus 0xf0" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(test) / sizeof(test[0]); i++) {
		struct guest g = guest_new();
		struct la_panic p = { .cpu = -1,
				      .cause = { .regs_known = true, .pc_known = true } };
		struct la_judgement j = { .arena = g.arena, .panic = &p };
		struct la_triage t = { .panic_cpu = -1 };
		struct la_cause *c = &p.cause;

		c->code[LA_CODE_BEFORE - 2] = NOP;
		c->code[LA_CODE_BEFORE - 1] = test[i].before;
		c->code[LA_CODE_BEFORE] = LD_D(T1, S0, 8);
		c->code_known = 7u << (LA_CODE_BEFORE - 2);
		la_gpr_set(&c->regs, S0, test[i].base);
		c->address_known = true;
		c->address = test[i].base + 8;
		la_detail_collect(&g.k, &t, &j);
		assert_string_equal(p.detail.address_class, test[i].words);
		guest_free(&g);
	}
}

static void test_addresses(void **state)
{
	static const uint64_t percpu[] = { 0x10000000, 0x10100000 };
	struct guest g = guest_new();

	(void)state;
	g.k.percpu = percpu;
	g.k.ncpus = 2;
	g.k.mmu.vm_map_base = UINT64_C(0xffff800000000000);
	fake_symbol(g.fake, "__per_cpu_start", WINDOW | 0x900000, 0, NULL);
	fake_symbol(g.fake, "__per_cpu_end", WINDOW | 0x910000, 0, NULL);
	fake_symbol(g.fake, "_text", WINDOW | 0x200000, 0, NULL);
	fake_symbol(g.fake, "_end", WINDOW | 0x980000, 0, NULL);
	fake_symbol(g.fake, "a_table", WINDOW | 0x920000, 64, NULL);
	fake_symbol(g.fake, "mod_init", UINT64_C(0xffff800002000000), 64, "mod");
	is(&g, 0, "NULL pointer");
	is(&g, 0x80, "NULL pointer plus 0x80");
	is(&g, 0x108,
	   "NULL pointer plus 0x108 (or LIST_POISON1: an entry that was removed from its list)");
	is(&g, (uint64_t)-2, "NULL pointer minus 2, or that as an error code taken for a pointer");
	is(&g, UINT64_C(0x6b6b6b6b6b6b6b73),
	   "made of 6b, with which freed slab objects are filled: a use after free");
	is(&g, UINT64_C(0x6161616161616160),
	   "made of bytes 61: a pointer or return address that was overwritten");
	is(&g, UINT64_C(0x6161616161616161),
	   "made of bytes 61: a pointer or return address that was overwritten");
	is(&g, (uint64_t)-4, "made of bytes ff: a pointer or return address that was overwritten");
	is(&g, (uint64_t)-1, "NULL pointer minus 1, or that as an error code taken for a pointer");
	is(&g, UINT64_C(0x6161616161616162), "no address: its upper bits are not alike");
	is(&g, UINT64_C(0x6b6b6b6b6b6c6b6b), "no address: its upper bits are not alike");
	is(&g, UINT64_C(0x7fffffff1000), "in user space");
	is(&g, UINT64_C(0x1234567800000000), "no address: its upper bits are not alike");
	is(&g, UINT64_C(0xffff000000000000), "no address: its upper bits are not alike");
	is(&g, UINT64_C(0xffff800000008064), "in the range of modules and vmalloc");
	is(&g, UINT64_C(0xffff800002000010), "in the module mod, behind mod_init");
	is(&g, UINT64_C(0xff0032312d717269), "the text \"irq-12\" over a pointer");
	is(&g, UINT64_C(0x00006f6c6c656800), "in user space"); /* its first byte is none */
	is(&g, UINT64_C(0x0000000065686568), "in user space"); /* 4 bytes may be a number */
	is(&g, UINT64_C(0x000000006f6c6c65), "in user space");
	is(&g, 0x10000008, "NULL per-CPU pointer of CPU 0 plus 0x8");
	is(&g, 0x10100000, "NULL per-CPU pointer of CPU 1 plus 0");
	is(&g, 0x10101000, "in user space");
	is(&g, WINDOW | 0x10901000, "in the per-CPU area of CPU 0, another one's");
	is(&g, WINDOW | 0x10a01000, "in the per-CPU area of CPU 1");
	is(&g, WINDOW | 0x920010, "in the kernel's image, a_table+0x10");
	is(&g, STACK + 8, "in the stack of the task");
	is(&g, STACK - 8, "8 bytes below the stack of the task: it ran over");
	is(&g, WINDOW | 0x30000000, "physical 0x30000000 through a window");

	/* Where a module was that is not there any more. */
	fake_symbol(g.fake, "last_unloaded_module", WINDOW | 0x930000, 64, NULL);
	fake_put(g.fake, 0x930000, "card_driver", 12);
	is(&g, UINT64_C(0xffff800002040000),
	   "in the range of modules and vmalloc; the module card_driver was removed before, and may "
	   "have been there");
	fake_put(g.fake, 0x930000, "", 1); /* none was */
	is(&g, UINT64_C(0xffff800002040000), "in the range of modules and vmalloc");
	fake_put(g.fake, 0x930000, "\x01x", 3); /* damaged */
	is(&g, UINT64_C(0xffff800002040000), "in the range of modules and vmalloc");
	guest_free(&g);
}

static void test_words(void **state)
{
	struct la_arena *arena = la_arena_new(1 << 16);
	const char *const *taint;
	size_t n;

	(void)state;
	taint = la_taint_words(arena, 0x1280, &n);
	assert_int_equal(n, 3);
	assert_string_equal(taint[0], "D: an oops or BUG() happened before");
	assert_true(taint[1][0] == 'W' && taint[2][0] == 'O');
	la_taint_words(arena, UINT64_MAX, &n);
	assert_int_equal(n, 20);
	assert_string_equal(la_exit_words(arena, "Attempted to kill init! exitcode=0x0000000b"),
			    "init was killed by signal 11 (SIGSEGV)");
	assert_string_equal(la_exit_words(arena, "Attempted to kill init! exitcode=0x00007f00"),
			    "init ended itself with status 127: a shell found no such program");
	assert_string_equal(la_exit_words(arena, "Attempted to kill init! exitcode=0x00000100"),
			    "init ended itself with status 1");
	assert_null(la_exit_words(arena, "Attempted to kill init! exitcode="));
	assert_null(la_exit_words(arena, "exitcode=0x0000000b"));
	assert_null(la_exit_words(arena, NULL));
	la_arena_free(arena);
}

#define KEEPER (WINDOW | 0x700000)

/* struct timekeeper as 6.12 and 7.2 have it, in short. */
static void clock_in(struct guest *g, const char *symbol, size_t size, uint64_t seconds,
		     uint64_t shifted, uint32_t shift, int64_t to_mono, int64_t to_mono_nsec)
{
	fake_symbol(g->fake, symbol, KEEPER, size, NULL);
	fake_type(g->fake, "timekeeper", 0x138);
	fake_member(g->fake, "timekeeper", "tkr_mono", 0, 64);
	fake_member(g->fake, "timekeeper", "xtime_sec", 64, 8);
	fake_member(g->fake, "timekeeper", "wall_to_monotonic", 72, 16);
	fake_member(g->fake, "tk_read_base", "xtime_nsec", 40, 8);
	fake_member(g->fake, "tk_read_base", "shift", 32, 4);
	put64(g, KEEPER + 8 + 64, seconds);
	put64(g, KEEPER + 8 + 40, shifted);
	put64(g, KEEPER + 8 + 32, shift);
	put64(g, KEEPER + 8 + 72, (uint64_t)to_mono);
	put64(g, KEEPER + 8 + 80, (uint64_t)to_mono_nsec);
}

/* Without a tag, as before 6.13. */
static void clock_at(struct guest *g, uint64_t seconds, uint64_t shifted, uint32_t shift,
		     int64_t to_mono, int64_t to_mono_nsec)
{
	clock_in(g, "tk_core", 0x140, seconds, shifted, shift, to_mono, to_mono_nsec);
}

/* A struct tk_data, which has a shadow as well; since 6.17 an array of them. */
static void check_clock_of_data(const char *symbol, size_t size)
{
	struct guest g = guest_new();
	struct la_clock clock;

	clock_in(&g, symbol, size, 1795757892, UINT64_C(500000000) << 24, 24, -1795757880,
		 250000000);
	assert_int_equal(la_clock_read(&g.k, &clock, NULL), LA_ABSENT);
	fake_member(g.fake, "tk_data", "timekeeper", 8, 0x138);
	assert_int_equal(la_clock_read(&g.k, &clock, NULL), LA_OK);
	assert_true(clock.uptime_ns == UINT64_C(12750000000));
	guest_free(&g);
}

static void test_clock_data(void **state)
{
	(void)state;
	check_clock_of_data("tk_core", 0x280);
	check_clock_of_data("timekeeper_data", 9 * 0x280);
}

static void test_clock(void **state)
{
	struct guest g = guest_new();
	struct la_clock clock;

	(void)state;
	assert_int_equal(la_clock_read(&g.k, &clock, NULL), LA_ABSENT);
	clock_at(&g, 1795757892, UINT64_C(500000000) << 24, 24, -1795757880, 250000000);
	assert_int_equal(la_clock_read(&g.k, &clock, NULL), LA_OK);
	assert_true(clock.date == 1795757892);
	assert_true(clock.uptime_ns == UINT64_C(12750000000));
	/* not set yet, and damage */
	clock_at(&g, 0, 0, 24, 0, 0);
	assert_int_equal(la_clock_read(&g.k, &clock, NULL), LA_CORRUPT);
	clock_at(&g, 1795757892, UINT64_MAX, 24, -1795757880, 0);
	assert_int_equal(la_clock_read(&g.k, &clock, NULL), LA_CORRUPT);
	clock_at(&g, 1795757892, 0, 64, -1795757880, 0);
	assert_int_equal(la_clock_read(&g.k, &clock, NULL), LA_CORRUPT);
	clock_at(&g, 1795757892, 0, 24, INT64_MIN, 0);
	assert_int_equal(la_clock_read(&g.k, &clock, NULL), LA_CORRUPT);
	guest_free(&g);
}

/* Five records, an oops with its registers and trace, a panic. */
static void test_log_lines(void **state)
{
	static const char *const text[] = {
		"zero",
		"one",
		"two",
		"three",
		"four",
		"five",
		"CPU 1 Unable to handle kernel paging request at virtual address 0000000000000080",
		"Oops[#1]:",
		"pc 9000000000eb7fa8 ra 9000000000eb7f90 tp 900000010036ad40 sp 900000010031b9e0",
		"a0 0000000000000001 a1 0000000000000002 a2 0000000000000003 a3 0000000000000004",
		" BADV: 0000000000000080",
		"Process swapper/0 (pid: 1, threadinfo=(____ptrval____), task=(____ptrval____))",
		"Stack : 0000000000000000 0000000000000000 0000000000000000 0000000000000000",
		"[<9000000000eb7fa8>] i8042_flush+0x58/0xa0",
		"Kernel panic - not syncing: Attempted to kill init!",
	};
	struct la_record record[sizeof(text) / sizeof(text[0])];
	struct la_event event[] = { { .kind = LA_EVENT_OOPS, .record = 6 },
				    { .kind = LA_EVENT_PANIC, .record = 14 } };
	struct la_triage t = { .log = { .record = record, .n = sizeof(text) / sizeof(text[0]) },
			       .events = { .event = event, .n = 2 } };
	struct la_arena *arena = la_arena_new(1 << 16);
	const char *const *line;
	size_t n;

	(void)state;
	for (size_t i = 0; i < t.log.n; i++)
		record[i] = (struct la_record){ .ts_nsec = i * UINT64_C(1000000000),
						.text = text[i],
						.len = strlen(text[i]) };
	line = la_log_lines(arena, &t, &event[0], &n);
	assert_int_equal(n, 10);
	assert_string_equal(line[0], "[    1.000000] one");
	assert_string_equal(line[5] + 15, text[6]);
	assert_string_equal(line[7] + 15, text[10]);
	assert_string_equal(line[8] + 15, text[11]);
	assert_string_equal(line[9] + 15, text[14]);
	/* the first trouble, and where the verdict's own is later */
	line = la_log_lines(arena, &t, &event[1], &n);
	assert_string_equal(line[5] + 15, text[6]);
	assert_string_equal(line[n - 1] + 15, text[14]);
	t.events.n = 0;
	la_log_lines(arena, &t, NULL, &n);
	assert_int_equal(n, 0);
	la_arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pointers),  cmocka_unit_test(test_removed_entry),
		cmocka_unit_test(test_addresses), cmocka_unit_test(test_words),
		cmocka_unit_test(test_clock),     cmocka_unit_test(test_clock_data),
		cmocka_unit_test(test_log_lines),
	};

	return cmocka_run_group_tests_name("detail", tests, NULL, NULL);
}
