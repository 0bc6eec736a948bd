// SPDX-License-Identifier: GPL-3.0-or-later
// lamem's map and its picture, against a description of what is where.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "lakvm/render/mem.h"
#include "opened.h"

static char out[1 << 20];

static void to_out(void *ctx, const char *text)
{
	size_t n = strlen(out);

	(void)ctx;
	assert_true(n + strlen(text) < sizeof(out));
	strcpy(out + n, text);
}

static const struct la_sink sink = { to_out, NULL };

/* 7.4 MiB: cells of 16 KiB, 64 of them in a row of 1 MiB. The second row has each kind of mixture. */
static const char all_kinds[] = "kdump\n"
				"ram 0 1M words\n"
				"ram 0x100000 256K zero\n"
				"ram 0x140000 4K words\nram 0x141000 12K zero\n"
				"ram 0x144000 4K words\nram 0x145000 12K excluded\n"
				"ram 0x148000 8K words\nram 0x14a000 8K zero\n"
				"ram 0x14c000 8K zero\nram 0x14e000 8K excluded\n"
				"ram 0x150000 4K zero\nram 0x151000 12K excluded\n"
				"ram 0x154000 12K words\nram 0x157000 4K missing\n"
				"ram 0x160000 4K words\nram 0x163000 4K zero\n"
				"ram 0x80000000 6M excluded\n";

#define R16(c) c c c c c c c c c c c c c c c c
#define R64(c) R16(c) R16(c) R16(c) R16(c)

static void render(struct opened *o, unsigned columns, struct la_mem_map *map,
		   struct la_arena *arena)
{
	struct la_error err = { "" };

	assert_int_equal(la_mem_map(o->dump, arena, map, &err), LA_OK);
	out[0] = '\0';
	la_render_mem_map_text(map, columns, &sink);
}

static void test_picture(void **state)
{
	struct la_arena *arena = la_arena_new(1 << 24);
	struct la_mem_map map;
	struct opened o;
	const char *at;

	(void)state;
	opened_make(&o, all_kinds, 1, NULL);
	render(&o, 80, &map, arena);
	assert_int_equal(map.cell_size, 16384);
	at = strstr(out, " PICTURE: 16 KB each");
	assert_non_null(at);
	at = strchr(at, '\n') + 1;
	assert_string_equal(
		at,
		"           0  " R64(
			"#") "\n"
			     "      100000  " R16(
				     ".") "++#.x?  #\n"
					  "    80000000  " R64(
						  "x") "\n"
						       "    80100000  " R64(
							       "x") "\n"
								    "    80200000  " R64(
									    "x") "\n"
										 "    80300000  " R64(
											 "x") "\n"
											      "    80400000  " R64(
												      "x") "\n"
													   "    80500000  " R64(
														   "x") "\n");
	render(&o, 0, &map, arena); /* no terminal: as for 80 columns */
	assert_non_null(strstr(out, "           0  " R64("#") "\n"));
	render(&o, 45, &map, arena); /* one short of 14 + 32 */
	assert_non_null(
		strstr(out, "       c0000  " R16("#") "\n      100000  " R16(
				    ".") "\n"
					 "      140000  ++#.x?  #\n    80000000  " R16("x") "\n"));
	render(&o, 1, &map, arena);
	assert_non_null(strstr(out, "           0  ########\n       20000  ########\n"));
	render(&o, 65535, &map, arena);
	assert_non_null(strstr(out, "           0  " R64("#")
					    R16(".") "++#.x?  #\n"
						     "    80000000  " R64("x") R64("x") R64("x")
							     R64("x") "\n"
								      "    80400000  " R64("x")
									      R64("x") "\n"));
	opened_free(&o);
	la_arena_free(arena);
}

