/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the programs of tests/tools share. */
#ifndef LAKVM_TOOLS_READ_TEXT_H
#define LAKVM_TOOLS_READ_TEXT_H

#include <stdio.h>
#include <stdlib.h>

#include "lakvm/regs_text.h"

/** The registers in the saved "info registers -a" at @path; ends the program if it cannot be opened. */
static inline struct la_note_regs *read_text(struct la_arena *arena, const char *path, size_t *ret_n)
{
	struct la_note_regs *regs = NULL;
	static char text[1 << 20];
	FILE *file = fopen(path, "r");
	struct la_error err = { "" };

	if (!file) {
		perror(path);
		exit(99);
	}
	if (la_regs_text(arena, text, fread(text, 1, sizeof(text), file), &regs, ret_n, &err) != LA_OK)
		fprintf(stderr, "%s: %s\n", path, err.text);
	fclose(file);
	return regs;
}

#endif
