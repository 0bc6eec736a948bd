// SPDX-License-Identifier: GPL-3.0-or-later
// lamem's results as JSON (docs/json.md).
#include "lakvm/render/mem.h"

#include "json.h"

static json_t *place(struct la_json *b, const struct la_mem_address *a)
{
	const struct la_dump_place *p = &a->place;
	json_t *o;

	if (a->status != LA_OK || a->other_reader)
		return json_null();
	o = json_object();
	la_json_set(b, o, "state", la_json_text(la_block_state_name(p->state)));
	la_json_set(b, o, "readable", json_boolean(p->status == LA_OK));
	la_json_set(b, o, "reason", la_json_said(a->hole[0] ? a->hole : p->reason));
	la_json_set(b, o, "start", la_json_hex(true, p->start));
	la_json_set(b, o, "end", la_json_hex(true, p->end));
	la_json_set(b, o, "behind_ram", json_boolean(a->behind_ram));
	la_json_set(b, o, "file", la_json_text(p->file));
	la_json_set(b, o, "offset", la_json_number(p->stored, p->offset));
	la_json_set(b, o, "size", la_json_number(p->stored, p->size));
	la_json_set(b, o, "method", la_json_text(p->stored ? p->method : NULL));
	return o;
}

static json_t *section(struct la_json *b, const struct la_mem_address *a)
{
	const struct la_section *s = &a->section;
	json_t *o;

	if (!a->section_known)
		return json_null();
	o = json_object();
	la_json_set(b, o, "number", la_json_number(true, s->number));
	la_json_set(b, o, "start", la_json_hex(true, s->start));
	la_json_set(b, o, "end", la_json_hex(true, s->end));
	la_json_set(b, o, "rebuilt", json_boolean(s->rebuilt));
	la_json_set(b, o, "map", la_json_hex(!s->rebuilt, s->map));
	return o;
}

static json_t *owner(struct la_json *b, const struct la_page *p)
{
	json_t *o;

	if (p->owner == LA_PAGE_NOBODY)
		return json_null();
	o = json_object();
	la_json_set(b, o, "kind", la_json_text(la_page_owner_name(p)));
	la_json_set(b, o, "name", la_json_said(p->owner_name));
	la_json_set(b, o, "inode", la_json_number(p->inode != 0, p->inode));
	la_json_set(b, o, "index", la_json_number(p->index_known, p->index));
	return o;
}

/* Counts of a damaged page may be negative. */
static json_t *count(bool known, int value)
{
	return known ? json_integer(value) : json_null();
}

static json_t *page(struct la_json *b, const struct la_mem_address *a)
{
	const struct la_page *p = &a->page;
	json_t *o;

	if (!a->page_known)
		return json_null();
	o = json_object();
	la_json_set(b, o, "address", la_json_hex(true, p->address));
	la_json_set(b, o, "flags", la_json_hex(true, p->flags));
	la_json_set(b, o, "owner", owner(b, p));
	la_json_set(b, o, "head", la_json_hex(p->head != 0, p->head));
	la_json_set(b, o, "names", la_json_text(p->names));
	la_json_set(b, o, "type", la_json_text(p->type));
	la_json_set(b, o, "node", count(p->node >= 0, p->node));
	la_json_set(b, o, "zone", la_json_text(p->zone_name));
	la_json_set(b, o, "refcount", count(p->refcount_known, p->refcount));
	la_json_set(b, o, "mapcount", count(p->mapcount_known, p->mapcount));
	return o;
}

/* The entry that maps the address; through a window there is none. */
static json_t *mapping(struct la_json *b, const struct la_mem_address *a)
{
	const struct la_translation *t = &a->translation;
	char flags[160];
	json_t *o;

	if (!t->leaf)
		return json_null();
	la_pte_flags(t->leaf, t->page_shift > a->geometry.page_shift, flags, sizeof(flags));
	o = json_object();
	la_json_set(b, o, "size", la_json_number(true, UINT64_C(1) << t->page_shift));
	la_json_set(b, o, "flags", la_json_text(flags));
	return o;
}

