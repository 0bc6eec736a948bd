/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The door: what the core is told of a dump and of the kernel in it, by whoever has them: crash
 * (extensions/glue/door.c), a vmlinux file (elf_door.h), a VMCOREINFO text alone (vmcoreinfo_door.h), tests
 * (tests/unit/fake.h). tests/unit/test_door_contract.c asks each the same. Two things pass it by: call-frame
 * information and source positions are read from the file that @vmlinux names, and what a dump has of an
 * address is the reader's to explain (lakvm/dump/dump.h).
 *
 * Every callback takes @ctx first. It says false, or a status, for what it does not know or cannot
 * read, and then leaves *ret as it was; it never guesses. It may be left by longjmp (Ctrl-C and errors of
 * crash): the next call finds the door as it was, and what the core keeps follows lakvm/base/jump.h.
 */
#ifndef LAKVM_DOOR_H
#define LAKVM_DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/door/overrides.h"
#include "lakvm/dump/ram.h"
#include "lakvm/base/status.h"

struct la_dump;

struct la_symbol {
	const char *name;   /* valid as long as the door; la_plain_length() of it (modules.h) */
	uint64_t start;     /* run-time address */
	uint64_t end;       /* first address behind it, or of the next symbol; 0 = not known */
	const char *module; /* NULL for the kernel itself; valid as long as the door */
};

struct la_member {
	size_t offset; /* bytes from the start of the structure */
	size_t size; /* bytes; 0 = not known: a flexible array, or VMCOREINFO, which has offsets only */
};

struct la_door {
	void *ctx;

	/**
	 * Read @len bytes of guest-physical memory. All or nothing: unless LA_OK is returned, the bytes at
	 * @ret have no meaning. LA_NOT_RAM, LA_EXCLUDED, LA_TRUNCATED, LA_CORRUPT, LA_IO as la_dump_read
	 * has them; LA_ABSENT: there is no dump.
	 */
	enum la_status (*read_phys)(void *ctx, uint64_t pa, void *ret, size_t len);

	/**
	 * Run-time address of a symbol: relocation is applied, but not to values below 4 GiB, which are
	 * offsets (per-CPU variables) or plain numbers.
	 */
	bool (*symbol)(void *ctx, const char *name, uint64_t *ret);

	/**
	 * The symbol that covers a run-time address, of kernel or module, text or data: the last one that starts
	 * at or below it, of several that start there a function first. False: none does, or nobody knows.
	 */
	bool (*symbol_at)(void *ctx, uint64_t addr, struct la_symbol *ret);

	/** Bytes a variable or function takes, from the ELF symbol table; never 0. */
	bool (*symbol_size)(void *ctx, const char *name, uint64_t *ret);

	/**
	 * Where a member of a structure or union (its tag) lies, also one of an unnamed structure inside. False
	 * for members of members ("page.flags") and for bit fields, which have no place in bytes.
	 */
	bool (*member)(void *ctx, const char *type, const char *member, struct la_member *ret);

	/** sizeof a structure or union (its tag), e.g. "page"; never 0. */
	bool (*type_size)(void *ctx, const char *type, size_t *ret);

	/** Value of an enumerator, or of what VMCOREINFO has as NUMBER(). */
	bool (*enumerator)(void *ctx, const char *name, int64_t *ret);

	/**
	 * Bytes of the kernel's ELF file for a run-time address of its text or data: as many as its section
	 * has from there on, at most @len; returns how many, 0 = none. NULL where there is no file.
	 */
	size_t (*file_bytes)(void *ctx, uint64_t address, void *ret, size_t len);

	/* What follows is set before the door is used, and lives as long. */

	/** The ELF notes of the dump file, all of them in file order; NULL/0 when there are none. */
	const void *notes;
	size_t notes_size;

	/** VMCOREINFO that the dump file brings along, no NUL behind it; NULL/0 when it has none. */
	const char *vmcoreinfo;
	size_t vmcoreinfo_size;

	/** The guest's RAM as the dump has it (la_dump_ram), ascending; NULL/0 where nobody knows. */
	const struct la_ram_range *ram;
	size_t nram;

	/** What a person says of this guest against all it says itself; NULL: nothing. */
	const struct la_overrides *overrides;

	/** The kernel's own ELF file with its call-frame information; NULL if there is none. */
	const char *vmlinux;
	/** Run-time address minus the address in @vmlinux; one value for all sections. */
	uint64_t relocation;
};

/**
 * Put the notes and the VMCOREINFO of @dump, as far as it has them, into @door. They stay the dump's,
 * which must outlive the door.
 */
void la_door_take_notes(const struct la_dump *dump, struct la_door *door);

#endif
