/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel's ELF file, read through elfutils' libelf. */
#ifndef LAKVM_GLUE_VMLINUX_H
#define LAKVM_GLUE_VMLINUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Open @path; false if it is no readable 64-bit ELF file. Opening twice is harmless. */
bool vmlinux_open(const char *path);
void vmlinux_close(void);

/** st_size of the first symbol of that name which has one. */
bool vmlinux_symbol_size(const char *name, uint64_t *ret);

/** Bytes of an allocated section at a link-time address; how many were copied, 0 if none. */
size_t vmlinux_read(uint64_t address, void *ret, size_t len);

#endif
