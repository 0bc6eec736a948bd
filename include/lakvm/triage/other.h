/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What another kernel in the same memory died of: the first one, beside its crash kernel. */
#ifndef LAKVM_OTHER_H
#define LAKVM_OTHER_H

#include "lakvm/base/arena.h"
#include "lakvm/door/door.h"
#include "lakvm/guest/relocation.h"

/**
 * One sentence on @other, of the same vmlinux as @door's kernel: where it is, the option of crash that opens it,
 * and what its log and variables say of its end. In @arena; NULL: out of memory.
 */
const char *la_other_kernel_text(const struct la_door *door, const struct la_other_kernel *other,
				 struct la_arena *arena);

#endif
