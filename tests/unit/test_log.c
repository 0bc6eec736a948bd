// SPDX-License-Identifier: GPL-3.0-or-later
// The log: records of a ring that the kernel's own algorithm wrote, damage, and the byte ring.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "lakvm/guest/log.h"
#include "ring.h"

struct setup {
	struct fake *f;
	struct la_arena *arena;
	struct la_kernel k;
	struct ring ring;
	struct la_log log;
	struct la_error err;
};

static struct setup *new_setup(unsigned count_bits, unsigned size_bits)
{
	struct setup *s = calloc(1, sizeof(*s));

	s->f = fake_new();
	s->arena = la_arena_new(64 << 20);
	s->k = ring_kernel(s->f);
	ring_init(&s->ring, count_bits, size_bits);
	return s;
}

static void free_setup(struct setup *s)
{
	la_arena_free(s->arena);
	fake_free(s->f);
	ring_free(&s->ring);
	free(s);
}

static enum la_status read_log(struct setup *s)
{
	return la_log_read(&s->k, s->arena, &s->log, &s->err);
}

static void test_empty(void **state)
{
	struct setup *s = new_setup(3, 8);

	(void)state;
	ring_put(&s->ring, s->f);
	assert_int_equal(read_log(s), LA_OK);
	assert_int_equal(s->log.n, 0);
	assert_int_equal(s->log.lost, 0);
	free_setup(s);
}

static void test_fields(void **state)
{
	struct setup *s = new_setup(4, 10);

	(void)state;
	s->ring.execution_ctx = true;
	ring_add(&s->ring, 358569000, 0, 0, 1, "Kernel panic - not syncing: test");
	ring_add(&s->ring, 358570000, 6, 3, 0x80000002u, "two\nlines");
	ring_add(&s->ring, 358571000, 4, 0, 7, NULL);
	ring_put(&s->ring, s->f);
	assert_int_equal(read_log(s), LA_OK);
	assert_int_equal(s->log.n, 3);
	assert_string_equal(s->log.record[0].text, "Kernel panic - not syncing: test");
	assert_int_equal(s->log.record[0].ts_nsec, 358569000);
	assert_int_equal(s->log.record[0].level, 0);
	assert_int_equal(s->log.record[0].caller_id, 1);
	assert_int_equal(s->log.record[0].caller_id2, 0x80000000u);
	assert_string_equal(s->log.record[1].text, "two\nlines");
	assert_int_equal(s->log.record[1].len, 9);
	assert_int_equal(s->log.record[1].level, 6);
	assert_int_equal(s->log.record[1].facility, 3);
	assert_int_equal(s->log.record[1].seq, 1);
	assert_string_equal(s->log.record[2].text, "");
	free_setup(s);
}

/*
 * Texts of every length, many times around both rings, in the rules of both kernels. After each
 * record the log must end with it and hold, without a gap, as many before it as the ring kept.
 */
