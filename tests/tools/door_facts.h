/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The questions of door.h's contract, asked of a real kernel; two doors to one dump must say the same. */
#ifndef LAKVM_DOOR_FACTS_H
#define LAKVM_DOOR_FACTS_H

#include <stdio.h>

#include "lakvm/door/door.h"

/** Ask @door and write its answers, a line each. A broken promise is a line that begins with "broken:". */
void door_facts(const struct la_door *door, FILE *to);

#endif
