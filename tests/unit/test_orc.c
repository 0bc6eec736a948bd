// SPDX-License-Identifier: GPL-3.0-or-later
// ORC tables made by hand, as asm/orc_types.h (Linux 6.9 to 7.2) defines them, and stacks that
// only they can unwind: the functions' own code does something else.
#include "guest.h"

#include "stack/orc.h"

#define IP (WINDOW | 0x700000)
#define ENTRIES (WINDOW | 0x710000)
#define MODULE (WINDOW | 0x720000)
#define MODULE_TEXT UINT64_C(0xffff800002000000)

enum { UNDEFINED, PREV_SP, SP_REG, FP_REG };
enum { NOTHING, END_OF_STACK, IS_CALL, IS_REGS };

struct entry {
	uint64_t start;
	int16_t sp, fp, ra;
	unsigned sp_reg, fp_reg, ra_reg, type;
};

static void put_entry(struct guest *g, uint64_t ip, uint64_t table, size_t i, const struct entry *e)
{
	const int16_t offset[3] = { e->sp, e->fp, e->ra };
	const unsigned char kind[2] = { (unsigned char)(e->sp_reg | e->fp_reg << 4),
					(unsigned char)(e->ra_reg | e->type << 4) };

	fake_put_u32(g->fake, ip + 4 * i - WINDOW, (uint32_t)(e->start - (ip + 4 * i)));
	fake_put(g->fake, table + 8 * i - WINDOW, offset, 6);
	fake_put(g->fake, table + 8 * i + 6 - WINDOW, kind, 2);
}

/* @nstarts and @n should be the same. */
static void tables(struct guest *g, const struct entry *e, size_t nstarts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put_entry(g, IP, ENTRIES, i, &e[i]);
	fake_symbol(g->fake, "__start_orc_unwind_ip", IP, 0, NULL);
	fake_symbol(g->fake, "__stop_orc_unwind_ip", IP + 4 * nstarts, 0, NULL);
	fake_symbol(g->fake, "__start_orc_unwind", ENTRIES, 0, NULL);
	fake_symbol(g->fake, "__stop_orc_unwind", ENTRIES + 8 * n, 0, NULL);
}

enum { THREAD, OUTER, INNER, OTHER, NFUNCTIONS };

/* outer's frame is 48 bytes with a frame pointer, inner's 64; behind them the end of all text. */
static const struct entry chain_entry[] = {
	{ FN(THREAD), 0, 0, 0, SP_REG, UNDEFINED, UNDEFINED, END_OF_STACK },
	{ FN(OUTER), 0, 0, 0, SP_REG, UNDEFINED, UNDEFINED, IS_CALL },
	{ FN(OUTER) + 8, 0, -16, -8, FP_REG, PREV_SP, PREV_SP, IS_CALL },
	{ FN(INNER), 0, 0, 0, SP_REG, UNDEFINED, UNDEFINED, IS_CALL },
	{ FN(INNER) + 8, 64, -24, -40, SP_REG, PREV_SP, PREV_SP, IS_CALL },
	{ FN(OTHER), 0, 0, 0, UNDEFINED, UNDEFINED, UNDEFINED, NOTHING },
	{ FN(OTHER), 32, 0, -8, SP_REG, UNDEFINED, PREV_SP, IS_CALL },
	{ FN(NFUNCTIONS), 0, 0, 0, UNDEFINED, UNDEFINED, UNDEFINED, NOTHING },
};
#define NENTRIES (sizeof(chain_entry) / sizeof(chain_entry[0]))

static struct guest chain(size_t nstarts)
{
	struct guest g = guest_new();

	function(&g, THREAD, "ret_from_kernel_thread_asm", OUTER);
	function(&g, OUTER, "outer", INNER);
	function(&g, INNER, "inner", OTHER);
	function(&g, OTHER, "other", -1);
	tables(&g, chain_entry, nstarts, NENTRIES);
	return g;
}

