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

/* BUG() is "break 1", BRK_BUG of asm/break.h; BADI holds the instruction of the exception. */
static bool is_bug(const struct la_triage *t, const struct la_regs *regs)
{
	uint64_t badi;
	uint32_t insn;

	if (la_csr_get(regs, LA_CSR_BADI, &badi))
		return badi == 0x002a0001;
	return regs->pc_known && la_read_u32(t->k, regs->pc, &insn, NULL) == LA_OK &&
	       insn == 0x002a0001;
}

void la_triage_position(struct la_triage *t, const char *printed)
{
	const struct la_door *door = t->k->door;
	struct la_cause *c = &t->ret->cause;
	struct la_symbol symbol;
	size_t n;

	if (c->pc_known && door->symbol_at(door->ctx, la_vector_origin(t->k, c->pc), &symbol)) {
		c->symbol = symbol.name;
		c->module = symbol.module;
		c->offset = la_vector_origin(t->k, c->pc) - symbol.start;
		return;
	}
	/* A module's symbols may be unknown here; the kernel knew them: "func+0x12/0x34 [mod]". */
	n = printed ? strcspn(printed, "+") : 0;
	if (n && !strncmp(printed + n, "+0x", 3)) {
		uint64_t offset = 0;

		for (const char *p = printed + n + 3;
		     (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'f'); p++)
			offset = offset << 4 | (uint64_t)(*p <= '9' ? *p - '0' : *p - 'a' + 10);
		c->symbol = la_strndup(t->arena, printed, n);
		c->offset = offset;
	}
}

/* A jump to nowhere: its pc says nothing, but ra still lies in the function that jumped. */
static void cause_caller(struct la_triage *t, const struct la_regs *regs)
{
	const struct la_door *door = t->k->door;
	struct la_cause *c = &t->ret->cause;
	struct la_symbol symbol;
	uint64_t ra;

	if (!c->pc_known || la_is_text(t->k, c->pc) || !la_gpr_get(regs, LA_R_RA, &ra) ||
	    !la_is_text(t->k, ra) || !door->symbol_at(door->ctx, ra - 4, &symbol))
		return;
	c->caller = symbol.name;
	c->caller_offset = ra - symbol.start;
}

/* Kind, address and pc that a set of registers at an exception tells. */
static void cause_registers(struct la_triage *t, const struct la_regs *regs)
{
	struct la_cause *c = &t->ret->cause;
	uint64_t estat, badv;

	c->regs = *regs;
	c->regs_known = true;
	if (regs->pc_known) {
		c->pc = regs->pc;
		c->pc_known = true;
	}
	cause_caller(t, regs);
	if (!la_csr_get(regs, LA_CSR_ESTAT, &estat))
		return;
	for (size_t i = 0; i < sizeof(exception_kind) / sizeof(exception_kind[0]); i++) {
		unsigned ecode = LA_ESTAT_ECODE(estat);

		if (ecode < exception_kind[i].first || ecode > exception_kind[i].last)
			continue;
		c->kind = exception_kind[i].kind;
		if (ecode == LA_ECODE_BRK && is_bug(t, regs))
			c->kind = "bug";
		if (exception_kind[i].address && la_csr_get(regs, LA_CSR_BADV, &badv)) {
			c->address = badv;
			c->address_known = true;
		}
	}
}

void la_triage_cause_oops(struct la_triage *t, const struct la_event *oops)
{
	struct la_cause *c = &t->ret->cause;

	if (oops->regs)
		cause_registers(t, oops->regs);
	for (size_t i = 0; oops->text && i < sizeof(title_kind) / sizeof(title_kind[0]); i++)
		if (!strcmp(oops->text, title_kind[i].title) && (!c->kind || i == 0))
			c->kind = title_kind[i].kind; /* only the title tells BUG() from a break */
	if (!c->kind)
		c->kind = oops->address_known ? "page-fault" : "oops";
	if (!c->address_known && oops->address_known) {
		c->address = oops->address;
		c->address_known = true;
	}
	if (!c->pc_known && oops->era_known) {
		c->pc = oops->era;
		c->pc_known = true;
	}
	la_triage_position(t, oops->pc_symbol);
}

