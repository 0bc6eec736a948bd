// SPDX-License-Identifier: GPL-2.0
/* As third.c: circles of locks and work, timers that never let go, and waits that are as they should be. */
#include "mishap.h"
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/rwsem.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/version.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

static u64 total;
static DECLARE_COMPLETION(answer); /* of a device that gives none */

static void pause_ms(unsigned int ms)
{
	schedule_timeout_interruptible(msecs_to_jiffies(ms));
}

/* three semaphores; each thread reads under one, and writes under the next */
static DECLARE_RWSEM(hot_sem);
static DECLARE_RWSEM(warm_sem);
static DECLARE_RWSEM(cold_sem);

static noinline void tier_move(struct rw_semaphore *from, struct rw_semaphore *to)
{
	down_read(from);
	pause_ms(300);
	down_write(to);
	total++;
	up_write(to);
	up_read(from);
}

static noinline int tier_demote(void *data)
{
	tier_move(&hot_sem, &warm_sem);
	return 0;
}

static noinline int tier_evict(void *data)
{
	tier_move(&warm_sem, &cold_sem);
	return 0;
}

static noinline int tier_promote(void *data)
{
	tier_move(&cold_sem, &hot_sem);
	return 0;
}

static void rwsem_ring(void)
{
	spawn(tier_demote, "demoter", 0);
	spawn(tier_evict, "evicter", 1);
	spawn(tier_promote, "promoter", 2);
}

/* two work items, each of which wants the other one to be done */
static struct work_struct export_work, import_work;

static noinline void export_run(struct work_struct *unused)
{
	msleep(300);
	flush_work(&import_work);
	barrier();
}

static noinline void import_run(struct work_struct *unused)
{
	msleep(300);
	flush_work(&export_work);
	barrier();
}

static void work_pair(void)
{
	INIT_WORK(&export_work, export_run);
	INIT_WORK(&import_work, import_run);
	schedule_work_on(0, &export_work);
	schedule_work_on(1, &import_work);
}

/* an item waits for an answer, which another item of the same queue would take, were it not behind it */
static struct workqueue_struct *upload_queue;
static struct work_struct upload_work, ack_work;
static DECLARE_COMPLETION(upload_acked);

static noinline void ack_take(struct work_struct *unused)
{
	complete(&upload_acked);
	barrier();
}

static noinline void upload_send(struct work_struct *unused)
{
	queue_work(upload_queue, &ack_work);
	wait_for_completion(&upload_acked);
	total++;
}

static void work_behind(void)
{
	upload_queue = alloc_workqueue("mishap_upload", WQ_HIGHPRI, 1);
	INIT_WORK(&upload_work, upload_send);
	INIT_WORK(&ack_work, ack_take);
	queue_work_on(1, upload_queue, &upload_work);
}

/* a timer that says "again" and does not say when: its time has come already */
static struct hrtimer servo_timer;

static noinline enum hrtimer_restart servo_tick(struct hrtimer *timer)
{
	total++;
	return HRTIMER_RESTART;
}

