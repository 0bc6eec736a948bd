/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file as a mapping that survives the file: no access to it ends by SIGBUS. */
#ifndef LAKVM_DUMP_MAP_H
#define LAKVM_DUMP_MAP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct la_map {
	uint8_t *base; /* NULL: none */
	size_t size;
	int fd, protection;
	bool usable; /* false: none, or no longer the file */
	volatile sig_atomic_t faulted;
	struct la_map *next; /* all mappings of the process */
};

/**
 * Map a regular file of @size bytes; behind them is at least one zero, at which a text ends that lost its
 * own end while it was used. @writable: what is written to the mapping stays in it, and the file is as it was.
 * Where that is not possible, m->usable stays false.
 */
void la_map_open(struct la_map *m, int fd, uint64_t size, bool writable);

/** Undo it. Harmless where it was not done. */
void la_map_close(struct la_map *m);

/**
 * To be asked after the use of @len bytes at @off: were they the file's? If not, m->usable is
 * false from now on, and what was made of them is worth nothing.
 */
bool la_map_held(struct la_map *m, uint64_t off, size_t len);

#endif
