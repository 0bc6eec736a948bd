/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a person says of a guest, against all it says itself: for a dump that lies. crash hands such
 * words to the machine-dependent code as --machdep (-m) NAME=VALUE.
 */
#ifndef LAKVM_OVERRIDES_H
#define LAKVM_OVERRIDES_H

#include <stdint.h>

#include "lakvm/base/status.h"

/** What SECTION_SIZE_BITS, and the width of a virtual address, can be believed to be, whoever says it. */
#define LA_SECTION_BITS_MIN 24
#define LA_SECTION_BITS_MAX 34
#define LA_VIRT_BITS_MIN 36
#define LA_VIRT_BITS_MAX 57

struct la_overrides {
	unsigned page_shift;   /* page_size=16384 or 16k; each field: 0 = nothing was said */
	unsigned levels;       /* levels=3 */
	unsigned section_bits; /* section_size_bits=29 */
	unsigned phys_bits;    /* max_physmem_bits=48 */
	unsigned virt_bits;    /* vabits_actual=48: implemented bits, VALEN of the manual */
	uint64_t vmemmap;      /* vmemmap=0xfffffebffe000000 */
};

/** Names and ranges for a person, one line. */
extern const char la_overrides_help[];

/**
 * Add what @text, "NAME=VALUE[,NAME=VALUE...]", says to @ret. LA_INVALID: a name that is none of
 * those, or a value that makes no sense; @err names it, and what stood before it counts.
 */
enum la_status la_overrides_parse(const char *text, struct la_overrides *ret, struct la_error *err);

#endif
