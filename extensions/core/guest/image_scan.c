// SPDX-License-Identifier: GPL-3.0-or-later
// Where a kernel is whose symbols nobody has: around what its vCPUs return to, else low in memory.
#include "image_scan.h"

#include <string.h>

#include "lakvm/guest/mmu.h"
#include "lakvm/isa/loongarch.h"
#include "lakvm/isa/regs.h"

/* Where the kernel is unless a hint tells: loaded at 2 MiB and moved by up to 256 MiB. */
#define LOW_END UINT64_C(0x14000000)
/* An image is smaller than this; its data lie behind its text. */
#define IMAGE_SIZE UINT64_C(0x4000000)

struct scan {
	const struct la_door *door;
	const struct la_ram_range *ram;
	size_t nram;
	bool (*look)(void *ctx, const unsigned char *bytes);
	void *ctx;
};

static bool scan_ram(const struct scan *s, uint64_t start, uint64_t end)
{
	unsigned char bytes[LA_SCAN_CARRIED + LA_SCAN_BLOCK] = { 0 };
	const uint64_t mask = LA_SCAN_BLOCK - 1;

	for (uint64_t pa = start & ~mask; pa < end; pa += LA_SCAN_BLOCK) {
		memmove(bytes, bytes + LA_SCAN_BLOCK, LA_SCAN_CARRIED);
		if (s->door->read_phys(s->door->ctx, pa, bytes + LA_SCAN_CARRIED, LA_SCAN_BLOCK) !=
		    LA_OK) {
			memset(bytes + LA_SCAN_CARRIED, 0, LA_SCAN_BLOCK);
			continue;
		}
		if (s->look(s->ctx, bytes))
			return true;
	}
	return false;
}

static bool scan_range(const struct scan *s, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < s->nram; i++) {
		const struct la_ram_range *r = &s->ram[i];

		if (scan_ram(s, r->start > start ? r->start : start, r->end < end ? r->end : end))
			return true;
	}
	return false;
}

/* The lowest and highest kernel address to which a vCPU was about to return; false: none. */
static bool find_text(const struct la_door *door, struct la_arena *arena, uint64_t *low,
		      uint64_t *high)
{
	struct la_vcpu_regs *note = NULL;
	size_t n = 0;

	*low = UINT64_MAX;
	*high = 0;
	if (door->notes)
		la_notes_regs(arena, door->notes, door->notes_size, &note, &n, NULL);
	for (size_t i = 0; i < n; i++) {
		uint64_t ra;

		if (!la_gpr_get(&note[i].regs, LA_R_RA, &ra) || ra >> 60 != LA_CACHED_WINDOW)
			continue;
		ra &= LA_PHYS_MASK;
		*low = ra < *low ? ra : *low;
		*high = ra > *high ? ra : *high;
	}
	return *high && *high - *low < IMAGE_SIZE;
}

bool la_image_scan(const struct la_door *door, const struct la_ram_range *ram, size_t nram,
		   struct la_arena *arena, bool (*look)(void *ctx, const unsigned char *bytes),
		   bool (*low_too)(void *ctx), void *ctx)
{
	const struct scan s = { door, ram, nram, look, ctx };
	uint64_t low, high;

	if (find_text(door, arena, &low, &high) &&
	    scan_range(&s, low > IMAGE_SIZE ? low - IMAGE_SIZE : 0, high + IMAGE_SIZE))
		return true;
	return (!low_too || low_too(ctx)) && scan_range(&s, 0, LOW_END);
}
