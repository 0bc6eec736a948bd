/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What crash does not keep of the vmlinux file: sizes of symbols, and the bytes of its sections. */
#ifndef LAKVM_GLUE_VMLINUX_H
#define LAKVM_GLUE_VMLINUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/status.h"

/** Open @path (la_elf_file_open says what it must be). Opening twice is harmless. */
enum la_status vmlinux_open(const char *path, struct la_error *err);
void vmlinux_close(void);

/** la_elf_file_symbol_size and la_elf_file_bytes of the open file; false and 0 where none is. */
bool vmlinux_symbol_size(const char *name, uint64_t *ret);
size_t vmlinux_read(uint64_t address, void *ret, size_t len);

#endif
