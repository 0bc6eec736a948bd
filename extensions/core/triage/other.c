// SPDX-License-Identifier: GPL-3.0-or-later
// The verdict on a kernel that does not run any more.
#include "lakvm/triage/other.h"

#include <inttypes.h>

#include "lakvm/door/moved_door.h"
#include "lakvm/guest/init.h"
#include "lakvm/triage/panic.h"

static const char *in_words(enum la_kernel_role role)
{
	static const char *const words[] = {
		[LA_KERNEL_ANOTHER] = "another kernel of this vmlinux",
		[LA_KERNEL_FIRST] = "the first kernel, which started this crash kernel,",
		[LA_KERNEL_CRASH] = "a crash kernel that has started",
		[LA_KERNEL_RUNNING] = "the kernel that runs now",
	};

	return words[role];
}

const char *la_other_kernel_text(const struct la_door *door, const struct la_other_kernel *other,
				 struct la_arena *arena)
{
	struct la_moved_door *moved = la_alloc(arena, sizeof(*moved));
	struct la_kernel *k = la_alloc(arena, sizeof(*k));
	struct la_panic *p = la_alloc(arena, sizeof(*p));
	struct la_error err = { "" };
	const char *where =
		la_format(arena, "%s is at offset 0x%" PRIx64 " (--kaslr=0x%" PRIx64 ")",
			  in_words(other->role), other->offset, other->offset);

	if (!moved || !k || !p || !where)
		return NULL;
	la_moved_door_init(moved, door, other->offset);
	/* What it lacks is missed where it is needed: nothing of it is promised. */
	la_kernel_init(k, &moved->door, arena, NULL);
	/* The vCPUs' registers are not its own any more. */
	la_panic_analyse(k, arena, NULL, p);
	if (p->verdict == LA_VERDICT_UNKNOWN) {
		const bool own = la_relocated(k, &err) == LA_OK;

		return la_format(arena, "%s; how it ended is not known%s%s", where, own ? "" : ": ",
				 own ? "" : err.text);
	}
	return la_format(arena, "%s; its verdict: %s, %s%s%s", where, la_verdict_name(p->verdict),
			 la_confidence_name(p->confidence), p->message ? ": " : "",
			 p->message ? p->message : "");
}
