/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A piece of the guest's RAM, as a dump has it: what the door tells and the reader lists. */
#ifndef LAKVM_RAM_H
#define LAKVM_RAM_H

#include <stdint.h>

/**
 * Guest-physical [start, end). The four counts are bytes and add up to end - start where they were
 * asked for; all are 0 where they were not (la_dump_ram).
 */
struct la_ram_range {
	uint64_t start, end;
	uint64_t present, zero, excluded, missing; /* as enum la_block_state has them */
};

#endif
