// SPDX-License-Identifier: GPL-3.0-or-later
// The door over plain memory. Guest memory is kept in 4 KiB pages that appear when written.
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096u
#define MAX_PAGES 4096
#define MAX_ITEMS 512
#define UNSIZED 0x1000000u /* a symbol without a size covers at most this much */

struct fake_page {
	uint64_t pa;
	unsigned char bytes[PAGE];
};

struct fake_item {
	char type[64], name[64];
	uint64_t value, size;
	const char *module;
};

struct fake_hole {
	uint64_t pa, len;
	enum la_status status;
};

struct items {
	struct fake_item item[MAX_ITEMS];
	size_t n;
};

struct fake {
	struct la_door door;
	struct fake_page *page[MAX_PAGES];
	size_t npages, reads, nholes;
	struct fake_hole hole[64];
	struct items symbols, members, types, enumerators;
};

static void die(const char *what)
{
	fprintf(stderr, "fake door: %s\n", what);
	abort();
}

static struct fake_item *items_add(struct items *items, const char *type, const char *name)
{
	struct fake_item *item;

	if (items->n == MAX_ITEMS)
		die("too many items");
	item = &items->item[items->n++];
	snprintf(item->type, sizeof(item->type), "%s", type);
	snprintf(item->name, sizeof(item->name), "%s", name);
	return item;
}

static const struct fake_item *items_find(const struct items *items, const char *type,
					  const char *name)
{
	for (size_t i = items->n; i--;)
		if (!strcmp(items->item[i].type, type) && !strcmp(items->item[i].name, name))
			return &items->item[i];
	return NULL;
}

static struct fake_page *page_at(const struct fake *f, uint64_t pa)
{
	for (size_t i = 0; i < f->npages; i++)
		if (f->page[i]->pa == pa / PAGE * PAGE)
			return f->page[i];
	return NULL;
}

static enum la_status read_phys(void *ctx, uint64_t pa, void *ret, size_t len)
{
	struct fake *f = ctx;
	unsigned char *out = ret;

	f->reads++;
	for (size_t i = 0; i < len; i++, pa++) {
		struct fake_page *page;

		for (size_t h = 0; h < f->nholes; h++)
			if (pa - f->hole[h].pa < f->hole[h].len)
				return f->hole[h].status;
		page = page_at(f, pa);
		if (!page)
			return LA_NOT_RAM;
		out[i] = page->bytes[pa % PAGE];
	}
	return LA_OK;
}

static bool symbol(void *ctx, const char *name, uint64_t *ret)
{
	const struct fake_item *item = items_find(&((struct fake *)ctx)->symbols, "", name);

	if (item)
		*ret = item->value;
	return item != NULL;
}

static bool symbol_at(void *ctx, uint64_t addr, struct la_symbol *ret)
{
	const struct items *symbols = &((struct fake *)ctx)->symbols;
	const struct fake_item *best = NULL;

	for (size_t i = 0; i < symbols->n; i++) {
		const struct fake_item *item = &symbols->item[i];

		if (addr < item->value || addr - item->value >= (item->size ?: UNSIZED))
			continue;
		if (!best || item->value > best->value)
			best = item;
	}
	if (!best)
		return false;
	*ret = (struct la_symbol){ best->name, best->value,
				   best->size ? best->value + best->size : 0, best->module };
	return true;
}

static bool symbol_size(void *ctx, const char *name, uint64_t *ret)
{
	const struct fake_item *item = items_find(&((struct fake *)ctx)->symbols, "", name);

	if (!item || !item->size)
		return false;
	*ret = item->size;
	return true;
}

static bool member(void *ctx, const char *type, const char *name, struct la_member *ret)
{
	const struct fake_item *item = items_find(&((struct fake *)ctx)->members, type, name);

	if (item)
		*ret = (struct la_member){ item->value, item->size };
	return item != NULL;
}

static bool type_size(void *ctx, const char *type, size_t *ret)
{
	const struct fake_item *item = items_find(&((struct fake *)ctx)->types, "", type);

	if (item)
		*ret = item->size;
	return item != NULL;
}

static bool enumerator(void *ctx, const char *name, int64_t *ret)
{
	const struct fake_item *item = items_find(&((struct fake *)ctx)->enumerators, "", name);

	if (item)
		*ret = (int64_t)item->value;
	return item != NULL;
}

struct fake *fake_new(void)
{
	struct fake *f = calloc(1, sizeof(*f));

	if (!f)
		die("out of memory");
	f->door = (struct la_door){ .ctx = f,
				    .read_phys = read_phys,
				    .symbol = symbol,
				    .symbol_at = symbol_at,
				    .symbol_size = symbol_size,
				    .member = member,
				    .type_size = type_size,
				    .enumerator = enumerator };
	return f;
}

void fake_free(struct fake *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->npages; i++)
		free(f->page[i]);
	free(f);
}

struct la_door *fake_door(struct fake *f)
{
	return &f->door;
}

void fake_put(struct fake *f, uint64_t pa, const void *bytes, size_t len)
{
	const unsigned char *in = bytes;

	for (size_t i = 0; i < len; i++, pa++) {
		struct fake_page *page = page_at(f, pa);

		if (!page) {
			page = calloc(1, sizeof(*page));
			if (!page || f->npages == MAX_PAGES)
				die("too many pages");
			page->pa = pa / PAGE * PAGE;
			f->page[f->npages++] = page;
		}
		page->bytes[pa % PAGE] = in[i];
	}
}

void fake_put_u64(struct fake *f, uint64_t pa, uint64_t value)
{
	fake_put(f, pa, &value, sizeof(value));
}

void fake_put_u32(struct fake *f, uint64_t pa, uint32_t value)
{
	fake_put(f, pa, &value, sizeof(value));
}

void fake_hide(struct fake *f, uint64_t pa, uint64_t len, enum la_status status)
{
	if (f->nholes == sizeof(f->hole) / sizeof(f->hole[0]))
		die("too many holes");
	f->hole[f->nholes++] = (struct fake_hole){ pa, len, status };
}

void fake_symbol(struct fake *f, const char *name, uint64_t start, uint64_t size,
		 const char *module)
{
	struct fake_item *item = items_add(&f->symbols, "", name);

	item->value = start;
	item->size = size;
	item->module = module;
}

void fake_member(struct fake *f, const char *type, const char *name, size_t offset, size_t size)
{
	struct fake_item *item = items_add(&f->members, type, name);

	item->value = offset;
	item->size = size;
}

void fake_type(struct fake *f, const char *type, size_t size)
{
	items_add(&f->types, "", type)->size = size;
}

void fake_enumerator(struct fake *f, const char *name, int64_t value)
{
	items_add(&f->enumerators, "", name)->value = (uint64_t)value;
}

size_t fake_reads(const struct fake *f)
{
	return f->reads;
}
