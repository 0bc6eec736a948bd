/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where tasks have their stacks and modules their memory: tables for la_owner_find(). */
#ifndef LAKVM_GUEST_OWNER_PLACES_H
#define LAKVM_GUEST_OWNER_PLACES_H

#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/base/status.h"
#include "lakvm/door/modules.h"
#include "lakvm/guest/kernel.h"
#include "lakvm/guest/task.h"

struct la_stack_piece {
	uint64_t pa, va, size;
	size_t task; /* index; of an IRQ stack the CPU */
	bool irq;
};

/* Also of those whose stack the dump does not tell. */
struct la_task_entry {
	struct la_task task;
	uint64_t mm; /* 0: a kernel thread, or not known */
};

struct la_task_table {
	struct la_task_entry *task;
	size_t ntasks;
	struct la_stack_piece *stack; /* by pa */
	size_t nstacks;
	const char *remark; /* why there may be more; NULL: that is all */
};

/** All tasks, idle ones too, in @arena. LA_NOMEM is the only failure. */
enum la_status la_task_table_read(const struct la_kernel *k, struct la_arena *arena,
				  struct la_task_table *ret);

/** The stack that has @pa; NULL: none. */
const struct la_stack_piece *la_stack_piece_find(const struct la_task_table *t, uint64_t pa);

/** Modules with their names and parts, and no symbols, in @arena; none where there are none. */
void la_module_parts_read(const struct la_kernel *k, struct la_arena *arena,
			  struct la_modules *ret);

#endif
