/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * VMCOREINFO: what the kernel tells dump tools about itself, lines of KEY=value.
 * Source: kernel/crash_core.c (through 6.8), kernel/vmcore_info.c (6.9 and later).
 */
#ifndef LAKVM_VMCOREINFO_H
#define LAKVM_VMCOREINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/arena.h"
#include "lakvm/kernel.h"
#include "lakvm/status.h"

/**
 * The text in the guest's own memory (vmcoreinfo_data). LA_ABSENT: this kernel has none, or the
 * guest died before it was written, at subsys_initcall time. @ret belongs to @arena and is
 * NUL-terminated.
 */
enum la_status la_vmcoreinfo_read(const struct la_kernel *k, struct la_arena *arena,
				  const char **ret, size_t *ret_len, struct la_error *err);

/** The value of @key, up to the end of its line. False if there is no such line. */
bool la_vmcoreinfo_get(const char *text, size_t len, const char *key, const char **ret,
		       size_t *ret_len);

/** The same as a number: decimal, or hexadecimal with 0x in front or if @hex. */
bool la_vmcoreinfo_number(const char *text, size_t len, const char *key, bool hex, uint64_t *ret);

#endif