static void test_wrapping(void **state)
{
	(void)state;
	for (int exact = 0; exact < 2; exact++) {
		struct setup *s = new_setup(3, 7);
		char text[200][64];
		unsigned exact_fits = 0;

		s->ring.exact_fit_stays = exact;
		for (unsigned i = 0; i < 200; i++) {
			struct fake *f = fake_new();
			struct la_arena *arena = la_arena_new(1 << 20);
			struct la_kernel k = ring_kernel(f);
			struct la_log log;
			unsigned kept = 0;
			uint64_t id;

			snprintf(text[i], sizeof(text[i]), "%03u%.*s", i, (int)(i * 7 % 40),
				 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
			id = ring_add(&s->ring, i, 6, 0, 1, text[i]);
			exact_fits += ring_desc(&s->ring, id)->next % 128 == 0;
			for (unsigned d = 0; d < 8; d++)
				kept += s->ring.desc[d].state_var >> 62 == 2;

			ring_put(&s->ring, f);
			assert_int_equal(la_log_read(&k, arena, &log, NULL), LA_OK);
			assert_int_equal(log.n, kept);
			assert_int_equal(log.lost, 0);
			for (size_t j = 0; j < log.n; j++) {
				assert_int_equal(log.record[j].seq, i + 1 - log.n + j);
				assert_string_equal(log.record[j].text, text[i + 1 - log.n + j]);
			}
			la_arena_free(arena);
			fake_free(f);
		}
		/* The case that 6.19 changed did occur, or never could. */
		assert_int_equal(exact_fits > 0, exact);
		free_setup(s);
	}
}

static void test_reserved_record_is_passed_over(void **state)
{
	struct setup *s = new_setup(3, 8);
	uint64_t id;

	(void)state;
	ring_add(&s->ring, 1, 6, 0, 1, "one");
	id = ring_add(&s->ring, 2, 6, 0, 1, "being written");
	ring_desc(&s->ring, id)->state_var = id; /* reserved */
	ring_put(&s->ring, s->f);
	assert_int_equal(read_log(s), LA_OK);
	assert_int_equal(s->log.n, 1);
	assert_int_equal(s->log.lost, 0);
	free_setup(s);
}

static void test_lost_text(void **state)
{
	struct setup *s = new_setup(3, 8);
	uint64_t id;

	(void)state;
	id = ring_add(&s->ring, 1, 6, 0, 1, "found no room");
	ring_desc(&s->ring, id)->begin = ring_desc(&s->ring, id)->next = 1; /* FAILED_LPOS */
	ring_add(&s->ring, 2, 6, 0, 1, "two");
	ring_put(&s->ring, s->f);
	assert_int_equal(read_log(s), LA_OK);
	assert_int_equal(s->log.n, 1);
	assert_int_equal(s->log.lost, 1);
	assert_string_equal(s->log.record[0].text, "two");
	free_setup(s);
}

/* text_len may be larger than what is stored (a line longer than the reserved space). */
static void test_text_len_is_clamped(void **state)
{
	struct setup *s = new_setup(3, 8);
	uint16_t huge = 65535;

	(void)state;
	ring_add(&s->ring, 1, 6, 0, 1, "12345678");
	memcpy(s->ring.info + 0 * 88 + 16, &huge, 2);
	ring_put(&s->ring, s->f);
	assert_int_equal(read_log(s), LA_OK);
	assert_int_equal(s->log.n, 1);
	assert_int_equal(s->log.record[0].len, 8);
	assert_string_equal(s->log.record[0].text, "12345678");
	free_setup(s);
}

static void test_unreadable_text_is_counted(void **state)
{
	struct setup *s = new_setup(6, 13);
	uint64_t data;

	(void)state;
	for (unsigned i = 0; i < 60; i++)
		ring_add(&s->ring, i, 6, 0, 1,
			 "a text of a hundred bytes or so: 0123456789012345678901234567890123456789"
			 "01234567890123456789012345678");
	ring_put(&s->ring, s->f);
	data = (RING_PA + 0x1000 + 64 * 24 + 64 * 88 + 0xfff) & ~0xfffu;
	fake_hide(s->f, data, 4096, LA_EXCLUDED);
	assert_int_equal(read_log(s), LA_EXCLUDED);
	assert_true(s->log.lost > 20 && s->log.n > 20 && s->log.lost + s->log.n == 60);
	assert_non_null(strstr(s->err.text, "excluded from the dump"));
	free_setup(s);
}

/* Whatever bytes the ring holds: it ends, in bounds, and what is returned is in order. */
static void test_garbage(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (unsigned round = 0; round < 400; round++) {
		struct setup *s = new_setup(3, 8);

		for (unsigned i = 0; i < 20; i++)
			ring_add(&s->ring, i, 6, 0, 1, "some text of some length");
		ring_put(&s->ring, s->f);
		for (unsigned i = 0; i < 12; i++) {
			uint64_t where;
			unsigned char byte;

			seed = seed * 1103515245 + 12345;
			byte = (unsigned char)(seed >> 16);
			where = i < 4 ? 0x100 + (seed >> 8) % 0x40 : 0x1000 + (seed >> 8) % 900;
			fake_put(s->f, RING_PA + where, &byte, 1);
		}
		read_log(s);
		for (size_t i = 0; i < s->log.n; i++)
			assert_int_equal(strlen(s->log.record[i].text), s->log.record[i].len);
		free_setup(s);
	}
}

static void test_head_behind_tail(void **state)
{
	struct setup *s = new_setup(3, 8);

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		ring_add(&s->ring, i, 6, 0, 1, "text");
	s->ring.tail_id = s->ring.head_id + 1;
	ring_put(&s->ring, s->f);
	assert_int_equal(read_log(s), LA_CORRUPT);
	assert_int_equal(s->log.n, 5);
	free_setup(s);
}

/* In memory of one instant nothing is newer than the head, from the first record on; an older head does not know the last ones. */
static void test_older_head(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 40; n++) {
		for (unsigned older = 0; older <= 3 && older <= n; older++) {
			struct setup *s = new_setup(3, 8);

			for (unsigned i = 0; i < n; i++)
				ring_add(&s->ring, i, 6, 0, 1, "text");
			s->ring.head_id = RING_ID(s->ring.head_id - older);
			ring_put(&s->ring, s->f);
			assert_int_equal(read_log(s), LA_OK);
			assert_int_equal(s->log.ahead, older);
			free_setup(s);
		}
	}
}

