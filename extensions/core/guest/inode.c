// SPDX-License-Identifier: GPL-3.0-or-later
#include "lakvm/guest/inode.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TYPE_MASK 0170000 /* linux/stat.h */
#define TYPE_BLOCK 0060000
#define MINOR_BITS 20 /* linux/kdev_t.h */

/* What is none is damaged. */
static void read_name(const struct la_kernel *k, uint64_t address, char *ret, size_t size)
{
	la_read_name(k, address, ret, size, NULL);
	for (const char *at = ret; *at; at++)
		if (*at <= ' ' || *at > '~')
			*ret = '\0';
}

/*
 * The inode of a block device lies behind the device itself, which is a device of sysfs since 5.11,
 * with the name that it has there; before, its partition was.
 */
static void read_device(const struct la_kernel *k, uint64_t inode, uint64_t number, char *ret,
			size_t size)
{
	const struct la_door *door = k->door;
	char name[32] = "";
	struct la_member behind, device, object;
	uint64_t text;

	if (door->member(door->ctx, "bdev_inode", "vfs_inode", &behind) &&
	    door->member(door->ctx, "block_device", "bd_device", &device) &&
	    door->member(door->ctx, "device", "kobj", &object) &&
	    la_read_member(k, inode - behind.offset + device.offset + object.offset, "kobject",
			   "name", &text, NULL) == LA_OK &&
	    text)
		read_name(k, text, name, sizeof(name));
	snprintf(ret, size, name[0] ? "%s (%" PRIu64 ":%" PRIu64 ")" : "%s%" PRIu64 ":%" PRIu64,
		 name, number >> MINOR_BITS, number & ((1U << MINOR_BITS) - 1));
}

bool la_inode_read(const struct la_kernel *k, uint64_t address, struct la_inode *ret)
{
	struct la_member id;
	uint64_t mode, number, sb;

	memset(ret, 0, sizeof(*ret));
	if (la_read_member(k, address, "inode", "i_ino", &ret->number, NULL) != LA_OK)
		return false;
	if (la_read_member(k, address, "inode", "i_mode", &mode, NULL) == LA_OK &&
	    (mode & TYPE_MASK) == TYPE_BLOCK &&
	    la_read_member(k, address, "inode", "i_rdev", &number, NULL) == LA_OK) {
		ret->block_device = true;
		read_device(k, address, number, ret->on, sizeof(ret->on));
	} else if (la_read_member(k, address, "inode", "i_sb", &sb, NULL) == LA_OK &&
		   k->door->member(k->door->ctx, "super_block", "s_id", &id)) {
		read_name(k, sb + id.offset, ret->on, sizeof(ret->on));
	}
	return ret->on[0];
}

char *la_inode_words(struct la_arena *arena, const struct la_inode *inode)
{
	return inode->block_device ?
		       la_format(arena, "block device %s", inode->on) :
		       la_format(arena, "inode %" PRIu64 " on %s", inode->number, inode->on);
}
