// SPDX-License-Identifier: GPL-3.0-or-later
// From an address to the bytes in the dump file, or to the reason why there are none.
#include "lakvm/guest/explain.h"

#include <inttypes.h>
#include <stdio.h>

#define PICTURE_CELLS 512

void la_mem_describe_hole(const struct la_door *door, uint64_t pa, char *ret, size_t size)
{
	const struct la_ram_range *above = la_ram_find(door->ram, door->nram, pa), *below = NULL;

	if (door->nram && above != door->ram)
		below = above ? above - 1 : &door->ram[door->nram - 1];
	if (below && above)
		snprintf(ret, size, "%s RAM, which ends at %" PRIx64 " and goes on at %" PRIx64,
			 pa == below->end ? "the first byte after" : "in a hole of", below->end,
			 above->start);
	else if (below)
		snprintf(ret, size, "%s RAM, which ends at %" PRIx64,
			 pa == below->end ? "the first byte after" : "beyond", below->end);
	else if (above)
		snprintf(ret, size, "before RAM, which begins at %" PRIx64, above->start);
	else
		snprintf(ret, size, "not RAM of the guest");
}

void la_mem_explain(const struct la_kernel *k, struct la_dump *dump, uint64_t pgd, uint64_t address,
		    bool physical, struct la_mem_address *ret)
{
	struct la_error err = { "" };
	struct la_dump_place below;

	*ret = (struct la_mem_address){
		.address = address, .physical = physical, .pgd = pgd, .geometry = k->mmu.geometry
	};
	if (physical)
		ret->translation = (struct la_translation){ .window = -1, .pa = address };
	else
		ret->status = la_translate(k->door, &k->mmu, pgd, address, &ret->translation, &err);
	if (ret->translation.window >= 0)
		ret->window = k->mmu.dmw[ret->translation.window];
	snprintf(ret->reason, sizeof(ret->reason), "%s", err.text);
	if (ret->status != LA_OK)
		return;

	if (!dump) {
		char byte;

		ret->other_reader = true;
		ret->place.status = k->door->read_phys(k->door->ctx, ret->translation.pa, &byte, 1);
		return;
	}
	la_dump_explain(dump, ret->translation.pa, &ret->place);
	if (ret->place.state != LA_BLOCK_HOLE)
		return;
	la_mem_describe_hole(k->door, ret->translation.pa, ret->hole, sizeof(ret->hole));
	if (ret->translation.pa) {
		la_dump_explain(dump, ret->translation.pa - 1, &below);
		ret->behind_ram = below.state != LA_BLOCK_HOLE;
	}
}

void la_mem_explain_page(const struct la_kernel *k, const struct la_sections *s,
			 struct la_mem_address *ret)
{
	struct la_error err = { "" };

	if (ret->status != LA_OK)
		return;
	ret->section_known =
		la_section_find(k, s, ret->translation.pa, &ret->section, &err) == LA_OK;
	if (ret->section_known && ret->section.page)
		ret->page_known = la_page_read(k, s, ret->section.page, &ret->page, &err) == LA_OK;
	/* A hole has struct pages where it shares its section with RAM; without, it lacks nothing. */
	if ((ret->other_reader ? ret->place.status != LA_OK : ret->place.state == LA_BLOCK_HOLE) &&
	    (!ret->page_known || ret->section.rebuilt)) {
		ret->section_known = ret->page_known = false;
		return;
	}
	snprintf(ret->page_reason, sizeof(ret->page_reason), "%s", err.text);
}

static enum la_status divide_ram(struct la_dump *dump, struct la_arena *arena,
				 struct la_mem_map *ret, struct la_error *err)
{
	struct la_ram_range *range, *cell;
	enum la_status status;
	uint64_t size = 0;
	size_t n;

	status = la_dump_ram(dump, false, arena, &range, &n, err);
	if (status != LA_OK)
		return status;
	for (size_t i = 0; i < n; i++)
		size += range[i].end - range[i].start;
	ret->cell_size = ret->block_size;
	while (size / ret->cell_size > PICTURE_CELLS)
		ret->cell_size *= 2;
	status = la_dump_ram_cells(dump, ret->cell_size, arena, &cell, &ret->ncells, err);
	if (status != LA_OK)
		return status;
	for (size_t i = 0, at = 0; i < ret->ncells; i++) {
		while (cell[i].start >= range[at].end && at + 1 < n)
			at++;
		range[at].present += cell[i].present;
		range[at].zero += cell[i].zero;
		range[at].excluded += cell[i].excluded;
		range[at].missing += cell[i].missing;
	}
	ret->range = range;
	ret->n = n;
	ret->cell = cell;
	return LA_OK;
}

enum la_status la_mem_map(struct la_dump *dump, struct la_arena *arena, struct la_mem_map *ret,
			  struct la_error *err)
{
	enum la_status status;
	const char **remark;

	*ret = (struct la_mem_map){ .format = la_dump_format(dump),
				    .block_size = la_dump_block_size(dump) };
	status = divide_ram(dump, arena, ret, err);
	if (status != LA_OK)
		return status;
	while (la_dump_remark(dump, ret->nremarks))
		ret->nremarks++;
	remark = la_alloc_n(arena, ret->nremarks, sizeof(*remark));
	if (!remark)
		return la_fail(err, LA_NOMEM, "remarks on the dump");
	for (size_t i = 0; i < ret->nremarks; i++)
		remark[i] = la_dump_remark(dump, i);
	ret->remark = remark;
	return LA_OK;
}
