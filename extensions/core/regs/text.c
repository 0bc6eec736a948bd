// SPDX-License-Identifier: GPL-3.0-or-later
// The text of QEMU's "info registers -a" for LoongArch: target/loongarch/cpu.c,
// loongarch_cpu_dump_state(). Up to QEMU 9.x
//
//	CPU#0
//	 PC=900000000159e420  FCSR0 0x00000000
//	 GPR00: r0 0000000000000000 r1 900000000159f604 ...
//	CRMD=00000000000000b4
//	PRCFG1=00000000000072f8, PRCFG2=000000003ffff000, ...
//
// and later, with all control registers, "CSR000: CRMD   b4               PRMD   4  ...".
#include "lakvm/regs/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* More vCPUs than any QEMU has; more means the text is something else. */
#define MAX_VCPUS 4096
/* 256 vCPUs with all their registers make half a megabyte of text. */
#define MAX_TEXT ((size_t)16 << 20)

struct word {
	const char *at;
	size_t n;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == ',';
}

/* The next word of the line @at..@end; "NAME=VALUE" is two words. */
static bool next_word(const char **at, const char *end, struct word *ret)
{
	const char *p = *at;

	while (p < end && (is_space(*p) || *p == '='))
		p++;
	ret->at = p;
	while (p < end && !is_space(*p) && *p != '=')
		p++;
	ret->n = (size_t)(p - ret->at);
	*at = p;
	return ret->n != 0;
}

static bool word_is(const struct word *w, const char *text)
{
	return strlen(text) == w->n && !memcmp(w->at, text, w->n);
}

static bool word_hex(const struct word *w, uint64_t *ret)
{
	uint64_t value = 0;
	size_t i = 0;

	if (w->n > 2 && w->at[0] == '0' && w->at[1] == 'x')
		i = 2;
	if (i == w->n || w->n - i > 16)
		return false;
	for (; i < w->n; i++) {
		char c = w->at[i];

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

/* A register's name and its value. */
static void take_pair(const struct word *name, uint64_t value, struct la_regs *regs)
{
	unsigned n;

	if (word_is(name, "PC")) {
		regs->pc = value;
		regs->pc_known = true;
		return;
	}
	if (name->at[0] == 'r' && word_dec(name->at + 1, name->n - 1, &n) && n < LA_NGPR) {
		la_gpr_set(regs, n, value);
		return;
	}
	for (unsigned i = 0; i < LA_NCSR; i++)
		if (word_is(name, la_csr_name(i)))
			la_csr_set(regs, i, value);
}

static void take_line(const char *at, const char *end, struct la_regs *regs)
{
	struct word name, value;
	uint64_t v;

	while (next_word(&at, end, &name)) {
		const char *behind = at;

		if (name.at[name.n - 1] == ':') /* "GPR00:", "CSR000:" */
			continue;
		if (!next_word(&at, end, &value))
			return;
		if (word_hex(&value, &v))
			take_pair(&name, v, regs);
		else
			at = behind;
	}
}

/* "CPU#3", also with something behind it. */
static bool header(const char *at, const char *end, unsigned *ret)
{
	struct word w;

	return next_word(&at, end, &w) && w.n > 4 && !memcmp(w.at, "CPU#", 4) &&
	       word_dec(w.at + 4, w.n - 4, ret);
}

enum la_status la_regs_text(struct la_arena *arena, const char *text, size_t size,
			    struct la_vcpu_regs **ret, size_t *ret_n, struct la_error *err)
{
	const char *end = text + size, *line, *next;
	size_t n = 0, room = 0;
	unsigned vcpu;

	*ret = NULL;
	*ret_n = 0;
	for (line = text; line < end; line = next) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		const char *line_end = newline ? newline : end;

		next = newline ? newline + 1 : end;
		if (!header(line, line_end, &vcpu)) {
			if (n)
				take_line(line, line_end, &(*ret)[n - 1].regs);
			continue;
		}
		if (n == MAX_VCPUS)
			return la_fail(err, LA_INVALID, "register text: more than %d CPUs",
				       MAX_VCPUS);
		if (n == room) {
			struct la_vcpu_regs *more;

			room = room ? 2 * room : 16;
			more = la_regrow(arena, *ret, n, room, sizeof(*more));
			if (!more)
				return la_fail(err, LA_NOMEM, "register text");
			*ret = more;
		}
		(*ret)[n] = (struct la_vcpu_regs){ .pid = vcpu + 1 };
		(*ret)[n].regs.source = LA_REGS_TEXT;
		*ret_n = ++n;
	}
	if (!n)
		return la_fail(err, LA_INVALID, "register text: no line \"CPU#n\" in it");
	return LA_OK;
}

enum la_status la_regs_text_read(struct la_arena *arena, const char *path,
				 struct la_vcpu_regs **ret, size_t *ret_n, struct la_error *err)
{
	FILE *file = fopen(path, "r");
	enum la_status status;
	struct stat about;
	char *text = NULL;
	size_t size;

	if (!file)
		return la_fail(err, LA_INVALID, "%s: %s", path, strerror(errno));
	if (fstat(fileno(file), &about) || !(S_ISREG(about.st_mode) || S_ISFIFO(about.st_mode))) {
		status = la_fail(err, LA_INVALID, "not a file");
	} else if (about.st_size > (off_t)MAX_TEXT) {
		status = la_fail(err, LA_INVALID, "too large for a register text");
	} else {
		size = S_ISREG(about.st_mode) ? (size_t)about.st_size + 1 : MAX_TEXT;
		text = la_alloc(arena, size);
		status = text ? la_regs_text(arena, text, fread(text, 1, size, file), ret, ret_n,
					     err) :
				la_fail(err, LA_NOMEM, "register text");
	}
	fclose(file);
	return status == LA_OK ? LA_OK : la_fail(err, status, "%s", path);
}
