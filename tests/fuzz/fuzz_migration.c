// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzz target: a migration stream, or a save file of libvirt's.
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lakvm/convert/convert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct la_arena *arena = la_arena_new(32 << 20);
	int in = memfd_create("stream", 0), out = memfd_create("dump", 0);
	struct la_converted result;
	struct la_saved saved;
	struct la_error err = { "" };

	if (in < 0 || out < 0 || write(in, data, size) != (ssize_t)size)
		abort();
	if (la_saved_find(in, &saved, &err) == LA_OK && saved.packer == LA_PACKER_NONE) {
		lseek(in, (off_t)saved.start, SEEK_SET);
		la_convert(arena, in, out, NULL, &result, &err);
	}
	close(in);
	close(out);
	la_arena_free(arena);
	return 0;
}
