// SPDX-License-Identifier: GPL-3.0-or-later
// lamem's results as text and JSON.
#include "lakvm/guest/explain.h"

#include <inttypes.h>
#include <stdio.h>

#include "json.h"
#include "sink.h"

static void put_size(const struct la_sink *sink, uint64_t bytes)
{
	static const char *const unit[] = { "B", "KB", "MB", "GB", "TB", "PB" };
	double value = (double)bytes;
	unsigned i = 0;

	for (; value >= 1024 && i + 1 < sizeof(unit) / sizeof(unit[0]); i++)
		value /= 1024;
	la_put(sink, "  %8.*f %2s", value < 10 && i ? 2 : i ? 1 : 0, value, unit[i]);
}

static void put_place(const struct la_mem_address *a, const struct la_sink *sink)
{
	const struct la_dump_place *p = &a->place;

	if (a->other_reader) {
		la_put(sink, "    DUMP: crash's own reader %s\n",
		       p->status == LA_OK ? "has it" : "does not have it");
		return;
	}
	la_put(sink, "    DUMP: %s", la_block_state_name(p->state));
	if (p->status == LA_OK && p->stored)
		la_put(sink, ", %s, %" PRIu64 " bytes at offset %#" PRIx64 " of %s", p->method,
		       p->size, p->offset, p->file ? p->file : "the file");
	if (p->state == LA_BLOCK_HOLE)
		la_put(sink, ": %s", a->hole);
	la_put(sink, "\n");
	if (p->status != LA_OK && p->state != LA_BLOCK_HOLE)
		la_put(sink, "  UNREAD: %s\n",
		       p->reason[0] ? p->reason : la_status_text(p->status));
}

static void put_owner(const struct la_page *p, const struct la_sink *sink)
{
	if (p->owner == LA_PAGE_NOBODY)
		return;
	la_put(sink, "          of %s", la_page_owner_name(p));
	if (p->inode)
		la_put(sink, ", inode %" PRIu64, p->inode);
	if (p->owner_name[0]) {
		la_puts(sink, p->owner == LA_PAGE_FILE ? " on " : " ");
		la_put_text(sink, p->owner_name, false);
	}
	if (p->index_known)
		la_put(sink, ", page %" PRIu64 " of it", p->index);
	la_puts(sink, "\n");
}

static void put_page(const struct la_mem_address *a, const struct la_sink *sink)
{
	const struct la_section *s = &a->section;
	const struct la_page *p = &a->page;
	char flags[80];

	if (a->section_known) {
		la_section_flags(s->map, flags, sizeof(flags));
		la_put(sink, " SECTION: %" PRIu64 "  %" PRIx64 "-%" PRIx64 "  %s\n", s->number,
		       s->start, s->end,
		       s->rebuilt ? "(its table cannot be read; from vmemmap)" : flags);
	}
	if (a->page_known) {
		la_put(sink, "    PAGE: %" PRIx64 "  flags %" PRIx64 " %s%s%s\n", p->address,
		       p->flags, p->names[0] ? p->names : "-", p->type ? "  type " : "",
		       p->type ? p->type : "");
		if (p->head)
			la_put(sink,
			       "          in the compound page of %" PRIx64
			       ", whose flags these are\n",
			       p->head);
		la_put(sink, "          node ");
		la_put(sink, p->node >= 0 ? "%d" : "-", p->node);
		la_put(sink, "  zone %s  refcount ", p->zone_name ? p->zone_name : "-");
		la_put(sink, p->refcount_known ? "%d" : "-", p->refcount);
		la_put(sink, "  mapcount ");
		la_put(sink, p->mapcount_known ? "%d" : "-", p->mapcount);
		la_put(sink, "\n");
		put_owner(p, sink);
	}
	if (a->page_reason[0])
		la_put(sink, "    PAGE: unknown: %s\n", a->page_reason);
}

