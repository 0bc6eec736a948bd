// SPDX-License-Identifier: GPL-2.0
/* Mistakes for a second look by somebody who had not read the rules: wild code, memory that runs out, CPUs that do not come back. */
#include "mishap.h"
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/platform_device.h>
#include <linux/sched/signal.h>
#include <linux/seqlock.h>
#include <linux/timer.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

static u64 total;

static void pause_ms(unsigned int ms)
{
	schedule_timeout_interruptible(msecs_to_jiffies(ms));
}

/* an error path that unlocks without enabling interrupts again, and a wait that counts on them */
static DEFINE_SPINLOCK(port_lock);
static u32 port_status;

static noinline int port_start(void)
{
	unsigned long flags;

	spin_lock_irqsave(&port_lock, flags);
	if (!READ_ONCE(port_status)) {
		spin_unlock(&port_lock);
		return -EAGAIN;
	}
	spin_unlock_irqrestore(&port_lock, flags);
	return 0;
}

static noinline int port_wait_ready(void)
{
	unsigned long limit = jiffies + HZ;

	while (!READ_ONCE(port_status))
		if (time_after(jiffies, limit))
			return -ETIMEDOUT;
	return 0;
}

static noinline int port_thread(void *data)
{
	if (port_start() < 0)
		return port_wait_ready();
	return 0;
}

static void irqs_left_off(void)
{
	spawn(port_thread, "port", 0);
}

/* code of this module that is still to run when the module is removed */
static struct timer_list fan_timer;

static noinline void fan_poll(struct timer_list *timer)
{
	total++;
	mod_timer(timer, jiffies + HZ);
}

static void timer_left(void)
{
	timer_setup(&fan_timer, fan_poll, TIMER_PINNED);
	mod_timer(&fan_timer, jiffies + 3 * HZ);
}

static noinline int fan_thread(void *data)
{
	for (;;) {
		pause_ms(3000);
		total++;
	}
	return 0;
}

static void thread_left(void)
{
	spawn(fan_thread, "fan", 1);
}

/* a task that is remembered without being counted */
static struct task_struct *client;

static noinline int client_body(void *data)
{
	pause_ms(200);
	return 0;
}

static noinline unsigned long client_limit(struct task_struct *task)
{
	return READ_ONCE(READ_ONCE(task->signal)->rlim[RLIMIT_MEMLOCK].rlim_cur);
}

static void task_freed(void)
{
	client = kthread_run(client_body, NULL, "client");
	pause_ms(3000);
	total += client_limit(client);
}

/* a frame that is larger than what was set aside for it */
static noinline void frame_pack(u8 *to, const u8 *from, size_t size)
{
	memcpy(to, from, size);
	barrier();
}

static void vmap_overrun(void)
{
	u8 *from = vzalloc(8 * PAGE_SIZE), *to = vmalloc(2 * PAGE_SIZE);

	frame_pack(to, from, 5 * PAGE_SIZE);
}

/* a function that was for the beginning only, and its pointer, which was kept */
static int __init probe_once(void)
{
	return total++ > 1000;
}

static int (*probe_pointer)(void) __refdata = probe_once;

static noinline int late_probe(void)
{
	return READ_ONCE(probe_pointer)() + 1;
}

static void init_text(void)
{
	total += late_probe();
}

/* an entry of a wait queue on a stack that is used for other things by now */
static DECLARE_WAIT_QUEUE_HEAD(event_queue);

static noinline void event_watch(void)
{
	u64 before[16];
	DEFINE_WAIT_FUNC(entry, default_wake_function);

	before[0] = total;
	add_wait_queue(&event_queue, &entry);
	OPTIMIZER_HIDE_VAR(before[0]);
	total = before[0];
}

