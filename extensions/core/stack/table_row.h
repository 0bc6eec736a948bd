/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tables that come with a kernel describe of a place in its code, whichever they are. */
#ifndef LAKVM_TABLE_ROW_H
#define LAKVM_TABLE_ROW_H

#include "cfi.h"
#include "lakvm/guest/kernel.h"

/** What is described of the instruction at @code: by call-frame information, or else by ORC. */
bool la_table_row(const struct la_kernel *k, uint64_t code, struct la_cfi_row *ret);

#endif
