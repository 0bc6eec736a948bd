// SPDX-License-Identifier: GPL-3.0-or-later
// What a CPU is at, told from the functions on its stack.
#include "priv.h"

#include <string.h>

/* Does @symbol name @function, also as one of the compiler's variants ("panic.cold")? */
bool la_is_function(const char *symbol, const char *function)
{
	size_t n = strlen(function);

	return symbol && !strncmp(symbol, function, n) && (!symbol[n] || symbol[n] == '.');
}

#define ANYWHERE SIZE_MAX

/*
 * What functions on a stack say of a CPU. The first row that fits wins. To add one, say how deep
 * below the innermost frame the function still means that the CPU is at it right now.
 */
static const struct {
	const char *function;
	size_t depth;
	enum la_cpu_state state;
} evidence[] = {
	{ "crash_shutdown_secondary", ANYWHERE, LA_CPU_KDUMP_STOPPED },
	{ "stop_this_cpu", ANYWHERE, LA_CPU_STOPPED },
	{ "panic_smp_self_stop", ANYWHERE, LA_CPU_STOPPED },
	{ "nmi_panic_self_stop", ANYWHERE, LA_CPU_STOPPED },
	{ "panic", ANYWHERE, LA_CPU_PANICKING },
	{ "vpanic", ANYWHERE, LA_CPU_PANICKING }, /* since 6.17 */
	{ "__crash_kexec", ANYWHERE, LA_CPU_PANICKING },
	{ "play_dead", ANYWHERE, LA_CPU_OFFLINE },
	{ "arch_cpu_idle_dead", ANYWHERE, LA_CPU_OFFLINE },
	{ "idle_play_dead", ANYWHERE, LA_CPU_OFFLINE },
	{ "queued_spin_lock_slowpath", 1, LA_CPU_SPINNING },
	{ "native_queued_spin_lock_slowpath", 1, LA_CPU_SPINNING },
	{ "queued_read_lock_slowpath", 1, LA_CPU_SPINNING },
	{ "queued_write_lock_slowpath", 1, LA_CPU_SPINNING },
	{ "osq_lock", 1, LA_CPU_SPINNING },
	{ "mutex_spin_on_owner", 1, LA_CPU_SPINNING },
	{ "rwsem_spin_on_owner", 1, LA_CPU_SPINNING },
	{ "smp_call_function_many_cond", 1, LA_CPU_IPI_WAIT },
	{ "smp_call_function_single", 1, LA_CPU_IPI_WAIT },
	{ "csd_lock_wait", 1, LA_CPU_IPI_WAIT },
	{ "__delay", 1, LA_CPU_DELAY },
	{ "__udelay", 1, LA_CPU_DELAY },
	{ "__ndelay", 1, LA_CPU_DELAY },
	{ "__arch_cpu_idle", 1, LA_CPU_IDLE },
	{ "idle_exit", 1, LA_CPU_IDLE }, /* a label behind "idle 0" that counts as a symbol */
	{ "arch_cpu_idle", 1, LA_CPU_IDLE },
	{ "default_idle_call", 1, LA_CPU_IDLE },
	{ "cpu_idle_poll", 1, LA_CPU_IDLE },
	{ "do_idle", 0, LA_CPU_IDLE },
};

static bool among(const struct la_frame *frame, size_t n, const char *function, size_t depth)
{
	for (size_t i = 0; i < n && i <= depth; i++)
		if (la_is_function(frame[i].symbol, function))
			return true;
	return false;
}

/* The innermost frame that an exception's entry made, n if there is none. */
static size_t find_entry(const struct la_frame *frame, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (frame[i].pt_regs)
			return i;
	return n;
}

/* Nothing special on the stack: interrupt, exception, or plain kernel code. */
static enum la_cpu_state state_by_entry(const struct la_frame *frame, size_t n)
{
	size_t entry = find_entry(frame, n);

	for (size_t i = 0; i < n && i <= entry; i++)
		if (frame[i].method == LA_FROM_IRQ_SWITCH || frame[i].entry == LA_ENTRY_INTERRUPT ||
		    la_is_function(frame[i].symbol, "do_vint"))
			return LA_CPU_IRQ;
	/* A system call is how a task comes to run in the kernel, nothing to tell of. */
	if (entry == n || frame[entry].entry == LA_ENTRY_SYSCALL)
		return LA_CPU_RUNNING;
	return LA_CPU_EXCEPTION;
}

enum la_cpu_state la_cpu_state_of(const struct la_frame *frame, size_t n)
{
	size_t sound = 0;

	/* What is found by searching the stack may be left over from calls long finished. */
	while (sound < n && frame[sound].method != LA_FROM_SCAN)
		sound++;
	if (n && !sound)
		return LA_CPU_RUNNING;
	n = sound;
	for (size_t i = 0; i < sizeof(evidence) / sizeof(evidence[0]); i++)
		if (among(frame, n, evidence[i].function, evidence[i].depth))
			return evidence[i].state;
	return n ? state_by_entry(frame, n) : LA_CPU_UNKNOWN;
}

/* Where to look for that entry: behind panic(), which lets timer ticks in at its end. */
static size_t behind_panic(const struct la_cpu *c)
{
	size_t from = 0;

	for (size_t i = 0; c->state == LA_CPU_PANICKING && i < c->stack.n; i++)
		if (la_is_function(c->stack.frame[i].symbol, "panic") ||
		    la_is_function(c->stack.frame[i].symbol, "vpanic"))
			from = i;
	return from;
}

/* Behind the first exception's entry lies what was interrupted, in the kernel or in user mode. */
void la_cpu_find_before(struct la_cpu *c)
{
	const size_t from = behind_panic(c);
	const size_t entry = from + find_entry(c->stack.frame + from, c->stack.n - from);

	if (c->state != LA_CPU_STOPPED && c->state != LA_CPU_KDUMP_STOPPED &&
	    c->state != LA_CPU_IRQ && c->state != LA_CPU_EXCEPTION && c->state != LA_CPU_PANICKING)
		return;
	/* A system call that panicked was taken from nothing. */
	if (c->state == LA_CPU_PANICKING && entry < c->stack.n &&
	    c->stack.frame[entry].entry == LA_ENTRY_SYSCALL)
		return;
	if (entry + 1 < c->stack.n) {
		c->before_frame = &c->stack.frame[entry + 1];
		c->before = la_cpu_state_of(c->before_frame, c->stack.n - entry - 1);
	} else if (entry + 1 == c->stack.n && c->stack.stop == LA_STOP_USER) {
		c->before = LA_CPU_USER;
	}
}
