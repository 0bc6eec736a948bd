/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Instructions as binutils' disassembler reads them, recorded by "make disassembly": one word a line,
 * in ascending order, "WORD MNEMONIC OPERANDS", with the names that objdump -M no-aliases gives.
 */
#ifndef LAKVM_TEST_DISASSEMBLY_H
#define LAKVM_TEST_DISASSEMBLY_H

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct insn_text {
	uint32_t word;
	char name[12];
	int64_t operand[3]; /* a register's number, or a number as it is printed */
	unsigned n;
};

struct disassembly {
	struct insn_text *line;
	size_t n;
};

/* The number of a register that objdump calls @name, without the dollar; 32 if there is none. */
static inline unsigned insn_register(const char *name)
{
	static const char *const abi[32] = {
		"zero", "ra", "tp", "sp", "a0", "a1", "a2", "a3", "a4", "a5", "a6",
		"a7",   "t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "r21",
		"fp",   "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8",
	};
	unsigned n = 0;

	while (n < 32 && strcmp(abi[n], name))
		n++;
	return n;
}

/* False if @text is not a line of such a file. */
static inline bool insn_parse(char *text, struct insn_text *ret)
{
	char *save, *word = strtok_r(text, " ,\n", &save), *end;

	*ret = (struct insn_text){ .n = 0 };
	if (!word)
		return false;
	ret->word = (uint32_t)strtoul(word, &end, 16);
	if (*end || !(word = strtok_r(NULL, " ,\n", &save)))
		return false;
	snprintf(ret->name, sizeof(ret->name), "%s", word);
	while ((word = strtok_r(NULL, " ,\n", &save))) {
		if (ret->n == 3)
			return false;
		if (*word == '$') {
			ret->operand[ret->n] = insn_register(word + 1);
			if (ret->operand[ret->n++] == 32)
				return false;
		} else {
			ret->operand[ret->n++] = strtoll(word, &end, 0);
			if (*end)
				return false;
		}
	}
	return true;
}

/* Read the file; false if it is not there or has a line that is none. */
static inline bool disassembly_read(const char *path, struct disassembly *ret)
{
	FILE *file = fopen(path, "r");
	size_t room = 0;
	char text[128];

	*ret = (struct disassembly){ .n = 0 };
	if (!file)
		return false;
	while (fgets(text, sizeof(text), file)) {
		if (ret->n == room) {
			room = room ? 2 * room : 256;
			ret->line = realloc(ret->line, room * sizeof(*ret->line));
			if (!ret->line)
				abort();
		}
		if (!insn_parse(text, &ret->line[ret->n++])) {
			fclose(file);
			return false;
		}
	}
	fclose(file);
	return ret->n > 0;
}

static inline int disassembly_compare(const void *key, const void *line)
{
	const uint32_t word = *(const uint32_t *)key;
	const struct insn_text *text = line;

	return word < text->word ? -1 : word > text->word;
}

/* NULL if the word is not recorded. */
static inline const struct insn_text *disassembly_find(const struct disassembly *d, uint32_t word)
{
	return bsearch(&word, d->line, d->n, sizeof(*d->line), disassembly_compare);
}

#endif
