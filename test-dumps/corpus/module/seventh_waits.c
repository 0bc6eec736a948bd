// SPDX-License-Identifier: GPL-2.0
/* As seventh.c: locks taken in two orders with the kernel's own or a program's part in it, hardware that is silent or never is. */
#include "mishap.h"
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irq_work.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/smp.h>
#include <linux/uaccess.h>
#include <linux/umh.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

static u64 total;

static void pause_ms(unsigned int ms)
{
	schedule_timeout_interruptible(msecs_to_jiffies(ms));
}

/* who reads takes the driver's mutex and then, by a page fault, the address space; who maps takes them the other way round */
static DEFINE_MUTEX(easel_mutex);

static noinline ssize_t easel_read(struct file *unused, char __user *to, size_t size, loff_t *at)
{
	static const char picture[64] = "sunflowers";
	ssize_t done = sizeof(picture);

	if (size < sizeof(picture))
		return -EINVAL;
	mutex_lock(&easel_mutex);
	msleep(1500);
	if (copy_to_user(to, picture, sizeof(picture)))
		done = -EFAULT;
	mutex_unlock(&easel_mutex);
	return done;
}

static noinline int easel_mmap(struct file *unused, struct vm_area_struct *area)
{
	int error = 0;

	mutex_lock(&easel_mutex);
	if (vma_pages(area) > 16)
		error = -EINVAL;
	mutex_unlock(&easel_mutex);
	return error;
}

static const struct file_operations easel_fops = { .owner = THIS_MODULE,
						   .read = easel_read,
						   .mmap = easel_mmap };
static struct miscdevice easel = { .minor = MISC_DYNAMIC_MINOR,
				   .name = "easel",
				   .fops = &easel_fops };

static void easel_new(void)
{
	if (misc_register(&easel))
		pr_err("mishap: no easel\n");
}

/* a command to a device that does not answer, from a work item that has the mutex of all who read the device */
static DEFINE_MUTEX(hoist_mutex);
static DECLARE_COMPLETION(hoist_answer);
static struct work_struct hoist_work;

static noinline void hoist_command(u32 command)
{
	total += command;
	wait_for_completion(&hoist_answer);
}

static noinline void hoist_weigh(struct work_struct *unused)
{
	mutex_lock(&hoist_mutex);
	hoist_command(7);
	mutex_unlock(&hoist_mutex);
}

static noinline ssize_t hoist_read(struct file *unused, char __user *to, size_t size, loff_t *at)
{
	mutex_lock(&hoist_mutex);
	total++;
	mutex_unlock(&hoist_mutex);
	return 0;
}

static const struct file_operations hoist_fops = { .owner = THIS_MODULE, .read = hoist_read };
static struct miscdevice hoist = { .minor = MISC_DYNAMIC_MINOR,
				   .name = "hoist",
				   .fops = &hoist_fops };

static void hoist_new(void)
{
	INIT_WORK(&hoist_work, hoist_weigh);
	if (misc_register(&hoist))
		pr_err("mishap: no hoist\n");
	schedule_work_on(1, &hoist_work);
}

/* a disk whose driver waits for room in its device's queue, which the device never makes */
static DECLARE_WAIT_QUEUE_HEAD(crate_room);
static u32 crate_free;

static noinline void crate_send(struct bio *bio)
{
	wait_event(crate_room, READ_ONCE(crate_free));
	crate_free--;
	total += bio->bi_iter.bi_size;
}

static noinline void crate_submit(struct bio *bio)
{
	crate_send(bio);
	bio_endio(bio);
}

static const struct block_device_operations crate_ops = { .owner = THIS_MODULE,
							  .submit_bio = crate_submit };

static void crate_new(void)
{
	int major = register_blkdev(0, "crate");
	struct gendisk *disk = blk_alloc_disk(NULL, NUMA_NO_NODE);

	if (major < 0 || IS_ERR(disk))
		return;
	disk->major = major;
	disk->minors = 1;
	disk->fops = &crate_ops;
	disk->flags |= GENHD_FL_NO_PART;
	strscpy(disk->disk_name, "crate");
	set_capacity(disk, 8192);
	if (add_disk(disk))
		pr_err("mishap: no crate\n");
}

/* a table of 300 colours, counted by eight bits */
static u32 gamut_colours = 300;
static u32 gamut_table[300];

