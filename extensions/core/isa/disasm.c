// SPDX-License-Identifier: GPL-3.0-or-later
// Instructions that can fault, in words. A table of opcodes; the first that matches counts.
#include "lakvm/isa/disasm.h"

#include <inttypes.h>
#include <stdio.h>

#include "insn.h"

enum form {
	RD_RJ_SI12, /* ld.d rd, rj, si12 */
	FD_RJ_SI12, /* fld.d fd, rj, si12 */
	VD_RJ_SI12, /* vld vd, rj, si12; xvld the same with xd */
	XD_RJ_SI12,
	HINT_RJ_SI12, /* preld hint, rj, si12 */
	RD_RJ_SI14,   /* ldptr.d rd, rj, si14 * 4 */
	RD_RJ_RK,     /* ldx.d rd, rj, rk */
	FD_RJ_RK,
	VD_RJ_RK,
	XD_RJ_RK,
	HINT_RJ_RK,
	RD_RK_RJ, /* amswap.d rd, rk, rj: the address is rj's */
	CODE15,   /* break code */
	RD_RJ_OFFS16,
};

#define STORES 1u
#define JUMPS 2u

static const struct opcode {
	uint32_t match;
	unsigned char bits; /* of the opcode, from bit 31 down */
	unsigned char form, flags;
	const char *name;
} opcodes[] = {
	{ 0x28000000, 10, RD_RJ_SI12, 0, "ld.b" },
	{ 0x28400000, 10, RD_RJ_SI12, 0, "ld.h" },
	{ 0x28800000, 10, RD_RJ_SI12, 0, "ld.w" },
	{ 0x28c00000, 10, RD_RJ_SI12, 0, "ld.d" },
	{ 0x29000000, 10, RD_RJ_SI12, STORES, "st.b" },
	{ 0x29400000, 10, RD_RJ_SI12, STORES, "st.h" },
	{ 0x29800000, 10, RD_RJ_SI12, STORES, "st.w" },
	{ 0x29c00000, 10, RD_RJ_SI12, STORES, "st.d" },
	{ 0x2a000000, 10, RD_RJ_SI12, 0, "ld.bu" },
	{ 0x2a400000, 10, RD_RJ_SI12, 0, "ld.hu" },
	{ 0x2a800000, 10, RD_RJ_SI12, 0, "ld.wu" },
	{ 0x2ac00000, 10, HINT_RJ_SI12, 0, "preld" },
	{ 0x2b000000, 10, FD_RJ_SI12, 0, "fld.s" },
	{ 0x2b400000, 10, FD_RJ_SI12, STORES, "fst.s" },
	{ 0x2b800000, 10, FD_RJ_SI12, 0, "fld.d" },
	{ 0x2bc00000, 10, FD_RJ_SI12, STORES, "fst.d" },
	{ 0x2c000000, 10, VD_RJ_SI12, 0, "vld" },
	{ 0x2c400000, 10, VD_RJ_SI12, STORES, "vst" },
	{ 0x2c800000, 10, XD_RJ_SI12, 0, "xvld" },
	{ 0x2cc00000, 10, XD_RJ_SI12, STORES, "xvst" },
	{ 0x2e000000, 10, RD_RJ_SI12, 0, "ldl.w" },
	{ 0x2e400000, 10, RD_RJ_SI12, 0, "ldr.w" },
	{ 0x2e800000, 10, RD_RJ_SI12, 0, "ldl.d" },
	{ 0x2ec00000, 10, RD_RJ_SI12, 0, "ldr.d" },
	{ 0x2f000000, 10, RD_RJ_SI12, STORES, "stl.w" },
	{ 0x2f400000, 10, RD_RJ_SI12, STORES, "str.w" },
	{ 0x2f800000, 10, RD_RJ_SI12, STORES, "stl.d" },
	{ 0x2fc00000, 10, RD_RJ_SI12, STORES, "str.d" },
	{ 0x20000000, 8, RD_RJ_SI14, 0, "ll.w" },
	{ 0x21000000, 8, RD_RJ_SI14, STORES, "sc.w" },
	{ 0x22000000, 8, RD_RJ_SI14, 0, "ll.d" },
	{ 0x23000000, 8, RD_RJ_SI14, STORES, "sc.d" },
	{ 0x24000000, 8, RD_RJ_SI14, 0, "ldptr.w" },
	{ 0x25000000, 8, RD_RJ_SI14, STORES, "stptr.w" },
	{ 0x26000000, 8, RD_RJ_SI14, 0, "ldptr.d" },
	{ 0x27000000, 8, RD_RJ_SI14, STORES, "stptr.d" },
	{ 0x38000000, 17, RD_RJ_RK, 0, "ldx.b" },
	{ 0x38040000, 17, RD_RJ_RK, 0, "ldx.h" },
	{ 0x38080000, 17, RD_RJ_RK, 0, "ldx.w" },
	{ 0x380c0000, 17, RD_RJ_RK, 0, "ldx.d" },
	{ 0x38100000, 17, RD_RJ_RK, STORES, "stx.b" },
	{ 0x38140000, 17, RD_RJ_RK, STORES, "stx.h" },
	{ 0x38180000, 17, RD_RJ_RK, STORES, "stx.w" },
	{ 0x381c0000, 17, RD_RJ_RK, STORES, "stx.d" },
	{ 0x38200000, 17, RD_RJ_RK, 0, "ldx.bu" },
	{ 0x38240000, 17, RD_RJ_RK, 0, "ldx.hu" },
	{ 0x38280000, 17, RD_RJ_RK, 0, "ldx.wu" },
	{ 0x382c0000, 17, HINT_RJ_RK, 0, "preldx" },
	{ 0x38300000, 17, FD_RJ_RK, 0, "fldx.s" },
	{ 0x38340000, 17, FD_RJ_RK, 0, "fldx.d" },
	{ 0x38380000, 17, FD_RJ_RK, STORES, "fstx.s" },
	{ 0x383c0000, 17, FD_RJ_RK, STORES, "fstx.d" },
	{ 0x38400000, 17, VD_RJ_RK, 0, "vldx" },
	{ 0x38440000, 17, VD_RJ_RK, STORES, "vstx" },
	{ 0x38480000, 17, XD_RJ_RK, 0, "xvldx" },
	{ 0x384c0000, 17, XD_RJ_RK, STORES, "xvstx" },
	{ 0x38580000, 17, RD_RK_RJ, STORES, "amcas.b" },
	{ 0x38588000, 17, RD_RK_RJ, STORES, "amcas.h" },
	{ 0x38590000, 17, RD_RK_RJ, STORES, "amcas.w" },
	{ 0x38598000, 17, RD_RK_RJ, STORES, "amcas.d" },
	{ 0x385a0000, 17, RD_RK_RJ, STORES, "amcas_db.b" },
	{ 0x385a8000, 17, RD_RK_RJ, STORES, "amcas_db.h" },
	{ 0x385b0000, 17, RD_RK_RJ, STORES, "amcas_db.w" },
	{ 0x385b8000, 17, RD_RK_RJ, STORES, "amcas_db.d" },
	{ 0x385c0000, 17, RD_RK_RJ, STORES, "amswap.b" },
	{ 0x385c8000, 17, RD_RK_RJ, STORES, "amswap.h" },
	{ 0x385d0000, 17, RD_RK_RJ, STORES, "amadd.b" },
	{ 0x385d8000, 17, RD_RK_RJ, STORES, "amadd.h" },
	{ 0x385e0000, 17, RD_RK_RJ, STORES, "amswap_db.b" },
	{ 0x385e8000, 17, RD_RK_RJ, STORES, "amswap_db.h" },
	{ 0x385f0000, 17, RD_RK_RJ, STORES, "amadd_db.b" },
	{ 0x385f8000, 17, RD_RK_RJ, STORES, "amadd_db.h" },
	{ 0x38600000, 17, RD_RK_RJ, STORES, "amswap.w" },
	{ 0x38608000, 17, RD_RK_RJ, STORES, "amswap.d" },
	{ 0x38610000, 17, RD_RK_RJ, STORES, "amadd.w" },
	{ 0x38618000, 17, RD_RK_RJ, STORES, "amadd.d" },
	{ 0x38620000, 17, RD_RK_RJ, STORES, "amand.w" },
	{ 0x38628000, 17, RD_RK_RJ, STORES, "amand.d" },
	{ 0x38630000, 17, RD_RK_RJ, STORES, "amor.w" },
	{ 0x38638000, 17, RD_RK_RJ, STORES, "amor.d" },
	{ 0x38640000, 17, RD_RK_RJ, STORES, "amxor.w" },
	{ 0x38648000, 17, RD_RK_RJ, STORES, "amxor.d" },
	{ 0x38650000, 17, RD_RK_RJ, STORES, "ammax.w" },
	{ 0x38658000, 17, RD_RK_RJ, STORES, "ammax.d" },
	{ 0x38660000, 17, RD_RK_RJ, STORES, "ammin.w" },
	{ 0x38668000, 17, RD_RK_RJ, STORES, "ammin.d" },
	{ 0x38670000, 17, RD_RK_RJ, STORES, "ammax.wu" },
	{ 0x38678000, 17, RD_RK_RJ, STORES, "ammax.du" },
	{ 0x38680000, 17, RD_RK_RJ, STORES, "ammin.wu" },
	{ 0x38688000, 17, RD_RK_RJ, STORES, "ammin.du" },
	{ 0x38690000, 17, RD_RK_RJ, STORES, "amswap_db.w" },
	{ 0x38698000, 17, RD_RK_RJ, STORES, "amswap_db.d" },
	{ 0x386a0000, 17, RD_RK_RJ, STORES, "amadd_db.w" },
	{ 0x386a8000, 17, RD_RK_RJ, STORES, "amadd_db.d" },
	{ 0x386b0000, 17, RD_RK_RJ, STORES, "amand_db.w" },
	{ 0x386b8000, 17, RD_RK_RJ, STORES, "amand_db.d" },
	{ 0x386c0000, 17, RD_RK_RJ, STORES, "amor_db.w" },
	{ 0x386c8000, 17, RD_RK_RJ, STORES, "amor_db.d" },
	{ 0x386d0000, 17, RD_RK_RJ, STORES, "amxor_db.w" },
	{ 0x386d8000, 17, RD_RK_RJ, STORES, "amxor_db.d" },
	{ 0x386e0000, 17, RD_RK_RJ, STORES, "ammax_db.w" },
	{ 0x386e8000, 17, RD_RK_RJ, STORES, "ammax_db.d" },
	{ 0x386f0000, 17, RD_RK_RJ, STORES, "ammin_db.w" },
	{ 0x386f8000, 17, RD_RK_RJ, STORES, "ammin_db.d" },
	{ 0x38700000, 17, RD_RK_RJ, STORES, "ammax_db.wu" },
	{ 0x38708000, 17, RD_RK_RJ, STORES, "ammax_db.du" },
	{ 0x38710000, 17, RD_RK_RJ, STORES, "ammin_db.wu" },
	{ 0x38718000, 17, RD_RK_RJ, STORES, "ammin_db.du" },
	{ 0x002a0000, 17, CODE15, JUMPS, "break" },
	{ 0x002b0000, 17, CODE15, JUMPS, "syscall" },
	{ 0x4c000000, 6, RD_RJ_OFFS16, JUMPS, "jirl" },
};

