// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzz target: saved text of "info registers -a". Copied to memory of just its size, so that the
// sanitizer sees each byte read behind it.
#include <stdlib.h>
#include <string.h>

#include "lakvm/regs/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct la_arena *arena = la_arena_new(64 << 20);
	char *text = malloc(size ? size : 1);
	struct la_error err = { "" };
	struct la_vcpu_regs *regs;
	size_t n;

	memcpy(text, data, size);
	if (la_regs_text(arena, text, size, &regs, &n, &err) == LA_OK && (!n || n > size))
		abort();
	free(text);
	la_arena_free(arena);
	return 0;
}