static noinline u64 gamut_sum(void)
{
	u64 sum = 0;
	u8 i;

	for (i = 0; i < READ_ONCE(gamut_colours); i++)
		sum += READ_ONCE(gamut_table[i]);
	return sum;
}

static noinline int gamut_show(struct seq_file *to, void *unused)
{
	seq_printf(to, "%llu\n", gamut_sum());
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(gamut);

static void gamut_new(void)
{
	debugfs_create_file("gamut", 0400, NULL, NULL, &gamut_fops);
}

/* a search by halves that does not come to its end where the half is one entry, in a reader of RCU */
static u32 atlas_pages[64];

static noinline unsigned int atlas_page(u32 place)
{
	unsigned int low = 0, high = ARRAY_SIZE(atlas_pages), middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (READ_ONCE(atlas_pages[middle]) <= place)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static noinline int atlas_find(void *data)
{
	rcu_read_lock();
	total += atlas_page(300);
	rcu_read_unlock();
	return 0;
}

static noinline int atlas_renew(void *data)
{
	pause_ms(1000);
	synchronize_rcu();
	total++;
	return 0;
}

static void atlas_new(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(atlas_pages); i++)
		atlas_pages[i] = 10 * i;
	spawn(atlas_find, "atlas_find", 1);
	spawn(atlas_renew, "atlas_renew", 2);
}

/* what an interrupt leaves for later leaves itself for later again, as its device never has enough */
static struct irq_work kiln_work;

static noinline void kiln_measure(void)
{
	udelay(40);
	total++;
}

static noinline void kiln_note(struct irq_work *work)
{
	kiln_measure();
	irq_work_queue(work);
}

static void kiln_light(void *unused)
{
	irq_work_queue(&kiln_work);
}

static void kiln_hot(void)
{
	kiln_work = IRQ_WORK_INIT_HARD(kiln_note);
	smp_call_function_single(1, kiln_light, NULL, 1);
}

/* a program is to load a file for the driver, which waits for its end; the program reads the driver's own file */
static DEFINE_MUTEX(pilot_mutex);

static noinline int pilot_show(struct seq_file *to, void *unused)
{
	mutex_lock(&pilot_mutex);
	seq_printf(to, "%llu\n", total);
	mutex_unlock(&pilot_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pilot);

static noinline int pilot_load(void)
{
	static char *arguments[] = { "/bin/sh", "-c", "exec cat /sys/kernel/debug/pilot", NULL };
	static char *environment[] = { "PATH=/bin", NULL };

	return call_usermodehelper(arguments[0], arguments, environment, UMH_WAIT_PROC);
}

static noinline int pilot_run(void *data)
{
	mutex_lock(&pilot_mutex);
	total += pilot_load();
	mutex_unlock(&pilot_mutex);
	return 0;
}

static noinline int radar_run(void *data)
{
	pause_ms(2500);
	mutex_lock(&pilot_mutex);
	total++;
	mutex_unlock(&pilot_mutex);
	return 0;
}

static void pilot_new(void)
{
	debugfs_create_file("pilot", 0400, NULL, NULL, &pilot_fops);
	spawn(pilot_run, "pilot_run", 1);
	spawn(radar_run, "radar_run", 2);
}

/* a handler that has had enough switches its interrupt off, by the call that waits for the handler's end */
static u64 winch_errors = 9;

static noinline void winch_off(int irq)
{
	disable_irq(irq);
	total++;
}

static noinline irqreturn_t winch_interrupt(int irq, void *data)
{
	if (READ_ONCE(winch_errors) > 8)
		winch_off(irq);
	return IRQ_HANDLED;
}

static void winch_loaded(void)
{
	unsigned int irq, found = 0;

	for (irq = 1; irq < 256 && !found; irq++)
		if (irq_has_action(irq) && !irq_is_percpu_devid(irq) &&
		    !request_irq(irq, winch_interrupt, IRQF_SHARED, "winch", &winch_errors))
			found = irq;
	pr_info("mishap: shares interrupt %u\n", found);
}

const struct act seventh_wait_acts[] = {
	{ "easel_new", easel_new }, { "hoist_new", hoist_new },       { "crate_new", crate_new },
	{ "gamut_new", gamut_new }, { "atlas_new", atlas_new },       { "kiln_hot", kiln_hot },
	{ "pilot_new", pilot_new }, { "winch_loaded", winch_loaded }, {},
};
