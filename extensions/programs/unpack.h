/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packed files, through the program that packed them. */
#ifndef LAKVM_UNPACK_H
#define LAKVM_UNPACK_H

#include <stddef.h>
#include <sys/types.h>

#include "lakvm/base/status.h"

struct unpacker {
	const char *program;
	int stream; /* what it unpacks, to be read */
	pid_t child;
};

/** The program ("xz") that unpacks the file @fd, which stays where it is; NULL: it is not packed, or holds a save file of libvirt's. */
const char *unpack_program(int fd);

/** Unpack @fd from where it stands through @program (la_packer_program). LA_IO: it cannot be started. */
enum la_status unpack_begin(const char *program, int fd, struct unpacker *ret,
			    struct la_error *err);

/**
 * Only at its end does a packer find out whether all was sound (a checksum), so what is left of the
 * stream is taken from it and its status counts. LA_CORRUPT, LA_IO.
 */
enum la_status unpack_end(struct unpacker *u, struct la_error *err);

/** End it, whatever it has still to say. */
void unpack_abandon(struct unpacker *u);

/** The first bytes that @fd unpacks to, at most @size; how many. 0 and @err: the unpacker cannot be started. */
size_t unpack_head(const char *program, int fd, void *ret, size_t size, struct la_error *err);

#endif
