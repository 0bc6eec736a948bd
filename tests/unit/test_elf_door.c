// SPDX-License-Identifier: GPL-3.0-or-later
// The door over a vmlinux, on an ELF file written by hand: 64 bytes of text, and symbols.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <elf.h>
#include <cmocka.h>

#include "lakvm/door/elf_door.h"
#include "lakvm/door/elf_file.h"

#define LOONGARCH 258
#define TEXT UINT64_C(0x9000000000200000)

static const char strings[] = "\0function\0label\0data\0percpu\0_end\0$x\0undefined";
static const char section_names[] = "\0.text\0.symtab\0.strtab\0.shstrtab";

struct file {
	Elf64_Ehdr ehdr;
	unsigned char text[64];
	Elf64_Sym sym[8];
	char strtab[64], shstrtab[64];
	Elf64_Shdr shdr[5];
};

struct test {
	struct file file;
	struct la_arena *arena;
	char path[32];
};

static Elf64_Sym symbol(unsigned name, unsigned type, uint64_t value, uint64_t size)
{
	return (Elf64_Sym){ .st_name = name,
			    .st_info = ELF64_ST_INFO(STB_GLOBAL, type),
			    .st_shndx = 1,
			    .st_value = value,
			    .st_size = size };
}

static int start(void **state)
{
	struct test *t = calloc(1, sizeof(*t));
	struct file *f = &t->file;

	f->ehdr = (Elf64_Ehdr){ .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB,
					     EV_CURRENT },
				.e_type = ET_EXEC,
				.e_machine = LOONGARCH,
				.e_version = EV_CURRENT,
				.e_shoff = offsetof(struct file, shdr),
				.e_ehsize = sizeof(f->ehdr),
				.e_shentsize = sizeof(Elf64_Shdr),
				.e_shnum = 5,
				.e_shstrndx = 4 };
	for (unsigned i = 0; i < sizeof(f->text); i++)
		f->text[i] = (unsigned char)i;
	f->sym[1] = symbol(1, STT_FUNC, TEXT, 32);        /* function */
	f->sym[2] = symbol(10, STT_NOTYPE, TEXT, 0);      /* label, at the same address */
	f->sym[3] = symbol(16, STT_OBJECT, TEXT + 32, 8); /* data */
	f->sym[4] = symbol(21, STT_OBJECT, 0x40, 8);      /* percpu: an offset, no address */
	f->sym[5] = symbol(28, STT_NOTYPE, TEXT + 64, 0); /* _end */
	f->sym[6] = symbol(33, STT_NOTYPE, TEXT + 4, 0);  /* $x: the assembler's */
	f->sym[7] = symbol(36, STT_FUNC, TEXT + 8, 0);
	f->sym[7].st_shndx = SHN_UNDEF;
	memcpy(f->strtab, strings, sizeof(strings));
	memcpy(f->shstrtab, section_names, sizeof(section_names));
	f->shdr[1] = (Elf64_Shdr){ .sh_name = 1,
				   .sh_type = SHT_PROGBITS,
				   .sh_flags = SHF_ALLOC,
				   .sh_addr = TEXT,
				   .sh_offset = offsetof(struct file, text),
				   .sh_size = 64,
				   .sh_addralign = 1 };
	f->shdr[2] = (Elf64_Shdr){ .sh_name = 7,
				   .sh_type = SHT_SYMTAB,
				   .sh_offset = offsetof(struct file, sym),
				   .sh_size = sizeof(f->sym),
				   .sh_link = 3,
				   .sh_entsize = sizeof(Elf64_Sym),
				   .sh_addralign = 1 };
	f->shdr[3] = (Elf64_Shdr){ .sh_name = 15,
				   .sh_type = SHT_STRTAB,
				   .sh_size = sizeof(f->strtab),
				   .sh_offset = offsetof(struct file, strtab),
				   .sh_addralign = 1 };
	f->shdr[4] = (Elf64_Shdr){ .sh_name = 23,
				   .sh_type = SHT_STRTAB,
				   .sh_size = sizeof(f->shstrtab),
				   .sh_offset = offsetof(struct file, shstrtab),
				   .sh_addralign = 1 };
	t->arena = la_arena_new(1 << 20);
	*state = t;
	return 0;
}

static int finish(void **state)
{
	struct test *t = *state;

	if (t->path[0])
		unlink(t->path);
	la_arena_free(t->arena);
	free(t);
	return 0;
}

static const char *written(struct test *t)
{
	int fd;

	strcpy(t->path, "/tmp/lakvm-elf-XXXXXX");
	fd = mkstemp(t->path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, &t->file, sizeof(t->file)), sizeof(t->file));
	close(fd);
	return t->path;
}

static void test_symbols(void **state)
{
	struct test *t = *state;
	struct la_elf_door *e;
	const struct la_door *door;
	struct la_symbol at;
	uint64_t value;

	assert_int_equal(la_elf_door_open(&e, written(t), NULL, t->arena, NULL), LA_OK);
	door = la_elf_door(e);
	assert_true(door->symbol(door->ctx, "function", &value));
	assert_int_equal(value, TEXT);
	assert_true(door->symbol(door->ctx, "percpu", &value));
	assert_int_equal(value, 0x40);
	assert_false(door->symbol(door->ctx, "undefined", &value));
	assert_false(door->symbol(door->ctx, "$x", &value));
	assert_false(door->symbol(door->ctx, "functio", &value));
	assert_true(door->symbol_size(door->ctx, "data", &value));
	assert_int_equal(value, 8);
	assert_false(door->symbol_size(door->ctx, "label", &value));
	/* A function wins over a label at its address; behind the last symbol there is none. */
	assert_true(door->symbol_at(door->ctx, TEXT + 31, &at));
	assert_string_equal(at.name, "function");
	assert_int_equal(at.start, TEXT);
	assert_int_equal(at.end, TEXT + 32);
	assert_true(door->symbol_at(door->ctx, TEXT + 63, &at));
	assert_string_equal(at.name, "data");
	assert_false(door->symbol_at(door->ctx, TEXT + 64, &at));
	assert_false(door->symbol_at(door->ctx, TEXT - 1, &at));
	la_elf_door_close(e);
}

