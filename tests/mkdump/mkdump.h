/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dumps from text: every variant the reader has to know, sound and broken, from a description of
 * a few lines. Shares nothing with the reader, so that the two can be tested against each other.
 *
 * One directive a line; "#" begins a comment; numbers as in C, with K, M, G, T behind them.
 *
 *   kdump [version=6] [block=4096] [method=zlib] [one-bitmap] [no-zero-page]
 *                   method: raw, zlib, lzo, snappy, zstd
 *   elf [ehsize=8] [phoff=192] [xnum] [skew=5]
 *                   skew: bytes in front of the data, so that it is not aligned
 *   notes           only the notes, as bare bytes
 *   ram START LENGTH KIND
 *                   words     each 8 bytes are their own physical address
 *                   noise     each 8 bytes are a hash of it; does not compress
 *                   mixed     words, but every fourth 4 KiB noise
 *                   zero
 *                   excluded  RAM that the file does not hold
 *                   missing   kdump: a descriptor without a page
 *                   core      what the file of the core directive has there
 *   core FILE       an ELF core file, for those ranges: vmcore, or what QEMU writes. Its notes, too.
 *   prstatus N      notes of N vCPUs as QEMU writes them for LoongArch
 *   note NAME TYPE SIZE
 *   vmcoreinfo TEXT
 *   eraseinfo TEXT
 *   split N         kdump: N files PATH, PATH.1, ...
 *
 * The following are done in the order they are given, to all files or to that with "file I":
 *
 *   file I          the next ones only to this file of a split dump
 *   set FIELD N     a header field (see fields[] in mkdump.c)
 *   desc I FIELD N  a field of the I-th page descriptor: offset, size, flags
 *   poke OFFSET HEX
 *   truncate N      to N bytes; a negative number cuts that many off
 *   flatten [record=16384] [shuffle=SEED] [overlap] [gaps] [no-end]
 *                   gaps: no records for zeros; overlap: junk that later records overwrite
 *                   (not with gaps)
 */
#ifndef LAKVM_MKDUMP_H
#define LAKVM_MKDUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mkdump_kind {
	MK_HOLE,
	MK_WORDS,
	MK_NOISE,
	MK_MIXED,
	MK_ZERO,
	MK_EXCLUDED,
	MK_MISSING,
	MK_CORE
};

struct mkdump;

/** Parse; on an error, a message on stderr and exit(99): the test itself is broken. */
struct mkdump *mkdump_parse(const char *text);
void mkdump_free(struct mkdump *m);

/** Write the file or files; @path must not exist or is overwritten. */
void mkdump_write(struct mkdump *m, const char *path);

/** What the description says is at @pa. */
enum mkdump_kind mkdump_kind_at(const struct mkdump *m, uint64_t pa);
/** The bytes there; zeros where the guest has none. */
void mkdump_bytes(const struct mkdump *m, uint64_t pa, void *ret, size_t len);

#endif
