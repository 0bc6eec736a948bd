/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The memory where a kernel's image most likely is, block by block, for what is looked for without a vmlinux. */
#ifndef LAKVM_GUEST_IMAGE_SCAN_H
#define LAKVM_GUEST_IMAGE_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "lakvm/base/arena.h"
#include "lakvm/door/door.h"

#define LA_SCAN_BLOCK 4096u
/** As many bytes of the block before stand in front of each: what lies where two blocks meet is seen. */
#define LA_SCAN_CARRIED 256u

/**
 * Call @look with LA_SCAN_CARRIED + LA_SCAN_BLOCK bytes for each block of @ram around the return addresses of the vCPUs
 * in the door's notes, and of the low 320 MiB, until it returns true. A block that cannot be read is passed over. False: it never did.
 * @low_too: is the low memory wanted, once what is around the vCPUs has been seen? NULL: yes.
 */
bool la_image_scan(const struct la_door *door, const struct la_ram_range *ram, size_t nram,
		   struct la_arena *arena, bool (*look)(void *ctx, const unsigned char *bytes),
		   bool (*low_too)(void *ctx), void *ctx);

#endif