static void test_relocation(void **state)
{
	struct test *t = *state;
	struct la_elf_door *e;
	const struct la_door *door;
	unsigned char bytes[128];
	struct la_symbol at;
	uint64_t value;

	assert_int_equal(la_elf_door_open(&e, written(t), NULL, t->arena, NULL), LA_OK);
	door = la_elf_door(e);
	la_elf_door_relocate(e, 0x1230000);
	assert_true(door->symbol(door->ctx, "data", &value));
	assert_int_equal(value, TEXT + 0x1230000 + 32);
	assert_true(door->symbol(door->ctx, "percpu", &value)); /* not moved */
	assert_int_equal(value, 0x40);
	assert_true(door->symbol_at(door->ctx, TEXT + 0x1230000 + 4, &at));
	assert_string_equal(at.name, "function");
	assert_int_equal(at.start, TEXT + 0x1230000);
	/* The file's bytes, as many as the section has. */
	assert_int_equal(door->file_bytes(door->ctx, TEXT + 0x1230000 + 60, bytes, sizeof(bytes)),
			 4);
	assert_int_equal(bytes[3], 63);
	assert_int_equal(door->file_bytes(door->ctx, TEXT, bytes, 1), 0);
	la_elf_door_close(e);
}

/* Behind the kernel's own, which count first. */
static void test_modules(void **state)
{
	static const uint64_t base = UINT64_C(0xffff800002000000);
	static const struct la_module_symbol symbol[] = {
		{ base + 8, 16, "in_module", true },
		{ base + 64, 0, "function", true },
	};
	static const struct la_module module = { .name = "one",
						 .part = { { base, base + 0x100 } },
						 .nparts = 1,
						 .symbol = symbol,
						 .nsymbols = 2 };
	struct la_modules modules = { .module = &module, .n = 1 };
	struct test *t = *state;
	struct la_elf_door *e;
	const struct la_door *door;
	struct la_symbol at;
	uint64_t value;

	assert_int_equal(la_elf_door_open(&e, written(t), NULL, t->arena, NULL), LA_OK);
	door = la_elf_door(e);
	assert_false(door->symbol_at(door->ctx, base + 12, &at));
	assert_true(la_modules_hash(&modules, t->arena));
	la_elf_door_set_modules(e, &modules);
	assert_true(door->symbol_at(door->ctx, base + 12, &at));
	assert_string_equal(at.name, "in_module");
	assert_string_equal(at.module, "one");
	assert_true(at.start == base + 8 && at.end == base + 64);
	assert_false(door->symbol_at(door->ctx, base + 4, &at));
	assert_false(door->symbol_at(door->ctx, base + 0x100, &at));
	assert_true(door->symbol(door->ctx, "in_module", &value));
	assert_true(value == base + 8);
	assert_true(door->symbol(door->ctx, "function", &value));
	assert_int_equal(value, TEXT);
	assert_true(door->symbol_at(door->ctx, TEXT + 4, &at));
	assert_null(at.module);
	la_elf_door_close(e);
}

static void test_without_dump_or_types(void **state)
{
	struct test *t = *state;
	struct la_elf_door *e;
	const struct la_door *door;
	struct la_member m;
	size_t size;
	char byte;

	assert_int_equal(la_elf_door_open(&e, written(t), NULL, t->arena, NULL), LA_OK);
	door = la_elf_door(e);
	assert_int_equal(door->read_phys(door->ctx, 0, &byte, 1), LA_ABSENT);
	assert_null(door->notes);
	assert_false(door->member(door->ctx, "page", "flags", &m));
	assert_false(door->type_size(door->ctx, "page", &size));
	la_elf_door_close(e);
}

static void refused(struct test *t, enum la_status status, const char *words)
{
	struct la_error err = { "" };
	struct la_elf_door *e;

	assert_int_equal(la_elf_door_open(&e, written(t), NULL, t->arena, &err), status);
	assert_non_null(strstr(err.text, words));
	unlink(t->path);
}

static void test_other_files(void **state)
{
	struct test *t = *state;
	struct la_error err = { "" };
	struct la_elf_door *e;

	assert_true(la_elf_is_program(written(t)));
	unlink(t->path);
	t->file.ehdr.e_machine = EM_X86_64;
	refused(t, LA_INVALID, "not a 64-bit LoongArch kernel");
	t->file.ehdr.e_machine = LOONGARCH;
	t->file.shdr[2].sh_type = SHT_NOBITS;
	refused(t, LA_ABSENT, "no symbol table");
	t->file.ehdr.e_type = ET_CORE;
	assert_false(la_elf_is_program(written(t)));
	unlink(t->path);
	t->file.ehdr.e_ident[0] = 'x';
	assert_false(la_elf_is_program(written(t)));
	unlink(t->path);
	refused(t, LA_INVALID, "cannot be read as an ELF file");
	assert_int_equal(la_elf_door_open(&e, "/nonexistent", NULL, t->arena, &err), LA_IO);
	assert_non_null(strstr(err.text, "/nonexistent: No such file or directory"));
	assert_false(la_elf_is_program("/nonexistent"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, finish)
		TEST(test_symbols),     TEST(test_relocation),
		TEST(test_modules),     TEST(test_without_dump_or_types),
		TEST(test_other_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
