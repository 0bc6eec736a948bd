// SPDX-License-Identifier: GPL-2.0
/*
 * "echo ACT [CONTEXT [CPU]] > /sys/kernel/debug/mishap" runs an act in a context: process (the writer's), thread, timer, hrtimer,
 * tasklet, work, ipi, irqwork. The module's parameters at_init and at_exit name acts for its own beginning and end.
 */
#include "mishap.h"
#include <linux/debugfs.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/version.h>
#include <linux/workqueue.h>

static char *at_init, *at_exit;
module_param(at_init, charp, 0400);
module_param(at_exit, charp, 0600);

static void (*chosen)(void);
static struct dentry *file;
static struct timer_list soft_timer;
static struct hrtimer hard_timer;
static struct tasklet_struct tasklet;
static struct work_struct work;
static struct irq_work irq_work;

static void (*find_act(const char *name))(void)
{
	static const struct act *const lists[] = {
		memory_acts,      flow_acts,    lock_acts,         sleeper_acts,
		loop_acts,        unseen_acts,  unseen_wait_acts,  second_acts,
		second_wait_acts, third_acts,   third_wait_acts,   fourth_acts,
		fourth_wait_acts, fifth_acts,   fifth_wait_acts,   sixth_acts,
		sixth_wait_acts,  seventh_acts, seventh_wait_acts, eighth_acts,
		eighth_wait_acts, ninth_acts,   ninth_wait_acts
	};
	const struct act *act;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lists); i++)
		for (act = lists[i]; act->name; act++)
			if (!strcmp(act->name, name))
				return act->run;
	return NULL;
}

void spawn(int (*body)(void *data), const char *name, unsigned int cpu)
{
	struct task_struct *task = kthread_create(body, NULL, "%s", name);

	if (IS_ERR(task))
		return;
	kthread_bind(task, cpu);
	wake_up_process(task);
}

static noinline int mishap_thread(void *data)
{
	chosen();
	return 0;
}

static noinline void mishap_timer(struct timer_list *timer)
{
	chosen();
	barrier();
}

static noinline enum hrtimer_restart mishap_hrtimer(struct hrtimer *timer)
{
	chosen();
	return HRTIMER_NORESTART;
}

static noinline void mishap_tasklet(struct tasklet_struct *unused)
{
	chosen();
	barrier();
}

static noinline void mishap_work(struct work_struct *unused)
{
	chosen();
	barrier();
}

static noinline void mishap_ipi(void *unused)
{
	chosen();
	barrier();
}

static noinline void mishap_irq_work(struct irq_work *unused)
{
	chosen();
	barrier();
}

static void start_hard_timer(void *unused)
{
	hrtimer_start(&hard_timer, ms_to_ktime(20), HRTIMER_MODE_REL_PINNED_HARD);
}

static void start_tasklet(void *unused)
{
	tasklet_schedule(&tasklet);
}

static void start_irq_work(void *unused)
{
	irq_work_queue(&irq_work);
}

static int run(const char *context, unsigned int cpu)
{
	if (!strcmp(context, "process"))
		chosen();
	else if (!strcmp(context, "thread"))
		spawn(mishap_thread, "mishap", cpu);
	else if (!strcmp(context, "timer")) {
		soft_timer.expires = jiffies + HZ / 10;
		add_timer_on(&soft_timer, cpu);
	} else if (!strcmp(context, "hrtimer"))
		smp_call_function_single(cpu, start_hard_timer, NULL, 1);
	else if (!strcmp(context, "tasklet"))
		smp_call_function_single(cpu, start_tasklet, NULL, 1);
	else if (!strcmp(context, "work"))
		schedule_work_on(cpu, &work);
	else if (!strcmp(context, "ipi"))
		smp_call_function_single(cpu, mishap_ipi, NULL, 1);
	else if (!strcmp(context, "irqwork"))
		smp_call_function_single(cpu, start_irq_work, NULL, 1);
	else
		return -EINVAL;
	return 0;
}

static ssize_t mishap_write(struct file *unused, const char __user *from, size_t size, loff_t *at)
{
	char line[64] = "", name[32] = "", context[16] = "process";
	unsigned int cpu = 0;
	int error;

	if (size >= sizeof(line) || copy_from_user(line, from, size))
		return -EINVAL;
	if (sscanf(line, "%31s %15s %u", name, context, &cpu) < 1)
		return -EINVAL;
	chosen = find_act(name);
	if (!chosen)
		return -ENOENT;
	pr_info("mishap: %s %s %u\n", name, context, cpu);
	error = run(context, cpu);
	return error ? error : size;
}

static const struct file_operations mishap_fops = { .owner = THIS_MODULE, .write = mishap_write };

static int __init mishap_init(void)
{
	timer_setup(&soft_timer, mishap_timer, TIMER_PINNED);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(&hard_timer, mishap_hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
#else
	hrtimer_init(&hard_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	hard_timer.function = mishap_hrtimer;
#endif
	tasklet_setup(&tasklet, mishap_tasklet);
	INIT_WORK(&work, mishap_work);
	irq_work = IRQ_WORK_INIT_HARD(mishap_irq_work);
	if (at_init && find_act(at_init)) {
		pr_info("mishap: %s at init\n", at_init);
		find_act(at_init)();
	}
	file = debugfs_create_file("mishap", 0200, NULL, NULL, &mishap_fops);
	return disk_register();
}

static void __exit mishap_exit(void)
{
	if (at_exit && find_act(at_exit)) {
		pr_info("mishap: %s at exit\n", at_exit);
		find_act(at_exit)();
	}
	disk_unregister();
	debugfs_remove(file);
}

module_init(mishap_init);
module_exit(mishap_exit);
MODULE_DESCRIPTION("Faults on demand");
MODULE_LICENSE("GPL");
MODULE_VERSION("1.0");
