// SPDX-License-Identifier: GPL-3.0-or-later
// The verdict as an HTML page: its frame, and what is text in it.
#include "html.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "headings.h"
#include "lakvm/render/file.h"
#include "lakvm/render/render.h"
#include "panic_words.h"
#include "text.h"

#define PAGE_BYTES ((size_t)1 << 20)

static void put_markup(void *ctx, const char *text)
{
	struct la_html_page *page = ctx;

	page->bytes += strlen(text);
	la_puts(page->to, text);
}

/* Pieces of @text that have none of @marks as they are; each mark as @of says. */
static void put_replaced(struct la_html_page *page, const char *text, const char *marks,
			 const char *const *of)
{
	char piece[256];

	while (*text) {
		size_t n = strcspn(text, marks);

		if (!n) {
			put_markup(page, of[strchr(marks, *text++) - marks]);
			continue;
		}
		n = n < sizeof(piece) ? n : sizeof(piece) - 1;
		memcpy(piece, text, n);
		piece[n] = '\0';
		put_markup(page, piece);
		text += n;
	}
}

static void put_text(void *ctx, const char *text)
{
	static const char *const of[] = { "&lt;", "&gt;", "&amp;", "&quot;", "&#39;" };

	put_replaced(ctx, text, "<>&\"'", of);
}

/* They stand only within strings, where JSON has its own escape for them. */
static void put_json(void *ctx, const char *text)
{
	static const char *const of[] = { "\\u003c", "\\u003e", "\\u0026" };

	put_replaced(ctx, text, "<>&", of);
}

void la_html_begin(struct la_html_page *page, const char *id, const char *heading)
{
	la_put(&page->markup, "<section id=\"%s\">\n<h2>%s</h2>\n", id, heading);
}

void la_html_end(struct la_html_page *page)
{
	la_puts(&page->markup, "</section>\n");
}

void la_html_line(struct la_html_page *page, unsigned columns)
{
	la_line_end(&page->line, columns, 1, 0, &page->text);
}

size_t la_html_room(const struct la_html_page *page, size_t most, size_t behind)
{
	const size_t taken = page->bytes + page->json + behind;
	const size_t room = taken < PAGE_BYTES ? PAGE_BYTES - taken : 0;

	return room < most ? room : most;
}

void la_html_size(const struct la_sink *sink, double bytes)
{
	static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	unsigned i = 0;

	for (; bytes >= 1024 && i + 1 < sizeof(unit) / sizeof(unit[0]); i++)
		bytes /= 1024;
	la_put(sink, "%.*f %s", bytes < 10 && i ? 1 : 0, bytes, unit[i]);
}

/* --- what is known at once --- */

static void put_row(struct la_html_page *page, enum la_heading heading,
		    bool (*put)(const struct la_panic *p, const struct la_sink *sink))
{
	la_line_begin(&page->line);
	if (!put(page->p, &page->line.sink))
		return;
	la_put(&page->markup, "<dt>%s</dt><dd>", page->heading[heading]);
	la_puts(&page->text, page->line.text);
	la_puts(&page->markup, "</dd>\n");
}

static bool put_when(const struct la_panic *p, const struct la_sink *sink)
{
	la_put_when(p, sink);
	return true;
}

static bool put_kernel(const struct la_panic *p, const struct la_sink *sink)
{
	la_put_text(sink, p->release ? p->release : "unknown", false);
	return true;
}

static bool put_signature(const struct la_panic *p, const struct la_sink *sink)
{
	if (!p->signature)
		return false;
	la_put(sink, "%s ", p->hash);
	la_put_text(sink, p->signature, false);
	return true;
}

static void put_list(struct la_html_page *page, enum la_heading heading, const char *const *text,
		     size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!i)
			la_put(&page->markup, "<h3>%s</h3>\n<ul>\n", page->heading[heading]);
		la_puts(&page->markup, "<li>");
		la_put_text(&page->text, text[i], false);
		la_puts(&page->markup, "</li>\n");
	}
	if (n)
		la_puts(&page->markup, "</ul>\n");
}

