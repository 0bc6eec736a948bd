// SPDX-License-Identifier: GPL-3.0-or-later
// lamem: from an address to the reason, on an ELF dump of two RAM ranges written by hand.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <elf.h>
#include <cmocka.h>
#include <jansson.h>

#include "fake.h"
#include "dump/format.h"
#include "lakvm/guest/task.h"
#include "lakvm/render/mem.h"

#define CACHED UINT64_C(0x9000000000000000)

struct test {
	struct fake *fake;
	struct la_kernel k;
	struct la_arena *arena;
	struct la_dump *dump;
	char path[32];
	char out[8192];
};

static void to_text(void *ctx, const char *text)
{
	struct test *t = ctx;
	size_t n = strlen(t->out);

	snprintf(t->out + n, sizeof(t->out) - n, "%s", text);
}

static const struct la_ram_range ram[] = { { .end = 0x10000 },
					   { .start = 0x80000000, .end = 0x80010000 } };

/* RAM at 0..64 KiB and 2 GiB..2 GiB+64 KiB, as an ELF core with one PT_LOAD each. */
static int start(void **state)
{
	struct test *t = calloc(1, sizeof(*t));
	Elf64_Ehdr ehdr = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			    .e_type = ET_CORE,
			    .e_machine = 258,
			    .e_version = EV_CURRENT,
			    .e_phoff = sizeof(ehdr),
			    .e_ehsize = sizeof(ehdr),
			    .e_phentsize = sizeof(Elf64_Phdr),
			    .e_phnum = 2 };
	Elf64_Phdr phdr[2] = {
		{ .p_type = PT_LOAD, .p_offset = 4096, .p_filesz = 65536, .p_memsz = 65536 },
		{ .p_type = PT_LOAD,
		  .p_offset = 4096 + 65536,
		  .p_paddr = 0x80000000,
		  .p_filesz = 65536,
		  .p_memsz = 65536 }
	};
	static const char zero[4096 + 2 * 65536];
	const char *path;
	int fd;

	if (!t)
		return 1;
	*state = t;
	strcpy(t->path, "/tmp/lakvm-mem-XXXXXX");
	fd = mkstemp(t->path);
	if (fd < 0 || write(fd, zero, sizeof(zero)) != sizeof(zero) ||
	    pwrite(fd, &ehdr, sizeof(ehdr), 0) != sizeof(ehdr) ||
	    pwrite(fd, phdr, sizeof(phdr), sizeof(ehdr)) != sizeof(phdr) || close(fd))
		return 1;
	path = t->path;
	t->fake = fake_new();
	t->arena = la_arena_new(1 << 20);
	fake_door(t->fake)->ram = ram;
	fake_door(t->fake)->nram = 2;
	t->k.door = fake_door(t->fake);
	t->k.mmu.dmw[1] = UINT64_C(0x9000000000000011);
	t->k.mmu.kernel_pgd = CACHED | 0x4000;
	la_geometry_init(&t->k.mmu.geometry, 14, 3, NULL);
	return la_dump_open(&t->dump, &path, 1, NULL, NULL) != LA_OK;
}

static int finish(void **state)
{
	struct test *t = *state;

	la_dump_close(t->dump);
	unlink(t->path);
	la_arena_free(t->arena);
	fake_free(t->fake);
	free(t);
	return 0;
}

static void explain(struct test *t, uint64_t address, struct la_mem_address *ret)
{
	la_mem_explain(&t->k, t->dump, t->k.mmu.kernel_pgd, address, false, ret);
}

static void test_present(void **state)
{
	struct test *t = *state;
	struct la_mem_address a;

	explain(t, CACHED | 0x1234, &a);
	assert_int_equal(a.status, LA_OK);
	assert_int_equal(a.place.status, LA_OK);
	assert_false(a.behind_ram);
	assert_true(a.place.stored);
	la_render_mem_address_text(&a, &(struct la_sink){ to_text, t });
	assert_non_null(strstr(t->out, "PHYSICAL: 1234\n"));
	assert_non_null(strstr(t->out, "WINDOW: DMW1"));
}

