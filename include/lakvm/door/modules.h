/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The modules of a kernel and what they have where: data, read by guest/modules.h out of the guest, for the
 * doors that answer for their symbols too.
 */
#ifndef LAKVM_DOOR_MODULES_H
#define LAKVM_DOOR_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/door/door.h"

/** Kinds of memory that a module has: 7 since 6.4 (enum mod_mem_type), core and init before. */
#define LA_MODULE_PARTS 8

struct la_module_part {
	uint64_t start, end; /* run-time addresses; end: the first behind it */
};

struct la_module_symbol {
	uint64_t start;
	uint64_t size;    /* 0: not known */
	const char *name; /* NULL: there is one, and its name cannot be read */
	bool function;
};

struct la_module {
	uint64_t address;    /* of its struct module */
	const char *name;    /* as lsmod prints it; "" = cannot be read */
	const char *version; /* MODULE_VERSION(); NULL: it has none, or it cannot be read */
	struct la_module_part part[LA_MODULE_PARTS];
	size_t nparts;
	const struct la_module_symbol *symbol; /* by address, at one address a function first */
	size_t nsymbols;
	/* Some symbols could not be read: what lies behind the end of one need not belong to it. */
	bool incomplete;
};

struct la_modules {
	const struct la_module *module; /* in the kernel's own order, the newest first */
	size_t n;
	/* Compiled BPF programs and their trampolines, by address: for a door, symbols of a module "bpf". */
	const struct la_module_symbol *bpf;
	size_t nbpf;
	/* Their symbols' names hashed (la_modules_symbol): a power of two of places; NULL and 0: not hashed. */
	const struct la_module_symbol **by_name;
	size_t places;
	const char *remark; /* why there may be more, or more symbols; NULL: that is all */
};

/** Is a symbol's @module no module, but what BPF's code is named as? As /proc/kallsyms has it. */
bool la_is_bpf(const char *module);

/** The module one of whose parts has @address; NULL: none. */
const struct la_module *la_modules_find(const struct la_modules *m, uint64_t address);

/**
 * The symbol that covers @address, as a door's symbol_at() promises; *@ret_end: where the next one, or the
 * module's part, begins or ends. NULL: none, or not known.
 */
const struct la_module_symbol *la_module_symbol_at(const struct la_module *m, uint64_t address,
						   uint64_t *ret_end);

/** The same of all modules, with what a door tells of it. False: none; so it is where @modules is NULL. */
bool la_modules_symbol_at(const struct la_modules *modules, uint64_t address,
			  struct la_symbol *ret);

/** Hash the names of @m's symbols, in @arena. False: out of memory, and no name is found. */
bool la_modules_hash(struct la_modules *m, struct la_arena *arena);

/** Address of the first symbol of that name. False: there is none, or names are not hashed. */
bool la_modules_symbol(const struct la_modules *m, const char *name, uint64_t *ret);

/**
 * Bytes of a function's name without what the compiler adds for a part or a copy of it: ".part.0", ".isra.0",
 * ".llvm.123". All doors leave that away, as crash does, so that they name the same thing alike.
 */
size_t la_plain_length(const char *name);

#endif
