/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crash's own header, and nothing else. Only files of this folder may include it. */
#ifndef LAKVM_GLUE_CRASH_H
#define LAKVM_GLUE_CRASH_H

/*
 * What differs between the versions, found by probe.sh at build time: gdb's version, which defs.h asks
 * for; LA_CRASH_VERSION, where it is known; LA_TASK_REG_ARGUMENTS of machdep->get_current_task_reg,
 * 0: no such hook.
 */
#include "crash_version.h"

/* defs.h has no bool of its own and defines macros that clash with nothing of ours; the target
 * (LOONGARCH64) comes from the Makefile, never from the build machine. */
#include <stdbool.h>
#include <defs.h>

#endif
