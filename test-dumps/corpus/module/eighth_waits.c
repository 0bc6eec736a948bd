// SPDX-License-Identifier: GPL-2.0
/*
 * As eighth.c: a line that nobody seems to want is switched off, a device's file removes itself, a check of all disks takes for ever,
 * a disk never has room, threads that nobody ends, a host that does not run its guest; and a disk that is as it should be.
 */
#include "mishap.h"
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/rwsem.h>
#include <linux/smp.h>
#include <linux/timekeeping.h>
#include <linux/wait.h>

static u64 total;

static void pause_ms(unsigned int ms)
{
	schedule_timeout_uninterruptible(msecs_to_jiffies(ms));
}

/* a driver serves its device's interrupts and never says so, until the kernel has had enough of the line */
static unsigned int siren_irq;
static u64 siren_rung;
static DEFINE_MUTEX(siren_mutex);
static DECLARE_WAIT_QUEUE_HEAD(siren_heard);

static noinline irqreturn_t siren_interrupt(int irq, void *data)
{
	WRITE_ONCE(siren_rung, siren_rung + 1);
	wake_up(&siren_heard);
	return IRQ_NONE;
}

static noinline void siren_listen(void)
{
	u64 before = READ_ONCE(siren_rung);

	wait_event(siren_heard, READ_ONCE(siren_rung) != before);
}

static noinline ssize_t siren_read(struct file *unused, char __user *to, size_t size, loff_t *at)
{
	mutex_lock(&siren_mutex);
	siren_listen();
	mutex_unlock(&siren_mutex);
	return 0;
}

static const struct file_operations siren_fops = { .owner = THIS_MODULE, .read = siren_read };
static struct miscdevice siren = { .minor = MISC_DYNAMIC_MINOR,
				   .name = "siren",
				   .fops = &siren_fops };

static void siren_new(void)
{
	unsigned int irq;

	if (misc_register(&siren))
		pr_err("mishap: no siren\n");
	for (irq = 1; irq < 256 && !siren_irq; irq++)
		if (irq_has_action(irq) && !irq_is_percpu_devid(irq) &&
		    !request_irq(irq, siren_interrupt, IRQF_SHARED, "siren", &siren_rung))
			siren_irq = irq;
	pr_info("mishap: shares interrupt %u\n", siren_irq);
}

/* in an IPI: what the line does where the device has much to say */
static void siren_held(void)
{
	unsigned int i;

	for (i = 0; i < 2000000 && !irqd_irq_disabled(irq_get_irq_data(siren_irq)); i++)
		generic_handle_irq(siren_irq);
}

/* who writes to a device's file takes that file away, and waits until nobody is in it */
static DEFINE_MUTEX(dock_mutex);
static noinline ssize_t eject_store(struct device *device, struct device_attribute *attribute,
				    const char *from, size_t size);
static DEVICE_ATTR_WO(eject);

static noinline void dock_eject(struct device *device)
{
	mutex_lock(&dock_mutex);
	device_remove_file(device, &dev_attr_eject);
	total++;
	mutex_unlock(&dock_mutex);
}

static noinline ssize_t eject_store(struct device *device, struct device_attribute *attribute,
				    const char *from, size_t size)
{
	dock_eject(device);
	return size;
}

static noinline int dock_poll(void *data)
{
	pause_ms(3000);
	mutex_lock(&dock_mutex);
	total++;
	mutex_unlock(&dock_mutex);
	return 0;
}

static void dock_new(void)
{
	struct platform_device *dock =
		platform_device_register_simple("dock", PLATFORM_DEVID_NONE, NULL, 0);

	if (IS_ERR(dock) || device_create_file(&dock->dev, &dev_attr_eject))
		pr_err("mishap: no dock\n");
	spawn(dock_poll, "dock_poll", 2);
}

/* all sectors are checked with the mutex in hand that others want for a moment */
static DEFINE_MUTEX(array_mutex);

static noinline u64 stripe_check(u64 sector, u64 sum)
{
	unsigned int i;

	for (i = 0; i < 256; i++)
		sum = (sum << 7 | sum >> 57) ^ (sector + i);
	return sum;
}

static noinline void array_check(void)
{
	u64 sector, sum = 0;

	for (sector = 0; sector < 1ULL << 40; sector++) {
		sum = stripe_check(sector, sum);
		cond_resched();
	}
	WRITE_ONCE(total, sum);
}

static noinline int array_scrub(void *data)
{
	mutex_lock(&array_mutex);
	array_check();
	mutex_unlock(&array_mutex);
	return 0;
}

static noinline int array_stat(void *data)
{
	pause_ms(1000);
	mutex_lock(&array_mutex);
	total++;
	mutex_unlock(&array_mutex);
	return 0;
}

static noinline int array_spare(void *data)
{
	pause_ms(2000);
	mutex_lock(&array_mutex);
	total++;
	mutex_unlock(&array_mutex);
	return 0;
}

static void array_new(void)
{
	spawn(array_scrub, "array_scrub", 1);
	spawn(array_stat, "array_stat", 2);
	spawn(array_spare, "array_spare", 0);
}

/* a disk whose driver has no credit left to send by, as its device never gave any back: each request is to come again */
static struct blk_mq_tag_set skid_tags;
static u32 skid_credits;

