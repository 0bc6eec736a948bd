// SPDX-License-Identifier: GPL-3.0-or-later
// One line of a text with registers, in any of the forms that people paste:
//
//	CPU#0                                                        QEMU, "info registers"
//	 PC=900000000159e420  FCSR0 0x00000000                       QEMU 7.1 and later
//	 GPR00: r0 0000000000000000 r1 900000000159f604 ...
//	CRMD=00000000000000b4                                        to 9.x
//	 CSR000: CRMD   b4               PRMD   4  ...               later, with all of them
//	pc:	  900000000159e420                                   openEuler's QEMU 6.2
//	GPR00: r0 0000000000000000 ra 900000000159f604 ...
//	TLB refill ERA  0x90000000004ea898
//	Thread 2 (Thread 1.2 (CPU#1 [running])):                     gdb on QEMU's stub
//	r1             0x90000000005e8c3c  0x90000000005e8c3c <panic+836>
//
// Sources: QEMU target/loongarch/cpu.c, loongarch_cpu_dump_state(), 7.1 to 11; openEuler's QEMU 6.2,
// target/loongarch64/cpu.c, loongarch_cpu_dump_state(); gdb's own output of a guest.
#include "text_line.h"

#include <string.h>

struct word {
	const char *at;
	size_t n;
	bool given; /* "NAME=" or "NAME:": what comes next is its value */
};

/* What may stand around words: spaces, marks of lists, quotes and tables, letters that are not ASCII. */
static bool is_space(char c)
{
	return (unsigned char)c <= ' ' || (unsigned char)c >= 127 || strchr(",;`|\"*\\", c);
}

/* Also over a terminal's control sequences, ESC [ numbers letter, and JSON's "\r" and "\t". */
static const char *skip_space(const char *p, const char *end)
{
	while (p < end && is_space(*p)) {
		const char mark = *p++;

		if (p == end)
			break;
		if (mark == '\\' && strchr("rt", *p)) {
			p++;
		} else if (mark == '\033' && *p == '[') {
			while (++p < end && *p >= ' ' && *p < '@')
				;
			p += p < end;
		}
	}
	return p;
}

/* "NAME=", "NAME:" and "NAME =" say that a value follows. */
static const char *skip_mark(const char *p, const char *end, bool *ret)
{
	const char *mark = p;

	while (mark < end && *mark == ' ')
		mark++;
	*ret = mark < end && ((*mark == '=' && !(mark + 1 < end && mark[1] == '>')) ||
			      (mark == p && *mark == ':'));
	return *ret ? mark + 1 : p;
}

static bool next_word(const char **at, const char *end, struct word *ret)
{
	const char *p = skip_space(*at, end);

	ret->at = p;
	while (p < end && !is_space(*p) && *p != '=' && *p != ':')
		p++;
	if (p == ret->at && p < end)
		p++; /* a mark on its own */
	ret->n = (size_t)(p - ret->at);
	*at = skip_mark(p, end, &ret->given);
	return ret->n != 0;
}

/* Nothing but @marks? */
static bool only(const struct word *w, const char *marks)
{
	for (size_t i = 0; i < w->n; i++)
		if (!strchr(marks, w->at[i]))
			return false;
	return true;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool word_is(const struct word *w, const char *text)
{
	return strlen(text) == w->n && !memcmp(w->at, text, w->n);
}

static bool word_begins(const struct word *w, const char *text)
{
	const size_t n = strlen(text);

	return w->n >= n && !memcmp(w->at, text, n);
}

static bool word_dec(const char *at, size_t n, unsigned *ret)
{
	unsigned value = 0;

	if (n < 1 || n > 4)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (at[i] < '0' || at[i] > '9')
			return false;
		value = value * 10 + (unsigned)(at[i] - '0');
	}
	*ret = value;
	return true;
}

/* @plain: its place says that it is a value, also one that could be a word ("pc bad", "sp a"). */
static bool word_hex(const struct word *w, bool plain, uint64_t *ret)
{
	uint64_t value = 0;
	size_t i = 0;

	if (w->n > 2 && w->at[0] == '0' && lower(w->at[1]) == 'x')
		i = 2;
	else if (!plain && w->n < 8 && !(w->n && w->at[0] >= '0' && w->at[0] <= '9'))
		return false;
	if (i == w->n || w->n - i > 16)
		return false;
	for (; i < w->n; i++) {
		char c = lower(w->at[i]);

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false;
	}
	*ret = value;
	return true;
}

/* --- names --- */

enum { NAME_PC = LA_NGPR, NAME_CSR, NAME_UNUSED = NAME_CSR + LA_NCSR, NAME_NONE };

