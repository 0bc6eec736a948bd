// SPDX-License-Identifier: GPL-3.0-or-later
// Leaving an exception's entry code, where the stack pointer is the address of a struct pt_regs.
// Source: Linux arch/loongarch/kernel/{genex,entry}.S, mm/tlbex.S, kernel/traps.c (5.19 to 7.2).
#include "steps.h"

#include <stdio.h>

#include "base/bytes.h"
#include "isa/insn.h"
#include "table_row.h"
#include "vectors.h"

#define MAX_START_CODE 1024 /* bytes */

/*
 * Entry code whose callee finds pt_regs at the stack pointer, where its instructions do not show it. Exact
 * names: handle_mm_fault and many others begin alike and are ordinary functions. handle_sys only jumps to
 * handle_syscall.
 */
static const char *const entries[] = {
	"handle_vint",         "handle_ade",      "handle_ale",         "handle_bce",
	"handle_bp",           "handle_fpe",      "handle_fpu",         "handle_lsx",
	"handle_lasx",         "handle_lbt",      "handle_ri",          "handle_watch",
	"handle_gspr",         "handle_reserved", "handle_tlb_protect", "tlb_do_page_fault_0",
	"tlb_do_page_fault_1", "handle_syscall",
};

/* Outermost code of all tasks and CPUs: started there, never called (entry.S, head.S). */
static const char *const ends[] = {
	"ret_from_fork_asm",
	"ret_from_kernel_thread_asm",
	"kernel_entry",
	"smpboot_entry",
};

static bool is_one_of(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(name, list[i]))
			return true;
	return false;
}

/* Entry code that a frame is in. */
struct entry {
	enum {
		NO_ENTRY,
		SAVES, /* its callees find pt_regs at the stack pointer */
		LEAVES /* leaves the interrupted stack pointer as it is */
	} kind;
	uint64_t start; /* of the handler, or of what it jumped to */
	int slot;       /* of the vectors, if the code was copied there; else -1 */
};

static struct entry find_entry(const struct la_kernel *k, const struct la_unwind_frame *at)
{
	struct entry e = { .slot = la_vector_slot(k, at->regs.pc - (at->exact ? 0 : 4)) };

	e.start = e.slot < 0 ? at->symbol.start : la_vector_handler(k, (unsigned)e.slot);
	if (!e.start || !at->symbol.name)
		return e;
	if (la_saves_registers(k, e.start) ||
	    is_one_of(at->symbol.name, entries, sizeof(entries) / sizeof(entries[0])))
		e.kind = SAVES;
	else if (e.slot >= 0)
		e.kind = LEAVES;
	return e;
}

static bool is_named_end(const struct la_kernel *k, const char *symbol)
{
	char longer[64];
	uint64_t address;

	if (is_one_of(symbol, ends, sizeof(ends) / sizeof(ends[0])))
		return true;
	/* Since 6.17 a C function between the assembler and the thread has these names
	 * ("LoongArch: entry: Migrate ret_from_fork() to C"). */
	if (strcmp(symbol, "ret_from_fork") && strcmp(symbol, "ret_from_kernel_thread"))
		return false;
	snprintf(longer, sizeof(longer), "%s_asm", symbol);
	return !k->door->symbol(k->door->ctx, longer, &address);
}

/*
 * Code that runs where a stack begins, under whatever name. Unlike a compiled function it makes no frame and
 * saves no return address before its call; nor does call-frame information or ORC name a place where one is
 * saved.
 */
static bool is_start_code(const struct la_walk *w, const struct la_unwind_frame *at)
{
	struct la_cfi_row row;
	int64_t offset;
	uint32_t insn;

	if (at->code - at->symbol.start > MAX_START_CODE ||
	    (la_table_row(w->k, at->code, &row) && row.rule[LA_R_RA].kind != LA_RULE_SAME))
		return false;
	for (uint64_t pc = at->symbol.start; pc < at->code; pc += 4) {
		if (la_read_code(w->k, pc, &insn, 4, NULL) != LA_OK || la_insn_is_ret(insn) ||
		    (la_insn_is_addi_d(insn) && la_insn_rd(insn) == LA_R_SP &&
		     la_insn_rj(insn) == LA_R_SP && la_insn_si12(insn) < 0 &&
		     la_insn_si12(insn) != -LA_PT_REGS_SIZE) ||
		    (la_insn_is_store(insn, &offset) && la_insn_rd(insn) == LA_R_RA))
			return false;
	}
	return true;
}

