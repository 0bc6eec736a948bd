// SPDX-License-Identifier: GPL-3.0-or-later
// What the formats have in common: remarks, areas of the file, pieces of RAM.
#include "format.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define READ_AHEAD (128 * 1024)

/* Notes, VMCOREINFO and erase info: a few KiB; of 2048 vCPUs less than 2 MiB. */
#define MAX_AREA (UINT64_C(64) << 20)

void la_dump_add_remark(struct la_dump *dump, const char *fmt, ...)
{
	char text[4096 + 256]; /* a path, and what is said of it */
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < LA_MAX_REMARKS; i++) {
		if (dump->remark[i])
			continue;
		dump->remark[i] = la_strndup(dump->arena, text, sizeof(text));
		return;
	}
	dump->remark[LA_MAX_REMARKS] = "more is odd about this file than is listed here";
}

enum la_status la_dump_set_block_size(struct la_dump *dump, uint32_t block_size)
{
	dump->block_size = block_size;
	return la_readahead_init(&dump->data, dump->arena,
				 block_size < READ_AHEAD ? READ_AHEAD : block_size, 1);
}

const uint8_t *la_dump_area(struct la_dump *dump, struct la_file *f, uint64_t off, uint64_t size,
			    const char *what, size_t *ret_size)
{
	struct la_error err = { "" };
	uint8_t *area;

	*ret_size = 0;
	if (!size)
		return NULL;
	if (size > MAX_AREA || size > f->stored || off > f->size || size > f->size - off) {
		la_dump_add_remark(dump,
				   "%s: 0x%" PRIx64 " bytes at 0x%" PRIx64 " are not in the file",
				   what, size, off);
		return NULL;
	}
	area = la_alloc(dump->arena, (size_t)size);
	if (!area)
		la_fail(&err, LA_NOMEM, "%" PRIu64 " bytes", size);
	if (!area || la_file_read(f, off, area, (size_t)size, &err)) {
		la_dump_add_remark(dump, "%s: %s", what, err.text);
		return NULL;
	}
	*ret_size = (size_t)size;
	return area;
}

/* The range that ends where @start begins, if none has to begin there, else a new one; NULL: out of memory. */
static struct la_ram_range *range_at(struct la_ram_list *list, uint64_t start)
{
	struct la_ram_range *r = list->n ? &list->r[list->n - 1] : NULL;

	if (r && r->end == start && !(list->cell && start % list->cell == 0))
		return r;
	r = la_room(list->arena, list->r, list->n, &list->room, sizeof(*r));
	if (!r)
		return NULL;
	list->r = r;
	r = &list->r[list->n++];
	*r = (struct la_ram_range){ .start = start };
	return r;
}

static enum la_status add_piece(struct la_ram_list *list, uint64_t start, uint64_t end,
				enum la_block_state state)
{
	struct la_ram_range *r = range_at(list, start);

	if (!r)
		return LA_NOMEM;
	r->end = end;
	switch (state) {
	case LA_BLOCK_HOLE:
	case LA_BLOCK_PRESENT:
		r->present += end - start;
		break;
	case LA_BLOCK_ZERO:
		r->zero += end - start;
		break;
	case LA_BLOCK_EXCLUDED:
		r->excluded += end - start;
		break;
	case LA_BLOCK_MISSING:
		r->missing += end - start;
		break;
	}
	return LA_OK;
}

enum la_status la_ram_append(struct la_ram_list *list, const struct la_ram_range *range)
{
	struct la_ram_range *r = range_at(list, range->start);

	if (!r)
		return LA_NOMEM;
	r->end = range->end;
	r->present += range->present;
	r->zero += range->zero;
	r->excluded += range->excluded;
	r->missing += range->missing;
	return LA_OK;
}

enum la_status la_ram_add(struct la_ram_list *list, uint64_t start, uint64_t end,
			  enum la_block_state state)
{
	enum la_status status = LA_OK;
	uint64_t stop;

	for (; start < end && !status; start = stop) {
		stop = end;
		if (list->cell && list->cell - start % list->cell < end - start)
			stop = start + (list->cell - start % list->cell);
		status = add_piece(list, start, stop, state);
	}
	return status;
}