/* struct printk_log of 4.19: header 16 bytes, len 0 means "go on at the start". */
static void put_old(struct fake *f, uint64_t *pos, uint64_t ts, unsigned level, const char *text)
{
	uint16_t text_len = (uint16_t)strlen(text), len = (uint16_t)((16 + text_len + 3) & ~3u);
	unsigned char head[16] = { 0 };

	memcpy(head, &ts, 8);
	memcpy(head + 8, &len, 2);
	memcpy(head + 10, &text_len, 2);
	head[15] = (unsigned char)(level << 5);
	fake_put(f, *pos, head, sizeof(head));
	fake_put(f, *pos + 16, text, text_len);
	*pos += len;
}

static void test_byte_ring(void **state)
{
	struct setup *s = new_setup(3, 8);
	uint64_t buf = 0x200000, pos = buf + 0x80;

	(void)state;
	fake_put(s->f, buf, (char[4096]){ 0 }, 4096);
	fake_symbol(s->f, "log_buf", RING_BASE + 0x300000, 8, NULL);
	fake_symbol(s->f, "log_buf_len", RING_BASE + 0x300008, 4, NULL);
	fake_symbol(s->f, "log_first_idx", RING_BASE + 0x30000c, 4, NULL);
	fake_symbol(s->f, "log_next_idx", RING_BASE + 0x300010, 4, NULL);
	fake_symbol(s->f, "log_first_seq", RING_BASE + 0x300018, 8, NULL);
	fake_put_u64(s->f, 0x300000, RING_BASE + buf);
	fake_put_u32(s->f, 0x300008, 256);
	fake_put_u32(s->f, 0x30000c, 0x80);
	fake_put_u64(s->f, 0x300018, 41);
	put_old(s->f, &pos, 1000, 6, "first of them");
	put_old(s->f, &pos, 2000, 4, "second"); /* a header of zeros follows: wrap */
	pos = buf;
	put_old(s->f, &pos, 3000, 0, "third, at the start");
	fake_put_u32(s->f, 0x300010, (uint32_t)(pos - buf));

	assert_int_equal(read_log(s), LA_OK);
	assert_int_equal(s->log.n, 3);
	assert_string_equal(s->log.record[0].text, "first of them");
	assert_int_equal(s->log.record[0].seq, 41);
	assert_string_equal(s->log.record[1].text, "second");
	assert_int_equal(s->log.record[1].level, 4);
	assert_string_equal(s->log.record[2].text, "third, at the start");
	assert_int_equal(s->log.record[2].ts_nsec, 3000);

	/* A record that claims to be longer than the ring ends the reading, not the report. */
	fake_put(s->f, buf + 0x80 + 8, "\xff\xff", 2);
	assert_int_equal(read_log(s), LA_CORRUPT);
	assert_int_equal(s->log.n, 0);
	free_setup(s);
}

static void test_no_log(void **state)
{
	struct setup *s = new_setup(3, 8);

	(void)state;
	assert_int_equal(read_log(s), LA_ABSENT);
	free_setup(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_wrapping),
		cmocka_unit_test(test_reserved_record_is_passed_over),
		cmocka_unit_test(test_lost_text),
		cmocka_unit_test(test_text_len_is_clamped),
		cmocka_unit_test(test_unreadable_text_is_counted),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_head_behind_tail),
		cmocka_unit_test(test_older_head),
		cmocka_unit_test(test_byte_ring),
		cmocka_unit_test(test_no_log),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
