// SPDX-License-Identifier: GPL-3.0-or-later
// The verdict as Markdown. What a guest says goes into blocks that are indented, where nothing counts as a mark, or
// into cells with each mark escaped.
#include "lakvm/render/markdown.h"

#include <string.h>

#include "lakvm/render/file.h"

#include "headings.h"
#include "line.h"
#include "panic_words.h"
#include "text.h"

struct page {
	const struct la_sink *to;
	const char *const *word;
	bool line_begun; /* within an indented block */
	struct la_line line;
};

/* Marks of Markdown as they are; HTML would be taken for such, too. */
static void put_marked(void *ctx, const char *text)
{
	const struct page *page = ctx;
	char piece[3] = "\\";

	for (; *text; text++) {
		const bool mark = strchr("\\`*_[]<>#|~&$@", *text) != NULL;

		piece[1] = *text;
		la_puts(page->to, mark ? piece : piece + 1);
	}
}

/* Every line four columns in. */
static void put_indented(void *ctx, const char *text)
{
	struct page *page = ctx;
	char piece[2] = "";

	for (; *text; text++) {
		if (!page->line_begun && *text != '\n')
			la_puts(page->to, "    ");
		page->line_begun = *text != '\n';
		piece[0] = *text;
		la_puts(page->to, piece);
	}
}

static void heading(const struct page *page, enum la_heading word)
{
	la_put(page->to, "\n## %s\n\n", page->word[word]);
}

static void row(struct page *page, enum la_heading word,
		bool (*put)(const struct la_panic *p, const struct la_sink *sink),
		const struct la_panic *p)
{
	const struct la_sink marked = { put_marked, page };
	struct la_line *l = &page->line;

	la_line_begin(l);
	if (!put(p, &l->sink))
		return;
	la_put(page->to, "| **%s** | ", page->word[word]);
	la_puts(&marked, l->text);
	la_puts(page->to, " |\n");
}

static bool put_when(const struct la_panic *p, const struct la_sink *sink)
{
	la_put_when(p, sink);
	return true;
}

static bool put_kernel(const struct la_panic *p, const struct la_sink *sink)
{
	if (p->release)
		la_put_text(sink, p->release, false);
	return p->release;
}

static bool put_signature(const struct la_panic *p, const struct la_sink *sink)
{
	if (p->signature) {
		la_put(sink, "%s ", p->hash);
		la_put_text(sink, p->signature, false);
	}
	return p->signature;
}

static void put_items(struct page *page, enum la_heading word, const char *const *text, size_t n)
{
	const struct la_sink marked = { put_marked, page };

	for (size_t i = 0; i < n; i++) {
		if (!i)
			heading(page, word);
		la_puts(page->to, "- ");
		la_put_text(&marked, text[i], false);
		la_puts(page->to, "\n");
	}
}

static void put_known(struct page *page, const struct la_panic *p)
{
	const struct la_sink marked = { put_marked, page };

	for (size_t i = 0; i < p->nknown; i++) {
		const struct la_known *k = p->known[i];

		if (!i)
			heading(page, LA_H_KNOWN);
		la_puts(page->to, "- **");
		la_put_text(&marked, k->name, false);
		la_puts(page->to, "**: ");
		la_put_text(&marked, k->what, false);
		if (k->cure) {
			la_put(page->to, "; %s: ", page->word[LA_H_CURE]);
			la_put_text(&marked, k->cure, false);
		}
		if (k->link) {
			la_puts(page->to, "; ");
			la_put_text(&marked, k->link, false);
		}
		la_puts(page->to, "\n");
	}
}

static void put_lines(struct page *page, enum la_heading word, const char *const *line, size_t n)
{
	const struct la_sink block = { put_indented, page };

	for (size_t i = 0; i < n; i++) {
		if (!i)
			heading(page, word);
		la_put_text(&block, line[i], true);
		la_puts(&block, "\n");
	}
}

static void put_facts(struct page *page, const struct la_panic *p)
{
	const struct la_sink marked = { put_marked, page };

	for (size_t i = 0; i < p->nfacts; i++) {
		if (!i)
			heading(page, LA_H_FACTS);
		la_puts(page->to, "- ");
		la_put_text(&marked, p->fact[i].source, false);
		la_puts(page->to, ": ");
		la_put_text(&marked, p->fact[i].text, false);
		la_puts(page->to, "\n");
	}
	for (size_t i = 0; i < p->nunchecked; i++) {
		if (!i)
			heading(page, LA_H_UNCHECKED);
		la_line_begin(&page->line);
		if (!la_put_unchecked(p, i, &page->line.sink))
			continue;
		la_puts(page->to, "- ");
		la_puts(&marked, page->line.text);
		la_puts(page->to, "\n");
	}
}

void la_render_panic_markdown(const struct la_panic *p, enum la_language language,
			      const struct la_sink *sink)
{
	const struct la_render_options brief = { .registers = false };
	struct page page = { .to = sink, .word = la_headings(language) };
	const struct la_sink marked = { put_marked, &page }, block = { put_indented, &page };
	const struct la_detail *d = &p->detail;

	la_line_begin(&page.line);
	la_put_verdict(p, &page.line.sink);
	la_puts(sink, "# ");
	la_puts(&marked, page.line.text);
	la_puts(sink, "\n\n| | |\n|---|---|\n");
	row(&page, LA_H_CAUSE, la_put_cause, p);
	row(&page, LA_H_WHERE, la_put_where, p);
	row(&page, LA_H_WHO, la_put_who, p);
	row(&page, LA_H_WHEN, put_when, p);
	row(&page, LA_H_KERNEL, put_kernel, p);
	row(&page, LA_H_SIGNATURE, put_signature, p);
	put_items(&page, LA_H_STUCK, p->stuck, p->nstuck);
	put_items(&page, LA_H_NEXT, p->advice, p->nadvice);
	put_known(&page, p);
	if (la_has_fault(p)) {
		heading(&page, LA_H_FAULT);
		la_put_fault(p, &block);
	}
	if (p->stack) {
		heading(&page, LA_H_STACK);
		la_put_stack(p->stack, false, true, &block);
	}
	if (p->cause.regs_known) {
		heading(&page, LA_H_REGISTERS);
		la_put_registers(&p->cause.regs, &block);
	}
	if (p->cpus && p->cpus->n) {
		heading(&page, LA_H_CPUS);
		la_render_cpus_text(p->cpus, &brief, &block);
	}
	if (la_has_waits(p->waits)) {
		heading(&page, LA_H_WAITS);
		la_put_waits(p->waits, LA_MAX_WAITS, &block);
	}
	put_lines(&page, LA_H_LOG, d->nlog ? d->log : p->log_tail,
		  d->nlog ? d->nlog : p->nlog_tail);
	put_items(&page, LA_H_TAINT, d->taint, d->ntaint);
	put_facts(&page, p);
}

struct markdown {
	const struct la_panic *panic;
	enum la_language language;
};

static enum la_status render(const void *what, const struct la_sink *sink)
{
	const struct markdown *m = what;

	la_render_panic_markdown(m->panic, m->language, sink);
	return LA_OK;
}

enum la_status la_render_panic_markdown_file(const struct la_panic *p, enum la_language language,
					     const struct la_text_file *file,
					     struct la_arena *arena, struct la_error *err)
{
	const struct markdown m = { p, language };

	return la_text_file_write(render, &m, file, arena, err);
}
