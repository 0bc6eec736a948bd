// SPDX-License-Identifier: GPL-2.0
/*
 * A fifth lot, as fourth.c: faults of the bookkeeping around objects (who counts, who releases, what a number from
 * outside may be), some of them far from where the mistake was made.
 */
#include "mishap.h"
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kobject.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

static u64 total;

/* an object that was not yet given to its parent is released, and tells the parent so */
struct pump_bank {
	u64 number;
	u64 rates[4];
	u64 pumps;
};

struct pump {
	struct pump_bank *bank;
	struct kobject kobj;
};

static noinline void pump_release(struct kobject *kobj)
{
	struct pump *pump = container_of(kobj, struct pump, kobj);

	WRITE_ONCE(pump->bank->pumps, READ_ONCE(pump->bank->pumps) - 1);
	kfree(pump);
}

static const struct kobj_type pump_type = { .release = pump_release };

static noinline int pump_attach(void)
{
	struct pump *pump = kzalloc(sizeof(*pump), GFP_KERNEL);

	if (!pump)
		return -ENOMEM;
	kobject_init(&pump->kobj, &pump_type);
	kobject_put(&pump->kobj);
	return -ENODEV;
}

static void pump_parentless(void)
{
	total += pump_attach();
}

/* a place for each of four CPUs, on a machine that has six: behind them are the rates */
struct meter {
	u64 number;
	u64 ticks;
};

static struct meter_table {
	struct meter *each[4];
	u64 rates[4];
} meters = { .rates = { 44100, 48000, 88200, 96000 } };
static struct meter known_meters[4];

static noinline void meter_tick(struct meter_table *table, unsigned int cpu)
{
	struct meter *meter = READ_ONCE(table->each[cpu]);

	WRITE_ONCE(meter->ticks, READ_ONCE(meter->ticks) + 1);
}

static void cpu_beyond(void)
{
	unsigned int i, cpu = smp_processor_id();

	for (i = 0; i < ARRAY_SIZE(known_meters); i++)
		WRITE_ONCE(meters.each[i], &known_meters[i]);
	OPTIMIZER_HIDE_VAR(cpu);
	barrier_data(&meters);
	meter_tick(&meters, cpu);
}

/* one reference is given back twice: the stream is freed while its timer runs, and its memory is a label's by then */
struct stream_clock {
	u64 number;
	u64 started;
	u32 rate;
};

struct stream {
	refcount_t users;
	u32 format;
	struct stream_clock *clock;
	u64 frames[6];
};

static struct stream_clock stream_clock = { .number = 1, .rate = 48000 };
static struct stream *stream;
static struct timer_list stream_timer;
static char *speaker_labels[8];

static noinline void stream_put(struct stream *of)
{
	if (refcount_dec_and_test(&of->users))
		kfree(of);
}

static noinline void stream_period(struct timer_list *timer)
{
	total += READ_ONCE(stream->clock->rate) / 100;
}

static noinline struct stream *stream_start(void)
{
	struct stream *opened = kzalloc(sizeof(*opened), GFP_KERNEL);

	if (!opened)
		return NULL;
	refcount_set(&opened->users, 2);
	opened->clock = &stream_clock;
	timer_setup(&stream_timer, stream_period, TIMER_PINNED);
	stream_timer.expires = jiffies + HZ;
	add_timer_on(&stream_timer, 3);
	return opened;
}

static noinline void speakers_name(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(speaker_labels); i++)
		speaker_labels[i] =
			kstrdup("rear-left-speaker, second floor, east wing, row 4", GFP_KERNEL);
}

static void put_twice(void)
{
	stream = stream_start();
	if (!stream)
		return;
	stream_put(stream);
	stream_put(stream); /* the timer's */
	speakers_name();
}

/* a command's number chooses the function, and nobody asks whether it is one of the four */
struct dial {
	int (*handlers[4])(u64 argument);
	u64 steps[96];
};

static struct dial dial;

static noinline int dial_turn(u64 argument)
{
	total += argument;
	return 0;
}