void la_render_mem_address_text(const struct la_kernel *k, const struct la_mem_address *a,
				const struct la_sink *sink)
{
	const struct la_translation *t = &a->translation;

	la_put(sink, " ADDRESS: %" PRIx64 "%s\n", a->address, a->physical ? "  (physical)" : "");
	if (!a->physical) {
		la_put(sink, " SEGMENT: %s\n", la_segment_name(la_segment_of(a->address)));
		if (t->window >= 0)
			la_put(sink, "  WINDOW: DMW%d %016" PRIx64 "\n", t->window,
			       k->mmu.dmw[t->window]);
		if (t->ignored)
			la_put(sink,
			       "    NOTE: the CPU does not look at the bits %" PRIx64
			       " of this address\n",
			       t->ignored);
		for (unsigned i = 0; i < t->nsteps; i++)
			la_put(sink, "     %s: %016" PRIx64 " => %016" PRIx64 "\n",
			       la_level_name(&k->mmu.geometry, t->step[i].level),
			       t->step[i].entry_pa, t->step[i].entry);
	}
	if (a->status != LA_OK) {
		la_put(sink, "  UNREAD: %s\n",
		       a->reason[0] ? a->reason : la_status_text(a->status));
		return;
	}
	if (!a->physical) {
		la_put(sink, "PHYSICAL: %" PRIx64 "\n", t->pa);
		if (t->leaf) {
			char flags[160];

			la_pte_flags(t->leaf, t->page_shift > k->mmu.geometry.page_shift, flags,
				     sizeof(flags));
			la_put(sink, "   FLAGS: %s\n", flags);
		}
		if (t->leaf && t->page_shift > k->mmu.geometry.page_shift)
			la_put(sink, "    NOTE: in a huge page of %" PRIu64 " MB\n",
			       UINT64_C(1) << (t->page_shift - 20));
		if (t->leaf & LA_PTE_PROTNONE)
			la_put(sink,
			       "    NOTE: PROT_NONE: the page is there, but whoever accesses it faults\n");
	}
	put_place(a, sink);
	put_page(a, sink);
}

/* --- the picture: a row of characters for each part of the address space with RAM in it --- */

#define PICTURE_COLUMNS 80
#define PICTURE_MARGIN 14 /* the address in front of a row */
#define PICTURE_ROW 256

/* What is missing shows first, because it is a fault; what is there shows even if it is little. */
static char picture_char(const struct la_ram_range *c)
{
	if (c->missing)
		return '?';
	if (c->present)
		return c->present >= c->zero + c->excluded ? '#' : '+';
	return c->excluded > c->zero ? 'x' : '.';
}

static void put_row(uint64_t start, const char *row, size_t n, const struct la_sink *sink)
{
	la_put(sink, "%12" PRIx64 "  %.*s\n", start, (int)n, row);
}

/* Rows begin at multiples of their size and a character is where its address is: holes are blank. */
static void put_picture(const struct la_mem_map *m, unsigned columns, const struct la_sink *sink)
{
	static const char *const unit[] = { "bytes", "KB", "MB", "GB", "TB" };
	uint64_t row = 8, number = 0, at, size = m->cell_size;
	char text[PICTURE_ROW];
	size_t used = 0;
	unsigned u = 0;

	columns = columns ? columns : PICTURE_COLUMNS;
	while (row < PICTURE_ROW && 2 * row + PICTURE_MARGIN <= columns)
		row *= 2;
	for (; size >= 1024 && u + 1 < sizeof(unit) / sizeof(unit[0]); u++)
		size /= 1024;
	la_put(sink,
	       " PICTURE: %" PRIu64
	       " %s each: # present, + in part, . zero, x excluded, ? missing\n",
	       size, unit[u]);
	for (size_t i = 0, next; i < m->ncells; i = next) {
		struct la_ram_range sum = m->cell[i];

		at = sum.start / m->cell_size; /* RAM with a hole in it may give several entries */
		for (next = i + 1; next < m->ncells && m->cell[next].start / m->cell_size == at;
		     next++) {
			sum.present += m->cell[next].present;
			sum.zero += m->cell[next].zero;
			sum.excluded += m->cell[next].excluded;
			sum.missing += m->cell[next].missing;
		}
		if (used && at / row != number) {
			put_row(number * row * m->cell_size, text, used, sink);
			used = 0;
		}
		number = at / row;
		while (used < at % row)
			text[used++] = ' ';
		text[used++] = picture_char(&sum);
	}
	if (used)
		put_row(number * row * m->cell_size, text, used, sink);
}

