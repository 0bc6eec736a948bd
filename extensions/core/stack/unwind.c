// SPDX-License-Identifier: GPL-3.0-or-later
// Walking a stack: which method leaves a frame, which step is believed, where it ends.
#include "steps.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cfi.h"

const char *la_method_name(enum la_method method)
{
	switch (method) {
	case LA_FROM_REGS:
		return "regs";
	case LA_FROM_POSITION:
		return "position";
	case LA_FROM_CFI:
		return "cfi";
	case LA_FROM_ORC:
		return "orc";
	case LA_FROM_PROLOGUE:
		return "prologue";
	case LA_FROM_EXCEPTION:
		return "exception";
	case LA_FROM_IRQ_SWITCH:
		return "irq-switch";
	case LA_FROM_SCAN:
		return "scan";
	}
	return "?";
}

const char *la_stop_name(enum la_stop stop)
{
	switch (stop) {
	case LA_STOP_END:
		return "end";
	case LA_STOP_USER:
		return "user";
	case LA_STOP_NO_REGS:
		return "no-registers";
	case LA_STOP_BAD_PC:
		return "bad-pc";
	case LA_STOP_BAD_SP:
		return "bad-sp";
	case LA_STOP_UNREADABLE:
		return "unreadable";
	case LA_STOP_NO_RULE:
		return "no-rule";
	case LA_STOP_LIMIT:
		return "limit";
	case LA_STOP_NOMEM:
		return "no-memory";
	}
	return "?";
}

static bool between(const struct la_kernel *k, uint64_t pc, const char *from, const char *to)
{
	uint64_t start, end;

	return k->door->symbol(k->door->ctx, from, &start) &&
	       k->door->symbol(k->door->ctx, to, &end) && pc >= start && pc < end;
}

bool la_is_text(const struct la_kernel *k, uint64_t pc)
{
	struct la_symbol symbol;
	uint64_t address;

	pc = la_vector_origin(k, pc);
	if (pc & 3 || !k->door->symbol_at(k->door->ctx, pc, &symbol))
		return false;
	if (symbol.module || between(k, pc, "_stext", "_etext") ||
	    between(k, pc, "_sinittext", "_einittext") || between(k, pc, "_text", "_stext"))
		return true;
	/* It has a symbol, and there are no ranges to check it against. */
	return !k->door->symbol(k->door->ctx, "_etext", &address);
}

bool la_at_resolve(const struct la_walk *w, struct la_unwind_frame *at)
{
	at->symbol = (struct la_symbol){ .name = NULL };
	at->code = at->regs.pc;
	if (!at->regs.pc_known || !la_is_text(w->k, at->regs.pc - (at->exact ? 0 : 4)))
		return false;
	/* The call, not what follows it: a call that never returns can be a function's last. */
	at->code = la_vector_origin(w->k, at->regs.pc - (at->exact ? 0 : 4));
	return w->k->door->symbol_at(w->k->door->ctx, at->code, &at->symbol);
}

/* Best first. Entry code of exceptions and tracers has no usable description, so that comes before CFI. */
static const la_step_fn methods[] = { la_step_exception, la_step_hooked, la_step_bpf,
				      la_step_cfi,       la_step_orc,    la_step_prologue,
				      la_step_ftrace };

static enum la_step_result try_methods(const struct la_walk *w, const struct la_unwind_frame *at,
				       struct la_step *ret)
{
	const char *why = NULL;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		enum la_step_result result;

		*ret = (struct la_step){ .cfa = 0 };
		result = methods[i](w, at, ret);
		if (result != LA_STEP_NOT_MINE)
			return result;
		if (ret->why)
			why = ret->why;
	}
	*ret = (struct la_step){ .why = why };
	return LA_STEP_NOT_MINE;
}

static bool at_irq_stack_start(const struct la_walk *w, const struct la_unwind_frame *at)
{
	uint64_t sp;

	return w->irq.base && !at->exact && la_gpr_get(&at->regs, LA_R_SP, &sp) &&
	       sp == w->irq.top - LA_IRQ_STACK_START;
}

/*
 * do_vint (kernel/traps.c, 5.19 to 7.2) stores the address of pt_regs, which is the stack pointer
 * it was entered with, at the start of the IRQ stack, and keeps its own stack pointer in s0. Where
 * both lead to the same place, s0 is right; else only the stored word is used.
 */
