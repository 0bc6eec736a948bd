// SPDX-License-Identifier: GPL-3.0-or-later
// What instructions do to general registers, for the simple ones (manual, volume 1, 2.2).
#include "eval.h"

#include "insn.h"

/* All others write the register in bits 4:0, or none: then it says too many. */
uint32_t la_insn_writes(uint32_t insn)
{
	unsigned op10 = insn >> 22;

	if (la_insn_is_bl(insn))
		return 1u << LA_R_RA;
	if (la_insn_is_b(insn) || la_insn_is_branch(insn))
		return 0;
	if (op10 >= 0x0a4 && op10 <= 0x0a7) /* st.b ... st.d */
		return 0;
	if (op10 >= 0x0ab && op10 <= 0x0af) /* preld, fld.s, fst.s, fld.d, fst.d */
		return 0;
	if (insn >> 24 == 0x25 || insn >> 24 == 0x27) /* stptr.w, stptr.d */
		return 0;
	if (insn >> 15 >= 0x7020 && insn >> 15 <= 0x7038 && !(insn >> 15 & 7)) /* stx.b ... stx.d */
		return 0;
	if (insn >> 15 == 0x70e4 || insn >> 15 == 0x70e5) /* dbar, ibar */
		return 0;
	if (insn >> 15 == 0xc91 || insn >> 15 == 0x54 ||
	    insn >> 15 == 0x56) /* idle, break, syscall */
		return 0;
	/* rdtimel.w, rdtimeh.w and rdtime.d put the counter's number into rj. */
	if (insn >> 12 == 6 && (insn >> 10 & 3) != 3)
		return (1u << la_insn_rd(insn) | 1u << la_insn_rj(insn)) & ~1u;
	return (1u << la_insn_rd(insn)) & ~1u;
}

uint32_t la_insn_reads(uint32_t insn)
{
	const uint32_t rd = 1u << la_insn_rd(insn), rj = 1u << la_insn_rj(insn);
	const uint32_t rk = 1u << la_insn_rk(insn);
	unsigned op10 = insn >> 22, op7 = insn >> 25, size;
	int64_t offset;

	if (la_insn_is_b(insn) || la_insn_is_bl(insn))
		return 0;
	if (la_insn_is_jirl(insn))
		return rj;
	if (la_insn_is_branch(insn))
		return insn >> 26 <= 0x11 ? rj : rj | rd;
	if (op7 == 0x0b) /* lu32i.d */
		return rd;
	if (op7 == 0x0a || (op7 >= 0x0c && op7 <= 0x0f)) /* lu12i.w, pcaddi and so on */
		return 0;
	if (op10 >= 0x008 && op10 <= 0x00f) /* slti ... xori */
		return rj;
	if (insn >> 24 == 0x04) /* csrrd, csrwr, csrxchg: by the number of rj */
		return !(insn >> 5 & 31) ? 0 : (insn >> 5 & 31) == 1 ? rd : rd | rj;
	if ((op10 >= 0x0a0 && op10 <= 0x0a3) ||
	    (op10 >= 0x0a8 && op10 <= 0x0aa)) /* ld.b ... ld.wu */
		return rj;
	if (insn >> 24 == 0x20 || insn >> 24 == 0x22 || insn >> 24 == 0x24 || insn >> 24 == 0x26)
		return rj; /* ll.w, ll.d, ldptr.w, ldptr.d */
	if (insn >> 15 == 0x70e4 || insn >> 15 == 0x70e5 || insn >> 15 == 0xc91)
		return 0;                             /* dbar, ibar, idle */
	if (insn >> 12 == 6 && (insn >> 10 & 3) != 3) /* rdtime */
		return 0;
	if (insn >> 15 >= 0x20 && insn >> 15 <= 0x47) /* add.w ... modulo */
		return rj | rk;
	if (insn >> 18 == 0x10 || insn >> 18 == 0x11 ||
	    insn >> 18 == 0x12) /* shifts by constants */
		return rj;
	if (op10 == 0x003) /* bstrpick.d */
		return rj;
	if (la_insn_stores(insn, &offset, &size))
		return rd | rj;
	return rd | rj | rk;
}

static int64_t sext32(uint64_t v)
{
	return (int64_t)(int32_t)(uint32_t)v;
}

/* Shifts by constants, bit fields, extensions. @old is what rd had, for insertions. */
static bool shift(uint32_t insn, uint64_t a, uint64_t old, bool old_known, uint64_t *ret)
{
	const unsigned ui6 = insn >> 10 & 63, ui5 = insn >> 10 & 31, msb = insn >> 16 & 63;
	const uint64_t mask = ~UINT64_C(0) >> (63 - (msb - ui6) % 64);

	switch (insn >> 16) {
	case 0x0041: /* slli.d */
		*ret = a << ui6;
		return true;
	case 0x0045: /* srli.d */
		*ret = a >> ui6;
		return true;
	case 0x0049: /* srai.d */
		*ret = (uint64_t)((int64_t)a >> ui6);
		return true;
	}
	switch (insn >> 15) {
	case 0x081: /* slli.w */
		*ret = (uint64_t)sext32(a << ui5);
		return true;
	case 0x089: /* srli.w */
		*ret = (uint64_t)sext32((a & 0xffffffff) >> ui5);
		return true;
	case 0x091: /* srai.w */
		*ret = (uint64_t)(sext32(a) >> ui5);
		return true;
	}
	if (msb >= ui6 && insn >> 22 == 0x003) { /* bstrpick.d */
		*ret = a >> ui6 & mask;
		return true;
	}
	if (msb >= ui6 && insn >> 22 == 0x002) { /* bstrins.d */
		*ret = (old & ~(mask << ui6)) | (a & mask) << ui6;
		return old_known;
	}
	if (insn >> 10 == 0x16) { /* ext.w.h */
		*ret = (uint64_t)(int64_t)(int16_t)a;
		return true;
	}
	if (insn >> 10 == 0x17) { /* ext.w.b */
		*ret = (uint64_t)(int64_t)(int8_t)a;
		return true;
	}
	return false;
}

