// SPDX-License-Identifier: GPL-3.0-or-later
// Why panic() was called, or what an oops was about: out of the log, checked against the stack.
#include "triage.h"

#include <inttypes.h>
#include <string.h>

static const struct {
	unsigned first, last; /* exception codes */
	const char *kind;
	bool address; /* BADV means something */
} exception_kind[] = {
	{ LA_ECODE_PIL, LA_ECODE_PPI, "page-fault", true },
	{ LA_ECODE_ADE, LA_ECODE_ADE, "ade", true },
	{ LA_ECODE_ALE, LA_ECODE_ALE, "ale", true },
	{ LA_ECODE_BCE, LA_ECODE_BCE, "bce", false },
	{ LA_ECODE_BRK, LA_ECODE_BRK, "break", false },
	{ LA_ECODE_INE, LA_ECODE_INE, "ine", false },
	{ LA_ECODE_IPE, LA_ECODE_IPE, "ipe", false },
	{ LA_ECODE_FPD, 17, "fpu-disabled", false }, /* FPD, SXD, ASXD */
	{ 18, 18, "fpe", false },
};

/* Titles that die() is called with (arch/loongarch/{kernel/traps,kernel/unaligned,mm/fault}.c). */
static const struct {
	const char *title, *kind;
} title_kind[] = {
	{ "Oops - BUG", "bug" },
	{ "Oops", "page-fault" },
	{ "Kernel ade access", "ade" },
	{ "Kernel ale access", "ale" },
	{ "Unhandled kernel unaligned access", "ale" },
	{ "Bounds check error in kernel code", "bce" },
	{ "Break instruction in kernel code", "break" },
	{ "Reserved instruction in kernel code", "ine" },
	{ "FP exception in kernel code", "fpe" },
	{ "do_fpu invoked from kernel context!", "fpu-disabled" },
	{ "do_lsx invoked from kernel context!", "fpu-disabled" },
	{ "do_lasx invoked from kernel context!", "fpu-disabled" },
};

/*
 * What panic() is called with, and what it means. by_oops: the panic is the consequence of an
 * oops, if the same task had one just before; else the kind given here is all there is.
 * To add a message: a row here, with the text as printed (a part of it suffices).
 */
static const struct panic_word {
	const char *text, *kind;
	bool by_oops;
} panic_word[] = {
	{ "Fatal exception", "oops", true },
	{ "Attempted to kill init!", "init-exit", true },
	{ "Attempted to kill the idle task!", "oops", true },
	{ "Aiee, killing interrupt handler!", "oops", true },
	{ "Oopsed too often", "oops", true },
	{ "Oops failed to kill thread", "oops", true },
	{ "sysrq triggered crash", "sysrq", false },
	{ "softlockup: hung tasks", "soft-lockup", false },
	{ "Hard LOCKUP", "hard-lockup", false },
	{ "hung_task: blocked tasks", "hung-task", false },
	{ "RCU Stall", "rcu-stall", false },
	{ "Out of memory", "oom", false },
	{ "System is deadlocked on memory", "oom", false },
	{ "VFS: Unable to mount root fs", "no-root", false },
	{ "No working init found", "no-init", false },
	{ "Requested init", "no-init", false },
	{ "panic_on_warn set", "warning", false },
	{ "system warned too often", "warning", false },
	{ "panic_on_taint set", "taint", false },
	{ "stack-protector:", "stack-corruption", false },
	{ "corrupted stack end detected", "stack-overflow", false },
	{ "Can't handle the cache error!", "cache-error", false },
	{ "Failed to allocate", "boot-memory", false },
	{ "Out of memory when creating slab", "boot-memory", false },
};

static const struct panic_word *panic_word_of(const char *message)
{
	for (size_t i = 0; message && i < sizeof(panic_word) / sizeof(panic_word[0]); i++)
		if (strstr(message, panic_word[i].text))
			return &panic_word[i];
	return NULL;
}

#define INSN_BUG 0x002a0001 /* BUG() is "break 1", BRK_BUG of asm/break.h */

/* Symbol and offset of the pc: as found, else as the kernel printed it: it knew its modules'. */
static void cause_place(struct la_judgement *j, const struct la_fault *f, const char *printed)
{
	struct la_cause *c = &j->panic->cause;
	size_t n;

	if (f->symbol) {
		c->symbol = f->symbol;
		c->module = f->module;
		c->offset = f->offset;
		return;
	}
	/* "func+0x12/0x34 [mod]" */
	n = printed ? strcspn(printed, "+") : 0;
	if (n && !strncmp(printed + n, "+0x", 3)) {
		uint64_t offset = 0;

		for (const char *p = printed + n + 3;
		     (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'f'); p++)
			offset = offset << 4 | (uint64_t)(*p <= '9' ? *p - '0' : *p - 'a' + 10);
		c->symbol = la_strndup(j->arena, printed, n);
		c->offset = offset;
	}
}