/* Each cell against the description, page by page, and the ranges against the sum of their cells. */
static void test_cells(void **state)
{
	static const uint64_t size[] = { 0, 4096, 12288, 16384, 1 << 20, UINT64_C(1) << 40 };
	struct la_arena *arena = la_arena_new(1 << 24);
	struct la_ram_range *cell;
	struct opened o;
	size_t n;

	(void)state;
	opened_make(&o, all_kinds, 1, NULL);
	for (size_t s = 0; s < sizeof(size) / sizeof(size[0]); s++) {
		uint64_t all = 0;

		assert_int_equal(la_dump_ram_cells(o.dump, size[s], arena, &cell, &n, NULL), LA_OK);
		for (size_t i = 0; i < n; i++) {
			struct la_ram_range sum = { 0 };

			if (size[s])
				assert_int_equal(cell[i].start / size[s],
						 (cell[i].end - 1) / size[s]);
			assert_true(!i || cell[i].start >= cell[i - 1].end);
			for (uint64_t pa = cell[i].start; pa < cell[i].end; pa += 4096) {
				enum mkdump_kind kind = mkdump_kind_at(o.m, pa);

				assert_int_not_equal(kind, MK_HOLE);
				*(kind == MK_ZERO     ? &sum.zero :
				  kind == MK_EXCLUDED ? &sum.excluded :
				  kind == MK_MISSING  ? &sum.missing :
							&sum.present) += 4096;
			}
			assert_int_equal(cell[i].present, sum.present);
			assert_int_equal(cell[i].zero, sum.zero);
			assert_int_equal(cell[i].excluded, sum.excluded);
			assert_int_equal(cell[i].missing, sum.missing);
			all += cell[i].end - cell[i].start;
		}
		assert_int_equal(all, 0x100000 + 0x58000 + 0x2000 + 0x600000);
	}
	opened_free(&o);
	la_arena_free(arena);
}

static void test_json(void **state)
{
	struct la_arena *arena = la_arena_new(1 << 24);
	struct la_mem_map map;
	struct opened o;
	json_t *object, *cells, *ram;
	size_t at = 0;

	(void)state;
	opened_make(&o, all_kinds, 1, NULL);
	assert_int_equal(la_mem_map(o.dump, arena, &map, NULL), LA_OK);
	out[0] = '\0';
	assert_int_equal(la_render_mem_map_json(&map, &sink), LA_OK);
	object = json_loads(out, 0, NULL);
	assert_non_null(object);
	assert_int_equal(json_integer_value(json_object_get(object, "cell_size")), 16384);
	cells = json_object_get(object, "cells");
	ram = json_object_get(object, "ram");
	assert_int_equal(json_array_size(ram), 4);
	assert_int_equal(json_array_size(cells), 64 + 22 + 2 + 6 * 64);
	for (size_t i = 0; i < json_array_size(ram); i++) {
		static const char *const key[] = { "present", "zero", "excluded", "missing" };
		json_int_t sum[4] = { 0 };
		const char *end = json_string_value(json_object_get(json_array_get(ram, i), "end"));
		json_t *cell;

		do {
			cell = json_array_get(cells, at++);
			assert_non_null(cell);
			for (int k = 0; k < 4; k++)
				sum[k] += json_integer_value(json_object_get(cell, key[k]));
		} while (strcmp(json_string_value(json_object_get(cell, "end")), end) != 0);
		for (int k = 0; k < 4; k++)
			assert_int_equal(json_integer_value(
						 json_object_get(json_array_get(ram, i), key[k])),
					 sum[k]);
	}
	json_decref(object);
	opened_free(&o);
	la_arena_free(arena);
}

/* From 1 GiB to 1 TiB the picture keeps its size. */
static void test_sizes(void **state)
{
	static const struct {
		const char *text, *unit, *last;
	} guest[] = {
		{ "kdump\nram 0 256M zero\nram 0x80000000 768M excluded\n", " PICTURE: 2 MB each",
		  "    a8000000  " R64("x") "\n" },
		{ "kdump\nram 0 256M zero\nram 0x80000000 9984M excluded\n", " PICTURE: 32 MB each",
		  "   280000000  " R16("x") R16("x") R16("x") "xxxxxxxx\n" },
		{ "kdump\nram 0 256M zero\nram 0x80000000 1048320M excluded\n",
		  " PICTURE: 2 GB each", "  e000000000  " R64("x") "\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(guest) / sizeof(guest[0]); i++) {
		struct la_arena *arena = la_arena_new(1 << 24);
		struct la_mem_map map;
		struct opened o;

		opened_make(&o, guest[i].text, 1, NULL);
		render(&o, 80, &map, arena);
		assert_true(map.ncells <= 512 + map.n);
		assert_non_null(strstr(out, guest[i].unit));
		assert_non_null(strstr(out, guest[i].last));
		opened_free(&o);
		la_arena_free(arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_picture),
		cmocka_unit_test(test_cells),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
