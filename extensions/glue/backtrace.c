// SPDX-License-Identifier: GPL-3.0-or-later
// bt for every task: the core's stacks, printed as crash's other architectures print theirs.
// Frames that rest on a guess are marked; a stack that ends too early says why.
#include "crash.h"
#include "glue.h"

#include "lakvm/render/render.h"
#include "lakvm/stack/lines.h"
#include "lakvm/stack/unwind.h"

#include <inttypes.h>

static ulong shown_pc(const struct la_frame *frame)
{
	return frame->pc_known ? frame->pc : frame->start;
}

static void print_pt_regs(const struct la_kernel *k, uint64_t address)
{
	struct la_error err = { "" };
	struct la_regs regs;
	char words[160];
	uint64_t value;

	if (la_pt_regs_read(k, address, &regs, &err) != LA_OK) {
		fprintf(fp, "    saved registers: %s\n", err.text);
		return;
	}
	for (unsigned i = 0; i < LA_NGPR; i++) {
		if (la_gpr_get(&regs, i, &value))
			fprintf(fp, "%s %4s: %016" PRIx64, i % 4 ? "" : "   ", la_gpr_name(i),
				value);
		else
			fprintf(fp, "%s %4s: %-16s", i % 4 ? "" : "   ", la_gpr_name(i), "unknown");
		if (i % 4 == 3)
			fprintf(fp, "\n");
	}
	for (unsigned i = 0; i < LA_NCSR; i++) {
		if (!la_csr_get(&regs, (enum la_csr)i, &value))
			continue;
		la_csr_decode((enum la_csr)i, value, words, sizeof(words));
		fprintf(fp, "    %5s: %016" PRIx64 "  %s\n", la_csr_name((enum la_csr)i), value,
			words);
	}
}

/* bt -f: the words between this frame's stack pointer and its caller's. */
static void print_words(const struct la_kernel *k, struct bt_info *bt, const struct la_frame *frame)
{
	char text[BUFSIZE];
	uint64_t word;

	if (!frame->cfa || frame->cfa <= frame->sp || frame->cfa - frame->sp > LA_THREAD_SIZE)
		return;
	for (uint64_t at = frame->sp; at < frame->cfa; at += 8) {
		if (!((at - frame->sp) & 8))
			fprintf(fp, "%s    %" PRIx64 ": ", at == frame->sp ? "" : "\n", at);
		if (la_read_u64(k, at, &word, NULL) == LA_OK)
			fprintf(fp, "%s ", format_stack_entry(bt, text, word, 0));
		else
			fprintf(fp, "%-16s ", "unreadable");
	}
	fprintf(fp, "\n");
}

static void check_reference(struct bt_info *bt, const struct la_frame *frame)
{
	ulong offset;
	struct syment *sp;

	if (bt->ref->cmdflags & BT_REF_SYMBOL) {
		if (frame->symbol && STREQ(frame->symbol, bt->ref->str))
			bt->ref->cmdflags |= BT_REF_FOUND;
	} else if (bt->ref->cmdflags & BT_REF_HEXVAL) {
		sp = value_search(bt->ref->hexval, &offset);
		if (bt->ref->hexval == shown_pc(frame) ||
		    (sp && !offset && frame->symbol && STREQ(frame->symbol, sp->name)))
			bt->ref->cmdflags |= BT_REF_FOUND;
	}
}

/*
 * bt -l: the line, and before it the functions that were inlined there: the line of an address is
 * one of theirs. crash knows no more than that line, but modules' too.
 */
static void print_source(const struct la_kernel *k, const struct la_frame *frame)
{
	const struct la_lines_at *at =
		session_lines(NULL) == LA_OK ? la_lines_find(k, frame->code) : NULL;
	char line[BUFSIZE];

	if (at && at->n) {
		la_render_source(at, command_sink());
		return;
	}
	get_line_number(frame->pc_exact ? frame->pc : frame->pc - 4, line, FALSE);
	if (!line[0])
		return;
	fprintf(fp, "    ");
	la_put_text(command_sink(), line, false);
	fprintf(fp, "\n");
}

static void print_frame(const struct la_kernel *k, struct bt_info *bt, const struct la_frame *frame,
			unsigned level)
{
	char offset[32] = "";

	if (bt->flags & BT_SYMBOL_OFFSET && frame->symbol && frame->pc_known && frame->offset)
		snprintf(offset, sizeof(offset), bt->radix == 16 ? "+%#" PRIx64 : "+%" PRIu64,
			 frame->offset);
	fprintf(fp, "%s#%u [%016" PRIx64 "] ", level < 10 ? " " : "", level, frame->sp);
	la_put_text(command_sink(), frame->symbol ? frame->symbol : "(unknown)", false);
	fprintf(fp, "%s at ", offset);
	if (frame->pc_known)
		fprintf(fp, "%016" PRIx64, frame->pc);
	else
		fprintf(fp, "(pc not in the dump)");
	if (frame->module) {
		fprintf(fp, " [");
		la_put_text(command_sink(), frame->module, false);
		fprintf(fp, "]");
	}
	if (!frame->verified)
		fprintf(fp, "  ? (%s)", la_method_name(frame->method));
	fprintf(fp, "\n");

	if (bt->flags & BT_LINE_NUMBERS && frame->pc_known)
		print_source(k, frame);
	if (frame->pt_regs)
		print_pt_regs(k, frame->pt_regs);
	if (bt->flags & BT_FULL)
		print_words(k, bt, frame);
}

/* The CPU that the task runs on, or NULL. */
static const struct la_cpu *cpu_of(const struct bt_info *bt)
{
	const struct la_cpus *cpus = session_cpus(NULL);

	return cpus ? la_cpus_running(cpus, bt->task) : NULL;
}

