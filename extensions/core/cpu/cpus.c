// SPDX-License-Identifier: GPL-3.0-or-later
// What every CPU was doing: registers, task, stack, position, state.
#include "lakvm/cpu/cpus.h"

#include <inttypes.h>
#include <string.h>

#include "lakvm/cpu/odd.h"
#include "priv.h"

static const char *const state_names[] = {
	[LA_CPU_UNKNOWN] = "unknown",     [LA_CPU_PANICKING] = "panicking",
	[LA_CPU_STOPPED] = "stopped",     [LA_CPU_KDUMP_STOPPED] = "kdump-stopped",
	[LA_CPU_IDLE] = "idle",           [LA_CPU_USER] = "user",
	[LA_CPU_SPINNING] = "spinning",   [LA_CPU_IPI_WAIT] = "ipi-wait",
	[LA_CPU_DELAY] = "delay",         [LA_CPU_IRQ] = "irq",
	[LA_CPU_EXCEPTION] = "exception", [LA_CPU_RUNNING] = "running",
	[LA_CPU_FIRMWARE] = "firmware",   [LA_CPU_NEVER_STARTED] = "never-started",
	[LA_CPU_OFFLINE] = "offline",
};

const char *la_cpu_state_name(enum la_cpu_state state)
{
	if ((size_t)state >= sizeof(state_names) / sizeof(state_names[0]))
		return "unknown";
	return state_names[state];
}

const char *la_pc_source_name(enum la_pc_source source)
{
	static const char *const names[] = { "none", "text", "crash_notes", "recovered" };

	return (size_t)source < sizeof(names) / sizeof(names[0]) ? names[source] : "none";
}

struct work {
	const struct la_kernel *k;
	struct la_arena *arena;
	struct la_cpus *cpus;
	int panic_cpu; /* -1: nobody panicked, or not known */
};

/* --- one CPU --- */

/* No kernel value in tp, sp and r21: the CPU was not in the kernel. */
static bool outside_kernel(const struct la_kernel *k, const struct la_regs *regs)
{
	uint64_t value;
	unsigned cpu;

	if (la_csr_get(regs, LA_CSR_CRMD, &value) && (value & 3) == 3)
		return true; /* saved text knows the privilege level */
	if ((regs->pc_known && la_kernel_address(k, regs->pc)) ||
	    (la_gpr_get(regs, LA_R_U0, &value) && la_match_percpu(k, value, &cpu)))
		return false;
	return la_gpr_get(regs, LA_R_SP, &value) && !la_kernel_address(k, value) &&
	       la_gpr_get(regs, LA_R_TP, &value) && !la_kernel_address(k, value);
}

/*
 * Does @task own the stack or task_struct that r2 points at? After a stack overflow thread_info
 * of kernels before 7.2, at the stack's low end, holds anything.
 */
static bool task_owns(const struct la_kernel *k, uint64_t task, uint64_t tp)
{
	uint64_t stack;

	return k->thread_info_in_task ||
	       (la_read_member(k, task, "task_struct", "stack", &stack, NULL) == LA_OK &&
		stack == tp);
}

static void find_task(struct work *w, struct la_cpu *c, bool outside)
{
	uint64_t by_regs = 0, by_queue = 0, tp = 0;
	bool has_regs = c->regs.source != LA_REGS_NONE;
	bool regs_say = has_regs && !outside && la_match_task(w->k, &c->regs, &by_regs) &&
			la_gpr_get(&c->regs, LA_R_TP, &tp);
	bool queue_says = c->cpu < w->k->ncpus && (c->matched || !has_regs) &&
			  la_cpu_curr(w->k, c->cpu, &by_queue, NULL) == LA_OK && by_queue;

	if (regs_say && !task_owns(w->k, by_regs, tp)) {
		la_cpu_remark(w->arena, &c->remark, "thread_info on its stack is overwritten");
		regs_say = false;
	}
	if (!regs_say && !queue_says)
		return;
	la_task_read(w->k, regs_say ? by_regs : by_queue, &c->task);
	/* Between setting rq->curr and switching registers (kernel/sched/core.c) they differ. */
	if (regs_say && queue_says && by_regs != by_queue)
		la_cpu_remark(w->arena, &c->remark,
			      la_format(w->arena,
					"registers belong to task %#" PRIx64
					", the run queue names %#" PRIx64,
					by_regs, by_queue));
}

/* STACK_END_MAGIC (uapi/linux/magic.h), set by fork at end_of_stack() (sched/task_stack.h). */
#define STACK_END_MAGIC UINT64_C(0x57ac6e9d)

/* The stack of its task; where that cannot be read any more, the one that tp is the lowest address of. */
static uint64_t stack_of(const struct work *w, const struct la_cpu *c)
{
	uint64_t tp;

	if (c->task.stack)
		return c->task.stack;
	return !w->k->thread_info_in_task && la_gpr_get(&c->regs, LA_R_TP, &tp) &&
			       la_kernel_address(w->k, tp) && !(tp & (LA_THREAD_SIZE - 1)) ?
		       tp :
		       0;
}

