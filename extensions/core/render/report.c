// SPDX-License-Identifier: GPL-3.0-or-later
// ladump's result as text and JSON.
#include "lakvm/render/report.h"

#include <inttypes.h>

#include "json.h"
#include "lakvm/render/mem.h"

static void put_line(const struct la_sink *sink, const char *label, const char *text)
{
	la_put(sink, "%10s: ", label);
	la_put_text(sink, text ? text : "-", false);
	la_puts(sink, "\n");
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
	put_number(sink, "PAGE SIZE", r->page_size);
	put_number(sink, "LEVELS", r->levels);
	for (size_t i = 0; i < r->nknown_by; i++)
		la_put(sink, "%s%s%s", i ? ", " : " LAYOUT BY: ", r->known_by[i],
		       i + 1 < r->nknown_by ? "" : "\n");
	if (r->layout_remark)
		put_line(sink, "REMARK", r->layout_remark);
	if (r->levels_remark)
		put_line(sink, "REMARK", r->levels_remark);
	if (!r->has_sections)
		return;
	la_put(sink, "%10s: %" PRIu64 " MB, by %s\n", "SECTIONS",
	       UINT64_C(1) << (r->sections.size_bits - 20), r->sections.size_from);
	if (r->sections.vmemmap)
		la_put(sink, "%10s: %" PRIx64 "\n", "VMEMMAP", r->sections.vmemmap);
	if (r->sections.remark[0])
		put_line(sink, "REMARK", r->sections.remark);
}

static const char *whose_finding(const struct la_relocation *x, uint64_t offset)
{
	static const char *const in_words[] = {
		[LA_KERNEL_ANOTHER] = "  (another kernel)",
		[LA_KERNEL_FIRST] = "  (the first kernel)",
		[LA_KERNEL_CRASH] = "  (a crash kernel)",
		[LA_KERNEL_RUNNING] = "  (the kernel that runs)",
	};

	if (x->known && offset == x->offset)
		return "";
	for (size_t i = 0; i < x->nothers; i++)
		if (x->other[i].offset == offset)
			return in_words[x->other[i].role];
	return x->known ? "  (what the kernel left behind there)" : "";
}

static void put_relocation(const struct la_report *r, const struct la_sink *sink)
{
	const struct la_relocation *x = &r->relocation;

	if (x->known)
		la_put(sink, "%10s: 0x%" PRIx64 "%s\n", "RELOCATION", x->offset,
		       x->proved ? "" : "  (not proved)");
	else
		put_line(sink, "RELOCATION", "unknown");
	for (size_t i = 0; i < x->n; i++)
		la_put(sink, "%12s%s: 0x%" PRIx64 "%s\n", "",
		       la_relocation_way_name(x->finding[i].way), x->finding[i].offset,
		       whose_finding(x, x->finding[i].offset));
	for (size_t i = 0; i < x->nothers; i++)
		put_line(sink, "KERNEL", r->other[i]);
	if (x->remark[0])
		put_line(sink, "REMARK", x->remark);
}

void la_render_report_text(const struct la_report *r, const struct la_render_options *opt,
			   const struct la_sink *sink)
{
	if (r->has_dump) {
		la_render_mem_map_text(&r->map, 0, sink);
		la_puts(sink, "\n");
		put_kernel(r, sink);
	}
	if (r->has_vmlinux)
		put_relocation(r, sink);
	if (r->has_dump || r->has_vmlinux)
		put_layout(r, sink);
	la_puts(sink, "\n");
	if (r->cpus_reason)
		put_line(sink, "CPUS", r->cpus_reason);
	la_render_cpus_text(&r->cpus, opt, sink);
	for (size_t i = 0; i < r->nnotes; i++) {
		la_put_text(sink, r->note[i], false);
		la_puts(sink, "\n");
	}
}

/* --- JSON (docs/json.md) --- */

static json_t *map(struct la_json *b, const struct la_report *r)
{
	const struct la_mem_map *m = &r->map;
	json_t *o;

	if (!r->has_dump)
		return json_null();
	o = json_object();
	la_json_set(b, o, "format", la_json_text(m->format));
	la_json_set(b, o, "block_size", la_json_number(true, m->block_size));
	la_json_set(b, o, "ram", la_json_ram(b, m->range, m->n));
	la_json_set(b, o, "remarks", la_json_texts(b, m->remark, m->nremarks));
	return o;
}

