// SPDX-License-Identifier: GPL-3.0-or-later
// Modules of a guest, laid out by hand as include/linux/module.h has them, before and after 6.4; and what a hostile
// guest may write there.
#include <elf.h>
#include <string.h>

#include "guest.h"

#include "lakvm/door/elf_door.h"
#include "lakvm/guest/modules.h"

#define HEAD (WINDOW | 0x700000)
#define MODULE(i) (WINDOW | (0x710000 + 0x1000 * (uint64_t)(i)))
#define MEMORY(i) (WINDOW | (0x800000 + 0x20000 * (uint64_t)(i))) /* text, and 64 KiB on data */
#define TABLE(i) (MEMORY(i) + 0x10400)
#define NAMES(i) (MEMORY(i) + 0x11000)

enum { LIST = 8, NAME = 24, VERSION = 80, MEM = 96, KALLSYMS = 96 + 7 * 24 };

struct sym {
	uint32_t name;
	unsigned char type;
	uint16_t section;
	uint64_t at, size;
};

static void layout(struct guest *g, bool old)
{
	fake_symbol(g->fake, "modules", HEAD, 16, NULL);
	fake_member(g->fake, "module", "list", LIST, 16);
	fake_member(g->fake, "module", "name", NAME, 56);
	fake_member(g->fake, "module", "version", VERSION, 8);
	fake_member(g->fake, "module", "kallsyms", KALLSYMS, 8);
	fake_member(g->fake, "mod_kallsyms", "symtab", 0, 8);
	fake_member(g->fake, "mod_kallsyms", "num_symtab", 8, 4);
	fake_member(g->fake, "mod_kallsyms", "strtab", 16, 8);
	if (old) {
		fake_member(g->fake, "module", "core_layout", MEM, 24);
		fake_member(g->fake, "module", "init_layout", MEM + 24, 24);
		fake_member(g->fake, "module_layout", "base", 0, 8);
		fake_member(g->fake, "module_layout", "size", 8, 4);
	} else {
		fake_member(g->fake, "module", "mem", MEM, 7 * 24);
		fake_type(g->fake, "module_memory", 24);
		fake_member(g->fake, "module_memory", "base", 0, 8);
		fake_member(g->fake, "module_memory", "size", 8, 4);
	}
	put64(g, HEAD, HEAD);
}

static void put_symbols(struct guest *g, unsigned i, const struct sym *s, size_t n)
{
	for (size_t at = 0; at < n; at++) {
		const Elf64_Sym elf = {
			.st_name = s[at].name,
			.st_info = s[at].type,
			.st_shndx = s[at].section,
			.st_value = s[at].at,
			.st_size = s[at].size,
		};

		fake_put(g->fake, TABLE(i) + at * sizeof(elf) - WINDOW, &elf, sizeof(elf));
	}
	put64(g, MODULE(i) + 0x800, TABLE(i));
	fake_put_u32(g->fake, MODULE(i) + 0x808 - WINDOW, (uint32_t)n);
	put64(g, MODULE(i) + 0x810, NAMES(i));
}

/* Module @i with names "\0first\0second.isra.0\0.L7\0data\0": two functions, a mark, data. */
static void module(struct guest *g, unsigned i, const char *name, bool old, uint64_t next)
{
	static const char names[] = "\0first\0second.isra.0\0.L7\0data";
	const struct sym s[] = {
		{ 0, 0, 0, 0, 0 },
		{ 25, STT_OBJECT, 5, MEMORY(i) + 0x10100, 8 },
		{ 7, STT_FUNC, 1, MEMORY(i) + 0x200, 0x80 },
		{ 21, STT_NOTYPE, 1, MEMORY(i) + 0x40, 0 },
		{ 1, STT_FUNC, 1, MEMORY(i) + 0x20, 0x100 },
		{ 1, STT_FUNC, 0, MEMORY(i) + 0x210, 0 },     /* undefined */
		{ 1, STT_FUNC, 1, WINDOW | 0x200000, 0x100 }, /* not this module's */
	};

	for (unsigned at = 0; at < 0x1000; at += 8)
		put64(g, MODULE(i) + at, 0);
	put64(g, MODULE(i) + LIST, next);
	fake_put(g->fake, MODULE(i) + NAME - WINDOW, name, strlen(name) + 1);
	put64(g, MODULE(i) + VERSION, MODULE(i) + 0x900);
	fake_put(g->fake, MODULE(i) + 0x900 - WINDOW, "1.2-rc3", 8);
	put64(g, MODULE(i) + MEM, MEMORY(i));
	fake_put_u32(g->fake, MODULE(i) + MEM + 8 - WINDOW, old ? 0x20000 : 0x10000);
	put64(g, MODULE(i) + MEM + 24, old ? 0 : MEMORY(i) + 0x10000);
	fake_put_u32(g->fake, MODULE(i) + MEM + 32 - WINDOW, old ? 0 : 0x10000);
	put64(g, MODULE(i) + KALLSYMS, MODULE(i) + 0x800);
	for (unsigned at = 0; at < 0x2000; at += 8)
		put64(g, MEMORY(i) + 0x10000 + at, 0);
	fake_put(g->fake, NAMES(i) - WINDOW, names, sizeof(names));
	put_symbols(g, i, s, sizeof(s) / sizeof(s[0]));
}

