// SPDX-License-Identifier: GPL-2.0
/* As fourth.c: locks that an error path keeps, and waits whose end is in the hands of a program, or in nobody's any more. */
#include "mishap.h"
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/namei.h>
#include <linux/platform_device.h>
#include <linux/rcupdate.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/timer.h>
#include <linux/version.h>
#include <linux/wait.h>

static u64 total;
static DECLARE_COMPLETION(answer); /* of a device that gives none */

static void pause_ms(unsigned int ms)
{
	schedule_timeout_interruptible(msecs_to_jiffies(ms));
}

/* a reader that leaves by an error path and is a reader ever after; it has ended long since */
DEFINE_STATIC_SRCU(quota_srcu);

static noinline int quota_check(void)
{
	int index = srcu_read_lock(&quota_srcu);

	if (READ_ONCE(total) < 100)
		return -EDQUOT;
	srcu_read_unlock(&quota_srcu, index);
	return 0;
}

static noinline int quota_checker(void *data)
{
	return quota_check();
}

static noinline int quota_replace(void *data)
{
	pause_ms(500);
	synchronize_srcu(&quota_srcu);
	total++;
	return 0;
}

static void srcu_left(void)
{
	spawn(quota_checker, "quota_check", 0);
	spawn(quota_replace, "quota_admin", 1);
}

/* soft interrupts are off since an error path, and a thread waits for what a timer of its CPU is to say */
static struct timer_list nic_timer;
static u32 nic_link;

static noinline void nic_poll(struct timer_list *timer)
{
	WRITE_ONCE(nic_link, 1);
}

static noinline int nic_reset(void)
{
	local_bh_disable();
	if (!READ_ONCE(nic_link))
		return -ENOLINK;
	local_bh_enable();
	return 0;
}

static noinline void nic_wait_link(void)
{
	while (!READ_ONCE(nic_link))
		cpu_relax();
}

static noinline int nic_up(void *data)
{
	timer_setup(&nic_timer, nic_poll, TIMER_PINNED);
	nic_timer.expires = jiffies + HZ / 2;
	add_timer_on(&nic_timer, 1);
	if (nic_reset())
		nic_wait_link();
	return 0;
}

static void bh_left(void)
{
	spawn(nic_up, "nic_up", 1);
}

/* one program at a time may have the device open; the next waits for it to close, with a lock that others want */
static DEFINE_MUTEX(printer_mutex);
static DEFINE_MUTEX(spool_mutex);

static noinline int printer_open(struct inode *inode, struct file *file)
{
	mutex_lock(&printer_mutex);
	return 0;
}

static int printer_release(struct inode *inode, struct file *file)
{
	mutex_unlock(&printer_mutex);
	return 0;
}

static const struct file_operations printer_fops = { .owner = THIS_MODULE,
						     .open = printer_open,
						     .release = printer_release };
static struct miscdevice printer_device = { .minor = MISC_DYNAMIC_MINOR,
					    .name = "printer",
					    .fops = &printer_fops };

static noinline int spool_run(void *data)
{
	pause_ms(3000);
	mutex_lock(&spool_mutex);
	mutex_lock(&printer_mutex);
	total++;
	mutex_unlock(&printer_mutex);
	mutex_unlock(&spool_mutex);
	return 0;
}

static noinline int spool_list(void *data)
{
	pause_ms(4000);
	mutex_lock(&spool_mutex);
	total++;
	mutex_unlock(&spool_mutex);
	return 0;
}

static void printer_taken(void)
{
	if (misc_register(&printer_device))
		return;
	spawn(spool_run, "spooler", 1);
	spawn(spool_list, "spool_list", 2);
}

/* a writer writes so often that a reader never sees two equal counts */
static seqcount_t rates_seq = SEQCNT_ZERO(rates_seq);
static u64 rates[4];

static noinline void rates_feed(void)
{
	for (;;) {
		write_seqcount_begin(&rates_seq);
		rates[0]++;
		udelay(5);
		rates[1]++;
		write_seqcount_end(&rates_seq);
	}
}

static noinline u64 rates_read(void)
{
	unsigned int count;
	u64 sum;

	do {
		count = read_seqcount_begin(&rates_seq);
		sum = rates[0];
		udelay(400);
		sum += rates[1];
	} while (read_seqcount_retry(&rates_seq, count));
	return sum;
}

static noinline int rates_feeder(void *data)
{
	pause_ms(500);
	rates_feed();
	return 0;
}

static noinline int rates_reader(void *data)
{
	pause_ms(800);
	total += rates_read();
	return 0;
}

static void seq_starved(void)
{
	spawn(rates_feeder, "rates_feeder", 1);
	spawn(rates_reader, "rates_reader", 2);
}

