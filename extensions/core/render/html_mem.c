// SPDX-License-Identifier: GPL-3.0-or-later
// The guest's RAM as a picture: a square for each cell of the map, filled in shares with what it holds.
#include <inttypes.h>

#include "headings.h"
#include "html.h"

#define ACROSS 48 /* cells in a row */
#define CELL 20
#define EDGE 18 /* of its square */

/* What can be in a cell, in the order in which it fills up. */
enum part {
	PART_KERNEL,
	PART_SLAB,
	PART_FILE,
	PART_ANON,
	PART_FREE,
	PART_SOME, /* in the dump; what it is used for is not known */
	PART_ZERO,
	PART_LEFT, /* left out of the dump on purpose */
	PART_GONE,
	NPARTS,
};

static const struct {
	const char *class, *name;
} parts[] = {
	[PART_KERNEL] = { "m-kernel", "kernel" },
	[PART_SLAB] = { "m-slab", "slab" },
	[PART_FILE] = { "m-file", "page cache" },
	[PART_ANON] = { "m-anon", "anonymous" },
	[PART_FREE] = { "m-free", "free" },
	[PART_SOME] = { "m-some", "in the dump, use unknown" },
	[PART_ZERO] = { "m-zero", "zeroes, use unknown" },
	[PART_LEFT] = { "m-left", "excluded from the dump, use unknown" },
	[PART_GONE] = { "m-gone", "missing in the dump, use unknown" },
};

struct shares {
	double bytes[NPARTS];
};

/* By its use as far as that is known, else by what the dump has of it. */
static struct shares shares_of(const struct la_mem_map *m, const struct la_mem_use *usage, size_t i)
{
	static const enum part of[] = {
		[LA_USE_FREE] = PART_FREE, [LA_USE_SLAB] = PART_SLAB,     [LA_USE_FILE] = PART_FILE,
		[LA_USE_ANON] = PART_ANON, [LA_USE_KERNEL] = PART_KERNEL,
	};
	const struct la_ram_range *c = &m->cell[i];
	const double size = (double)(c->end - c->start);
	struct shares s = { { 0 } };
	double unknown = 1;
	unsigned looked_at = 0;

	for (enum la_use use = 0; usage && usage->cell && use < LA_NUSES; use++)
		looked_at += usage->cell[i].of[use];
	for (enum la_use use = 0; looked_at && use < LA_USE_UNKNOWN; use++) {
		const double share = (double)usage->cell[i].of[use] / looked_at;

		s.bytes[of[use]] += share * size;
		unknown -= share;
	}
	if (!looked_at || usage->cell[i].of[LA_USE_UNKNOWN]) {
		s.bytes[PART_SOME] = unknown * (double)c->present;
		s.bytes[PART_ZERO] = unknown * (double)c->zero;
		s.bytes[PART_LEFT] = unknown * (double)c->excluded;
		s.bytes[PART_GONE] = unknown * (double)c->missing;
	}
	return s;
}

/* All squares of one kind are one path. */
static void put_part(struct la_html_page *page, enum part part)
{
	const struct la_mem_map *m = page->h->map;
	bool any = false;

	for (size_t i = 0; i < m->ncells; i++) {
		const struct shares s = shares_of(m, page->h->usage, i);
		const double size = (double)(m->cell[i].end - m->cell[i].start);
		double below = 0;

		if (!(s.bytes[part] > 0) || !(size > 0))
			continue;
		for (enum part p = 0; p < part; p++)
			below += s.bytes[p];
		if (!any)
			la_put(&page->markup, "<path class=\"%s\" d=\"", parts[part].class);
		any = true;
		la_put(&page->markup, "M%zu %.1fh%dv%.1fh-%dz", i % ACROSS * CELL,
		       (double)(i / ACROSS * CELL) + EDGE * (1 - below / size), EDGE,
		       -EDGE * s.bytes[part] / size, EDGE);
	}
	if (any)
		la_puts(&page->markup, "\"/>\n");
}

