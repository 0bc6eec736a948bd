// SPDX-License-Identifier: GPL-2.0
/*
 * A seventh lot, as sixth.c: what bug trackers hold most often. A driver is opened before it is ready, taken from its device
 * half made, bound to a device that it does not know, told of an interrupt too early, or gives a reference back too often.
 */
#include "mishap.h"
#include <linux/bio.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <linux/workqueue.h>

static u64 total;

/* the device can be opened as soon as it is registered, and its queue comes only with its firmware, later */
struct berth_queue {
	u64 head;
	u64 tail;
	u64 size;
	u32 depth;
};

struct berth {
	struct miscdevice misc;
	struct berth_queue *queue;
	u64 claims;
};

static noinline int berth_claim(struct berth *berth)
{
	u32 depth = READ_ONCE(berth->queue->depth);

	if (berth->claims >= depth)
		return -EBUSY;
	berth->claims++;
	return 0;
}

static noinline int berth_open(struct inode *unused, struct file *file)
{
	int error = berth_claim(container_of(file->private_data, struct berth, misc));

	if (!error)
		total++;
	return error;
}

static const struct file_operations berth_fops = { .owner = THIS_MODULE, .open = berth_open };
static struct berth berth = {
	.misc = { .minor = MISC_DYNAMIC_MINOR, .name = "berth", .fops = &berth_fops }
};

static void berth_ready(void)
{
	if (misc_register(&berth.misc))
		pr_err("mishap: no berth\n");
}

/* the interrupt is asked for before there is anywhere to put what it brings */
struct scope_trace {
	u64 *samples;
	u64 began;
	u64 rate;
	u64 gain;
	u64 length;
};

struct scope {
	struct scope_trace *trace;
	u64 edges;
};

static struct scope scope;

static noinline irqreturn_t scope_edge(int irq, void *data)
{
	return IRQ_WAKE_THREAD;
}

static noinline void scope_store(struct scope *on)
{
	on->trace->length++;
	on->edges++;
}

static noinline irqreturn_t scope_sample(int irq, void *data)
{
	scope_store(data);
	return IRQ_HANDLED;
}

static void scope_armed(void)
{
	unsigned int irq, found = 0;

	for (irq = 1; irq < 256 && !found; irq++)
		if (irq_has_action(irq) && !irq_is_percpu_devid(irq) &&
		    !request_threaded_irq(irq, scope_edge, scope_sample, IRQF_SHARED, "scope",
					  &scope))
			found = irq;
	pr_info("mishap: shares interrupt %u\n", found);
}

/* an error path frees at once what is to be freed when all readers are done; a text takes its place before that */
struct lease {
	char holder[40];
	u64 until;
	struct rcu_head rcu;
	u64 more[2];
};

struct motd {
	char text[80];
};

static struct motd *motd;

static noinline void lease_free(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct lease, rcu));
}

static noinline void lease_drop(struct lease *lease)
{
	call_rcu(&lease->rcu, lease_free);
	if (!lease->until)
		kfree(lease);
}

static noinline void motd_set(const char *text)
{
	motd = kmalloc(sizeof(*motd), GFP_KERNEL);
	if (motd)
		memcpy(motd->text, text, sizeof(motd->text));
}

static void lease_over(void)
{
	static const char text[80] =
		"Maintenance on Saturday from 22:00 until 23:30, please save all your work!!";
	struct lease *lease = kzalloc(sizeof(*lease), GFP_KERNEL);

	if (!lease)
		return;
	lease_drop(lease);
	motd_set(text);
}

/* work is set up only where the device has an interrupt, and cancelled always */
struct sluice {
	u64 level;
	int irq;
	struct work_struct drain;
};

static noinline void sluice_drain(struct work_struct *work)
{
	container_of(work, struct sluice, drain)->level = 0;
}

static int sluice_probe(struct platform_device *device)
{
	struct sluice *sluice = devm_kzalloc(&device->dev, sizeof(*sluice), GFP_KERNEL);

	if (!sluice)
		return -ENOMEM;
	sluice->irq = platform_get_irq_optional(device, 0);
	if (sluice->irq > 0)
		INIT_WORK(&sluice->drain, sluice_drain);
	platform_set_drvdata(device, sluice);
	return 0;
}

static noinline void sluice_remove(struct platform_device *device)
{
	struct sluice *sluice = platform_get_drvdata(device);

	cancel_work_sync(&sluice->drain);
	total += sluice->level;
}

static struct platform_driver sluice_driver = { .probe = sluice_probe,
						.remove = sluice_remove,
						.driver = { .name = "sluice" } };

static void sluice_bound(void)
{
	if (platform_driver_register(&sluice_driver) ||
	    IS_ERR(platform_device_register_simple("sluice", PLATFORM_DEVID_NONE, NULL, 0)))
		pr_err("mishap: no sluice\n");
}

/* who is on the list is taken off when the device goes, and once more when he closes his file */
struct listener {
	struct list_head link;
	u64 heard;
};

static LIST_HEAD(listeners);
static DEFINE_MUTEX(listeners_mutex);

static noinline int feed_open(struct inode *unused, struct file *file)
{
	struct listener *listener = kzalloc(sizeof(*listener), GFP_KERNEL);

	if (!listener)
		return -ENOMEM;
	file->private_data = listener;
	mutex_lock(&listeners_mutex);
	list_add_tail(&listener->link, &listeners);
	mutex_unlock(&listeners_mutex);
	return 0;
}

