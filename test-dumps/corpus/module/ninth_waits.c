// SPDX-License-Identifier: GPL-2.0
/*
 * As ninth.c: a ledger that is closed while somebody writes, a screen that keeps the console, swap on a disk that went, a request that
 * outlives its program, an attribute that wants its device, work that makes work, one bell for two, a page and a mutex, a barn.
 */
#include "mishap.h"
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/console.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/platform_device.h>
#include <linux/swap.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

static u64 total;

static void pause_ms(unsigned int ms)
{
	schedule_timeout_uninterruptible(msecs_to_jiffies(ms));
}

/* pages of a ledger are closed when nobody writes there, and one who writes waits until his is closed */
static DECLARE_WAIT_QUEUE_HEAD(ledger_idle);
static DECLARE_WAIT_QUEUE_HEAD(ledger_open);
static DECLARE_WAIT_QUEUE_HEAD(ledger_done);
static u32 ledger_closing, ledger_closed;
static atomic_t ledger_writers = ATOMIC_INIT(0);

static noinline void ledger_begin(void)
{
	wait_event(ledger_open, !READ_ONCE(ledger_closing));
	atomic_inc(&ledger_writers);
}

static noinline void ledger_end(void)
{
	if (atomic_dec_and_test(&ledger_writers))
		wake_up(&ledger_idle);
}

static noinline void ledger_force(u32 page)
{
	wait_event(ledger_done, READ_ONCE(ledger_closed) >= page);
}

static noinline void ledger_close(void)
{
	WRITE_ONCE(ledger_closing, 1);
	wait_event(ledger_idle, !atomic_read(&ledger_writers));
	WRITE_ONCE(ledger_closed, ledger_closed + 1);
	WRITE_ONCE(ledger_closing, 0);
	wake_up(&ledger_open);
	wake_up(&ledger_done);
}

static noinline int ledger_commit(void *data)
{
	pause_ms(500);
	ledger_close();
	return 0;
}

static noinline int ledger_write(void *data)
{
	ledger_begin();
	total++;
	ledger_force(1);
	ledger_end();
	return 0;
}

static noinline int ledger_note(void *data)
{
	pause_ms(2000);
	ledger_begin();
	total++;
	ledger_end();
	return 0;
}

static void ledger_new(void)
{
	spawn(ledger_write, "ledger_write", 0);
	spawn(ledger_commit, "ledger_commit", 1);
	spawn(ledger_note, "ledger_note", 2);
}

/* a screen is switched with the console locked, and does not come to it */
static DECLARE_WAIT_QUEUE_HEAD(screen_synced);
static u32 screen_frames;

static noinline void screen_sync(void)
{
	wait_event(screen_synced, READ_ONCE(screen_frames));
}

static noinline int screen_switch(void *data)
{
	console_lock();
	screen_sync();
	console_unlock();
	return 0;
}

static void screen_new(void)
{
	spawn(screen_switch, "screen_switch", 1);
}

/* a disk to swap to, until its cable is drawn */
#define SWAMP_BYTES (16 << 20)

static u8 *swamp_store;
static bool swamp_dead;
static struct bio_list swamp_taken;
static DEFINE_SPINLOCK(swamp_lock);

static noinline void swamp_keep(struct bio *bio)
{
	unsigned long flags;

	spin_lock_irqsave(&swamp_lock, flags);
	bio_list_add(&swamp_taken, bio);
	spin_unlock_irqrestore(&swamp_lock, flags);
}

static void swamp_submit(struct bio *bio)
{
	u8 *at = swamp_store + (bio->bi_iter.bi_sector << SECTOR_SHIFT);
	struct bvec_iter where;
	struct bio_vec part;

	if (READ_ONCE(swamp_dead)) {
		swamp_keep(bio);
		return;
	}
	bio_for_each_segment(part, bio, where)
	{
		if (op_is_write(bio_op(bio)))
			memcpy_from_bvec(at, &part);
		else
			memcpy_to_bvec(&part, at);
		at += part.bv_len;
	}
	bio_endio(bio);
}

static const struct block_device_operations swamp_ops = { .owner = THIS_MODULE,
							  .submit_bio = swamp_submit };

static void swamp_new(void)
{
	struct gendisk *disk = blk_alloc_disk(NULL, NUMA_NO_NODE);
	int major = register_blkdev(0, "swamp");
	union swap_header *header;

	swamp_store = vzalloc(SWAMP_BYTES);
	if (major < 0 || IS_ERR(disk) || !swamp_store)
		return;
	header = (union swap_header *)swamp_store;
	header->info.version = 1;
	header->info.last_page = SWAMP_BYTES / PAGE_SIZE - 1;
	memcpy(header->magic.magic, "SWAPSPACE2", 10);
	disk->major = major;
	disk->minors = 1;
	disk->fops = &swamp_ops;
	disk->flags |= GENHD_FL_NO_PART;
	strscpy(disk->disk_name, "swamp");
	set_capacity(disk, SWAMP_BYTES >> SECTOR_SHIFT);
	if (add_disk(disk))
		pr_err("mishap: no swamp\n");
}

static void swamp_cut(void)
{
	WRITE_ONCE(swamp_dead, true);
}

/* who reads a device's attribute wants the device's lock, and who has that waits until nobody reads */
static noinline u32 hinge_angle(struct device *dev)
{
	u32 angle;

	pause_ms(3000);
	device_lock(dev);
	angle = dev->id;
	device_unlock(dev);
	return angle;
}

