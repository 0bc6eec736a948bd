// SPDX-License-Identifier: GPL-3.0-or-later
// Waits for a bit of a page: what the bit is, and whose page. A lock that nobody gave back and a disk that does not answer
// look alike but for that.
#include <string.h>

#include "graph.h"
#include "lakvm/guest/inode.h"

/* File systems whose pages come from nowhere else: nothing is read or written for them, but to a swap. */
static bool in_memory_only(const struct la_kernel *k, const struct la_inode *inode)
{
	static const char *const names[] = { "tmpfs", "devtmpfs", "ramfs", "rootfs", "hugetlbfs" };
	/* Absent where the kernel was built without. */
	uint64_t swap = 0;
	const enum la_status st = la_read_variable(k, "total_swap_pages", 8, &swap, NULL);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!inode->block_device && !strcmp(inode->on, names[i]))
			return (st == LA_OK || st == LA_ABSENT) && !swap;
	return false;
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
	const char *act = act_of(g, w->bit), *whose, *text;
	uint64_t mapping, host;
	struct la_inode inode;

	/* Both in a page and in a folio, which lie over each other (linux/mm_types.h); bit 0: anonymous memory. */
	if (!act || la_read_member(g->k, w->address, "page", "mapping", &mapping, NULL) != LA_OK)
		return;
	if (!mapping || mapping & 3)
		text = la_format(g->arena, "%s a page of %s", act,
				 mapping & 1 ? "anonymous memory" : "no file");
	else if (la_read_member(g->k, mapping, "address_space", "host", &host, NULL) != LA_OK ||
		 !la_inode_read(g->k, host, &inode))
		text = la_format(g->arena, "%s a page of a file", act);
	else {
		whose = la_inode_words(g->arena, &inode);
		text = whose ? la_format(g->arena, "%s a page of %s", act, whose) : NULL;
		w->io = w->io && !in_memory_only(g->k, &inode);
	}
	if (text)
		w->what = text;
}
