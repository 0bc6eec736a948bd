// SPDX-License-Identifier: GPL-2.0
/* /dev/mishap0: a disk that takes requests and never ends them. */
#include "mishap.h"
#include <linux/blkdev.h>
#include <linux/version.h>

static struct gendisk *disk;
static struct bio_list taken;
static DEFINE_SPINLOCK(taken_lock);
static int major;

static void disk_submit(struct bio *bio)
{
	spin_lock(&taken_lock);
	bio_list_add(&taken, bio);
	spin_unlock(&taken_lock);
}

static const struct block_device_operations disk_ops = { .owner = THIS_MODULE,
							 .submit_bio = disk_submit };

int disk_register(void)
{
	int error;

	major = register_blkdev(0, "mishap");
	if (major < 0)
		return major;
	disk = blk_alloc_disk(NULL, NUMA_NO_NODE);
	if (IS_ERR(disk))
		return PTR_ERR(disk);
	disk->major = major;
	disk->minors = 1;
	disk->fops = &disk_ops;
	disk->flags |= GENHD_FL_NO_PART;
	strscpy(disk->disk_name, "mishap0");
	set_capacity(disk, 8192);
	error = add_disk(disk);
	if (error)
		put_disk(disk);
	return error;
}

void disk_unregister(void)
{
	del_gendisk(disk);
	put_disk(disk);
	unregister_blkdev(major, "mishap");
}
