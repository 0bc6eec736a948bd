// SPDX-License-Identifier: GPL-3.0-or-later
// What door.h promises, asked of every door that can be had without crash: the same questions, and
// the answers that the compiler and the linker of this very program give. Its own file, marked as
// one of LoongArch, is the vmlinux of the ELF door.
#include <elf.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "fake.h"
#include "lakvm/door/elf_door.h"
#include "lakvm/door/moved_door.h"
#include "lakvm/door/vmcoreinfo_door.h"
#include "lakvm/dump/dump.h"

/* --- what the doors are asked about --- */

struct contract_inner {
	uint32_t a, b;
};

struct contract {
	uint64_t first;
	struct contract_inner nested;
	union {
		uint16_t low;
		struct {
			uint8_t p, q;
		};
	};
	uint32_t bits : 5;
	int32_t array[3][2];
	struct contract *pointer;
	char tail[];
};

union contract_union {
	uint64_t whole;
	uint8_t part;
};

struct contract_declared;

enum contract_number { CONTRACT_TWO = 2, CONTRACT_MANY = 200, CONTRACT_NEGATIVE = -3 };

/* In a section of its own: it ends where the section ends. */
extern char __start_contract[], __stop_contract[];
__attribute__((section("contract"), used)) struct contract contract_data = { .first = 77 };
union contract_union contract_union;
struct contract_declared *contract_declared;
volatile enum contract_number contract_number = CONTRACT_TWO;
__asm__(".pushsection contract, \"aw\"\n.globl contract_label\ncontract_label:\n.8byte 5\n.popsection");
extern char contract_label[];

/* --- the doors --- */

#define RAM UINT64_C(0x200000)
#define RAM_SIZE 4096u
#define HIGH UINT64_C(0x9000000000000000)
#define OFFSET_OF_OTHER UINT64_C(0xd0000000)

struct subject {
	const char *name;
	const struct la_door *door;
	uint64_t base;  /* subtracted from this program's addresses */
	bool sizes;     /* it knows sizes of members and symbols */
	bool addresses; /* it knows what covers an address */
};

struct test {
	struct la_arena *arena;
	struct la_dump *dump;
	struct la_elf_door *elf;
	struct la_vmcoreinfo_door vmcoreinfo;
	struct fake *fake, *high;
	struct la_moved_door still, moved;
	char text[1024], program[40], core[40];
	struct subject subject[5];
};

static int first_object(struct dl_phdr_info *info, size_t size, void *ret)
{
	(void)size;
	*(uint64_t *)ret = info->dlpi_addr;
	return 1;
}

static uint64_t load_address(void)
{
	uint64_t base = 0;

	dl_iterate_phdr(first_object, &base);
	return base;
}

static void write_file(char *path, const void *bytes, size_t size)
{
	int fd;

	strcpy(path, "/tmp/lakvm-contract-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}

/* This program's file, of another machine. */
static void write_program(struct test *t)
{
	FILE *self = fopen("/proc/self/exe", "rb");
	unsigned char *bytes;
	long size;

	assert_non_null(self);
	fseek(self, 0, SEEK_END);
	size = ftell(self);
	rewind(self);
	bytes = malloc((size_t)size);
	assert_int_equal(fread(bytes, 1, (size_t)size, self), size);
	fclose(self);
	((Elf64_Ehdr *)bytes)->e_machine = 258; /* EM_LOONGARCH */
	write_file(t->program, bytes, (size_t)size);
	free(bytes);
}

/* A core of one page, whose bytes are their offsets. */
static void write_core(struct test *t)
{
	struct {
		Elf64_Ehdr ehdr;
		Elf64_Phdr phdr;
		unsigned char ram[RAM_SIZE];
	} core = { .ehdr = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB,
					  EV_CURRENT },
			     .e_type = ET_CORE,
			     .e_machine = 258,
			     .e_version = EV_CURRENT,
			     .e_phoff = sizeof(Elf64_Ehdr),
			     .e_ehsize = sizeof(Elf64_Ehdr),
			     .e_phentsize = sizeof(Elf64_Phdr),
			     .e_phnum = 1 },
		   .phdr = { .p_type = PT_LOAD,
			     .p_offset = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr),
			     .p_paddr = RAM,
			     .p_filesz = RAM_SIZE,
			     .p_memsz = RAM_SIZE } };

	for (size_t i = 0; i < RAM_SIZE; i++)
		core.ram[i] = (unsigned char)i;
	write_file(t->core, &core, sizeof(core));
	for (size_t i = 0; i < RAM_SIZE; i++) {
		fake_put(t->fake, RAM + i, &core.ram[i], 1);
		fake_put(t->high, RAM + i, &core.ram[i], 1);
	}
}

