/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A piece of the guest's RAM, as a dump has it: what the door tells and the reader lists. */
#ifndef LAKVM_RAM_H
#define LAKVM_RAM_H

#include <stddef.h>
#include <stdint.h>

/**
 * Guest-physical [start, end). The four counts are bytes and add up to end - start where they were
 * asked for; all are 0 where they were not (la_dump_ram).
 */
struct la_ram_range {
	uint64_t start, end;
	uint64_t present, zero, excluded, missing; /* as enum la_block_state has them */
};

/**
 * The first of @n ranges in ascending order that ends behind @pa: the one that holds it, or the next
 * one above; NULL: there is none. By bisection: files may have thousands of ranges.
 */
static inline const struct la_ram_range *la_ram_find(const struct la_ram_range *ram, size_t n,
						     uint64_t pa)
{
	size_t low = 0, high = n;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (ram[middle].end > pa)
			high = middle;
		else
			low = middle + 1;
	}
	return low < n ? &ram[low] : NULL;
}

#endif
