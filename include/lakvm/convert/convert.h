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
#ifndef LAKVM_MIGRATION_H
#define LAKVM_MIGRATION_H

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
	uint64_t start;
	enum la_packer packer;
	bool libvirt; /* behind a header of libvirt's */
};

/**
 * Does the file @fd hold a migration stream? LA_ABSENT: it does not; a packed file of unknown
 * content is taken for one. LA_TRUNCATED: a save file of libvirt's that ends in its header or right
 * behind it. LA_CORRUPT: its header has a version that is not known, or no stream follows. LA_IO: it
 * cannot be read. @ret has meaning after LA_OK only. The file's position stays as it is.
 */
enum la_status la_saved_find(int fd, struct la_saved *ret, struct la_error *err);

struct la_convert_options {
	/* Physical address of the RAM above the first 256 MiB; 0: find out. */
	uint64_t high_base;
	/* Called after each 16 MiB of the stream with the bytes read so far. May be NULL. */
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
 * ("mapped-ram"). Needs 1 MiB of @arena, an eighth of a byte for each page of the guest, and as
 * much as three times the devices' state. What @ret points to belongs to @arena.
 *
 * LA_TRUNCATED: the stream ends before its RAM does. Cut off later, it is converted and the
 * registers are unknown. LA_UNSUPPORTED: XBZRLE, RAM in other channels (multifd, RDMA, postcopy),
 * compressed pages, sections before the RAM that do not tell their length. LA_CORRUPT: damaged.
 * LA_IO: reading or writing failed. LA_NOMEM: a guest, or a claim of one, that @arena is too small for.
 * After a failure @out holds nothing of use.
 */
enum la_status la_convert(struct la_arena *arena, int in, int out,
			  const struct la_convert_options *opt, struct la_converted *ret,
			  struct la_error *err);

#endif
