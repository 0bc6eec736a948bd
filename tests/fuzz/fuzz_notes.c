// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzz target: an area of ELF notes. Copied to memory of just its size, so that the sanitizer
// sees each byte read behind it.
#include <stdlib.h>
#include <string.h>

#include "dump/notes.h"
#include "lakvm/base/arena.h"
#include "lakvm/isa/regs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct la_arena *arena = la_arena_new(16 << 20);
	uint8_t *area = malloc(size ? size : 1);
	struct la_error err = { "" };
	struct la_vcpu_regs *regs;
	const char *info;
	size_t n;

	memcpy(area, data, size);
	info = la_notes_text(area, size, "VMCOREINFO", &n);
	if (info)
		la_strndup(arena, info, n); /* reads all of it */
	la_notes_regs(arena, area, size, &regs, &n, &err);
	free(area);
	la_arena_free(arena);
	return 0;
}
