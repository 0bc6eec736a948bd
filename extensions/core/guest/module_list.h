/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel's list of modules, element by element. */
#ifndef LAKVM_GUEST_MODULE_LIST_H
#define LAKVM_GUEST_MODULE_LIST_H

#include "base/cycle.h"
#include "lakvm/guest/modules.h"

struct la_module_walk {
	uint64_t head, at;
	size_t link; /* offset of module.list */
	struct la_cycle cycle;
};

/** Begin before the first. LA_ABSENT: no list, or vmlinux does not tell of it. */
enum la_status la_module_walk_begin(const struct la_kernel *k, struct la_module_walk *ret,
				    struct la_error *err);

/** The next struct module; 0: that was all. LA_CORRUPT: the list goes in circles, is endless or unreadable. */
enum la_status la_module_walk_next(const struct la_kernel *k, struct la_module_walk *w,
				   uint64_t *ret, struct la_error *err);

/** What of memory the struct module at @m->address says it has. */
void la_module_read_parts(const struct la_kernel *k, struct la_module *m);

/** Its name and version, as far as they can be read; in @arena. */
void la_module_read_names(const struct la_kernel *k, struct la_arena *arena, struct la_module *m);

/** What all modules together may still take, whatever they say. */
struct la_module_budget {
	size_t symbols, bytes; /* bytes: of names */
};

/**
 * Add the symbols of @m to it, as far as @left allows; m->incomplete where some cannot be read or are left
 * out. What it says of them is believed only as far as it lies in its own parts. LA_NOMEM is the only failure.
 */
enum la_status la_module_read_symbols(const struct la_kernel *k, struct la_arena *arena,
				      struct la_module *m, struct la_module_budget *left,
				      struct la_error *err);

#endif
