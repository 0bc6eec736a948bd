// SPDX-License-Identifier: GPL-2.0
/*
 * A sixth lot, as fifth.c: drivers that are taken from their device, set up twice or not at all, or that look at the wrong
 * list; the fault is mostly in code of the kernel's own, which was handed something that is not what it says.
 */
#include "mishap.h"
#include <linux/binfmts.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

static u64 total;

static void pause_ms(unsigned int ms)
{
	schedule_timeout_interruptible(msecs_to_jiffies(ms));
}

/* the driver leaves its device, and its file there stays: who reads it then finds no driver's data */
struct lamp {
	char name[40];
	u64 hours;
	u32 level;
};

static noinline u32 lamp_percent(struct lamp *lamp)
{
	return READ_ONCE(lamp->level) * 100 / 255;
}

static noinline ssize_t level_show(struct device *device, struct device_attribute *unused, char *to)
{
	u32 percent = lamp_percent(dev_get_drvdata(device));

	return sysfs_emit(to, "%u\n", percent);
}

static DEVICE_ATTR(level, 0400, level_show, NULL);

static int lamp_probe(struct platform_device *device)
{
	struct lamp *lamp = devm_kzalloc(&device->dev, sizeof(*lamp), GFP_KERNEL);

	if (!lamp)
		return -ENOMEM;
	lamp->level = 255;
	platform_set_drvdata(device, lamp);
	return device_create_file(&device->dev, &dev_attr_level);
}

static struct platform_driver lamp_driver = { .probe = lamp_probe, .driver = { .name = "lamp" } };

static void lamp_unbound(void)
{
	if (platform_driver_register(&lamp_driver) ||
	    IS_ERR(platform_device_register_simple("lamp", PLATFORM_DEVID_NONE, NULL, 0)))
		pr_err("mishap: no lamp\n");
}

/* an entry is on two lists, and one of them is walked by the link of the other: each entry seems to begin 16 bytes late */
struct lane_stats {
	u64 packets;
	u64 errors;
	u64 bytes;
};

struct lane {
	char name[24];
	struct lane_stats *stats;
	u64 speed;
	u64 period_ns;
	struct list_head all;
	struct list_head idle;
};

static LIST_HEAD(all_lanes);
static LIST_HEAD(idle_lanes);
static struct lane_stats lane_stats[3];

static noinline u64 lane_bytes(struct lane *lane)
{
	return READ_ONCE(lane->stats->bytes);
}

static noinline int lanes_show(struct seq_file *to, void *unused)
{
	struct lane *lane;

	list_for_each_entry(lane, &idle_lanes, all) seq_printf(to, "%llu\n", lane_bytes(lane));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(lanes);

static void lanes_listed(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lane_stats); i++) {
		struct lane *lane = kzalloc(sizeof(*lane), GFP_KERNEL);

		if (!lane)
			return;
		snprintf(lane->name, sizeof(lane->name), "lane%u", i);
		lane->stats = &lane_stats[i];
		lane->speed = 10000;
		lane->period_ns = NSEC_PER_SEC;
		list_add_tail(&lane->all, &all_lanes);
		list_add_tail(&lane->idle, &idle_lanes);
	}
	debugfs_create_file("lanes", 0400, NULL, NULL, &lanes_fops);
}

/* filp_open() never gives NULL, which is all that is asked for; what it gives here is an error */
static noinline ssize_t recipe_load(const char *path, char *to, size_t size)
{
	struct file *file = filp_open(path, O_RDONLY, 0);
	ssize_t length;
	loff_t at = 0;

	if (!file)
		return -ENOENT;
	length = kernel_read(file, to, size, &at);
	filp_close(file, NULL);
	return length;
}

static void recipe_absent(void)
{
	static char recipe[256];

	total += recipe_load("/tmp/recipe", recipe, sizeof(recipe));
}

/* memory of zeros is a mutex as long as nobody has to wait for it */
struct tariff {
	u64 number;
	struct mutex mutex;
	u64 cents;
};

static struct tariff *tariff;

static noinline int tariff_import(void *data)
{
	mutex_lock(&tariff->mutex);
	pause_ms(8000);
	tariff->cents++;
	mutex_unlock(&tariff->mutex);
	return 0;
}

static noinline void tariff_change(u64 cents)
{
	mutex_lock(&tariff->mutex);
	tariff->cents = cents;
	mutex_unlock(&tariff->mutex);
}

static noinline int tariff_run(void *data)
{
	pause_ms(1000);
	tariff_change(250);
	return 0;
}

static void tariff_new(void)
{
	tariff = kzalloc(sizeof(*tariff), GFP_KERNEL);
	if (!tariff)
		return;
	spawn(tariff_import, "tariff_import", 0);
	spawn(tariff_run, "tariff_web", 1);
}

/* a table grows when it is full, and this time the caller is a timer's interrupt */
static u64 *grid;
static size_t grid_cells;

static noinline int grid_grow(size_t cells)
{
	u64 *larger = vzalloc(cells * sizeof(*larger));

	if (!larger)
		return -ENOMEM;
	vfree(grid);
	grid = larger;
	grid_cells = cells;
	return 0;
}

static noinline void grid_put(size_t cell, u64 value)
{
	if (cell >= READ_ONCE(grid_cells) && grid_grow(cell * 2))
		return;
	WRITE_ONCE(grid[cell], value);
}

