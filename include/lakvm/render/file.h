/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text as a file: the whole of it, or none. */
#ifndef LAKVM_RENDER_FILE_H
#define LAKVM_RENDER_FILE_H

#include <stddef.h>

#include "lakvm/base/arena.h"
#include "lakvm/base/status.h"
#include "lakvm/render/sink.h"

/** A file to be written, and the names of the @nread files that are read meanwhile; NULL among them is passed over. */
struct la_text_file {
	const char *path;
	const char *const *read;
	size_t nread;
};

/**
 * Let @render write all that it has to say of @what, then put that into @file, which appears whole or not at
 * all. Only what is absent, or a regular file that is none of those that are read, gives way: LA_INVALID: it is one of
 * these, a device, a link, a folder or the like. LA_IO: it cannot be written. LA_NOMEM. Signals wait meanwhile. What
 * @render fails with is passed on, and nothing written.
 */
enum la_status la_text_file_write(enum la_status (*render)(const void *what,
							   const struct la_sink *sink),
				  const void *what, const struct la_text_file *file,
				  struct la_arena *arena, struct la_error *err);

#endif
