/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A verdict as one HTML page that needs nothing else: no network, no script. Pictures are SVG within it; its last
 * element, <script type="application/json" id="lakvm">, holds the JSON of la_render_panic_json(), in which "<", ">" and
 * "&" are written as \u003c, \u003e and \u0026, so that any JSON parser reads what -j would have printed.
 */
#ifndef LAKVM_HTML_H
#define LAKVM_HTML_H

#include "lakvm/guest/usage.h"
#include "lakvm/render/language.h"
#include "lakvm/render/file.h"
#include "lakvm/render/sink.h"
#include "lakvm/triage/panic.h"

/** Something that has a version, or is one of the files: "crash", "9.0.2". */
struct la_version {
	const char *name;
	const char *value; /* NULL: unknown */
};

struct la_html {
	const struct la_panic *panic;
	const struct la_mem_map *map;   /* NULL: there is no dump, or it is not lakvm's to read */
	const struct la_mem_use *usage; /* of map's cells; NULL: nobody looked */
	const struct la_version *version;
	size_t nversions;
	enum la_language language;
};

/** LA_NOMEM: the JSON could not be built; what was put is no whole page. */
enum la_status la_render_html(const struct la_html *h, const struct la_sink *sink);

/** The same as @file, as la_text_file_write() (lakvm/render/file.h) writes it. */
enum la_status la_render_html_file(const struct la_html *h, const struct la_text_file *file,
				   struct la_arena *arena, struct la_error *err);

#endif