static void tell_fake(struct fake *f, uint64_t base)
{
	fake_symbol(f, "contract_data", (uintptr_t)&contract_data - base, sizeof(contract_data),
		    NULL);
	fake_symbol(f, "contract_label", (uintptr_t)contract_label - base, 0, NULL);
	fake_type(f, "contract", sizeof(struct contract));
	fake_type(f, "contract_union", sizeof(union contract_union));
#define MEMBER(m)                                                                                  \
	fake_member(f, "contract", #m, offsetof(struct contract, m), sizeof(contract_data.m))
	MEMBER(first);
	MEMBER(nested);
	MEMBER(low);
	MEMBER(q);
	MEMBER(array);
	MEMBER(pointer);
#undef MEMBER
	fake_member(f, "contract", "tail", offsetof(struct contract, tail), 0);
	fake_member(f, "contract_union", "part", 0, 1);
	fake_enumerator(f, "CONTRACT_TWO", 2);
	fake_enumerator(f, "CONTRACT_MANY", 200);
	fake_enumerator(f, "CONTRACT_NEGATIVE", -3);
}

static void write_vmcoreinfo(struct test *t, uint64_t base)
{
	int n = snprintf(
		t->text, sizeof(t->text),
		"SYMBOL(contract_data)=%llx\nSYMBOL(contract_label)=%llx\n"
		"SIZE(contract)=%zu\nSIZE(contract_union)=%zu\nSIZE(contract_empty)=0\n"
		"NUMBER(CONTRACT_TWO)=2\nNUMBER(CONTRACT_MANY)=200\nNUMBER(CONTRACT_NEGATIVE)=-3\n"
		"OFFSET(contract_union.part)=0\nOFFSET(contract.nested.a)=8\n",
		(unsigned long long)((uintptr_t)&contract_data - base),
		(unsigned long long)((uintptr_t)contract_label - base), sizeof(struct contract),
		sizeof(union contract_union));

#define OFFSET(m)                                                                                  \
	n += snprintf(t->text + n, sizeof(t->text) - (size_t)n, "OFFSET(contract.%s)=%zu\n", #m,   \
		      offsetof(struct contract, m))
	OFFSET(first);
	OFFSET(nested);
	OFFSET(low);
	OFFSET(q);
	OFFSET(array);
	OFFSET(pointer);
	OFFSET(tail);
#undef OFFSET
	t->vmcoreinfo.door.vmcoreinfo = t->text;
	t->vmcoreinfo.door.vmcoreinfo_size = (size_t)n;
}

static int start(void **state)
{
	struct test *t = calloc(1, sizeof(*t));
	const uint64_t base = load_address();
	struct la_error err = { "" };

	t->arena = la_arena_new(64 << 20);
	t->fake = fake_new();
	t->high = fake_new();
	write_program(t);
	write_core(t);
	tell_fake(t->fake, base);
	/* Addresses below 4 GiB do not move. */
	tell_fake(t->high, base - HIGH);
	la_moved_door_init(&t->moved, fake_door(t->high), OFFSET_OF_OTHER);
	if (la_dump_open(&t->dump, (const char *[]){ t->core }, 1, NULL, &err) != LA_OK ||
	    la_elf_door_open(&t->elf, t->program, t->dump, t->arena, &err) != LA_OK)
		fail_msg("%s", err.text);
	la_vmcoreinfo_door_init(&t->vmcoreinfo, t->dump);
	write_vmcoreinfo(t, base);
	t->subject[0] = (struct subject){ "elf", la_elf_door(t->elf), base, true, true };
	t->subject[1] = (struct subject){ "VMCOREINFO", &t->vmcoreinfo.door, base, false, false };
	t->subject[2] = (struct subject){ "fake", fake_door(t->fake), base, true, true };
	la_moved_door_init(&t->still, la_elf_door(t->elf), 0);
	t->subject[3] = (struct subject){ "not moved", &t->still.door, base, true, true };
	t->subject[4] = (struct subject){ "moved", &t->moved.door, base - HIGH - OFFSET_OF_OTHER,
					  true, true };
	*state = t;
	return 0;
}

static int finish(void **state)
{
	struct test *t = *state;

	la_elf_door_close(t->elf);
	la_dump_close(t->dump);
	la_arena_free(t->arena);
	fake_free(t->fake);
	fake_free(t->high);
	unlink(t->program);
	unlink(t->core);
	free(t);
	return 0;
}

#define SUBJECTS(t, s) for (const struct subject *s = (t)->subject; s < (t)->subject + 5; s++)

/* --- the questions --- */

static void test_reads(void **state)
{
	struct test *t = *state;

	SUBJECTS(t, s)
	{
		const struct la_door *d = s->door;
		unsigned char bytes[RAM_SIZE + 1] = { 0 };

		assert_int_equal(d->read_phys(d->ctx, RAM, bytes, RAM_SIZE), LA_OK);
		assert_int_equal(bytes[255], 255);
		assert_int_equal(d->read_phys(d->ctx, RAM + RAM_SIZE - 1, bytes, 1), LA_OK);
		/* Of a piece that is only partly there nothing is said to be read. */
		assert_int_equal(d->read_phys(d->ctx, RAM, bytes, RAM_SIZE + 1), LA_NOT_RAM);
		assert_int_equal(d->read_phys(d->ctx, RAM - 1, bytes, 2), LA_NOT_RAM);
		assert_int_equal(d->read_phys(d->ctx, 0, bytes, 1), LA_NOT_RAM);
		assert_int_equal(d->read_phys(d->ctx, UINT64_MAX, bytes, 8), LA_NOT_RAM);
	}
}

static void test_symbols(void **state)
{
	static const char *const unknown[] = { "", "contract_dat", "contract_data2", "CONTRACT_TWO",
					       "contract" };
	struct test *t = *state;

	SUBJECTS(t, s)
	{
		const struct la_door *d = s->door;
		uint64_t value = 4711;

		for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
			assert_false(d->symbol(d->ctx, unknown[i], &value));
			assert_false(d->symbol_size(d->ctx, unknown[i], &value));
		}
		/* A size of 0 is none. */
		assert_false(d->symbol_size(d->ctx, "contract_label", &value));
		assert_int_equal(value, 4711);
		assert_true(d->symbol(d->ctx, "contract_data", &value));
		assert_int_equal(value, (uintptr_t)&contract_data - s->base);
		assert_int_equal(d->symbol_size(d->ctx, "contract_data", &value), s->sizes);
		if (s->sizes)
			assert_int_equal(value, sizeof(contract_data));
	}
}

