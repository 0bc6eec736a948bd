// SPDX-License-Identifier: GPL-2.0
/* As fifth.c: waits for somebody who has ended, who does not listen, or who waits politely; and one that ends well. */
#include "mishap.h"
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <asm/loongarch.h>

static u64 total;

static void pause_ms(unsigned int ms)
{
	schedule_timeout_interruptible(msecs_to_jiffies(ms));
}

/* who is to bring the next page has ended by an oops, and nobody tells who waits for it */
struct page_source {
	u64 number;
	u64 pages;
	u64 head;
};

static DECLARE_WAIT_QUEUE_HEAD(page_queue);
static struct page_source *page_source;
static u64 pages_ready;

static noinline void feed_next(struct page_source *source)
{
	WRITE_ONCE(source->head, READ_ONCE(source->head) + 1);
	pages_ready++;
}

static noinline int page_feed(void *data)
{
	pause_ms(1000);
	feed_next(READ_ONCE(page_source));
	wake_up(&page_queue);
	return 0;
}

static noinline int plot_page(void *data)
{
	wait_event(page_queue, READ_ONCE(pages_ready));
	total++;
	return 0;
}

static void waker_died(void)
{
	spawn(plot_page, "plotter", 0);
	spawn(page_feed, "page_feed", 1);
}

/* a reader gives its lock back twice: there is one reader less than none, and a writer waits until there are none */
static DEFINE_RWLOCK(vlan_lock);

static noinline int vlan_check(void *data)
{
	read_lock(&vlan_lock);
	if (!READ_ONCE(total))
		read_unlock(&vlan_lock);
	read_unlock(&vlan_lock);
	return 0;
}

static noinline int vlan_replace(void *data)
{
	pause_ms(500);
	write_lock(&vlan_lock);
	total++;
	write_unlock(&vlan_lock);
	return 0;
}

static noinline int vlan_find(void *data)
{
	pause_ms(1500);
	read_lock(&vlan_lock);
	total++;
	read_unlock(&vlan_lock);
	return 0;
}

static void rwlock_below(void)
{
	spawn(vlan_check, "vlan_check", 1);
	spawn(vlan_replace, "vlan_admin", 2);
	spawn(vlan_find, "vlan_find", 3);
}

/* a thread is to park, and does not look whether it should */
static DEFINE_MUTEX(scaler_mutex);
static DECLARE_WAIT_QUEUE_HEAD(scaler_requests);
static struct task_struct *scaler;
static u64 scaler_request;

static noinline int scaler_run(void *data)
{
	for (;;) {
		wait_event_interruptible(scaler_requests, READ_ONCE(scaler_request));
		total += scaler_request;
		scaler_request = 0;
	}
	return 0;
}

static noinline int scaler_suspend(void *data)
{
	pause_ms(500);
	mutex_lock(&scaler_mutex);
	kthread_park(scaler);
	mutex_unlock(&scaler_mutex);
	return 0;
}

static noinline int thermal_limit(void *data)
{
	pause_ms(1500);
	mutex_lock(&scaler_mutex);
	scaler_request = 1;
	mutex_unlock(&scaler_mutex);
	return 0;
}

static void park_never(void)
{
	scaler = kthread_run(scaler_run, NULL, "clock_scaler");
	if (IS_ERR(scaler))
		return;
	spawn(scaler_suspend, "governor", 1);
	spawn(thermal_limit, "thermal", 2);
}

/* two threads have a mutex each and ask for that of the other, with a short sleep after each time */
static DEFINE_MUTEX(bridge_mutex);
static DEFINE_MUTEX(trunk_mutex);

static noinline void bridge_join(void)
{
	while (!mutex_trylock(&trunk_mutex))
		msleep(20);
}

static noinline void trunk_join(void)
{
	while (!mutex_trylock(&bridge_mutex))
		msleep(20);
}

static noinline int bridge_sync(void *data)
{
	mutex_lock(&bridge_mutex);
	pause_ms(500);
	bridge_join();
	total++;
	mutex_unlock(&trunk_mutex);
	mutex_unlock(&bridge_mutex);
	return 0;
}

static noinline int trunk_sync(void *data)
{
	mutex_lock(&trunk_mutex);
	pause_ms(500);
	trunk_join();
	total++;
	mutex_unlock(&bridge_mutex);
	mutex_unlock(&trunk_mutex);
	return 0;
}

static noinline int bridge_count(void *data)
{
	pause_ms(1500);
	mutex_lock(&bridge_mutex);
	total++;
	mutex_unlock(&bridge_mutex);
	return 0;
}

