// SPDX-License-Identifier: GPL-3.0-or-later
// Waits for a bit of a page: what the bit is, and whose page. A lock that nobody gave back and a disk that does not answer
// look alike but for that.
#include <inttypes.h>
#include <string.h>

#include "graph.h"

#define MAX_NAME 32 /* of super_block.s_id */

/* File systems whose pages come from nowhere else: nothing is read or written for them, but to a swap. */
static bool in_memory_only(const struct la_kernel *k, const char *fs)
{
	static const char *const names[] = { "tmpfs", "devtmpfs", "ramfs", "rootfs", "hugetlbfs" };
	/* Absent where the kernel was built without. */
	uint64_t swap = 0;
	const enum la_status st = la_read_variable(k, "total_swap_pages", 8, &swap, NULL);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(fs, names[i]))
			return (st == LA_OK || st == LA_ABSENT) && !swap;
	return false;
}

/* super_block.s_id, the device's or the file system's name, of the file that @mapping belongs to; NULL: unknown. */
static const char *file_of(const struct la_graph *g, uint64_t mapping, uint64_t *inode)
{
	const struct la_door *door = g->k->door;
	uint64_t host, sb;
	struct la_member id;
	char *name;

	if (la_read_member(g->k, mapping, "address_space", "host", &host, NULL) != LA_OK ||
	    la_read_member(g->k, host, "inode", "i_ino", inode, NULL) != LA_OK ||
	    la_read_member(g->k, host, "inode", "i_sb", &sb, NULL) != LA_OK ||
	    !door->member(door->ctx, "super_block", "s_id", &id) ||
	    la_read_text(g->k, g->arena, sb + id.offset, MAX_NAME, &name, NULL) != LA_OK)
		return NULL;
	return name[0] ? name : NULL;
}

/* "the lock of", "the writing of", or another bit. */
static const char *act_of(const struct la_graph *g, int bit)
{
	const struct la_door *door = g->k->door;
	int64_t number;

	if (door->enumerator(door->ctx, "PG_locked", &number) && number == bit)
		return "the lock of";
	if (door->enumerator(door->ctx, "PG_writeback", &number) && number == bit)
		return "the writing of";
	return NULL;
}

void la_wait_page(const struct la_graph *g, struct la_wait *w)
{
	const char *act = act_of(g, w->bit), *fs, *text;
	uint64_t mapping, inode = 0;

	/* Both in a page and in a folio, which lie over each other (linux/mm_types.h); bit 0: anonymous memory. */
	if (!act || la_read_member(g->k, w->address, "page", "mapping", &mapping, NULL) != LA_OK)
		return;
	if (!mapping || mapping & 3)
		text = la_format(g->arena, "%s a page of %s", act,
				 mapping & 1 ? "anonymous memory" : "no file");
	else if (!(fs = file_of(g, mapping, &inode)))
		text = la_format(g->arena, "%s a page of a file", act);
	else {
		text = la_format(g->arena, "%s a page of inode %" PRIu64 " on %s", act, inode, fs);
		w->io = w->io && !in_memory_only(g->k, fs);
	}
	if (text)
		w->what = text;
}