static noinline long dial_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	int error = READ_ONCE(dial.handlers[(command >> 8) & 0xff])(argument);

	barrier();
	return error;
}

static const struct file_operations dial_fops = { .owner = THIS_MODULE,
						  .unlocked_ioctl = dial_ioctl };
static struct miscdevice dial_device = { .minor = MISC_DYNAMIC_MINOR,
					 .name = "dial",
					 .fops = &dial_fops };

static void command_beyond(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dial.handlers); i++)
		WRITE_ONCE(dial.handlers[i], dial_turn);
	for (i = 0; i < ARRAY_SIZE(dial.steps); i++)
		WRITE_ONCE(dial.steps[i], 500);
	if (misc_register(&dial_device))
		pr_err("mishap: no /dev/dial\n");
}

/* a header tells a size that no memory has; nobody asks whether there was any */
struct blob_header {
	u32 magic;
	u32 size;
};

struct blob {
	u64 magic;
	u64 size;
	u64 first;
	u64 next;
};

static struct blob_header found_header = { .magic = 0x626f6c62, .size = 0xfffffff0 };
static struct blob *blob;

static noinline struct blob *blob_load(const struct blob_header *header)
{
	struct blob *loaded = kzalloc(READ_ONCE(header->size), GFP_KERNEL);

	WRITE_ONCE(loaded->next, 64);
	return loaded;
}

static void size_untold(void)
{
	blob = blob_load(&found_header);
}

/* a work item of a queue of its own finds its books wrong, with a lock for which two others wait */
static DEFINE_MUTEX(books_mutex);
static struct work_struct sync_work;
static u64 booked = 4, paid = 5;

static noinline void sync_commit(u64 balance)
{
	BUG_ON(balance);
}

static noinline void sync_run(struct work_struct *unused)
{
	mutex_lock(&books_mutex);
	schedule_timeout_uninterruptible(2 * HZ);
	sync_commit(READ_ONCE(paid) - READ_ONCE(booked));
	mutex_unlock(&books_mutex);
}

static noinline int books_print(void *data)
{
	schedule_timeout_interruptible(HZ);
	mutex_lock(&books_mutex);
	total++;
	mutex_unlock(&books_mutex);
	return 0;
}

static void books_wrong(void)
{
	struct workqueue_struct *queue = alloc_workqueue("billing_sync", WQ_UNBOUND, 0);

	if (!queue)
		return;
	INIT_WORK(&sync_work, sync_run);
	queue_work(queue, &sync_work);
	spawn(books_print, "books_print1", 1);
	spawn(books_print, "books_print2", 2);
}

/* a text is printed whose memory was given back when the badge was changed */
static char *badge_text;

static noinline ssize_t badge_read(struct file *file, char __user *to, size_t size, loff_t *at)
{
	char line[80];
	int length = scnprintf(line, sizeof(line), "badge: %s\n", READ_ONCE(badge_text));

	return simple_read_from_buffer(to, size, at, line, length);
}

static noinline void badge_change(void)
{
	char *old = badge_text;

	badge_text = vzalloc(3 * PAGE_SIZE);
	if (badge_text)
		strscpy(badge_text, "visitor", 3 * PAGE_SIZE);
	vfree(old);
	vfree(badge_text); /* as the path for errors does */
}

static const struct file_operations badge_fops = { .owner = THIS_MODULE, .read = badge_read };
static struct miscdevice badge_device = { .minor = MISC_DYNAMIC_MINOR,
					  .name = "badge",
					  .fops = &badge_fops };

static void badge_freed(void)
{
	badge_change();
	if (misc_register(&badge_device))
		pr_err("mishap: no /dev/badge\n");
}

const struct act fifth_acts[] = {
	{ "pump_parentless", pump_parentless },
	{ "cpu_beyond", cpu_beyond },
	{ "put_twice", put_twice },
	{ "command_beyond", command_beyond },
	{ "size_untold", size_untold },
	{ "books_wrong", books_wrong },
	{ "badge_freed", badge_freed },
	{},
};
