/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files unpacked once and kept: ${XDG_CACHE_HOME:-~/.cache}/lakvm/vmlinux, of at most LAKVM_CACHE_MIB (default: 4096) MiB; those used
 * last stay. lacrash --cache lists and empties it.
 */
#ifndef LAKVM_KEPT_H
#define LAKVM_KEPT_H

#include "lakvm/base/arena.h"
#include "lakvm/base/status.h"

/**
 * What the file @path, open as @fd, unpacks to through @program; it is unpacked if it has not been before, with progress at a
 * terminal where that takes longer than a second. @ret belongs to @arena. LA_CORRUPT: it does not unpack. LA_IO: there is no folder of one's own to
 * keep it in, or no space, or more than the limit comes out of it; nothing stays then.
 */
enum la_status kept_unpacked(const char *path, int fd, const char *program, struct la_arena *arena,
			     const char **ret, struct la_error *err);

#endif