static void test_chain(void **state)
{
	struct guest g = chain(NENTRIES);
	const uint64_t outer_cfa = BOTTOM, outer_sp = outer_cfa - 48, sp = outer_sp - 64;

	(void)state;
	put64(&g, outer_sp - 40, BACK(OUTER));
	put64(&g, outer_sp - 24, outer_cfa); /* inner's caller's frame pointer */
	put64(&g, outer_cfa - 8, BACK(THREAD));
	put64(&g, outer_cfa - 16, 0x4444);
	start_at(&g, FN(INNER) + 0x40, sp, 0);
	la_gpr_set(&g.regs, LA_R_FP, 0x5555);
	la_gpr_set(&g.regs, LA_R_S0, 0x6666);
	la_unwind(&g.k, g.arena, &g.regs, 0, &g.stack);
	assert_int_equal(g.stack.n, 3);
	assert_string_equal(g.stack.frame[1].symbol, "outer");
	assert_int_equal(g.stack.frame[1].sp, outer_sp);
	assert_int_equal(g.stack.frame[1].method, LA_FROM_ORC);
	assert_int_equal(g.stack.frame[2].sp, outer_cfa);
	assert_int_equal(g.stack.frame[2].method, LA_FROM_ORC);
	assert_int_equal(g.stack.stop, LA_STOP_END);
	assert_true(g.stack.verified);
	guest_free(&g);
}

static bool row_at(const struct guest *g, uint64_t pc, struct la_cfi_row *row)
{
	const char *why;

	return la_orc_row(&g->k, pc, row, &why);
}

static void test_rows(void **state)
{
	struct guest g = chain(NENTRIES);
	struct la_cfi_row row;

	(void)state;
	assert_true(row_at(&g, FN(INNER) + 4, &row));
	assert_int_equal(row.cfa_reg, LA_R_SP);
	assert_int_equal(row.cfa_offset, 0);
	assert_int_equal(row.rule[LA_R_RA].kind, LA_RULE_SAME);
	assert_true(row_at(&g, FN(INNER) + 8, &row));
	assert_int_equal(row.cfa_offset, 64);
	assert_int_equal(row.rule[LA_R_RA].kind, LA_RULE_AT_CFA);
	assert_int_equal(row.rule[LA_R_RA].offset, -40);
	assert_int_equal(row.rule[LA_R_FP].offset, -24);
	assert_int_equal(row.rule[LA_R_S0].kind, LA_RULE_UNKNOWN);
	assert_true(row_at(&g, FN(OUTER) + 0xfc, &row));
	assert_int_equal(row.cfa_reg, LA_R_FP);
	assert_int_equal(row.cfa_offset, 0);
	/* of two that start alike, the last; and none where the tables say nothing */
	assert_true(row_at(&g, FN(OTHER), &row));
	assert_int_equal(row.cfa_offset, 32);
	assert_false(row_at(&g, FN(THREAD), &row));
	assert_false(row_at(&g, FN(THREAD) - 4, &row));
	assert_false(row_at(&g, FN(NFUNCTIONS), &row));
	assert_false(row_at(&g, 0, &row));
	assert_false(row_at(&g, UINT64_MAX - 3, &row));
	guest_free(&g);
}

/* s0, which leads off the IRQ stack, is in the code only; where that is not ORC's frame, nowhere. */
static void test_saved_registers(void **state)
{
	for (int agree = 0; agree < 2; agree++) {
		struct guest g = guest_new();
		const struct entry entry[] = {
			{ FN(0), 0, 0, 0, SP_REG, UNDEFINED, UNDEFINED, IS_CALL },
			{ FN(0) + 12, agree ? FRAME : 2 * FRAME, 0, -8, SP_REG, UNDEFINED, PREV_SP,
			  IS_CALL },
			{ FN(1), 0, 0, 0, UNDEFINED, UNDEFINED, UNDEFINED, NOTHING },
		};
		const uint64_t sp = IRQ_START - (uint64_t)entry[1].sp;
		const uint64_t pt = STACK_TOP - 0x400, top = pt + LA_PT_REGS_SIZE;

		(void)state;
		function(&g, 0, "handle_irq", -1);
		function(&g, 1, "do_vint", 0);
		function(&g, 2, "handle_vint", 1);
		function(&g, 3, "ret_from_kernel_thread_asm", -1);
		tables(&g, entry, 3, 3);
		put64(&g, IRQ_START - 8, BACK(1));
		put64(&g, IRQ_START - 16, pt - FRAME); /* do_vint's own stack pointer, as s0 */
		put64(&g, IRQ_START, pt);
		frame_at(&g, pt - FRAME, BACK(2), 0);
		pt_regs_at(&g, pt, FN(3) + 0x40, top, 0, 0);
		start_at(&g, FN(0) + 0x40, sp, 0);
		la_gpr_set(&g.regs, LA_R_S0, 0x7777);
		la_unwind(&g.k, g.arena, &g.regs, 0, &g.stack);
		assert_string_equal(g.stack.frame[1].symbol, "do_vint");
		assert_int_equal(g.stack.frame[1].method, LA_FROM_ORC);
		assert_string_equal(g.stack.frame[2].symbol,
				    agree ? "handle_vint" : "ret_from_kernel_thread_asm");
		assert_int_equal(g.stack.frame[2].verified, agree);
		guest_free(&g);
	}
}