static void check_stack_end(struct work *w, struct la_cpu *c)
{
	const struct la_door *door = w->k->door;
	uint64_t mark;
	size_t size = 0;

	c->stack_base = stack_of(w, c);
	if (!c->stack_base ||
	    (!w->k->thread_info_in_task && !door->type_size(door->ctx, "thread_info", &size)) ||
	    la_read_u64(w->k, c->stack_base + size, &mark, NULL) != LA_OK)
		return;
	if (mark == STACK_END_MAGIC)
		return;
	c->stack_overrun = true;
	la_cpu_remark(w->arena, &c->remark,
		      "the end mark of its stack is overwritten: stack overflow");
}

/* Where registers come from that have a pc of their own. */
static enum la_pc_source pc_source_of(const struct la_regs *regs)
{
	return regs->source == LA_REGS_CRASH_NOTES ? LA_PC_CRASH_NOTES : LA_PC_TEXT;
}

static void find_position(struct work *w, struct la_cpu *c)
{
	const struct la_door *door = w->k->door;
	const struct la_frame *top = c->stack.n ? &c->stack.frame[0] : NULL;
	struct la_symbol symbol;
	uint64_t where;

	if (c->regs.pc_known) {
		c->pc = c->regs.pc;
		c->pc_source = pc_source_of(&c->regs);
		c->verified = true;
		where = la_vector_origin(w->k, c->pc);
		if (door->symbol_at(door->ctx, where, &symbol)) {
			c->symbol = symbol.name;
			c->module = symbol.module;
			c->offset = where - symbol.start;
		}
		return;
	}
	/* A word that was found by searching the stack is somewhere below the CPU's position. */
	if (!top || top->method == LA_FROM_SCAN)
		return;
	c->symbol = top->symbol;
	c->module = top->module;
	c->verified = top->verified;
	if (top->pc_known && top->verified) {
		c->pc = top->pc;
		c->offset = top->offset;
		c->pc_source = LA_PC_RECOVERED;
	}
}

/*
 * Has an exception just taken it out of user mode? Then the kernel has done nothing yet: it is in the vector, still on its
 * program's stack. PRMD says where it came from; in a TLB refill, which has a register of its own for that, nothing does.
 */
static bool just_left_user(const struct la_cpu *c)
{
	uint64_t prmd, refill;

	return c->state == LA_CPU_RUNNING && c->stack.n == 1 && c->stack.stop == LA_STOP_USER &&
	       !c->stack.frame[0].pt_regs && la_csr_get(&c->regs, LA_CSR_PRMD, &prmd) &&
	       (prmd & 3) == 3 && la_csr_get(&c->regs, LA_CSR_TLBRERA, &refill) && !(refill & 1);
}

static void find_state(const struct work *w, struct la_cpu *c)
{
	c->state = la_cpu_state_of(c->stack.frame, c->stack.n);
	if (just_left_user(c))
		c->state = LA_CPU_USER;
	if (w->panic_cpu >= 0 && c->matched && c->cpu == (unsigned)w->panic_cpu)
		c->state = LA_CPU_PANICKING;
	la_cpu_find_before(c);
}

/* What its registers point at is another kernel's, with other symbols. */
static void leave_to_other(struct work *w, struct la_cpu *c)
{
	la_cpu_remark(w->arena, &c->remark,
		      la_format(w->arena, "it is in %s kernel, at offset 0x%" PRIx64,
				c->other->role == LA_KERNEL_FIRST   ? "the first" :
				c->other->role == LA_KERNEL_RUNNING ? "the running" :
								      "another",
				c->other->offset));
	c->stack.stop = LA_STOP_NO_REGS;
	memcpy(c->stack.reason, "in another kernel", sizeof("in another kernel"));
	if (!c->regs.pc_known)
		return;
	c->pc = c->regs.pc;
	c->pc_source = pc_source_of(&c->regs);
}