void la_render_mem_map_text(const struct la_mem_map *m, unsigned columns,
			    const struct la_sink *sink)
{
	uint64_t size = 0;

	la_put(sink, "  FORMAT: %s, blocks of %u bytes\n", m->format, m->block_size);
	for (size_t i = 0; i < m->n; i++)
		size += m->range[i].end - m->range[i].start;
	la_put(sink, "     RAM:");
	put_size(sink, size);
	la_put(sink, " in %zu range%s\n", m->n, m->n == 1 ? "" : "s");
	la_put(sink, "%16s  %16s  %11s  %11s  %11s  %11s  %11s\n", "START", "END", "SIZE",
	       "PRESENT", "ZERO", "EXCLUDED", "MISSING");
	for (size_t i = 0; i < m->n; i++) {
		const struct la_ram_range *r = &m->range[i];

		la_put(sink, "%16" PRIx64 "  %16" PRIx64, r->start, r->end);
		put_size(sink, r->end - r->start);
		put_size(sink, r->present);
		put_size(sink, r->zero);
		put_size(sink, r->excluded);
		put_size(sink, r->missing);
		la_put(sink, "\n");
	}
	put_picture(m, columns, sink);
	for (size_t i = 0; i < m->nremarks; i++)
		la_put(sink, "  REMARK: %s\n", m->remark[i]);
}

/* --- JSON: addresses are strings, unknown is null (docs/json.md) --- */

static json_t *hex(uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%#" PRIx64, value);
	return json_string(value ? text : "0x0");
}

/* A path in an encoding that JSON cannot have becomes null. */
static json_t *text_or_null(const char *text)
{
	json_t *value = text && text[0] ? json_string(text) : NULL;

	return value ? value : json_null();
}

static json_t *place_json(const struct la_mem_address *a)
{
	const struct la_dump_place *p = &a->place;

	if (a->status != LA_OK || a->other_reader)
		return json_null();
	return json_pack("{s:s, s:b, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o}", "state",
			 la_block_state_name(p->state), "readable", p->status == LA_OK, "reason",
			 text_or_null(a->hole[0] ? a->hole : p->reason), "start", hex(p->start),
			 "end", hex(p->end), "behind_ram", a->behind_ram, "file",
			 text_or_null(p->file), "offset",
			 p->stored ? json_integer((json_int_t)p->offset) : json_null(), "size",
			 p->stored ? json_integer((json_int_t)p->size) : json_null(), "method",
			 p->stored ? text_or_null(p->method) : json_null());
}

static json_t *section_json(const struct la_mem_address *a)
{
	const struct la_section *s = &a->section;

	if (!a->section_known)
		return json_null();
	return json_pack("{s:I, s:o, s:o, s:b, s:o}", "number", (json_int_t)s->number, "start",
			 hex(s->start), "end", hex(s->end), "rebuilt", s->rebuilt, "map",
			 s->rebuilt ? json_null() : hex(s->map));
}

static json_t *number_or_null(bool known, int value)
{
	return known ? json_integer(value) : json_null();
}

static json_t *owner_json(const struct la_page *p)
{
	if (p->owner == LA_PAGE_NOBODY)
		return json_null();
	return json_pack("{s:s, s:o, s:o, s:o}", "kind", la_page_owner_name(p), "name",
			 text_or_null(p->owner_name), "inode",
			 p->inode ? json_integer((json_int_t)p->inode) : json_null(), "index",
			 p->index_known ? json_integer((json_int_t)p->index) : json_null());
}

