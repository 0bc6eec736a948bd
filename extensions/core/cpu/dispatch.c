// SPDX-License-Identifier: GPL-3.0-or-later
// CPUs in what calls others' functions one after the other, as timers': which of these it calls now. It may have returned,
// and then it is on no stack.
#include "priv.h"

/* The frame of one of @names, as far as the stack is more than a guess. */
static size_t frame_of(const struct la_cpu *c, const char *const names[3])
{
	for (size_t i = 0; i < c->stack.n && c->stack.frame[i].method != LA_FROM_SCAN; i++)
		for (unsigned n = 0; n < 3 && names[n]; n++)
			if (la_is_function(c->stack.frame[i].symbol, names[n]))
				return i;
	return SIZE_MAX;
}

/* @timer, a structure of @type, calls its function: whose is it? */
static bool set_callback(const struct la_kernel *k, struct la_cpu *c, const char *type,
			 uint64_t timer, size_t at)
{
	const struct la_door *door = k->door;
	struct la_symbol symbol;
	uint64_t function;

	if (!la_kernel_address(k, timer) ||
	    la_read_member(k, timer, type, "function", &function, NULL) != LA_OK ||
	    !door->symbol_at(door->ctx, function, &symbol) || symbol.start != function)
		return false;
	for (size_t i = 0; i < at; i++)
		if (la_is_function(c->stack.frame[i].symbol, symbol.name))
			return true; /* the stack says so itself */
	c->callback = symbol.name;
	c->callback_module = symbol.module;
	c->dispatcher = c->stack.frame[at].symbol;
	return true;
}

/* hrtimer_cpu_base.clock_base[].running, for the time of the call and what follows it (kernel/time/hrtimer.c, 4.16 to 7.1). */
static void find_hrtimer(const struct la_kernel *k, struct la_cpu *c)
{
	static const char *const names[3] = { "__hrtimer_run_queues", "hrtimer_run_queues" };
	const size_t at = frame_of(c, names);
	const struct la_door *door = k->door;
	uint64_t base, timer;
	struct la_member clocks;
	size_t size;

	if (at == SIZE_MAX || la_percpu(k, "hrtimer_bases", c->cpu, &base, NULL) != LA_OK ||
	    !door->member(door->ctx, "hrtimer_cpu_base", "clock_base", &clocks) ||
	    !door->type_size(door->ctx, "hrtimer_clock_base", &size) || !size)
		return;
	for (size_t i = 0; i < clocks.size / size; i++)
		if (la_read_member(k, base + clocks.offset + i * size, "hrtimer_clock_base",
				   "running", &timer, NULL) == LA_OK &&
		    timer && set_callback(k, c, "hrtimer", timer, at))
			return;
}

/* timer_base.running_timer (kernel/time/timer.c, 5.10 to 7.1). */
static void find_timer(const struct la_kernel *k, struct la_cpu *c)
{
	static const char *const names[3] = { "__run_timers", "__run_timer_base", "expire_timers" };
	const size_t at = frame_of(c, names);
	const struct la_door *door = k->door;
	uint64_t bases, all, timer;
	size_t size;

	if (at == SIZE_MAX || la_percpu(k, "timer_bases", c->cpu, &bases, NULL) != LA_OK ||
	    !door->symbol_size(door->ctx, "timer_bases", &all) ||
	    !door->type_size(door->ctx, "timer_base", &size) || !size)
		return;
	for (uint64_t i = 0; i < all / size; i++)
		if (la_read_member(k, bases + i * size, "timer_base", "running_timer", &timer,
				   NULL) == LA_OK &&
		    timer && set_callback(k, c, "timer_list", timer, at))
			return;
}

void la_cpu_find_callback(const struct la_kernel *k, struct la_cpu *c)
{
	if (!c->matched)
		return;
	find_hrtimer(k, c);
	if (!c->callback)
		find_timer(k, c);
}