static noinline u64 event_parse(u64 value)
{
	u64 words[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		WRITE_ONCE(words[i], value);
	return READ_ONCE(words[total & 63]);
}

static noinline void event_raise(void)
{
	wake_up_all(&event_queue);
	barrier();
}

static void wait_entry_stale(void)
{
	event_watch();
	total += event_parse(0x2222222222222220) & 1;
	event_raise();
}

/* an interrupt handler that waits for its device to let go of the line */
static noinline irqreturn_t line_interrupt(int irq, void *data)
{
	while (!READ_ONCE(port_status))
		cpu_relax();
	return IRQ_HANDLED;
}

static void irq_never_returns(void)
{
	unsigned int irq;

	for (irq = 1; irq < 256; irq++)
		if (irq_has_action(irq) &&
		    !request_irq(irq, line_interrupt, IRQF_SHARED, "mishap", &port_lock))
			pr_info("mishap: shares interrupt %u\n", irq);
}

/* a driver that waits, when the guest restarts, for the end of a write that has none */
static noinline void flash_shutdown(struct platform_device *device)
{
	while (!READ_ONCE(port_status))
		udelay(10);
}

static struct platform_driver flash_driver = { .shutdown = flash_shutdown,
					       .driver = { .name = "mishap_flash" } };

static int flash_probe(struct platform_device *device)
{
	return 0;
}

static void shutdown_loops(void)
{
	flash_driver.probe = flash_probe;
	platform_driver_register(&flash_driver);
	platform_device_register_simple("mishap_flash", -1, NULL, 0);
}

/* a list that has become a circle, walked under a lock that all others want */
struct rule {
	struct rule *next;
	u64 key;
};

static struct rule rules[3] = { { &rules[1], 1 }, { &rules[2], 2 }, { &rules[1], 3 } };
static DEFINE_SPINLOCK(rule_lock);

static noinline struct rule *rule_find(u64 key)
{
	struct rule *rule = READ_ONCE(rules[0].next);

	while (rule && READ_ONCE(rule->key) != key)
		rule = READ_ONCE(rule->next);
	return rule;
}

static noinline int rule_match(void *data)
{
	pause_ms(300);
	spin_lock(&rule_lock);
	total += !!rule_find(4);
	spin_unlock(&rule_lock);
	return 0;
}

static noinline int rule_count(void *data)
{
	pause_ms(600);
	spin_lock(&rule_lock);
	total++;
	spin_unlock(&rule_lock);
	return 0;
}

static void list_circle(void)
{
	unsigned int cpu;

	spawn(rule_match, "matcher", 5);
	for_each_online_cpu(cpu) if (cpu && cpu != 5) spawn(rule_count, "counter", cpu);
}

/* a loop that is too long, and ends */
static noinline int scrub(void *data)
{
	unsigned int i;

	for (i = 0; i < 14000; i++)
		udelay(1000);
	pr_info("mishap: scrubbed\n");
	return 0;
}

static void lockup_over(void)
{
	spawn(scrub, "scrubber", 1);
}

/* memory that is asked for again and again where nobody may sleep */
static noinline void dma_ring_fill(void)
{
	struct page *page;

	for (;;) {
		page = alloc_pages(GFP_ATOMIC | __GFP_NOWARN, 7);
		if (!page) {
			cpu_relax();
			continue;
		}
		total++;
	}
}

static noinline int dma_filler(void *data)
{
	preempt_disable();
	dma_ring_fill();
	preempt_enable();
	return 0;
}

static void atomic_alloc_loop(void)
{
	spawn(dma_filler, "dma_filler", 2);
}

/* a reader in an interrupt of what its own CPU is just writing */
static seqcount_t clock_seq = SEQCNT_ZERO(clock_seq);
static u64 clock_offset;
static struct hrtimer clock_timer;

static noinline u64 clock_read(void)
{
	unsigned int seq;
	u64 value;

	do {
		seq = read_seqcount_begin(&clock_seq);
		value = clock_offset;
	} while (read_seqcount_retry(&clock_seq, seq));
	return value;
}

static noinline enum hrtimer_restart clock_tick(struct hrtimer *timer)
{
	total += clock_read();
	hrtimer_forward_now(timer, ms_to_ktime(50));
	return HRTIMER_RESTART;
}

static noinline void clock_adjust(void)
{
	raw_write_seqcount_begin(&clock_seq);
	clock_offset++;
	mdelay(100);
	raw_write_seqcount_end(&clock_seq);
}

static noinline int clock_adjuster(void *data)
{
	hrtimer_start(&clock_timer, ms_to_ktime(50), HRTIMER_MODE_REL_PINNED_HARD);
	clock_adjust();
	return 0;
}

static void seq_in_interrupt(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(&clock_timer, clock_tick, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
#else
	hrtimer_init(&clock_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	clock_timer.function = clock_tick;
#endif
	spawn(clock_adjuster, "adjuster", 1);
}

/* buffers from vmalloc that nobody gives back */
static noinline int trace_grow(void *data)
{
	while (!kthread_should_stop()) {
		if (!__vmalloc(64 * PAGE_SIZE, GFP_KERNEL))
			pause_ms(10);
		cond_resched();
	}
	return 0;
}

static void vmalloc_leak(void)
{
	spawn(trace_grow, "tracer", 0);
}

/* a thread of real-time priority that asks its device without a pause */
static noinline void motor_loop(void)
{
	while (!READ_ONCE(port_status))
		cond_resched();
}

static noinline int motor_body(void *data)
{
	sched_set_fifo(current);
	motor_loop();
	return 0;
}

static void fifo_hog(void)
{
	spawn(motor_body, "motor", 0);
}

const struct act second_acts[] = {
	{ "irqs_left_off", irqs_left_off },
	{ "timer_left", timer_left },
	{ "thread_left", thread_left },
	{ "task_freed", task_freed },
	{ "vmap_overrun", vmap_overrun },
	{ "init_text", init_text },
	{ "wait_entry_stale", wait_entry_stale },
	{ "irq_never_returns", irq_never_returns },
	{ "shutdown_loops", shutdown_loops },
	{ "list_circle", list_circle },
	{ "lockup_over", lockup_over },
	{ "atomic_alloc_loop", atomic_alloc_loop },
	{ "seq_in_interrupt", seq_in_interrupt },
	{ "vmalloc_leak", vmalloc_leak },
	{ "fifo_hog", fifo_hog },
	{},
};
