// SPDX-License-Identifier: GPL-3.0-or-later
// The one recovery point of the core. libdw.h (dwarf_new_oom_handler) wants a handler that does not return, and
// gives it nothing to know its caller by: hence the variables. It is called with no lock held for libdw's memory,
// and what was to be made is in none of its tables yet. All the same nothing is asked after that
// (la_elf_file_dwarf): only dwarf_end() follows, which frees what the tables have.
#include "libdw_memory.h"

#include <setjmp.h>

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

void la_libdw_watch(Dwarf *dwarf)
{
	usual = dwarf_new_oom_handler(dwarf, on_no_memory);
}

bool la_libdw_run(void (*fn)(void *), void *arg)
{
	jmp_buf here;
	sigset_t before;

	la_hold(&before);
	left = false;
	recovery = &here;
	if (setjmp(here) == 0)
		fn(arg);
	recovery = NULL;
	la_release(&before);
	return !left;
}
