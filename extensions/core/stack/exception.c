// SPDX-License-Identifier: GPL-3.0-or-later
// Leaving an exception's entry code, where the stack pointer is the address of a struct pt_regs.
// Source: Linux arch/loongarch/kernel/{genex,entry}.S, mm/tlbex.S, kernel/traps.c (5.19 to 7.2).
#include "steps.h"

#include <stdio.h>

#include "base/bytes.h"
#include "isa/insn.h"

#define VECTOR_SIZE 0x200  /* VECSIZE of asm/setup.h */
#define VECTORS_SIZE 65536 /* 128 of them */
#define FIRST_INT 64       /* EXCCODE_INT_START */
#define REFILL_SLOT 80     /* tlbrentry: 80 * VECSIZE behind the vectors (kernel/traps.c) */

/*
 * Entry code whose callee finds pt_regs at the stack pointer. Exact names: handle_mm_fault and
 * many others begin alike and are ordinary functions. handle_sys only jumps to handle_syscall.
 */
static const char *const entries[] = {
	"handle_vint",         "handle_ade",      "handle_ale",         "handle_bce",
	"handle_bp",           "handle_fpe",      "handle_fpu",         "handle_lsx",
	"handle_lasx",         "handle_lbt",      "handle_ri",          "handle_watch",
	"handle_gspr",         "handle_reserved", "handle_tlb_protect", "tlb_do_page_fault_0",
	"tlb_do_page_fault_1", "handle_syscall",
};

/* Code that exceptions are sent to and that leaves the interrupted stack pointer as it is. */
static const char *const early[] = {
	"handle_sys",           "handle_tlb_load",   "handle_tlb_load_ptw",   "handle_tlb_store",
	"handle_tlb_store_ptw", "handle_tlb_modify", "handle_tlb_modify_ptw", "handle_tlb_refill",
};

/* Outermost code of all tasks and CPUs: started there, never called (entry.S, head.S). */
static const char *const ends[] = {
	"ret_from_fork_asm",
	"ret_from_kernel_thread_asm",
	"kernel_entry",
	"smpboot_entry",
};

/* The handler that slot n of the vectors was copied from, for kernels without exception_table. */
static const char *const handlers[] = {
	NULL,
	"handle_tlb_load",
	"handle_tlb_store",
	"handle_tlb_load",
	"handle_tlb_modify",
	"handle_tlb_protect",
	"handle_tlb_protect",
	"handle_tlb_protect",
	"handle_ade",
	"handle_ale",
	"handle_bce",
	"handle_sys",
	"handle_bp",
	"handle_ri",
	"handle_ri",
	"handle_fpu",
	"handle_lsx",
	"handle_lasx",
	"handle_fpe",
	"handle_watch",
	"handle_lbt",
};

static bool is_one_of(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(name, list[i]))
			return true;
	return false;
}

bool la_is_stack_end(const struct la_kernel *k, const char *symbol)
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

bool la_is_stack_bottom(uint64_t sp)
{
	uint64_t above = LA_THREAD_SIZE - (sp & (LA_THREAD_SIZE - 1));

	/* 5.19 and 6.0 keep 32 bytes free above (kernel/switch.S: PT_SIZE + 32). */
	return above == LA_PT_REGS_SIZE || above == LA_PT_REGS_SIZE + 32;
}

static uint64_t handler_of_slot(const struct la_kernel *k, unsigned slot)
{
	const struct la_door *door = k->door;
	struct la_symbol symbol;
	uint64_t table, address;
	const char *name = NULL;

	if (slot == REFILL_SLOT) {
		name = "handle_tlb_refill";
	} else if (slot >= FIRST_INT) {
		name = "handle_vint";
	} else {
		/* traps.c has the table since 6.9; tlb.c and traps.c copied one by one before. */
		if (door->symbol(door->ctx, "exception_table", &table) &&
		    la_read_u64(k, table + 8 * (uint64_t)slot, &address, NULL) == LA_OK &&
		    door->symbol_at(door->ctx, address, &symbol) && symbol.start == address)
			return address;
		if (slot < sizeof(handlers) / sizeof(handlers[0]))
			name = handlers[slot];
		if (!name)
			name = "handle_reserved";
	}
	return door->symbol(door->ctx, name, &address) ? address : 0;
}

bool la_exception_entry(const struct la_kernel *k, uint64_t pt_regs, uint64_t era,
			struct la_symbol *ret)
{
	/* Loads, stores and fetches are saved by code of their own (mm/tlbex.S). */
	static const char *const page_faults[] = {
		[LA_ECODE_PIL] = "tlb_do_page_fault_0",
		[LA_ECODE_PIS] = "tlb_do_page_fault_1",
		[LA_ECODE_PIF] = "tlb_do_page_fault_0",
		[LA_ECODE_PME] = "tlb_do_page_fault_1",
	};
	const struct la_door *door = k->door;
	uint64_t from, prmd, estat, address;
	struct la_regs regs;
	unsigned ecode;

