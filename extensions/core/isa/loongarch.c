// SPDX-License-Identifier: GPL-3.0-or-later
// LoongArch64 numbers in words: registers, CSR fields, exceptions, breaks.
#include "lakvm/isa/loongarch.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "insn.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *la_gpr_name(unsigned reg)
{
	/* r21 has no name in the psABI; the kernel calls it u0 and keeps its per-CPU base there. */
	static const char *const name[LA_NGPR] = {
		"zero", "ra", "tp", "sp", "a0", "a1", "a2", "a3", "a4", "a5", "a6",
		"a7",   "t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "u0",
		"fp",   "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8",
	};

	return reg < LA_NGPR ? name[reg] : "?";
}

const char *la_csr_name(enum la_csr csr)
{
#define CSR_NAME(id, number, name) [LA_CSR_##id] = name,
	static const char *const name[LA_NCSR] = { LA_CSR_LIST(CSR_NAME) };
#undef CSR_NAME

	return (unsigned)csr < LA_NCSR ? name[csr] : "?";
}

/* Manual, 7.4.6, table 21. */
struct exception {
	uint8_t ecode;
	int8_t esubcode; /* -1: any */
	const char *name, *meaning;
};

static const struct exception exceptions[] = {
	{ 0, -1, "INT", "interrupt" },
	{ 1, -1, "PIL", "load from an unmapped page" },
	{ 2, -1, "PIS", "store to an unmapped page" },
	{ 3, -1, "PIF", "fetch from an unmapped page" },
	{ 4, -1, "PME", "store to a page that is not writable or still clean" },
	{ 5, -1, "PNR", "load from a page that is not readable" },
	{ 6, -1, "PNX", "fetch from a page that is not executable" },
	{ 7, -1, "PPI", "access to a page of a higher privilege level" },
	{ 8, 0, "ADEF", "address error in a fetch" },
	{ 8, 1, "ADEM", "address error in a memory access" },
	{ 9, -1, "ALE", "misaligned access" },
	{ 10, -1, "BCE", "bound check failed" },
	{ 11, -1, "SYS", "system call" },
	{ 12, -1, "BRK", "break instruction" },
	{ 13, -1, "INE", "instruction does not exist" },
	{ 14, -1, "IPE", "privileged instruction in user mode" },
	{ 15, -1, "FPD", "floating point disabled" },
	{ 16, -1, "SXD", "128-bit vectors disabled" },
	{ 17, -1, "ASXD", "256-bit vectors disabled" },
	{ 18, 0, "FPE", "floating-point exception" },
	{ 18, 1, "VFPE", "vector floating-point exception" },
	{ 19, 0, "WPEF", "watchpoint hit by a fetch" },
	{ 19, 1, "WPEM", "watchpoint hit by a memory access" },
	{ 20, -1, "BTD", "binary translation disabled" },
	{ 21, -1, "BTE", "binary translation exception" },
	{ 22, -1, "GSPR", "guest-sensitive privileged resource" },
	{ 23, -1, "HVC", "hypervisor call" },
	{ 24, 0, "GCSC", "guest CSR changed by software" },
	{ 24, 1, "GCHC", "guest CSR changed by hardware" },
};

static const struct exception *find_exception(unsigned ecode, unsigned esubcode)
{
	for (size_t i = 0; i < COUNT(exceptions); i++) {
		const struct exception *e = &exceptions[i];

		if (e->ecode == ecode && (e->esubcode < 0 || (unsigned)e->esubcode == esubcode))
			return e;
	}
	return NULL;
}

const char *la_ecode_name(unsigned ecode, unsigned esubcode)
{
	const struct exception *e = find_exception(ecode, esubcode);

	return e ? e->name : "?";
}

const char *la_ecode_meaning(unsigned ecode, unsigned esubcode)
{
	const struct exception *e = find_exception(ecode, esubcode);

	return e ? e->meaning : "unknown exception";
}

