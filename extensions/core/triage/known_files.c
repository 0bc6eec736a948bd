// SPDX-License-Identifier: GPL-3.0-or-later
// Where tables of known issues are.
#include <stdlib.h>

#include "lakvm/triage/known.h"
#include "lakvm/triage/panic.h"

/* The Makefile tells where it installs. */
#ifndef LAKVM_DATA
#define LAKVM_DATA "/usr/share/lakvm"
#endif

#define NAME "/known-issues"

struct reader {
	struct la_arena *arena;
	struct la_panic *panic;
	void (*tell)(void *ctx, const char *line);
	void *ctx;
};

static void use(const struct reader *r, const char *path)
{
	struct la_known_table table;
	struct la_error err = { "" };
	enum la_status status = path ? la_known_read(r->arena, path, &table, &err) :
				       la_fail(&err, LA_NOMEM, "known issues");

	if (status == LA_OK && !la_known_match(r->arena, &table, r->panic))
		status = la_fail(&err, LA_NOMEM, "%s", path);
	if (status != LA_OK && status != LA_ABSENT)
		r->tell(r->ctx, err.text);
	for (size_t i = 0; status == LA_OK && i < table.nremarks; i++)
		r->tell(r->ctx, table.remark[i]);
}

void la_known_hints(struct la_arena *arena, struct la_panic *p,
		    void (*tell)(void *ctx, const char *line), void *ctx)
{
	const struct reader r = { arena, p, tell, ctx };
	const char *only = getenv("LAKVM_KNOWN_ISSUES"), *config = getenv("XDG_CONFIG_HOME"),
		   *home = getenv("HOME");

	if (only) {
		if (*only)
			use(&r, only);
		return;
	}
	use(&r, LAKVM_DATA NAME);
	/* A relative one is to be ignored (XDG base directories). */
	if (config && config[0] == '/')
		use(&r, la_format(arena, "%s/lakvm" NAME, config));
	else if (home && home[0] == '/')
		use(&r, la_format(arena, "%s/.config/lakvm" NAME, home));
}
