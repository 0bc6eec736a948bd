// SPDX-License-Identifier: GPL-2.0
/* As unseen.c: tasks and CPUs that wait for what does not come, some of them in circles. */
#include "mishap.h"
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/reboot.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

static u64 total;

static void pause_ms(unsigned int ms)
{
	schedule_timeout_interruptible(msecs_to_jiffies(ms));
}

/* a condition that never becomes true, whoever wakes the queue */
static DECLARE_WAIT_QUEUE_HEAD(credit_queue);
static u32 credits;

static noinline void credit_wait(void)
{
	wait_event(credit_queue, READ_ONCE(credits) > 4);
	barrier();
}

static noinline int credit_giver(void *data)
{
	for (;;) {
		pause_ms(20000);
		wake_up(&credit_queue);
	}
	return 0;
}

static void condition_never(void)
{
	spawn(credit_giver, "credit_giver", 0);
	credit_wait();
}

/* the same for a device's firmware, which never says that it has started */
static DECLARE_COMPLETION(firmware_up);

static noinline void firmware_wait(void)
{
	wait_for_completion(&firmware_up);
	barrier();
}

static void firmware_silent(void)
{
	firmware_wait();
}

/* a thread that ends with a mutex */
static DEFINE_MUTEX(journal_mutex);

static noinline int journal_open(void *data)
{
	mutex_lock(&journal_mutex);
	pause_ms(100);
	return -EIO;
}

static noinline void journal_commit(void)
{
	mutex_lock(&journal_mutex);
	total++;
	mutex_unlock(&journal_mutex);
}

static noinline int committer(void *data)
{
	pause_ms(500);
	journal_commit();
	return 0;
}

static void mutex_orphan(void)
{
	spawn(journal_open, "opener", 0);
	spawn(committer, "committer", 1);
}

/* three threads, three mutexes, each with one in hand */
static struct mutex forks[3];

static noinline void take_two(struct mutex *first, struct mutex *second)
{
	mutex_lock(first);
	pause_ms(300);
	mutex_lock(second);
	mutex_unlock(second);
	mutex_unlock(first);
}

static noinline int philosopher(void *data)
{
	unsigned int seat = current->comm[11] - '0';

	take_two(&forks[seat], &forks[(seat + 1) % 3]);
	return 0;
}

static void mutex_ring(void)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		mutex_init(&forks[i]);
	spawn(philosopher, "philosopher0", 0);
	spawn(philosopher, "philosopher1", 1);
	spawn(philosopher, "philosopher2", 0);
}

/* a mutex within a spin lock, and the other way round */
static DEFINE_SPINLOCK(stripe_lock);
static DEFINE_MUTEX(stripe_mutex);

static noinline void stripe_write(void)
{
	spin_lock(&stripe_lock);
	mdelay(300);
	mutex_lock(&stripe_mutex);
	total++;
	mutex_unlock(&stripe_mutex);
	spin_unlock(&stripe_lock);
}

static noinline void stripe_read(void)
{
	mutex_lock(&stripe_mutex);
	mdelay(300);
	spin_lock(&stripe_lock);
	total++;
	spin_unlock(&stripe_lock);
	mutex_unlock(&stripe_mutex);
}

static noinline int stripe_writer(void *data)
{
	stripe_write();
	return 0;
}

static noinline int stripe_reader(void *data)
{
	stripe_read();
	return 0;
}

static void mixed_abba(void)
{
	spawn(stripe_reader, "stripe_reader", 1);
	spawn(stripe_writer, "stripe_writer", 0);
}

/* a task sleeps with its own address space locked, and whoever looks at it in /proc waits */
static noinline void pages_pin(void)
{
	mmap_write_lock(current->mm);
	wait_for_completion(&firmware_up);
	mmap_write_unlock(current->mm);
}

static void mmap_held(void)
{
	pages_pin();
}

/* a driver that wants an answer before it lets go of its device; the device gives none, and so the guest does not restart */
static noinline int card_quiesce(struct notifier_block *block, unsigned long event, void *data)
{
	wait_for_completion(&firmware_up);
	return NOTIFY_DONE;
}

static struct notifier_block card_notifier = { .notifier_call = card_quiesce };

static void reboot_stuck(void)
{
	register_reboot_notifier(&card_notifier);
}

/* a timer is awaited with the lock that it wants itself */
static DEFINE_SPINLOCK(poll_lock);
static struct timer_list poll_timer;

static noinline void poll_tick(struct timer_list *timer)
{
	spin_lock(&poll_lock);
	total++;
	spin_unlock(&poll_lock);
}

static noinline void poll_stop(void)
{
	spin_lock(&poll_lock);
	mdelay(300);
	timer_delete_sync(&poll_timer);
	spin_unlock(&poll_lock);
}

static noinline int poll_stopper(void *data)
{
	poll_stop();
	return 0;
}

static void timer_awaited(void)
{
	timer_setup(&poll_timer, poll_tick, TIMER_PINNED);
	poll_timer.expires = jiffies + HZ / 10;
	add_timer_on(&poll_timer, 1);
	spawn(poll_stopper, "poll_stopper", 0);
}

/* a thread, and a work item, are awaited with the mutex that they want themselves */
static DEFINE_MUTEX(sample_mutex);

static noinline void sample_take(void)
{
	mutex_lock(&sample_mutex);
	total++;
	mutex_unlock(&sample_mutex);
}

static noinline int sampler(void *data)
{
	do {
		pause_ms(1000);
		sample_take();
	} while (!kthread_should_stop());
	return 0;
}

static noinline void sample_stop(struct task_struct *task)
{
	mutex_lock(&sample_mutex);
	kthread_stop(task);
	mutex_unlock(&sample_mutex);
}

static void thread_awaited(void)
{
	struct task_struct *task = kthread_run(sampler, NULL, "sampler");

	pause_ms(300);
	sample_stop(task);
}

static noinline void sample_later(struct work_struct *unused)
{
	sample_take();
	barrier();
}

static DECLARE_WORK(sample_work, sample_later);

static noinline void sample_flush(void)
{
	mutex_lock(&sample_mutex);
	schedule_work(&sample_work);
	flush_work(&sample_work);
	mutex_unlock(&sample_mutex);
}

static void work_awaited(void)
{
	sample_flush();
}

/* a work item waits for its own end */
static struct work_struct once_work;

static noinline void once_cancel(struct work_struct *work)
{
	cancel_work_sync(work);
	barrier();
}

static void work_self(void)
{
	INIT_WORK(&once_work, once_cancel);
	schedule_work_on(1, &once_work);
}

const struct act unseen_wait_acts[] = {
	{ "condition_never", condition_never },
	{ "firmware_silent", firmware_silent },
	{ "mutex_orphan", mutex_orphan },
	{ "mutex_ring", mutex_ring },
	{ "mixed_abba", mixed_abba },
	{ "mmap_held", mmap_held },
	{ "reboot_stuck", reboot_stuck },
	{ "timer_awaited", timer_awaited },
	{ "thread_awaited", thread_awaited },
	{ "work_awaited", work_awaited },
	{ "work_self", work_self },
	{},
};
