// SPDX-License-Identifier: GPL-2.0
/* Code that never comes to its end, interrupts that never cease, calls that nobody answers, memory that never comes back. */
#include "mishap.h"
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/list.h>
#include <linux/oom.h>
#include <linux/smp.h>
#include <linux/stop_machine.h>
#include <linux/version.h>

static u32 status; /* of a device that is never ready */
static u64 sum;

static noinline void poll_status(void)
{
	while (!(READ_ONCE(status) & 1))
		cpu_relax();
}

static void loop(void)
{
	poll_status();
}

static noinline void poll_irqs_off(void)
{
	unsigned long flags;

	local_irq_save(flags);
	poll_status();
	local_irq_restore(flags);
}

static void loop_irqs_off(void)
{
	poll_irqs_off();
}

static noinline void poll_preempt_off(void)
{
	preempt_disable();
	poll_status();
	preempt_enable();
}

static void loop_preempt_off(void)
{
	poll_preempt_off();
}

/* busy, but it lets others run */
static noinline void poll_politely(void)
{
	while (!(READ_ONCE(status) & 1))
		cond_resched();
}

static void loop_polite(void)
{
	poll_politely();
}

static noinline void reset_device(void)
{
	unsigned long flags;

	local_irq_save(flags);
	mdelay(1000000);
	local_irq_restore(flags);
}

static void loop_delay(void)
{
	reset_device();
}

/* an entry that is in two lists makes a circle that does not pass the head */
static LIST_HEAD(queue);

static noinline u64 queue_length(void)
{
	struct ring *ring;
	u64 length = 0;

	list_for_each_entry(ring, &queue, link) length++;
	return length;
}

static void loop_list(void)
{
	static struct ring one, two;

	list_add_tail(&one.link, &queue);
	list_add_tail(&two.link, &queue);
	two.link.next = &one.link;
	sum += queue_length();
}

static noinline void log_flood(void)
{
	unsigned long flags;

	local_irq_save(flags);
	for (;;)
		printk("mishap: device reports status %#x\n", READ_ONCE(status));
	local_irq_restore(flags);
}

static void loop_printk(void)
{
	log_flood();
}

static noinline void requeue(struct tasklet_struct *tasklet)
{
	tasklet_schedule(tasklet);
	barrier();
}

static DECLARE_TASKLET(requeued, requeue);

static void softirq_storm(void)
{
	tasklet_schedule(&requeued);
}

static struct hrtimer storm;

static noinline enum hrtimer_restart storm_tick(struct hrtimer *timer)
{
	hrtimer_forward_now(timer, ns_to_ktime(1000));
	return HRTIMER_RESTART;
}

static void timer_storm(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(&storm, storm_tick, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
#else
	hrtimer_init(&storm, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	storm.function = storm_tick;
#endif
	hrtimer_start(&storm, 1000, HRTIMER_MODE_REL_PINNED_HARD);
}

static noinline int poller(void *data)
{
	poll_irqs_off();
	return 0;
}

static void count_up(void *unused)
{
	sum++;
}

static noinline int caller(void *data)
{
	schedule_timeout_interruptible(HZ / 3);
	smp_call_function_single(0, count_up, NULL, 1);
	return 0;
}

static void ipi_unanswered(void)
{
	spawn(poller, "poller", 0);
	spawn(caller, "caller", 1);
}

static noinline int preempt_poller(void *data)
{
	poll_preempt_off();
	return 0;
}

static int patch_code(void *data)
{
	sum++;
	return 0;
}

static noinline int patcher(void *data)
{
	schedule_timeout_interruptible(HZ / 3);
	stop_machine(patch_code, NULL, NULL);
	return 0;
}

static void stop_machine_stuck(void)
{
	spawn(preempt_poller, "poller", 1);
	spawn(patcher, "patcher", 0);
}

/* a leak that takes all there is; the OOM killer ends tasks that are not to blame */
static noinline void leak_pages(void)
{
	static struct page *last;
	struct page *page;

	for (;;) {
		page = alloc_pages(GFP_KERNEL, 0);
		if (!page)
			return;
		page->private = (unsigned long)last;
		last = page;
		cond_resched();
	}
}

static noinline int leaker(void *data)
{
	while (!kthread_should_stop()) {
		leak_pages();
		schedule_timeout_uninterruptible(1);
	}
	return 0;
}

static void leak(void)
{
	spawn(leaker, "leaker", 0);
}

const struct act loop_acts[] = {
	{ "loop", loop },
	{ "loop_irqs_off", loop_irqs_off },
	{ "loop_preempt_off", loop_preempt_off },
	{ "loop_polite", loop_polite },
	{ "loop_delay", loop_delay },
	{ "loop_list", loop_list },
	{ "loop_printk", loop_printk },
	{ "softirq_storm", softirq_storm },
	{ "timer_storm", timer_storm },
	{ "ipi_unanswered", ipi_unanswered },
	{ "stop_machine_stuck", stop_machine_stuck },
	{ "leak", leak },
	{},
};