/* Kind, address and pc that the registers at an exception tell. */
static void cause_registers(struct la_judgement *j, const struct la_fault *f)
{
	const unsigned nkinds = sizeof(exception_kind) / sizeof(exception_kind[0]);
	struct la_cause *c = &j->panic->cause;
	uint64_t estat, badv;

	c->regs = f->regs;
	c->regs_known = true;
	if (f->regs.pc_known) {
		c->pc = f->regs.pc;
		c->pc_known = true;
	}
	if (f->caller) {
		c->caller = f->caller;
		c->caller_offset = f->caller_offset;
	}
	if (!la_csr_get(&f->regs, LA_CSR_ESTAT, &estat))
		return;
	for (unsigned i = 0; i < nkinds; i++) {
		unsigned ecode = LA_ESTAT_ECODE(estat);

		if (ecode < exception_kind[i].first || ecode > exception_kind[i].last)
			continue;
		c->kind = exception_kind[i].kind;
		if (ecode == LA_ECODE_BRK && f->insn_known && f->insn == INSN_BUG)
			c->kind = "bug";
		if (exception_kind[i].address && la_csr_get(&f->regs, LA_CSR_BADV, &badv)) {
			c->address = badv;
			c->address_known = true;
		}
	}
}

static void cause_oops(struct la_judgement *j, const struct la_event *oops,
		       const struct la_fault *fault)
{
	struct la_cause *c = &j->panic->cause;

	if (oops->regs)
		cause_registers(j, fault);
	for (size_t i = 0; oops->text && i < sizeof(title_kind) / sizeof(title_kind[0]); i++)
		if (!strcmp(oops->text, title_kind[i].title) && (!c->kind || i == 0))
			c->kind = title_kind[i].kind; /* only the title tells BUG() from a break */
	if (!c->kind)
		c->kind = oops->address_known ? "page-fault" : "oops";
	if (!c->address_known && oops->address_known) {
		c->address = oops->address;
		c->address_known = true;
	}
	if (fault->pc_known) {
		c->pc = fault->pc;
		c->pc_known = true;
	}
	cause_place(j, fault, oops->pc_symbol);
}

void la_triage_cause_fault(struct la_judgement *j, const struct la_fault *f)
{
	cause_registers(j, f);
	cause_place(j, f, NULL);
}

void la_triage_cause_oops(const struct la_triage *t, struct la_judgement *j)
{
	cause_oops(j, t->last_oops, &t->last_fault);
}

/* The exception that the panicking CPU's stack leads back to, saved in full by the exception's entry. */
static void cause_from_stack(const struct la_triage *t, struct la_judgement *j)
{
	const char *source = la_format(j->arena, "stack of CPU %u", t->cpu->cpu);
	const struct la_fault *f = &t->stack_fault;
	struct la_cause *c = &j->panic->cause;

	if (c->pc_known && c->pc != f->pc) {
		la_triage_fact(j, source,
			       "its exception frame has pc %#" PRIx64 ", the log says %#" PRIx64,
			       f->pc, c->pc);
		return;
	}
	la_triage_fact(j, source, "exception frame at %#" PRIx64 " with pc %#" PRIx64 "%s",
		       t->stack_pt_regs, f->pc, c->pc_known ? ", as in the log" : "");
	cause_registers(j, f);
	cause_place(j, f, NULL);
}

static void cause_from_csrs(const struct la_triage *t, struct la_judgement *j)
{
	cause_registers(j, &t->csr_fault);
	cause_place(j, &t->csr_fault, NULL);
	la_triage_fact(j, "registers", "the last exception of CPU %u was at pc %#" PRIx64,
		       t->cpu->cpu, t->csr_fault.pc);
}

/* Did the one who panicked have this oops? Told by who wrote the records, else by the pid. */
static bool same_context(const struct la_triage *t, const struct la_task *task,
			 const struct la_event *oops)
{
	const struct la_record *a = &t->log.record[oops->record];
	const struct la_record *b = t->panic ? &t->log.record[t->panic->record] : NULL;

	if (b && a->caller_id != UINT32_MAX && b->caller_id != UINT32_MAX)
		return a->caller_id == b->caller_id;
	if (oops->pid_known && task->pid_known)
		return oops->pid == task->pid;
	return true;
}

void la_triage_cause(const struct la_triage *t, struct la_judgement *j)
{
	const struct panic_word *word = panic_word_of(j->panic->message);
	const struct la_event *oops = t->panic_oops;
	struct la_cause *c = &j->panic->cause;

	if (oops && word && word->by_oops && same_context(t, &j->panic->task, oops)) {
		j->oops = oops;
		cause_oops(j, oops, &t->panic_fault);
	}
	if (t->stack_pt_regs)
		cause_from_stack(t, j);
	if (t->csr_fault.pc_known && !c->pc_known && (!word || word->by_oops))
		cause_from_csrs(t, j);
	/* A panic from an interrupt (lockup detectors) shows what was interrupted, no fault. */
	if (!c->kind && word)
		c->kind = word->kind;
	/* A fault after the stack ran over is a consequence; a panic with a reason of its own not. */
	if (t->cpu && t->cpu->stack_overrun && (!word || word->by_oops))
		c->kind = "stack-overflow";
}
