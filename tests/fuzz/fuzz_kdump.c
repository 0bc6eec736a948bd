// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzz target: a whole kdump-compressed file, its first bytes aside.
#include "read_through.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char magic[] = "KDUMP   ";

	if (size >= sizeof(magic) - 1)
		read_through(magic, sizeof(magic) - 1, data + sizeof(magic) - 1,
			     size - (sizeof(magic) - 1));
	return 0;
}