bool la_is_stack_end(const struct la_walk *w, const struct la_unwind_frame *at)
{
	uint64_t sp;

	if (!at->symbol.name)
		return false;
	if (is_named_end(w->k, at->symbol.name))
		return true;
	return la_gpr_get(&at->regs, LA_R_SP, &sp) &&
	       LA_THREAD_SIZE - (sp & (LA_THREAD_SIZE - 1)) == LA_PT_REGS_SIZE &&
	       find_entry(w->k, at).kind == NO_ENTRY && is_start_code(w, at) &&
	       /* a new task has run nothing yet, and the code it begins in leads to user mode */
	       (!at->exact || la_leads_to_user(w->k, at->symbol.start));
}

bool la_is_stack_bottom(uint64_t sp)
{
	uint64_t above = LA_THREAD_SIZE - (sp & (LA_THREAD_SIZE - 1));

	/* 5.19 and 6.0 keep 32 bytes free above (kernel/switch.S: PT_SIZE + 32). */
	return above == LA_PT_REGS_SIZE || above == LA_PT_REGS_SIZE + 32;
}

bool la_exception_entry(const struct la_kernel *k, const struct la_regs *saved, uint64_t era,
			struct la_symbol *ret)
{
	const struct la_door *door = k->door;
	uint64_t from, estat, address;
	unsigned ecode;

	if (!la_csr_get(saved, LA_CSR_ERA, &from) || !la_csr_get(saved, LA_CSR_ESTAT, &estat))
		return false;
	ecode = LA_ESTAT_ECODE(estat);
	/* do_syscall() moves the saved pc on to the next instruction. */
	if (from != era && !(ecode == LA_ECODE_SYS && from == era + 4))
		return false;
	address = la_vector_saver(k, ecode == LA_ECODE_INT ? LA_VECTOR_FIRST_INT : ecode);
	return address && door->symbol_at(door->ctx, address, ret);
}

/* Offsets of what we use in struct pt_regs, should this kernel order it in another way. */
static size_t pt_offset(const struct la_kernel *k, const char *member, size_t mainline)
{
	struct la_member m;

	if (k->door->member(k->door->ctx, "pt_regs", member, &m) && m.size == 8 &&
	    m.offset <= LA_PT_REGS_SIZE - 8)
		return m.offset;
	return mainline;
}

enum la_status la_pt_regs_read(const struct la_kernel *k, uint64_t va, struct la_regs *ret,
			       struct la_error *err)
{
	static const struct {
		const char *name, *other;
		size_t mainline;
	} member[] = {
		{ "orig_a0", NULL, 256 },
		{ "csr_era", NULL, 264 },
		{ "csr_badvaddr", "csr_badv", 272 },
		{ "csr_crmd", NULL, 280 },
		{ "csr_prmd", NULL, 288 },
		{ "csr_euen", NULL, 296 },
		{ "csr_ecfg", NULL, 304 },
		{ "csr_estat", NULL, 312 },
	};
	unsigned char raw[LA_PT_REGS_SIZE], image[LA_PT_REGS_SIZE];
	enum la_status status = la_read(k, va, raw, sizeof(raw), err);

	if (status != LA_OK)
		return la_fail(err, status, "pt_regs");
	memcpy(image, raw, 256);
	for (size_t i = 0; i < sizeof(member) / sizeof(member[0]); i++) {
		const char *name = member[i].name;
		struct la_member m;

		if (member[i].other && !k->door->member(k->door->ctx, "pt_regs", name, &m))
			name = member[i].other;
		memcpy(image + member[i].mainline, raw + pt_offset(k, name, member[i].mainline), 8);
	}
	la_regs_from_pt_regs(image, ret);
	return LA_OK;
}

/*
 * Is the entry code still saving registers? Then it has made no call yet, and what lies where pt_regs will
 * be is left from an older exception. @lowered_ret: the stack pointer already points at it.
 */
static bool is_saving(const struct la_walk *w, const struct la_unwind_frame *at, uint64_t start,
		      bool *lowered_ret)
{
	*lowered_ret = false;
	for (uint64_t pc = start; pc < at->code; pc += 4) {
		uint64_t target;
		uint32_t insn;

		if (la_read_code(w->k, pc, &insn, 4, NULL) != LA_OK ||
		    la_insn_is_call(insn, pc, &target))
			return false;
		if (la_insn_is_addi_d(insn) && la_insn_rd(insn) == LA_R_SP &&
		    la_insn_si12(insn) == -LA_PT_REGS_SIZE)
			*lowered_ret = true;
	}
	return true;
}

