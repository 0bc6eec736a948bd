/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Parts of the HTML page. Markup is ours and goes through page->markup; whatever a guest, a file or a person said goes
 * through page->text, which leaves nothing in it that could be markup, in a text and in an attribute within quotes.
 */
#ifndef LAKVM_RENDER_HTML_H
#define LAKVM_RENDER_HTML_H

#include "lakvm/render/html.h"
#include "line.h"

struct la_html_page {
	const struct la_html *h;
	const struct la_panic *p;
	const char *const *heading; /* by enum la_heading */
	const struct la_sink *to;
	struct la_sink markup, text;
	size_t bytes; /* that were put */
	size_t json;  /* bytes that the JSON at its end will have */
	struct la_line line;
};

/** The page's looks, for <style>. */
extern const char la_html_style[];

/** "<section id=...><h2>"; the section ends with la_html_end(). */
void la_html_begin(struct la_html_page *page, const char *id, const char *heading);
void la_html_end(struct la_html_page *page);

/** What page->line holds, escaped, in at most @columns columns. */
void la_html_line(struct la_html_page *page, unsigned columns);

/** Bytes for a part: @most, or what the page (1 MiB) has left when @behind it are kept for what follows and the JSON. */
size_t la_html_room(const struct la_html_page *page, size_t most, size_t behind);

/** "1.5 GiB" */
void la_html_size(const struct la_sink *sink, double bytes);

/** Sections; each is left out where there is nothing to show, and says so where that is not known. */
void la_html_cpus(struct la_html_page *page);
void la_html_stacks(struct la_html_page *page);
void la_html_waits(struct la_html_page *page);
void la_html_log(struct la_html_page *page);
void la_html_memory(struct la_html_page *page);

#endif