static struct guest two_modules(bool old)
{
	struct guest g = guest_new();

	layout(&g, old);
	put64(&g, HEAD, MODULE(0) + LIST);
	module(&g, 0, "virtio_one", old, MODULE(1) + LIST);
	module(&g, 1, "two", old, HEAD);
	return g;
}

static const char *name_at(const struct la_modules *m, uint64_t address, uint64_t *end)
{
	const struct la_module *module = la_modules_find(m, address);
	const struct la_module_symbol *s =
		module ? la_module_symbol_at(module, address, end) : NULL;

	return s ? s->name : NULL;
}

static void check_two(bool old)
{
	struct guest g = two_modules(old);
	struct la_modules m;
	struct la_module one;
	uint64_t end = 0, value;

	assert_int_equal(la_modules_read(&g.k, g.arena, &m, NULL), LA_OK);
	assert_int_equal(m.n, 2);
	assert_null(m.remark);
	assert_string_equal(m.module[0].name, "virtio_one");
	assert_string_equal(m.module[1].name, "two");
	assert_string_equal(m.module[1].version, "1.2-rc3");
	assert_int_equal(m.module[0].nsymbols, 3); /* neither the mark, nor what is not its own */
	assert_false(m.module[0].incomplete);
	assert_string_equal(name_at(&m, MEMORY(0) + 0x20, &end), "first");
	assert_true(end == MEMORY(0) + 0x200);
	assert_string_equal(name_at(&m, MEMORY(0) + 0x1ff, &end), "first");
	assert_string_equal(name_at(&m, MEMORY(1) + 0x204, &end), "second"); /* as crash has it */
	assert_true(end == (old ? MEMORY(1) + 0x10100 : MEMORY(1) + 0x10000));
	assert_null(name_at(&m, MEMORY(0) + 0x10, &end));
	assert_string_equal(name_at(&m, MEMORY(0) + 0x10104, &end), "data");
	assert_null(name_at(&m, MEMORY(2) + 0x20, &end));
	assert_true(la_modules_symbol(&m, "data", &value));
	assert_true(value == MEMORY(0) + 0x10100);
	assert_false(la_modules_symbol(&m, "none", &value));

	assert_int_equal(la_module_find(&g.k, g.arena, MEMORY(1) + 0x10000, &one, NULL), LA_OK);
	assert_string_equal(one.name, "two");
	assert_int_equal(la_module_find(&g.k, g.arena, MEMORY(2), &one, NULL), LA_ABSENT);
	guest_free(&g);
}

static void test_since_6_4(void **state)
{
	(void)state;
	check_two(false);
}

static void test_before_6_4(void **state)
{
	(void)state;
	check_two(true);
}

static void test_none(void **state)
{
	struct guest g = guest_new();
	struct la_modules m;

	(void)state;
	assert_int_equal(la_modules_read(&g.k, g.arena, &m, NULL), LA_ABSENT);
	layout(&g, false);
	assert_int_equal(la_modules_read(&g.k, g.arena, &m, NULL), LA_OK);
	assert_int_equal(m.n, 0);
	assert_null(m.remark);
	guest_free(&g);
}