static const struct opcode *find(uint32_t insn)
{
	for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++)
		if (insn >> (32 - opcodes[i].bits) == opcodes[i].match >> (32 - opcodes[i].bits))
			return &opcodes[i];
	return NULL;
}

static const char *float_name(unsigned reg)
{
	static const char *const names[] = { "fa0",  "fa1",  "fa2",  "fa3", "fa4",  "fa5",  "fa6",
					     "fa7",  "ft0",  "ft1",  "ft2", "ft3",  "ft4",  "ft5",
					     "ft6",  "ft7",  "ft8",  "ft9", "ft10", "ft11", "ft12",
					     "ft13", "ft14", "ft15", "fs0", "fs1",  "fs2",  "fs3",
					     "fs4",  "fs5",  "fs6",  "fs7" };

	return names[reg & 31];
}

/* binutils calls the kernel's u0 r21 (it has no name in the ABI). */
static const char *name_of(unsigned reg)
{
	return reg == LA_R_U0 ? "r21" : la_gpr_name(reg);
}

static void note(struct la_insn_words *w, unsigned reg)
{
	for (size_t i = 0; i < w->nregs; i++)
		if (w->reg[i] == reg)
			return;
	if (reg)
		w->reg[w->nregs++] = reg;
}

/* The register or number that comes first. */
static void first_operand(uint32_t insn, enum form form, char *ret, size_t size)
{
	const unsigned rd = la_insn_rd(insn);

	switch (form) {
	case FD_RJ_SI12:
	case FD_RJ_RK:
		snprintf(ret, size, "$%s", float_name(rd));
		break;
	case VD_RJ_SI12:
	case VD_RJ_RK:
		snprintf(ret, size, "$vr%u", rd);
		break;
	case XD_RJ_SI12:
	case XD_RJ_RK:
		snprintf(ret, size, "$xr%u", rd);
		break;
	case HINT_RJ_SI12:
	case HINT_RJ_RK:
		snprintf(ret, size, "0x%x", rd);
		break;
	default:
		snprintf(ret, size, "$%s", name_of(rd));
	}
}

