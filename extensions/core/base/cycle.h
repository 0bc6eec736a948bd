/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walks of the guest's linked lists: damage can make a list lead back into itself. */
#ifndef LAKVM_CYCLE_H
#define LAKVM_CYCLE_H

#include <stdbool.h>
#include <stdint.h>

/** A walk that remembers one element, further on each time (R. P. Brent, 1980). Zeroed at first. */
struct la_cycle {
	uint64_t mark, steps, next;
};

/** Take one step, to @at. True: the list has come back to where it was. */
static inline bool la_cycle_step(struct la_cycle *c, uint64_t at)
{
	if (c->steps && at == c->mark)
		return true;
	if (c->steps == c->next) {
		c->mark = at;
		c->next = c->next ? 2 * c->next : 1;
	}
	c->steps++;
	return false;
}

#endif