	if (la_pt_regs_read(k, pt_regs, &regs, NULL) != LA_OK ||
	    !la_csr_get(&regs, LA_CSR_PRMD, &prmd) || (prmd & 3) != 3 ||
	    !la_csr_get(&regs, LA_CSR_ERA, &from) || !la_csr_get(&regs, LA_CSR_ESTAT, &estat))
		return false;
	ecode = LA_ESTAT_ECODE(estat);
	/* do_syscall() moves on behind the instruction. */
	if (from != era && !(ecode == LA_ECODE_SYS && from == era + 4))
		return false;
	if (ecode == LA_ECODE_SYS)
		address = door->symbol(door->ctx, "handle_syscall", &address) ? address : 0;
	else if (ecode == LA_ECODE_INT)
		address = handler_of_slot(k, FIRST_INT);
	else if (ecode < sizeof(page_faults) / sizeof(page_faults[0]))
		address = door->symbol(door->ctx, page_faults[ecode], &address) ? address : 0;
	else
		address = handler_of_slot(k, ecode);
	return address && door->symbol_at(door->ctx, address, ret);
}

static bool fold_from(const struct la_kernel *k, uint64_t vectors, uint64_t pc, uint64_t *ret)
{
	uint64_t offset = pc - vectors, handler;

	if (!vectors || offset >= VECTORS_SIZE)
		return false;
	handler = handler_of_slot(k, (unsigned)(offset / VECTOR_SIZE));
	if (handler)
		*ret = handler + offset % VECTOR_SIZE;
	return handler != 0;
}

uint64_t la_vector_origin(const struct la_kernel *k, uint64_t pc)
{
	const struct la_door *door = k->door;
	unsigned char copies[8 * 64];
	struct la_symbol symbol;
	uint64_t vectors, table, folded;

	if (door->symbol(door->ctx, "exception_handlers", &vectors)) {
		/* A TLB refill runs untranslated: its pc is physical. */
		const uint64_t refill = (vectors & LA_PHYS_MASK) + REFILL_SLOT * VECTOR_SIZE;

		if (pc - refill < VECTOR_SIZE)
			pc += vectors - (vectors & LA_PHYS_MASK);
		if (fold_from(k, vectors, pc, &folded))
			return folded;
	}
	/* The private copies of secondary CPUs are allocated pages: no symbol covers them. */
	if (door->symbol_at(door->ctx, pc, &symbol) && symbol.end && pc < symbol.end)
		return pc;
	if (!door->symbol(door->ctx, "pcpu_handlers", &table))
		return pc;
	for (unsigned cpu = 0; cpu < k->ncpus; cpu += 64) {
		unsigned n = k->ncpus - cpu < 64 ? k->ncpus - cpu : 64;

		if (la_read(k, table + 8 * (uint64_t)cpu, copies, 8 * (size_t)n, NULL) != LA_OK)
			return pc;
		for (unsigned i = 0; i < n; i++)
			if (fold_from(k, la_le64(copies + 8 * (size_t)i), pc, &folded))
				return folded;
	}
	return pc;
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
 * Is the entry code at @at still saving registers? It has called nothing yet then, and whatever
 * lies where pt_regs will be is of an older exception. @lowered_ret: the stack pointer already
 * points at it.
 */
static bool is_saving(const struct la_walk *w, const struct la_unwind_frame *at, bool *lowered_ret)
{
	*lowered_ret = false;
	for (uint64_t pc = at->symbol.start; pc < at->code; pc += 4) {
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

/* Interrupted just now: the CSRs and registers still have everything, if they are known. */
static enum la_step_result leave_early(const struct la_unwind_frame *at, bool lowered,
				       struct la_step *ret)
{
	const bool refill = !strcmp(at->symbol.name, "handle_tlb_refill");
	const enum la_csr where = refill ? LA_CSR_TLBRERA : LA_CSR_ERA;
	uint64_t sp = at->regs.gpr[LA_R_SP], pc = 0;
	bool known = la_csr_get(&at->regs, where, &pc);

	if ((!lowered && sp >> 63 == 0) || (known && pc >> 63 == 0)) {
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
	/* The first instructions put t0, t1 and ra aside. Before those a leaf function that was
	 * interrupted still has its return address. */
	if (at->code != at->symbol.start)
		ret->caller.regs.gpr_known &= ~(1u << LA_R_RA | 3u << 12);
	ret->caller.regs.csr_known = 0;
	ret->caller.regs.pc = pc & ~UINT64_C(3);
	la_gpr_set(&ret->caller.regs, LA_R_SP, ret->cfa);
	ret->caller.exact = true;
	ret->caller.method = LA_FROM_EXCEPTION;
	return LA_STEP_DONE;
}

enum la_step_result la_step_exception(const struct la_walk *w, const struct la_unwind_frame *at,
				      struct la_step *ret)
{
	uint64_t sp, saved_sp, prmd, u0;
	struct la_regs regs;
	bool lowered = false;

	if (!at->symbol.name || !la_gpr_get(&at->regs, LA_R_SP, &sp))
		return LA_STEP_NOT_MINE;
	if (is_one_of(at->symbol.name, early, sizeof(early) / sizeof(early[0])))
		return at->exact ? leave_early(at, false, ret) : LA_STEP_NOT_MINE;
	if (!is_one_of(at->symbol.name, entries, sizeof(entries) / sizeof(entries[0])))
		return LA_STEP_NOT_MINE;
	if (at->exact && is_saving(w, at, &lowered))
		return leave_early(at, lowered, ret);

	ret->stop = LA_STOP_UNREADABLE;
	ret->why = "the saved registers of an exception cannot be read";
	if (la_pt_regs_read(w->k, sp, &regs, NULL) != LA_OK)
		return LA_STEP_STOP;

	if (!la_gpr_get(&regs, LA_R_SP, &saved_sp) || !la_csr_get(&regs, LA_CSR_PRMD, &prmd))
		return LA_STEP_STOP;
	ret->pt_regs = sp;
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
