// SPDX-License-Identifier: GPL-3.0-or-later
// Types out of DWARF that was made to harm: every question has to end, and soon.
#include <dwarf.h>
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "door/elf_file.h"
#include "dump/map.h"
#include "lakvm/door/elf_door.h"

#define SECONDS 60 /* under sanitizers on a busy machine; what does not end takes for ever */

enum { UNIT = 1, STRUCTURE, HIDDEN, NAMED, BASE, TYPEDEF, POINTS_BACK };

/* What each kind of entry has; all of it in fixed sizes. */
static const unsigned char abbreviations[] = {
	/* clang-format off */
	UNIT, DW_TAG_compile_unit, 1, 0, 0,
	STRUCTURE, DW_TAG_structure_type, 1, DW_AT_name, DW_FORM_string, DW_AT_byte_size, DW_FORM_data4, 0, 0,
	HIDDEN, DW_TAG_member, 0, DW_AT_type, DW_FORM_ref4, DW_AT_data_member_location, DW_FORM_data4, 0, 0,
	NAMED, DW_TAG_member, 0, DW_AT_name, DW_FORM_string, DW_AT_type, DW_FORM_ref4,
		DW_AT_data_member_location, DW_FORM_data4, 0, 0,
	BASE, DW_TAG_base_type, 0, DW_AT_name, DW_FORM_string, DW_AT_byte_size, DW_FORM_data4, 0, 0,
	TYPEDEF, DW_TAG_typedef, 0, DW_AT_name, DW_FORM_string, DW_AT_type, DW_FORM_ref4, 0, 0,
	POINTS_BACK, DW_TAG_structure_type, 1, DW_AT_sibling, DW_FORM_ref4, DW_AT_name, DW_FORM_string, 0, 0,
	0,
	/* clang-format on */
};

#define MAX_INFO (8u << 20)
#define UNIT_HEADER 11

struct info {
	unsigned char *bytes;
	uint32_t n;
};

static void put(struct info *i, const void *bytes, size_t n)
{
	assert_true(i->n + n <= MAX_INFO);
	memcpy(i->bytes + i->n, bytes, n);
	i->n += (uint32_t)n;
}

static void put_code(struct info *i, unsigned char code)
{
	put(i, &code, 1);
}

static void put_u32(struct info *i, uint32_t value)
{
	put(i, &value, 4);
}

static void put_name(struct info *i, const char *name)
{
	put(i, name, strlen(name) + 1);
}

static void begin(struct info *i)
{
	static const unsigned char header[UNIT_HEADER] = { [4] = 4 /* version */, [10] = 8 };

	i->bytes = malloc(MAX_INFO);
	i->n = 0;
	put(i, header, sizeof(header));
	put_code(i, UNIT);
}

/* Returns where it is. */
static uint32_t put_structure(struct info *i, const char *name)
{
	const uint32_t at = i->n;

	put_code(i, STRUCTURE);
	put_name(i, name);
	put_u32(i, 8);
	return at;
}

static void put_hidden(struct info *i, uint32_t type, uint32_t offset)
{
	put_code(i, HIDDEN);
	put_u32(i, type);
	put_u32(i, offset);
}

/* Write a vmlinux with this information and nothing else but a symbol; frees it. */
static void write_vmlinux(struct info *i, char *path)
{
	static const char names[] = "\0.debug_info\0.debug_abbrev\0.symtab\0.strtab\0.shstrtab";
	static const char symbol_names[] = "\0_stext";
	const Elf64_Sym symbols[2] = { [1] = { .st_name = 1,
					       .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
					       .st_shndx = SHN_ABS,
					       .st_value = UINT64_C(0x9000000000200000),
					       .st_size = 4 } };
	struct {
		const void *bytes;
		size_t size;
		uint32_t name, type, link, entry;
	} section[] = {
		{ i->bytes, i->n, 1, SHT_PROGBITS, 0, 0 },
		{ abbreviations, sizeof(abbreviations), 13, SHT_PROGBITS, 0, 0 },
		{ symbols, sizeof(symbols), 27, SHT_SYMTAB, 4, sizeof(Elf64_Sym) },
		{ symbol_names, sizeof(symbol_names), 35, SHT_STRTAB, 0, 0 },
		{ names, sizeof(names), 43, SHT_STRTAB, 0, 0 },
	};
	Elf64_Ehdr ehdr = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			    .e_type = ET_EXEC,
			    .e_machine = 258,
			    .e_version = EV_CURRENT,
			    .e_shoff = sizeof(ehdr),
			    .e_ehsize = sizeof(ehdr),
			    .e_shentsize = sizeof(Elf64_Shdr),
			    .e_shnum = 6,
			    .e_shstrndx = 5 };
	Elf64_Shdr shdr[6] = { { 0 } };
	uint64_t at = sizeof(ehdr) + sizeof(shdr);
	uint32_t length;
	FILE *f;

	put_code(i, 0);
	length = i->n - 4;
	memcpy(i->bytes, &length, 4);
	section[0].size = i->n;
	for (size_t s = 0; s < 5; s++) {
		shdr[s + 1] = (Elf64_Shdr){ .sh_name = section[s].name,
					    .sh_type = section[s].type,
					    .sh_offset = at,
					    .sh_size = section[s].size,
					    .sh_link = section[s].link,
					    .sh_entsize = section[s].entry,
					    .sh_addralign = 1 };
		at += section[s].size;
	}
	strcpy(path, "/tmp/lakvm-types-XXXXXX");
	f = fdopen(mkstemp(path), "wb");
	assert_non_null(f);
	fwrite(&ehdr, sizeof(ehdr), 1, f);
	fwrite(shdr, sizeof(shdr), 1, f);
	for (size_t s = 0; s < 5; s++)
		fwrite(section[s].bytes, 1, section[s].size, f);
	assert_int_equal(fclose(f), 0);
	free(i->bytes);
}

