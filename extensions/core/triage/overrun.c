// SPDX-License-Identifier: GPL-3.0-or-later
// A kernel stack that ran over, and what is left on it: a function that called itself again and again, and the first
// exception that came of it. What a CPU does after that are consequences, handlers that fault among them.
#include "collect.h"

#include "isa/insn.h"
#include "lakvm/stack/unwind.h"

/* How far below the stack is looked, too: a large frame moves the stack pointer there. */
#define BELOW UINT64_C(0x10000)
#define WORDS ((BELOW + LA_THREAD_SIZE) / 8)
#define FIRST (BELOW / 8) /* the stack's lowest word */

/* So often in equal distances nothing but a function that calls itself leaves a return address. */
#define LEAST 8

/* More than the frames of one handler's functions, less than a stack has room for of such. */
#define NEAR_END UINT64_C(1024)

/* The struct pt_regs of an exception; its 32 general registers come first in each layout. */
#define SAVED_SP 3

struct words {
	const struct la_kernel *k;
	uint64_t start; /* of the first word */
	uint64_t *word;
	size_t first, n; /* those that could be read: first to n - 1 */
};

/*
 * Is @address where modules' code is (MODULES_VADDR, arch/loongarch/include/asm/pgtable.h and processor.h), and in none
 * that is known? An overflow runs on through what lies below the stack, the modules' list and pages included.
 */
static bool is_lost_module(const struct la_kernel *k, uint64_t address)
{
	const uint64_t from = k->mmu.vm_map_base + (UINT64_C(32) << 20);

	return k->mmu.vm_map_base && !(address & 3) && address >= from &&
	       address < from + (UINT64_C(256) << 20) && !la_is_text(k, address);
}

/*
 * An exception that came in the kernel goes on with the stack that it finds: right above the registers that it saves
 * there the interrupted code's begins.
 */
static bool is_exception(const struct words *w, size_t i, struct la_regs *ret)
{
	const uint64_t at = w->start + 8 * i;
	uint64_t prmd, sp;

	return i + LA_PT_REGS_SIZE / 8 <= w->n && w->word[i + SAVED_SP] == at + LA_PT_REGS_SIZE &&
	       la_pt_regs_read(w->k, at, ret, NULL) == LA_OK && ret->pc_known &&
	       la_gpr_get(ret, LA_R_SP, &sp) && sp == at + LA_PT_REGS_SIZE &&
	       (la_is_text(w->k, ret->pc) || is_lost_module(w->k, ret->pc)) &&
	       !(la_csr_get(ret, LA_CSR_PRMD, &prmd) && (prmd & 3));
}

/* The first one is the highest; nested ones lie below. */
static void find_exceptions(const struct words *w, struct la_overrun *o)
{
	struct la_regs regs;
	uint64_t sp;

	for (size_t i = w->n; i-- > w->first;) {
		if (!is_exception(w, i, &regs))
			continue;
		o->filled = o->nested >= LEAST && w->start + 8 * i < o->base + NEAR_END;
		if (o->nested++)
			continue;
		la_triage_fault_of(w->k, &regs, &o->first);
		o->below = la_gpr_get(&regs, LA_R_SP, &sp) && sp < o->base;
	}
}

static bool is_return(const struct la_kernel *k, uint64_t address)
{
	uint32_t insn;

	if (is_lost_module(k, address))
		return true;
	return la_is_text(k, address) && la_is_text(k, address - 4) &&
	       la_read_u32(k, address - 4, &insn, NULL) == LA_OK && la_insn_links(insn);
}

/* Faults of fault handlers repeat return addresses, too, and are a consequence. */
static bool has_exception(const struct words *w, size_t from, size_t to)
{
	struct la_regs regs;

	for (size_t i = from; i < to; i++)
		if (is_exception(w, i, &regs))
			return true;
	return false;
}

/* How often the word at @i is repeated in equal distances from there on. */
static unsigned repeated(const struct words *w, size_t i, size_t *step_ret)
{
	size_t last = i, step = 0;
	unsigned times = 1;

	for (size_t j = i + 1; j < w->n; j++) {
		if (w->word[j] != w->word[i])
			continue;
		if (step && j - last != step)
			break;
		step = j - last;
		last = j;
		times++;
	}
	*step_ret = step;
	return times;
}

static void find_recursion(const struct words *w, struct la_overrun *o)
{
	struct la_symbol symbol;
	size_t step;

	for (size_t i = w->first > FIRST ? w->first : FIRST; i < w->n; i++) {
		const uint64_t address = w->word[i];
		unsigned times = repeated(w, i, &step);

		if (times < LEAST || times <= o->times || !is_return(w->k, address) ||
		    has_exception(w, i, i + step))
			continue;
		o->times = times;
		o->again = (struct la_fault){ .pc_known = true, .pc = address - 4 };
		if (w->k->door->symbol_at(w->k->door->ctx, address - 4, &symbol)) {
			o->again.symbol = symbol.name;
			o->again.module = symbol.module;
			o->again.offset = address - 4 - symbol.start;
		}
	}
}

/*
 * The stack of the one who did it: the stack pointer has left it. An end mark alone may have been hit by somebody else,
 * from the stack above.
 */
static const struct la_cpu *find_cpu(const struct la_cpus *cpus)
{
	const struct la_cpu *found = NULL;

	for (size_t i = 0; cpus && i < cpus->n; i++) {
		const struct la_cpu *c = &cpus->cpu[i];

		if (c->stack_overrun && (!found || (c->odd & ~found->odd & LA_ODD_STACK)))
			found = c;
	}
	return found;
}

static void read_words(struct words *w, uint64_t base)
{
	w->start = base - BELOW;
	w->n = WORDS;
	w->first = WORDS;
	/* What lies below belongs to others, and may not be in the dump. */
	for (uint64_t size = BELOW + LA_THREAD_SIZE; size >= LA_THREAD_SIZE; size -= BELOW)
		if (la_read(w->k, base + LA_THREAD_SIZE - size, w->word + WORDS - size / 8, size,
			    NULL) == LA_OK) {
			w->first = WORDS - size / 8;
			return;
		}
}

void la_triage_overrun(const struct la_kernel *k, struct la_arena *arena, struct la_triage *t)
{
	struct words w = { .k = k };
	struct la_overrun *o = &t->overrun;
	struct la_stack *stack;

	o->cpu = find_cpu(t->cpus);
	if (!o->cpu || o->cpu->stack_base < BELOW ||
	    !(w.word = la_alloc_n(arena, WORDS, sizeof(*w.word))))
		return;
	o->base = o->cpu->stack_base;
	read_words(&w, o->base);
	find_recursion(&w, o);
	find_exceptions(&w, o);
	if (o->first.regs.source == LA_REGS_NONE || !(stack = la_alloc(arena, sizeof(*stack))))
		return;
	la_unwind(k, arena, &o->first.regs, -1, stack);
	o->stack = stack;
}
