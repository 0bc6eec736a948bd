// SPDX-License-Identifier: GPL-3.0-or-later
// The CPUs as pictures, one small SVG each, which flow as wide as the window is; and their stacks.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "headings.h"
#include "html.h"
#include "lakvm/stack/lines.h"
#include "panic_words.h"
#include "text.h"

#define LARGE 48       /* so many CPUs at most have large tiles */
#define MOST 512       /* tiles on a page */
#define HOVER 160      /* columns of what a tile says when it is pointed at */
#define STACKS_MOST 64 /* stacks on a page */
#define STACKS_BYTES 200000
#define BEHIND 300000 /* for the log and what stands behind that */

static const char *class_of(enum la_cpu_state state)
{
	switch (state) {
	case LA_CPU_PANICKING:
	case LA_CPU_EXCEPTION:
		return "ill";
	case LA_CPU_SPINNING:
	case LA_CPU_IPI_WAIT:
		return "warn";
	case LA_CPU_RUNNING:
	case LA_CPU_IRQ:
	case LA_CPU_DELAY:
		return "busy";
	case LA_CPU_USER:
		return "user";
	case LA_CPU_IDLE:
		return "idle";
	case LA_CPU_STOPPED:
	case LA_CPU_KDUMP_STOPPED:
		return "stop";
	default:
		return "off";
	}
}

static bool has_number(const struct la_cpu *c)
{
	return c->matched || c->vcpu < 0;
}

static void put_name(const struct la_cpu *c, const struct la_sink *sink)
{
	if (has_number(c))
		la_put(sink, "CPU %u", c->cpu);
	else
		la_put(sink, "vCPU %d", c->vcpu);
}

/* After a panic the others only stand there. */
static bool has_duration(const struct la_cpu *c)
{
	return c->since_known && c->state != LA_CPU_STOPPED && c->state != LA_CPU_KDUMP_STOPPED &&
	       c->state != LA_CPU_OFFLINE;
}

static void put_task(const struct la_cpu *c, const struct la_sink *sink)
{
	if (c->task.comm[0])
		la_put_text(sink, c->task.comm, false);
	else
		la_puts(sink, "no task known");
	if (c->task.pid_known)
		la_put(sink, " %d", c->task.pid);
}

static void put_place(const struct la_cpu *c, const struct la_sink *sink)
{
	if (c->symbol)
		la_put_symbol(sink, c->symbol, c->pc_source != LA_PC_NONE, c->offset, c->module);
	else if (c->pc_source != LA_PC_NONE)
		la_put(sink, "%016" PRIx64, c->pc);
	else
		la_puts(sink, "place unknown");
}

/* What it waits for, is odd about it, or it was taken from: one of these, the most telling. */
static bool put_more(const struct la_cpu *c, const struct la_sink *sink)
{
	if (c->lock) {
		la_puts(sink, "for ");
		if (c->lock_symbol && !c->lock_offset)
			la_put_text(sink, c->lock_symbol, false);
		else if (c->lock_symbol)
			la_put_symbol(sink, c->lock_symbol, true, c->lock_offset, NULL);
		else
			la_put(sink, "lock %" PRIx64, c->lock);
	} else if (c->nwaits_for) {
		la_put(sink, "for CPU %u", c->waits_for_all[0]);
		if (c->nwaits_for > 1)
			la_put(sink, " and %zu more", c->nwaits_for - 1);
	} else if (c->odd && c->remark) {
		la_put_text(sink, c->remark, false);
	} else if (c->before != LA_CPU_UNKNOWN) {
		la_put(sink, "before: %s", la_cpu_state_name(c->before));
		if (c->before_frame && c->before_frame->symbol) {
			la_puts(sink, ", ");
			la_put_text(sink, c->before_frame->symbol, false);
		}
	} else {
		return false;
	}
	return true;
}

/* 1 ms to 1000 s as 0 to @width, by decades: a glance tells a tick from a hang. */
static unsigned bar(uint64_t ns, unsigned width)
{
	double decades = 0;

	for (uint64_t edge = 1000000; decades < 6 && ns >= edge; edge *= 10) {
		if (ns >= edge * 10)
			decades++;
		else {
			decades += (double)(ns - edge) / (double)(9 * edge);
			break;
		}
	}
	return (unsigned)(decades / 6 * width);
}

static void put_hover(struct la_html_page *page, const struct la_cpu *c)
{
	la_puts(&page->markup, "<title>");
	la_line_begin(&page->line);
	put_name(c, &page->line.sink);
	if (c->vcpu >= 0)
		la_put(&page->line.sink, ", vCPU %d", c->vcpu);
	la_put(&page->line.sink, ", %s, ", la_cpu_state_name(c->state));
	put_task(c, &page->line.sink);
	la_puts(&page->line.sink, ", ");
	put_place(c, &page->line.sink);
	if (has_duration(c))
		la_put(&page->line.sink, ", for %.3f s", (double)c->since_ns / 1e9);
	if (c->remark) {
		la_puts(&page->line.sink, "; ");
		la_put_text(&page->line.sink, c->remark, false);
	}
	la_html_line(page, HOVER);
	la_puts(&page->markup, "</title>");
}