/* rd = rj OP immediate, and constants. */
static bool immediate(const struct la_values *v, uint32_t insn, uint64_t pc, uint64_t *ret)
{
	unsigned rj = la_insn_rj(insn), rd = la_insn_rd(insn);
	uint64_t si12 = (uint64_t)la_insn_si12(insn), ui12 = insn >> 10 & 0xfff;
	uint64_t si20 = (uint64_t)la_insn_si20(insn);
	uint64_t a;

	switch (insn >> 25) {
	case 0x0a: /* lu12i.w */
		*ret = (uint64_t)sext32(si20 << 12);
		return true;
	case 0x0b: /* lu32i.d: keeps the low half of rd */
		*ret = si20 << 32 | (v->value[rd] & 0xffffffff);
		return la_values_has(v, rd);
	case 0x0c: /* pcaddi */
		*ret = pc + (si20 << 2);
		return true;
	case 0x0d: /* pcalau12i */
		*ret = (pc + (si20 << 12)) & ~UINT64_C(0xfff);
		return true;
	case 0x0e: /* pcaddu12i */
		*ret = pc + (si20 << 12);
		return true;
	case 0x0f: /* pcaddu18i */
		*ret = pc + (si20 << 18);
		return true;
	}

	if (!la_values_has(v, rj))
		return false;
	a = v->value[rj];
	switch (insn >> 22) {
	case 0x008: /* slti */
		*ret = (int64_t)a < (int64_t)si12;
		return true;
	case 0x009: /* sltui */
		*ret = a < si12;
		return true;
	case 0x00a: /* addi.w */
		*ret = (uint64_t)sext32(a + si12);
		return true;
	case 0x00b: /* addi.d */
		*ret = a + si12;
		return true;
	case 0x00c: /* lu52i.d */
		*ret = si12 << 52 | (a & ((UINT64_C(1) << 52) - 1));
		return true;
	case 0x00d: /* andi */
		*ret = a & ui12;
		return true;
	case 0x00e: /* ori */
		*ret = a | ui12;
		return true;
	case 0x00f: /* xori */
		*ret = a ^ ui12;
		return true;
	}
	return shift(insn, a, v->value[rd], la_values_has(v, rd), ret);
}

/* rd = rj OP rk */
static bool two_registers(const struct la_values *v, uint32_t insn, uint64_t *ret)
{
	uint64_t a = v->value[la_insn_rj(insn)], b = v->value[la_insn_rk(insn)];

	if (!la_values_has(v, la_insn_rj(insn)) || !la_values_has(v, la_insn_rk(insn)))
		return false;
	switch (insn >> 15) {
	case 0x20: /* add.w */
		*ret = (uint64_t)sext32(a + b);
		return true;
	case 0x21: /* add.d */
		*ret = a + b;
		return true;
	case 0x22: /* sub.w */
		*ret = (uint64_t)sext32(a - b);
		return true;
	case 0x23: /* sub.d */
		*ret = a - b;
		return true;
	case 0x24: /* slt */
		*ret = (int64_t)a < (int64_t)b;
		return true;
	case 0x25: /* sltu */
		*ret = a < b;
		return true;
	case 0x28: /* nor */
		*ret = ~(a | b);
		return true;
	case 0x29: /* and */
		*ret = a & b;
		return true;
	case 0x2a: /* or */
		*ret = a | b;
		return true;
	case 0x2b: /* xor */
		*ret = a ^ b;
		return true;
	case 0x26: /* maskeqz */
		*ret = b ? a : 0;
		return true;
	case 0x27: /* masknez */
		*ret = b ? 0 : a;
		return true;
	case 0x2c: /* orn */
		*ret = a | ~b;
		return true;
	case 0x2d: /* andn */
		*ret = a & ~b;
		return true;
	case 0x2e: /* sll.w */
		*ret = (uint64_t)sext32(a << (b & 31));
		return true;
	case 0x2f: /* srl.w */
		*ret = (uint64_t)sext32((a & 0xffffffff) >> (b & 31));
		return true;
	case 0x31: /* sll.d */
		*ret = a << (b & 63);
		return true;
	case 0x32: /* srl.d */
		*ret = a >> (b & 63);
		return true;
	case 0x33: /* sra.d */
		*ret = (uint64_t)((int64_t)a >> (b & 63));
		return true;
	case 0x38: /* mul.w */
		*ret = (uint64_t)sext32(a * b);
		return true;
	case 0x3b: /* mul.d */
		*ret = a * b;
		return true;
	case 0x58: /* alsl.d by 1 to 4, in four opcodes */
	case 0x59:
	case 0x5a:
	case 0x5b:
		*ret = (a << ((insn >> 15 & 3) + 1)) + b;
		return true;
	}
	return false;
}

void la_values_run(struct la_values *v, uint32_t insn, uint64_t pc)
{
	uint32_t written = la_insn_writes(insn);
	uint64_t value;

	if (!written)
		return;
	if (la_insn_is_bl(insn))
		la_values_set(v, LA_R_RA, pc + 4);
	else if (la_insn_is_jirl(insn))
		la_values_set(v, la_insn_rd(insn), pc + 4);
	else if (immediate(v, insn, pc, &value) || two_registers(v, insn, &value))
		la_values_set(v, la_insn_rd(insn), value);
	else
		v->known &= ~written;
}