static void analyse_cpu(struct work *w, struct la_cpu *c)
{
	bool has_regs = c->regs.source != LA_REGS_NONE;
	bool outside = has_regs && outside_kernel(w->k, &c->regs);
	/* For kdump a CPU marks itself offline, and then saves what it was doing. */
	const bool saved = c->regs.source == LA_REGS_CRASH_NOTES;

	if (c->other) {
		leave_to_other(w, c);
		return;
	}
	find_task(w, c, outside);
	check_stack_end(w, c);
	if (!has_regs) {
		c->stack.stop = LA_STOP_NO_REGS;
		memcpy(c->stack.reason, "no registers", sizeof("no registers"));
		if (c->online_known && !c->online)
			c->state = LA_CPU_OFFLINE;
		return;
	}
	if (outside) {
		/*
		 * User mode if Linux runs this CPU. One that Linux has not started waits in the
		 * firmware, or in QEMU's boot code, for its wake-up call.
		 */
		const bool not_linux = la_regs_before_linux(w->k, &c->regs);
		const bool marked = c->matched && (!c->online_known || c->online || saved);
		const bool linux_has_it = marked && !not_linux;

		c->state = linux_has_it                                     ? LA_CPU_USER :
			   !marked && la_regs_never_started(w->k, &c->regs) ? LA_CPU_NEVER_STARTED :
									      LA_CPU_FIRMWARE;
		if (not_linux && c->matched && c->online_known && c->online)
			la_cpu_remark(
				w->arena, &c->remark,
				"marked online, and yet Linux has not run on it since its reset");
		c->stack.stop = linux_has_it ? LA_STOP_USER : LA_STOP_NO_REGS;
		memcpy(c->stack.reason, "not in the kernel", sizeof("not in the kernel"));
		if (c->regs.pc_known) {
			c->pc = c->regs.pc;
			c->pc_source = pc_source_of(&c->regs);
		}
		if (!linux_has_it)
			c->task = (struct la_task){ 0 };
		return;
	}
	if (c->regs.pc_known)
		la_unwind(w->k, w->arena, &c->regs, c->matched ? (int)c->cpu : -1, &c->stack);
	else
		la_unwind_cpu(w->k, w->arena, &c->regs, c->matched ? (int)c->cpu : -1, &c->stack);
	find_position(w, c);
	find_state(w, c);
	if (c->online_known && !c->online && !saved && c->state != LA_CPU_STOPPED &&
	    c->state != LA_CPU_KDUMP_STOPPED && c->state != LA_CPU_OFFLINE)
		la_cpu_remark(w->arena, &c->remark, "marked offline, and yet in the kernel");
}

static bool runs_linux(const struct la_cpu *c)
{
	return c->regs.source != LA_REGS_NONE && !c->other && c->state != LA_CPU_FIRMWARE &&
	       c->state != LA_CPU_NEVER_STARTED;
}

/* While Linux runs on one CPU, another that is in the firmware waits to be started by it. */
static void settle_not_started(struct la_cpus *cpus)
{
	bool linux_runs = false;

	for (size_t i = 0; i < cpus->n; i++)
		linux_runs = linux_runs || runs_linux(&cpus->cpu[i]);
	for (size_t i = 0; linux_runs && i < cpus->n; i++) {
		struct la_cpu *c = &cpus->cpu[i];

		if (c->state == LA_CPU_FIRMWARE && !(c->matched && c->online))
			c->state = LA_CPU_NEVER_STARTED;
	}
}

enum la_status la_cpus_analyse_text(const struct la_kernel *k, struct la_arena *arena,
				    const struct la_vcpu_regs *text, size_t n, struct la_cpus *ret,
				    struct la_error *err)
{
	struct work w = { .k = k, .arena = arena, .cpus = ret, .panic_cpu = -1 };
	enum la_status st;
	uint64_t value;

	*ret = (struct la_cpus){ 0 };
	if (la_read_variable(k, "panic_cpu", 4, &value, NULL) == LA_OK && value < k->ncpus)
		w.panic_cpu = (int)value;
	st = la_cpus_collect(k, arena, text, n, ret, err);
	if (st != LA_OK)
		return st;
	for (size_t i = 0; i < ret->n; i++) {
		analyse_cpu(&w, &ret->cpu[i]);
		la_cpu_find_closed(k, &ret->cpu[i]);
		la_cpu_find_wait(k, arena, &ret->cpu[i]);
		la_cpu_find_pending(k, arena, &ret->cpu[i]);
		la_cpu_find_callback(k, &ret->cpu[i]);
	}
	la_cpus_find_callers(k, arena, ret);
	settle_not_started(ret);
	la_cpus_find_since(k, ret);
	la_cpus_find_realtime(k, ret);
	la_cpus_find_odd(k, arena, ret);
	return LA_OK;
}

enum la_status la_cpus_analyse(const struct la_kernel *k, struct la_arena *arena,
			       struct la_cpus *ret, struct la_error *err)
{
	return la_cpus_analyse_text(k, arena, NULL, 0, ret, err);
}

void la_cpus_add_remark(struct la_arena *arena, struct la_cpus *cpus, const char *text)
{
	la_cpu_remark(arena, &cpus->remark, text);
}

const struct la_cpu *la_cpus_find(const struct la_cpus *cpus, unsigned cpu)
{
	for (size_t i = 0; i < cpus->n; i++)
		if (cpus->cpu[i].cpu == cpu)
			return &cpus->cpu[i];
	return NULL;
}

const struct la_cpu *la_cpus_running(const struct la_cpus *cpus, uint64_t task)
{
	for (size_t i = 0; i < cpus->n; i++)
		if (task && cpus->cpu[i].task.address == task)
			return &cpus->cpu[i];
	return NULL;
}