static const struct la_stack *own_stack_of(struct la_kernel *k, struct bt_info *bt,
					   struct la_arena *arena, struct la_stack *stack)
{
	const struct la_cpu *cpu = cpu_of(bt);
	struct la_regs regs;
	struct la_error err = { "" };

	if (cpu && cpu->regs.source != LA_REGS_NONE) {
		return &cpu->stack;
	} else if (cpu) {
		snprintf(stack->reason, sizeof(stack->reason), "no registers of CPU %u in the dump",
			 cpu->cpu);
		stack->stop = LA_STOP_NO_REGS;
		return stack;
	} else if (la_task_regs(k, bt->task, &regs, &err) != LA_OK) {
		snprintf(stack->reason, sizeof(stack->reason), "%.150s", err.text);
		stack->stop = LA_STOP_NO_REGS;
		return stack;
	}
	la_unwind(k, arena, &regs, -1, stack);
	return stack;
}

/*
 * bt -S alone: the task's stack from the frame with this stack pointer on; where there is none, as
 * when the stack is damaged below it, what a search of the stack from there on finds.
 */
static const struct la_stack *stack_from(struct la_kernel *k, struct bt_info *bt,
					 struct la_arena *arena, struct la_stack *stack)
{
	const struct la_cpu *cpu = cpu_of(bt);
	struct la_regs regs = { .source = LA_REGS_NONE };

	*stack = *own_stack_of(k, bt, arena, stack);
	while (stack->n && stack->frame->sp != bt->hp->esp) {
		stack->frame++;
		stack->n--;
	}
	if (stack->n)
		return stack;
	la_gpr_set(&regs, LA_R_SP, bt->hp->esp);
	la_unwind_cpu(k, arena, &regs, cpu ? (int)cpu->cpu : -1, stack);
	return stack;
}

static const struct la_stack *stack_of(struct la_kernel *k, struct bt_info *bt,
				       struct la_arena *arena, struct la_stack *stack)
{
	const struct la_cpu *cpu = cpu_of(bt);
	struct la_regs regs = { .source = LA_REGS_SWITCHED,
				.pc_known = bt->instptr != 0,
				.pc = bt->instptr };

	if (!bt->hp || !(bt->hp->eip || bt->hp->esp))
		return own_stack_of(k, bt, arena, stack);
	if (!bt->hp->eip)
		return stack_from(k, bt, arena, stack);
	la_gpr_set(&regs, LA_R_SP, bt->stkptr);
	la_unwind(k, arena, &regs, cpu ? (int)cpu->cpu : -1, stack);
	return stack;
}

static void print_stack(const struct la_kernel *k, struct bt_info *bt, const struct la_stack *stack)
{
	for (size_t i = 0; i < stack->n; i++) {
		if (BT_REFERENCE_CHECK(bt))
			check_reference(bt, &stack->frame[i]);
		else
			print_frame(k, bt, &stack->frame[i], (unsigned)i);
	}
	if (BT_REFERENCE_CHECK(bt) || stack->stop == LA_STOP_END || stack->stop == LA_STOP_USER)
		return;
	fprintf(fp, "    (%s: ", stack->n ? "the stack ends here" : "no stack");
	la_put_text(command_sink(), stack->reason[0] ? stack->reason : la_stop_name(stack->stop),
		    false);
	fprintf(fp, ")\n");
}

static void back_trace_hook(struct bt_info *bt)
{
	struct la_kernel *kernel = session_kernel(NULL);
	struct la_arena *arena = kernel ? stack_memory() : NULL;
	struct la_stack stack = { .n = 0 };

	if (arena)
		print_stack(kernel, bt, stack_of(kernel, bt, arena, &stack));
	stack_memory_free();
}

/* bt -e: the frames that hold registers saved by an exception. */
static int eframe_search_hook(struct bt_info *bt)
{
	struct la_kernel *kernel = session_kernel(NULL);
	struct la_arena *arena = kernel ? stack_memory() : NULL;
	struct la_stack own = { .n = 0 };
	const struct la_stack *stack;
	int found = 0;

	if (arena) {
		stack = stack_of(kernel, bt, arena, &own);
		for (size_t i = 0; i < stack->n; i++) {
			if (!stack->frame[i].pt_regs)
				continue;
			fprintf(fp, "\nEXCEPTION-FRAME AT %016" PRIx64 "\n",
				stack->frame[i].pt_regs);
			print_pt_regs(kernel, stack->frame[i].pt_regs);
			found++;
		}
	}
	stack_memory_free();
	return found;
}

static void get_stack_frame_hook(struct bt_info *bt, ulong *pc_ret, ulong *sp_ret)
{
	struct la_kernel *kernel = session_kernel(NULL);
	struct la_arena *arena = kernel ? stack_memory() : NULL;
	struct la_stack own = { .n = 0 };
	const struct la_stack *stack;
	ulong start_pc = 0, start_sp = 0;

	bt->machdep = NULL;
	if (arena) {
		struct stack_hook *hook = bt->hp;

		bt->hp = NULL; /* the caller fills in what -I and -S gave */
		stack = stack_of(kernel, bt, arena, &own);
		bt->hp = hook;
		if (stack->n) {
			start_pc = shown_pc(&stack->frame[0]);
			start_sp = stack->frame[0].sp;
		}
	}
	stack_memory_free();
	if (pc_ret)
		*pc_ret = start_pc;
	if (sp_ret)
		*sp_ret = start_sp;
}

void backtrace_install(void)
{
	REPAIR("bt", machdep->back_trace, back_trace_hook);
	REPAIR("bt -e", machdep->eframe_search, eframe_search_hook);
	REPAIR("start of a stack", machdep->get_stack_frame, get_stack_frame_hook);
}
