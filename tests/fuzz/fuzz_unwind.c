// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzz target: stacks, code and ORC tables, of which anything may be wrong. A sound guest, whose
// CPU was interrupted in a function and stands in another, is damaged as the input says and then
// unwound from its registers, with and without a pc.
//
// The first byte of the input chooses how tp leads to the task (bit 0), whether there are ORC tables
// (bit 1), whether the CPU's number is unknown (bit 2). Records of 8 bytes follow: what to change
// (bits 0-1: memory, 4 bytes of memory, a register, the pc), where (24 bits), and to what (32 bits,
// with bit 2 of the record the offset of an address in the guest).
#include <stdlib.h>
#include <string.h>

#include "guest.h"
#include "../unit/asm.h"
#include "lakvm/stack/unwind.h"
#include "stack/orc.h"

#define WINDOW UINT64_C(0x9000000000000000)
#define VA(offset) (WINDOW | (RAM + (offset)))
#define TEXT 0x0
#define FN(n) (TEXT + 0x1000 + 0x100 * (n))
#define CALL 0x20
#define FRAME 32
#define IRQ_SLOT 0x8000 /* per-CPU irq_stack */
#define TASK 0x8100
#define ORC_IP 0x9000
#define ORC 0xa000
#define VECTORS 0xb000
#define STACK 0x10000
#define IRQ_STACK 0x14000
#define SIZE 0x18000

enum { HANDLE_IRQ, DO_VINT, HANDLE_VINT, INNER, OUTER, THREAD, LEAF, NFUNCTIONS };

static const char *const name[NFUNCTIONS] = {
	"handle_irq", "do_vint", "handle_vint", "inner", "outer", "ret_from_kernel_thread_asm",
	"leaf",
};
/* Of each function, the one it calls. */
static const int callee[NFUNCTIONS] = { LEAF, HANDLE_IRQ, DO_VINT, LEAF, INNER, OUTER, -1 };

static const struct {
	const char *name;
	uint64_t offset;
} place[] = {
	{ "_stext", TEXT },
	{ "_etext", TEXT + 0x8000 },
	{ "exception_handlers", VECTORS },
	{ "irq_stack", IRQ_SLOT },
	{ "__stop_orc_unwind_ip", ORC_IP + 4 * 3 * NFUNCTIONS },
	{ "__start_orc_unwind", ORC },
	{ "__stop_orc_unwind", ORC + 8 * 3 * NFUNCTIONS },
	{ "__start_orc_unwind_ip", ORC_IP }, /* the last: left out where there are no tables */
};
#define NPLACES (sizeof(place) / sizeof(place[0]))

struct guest {
	unsigned char ram[SIZE];
	bool orc;
};

static enum la_status read_phys(void *ctx, uint64_t pa, void *ret, size_t len)
{
	return read_ram(((const struct guest *)ctx)->ram, SIZE, pa, ret, len);
}

static bool symbol(void *ctx, const char *wanted, uint64_t *ret)
{
	const struct guest *g = ctx;

	for (size_t i = 0; i < NFUNCTIONS; i++)
		if (!strcmp(name[i], wanted))
			return *ret = VA(FN(i)), true;
	for (size_t i = 0; i < NPLACES - !g->orc; i++)
		if (!strcmp(place[i].name, wanted))
			return *ret = VA(place[i].offset), true;
	return false;
}

static bool symbol_at(void *ctx, uint64_t address, struct la_symbol *ret)
{
	const uint64_t n = (address - VA(FN(0))) / 0x100;

	(void)ctx;
	if (address < VA(FN(0)) || n >= NFUNCTIONS)
		return false;
	*ret = (struct la_symbol){ name[n], VA(FN(n)), VA(FN(n + 1)), n == LEAF ? "module" : NULL };
	return true;
}

static bool member(void *ctx, const char *type, const char *wanted, struct la_member *ret)
{
	(void)ctx;
	if (strcmp(type, "task_struct") || strcmp(wanted, "stack"))
		return false;
	*ret = (struct la_member){ 0x20, 8 };
	return true;
}

static bool enumerator(void *ctx, const char *wanted, int64_t *ret)
{
	(void)ctx, (void)wanted, (void)ret;
	return false;
}

static void put_orc(struct guest *g, size_t i, uint64_t start, int16_t sp, unsigned kind)
{
	const int16_t entry[4] = { sp, 0, -8, (int16_t)kind };

	put32(g->ram, ORC_IP + 4 * i, (uint32_t)(start - (ORC_IP + 4 * i)));
	memcpy(g->ram + ORC + 8 * i, entry, 8);
}

/* 32 bytes with ra at 24 and s0 at 16; one call. */
static void put_function(struct guest *g, unsigned n)
{
	const size_t at = FN(n);

	for (size_t i = 0; i < 0x100; i += 4)
		put32(g->ram, at + i, NOP);
	put32(g->ram, at, ADDI_D(SP, SP, -FRAME));
	put32(g->ram, at + 4, ST_D(RA, SP, 24));
	put32(g->ram, at + 8, ST_D(S0, SP, 16));
	if (callee[n] >= 0)
		put32(g->ram, at + CALL, BL(at + CALL, (size_t)FN((unsigned)callee[n])));
	put32(g->ram, at + 0xf0, LD_D(RA, SP, 24));
	put32(g->ram, at + 0xf4, LD_D(S0, SP, 16));
	put32(g->ram, at + 0xf8, ADDI_D(SP, SP, FRAME));
	put32(g->ram, at + 0xfc, RET);
	put_orc(g, 3 * n, at, 0, 0x2002);
	put_orc(g, 3 * n + 1, at + 8, FRAME, 0x2102);
	put_orc(g, 3 * n + 2, at + 0xfc, 0, 0x2002);
}

