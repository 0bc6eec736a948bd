/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The door of another kernel of the same vmlinux in the same memory: of one that died, beside its crash kernel. */
#ifndef LAKVM_MOVED_DOOR_H
#define LAKVM_MOVED_DOOR_H

#include "lakvm/door/door.h"

struct la_moved_door {
	struct la_door door; /* what is handed on; its ctx is this structure */
	const struct la_door *of;
	uint64_t by; /* added to addresses of @of */
};

/**
 * Make @ret->door what @of is, for the kernel whose relocation is @relocation. It has no modules, and neither
 * notes nor VMCOREINFO of the dump, which are of whatever runs. @of must outlive it, and @ret stay where it is.
 */
void la_moved_door_init(struct la_moved_door *ret, const struct la_door *of, uint64_t relocation);

#endif
