// SPDX-License-Identifier: GPL-3.0-or-later
// lamem's results as text.
#include "lakvm/render/mem.h"

#include <inttypes.h>

#include "text.h"

void la_put_size(const struct la_sink *sink, uint64_t bytes)
{
	static const char *const unit[] = { "B", "KB", "MB", "GB", "TB", "PB" };
	double value = (double)bytes;
	unsigned i = 0;

	for (; value >= 1024 && i + 1 < sizeof(unit) / sizeof(unit[0]); i++)
		value /= 1024;
	la_put(sink, "  %8.*f %2s", value < 10 && i ? 2 : i ? 1 : 0, value, unit[i]);
}

static void put_unread(const char *reason, enum la_status status, const struct la_sink *sink)
{
	la_puts(sink, "  UNREAD: ");
	la_put_text(sink, reason[0] ? reason : la_status_text(status), false);
	la_puts(sink, "\n");
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
	if (p->status == LA_OK && p->stored) {
		la_put(sink, ", %s, %" PRIu64 " bytes at offset %#" PRIx64 " of ", p->method,
		       p->size, p->offset);
		la_put_text(sink, p->file ? p->file : "the file", false);
	}
	if (p->state == LA_BLOCK_HOLE)
		la_put(sink, ": %s", a->hole);
	la_puts(sink, "\n");
	if (p->status != LA_OK && p->state != LA_BLOCK_HOLE)
		put_unread(p->reason, p->status, sink);
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
		la_put(sink, "    PAGE: %" PRIx64 "  flags %" PRIx64 " ", p->address, p->flags);
		la_put_text(sink, p->names[0] ? p->names : "-", false);
		la_put(sink, "%s%s\n", p->type ? "  type " : "", p->type ? p->type : "");
		if (p->head)
			la_put(sink,
			       "          in the compound page of %" PRIx64
			       ", whose flags these are\n",
			       p->head);
		la_puts(sink, "          node ");
		la_put(sink, p->node >= 0 ? "%d" : "-", p->node);
		la_put(sink, "  zone %s  refcount ", p->zone_name ? p->zone_name : "-");
		la_put(sink, p->refcount_known ? "%d" : "-", p->refcount);
		la_puts(sink, "  mapcount ");
		la_put(sink, p->mapcount_known ? "%d" : "-", p->mapcount);
		la_puts(sink, "\n");
		put_owner(p, sink);
	}
	if (a->page_reason[0]) {
		la_puts(sink, "    PAGE: unknown: ");
		la_put_text(sink, a->page_reason, false);
		la_puts(sink, "\n");
	}
}

void la_render_mem_address_text(const struct la_mem_address *a, const struct la_sink *sink)
{
	const struct la_translation *t = &a->translation;

	la_put(sink, " ADDRESS: %" PRIx64 "%s\n", a->address, a->physical ? "  (physical)" : "");
	if (!a->physical) {
		la_put(sink, " SEGMENT: %s\n", la_segment_name(la_segment_of(a->address)));
		if (t->window >= 0)
			la_put(sink, "  WINDOW: DMW%d %016" PRIx64 "\n", t->window, a->window);
		if (t->ignored)
			la_put(sink,
			       "    NOTE: the CPU does not look at the bits %" PRIx64
			       " of this address\n",
			       t->ignored);
		for (unsigned i = 0; i < t->nsteps; i++)
			la_put(sink, "     %s: %016" PRIx64 " => %016" PRIx64 "\n",
			       la_level_name(&a->geometry, t->step[i].level), t->step[i].entry_pa,
			       t->step[i].entry);
	}
	if (a->status != LA_OK) {
		put_unread(a->reason, a->status, sink);
		return;
	}
	if (!a->physical) {
		la_put(sink, "PHYSICAL: %" PRIx64 "\n", t->pa);
		if (t->leaf) {
			char flags[160];

			la_pte_flags(t->leaf, t->page_shift > a->geometry.page_shift, flags,
				     sizeof(flags));
			la_put(sink, "   FLAGS: %s\n", flags);
		}
		if (t->leaf && t->page_shift > a->geometry.page_shift)
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
	la_puts(sink, "     RAM:");
	la_put_size(sink, size);
	la_put(sink, " in %zu range%s\n", m->n, m->n == 1 ? "" : "s");
	la_put(sink, "%16s  %16s  %11s  %11s  %11s  %11s  %11s\n", "START", "END", "SIZE",
	       "PRESENT", "ZERO", "EXCLUDED", "MISSING");
	for (size_t i = 0; i < m->n; i++) {
		const struct la_ram_range *r = &m->range[i];

		la_put(sink, "%16" PRIx64 "  %16" PRIx64, r->start, r->end);
		la_put_size(sink, r->end - r->start);
		la_put_size(sink, r->present);
		la_put_size(sink, r->zero);
		la_put_size(sink, r->excluded);
		la_put_size(sink, r->missing);
		la_puts(sink, "\n");
	}
	put_picture(m, columns, sink);
	for (size_t i = 0; i < m->nremarks; i++) {
		la_puts(sink, "  REMARK: ");
		la_put_text(sink, m->remark[i], false);
		la_puts(sink, "\n");
	}
}