static bool blamed(const struct la_html_page *page, const struct la_cpu *c)
{
	return page->p->cpu >= 0 && has_number(c) && c->cpu == (unsigned)page->p->cpu;
}

static void begin_tile(struct la_html_page *page, const struct la_cpu *c, unsigned width,
		       unsigned height)
{
	la_put(&page->markup,
	       "<svg role=\"img\" class=\"%s\" width=\"%u\" height=\"%u\" viewBox=\"0 0 %u %u\">",
	       class_of(c->state), width, height, width, height);
	put_hover(page, c);
	la_put(&page->markup,
	       "<rect class=\"box%s\" x=\"1\" y=\"1\" width=\"%u\" height=\"%u\" rx=\"4\"/>"
	       "<rect class=\"s\" x=\"1\" y=\"1\" width=\"5\" height=\"%u\" rx=\"2\"/>",
	       blamed(page, c) ? " this" : "", width - 2, height - 2, height - 2);
}

static void text_at(struct la_html_page *page, unsigned x, unsigned y, const char *class)
{
	la_put(&page->markup, "<text x=\"%u\" y=\"%u\" class=\"%s\">", x, y, class);
	la_line_begin(&page->line);
}

static void end_text(struct la_html_page *page, unsigned columns)
{
	la_html_line(page, columns);
	la_puts(&page->markup, "</text>");
}

#define COLUMNS 30     /* of a large tile */
#define REMARK_LINES 3 /* at most */
#define LINE_HEIGHT 14

/* Text whose lines are below one another in a picture. */
struct lines_at {
	struct la_html_page *page;
	unsigned x, y;
	bool ended; /* a line: the next one begins with what comes */
};

static void put_lines(void *ctx, const char *piece)
{
	struct lines_at *at = ctx;

	while (*piece) {
		const size_t n = strcspn(piece, "\n");

		if (n && at->ended) {
			at->y += LINE_HEIGHT;
			la_put(&at->page->markup, "</text><text x=\"%u\" y=\"%u\" class=\"dim\">",
			       at->x, at->y);
		}
		la_put(&at->page->text, "%.*s", (int)n, piece);
		at->ended = piece[n] == '\n';
		piece += n + at->ended;
	}
}

static void put_nowhere(void *ctx, const char *piece)
{
	(void)ctx;
	(void)piece;
}

static size_t put_more_lines(struct la_html_page *page, const struct la_cpu *c,
			     const struct la_sink *to)
{
	la_line_begin(&page->line);
	return put_more(c, &page->line.sink) ?
		       la_line_end(&page->line, COLUMNS, REMARK_LINES, 0, to) :
		       0;
}

/* How much higher than for one line of it tiles must be. */
static unsigned more_height(struct la_html_page *page, const struct la_cpus *cpus)
{
	const struct la_sink nowhere = { .put = put_nowhere };
	size_t most = 1;

	for (size_t i = 0; i < cpus->n; i++) {
		const size_t lines = put_more_lines(page, &cpus->cpu[i], &nowhere);

		most = lines > most ? lines : most;
	}
	return (unsigned)(most - 1) * LINE_HEIGHT;
}

static void put_tile(struct la_html_page *page, const struct la_cpu *c, unsigned more)
{
	const unsigned width = 238, height = 84 + more;
	struct lines_at remark = { page, 13, 63, false };
	const struct la_sink lines = { .put = put_lines, .ctx = &remark };

	begin_tile(page, c, width, height);
	text_at(page, 13, 17, "big");
	put_name(c, &page->line.sink);
	end_text(page, 9);
	la_put(&page->markup,
	       "<text x=\"%u\" y=\"17\" text-anchor=\"end\" class=\"s %s\">%s</text>", width - 8,
	       class_of(c->state), la_cpu_state_name(c->state));
	text_at(page, 13, 33, "");
	put_task(c, &page->line.sink);
	end_text(page, COLUMNS);
	text_at(page, 13, 48, "");
	put_place(c, &page->line.sink);
	end_text(page, COLUMNS);
	text_at(page, remark.x, remark.y, "dim");
	put_more_lines(page, c, &lines);
	la_puts(&page->markup, "</text>");
	if (has_duration(c)) {
		la_put(&page->markup,
		       "<rect class=\"s\" x=\"13\" y=\"%u\" width=\"%u\" height=\"4\" opacity=\".6\"/>"
		       "<text x=\"%u\" y=\"%u\" text-anchor=\"end\" class=\"dim\">%.3f s</text>",
		       height - 12, bar(c->since_ns, width - 94), width - 8, height - 7,
		       (double)c->since_ns / 1e9);
	}
	la_puts(&page->markup, "</svg>\n");
}

