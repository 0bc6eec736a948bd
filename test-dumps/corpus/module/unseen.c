// SPDX-License-Identifier: GPL-2.0
/* Mistakes that were written after the rules of verdicts were, by somebody who had not read these: each of another kind. */
#include "mishap.h"
#include <linux/bit_spinlock.h>
#include <linux/delay.h>
#include <linux/rcupdate.h>
#include <linux/seqlock.h>
#include <linux/smp.h>
#include <linux/stop_machine.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

static u64 total;

static void pause_ms(unsigned int ms)
{
	schedule_timeout_interruptible(msecs_to_jiffies(ms));
}

struct session;

struct session_ops {
	int (*open)(struct session *session);
	int (*close)(struct session *session);
	int (*reset)(struct session *session);
	int (*start)(struct session *session);
};

/* one user of a device, as drivers have them; cases know that link is at 0x30, and owner at 8 */
struct session {
	u64 id;
	u64 owner;
	const struct session_ops *ops;
	u64 *counter;
	u64 unused[2];
	struct list_head link;
	struct rcu_head rcu;
	struct timer_list timeout;
	struct work_struct work;
};

static struct kmem_cache *cache;

/* poisoned when it is freed, whatever the kernel's command line says */
static struct session *new_session(void)
{
	if (!cache)
		cache = kmem_cache_create("mishap_session", sizeof(struct session), 0,
					  SLAB_CONSISTENCY_CHECKS | SLAB_POISON, NULL);
	return kmem_cache_zalloc(cache, GFP_KERNEL);
}

/* a callback of RCU that follows a pointer which nobody has set */
static noinline void session_release(struct rcu_head *rcu)
{
	struct session *session = container_of(rcu, struct session, rcu);

	total += READ_ONCE(session->counter[4]);
}

static void rcu_callback(void)
{
	call_rcu(&new_session()->rcu, session_release);
}

/* a timer that still runs when its object is freed */
static noinline void session_timeout(struct timer_list *timer)
{
	total++;
}

static noinline void session_drop(struct session *session)
{
	kmem_cache_free(cache, session);
	barrier();
}

static void timer_freed(void)
{
	struct session *session = new_session();

	timer_setup(&session->timeout, session_timeout, TIMER_PINNED);
	mod_timer(&session->timeout, jiffies + HZ);
	session_drop(session);
}

/* a work item that still waits behind another when it is freed */
static noinline void session_work(struct work_struct *unused)
{
	msleep(1000);
	barrier();
}

static void work_freed(void)
{
	static struct work_struct first;
	struct workqueue_struct *queue = alloc_ordered_workqueue("mishap_queue", 0);
	struct session *session = new_session();

	INIT_WORK(&first, session_work);
	INIT_WORK(&session->work, session_work);
	queue_work_on(1, queue, &first);
	pause_ms(200);
	queue_work_on(1, queue, &session->work);
	session_drop(session);
}

static noinline struct session *session_find(struct list_head *at)
{
	return list_entry(READ_ONCE(at->next), struct session, link);
}

/* the list was zeroed, not initialized: what list_entry() makes of NULL is a little below the end of all addresses */
static noinline u64 session_owner(struct list_head *at)
{
	return READ_ONCE(session_find(at)->owner);
}

static struct list_head open_sessions;

static void list_zeroed(void)
{
	total += session_owner(&open_sessions);
}

static noinline int session_start(struct session *session)
{
	return READ_ONCE(session->ops)->start(session) + 1;
}

static void ops_null(void)
{
	total += session_start(new_session());
}

/* a pointer to a function, of which one byte was written over: it leads between two instructions */
static noinline int command_reset(struct session *session)
{
	total++;
	return 0;
}

static struct session_ops commands = { .reset = command_reset };

static noinline int command_dispatch(struct session_ops *table)
{
	return READ_ONCE(table->reset)(NULL) + 1;
}

static void table_smashed(void)
{
	*(u8 *)&commands.reset |= 2;
	total += command_dispatch(&commands);
}

/* a check in an inlined helper */
static __always_inline u64 slot_index(u64 slot)
{
	BUG_ON(slot >= 16);
	return slot * 2;
}

static noinline u64 slot_take(u64 *words)
{
	return slot_index(READ_ONCE(words[0]));
}

