/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which build of which kernel a dump is of, where nobody has named the vmlinux. */
#ifndef LAKVM_BUILD_ID_H
#define LAKVM_BUILD_ID_H

#include "lakvm/base/arena.h"
#include "lakvm/door/door.h"
#include "lakvm/door/elf_file.h"

struct la_kernel_identity {
	const char *release; /* as the guest's uname -r; NULL: not known */
	/* Of the kernel, as VMCOREINFO says it (n is 1); else all that lie where a kernel may be: its own is among them, beside those of
	 * its vDSO, of modules and programs. */
	struct la_build_id *id;
	size_t n;
	bool said; /* by VMCOREINFO */
};

/**
 * Find them: VMCOREINFO of the dump or in the guest's memory (la_vmcoreinfo_find), and where that has no BUILD-ID (before Linux
 * 5.9) or is not there, or if @all, notes in the memory where a kernel may be, of which @ram, the guest's RAM, is the bound.
 * LA_ABSENT: there are none; the release may be known. LA_NOMEM. All belongs to @arena.
 */
enum la_status la_kernel_identity_find(const struct la_door *door, const struct la_ram_range *ram,
				       size_t nram, bool all, struct la_arena *arena,
				       struct la_kernel_identity *ret, struct la_error *err);

/** Is @id one of them? */
bool la_kernel_identity_has(const struct la_kernel_identity *k, const struct la_build_id *id);

#endif
