/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * QEMU's migration stream, as `virsh save`, `virsh dump` without --memory-only and QEMU's own
 * "migrate file:" or "exec:" leave it in a file: the guest's RAM, and in the devices' state every
 * vCPU's registers, pc and CSRs among them. Turned into an ELF core and register text, the two
 * things that the rest of lakvm (and crash) reads.
 *
 * Sources: QEMU 6.2 to 11.1, migration/{savevm,ram,vmstate}.c, docs/devel/migration/, for
 * LoongArch hw/loongarch/virt.c, target/loongarch/{machine,arch_dump}.c; libvirt 12,
 * src/qemu/qemu_saveimage.h.
 */
#ifndef LAKVM_CONVERT_H
#define LAKVM_CONVERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/base/status.h"

enum la_packer {
	LA_PACKER_NONE,
	LA_PACKER_GZIP,
	LA_PACKER_BZIP2,
	LA_PACKER_XZ,
	LA_PACKER_LZOP,
	LA_PACKER_ZSTD
};

/** The program that unpacks it ("gzip"), as libvirt used one to pack it; NULL for LA_PACKER_NONE. */
const char *la_packer_program(enum la_packer packer);

/** Where in a file the stream begins, and how it is packed. */
struct la_saved {
	uint64_t start; /* bytes from the file's beginning */
	enum la_packer packer;
	bool libvirt; /* behind a header of libvirt's */
};

/**
 * Does the file @fd hold a migration stream? LA_ABSENT: it does not; a packed file of unknown
 * content is taken for one. LA_TRUNCATED: a save file of libvirt's that ends in its header, after the 12
 * bytes that name it, or right behind it. LA_CORRUPT: its header has a version that is not
 * known, or no stream follows. LA_IO: it cannot be read, as a pipe cannot. @ret
 * has meaning after LA_OK only. The file's position stays as it is.
 */
enum la_status la_saved_find(int fd, struct la_saved *ret, struct la_error *err);

struct la_convert_options {
	/* Physical address of the RAM above the first 256 MiB; 0: find out. */
	uint64_t high_base;
	/* Called about every 16 MiB with the place reached in the file (in a pipe: the bytes read).
	 * May be NULL. */
	void (*progress)(void *ctx, uint64_t done);
	void *ctx;
};

struct la_converted {
	const char *machine; /* "virt-11.1"; NULL: the stream does not say */
	uint32_t page_size;  /* QEMU's; 0: no page had to be stored */
	uint64_t ram;        /* bytes */
	uint64_t stored;     /* of them written: the rest is zero, holes in the file */
	uint64_t high_base;
	const char *high_base_from; /* what says so, for a person */
	size_t nvcpus;              /* whose registers were found; 0: unknown, and why: */
	struct la_error unknown;
	const char *registers; /* as la_regs_text reads it; NULL if nvcpus is 0 */
	const char *left_out;  /* blocks of memory whose place is not known; NULL: none */
};

/**
 * Read a stream from @in, from where it stands to its end, and write an ELF64 core into the empty
 * file @out: PT_LOADs for all RAM, sparse, and for each vCPU the notes that QEMU's own
 * dump-guest-memory writes. @in may be a pipe, unless the stream's RAM is laid out for seeking
 * ("mapped-ram"). @opt may be NULL. Needs of @arena: little more than 2 MiB, a bit for every 4096 bytes of RAM, up to
 * four times the devices' state, and a few KiB for each vCPU. What @ret points to belongs to @arena.
 *
 * LA_ABSENT: no migration stream. LA_TRUNCATED: it ends before its RAM does. What is wrong behind the
 * RAM, be it cut off, damaged, unreadable or too large, only leaves the registers unknown.
 * LA_UNSUPPORTED: another version of the stream, XBZRLE, RAM in other channels (multifd, RDMA, postcopy),
 * compressed pages, sections before the RAM that do not tell their length. LA_CORRUPT: damaged.
 * LA_IO: reading or writing failed. LA_NOMEM: a guest, or a claim of one, that @arena is too small for.
 * After a failure @out holds nothing of use.
 *
 * @out is written by a second thread, where there is more than one processor; none is left when this returns, nor
 * the 16 MiB that it had.
 */
enum la_status la_convert(struct la_arena *arena, int in, int out,
			  const struct la_convert_options *opt, struct la_converted *ret,
			  struct la_error *err);

#endif
