// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzz target: a guest's memory in which VMCOREINFO and the banner are searched for without
// symbols. The input is written over a sound one, at the place its first two bytes name.
#include <stdlib.h>
#include <string.h>

#include "lakvm/guest/build_id.h"
#include "lakvm/guest/vmcoreinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEMORY 0x8000u

static enum la_status read_phys(void *ctx, uint64_t pa, void *ret, size_t len)
{
	if (pa > MEMORY || len > MEMORY - pa)
		return LA_NOT_RAM;
	memcpy(ret, (const uint8_t *)ctx + pa, len);
	return LA_OK;
}

static void put_sound(uint8_t *memory)
{
	const uint64_t pointer = UINT64_C(0x9000000000002000);
	static const char text[] =
		"OSRELEASE=6.12\nBUILD-ID=00\nPAGESIZE=16384\n"
		"SYMBOL(init_uts_ns)=9000000000003000\nSYMBOL(_stext)=9000000000200000\n";
	static const char banner[] = "Linux version 6.12 (lab@lakvm) #1\n";

	memcpy(memory + 0xff0, banner, sizeof(banner));
	memcpy(memory + 0x1800, &pointer, sizeof(pointer));
	memcpy(memory + 0x2000, text, sizeof(text));
	memcpy(memory + 0x3041, "6.12", 5);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct la_ram_range ram = { .start = 0, .end = MEMORY };
	struct la_arena *arena = la_arena_new(4 << 20);
	uint8_t *memory = calloc(1, MEMORY);
	const struct la_door door = { .ctx = memory, .read_phys = read_phys };
	const char *text, *banner, *value;
	struct la_kernel_identity kernel;
	struct la_error err = { "" };
	size_t len, n;

	put_sound(memory);
	if (size > 2) {
		const size_t at = (data[0] | (size_t)data[1] << 8) % MEMORY;

		memcpy(memory + at, data + 2, size - 2 < MEMORY - at ? size - 2 : MEMORY - at);
	}
	if (la_vmcoreinfo_find(&door, &ram, 1, arena, &text, &len, &banner, &err) == LA_OK) {
		/* what was found holds, and is a text */
		if (text[len] || strlen(text) != len ||
		    !la_vmcoreinfo_get(text, len, "OSRELEASE", &value, &n))
			abort();
	} else if (!err.text[0]) {
		abort();
	}
	if (banner && strncmp(banner, "Linux version ", 14))
		abort();
	if (la_kernel_identity_find(&door, &ram, 1, true, arena, &kernel, NULL) == LA_OK &&
	    (!kernel.n || !kernel.id[0].size || kernel.id[0].size > sizeof(kernel.id[0].byte)))
		abort();
	free(memory);
	la_arena_free(arena);
	return 0;
}
