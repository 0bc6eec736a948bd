// SPDX-License-Identifier: GPL-2.0
/* Wrong jumps and instructions, lost registers, BUG(), WARN(), panic(), and faults while one of these is being reported. */
#include "mishap.h"
#include <linux/console.h>
#include <linux/delay.h>
#include <linux/kdebug.h>
#include <linux/notifier.h>
#include <linux/panic_notifier.h>
#include <linux/spinlock.h>

static u64 nothing;
static u64 sum;
static int (*handler)(struct ring *ring);

static noinline int call_handler(unsigned long where)
{
	handler = (void *)(where + READ_ONCE(nothing));
	return READ_ONCE(handler)(NULL);
}

static void jump_null(void)
{
	sum += call_handler(0);
}

static void jump_wild(void)
{
	sum += call_handler(0xffff8000dead0000);
}

static void jump_user(void)
{
	sum += call_handler(0x100004000);
}

/* words that are no instructions, in memory that can be executed as all of the direct mapping */
static void jump_data(void)
{
	u32 *page = (u32 *)__get_free_page(GFP_ATOMIC);

	memset(page, 0xff, PAGE_SIZE);
	sum += call_handler((unsigned long)page);
}

/* without the compiler's guard, so that the return address itself is taken */
static noinline __attribute__((no_stack_protector)) u64 ring_fill(u64 value, unsigned int count)
{
	u64 words[4];
	unsigned int i;

	for (i = 0; i < count; i++) {
		WRITE_ONCE(words[i], value);
		barrier();
	}
	asm volatile("" ::: "$r1", "memory");
	return words[READ_ONCE(nothing)];
}

static void ret_smash(void)
{
	sum += ring_fill(0x4141414141414141, 12 + READ_ONCE(nothing));
}

static noinline void lose_tp(void)
{
	asm volatile("move $r2, $r0\n\tld.d $r12, $r2, 8\n\tst.d $r12, $r2, 16" ::
			     : "$r12", "memory");
}

static noinline void lose_base(void)
{
	asm volatile("move $r21, $r0" ::: "memory");
	schedule_timeout_interruptible(HZ);
	barrier();
}

/* The CPU's timer stands: whatever was set for it never comes. */
static noinline void lose_timer(void)
{
	csr_write64(0, LOONGARCH_CSR_TCFG);
}

static noinline void lose_sp(void)
{
	asm volatile("move $r3, $r0\n\tst.d $r12, $r3, -8" ::: "memory");
}

static noinline void run_illegal(void)
{
	asm volatile(".word 0xffffffff");
}

static noinline void run_break(void)
{
	asm volatile("break 0x123");
}

static noinline int ring_share(int bytes, int rings)
{
	if (!rings) /* what -mcheck-zero-division makes of a division */
		asm volatile("break 7");
	return bytes / (rings | 1);
}

static void divide(void)
{
	sum += ring_share(100, READ_ONCE(nothing));
}

static noinline void run_fpu(void)
{
	asm volatile("fadd.d $f1, $f2, $f3");
}

static noinline void run_unaligned(void)
{
	static u64 words[4];
	u64 old;

	asm volatile("ll.d %0, %1, 0"
		     : "=&r"(old)
		     : "r"((char *)words + 3 + READ_ONCE(nothing))
		     : "memory");
	sum += old;
}

static noinline void run_bounds(void)
{
	asm volatile("asrtle.d %0, %1" ::"r"(2UL + READ_ONCE(nothing)), "r"(1UL));
}

static noinline void ring_check(struct ring *ring)
{
	BUG_ON(!ring);
	sum += ring->posted;
}

static void bug_on(void)
{
	ring_check(ring_of(0));
}

static noinline void ring_reset(void)
{
	sum++;
	BUG();
}

static noinline void ring_warn(u64 count)
{
	WARN(count < 5, "mishap: ring of %llu slots\n", count);
}

static void warn(void)
{
	ring_warn(READ_ONCE(nothing));
}

static noinline void device_lost(unsigned int code)
{
	panic("mishap: device lost, code %#x", code);
}

static void call_panic(void)
{
	device_lost(0x2a);
}

/* a panic of our own on each CPU at once: only one may go on */
static void panic_here(void *unused)
{
	panic("mishap: all at once on CPU %u", smp_processor_id());
}

static void panic_all(void)
{
	on_each_cpu(panic_here, NULL, 0);
}

static noinline int notice_read(struct notifier_block *block, unsigned long event, void *data)
{
	sum += ring_posted(ring_of(0));
	return NOTIFY_DONE;
}

static noinline int notice_panic(struct notifier_block *block, unsigned long event, void *data)
{
	panic("mishap: panic in a notifier");
}

static struct notifier_block reader = { .notifier_call = notice_read };
static struct notifier_block panicker = { .notifier_call = notice_panic };

static void panic_then_fault(void)
{
	atomic_notifier_chain_register(&panic_notifier_list, &reader);
	device_lost(0x2b);
}

static void panic_then_panic(void)
{
	atomic_notifier_chain_register(&panic_notifier_list, &panicker);
	device_lost(0x2c);
}

static void fault_in_die_notifier(void)
{
	register_die_notifier(&reader);
	ring_reset();
}

/* a console that faults when the kernel is in trouble: die() prints with its lock held */
static noinline void log_device_write(struct console *console, const char *text, unsigned int size)
{
	if (oops_in_progress)
		sum += ring_posted(ring_of(0));
}

static struct console log_device = {
	.name = "mishap", .write = log_device_write, .flags = CON_ENABLED, .index = -1
};

static void fault_while_printing(void)
{
	register_console(&log_device);
	ring_reset();
}

static DEFINE_SPINLOCK(atomic_lock);

static noinline void ring_wait_atomic(void)
{
	spin_lock(&atomic_lock);
	msleep(50);
	spin_unlock(&atomic_lock);
}

static noinline void ring_alloc_atomic(void)
{
	spin_lock(&atomic_lock);
	kfree(kmalloc(64, GFP_KERNEL));
	might_sleep();
	spin_unlock(&atomic_lock);
}

const struct act flow_acts[] = {
	{ "jump_null", jump_null },
	{ "jump_wild", jump_wild },
	{ "jump_user", jump_user },
	{ "jump_data", jump_data },
	{ "ret_smash", ret_smash },
	{ "lose_tp", lose_tp },
	{ "lose_base", lose_base },
	{ "lose_timer", lose_timer },
	{ "lose_sp", lose_sp },
	{ "illegal", run_illegal },
	{ "break", run_break },
	{ "divide", divide },
	{ "fpu", run_fpu },
	{ "unaligned", run_unaligned },
	{ "bounds", run_bounds },
	{ "bug_on", bug_on },
	{ "bug", ring_reset },
	{ "warn", warn },
	{ "panic", call_panic },
	{ "panic_all", panic_all },
	{ "panic_then_fault", panic_then_fault },
	{ "panic_then_panic", panic_then_panic },
	{ "fault_in_die_notifier", fault_in_die_notifier },
	{ "fault_while_printing", fault_while_printing },
	{ "sleep_atomic", ring_wait_atomic },
	{ "alloc_atomic", ring_alloc_atomic },
	{},
};
