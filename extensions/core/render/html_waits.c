// SPDX-License-Identifier: GPL-3.0-or-later
// Who waits for whom, as pictures: one SVG for each circle, and for each that is waited for. Boxes stand below one
// another, those that wait further to the right; an arrow leads from whoever waits to whom he waits for.
#include <inttypes.h>

#include "headings.h"
#include "html.h"
#include "text.h"

#define PICTURES 16
#define BOXES 64  /* in a picture */
#define ALIKE 10  /* that wait for the same; others are counted */
#define ROW 66    /* from box to box */
#define HEIGHT 56 /* of a box */
#define WIDTH 328
#define COLUMNS 43 /* in a box */
#define INDENT 20
#define MAX_DEPTH 8 /* deeper ones stand there */
#define NOBODY SIZE_MAX

enum kind { NODE, THING, MORE };

struct box {
	enum kind kind;
	size_t index;  /* of the node or thing; MORE: how many */
	size_t holder; /* the box that it waits for, or NOBODY */
	unsigned depth;
};

struct picture {
	const struct la_waits *w;
	struct box box[BOXES];
	size_t n;
	size_t left_out; /* for which there was no room */
	unsigned
		cycle; /* the first boxes at depth 0 are this circle's, each waits for the next; 0: none */
};

static size_t add(struct picture *p, enum kind kind, size_t index, size_t holder)
{
	const unsigned depth = holder == NOBODY ? 0 : p->box[holder].depth + 1;

	if (p->n == BOXES) {
		p->left_out++;
		return NOBODY;
	}
	p->box[p->n] = (struct box){ kind, index, holder, depth };
	return p->n++;
}

/* Does node @k, which is in no circle, wait for what box @i is? */
static bool waits_for(const struct picture *p, size_t k, size_t i)
{
	const struct box *b = &p->box[i];

	if (p->w->node[k].cycle)
		return false;
	return b->kind == THING ? p->w->node[k].on == b->index :
				  la_waits_next(p->w, k) == b->index && k != b->index;
}

/* No deeper than there are boxes. */
static void add_waiters(struct picture *p, size_t i)
{
	size_t shown = 0, more = 0;

	for (size_t k = 0; k < p->w->n; k++) {
		size_t box;

		if (!waits_for(p, k, i))
			continue;
		if (shown == ALIKE) {
			more += 1 + p->w->node[k].behind;
			continue;
		}
		shown++;
		box = add(p, NODE, k, i);
		if (box != NOBODY)
			add_waiters(p, box);
	}
	if (more)
		add(p, MORE, more, i);
}

static void add_cycle(struct picture *p, size_t first)
{
	size_t member = first;

	p->cycle = p->w->node[first].cycle;
	do {
		const size_t box = add(p, NODE, member, NOBODY);

		if (box == NOBODY)
			return;
		add_waiters(p, box);
		member = la_waits_next(p->w, member);
	} while (member != first && member != LA_NO_NODE);
}

static unsigned x_of(const struct box *b)
{
	return 18 + INDENT * (b->depth < MAX_DEPTH ? b->depth : MAX_DEPTH);
}

static unsigned y_of(size_t i)
{
	return 6 + (unsigned)i * ROW;
}

/* --- what a box says --- */

static void put_who(const struct la_wait_node *n, const struct la_sink *sink)
{
	if (n->cpu >= 0)
		la_put(sink, "CPU %d ", n->cpu);
	la_put_text(sink, n->task.comm[0] ? n->task.comm : "unknown task", false);
	if (n->task.pid_known)
		la_put(sink, " (PID %d)", n->task.pid);
}

static void put_thing(const struct la_thing *g, const struct la_sink *sink)
{
	if (g->kind != LA_THING_UNKNOWN || (!g->symbol && !g->what))
		la_put(sink, "%s%s", la_thing_name(g->kind), !g->symbol && g->what ? ", " : " ");
	if (g->symbol && !g->offset)
		la_put_text(sink, g->symbol, false);
	else if (g->symbol)
		la_put_symbol(sink, g->symbol, true, g->offset, g->module);
	else if (g->what)
		la_put_text(sink, g->what, false);
	else if (g->address)
		la_put(sink, "%" PRIx64, g->address);
}

static void put_waiters(size_t n, const struct la_sink *sink)
{
	la_put(sink, n == 1 ? "%zu waits for it" : "%zu wait for it", n);
}

