/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * LoongArch instructions for hand-made code (manual, volume 1, 1.4 and appendix B). test_loongarch
 * checks them against words of binutils' assembler.
 */
#ifndef LAKVM_TEST_ASM_H
#define LAKVM_TEST_ASM_H

#include <stdint.h>

enum { ZERO, RA, TP, SP, A0, A1, A2, A3, T0 = 12, T1, T2, T3, U0 = 21, FP, S0, S1, S2 };

static inline uint32_t asm_2r12(uint32_t op, unsigned rd, unsigned rj, int imm)
{
	return op << 22 | ((uint32_t)imm & 0xfff) << 10 | rj << 5 | rd;
}

static inline uint32_t asm_3r(uint32_t op, unsigned rd, unsigned rj, unsigned rk)
{
	return op << 15 | rk << 10 | rj << 5 | rd;
}

#define SUB_D(rd, rj, rk) asm_3r(0x23, rd, rj, rk)
#define ADDI_D(rd, rj, imm) asm_2r12(0x00b, rd, rj, imm)
#define SLTUI(rd, rj, imm) asm_2r12(0x009, rd, rj, imm)
#define SLLI_D(rd, rj, n) (UINT32_C(0x00410000) | (uint32_t)(n) << 10 | (rj) << 5 | (rd))
#define ORI(rd, rj, imm) asm_2r12(0x00e, rd, rj, imm)
#define LD_D(rd, rj, imm) asm_2r12(0x0a3, rd, rj, imm)
#define ST_D(rd, rj, imm) asm_2r12(0x0a7, rd, rj, imm)
#define MOVE(rd, rj) asm_3r(0x2a, rd, rj, ZERO)
#define ADD_D(rd, rj, rk) asm_3r(0x21, rd, rj, rk)
#define PCADDI(rd, distance)                                                                       \
	(UINT32_C(0x0c) << 25 | ((uint32_t)((distance) / 4) & 0xfffff) << 5 | (rd))
#define LU12I_W(rd, imm) (UINT32_C(0x0a) << 25 | ((uint32_t)(imm)&0xfffff) << 5 | (rd))
#define LU32I_D(rd, imm) (UINT32_C(0x0b) << 25 | ((uint32_t)(imm)&0xfffff) << 5 | (rd))
#define LU52I_D(rd, rj, imm) asm_2r12(0x00c, rd, rj, imm)
#define CSRRD(rd, csr) (UINT32_C(0x04) << 24 | (uint32_t)(csr) << 10 | (rd))
#define CSRWR(rd, csr) (CSRRD(rd, csr) | 1 << 5)
#define ERTN UINT32_C(0x06483800)
#define NOP UINT32_C(0x03400000)
#define RET UINT32_C(0x4c000020)
#define IDLE UINT32_C(0x06488000)
#define BREAK(code) (UINT32_C(0x002a0000) | (code))

static inline uint32_t asm_b26(uint32_t op, int64_t distance)
{
	uint32_t words = (uint32_t)(distance / 4);

	return op << 26 | (words & 0xffff) << 10 | (words >> 16 & 0x3ff);
}

/* Jumps by addresses: what is at FROM goes to TO. */
#define B(from, to) asm_b26(0x14, (int64_t)((to) - (from)))
#define BL(from, to) asm_b26(0x15, (int64_t)((to) - (from)))
#define JIRL(rd, rj, imm)                                                                          \
	(UINT32_C(0x13) << 26 | ((uint32_t)((imm) / 4) & 0xffff) << 10 | (rj) << 5 | (rd))
#define BNE(rj, rd, distance)                                                                      \
	(UINT32_C(0x17) << 26 | ((uint32_t)((distance) / 4) & 0xffff) << 10 | (rj) << 5 | (rd))
#define BLTU(rj, rd, distance)                                                                     \
	(UINT32_C(0x1a) << 26 | ((uint32_t)((distance) / 4) & 0xffff) << 10 | (rj) << 5 | (rd))

static inline uint32_t asm_b21(uint32_t op, unsigned rj, int64_t distance)
{
	uint32_t words = (uint32_t)(distance / 4);

	return op << 26 | (words & 0xffff) << 10 | rj << 5 | (words >> 16 & 0x1f);
}

#define BEQZ(rj, distance) asm_b21(0x10, rj, distance)
#define BNEZ(rj, distance) asm_b21(0x11, rj, distance)

#endif
