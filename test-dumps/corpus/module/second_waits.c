// SPDX-License-Identifier: GPL-2.0
/* As second.c: what waits for itself, for what was lost, or for what its own reader keeps away. */
#include "mishap.h"
#include <linux/completion.h>
#include <linux/cpuhotplug.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mutex.h>
#include <linux/percpu-rwsem.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/shrinker.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

static u64 total;
static DECLARE_COMPLETION(answer); /* of a device that gives none */

static void pause_ms(unsigned int ms)
{
	schedule_timeout_interruptible(msecs_to_jiffies(ms));
}

/* a thread that looks first and says that it sleeps then: who woke it came between the two */
static struct task_struct *rx_task;
static u32 rx_packets;

static noinline void rx_sleep(void)
{
	if (READ_ONCE(rx_packets))
		return;
	mdelay(500);
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
}

static noinline int rx_drain(void *data)
{
	rx_task = current;
	rx_sleep();
	rx_packets = 0;
	return 0;
}

static noinline void rx_deliver(void)
{
	pause_ms(200);
	WRITE_ONCE(rx_packets, 1);
	wake_up_process(rx_task);
}

static void lost_wakeup(void)
{
	spawn(rx_drain, "rx_drain", 1);
	rx_deliver();
}

/* a semaphore that its reader gives back twice: nobody has it, and nobody gets it any more */
static DECLARE_RWSEM(zone_sem);

static noinline void zone_lookup(void)
{
	down_read(&zone_sem);
	total++;
	up_read(&zone_sem);
	up_read(&zone_sem);
}

static noinline void zone_replace(void)
{
	down_write(&zone_sem);
	total++;
	up_write(&zone_sem);
}

static noinline int zone_writer(void *data)
{
	zone_replace();
	return 0;
}

static void rwsem_over_released(void)
{
	zone_lookup();
	spawn(zone_writer, "zone_writer", 1);
}

/* a CPU that is to go, and a driver that first wants an answer of its device */
static noinline int card_cpu_down(unsigned int cpu)
{
	wait_for_completion(&answer);
	return 0;
}

static int card_cpu_up(unsigned int cpu)
{
	return 0;
}

static void offline_stuck(void)
{
	cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "mishap:online", card_cpu_up, card_cpu_down);
}

/* memory of the user is touched, for the first time, with the lock in hand that its page fault wants */
static noinline unsigned long pages_clear(unsigned long at)
{
	unsigned long left;

	mmap_write_lock(current->mm);
	left = clear_user((void __user *)at, 64);
	mmap_write_unlock(current->mm);
	return left;
}

static void fault_under_lock(void)
{
	unsigned long at =
		vm_mmap(NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0);

	total += pages_clear(at);
}

/* the end of all readers is awaited with the lock that one of them tries for ever */
static DEFINE_MUTEX(path_mutex);

static noinline void path_replace(void)
{
	mutex_lock(&path_mutex);
	pause_ms(300);
	synchronize_rcu();
	mutex_unlock(&path_mutex);
}

static noinline int path_replacer(void *data)
{
	path_replace();
	return 0;
}

static noinline void path_walk(void)
{
	rcu_read_lock();
	while (!mutex_trylock(&path_mutex))
		cpu_relax();
	total++;
	mutex_unlock(&path_mutex);
	rcu_read_unlock();
}

static noinline int path_walker(void *data)
{
	pause_ms(100);
	path_walk();
	return 0;
}

static void rcu_under_mutex(void)
{
	spawn(path_replacer, "path_replacer", 0);
	spawn(path_walker, "path_walker", 3);
}

/* a work item of a queue that runs one at a time waits for the next one */
static struct workqueue_struct *step_queue;
static struct work_struct first_step, second_step;

static noinline void step_two(struct work_struct *unused)
{
	total++;
}

static noinline void step_one(struct work_struct *unused)
{
	queue_work(step_queue, &second_step);
	flush_work(&second_step);
	barrier();
}

static void ordered_flush(void)
{
	step_queue = alloc_ordered_workqueue("mishap_steps", 0);
	INIT_WORK(&first_step, step_one);
	INIT_WORK(&second_step, step_two);
	queue_work(step_queue, &first_step);
}

/* a reader waits for the end of all readers */
DEFINE_STATIC_SRCU(policy_srcu);

