// SPDX-License-Identifier: GPL-3.0-or-later
// Verdicts where two kernels are in memory, or one has not relocated itself.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lakvm/door/moved_door.h"
#include "lakvm/guest/relocation.h"
#include "lakvm/triage/other.h"
#include "panic_guest.h"

/* The crash kernel has hardly begun; what the first one died of is told beside it, with the way to it. */
static void test_first_kernel(void **state)
{
	static const struct la_relocation place = { .known = true,
						    .offset = 0xd0000000,
						    .other = { { 0, LA_KERNEL_FIRST } },
						    .nothers = 1 };
	struct guest *g = *state;
	struct la_moved_door crash;
	struct la_kernel k = g->k;

	add_log(g, "i8042-7.2.12.log", 0, 1);
	ring_put(&g->ring, g->f);
	la_moved_door_init(&crash, fake_door(g->f), place.offset);
	k.door = &crash.door;
	la_panic_analyse(&k, g->arena, NULL, &g->p);
	assert_int_equal(g->p.verdict, LA_VERDICT_UNKNOWN);
	assert_false(has_fact(&g->p, "memory", "kernel"));
	k.place = &place;
	la_panic_analyse(&k, g->arena, NULL, &g->p);
	assert_int_equal(g->p.verdict, LA_VERDICT_UNKNOWN);
	assert_true(has_fact(&g->p, "memory", "the first kernel"));
	assert_true(has_fact(&g->p, "memory", "(--kaslr=0x0)"));
	assert_true(has_fact(&g->p, "memory",
			     "panic, likely: Attempted to kill init! exitcode=0x0000000b"));

	/* the other way round, as --kaslr= takes it */
	g->k.place = &(struct la_relocation){ .known = true,
					      .other = { { 0xd0000000, LA_KERNEL_RUNNING } },
					      .nothers = 1 };
	check_i8042(analyse(g, false));
	assert_true(has_fact(&g->p, "memory", "the kernel that runs now"));
	assert_true(has_fact(&g->p, "memory", "(--kaslr=0xd0000000)"));
	assert_true(has_fact(&g->p, "memory", "how it ended is not known"));
}

/*
 * The crash kernel stopped before it relocated its data, or in the middle of that: its pointers lead to the first
 * one's log. That one's end is not its own.
 */
static void test_not_relocated(void **state)
{
	const struct la_other_kernel crash = { 0xd0000000, LA_KERNEL_RUNNING };
	const uint64_t prb = crash.offset + RING_PA, ring = prb + 0x100;
	unsigned char raw[64];
	struct guest *g = *state;
	const struct la_door *door = fake_door(g->f);
	struct la_moved_door moved;
	struct la_kernel k = g->k;
	struct la_log log;
	const char *text;

	add_log(g, "i8042-7.2.12.log", 0, 1);
	set_panic_cpu(g, 1);
	set_buffer(g, "buf.0", 0x810000, "Attempted to kill init! exitcode=0x0000000b");
	ring_put(&g->ring, g->f);
	fake_symbol(g->f, "_text", W, 0, NULL);
	fake_symbol(g->f, "_end", W + 0x1000000, 0, NULL);
	fake_symbol(g->f, "printk_rb_static", W + RING_PA + 0x100, 80, NULL);
	fake_put_u32(g->f, crash.offset + 0x800000, UINT32_MAX);
	fake_put_u64(g->f, prb, W + RING_PA + 0x100);
	text = la_other_kernel_text(door, &crash, g->arena);
	assert_null(strstr(text, "panic,"));
	assert_non_null(strstr(
		text,
		"how it ended is not known: its data is not relocated: prb leads to 0x9000000000100100"));

	/* its log, as a person asks for it */
	la_moved_door_init(&moved, door, crash.offset);
	k.door = &moved.door;
	assert_int_equal(la_relocated(&k, NULL), LA_CORRUPT);
	assert_int_equal(la_log_read(&k, g->arena, &log, NULL), LA_CORRUPT);
	assert_int_equal(log.n, 0);

	/* prb is relocated, what it points to is not */
	assert_int_equal(door->read_phys(door->ctx, RING_PA + 0x100, raw, sizeof(raw)), LA_OK);
	fake_put(g->f, ring, raw, sizeof(raw));
	fake_put(g->f, ring + sizeof(raw), (char[4096 - 0x140]){ 0 }, 4096 - 0x140);
	fake_put_u64(g->f, prb, W + ring);
	text = la_other_kernel_text(door, &crash, g->arena);
	assert_null(strstr(text, "panic,"));
	assert_non_null(strstr(text, "how it ended is not known"));

	/* the first one's own pointers lead into it */
	assert_int_equal(analyse(g, false)->verdict, LA_VERDICT_PANIC);
	assert_int_equal(g->p.confidence, LA_LIKELY);
	assert_int_equal(la_relocated(&g->k, NULL), LA_OK);
}

