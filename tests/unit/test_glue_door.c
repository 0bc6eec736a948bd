// SPDX-License-Identifier: GPL-3.0-or-later
// The door over crash, and the recovery point: what happens to a question that is cut short.
#include "fake_crash.h"

#include <signal.h>

/* --- a crash whose gdb can be interrupted --- */

static struct {
	int questions;     /* that gdb was asked */
	int interrupt_at;  /* the question during which Ctrl-C comes */
	int fatal_at;      /* the one that ends in error(FATAL) */
	int inside;        /* gdb is at work: it takes the Ctrl-C for its own */
	volatile int quit; /* gdb's flag: give up */
	int answered;      /* Ctrl-C that crash itself has answered, by longjmp */
	bool exists;       /* what is asked about */
} gdb;

static void on_interrupt(int sig)
{
	(void)sig;
	if (gdb.inside) {
		gdb.quit = 1;
		return;
	}
	gdb.answered++;
	longjmp(pc->main_loop_env, 1);
}

/* datatype_info(): -1 for what does not exist, and for what gdb gave up. */
static long ask_gdb(long answer)
{
	gdb.questions++;
	gdb.inside = 1;
	if (gdb.questions == gdb.interrupt_at)
		raise(SIGINT);
	if (gdb.quit) {
		gdb.quit = 0;
		answer = -1;
	}
	gdb.inside = 0;
	if (gdb.questions == gdb.fatal_at)
		longjmp(pc->main_loop_env, 1);
	return gdb.exists ? answer : -1;
}

#define MEMBER_OFFSET(type, name) ((void)(type), (void)(name), ask_gdb(24))
#define MEMBER_SIZE(type, name) ((void)(type), (void)(name), ask_gdb(8))
#define ANON_MEMBER_OFFSET(type, name) ((void)(type), (void)(name), INVALID_OFFSET)
#define ANON_MEMBER_SIZE(type, name) ((void)(type), (void)(name), -1)
#define STRUCT_SIZE(type) ((void)(type), ask_gdb(512))

static int enumerator_value(char *name, long *ret)
{
	(void)name;
	*ret = ask_gdb(3);
	return *ret != -1;
}

static struct syment *symbol_search(char *name)
{
	(void)name;
	return NULL;
}

/* A module's text as crash has it: a PLT, of which nobody knows, then a function; its data begin with a variable. */
static struct syment symbols[] = {
	{ 0x1000, "_MODULE_TEXT_START_m" }, { 0x1040, "route_add" },
	{ 0x1100, "_MODULE_TEXT_END_m" },   { 0x2000, "_MODULE_DATA_START_m" },
	{ 0x2000, "route_lock" },           { 0x2010, "_MODULE_DATA_END_m" },
};
#define NSYMBOLS (sizeof(symbols) / sizeof(symbols[0]))

static struct syment *value_search(unsigned long address, unsigned long *ret_offset)
{
	struct syment *found = NULL;

	for (size_t i = 0; i < NSYMBOLS; i++)
		if (symbols[i].value <= address && (!found || symbols[i].value > found->value))
			found = &symbols[i];
	*ret_offset = found ? address - found->value : 0;
	return found;
}

static struct syment *next_symbol(char *name, struct syment *symbol)
{
	(void)name;
	return symbol + 1 < symbols + NSYMBOLS ? symbol + 1 : NULL;
}

static int module_symbol(unsigned long address, struct syment **symbol, struct load_module **module,
			 char *buffer, unsigned long size)
{
	(void)address;
	(void)symbol;
	(void)module;
	(void)buffer;
	(void)size;
	return 0;
}

#include "../../extensions/glue/guard.c"
#include "../../extensions/glue/door.c"

/* --- other files of the glue, as far as the door needs them --- */

enum la_status vmlinux_open(const char *path, struct la_error *err)
{
	(void)err;
	return path ? LA_OK : LA_INVALID;
}

void vmlinux_close(void)
{
}

bool vmlinux_symbol_size(const char *name, uint64_t *ret)
{
	(void)name;
	(void)ret;
	return false;
}

size_t vmlinux_read(uint64_t address, void *ret, size_t len)
{
	(void)address;
	(void)ret;
	(void)len;
	return 0;
}

struct la_dump *reader_dump(void)
{
	return NULL;
}

enum la_status reader_read(uint64_t pa, void *ret, size_t len)
{
	(void)pa;
	(void)ret;
	(void)len;
	return LA_NOT_RAM;
}

/* --- tests --- */

enum kind { MEMBER, SIZE, ENUMERATOR, KINDS };

static bool question(const struct la_door *door, enum kind kind)
{
	struct la_member m = { 0, 0 };
	int64_t value = 0;
	size_t size = 0;

	switch (kind) {
	case MEMBER:
		return door->member(door->ctx, "task_struct", "pid", &m) && m.offset == 24 &&
		       m.size == 8;
	case SIZE:
		return door->type_size(door->ctx, "task_struct", &size) && size == 512;
	default:
		return door->enumerator(door->ctx, "PG_head", &value) && value == 3;
	}
}

static const struct la_door *start(bool exists)
{
	/* As crash does it: who leaves the handler by longjmp is not left with the signal blocked. */
	const struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = SA_NODEFER };

	door_close();
	memset(&gdb, 0, sizeof(gdb));
	gdb.exists = exists;
	pc->namelist = (char *)"vmlinux";
	sigaction(SIGINT, &action, NULL);
	return door_open(NULL);
}