static noinline ssize_t angle_show(struct device *dev, struct device_attribute *unused, char *to)
{
	return sysfs_emit(to, "%u\n", hinge_angle(dev));
}
static DEVICE_ATTR_RO(angle);

static noinline int hinge_probe(struct platform_device *device)
{
	return device_create_file(&device->dev, &dev_attr_angle);
}

static noinline void hinge_remove(struct platform_device *device)
{
	device_remove_file(&device->dev, &dev_attr_angle);
	total++;
}

static struct platform_driver hinge_driver = { .probe = hinge_probe,
					       .remove = hinge_remove,
					       .driver = { .name = "hinge",
							   .owner = THIS_MODULE } };

static void hinge_new(void)
{
	if (platform_driver_register(&hinge_driver) ||
	    IS_ERR(platform_device_register_simple("hinge", PLATFORM_DEVID_NONE, NULL, 0)))
		pr_err("mishap: no hinge\n");
}

/* a queue is to be empty, and its work makes the next */
static struct workqueue_struct *kelp_queue;
static struct work_struct kelp_work;
static DEFINE_MUTEX(kelp_mutex);

static noinline void kelp_grow(struct work_struct *work)
{
	pause_ms(40);
	total++;
	queue_work(kelp_queue, work);
}

static noinline int kelp_weigh(void *data)
{
	pause_ms(3000);
	mutex_lock(&kelp_mutex);
	total++;
	mutex_unlock(&kelp_mutex);
	return 0;
}

static void kelp_new(void)
{
	kelp_queue = alloc_workqueue("kelp", 0, 0);
	if (!kelp_queue)
		return;
	INIT_WORK(&kelp_work, kelp_grow);
	queue_work(kelp_queue, &kelp_work);
	spawn(kelp_weigh, "kelp_weigh", 1);
}

static noinline void kelp_reap(void)
{
	mutex_lock(&kelp_mutex);
	destroy_workqueue(kelp_queue);
	kelp_queue = NULL;
	mutex_unlock(&kelp_mutex);
}

/* two wait for a bell that rings once */
static DECLARE_COMPLETION(bell);

static noinline void bell_await(void)
{
	wait_for_completion(&bell);
}

static noinline int bell_heard(void *data)
{
	bell_await();
	total++;
	return 0;
}

static noinline int bell_ring(void *data)
{
	pause_ms(2000);
	complete(&bell);
	return 0;
}

static void bell_new(void)
{
	spawn(bell_heard, "porter", 0);
	pause_ms(300);
	spawn(bell_heard, "butler", 1);
	spawn(bell_ring, "guest", 0);
}

/* a page of an album is locked by one who wants the album, which another has, who wants the page */
static struct folio *album_page;
static DEFINE_MUTEX(album_mutex);

static noinline void photo_paste(void)
{
	mutex_lock(&album_mutex);
	total++;
	mutex_unlock(&album_mutex);
}

static noinline int photo_writer(void *data)
{
	folio_lock(album_page);
	pause_ms(500);
	photo_paste();
	folio_unlock(album_page);
	return 0;
}

static noinline void album_flush(void)
{
	folio_lock(album_page);
	total++;
	folio_unlock(album_page);
}

static noinline int album_sync(void *data)
{
	mutex_lock(&album_mutex);
	pause_ms(1000);
	album_flush();
	mutex_unlock(&album_mutex);
	return 0;
}

static noinline int album_view(void *data)
{
	pause_ms(2500);
	mutex_lock(&album_mutex);
	total++;
	mutex_unlock(&album_mutex);
	return 0;
}

static void album_new(void)
{
	album_page = folio_alloc(GFP_KERNEL | __GFP_ZERO, 0);
	if (!album_page)
		return;
	spawn(photo_writer, "photo_writer", 1);
	spawn(album_sync, "album_sync", 2);
	spawn(album_view, "album_view", 0);
}

/* a driver's buffers are where all that there is was to be movable at any time: in the last block of memory but one */
#define BARN_PAGES 64

static struct page *barn[BARN_PAGES];

static noinline unsigned int barn_fill(unsigned long from, unsigned long to)
{
	struct page *page, *next;
	LIST_HEAD(others);
	unsigned int stored = 0, tried;

	for (tried = 0; tried < 60000 && stored < BARN_PAGES; tried++) {
		page = alloc_page((GFP_HIGHUSER_MOVABLE & ~__GFP_RECLAIM) | __GFP_NOWARN);
		if (!page)
			break;
		if (page_to_pfn(page) >= from && page_to_pfn(page) < to)
			barn[stored++] = page;
		else
			list_add(&page->lru, &others);
	}
	list_for_each_entry_safe(page, next, &others, lru) __free_page(page);
	return stored;
}

static void barn_new(void)
{
	unsigned long block = 256UL << (20 - PAGE_SHIFT), end = node_end_pfn(0);

	pr_info("mishap: %u pages are in the barn\n", barn_fill(end - 2 * block, end - block));
}

/* one meter is told of by two tables of the firmware */
static void meter_new(void)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		if (IS_ERR(platform_device_register_simple("meter", 3, NULL, 0)))
			pr_err("mishap: no meter\n");
}

const struct act ninth_wait_acts[] = {
	{ "ledger_new", ledger_new }, { "screen_new", screen_new }, { "swamp_new", swamp_new },
	{ "swamp_cut", swamp_cut },   { "hinge_new", hinge_new },   { "kelp_new", kelp_new },
	{ "kelp_reap", kelp_reap },   { "bell_new", bell_new },     { "album_new", album_new },
	{ "barn_new", barn_new },     { "meter_new", meter_new },   {},
};
