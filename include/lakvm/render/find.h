/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a search found (report/find.h) as text and JSON; the JSON is lakvm.find/1 of docs/json.md. */
#ifndef LAKVM_RENDER_FIND_H
#define LAKVM_RENDER_FIND_H

#include "lakvm/base/status.h"
#include "lakvm/render/sink.h"
#include "lakvm/report/find.h"

void la_render_find_text(const struct la_find *f, const struct la_sink *sink);

/** One JSON object on one line. LA_NOMEM is the only failure: nothing is printed. */
enum la_status la_render_find_json(const struct la_find *f, const struct la_sink *sink);

#endif
