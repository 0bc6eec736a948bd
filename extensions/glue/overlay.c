// SPDX-License-Identifier: GPL-3.0-or-later
// Bytes that crash reads in place of what the dump has, where it would end if it could not.
#include "crash.h"
#include "glue.h"

struct piece {
	struct piece *next;
	uint64_t pa;
	size_t size;
	bool at_start;
	unsigned char bytes[];
};

static struct piece *pieces;

unsigned char *overlay_add(uint64_t pa, size_t size, bool at_start)
{
	struct piece *p = calloc(1, sizeof(*p) + size);

	if (!p)
		return NULL;
	*p = (struct piece){ .next = pieces, .pa = pa, .size = size, .at_start = at_start };
	pieces = p;
	return p->bytes;
}

bool overlay_read(uint64_t pa, void *ret, size_t len)
{
	for (const struct piece *p = pieces; p; p = p->next) {
		if (pa < p->pa || len > p->size || pa - p->pa > p->size - len)
			continue;
		memcpy(ret, p->bytes + (pa - p->pa), len);
		return true;
	}
	return false;
}

static void drop(bool all)
{
	for (struct piece **at = &pieces; *at;) {
		struct piece *p = *at;

		if (all || p->at_start) {
			*at = p->next;
			free(p);
		} else {
			at = &p->next;
		}
	}
}

void overlay_drop_startup(void)
{
	drop(false);
}

void overlay_close(void)
{
	drop(true);
}
