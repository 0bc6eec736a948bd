/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A verdict as Markdown for an issue tracker: CommonMark with the tables of GitHub and Gitee. */
#ifndef LAKVM_MARKDOWN_H
#define LAKVM_MARKDOWN_H

#include "lakvm/base/status.h"
#include "lakvm/render/sink.h"
#include "lakvm/triage/panic.h"

/** What headings are written in. What a guest or a rule says stays as it is. */
enum la_language { LA_ENGLISH, LA_CHINESE };

/** Of the first of LC_ALL, LC_MESSAGES and LANG that is set: Chinese for zh..., else English. */
enum la_language la_language_of_locale(void);

void la_render_panic_markdown(const struct la_panic *p, enum la_language language,
			      const struct la_sink *sink);

/**
 * The same as the file @path, which appears whole or not at all. Only what is absent, or a regular file, gives way:
 * LA_INVALID: it is a device, a link, a folder or the like. LA_IO: it cannot be written. LA_NOMEM. Signals wait
 * meanwhile.
 */
enum la_status la_render_panic_markdown_file(const struct la_panic *p, enum la_language language,
					     const char *path, struct la_arena *arena,
					     struct la_error *err);

#endif
