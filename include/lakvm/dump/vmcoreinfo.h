/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * VMCOREINFO: what the kernel tells dump tools about itself, lines of KEY=value.
 * Source: kernel/crash_core.c (through 6.8), kernel/vmcore_info.c (6.9 and later).
 */
#ifndef LAKVM_DUMP_VMCOREINFO_H
#define LAKVM_DUMP_VMCOREINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * The value of the first line of @text that begins with @key and "=", up to the end of the line, in the text.
 * False, and @ret as it was, if there is no such line, or no @text (NULL).
 */
bool la_vmcoreinfo_get(const char *text, size_t len, const char *key, const char **ret,
		       size_t *ret_len);

/**
 * The same as a number: decimal, perhaps negative, or hexadecimal with 0x in front or if @hex. False, and
 * @ret as it was, for what is none.
 */
bool la_vmcoreinfo_number(const char *text, size_t len, const char *key, bool hex, uint64_t *ret);

#endif