static noinline blk_status_t skid_queue(struct blk_mq_hw_ctx *hctx,
					const struct blk_mq_queue_data *data)
{
	if (!READ_ONCE(skid_credits))
		return BLK_STS_RESOURCE;
	skid_credits--;
	blk_mq_start_request(data->rq);
	total += blk_rq_bytes(data->rq);
	return BLK_STS_OK;
}

static const struct blk_mq_ops skid_ops = { .queue_rq = skid_queue };
static const struct block_device_operations skid_disk_ops = { .owner = THIS_MODULE };

static void skid_new(void)
{
	struct gendisk *skid;

	skid_tags.ops = &skid_ops;
	skid_tags.nr_hw_queues = 1;
	skid_tags.queue_depth = 16;
	skid_tags.numa_node = NUMA_NO_NODE;
	if (blk_mq_alloc_tag_set(&skid_tags))
		return;
	skid = blk_mq_alloc_disk(&skid_tags, NULL, NULL);
	if (IS_ERR(skid))
		return;
	skid->major = register_blkdev(0, "skid");
	skid->minors = 1;
	skid->fops = &skid_disk_ops;
	skid->flags |= GENHD_FL_NO_PART;
	strscpy(skid->disk_name, "skid");
	set_capacity(skid, 1 << 16);
	if (add_disk(skid))
		pr_err("mishap: no /dev/skid\n");
}

/* a thread for each parcel, which waits for a receipt that never comes, until there are no more threads to be had */
static DECLARE_WAIT_QUEUE_HEAD(courier_receipts);
static u32 courier_received;

static noinline void courier_wait(void)
{
	wait_event_interruptible(courier_receipts, READ_ONCE(courier_received));
}

static noinline int courier_run(void *data)
{
	courier_wait();
	total++;
	return 0;
}

static noinline int courier_send(unsigned int parcel)
{
	return PTR_ERR_OR_ZERO(kthread_run(courier_run, NULL, "courier/%u", parcel));
}

/* parcels come in all the time */
static noinline int couriers_office(void *data)
{
	unsigned int parcel = 0;
	bool told = false;

	for (;;) {
		if (!courier_send(parcel)) {
			parcel++;
			continue;
		}
		if (!told)
			pr_info("mishap: no courier for parcel %u\n", parcel);
		told = true;
		schedule_timeout_idle(HZ / 50);
	}
	return 0;
}

static void couriers_sent(void)
{
	spawn(couriers_office, "couriers", 1);
}

/* a fan's firmware is written under a semaphore that its readers want, and the flash memory does not come to an end */
static DECLARE_RWSEM(fan_sem);
static DECLARE_WAIT_QUEUE_HEAD(fan_flash);
static u32 fan_flashed;

static noinline void fan_write(void)
{
	wait_event(fan_flash, READ_ONCE(fan_flashed));
}

static noinline int fan_update(void *data)
{
	down_write(&fan_sem);
	fan_write();
	up_write(&fan_sem);
	return 0;
}

static noinline ssize_t fan_read(struct file *unused, char __user *to, size_t size, loff_t *at)
{
	down_read(&fan_sem);
	total++;
	up_read(&fan_sem);
	return 0;
}

static const struct file_operations fan_fops = { .owner = THIS_MODULE, .read = fan_read };
static struct miscdevice fan = { .minor = MISC_DYNAMIC_MINOR, .name = "fan", .fops = &fan_fops };

static void fan_new(void)
{
	if (misc_register(&fan))
		pr_err("mishap: no fan\n");
	spawn(fan_update, "fan_update", 1);
}

/* a disk that is as it should be, and all zeros */
static void attic_submit(struct bio *bio)
{
	zero_fill_bio(bio);
	bio_endio(bio);
}

static const struct block_device_operations attic_ops = { .owner = THIS_MODULE,
							  .submit_bio = attic_submit };

static void attic_new(void)
{
	int major = register_blkdev(0, "attic");
	struct gendisk *disk = blk_alloc_disk(NULL, NUMA_NO_NODE);

	if (major < 0 || IS_ERR(disk))
		return;
	disk->major = major;
	disk->minors = 1;
	disk->fops = &attic_ops;
	disk->flags |= GENHD_FL_NO_PART;
	strscpy(disk->disk_name, "attic");
	set_capacity(disk, 1 << 23);
	if (add_disk(disk))
		pr_err("mishap: no attic\n");
}

/* what a guest sees of a host that has no time for it: all its CPUs stand for some seconds, interrupts included */
static noinline void host_elsewhere(void *unused)
{
	u64 until = ktime_get_mono_fast_ns() + 11ULL * NSEC_PER_SEC;

	while (ktime_get_mono_fast_ns() < until)
		cpu_relax();
}

static void host_away(void)
{
	on_each_cpu(host_elsewhere, NULL, 1);
	pr_info("mishap: all CPUs are back\n");
}

const struct act eighth_wait_acts[] = {
	{ "siren_new", siren_new },         { "siren_held", siren_held },
	{ "dock_new", dock_new },           { "array_new", array_new },
	{ "skid_new", skid_new },           { "fan_new", fan_new },
	{ "couriers_sent", couriers_sent }, { "attic_new", attic_new },
	{ "host_away", host_away },         {},
};
