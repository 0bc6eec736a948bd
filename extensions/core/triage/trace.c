// SPDX-License-Identifier: GPL-3.0-or-later
// Who called whom, out of a stack of the guest or a trace in its log, without the machinery.
#include "cpu/graph.h"
#include "trace.h"

#include <string.h>

#include "message.h"
#include "triage.h"

/* How the kernel detects, dies, sleeps, delays: functions that lie between a cause and what shows it. */
static const char *const machinery[] = {
	/* dumping and dying */
	"show_stack", "show_regs", "dump_stack", "dump_stack_lvl", "__dump_stack", "die", "panic",
	"vpanic", "nmi_panic", "make_task_dead", "do_exit", "__warn", "warn_slowpath_fmt",
	"__warn_printk", "report_bug", "crash_kexec", "__crash_kexec", "machine_kexec", "oops_end",
	"nmi_cpu_backtrace", "handle_backtrace", "nmi_trigger_cpumask_backtrace",
	"arch_trigger_cpumask_backtrace", "check_panic_on_warn", "print_report", "__die",
	/* exceptions and interrupts (arch/loongarch/kernel/{traps.c,genex.S,entry.S}) */
	"do_page_fault", "__do_page_fault", "tlb_do_page_fault_0", "tlb_do_page_fault_1", "do_ade",
	"do_ale", "do_bp", "do_bce", "do_ri", "do_fpe", "do_fpu", "do_vint", "do_reserved",
	"do_cache_err", "cache_parity_error", "handle_vint", "handle_page_fault", "no_context",
	"bug_handler", "except_vec_vint_start", "handle_loongarch_irq", "generic_handle_domain_irq",
	/* detectors */
	"watchdog_timer_fn", "watchdog", "watchdog_hardlockup_check", "watchdog_overflow_callback",
	"check_hung_uninterruptible_tasks", "check_hung_task", "rcu_sched_clock_irq", "rcu_pending",
	"check_cpu_stall", "print_cpu_stall", "print_other_cpu_stall", "rcu_dump_cpu_stacks",
	"panic_on_rcu_stall", "dump_cpu_task", "sched_show_task", "update_process_times",
	"tick_sched_handle", "tick_nohz_handler", "tick_sched_timer", "tick_handle_periodic",
	"hrtimer_interrupt", "__hrtimer_run_queues", "__run_hrtimer", "constant_timer_interrupt",
	/* checks of the library and of allocators */
	"__list_add_valid", "__list_add_valid_or_report", "__list_del_entry_valid",
	"__list_del_entry_valid_or_report", "refcount_warn_saturate", "kasan_report",
	"kasan_check_range", "kasan_report_double_free", "kfence_report_error",
	"kfence_handle_page_fault", "__ubsan_handle_out_of_bounds", "ubsan_epilogue",
	"__ubsan_handle_shift_out_of_bounds", "__might_resched", "__might_sleep", "__schedule_bug",
	"debug_smp_processor_id", "check_preemption_disabled", "spin_dump", "spin_bug",
	"object_err", "slab_bug", "slab_err", "check_object", "check_bytes_and_report",
	"check_slab", "free_debug_processing", "alloc_debug_processing", "on_freelist", "bad_page",
	"debug_print_object", "usercopy_abort", "__check_object_size", "__fortify_panic",
	"fortify_panic", "__fortify_report", "__stack_chk_fail", "warn_alloc", "dump_header",
	/* sleeping and waiting for time */
	"__schedule", "schedule", "schedule_idle", "preempt_schedule", "preempt_schedule_irq",
	"preempt_schedule_common", "preempt_schedule_notrace", "schedule_preempt_disabled",
	"schedule_timeout", "schedule_timeout_uninterruptible", "schedule_timeout_interruptible",
	"schedule_timeout_killable", "schedule_timeout_idle", "io_schedule", "io_schedule_timeout",
	"__switch_to", "__cond_resched", "schedule_rtlock", "__udelay", "__delay", "__ndelay",
	"__const_udelay", "udelay", "mdelay", "msleep",
	/* trying for a lock, which never takes long */
	"mutex_trylock", "down_trylock", "down_read_trylock", "down_write_trylock", NULL
};

/* The outermost functions: where every task, system call or interrupt comes from. */
static const char *const outermost[] = { "ret_from_kernel_thread",
					 "ret_from_kernel_thread_asm",
					 "ret_from_fork",
					 "kthread",
					 "do_syscall",
					 "handle_syscall",
					 "handle_sys",
					 "syscall_common",
					 NULL };

/* Is @name, a symbol or "symbol+0x1/0x2", @function or one of the compiler's variants of it? */
static bool is_function(const char *name, const char *function)
{
	size_t n = strlen(function);

	return !strncmp(name, function, n) && (!name[n] || name[n] == '.' || name[n] == '+');
}

static bool one_of(const char *function, const char *const *list)
{
	for (; *list; list++)
		if (is_function(function, *list))
			return true;
	return false;
}

bool la_is_machinery(const char *function)
{
	return one_of(function, machinery) || la_is_waiting(function);
}

