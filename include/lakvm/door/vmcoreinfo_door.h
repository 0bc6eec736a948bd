/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The door over a dump and a VMCOREINFO text, where nobody has the vmlinux: the addresses and offsets that
 * dump tools need, which suffice to read the log. It knows no member's size and what covers no address.
 */
#ifndef LAKVM_VMCOREINFO_DOOR_H
#define LAKVM_VMCOREINFO_DOOR_H

#include "lakvm/door/door.h"

struct la_dump;

struct la_vmcoreinfo_door {
	/* Its vmcoreinfo is the text that is asked, and may be set to one found elsewhere. */
	struct la_door door;
	struct la_dump *dump;
};

/** Set up @ret before @dump (NULL: there is none), which must outlive it. @ret must stay where it is. */
void la_vmcoreinfo_door_init(struct la_vmcoreinfo_door *ret, struct la_dump *dump);

#endif