static void grid_full(void)
{
	grid_put(9000, 1);
}

/* an interrupt is given back by another name than it was asked for: the handler stays, what it works on does not */
struct valve_port {
	u64 number;
	u64 pulses;
	u64 mask;
	u64 status;
};

struct valve {
	struct valve_port *port;
	unsigned int irq;
};

static struct valve_port valve_port;
static struct valve valve;

static noinline irqreturn_t valve_interrupt(int irq, void *data)
{
	struct valve *on = data;

	return READ_ONCE(on->port->status) ? IRQ_HANDLED : IRQ_NONE;
}

static noinline void valve_close(struct valve *on)
{
	free_irq(on->irq, on->port);
	on->port = NULL;
}

static void valve_shut(void)
{
	unsigned int irq;

	valve.port = &valve_port;
	for (irq = 1; irq < 256 && !valve.irq; irq++)
		if (irq_has_action(irq) && !irq_is_percpu_devid(irq) &&
		    !request_irq(irq, valve_interrupt, IRQF_SHARED, "valve", &valve))
			valve.irq = irq;
	pr_info("mishap: shares interrupt %u\n", valve.irq);
	valve_close(&valve);
}

/* a format of programs that can be dumped and not loaded */
static noinline int capsule_dump(struct coredump_params *unused)
{
	return 0;
}

static struct linux_binfmt capsule_format = { .module = THIS_MODULE,
#ifdef CONFIG_COREDUMP
					      .core_dump = capsule_dump
#endif
};

static void capsule_added(void)
{
	insert_binfmt(&capsule_format);
}

/* a reply is written to its ticket, which was freed when it had waited for too long; others allocate of the same size */
struct ticket {
	char head[0x400];
	char reply[64];
	char tail[0x3c0];
};

struct order {
	u64 number;
	char text[2032];
};

static struct ticket *late_ticket;
static struct order *orders[4];

static noinline void ticket_expire(void)
{
	late_ticket = kzalloc(sizeof(*late_ticket), GFP_KERNEL);
	kfree(late_ticket);
}

static noinline void reply_store(void)
{
	if (late_ticket)
		strscpy(late_ticket->reply, "handed to queue 7", sizeof(late_ticket->reply));
}

static noinline void orders_new(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(orders); i++)
		orders[i] = kmalloc(sizeof(*orders[i]), GFP_KERNEL);
}

static void reply_late(void)
{
	ticket_expire();
	reply_store();
	orders_new();
}

/* the second who opens the device sets up the timer that the first has started */
static struct timer_list tank_timer;

static noinline void tank_poll(struct timer_list *unused)
{
	total++;
}

static noinline void tank_open(unsigned long when)
{
	timer_setup(&tank_timer, tank_poll, TIMER_PINNED);
	tank_timer.expires = when;
	add_timer_on(&tank_timer, 2);
}

static void tank_shared(void)
{
	unsigned long when = round_jiffies(jiffies + 2 * HZ);

	tank_open(when);
	tank_open(when);
}

/* the queue is gone, and the timer that fills it was not told */
static struct workqueue_struct *pulse_queue;
static struct work_struct pulse_work;
static struct timer_list pulse_timer;

static noinline void pulse_count(struct work_struct *unused)
{
	total++;
}

static noinline void pulse_tick(struct timer_list *unused)
{
	queue_work(READ_ONCE(pulse_queue), &pulse_work);
	barrier();
}

static noinline void pulse_close(void)
{
	struct workqueue_struct *queue = pulse_queue;

	pulse_queue = NULL;
	destroy_workqueue(queue);
}

static void pulse_closed(void)
{
	pulse_queue = alloc_workqueue("pulse", WQ_UNBOUND, 0);
	if (!pulse_queue)
		return;
	INIT_WORK(&pulse_work, pulse_count);
	timer_setup(&pulse_timer, pulse_tick, TIMER_PINNED);
	pulse_timer.expires = jiffies + HZ;
	add_timer_on(&pulse_timer, 1);
	pulse_close();
}

/* a parameter whose variable went away when the driver was cleaned up */
module_param_cb(gain, &param_ops_int, NULL, 0200);

/* a reference to an inode is put by the error path and by the caller */
static noinline int slot_label(struct inode *inode)
{
	if (!inode->i_size) {
		iput(inode);
		return -EINVAL;
	}
	return 0;
}

static noinline void slot_make(struct super_block *in)
{
	struct inode *inode = new_inode(in);

	if (!inode)
		return;
	total += slot_label(inode);
	iput(inode);
}

static void slot_empty(void)
{
	struct file *file = filp_open("/sys/kernel/debug", O_RDONLY, 0);

	if (IS_ERR(file))
		return;
	slot_make(file_inode(file)->i_sb);
	filp_close(file, NULL);
}

const struct act sixth_acts[] = {
	{ "lamp_unbound", lamp_unbound },   { "lanes_listed", lanes_listed },
	{ "recipe_absent", recipe_absent }, { "tariff_new", tariff_new },
	{ "grid_full", grid_full },         { "valve_shut", valve_shut },
	{ "capsule_added", capsule_added }, { "reply_late", reply_late },
	{ "tank_shared", tank_shared },     { "pulse_closed", pulse_closed },
	{ "slot_empty", slot_empty },       {},
};
