/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where an address goes and whether the dump holds it: the results behind lamem. */
#ifndef LAKVM_EXPLAIN_H
#define LAKVM_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/dump/dump.h"
#include "lakvm/guest/kernel.h"
#include "lakvm/guest/page.h"
#include "lakvm/guest/sections.h"
#include "lakvm/base/status.h"

struct la_mem_address {
	uint64_t address;
	bool physical; /* the address was a physical one: nothing was translated */
	uint64_t pgd;  /* the tables that were walked: virtual, in a window */
	struct la_translation translation;
	struct la_geometry geometry; /* of the tables that were walked; levels 0: not known */
	uint64_t window;             /* DMWn that translation.window names, if that is not -1 */
	enum la_status status; /* LA_OK: it translates, and place says what the dump has there */
	struct la_dump_place place;
	bool other_reader;  /* the dump is not la_dump's: of place only status is known */
	bool behind_ram;    /* the first byte after a range of RAM */
	char hole[120];     /* where it lies if no RAM is there; else empty */
	char reason[256];   /* why it does not translate; empty if it does */
	bool section_known; /* section is valid */
	struct la_section section;
	bool page_known; /* page is valid */
	struct la_page page;
	char page_reason[256]; /* why one of them is not known; empty where there is no RAM */
};

/**
 * In words, where @pa lies that no RAM of the guest (the door's) has: "the first byte after RAM, which
 * ends at 2f0000000". "not RAM of the guest" where the RAM is not known.
 */
void la_mem_describe_hole(const struct la_door *door, uint64_t pa, char *ret, size_t size);

/**
 * Follow @address (through the tables at @pgd unless it is @physical) into the dump, or, where @dump is
 * NULL, as far as the door reads. Never fails.
 */
void la_mem_explain(const struct la_kernel *k, struct la_dump *dump, uint64_t pgd, uint64_t address,
		    bool physical, struct la_mem_address *ret);

/**
 * Add what the guest keeps about the page: its section and struct page; of a hole in RAM too, where
 * the kernel has one. Never fails.
 */
void la_mem_explain_page(const struct la_kernel *k, const struct la_sections *s,
			 struct la_mem_address *ret);

struct la_mem_map {
	const char *format;
	uint32_t block_size;
	const struct la_ram_range *range;
	size_t n;
	/*
	 * For a picture: the ranges divided at the multiples of cell_size, a power of two that
	 * makes at most 512 cells of the guest's RAM, and one more for each range.
	 */
	uint64_t cell_size;
	const struct la_ram_range *cell;
	size_t ncells;
	const char *const *remark; /* what is odd about the file */
	size_t nremarks;
};

/**
 * The guest's RAM as the dump has it; reads the whole table of pages, what of it cannot be read counts as missing.
 * Belongs to @arena and @dump. LA_NOMEM is the only failure.
 */
enum la_status la_mem_map(struct la_dump *dump, struct la_arena *arena, struct la_mem_map *ret,
			  struct la_error *err);

#endif