static void test_behind_ram(void **state)
{
	struct test *t = *state;
	struct la_mem_address a;

	explain(t, CACHED | 0x80010000, &a);
	assert_int_equal(a.place.status, LA_NOT_RAM);
	assert_true(a.behind_ram);
	la_render_mem_address_text(&a, &(struct la_sink){ to_text, t });
	assert_non_null(
		strstr(t->out, "DUMP: hole: the first byte after RAM, which ends at 80010000\n"));
	explain(t, CACHED | 0x80012000, &a);
	assert_int_equal(a.place.status, LA_NOT_RAM);
	assert_false(a.behind_ram);
	assert_string_equal(a.hole, "beyond RAM, which ends at 80010000");
	explain(t, CACHED | 0x10000, &a);
	assert_true(a.behind_ram);
	assert_string_equal(a.hole,
			    "the first byte after RAM, which ends at 10000 and goes on at 80000000");
	explain(t, CACHED | 0x7fffffff, &a);
	assert_string_equal(a.hole,
			    "in a hole of RAM, which ends at 10000 and goes on at 80000000");
	fake_door(t->fake)->nram = 0;
	explain(t, CACHED | 0x7fffffff, &a);
	assert_string_equal(a.hole, "not RAM of the guest");
}

/* A raw RAM file is read by crash: the door tells whether, and nothing tells where. */
static void test_other_reader(void **state)
{
	struct test *t = *state;
	struct la_mem_address a;

	la_mem_explain(&t->k, NULL, t->k.mmu.kernel_pgd, CACHED | 0x1234, false, &a);
	assert_int_equal(a.status, LA_OK);
	assert_true(a.other_reader);
	assert_int_equal(a.place.status, LA_NOT_RAM);
	fake_put_u64(t->fake, 0x1230, 0);
	la_mem_explain(&t->k, NULL, t->k.mmu.kernel_pgd, CACHED | 0x1234, false, &a);
	assert_int_equal(a.place.status, LA_OK);
	la_render_mem_address_text(&a, &(struct la_sink){ to_text, t });
	assert_non_null(strstr(t->out, "PHYSICAL: 1234\n    DUMP: crash's own reader has it\n"));
	t->out[0] = '\0';
	assert_int_equal(la_render_mem_address_json(&a, 1, &(struct la_sink){ to_text, t }), LA_OK);
	assert_non_null(strstr(t->out, "\"dump\":null"));
}

static void test_untranslated(void **state)
{
	struct test *t = *state;
	struct la_mem_address a;
	json_t *object, *first;

	explain(t, UINT64_C(0x8000000000001000), &a); /* a window this guest did not set */
	assert_int_equal(a.status, LA_UNMAPPED);
	assert_string_not_equal(a.reason, "");
	assert_int_equal(la_render_mem_address_json(&a, 1, &(struct la_sink){ to_text, t }), LA_OK);
	object = json_loads(t->out, 0, NULL);
	assert_non_null(object);
	first = json_array_get(json_object_get(object, "addresses"), 0);
	assert_string_equal(json_string_value(json_object_get(first, "address")),
			    "0x8000000000001000");
	assert_true(json_is_null(json_object_get(first, "physical")));
	assert_true(json_is_null(json_object_get(first, "dump")));
	assert_true(json_is_null(json_object_get(first, "window")));
	json_decref(object);
}

static void test_map(void **state)
{
	struct test *t = *state;
	struct la_mem_map map;

	assert_int_equal(la_mem_map(t->dump, t->arena, &map, NULL), LA_OK);
	assert_int_equal(map.n, 2);
	assert_int_equal(map.range[1].start, 0x80000000);
	assert_int_equal(map.range[1].end, 0x80010000);
	la_render_mem_map_text(&map, 0, &(struct la_sink){ to_text, t });
	assert_non_null(strstr(t->out, "128.0 KB in 2 ranges"));
	t->out[0] = '\0';
	assert_int_equal(la_render_mem_map_json(&map, &(struct la_sink){ to_text, t }), LA_OK);
	assert_non_null(strstr(t->out, "\"start\":\"0x80000000\",\"end\":\"0x80010000\""));
}