/* Nothing is saved yet: all is still in the CSRs and registers, if they are known. */
static enum la_step_result leave_early(const struct la_unwind_frame *at, const struct entry *e,
				       bool lowered, struct la_step *ret)
{
	const bool refill = e->slot == LA_VECTOR_TLB_REFILL;
	uint64_t sp = at->regs.gpr[LA_R_SP], pc = 0, prmd;
	bool known = la_csr_get(&at->regs, refill ? LA_CSR_TLBRERA : LA_CSR_ERA, &pc);
	bool user = (!lowered && sp >> 63 == 0) || (known && pc >> 63 == 0);

	/* PRMD knows better: the kernel may have lost its stack, or have called NULL. A refill has another register for that. */
	if (!refill && la_csr_get(&at->regs, LA_CSR_PRMD, &prmd))
		user = (prmd & 3) == 3;
	if (user) {
		ret->sound = true;
		ret->stop = LA_STOP_USER;
		ret->why = "just came from user mode";
		return LA_STEP_STOP;
	}
	if (!known) {
		ret->stop = LA_STOP_NO_RULE;
		ret->why = "an exception entry without its CSRs";
		return LA_STEP_STOP;
	}
	ret->sound = true;
	ret->cfa = lowered ? sp + LA_PT_REGS_SIZE : sp;
	ret->caller.regs = at->regs;
	/* The first instructions save t0, t1 and ra. Before them, ra is still that of the interrupted
	 * function, which a leaf function returns by. */
	if (at->code != e->start)
		ret->caller.regs.gpr_known &= ~(1u << LA_R_RA | 3u << 12);
	ret->caller.regs.csr_known = 0;
	ret->caller.regs.pc = pc & ~UINT64_C(3);
	la_gpr_set(&ret->caller.regs, LA_R_SP, ret->cfa);
	ret->caller.exact = true;
	ret->caller.method = LA_FROM_EXCEPTION;
	return LA_STEP_DONE;
}

/* The kind of exception by its own registers; 4.19 and 5.10 of vendors do not save ESTAT. */
static enum la_entry kind_of(const struct la_regs *regs, const struct entry *e, const char *name)
{
	uint64_t estat;

	if (la_csr_get(regs, LA_CSR_ESTAT, &estat) && estat) {
		const unsigned ecode = LA_ESTAT_ECODE(estat);

		return ecode == LA_ECODE_INT ? LA_ENTRY_INTERRUPT :
		       ecode == LA_ECODE_SYS ? LA_ENTRY_SYSCALL :
					       LA_ENTRY_EXCEPTION;
	}
	if (e->slot >= LA_VECTOR_FIRST_INT || !strcmp(name, "handle_vint"))
		return LA_ENTRY_INTERRUPT;
	return strcmp(name, "handle_syscall") ? LA_ENTRY_EXCEPTION : LA_ENTRY_SYSCALL;
}

enum la_step_result la_step_exception(const struct la_walk *w, const struct la_unwind_frame *at,
				      struct la_step *ret)
{
	uint64_t sp, saved_sp, prmd, u0;
	struct la_regs regs;
	struct entry e;
	bool lowered = false;

	if (!at->symbol.name || !la_gpr_get(&at->regs, LA_R_SP, &sp))
		return LA_STEP_NOT_MINE;
	e = find_entry(w->k, at);
	if (e.kind == NO_ENTRY || (e.kind == LEAVES && !at->exact))
		return LA_STEP_NOT_MINE;
	if (e.kind == LEAVES || (at->exact && is_saving(w, at, e.start, &lowered)))
		return leave_early(at, &e, lowered, ret);

	ret->stop = LA_STOP_UNREADABLE;
	ret->why = "the saved registers of an exception cannot be read";
	ret->read = la_pt_regs_read(w->k, sp, &regs, NULL);
	if (ret->read != LA_OK)
		return LA_STEP_STOP;

	if (!la_gpr_get(&regs, LA_R_SP, &saved_sp) || !la_csr_get(&regs, LA_CSR_PRMD, &prmd))
		return LA_STEP_STOP;
	ret->pt_regs = sp;
	ret->entry = kind_of(&regs, &e, at->symbol.name);
	if ((prmd & 3) == 3) {
		ret->sound = la_is_stack_bottom(sp);
		ret->stop = ret->sound ? LA_STOP_USER : LA_STOP_BAD_SP;
		ret->why = ret->sound ? "came from user mode" :
					"the saved registers say user mode but lie elsewhere";
		return LA_STEP_STOP;
	}
	/* The entry lowers the interrupted stack pointer by the size of pt_regs, nothing else. */
	if (saved_sp != sp + LA_PT_REGS_SIZE) {
		ret->pt_regs = 0;
		ret->entry = LA_ENTRY_NONE;
		ret->stop = LA_STOP_BAD_SP;
		ret->why = "no saved registers where the exception entry keeps them";
		return LA_STEP_STOP;
	}
	ret->sound = true;
	ret->cfa = saved_sp;
	ret->caller.regs = regs;
	/* The per-CPU base is the same for the whole of a CPU's kernel mode. */
	if (la_gpr_get(&at->regs, LA_R_U0, &u0))
		la_gpr_set(&ret->caller.regs, LA_R_U0, u0);
	ret->caller.exact = true;
	ret->caller.method = LA_FROM_EXCEPTION;
	return LA_STEP_DONE;
}
