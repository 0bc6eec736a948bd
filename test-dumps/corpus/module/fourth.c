// SPDX-License-Identifier: GPL-2.0
/*
 * A fourth lot, as third.c: faults on the ways by which a program comes to a driver (open, read, write, ioctl, mmap, the
 * end of the program), and where no program is: memory that is given back, CPUs that come and go, disks that answer.
 */
#include "mishap.h"
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/cpuhotplug.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/shrinker.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/uaccess.h>

static u64 total;

static void pause_ms(unsigned int ms)
{
	schedule_timeout_interruptible(msecs_to_jiffies(ms));
}

/* a file in /dev; the module stays, and so does the file */
static void device_make(struct miscdevice *device)
{
	if (misc_register(device))
		pr_err("mishap: no /dev/%s\n", device->name);
}

/* a list is walked without a lock, and the entry at which the walker rests is taken off it by somebody else */
struct client {
	u64 quota;
	u64 used;
	u64 number;
	struct list_head link;
};

static LIST_HEAD(clients);
static struct client known_clients[3];

static noinline u64 clients_sum(void)
{
	struct client *client;
	u64 sum = 0;

	client = list_first_entry(&clients, struct client, link);
	while (&client->link != &clients) {
		pause_ms(2000);
		sum += READ_ONCE(client->used);
		client = list_next_entry(client, link);
	}
	return sum;
}

static ssize_t clients_read(struct file *file, char __user *to, size_t size, loff_t *at)
{
	u64 sum = clients_sum();

	return copy_to_user(to, &sum, min(size, sizeof(sum))) ? -EFAULT : 0;
}

static const struct file_operations clients_fops = { .owner = THIS_MODULE, .read = clients_read };
static struct miscdevice clients_device = { .minor = MISC_DYNAMIC_MINOR,
					    .name = "clients",
					    .fops = &clients_fops };

static noinline int client_expire(void *data)
{
	pause_ms(3300);
	list_del(&known_clients[1].link);
	return 0;
}

static void list_walked(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(known_clients); i++)
		list_add_tail(&known_clients[i].link, &clients);
	device_make(&clients_device);
	spawn(client_expire, "expirer", 0);
}

/* a cache that is asked to give memory back, and computes the share of each of its users, who are none */
static u32 thumbs = 4000000, thumb_users;

static noinline unsigned long thumbs_share(u32 count, u32 users)
{
	u32 share;

	/* as compilers guard it, where they are told to */
	asm volatile("div.wu %0, %1, %2\n\tbne %2, $zero, 1f\n\tbreak 7\n1:"
		     : "=&r"(share)
		     : "r"(count), "r"(users));
	return share;
}

static noinline unsigned long thumbs_count(struct shrinker *shrinker,
					   struct shrink_control *control)
{
	return READ_ONCE(thumbs);
}

static noinline unsigned long thumbs_scan(struct shrinker *shrinker, struct shrink_control *control)
{
	total += thumbs_share(thumbs, READ_ONCE(thumb_users));
	return control->nr_to_scan;
}

static void shrinker_divides(void)
{
	struct shrinker *shrinker = shrinker_alloc(0, "mishap-thumbs");

	if (!shrinker)
		return;
	shrinker->count_objects = thumbs_count;
	shrinker->scan_objects = thumbs_scan;
	shrinker_register(shrinker);
}

/* a label is freed that was never allocated: it is the one from before anybody gave one */
static char default_label[16] = "not tuned";
static char *tuner_label = default_label;

static noinline void tuner_relabel(const char *label)
{
	kfree(READ_ONCE(tuner_label));
	WRITE_ONCE(tuner_label, kstrdup(label, GFP_KERNEL));
}

static long tuner_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	tuner_relabel("channel 5");
	return -ENOTTY;
}

static const struct file_operations tuner_fops = { .owner = THIS_MODULE,
						   .unlocked_ioctl = tuner_ioctl };
static struct miscdevice tuner_device = { .minor = MISC_DYNAMIC_MINOR,
					  .name = "tuner",
					  .fops = &tuner_fops };

static void free_static(void)
{
	device_make(&tuner_device);
}

/* a device writes where it was told to, when the function whose place that was has given up and returned */
static u64 *sample_target;
static struct timer_list sample_timer;

static noinline void sample_arrive(struct timer_list *timer)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		WRITE_ONCE(sample_target[i], 0x2424242424242424);
}

static noinline int sample_request(void)
{
	u64 samples[32];

	WRITE_ONCE(sample_target, samples + 28);
	barrier_data(samples);
	timer_setup(&sample_timer, sample_arrive, TIMER_PINNED);
	sample_timer.expires = jiffies + HZ / 5;
	add_timer_on(&sample_timer, 0);
	return -ETIMEDOUT;
}

static noinline u64 sample_settle(unsigned int ms)
{
	mdelay(ms);
	return READ_ONCE(total) + ms;
}

static noinline u64 sample_average(void)
{
	u64 first = sample_settle(10);

	return (first + sample_settle(600)) / 2;
}

static noinline void sample_read(void)
{
	if (sample_request() < 0)
		total += sample_average();
}

static void written_late(void)
{
	sample_read();
}

/* a request has ended, and what hangs at it is taken for the whole job, of which it is a part */
struct copy_target {
	u64 sectors;
	u64 started;
	u64 errors;
};

struct copy_part {
	u64 stamp;
	u32 sectors;
	u32 first;
};

