/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Call-frame information of vmlinux: opened once for a kernel, then used by the unwinder. */
#ifndef LAKVM_STACK_CFI_H
#define LAKVM_STACK_CFI_H

#include "lakvm/guest/kernel.h"
#include "lakvm/base/status.h"

/**
 * Open the call-frame information (.debug_frame) of door->vmlinux through elfutils' libdw.
 * LA_ABSENT: no file or no such section; unwinding then uses the other methods.
 */
enum la_status la_cfi_open(struct la_kernel *k, struct la_error *err);
void la_cfi_close(struct la_kernel *k);

#endif