static void put_picture(struct la_html_page *page)
{
	const struct la_mem_map *m = page->h->map;
	const size_t rows = (m->ncells + ACROSS - 1) / ACROSS;

	la_put(&page->markup,
	       "<svg role=\"img\" width=\"%d\" height=\"%zu\" viewBox=\"0 0 %d %zu\">\n",
	       ACROSS * CELL, rows * CELL, ACROSS * CELL, rows * CELL);
	for (enum part p = 0; p < NPARTS; p++)
		put_part(page, p);
	la_puts(&page->markup, "</svg>\n");
}

static void put_key(struct la_html_page *page)
{
	const struct la_mem_map *m = page->h->map;
	struct shares all = { { 0 } };

	for (size_t i = 0; i < m->ncells; i++) {
		const struct shares s = shares_of(m, page->h->usage, i);

		for (enum part p = 0; p < NPARTS; p++)
			all.bytes[p] += s.bytes[p];
	}
	la_puts(&page->markup, "<ul class=\"key\">");
	for (enum part p = 0; p < NPARTS; p++) {
		if (!(all.bytes[p] > 0))
			continue;
		la_put(&page->markup, "<li class=\"%s\"><i></i>%s ", parts[p].class, parts[p].name);
		la_html_size(&page->markup, all.bytes[p]);
		la_puts(&page->markup, "</li>");
	}
	la_puts(&page->markup, "</ul>\n");
}

static void put_note(struct la_html_page *page)
{
	const struct la_mem_use *usage = page->h->usage;

	la_puts(&page->markup, "<p class=\"note\">Each square is ");
	la_html_size(&page->markup, (double)page->h->map->cell_size);
	la_puts(&page->markup, " of RAM, the lowest addresses first. ");
	if (usage && usage->cell) {
		la_put(&page->markup,
		       "What it is used for is estimated: %d struct pages of each were looked at; "
		       "pages that CPUs keep for themselves count as the kernel's, though free.",
		       LA_USE_SAMPLES);
	} else {
		la_puts(&page->markup, "What it is used for is not known");
		if (usage && usage->reason) {
			la_puts(&page->markup, ": ");
			la_put_text(&page->text, usage->reason, false);
		}
		la_puts(&page->markup, ".");
	}
	la_puts(&page->markup, "</p>\n");
}

#define RANGES 40

static void put_ranges(struct la_html_page *page)
{
	const struct la_mem_map *m = page->h->map;

	la_puts(&page->markup,
		"<div class=\"scroll\"><table>\n<tr><th>physical<th>size<th>in the dump"
		"<th>zeroes<th>excluded<th>missing</tr>\n");
	for (size_t i = 0; i < m->n && i < RANGES; i++) {
		const struct la_ram_range *r = &m->range[i];
		const uint64_t size[] = { r->end - r->start, r->present, r->zero, r->excluded,
					  r->missing };

		la_put(&page->markup, "<tr><td>%" PRIx64 "-%" PRIx64, r->start, r->end);
		for (size_t k = 0; k < sizeof(size) / sizeof(size[0]); k++) {
			la_puts(&page->markup, "<td>");
			if (size[k])
				la_html_size(&page->markup, (double)size[k]);
			else
				la_puts(&page->markup, "0");
		}
		la_puts(&page->markup, "</tr>\n");
	}
	la_puts(&page->markup, "</table></div>\n");
	if (m->n > RANGES)
		la_put(&page->markup, "<p class=\"note\">%zu more ranges are left out.</p>\n",
		       m->n - RANGES);
}

void la_html_memory(struct la_html_page *page)
{
	const struct la_mem_map *m = page->h->map;

	la_html_begin(page, "memory", page->heading[LA_H_MEMORY]);
	if (!m || !m->ncells) {
		la_puts(&page->markup,
			"<p class=\"note\">unknown: no list of the dump's pages</p>\n");
		la_html_end(page);
		return;
	}
	put_key(page);
	put_picture(page);
	put_note(page);
	put_ranges(page);
	for (size_t i = 0; i < m->nremarks && i < RANGES; i++) {
		la_puts(&page->markup, "<p class=\"note\">");
		la_put_text(&page->text, m->remark[i], false);
		la_puts(&page->markup, "</p>\n");
	}
	la_html_end(page);
}
