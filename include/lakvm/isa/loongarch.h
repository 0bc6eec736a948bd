/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * LoongArch64 numbers: general registers, control and status registers (CSR),
 * exception codes, instructions that calls are made of.
 * Source: LoongArch Reference Manual v1.10, volume 1, chapters 2, 5, 6 and 7;
 * Linux arch/loongarch/include/asm/{regdef,loongarch,inst}.h.
 */
#ifndef LAKVM_LOONGARCH_H
#define LAKVM_LOONGARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum la_gpr {
	LA_R_ZERO = 0,
	LA_R_RA = 1,
	LA_R_TP = 2,
	LA_R_SP = 3,
	LA_R_A0 = 4,
	LA_R_A7 = 11,
	LA_R_T0 = 12,
	LA_R_U0 = 21, /* the kernel's per-CPU base */
	LA_R_FP = 22,
	LA_R_S0 = 23,
	LA_NGPR = 32,
};

/** ABI name of a general register, "zero", "ra", ... "s8"; r21 is the kernel's "u0". "?": there is none. */
const char *la_gpr_name(unsigned reg);

/*
 * The one list of CSRs: it serves parsing, text, JSON and tests.
 * X(identifier, number, name as QEMU's "info registers" prints it)
 */
#define LA_CSR_LIST(X)                                                                             \
	X(CRMD, 0x000, "CRMD")                                                                     \
	X(PRMD, 0x001, "PRMD")                                                                     \
	X(EUEN, 0x002, "EUEN")                                                                     \
	X(MISC, 0x003, "MISC")                                                                     \
	X(ECFG, 0x004, "ECFG")                                                                     \
	X(ESTAT, 0x005, "ESTAT")                                                                   \
	X(ERA, 0x006, "ERA")                                                                       \
	X(BADV, 0x007, "BADV")                                                                     \
	X(BADI, 0x008, "BADI")                                                                     \
	X(EENTRY, 0x00c, "EENTRY")                                                                 \
	X(ASID, 0x018, "ASID")                                                                     \
	X(PGDL, 0x019, "PGDL")                                                                     \
	X(PGDH, 0x01a, "PGDH")                                                                     \
	X(PGD, 0x01b, "PGD")                                                                       \
	X(PWCL, 0x01c, "PWCL")                                                                     \
	X(PWCH, 0x01d, "PWCH")                                                                     \
	X(CPUID, 0x020, "CPUID")                                                                   \
	X(SAVE3, 0x033, "SAVE3")                                                                   \
	X(TID, 0x040, "TID")                                                                       \
	X(TCFG, 0x041, "TCFG")                                                                     \
	X(TVAL, 0x042, "TVAL")                                                                     \
	X(TLBRENTRY, 0x088, "TLBRENTRY")                                                           \
	X(TLBRBADV, 0x089, "TLBRBADV")                                                             \
	X(TLBRERA, 0x08a, "TLBRERA")                                                               \
	X(DMW0, 0x180, "DMW0")                                                                     \
	X(DMW1, 0x181, "DMW1")                                                                     \
	X(DMW2, 0x182, "DMW2")                                                                     \
	X(DMW3, 0x183, "DMW3")

/** A CSR by its place in the list, not by its number. */
enum la_csr {
#define LA_CSR_ENUM(id, number, name) LA_CSR_##id,
	LA_CSR_LIST(LA_CSR_ENUM)
#undef LA_CSR_ENUM
		LA_NCSR,
};

/** Name of a CSR, "CRMD" ...; "?": there is none. */
const char *la_csr_name(enum la_csr csr);

#define LA_ESTAT_ECODE(estat) (((estat) >> 16) & 0x3f)
#define LA_ESTAT_ESUBCODE(estat) (((estat) >> 22) & 0x1ff)

enum la_ecode {
	LA_ECODE_INT = 0,
	LA_ECODE_PIL = 1,
	LA_ECODE_PIS = 2,
	LA_ECODE_PIF = 3,
	LA_ECODE_PME = 4,
	LA_ECODE_PNR = 5,
	LA_ECODE_PNX = 6,
	LA_ECODE_PPI = 7,
	LA_ECODE_ADE = 8,
	LA_ECODE_ALE = 9,
	LA_ECODE_BCE = 10,
	LA_ECODE_SYS = 11,
	LA_ECODE_BRK = 12,
	LA_ECODE_INE = 13,
	LA_ECODE_IPE = 14,
	LA_ECODE_FPD = 15,
};

/** Short name of an exception, "PIL", "BRK", or "?"; its meaning in words, or "unknown exception". */
const char *la_ecode_name(unsigned ecode, unsigned esubcode);
const char *la_ecode_meaning(unsigned ecode, unsigned esubcode);

/**
 * A CSR's fields in words, e.g. ESTAT -> "PIS: store to an unmapped page; pending TI".
 * Writes at most @size bytes with a NUL, cut to fit; an empty string if the CSR has no decoded fields, or
 * is BADI and holds no break instruction.
 */
void la_csr_decode(enum la_csr csr, uint64_t value, char *ret, size_t size);

/**
 * Is @insn a call (bl, or jirl with ra as link register)? For bl, @target_ret gets the
 * address called from @pc; else it gets 0: jirl's target is in a register.
 */
bool la_insn_is_call(uint32_t insn, uint64_t pc, uint64_t *target_ret);

#endif