static noinline void policy_replace(void)
{
	synchronize_srcu(&policy_srcu);
	barrier();
}

static noinline void policy_check(void)
{
	int index = srcu_read_lock(&policy_srcu);

	policy_replace();
	srcu_read_unlock(&policy_srcu, index);
}

static void srcu_self(void)
{
	policy_check();
}

/* two threads that have one lock each, and only ever try the other */
static DEFINE_SPINLOCK(source_lock);
static DEFINE_SPINLOCK(sink_lock);

static noinline void pipe_join(spinlock_t *mine, spinlock_t *other)
{
	spin_lock(mine);
	mdelay(300);
	while (!spin_trylock(other))
		cpu_relax();
	total++;
	spin_unlock(other);
	spin_unlock(mine);
}

static noinline int source_body(void *data)
{
	pipe_join(&source_lock, &sink_lock);
	return 0;
}

static noinline int sink_body(void *data)
{
	pipe_join(&sink_lock, &source_lock);
	return 0;
}

static void trylock_both(void)
{
	spawn(source_body, "source", 1);
	spawn(sink_body, "sink", 2);
}

/* a reader of a semaphore per CPU that does not come back, its writer, and those behind the writer */
DEFINE_STATIC_PERCPU_RWSEM(volume_sem);

static noinline int volume_snapshot(void *data)
{
	percpu_down_read(&volume_sem);
	wait_for_completion(&answer);
	percpu_up_read(&volume_sem);
	return 0;
}

static noinline int volume_freeze(void *data)
{
	pause_ms(300);
	percpu_down_write(&volume_sem);
	percpu_up_write(&volume_sem);
	return 0;
}

static noinline int volume_write(void *data)
{
	pause_ms(900);
	percpu_down_read(&volume_sem);
	percpu_up_read(&volume_sem);
	return 0;
}

static void percpu_writer(void)
{
	spawn(volume_snapshot, "snapshot", 1);
	spawn(volume_freeze, "vol_freeze", 2);
	spawn(volume_write, "vol_write3", 3);
	spawn(volume_write, "vol_write4", 4);
}

/* a cache that allocates with the lock that giving memory back wants */
static DEFINE_MUTEX(pool_mutex);

static unsigned long pool_count(struct shrinker *shrinker, struct shrink_control *control)
{
	return 1000;
}

static noinline unsigned long pool_shrink(struct shrinker *shrinker, struct shrink_control *control)
{
	unsigned long freed = 0;

	mutex_lock(&pool_mutex);
	total++;
	mutex_unlock(&pool_mutex);
	return freed;
}

static noinline void pool_grow(void)
{
	mutex_lock(&pool_mutex);
	for (;;) {
		if (!__get_free_page(GFP_KERNEL))
			break;
		total++;
	}
	mutex_unlock(&pool_mutex);
}

static noinline int pool_grower(void *data)
{
	pool_grow();
	return 0;
}

static void shrinker_self(void)
{
	struct shrinker *shrinker = shrinker_alloc(0, "mishap-pool");

	shrinker->count_objects = pool_count;
	shrinker->scan_objects = pool_shrink;
	shrinker_register(shrinker);
	spawn(pool_grower, "pool_grower", 1);
}

/* a file that a killed task cannot close */
static noinline int tape_release(struct inode *inode, struct file *file)
{
	wait_for_completion(&answer);
	return 0;
}

static int tape_open(struct inode *inode, struct file *file)
{
	return 0;
}

static const struct file_operations tape_fops = { .open = tape_open, .release = tape_release };

static void close_stuck(void)
{
	debugfs_create_file_unsafe("tape", 0600, NULL, NULL, &tape_fops);
}

const struct act second_wait_acts[] = {
	{ "lost_wakeup", lost_wakeup },
	{ "rwsem_over_released", rwsem_over_released },
	{ "offline_stuck", offline_stuck },
	{ "fault_under_lock", fault_under_lock },
	{ "rcu_under_mutex", rcu_under_mutex },
	{ "ordered_flush", ordered_flush },
	{ "srcu_self", srcu_self },
	{ "trylock_both", trylock_both },
	{ "percpu_writer", percpu_writer },
	{ "shrinker_self", shrinker_self },
	{ "close_stuck", close_stuck },
	{},
};
