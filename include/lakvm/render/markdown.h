/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A verdict as Markdown for an issue tracker: CommonMark with the tables of GitHub and Gitee. */
#ifndef LAKVM_MARKDOWN_H
#define LAKVM_MARKDOWN_H

#include "lakvm/base/status.h"
#include "lakvm/render/language.h"
#include "lakvm/render/file.h"
#include "lakvm/render/sink.h"
#include "lakvm/triage/panic.h"

void la_render_panic_markdown(const struct la_panic *p, enum la_language language,
			      const struct la_sink *sink);

/** The same as @file, as la_text_file_write() (lakvm/render/file.h) writes it. */
enum la_status la_render_panic_markdown_file(const struct la_panic *p, enum la_language language,
					     const struct la_text_file *file,
					     struct la_arena *arena, struct la_error *err);

#endif
