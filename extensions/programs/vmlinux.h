/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The vmlinux of a dump: found by build-id where nobody names it, unpacked, and compared with the dump. */
#ifndef LAKVM_VMLINUX_H
#define LAKVM_VMLINUX_H

#include <stdbool.h>

#include "lakvm/base/arena.h"
#include "lakvm/base/status.h"
#include "lakvm/door/door.h"

struct la_dump;

/**
 * Is @path a vmlinux, packed (gzip, bzip2, xz, lzop, zstd) or not? By its first bytes; of a packed file these are unpacked.
 */
bool vmlinux_is(const char *path);

/** @path, or what it unpacks to (kept_unpacked). @ret belongs to @arena. */
enum la_status vmlinux_unpacked(const char *path, struct la_arena *arena, const char **ret,
				struct la_error *err);

/**
 * The vmlinux with code, symbols and debugging information whose build-id is that of the kernel in @dump. It is looked for in @folders
 * (separated by colons; NULL: none), LAKVM_DEBUG_PATH, which is of the same form, the folder of @dump_path, /usr/lib/debug, and
 * where kernels are installed and built; in each by build-id and by the kernel's release. LA_ABSENT: there is none, @err says
 * of which build, or what the one that is there lacks. LA_INVALID: that is of another build. LA_NOMEM.
 */
enum la_status vmlinux_find(struct la_dump *dump, const char *dump_path, const char *folders,
			    struct la_arena *arena, const char **ret, struct la_error *err);

/**
 * Is the vmlinux @path, whose door is relocated if it can be, of the build of the kernel in @dump? True also where nobody knows. False: no, and
 * @err names both builds.
 */
bool vmlinux_fits(const char *path, const struct la_door *door, struct la_dump *dump,
		  struct la_arena *arena, struct la_error *err);

#endif
