/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The door: the only way the core sees the dump and the kernel's debug
 * information. extensions/glue/door.c implements it over crash, tests/unit/
 * over plain memory. No callback may leave by longjmp.
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
	const char *name;   /* valid as long as the door */
	uint64_t start;     /* run-time address */
	uint64_t end;       /* first address behind it, as far as known; 0 = unknown */
	const char *module; /* NULL for the kernel itself */
};

struct la_member {
	size_t offset; /* bytes from the start of the structure */
	size_t size;   /* bytes */
};

struct la_door {
	void *ctx;

	/** Read @len bytes of guest-physical memory. All or nothing. */
	enum la_status (*read_phys)(void *ctx, uint64_t pa, void *ret, size_t len);

	/** Run-time address of a symbol (relocation applied). */
	bool (*symbol)(void *ctx, const char *name, uint64_t *ret);

	/** The symbol that covers @addr, kernel text, data or module; text symbols win. */
	bool (*symbol_at)(void *ctx, uint64_t addr, struct la_symbol *ret);

	/** Bytes a variable takes, from the ELF symbol table or DWARF. */
	bool (*symbol_size)(void *ctx, const char *name, uint64_t *ret);

	/** Where a member lies; nested ones as "page.flags" are not supported. */
	bool (*member)(void *ctx, const char *type, const char *member, struct la_member *ret);

	/** sizeof a structure (tag without "struct"), e.g. "page". */
	bool (*type_size)(void *ctx, const char *type, size_t *ret);

	/** Value of an enumerator or of an ikconfig number; false if unknown. */
	bool (*enumerator)(void *ctx, const char *name, int64_t *ret);

	/**
	 * Bytes of the kernel's ELF file for a run-time address of its text or data, as many as the
	 * section has, at most @len; returns how many. Optional (NULL).
	 */
	size_t (*file_bytes)(void *ctx, uint64_t address, void *ret, size_t len);

	/** The ELF notes of the dump file, all of them in file order; NULL/0 when there are none. */
	const void *notes;
	size_t notes_size;

	/** VMCOREINFO that the dump file brings along, no NUL behind it; NULL/0 when it has none. */
	const char *vmcoreinfo;
	size_t vmcoreinfo_size;

	/** The guest's RAM as the dump has it, ascending; NULL/0 where nobody knows. */
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
