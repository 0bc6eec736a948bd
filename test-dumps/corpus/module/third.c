// SPDX-License-Identifier: GPL-2.0
/* A third lot, as second.c: pointers that were right once, code and tables that were written over, faults within other work. */
#include "mishap.h"
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/reboot.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/version.h>

static u64 total;

static void pause_ms(unsigned int ms)
{
	schedule_timeout_interruptible(msecs_to_jiffies(ms));
}

/* an answer that comes after who asked has gone: what was a completion is another function's packet by now */
static struct completion *pending_reply;

static noinline void reply_deliver(void)
{
	complete(READ_ONCE(pending_reply));
	barrier();
}

static noinline int doorbell(void *data)
{
	pause_ms(1000);
	reply_deliver();
	return 0;
}

static noinline int request_send(void)
{
	u64 words[8];
	DECLARE_COMPLETION_ONSTACK(reply);

	words[0] = total;
	OPTIMIZER_HIDE_VAR(words[0]);
	WRITE_ONCE(pending_reply, &reply);
	if (!wait_for_completion_timeout(&reply, HZ / 10))
		return -ETIMEDOUT;
	return words[0] > 1000;
}

static noinline u64 request_pack(void)
{
	u8 packet[1024];

	memset(packet, 0, sizeof(packet));
	barrier_data(packet);
	pause_ms(5000);
	return packet[total & 1023];
}

static noinline int requester(void *data)
{
	if (request_send() < 0)
		total += request_pack();
	return 0;
}

static void completion_stale(void)
{
	spawn(requester, "requester", 0);
	spawn(doorbell, "doorbell", 1);
}

/* counters for each CPU, which a function that nobody has called allocates */
struct port_stats {
	u64 errors;
	u64 packets;
};

static struct port_stats __percpu *port_stats;

static noinline void port_count(unsigned int packets)
{
	this_cpu_add(READ_ONCE(port_stats)->packets, packets);
}

static void percpu_null(void)
{
	port_count(64);
	barrier();
}

/* what is to be told of a restart, and was not taken off the list when its module was removed */
static noinline int card_restart(struct notifier_block *block, unsigned long event, void *data)
{
	total++;
	return NOTIFY_DONE;
}

static struct notifier_block card_block = { .notifier_call = card_restart, .priority = 100 };

static void notifier_left(void)
{
	register_reboot_notifier(&card_block);
}

/* a check that fails in a timer, with a lock for which others spin already */
static DEFINE_SPINLOCK(quota_lock);
static u64 quota_used = 1000, quota_limit = 1004;
static struct timer_list quota_timer;

static noinline void quota_charge(u64 pages)
{
	BUG_ON(READ_ONCE(quota_used) + pages > READ_ONCE(quota_limit));
	quota_used += pages;
}

static noinline void quota_expire(struct timer_list *timer)
{
	spin_lock(&quota_lock);
	mdelay(600);
	quota_charge(8);
	spin_unlock(&quota_lock);
}

static noinline int quota_show(void *data)
{
	pause_ms(300);
	spin_lock(&quota_lock);
	total += quota_used;
	spin_unlock(&quota_lock);
	return 0;
}

static void bug_under_lock(void)
{
	timer_setup(&quota_timer, quota_expire, TIMER_PINNED);
	quota_timer.expires = jiffies + HZ / 10;
	add_timer_on(&quota_timer, 2);
	spawn(quota_show, "quota_show1", 1);
	spawn(quota_show, "quota_show3", 3);
}

/* a table that is cleared through the wrong member of its union: instructions */
static noinline u64 dose_scale(u64 value)
{
	u64 scaled = value * 3 + READ_ONCE(total);

	return scaled > 100 ? scaled - READ_ONCE(quota_used) : scaled;
}

static noinline void table_clear(u64 *table, unsigned int rows)
{
	while (rows--)
		WRITE_ONCE(*table++, 0);
}

