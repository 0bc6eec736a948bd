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
	struct la_regs_text regs;
	size_t samples = 0;

	memcpy(text, data, size);
	if (la_regs_text(arena, text, size, &regs, &err) == LA_OK) {
		for (size_t i = 0; i < regs.n; i++) {
			samples += regs.vcpu[i].nsamples;
			if (!regs.vcpu[i].nsamples ||
			    (i && regs.vcpu[i].pid <= regs.vcpu[i - 1].pid))
				abort();
		}
		if (!samples || samples > size)
			abort();
	} else if (!err.text[0]) {
		abort();
	}
	free(text);
	la_arena_free(arena);
	return 0;
}