static void check_damage(const char *damage)
{
	struct guest g = chain(strcmp(damage, "cut") ? NENTRIES : NENTRIES + 1);
	struct la_cfi_row row;
	const char *why = "";

	if (!strcmp(damage, "addresses"))
		fake_hide(g.fake, IP - WINDOW, 0x1000, LA_EXCLUDED);
	if (!strcmp(damage, "entries"))
		fake_hide(g.fake, ENTRIES - WINDOW, 0x1000, LA_EXCLUDED);
	if (!strcmp(damage, "format"))
		fake_member(g.fake, "orc_entry", "end", 4, 4);
	assert_false(la_orc_row(&g.k, FN(INNER) + 8, &row, &why));
	assert_non_null(why);

	/* Nothing else leads out of a function whose code is gone: the stack's end tells of both. */
	fake_hide(g.fake, FN(INNER) - WINDOW, 0x100, LA_EXCLUDED);
	start_at(&g, FN(INNER) + 0x40, BOTTOM - 0x200, 0);
	la_unwind(&g.k, g.arena, &g.regs, 0, &g.stack);
	assert_int_equal(g.stack.n, 1);
	assert_int_equal(g.stack.stop, LA_STOP_NO_RULE);
	assert_non_null(strstr(g.stack.reason, "inner"));
	assert_non_null(strstr(g.stack.reason, "ORC tables"));
	guest_free(&g);
}

static void test_damage(void **state)
{
	(void)state;
	check_damage("addresses");
	check_damage("entries");
	check_damage("cut");
	check_damage("format");
}

/* Pages that the dump leaves out are in vmlinux. */
static size_t bytes_of_file(void *ctx, uint64_t address, void *ret, size_t len)
{
	unsigned char image[8 * NENTRIES] = { 0 };
	const struct entry *e = &chain_entry[4];

	(void)ctx;
	for (size_t i = 0; i < NENTRIES; i++) {
		uint32_t offset = (uint32_t)(chain_entry[i].start - (IP + 4 * i));

		memcpy(image + 4 * i, &offset, 4);
	}
	if (address >= ENTRIES) {
		const int16_t words[4] = { e->sp, e->fp, e->ra, 0x2112 };

		memcpy(image + 8 * 4, words, 8);
		address -= ENTRIES - IP;
	}
	if (address - IP > sizeof(image) - len)
		return 0;
	memcpy(ret, image + (address - IP), len);
	return len;
}

static void test_from_file(void **state)
{
	struct guest g = chain(NENTRIES);
	struct la_cfi_row row;

	(void)state;
	fake_hide(g.fake, IP - WINDOW, 0x20000, LA_EXCLUDED);
	assert_false(row_at(&g, FN(INNER) + 8, &row));
	fake_door(g.fake)->file_bytes = bytes_of_file;
	assert_true(row_at(&g, FN(INNER) + 8, &row));
	assert_int_equal(row.cfa_offset, 64);
	assert_int_equal(row.rule[LA_R_RA].offset, -40);
	guest_free(&g);
}

/* struct module and what it holds, in a layout of our own; @text is where its code is. */
static void module_at(struct guest *g, uint64_t at, uint64_t next, uint64_t text)
{
	put64(g, at + 8, next + 8); /* list */
	put64(g, at + 64, 0);       /* mem[0] */
	put64(g, at + 72, 0);
	put64(g, at + 80, text); /* mem[1] */
	put64(g, at + 88, 0x1000);
	put64(g, at + 96, 1); /* arch: num_orcs, orc_unwind_ip, orc_unwind */
	put64(g, at + 104, IP + 0x8000);
	put64(g, at + 112, ENTRIES + 0x8000);
}

