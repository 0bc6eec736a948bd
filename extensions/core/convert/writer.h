/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bytes of the dump that is written. They are gathered, for one large piece costs a file system a fraction of its
 * pages one by one, and a second thread writes what has been gathered while the caller goes on. Two batches take turns.
 */
#ifndef LAKVM_CONVERT_WRITER_H
#define LAKVM_CONVERT_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/base/status.h"
#include "lakvm/base/threads.h"

struct la_batch;

struct la_writer {
	int fd;
	struct la_arena *arena;
	struct la_aside aside;
	struct la_batch *filling, *writing;
	enum la_status
		status; /* of what the other thread has written; only to be asked when it has ended */
	struct la_error why;
};

/** Takes some 16 MiB from the machine, until the end. LA_NOMEM. */
enum la_status la_writer_begin(struct la_writer *w, int fd, struct la_error *err);

/**
 * Copy @data, to be written at @offset; of two at one place the later one holds. LA_IO: something before it could
 * not be written.
 */
enum la_status la_writer_put(struct la_writer *w, const void *data, size_t size, uint64_t offset,
			     struct la_error *err);

/**
 * Write the rest, wait until all is written, and free @w's memory. After la_writer_begin() has succeeded, also after
 * a failure: until then the other thread may use @w and the file. LA_IO: not all of it could be written.
 */
enum la_status la_writer_end(struct la_writer *w, struct la_error *err);

/** Write all of it here and now. LA_IO. */
enum la_status la_pwrite(int fd, const void *data, size_t size, uint64_t offset,
			 struct la_error *err);

#endif