/* Names of files are somebody else's words: shown to their end, harmless, and in JSON as they are. */
static void test_hostile_names(void **state)
{
	struct test *t = *state;
	struct la_mem_address a;
	static char name[900] = "/tmp/\x1b[2J\xe2\x80\xae";
	const char *remark[] = { name };
	struct la_mem_map map = { .format = "ELF", .block_size = 4096, .cell_size = 4096 };
	json_t *o;

	memset(name + strlen(name), 'n', sizeof(name) - strlen(name) - 5);
	strcat(name, "end");
	explain(t, CACHED | 0x1234, &a);
	a.place.file = name;
	la_render_mem_address_text(&a, &(struct la_sink){ to_text, t });
	map.remark = remark;
	map.nremarks = 1;
	la_render_mem_map_text(&map, 0, &(struct la_sink){ to_text, t });
	assert_non_null(strstr(t->out, " of /tmp/\\x1b[2J\\u202ennn"));
	assert_non_null(strstr(t->out, "REMARK: /tmp/\\x1b[2J\\u202ennn"));
	assert_non_null(strstr(strstr(t->out, "nend\n") + 1, "nend\n"));
	assert_null(strchr(t->out, 0x1b));

	strcpy(name, "/tmp/\xff");
	t->out[0] = '\0';
	assert_int_equal(la_render_mem_address_json(&a, 1, &(struct la_sink){ to_text, t }), LA_OK);
	o = json_loads(t->out, 0, NULL);
	assert_non_null(o);
	assert_non_null(strstr(t->out, "\"file\":\"/tmp/\xef\xbf\xbd\""));
	json_decref(o);
	t->out[0] = '\0';
	assert_int_equal(la_render_mem_map_json(&map, &(struct la_sink){ to_text, t }), LA_OK);
	assert_non_null(strstr(t->out, "\"remarks\":[\"/tmp/\xef\xbf\xbd\"]"));
}

/* More remarks than are kept: said, not dropped. */
static void test_many_remarks(void **state)
{
	struct test *t = *state;
	size_t n = 0;

	for (int i = 0; i < 20; i++)
		la_dump_add_remark(t->dump, "odd %d", i);
	while (la_dump_remark(t->dump, n))
		n++;
	assert_int_equal(n, LA_MAX_REMARKS + 1);
	assert_string_equal(la_dump_remark(t->dump, n - 1),
			    "more is odd about this file than is listed here");
}

static void test_user_tables(void **state)
{
	struct test *t = *state;
	struct la_user_tables tables;
	struct la_regs regs = { 0 };

	fake_member(t->fake, "mm_struct", "pgd", 0x68, 8);
	fake_put_u64(t->fake, 0x1068, CACHED | 0x20000);
	la_user_tables_find(&t->k, CACHED | 0x1000, NULL, &tables);
	assert_int_equal(tables.pgd, CACHED | 0x20000);
	assert_string_equal(tables.remark, "");
	la_csr_set(&regs, LA_CSR_PGDL, CACHED | 0x20000);
	la_user_tables_find(&t->k, CACHED | 0x1000, &regs, &tables);
	assert_string_equal(tables.remark, "");
	/* A kernel thread has none, whatever its CPU still walks. */
	la_user_tables_find(&t->k, 0, &regs, &tables);
	assert_int_equal(tables.pgd, 0);
	assert_string_equal(tables.remark, "");
	/* The task's own count. */
	la_csr_set(&regs, LA_CSR_PGDL, CACHED | 0x24000);
	la_user_tables_find(&t->k, CACHED | 0x1000, &regs, &tables);
	assert_int_equal(tables.pgd, CACHED | 0x20000);
	assert_non_null(strstr(tables.remark, "9000000000024000 (PGDL)"));

	fake_hide(t->fake, 0x1000, 0x1000, LA_EXCLUDED);
	la_user_tables_find(&t->k, CACHED | 0x1000, &regs, &tables);
	assert_int_equal(tables.pgd, CACHED | 0x24000);
	assert_non_null(strstr(tables.remark, "excluded from the dump; the tables in PGDL"));
	la_user_tables_find(&t->k, CACHED | 0x1000, NULL, &tables);
	assert_int_equal(tables.pgd, 0);
	assert_non_null(strstr(tables.remark, "excluded from the dump"));
	assert_null(strstr(tables.remark, "PGDL"));
	/* In no window: no table can be there. */
	la_csr_set(&regs, LA_CSR_PGDL, 0x24000);
	la_user_tables_find(&t->k, CACHED | 0x1000, &regs, &tables);
	assert_int_equal(tables.pgd, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, finish)
		TEST(test_present),       TEST(test_behind_ram),   TEST(test_other_reader),
		TEST(test_untranslated),  TEST(test_map),          TEST(test_user_tables),
		TEST(test_hostile_names), TEST(test_many_remarks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
