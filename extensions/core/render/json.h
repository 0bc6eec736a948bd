/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A finished JSON object on its way out. */
#ifndef LAKVM_JSON_H
#define LAKVM_JSON_H

#include <jansson.h>

#include "lakvm/dump/dump.h"
#include "lakvm/render/render.h"

/** Print @object (NULL: it could not be built) on one line, and release it. */
enum la_status la_json_put(json_t *object, const struct la_sink *sink);

/** A string, with bytes that are no UTF-8 as U+FFFD; NULL becomes null. Fails only without memory. */
json_t *la_json_text(struct la_arena *arena, const char *s);

/** Ranges of RAM with their counts: an array of objects; NULL without memory. */
json_t *la_json_ram(const struct la_ram_range *range, size_t n);

/** The array of lacpus -j; NULL without memory. */
json_t *la_json_cpus(const struct la_kernel *k, const struct la_cpus *cpus,
		     const struct la_render_options *opt);

#endif
