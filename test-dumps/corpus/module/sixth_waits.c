// SPDX-License-Identifier: GPL-2.0
/* As sixth.c: waits that nobody ends, as a user, a device or the driver's own bookkeeping stands in the way. */
#include "mishap.h"
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/percpu-refcount.h>
#include <linux/platform_device.h>
#include <linux/smp.h>
#include <linux/version.h>

static u64 total;

static void pause_ms(unsigned int ms)
{
	schedule_timeout_interruptible(msecs_to_jiffies(ms));
}

/* long work under a mutex, on a CPU that a program of real-time priority takes for itself */
static DEFINE_MUTEX(index_mutex);
static u64 index_words[512];

static noinline void index_sum(void)
{
	unsigned long i;

	for (i = 0; i < 1UL << 38; i++) {
		WRITE_ONCE(index_words[i % 512], READ_ONCE(index_words[i % 512]) + i);
		if (!(i % 4096))
			cond_resched();
	}
}

static noinline int index_run(void *data)
{
	mutex_lock(&index_mutex);
	index_sum();
	mutex_unlock(&index_mutex);
	return 0;
}

static noinline int index_find(void *data)
{
	pause_ms(3000);
	mutex_lock(&index_mutex);
	total++;
	mutex_unlock(&index_mutex);
	return 0;
}

static void index_slow(void)
{
	spawn(index_run, "indexer", 1);
	spawn(index_find, "search", 2);
}

/* each record goes to a pipe, with the mutex of all who write records; who reads the pipe decides how long that takes */
static DEFINE_MUTEX(audit_mutex);

static noinline void audit_append(struct file *to)
{
	static const char record[4096] = "type=LOGIN";
	loff_t at = 0;

	kernel_write(to, record, sizeof(record), &at);
}

static noinline int audit_run(void *data)
{
	struct file *to = filp_open("/tmp/audit", O_WRONLY, 0);

	if (IS_ERR(to))
		return 0;
	for (;;) {
		mutex_lock(&audit_mutex);
		audit_append(to);
		mutex_unlock(&audit_mutex);
	}
}

static noinline int login_run(void *data)
{
	pause_ms(3000);
	mutex_lock(&audit_mutex);
	total++;
	mutex_unlock(&audit_mutex);
	return 0;
}

static void audit_full(void)
{
	spawn(audit_run, "audit_log", 0);
	spawn(login_run, "login_note", 1);
	spawn(login_run, "su_note", 2);
}

/* a file system whose server does not answer when it is asked for a name */
static DECLARE_COMPLETION(shelf_answer);

static noinline void shelf_ask(struct dentry *name)
{
	total += name->d_name.len;
	wait_for_completion(&shelf_answer);
}

static noinline struct dentry *shelf_lookup(struct inode *dir, struct dentry *name,
					    unsigned int flags)
{
	shelf_ask(name);
	return simple_lookup(dir, name, flags);
}

static const struct inode_operations shelf_dir_ops = { .lookup = shelf_lookup };
static const struct super_operations shelf_super_ops = { .statfs = simple_statfs };

static int shelf_fill(struct super_block *super, struct fs_context *unused)
{
	struct inode *root;

	super->s_magic = 0x73686c66;
	super->s_op = &shelf_super_ops;
	root = new_inode(super);
	if (!root)
		return -ENOMEM;
	root->i_ino = 1;
	root->i_mode = S_IFDIR | 0755;
	root->i_op = &shelf_dir_ops;
	root->i_fop = &simple_dir_operations;
	simple_inode_init_ts(root);
	set_nlink(root, 2);
	super->s_root = d_make_root(root);
	return super->s_root ? 0 : -ENOMEM;
}

static int shelf_get_tree(struct fs_context *context)
{
	return get_tree_nodev(context, shelf_fill);
}

static const struct fs_context_operations shelf_context_ops = { .get_tree = shelf_get_tree };

static int shelf_init_context(struct fs_context *context)
{
	context->ops = &shelf_context_ops;
	return 0;
}

static struct file_system_type shelf_type = { .owner = THIS_MODULE,
					      .name = "shelf",
					      .init_fs_context = shelf_init_context,
					      .kill_sb = kill_anon_super };