/* A list that goes in circles, and one that leads to nothing: what stands before counts. */
static void test_lists(void **state)
{
	struct guest g = two_modules(false);
	struct la_modules m;
	struct la_module one;
	size_t before;

	(void)state;
	put64(&g, MODULE(1) + LIST, MODULE(0) + LIST);
	before = fake_reads(g.fake);
	assert_int_equal(la_modules_read(&g.k, g.arena, &m, NULL), LA_OK);
	assert_true(m.n >= 2 && m.n < 10);
	assert_non_null(strstr(m.remark, "does not end"));
	assert_true(fake_reads(g.fake) - before < 2000);
	assert_int_equal(la_module_find(&g.k, g.arena, MEMORY(3), &one, NULL), LA_CORRUPT);
	put64(&g, MODULE(1) + LIST, WINDOW | 0x9000000);
	assert_int_equal(la_modules_read(&g.k, g.arena, &m, NULL), LA_OK);
	assert_true(m.n == 3); /* the third is not to be read */
	assert_string_equal(m.module[2].name, "");
	assert_non_null(strstr(m.remark, "cannot be read"));
	guest_free(&g);
}

/* Counts and places that cannot be: nothing of it is believed, and the other module is as it was. */
static void test_wild(void **state)
{
	struct guest g = two_modules(false);
	struct la_modules m;
	uint64_t end;
	size_t before;

	(void)state;
	fake_put_u32(g.fake, MODULE(0) + 0x808 - WINDOW, UINT32_MAX);
	before = fake_reads(g.fake);
	assert_int_equal(la_modules_read(&g.k, g.arena, &m, NULL), LA_OK);
	assert_true(m.module[0].incomplete && !m.module[1].incomplete);
	assert_non_null(strstr(m.remark, "of 1 modules"));
	assert_true(fake_reads(g.fake) - before < 2000);
	/* only as far as a function says it goes, since another might lie behind it */
	assert_string_equal(name_at(&m, MEMORY(0) + 0x11f, &end), "first");
	assert_null(name_at(&m, MEMORY(0) + 0x120, &end));
	assert_string_equal(name_at(&m, MEMORY(1) + 0x120, &end), "first");

	put64(&g, MODULE(0) + 0x800, WINDOW | 0x200000); /* a table outside the module */
	assert_int_equal(la_modules_read(&g.k, g.arena, &m, NULL), LA_OK);
	assert_int_equal(m.module[0].nsymbols, 0);
	put64(&g, MODULE(0) + KALLSYMS, 0); /* none: nothing is missing */
	assert_int_equal(la_modules_read(&g.k, g.arena, &m, NULL), LA_OK);
	assert_false(m.module[0].incomplete);
	assert_null(m.remark);

	/* as much memory as a module cannot have */
	fake_put_u32(g.fake, MODULE(1) + MEM + 8 - WINDOW, UINT32_MAX);
	assert_int_equal(la_modules_read(&g.k, g.arena, &m, NULL), LA_OK);
	assert_null(name_at(&m, MEMORY(1) + 0x20, &end));
	guest_free(&g);
}

/* Names without an end, and pages that are not in the dump. */
static void test_names(void **state)
{
	struct guest g = two_modules(false);
	struct la_modules m;
	uint64_t end;

	(void)state;
	for (uint64_t at = NAMES(1); at < MEMORY(2); at += 8)
		put64(&g, at, UINT64_C(0x4141414141414141));
	assert_int_equal(la_modules_read(&g.k, g.arena, &m, NULL), LA_OK);
	assert_int_equal(m.module[1].nsymbols, 0); /* none has a name that ends */
	assert_string_equal(name_at(&m, MEMORY(0) + 0x20, &end), "first");

	fake_hide(g.fake, NAMES(0) - WINDOW, 0x1000, LA_EXCLUDED);
	assert_int_equal(la_modules_read(&g.k, g.arena, &m, NULL), LA_OK);
	assert_true(m.module[0].incomplete);
	assert_null(name_at(&m, MEMORY(0) + 0x20, &end));
	guest_free(&g);
}

static void test_no_memory(void **state)
{
	struct guest g = two_modules(false);
	struct la_arena *small = la_arena_new(4096);
	struct la_modules m;

	(void)state;
	assert_int_equal(la_modules_read(&g.k, small, &m, NULL), LA_NOMEM);
	la_arena_free(small);
	guest_free(&g);
}

#define KSYMS (WINDOW | 0x900000)
#define KSYM(i) (WINDOW | (0x901000 + 0x1000 * (uint64_t)(i)))
#define IMAGE(i) (WINDOW | (0xa00000 + 0x1000 * (uint64_t)(i)))

/* struct bpf_ksym as 7.2 has it: start, end, name[512], lnode. */
static struct guest three_programs(void)
{
	static const char *const names[] = { "bpf_prog_6deef7357e7b4530_sd_fw_ingress",
					     "bpf_trampoline_6442524138", "bpf_prog_0000" };
	struct guest g = two_modules(false);

