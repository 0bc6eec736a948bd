/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ladump's result (report/report.h) as text and JSON; the JSON is lakvm.dump/1 of docs/json.md. */
#ifndef LAKVM_RENDER_REPORT_H
#define LAKVM_RENDER_REPORT_H

#include "lakvm/render/render.h"
#include "lakvm/report/report.h"

/** Everything but the log. @opt: what to print of each CPU. */
void la_render_report_text(const struct la_report *r, const struct la_render_options *opt,
			   const struct la_sink *sink);

/** One JSON object on one line; the log too if @log. LA_NOMEM is the only failure: nothing is printed. */
enum la_status la_render_report_json(const struct la_report *r, const struct la_render_options *opt,
				     bool log, const struct la_sink *sink);

#endif