static void bug_inlined(void)
{
	u64 words[2] = { 16, 0 };

	total += slot_take(words);
}

/* a timer that warns ten times a second */
static struct timer_list account_timer;

static noinline void account_check(struct timer_list *timer)
{
	WARN(total < 1000000, "mishap: accounts differ by %llu\n", 1000000 - total);
	mod_timer(timer, jiffies + HZ / 10);
}

static void warn_storm(void)
{
	timer_setup(&account_timer, account_check, TIMER_PINNED);
	mod_timer(&account_timer, jiffies + 1);
}

/* a writer that forgets the end of its change, and a reader that waits for it */
static seqcount_t stats_seq = SEQCNT_ZERO(stats_seq);

static noinline int stats_update(u64 by)
{
	raw_write_seqcount_begin(&stats_seq);
	total += by;
	if (!by)
		return -EINVAL;
	raw_write_seqcount_end(&stats_seq);
	return 0;
}

static noinline u64 stats_read(void)
{
	unsigned int seq;
	u64 value;

	do {
		seq = read_seqcount_begin(&stats_seq);
		value = total;
	} while (read_seqcount_retry(&stats_seq, seq));
	return value;
}

static noinline int stats_reader(void *data)
{
	return stats_read() == 1;
}

static void seq_forgotten(void)
{
	total += stats_update(0) < 0;
	spawn(stats_reader, "stats_reader", 1);
}

/* the same with a lock of one bit */
static unsigned long bucket_flags;

static noinline int bucket_check(void)
{
	bit_spin_lock(3, &bucket_flags);
	if (total != 0x1234567)
		return -EINVAL;
	bit_spin_unlock(3, &bucket_flags);
	return 0;
}

static noinline void bucket_insert(void)
{
	bit_spin_lock(3, &bucket_flags);
	total++;
	bit_spin_unlock(3, &bucket_flags);
}

static noinline int inserter(void *data)
{
	bucket_insert();
	return 0;
}

static void bit_spin_forgotten(void)
{
	total += bucket_check() < 0;
	preempt_enable();
	spawn(inserter, "inserter", 1);
}

/* two CPUs that call each other, both with interrupts off */
static void peer_count(void *unused)
{
	total++;
}

static noinline void peer_sync(unsigned int peer)
{
	unsigned long flags;

	local_irq_save(flags);
	mdelay(300);
	smp_call_function_single(peer, peer_count, NULL, 1);
	local_irq_restore(flags);
}

static noinline int peer_thread(void *data)
{
	pause_ms(300);
	peer_sync(!smp_processor_id());
	return 0;
}

static void ipi_cross(void)
{
	spawn(peer_thread, "peer0", 0);
	spawn(peer_thread, "peer1", 1);
}

/* what is to run while all CPUs stand still never ends */
static noinline int code_patch(void *unused)
{
	while (READ_ONCE(total) != 0x1234567)
		cpu_relax();
	return 0;
}

static noinline int code_patcher(void *data)
{
	pause_ms(300);
	return stop_machine(code_patch, NULL, cpumask_of(2));
}

static void stopped_for_ever(void)
{
	spawn(code_patcher, "patcher", 0);
}

/* objects that nobody frees, until there is no memory */
static noinline int log_keep(void *data)
{
	static void *last;
	void **entry;

	while (!kthread_should_stop()) {
		entry = kmalloc(1024, GFP_KERNEL | __GFP_NOWARN);
		if (!entry) {
			pause_ms(10);
			continue;
		}
		*entry = last;
		last = entry;
		cond_resched();
	}
	return 0;
}

static void slab_leak(void)
{
	spawn(log_keep, "log_keeper", 0);
}

const struct act unseen_acts[] = {
	{ "rcu_callback", rcu_callback },   { "timer_freed", timer_freed },
	{ "work_freed", work_freed },       { "list_zeroed", list_zeroed },
	{ "ops_null", ops_null },           { "table_smashed", table_smashed },
	{ "bug_inlined", bug_inlined },     { "warn_storm", warn_storm },
	{ "seq_forgotten", seq_forgotten }, { "bit_spin_forgotten", bit_spin_forgotten },
	{ "ipi_cross", ipi_cross },         { "stopped_for_ever", stopped_for_ever },
	{ "slab_leak", slab_leak },         {},
};
