/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What la_kernel_init() finds out about address translation. */
#ifndef LAKVM_GEOMETRY_H
#define LAKVM_GEOMETRY_H

#include "lakvm/guest/kernel.h"

/** The windows as the kernel sets them, so that the rest can be read. */
void la_geometry_windows(struct la_kernel *k);

/** Tables, their shape and the widths of addresses. LA_UNSUPPORTED: the shape is not known. */
enum la_status la_geometry_find(struct la_kernel *k, struct la_arena *arena, struct la_error *err);

#endif
