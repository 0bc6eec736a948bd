/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel's log, read from the guest's memory: the lockless ring of 5.10
 * and later (kernel/printk/printk_ringbuffer.[ch]) and the byte ring before.
 */
#ifndef LAKVM_LOG_H
#define LAKVM_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/guest/kernel.h"
#include "lakvm/base/status.h"

struct la_record {
	uint64_t seq;
	uint64_t ts_nsec;
	uint8_t level;
	uint8_t facility;
	uint32_t caller_id;  /* bit 31: a CPU number, else a thread id; UINT32_MAX = not recorded */
	uint32_t caller_id2; /* the other one of the two (since 7.0); UINT32_MAX = not recorded */
	const char *text;    /* NUL-terminated, may hold newlines */
	size_t len;
	const char *subsystem, *device; /* whose message it is (dev_printk); empty = nobody's */
};

struct la_log {
	struct la_record *record; /* oldest first */
	size_t n;
	size_t lost; /* records that were there and could not be read */
	/* Records newer than the newest that the ring itself knows of: its head and they are of different instants. */
	size_t ahead;
};

/**
 * All records, in @arena. LA_ABSENT: this kernel has no log that is known here. Whatever else it returns, @ret
 * has the records that could be read, and @err says what is wrong with the others.
 */
enum la_status la_log_read(const struct la_kernel *k, struct la_arena *arena, struct la_log *ret,
			   struct la_error *err);

#endif