/* A text that is put together piece by piece; what does not fit is cut. */
struct text {
	char *at;
	size_t left;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->at, t->left, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= t->left)
		n = t->left ? (int)(t->left - 1) : 0;
	t->at += n;
	t->left -= (size_t)n;
}

static const char *access_type(uint64_t mat)
{
	static const char *const name[] = { "uncached", "cached", "write-combined", "reserved" };

	return name[mat & 3];
}

/* Names of the 15 interrupt lines in ECFG.LIE and ESTAT.IS (manual, 6.1.2). */
static void add_lines(struct text *t, uint64_t lines)
{
	static const char *const name[] = { "SWI0", "SWI1", "HWI0", "HWI1", "HWI2",
					    "HWI3", "HWI4", "HWI5", "HWI6", "HWI7",
					    "PMI",  "TI",   "IPI",  "NMI",  "AVEC" };
	const char *comma = "";

	for (size_t i = 0; i < COUNT(name); i++) {
		if (!(lines >> i & 1))
			continue;
		add(t, "%s%s", comma, name[i]);
		comma = ",";
	}
	if (!*comma)
		add(t, "none");
}

static void decode_crmd(struct text *t, uint64_t v)
{
	add(t, "PLV%u, interrupts %s, ", (unsigned)(v & 3), v & 4 ? "on" : "off");
	switch (v >> 3 & 3) {
	case 1:
		add(t, "direct addresses");
		break;
	case 2:
		add(t, "paging");
		break;
	default:
		add(t, "neither direct addresses nor paging");
	}
	if (v & 8)
		add(t, " (fetch %s, data %s)", access_type(v >> 5), access_type(v >> 7));
	if (v >> 9 & 1)
		add(t, ", watchpoints on");
}

static void decode_prmd(struct text *t, uint64_t v)
{
	add(t, "came from PLV%u, interrupts %s", (unsigned)(v & 3), v & 4 ? "on" : "off");
	if (v & 8)
		add(t, ", watchpoints on");
}

static void decode_euen(struct text *t, uint64_t v)
{
	static const char *const name[] = { "FP", "LSX", "LASX", "LBT" };
	const char *space = "";

	for (size_t i = 0; i < COUNT(name); i++) {
		if (!(v >> i & 1))
			continue;
		add(t, "%s%s", space, name[i]);
		space = " ";
	}
	add(t, *space ? " enabled" : "no unit enabled");
}

static void decode_ecfg(struct text *t, uint64_t v)
{
	add(t, "lines enabled ");
	add_lines(t, v & 0x7fff);
	/* Spacing 0 sends all exceptions to one entry, else 2^VS instructions lie between two. */
	if (v >> 16 & 7)
		add(t, "; vectors 0x%x apart", 4u << (v >> 16 & 7));
}

static void decode_estat(struct text *t, uint64_t v)
{
	unsigned ecode = LA_ESTAT_ECODE(v), esubcode = LA_ESTAT_ESUBCODE(v);

	add(t, "%s: %s; pending ", la_ecode_name(ecode, esubcode),
	    la_ecode_meaning(ecode, esubcode));
	add_lines(t, v & 0x7fff);
}

static void decode_dmw(struct text *t, uint64_t v)
{
	const char *comma = "";

	if (!(v & 0xf)) {
		add(t, "off");
		return;
	}
	add(t, "window 0x%" PRIx64 ", %s, ", v & UINT64_C(0xf) << 60, access_type(v >> 4));
	for (unsigned plv = 0; plv < 4; plv++) {
		if (!(v >> plv & 1))
			continue;
		add(t, "%sPLV%u", comma, plv);
		comma = ",";
	}
}

/* "level bits HIGH:LOW of the address" for one level of the page walk. */
static void add_level(struct text *t, const char *name, unsigned base, unsigned width)
{
	if (width)
		add(t, "%s bits %u:%u", name, base + width - 1, base);
	else
		add(t, "%s unused", name);
}