static json_t *page_json(const struct la_mem_address *a)
{
	const struct la_page *p = &a->page;

	if (!a->page_known)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "address",
			 hex(p->address), "flags", hex(p->flags), "owner", owner_json(p), "head",
			 p->head ? hex(p->head) : json_null(), "names", p->names, "type",
			 text_or_null(p->type), "node", number_or_null(p->node >= 0, p->node),
			 "zone", text_or_null(p->zone_name), "refcount",
			 number_or_null(p->refcount_known, p->refcount), "mapcount",
			 number_or_null(p->mapcount_known, p->mapcount));
}

/* The entry that maps the address; through a window there is none. */
static json_t *mapping_json(const struct la_kernel *k, const struct la_translation *t)
{
	char flags[160];

	if (!t->leaf)
		return json_null();
	la_pte_flags(t->leaf, t->page_shift > k->mmu.geometry.page_shift, flags, sizeof(flags));
	return json_pack("{s:I, s:s}", "size", (json_int_t)(UINT64_C(1) << t->page_shift), "flags",
			 flags);
}

static json_t *address_json(const struct la_kernel *k, const struct la_mem_address *a)
{
	const struct la_translation *t = &a->translation;
	json_t *steps = json_array();

	for (unsigned i = 0; i < t->nsteps; i++)
		json_array_append_new(steps,
				      json_pack("{s:s, s:o, s:o}", "level",
						la_level_name(&k->mmu.geometry, t->step[i].level),
						"entry_pa", hex(t->step[i].entry_pa), "entry",
						hex(t->step[i].entry)));
	return json_pack("{s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "address", hex(a->address), "is_physical", a->physical, "ignored_bits",
			 t->ignored ? hex(t->ignored) : json_null(), "segment",
			 a->physical ? json_null() :
				       json_string(la_segment_name(la_segment_of(a->address))),
			 "window", t->window >= 0 ? json_integer(t->window) : json_null(), "steps",
			 steps, "mapping", mapping_json(k, t), "physical",
			 a->status == LA_OK ? hex(t->pa) : json_null(), "reason",
			 text_or_null(a->reason), "dump", place_json(a), "section", section_json(a),
			 "page", page_json(a), "page_reason", text_or_null(a->page_reason));
}

enum la_status la_render_mem_address_json(const struct la_kernel *k, const struct la_mem_address *a,
					  size_t n, const struct la_sink *sink)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, address_json(k, &a[i]));
	if (json_array_size(list) != n) {
		json_decref(list);
		return LA_NOMEM;
	}
	return la_json_put(json_pack("{s:s, s:o}", "schema", "lakvm.mem/1", "addresses", list),
			   sink);
}

json_t *la_json_ram(const struct la_ram_range *r, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:o, s:o, s:I, s:I, s:I, s:I}", "start",
						      hex(r[i].start), "end", hex(r[i].end),
						      "present", (json_int_t)r[i].present, "zero",
						      (json_int_t)r[i].zero, "excluded",
						      (json_int_t)r[i].excluded, "missing",
						      (json_int_t)r[i].missing));
	if (json_array_size(list) == n)
		return list;
	json_decref(list);
	return NULL;
}

enum la_status la_render_mem_map_json(const struct la_mem_map *m, const struct la_sink *sink)
{
	json_t *remarks = json_array();

	for (size_t i = 0; i < m->nremarks; i++)
		json_array_append_new(remarks, text_or_null(m->remark[i]));
	return la_json_put(json_pack("{s:s, s:s, s:i, s:o, s:I, s:o, s:o}", "schema", "lakvm.mem/1",
				     "format", m->format, "block_size", (int)m->block_size, "ram",
				     la_json_ram(m->range, m->n), "cell_size",
				     (json_int_t)m->cell_size, "cells",
				     la_json_ram(m->cell, m->ncells), "remarks", remarks),
			   sink);
}