	fake_symbol(g.fake, "bpf_kallsyms", KSYMS, 16, NULL);
	fake_member(g.fake, "bpf_ksym", "start", 0, 8);
	fake_member(g.fake, "bpf_ksym", "end", 8, 8);
	fake_member(g.fake, "bpf_ksym", "name", 16, 512);
	fake_member(g.fake, "bpf_ksym", "lnode", 528, 16);
	put64(&g, KSYMS, KSYM(0) + 528);
	for (unsigned i = 0; i < 3; i++) {
		put64(&g, KSYM(i), IMAGE(2 - i) + 0x40); /* in no order */
		put64(&g, KSYM(i) + 8, IMAGE(2 - i) + 0x100);
		fake_put(g.fake, KSYM(i) + 16 - WINDOW, names[i], strlen(names[i]) + 1);
		put64(&g, KSYM(i) + 528, i == 2 ? KSYMS : KSYM(i + 1) + 528);
	}
	return g;
}

static void test_bpf(void **state)
{
	struct guest g = three_programs();
	struct la_modules m = { .n = 0 };
	struct la_symbol s;

	(void)state;
	assert_int_equal(la_modules_read(&g.k, g.arena, &m, NULL), LA_OK);
	assert_int_equal(m.n, 2);
	assert_int_equal(m.nbpf, 3);
	assert_true(la_modules_symbol_at(&m, IMAGE(1) + 0x50, &s));
	assert_string_equal(s.name, "bpf_trampoline_6442524138");
	assert_string_equal(s.module, "bpf");
	assert_true(la_is_bpf(s.module));
	assert_true(la_is_bpf("bpf]"));
	assert_false(la_is_bpf("bpfilter"));
	assert_int_equal(s.start, IMAGE(1) + 0x40);
	assert_int_equal(s.end, IMAGE(1) + 0x100);
	assert_false(la_modules_symbol_at(&m, IMAGE(1) + 0x100, &s));
	assert_false(la_modules_symbol_at(&m, IMAGE(0) + 0x3c, &s));
	assert_true(la_modules_symbol_at(&m, IMAGE(2) + 0x40, &s));
	assert_string_equal(s.name, "bpf_prog_6deef7357e7b4530_sd_fw_ingress");
	assert_true(la_modules_symbol_at(&m, MEMORY(0) + 0x20, &s)); /* a module's, as before */
	assert_string_equal(s.module, "virtio_one");

	/* A list that leads back into itself; an end before its start; no name. */
	put64(&g, KSYM(2) + 528, KSYM(0) + 528);
	assert_int_equal(la_modules_read(&g.k, g.arena, &m, NULL), LA_OK);
	assert_true(m.nbpf >= 3);
	assert_true(la_modules_symbol_at(&m, IMAGE(1) + 0x50, &s));
	put64(&g, KSYM(1) + 8, IMAGE(1));
	fake_put(g.fake, KSYM(2) + 16 - WINDOW, "", 1);
	put64(&g, KSYM(2) + 528, KSYMS);
	assert_int_equal(la_bpf_read(&g.k, g.arena, &m, NULL), LA_OK);
	assert_int_equal(m.nbpf, 1);
	put64(&g, KSYM(0) + 528, 8);
	assert_int_equal(la_bpf_read(&g.k, g.arena, &m, NULL), LA_OK);
	assert_int_equal(m.nbpf, 1);
	guest_free(&g);

	g = two_modules(false);
	assert_int_equal(la_bpf_read(&g.k, g.arena, &m, NULL), LA_ABSENT);
	guest_free(&g);
}

static void test_plain_length(void **state)
{
	(void)state;
	assert_int_equal(la_plain_length("f.part.0"), 1);
	assert_int_equal(la_plain_length("f.constprop.0.isra.0"), 13);
	assert_int_equal(la_plain_length("f.cold"), 6);
	assert_int_equal(la_plain_length("a.b.llvm.77"), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_since_6_4),    cmocka_unit_test(test_before_6_4),
		cmocka_unit_test(test_none),         cmocka_unit_test(test_lists),
		cmocka_unit_test(test_wild),         cmocka_unit_test(test_names),
		cmocka_unit_test(test_no_memory),    cmocka_unit_test(test_bpf),
		cmocka_unit_test(test_plain_length),
	};

	return cmocka_run_group_tests_name("modules", tests, NULL, NULL);
}
