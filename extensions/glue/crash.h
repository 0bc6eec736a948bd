/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crash's own header, and nothing else. Only files of this folder may include it. */
#ifndef LAKVM_GLUE_CRASH_H
#define LAKVM_GLUE_CRASH_H

/* defs.h has no bool of its own and defines macros that clash with nothing of ours; the target
 * (LOONGARCH64) and gdb's version come from the Makefile, never from the build machine. */
#include <stdbool.h>
#include <defs.h>

#endif
