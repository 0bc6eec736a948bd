// SPDX-License-Identifier: GPL-3.0-or-later
// What a search found, as text.
#include "lakvm/render/find.h"

#include <inttypes.h>

#include "text.h"

static void put_task(const struct la_task *task, const struct la_sink *sink)
{
	if (!task->address) {
		la_puts(sink, "task -");
		return;
	}
	la_puts(sink, "task ");
	la_put(sink, task->pid_known ? "%d" : "-", task->pid);
	la_puts(sink, " \"");
	la_put_text(sink, task->comm, false);
	la_puts(sink, "\"");
}

static void put_frame(const struct la_find_hit *h, const struct la_sink *sink)
{
	if (!h->frame_known) {
		la_puts(sink, ", in no frame");
		return;
	}
	la_put(sink, ", #%zu ", h->level);
	if (h->symbol)
		la_put_symbol(sink, h->symbol, h->offset_known, h->offset, h->module);
	else
		la_puts(sink, "?");
}

static void put_named(const char *what, const struct la_owner *o, const struct la_sink *sink)
{
	la_puts(sink, what);
	if (!o->symbol[0])
		return;
	la_puts(sink, " ");
	la_put_text(sink, o->symbol, false);
	la_put(sink, "+%#" PRIx64, o->offset);
}

static void put_flags(const struct la_owner *o, const struct la_sink *sink)
{
	if (!o->page_known || (!o->page.type && !o->page.names[0]))
		return;
	la_puts(sink, ", ");
	la_put_text(sink, o->page.type ? o->page.type : o->page.names, false);
}

static void put_slab(const struct la_owner *o, const struct la_sink *sink)
{
	la_puts(sink, "slab ");
	la_put_text(sink, o->page.owner_name[0] ? o->page.owner_name : "-", false);
	if (o->place == LA_PLACE_OBJECT)
		la_put(sink, ", object %" PRIx64 "+%#" PRIx64 " of %" PRIu64 " bytes", o->object,
		       o->offset, o->size);
	else
		la_puts(sink, ", in no object");
}

static void put_file(const struct la_page *p, const struct la_sink *sink)
{
	la_puts(sink, "page-cache inode ");
	la_put(sink, p->inode ? "%" PRIu64 : "-", p->inode);
	if (p->owner_name[0]) {
		la_puts(sink, " on ");
		la_put_text(sink, p->owner_name, false);
	}
	if (p->index_known)
		la_put(sink, ", page %" PRIu64 " of it", p->index);
}

static void put_kernel(const struct la_find_hit *h, const struct la_sink *sink)
{
	const struct la_owner *o = &h->owner;

	la_puts(sink, "kernel ");
	switch (o->place) {
	case LA_PLACE_IMAGE:
		put_named("image", o, sink);
		break;
	case LA_PLACE_MODULE:
		la_puts(sink, "module ");
		la_put_text(sink, o->module, false);
		put_named("", o, sink);
		break;
	case LA_PLACE_PERCPU:
		la_put(sink, "per-CPU %d", o->cpu);
		put_named("", o, sink);
		break;
	case LA_PLACE_IRQ_STACK:
		la_put(sink, "IRQ stack of CPU %d", o->cpu);
		put_frame(h, sink);
		break;
	case LA_PLACE_STRUCT_PAGE:
		la_put(sink, "struct page %" PRIx64 "+%#" PRIx64 " of page frame %" PRIx64,
		       o->object, o->offset, o->pfn);
		break;
	case LA_PLACE_VMALLOC:
		la_puts(sink, "vmalloc");
		break;
	default:
		la_puts(sink, "page");
		put_flags(o, sink);
		break;
	}
}

static void put_owner(const struct la_find_hit *h, const struct la_sink *sink)
{
	const struct la_owner *o = &h->owner;

	switch (o->kind) {
	case LA_OWNER_UNKNOWN:
		la_puts(sink, "unknown");
		la_puts(sink, o->reason[0] ? ": " : "");
		la_put_text(sink, o->reason, false);
		break;
	case LA_OWNER_FREE:
		la_puts(sink, "free");
		break;
	case LA_OWNER_TASK:
		put_task(&o->task, sink);
		la_puts(sink, o->place == LA_PLACE_STACK ? " stack" : " user");
		if (o->place == LA_PLACE_STACK)
			put_frame(h, sink);
		else if (o->user_known)
			la_put(sink, " %" PRIx64, o->user);
		break;
	case LA_OWNER_SLAB:
		put_slab(o, sink);
		break;
	case LA_OWNER_CACHE:
		put_file(&o->page, sink);
		break;
	case LA_OWNER_KERNEL:
		put_kernel(h, sink);
		break;
	}
}

static void put_order(const struct la_find_order *o, const struct la_sink *sink)
{
	const struct la_search_what *w = &o->what;

	if (!w->size)
		la_put(sink, "%zu bytes", w->nbytes);
	else if (w->low == w->high)
		la_put(sink, "%u-byte value %" PRIx64, w->size, w->low);
	else
		la_put(sink, "pointers %" PRIx64 "-%" PRIx64, w->low, w->high + 1);
	if (o->everywhere)
		return;
	la_put(sink, ", in %s", la_owner_kind_name(o->kind));
	if (o->name) {
		la_puts(sink, " ");
		la_put_text(sink, o->name, false);
	}
}

static void put_counts(const struct la_search_counts *c, const struct la_sink *sink)
{
	la_puts(sink, "SEARCHED:");
	la_put_size(sink, c->ram);
	la_puts(sink, " of RAM: present");
	la_put_size(sink, c->searched);
	la_puts(sink, ", zero");
	la_put_size(sink, c->zero);
	la_puts(sink, "\n");
	if (!c->excluded && !c->missing && !c->damaged)
		return;
	la_puts(sink, "     NOT:");
	la_put_size(sink, c->excluded + c->missing + c->damaged);
	la_puts(sink, " that the dump does not have: excluded");
	la_put_size(sink, c->excluded);
	la_puts(sink, ", missing");
	la_put_size(sink, c->missing);
	la_puts(sink, ", damaged");
	la_put_size(sink, c->damaged);
	la_puts(sink, "\n");
}

void la_render_find_text(const struct la_find *f, const struct la_sink *sink)
{
	la_put(sink, "   FOUND: %" PRIu64 " of ", f->found);
	put_order(&f->order, sink);
	la_puts(sink, "\n");
	if (f->n)
		la_put(sink, "%12s  %16s  %16s  %s\n", "PHYSICAL", "VIRTUAL", "VALUE", "OWNER");
	for (size_t i = 0; i < f->n; i++) {
		const struct la_find_hit *h = &f->hit[i];

		la_put(sink, "%12" PRIx64 "  %16" PRIx64 "  ", h->pa, h->owner.va);
		if (f->order.what.size)
			la_put(sink, "%16" PRIx64 "  ", h->value);
		else
			la_put(sink, "%16s  ", "-");
		put_owner(h, sink);
		la_puts(sink, "\n");
	}
	if (f->found > f->n)
		la_put(sink, "    MORE: %" PRIu64 " are not shown\n", f->found - f->n);
	if (f->nobody_knows)
		la_put(sink,
		       "LEFT OUT: %" PRIu64 " in memory of which it is not known whose it is\n",
		       f->nobody_knows);
	put_counts(&f->bytes, sink);
	if (f->remark) {
		la_puts(sink, "  REMARK: ");
		la_put_text(sink, f->remark, false);
		la_puts(sink, "\n");
	}
}
