/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VMCOREINFO where the dump does not bring it along: out of the guest's memory. */
#ifndef LAKVM_VMCOREINFO_H
#define LAKVM_VMCOREINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/dump/vmcoreinfo.h"
#include "lakvm/guest/kernel.h"
#include "lakvm/base/status.h"

/** The kernel allots it one page, of 64 KiB at most (vmcoreinfo_append_str). */
#define LA_VMCOREINFO_MAX 65536

/**
 * What the dump brings along is of this kernel, as far as its SYMBOL() lines tell. It need not be: QEMU's device
 * hands on what a kernel told it, also after another one was started by kexec. True where there is none.
 */
bool la_vmcoreinfo_fits(const struct la_kernel *k);

/**
 * The text that the dump brings along, if it fits, else the one in the guest's own memory (vmcoreinfo_data).
 * LA_ABSENT: this kernel has none, or the guest died before it was written, at subsys_initcall
 * time. LA_CORRUPT: its size is none that it can have. Else why it cannot be read. @ret belongs to @arena and is NUL-terminated. la_kernel_init keeps it in struct la_kernel.
 */
enum la_status la_vmcoreinfo_read(const struct la_kernel *k, struct la_arena *arena,
				  const char **ret, size_t *ret_len, struct la_error *err);

/**
 * The same without a vmlinux: the kernel's image is searched for a pointer to a page that begins
 * like a VMCOREINFO whose own statement (SYMBOL(init_uts_ns)) holds in memory. Looked at are the
 * surroundings of the vCPUs' return addresses, and the low 320 MiB; @ram, the guest's RAM, bounds
 * that. *@banner, which may be found even where the rest is not, is the kernel's "Linux version"
 * line, or NULL.
 */
enum la_status la_vmcoreinfo_find(const struct la_door *door, const struct la_ram_range *ram,
				  size_t nram, struct la_arena *arena, const char **ret,
				  size_t *ret_len, const char **banner, struct la_error *err);

#endif