/* Registers that are printed too and that nobody here asks for, by how their names begin. */
static const char *const unused[] = { "FCSR",    "fcsr",     "fp_status", "SR.FR",    "fcc",
				      "ftop",    "orig_a0",  "PRCFG",     "TLBIDX",   "TLBEHI",
				      "TLBELO",  "STLBPS",   "RVACFG",    "SAVE",     "CNTC",
				      "TICLR",   "LLBCTL",   "IMPCTL",    "TLBRSAVE", "TLBRELO",
				      "TLBREHI", "TLBRPRMD", "MERR",      "CTAG",     "MSG",
				      "DBG",     "DERA",     "DSAVE" };

/* Names of control registers in other forms than QEMU's of today: openEuler's QEMU 6.2, gdb. */
static const struct {
	const char *name;
	enum la_csr csr;
} other_names[] = {
	{ "BadVAddr", LA_CSR_BADV },
	{ "BadInstr", LA_CSR_BADI },
	{ "EEPN", LA_CSR_EENTRY },
	{ "badv", LA_CSR_BADV },
};

static unsigned gpr_of(const struct word *w)
{
	unsigned n;

	if (w->n > 1 && w->at[0] == 'r' && word_dec(w->at + 1, w->n - 1, &n) && n < LA_NGPR)
		return n;
	/* openEuler's QEMU 6.2 calls r21 so. */
	if (word_is(w, "x0"))
		return LA_R_U0;
	for (n = 0; n < LA_NGPR; n++)
		if (word_is(w, la_gpr_name(n)))
			return n;
	return NAME_NONE;
}

/* @refill: behind "TLB refill", where 6.2 calls TLBRERA "ERA" and TLBRBADV "BadV". */
static unsigned name_of(const struct word *w, bool refill)
{
	unsigned n;

	if (refill)
		return word_is(w, "ERA")  ? NAME_CSR + LA_CSR_TLBRERA :
		       word_is(w, "BadV") ? NAME_CSR + LA_CSR_TLBRBADV :
					    NAME_NONE;
	if (word_is(w, "PC") || word_is(w, "pc"))
		return NAME_PC;
	n = gpr_of(w);
	if (n != NAME_NONE)
		return n;
	for (n = 0; n < LA_NCSR; n++)
		if (word_is(w, la_csr_name(n)))
			return NAME_CSR + n;
	for (size_t i = 0; i < sizeof(other_names) / sizeof(other_names[0]); i++)
		if (word_is(w, other_names[i].name))
			return NAME_CSR + other_names[i].csr;
	if (w->at[0] == 'f' && word_dec(w->at + 1, w->n - 1, &n) && n < 32)
		return NAME_UNUSED;
	for (size_t i = 0; i < sizeof(unused) / sizeof(unused[0]); i++)
		if (word_begins(w, unused[i]))
			return NAME_UNUSED;
	return NAME_NONE;
}

static void take(unsigned name, uint64_t value, struct la_regs *regs)
{
	if (name < LA_NGPR) {
		la_gpr_set(regs, name, value);
	} else if (name == NAME_PC) {
		regs->pc = value;
		regs->pc_known = true;
	} else if (name < NAME_UNUSED) {
		la_csr_set(regs, name - NAME_CSR, value);
	}
}

/* --- lines --- */

/* "GPR00:", "CSR000:", laconvert's "CSR:": behind it come only names and values. */
static bool is_label(const struct word *w)
{
	unsigned n;

	return w->given && (word_begins(w, "GPR") || word_begins(w, "CSR")) &&
	       (w->n == 3 || word_dec(w->at + 3, w->n - 3, &n));
}

/*
 * QEMU writes the numbers of "GPR00:", of "PC=" and of its older "NAME=" with 16 digits. One that was cut by the edge of a
 * screen or a picture is another number: one that is shorter than those before it (@wide), that begins with zeros, or as
 * the kernel's addresses do. People who type them leave out the zeros in front.
 */
static bool is_cut(const struct word *value, bool wide)
{
	if (value->n == 16 || (value->n > 1 && lower(value->at[1]) == 'x'))
		return false;
	return wide || (value->n > 1 && value->at[0] == '0') || word_begins(value, "9000") ||
	       word_begins(value, "8000");
}