/* What it waits for and how the holder is known; of one that waits for nothing, how many wait for it. */
static void put_why(const struct la_waits *w, const struct la_wait_node *n,
		    const struct la_sink *sink)
{
	if (n->on == LA_NO_NODE) {
		put_waiters(n->behind, sink);
		return;
	}
	la_puts(sink, "for ");
	put_thing(&w->thing[n->on], sink);
	if (w->thing[n->on].holder != LA_NO_NODE)
		la_put(sink, " (by %s)", la_how_name(w->thing[n->on].how));
}

static void put_holder(const struct la_thing *g, const struct la_sink *sink)
{
	la_puts(sink, g->how == LA_HOW_NOBODY ? "nobody can hold it" :
		      la_thing_passes(g)      ? "free, it passes to the first of its queue" :
						"held by unknown");
	if (g->io)
		la_puts(sink, "; it ends with an I/O");
}

static void text_at(struct la_html_page *page, unsigned x, unsigned y, const char *class)
{
	la_put(&page->markup, "<text x=\"%u\" y=\"%u\"%s>", x, y, class);
	la_line_begin(&page->line);
}

static void end_text(struct la_html_page *page)
{
	la_html_line(page, COLUMNS);
	la_puts(&page->markup, "</text>");
}

static void put_hover(struct la_html_page *page, const struct picture *p, const struct box *b)
{
	la_puts(&page->markup, "<title>");
	if (b->kind == NODE) {
		put_who(&p->w->node[b->index], &page->text);
		la_puts(&page->text, " ");
		la_put_wait_state(&p->w->node[b->index], &page->text);
		la_puts(&page->text, " ");
		put_why(p->w, &p->w->node[b->index], &page->text);
	} else if (b->kind == THING) {
		put_thing(&p->w->thing[b->index], &page->text);
	}
	la_puts(&page->markup, "</title>");
}

static void put_box(struct la_html_page *page, const struct picture *p, size_t i)
{
	const struct box *b = &p->box[i];
	const unsigned x = x_of(b), y = y_of(i);
	const bool head = b->holder == NOBODY && (p->cycle || b->kind == NODE);

	la_puts(&page->markup, "<g>");
	put_hover(page, p, b);
	la_put(&page->markup,
	       "<rect class=\"box%s\" x=\"%u\" y=\"%u\" width=\"%d\" height=\"%d\" rx=\"5\"/>",
	       head             ? " head" :
	       b->kind == THING ? " thing" :
				  "",
	       x, y, WIDTH, HEIGHT);
	text_at(page, x + 9, y + 17, " class=\"big\"");
	if (b->kind == NODE)
		put_who(&p->w->node[b->index], &page->line.sink);
	else if (b->kind == THING)
		put_thing(&p->w->thing[b->index], &page->line.sink);
	else
		la_put(&page->line.sink, "%zu more", b->index);
	end_text(page);
	text_at(page, x + 9, y + 33, "");
	if (b->kind == NODE)
		la_put_wait_state(&p->w->node[b->index], &page->line.sink);
	else if (b->kind == THING)
		put_holder(&p->w->thing[b->index], &page->line.sink);
	else
		la_puts(&page->line.sink, "wait for the same, also through others");
	end_text(page);
	text_at(page, x + 9, y + 49, " class=\"dim\"");
	if (b->kind == NODE)
		put_why(p->w, &p->w->node[b->index], &page->line.sink);
	else if (b->kind == THING)
		put_waiters(p->w->thing[b->index].nwaiters, &page->line.sink);
	end_text(page);
	la_puts(&page->markup, "</g>\n");
}

/* From the left side of a box up to below its holder's. */
static void put_edge(struct la_html_page *page, const struct picture *p, size_t i)
{
	const struct box *b = &p->box[i];
	const unsigned rail = x_of(&p->box[b->holder]) + 8, top = y_of(b->holder) + HEIGHT;

	if (x_of(b) <= rail)
		return; /* at the greatest depth */
	la_put(&page->markup, "<path class=\"edge\" d=\"M%u %uH%uV%u\"/>", x_of(b),
	       y_of(i) + HEIGHT / 2, rail, top + 7);
	la_put(&page->markup, "<path class=\"tip\" d=\"M%u %ul-4 7h8z\"/>\n", rail, top);
}

