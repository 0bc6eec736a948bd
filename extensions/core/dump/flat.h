/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Flattened files: a dump as a row of records that say where their bytes belong. */
#ifndef LAKVM_DUMP_FLAT_H
#define LAKVM_DUMP_FLAT_H

#include "file.h"
#include "lakvm/base/arena.h"
#include "lakvm/dump/dump.h"

/** If the file is flattened, index it. */
enum la_status la_flat_open(struct la_file *f, struct la_arena *arena,
			    const struct la_dump_options *opt, struct la_error *err);

#endif
