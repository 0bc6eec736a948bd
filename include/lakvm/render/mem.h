/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lamem's results (guest/explain.h) as text and JSON; the JSON is lakvm.mem/1 of docs/json.md. */
#ifndef LAKVM_RENDER_MEM_H
#define LAKVM_RENDER_MEM_H

#include "lakvm/guest/explain.h"
#include "lakvm/render/sink.h"

void la_render_mem_address_text(const struct la_mem_address *a, const struct la_sink *sink);

/** With a picture of the RAM that is at most @columns wide (22 at least are taken); 0: 80. */
void la_render_mem_map_text(const struct la_mem_map *m, unsigned columns,
			    const struct la_sink *sink);

/** One JSON object on one line, of @n addresses. LA_NOMEM is the only failure: nothing is printed. */
enum la_status la_render_mem_address_json(const struct la_mem_address *a, size_t n,
					  const struct la_sink *sink);
enum la_status la_render_mem_map_json(const struct la_mem_map *m, const struct la_sink *sink);

#endif