/* A list that comes back, one that does not, and one that leads out of memory. */
static void test_endless_list(void **state)
{
	const uint64_t head = W + 0x1000;
	struct guest *g = *state;

	for (uint64_t i = 0; i < 100; i++)
		fake_put_u64(g->f, 0x1000 + i * 16, head + (i + 1) % 100 * 16);
	assert_false(la_list_endless(&g->k, head));
	for (uint64_t i = 1; i < 100; i += 7) {
		fake_put_u64(g->f, 0x1000 + 99 * 16, head + i * 16);
		assert_true(la_list_endless(&g->k, head));
	}
	fake_put_u64(g->f, 0x1000 + 99 * 16, W + 0x5000000);
	assert_false(la_list_endless(&g->k, head));
	fake_put_u64(g->f, 0x1000, head);
	assert_false(la_list_endless(&g->k, head));
}

/* Each pointer tells alone; one that leads anywhere else is damage, and no sign of it. */
static void test_relocated(void **state)
{
	const uint64_t by = 0xd0000000;
	struct guest *g = *state;
	struct la_error err = { "" };
	struct la_moved_door moved;
	struct la_kernel k = g->k;

	la_moved_door_init(&moved, fake_door(g->f), by);
	k.door = &moved.door;
	fake_symbol(g->f, "init_mm", W + 0x2000, 0, NULL);
	fake_symbol(g->f, "init_task", W + 0x3000, 0, NULL);
	fake_member(g->f, "mm_struct", "pgd", 0x48, 8);
	fake_member(g->f, "task_struct", "stack", 0x20, 8);
	fake_put_u64(g->f, by + 0x2048, W + 0x4000);
	fake_put_u64(g->f, by + 0x3020, W + 0x8000);
	assert_int_equal(la_relocated(&k, &err),
			 LA_OK); /* of what size the kernel is, is not known */
	fake_symbol(g->f, "_stext", W, 0, NULL);
	fake_symbol(g->f, "_end", W + 0x1000000, 0, NULL);
	assert_int_equal(la_relocated(&k, &err), LA_CORRUPT);
	assert_non_null(strstr(err.text, "init_mm.pgd"));
	fake_put_u64(g->f, by + 0x2048, W + by + 0x4000);
	la_error_clear(&err);
	assert_int_equal(la_relocated(&k, &err), LA_CORRUPT);
	assert_non_null(strstr(err.text, "init_task.stack"));
	fake_put_u64(g->f, by + 0x3020, W + by + 0x8000);
	assert_int_equal(la_relocated(&k, NULL), LA_OK);
	fake_put_u64(g->f, by + 0x3020, W + 0x7000000);
	assert_int_equal(la_relocated(&k, NULL), LA_OK);
}

#define GUEST(f) cmocka_unit_test_setup_teardown(f, start, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		GUEST(test_first_kernel),
		GUEST(test_not_relocated),
		GUEST(test_endless_list),
		GUEST(test_relocated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
