// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzz target: a guest's memory in which a printk ring is said to lie. The input is the memory
// from physical 0 on; prb, log_buf and the rest are at its start.
#include <stdlib.h>
#include <string.h>

#include "guest.h"
#include "lakvm/guest/log.h"

static bool symbol(void *ctx, const char *name, uint64_t *ret)
{
	static const char *const old[] = { "log_buf", "log_buf_len", "log_first_idx",
					   "log_next_idx", "log_first_seq" };
	const struct memory *m = ctx;

	for (unsigned i = 0; m->old && i < 5; i++) {
		if (!strcmp(name, old[i])) {
			*ret = UINT64_C(0x9000000000000000) + 8 * i;
			return true;
		}
	}
	*ret = UINT64_C(0x9000000000000000);
	return !m->old && !strcmp(name, "prb");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory m = { data, size, size && data[size - 1] & 1 };
	struct la_door door = { .ctx = &m,
				.read_phys = read_memory,
				.symbol = symbol,
				.member = no_member,
				.type_size = no_type };
	struct la_kernel k = { .door = &door, .ncpus = 1 };
	struct la_arena *arena = la_arena_new(256 << 20);
	struct la_log log;

	k.mmu.dmw[1] = UINT64_C(0x9000000000000011);
	la_log_read(&k, arena, &log, NULL);
	for (size_t i = 0; i < log.n; i++)
		if (strlen(log.record[i].text) != log.record[i].len)
			abort();
	la_arena_free(arena);
	return 0;
}
