/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What both forms of the kernel's log are read with. */
#ifndef LAKVM_LOG_READER_H
#define LAKVM_LOG_READER_H

#include "lakvm/guest/log.h"

/* A ring of 2^28 bytes is far more than any kernel makes. */
#define LA_LOG_MAX_SIZE_BITS 28
/* printk cuts a record at PRINTKRB_RECORD_MAX (1024) or CONSOLE_EXT_LOG_MAX (8192). */
#define LA_LOG_MAX_TEXT 8192

/*
 * Neighbouring records are read in blocks of 4 KiB. Such a block never crosses the border of a
 * guest page nor of a page of the dump, so it is readable exactly if the value in it is.
 */
#define LA_LOG_BLOCK 4096u

struct la_log_window {
	uint64_t va;
	bool valid;
	unsigned char bytes[LA_LOG_BLOCK];
};

struct la_log_reader {
	const struct la_kernel *k;
	struct la_arena *arena;
	struct la_log *log;
	size_t room; /* records that log->record has space for */
	struct la_log_window *descs, *infos, *text;
};

/** Read @len bytes at @va by way of @w. */
enum la_status la_log_window_read(const struct la_log_reader *r, struct la_log_window *w,
				  uint64_t va, void *ret, size_t len, struct la_error *err);

/** Room for one more record, which counts from now on. NULL: no memory. */
struct la_record *la_log_add(struct la_log_reader *r);

/** The text of a record; printk never stores a NUL, so one in it is damage and becomes '?'. */
enum la_status la_log_text(struct la_log_reader *r, uint64_t va, size_t len, struct la_record *rec,
			   struct la_error *err);

/** The ring of records, Linux 5.10 and later. */
enum la_status la_log_read_ring(struct la_log_reader *r, struct la_error *err);

/** The byte ring, Linux 3.5 to 5.9. */
enum la_status la_log_read_bytes(struct la_log_reader *r, struct la_error *err);

#endif
