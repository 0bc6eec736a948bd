// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzz target: a table of known issues, and a verdict that is compared with it.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lakvm/triage/known.h"
#include "lakvm/triage/panic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct la_fact fact[] = { { "CPU 1 is in panic()", "panic_cpu" } };
	struct la_panic panic = { .verdict = LA_VERDICT_PANIC,
				  .message = "Attempted to kill init! exitcode=0x0000000b",
				  .release = "6.6.0-72.0.0.76.oe2403.loongarch64",
				  .signature = "lakvm-1 panic page-fault \"\" i8042_flush",
				  .hash = "ebcae89c62ec8971",
				  .fact = fact,
				  .nfacts = 1 };
	struct la_arena *arena = la_arena_new(64 << 20);
	struct la_known_table table;

	panic.cause.kind = "page-fault";
	panic.cause.symbol = "i8042_flush";
	if (la_known_parse(arena, (const char *)data, size, &table, NULL) != LA_OK)
		abort(); /* there is room for all that fits into the input */
	for (size_t i = 0; i < table.nremarks; i++)
		if (!table.remark[i] || strlen(table.remark[i]) > 200)
			abort();
	for (size_t i = 0; i < table.n; i++)
		if (!table.entry[i].name || !table.entry[i].what)
			abort();
	if (!la_known_match(arena, &table, &panic) || panic.nknown > table.n)
		abort();
	la_arena_free(arena);
	return 0;
}