static void test_symbol_at(void **state)
{
	const uint64_t address = (uintptr_t)&contract_data;
	struct test *t = *state;

	SUBJECTS(t, s)
	{
		const struct la_door *d = s->door;
		const struct la_symbol before = { .name = "before", .start = 4711 };
		struct la_symbol at = before;

		assert_false(d->symbol_at(d->ctx, UINT64_MAX, &at));
		assert_string_equal(at.name, "before");
		assert_int_equal(at.start, 4711);
		for (uint64_t i = 0; i < sizeof(contract_data); i += 7) {
			assert_int_equal(d->symbol_at(d->ctx, address - s->base + i, &at),
					 s->addresses);
			if (!s->addresses)
				continue;
			assert_string_equal(at.name, "contract_data");
			assert_int_equal(at.start, address - s->base);
			assert_null(at.module);
			/* Behind it, or not known; never within. */
			assert_true(!at.end || at.end >= at.start + sizeof(contract_data));
		}
	}
}

static void test_members(void **state)
{
	static const struct {
		const char *type, *name;
		struct la_member member;
	} known[] = {
#define M(m)                                                                                       \
	{                                                                                          \
		"contract", #m,                                                                    \
		{                                                                                  \
			offsetof(struct contract, m), sizeof(contract_data.m)                      \
		}                                                                                  \
	}
		M(first),
		M(nested),
		M(low),
		M(q),
		M(array),
		M(pointer),
#undef M
		/* A flexible array has no size that could be known. */
		{ "contract", "tail", { offsetof(struct contract, tail), 0 } },
		{ "contract_union", "part", { 0, 1 } },
	};
	static const char *const unknown[][2] = {
		{ "contract", "nope" },       { "nope", "first" },
		{ "contract", "" },           { "", "first" },
		{ "contract", "nested.a" },   { "contract", "a" },
		{ "contract", "bits" },       { "contract_declared", "first" },
		{ "contract_data", "first" }, { "contract.nested", "a" },
	};
	struct test *t = *state;

	SUBJECTS(t, s)
	{
		const struct la_door *d = s->door;
		struct la_member m = { 4711, 4712 };

		for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
			assert_false(d->member(d->ctx, unknown[i][0], unknown[i][1], &m));
		assert_int_equal(m.offset, 4711);
		assert_int_equal(m.size, 4712);
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
			assert_true(d->member(d->ctx, known[i].type, known[i].name, &m));
			assert_int_equal(m.offset, known[i].member.offset);
			assert_int_equal(m.size, s->sizes ? known[i].member.size : 0);
		}
	}
}

