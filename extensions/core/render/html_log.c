// SPDX-License-Identifier: GPL-3.0-or-later
// The log as a time line: a picture of when how much was said, and the text with marks beside its lines. What is far
// from the trouble is folded; what has no room is left out, and said to be.
#include <inttypes.h>
#include <string.h>

#include "headings.h"
#include "html.h"

#define BUCKETS 125   /* of the picture */
#define BEFORE 12     /* lines that are open before the first trouble, */
#define AFTER 60      /* behind it, */
#define LAST 15       /* and at the end */
#define MOST 3000     /* lines on a page */
#define BYTES 360000  /* of them, with their markup */
#define BEHIND 150000 /* that what stands behind the log may have */
#define GAP_NS UINT64_C(1000000000)
#define ERROR_LEVEL 3 /* KERN_ERR and worse: include/linux/kern_levels.h */
#define WARN_LEVEL 4

static const struct la_moment *first_trouble(const struct la_detail *d)
{
	for (size_t i = 0; i < d->nmoments; i++)
		if (d->moment[i].trouble)
			return &d->moment[i];
	return NULL;
}

static const struct la_moment *moment_at(const struct la_detail *d, size_t record)
{
	for (size_t i = 0; i < d->nmoments; i++)
		if (d->moment[i].record == record)
			return &d->moment[i];
	return NULL;
}

/* --- the picture --- */

struct span {
	uint64_t from, ns;
};

static unsigned place(const struct span *s, uint64_t ns)
{
	return ns <= s->from ? 0 :
	       s->ns         ? (unsigned)((double)(ns - s->from) / (double)s->ns * 1000) :
			       0;
}

static void put_bars(struct la_html_page *page, const struct la_log *log, const struct span *s)
{
	static const char classes[] = "nwe";
	unsigned count[BUCKETS] = { 0 }, worst[BUCKETS] = { 0 }, most = 1;

	for (size_t i = 0; i < log->n; i++) {
		const struct la_record *r = &log->record[i];
		const unsigned at = place(s, r->ts_nsec) * BUCKETS / 1001;
		const unsigned bad = r->level <= ERROR_LEVEL ? 2 : r->level == WARN_LEVEL;

		count[at]++;
		worst[at] = bad > worst[at] ? bad : worst[at];
		most = count[at] > most ? count[at] : most;
	}
	for (unsigned i = 0; i < BUCKETS; i++) {
		/* one line shows beside a thousand */
		const unsigned height = count[i] ? 4 + count[i] * 42 / most : 0;

		if (height)
			la_put(&page->markup,
			       "<rect class=\"%c\" x=\"%u\" y=\"%u\" width=\"7\" height=\"%u\"/>",
			       classes[worst[i]], i * 1000 / BUCKETS, 50 - height, height);
	}
}

static void put_marks(struct la_html_page *page, const struct la_log *log, const struct span *s)
{
	const struct la_detail *d = &page->p->detail;
	const struct la_moment *first = first_trouble(d);
	unsigned last = UINT32_MAX;

	for (size_t i = 0; i < d->nmoments; i++) {
		const struct la_moment *m = &d->moment[i];
		const unsigned x = place(s, log->record[m->record].ts_nsec);

		if (!m->trouble || (x == last && m != first))
			continue;
		last = x;
		la_put(&page->markup, "<path class=\"%s\" d=\"M%u 0V56\"><title>",
		       m == first ? "f" : "t", x);
		la_put_text(&page->text, m->name, false);
		la_puts(&page->markup, "</title></path>");
	}
}

static void put_picture(struct la_html_page *page, const struct la_log *log)
{
	const struct la_moment *first = first_trouble(&page->p->detail);
	struct span s = { log->record[0].ts_nsec, 0 };

	/* Not every log is in order. */
	for (size_t i = 0; i < log->n; i++) {
		const uint64_t at = log->record[i].ts_nsec;

		if (at > s.from && at - s.from > s.ns)
			s.ns = at - s.from;
	}
	la_puts(&page->markup,
		"<svg role=\"img\" class=\"line\" viewBox=\"0 0 1010 56\" preserveAspectRatio=\"none\">\n");
	put_bars(page, log, &s);
	put_marks(page, log, &s);
	la_put(&page->markup, "</svg>\n<div class=\"axis\"><span>%.3f s</span>",
	       (double)s.from / 1e9);
	if (first) {
		la_put(&page->markup, "<b>%s: ", page->heading[LA_H_FIRST_TROUBLE]);
		la_put_text(&page->text, first->name, false);
		la_put(&page->markup, ", %.3f s</b>",
		       (double)log->record[first->record].ts_nsec / 1e9);
	}
	la_put(&page->markup, "<span>%.3f s</span></div>\n", (double)(s.from + s.ns) / 1e9);
}

/* --- the text --- */

