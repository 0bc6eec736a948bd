// SPDX-License-Identifier: GPL-3.0-or-later
// ladump's result as text and JSON.
#include "lakvm/report/report.h"
#include "lakvm/guest/init.h"

#include <inttypes.h>
#include <stdio.h>

#include "json.h"
#include "sink.h"

/* A log of 2^20 records of a full page each, all of them damaged. */
#define TEXT_MEMORY ((size_t)64 << 20)

static void put_line(const struct la_sink *sink, const char *label, const char *text)
{
	la_put(sink, "%10s: ", label);
	la_put_text(sink, text ? text : "-", false);
	la_put(sink, "\n");
}

static void put_kernel(const struct la_report *r, const struct la_sink *sink)
{
	put_line(sink, "KERNEL", r->release);
	if (r->banner && !r->vmcoreinfo)
		put_line(sink, "BANNER", r->banner);
	put_line(sink, "BUILD-ID", r->build_id);
	put_line(sink, "VMCOREINFO", r->vmcoreinfo ? r->vmcoreinfo : "none found");
}

static void put_number(const struct la_sink *sink, const char *label, uint64_t number)
{
	if (number)
		la_put(sink, "%10s: %" PRIu64 "\n", label, number);
	else
		put_line(sink, label, NULL);
}

static void put_layout(const struct la_report *r, const struct la_sink *sink)
{
	const struct la_kernel *k = r->kernel;

	put_number(sink, "PAGE SIZE", r->page_size);
	put_number(sink, "LEVELS", k->mmu.geometry.levels);
	for (size_t i = 0; i < k->nwitnesses; i++)
		la_put(sink, "%s%s%s", i ? ", " : " LAYOUT BY: ", k->witness[i].name,
		       i + 1 < k->nwitnesses ? "" : "\n");
	if (k->geometry_remark[0])
		put_line(sink, "REMARK", k->geometry_remark);
	/* Without a vmlinux it is no wonder. */
	if (r->has_vmlinux && !k->mmu.geometry.levels)
		put_line(sink, "REMARK", la_geometry_unknown);
	if (!r->has_sections)
		return;
	la_put(sink, "%10s: %" PRIu64 " MB, by %s\n", "SECTIONS",
	       UINT64_C(1) << (r->sections.size_bits - 20), r->sections.size_from);
	if (r->sections.vmemmap)
		la_put(sink, "%10s: %" PRIx64 "\n", "VMEMMAP", r->sections.vmemmap);
	if (r->sections.remark[0])
		put_line(sink, "REMARK", r->sections.remark);
}

static void put_relocation(const struct la_relocation *x, const struct la_sink *sink)
{
	if (x->known)
		la_put(sink, "%10s: 0x%" PRIx64 "%s\n", "RELOCATION", x->offset,
		       x->proved ? "" : "  (not proved)");
	else
		put_line(sink, "RELOCATION", "unknown");
	for (size_t i = 0; i < x->n; i++)
		la_put(sink, "%12s%s: 0x%" PRIx64 "%s\n", "",
		       la_relocation_way_name(x->finding[i].way), x->finding[i].offset,
		       x->known && x->finding[i].offset != x->offset ?
			       "  (what the kernel left behind there)" :
			       "");
	if (x->remark[0])
		put_line(sink, "REMARK", x->remark);
}

void la_render_report_text(const struct la_report *r, const struct la_render_options *opt,
			   const struct la_sink *sink)
{
	if (r->has_dump) {
		la_render_mem_map_text(&r->map, 0, sink);
		la_put(sink, "\n");
		put_kernel(r, sink);
	}
	if (r->has_vmlinux)
		put_relocation(&r->relocation, sink);
	if (r->has_dump || r->has_vmlinux)
		put_layout(r, sink);
	la_put(sink, "\n");
	if (r->cpus_reason)
		put_line(sink, "CPUS", r->cpus_reason);
	la_render_cpus_text(r->kernel, &r->cpus, opt, sink);
	for (size_t i = 0; i < r->nnotes; i++) {
		la_put_text(sink, r->note[i], false);
		la_put(sink, "\n");
	}
}

/* --- JSON (docs/json.md) --- */

static json_t *hex(uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	return json_string(text);
}

