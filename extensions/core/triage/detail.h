/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pieces of lakvm/triage/detail.h; each file fills in what it knows. */
#ifndef LAKVM_TRIAGE_DETAIL_H
#define LAKVM_TRIAGE_DETAIL_H

#include "triage.h"

/** Fill in @p->detail for the verdict in @p. Never fails: what is not known stays unknown. */
void la_detail_collect(const struct la_kernel *k, const struct la_triage *t,
		       const struct la_judgement *j);

/**
 * What kind of address @address is, one phrase in @arena: "NULL pointer plus 0x80". @base: the pointer that it was made of,
 * @address itself where that is not known. @cpu: of whose fault it is, -1: not known; @task: what ran there. NULL: out of
 * memory.
 */
const char *la_address_class(const struct la_kernel *k, struct la_arena *arena, uint64_t address,
			     uint64_t base, int cpu, const struct la_task *task);

/** The name of a mark that is left in the links of a list's element when that is removed; NULL: @value is none. */
const char *la_list_poison(uint64_t value);

/** "error pointer -16 (EBUSY; or NULL - 16) plus 0x18": @address was made of @pointer, one of the last 4095 addresses. */
const char *la_error_pointer(struct la_arena *arena, uint64_t pointer, uint64_t address);

/** Of a pointer that text was written over, that text; NULL: @value does not look so. */
const char *la_text_pointer(struct la_arena *arena, uint64_t value);

/** Letters of tainted_mask in words: an array in @arena, *@ret_n of them. */
const char *const *la_taint_words(struct la_arena *arena, uint64_t taint, size_t *ret_n);

/** How init ended, of a panic's message "Attempted to kill init! exitcode=0x..."; NULL: another message. */
const char *la_exit_words(struct la_arena *arena, const char *message);

/** The lines of the log to show: a few before the first event, and those that tell of @e (NULL: none). */
const char *const *la_log_lines(struct la_arena *arena, const struct la_triage *t,
				const struct la_event *e, size_t *ret_n);

/** What the log tells of, in its order, *@ret_n of them; NULL: nothing, or out of memory. */
const struct la_moment *la_log_moments(struct la_arena *arena, const struct la_triage *t,
				       size_t *ret_n);

#endif
