/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The vCPUs in a stream. */
#ifndef LAKVM_CONVERT_VCPUS_H
#define LAKVM_CONVERT_VCPUS_H

#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/base/status.h"
#include "saved_cpu.h"

/**
 * The vCPUs in @tail, all that follows the RAM. On failure @err says why the registers are
 * unknown. @ret_version is the version of the state "cpu".
 */
enum la_status la_saved_cpus(struct la_arena *arena, const uint8_t *tail, size_t size,
			     struct la_saved_cpu **ret, size_t *ret_n, unsigned *ret_version,
			     struct la_error *err);

/** Their register text; NULL when out of memory. */
char *la_saved_cpus_text(struct la_arena *arena, const struct la_saved_cpu *cpu, size_t n);

#endif