/* Ctrl-C ends the command, not the question: the next command has the true answer. */
static void test_interrupted(void **state)
{
	static const struct la_door *door;
	static volatile int kind, at, left;

	(void)state;
	for (kind = 0; kind < KINDS; kind++)
		for (at = 1; at <= 2; at++) {
			door = start(true);
			gdb.interrupt_at = at;
			left = 0;
			if (setjmp(pc->main_loop_env) == 0)
				question(door, (enum kind)kind);
			else
				left = 1;
			assert_int_equal(left, gdb.questions >= at);
			assert_int_equal(gdb.answered, left);
			assert_true(question(door, (enum kind)kind));
		}
}

/* One that came when gdb no longer looked ends the next question. */
static void test_interrupted_before(void **state)
{
	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		const struct la_door *door = start(true);

		gdb.quit = 1;
		assert_true(question(door, (enum kind)kind));
	}
}

/* An error of crash goes on to where it was going, with signals as they were, and is no answer. */
static void test_error(void **state)
{
	static const struct la_door *door;
	static volatile int left;
	sigset_t mask;

	(void)state;
	door = start(true);
	gdb.fatal_at = 1;
	if (setjmp(pc->main_loop_env) == 0)
		question(door, MEMBER);
	else
		left = 1;
	assert_int_equal(left, 1);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	assert_false(sigismember(&mask, SIGINT));
	assert_true(question(door, MEMBER));
}

/* Answers are kept, also that there is none. */
static void test_kept(void **state)
{
	int asked;

	(void)state;
	for (int kind = 0; kind < KINDS; kind++)
		for (int exists = 0; exists < 2; exists++) {
			const struct la_door *door = start(exists);

			assert_int_equal(question(door, (enum kind)kind), exists);
			asked = gdb.questions;
			assert_int_equal(question(door, (enum kind)kind), exists);
			assert_int_equal(gdb.questions, asked);
		}
	door_close();
}

static void leave(void *unused)
{
	(void)unused;
	guard_leave();
}

static void nothing(void *unused)
{
	(void)unused;
}

/* The recovery point: inside foreach as well, and nothing of it stays behind. */
static void test_guard(void **state)
{
	(void)state;
	pc->flags = IN_FOREACH | MINIMAL_MODE;
	pc->tmpfile = stdout;
	assert_false(guard_run(leave, NULL));
	assert_null(pc->tmpfile);
	assert_int_equal(pc->flags, IN_FOREACH | MINIMAL_MODE);
	assert_true(guard_run(nothing, NULL));
	pc->flags = 0;
}

/* What only crash calls a symbol is none: no function begins where a module's PLT does. */
static void test_marks(void **state)
{
	static const struct {
		uint64_t address;
		const char *name;
		uint64_t start, end;
	} cases[] = {
		{ 0x800, NULL, 0, 0 },  { 0x1000, NULL, 0, 0 },
		{ 0x1010, NULL, 0, 0 }, { 0x1044, "route_add", 0x1040, 0x1100 },
		{ 0x1100, NULL, 0, 0 }, { 0x2004, "route_lock", 0x2000, 0x2010 },
		{ 0x2010, NULL, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct la_symbol got = { .name = NULL };

		assert_int_equal(symbol_at(NULL, cases[i].address, &got), cases[i].name != NULL);
		if (!cases[i].name)
			continue;
		assert_string_equal(got.name, cases[i].name);
		assert_int_equal(got.start, cases[i].start);
		assert_int_equal(got.end, cases[i].end);
	}
}

/* Where crash knows no modules, those that the core has read are known: by address and by name; crash's own go first. */
static void test_modules(void **state)
{
	static const struct la_module_symbol train = { .start = 0x800,
						       .size = 0x40,
						       .name = "link_train" };
	static const struct la_module module = { .name = "link",
						 .part = { { 0x700, 0x900 } },
						 .nparts = 1,
						 .symbol = &train,
						 .nsymbols = 1 };
	struct la_modules all = { .module = &module, .n = 1 };
	struct la_arena *arena = la_arena_new(1 << 16);
	struct la_symbol got = { .name = NULL };
	uint64_t value = 0;

	(void)state;
	assert_true(la_modules_hash(&all, arena));
	assert_false(symbol_at(NULL, 0x810, &got));
	door_set_modules(&all);
	assert_true(symbol_at(NULL, 0x810, &got));
	assert_string_equal(got.name, "link_train");
	assert_string_equal(got.module, "link");
	assert_int_equal(got.start, 0x800);
	assert_true(symbol(NULL, "link_train", &value));
	assert_int_equal(value, 0x800);
	assert_false(symbol(NULL, "link_query", &value));
	assert_true(symbol_at(NULL, 0x1044, &got));
	assert_string_equal(got.name, "route_add");
	door_close();
	assert_false(symbol_at(NULL, 0x810, &got));
	la_arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interrupted), cmocka_unit_test(test_interrupted_before),
		cmocka_unit_test(test_error),       cmocka_unit_test(test_kept),
		cmocka_unit_test(test_guard),       cmocka_unit_test(test_marks),
		cmocka_unit_test(test_modules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
