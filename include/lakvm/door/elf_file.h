/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel's ELF file, a vmlinux: opened in one way by all that read it (symbols and types, call-frame
 * information, source positions, the extension). Addresses are those of the file, before relocation.
 */
#ifndef LAKVM_ELF_FILE_H
#define LAKVM_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/status.h"

struct la_elf_file;

/**
 * Open @path: a regular file (others, a FIFO for example, are refused without waiting), 64-bit,
 * little-endian, of any machine. LA_IO: it cannot be opened. LA_INVALID: it is another kind of file.
 * LA_NOMEM. @err names the file. @ret is the caller's until la_elf_file_close, NULL on failure.
 */
enum la_status la_elf_file_open(struct la_elf_file **ret, const char *path, struct la_error *err);

/** Close it, and all that was got from it. NULL is allowed. */
void la_elf_file_close(struct la_elf_file *f);

/**
 * Copy the bytes of the allocated section that holds @address, at most @len and up to the section's
 * end; returns how many, 0 where no section has bytes of it.
 */
size_t la_elf_file_bytes(const struct la_elf_file *f, uint64_t address, void *ret, size_t len);

/** Bytes of the first symbol of that name which has a size (st_size). False, @ret as it was: none. */
bool la_elf_file_symbol_size(const struct la_elf_file *f, const char *name, uint64_t *ret);

/**
 * Is the file still what was opened? It may be cut while it is read: then there are zeros where its bytes
 * were, no signal, and what was made of them counts for nothing.
 */
bool la_elf_file_sound(const struct la_elf_file *f);

/** Is @path the ELF file of a program (a vmlinux, of any machine), and not a core or another kind of file? */
bool la_elf_is_program(const char *path);

#endif