struct copy_job {
	u64 number;
	struct copy_target *target;
	struct copy_part part;
};

static struct copy_target copy_target;
static struct copy_job copy_job = { .number = 1,
				    .target = &copy_target,
				    .part = { .stamp = 77, .sectors = 0x400, .first = 10 } };

static noinline void copy_done(struct bio *bio)
{
	struct copy_job *job = bio->bi_private;

	WRITE_ONCE(job->target->errors, READ_ONCE(job->target->errors) + !!bio->bi_status);
	bio_put(bio);
}

static noinline void copy_submit(struct block_device *disk, struct copy_part *part)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct bio *bio = bio_alloc(disk, 1, REQ_OP_READ, GFP_KERNEL);

	if (!page || !bio || !bio_add_page(bio, page, 4096, 0))
		return;
	bio->bi_iter.bi_sector = part->first;
	bio->bi_private = part;
	bio->bi_end_io = copy_done;
	submit_bio(bio);
	barrier();
}

static void copy_confused(void)
{
	struct file *file = bdev_file_open_by_path("/dev/ram0", BLK_OPEN_READ, NULL, NULL);

	if (IS_ERR(file))
		pr_err("mishap: no /dev/ram0: %ld\n", PTR_ERR(file));
	else
		copy_submit(file_bdev(file), &copy_job.part);
}

/* each CPU has a buffer, which it loses when it goes, and does not get again when it comes back */
struct trace_buffer {
	u64 pages[4];
	u64 writes;
	u64 head;
};

static struct trace_buffer *trace_buffers[64];

static noinline int trace_cpu_up(unsigned int cpu)
{
	WRITE_ONCE(trace_buffers[cpu]->head, 0);
	return 0;
}

static noinline int trace_cpu_down(unsigned int cpu)
{
	kfree(trace_buffers[cpu]);
	WRITE_ONCE(trace_buffers[cpu], NULL);
	return 0;
}

static void buffer_gone(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) trace_buffers[cpu] =
		kzalloc(sizeof(**trace_buffers), GFP_KERNEL);
	cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "mishap/trace:online", trace_cpu_up,
				  trace_cpu_down);
}

/* a program touches a page of a device's file which lies before the first one: its number runs below 0 */
static struct page *frames[8];
static u32 first_frame = 4;

static noinline vm_fault_t frames_fault(struct vm_fault *fault)
{
	u32 number = fault->pgoff - READ_ONCE(first_frame);
	struct page *page = READ_ONCE(frames[number]);

	if (!page)
		return VM_FAULT_SIGBUS;
	get_page(page);
	fault->page = page;
	return 0;
}

static const struct vm_operations_struct frames_vm_ops = { .fault = frames_fault };

static int frames_mmap(struct file *file, struct vm_area_struct *area)
{
	area->vm_ops = &frames_vm_ops;
	return 0;
}

static const struct file_operations frames_fops = { .owner = THIS_MODULE, .mmap = frames_mmap };
static struct miscdevice frames_device = { .minor = MISC_DYNAMIC_MINOR,
					   .name = "frames",
					   .fops = &frames_fops };

static void frame_below(void)
{
	device_make(&frames_device);
}

/* where a write begins and how long it is are added up in 32 bits, and come to no more than the device has */
static u8 flash[8192];

static noinline void flash_erase(u64 first, size_t count)
{
	memset(flash + first, 0xff, count);
	barrier();
}

static ssize_t flash_write(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	u32 first = *at, count = size;

	if (first + count > sizeof(flash))
		return -ENOSPC;
	flash_erase(first, count);
	if (copy_from_user(flash + first, from, count))
		return -EFAULT;
	*at += count;
	return count;
}

static const struct file_operations flash_fops = { .owner = THIS_MODULE,
						   .write = flash_write,
						   .llseek = default_llseek };
static struct miscdevice flash_device = { .minor = MISC_DYNAMIC_MINOR,
					  .name = "flash",
					  .fops = &flash_fops };

static void sum_wraps(void)
{
	device_make(&flash_device);
}

/* who is to be told when a program ends is on a list that nobody has made one */
struct session {
	u64 number;
	struct list_head watchers;
};

struct watcher {
	u64 number;
	struct list_head link;
};

static struct watcher log_watcher;

static int session_open(struct inode *inode, struct file *file)
{
	struct session *session = kzalloc(sizeof(*session), GFP_KERNEL);

	file->private_data = session;
	return session ? 0 : -ENOMEM;
}

static noinline void session_watch(struct session *session)
{
	list_add_tail(&log_watcher.link, &session->watchers);
}

static noinline int session_flush(struct file *file, fl_owner_t owner)
{
	session_watch(file->private_data);
	return 0;
}

static const struct file_operations session_fops = { .owner = THIS_MODULE,
						     .open = session_open,
						     .flush = session_flush };
static struct miscdevice session_device = { .minor = MISC_DYNAMIC_MINOR,
					    .name = "session",
					    .fops = &session_fops };

static void list_unmade(void)
{
	device_make(&session_device);
}

const struct act fourth_acts[] = {
	{ "list_walked", list_walked },     { "shrinker_divides", shrinker_divides },
	{ "free_static", free_static },     { "written_late", written_late },
	{ "copy_confused", copy_confused }, { "buffer_gone", buffer_gone },
	{ "frame_below", frame_below },     { "sum_wraps", sum_wraps },
	{ "list_unmade", list_unmade },     {},
};