static noinline void listener_drop(struct listener *listener)
{
	mutex_lock(&listeners_mutex);
	list_del(&listener->link);
	mutex_unlock(&listeners_mutex);
}

static noinline int feed_close(struct inode *unused, struct file *file)
{
	listener_drop(file->private_data);
	kfree(file->private_data);
	return 0;
}

static const struct file_operations feed_fops = { .owner = THIS_MODULE,
						  .open = feed_open,
						  .release = feed_close };
static struct miscdevice feed = { .minor = MISC_DYNAMIC_MINOR, .name = "feed", .fops = &feed_fops };

static void feed_new(void)
{
	if (misc_register(&feed))
		pr_err("mishap: no feed\n");
}

static void feed_gone(void)
{
	struct listener *listener, *next;

	mutex_lock(&listeners_mutex);
	list_for_each_entry_safe(listener, next, &listeners, link) list_del(&listener->link);
	mutex_unlock(&listeners_mutex);
}

/* a driver that finds what kind its device is in the table, and is bound to one that is not there */
struct quay {
	unsigned long kind;
};

static noinline int quay_kind(struct quay *quay, const struct platform_device_id *id)
{
	quay->kind = READ_ONCE(id->driver_data);
	return quay->kind > 2 ? -EINVAL : 0;
}

static noinline int quay_probe(struct platform_device *device)
{
	struct quay *quay = devm_kzalloc(&device->dev, sizeof(*quay), GFP_KERNEL);

	if (!quay)
		return -ENOMEM;
	platform_set_drvdata(device, quay);
	return quay_kind(quay, platform_get_device_id(device));
}

static const struct platform_device_id quay_ids[] = { { .name = "quay-1", .driver_data = 1 },
						      { .name = "quay-2", .driver_data = 2 },
						      {} };
static struct platform_driver quay_driver = { .probe = quay_probe,
					      .id_table = quay_ids,
					      .driver = { .name = "quay" } };

static void quay_added(void)
{
	if (platform_driver_register(&quay_driver) ||
	    IS_ERR(platform_device_register_simple("jetty", PLATFORM_DEVID_NONE, NULL, 0)))
		pr_err("mishap: no jetty\n");
}

/* a device without a port is of no use, but bound; it is told of the guest's end as all are */
struct ferry {
	char name[32];
	u64 trips;
	u32 port;
};

static int ferry_probe(struct platform_device *device)
{
	struct ferry *ferry;

	if (!device->num_resources)
		return 0;
	ferry = devm_kzalloc(&device->dev, sizeof(*ferry), GFP_KERNEL);
	if (!ferry)
		return -ENOMEM;
	platform_set_drvdata(device, ferry);
	return 0;
}

static noinline void ferry_stop(struct ferry *ferry)
{
	total += READ_ONCE(ferry->port);
}

static noinline void ferry_shutdown(struct platform_device *device)
{
	ferry_stop(platform_get_drvdata(device));
	total++;
}

static struct platform_driver ferry_driver = { .probe = ferry_probe,
					       .shutdown = ferry_shutdown,
					       .driver = { .name = "ferry" } };

static void ferry_bound(void)
{
	if (platform_driver_register(&ferry_driver) ||
	    IS_ERR(platform_device_register_simple("ferry", PLATFORM_DEVID_NONE, NULL, 0)))
		pr_err("mishap: no ferry\n");
}

/* two hold a request, and three give it back */
static noinline void tape_done(struct bio *bio)
{
	total += bio->bi_status;
	bio_put(bio);
}

static noinline int tape_write(struct bio *bio)
{
	bio_get(bio);
	bio->bi_status = BLK_STS_IOERR;
	tape_done(bio);
	bio_put(bio);
	return -EIO;
}

static void tape_torn(void)
{
	struct bio *bio = bio_alloc(NULL, 1, REQ_OP_WRITE, GFP_KERNEL);

	if (bio && tape_write(bio))
		tape_done(bio);
}

/* the device speaks before its driver has set up what is to listen */
static struct tasklet_struct crane_tasklet;

static noinline void crane_lift(struct tasklet_struct *unused)
{
	total++;
}

static noinline void crane_interrupt(void)
{
	tasklet_schedule(&crane_tasklet);
}

static void crane_early(void)
{
	crane_interrupt();
	if (total == 1000)
		tasklet_setup(&crane_tasklet, crane_lift);
}

/* a driver asks for its memory in one piece, as much as there is, and takes it in pieces where it is refused */
static noinline struct page *plate_page(unsigned int order)
{
	return alloc_pages(GFP_KERNEL | __GFP_NORETRY | __GFP_COMP, order);
}

static noinline void plate_large(void)
{
	struct page *plates[128];
	unsigned int i, pages = 0;

	while (pages < ARRAY_SIZE(plates)) {
		plates[pages] = plate_page(10);
		if (!plates[pages])
			break;
		pages++;
	}
	for (i = 0; i < pages; i++)
		__free_pages(plates[i], 10);
	pr_info("mishap: plates of another size are used\n");
}

const struct act seventh_acts[] = {
	{ "berth_ready", berth_ready }, { "scope_armed", scope_armed },
	{ "lease_over", lease_over },   { "sluice_bound", sluice_bound },
	{ "feed_new", feed_new },       { "feed_gone", feed_gone },
	{ "quay_added", quay_added },   { "ferry_bound", ferry_bound },
	{ "tape_torn", tape_torn },     { "crane_early", crane_early },
	{ "plate_large", plate_large }, {},
};