static enum la_step_result leave_irq_stack(const struct la_walk *w,
					   const struct la_unwind_frame *at, struct la_step *ret)
{
	struct la_unwind_frame on_task_stack = *at;
	uint64_t pt_regs, sp, saved_sp, prmd;

	ret->stop = LA_STOP_UNREADABLE;
	ret->why = "the IRQ stack's first word cannot be read";
	ret->read = la_read_u64(w->k, w->irq.top - LA_IRQ_STACK_START, &pt_regs, NULL);
	if (ret->read != LA_OK)
		return LA_STEP_STOP;
	if (la_gpr_get(&at->regs, LA_R_S0, &sp)) {
		la_gpr_set(&on_task_stack.regs, LA_R_SP, sp);
		if (try_methods(w, &on_task_stack, ret) == LA_STEP_DONE && ret->cfa == pt_regs) {
			ret->sound = true;
			return LA_STEP_DONE;
		}
	}

	*ret = (struct la_step){ .stop = LA_STOP_BAD_SP,
				 .why = "the IRQ stack's first word leads to no saved registers" };
	if (la_pt_regs_read(w->k, pt_regs, &ret->caller.regs, NULL) != LA_OK ||
	    !la_gpr_get(&ret->caller.regs, LA_R_SP, &saved_sp) ||
	    !la_csr_get(&ret->caller.regs, LA_CSR_PRMD, &prmd))
		return LA_STEP_STOP;
	ret->pt_regs = pt_regs;
	ret->entry = LA_ENTRY_INTERRUPT;
	if ((prmd & 3) == 3) {
		ret->stop = LA_STOP_USER;
		ret->why = "came from user mode";
		return LA_STEP_STOP;
	}
	if (saved_sp != pt_regs + LA_PT_REGS_SIZE)
		return LA_STEP_STOP;
	ret->cfa = saved_sp;
	ret->caller.exact = true;
	ret->caller.method = LA_FROM_IRQ_SWITCH;
	return LA_STEP_DONE;
}

static uint64_t block_of(uint64_t sp)
{
	return sp & ~(LA_THREAD_SIZE - 1); /* stacks are aligned to their size */
}

/* Is @cfa where the caller of a frame at @sp can have its stack pointer? */
static bool is_further_up(const struct la_walk *w, const struct la_unwind_frame *at, uint64_t sp,
			  uint64_t cfa)
{
	if (cfa & 7)
		return false;
	if (at_irq_stack_start(w, at))
		return block_of(cfa) != w->irq.base;
	if (w->irq.base && block_of(sp) == w->irq.base && cfa > w->irq.top - LA_IRQ_STACK_START)
		return false;
	/* The same: only of a function that was interrupted before it made a frame. */
	if (cfa == sp)
		return at->exact;
	return cfa > sp && block_of(cfa - 1) == block_of(sp);
}

/* Is the stack this frame is on one that its CPU and task can be on? */
static bool is_own_stack(const struct la_walk *w, uint64_t sp)
{
	uint64_t base = block_of(sp);

	return !w->task_stack || base == w->task_stack || (w->irq.base && base == w->irq.base);
}