static void shelf_served(void)
{
	if (register_filesystem(&shelf_type))
		pr_err("mishap: no shelf\n");
}

/* a count of users that an error path does not give back; who takes the driver away waits until there are none */
struct bay {
	struct percpu_ref users;
	struct completion empty;
	u64 disks;
};

static noinline void bay_empty(struct percpu_ref *users)
{
	complete(&container_of(users, struct bay, users)->empty);
}

static noinline int bay_count(struct bay *bay)
{
	int disks;

	percpu_ref_get(&bay->users);
	disks = READ_ONCE(bay->disks);
	if (!disks)
		return -ENODEV;
	percpu_ref_put(&bay->users);
	return disks;
}

static noinline ssize_t disks_show(struct device *device, struct device_attribute *unused, char *to)
{
	return sysfs_emit(to, "%d\n", bay_count(dev_get_drvdata(device)));
}

static DEVICE_ATTR(disks, 0400, disks_show, NULL);

static int bay_probe(struct platform_device *device)
{
	struct bay *bay = kzalloc(sizeof(*bay), GFP_KERNEL);

	if (!bay)
		return -ENOMEM;
	init_completion(&bay->empty);
	platform_set_drvdata(device, bay);
	return percpu_ref_init(&bay->users, bay_empty, 0, GFP_KERNEL) ?:
		       device_create_file(&device->dev, &dev_attr_disks);
}

static noinline void bay_remove(struct platform_device *device)
{
	struct bay *bay = platform_get_drvdata(device);

	device_remove_file(&device->dev, &dev_attr_disks);
	percpu_ref_kill(&bay->users);
	wait_for_completion(&bay->empty);
	percpu_ref_exit(&bay->users);
	kfree(bay);
}

static struct platform_driver bay_driver = { .probe = bay_probe,
					     .remove = bay_remove,
					     .driver = { .name = "bay" } };

static void bay_counted(void)
{
	if (platform_driver_register(&bay_driver) ||
	    IS_ERR(platform_device_register_simple("bay", PLATFORM_DEVID_NONE, NULL, 0)))
		pr_err("mishap: no bay\n");
}

/* a tasklet is disabled, and only then is its end awaited: it is looked at all the time, and never run */
static DEFINE_MUTEX(mixer_mutex);
static struct tasklet_struct mixer_tasklet;

static noinline void mixer_fill(struct tasklet_struct *unused)
{
	total++;
}

static noinline int mixer_stop(void *data)
{
	mutex_lock(&mixer_mutex);
	tasklet_disable(&mixer_tasklet);
	tasklet_schedule(
		&mixer_tasklet); /* as the interrupt of its device would, which may still come */
	pause_ms(200);
	tasklet_kill(&mixer_tasklet);
	mutex_unlock(&mixer_mutex);
	return 0;
}

static noinline int mixer_play(void *data)
{
	pause_ms(1500);
	mutex_lock(&mixer_mutex);
	total++;
	mutex_unlock(&mixer_mutex);
	return 0;
}

static void mixer_quiet(void)
{
	tasklet_setup(&mixer_tasklet, mixer_fill);
	spawn(mixer_stop, "mixer_stop", 1);
	spawn(mixer_play, "mixer_play", 2);
}

/* a timer's function stops the timer, by the call that waits for the function's end */
static struct hrtimer brake_timer;
static u64 brake_errors = 3;

static noinline void brake_release(void)
{
	hrtimer_cancel(&brake_timer);
	total++;
}

static noinline enum hrtimer_restart brake_tick(struct hrtimer *timer)
{
	if (READ_ONCE(brake_errors) > 2)
		brake_release();
	hrtimer_forward_now(timer, ms_to_ktime(10));
	return HRTIMER_RESTART;
}

