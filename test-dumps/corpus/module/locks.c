// SPDX-License-Identifier: GPL-2.0
/* Spin locks that are never free again. */
#include "mishap.h"
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/version.h>

static DEFINE_SPINLOCK(table_lock);
static DEFINE_SPINLOCK(index_lock);
static DEFINE_RWLOCK(route_lock);
static u64 rows;

static void pause_ms(unsigned int ms)
{
	schedule_timeout_interruptible(msecs_to_jiffies(ms));
}

static noinline void table_update(void)
{
	spin_lock(&table_lock);
	rows++;
	spin_unlock(&table_lock);
}

static noinline int updater(void *data)
{
	pause_ms(300);
	table_update();
	return 0;
}

/* an early return that forgets the lock, and a thread that comes later */
static noinline int table_check(void)
{
	spin_lock(&table_lock);
	if (rows != 0x1234)
		return -EINVAL;
	spin_unlock(&table_lock);
	return 0;
}

static noinline int checker(void *data)
{
	rows += table_check() < 0;
	return 0;
}

static void spin_forgotten(void)
{
	spawn(checker, "checker", 0);
	spawn(updater, "updater", 1);
}

static noinline void table_rebuild(void)
{
	spin_lock(&table_lock);
	table_update();
	spin_unlock(&table_lock);
}

static void spin_self(void)
{
	table_rebuild();
}

static noinline void table_to_index(void)
{
	spin_lock(&table_lock);
	mdelay(50);
	spin_lock(&index_lock);
	rows++;
	spin_unlock(&index_lock);
	spin_unlock(&table_lock);
}

static noinline void index_to_table(void)
{
	spin_lock(&index_lock);
	mdelay(50);
	spin_lock(&table_lock);
	rows++;
	spin_unlock(&table_lock);
	spin_unlock(&index_lock);
}

static noinline int table_writer(void *data)
{
	while (!kthread_should_stop()) {
		table_to_index();
		pause_ms(4);
	}
	return 0;
}

static noinline int index_writer(void *data)
{
	while (!kthread_should_stop()) {
		index_to_table();
		pause_ms(4);
	}
	return 0;
}

static void spin_abba(void)
{
	spawn(table_writer, "table_writer", 0);
	spawn(index_writer, "index_writer", 1);
}

/* the holder sleeps with the lock */
static noinline void table_flush(void)
{
	spin_lock(&table_lock);
	rows++;
	schedule_timeout_uninterruptible(100000 * HZ);
	spin_unlock(&table_lock);
}

static noinline int flusher(void *data)
{
	table_flush();
	return 0;
}

static void spin_sleeper(void)
{
	spawn(flusher, "flusher", 0);
	spawn(updater, "updater", 1);
}

/* the holder dies with the lock */
static noinline void table_import(void)
{
	spin_lock(&table_lock);
	rows += ring_posted(ring_of(0));
	spin_unlock(&table_lock);
}

static noinline int importer(void *data)
{
	table_import();
	return 0;
}

static void spin_oops(void)
{
	spawn(importer, "importer", 0);
	spawn(updater, "updater", 1);
}

/* the holder runs forever with the lock, on a list that has become a circle */
static noinline void table_scan(void)
{
	spin_lock(&table_lock);
	while (READ_ONCE(rows) != 0x1234567)
		cpu_relax();
	spin_unlock(&table_lock);
}

static noinline int scanner(void *data)
{
	table_scan();
	return 0;
}

static void spin_runner(void)
{
	spawn(scanner, "scanner", 0);
	spawn(updater, "updater", 1);
}

/* the same lock in a task and in an interrupt or a timer of the same CPU */
static struct hrtimer table_hrtimer;
static struct timer_list table_timer;

static noinline enum hrtimer_restart table_tick(struct hrtimer *timer)
{
	table_update();
	return HRTIMER_NORESTART;
}

static noinline void table_expire(struct timer_list *timer)
{
	table_update();
	barrier();
}

static noinline void table_walk(void)
{
	spin_lock(&table_lock);
	mdelay(200);
	spin_unlock(&table_lock);
}

static void spin_interrupt(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(&table_hrtimer, table_tick, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
#else
	hrtimer_init(&table_hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	table_hrtimer.function = table_tick;
#endif
	hrtimer_start(&table_hrtimer, ms_to_ktime(50), HRTIMER_MODE_REL_PINNED_HARD);
	table_walk();
}

static void spin_timer(void)
{
	timer_setup(&table_timer, table_expire, TIMER_PINNED);
	mod_timer(&table_timer, jiffies + HZ / 20);
	table_walk();
}

/* three wait behind a lock whose holder has interrupts off */
static noinline void table_freeze(void)
{
	unsigned long flags;

	spin_lock_irqsave(&table_lock, flags);
	while (READ_ONCE(rows) != 0x1234567)
		cpu_relax();
	spin_unlock_irqrestore(&table_lock, flags);
}

static noinline int freezer_body(void *data)
{
	table_freeze();
	return 0;
}

static void spin_queue(void)
{
	spawn(updater, "updater1", 1);
	spawn(updater, "updater2", 2);
	spawn(updater, "updater3", 3);
	spawn(freezer_body, "freezer", 0);
}

/* a reader sleeps with the lock, a writer spins */
static noinline void route_lookup(void)
{
	read_lock(&route_lock);
	schedule_timeout_uninterruptible(100000 * HZ);
	read_unlock(&route_lock);
}

static noinline void route_add(void)
{
	write_lock(&route_lock);
	rows++;
	write_unlock(&route_lock);
}

static noinline int route_reader(void *data)
{
	route_lookup();
	return 0;
}

static noinline int route_writer(void *data)
{
	pause_ms(300);
	route_add();
	return 0;
}

static void rwlock_reader(void)
{
	spawn(route_reader, "route_reader", 0);
	spawn(route_writer, "route_writer", 1);
}

const struct act lock_acts[] = {
	{ "spin_forgotten", spin_forgotten },
	{ "spin_self", spin_self },
	{ "spin_abba", spin_abba },
	{ "spin_sleeper", spin_sleeper },
	{ "spin_oops", spin_oops },
	{ "spin_runner", spin_runner },
	{ "spin_interrupt", spin_interrupt },
	{ "spin_timer", spin_timer },
	{ "spin_queue", spin_queue },
	{ "rwlock_reader", rwlock_reader },
	{},
};
