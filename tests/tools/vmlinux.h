/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A door over a vmlinux file (symbols, DWARF) and a dump, on any machine, without crash. */
#ifndef LAKVM_TOOLS_VMLINUX_H
#define LAKVM_TOOLS_VMLINUX_H

#include "lakvm/door.h"

struct vmlinux;

/** Open both, or explain on stderr and exit. @relocation: see struct la_door. */
struct vmlinux *vmlinux_open(const char *path, const char *dump, uint64_t relocation);
void vmlinux_close(struct vmlinux *v);
const struct la_door *vmlinux_door(const struct vmlinux *v);

#endif
