/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fields of the instructions that unwinding looks at. What a test that says false has put into its
 * results has no meaning.
 * Source: LoongArch Reference Manual v1.10, volume 1, 1.4 (formats) and appendix B (opcodes).
 */
#ifndef LAKVM_INSN_H
#define LAKVM_INSN_H

#include <stdbool.h>
#include <stdint.h>

static inline unsigned la_insn_rd(uint32_t insn)
{
	return insn & 31;
}

static inline unsigned la_insn_rj(uint32_t insn)
{
	return insn >> 5 & 31;
}

static inline unsigned la_insn_rk(uint32_t insn)
{
	return insn >> 10 & 31;
}

/* Bits low..low+width-1 as a signed number. */
static inline int64_t la_insn_signed(uint32_t insn, unsigned low, unsigned width)
{
	return (int64_t)((uint64_t)insn << (64 - low - width)) >> (64 - width);
}

static inline int64_t la_insn_si12(uint32_t insn)
{
	return la_insn_signed(insn, 10, 12);
}

static inline int64_t la_insn_si14(uint32_t insn)
{
	return la_insn_signed(insn, 10, 14);
}

static inline int64_t la_insn_si20(uint32_t insn)
{
	return la_insn_signed(insn, 5, 20);
}

/* Branch distances in bytes, by format: 16 bits (jirl, beq ...), 21 (beqz ...), 26 (b, bl). */
static inline int64_t la_insn_offs16(uint32_t insn)
{
	return la_insn_signed(insn, 10, 16) * 4;
}

static inline int64_t la_insn_offs21(uint32_t insn)
{
	return (la_insn_signed(insn, 0, 5) * 65536 + (insn >> 10 & 0xffff)) * 4;
}

static inline int64_t la_insn_offs26(uint32_t insn)
{
	return (la_insn_signed(insn, 0, 10) * 65536 + (insn >> 10 & 0xffff)) * 4;
}

static inline bool la_insn_is_jirl(uint32_t insn)
{
	return insn >> 26 == 0x13;
}

static inline bool la_insn_is_b(uint32_t insn)
{
	return insn >> 26 == 0x14;
}

static inline bool la_insn_is_bl(uint32_t insn)
{
	return insn >> 26 == 0x15;
}

/* bl, or jirl with any link register. */
static inline bool la_insn_links(uint32_t insn)
{
	return la_insn_is_bl(insn) || (la_insn_is_jirl(insn) && la_insn_rd(insn));
}

/* The end of an exception's handling. */
#define LA_INSN_ERTN UINT32_C(0x06483800)
/* andi zero, zero, 0 */
#define LA_INSN_NOP UINT32_C(0x03400000)
/* bl 0 */
#define LA_INSN_BL UINT32_C(0x54000000)
#define LA_INSN_MOVE_T0_RA UINT32_C(0x0015002c)

/* jirl zero, ra, 0 */
static inline bool la_insn_is_ret(uint32_t insn)
{
	return insn == 0x4c000020;
}

/* A branch that may fall through: beqz, bnez, bceqz/bcnez, beq ... bgeu. */
static inline bool la_insn_is_branch(uint32_t insn)
{
	unsigned op = insn >> 26;

	return (op >= 0x10 && op <= 0x12) || (op >= 0x16 && op <= 0x1b);
}

/* Distance of an la_insn_is_branch(). */
static inline int64_t la_insn_branch_offset(uint32_t insn)
{
	return insn >> 26 <= 0x12 ? la_insn_offs21(insn) : la_insn_offs16(insn);
}

static inline bool la_insn_is_addi_d(uint32_t insn)
{
	return insn >> 22 == 0x00b;
}

/* st.d or stptr.d: *(rj + *offset_ret) = rd */
static inline bool la_insn_is_store(uint32_t insn, int64_t *offset_ret)
{
	if (insn >> 22 == 0x0a7) {
		*offset_ret = la_insn_si12(insn);
		return true;
	}
	*offset_ret = la_insn_si14(insn) * 4;
	return insn >> 24 == 0x27;
}

/* ld.d or ldptr.d: rd = *(rj + *offset_ret) */
static inline bool la_insn_is_load(uint32_t insn, int64_t *offset_ret)
{
	if (insn >> 22 == 0x0a3) {
		*offset_ret = la_insn_si12(insn);
		return true;
	}
	*offset_ret = la_insn_si14(insn) * 4;
	return insn >> 24 == 0x26;
}

static inline bool la_insn_is_idle(uint32_t insn)
{
	return insn >> 15 == 0xc91;
}

/* ld.b ... ld.wu, ldptr.w, ldptr.d: rd = *(rj + *offset_ret), of *size_ret bytes. */
static inline bool la_insn_loads(uint32_t insn, int64_t *offset_ret, unsigned *size_ret,
				 bool *signed_ret)
{
	unsigned op = insn >> 22;

	if ((op >= 0x0a0 && op <= 0x0a3) || (op >= 0x0a8 && op <= 0x0aa)) {
		*offset_ret = la_insn_si12(insn);
		*size_ret = 1u << (op & 3);
		*signed_ret = op < 0x0a4;
		return true;
	}
	*offset_ret = la_insn_si14(insn) * 4;
	*size_ret = insn >> 24 == 0x24 ? 4 : 8;
	*signed_ret = true;
	return insn >> 24 == 0x24 || insn >> 24 == 0x26;
}

/* st.b ... st.d, stptr.w, stptr.d: *(rj + *offset_ret) = rd, of *size_ret bytes. */
static inline bool la_insn_stores(uint32_t insn, int64_t *offset_ret, unsigned *size_ret)
{
	unsigned op = insn >> 22;

	if (op >= 0x0a4 && op <= 0x0a7) {
		*offset_ret = la_insn_si12(insn);
		*size_ret = 1u << (op & 3);
		return true;
	}
	*offset_ret = la_insn_si14(insn) * 4;
	*size_ret = insn >> 24 == 0x25 ? 4 : 8;
	return insn >> 24 == 0x25 || insn >> 24 == 0x27;
}

static inline bool la_insn_break(uint32_t insn, unsigned *code_ret)
{
	*code_ret = insn & 0x7fff;
	return insn >> 15 == 0x54;
}

#endif
