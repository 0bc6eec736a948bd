// SPDX-License-Identifier: GPL-3.0-or-later
// What a search found, as JSON (docs/json.md).
#include "lakvm/render/find.h"

#include "json.h"

static json_t *frame(struct la_json *b, const struct la_find_hit *h)
{
	json_t *o;

	if (!h->frame_known)
		return json_null();
	o = json_object();
	la_json_set(b, o, "level", la_json_number(true, h->level));
	la_json_set(b, o, "symbol", la_json_text(h->symbol));
	la_json_set(b, o, "offset", la_json_number(h->symbol && h->offset_known, h->offset));
	la_json_set(b, o, "module", la_json_text(h->module));
	return o;
}

static json_t *page(struct la_json *b, const struct la_owner *owner)
{
	const struct la_page *p = &owner->page;
	json_t *o;

	if (!owner->page_known)
		return json_null();
	o = json_object();
	la_json_set(b, o, "address", la_json_hex(true, p->address));
	la_json_set(b, o, "names", la_json_text(p->names));
	la_json_set(b, o, "type", la_json_text(p->type));
	la_json_set(b, o, "name", la_json_said(p->owner_name));
	la_json_set(b, o, "inode", la_json_number(p->inode != 0, p->inode));
	la_json_set(b, o, "index", la_json_number(p->index_known, p->index));
	return o;
}

static json_t *owner(struct la_json *b, const struct la_find_hit *h)
{
	const struct la_owner *w = &h->owner;
	const bool object = w->place == LA_PLACE_OBJECT || w->place == LA_PLACE_STRUCT_PAGE;
	json_t *o = json_object();

	la_json_set(b, o, "kind", la_json_text(la_owner_kind_name(w->kind)));
	la_json_set(b, o, "place", la_json_text(la_owner_place_name(w->place)));
	la_json_set(b, o, "symbol", la_json_said(w->symbol));
	la_json_set(b, o, "offset", la_json_number(object || w->symbol[0], w->offset));
	la_json_set(b, o, "module", la_json_said(w->module));
	la_json_set(b, o, "cpu", la_json_number(w->cpu >= 0, (uint64_t)w->cpu));
	la_json_set_task(b, o, &w->task);
	la_json_set(b, o, "frame", frame(b, h));
	la_json_set(b, o, "user", la_json_hex(w->user_known, w->user));
	la_json_set(b, o, "object", la_json_hex(object, w->object));
	la_json_set(b, o, "size", la_json_number(w->place == LA_PLACE_OBJECT, w->size));
	la_json_set(b, o, "pfn", la_json_number(w->place == LA_PLACE_STRUCT_PAGE, w->pfn));
	la_json_set(b, o, "page", page(b, w));
	la_json_set(b, o, "reason", la_json_said(w->reason));
	return o;
}

static json_t *hits(struct la_json *b, const struct la_find *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->n; i++) {
		const struct la_find_hit *h = &f->hit[i];
		json_t *o = json_object();

		la_json_set(b, o, "physical", la_json_hex(true, h->pa));
		la_json_set(b, o, "virtual", la_json_hex(true, h->owner.va));
		la_json_set(b, o, "value", la_json_hex(f->order.what.size != 0, h->value));
		la_json_set(b, o, "owner", owner(b, h));
		la_json_append(b, list, o);
	}
	return list;
}

static json_t *what(struct la_json *b, const struct la_search_what *w)
{
	static const char digit[] = "0123456789abcdef";
	char bytes[2 * LA_SEARCH_MAX + 1];
	json_t *o = json_object();
	size_t n = 0;

	for (; n < w->nbytes; n++) {
		bytes[2 * n] = digit[w->bytes[n] >> 4];
		bytes[2 * n + 1] = digit[w->bytes[n] & 15];
	}
	bytes[2 * n] = '\0';
	la_json_set(b, o, "size", la_json_number(true, w->size ? w->size : w->nbytes));
	la_json_set(b, o, "low", la_json_hex(w->size != 0, w->low));
	la_json_set(b, o, "high", la_json_hex(w->size != 0, w->high));
	la_json_set(b, o, "bytes", la_json_said(bytes));
	return o;
}

enum la_status la_render_find_json(const struct la_find *f, const struct la_sink *sink)
{
	const struct la_find_order *order = &f->order;
	struct la_json b = { .nomem = false };
	json_t *o = json_object();

	la_json_set(&b, o, "schema", la_json_text("lakvm.find/1"));
	la_json_set(&b, o, "what", what(&b, &order->what));
	la_json_set(&b, o, "in",
		    la_json_text(order->everywhere ? NULL : la_owner_kind_name(order->kind)));
	la_json_set(&b, o, "in_name", la_json_text(order->everywhere ? NULL : order->name));
	la_json_set(&b, o, "found", la_json_number(true, f->found));
	la_json_set(&b, o, "hits", hits(&b, f));
	la_json_set(&b, o, "left_out", la_json_number(true, f->nobody_knows));
	la_json_set(&b, o, "ram", la_json_number(true, f->bytes.ram));
	la_json_set(&b, o, "present", la_json_number(true, f->bytes.searched));
	la_json_set(&b, o, "zero", la_json_number(true, f->bytes.zero));
	la_json_set(&b, o, "excluded", la_json_number(true, f->bytes.excluded));
	la_json_set(&b, o, "missing", la_json_number(true, f->bytes.missing));
	la_json_set(&b, o, "damaged", la_json_number(true, f->bytes.damaged));
	la_json_set(&b, o, "remark", la_json_text(f->remark));
	return la_json_finish(&b, o, sink);
}