static json_t *sections(struct la_json *b, const struct la_report *r)
{
	const struct la_sections *s = &r->sections;
	json_t *o;

	if (!r->has_sections)
		return json_null();
	o = json_object();
	la_json_set(b, o, "size", la_json_number(true, UINT64_C(1) << s->size_bits));
	la_json_set(b, o, "known_by", la_json_text(s->size_from));
	la_json_set(b, o, "vmemmap", la_json_hex(s->vmemmap != 0, s->vmemmap));
	la_json_set(b, o, "remark", la_json_said(s->remark));
	return o;
}

static json_t *layout(struct la_json *b, const struct la_report *r)
{
	json_t *o = json_object();

	la_json_set(b, o, "levels", la_json_number(r->levels != 0, r->levels));
	la_json_set(b, o, "known_by", la_json_texts(b, r->known_by, r->nknown_by));
	la_json_set(b, o, "remark",
		    la_json_text(r->layout_remark ? r->layout_remark : r->levels_remark));
	la_json_set(b, o, "sections", sections(b, r));
	return o;
}

static json_t *other_kernels(struct la_json *b, const struct la_report *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->relocation.nothers; i++) {
		const struct la_other_kernel *other = &r->relocation.other[i];
		json_t *o = json_object();

		la_json_set(b, o, "role", la_json_text(la_kernel_role_name(other->role)));
		la_json_set(b, o, "offset", la_json_hex(true, other->offset));
		la_json_set(b, o, "text", la_json_text(r->other[i]));
		la_json_append(b, list, o);
	}
	return list;
}

static json_t *relocation(struct la_json *b, const struct la_report *r)
{
	const struct la_relocation *x = &r->relocation;
	json_t *o, *findings;

	if (!r->has_vmlinux)
		return json_null();
	findings = json_array();
	for (size_t i = 0; i < x->n; i++) {
		o = json_object();
		la_json_set(b, o, "way", la_json_text(la_relocation_way_name(x->finding[i].way)));
		la_json_set(b, o, "offset", la_json_hex(true, x->finding[i].offset));
		la_json_append(b, findings, o);
	}
	o = json_object();
	la_json_set(b, o, "offset", la_json_hex(x->known, x->offset));
	la_json_set(b, o, "proved", json_boolean(x->proved));
	la_json_set(b, o, "findings", findings);
	la_json_set(b, o, "others", other_kernels(b, r));
	la_json_set(b, o, "remark", la_json_said(x->remark));
	return o;
}

static json_t *records(struct la_json *b, const struct la_log *log)
{
	json_t *list = json_array();

	for (size_t i = 0; i < log->n; i++) {
		const struct la_record *record = &log->record[i];
		json_t *o = json_object();

		la_json_set(b, o, "seq", la_json_number(true, record->seq));
		la_json_set(b, o, "ns", la_json_number(true, record->ts_nsec));
		la_json_set(b, o, "level", la_json_number(true, record->level));
		la_json_set(b, o, "text", la_json_text(record->text));
		la_json_append(b, list, o);
	}
	return list;
}

enum la_status la_render_report_json(const struct la_report *r, const struct la_render_options *opt,
				     bool log, const struct la_sink *sink)
{
	const char *cpus_remark = r->cpus_reason ? r->cpus_reason : r->cpus.remark;
	struct la_json b = { .nomem = false };
	json_t *o;

	o = json_object();
	la_json_set(&b, o, "schema", la_json_text("lakvm.dump/1"));
	la_json_set(&b, o, "dump", map(&b, r));
	la_json_set(&b, o, "release", la_json_text(r->release));
	la_json_set(&b, o, "build_id", la_json_text(r->build_id));
	la_json_set(&b, o, "banner", la_json_text(r->banner));
	la_json_set(&b, o, "page_size", la_json_number(r->page_size != 0, r->page_size));
	la_json_set(&b, o, "layout", layout(&b, r));
	la_json_set(&b, o, "vmcoreinfo", la_json_text(r->vmcoreinfo));
	la_json_set(&b, o, "relocation", relocation(&b, r));
	la_json_set(&b, o, "cpus", la_json_cpus(&b, &r->cpus, opt));
	la_json_set(&b, o, "cpus_remark", la_json_text(cpus_remark));
	la_json_set(&b, o, "notes", la_json_texts(&b, r->note, r->nnotes));
	la_json_set(&b, o, "log", log ? records(&b, &r->log) : json_null());
	la_json_set(&b, o, "log_lost", la_json_number(log, r->log.lost));
	la_json_set(&b, o, "log_remark", la_json_text(r->log_reason));
	return la_json_finish(&b, o, sink);
}
