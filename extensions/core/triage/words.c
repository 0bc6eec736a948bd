// SPDX-License-Identifier: GPL-3.0-or-later
// What panic() is called with, and what it means.
#include <string.h>

#include "cpu/priv.h"
#include "triage.h"

#define ROOT                                                                                       \
	"check root= on the guest's command line, and that its disk and the driver of it are there"
#define MORE_MEMORY "give the guest more memory, or find what used it up: kmem -i, ps -G, kmem -s"
#define WORKQUEUE_WATCHDOG "panic_on_wq_watchdog|wq_watchdog_timer_fn"
#define IMAGE "check the image that the guest boots from, and its command line"

/*
 * To add a message: a row here, with the text as printed (a part of it suffices), the special ones
 * first. Messages of Linux 6.12 in the file named; they have not changed from 6.6 to 7.2.
 */
static const struct la_panic_word words[] = {
	/* arch/loongarch/kernel/traps.c, kernel/exit.c */
	{ "Fatal exception", "oops", LA_BY_OOPS, 0, NULL, NULL, NULL },
	{ "Attempted to kill init!", "init-exit", LA_BY_OOPS, 0, "do_exit", NULL, NULL },
	{ "Attempted to kill the idle task!", "oops", LA_BY_OOPS, 0, NULL, NULL, NULL },
	{ "Aiee, killing interrupt handler!", "oops", LA_BY_OOPS, 0, NULL, NULL, NULL },
	{ "Oopsed too often", "oops", LA_BY_OOPS, 0, NULL,
	  "more oopses than kernel.oops_limit allows", NULL },
	{ "Oops failed to kill thread", "oops", LA_BY_OOPS, 0, NULL, NULL, NULL },
	/* drivers/tty/sysrq.c */
	{ "sysrq triggered crash", "sysrq", LA_BY_CALLER, 0, "sysrq_handle_crash",
	  "somebody asked for a crash by SysRq (echo c >/proc/sysrq-trigger, or the keyboard)",
	  "nothing is wrong with the guest; ps tells who asked" },
	/* kernel/watchdog.c, hung_task.c, rcu/tree_stall.h */
	{ "softlockup: hung tasks", "soft-lockup", LA_BY_DETECTOR, LA_EVENT_SOFT_LOCKUP,
	  "watchdog_timer_fn", NULL, NULL },
	{ "Hard LOCKUP", "hard-lockup", LA_BY_DETECTOR, LA_EVENT_HARD_LOCKUP,
	  "nmi_panic|watchdog_hardlockup_check", NULL, NULL },
	{ "hung_task: blocked tasks", "hung-task", LA_BY_DETECTOR, LA_EVENT_HUNG_TASK,
	  "watchdog|check_hung_uninterruptible_tasks|check_hung_task", NULL, NULL },
	{ "RCU Stall", "rcu-stall", LA_BY_DETECTOR, LA_EVENT_RCU_STALL,
	  "panic_on_rcu_stall|check_cpu_stall|print_cpu_stall|print_other_cpu_stall|"
	  "rcu_sched_clock_irq|rcu_pending",
	  NULL, NULL },
	/* kernel/workqueue.c of 7.1; 6.12 has BUG() there, see la_panic_word_of_bug() */
	{ "stall(s) exceeded threshold", "workqueue-lockup", LA_BY_DETECTOR, LA_EVENT_WORKQUEUE,
	  WORKQUEUE_WATCHDOG, NULL, NULL },
	{ "workqueue: stall lasted", "workqueue-lockup", LA_BY_DETECTOR, LA_EVENT_WORKQUEUE,
	  WORKQUEUE_WATCHDOG, NULL, NULL },
	/* kernel/panic.c, mm/kasan/report.c, mm/kfence/report.c, lib/ubsan.c */
	{ "panic_on_warn set", "warning", LA_BY_WARNING, 0, NULL, NULL, NULL },
	{ "system warned too often", "warning", LA_BY_WARNING, 0, NULL, NULL, NULL },
	{ "kasan.fault=panic", "kasan", LA_BY_WARNING, 0, NULL, NULL, NULL },
	{ "kmsan.panic set", "kmsan", LA_BY_WARNING, 0, NULL, NULL, NULL },
	{ "panic_on_taint set", "taint", LA_BY_WARNING, 0, "add_taint",
	  "the kernel was tainted in a way that panic_on_taint= forbids", NULL },
	/* mm/oom_kill.c */
	{ "Out of memory: compulsory panic_on_oom", "oom", LA_BY_CALLER, 0,
	  "out_of_memory|check_panic_on_oom", "memory ran out, and vm.panic_on_oom is set",
	  MORE_MEMORY },
	{ "Out of memory: system-wide panic_on_oom", "oom", LA_BY_CALLER, 0,
	  "out_of_memory|check_panic_on_oom", "memory ran out, and vm.panic_on_oom is set",
	  MORE_MEMORY },
	{ "System is deadlocked on memory", "oom", LA_BY_CALLER, 0, "out_of_memory",
	  "memory ran out, and no process was left that could be killed for it", MORE_MEMORY },
	/* mm/slab_common.c, memblock.c and others at boot */
	{ "Out of memory when creating slab", "boot-memory", LA_BY_CALLER, 0, NULL,
	  "memory ran out while the kernel started", MORE_MEMORY },
	{ "Failed to allocate", "boot-memory", LA_BY_CALLER, 0, NULL,
	  "memory ran out while the kernel started", MORE_MEMORY },
	{ "Failed to create", "boot-memory", LA_BY_CALLER, 0, NULL,
	  "something that the kernel cannot do without could not be made at start", MORE_MEMORY },
	{ "Out of memory", "oom", LA_BY_CALLER, 0, NULL, "memory ran out", MORE_MEMORY },
	/* init/do_mounts.c, initramfs.c, main.c */
	{ "VFS: Unable to mount root fs", "no-root", LA_BY_CALLER, 0,
	  "mount_root_generic|mount_root|mount_block_root|prepare_namespace|kernel_init_freeable",
	  "the root file system could not be mounted", ROOT },
	{ "Could not decompress initial ramdisk", "bad-initramfs", LA_BY_CALLER, 0, NULL,
	  "the initramfs is damaged or cut", IMAGE },
	{ "No working init found", "no-init", LA_BY_CALLER, 0, "kernel_init",
	  "no program to start as init was found on the root file system", IMAGE },
	{ "Requested init", "no-init", LA_BY_CALLER, 0, "kernel_init",
	  "the program that init= names could not be started", IMAGE },
	/* kernel/panic.c, sched/core.c */
	{ "stack-protector:", "stack-corruption", LA_BY_CALLER, 0, "__stack_chk_fail",
	  "a function found its stack frame overwritten: somebody wrote beyond a variable on the stack",
	  NULL },
	{ "corrupted stack end detected", "stack-overflow", LA_BY_CALLER, 0,
	  "__schedule|schedule_debug|schedule",
	  "a task's kernel stack ran over: the word at its end is overwritten", NULL },
	/* arch/loongarch/kernel/traps.c, drivers/edac */
	{ "Can't handle the cache error!", "cache-error", LA_BY_CALLER, 0, "cache_parity_error",
	  "the CPU found an error in its cache", "look at the host's hardware" },
	{ "Uncorrectable", "memory-error", LA_BY_CALLER, 0, NULL,
	  "the memory reported an error that could not be corrected",
	  "look at the host's hardware" },
	{ "EDAC", "memory-error", LA_BY_CALLER, 0, NULL,
	  "the memory reported an error that could not be corrected",
	  "look at the host's hardware" },
	{ "Memory failure", "memory-error", LA_BY_CALLER, 0, NULL,
	  "the host said that a page of the kernel is bad", "look at the host's hardware" },
};

