/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ELF file that is written. */
#ifndef LAKVM_CONVERT_CORE_FILE_H
#define LAKVM_CONVERT_CORE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/base/status.h"
#include "saved_cpu.h"

/* Headers and notes lie in front of this; crash reads them as one piece. */
#define LA_CORE_DATA ((uint64_t)1 << 20)
#define LA_LOW_RAM ((uint64_t)256 << 20)

enum la_status la_core_write(struct la_arena *arena, int out, uint64_t ram, uint64_t high_base,
			     const struct la_saved_cpu *cpu, size_t ncpus, struct la_error *err);

#endif