static void put_record(struct la_html_page *page, const struct la_log *log, size_t i)
{
	const struct la_detail *d = &page->p->detail;
	const struct la_record *r = &log->record[i];
	const struct la_moment *m = moment_at(d, i);
	const bool first = m && m == first_trouble(d);

	if (i && r->ts_nsec > log->record[i - 1].ts_nsec &&
	    r->ts_nsec - log->record[i - 1].ts_nsec >= GAP_NS)
		la_put(&page->markup, "<p class=\"g\">%.3f s later</p>\n",
		       (double)(r->ts_nsec - log->record[i - 1].ts_nsec) / 1e9);
	la_put(&page->markup, "<p%s>",
	       first                           ? " class=\"e first\"" :
	       m && m->trouble                 ? " class=\"e\"" :
	       d->dump_line && d->dump_line[i] ? " class=\"d\"" :
	       r->level <= ERROR_LEVEL         ? " class=\"e\"" :
	       r->level == WARN_LEVEL          ? " class=\"w\"" :
						 "");
	la_put(&page->markup, "<i>%5" PRIu64 ".%06" PRIu64 "</i> ", r->ts_nsec / 1000000000,
	       r->ts_nsec % 1000000000 / 1000);
	if (m) {
		la_puts(&page->markup, "<b>");
		if (first)
			la_put(&page->markup, "%s: ", page->heading[LA_H_FIRST_TROUBLE]);
		la_put_text(&page->text, m->name, false);
		la_puts(&page->markup, "</b>");
	}
	la_put_text(&page->text, r->text, true);
	la_puts(&page->markup, "</p>\n");
}

/* The lines before @end, from @from on; more than the page has room for are left out. */
static void put_part(struct la_html_page *page, size_t from, size_t end, bool open, size_t *room)
{
	const struct la_log *log = page->p->log;
	size_t i = from;

	if (from >= end)
		return;
	if (!open)
		la_put(&page->markup, "<details><summary>%zu lines</summary>\n", end - from);
	la_puts(&page->markup, "<div class=\"log\">\n");
	for (; i < end && page->bytes < *room; i++)
		put_record(page, log, i);
	if (i < end)
		la_put(&page->markup, "<p class=\"g\">%zu lines are left out</p>\n", end - i);
	la_puts(&page->markup, "</div>\n");
	if (!open)
		la_puts(&page->markup, "</details>\n");
}

/* Around the first trouble, and at the end, it is open; what is before, and between them, is folded. */
static void put_text(struct la_html_page *page)
{
	const struct la_log *log = page->p->log;
	const struct la_moment *first = first_trouble(&page->p->detail);
	const size_t last = log->n > LAST ? log->n - LAST : 0;
	const size_t at = first ? first->record : last;
	const size_t begin = at > BEFORE ? at - BEFORE : 0;
	const size_t end = at + AFTER < last ? at + AFTER : last;
	/* no part, however long its lines, takes another's */
	const size_t quarter = la_html_room(page, BYTES, BEHIND) / 4;
	size_t from = begin > MOST / 3 ? begin - MOST / 3 : 0, room;

	if (from)
		la_put(&page->markup, "<p class=\"note\">%zu lines before are left out.</p>\n",
		       from);
	room = page->bytes + quarter;
	put_part(page, from, begin, false, &room);
	room = page->bytes + quarter;
	put_part(page, begin, end, true, &room);
	from = end;
	if (last - end > MOST)
		from = last - MOST;
	if (from > end)
		la_put(&page->markup, "<p class=\"note\">%zu lines are left out here.</p>\n",
		       from - end);
	room = page->bytes + quarter;
	put_part(page, from, last, false, &room);
	room = page->bytes + quarter;
	put_part(page, end > last ? end : last, log->n, true, &room);
}

static void put_lines(struct la_html_page *page, const char *const *line, size_t n)
{
	la_puts(&page->markup, "<pre>");
	for (size_t i = 0; i < n; i++) {
		la_put_text(&page->text, line[i], true);
		la_puts(&page->markup, "\n");
	}
	la_puts(&page->markup, "</pre>\n");
}

void la_html_log(struct la_html_page *page)
{
	const struct la_panic *p = page->p;
	const struct la_detail *d = &p->detail;

	la_html_begin(page, "log", page->heading[LA_H_LOG]);
	if (p->log && p->log->n) {
		put_picture(page, p->log);
		put_text(page);
		if (p->log->lost)
			la_put(&page->markup,
			       "<p class=\"note\">%zu records could not be read.</p>\n",
			       p->log->lost);
	} else if (d->nlog || p->nlog_tail) {
		put_lines(page, d->nlog ? d->log : p->log_tail, d->nlog ? d->nlog : p->nlog_tail);
	} else {
		la_puts(&page->markup,
			"<p class=\"note\">unknown: no record of it was read; the facts below say why</p>\n");
	}
	la_html_end(page);
}
