// SPDX-License-Identifier: GPL-3.0-or-later
// Bytes that crash reads in place of what the dump has, where it would exit if it could not.
#include "crash.h"
#include "glue.h"

#include "lakvm/base/jump.h"

struct piece {
	struct piece *next;
	uint64_t pa;
	size_t size;
	bool at_start;
	unsigned char bytes[];
};

static struct {
	struct piece *pieces;
} here;

unsigned char *overlay_add(uint64_t pa, size_t size, bool at_start)
{
	struct piece *p;
	sigset_t before;

	la_hold(&before);
	p = calloc(1, sizeof(*p) + size);
	if (p) {
		*p = (struct piece){
			.next = here.pieces, .pa = pa, .size = size, .at_start = at_start
		};
		here.pieces = p;
	}
	la_release(&before);
	return p ? p->bytes : NULL;
}

bool overlay_read(uint64_t pa, void *ret, size_t len)
{
	for (const struct piece *p = here.pieces; p; p = p->next) {
		if (pa < p->pa || len > p->size || pa - p->pa > p->size - len)
			continue;
		memcpy(ret, p->bytes + (pa - p->pa), len);
		return true;
	}
	return false;
}

static void drop(bool all)
{
	sigset_t before;

	la_hold(&before);
	for (struct piece **at = &here.pieces; *at;) {
		struct piece *p = *at;

		if (all || p->at_start) {
			*at = p->next;
			free(p);
		} else {
			at = &p->next;
		}
	}
	la_release(&before);
}

void overlay_drop_startup(void)
{
	drop(false);
}

void overlay_close(void)
{
	drop(true);
}