bool la_is_outermost(const char *function)
{
	return one_of(function, outermost);
}

/*
 * The kernel prints return addresses. One behind a call that does not return may be the first of the next
 * function, whose name then stands there: it tells nothing.
 */
static bool is_next_function(const char *printed)
{
	const char *plus = strchr(printed, '+');

	return plus && !strncmp(plus, "+0x0/", 5);
}

const char *la_event_place(const struct la_event *e)
{
	if (e->pc_symbol)
		return e->pc_symbol;
	/* "kernel/foo.c:12 bar+0x1/0x20 [mod]", since 6.19 "... at bar+0x1/0x20" */
	for (const char *p = e->at; p && *p; p += strcspn(p, " ")) {
		p += strspn(p, " ");
		if (la_is_place(p))
			return p;
	}
	for (size_t i = 0; i < e->ntrace; i++)
		if (!la_is_machinery(e->trace[i]) && !is_next_function(e->trace[i]))
			return e->trace[i];
	return NULL;
}

const char *la_event_below(const struct la_event *e, const char *function)
{
	for (size_t i = e->ntrace; i-- > 0;)
		if (is_function(e->trace[i], function) && i + 1 < e->ntrace)
			return is_next_function(e->trace[i + 1]) ? NULL : e->trace[i + 1];
	return NULL;
}

static void add(struct la_callers *c, const char *function, size_t n, const char *module)
{
	if (c->n == LA_CALLERS)
		return;
	c->function[c->n] = function;
	c->length[c->n] = (int)n;
	c->module[c->n++] = module;
}

/* "name+0x12/0x34 [mod]" */
static void add_printed(struct la_callers *c, const char *printed)
{
	const char *module = strstr(printed, " [");

	add(c, printed, strcspn(printed, "+."), module ? module + 2 : NULL);
}

void la_callers_of_trace(const struct la_event *e, const char *first, struct la_callers *ret)
{
	size_t i = 0;

	*ret = (struct la_callers){ .n = 0 };
	for (size_t at = 0; first && at < e->ntrace; at++) {
		if (is_function(e->trace[at], first)) {
			i = at + 1;
			break;
		}
	}
	for (; i < e->ntrace; i++)
		if (!la_is_machinery(e->trace[i]) && !is_next_function(e->trace[i]))
			add_printed(ret, e->trace[i]);
}

void la_callers_of_stack(const struct la_stack *s, size_t from, const char *first,
			 struct la_callers *ret)
{
	*ret = (struct la_callers){ .n = 0 };
	for (size_t at = from; s && first && at < s->n; at++) {
		if (s->frame[at].symbol && is_function(s->frame[at].symbol, first)) {
			from = at + 1;
			break;
		}
	}
	for (size_t i = from; s && i < s->n; i++) {
		const struct la_frame *f = &s->frame[i];

		if (f->method == LA_FROM_SCAN || !f->symbol)
			break;
		if (!la_is_machinery(f->symbol))
			add(ret, f->symbol, strcspn(f->symbol, "."), f->module);
	}
}

/* The kernel's own traces end where a tracer has replaced a return address (stack/hooked.c). */
static bool ends_at_tracer(const struct la_event *e)
{
	for (size_t i = 0; i < e->ntrace; i++)
		if (is_function(e->trace[i], "arch_rethook_trampoline") ||
		    is_function(e->trace[i], "return_to_handler"))
			return true;
	return false;
}

static bool has_function(const struct la_stack *s, const char *function)
{
	for (size_t i = 0; s && function && i < s->n; i++)
		if (s->frame[i].symbol && is_function(s->frame[i].symbol, function))
			return true;
	return false;
}

void la_triage_callers(const struct la_triage *t, const struct la_judgement *j,
		       struct la_callers *ret)
{
	const struct la_panic *p = j->panic;
	const char *first = p->cause.caller ? p->cause.caller : p->cause.symbol;
	const struct la_event *e =
		j->event && j->event == t->culprit.report ? t->culprit.shown : j->event;
	size_t from = 0;

	*ret = (struct la_callers){ .n = 0 };
	if (p->verdict == LA_VERDICT_FIRMWARE || j->off_stack)
		return;
	if (e && e->ntrace && !(ends_at_tracer(e) && has_function(p->stack, first))) {
		la_callers_of_trace(e, first, ret);
		return;
	}
	if (t->cpu && p->stack == &t->cpu->stack && t->below_panic != SIZE_MAX)
		from = t->below_panic;
	la_callers_of_stack(p->stack, from, first, ret);
}

void la_triage_blame_caller(const struct la_triage *t, struct la_judgement *j)
{
	struct la_cause *c = &j->panic->cause;
	struct la_callers who;

	if (!c->symbol || c->caller || !la_is_machinery(c->symbol))
		return;
	la_triage_callers(t, j, &who);
	if (!who.n || la_is_outermost(who.function[0]))
		return;
	c->caller = la_strndup(j->arena, who.function[0], (size_t)who.length[0]);
	if (who.module[0])
		c->module = la_strndup(j->arena, who.module[0], strcspn(who.module[0], "] "));
}