static json_t *steps(struct la_json *b, const struct la_mem_address *a)
{
	const struct la_translation *t = &a->translation;
	json_t *list = json_array();

	for (unsigned i = 0; i < t->nsteps; i++) {
		json_t *o = json_object();

		la_json_set(b, o, "level",
			    la_json_text(la_level_name(&a->geometry, t->step[i].level)));
		la_json_set(b, o, "entry_pa", la_json_hex(true, t->step[i].entry_pa));
		la_json_set(b, o, "entry", la_json_hex(true, t->step[i].entry));
		la_json_append(b, list, o);
	}
	return list;
}

static json_t *address(struct la_json *b, const struct la_mem_address *a)
{
	const struct la_translation *t = &a->translation;
	const char *segment = a->physical ? NULL : la_segment_name(la_segment_of(a->address));
	json_t *o = json_object();

	la_json_set(b, o, "address", la_json_hex(true, a->address));
	la_json_set(b, o, "is_physical", json_boolean(a->physical));
	la_json_set(b, o, "ignored_bits", la_json_hex(t->ignored != 0, t->ignored));
	la_json_set(b, o, "segment", la_json_text(segment));
	la_json_set(b, o, "window", count(t->window >= 0, t->window));
	la_json_set(b, o, "steps", steps(b, a));
	la_json_set(b, o, "mapping", mapping(b, a));
	la_json_set(b, o, "physical", la_json_hex(a->status == LA_OK, t->pa));
	la_json_set(b, o, "reason", la_json_said(a->reason));
	la_json_set(b, o, "dump", place(b, a));
	la_json_set(b, o, "section", section(b, a));
	la_json_set(b, o, "page", page(b, a));
	la_json_set(b, o, "page_reason", la_json_said(a->page_reason));
	return o;
}

enum la_status la_render_mem_address_json(const struct la_mem_address *a, size_t n,
					  const struct la_sink *sink)
{
	struct la_json b = { .nomem = false };
	json_t *o, *list;

	list = json_array();
	for (size_t i = 0; i < n; i++)
		la_json_append(&b, list, address(&b, &a[i]));
	o = json_object();
	la_json_set(&b, o, "schema", la_json_text("lakvm.mem/1"));
	la_json_set(&b, o, "addresses", list);
	return la_json_finish(&b, o, sink);
}

json_t *la_json_ram(struct la_json *b, const struct la_ram_range *r, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *o = json_object();

		la_json_set(b, o, "start", la_json_hex(true, r[i].start));
		la_json_set(b, o, "end", la_json_hex(true, r[i].end));
		la_json_set(b, o, "present", la_json_number(true, r[i].present));
		la_json_set(b, o, "zero", la_json_number(true, r[i].zero));
		la_json_set(b, o, "excluded", la_json_number(true, r[i].excluded));
		la_json_set(b, o, "missing", la_json_number(true, r[i].missing));
		la_json_append(b, list, o);
	}
	return list;
}

enum la_status la_render_mem_map_json(const struct la_mem_map *m, const struct la_sink *sink)
{
	struct la_json b = { .nomem = false };
	json_t *o;

	o = json_object();
	la_json_set(&b, o, "schema", la_json_text("lakvm.mem/1"));
	la_json_set(&b, o, "format", la_json_text(m->format));
	la_json_set(&b, o, "block_size", la_json_number(true, m->block_size));
	la_json_set(&b, o, "ram", la_json_ram(&b, m->range, m->n));
	la_json_set(&b, o, "cell_size", la_json_number(true, m->cell_size));
	la_json_set(&b, o, "cells", la_json_ram(&b, m->cell, m->ncells));
	la_json_set(&b, o, "remarks", la_json_texts(&b, m->remark, m->nremarks));
	return la_json_finish(&b, o, sink);
}
