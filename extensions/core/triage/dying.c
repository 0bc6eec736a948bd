// SPDX-License-Identifier: GPL-3.0-or-later
// CPUs in die(): which exception came first, and whether die() itself failed (arch/loongarch/kernel/traps.c).
#include "collect.h"

#include "cpu/graph.h"
#include "cpu/priv.h"

static bool is_die(const struct la_frame *f)
{
	return la_is_function(f->symbol, "die");
}

/* What lies under a search of the stack may be left over from calls long finished. */
static size_t sound(const struct la_stack *s)
{
	size_t n = 0;

	while (n < s->n && s->frame[n].method != LA_FROM_SCAN)
		n++;
	return n;
}

static bool read_fault(const struct la_kernel *k, uint64_t pt_regs, struct la_fault *ret)
{
	struct la_regs regs;

	if (la_pt_regs_read(k, pt_regs, &regs, NULL) != LA_OK || !regs.pc_known)
		return false;
	la_triage_fault_of(k, &regs, ret);
	return true;
}

/* From the outside in: each exception whose handling has a die() in it. */
static bool follow(const struct la_kernel *k, const struct la_cpu *c, struct la_dying *d)
{
	const struct la_stack *s = &c->stack;
	size_t outer = SIZE_MAX;
	bool die = false;

	for (size_t i = sound(s); i-- > 0;) {
		const struct la_frame *f = &s->frame[i];

		if (f->pt_regs && f->entry != LA_ENTRY_SYSCALL)
			outer = f->entry == LA_ENTRY_EXCEPTION ? i : SIZE_MAX;
		if (!is_die(f))
			continue;
		die = true;
		if (outer == SIZE_MAX)
			continue;
		if (!d->exceptions++ && read_fault(k, s->frame[outer].pt_regs, &d->first))
			d->first_pt_regs = s->frame[outer].pt_regs;
		else if (read_fault(k, s->frame[outer].pt_regs, &d->last))
			d->broke = d->last.symbol;
		outer = SIZE_MAX;
	}
	return die;
}

/* Frames of waiting for a spin lock, and then die(). */
static bool waits_in_die(const struct la_stack *s)
{
	for (size_t i = 0; i < sound(s) && i < 4; i++) {
		if (is_die(&s->frame[i]))
			return i > 0;
		if (!la_is_waiting(s->frame[i].symbol))
			return false;
	}
	return false;
}

/* Frames between two die(): the inner one's exception came while the outer one printed. */
static bool is_printing(const struct la_stack *s)
{
	static const char *const printers[] = { "_printk",           "printk",
						"vprintk_emit",      "console_unlock",
						"console_flush_all", "show_registers",
						"show_stack",        "show_regs",
						"__show_regs",       "dump_stack" };
	bool inner = false;

	for (size_t i = 0; i < sound(s); i++) {
		inner = inner || is_die(&s->frame[i]);
		for (size_t n = 0; inner && n < sizeof(printers) / sizeof(printers[0]); n++)
			if (la_is_function(s->frame[i].symbol, printers[n]))
				return true;
	}
	return false;
}

void la_triage_dying(const struct la_kernel *k, struct la_arena *arena, struct la_triage *t)
{
	const size_t n = t->cpus ? t->cpus->n : 0;
	struct la_dying *list = la_alloc_n(arena, n, sizeof(*list));
	uint64_t lock;

	if (!list)
		return;
	for (size_t i = 0; i < n; i++) {
		const struct la_cpu *c = &t->cpus->cpu[i];
		struct la_dying *d = &list[t->ndying];

		*d = (struct la_dying){ .cpu = c };
		if (!c->matched || !follow(k, c, d))
			continue;
		d->waits = waits_in_die(&c->stack);
		d->printing = d->exceptions > 1 && is_printing(&c->stack);
		d->has_lock = d->waits && k->door->symbol(k->door->ctx, "die_lock", &lock) &&
			      la_lock_taken_by(k, c, 0, lock);
		t->ndying++;
	}
	t->dying = list;
}