static void decode_pwcl(struct text *t, uint64_t v)
{
	add_level(t, "PT", v & 31, v >> 5 & 31);
	add_level(t, ", Dir1", v >> 10 & 31, v >> 15 & 31);
	add_level(t, ", Dir2", v >> 20 & 31, v >> 25 & 31);
	add(t, ", entries of %u bits", 64u << (v >> 30 & 3));
}

static void decode_pwch(struct text *t, uint64_t v)
{
	add_level(t, "Dir3", v & 63, v >> 6 & 63);
	add_level(t, ", Dir4", v >> 12 & 63, v >> 18 & 63);
	if (v >> 24 & 1)
		add(t, ", hardware walker on");
}

/* Codes of arch/loongarch/include/uapi/asm/break.h and asm/kprobes.h. */
static const char *break_meaning(unsigned code)
{
	switch (code) {
	case 1:
		return "BUG or WARN";
	case 2:
		return "kernel debugger";
	case 6:
		return "overflow";
	case 7:
		return "division by zero";
	case 8:
		return "range error";
	case 9:
		return "multiplication overflow";
	case 10:
	case 11:
		return "kprobe";
	case 12:
	case 13:
		return "uprobe";
	}
	return NULL;
}

static void decode_badi(struct text *t, uint64_t v)
{
	const char *meaning;
	unsigned code;

	if (!la_insn_break((uint32_t)v, &code))
		return;
	add(t, "break %u", code);
	meaning = break_meaning(code);
	if (meaning)
		add(t, ": %s", meaning);
}

/* Manual, 7.6.2 and 7.6.3; a timer that has run once stands at -1 (Linux arch/loongarch/kvm/timer.c). */
static void decode_tcfg(struct text *t, uint64_t v)
{
	add(t, "timer %s, %s, from %" PRIu64, v & 1 ? "on" : "off",
	    v & 2 ? "again and again" : "once", v & ~UINT64_C(3));
}

static void decode_tval(struct text *t, uint64_t v)
{
	if ((v & UINT64_C(0xffffffffffff)) == UINT64_C(0xffffffffffff))
		add(t, "has run out");
	else
		add(t, "%" PRIu64 " left", v);
}

void la_csr_decode(enum la_csr csr, uint64_t value, char *ret, size_t size)
{
	struct text t = { ret, size };

	if (!size)
		return;
	ret[0] = '\0';
	switch (csr) {
	case LA_CSR_CRMD:
		decode_crmd(&t, value);
		break;
	case LA_CSR_PRMD:
		decode_prmd(&t, value);
		break;
	case LA_CSR_EUEN:
		decode_euen(&t, value);
		break;
	case LA_CSR_ECFG:
		decode_ecfg(&t, value);
		break;
	case LA_CSR_ESTAT:
		decode_estat(&t, value);
		break;
	case LA_CSR_BADI:
		decode_badi(&t, value);
		break;
	case LA_CSR_PWCL:
		decode_pwcl(&t, value);
		break;
	case LA_CSR_PWCH:
		decode_pwch(&t, value);
		break;
	case LA_CSR_TCFG:
		decode_tcfg(&t, value);
		break;
	case LA_CSR_TVAL:
		decode_tval(&t, value);
		break;
	case LA_CSR_DMW0:
	case LA_CSR_DMW1:
	case LA_CSR_DMW2:
	case LA_CSR_DMW3:
		decode_dmw(&t, value);
		break;
	default:
		break;
	}
}

bool la_insn_is_call(uint32_t insn, uint64_t pc, uint64_t *target_ret)
{
	if (la_insn_is_bl(insn)) {
		*target_ret = pc + (uint64_t)la_insn_offs26(insn);
		return true;
	}
	*target_ret = 0;
	return la_insn_is_jirl(insn) && la_insn_rd(insn) == LA_R_RA;
}
