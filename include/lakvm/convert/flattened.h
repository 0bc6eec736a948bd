/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A flattened kdump file whose end is missing, as a disk that ran full or a broken copy leaves it: crash takes it for no
 * dump at all. What it still has makes a plain one that says of itself that it is incomplete.
 */
#ifndef LAKVM_FLATTENED_H
#define LAKVM_FLATTENED_H

#include <stdbool.h>
#include <stdint.h>

#include "lakvm/base/status.h"

/** Is @fd a flattened kdump file without the record that ends one? False too where it cannot be read. */
bool la_flattened_is_cut(int fd);

/**
 * Put the records of @in, up to where they end, into the empty file @out as a plain kdump file, marked
 * incomplete; *@ret_bytes: how many bytes they have. LA_INVALID: @in is not flattened. LA_TRUNCATED: not
 * even the dump's header is there. LA_IO. After a failure @out holds nothing of use.
 */
enum la_status la_flattened_restore(int in, int out, uint64_t *ret_bytes, struct la_error *err);

#endif
