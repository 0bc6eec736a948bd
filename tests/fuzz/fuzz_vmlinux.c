// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzz target: a file as a vmlinux, asked all that a vmlinux is asked: symbols, types, enumerators, bytes, its
// build-id, call-frame information, source positions.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lakvm/door/elf_door.h"
#include "lakvm/door/elf_file.h"
#include "lakvm/stack/cfi.h"
#include "lakvm/stack/lines.h"
#include "lakvm/stack/unwind.h"
#include "stack/cfi.h"

/* Where the seeds' code is: tests/fuzz/seeds/vmlinux.c. */
#define TEXT UINT64_C(0x400000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask_door(const struct la_door *door)
{
	static const char *const type[] = { "outer", "inner", "u", "task_struct", "" };
	static const char *const name[] = { "a", "b", "c", "array", "bits", "nested", "" };
	struct la_symbol symbol;
	struct la_member member;
	unsigned char bytes[64];
	uint64_t value;
	int64_t number;
	size_t length;

	for (size_t i = 0; i < sizeof(type) / sizeof(type[0]); i++) {
		door->type_size(door->ctx, type[i], &length);
		for (size_t k = 0; k < sizeof(name) / sizeof(name[0]); k++)
			door->member(door->ctx, type[i], name[k], &member);
	}
	door->enumerator(door->ctx, "SECOND", &number);
	door->enumerator(door->ctx, "none", &number);
	door->symbol(door->ctx, "first", &value);
	door->symbol_size(door->ctx, "first", &value);
	for (uint64_t at = TEXT; at < TEXT + 0x4000; at += 0x40) {
		if (door->symbol_at(door->ctx, at, &symbol) && strlen(symbol.name) > 511)
			abort();
		if (door->file_bytes(door->ctx, at, bytes, sizeof(bytes)) > sizeof(bytes))
			abort();
	}
}

static void ask_stacks(const struct la_door *door)
{
	struct la_kernel k = { .door = door };
	struct la_cfi_row row;

	if (la_cfi_open(&k, NULL) == LA_OK)
		for (uint64_t pc = TEXT; pc < TEXT + 0x2000; pc += 8)
			la_cfi_row(k.cfi, pc, &row);
	la_cfi_close(&k);
	if (la_lines_open(&k, NULL) == LA_OK)
		for (uint64_t pc = TEXT + 0x1000; pc < TEXT + 0x1100; pc += 8) {
			const struct la_lines_at *at = la_lines_find(&k, pc);

			if (at && at->n > LA_MAX_INLINED)
				abort();
		}
	la_lines_close(&k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct la_arena *arena = la_arena_new(64 << 20);
	const int fd = memfd_create("vmlinux", 0);
	struct la_elf_door *vmlinux;
	struct la_elf_file *file;
	struct la_error err = { "" };
	struct la_build_id id;
	char path[32];
	uint64_t at;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	la_elf_is_program(path);
	if (la_elf_file_open(&file, path, &err) == LA_OK) {
		la_elf_file_build_id(file, &id, &at);
		la_elf_file_is_kernel(file, &err);
	} else if (!err.text[0]) {
		abort();
	}
	la_elf_file_close(file);
	la_error_clear(&err);
	if (la_elf_door_open(&vmlinux, path, NULL, arena, &err) == LA_OK) {
		ask_door(la_elf_door(vmlinux));
		ask_stacks(la_elf_door(vmlinux));
		la_elf_door_close(vmlinux);
	} else if (!err.text[0]) {
		abort();
	}
	close(fd);
	la_arena_free(arena);
	return 0;
}
