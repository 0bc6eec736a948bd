// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzz target: a flattened file, its header of 4096 bytes aside.
#include <string.h>

#include "read_through.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t head[4096] = "makedumpfile";

	head[23] = head[31] = 1;
	if (size >= 4096)
		read_through(head, sizeof(head), data + 4096, size - 4096);
	return 0;
}
