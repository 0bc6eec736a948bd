/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libdw ends the process when it is out of memory, unless it has a handler that does not return. */
#ifndef LAKVM_DOOR_LIBDW_MEMORY_H
#define LAKVM_DOOR_LIBDW_MEMORY_H

#include <elfutils/libdw.h>
#include <stdbool.h>

/** From now on @dwarf ends what la_libdw_run() runs, and outside of that the process, as before. */
void la_libdw_watch(Dwarf *dwarf);

/** To be called in @fn of la_libdw_run() before each unit that is new to libdw: leaves @fn where memory is short. */
void la_libdw_room(void);

/**
 * Run @fn(@arg), which must hold nothing that is lost when it is left in a call of libdw. Signals wait meanwhile.
 * False: it was left, because libdw is out of memory.
 */
bool la_libdw_run(void (*fn)(void *), void *arg);

#endif