static void hrtimer_past(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(&servo_timer, servo_tick, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
#else
	hrtimer_init(&servo_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	servo_timer.function = servo_tick;
#endif
	hrtimer_start(&servo_timer, ms_to_ktime(20), HRTIMER_MODE_REL_PINNED_HARD);
}

/* a page of a file that an error path leaves locked */
static noinline int volume_verify(struct file *file)
{
	struct folio *folio = filemap_get_folio(file->f_mapping, 0);

	if (IS_ERR(folio))
		return PTR_ERR(folio);
	folio_lock(folio);
	if (total != 0x1234567)
		return -EIO;
	folio_unlock(folio);
	folio_put(folio);
	return 0;
}

static void folio_left(void)
{
	struct file *file = filp_open("/tmp/volume", O_RDONLY, 0);

	if (IS_ERR(file))
		return;
	pr_info("mishap: the volume says %d\n", volume_verify(file));
	filp_close(file, NULL);
}

/* whoever reads the set of CPUs waits for its device, and a CPU is to go offline */
static noinline void fleet_query(void)
{
	cpus_read_lock();
	wait_for_completion(&answer);
	cpus_read_unlock();
}

static noinline int fleet_body(void *data)
{
	fleet_query();
	return 0;
}

static void hotplug_reader(void)
{
	spawn(fleet_body, "fleet", 2);
}

/* a thread tries again and again, a millisecond at a time, with a mutex that others want */
static DEFINE_MUTEX(link_mutex);
static u32 link_state;

static noinline void link_train(void)
{
	mutex_lock(&link_mutex);
	while (READ_ONCE(link_state) != 3) {
		total++;
		usleep_range(1000, 1200);
	}
	mutex_unlock(&link_mutex);
}

static noinline int link_trainer(void *data)
{
	link_train();
	return 0;
}

static noinline void link_query(void)
{
	mutex_lock(&link_mutex);
	total++;
	mutex_unlock(&link_mutex);
}

static noinline int link_monitor(void *data)
{
	pause_ms(300);
	link_query();
	return 0;
}

static void retry_for_ever(void)
{
	spawn(link_trainer, "link_trainer", 1);
	spawn(link_monitor, "link_monitor", 2);
}

/* a CPU is called with a lock in hand, for which it spins with interrupts off */
static DEFINE_SPINLOCK(bank_lock);

static void bank_flush(void *unused)
{
	total++;
}

static noinline void bank_switch(void)
{
	spin_lock(&bank_lock);
	mdelay(600);
	smp_call_function_single(3, bank_flush, NULL, 1);
	spin_unlock(&bank_lock);
}

static noinline int bank_switcher(void *data)
{
	pause_ms(100);
	bank_switch();
	return 0;
}

static noinline u64 bank_read(void)
{
	unsigned long flags;
	u64 value;

	spin_lock_irqsave(&bank_lock, flags);
	value = total;
	spin_unlock_irqrestore(&bank_lock, flags);
	return value;
}

static noinline int bank_reader(void *data)
{
	pause_ms(400);
	return bank_read() == 1;
}

static void ipi_under_lock(void)
{
	spawn(bank_reader, "bank_reader", 3);
	spawn(bank_switcher, "bank_switch", 2);
}

/* a reader that reads once more, with a writer between its two turns */
static DEFINE_RWLOCK(peer_lock);

static noinline u64 peer_weight(void)
{
	u64 value;

	read_lock(&peer_lock);
	value = total;
	read_unlock(&peer_lock);
	return value;
}

static noinline u64 peer_dump(void)
{
	u64 sum;

	read_lock(&peer_lock);
	mdelay(600);
	sum = peer_weight();
	read_unlock(&peer_lock);
	return sum;
}

static noinline int peer_dumper(void *data)
{
	pause_ms(100);
	return peer_dump() == 1;
}

static noinline void peer_add(void)
{
	write_lock(&peer_lock);
	total++;
	write_unlock(&peer_lock);
}

static noinline int peer_adder(void *data)
{
	pause_ms(400);
	peer_add();
	return 0;
}

static void rwlock_again(void)
{
	spawn(peer_adder, "peer_adder", 1);
	spawn(peer_dumper, "peer_dumper", 0);
}

/* who has the mutex waits for a frame, and can be killed; who wants it cannot */
static DEFINE_MUTEX(camera_mutex);
static DECLARE_WAIT_QUEUE_HEAD(camera_frames);
static u32 frames;

static noinline int camera_frame(void)
{
	return wait_event_interruptible(camera_frames, READ_ONCE(frames) > 0);
}

static noinline void camera_read(void)
{
	mutex_lock(&camera_mutex);
	total += camera_frame();
	mutex_unlock(&camera_mutex);
}

/* threads that wait for work as they should: nobody has any */
static noinline int crypto_poll(void *data)
{
	for (;;) {
		wait_event_idle(camera_frames, READ_ONCE(frames) > 1);
		total++;
	}
	return 0;
}

static void threads_idle(void)
{
	unsigned int i;

	for (i = 0; i < 6; i++)
		spawn(crypto_poll, "crypto_poll", i % 2);
}

const struct act third_wait_acts[] = {
	{ "rwsem_ring", rwsem_ring },         { "work_pair", work_pair },
	{ "work_behind", work_behind },       { "hrtimer_past", hrtimer_past },
	{ "folio_left", folio_left },         { "hotplug_reader", hotplug_reader },
	{ "retry_for_ever", retry_for_ever }, { "ipi_under_lock", ipi_under_lock },
	{ "rwlock_again", rwlock_again },     { "camera_read", camera_read },
	{ "threads_idle", threads_idle },     {},
};