static void stop(struct la_frames *f, enum la_stop reason, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void stop(struct la_frames *f, enum la_stop reason, const char *fmt, ...)
{
	va_list ap;

	f->stop = reason;
	va_start(ap, fmt);
	vsnprintf(f->reason, sizeof(f->reason), fmt, ap);
	va_end(ap);
	f->verified = reason == LA_STOP_END || reason == LA_STOP_USER;
	f->linked = f->verified && f->nlinked == f->n;
	for (size_t i = 0; i < f->n; i++)
		f->verified = f->verified && f->frame[i].verified;
}

/* @linked: like the frames below it, it is where a call of them was. */
static struct la_frame *push(struct la_frames *f, const struct la_unwind_frame *at, bool linked,
			     bool verified)
{
	struct la_frame *frame = &f->frame[f->n];

	f->nlinked += linked && f->nlinked == f->n;
	f->n++;
	*frame = (struct la_frame){
		.pc = at->regs.pc_known ? at->regs.pc : 0,
		.pc_known = at->regs.pc_known,
		.sp = at->regs.gpr[LA_R_SP],
		.symbol = at->symbol.name,
		.start = at->symbol.name ? at->symbol.start : 0,
		.offset = at->symbol.name && at->regs.pc_known ?
				  at->code + (at->exact ? 0 : 4) - at->symbol.start :
				  0,
		.module = at->symbol.module,
		.method = at->method,
		.pc_exact = at->exact && at->regs.pc_known,
		.verified = verified,
		.kept_known = at->regs.gpr_known >> LA_R_U0,
	};
	memcpy(frame->kept, &at->regs.gpr[LA_R_U0], sizeof(frame->kept));
	return frame;
}

static bool is_described(const struct la_step *step)
{
	return step->caller.method == LA_FROM_CFI || step->caller.method == LA_FROM_ORC;
}

/* Does the caller that was found call this function? */
static bool fits(const struct la_walk *w, const struct la_unwind_frame *at,
		 const struct la_step *step)
{
	if (step->caller.exact)
		return step->sound;
	switch (la_call_reaches(w->k, step->caller.regs.pc, &at->symbol)) {
	case LA_LINK_DIRECT:
		return true;
	case LA_LINK_INDIRECT:
		return is_described(step) || step->sound;
	case LA_LINK_NONE:
		break;
	}
	return false;
}

/*
 * See "verified" in unwind.h. Where the size of a frame is not certain, a return address that fits
 * proves little: an earlier call can have left the same one there.
 */
static bool is_certain(const struct la_step *step)
{
	return is_described(step) || step->sound;
}

/* Functions that only start-up code calls: a walk that fails there is complete. */
static bool is_near_end(const char *symbol)
{
	return symbol && (!strcmp(symbol, "start_kernel") || !strcmp(symbol, "start_secondary"));
}

/* The last frame may be the end, but nothing says so. */
static void stop_near_end(struct la_frames *f)
{
	struct la_frame *frame = &f->frame[f->n - 1];

	frame->verified = false;
	f->nlinked -= f->nlinked == f->n;
	stop(f, LA_STOP_END, "%s", frame->symbol);
}

void la_walk_run(const struct la_walk *w, const struct la_unwind_frame *start, bool verified,
		 struct la_frames *ret)
{
	struct la_unwind_frame at = *start;
	struct la_hooks hooks = { .nodes = 0 };
	bool linked = verified;

	ret->n = ret->nlinked = 0;
	for (;;) {
		struct la_step step = { .cfa = 0 };
		enum la_step_result result;
		struct la_frame *frame;
		const char *taken;
		uint64_t sp;

		if (!la_gpr_get(&at.regs, LA_R_SP, &sp))
			return stop(ret, LA_STOP_NO_REGS, "no stack pointer");
		linked = linked && is_own_stack(w, sp) &&
			 (!la_is_stack_end(w, &at) || la_is_stack_bottom(sp));
		verified = verified && linked;
		frame = push(ret, &at, linked, verified);
		if (la_is_stack_end(w, &at)) {
			return stop(ret, LA_STOP_END, "%s", at.symbol.name);
		}
		if (ret->n == LA_MAX_FRAMES)
			return stop(ret, LA_STOP_LIMIT, "more than %d frames", LA_MAX_FRAMES);

		result = at_irq_stack_start(w, &at) ? leave_irq_stack(w, &at, &step) :
						      try_methods(w, &at, &step);
		frame->pt_regs = step.pt_regs;
		frame->entry = step.entry;
		if (result != LA_STEP_DONE && is_near_end(at.symbol.name))
			return stop_near_end(ret);
		if (result == LA_STEP_NOT_MINE)
			return stop(ret, LA_STOP_NO_RULE, "no way known to leave %s%s%s",
				    at.symbol.name ? at.symbol.name : "this address",
				    step.why ? "; " : "", step.why ? step.why : "");
		if (result == LA_STEP_STOP)
			return stop(ret, step.stop, "%s%s%s", step.why,
				    step.read == LA_OK ? "" : ": ",
				    step.read == LA_OK ? "" : la_status_text(step.read));

		if (!is_further_up(w, &at, sp, step.cfa))
			return stop(ret, LA_STOP_BAD_SP,
				    "the caller's stack pointer would be 0x%llx, after 0x%llx",
				    (unsigned long long)step.cfa, (unsigned long long)sp);
		frame->cfa = step.cfa;
		frame->by_fp = step.by_fp;
		taken = la_hooks_resolve(w, &hooks, step.cfa, &step.caller);
		if (taken)
			return stop(ret, LA_STOP_NO_RULE, "%s", taken);
		linked = linked && fits(w, &at, &step);
		verified = verified && linked && is_certain(&step);
		at = step.caller;
		/* A pc that an exception saved is a frame even outside of text: the kernel went there. */
		if (!la_at_resolve(w, &at) && !at.exact) {
			if (is_near_end(frame->symbol))
				return stop_near_end(ret);
			return stop(ret, LA_STOP_BAD_PC, "0x%llx is no kernel text",
				    (unsigned long long)at.regs.pc);
		}
	}
}

void la_walk_init(struct la_walk *w, const struct la_kernel *k, const struct la_regs *regs, int cpu)
{
	uint64_t tp;

	*w = (struct la_walk){ .k = k };
	if (cpu >= 0 && la_irq_stack(k, (unsigned)cpu, &w->irq, NULL) != LA_OK)
		w->irq.base = w->irq.top = 0;
	if (!la_gpr_get(regs, LA_R_TP, &tp))
		return;
	w->thread_info = tp;
	if (!k->thread_info_in_task)
		w->task_stack = tp & (LA_THREAD_SIZE - 1) ? 0 : tp;
	else if (la_read_member(k, tp, "task_struct", "stack", &w->task_stack, NULL) != LA_OK)
		w->task_stack = 0;
}

void la_frames_place(const struct la_kernel *k, struct la_frame *frame, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (frame[i].pc_known)
			frame[i].code =
				la_vector_origin(k, frame[i].pc) - (frame[i].pc_exact ? 0 : 4);
}

void la_frames_keep(const struct la_walk *w, struct la_arena *arena, const struct la_frames *frames,
		    struct la_stack *ret)
{
	*ret = (struct la_stack){ .stop = frames->stop, .verified = frames->verified };
	memcpy(ret->reason, frames->reason, sizeof(ret->reason));
	ret->frame = la_alloc_n(arena, frames->n, sizeof(*ret->frame));
	if (!ret->frame) {
		ret->stop = LA_STOP_NOMEM;
		ret->verified = false;
		snprintf(ret->reason, sizeof(ret->reason), "out of memory");
		return;
	}
	memcpy(ret->frame, frames->frame, frames->n * sizeof(*ret->frame));
	ret->n = frames->n;
	ret->tp = w->thread_info;
	la_frames_place(w->k, ret->frame, ret->n);
}

void la_unwind(const struct la_kernel *k, struct la_arena *arena, const struct la_regs *start,
	       int cpu, struct la_stack *ret)
{
	struct la_unwind_frame at = { .regs = *start, .exact = true, .method = LA_FROM_REGS };
	struct la_frames frames = { .n = 0 };
	struct la_walk w;
	uint64_t sp, crmd;

	la_walk_init(&w, k, start, cpu);
	if (!start->pc_known || !la_gpr_get(start, LA_R_SP, &sp)) {
		stop(&frames, LA_STOP_NO_REGS, "no registers to start from");
		return la_frames_keep(&w, arena, &frames, ret);
	}
	/* A sleeping task goes on after its call of __switch_to, a new one at a function's first
	 * instruction (the address before it has another symbol). */
	if (start->source == LA_REGS_SWITCHED) {
		struct la_symbol symbol;

		at.exact = k->door->symbol_at(k->door->ctx, start->pc, &symbol) &&
			   symbol.start == start->pc;
	}
	la_at_resolve(&w, &at);
	if (!at.symbol.name &&
	    (la_csr_get(start, LA_CSR_CRMD, &crmd) ? (crmd & 3) == 3 : sp >> 63 == 0)) {
		push(&frames, &at, true, true);
		stop(&frames, LA_STOP_USER, "in user mode");
		return la_frames_keep(&w, arena, &frames, ret);
	}
	la_walk_run(&w, &at, true, &frames);
	la_frames_keep(&w, arena, &frames, ret);
}

enum la_status la_task_regs(const struct la_kernel *k, uint64_t task, struct la_regs *ret,
			    struct la_error *err)
{
	const struct la_door *door = k->door;
	struct la_member thread, m;
	uint64_t value;

	*ret = (struct la_regs){ .source = LA_REGS_SWITCHED };
	if (!door->member(door->ctx, "task_struct", "thread", &thread))
		return la_fail(err, LA_ABSENT, "task_struct.thread");
	for (unsigned r = 0; r < LA_NGPR; r++) {
		enum la_status status;
		char name[8];

		if (r != LA_R_RA && r != LA_R_SP && r < LA_R_FP)
			continue;
		snprintf(name, sizeof(name), "reg%02u", r);
		if (!door->member(door->ctx, "thread_struct", name, &m))
			return la_fail(err, LA_ABSENT, "thread_struct.%s", name);
		status = la_read_u64(k, task + thread.offset + m.offset, &value, err);
		if (status != LA_OK)
			return la_fail(err, status, "registers of task 0x%llx",
				       (unsigned long long)task);
		la_gpr_set(ret, r, value);
	}
	/* Whoever switches to it gives it its own tp. */
	if (k->thread_info_in_task)
		la_gpr_set(ret, LA_R_TP, task);
	else if (la_read_member(k, task, "task_struct", "stack", &value, NULL) == LA_OK)
		la_gpr_set(ret, LA_R_TP, value);
	ret->pc_known = true;
	ret->pc = ret->gpr[LA_R_RA];
	return LA_OK;
}