static void put_known(struct la_html_page *page)
{
	const struct la_panic *p = page->p;

	for (size_t i = 0; i < p->nknown; i++) {
		const struct la_known *k = p->known[i];

		if (!i)
			la_put(&page->markup, "<h3>%s</h3>\n<ul>\n", page->heading[LA_H_KNOWN]);
		la_puts(&page->markup, "<li><b>");
		la_put_text(&page->text, k->name, false);
		la_puts(&page->markup, "</b>: ");
		la_put_text(&page->text, k->what, false);
		if (k->cure) {
			la_put(&page->markup, "; %s: ", page->heading[LA_H_CURE]);
			la_put_text(&page->text, k->cure, false);
		}
		if (k->link) {
			/* no link: whoever wrote the table may have put anything there */
			la_puts(&page->markup, "; ");
			la_put_text(&page->text, k->link, false);
		}
		la_puts(&page->markup, "</li>\n");
	}
	if (p->nknown)
		la_puts(&page->markup, "</ul>\n");
}

/* Nothing is wrong; it may be; it is. */
static const char *mood(const struct la_panic *p)
{
	switch (p->verdict) {
	case LA_VERDICT_RUNNING:
	case LA_VERDICT_HALTED:
		return "well";
	case LA_VERDICT_UNKNOWN:
	case LA_VERDICT_BOOTING:
	case LA_VERDICT_FIRMWARE:
		return "open";
	default:
		return "ill";
	}
}

static void put_verdict(struct la_html_page *page)
{
	const struct la_panic *p = page->p;

	la_put(&page->markup,
	       "<header class=\"%s\">\n<p class=\"kind\"><b>%s</b> <span>%s</span></p>\n<h1>",
	       mood(p), la_verdict_name(p->verdict), la_confidence_name(p->confidence));
	la_line_begin(&page->line);
	if (la_put_cause(p, &page->line.sink))
		la_puts(&page->text, page->line.text);
	else if (p->message)
		la_put_text(&page->text, p->message, false);
	else
		la_puts(&page->markup, p->verdict == LA_VERDICT_RUNNING ?
					       "nothing wrong was found" :
					       "no cause is known");
	la_puts(&page->markup, "</h1>\n");
	if (p->message && (p->summary || p->cause.kind)) {
		la_puts(&page->markup, "<p class=\"said\">");
		la_put_text(&page->text, p->message, false);
		la_puts(&page->markup, "</p>\n");
	}
	la_puts(&page->markup, "<dl>\n");
	put_row(page, LA_H_WHERE, la_put_where);
	put_row(page, LA_H_WHO, la_put_who);
	put_row(page, LA_H_WHEN, put_when);
	put_row(page, LA_H_KERNEL, put_kernel);
	put_row(page, LA_H_SIGNATURE, put_signature);
	la_puts(&page->markup, "</dl>\n");
	put_list(page, LA_H_NEXT, p->advice, p->nadvice);
	put_known(page);
	put_list(page, LA_H_STUCK, p->stuck, p->nstuck);
	la_puts(&page->markup, "</header>\n");
}

/* --- the fault --- */

static void put_register(struct la_html_page *page, const char *name, uint64_t value,
			 const char *words)
{
	la_put(&page->markup, "<div%s><b>%s</b> %016" PRIx64, *words ? " class=\"all\"" : "", name,
	       value);
	if (*words) {
		la_puts(&page->markup, " <i>");
		la_put_text(&page->text, words, false);
		la_puts(&page->markup, "</i>");
	}
	la_puts(&page->markup, "</div>\n");
}

static void put_registers(struct la_html_page *page, const struct la_regs *regs)
{
	uint64_t value;
	char words[160];

	la_put(&page->markup, "<h3>%s</h3>\n<div class=\"regs\">\n", page->heading[LA_H_REGISTERS]);
	if (regs->pc_known)
		put_register(page, "pc", regs->pc, "");
	for (unsigned i = 1; i < LA_NGPR; i++)
		if (la_gpr_get(regs, i, &value))
			put_register(page, la_gpr_name(i), value, "");
	for (unsigned i = 0; i < LA_NCSR; i++) {
		if (!la_csr_get(regs, i, &value))
			continue;
		la_csr_decode(i, value, words, sizeof(words));
		put_register(page, la_csr_name(i), value, words);
	}
	la_puts(&page->markup, "</div>\n");
}

static void put_fault(struct la_html_page *page)
{
	const struct la_panic *p = page->p;

	if (!la_has_fault(p) && !p->cause.regs_known)
		return;
	la_html_begin(page, "fault", page->heading[LA_H_FAULT]);
	if (la_has_fault(p)) {
		la_puts(&page->markup, "<pre>");
		la_put_fault(p, &page->text);
		la_puts(&page->markup, "</pre>\n");
	}
	if (p->cause.regs_known)
		put_registers(page, &p->cause.regs);
	la_html_end(page);
}

/* --- what it rests on --- */