static void polite_retry(void)
{
	spawn(bridge_sync, "bridge_sync", 0);
	spawn(trunk_sync, "trunk_sync", 1);
	spawn(bridge_count, "bridge_stat", 2);
}

/* a driver switches a CPU's IPIs off, and meant a register of its own; the CPU looks for calls only when idle */
static noinline int line_reset(void *data)
{
	iocsr_write32(0, LOONGARCH_IOCSR_IPI_EN);
	return 0;
}

static noinline void scrub_local(void *unused)
{
	total++;
}

static noinline int scrub_banks(void *data)
{
	pause_ms(1000);
	smp_call_function_single(2, scrub_local, NULL, 1);
	barrier();
	return 0;
}

static void ipi_disabled(void)
{
	spawn(line_reset, "line_reset", 2);
	spawn(scrub_banks, "scrubber", 1);
}

/* who reads from a disk that does not answer has the lock of all who read the device */
static DEFINE_MUTEX(ledger_mutex);
static struct file *ledger_disk;

static noinline ssize_t ledger_load(void)
{
	static char page[4096];
	loff_t at = 0;

	return kernel_read(ledger_disk, page, sizeof(page), &at);
}

static noinline ssize_t ledger_read(struct file *file, char __user *to, size_t size, loff_t *at)
{
	ssize_t error;

	mutex_lock(&ledger_mutex);
	error = ledger_load();
	mutex_unlock(&ledger_mutex);
	return min_t(ssize_t, error, 0);
}

static const struct file_operations ledger_fops = { .owner = THIS_MODULE, .read = ledger_read };
static struct miscdevice ledger_device = { .minor = MISC_DYNAMIC_MINOR,
					   .name = "ledger",
					   .fops = &ledger_fops };

static noinline int ledger_audit(void *data)
{
	pause_ms(3500);
	mutex_lock(&ledger_mutex);
	total++;
	mutex_unlock(&ledger_mutex);
	return 0;
}

static void disk_under_mutex(void)
{
	ledger_disk = filp_open("/dev/mishap0", O_RDONLY, 0);
	if (IS_ERR(ledger_disk) || misc_register(&ledger_device))
		pr_err("mishap: no /dev/ledger\n");
	spawn(ledger_audit, "auditor", 0);
}

/* the end of an interrupt's thread is awaited with the mutex that it takes */
static DEFINE_MUTEX(knob_mutex);
static unsigned int knob_irq;
static u64 knob_turns;

static noinline irqreturn_t knob_interrupt(int irq, void *data)
{
	WRITE_ONCE(knob_turns, knob_turns + 1);
	return IRQ_WAKE_THREAD;
}

static noinline irqreturn_t knob_turned(int irq, void *data)
{
	mutex_lock(&knob_mutex);
	total++;
	mutex_unlock(&knob_mutex);
	return IRQ_HANDLED;
}

static noinline int knob_off(void *data)
{
	mutex_lock(&knob_mutex);
	while (!READ_ONCE(knob_turns))
		pause_ms(100);
	pause_ms(500);
	synchronize_irq(knob_irq);
	mutex_unlock(&knob_mutex);
	return 0;
}

static void irq_thread_awaited(void)
{
	unsigned int irq;

	for (irq = 1; irq < 256 && !knob_irq; irq++)
		if (irq_has_action(irq) && !irq_is_percpu_devid(irq) &&
		    !request_threaded_irq(irq, knob_interrupt, knob_turned, IRQF_SHARED, "knob",
					  &knob_mutex))
			knob_irq = irq;
	pr_info("mishap: shares interrupt %u\n", knob_irq);
	spawn(knob_off, "knob_off", 1);
}

/* a lock is kept for longer than the kernel likes, and given back */
static DEFINE_MUTEX(backup_mutex);

static noinline int backup_write(void *data)
{
	mutex_lock(&backup_mutex);
	schedule_timeout_uninterruptible(16 * HZ);
	mutex_unlock(&backup_mutex);
	pr_info("mishap: backup done\n");
	return 0;
}

static noinline int backup_list(void *data)
{
	pause_ms(500);
	mutex_lock(&backup_mutex);
	total++;
	mutex_unlock(&backup_mutex);
	return 0;
}

static void backup_slow(void)
{
	spawn(backup_write, "backup", 0);
	spawn(backup_list, "backup_list", 1);
}

const struct act fifth_wait_acts[] = {
	{ "waker_died", waker_died },
	{ "rwlock_below", rwlock_below },
	{ "park_never", park_never },
	{ "polite_retry", polite_retry },
	{ "ipi_disabled", ipi_disabled },
	{ "disk_under_mutex", disk_under_mutex },
	{ "irq_thread_awaited", irq_thread_awaited },
	{ "backup_slow", backup_slow },
	{},
};
