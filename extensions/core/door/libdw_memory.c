// SPDX-License-Identifier: GPL-3.0-or-later
// The one recovery point of the core. libdw.h (dwarf_new_oom_handler) wants a handler that does not return, and
// gives it nothing to know its caller by: hence the variables. It is called with no lock held for libdw's memory,
// and what was to be made is in none of its tables yet. All the same nothing is asked after that
// (la_elf_file_dwarf): only dwarf_end() follows, which frees what the tables have.
#include "libdw_memory.h"

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>

#include "lakvm/base/jump.h"

static jmp_buf *recovery; /* NULL: nothing is being asked */
static Dwarf_OOM usual;
static bool left;

static void __attribute__((noreturn)) on_no_memory(void)
{
	if (!recovery)
		usual();
	left = true;
	longjmp(*recovery, 1);
}

/* Where its hash tables cannot grow, libdw (to 0.191) ends by an assertion; POSIX lets a handler of SIGABRT not return. */
static void on_abort(int number)
{
	(void)number;
	if (!recovery)
		return;
	left = true;
	longjmp(*recovery, 1);
}

/*
 * More than it takes for a unit at once: it does not look at all that it is given. The fuzz targets ask for less
 * (tests.mk): their allocator maps as large a piece anew each time, which was 19 of 20 parts of a report's time.
 */
#ifndef LA_LIBDW_ROOM
#define LA_LIBDW_ROOM ((size_t)1 << 20)
#endif

void la_libdw_room(void)
{
	void *volatile room = malloc(LA_LIBDW_ROOM);

	if (!room)
		on_no_memory();
	free(room);
}

void la_libdw_watch(Dwarf *dwarf)
{
	usual = dwarf_new_oom_handler(dwarf, on_no_memory);
}

bool la_libdw_run(void (*fn)(void *), void *arg)
{
	const struct sigaction caught = { .sa_handler = on_abort };
	struct sigaction usual_abort;
	jmp_buf here;
	sigset_t before;

	la_hold(&before);
	left = false;
	recovery = &here;
	sigaction(SIGABRT, &caught, &usual_abort);
	if (setjmp(here) == 0) {
		la_libdw_room();
		fn(arg);
	}
	recovery = NULL;
	sigaction(SIGABRT, &usual_abort, NULL);
	la_release(&before);
	return !left;
}