const struct la_panic_word *la_panic_word(const char *message)
{
	for (size_t i = 0; message && i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(message, words[i].text))
			return &words[i];
	return NULL;
}

const struct la_panic_word *la_panic_word_of_bug(const char *function)
{
	static const struct la_panic_word workqueue = { "",
							"workqueue-lockup",
							LA_BY_DETECTOR,
							LA_EVENT_WORKQUEUE,
							WORKQUEUE_WATCHDOG,
							NULL,
							NULL };

	return la_panic_word_from(&workqueue, function) ? &workqueue : NULL;
}

bool la_panic_word_from(const struct la_panic_word *word, const char *function)
{
	char name[64];
	size_t n;

	for (const char *p = word->from; p && function && *p; p += n + (p[n] == '|')) {
		n = strcspn(p, "|");
		if (n >= sizeof(name))
			continue;
		memcpy(name, p, n);
		name[n] = '\0';
		if (la_is_function(function, name))
			return true;
	}
	return false;
}

/* What functions report that only check: told where their words are lost (lib/, kernel/sched/core.c, mm/, 5.10 to 7.1). */
static const struct {
	const char *function, *text;
} checks[] = {
	{ "__list_add_valid",
	  "list_add corruption: neighbours in a list do not lead to each other" },
	{ "__list_add_valid_or_report",
	  "list_add corruption: neighbours in a list do not lead to each other" },
	{ "__list_del_entry_valid",
	  "list_del corruption: an entry is not in its list, or its neighbours do not lead to it" },
	{ "__list_del_entry_valid_or_report",
	  "list_del corruption: an entry is not in its list, or its neighbours do not lead to it" },
	{ "refcount_warn_saturate",
	  "refcount_t: references were taken of 0, or given back too often" },
	{ "__might_resched", "a sleeping function was called where nobody may sleep" },
	{ "__schedule_bug", "scheduling while atomic: somebody slept where nobody may" },
	{ "debug_print_object",
	  "debugobjects: an object was used in a state in which it may not be" },
	{ "bad_page", "a page was freed or given out in a bad state" },
};

const char *la_check_in_words(const char *function)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (la_is_function(function, checks[i].function))
			return checks[i].text;
	return NULL;
}