static void text_written(void)
{
	union {
		u64 (*scale)(u64 value);
		u64 *table;
	} entry = { .scale = dose_scale };

	total += READ_ONCE(entry.scale)(1);
	table_clear(entry.table, 2);
	asm volatile("ibar 0" ::: "memory");
	total += dose_scale(2);
}

/* a label that is longer than its place, with the pointer to a function behind it */
struct line {
	char label[16];
	int (*notify)(struct line *line);
};

static noinline int line_event(struct line *line)
{
	total++;
	return 0;
}

static struct line irq_line = { .notify = line_event };

static noinline void line_label(char *to, const char *from)
{
	while ((*to++ = *from++))
		barrier();
}

static noinline int line_raise(struct line *line)
{
	return READ_ONCE(line->notify)(line) + 1;
}

static void pointer_is_text(void)
{
	line_label(irq_line.label, "loongson-gpio-0-irq-12");
	total += line_raise(&irq_line);
}

/* a task dies with its own address space locked, which its end wants as well */
struct window {
	u64 flags;
	u64 pages;
};

static struct window *windows[4];

static noinline void window_remap(unsigned int number)
{
	mmap_write_lock(current->mm);
	total += READ_ONCE(windows[number % 4])->pages;
	mmap_write_unlock(current->mm);
}

static void died_with_mmap_lock(void)
{
	window_remap(2);
}

/* a timer's hard interrupt within a timer's soft interrupt, and the fault within that */
static struct hrtimer edge_timer;
static struct timer_list level_timer;

static noinline u64 edge_sample(struct window *window)
{
	return READ_ONCE(window->pages);
}

static noinline enum hrtimer_restart edge_tick(struct hrtimer *timer)
{
	total += edge_sample(READ_ONCE(windows[1]));
	return HRTIMER_NORESTART;
}

static noinline void level_poll(struct timer_list *timer)
{
	hrtimer_start(&edge_timer, ms_to_ktime(50), HRTIMER_MODE_REL_PINNED_HARD);
	mdelay(300);
	total++;
}

static void fault_nested(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(&edge_timer, edge_tick, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
#else
	hrtimer_init(&edge_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	edge_timer.function = edge_tick;
#endif
	timer_setup(&level_timer, level_poll, TIMER_PINNED);
	level_timer.expires = jiffies + HZ / 10;
	add_timer_on(&level_timer, 5);
}

/* an error is taken for a pointer, and a member of it lies just above 0 */
struct sensor {
	u64 number;
	u64 range[2];
	u64 owner;
};

static noinline struct sensor *sensor_claim(unsigned int number)
{
	return READ_ONCE(windows[number % 4]) ? NULL : ERR_PTR(-EBUSY);
}

static noinline u64 sensor_owner(struct sensor *sensor)
{
	return READ_ONCE(sensor->owner);
}

static void error_followed(void)
{
	total += sensor_owner(sensor_claim(1));
}

/* too hot: the guest is to switch itself off */
static noinline void thermal_trip(int celsius)
{
	pr_emerg("mishap: %d degrees, switching off\n", celsius);
	kernel_power_off();
	barrier();
}

static void too_hot(void)
{
	thermal_trip(104);
}

static noinline void valve_close(unsigned int number)
{
	panic("mishap: valve %u does not close", number);
}

static void valve_stuck(void)
{
	valve_close(3);
}

const struct act third_acts[] = {
	{ "completion_stale", completion_stale },
	{ "percpu_null", percpu_null },
	{ "notifier_left", notifier_left },
	{ "bug_under_lock", bug_under_lock },
	{ "text_written", text_written },
	{ "pointer_is_text", pointer_is_text },
	{ "died_with_mmap_lock", died_with_mmap_lock },
	{ "fault_nested", fault_nested },
	{ "error_followed", error_followed },
	{ "too_hot", too_hot },
	{ "valve_stuck", valve_stuck },
	{},
};