struct opened {
	char path[32];
	struct la_arena *arena;
	struct la_elf_door *elf;
	const struct la_door *door;
};

static void open_door(struct opened *o, struct info *i)
{
	struct la_error err = { "" };

	write_vmlinux(i, o->path);
	o->arena = la_arena_new(64 << 20);
	if (la_elf_door_open(&o->elf, o->path, NULL, o->arena, &err) != LA_OK)
		fail_msg("%s", err.text);
	o->door = la_elf_door(o->elf);
	alarm(SECONDS);
}

static void close_door(struct opened *o)
{
	alarm(0);
	la_elf_door_close(o->elf);
	la_arena_free(o->arena);
	unlink(o->path);
}

static bool ask(const struct opened *o, const char *type, const char *name, struct la_member *ret)
{
	return o->door->member(o->door->ctx, type, name, ret);
}

static void test_plain(void **state)
{
	struct la_member m;
	struct opened o;
	struct info i;
	uint32_t base, inner;
	size_t size;

	(void)state;
	begin(&i);
	base = i.n;
	put_code(&i, BASE);
	put_name(&i, "int");
	put_u32(&i, 4);
	inner = put_structure(&i, "inner");
	put_code(&i, NAMED);
	put_name(&i, "x");
	put_u32(&i, base);
	put_u32(&i, 4);
	put_code(&i, 0);
	put_structure(&i, "outer");
	put_hidden(&i, inner, 16);
	put_code(&i, 0);
	open_door(&o, &i);
	assert_true(ask(&o, "outer", "x", &m));
	assert_int_equal(m.offset, 20);
	assert_int_equal(m.size, 4);
	assert_true(o.door->type_size(o.door->ctx, "inner", &size));
	assert_int_equal(size, 8);
	close_door(&o);
}

static void test_inside_itself(void **state)
{
	struct la_member m;
	struct opened o;
	struct info i;
	uint32_t self;

	(void)state;
	begin(&i);
	self = put_structure(&i, "self");
	put_hidden(&i, self, 0);
	put_code(&i, 0);
	open_door(&o, &i);
	assert_false(ask(&o, "self", "x", &m));
	close_door(&o);
}

/* Each of @n structures lies in the one before it, @times. */
static void nested(unsigned n, unsigned times)
{
	const uint32_t each = 1 + 2 + 4 + times * 9 + 1;
	struct la_member m;
	struct opened o;
	struct info i;

	begin(&i);
	for (unsigned k = 0; k < n; k++) {
		const uint32_t at = put_structure(&i, k ? "s" : "t");

		for (unsigned j = 0; j < times; j++)
			put_hidden(&i, k + 1 < n ? at + each : at, j);
		put_code(&i, 0);
	}
	open_door(&o, &i);
	assert_false(ask(&o, "t", "x", &m));
	close_door(&o);
}

static void test_nested_deep(void **state)
{
	(void)state;
	nested(300000, 1);
}

static void test_nested_wide(void **state)
{
	(void)state;
	nested(60, 2);
}

static void test_typedef_of_itself(void **state)
{
	struct la_member m;
	struct opened o;
	struct info i;
	uint32_t self;

	(void)state;
	begin(&i);
	self = i.n;
	put_code(&i, TYPEDEF);
	put_name(&i, "self");
	put_u32(&i, self);
	put_structure(&i, "user");
	put_code(&i, NAMED);
	put_name(&i, "x");
	put_u32(&i, self);
	put_u32(&i, 0);
	put_code(&i, 0);
	open_door(&o, &i);
	assert_false(ask(&o, "user", "x", &m));
	close_door(&o);
}

