/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One guest kernel as the core sees it, and its memory by virtual address. What fails says so by a
 * status, and in words if @err is not NULL: LA_UNMAPPED, LA_UNSUPPORTED, LA_CORRUPT as la_translate has
 * them, and those of the door's read_phys. Then *ret is as it was, but for la_read.
 */
#ifndef LAKVM_KERNEL_H
#define LAKVM_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/door/door.h"
#include "lakvm/guest/mmu.h"
#include "lakvm/isa/regs.h"
#include "lakvm/base/status.h"

/** Kernel stacks, task and IRQ, have 16 KiB for every page size (asm/thread_info.h). */
#define LA_THREAD_SIZE UINT64_C(16384)

/** NR_CPUS is 2048 at most (arch/loongarch/Kconfig of 7.2; 256 before). */
#define LA_MAX_CPUS 2048

struct la_cfi;        /* call-frame information of vmlinux, see stack/cfi.h */
struct la_lines;      /* its source positions, see stack/lines.h */
struct la_vectors;    /* its exception vectors, see stack/unwind.h */
struct la_relocation; /* guest/relocation.h */
struct la_host;       /* host/host.h */

/** One that tells the shape of the page tables. */
struct la_witness {
	const char *name;    /* "vmlinux", "PWCL and PWCH", ... */
	unsigned page_shift; /* 0 = does not say */
	unsigned levels;     /* 0 = does not say */
};
#define LA_MAX_WITNESSES 5

struct la_kernel {
	const struct la_door *door;
	struct la_mmu mmu;
	struct la_witness witness[LA_MAX_WITNESSES]; /* the first is believed */
	size_t nwitnesses;
	char geometry_remark[640]; /* who of them disagrees; empty: nobody */
	const char
		*vmcoreinfo; /* what the kernel tells dump tools, see vmcoreinfo.h; NULL = none */
	size_t vmcoreinfo_len;
	const char
		*vmcoreinfo_remark; /* the dump brings along another kernel's; NULL: it does not */
	unsigned ncpus;             /* nr_cpu_ids; 1 where that is not known */
	const uint64_t *percpu; /* __per_cpu_offset[], ncpus of them; NULL: not set up, not known */
	bool percpu_unset;      /* NULL because the guest has not set up its per-CPU areas yet */
	bool thread_info_in_task; /* 7.2 and later: tp is the task; before: the stack's base */
	/* Where it is, and what other kernels are in this memory; NULL: nobody looked. */
	const struct la_relocation *place;
	const struct la_host *host; /* what its host said of it; NULL: nobody asked */
	struct la_cfi *cfi;         /* NULL until la_cfi_open succeeded */
	struct la_lines *lines;     /* NULL until la_lines_open succeeded */
	struct la_vectors *vectors; /* NULL until la_vectors_open succeeded */
};

/** Does @va lie in the kernel's own image, text to bss? True where vmlinux does not tell its borders, too. */
bool la_in_image(const struct la_kernel *k, uint64_t va);

/**
 * A kernel that moved adds its offset to the pointers in its data when it starts (relocate_relative() in
 * arch/loongarch/kernel/relocate.c). Before that they lead to where it was linked, where another kernel's data
 * may be: what is read by them is the other one's. LA_CORRUPT: so it is, and @err says which one tells. LA_OK:
 * nothing says so.
 */
enum la_status la_relocated(const struct la_kernel *k, struct la_error *err);

/**
 * Read @len bytes of kernel-virtual memory, across page borders. All or nothing: unless LA_OK is returned,
 * the bytes at @ret have no meaning.
 */
enum la_status la_read(const struct la_kernel *k, uint64_t va, void *ret, size_t len,
		       struct la_error *err);
/**
 * The same for instructions. Init text is freed when the guest has booted and its memory used
 * for something else, so that comes out of vmlinux instead, if the door has the file.
 */
enum la_status la_read_code(const struct la_kernel *k, uint64_t va, void *ret, size_t len,
			    struct la_error *err);
enum la_status la_read_u64(const struct la_kernel *k, uint64_t va, uint64_t *ret,
			   struct la_error *err);
enum la_status la_read_u32(const struct la_kernel *k, uint64_t va, uint32_t *ret,
			   struct la_error *err);
/**
 * Does a list (struct list_head) go round in circles that never come back to its @head? False, too: it comes to
 * what cannot be read.
 */
bool la_list_endless(const struct la_kernel *k, uint64_t head);

/**
 * A NUL-terminated text into the @size bytes at @ret; a longer one is cut there. Where it cannot be read to its NUL, *@ret is
 * empty. What lies behind the NUL need not be readable.
 */
enum la_status la_read_name(const struct la_kernel *k, uint64_t va, char *ret, size_t size,
			    struct la_error *err);

/**
 * A NUL-terminated text, in @arena; one that has no NUL within @max bytes is cut there. LA_NOMEM, too.
 * Else as la_read_name().
 */
enum la_status la_read_text(const struct la_kernel *k, struct la_arena *arena, uint64_t va,
			    size_t max, char **ret, struct la_error *err);

/**
 * An unsigned value out of a member: ((struct type *)base)->member. LA_ABSENT: this kernel's type has no
 * such member, or nobody knows it. LA_UNSUPPORTED: it has not 1, 2, 4 or 8 bytes, or its size is not
 * known.
 */
enum la_status la_read_member(const struct la_kernel *k, uint64_t base, const char *type,
			      const char *member, uint64_t *ret, struct la_error *err);

/**
 * An unsigned variable of @size bytes, 1, 2, 4 or 8: what its C type has in every kernel, since nothing
 * is asked for it. LA_ABSENT: this kernel has no such symbol. LA_UNSUPPORTED: another @size.
 */
enum la_status la_read_variable(const struct la_kernel *k, const char *name, size_t size,
				uint64_t *ret, struct la_error *err);

/**
 * Address of a per-CPU variable on @cpu. LA_ABSENT: no such symbol, or the guest has set up no per-CPU
 * areas. LA_INVALID: the guest has no such CPU.
 */
enum la_status la_percpu(const struct la_kernel *k, const char *name, unsigned cpu, uint64_t *ret,
			 struct la_error *err);

/**
 * Is bit @cpu set in a cpumask variable ("__cpu_online_mask")? LA_ABSENT: no such symbol. LA_INVALID: the
 * guest has no such CPU.
 */
enum la_status la_cpumask_test(const struct la_kernel *k, const char *mask, unsigned cpu, bool *ret,
			       struct la_error *err);

#endif
