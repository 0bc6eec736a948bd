/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text as a file: the whole of it, or none. */
#ifndef LAKVM_RENDER_FILE_H
#define LAKVM_RENDER_FILE_H

#include "lakvm/base/arena.h"
#include "lakvm/base/status.h"
#include "lakvm/render/sink.h"

/**
 * Let @render write all that it has to say of @what, then put that into the file @path, which appears whole or not at
 * all. Only what is absent, or a regular file, gives way: LA_INVALID: it is a device, a link, a folder or the like.
 * LA_IO: it cannot be written. LA_NOMEM. Signals wait meanwhile. What @render fails with is passed on, and nothing
 * written.
 */
enum la_status la_text_file_write(enum la_status (*render)(const void *what,
							   const struct la_sink *sink),
				  const void *what, const char *path, struct la_arena *arena,
				  struct la_error *err);

#endif