/* Of many CPUs, one that does nothing and shows nothing has its number only: the others stand out. */
static bool is_dull(const struct la_html_page *page, const struct la_cpu *c)
{
	return (c->state == LA_CPU_IDLE ||
		(c->state == LA_CPU_STOPPED && c->before == LA_CPU_IDLE)) &&
	       !c->odd && !blamed(page, c);
}

static void put_small_tile(struct la_html_page *page, const struct la_cpu *c)
{
	const bool dull = is_dull(page, c);
	const unsigned width = dull ? 50 : 108, height = dull ? 22 : 38;

	begin_tile(page, c, width, height);
	text_at(page, 11, 15, "");
	if (has_number(c))
		la_put(&page->line.sink, "%u ", c->cpu);
	else
		la_put(&page->line.sink, "v%d ", c->vcpu);
	if (!dull)
		la_puts(&page->line.sink, la_cpu_state_name(c->state));
	end_text(page, 13);
	if (!dull) {
		text_at(page, 11, 30, "dim");
		put_task(c, &page->line.sink);
		end_text(page, 13);
	}
	la_puts(&page->markup, "</svg>\n");
}

static bool any_duration(const struct la_cpus *cpus)
{
	for (size_t i = 0; i < cpus->n; i++)
		if (has_duration(&cpus->cpu[i]))
			return true;
	return false;
}

/* How many are in each state: also the key of the colours. */
static void put_counts(struct la_html_page *page, const struct la_cpus *cpus)
{
	la_puts(&page->markup, "<ul class=\"key\">");
	for (enum la_cpu_state state = 0; state <= LA_CPU_OFFLINE; state++) {
		size_t n = 0;

		for (size_t i = 0; i < cpus->n; i++)
			n += cpus->cpu[i].state == state;
		if (n)
			la_put(&page->markup, "<li class=\"%s\"><i></i>%zu %s</li>",
			       class_of(state), n, la_cpu_state_name(state));
	}
	la_puts(&page->markup, "</ul>\n");
}

void la_html_cpus(struct la_html_page *page)
{
	const struct la_cpus *cpus = page->p->cpus;
	const size_t n = cpus && cpus->n > MOST ? MOST : cpus ? cpus->n : 0;
	unsigned more = 0;

	la_html_begin(page, "cpus", page->heading[LA_H_CPUS]);
	if (!n) {
		la_puts(&page->markup, "<p class=\"note\">unknown</p>\n");
		la_html_end(page);
		return;
	}
	put_counts(page, cpus);
	la_puts(&page->markup, "<div class=\"flow\">\n");
	if (cpus->n <= LARGE)
		more = more_height(page, cpus);
	for (size_t i = 0; i < n; i++) {
		if (cpus->n <= LARGE)
			put_tile(page, &cpus->cpu[i], more);
		else
			put_small_tile(page, &cpus->cpu[i]);
	}
	la_puts(&page->markup, "</div>\n");
	if (cpus->n <= LARGE && any_duration(cpus))
		la_puts(&page->markup,
			"<p class=\"note\">The bar tells for how long its task has been on the CPU, "
			"each sixth of its room ten times as long as the one before: "
			"1 ms to 1000 s.</p>\n");
	if (n < cpus->n)
		la_put(&page->markup, "<p class=\"note\">%zu more are left out.</p>\n",
		       cpus->n - n);
	if (cpus->remark) {
		la_puts(&page->markup, "<p class=\"note\">");
		la_put_text(&page->text, cpus->remark, false);
		la_puts(&page->markup, "</p>\n");
	}
	la_html_end(page);
}

/* --- stacks --- */

static void put_source(struct la_html_page *page, const struct la_place *at, bool inlined)
{
	if (!at->file && !inlined)
		return;
	la_puts(&page->markup, "<br><i>");
	if (inlined) {
		la_puts(&page->text, "inlined ");
		la_put_text(&page->text, at->function ? at->function : "(unknown)", false);
		la_puts(&page->text, "  ");
	}
	la_put_text(&page->text, at->file ? at->file : "(unknown file)", false);
	if (at->line)
		la_put(&page->text, ":%u", at->line);
	la_puts(&page->markup, "</i>");
}

