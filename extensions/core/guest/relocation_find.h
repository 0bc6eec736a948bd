/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the search for the kernel's offset (relocation.c) hands to the judgement of it (relocation_decide.c). */
#ifndef LAKVM_GUEST_RELOCATION_FIND_H
#define LAKVM_GUEST_RELOCATION_FIND_H

#include "lakvm/guest/relocation.h"

/* CONFIG_RANDOMIZE_BASE_MAX_OFFSET is 256 MiB at most (arch/loongarch/Kconfig). */
#define LA_MAX_RANDOM UINT64_C(0x10000000)
#define LA_MAX_CANDIDATES 16

#define LA_WAY(way) (1u << LA_RELOCATION_##way)

/* Ways that hold only where the kernel runs. */
#define LA_WAYS_MEMORY (LA_WAY(VMCOREINFO) | LA_WAY(SELF) | LA_WAY(EENTRY))
#define LA_WAYS_PROOF (LA_WAYS_MEMORY | LA_WAY(CSR_PGDH) | LA_WAY(CSR_EENTRY))

enum la_banner { LA_BANNER_SAME, LA_BANNER_UNREADABLE, LA_BANNER_OTHER };

/* What a vCPU says of the kernel that it runs. */
enum la_vote { LA_VOTE_CSR, LA_VOTE_RETURN, LA_NVOTES };

struct la_candidate {
	uint64_t offset;
	unsigned ways; /* bits */
	unsigned votes[LA_NVOTES];
	enum la_banner banner;
};

struct la_finder {
	const struct la_door *door;
	const struct la_relocation_search *where;
	struct la_arena *arena;
	uint64_t cost;    /* of looking for banners, see relocation.c */
	char banner[256]; /* as vmlinux has it */
	size_t banner_len;
	uint64_t banner_at, self, eentry,
		handlers; /* link addresses; 0: vmlinux has no such symbol */
	struct la_candidate candidate[LA_MAX_CANDIDATES];
	size_t n;
	bool full; /* there were more */
};

/** The bytes at a link address of the kernel, if that runs at @offset. */
enum la_status la_finder_read(const struct la_finder *f, uint64_t link, uint64_t offset, void *ret,
			      size_t len);
/** The same of 8 bytes. False: @link is 0, or nothing can be read there. */
bool la_finder_u64(const struct la_finder *f, uint64_t link, uint64_t offset, uint64_t *ret);

/** The address of a symbol in the vmlinux file, 0 if it has none. */
uint64_t la_link_address(const struct la_door *door, const char *name);

/**
 * The memory that the kernel at @offset keeps for a crash kernel, @ret_end behind it. False: it keeps
 * none, has loaded no crash kernel, or cannot be read.
 */
bool la_crash_region(const struct la_finder *f, uint64_t offset, uint64_t *ret_start,
		     uint64_t *ret_end);

/** The candidates judged. LA_ABSENT, LA_CORRUPT: none is right, see @ret's remark. */
enum la_status la_relocation_decide(const struct la_finder *f, struct la_relocation *ret);

#endif
