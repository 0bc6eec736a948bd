// SPDX-License-Identifier: GPL-3.0-or-later
// Bytes that crash reads in place of what the dump has, where it would exit if it could not read them, or die if it
// believed them.
#include "crash.h"
#include "glue.h"

#include "lakvm/base/jump.h"

struct piece {
	struct piece *next;
	uint64_t pa;
	size_t size;
	bool at_start;
	bool patch; /* laid over what is read; else an answer without the dump */
	unsigned char bytes[];
};

static struct {
	struct piece *pieces;
} here;

static struct piece *add(uint64_t pa, size_t size)
{
	struct piece *p;
	sigset_t before;

	la_hold(&before);
	p = calloc(1, sizeof(*p) + size);
	if (p) {
		*p = (struct piece){ .next = here.pieces, .pa = pa, .size = size };
		here.pieces = p;
	}
	la_release(&before);
	return p;
}

unsigned char *overlay_add(uint64_t pa, size_t size, bool at_start)
{
	struct piece *p = add(pa, size);

	if (!p)
		return NULL;
	p->at_start = at_start;
	return p->bytes;
}

bool overlay_patch(uint64_t pa, const void *bytes, size_t size)
{
	struct piece *p = add(pa, size);

	if (!p)
		return false;
	memcpy(p->bytes, bytes, size);
	p->at_start = p->patch = true;
	return true;
}

bool overlay_read(uint64_t pa, void *ret, size_t len)
{
	for (const struct piece *p = here.pieces; p; p = p->next) {
		if (p->patch || pa < p->pa || len > p->size || pa - p->pa > p->size - len)
			continue;
		memcpy(ret, p->bytes + (pa - p->pa), len);
		return true;
	}
	return false;
}

void overlay_lay(uint64_t pa, void *bytes, size_t len)
{
	for (const struct piece *p = here.pieces; p; p = p->next) {
		const uint64_t first = MAX(pa, p->pa), end = MIN(pa + len, p->pa + p->size);

		if (p->patch && first < end)
			memcpy((unsigned char *)bytes + (first - pa), p->bytes + (first - p->pa),
			       end - first);
	}
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
