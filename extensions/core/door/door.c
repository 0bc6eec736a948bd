// SPDX-License-Identifier: GPL-3.0-or-later
// What every door before a dump has of it.
#include "lakvm/door/door.h"

#include "lakvm/dump/dump.h"

void la_door_take_notes(const struct la_dump *dump, struct la_door *door)
{
	door->notes = la_dump_notes(dump, &door->notes_size);
	door->vmcoreinfo = la_dump_vmcoreinfo(dump, &door->vmcoreinfo_size);
}