static json_t *map_json(struct la_arena *arena, const struct la_mem_map *m)
{
	json_t *remarks = json_array();

	for (size_t i = 0; i < m->nremarks; i++)
		json_array_append_new(remarks, la_json_text(arena, m->remark[i]));
	return json_pack("{s:s, s:i, s:o, s:o}", "format", m->format, "block_size",
			 (int)m->block_size, "ram", la_json_ram(m->range, m->n), "remarks",
			 remarks);
}

static json_t *sections_json(struct la_arena *arena, const struct la_report *r)
{
	const struct la_sections *s = &r->sections;

	if (!r->has_sections)
		return json_null();
	return json_pack("{s:I, s:s, s:o, s:o}", "size", (json_int_t)1 << s->size_bits, "known_by",
			 s->size_from, "vmemmap", s->vmemmap ? hex(s->vmemmap) : json_null(),
			 "remark", la_json_text(arena, s->remark[0] ? s->remark : NULL));
}

static json_t *layout_json(struct la_arena *arena, const struct la_report *r)
{
	const struct la_kernel *k = r->kernel;
	json_t *known_by = json_array();

	for (size_t i = 0; i < k->nwitnesses; i++)
		json_array_append_new(known_by, json_string(k->witness[i].name));
	return json_pack("{s:o, s:o, s:o, s:o}", "levels",
			 k->mmu.geometry.levels ? json_integer(k->mmu.geometry.levels) :
						  json_null(),
			 "known_by", known_by, "remark",
			 la_json_text(arena, k->geometry_remark[0] ? k->geometry_remark :
					     r->has_vmlinux && !k->mmu.geometry.levels ?
								     la_geometry_unknown :
								     NULL),
			 "sections", sections_json(arena, r));
}

static json_t *relocation_json(struct la_arena *arena, const struct la_relocation *x)
{
	json_t *findings = json_array();

	for (size_t i = 0; i < x->n; i++)
		json_array_append_new(findings, json_pack("{s:s, s:o}", "way",
							  la_relocation_way_name(x->finding[i].way),
							  "offset", hex(x->finding[i].offset)));
	return json_pack("{s:o, s:b, s:o, s:o}", "offset", x->known ? hex(x->offset) : json_null(),
			 "proved", x->proved, "findings", findings, "remark",
			 la_json_text(arena, x->remark[0] ? x->remark : NULL));
}

static json_t *notes_json(struct la_arena *arena, const struct la_report *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->nnotes; i++)
		json_array_append_new(list, la_json_text(arena, r->note[i]));
	return list;
}

static json_t *log_json(struct la_arena *arena, const struct la_log *log)
{
	json_t *list = json_array();

	for (size_t i = 0; i < log->n; i++)
		json_array_append_new(list, json_pack("{s:I, s:I, s:i, s:o}", "seq",
						      (json_int_t)log->record[i].seq, "ns",
						      (json_int_t)log->record[i].ts_nsec, "level",
						      log->record[i].level, "text",
						      la_json_text(arena, log->record[i].text)));
	return list;
}

enum la_status la_render_report_json(const struct la_report *r, const struct la_render_options *opt,
				     bool log, const struct la_sink *sink)
{
	struct la_arena *arena = la_arena_new(TEXT_MEMORY);
	json_t *o;

	if (!arena)
		return LA_NOMEM;
	/* json_pack fails as a whole if any of its values does. */
	o = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		      "schema", "lakvm.dump/1", "dump",
		      r->has_dump ? map_json(arena, &r->map) : json_null(), "release",
		      la_json_text(arena, r->release), "build_id", la_json_text(arena, r->build_id),
		      "banner", la_json_text(arena, r->banner), "page_size",
		      r->page_size ? json_integer((json_int_t)r->page_size) : json_null(), "layout",
		      layout_json(arena, r), "vmcoreinfo", la_json_text(arena, r->vmcoreinfo),
		      "relocation",
		      r->has_vmlinux ? relocation_json(arena, &r->relocation) : json_null(), "cpus",
		      la_json_cpus(r->kernel, &r->cpus, opt), "cpus_remark",
		      la_json_text(arena, r->cpus_reason ? r->cpus_reason : r->cpus.remark),
		      "notes", notes_json(arena, r), "log",
		      log ? log_json(arena, &r->log) : json_null(), "log_lost",
		      log ? json_integer((json_int_t)r->log.lost) : json_null(), "log_remark",
		      la_json_text(arena, r->log_reason));
	la_arena_free(arena);
	return la_json_put(o, sink);
}