static void brake_start(void *unused)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(&brake_timer, brake_tick, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
#else
	hrtimer_init(&brake_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	brake_timer.function = brake_tick;
#endif
	hrtimer_start(&brake_timer, ms_to_ktime(500), HRTIMER_MODE_REL_PINNED_HARD);
}

static void brake_errs(void)
{
	smp_call_function_single(2, brake_start, NULL, 1);
}

/* work that is to see all work of its thread done, itself included */
static DEFINE_MUTEX(codec_mutex);
static struct kthread_worker *codec_worker;
static struct kthread_work codec_work;

static noinline void codec_drain(struct kthread_work *unused)
{
	mutex_lock(&codec_mutex);
	kthread_flush_worker(codec_worker);
	mutex_unlock(&codec_mutex);
}

static noinline int codec_open(void *data)
{
	pause_ms(1500);
	mutex_lock(&codec_mutex);
	total++;
	mutex_unlock(&codec_mutex);
	return 0;
}

static void codec_reset(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
	codec_worker = kthread_run_worker(0, "codec_frames");
#else
	codec_worker = kthread_create_worker(0, "codec_frames");
#endif
	if (IS_ERR(codec_worker))
		return;
	kthread_init_work(&codec_work, codec_drain);
	kthread_queue_work(codec_worker, &codec_work);
	spawn(codec_open, "codec_open", 1);
}

/* a reset makes everything anew, the mutex for which somebody waits as well */
static struct modem {
	u64 number;
	struct mutex mutex;
	u64 baud;
} modem;

static noinline void modem_init(void)
{
	modem.baud = 9600;
	mutex_init(&modem.mutex);
}

static noinline int modem_test(void *data)
{
	mutex_lock(&modem.mutex);
	pause_ms(3000);
	mutex_unlock(&modem.mutex);
	return 0;
}

static noinline void modem_dial(void)
{
	mutex_lock(&modem.mutex);
	modem.baud++;
	mutex_unlock(&modem.mutex);
}

static noinline int dialer_run(void *data)
{
	pause_ms(1000);
	modem_dial();
	return 0;
}

static noinline int modem_reset(void *data)
{
	pause_ms(2000);
	modem_init();
	return 0;
}

static void modem_again(void)
{
	modem_init();
	spawn(modem_test, "modem_test", 0);
	spawn(dialer_run, "dialer", 1);
	spawn(modem_reset, "modem_reset", 2);
}

/* a disk for two requests of a page at a time, which takes them and forgets that it has */
static struct blk_mq_tag_set vault_tags;

static noinline blk_status_t vault_queue(struct blk_mq_hw_ctx *hctx,
					 const struct blk_mq_queue_data *data)
{
	blk_mq_start_request(data->rq);
	total += blk_rq_bytes(data->rq);
	return BLK_STS_OK;
}

static noinline enum blk_eh_timer_return vault_timeout(struct request *unused)
{
	return BLK_EH_RESET_TIMER;
}

static const struct blk_mq_ops vault_ops = { .queue_rq = vault_queue, .timeout = vault_timeout };
static const struct block_device_operations vault_disk_ops = { .owner = THIS_MODULE };

static void vault_opened(void)
{
	struct queue_limits limits = { .max_hw_sectors = PAGE_SIZE >> SECTOR_SHIFT };
	struct gendisk *vault;

	vault_tags.ops = &vault_ops;
	vault_tags.nr_hw_queues = 1;
	vault_tags.queue_depth = 2;
	vault_tags.numa_node = NUMA_NO_NODE;
	if (blk_mq_alloc_tag_set(&vault_tags))
		return;
	vault = blk_mq_alloc_disk(&vault_tags, &limits, NULL);
	if (IS_ERR(vault))
		return;
	vault->major = register_blkdev(0, "vault");
	vault->minors = 1;
	vault->fops = &vault_disk_ops;
	vault->flags |= GENHD_FL_NO_PART;
	strscpy(vault->disk_name, "vault");
	set_capacity(vault, 1 << 16);
	if (add_disk(vault))
		pr_err("mishap: no /dev/vault\n");
}

const struct act sixth_wait_acts[] = {
	{ "index_slow", index_slow },     { "audit_full", audit_full },
	{ "shelf_served", shelf_served }, { "bay_counted", bay_counted },
	{ "mixer_quiet", mixer_quiet },   { "brake_errs", brake_errs },
	{ "codec_reset", codec_reset },   { "modem_again", modem_again },
	{ "vault_opened", vault_opened }, {},
};