static void take_registers(const char *at, const char *end, struct la_text_line *ret)
{
	bool labelled = false, row = false, wide = false, refill = false, tlb = false,
	     arrow = false;
	struct word name, value;
	uint64_t v;

	while (next_word(&at, end, &name)) {
		const char *behind = at;
		unsigned n;

		if (is_label(&name)) {
			labelled = true;
			row = word_begins(&name, "GPR");
			ret->kind = LA_LINE_NOTHING;
			continue;
		}
		/* gdb's x/i $pc: "=> 0x90000000005e7c74 <__udelay+52>:" */
		n = arrow && word_is(&name, ">") ? NAME_PC : name_of(&name, refill);
		arrow = word_is(&name, "=");
		refill = tlb && word_is(&name, "refill");
		tlb = word_is(&name, "TLB");
		if (n == NAME_NONE)
			continue;
		if (n == NAME_UNUSED && name.given && ret->kind == LA_LINE_OTHER)
			ret->kind = LA_LINE_NOTHING; /* "f0: w:00000000 d:..." of QEMU 6.2 */
		if (!next_word(&at, end, &value)) {
			ret->damaged = ret->damaged || labelled || name.given;
			return;
		}
		if (!word_hex(&value, labelled || name.given, &v)) {
			ret->damaged =
				ret->damaged || (n != NAME_UNUSED && (labelled || name.given));
			at = behind;
			continue;
		}
		if (n != NAME_UNUSED && is_cut(&value, wide) &&
		    (row || (name.given && (n == NAME_PC || behind[-1] == '=')))) {
			ret->damaged = true;
			continue;
		}
		wide = wide || (n != NAME_UNUSED && value.n == 16);
		if (n != NAME_UNUSED)
			ret->kind = LA_LINE_REGISTERS;
		else if (ret->kind == LA_LINE_OTHER)
			ret->kind = LA_LINE_NOTHING;
		take(n, v, &ret->regs);
	}
}

static const char *find(const char *at, const char *end, const char *text)
{
	return memmem(at, (size_t)(end - at), text, strlen(text));
}

/*
 * "CPU#3", also with something behind it; a line that is only "CPU 3", "vcpu3:" or, at the monitor's
 * prompt, "cpu 3"; gdb's "Thread 2 (Thread 1.2 (CPU#1 [running])):". Not the lines of gdb's "info threads",
 * which begin with a number.
 */
static bool is_header(const char *at, const char *end, unsigned *ret)
{
	const char *number;
	struct word w;
	bool any;

	do {
		if (!next_word(&at, end, &w))
			return false;
	} while (word_is(&w, "(qemu)") || only(&w, "#>-"));
	if (word_is(&w, "Thread") || word_is(&w, "[Switching")) {
		at = find(at, end, "CPU#");
		if (!at)
			return false;
		number = at + 4;
		while (at < end && !is_space(*at))
			at++;
		return word_dec(number, (size_t)(at - number), ret);
	}
	number = w.at;
	any = lower(*number) == 'v';
	number += any;
	if (w.at + w.n - number < 3 || lower(number[0]) != 'c' || lower(number[1]) != 'p' ||
	    lower(number[2]) != 'u')
		return false;
	number += 3;
	any = number < w.at + w.n && *number == '#';
	number += any;
	if (number == w.at + w.n && !w.given && next_word(&at, end, &w))
		number = w.at;
	return word_dec(number, (size_t)(w.at + w.n - number), ret) &&
	       (any || skip_space(at, end) == end);
}

/* What is no register and yet no riddle: blank, "```", "---", a prompt, the command itself. */
static bool is_nothing(const char *at, const char *end)
{
	struct word w, last = { 0 };
	bool marks = true;

	if (find(at, end, "info registers"))
		return true;
	while (next_word(&at, end, &w)) {
		marks = marks && only(&w, "~-=#>_+.:[](){}");
		last = w;
	}
	return marks || word_is(&last, "(qemu)") || word_is(&last, "(gdb)") ||
	       strchr("#$", last.at[last.n - 1]);
}

/* "[   12.345678] ...": the kernel's log, whose registers are those of another moment. */
static bool is_log(const char *at, const char *end)
{
	at = skip_space(at, end);
	if (at == end || *at++ != '[')
		return false;
	while (at < end && *at == ' ')
		at++;
	if (at == end || *at < '0' || *at > '9')
		return false;
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at < end && *at == '.';
}

void la_text_line(const char *at, const char *end, struct la_text_line *ret)
{
	*ret = (struct la_text_line){ .regs.source = LA_REGS_TEXT };
	if (is_header(at, end, &ret->vcpu)) {
		ret->kind = LA_LINE_VCPU;
	} else if (!is_log(at, end)) {
		take_registers(at, end, ret);
		if (ret->kind == LA_LINE_OTHER && is_nothing(at, end))
			ret->kind = LA_LINE_NOTHING;
	}
}

bool la_text_repeats(const struct la_regs *a, const struct la_regs *b)
{
	return (a->gpr_known & b->gpr_known) || (a->csr_known & b->csr_known) ||
	       (a->pc_known && b->pc_known);
}

void la_text_add(struct la_regs *regs, const struct la_regs *more)
{
	uint64_t value;

	for (unsigned i = 0; i < LA_NGPR; i++)
		if (la_gpr_get(more, i, &value))
			la_gpr_set(regs, i, value);
	for (unsigned i = 0; i < LA_NCSR; i++)
		if (la_csr_get(more, i, &value))
			la_csr_set(regs, i, value);
	if (more->pc_known) {
		regs->pc = more->pc;
		regs->pc_known = true;
	}
}
