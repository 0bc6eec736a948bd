/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Call-frame information of vmlinux: opened once for a kernel, then used by the unwinder. */
#ifndef LAKVM_STACK_CFI_H
#define LAKVM_STACK_CFI_H

#include "lakvm/guest/kernel.h"
#include "lakvm/base/status.h"

/**
 * Open the call-frame information (.debug_frame) of door->vmlinux, for addresses that are moved by what
 * door->relocation is now; it stays open, in k->cfi, until la_cfi_close; one open before is closed.
 * LA_ABSENT: the door has no file, or that has no such section. LA_IO, LA_INVALID: it is no vmlinux
 * (la_elf_file_open). LA_CORRUPT: the section does not inflate; of one that is damaged inside, what lies
 * before the damage is used. LA_NOMEM. On failure k->cfi is NULL, and unwinding uses the other methods.
 */
enum la_status la_cfi_open(struct la_kernel *k, struct la_error *err);
/** Without effect if it is not open. */
void la_cfi_close(struct la_kernel *k);

#endif