static void test_types(void **state)
{
	static const char *const unknown[] = { "",
					       "nope",
					       "contract_declared",
					       "contract_data",
					       "contract_number",
					       "contract_empty" };
	struct test *t = *state;

	SUBJECTS(t, s)
	{
		const struct la_door *d = s->door;
		size_t size = 4711;

		for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
			assert_false(d->type_size(d->ctx, unknown[i], &size));
		assert_int_equal(size, 4711);
		assert_true(d->type_size(d->ctx, "contract", &size));
		assert_int_equal(size, sizeof(struct contract));
		assert_true(d->type_size(d->ctx, "contract_union", &size));
		assert_int_equal(size, sizeof(union contract_union));
	}
}

static void test_enumerators(void **state)
{
	struct test *t = *state;

	SUBJECTS(t, s)
	{
		const struct la_door *d = s->door;
		int64_t value = 4711;

		assert_false(d->enumerator(d->ctx, "CONTRACT_THREE", &value));
		assert_false(d->enumerator(d->ctx, "contract", &value));
		assert_false(d->enumerator(d->ctx, "", &value));
		assert_int_equal(value, 4711);
		assert_true(d->enumerator(d->ctx, "CONTRACT_TWO", &value));
		assert_int_equal(value, CONTRACT_TWO);
		assert_true(d->enumerator(d->ctx, "CONTRACT_MANY", &value));
		assert_int_equal(value, CONTRACT_MANY);
		assert_true(d->enumerator(d->ctx, "CONTRACT_NEGATIVE", &value));
		assert_int_equal(value, CONTRACT_NEGATIVE);
	}
}

static void test_file_bytes(void **state)
{
	struct test *t = *state;

	SUBJECTS(t, s)
	{
		const struct la_door *d = s->door;
		const uint64_t end = (uintptr_t)__stop_contract - s->base;
		unsigned char bytes[64];

		if (!d->file_bytes)
			continue;
		assert_int_equal(d->file_bytes(d->ctx, (uintptr_t)&contract_data - s->base, bytes,
					       8),
				 8);
		assert_int_equal(bytes[0], 77);
		assert_int_equal(d->file_bytes(d->ctx, end - 4, bytes, 4), 4);
		assert_int_equal(d->file_bytes(d->ctx, end - 4, bytes, sizeof(bytes)), 4);
		memset(bytes, 0xaa, sizeof(bytes));
		assert_int_equal(d->file_bytes(d->ctx, UINT64_MAX - 8, bytes, sizeof(bytes)), 0);
		assert_int_equal(bytes[0], 0xaa);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, finish)
		TEST(test_reads), TEST(test_symbols),     TEST(test_symbol_at),  TEST(test_members),
		TEST(test_types), TEST(test_enumerators), TEST(test_file_bytes),
	};

	contract_union.whole = (uint64_t)contract_number;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
