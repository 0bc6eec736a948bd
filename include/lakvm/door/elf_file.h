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

/** What the linker calls this build of a file, and all that is made of it, also without its debugging information. */
struct la_build_id {
	uint8_t byte[64];
	size_t size; /* 20 by default (ld --build-id=sha1) */
};

/** Its note's name and type (NT_GNU_BUILD_ID), as the linker writes both. */
#define LA_BUILD_ID_OWNER "GNU"
#define LA_BUILD_ID_TYPE 3u

/** Its hexadecimal digits, NUL-terminated, in @ret. */
void la_build_id_text(const struct la_build_id *id, char ret[2 * 64 + 1]);

/** The one that @text, @len hexadecimal digits, says. False, @ret as it was: it is none. */
bool la_build_id_parse(const char *text, size_t len, struct la_build_id *ret);

bool la_build_id_same(const struct la_build_id *a, const struct la_build_id *b);

/** The file's own, and in @address (NULL: not wanted) where in memory its bytes lie. False: it has none. */
bool la_elf_file_build_id(const struct la_elf_file *f, struct la_build_id *ret, uint64_t *address);

/**
 * Is it a kernel of LoongArch that can be asked about a dump, with its code and the symbols of it? LA_OK; LA_UNSUPPORTED: another
 * program, or of another machine; LA_ABSENT: code, symbols or debugging information were taken out. @err says what, not of
 * which file.
 */
enum la_status la_elf_file_is_kernel(const struct la_elf_file *f, struct la_error *err);

/**
 * Is the file still what was opened? It may be cut while it is read: then there are zeros where its bytes
 * were, no signal, and what was made of them counts for nothing.
 */
bool la_elf_file_sound(const struct la_elf_file *f);

/** Is @path the ELF file of a program (a vmlinux, of any machine), and not a core or another kind of file? */
bool la_elf_is_program(const char *path);

#endif