static bool has_index(enum form form)
{
	return form == RD_RJ_RK || form == FD_RJ_RK || form == VD_RJ_RK || form == XD_RJ_RK ||
	       form == HINT_RJ_RK;
}

static bool has_rd(enum form form)
{
	return form == RD_RJ_SI12 || form == RD_RJ_SI14 || form == RD_RJ_RK || form == RD_RK_RJ ||
	       form == RD_RJ_OFFS16;
}

static int64_t offset_of(uint32_t insn, enum form form)
{
	return form == RD_RJ_SI14   ? la_insn_si14(insn) * 4 :
	       form == RD_RJ_OFFS16 ? la_insn_offs16(insn) :
				      la_insn_si12(insn);
}

void la_insn_words(uint32_t insn, struct la_insn_words *ret)
{
	const struct opcode *op = find(insn);
	const char *rj = name_of(la_insn_rj(insn)), *rk = name_of(la_insn_rk(insn));
	char first[16];

	*ret = (struct la_insn_words){ .known = op != NULL, .index = -1 };
	if (!op) {
		snprintf(ret->text, sizeof(ret->text), ".word 0x%08x", insn);
		return;
	}
	if (op->form == CODE15) {
		snprintf(ret->text, sizeof(ret->text), "%s 0x%x", op->name, insn & 0x7fff);
		return;
	}
	first_operand(insn, op->form, first, sizeof(first));
	ret->base = la_insn_rj(insn);
	ret->accesses = !(op->flags & JUMPS);
	ret->stores = op->flags & STORES;
	note(ret, ret->base);
	if (has_index(op->form)) {
		ret->index = (int)la_insn_rk(insn);
		snprintf(ret->text, sizeof(ret->text), "%s %s, $%s, $%s", op->name, first, rj, rk);
		note(ret, la_insn_rk(insn));
	} else if (op->form == RD_RK_RJ) {
		snprintf(ret->text, sizeof(ret->text), "%s %s, $%s, $%s", op->name, first, rk, rj);
		note(ret, la_insn_rk(insn));
	} else {
		ret->offset = offset_of(insn, op->form);
		snprintf(ret->text, sizeof(ret->text), "%s %s, $%s, %" PRId64, op->name, first, rj,
			 ret->offset);
	}
	if (has_rd(op->form))
		note(ret, la_insn_rd(insn));
}

bool la_insn_reaches(const struct la_insn_words *w, const struct la_regs *regs, uint64_t *ret)
{
	uint64_t base, index = 0;

	if (!w->accesses || !la_gpr_operand(regs, w->base, &base) ||
	    (w->index > 0 && !la_gpr_operand(regs, (unsigned)w->index, &index)))
		return false;
	*ret = base + index + (uint64_t)w->offset;
	return true;
}