/* Down the left side from each to the next, and from the last up the right side to the first. */
static void put_ring(struct la_html_page *page, const struct picture *p)
{
	const unsigned left = 6, right = 18 + WIDTH;
	size_t last = 0;

	for (size_t i = 1; i < p->n; i++) {
		if (p->box[i].depth)
			continue;
		la_put(&page->markup, "<path class=\"ring\" d=\"M18 %uH%uV%uH11\"/>",
		       y_of(last) + HEIGHT / 2 + 8, left, y_of(i) + HEIGHT / 2 - 8);
		la_put(&page->markup, "<path class=\"rtip\" d=\"M18 %ul-7 -4v8z\"/>\n",
		       y_of(i) + HEIGHT / 2 - 8);
		last = i;
	}
	/* whoever waits for himself, too */
	la_put(&page->markup, "<path class=\"ring\" d=\"M%u %uH%uV%uH%u\"/>", right,
	       y_of(last) + HEIGHT / 2 + 8, right + 12, y_of(0) + HEIGHT / 2 - 8, right + 7);
	la_put(&page->markup, "<path class=\"rtip\" d=\"M%u %ul7 -4v8z\"/>\n", right,
	       y_of(0) + HEIGHT / 2 - 8);
}

static void put_picture(struct la_html_page *page, const struct picture *p)
{
	unsigned width = 0;
	const unsigned height = y_of(p->n) - ROW + HEIGHT + 8;

	for (size_t i = 0; i < p->n; i++)
		if (x_of(&p->box[i]) > width)
			width = x_of(&p->box[i]);
	width += WIDTH + (p->cycle ? 16 : 2);
	la_put(&page->markup,
	       "<svg role=\"img\" width=\"%u\" height=\"%u\" viewBox=\"0 0 %u %u\">\n", width,
	       height, width, height);
	for (size_t i = 0; i < p->n; i++) {
		if (p->box[i].holder != NOBODY)
			put_edge(page, p, i);
		put_box(page, p, i);
	}
	if (p->cycle)
		put_ring(page, p);
	la_puts(&page->markup, "</svg>\n");
}

/* --- which pictures --- */

struct pictures {
	struct la_html_page *page;
	const struct la_waits *w;
	size_t shown;
	size_t left_out; /* nodes */
};

static bool may_show(struct pictures *all, size_t nodes)
{
	if (all->shown < PICTURES) {
		all->shown++;
		return true;
	}
	all->left_out += nodes;
	return false;
}

static void show(struct pictures *all, const struct picture *p)
{
	put_picture(all->page, p);
	all->left_out += p->left_out;
}

static void show_cycles(struct pictures *all)
{
	const struct la_waits *w = all->w;

	for (unsigned cycle = 1; cycle <= w->ncycles; cycle++) {
		struct picture p = { .w = w };
		size_t first = 0;

		while (first < w->n && w->node[first].cycle != cycle)
			first++;
		if (first == w->n || !may_show(all, 1 + w->node[first].behind))
			continue;
		add_cycle(&p, first);
		show(all, &p);
	}
}

/* Whoever waits for nothing, those that most wait for first. */
static void show_heads(struct pictures *all)
{
	const struct la_waits *w = all->w;
	size_t most = 0;

	for (size_t i = 0; i < w->n; i++)
		if (w->node[i].on == LA_NO_NODE && w->node[i].behind > most)
			most = w->node[i].behind;
	for (; most; most--) {
		for (size_t i = 0; i < w->n; i++) {
			struct picture p = { .w = w };

			if (w->node[i].on != LA_NO_NODE || w->node[i].behind != most ||
			    !may_show(all, 1 + most))
				continue;
			add_waiters(&p, add(&p, NODE, i, NOBODY));
			show(all, &p);
		}
	}
}

/* What nobody is known to hold. */
static void show_ownerless(struct pictures *all)
{
	const struct la_waits *w = all->w;

	for (size_t i = 0; i < w->nthings; i++) {
		struct picture p = { .w = w };

		if (w->thing[i].holder != LA_NO_NODE || !w->thing[i].nwaiters ||
		    !may_show(all, w->thing[i].nwaiters))
			continue;
		add_waiters(&p, add(&p, THING, i, NOBODY));
		show(all, &p);
	}
}

void la_html_waits(struct la_html_page *page)
{
	const struct la_waits *w = page->p->waits;
	struct pictures all = { .page = page, .w = w };

	if (!la_has_waits(w))
		return;
	la_html_begin(page, "waits", page->heading[LA_H_WAITS]);
	if (w->nthings)
		la_puts(&page->markup, "<div class=\"flow\">\n");
	show_cycles(&all);
	show_heads(&all);
	show_ownerless(&all);
	if (w->nthings)
		la_puts(&page->markup, "</div>\n");
	if (all.left_out || w->left_out)
		la_put(&page->markup, "<p class=\"note\">%zu more are left out.</p>\n",
		       all.left_out + w->left_out);
	if (w->remark) {
		la_puts(&page->markup, "<p class=\"note\">");
		la_put_text(&page->text, w->remark, false);
		la_puts(&page->markup, "</p>\n");
	}
	la_html_end(page);
}