static void put_frame(struct la_html_page *page, size_t number, const struct la_frame *f)
{
	la_put(&page->markup, "<li>#%-2zu ", number);
	if (f->symbol)
		la_put_symbol(&page->text, f->symbol, f->pc_known, f->offset, f->module);
	else
		la_puts(&page->text, "(unknown)");
	if (f->pc_known)
		la_put(&page->markup, " <i>%016" PRIx64 "</i>", f->pc);
	if (!f->verified)
		la_put(&page->markup, " <em>? %s</em>", la_method_name(f->method));
	for (size_t i = 0; f->lines && i < f->lines->n; i++)
		put_source(page, &f->lines->inlined[i], true);
	if (f->lines)
		put_source(page, &f->lines->self, false);
	la_puts(&page->markup, "</li>\n");
	if (f->pt_regs)
		la_put(&page->markup, "<li class=\"x\">exception frame at %016" PRIx64 "</li>\n",
		       f->pt_regs);
}

static void put_frames(struct la_html_page *page, const struct la_stack *stack)
{
	la_puts(&page->markup, "<ol class=\"frames\">\n");
	for (size_t i = 0; i < stack->n; i++)
		put_frame(page, i, &stack->frame[i]);
	if (!stack->n || (stack->stop != LA_STOP_END && stack->stop != LA_STOP_USER)) {
		la_puts(&page->markup, "<li class=\"x\">stack ends: ");
		la_put_text(&page->text,
			    stack->reason[0] ? stack->reason : la_stop_name(stack->stop), false);
		la_puts(&page->markup, "</li>\n");
	}
	la_puts(&page->markup, "</ol>\n");
}

/* Whose stack the verdict's is: it is shown first, and not again. */
static const struct la_cpu *cpu_of_verdict(const struct la_panic *p)
{
	return p->stack && p->cpus && p->cpu >= 0 ? la_cpus_find(p->cpus, (unsigned)p->cpu) : NULL;
}

static void put_verdicts_stack(struct la_html_page *page)
{
	const struct la_panic *p = page->p;

	if (!p->stack)
		return;
	la_put(&page->markup, "<details open><summary><b>%s</b> ", page->heading[LA_H_STACK]);
	la_line_begin(&page->line);
	if (la_put_who(p, &page->line.sink))
		la_puts(&page->text, page->line.text);
	la_puts(&page->markup, "</summary>\n");
	put_frames(page, p->stack);
	la_puts(&page->markup, "</details>\n");
}

/* Is it the verdict's, and shown with that? Then only others that stand in the same place need it again. */
static bool was_shown(const struct la_panic *p, size_t i)
{
	const struct la_cpus *cpus = p->cpus;

	if (&cpus->cpu[i] != cpu_of_verdict(p))
		return false;
	for (size_t k = i + 1; k < cpus->n; k++)
		if (la_same_stack(&cpus->cpu[i], &cpus->cpu[k]))
			return false;
	return true;
}

static size_t first_alike(const struct la_cpus *cpus, size_t i)
{
	size_t first = 0;

	while (first < i && !la_same_stack(&cpus->cpu[first], &cpus->cpu[i]))
		first++;
	return first;
}

/* "CPU 2, 3, 5": all from @first on with the same stack. */
static void put_group(struct la_html_page *page, const struct la_cpus *cpus, size_t first)
{
	const struct la_cpu *c = &cpus->cpu[first];

	la_puts(&page->markup, "<details><summary><b>");
	if (has_number(c))
		la_put_cpu_numbers(cpus, first, &page->text);
	else
		put_name(c, &page->text);
	la_put(&page->markup, "</b> %s ", la_cpu_state_name(c->state));
	put_place(c, &page->text);
	la_puts(&page->markup, "</summary>\n");
	put_frames(page, &c->stack);
	la_puts(&page->markup, "</details>\n");
}

void la_html_stacks(struct la_html_page *page)
{
	const struct la_panic *p = page->p;
	const size_t n = p->cpus ? p->cpus->n : 0;
	const size_t end = page->bytes + la_html_room(page, STACKS_BYTES, BEHIND);
	size_t shown = 0, left_out = 0;

	if (!p->stack && !n)
		return;
	la_html_begin(page, "stacks", page->heading[LA_H_STACKS]);
	put_verdicts_stack(page);
	for (size_t i = 0; i < n; i++) {
		const struct la_cpu *c = &p->cpus->cpu[i];

		if (!c->stack.n || first_alike(p->cpus, i) != i || was_shown(p, i))
			continue;
		if (shown == STACKS_MOST || page->bytes >= end) {
			left_out++;
			continue;
		}
		put_group(page, p->cpus, i);
		shown++;
	}
	if (!p->stack && !shown)
		la_puts(&page->markup, "<p class=\"note\">No CPU has a stack in the kernel.</p>\n");
	if (left_out)
		la_put(&page->markup, "<p class=\"note\">%zu more stacks are left out.</p>\n",
		       left_out);
	la_html_end(page);
}
