/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * By how much the kernel moved itself at boot (RELOCATABLE and RANDOMIZE_BASE, Linux 6.3 and
 * later), found from the dump alone. LoongArch's VMCOREINFO has no KERNELOFFSET, and the kernel
 * leaves a copy of itself behind where it was loaded (relocate_kernel() in
 * arch/loongarch/kernel/relocate.c copies): its banner text at the link address proves nothing.
 */
#ifndef LAKVM_RELOCATION_H
#define LAKVM_RELOCATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/door/door.h"
#include "lakvm/isa/regs.h"
#include "lakvm/base/status.h"

/** The offset is a multiple of this (determine_relocation_address()). */
#define LA_RELOCATION_STEP UINT64_C(0x10000)

enum la_relocation_way {
	LA_RELOCATION_VMCOREINFO, /* addresses in the guest's VMCOREINFO against vmlinux */
	LA_RELOCATION_SELF,   /* the kernel's own variable reloc_offset, where it says so itself */
	LA_RELOCATION_EENTRY, /* its variable eentry holds the address of exception_handlers */
	LA_RELOCATION_CSR_PGDH,   /* register text: PGDH is swapper_pg_dir */
	LA_RELOCATION_CSR_EENTRY, /* register text: EENTRY of the boot CPU is exception_handlers */
	LA_RELOCATION_BANNER,     /* linux_banner; true of the copy left behind as well */
	LA_RELOCATION_RETURNS,    /* return addresses of vCPUs lie behind calls; by chance, too */
	LA_RELOCATION_NWAYS
};
const char *la_relocation_way_name(enum la_relocation_way way);

/**
 * A kernel that died with kdump armed stays in memory beside its crash kernel, which mostly is of the same
 * vmlinux.
 */
enum la_kernel_role {
	LA_KERNEL_ANOTHER, /* has run too; what it is to the one that runs is not known */
	LA_KERNEL_FIRST,   /* started the one that runs, its crash kernel */
	LA_KERNEL_CRASH,   /* a crash kernel that has started; no more is known of it */
	LA_KERNEL_RUNNING  /* the one that runs, where another one was asked for */
};
/** Names as docs/json.md has them: "another", "first", "crash", "running". */
const char *la_kernel_role_name(enum la_kernel_role role);

struct la_other_kernel {
	uint64_t offset; /* as that of struct la_relocation */
	enum la_kernel_role role;
};

/** Where a kernel is searched for that is at none of the usual places, and who is told how far it is. */
struct la_relocation_search {
	/* The guest's RAM (la_dump_ram). Where its counts are there, what has no bytes in the dump is passed over. */
	const struct la_ram_range *ram;
	size_t nram;
	/* Called after each GiB or so, with bytes of RAM. May be NULL, and may leave by longjmp. */
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

struct la_relocation {
	bool known; /* offset is valid: all ways that answered agree, or it is the one that runs */
	uint64_t offset; /* run-time address minus the address in vmlinux */
	bool proved;     /* by a way that the copy left behind cannot fool */
	/* What each way found, in no order; more than one offset here is why one is not known. */
	struct {
		enum la_relocation_way way;
		uint64_t offset;
	} finding[32];
	size_t n;
	/* Where several kernels have run, those beside the one at offset; all of them if none is known. */
	struct la_other_kernel other[4];
	size_t nothers;
	/* Physical memory that one of them keeps for its crash kernel, another one; 0 and 0: not known. */
	uint64_t kept_start, kept_end;
	/* Bytes of RAM that a search did not come to, because it had cost too much: a look each 64 KiB, it ends
	 * after about 8 GiB that the dump has, from below. 0: it was not cut short. */
	uint64_t not_searched;
	char remark[256]; /* why it is not known or not proved; else empty */
};

/**
 * Find the offset of the kernel of the door's vmlinux. The door's own relocation may be any: it
 * is taken off again. Where the usual places hold nothing, @where (NULL: nowhere) is searched, up to a
 * cost of seconds. @text, @ntext: registers out of saved text (la_regs_text), or none.
 * Of several kernels that have run it takes the one that runs: by PGDH of @text, else by where the vCPUs
 * return to, else the crash kernel.
 * LA_ABSENT: not known. LA_CORRUPT: the ways disagree, or nothing tells which one runs. @err says why, and so does
 * the remark, but for a vmlinux without linux_banner, with which nothing can be looked for.
 */
enum la_status la_relocation_find(const struct la_door *door,
				  const struct la_relocation_search *where,
				  const struct la_vcpu_regs *text, size_t ntext,
				  struct la_arena *arena, struct la_relocation *ret,
				  struct la_error *err);

/**
 * Take the kernel at @offset, which a person asked for, instead of the one that runs, which becomes one of the
 * others. False: no kernel has run there, and nothing changes.
 */
bool la_relocation_take(struct la_relocation *r, uint64_t offset);

#endif
