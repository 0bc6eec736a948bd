// SPDX-License-Identifier: GPL-2.0
/* Tasks that wait for what does not come: mutexes, semaphores, completions, bits, work, grace periods. */
#include "mishap.h"
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/semaphore.h>
#include <linux/wait_bit.h>
#include <linux/workqueue.h>

static DEFINE_MUTEX(config_mutex);
static DEFINE_MUTEX(format_mutex);
static DECLARE_RWSEM(map_sem);
static DEFINE_SEMAPHORE(slots, 1);
static DECLARE_COMPLETION(reply);
static unsigned long busy = 1;
static u64 changes;

static void pause_ms(unsigned int ms)
{
	schedule_timeout_interruptible(msecs_to_jiffies(ms));
}

static noinline void forever(void)
{
	for (;;)
		schedule_timeout_interruptible(1000 * HZ);
}

static noinline void config_set(void)
{
	mutex_lock(&config_mutex);
	changes++;
	mutex_unlock(&config_mutex);
}

static noinline int setter(void *data)
{
	pause_ms(300);
	config_set();
	return 0;
}

static noinline void config_load(void)
{
	mutex_lock(&config_mutex);
	forever();
	mutex_unlock(&config_mutex);
}

static noinline int loader(void *data)
{
	config_load();
	return 0;
}

static void mutex_sleeper(void)
{
	spawn(loader, "loader", 0);
	spawn(setter, "setter1", 1);
	spawn(setter, "setter2", 0);
}

static noinline void config_parse(void)
{
	mutex_lock(&config_mutex);
	changes += ring_posted(ring_of(0));
	mutex_unlock(&config_mutex);
}

static noinline int parser(void *data)
{
	config_parse();
	return 0;
}

static void mutex_oops(void)
{
	spawn(parser, "parser", 0);
	spawn(setter, "setter", 1);
}

static noinline int config_then_format(void *data)
{
	mutex_lock(&config_mutex);
	pause_ms(300);
	mutex_lock(&format_mutex);
	mutex_unlock(&format_mutex);
	mutex_unlock(&config_mutex);
	return 0;
}

static noinline int format_then_config(void *data)
{
	mutex_lock(&format_mutex);
	pause_ms(300);
	mutex_lock(&config_mutex);
	mutex_unlock(&config_mutex);
	mutex_unlock(&format_mutex);
	return 0;
}

static void mutex_abba(void)
{
	spawn(config_then_format, "config_first", 0);
	spawn(format_then_config, "format_first", 1);
}

static noinline void config_reload(void)
{
	mutex_lock(&config_mutex);
	config_set();
	mutex_unlock(&config_mutex);
}

static void mutex_self(void)
{
	config_reload();
}

static noinline int map_reader(void *data)
{
	down_read(&map_sem);
	forever();
	up_read(&map_sem);
	return 0;
}

static noinline int map_writer(void *data)
{
	pause_ms(300);
	down_write(&map_sem);
	up_write(&map_sem);
	return 0;
}

static noinline int map_late_reader(void *data)
{
	pause_ms(600);
	down_read(&map_sem);
	up_read(&map_sem);
	return 0;
}

static void rwsem_reader(void)
{
	spawn(map_reader, "map_reader", 0);
	spawn(map_writer, "map_writer", 1);
	spawn(map_late_reader, "map_late", 0);
}

static noinline int map_keeper(void *data)
{
	down_write(&map_sem);
	forever();
	up_write(&map_sem);
	return 0;
}

static void rwsem_writer(void)
{
	spawn(map_keeper, "map_keeper", 0);
	spawn(map_late_reader, "map_late", 1);
}

static noinline int slot_keeper(void *data)
{
	down(&slots);
	return 0; /* without up() */
}

static noinline int slot_user(void *data)
{
	pause_ms(300);
	down(&slots);
	up(&slots);
	return 0;
}

static void semaphore_forgotten(void)
{
	spawn(slot_keeper, "slot_keeper", 0);
	spawn(slot_user, "slot_user", 1);
}

static noinline void command_send(void)
{
	changes++;
	wait_for_completion(&reply);
}

static void completion_lost(void)
{
	command_send();
}

static noinline int command_thread(void *data)
{
	command_send();
	return 0;
}

/* one that waits for a device and has a mutex, and two that wait for it */
static noinline void config_write(void)
{
	mutex_lock(&config_mutex);
	command_send();
	mutex_unlock(&config_mutex);
}

static noinline int config_writer(void *data)
{
	config_write();
	return 0;
}

static void chain(void)
{
	spawn(config_writer, "config_writer", 0);
	spawn(setter, "setter1", 1);
	spawn(setter, "setter2", 0);
}

static noinline void buffer_wait(void)
{
	changes++;
	wait_on_bit(&busy, 0, TASK_UNINTERRUPTIBLE);
}

static void bit_stuck(void)
{
	buffer_wait();
}

static noinline void scrub(struct work_struct *unused)
{
	command_send();
	barrier();
}

static DECLARE_WORK(scrub_work, scrub);

static noinline void scrub_flush(void)
{
	schedule_work(&scrub_work);
	flush_work(&scrub_work);
	barrier();
}

static void work_stuck(void)
{
	scrub_flush();
}

/* a thread that does not look whether it should stop */
static void thread_stop(void)
{
	struct task_struct *task = kthread_run(command_thread, NULL, "never_stops");

	pause_ms(300);
	kthread_stop(task);
}

static noinline int reader_loop(void *data)
{
	rcu_read_lock();
	preempt_disable();
	while (READ_ONCE(busy))
		cpu_relax();
	preempt_enable();
	rcu_read_unlock();
	return 0;
}

static noinline void route_replace(void)
{
	synchronize_rcu();
	changes++;
}

static noinline int route_replacer(void *data)
{
	pause_ms(300);
	route_replace();
	return 0;
}

static void rcu_reader(void)
{
	spawn(reader_loop, "rcu_looper", 1);
	spawn(route_replacer, "replacer", 0);
}

const struct act sleeper_acts[] = {
	{ "mutex_sleeper", mutex_sleeper },
	{ "mutex_oops", mutex_oops },
	{ "mutex_abba", mutex_abba },
	{ "mutex_self", mutex_self },
	{ "rwsem_reader", rwsem_reader },
	{ "rwsem_writer", rwsem_writer },
	{ "semaphore_forgotten", semaphore_forgotten },
	{ "completion_lost", completion_lost },
	{ "chain", chain },
	{ "bit_stuck", bit_stuck },
	{ "work_stuck", work_stuck },
	{ "thread_stop", thread_stop },
	{ "rcu_reader", rcu_reader },
	{},
};
