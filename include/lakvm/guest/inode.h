/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which file it is whose pages or locks are looked at.
 * Source of the layouts: Linux 5.10 to 7.2, include/linux/{fs,blk_types,kobject}.h, block/bdev.c.
 */
#ifndef LAKVM_INODE_H
#define LAKVM_INODE_H

#include <stdbool.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/guest/kernel.h"

struct la_inode {
	uint64_t number;   /* i_ino */
	bool block_device; /* the whole of a block device, not a file on it */
	/* Of a file, super_block.s_id: the device's or the file system's name. Of a block device, "vda (254:0)", or
	 * "254:0" where its name is unknown. Empty: unknown. */
	char on[64];
};

/** The struct inode at @address, as far as it can be read; @ret is all 0 where nothing can. True: @ret->on is known. */
bool la_inode_read(const struct la_kernel *k, uint64_t address, struct la_inode *ret);

/** "inode 12 on vda1", "block device vda (254:0)", of an inode whose ->on is known; in @arena. NULL: no memory. */
char *la_inode_words(struct la_arena *arena, const struct la_inode *inode);

#endif