/*
 * The exception that the panicking CPU's stack leads back to, saved in full by the exception's
 * entry. Only frames outside panic() count: above it lie the timer ticks of its endless loop.
 */
static void cause_from_stack(struct la_triage *t)
{
	const struct la_stack *stack = &t->cpu->stack;
	struct la_cause *c = &t->ret->cause;
	const char *source = la_format(t->arena, "stack of CPU %u", t->cpu->cpu);

	for (size_t i = t->below_panic; i < stack->n; i++) {
		struct la_regs regs;
		uint64_t prmd;

		if (!stack->frame[i].pt_regs)
			continue;
		if (la_pt_regs_read(t->k, stack->frame[i].pt_regs, &regs, NULL) != LA_OK)
			return;
		/* From user mode: the kernel was called, it did not fault. */
		if (!regs.pc_known || (la_csr_get(&regs, LA_CSR_PRMD, &prmd) && (prmd & 3)))
			return;
		if (c->pc_known && c->pc != regs.pc) {
			la_triage_fact(t, source,
				       "its exception frame has pc %#" PRIx64
				       ", the log says %#" PRIx64,
				       regs.pc, c->pc);
			return;
		}
		la_triage_fact(t, source, "exception frame at %#" PRIx64 " with pc %#" PRIx64 "%s",
			       stack->frame[i].pt_regs, regs.pc,
			       c->pc_known ? ", as in the log" : "");
		cause_registers(t, &regs);
		la_triage_position(t, NULL);
		return;
	}
}

/*
 * Saved register text has the CSRs: as long as the dead CPU took no other exception, ESTAT and
 * ERA still are those of the last one (with interrupts off, or before the first timer tick).
 */
static void cause_from_csrs(struct la_triage *t)
{
	const struct la_regs *now = &t->cpu->regs;
	struct la_regs then = { .source = LA_REGS_TEXT };
	uint64_t value;

	if (now->source != LA_REGS_TEXT || !la_csr_get(now, LA_CSR_ESTAT, &value) ||
	    !LA_ESTAT_ECODE(value) || !la_csr_get(now, LA_CSR_ERA, &then.pc))
		return;
	then.pc_known = true;
	for (enum la_csr i = LA_CSR_ESTAT; i <= LA_CSR_BADI; i++)
		if (la_csr_get(now, i, &value))
			la_csr_set(&then, i, value);
	cause_registers(t, &then);
	la_triage_position(t, NULL);
	la_triage_fact(t, "registers", "the last exception of CPU %u was at pc %#" PRIx64,
		       t->cpu->cpu, then.pc);
}

/* Did the one who panicked have this oops? Told by who wrote the records, else by the pid. */
static bool same_context(const struct la_triage *t, const struct la_event *oops)
{
	const struct la_record *a = &t->log.record[oops->record];
	const struct la_record *b = t->panic ? &t->log.record[t->panic->record] : NULL;

	if (b && a->caller_id != UINT32_MAX && b->caller_id != UINT32_MAX)
		return a->caller_id == b->caller_id;
	if (oops->pid_known && t->ret->task.pid_known)
		return oops->pid == t->ret->task.pid;
	return true;
}

void la_triage_cause(struct la_triage *t)
{
	const struct panic_word *word = panic_word_of(t->ret->message);
	size_t before = t->panic ? (size_t)(t->panic - t->events.event) : SIZE_MAX;
	const struct la_event *oops = la_events_last(&t->events, LA_EVENT_OOPS, before);
	struct la_cause *c = &t->ret->cause;

	if (oops && word && word->by_oops && same_context(t, oops)) {
		t->oops = oops;
		la_triage_cause_oops(t, oops);
	}
	if (t->cpu && t->below_panic != SIZE_MAX)
		cause_from_stack(t);
	if (t->cpu && !c->pc_known && (!word || word->by_oops))
		cause_from_csrs(t);
	/* A panic from an interrupt (lockup detectors) shows what was interrupted, no fault. */
	if (!c->kind && word)
		c->kind = word->kind;
	/* A fault after the stack ran over is a consequence; a panic with a reason of its own not. */
	if (t->cpu && t->cpu->stack_overrun && (!word || word->by_oops))
		c->kind = "stack-overflow";
}