static void test_module(void **state)
{
	const struct entry entry = { MODULE_TEXT, 16, 0, -8, SP_REG, UNDEFINED, PREV_SP, IS_CALL };
	struct guest g = chain(NENTRIES);
	struct la_cfi_row row;
	const char *why;

	(void)state;
	put_entry(&g, IP + 0x8000, ENTRIES + 0x8000, 0, &entry);
	fake_put_u32(g.fake, IP + 0x8000 - WINDOW, 0x100); /* a start that is near its element */
	assert_false(row_at(&g, IP + 0x8104, &row));       /* no list of modules yet */
	fake_symbol(g.fake, "modules", MODULE + 0x800, 16, NULL);
	fake_member(g.fake, "module", "list", 8, 16);
	fake_member(g.fake, "module", "mem", 64, 32);
	fake_member(g.fake, "module", "arch", 96, 24);
	fake_type(g.fake, "module_memory", 16);
	fake_member(g.fake, "module_memory", "base", 0, 8);
	fake_member(g.fake, "module_memory", "size", 8, 8);
	fake_member(g.fake, "mod_arch_specific", "num_orcs", 0, 4);
	fake_member(g.fake, "mod_arch_specific", "orc_unwind_ip", 8, 8);
	fake_member(g.fake, "mod_arch_specific", "orc_unwind", 16, 8);
	put64(&g, MODULE + 0x800, MODULE + 8); /* the list's head */
	module_at(&g, MODULE, MODULE + 0x100, IP + 0x20000);
	module_at(&g, MODULE + 0x100, MODULE + 0x800 - 8, IP + 0x8100);
	assert_true(row_at(&g, IP + 0x8104, &row));
	assert_int_equal(row.cfa_offset, 16);
	assert_int_equal(row.rule[LA_R_RA].offset, -8);
	assert_false(row_at(&g, IP + 0x9100, &row)); /* behind the last module's memory */

	/* code that no entry describes, as in front of the first one */
	fake_put_u32(g.fake, IP + 0x8000 - WINDOW, 0x108);
	assert_false(la_orc_row(&g.k, IP + 0x8104, &row, &why));
	assert_null(why);
	fake_put_u32(g.fake, IP + 0x8000 - WINDOW, 0x100);

	/* More entries than there can be, no memory behind the address, a list that is a circle. */
	put64(&g, MODULE + 0x100 + 96, 0xffffffff);
	assert_false(la_orc_row(&g.k, IP + 0x8104, &row, &why));
	assert_string_equal(why, "its module's ORC tables are damaged");
	put64(&g, MODULE + 0x100 + 96, 1);
	put64(&g, MODULE + 0x100 + 104, WINDOW | 0x9000000);
	assert_false(la_orc_row(&g.k, IP + 0x8104, &row, &why));
	assert_non_null(why);
	/* a list that leads back into itself is damaged, and one that ends is not */
	module_at(&g, MODULE, MODULE, IP + 0x20000);
	assert_false(la_orc_row(&g.k, IP + 0x8104, &row, &why));
	assert_string_equal(why, "the list of modules is damaged");
	module_at(&g, MODULE, MODULE + 0x800 - 8, IP + 0x20000);
	assert_false(la_orc_row(&g.k, IP + 0x8104, &row, &why));
	assert_null(why);
	/* a module that has the code, and the words on its tables are not in the dump */
	module_at(&g, MODULE, MODULE + 0x800 - 8, IP + 0x8100);
	fake_hide(g.fake, MODULE - WINDOW + 104, 8, LA_EXCLUDED);
	assert_false(la_orc_row(&g.k, IP + 0x8104, &row, &why));
	assert_string_equal(why, "its module's ORC tables cannot be found");
	guest_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain),           cmocka_unit_test(test_rows),
		cmocka_unit_test(test_saved_registers), cmocka_unit_test(test_damage),
		cmocka_unit_test(test_from_file),       cmocka_unit_test(test_module),
	};

	return cmocka_run_group_tests_name("orc", tests, NULL, NULL);
}