/* An entry that says the next one is an earlier one. */
static void test_circle_of_entries(void **state)
{
	struct opened o;
	struct info i;
	uint32_t first;
	int64_t value;
	size_t size;

	(void)state;
	begin(&i);
	first = put_structure(&i, "first");
	put_code(&i, 0);
	put_code(&i, POINTS_BACK);
	put_u32(&i, first);
	put_name(&i, "second");
	put_code(&i, 0);
	open_door(&o, &i);
	assert_true(o.door->type_size(o.door->ctx, "first", &size));
	assert_false(o.door->type_size(o.door->ctx, "third", &size));
	assert_false(o.door->enumerator(o.door->ctx, "none", &value));
	close_door(&o);
}

/* --- the file itself --- */

/* A packed section of a few bytes that says it has 3 GiB unpacked. */
static void test_packed_too_large(void **state)
{
	struct la_elf_file *file;
	struct opened o;
	Elf_Data *data;
	Elf64_Chdr packed = { .ch_type = ELFCOMPRESS_ZLIB,
			      .ch_size = UINT64_C(3) << 30,
			      .ch_addralign = 1 };
	Elf64_Shdr shdr;
	struct info i;
	FILE *f;

	(void)state;
	begin(&i);
	put_structure(&i, "s");
	put_code(&i, 0);
	put(&i, &packed, sizeof(packed));
	write_vmlinux(&i, o.path);
	f = fopen(o.path, "r+b");
	assert_non_null(f);
	fseek(f, sizeof(Elf64_Ehdr) + sizeof(shdr), SEEK_SET);
	assert_int_equal(fread(&shdr, sizeof(shdr), 1, f), 1);
	shdr.sh_flags = SHF_COMPRESSED;
	fseek(f, sizeof(Elf64_Ehdr) + sizeof(shdr), SEEK_SET);
	fwrite(&shdr, sizeof(shdr), 1, f);
	fseek(f, (long)shdr.sh_offset, SEEK_SET);
	fwrite(&packed, sizeof(packed), 1, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(la_elf_file_open(&file, o.path, NULL), LA_OK);
	assert_null(la_elf_file_dwarf(file));
	assert_int_equal(la_elf_file_section(file, ".debug_info", &data, NULL), LA_CORRUPT);
	assert_int_equal(la_elf_file_section(file, ".debug_line", &data, NULL), LA_ABSENT);
	la_elf_file_close(file);
	unlink(o.path);
}

static void test_fifo(void **state)
{
	char path[] = "/tmp/lakvm-fifo-XXXXXX";
	struct la_error err = { "" };
	struct la_elf_file *file;

	(void)state;
	assert_non_null(mkdtemp(path));
	rmdir(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(SECONDS);
	assert_int_equal(la_elf_file_open(&file, path, &err), LA_INVALID);
	assert_null(file);
	assert_non_null(strstr(err.text, "not a regular file"));
	assert_false(la_elf_is_program(path));
	alarm(0);
	unlink(path);
	assert_int_equal(la_elf_file_open(&file, "/tmp", &err), LA_INVALID);
}

/* A file that is cut while it is open: no signal, and nothing that is made of what is gone. */
static void test_cut_while_open(void **state)
{
	struct la_member m;
	struct opened o;
	struct info i;

	(void)state;
	begin(&i);
	for (unsigned k = 0; k < 100000; k++) {
		put_structure(&i, "s");
		put_code(&i, 0);
	}
	put_structure(&i, "last");
	put_code(&i, 0);
	open_door(&o, &i);
	assert_int_equal(truncate(o.path, 8192), 0);
	assert_false(ask(&o, "last", "x", &m));
	assert_false(o.door->type_size(o.door->ctx, "s", &(size_t){ 0 }));
	close_door(&o);
}

/* Somebody else takes the ends from the texts in it: there is one behind it. */
static void test_ends_in_zero(void **state)
{
	char path[] = "/tmp/lakvm-map-XXXXXX", page[4096];
	const int fd = mkstemp(path);
	struct la_map map = { 0 };

	(void)state;
	assert_true(fd >= 0);
	memset(page, 'x', sizeof(page));
	assert_int_equal(write(fd, page, sizeof(page)), sizeof(page));
	la_map_open(&map, fd, sizeof(page), false);
	assert_true(map.usable);
	assert_int_equal(map.base[sizeof(page) - 1], 'x');
	assert_int_equal(map.base[sizeof(page)], 0);
	la_map_close(&map);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_inside_itself),
		cmocka_unit_test(test_nested_deep),
		cmocka_unit_test(test_nested_wide),
		cmocka_unit_test(test_typedef_of_itself),
		cmocka_unit_test(test_circle_of_entries),
		cmocka_unit_test(test_packed_too_large),
		cmocka_unit_test(test_fifo),
		cmocka_unit_test(test_cut_while_open),
		cmocka_unit_test(test_ends_in_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