static void put_facts(struct la_html_page *page)
{
	const struct la_panic *p = page->p;

	if (!p->nfacts && !p->nunchecked && !p->detail.ntaint)
		return;
	la_html_begin(page, "facts", page->heading[LA_H_FACTS]);
	la_puts(&page->markup, "<ul class=\"facts\">\n");
	for (size_t i = 0; i < p->nfacts; i++) {
		la_puts(&page->markup, "<li><b>");
		la_put_text(&page->text, p->fact[i].source, false);
		la_puts(&page->markup, "</b> ");
		la_put_text(&page->text, p->fact[i].text, false);
		la_puts(&page->markup, "</li>\n");
	}
	la_puts(&page->markup, "</ul>\n");
	put_list(page, LA_H_TAINT, p->detail.taint, p->detail.ntaint);
	if (p->nunchecked)
		la_put(&page->markup, "<details><summary>%s</summary>\n<ul>\n",
		       page->heading[LA_H_UNCHECKED]);
	for (size_t i = 0; i < p->nunchecked; i++) {
		la_line_begin(&page->line);
		if (!la_put_unchecked(p, i, &page->line.sink))
			continue;
		la_puts(&page->markup, "<li>");
		la_puts(&page->text, page->line.text);
		la_puts(&page->markup, "</li>\n");
	}
	if (p->nunchecked)
		la_puts(&page->markup, "</ul></details>\n");
	la_html_end(page);
}

static void put_versions(struct la_html_page *page)
{
	const struct la_html *h = page->h;

	if (!h->nversions)
		return;
	la_html_begin(page, "versions", page->heading[LA_H_VERSIONS]);
	la_puts(&page->markup, "<dl>\n");
	for (size_t i = 0; i < h->nversions; i++) {
		la_puts(&page->markup, "<dt>");
		la_put_text(&page->text, h->version[i].name, false);
		la_puts(&page->markup, "</dt><dd>");
		la_put_text(&page->text, h->version[i].value ? h->version[i].value : "unknown",
			    false);
		la_puts(&page->markup, "</dd>\n");
	}
	la_puts(&page->markup, "</dl>\n");
	la_html_end(page);
}

/* --- the page --- */

static void put_head(struct la_html_page *page)
{
	la_put(&page->markup,
	       "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
	       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	       "<meta name=\"color-scheme\" content=\"light dark\">\n"
	       "<link rel=\"icon\" href=\"data:,\">\n<title>",
	       page->h->language == LA_CHINESE ? "zh" : "en");
	la_line_begin(&page->line);
	la_put_verdict(page->p, &page->line.sink);
	la_puts(&page->text, page->line.text);
	la_puts(&page->markup, "</title>\n<style>\n");
	la_puts(&page->markup, la_html_style);
	la_puts(&page->markup, "</style>\n</head>\n<body>\n");
}

static void discard(void *ctx, const char *text)
{
	(void)ctx;
	(void)text;
}

/* The JSON is whole whatever the page has room for; the rest takes what it leaves. */
static enum la_status measure_json(struct la_html_page *page, const struct la_sink *json)
{
	const struct la_sink nowhere = { .put = discard }, *to = page->to;
	enum la_status status;

	page->to = &nowhere;
	status = la_render_panic_json(page->p, json);
	page->to = to;
	page->json = page->bytes;
	page->bytes = 0;
	return status;
}

enum la_status la_render_html(const struct la_html *h, const struct la_sink *sink)
{
	struct la_html_page page = {
		.h = h, .p = h->panic, .heading = la_headings(h->language), .to = sink
	};
	const struct la_sink json = { put_json, &page };
	enum la_status status;

	page.markup = (struct la_sink){ put_markup, &page };
	page.text = (struct la_sink){ put_text, &page };
	status = measure_json(&page, &json);
	if (status != LA_OK)
		return status;
	put_head(&page);
	put_verdict(&page);
	la_html_cpus(&page);
	la_html_waits(&page);
	put_fault(&page);
	la_html_stacks(&page);
	la_html_log(&page);
	la_html_memory(&page);
	put_facts(&page);
	put_versions(&page);
	la_puts(&page.markup, "<script type=\"application/json\" id=\"lakvm\">\n");
	status = la_render_panic_json(h->panic, &json);
	la_puts(&page.markup, "</script>\n</body>\n</html>\n");
	return status;
}

static enum la_status render(const void *what, const struct la_sink *sink)
{
	return la_render_html(what, sink);
}

enum la_status la_render_html_file(const struct la_html *h, const struct la_text_file *file,
				   struct la_arena *arena, struct la_error *err)
{
	return la_text_file_write(render, h, file, arena, err);
}