static void put_frame(struct guest *g, size_t sp, unsigned caller, uint64_t s0)
{
	put64(g->ram, sp + 24, VA(FN(caller) + CALL + 4));
	put64(g->ram, sp + 16, s0);
}

static struct la_regs sound_guest(struct guest *g)
{
	const size_t bottom = STACK + LA_THREAD_SIZE - LA_PT_REGS_SIZE;
	const size_t inner = bottom - 2 * FRAME, pt = inner - LA_PT_REGS_SIZE;
	const size_t irq = IRQ_STACK + LA_THREAD_SIZE - 16;
	struct la_regs regs = { .source = LA_REGS_TEXT };

	memset(g->ram, 0, sizeof(g->ram));
	for (unsigned n = 0; n < NFUNCTIONS; n++)
		put_function(g, n);
	put64(g->ram, IRQ_SLOT, VA(IRQ_STACK));
	put64(g->ram, TASK + 0x20, VA(STACK));
	put_frame(g, inner, OUTER, 0);
	put_frame(g, inner + FRAME, THREAD, 0);
	put64(g->ram, pt + 16, VA(TASK));
	put64(g->ram, pt + 24, VA(inner));
	put64(g->ram, pt + 264, VA(FN(INNER) + 0x40));
	put_frame(g, pt - FRAME, HANDLE_VINT, 0); /* of do_vint */
	put64(g->ram, irq, VA(pt));
	put_frame(g, irq - FRAME, DO_VINT, VA(pt - FRAME));

	la_gpr_set(&regs, LA_R_ZERO, 0);
	la_gpr_set(&regs, LA_R_TP, VA(TASK));
	la_gpr_set(&regs, LA_R_U0, 0);
	la_gpr_set(&regs, LA_R_SP, VA(irq - FRAME));
	la_gpr_set(&regs, LA_R_RA, VA(FN(HANDLE_IRQ) + CALL + 4));
	regs.pc_known = true;
	regs.pc = VA(FN(LEAF));
	return regs;
}

static void damage(struct guest *g, struct la_regs *regs, const uint8_t *record)
{
	const uint32_t where =
		(uint32_t)record[1] | (uint32_t)record[2] << 8 | (uint32_t)record[3] << 16;
	uint32_t low;
	uint64_t value;

	memcpy(&low, record + 4, 4);
	value = record[0] & 4 ? VA(low) : (uint64_t)(int64_t)(int32_t)low;
	switch (record[0] & 3) {
	case 0:
		put64(g->ram, where % (SIZE - 7), value);
		break;
	case 1:
		put32(g->ram, where % (SIZE - 3), low);
		break;
	case 2:
		la_gpr_set(regs, where % LA_NGPR, value);
		break;
	default:
		regs->pc = value;
	}
}

static void check(const struct la_stack *stack)
{
	bool verified = stack->stop == LA_STOP_END || stack->stop == LA_STOP_USER;

	if (stack->n > LA_MAX_FRAMES)
		abort();
	for (size_t i = 0; i < stack->n; i++) {
		verified = verified && stack->frame[i].verified;
		if (i && stack->frame[i].verified && !stack->frame[i].symbol &&
		    !stack->frame[i].pc_exact)
			abort();
	}
	if (stack->verified && !verified)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t percpu[1];
	struct guest *g = malloc(sizeof(*g));
	struct la_door door = { .ctx = g,
				.read_phys = read_phys,
				.symbol = symbol,
				.symbol_at = symbol_at,
				.symbol_size = no_size,
				.member = member,
				.type_size = no_type,
				.enumerator = enumerator };
	struct la_kernel k = { .door = &door, .ncpus = 1, .percpu = percpu };
	struct la_arena *arena = la_arena_new(16 << 20);
	struct la_regs regs = sound_guest(g);
	const uint8_t flags = size ? data[0] : 0;
	struct la_cfi_row row;
	struct la_stack stack;
	const char *why;

	la_geometry_init(&k.mmu.geometry, 14, 3, NULL);
	k.mmu.dmw[1] = WINDOW | 0x11;
	k.thread_info_in_task = !(flags & 1);
	g->orc = flags & 2;
	for (size_t i = 1; i + 8 <= size; i += 8)
		damage(g, &regs, data + i);

	la_unwind(&k, arena, &regs, flags & 4 ? -1 : 0, &stack);
	check(&stack);
	if (size < 9 && !(flags & 4) && (stack.n != 7 || !stack.verified))
		abort(); /* undamaged */
	regs.pc_known = false;
	regs.pc = 0;
	la_unwind_cpu(&k, arena, &regs, 0, &stack);
	check(&stack);
	for (uint64_t pc = VA(TEXT); pc < VA(TEXT + 0x2000) && g->orc; pc += 0x40)
		la_orc_row(&k, pc, &row, &why);
	la_arena_free(arena);
	free(g);
	return 0;
}
