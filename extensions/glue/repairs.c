// SPDX-License-Identifier: GPL-3.0-or-later
// The list of everything lakvm changed in crash, so that unloading leaves no trace.
#include "crash.h"
#include "glue.h"

#include "lakvm/base/jump.h"

struct repaired {
	const char *what;
	void *place;
	size_t size;
	unsigned char before[8], after[8];
	ulonglong bits; /* only these bits of an 8-byte word; 0 = all of the place */
};

static struct {
	struct repaired list[64];
	size_t n;
} here;

static void change(const char *what, void *place, const void *value, size_t size, ulonglong bits)
{
	struct repaired *r;

	if (!memcmp(place, value, size))
		return;
	if (here.n == sizeof(here.list) / sizeof(here.list[0])) {
		error(WARNING, "lakvm: too many changes of crash: %s stays wrong\n", what);
		return;
	}
	r = &here.list[here.n];
	r->what = what;
	r->bits = bits;
	r->place = place;
	r->size = size;
	memcpy(r->before, place, size);
	memcpy(r->after, value, size);
	LA_PUBLISH(here.n, here.n + 1);
	memcpy(place, value, size);
	if (CRASHDEBUG(1))
		fprintf(fp, "lakvm: %s: %#llx -> %#llx\n", what,
			size == 4 ? *(unsigned *)r->before : *(ulonglong *)r->before,
			size == 4 ? *(unsigned *)r->after : *(ulonglong *)r->after);
}

void repair(const char *what, void *place, const void *value, size_t size)
{
	change(what, place, value, size, 0);
}

void repair_bits(const char *what, ulonglong *flags, ulonglong clear, ulonglong set)
{
	const ulonglong value = (*flags & ~clear) | set;

	change(what, flags, &value, sizeof(value), clear | set);
}

void repairs_undo(void)
{
	while (here.n) {
		struct repaired *r = &here.list[--here.n];

		if (r->bits) {
			ulonglong before;

			memcpy(&before, r->before, sizeof(before));
			*(ulonglong *)r->place &= ~r->bits;
			*(ulonglong *)r->place |= before & r->bits;
		} else if (!memcmp(r->place, r->after, r->size)) {
			memcpy(r->place, r->before, r->size);
		}
	}
}