/* a file is to be removed while a program reads it, and waits for the device's next value */
static struct dentry *gauge_file;
static DECLARE_WAIT_QUEUE_HEAD(gauge_values);
static u32 gauge_value;

static noinline ssize_t gauge_read(struct file *file, char __user *to, size_t size, loff_t *at)
{
	ssize_t error = wait_event_interruptible(gauge_values, READ_ONCE(gauge_value));

	barrier();
	return error;
}

/* without an owner: the module may go while the file is open */
static const struct file_operations gauge_fops = { .read = gauge_read };

static void gauge(void)
{
	gauge_file = debugfs_create_file("gauge", 0400, NULL, NULL, &gauge_fops);
}

static noinline void gauge_remove(void)
{
	debugfs_remove(gauge_file);
	barrier();
}

/* a file system is frozen for a snapshot that fails, and not thawed */
static noinline int snapshot_take(struct super_block *file_system)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
	int error = freeze_super(file_system, FREEZE_HOLDER_KERNEL, NULL);
#else
	int error = freeze_super(file_system, FREEZE_HOLDER_KERNEL);
#endif

	return error ? error : -ENODEV;
}

static void tmp_frozen(void)
{
	struct path path;

	if (!kern_path("/tmp", LOOKUP_FOLLOW, &path))
		pr_info("mishap: the snapshot says %d\n", snapshot_take(path.dentry->d_sb));
}

/* who makes an index of a directory keeps it locked, and waits for its device */
static noinline void index_build(struct inode *directory)
{
	inode_lock(directory);
	wait_for_completion(&answer);
	inode_unlock(directory);
}

static noinline int indexer(void *data)
{
	struct path path;

	if (!kern_path("/tmp/spool", LOOKUP_FOLLOW, &path))
		index_build(d_inode(path.dentry));
	return 0;
}

static void dir_locked(void)
{
	spawn(indexer, "indexer", 1);
}

/* the queue of a disk is frozen for a change that fails, and not given free */
static noinline int disk_upgrade(struct block_device *disk)
{
	unsigned int flags = 0;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
	flags = blk_mq_freeze_queue(bdev_get_queue(disk));
#else
	blk_mq_freeze_queue(bdev_get_queue(disk));
#endif
	return flags ? -EAGAIN : -EIO;
}

static void queue_frozen(void)
{
	struct file *file = bdev_file_open_by_path("/dev/ram0", BLK_OPEN_READ, NULL, NULL);

	if (!IS_ERR(file))
		pr_info("mishap: the upgrade says %d\n", disk_upgrade(file_bdev(file)));
}

/* all callbacks of RCU are awaited with the lock that one of them wants */
static DEFINE_SPINLOCK(cache_lock);
static struct rcu_head cache_head;

static noinline void cache_evict(struct rcu_head *unused)
{
	spin_lock(&cache_lock);
	total++;
	spin_unlock(&cache_lock);
}

static noinline int cache_evictor(void *data)
{
	pause_ms(500);
	call_rcu(&cache_head, cache_evict);
	return 0;
}

static noinline void cache_drain(void)
{
	spin_lock(&cache_lock);
	mdelay(600);
	rcu_barrier();
	spin_unlock(&cache_lock);
}

static noinline int cache_cleaner(void *data)
{
	pause_ms(300);
	cache_drain();
	return 0;
}

static void barrier_awaited(void)
{
	spawn(cache_evictor, "evictor", 1);
	spawn(cache_cleaner, "cleaner", 0);
}

/* a device that is found does not answer, and is locked as long as its driver asks it */
static noinline int scale_probe(struct platform_device *device)
{
	wait_for_completion(&answer);
	return 0;
}

static struct platform_driver scale_driver = { .probe = scale_probe,
					       .driver = { .name = "mishap-scale" } };

static noinline int scale_find(void *data)
{
	platform_device_register_simple("mishap-scale", 0, NULL, 0);
	return 0;
}

static void probe_stuck(void)
{
	if (!platform_driver_register(&scale_driver))
		spawn(scale_find, "scale_find", 1);
}

const struct act fourth_wait_acts[] = {
	{ "srcu_left", srcu_left },
	{ "bh_left", bh_left },
	{ "printer_taken", printer_taken },
	{ "seq_starved", seq_starved },
	{ "gauge", gauge },
	{ "gauge_remove", gauge_remove },
	{ "tmp_frozen", tmp_frozen },
	{ "dir_locked", dir_locked },
	{ "queue_frozen", queue_frozen },
	{ "barrier_awaited", barrier_awaited },
	{ "probe_stuck", probe_stuck },
	{},
};
