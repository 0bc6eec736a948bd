/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The configuration that a kernel built with IKCONFIG carries (kernel/configs.c), packed with gzip. */
#ifndef LAKVM_IKCONFIG_H
#define LAKVM_IKCONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "lakvm/base/arena.h"
#include "lakvm/guest/kernel.h"
#include "lakvm/base/status.h"

/**
 * Its text, NUL-terminated, in @arena (about 5 MiB of it). LA_ABSENT: this kernel carries none. LA_CORRUPT: it
 * is not what gzip writes, or more than 1 MiB packed or 4 MiB unpacked. LA_NOMEM, or why it cannot be
 * read.
 */
enum la_status la_ikconfig_read(const struct la_kernel *k, struct la_arena *arena, const char **ret,
				struct la_error *err);

/** Does @text have the line "@name=y"? */
bool la_ikconfig_enabled(const char *text, const char *name);

#endif
