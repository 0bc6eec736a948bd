// SPDX-License-Identifier: GPL-3.0-or-later
// Registers for gdb's own stack commands ("gdb bt", "frame", "info locals") on the task that is set.
#include "crash.h"
#include "gdb_words.h"
#include "glue.h"

#include "lakvm/isa/loongarch.h"
#include "lakvm/stack/unwind.h"

/*
 * gdb carries what it is given up to all callers unless their call-frame information says
 * otherwise. So it gets only what calls keep, and what leads from frame to frame.
 */
#define GIVEN (1u << LA_R_RA | 1u << LA_R_TP | 1u << LA_R_SP | 1u << LA_R_U0 | 0x3ffu << LA_R_FP)

/*
 * gdb also takes it for certain: a CPU whose pc is not known is shown from its innermost frame that
 * is proved to the instruction. Of registers above frame 0 only sp is sure.
 */
static bool active_registers(const struct la_cpu *cpu, struct la_regs *ret)
{
	for (size_t i = 0; i < cpu->stack.n; i++) {
		const struct la_frame *frame = &cpu->stack.frame[i];

		if (!frame->pc_known || !frame->verified || !frame->symbol)
			continue;
		*ret = i ? (struct la_regs){ .source = cpu->regs.source } : cpu->regs;
		ret->pc_known = true;
		ret->pc = frame->pc;
		la_gpr_set(ret, LA_R_SP, frame->sp);
		return true;
	}
	return false;
}

static bool current_registers(struct la_regs *ret)
{
	struct la_kernel *kernel = session_kernel(NULL);
	const struct la_cpus *cpus = session_cpus(NULL);
	const struct la_cpu *cpu;

	if (!kernel || !CURRENT_CONTEXT())
		return false;
	cpu = cpus ? la_cpus_running(cpus, CURRENT_TASK()) : NULL;
	return cpu ? active_registers(cpu, ret) :
		     la_task_regs(kernel, CURRENT_TASK(), ret, NULL) == LA_OK;
}

/* gdb's own names: "r0" to "r31" in 16.2, those of the ABI in crash's 10.2. LA_NGPR: another register. */
static unsigned register_of(const char *name)
{
	unsigned reg;
	char end;

	if (sscanf(name, "r%2u%c", &reg, &end) == 1 && reg < LA_NGPR)
		return reg;
	for (reg = 0; reg < LA_NGPR && !STREQ(name, la_gpr_name(reg)); reg++)
		;
	return STREQ(name, "x") ? LA_R_U0 : reg;
}

/* gdb asks for "pc" and each general register; of the rest nothing is known. */
static int register_hook(const char *name, int size, void *value)
{
	struct la_regs regs;
	uint64_t word;
	unsigned reg;

	if (!name || size != (int)sizeof(word) || !current_registers(&regs))
		return FALSE;
	reg = register_of(name);
	if (STREQ(name, "pc") && regs.pc_known)
		word = regs.pc;
	else if (reg >= LA_NGPR || !(GIVEN >> reg & 1) || !la_gpr_get(&regs, reg, &word))
		return FALSE;
	memcpy(value, &word, sizeof(word));
	return TRUE;
}

#if LA_TASK_REG_ARGUMENTS
#if LA_TASK_REG_ARGUMENTS == 5
/* @stack: which of the task's stacks; there is only one. */
static int hook(int number, const char *name, int size, void *value, int stack)
{
	(void)number;
	return stack ? FALSE : register_hook(name, size, value);
}
#else
static int hook(int number, const char *name, int size, void *value)
{
	(void)number;
	return register_hook(name, size, value);
}
#endif

static void hook_install(void)
{
	REPAIR("registers for gdb", machdep->get_current_task_reg, hook);
}

/* As "set" does it. gdb keeps some memory for each time. */
void gdb_registers_ask_again(void)
{
	gdb_change_thread_context();
}

#else /* before 8.0.6 gdb has a thread a CPU, which it asks about once; the first stands for the task here */

static cmd_func_t crash_set;

static int hook(int thread, int number, const char *name, int size, void *value)
{
	(void)number;
	return thread ? FALSE : register_hook(name, size, value);
}

static void set_hook(void)
{
	crash_set();
	gdb_registers_ask_again();
}

static void hook_install(void)
{
	REPAIR("registers for gdb", machdep->get_cpu_reg, hook);
	crash_set = command_replace("set", set_hook);
}

void gdb_registers_ask_again(void)
{
	char forget[] = "flushregs";

	gdb_pass_through(forget, pc->nullfp, GNU_RETURN_ON_ERROR);
}
#endif

/* --- what would make crash exit --- */

static cmd_func_t crash_gdb;

static const char *refusal(void)
{
	struct la_regs regs;

	if (LA_TASK_REG_ARGUMENTS == 0 && gdb_takes_thread(args + 1, argcnt - 1))
		return "gdb knows the registers of one thread only, that of the task that is set: use set, and gdb bt";
	if (gdb_makes_frame(args + 1, argcnt - 1) && !current_registers(&regs))
		return "gdb would end crash, because where this task stands is not known to it: use bt";
	return NULL;
}

static void gdb_hook(void)
{
	const char *why = refusal();

	if (why)
		error(INFO, "lakvm: %s\n", why);
	else
		crash_gdb();
}

void gdb_registers_install(void)
{
	hook_install();
	crash_gdb = command_replace("gdb", gdb_hook);
}
