// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzz target: the .debug_frame of a vmlinux, from its section to the rows of some addresses.
#include "../unit/debug_frame.h"
#include "stack/cfi.h"
#include "lakvm/stack/unwind.h"
#include "lakvm/stack/cfi.h"

#define TEXT UINT64_C(0x100) /* easily hit */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frames_section section = { .size = 0 };
	struct la_door door = { .vmlinux = NULL };
	struct la_kernel k = { .door = &door };
	struct la_error err = { "" };
	struct la_cfi_row row;
	char *path;

	frame_cie(&section); /* so that an input can be nothing but FDEs */
	if (size > sizeof(section.bytes) - section.size)
		size = sizeof(section.bytes) - section.size;
	memcpy(section.bytes + section.size, data, size);
	section.size += size;
	path = frame_write(&section);
	door.vmlinux = path;
	if (la_cfi_open(&k, &err) == LA_OK) {
		for (uint64_t pc = TEXT; pc < TEXT + 0x400; pc += 4)
			if (la_cfi_row(k.cfi, pc, &row) && row.cfa_reg >= LA_NGPR)
				abort();
		la_cfi_row(k.cfi, UINT64_MAX, &row);
	}
	la_cfi_close(&k);
	unlink(path);
	free(path);
	return 0;
}
