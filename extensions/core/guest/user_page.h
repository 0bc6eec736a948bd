/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where user space has an anonymous page: the way back that the kernel keeps for itself. */
#ifndef LAKVM_GUEST_USER_PAGE_H
#define LAKVM_GUEST_USER_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lakvm/guest/kernel.h"
#include "lakvm/guest/page.h"
#include "lakvm/guest/sections.h"

/**
 * The address space (a struct mm_struct) and the address in it of the anonymous page @page, whose memory is at @pa: one
 * whose page tables lead there. False: none is found, or nobody knows.
 */
bool la_user_page_find(const struct la_kernel *k, const struct la_sections *s,
		       const struct la_page *page, uint64_t pa, uint64_t *ret_mm, uint64_t *ret_va);

#endif
