// SPDX-License-Identifier: GPL-3.0-or-later
// Memory sections for crash when some of the guest's own table of them cannot be read, from the
// variable mem_section to its last entry: crash reads all of it at its start, and exits at the first
// error. The table is written again. What can be read of it stays; with vmemmap all sections have the
// same map, so RAM and vmemmap are enough for the rest; without it (before 6.2) the rest are no
// sections, with which crash at least starts. crash reads it through readmem, from places of guest
// memory that only it sees; lakvm's own commands still see what the dump has.
#include "crash.h"
#include "glue.h"

#include "lakvm/dump/dump.h"
#include "lakvm/guest/sections.h"

/* Where new roots and entries are shown to crash: at the top of the 48 physical address bits, far above RAM. */
#define ENTRIES_PA UINT64_C(0xf00000000000)
#define ROOTS_PA UINT64_C(0xf80000000000)
#define WINDOW ((uint64_t)LA_CACHED_WINDOW << 60)
#define LIMIT ((uint64_t)16 << 20) /* 1 TiB of sections of 512 MiB takes 64 KiB */
/* PRESENT, HAS_MEM_MAP, ONLINE, EARLY (include/linux/mmzone.h). */
#define SECTION_FLAGS 15

static struct {
	bool pages_lost;
	unsigned char page[65536]; /* of the table, where it is tried */
} here;

bool sections_lost(void)
{
	return here.pages_lost;
}

/* As crash reads it: every root, and every entry of it. */
static bool table_reads(const struct la_kernel *k, const struct la_sections *s)
{
	uint64_t root;

	if (!s->roots)
		return false;
	for (uint64_t i = 0; i < la_sections_roots(s); i++)
		if (la_read_u64(k, s->roots + i * 8, &root, NULL) != LA_OK ||
		    (root &&
		     la_read(k, root, here.page, s->per_root * s->entry_size, NULL) != LA_OK))
			return false;
	return true;
}

/* @rebuilt: only what has no entry to be read, else only what has. */
static void fill_in(const struct la_kernel *k, const struct la_sections *s, uint64_t nr,
		    bool rebuilt, unsigned char *map_of_first)
{
	struct la_section section;
	uint64_t map;

	if (la_section_find(k, s, nr << s->size_bits, &section, NULL) != LA_OK ||
	    section.rebuilt != rebuilt)
		return;
	map = rebuilt ? s->vmemmap | SECTION_FLAGS : section.map;
	memcpy(map_of_first + nr * s->entry_size, &map, 8);
}

static bool build(const struct la_kernel *k, const struct la_sections *s, uint64_t roots_pa,
		  size_t map_offset)
{
	const struct la_ram_range *ram = k->door->ram;
	const size_t n = k->door->nram;
	const uint64_t last = (ram[n - 1].end - 1) >> s->size_bits;
	const uint64_t used = last / s->per_root + 1, root_size = s->per_root * s->entry_size;
	unsigned char *roots, *entries;

	if (used > la_sections_roots(s) || used * root_size > LIMIT)
		return false;
	roots = overlay_add(roots_pa, la_sections_roots(s) * 8, true);
	entries = overlay_add(ENTRIES_PA, used * root_size, false);
	if (!roots || !entries)
		return false;
	for (uint64_t i = 0; i < used; i++) {
		const uint64_t root = WINDOW + ENTRIES_PA + i * root_size;

		memcpy(roots + i * 8, &root, 8);
	}
	for (uint64_t nr = 0; nr < used * s->per_root; nr++)
		fill_in(k, s, nr, false, entries + map_offset);
	for (size_t i = 0; i < n; i++)
		for (uint64_t nr = ram[i].start >> s->size_bits;
		     nr <= (ram[i].end - 1) >> s->size_bits; nr++)
			fill_in(k, s, nr, true, entries + map_offset);
	return true;
}

/* Give crash a mem_section that points to @roots_pa if the guest's cannot be read. False: it can. */
static bool replace_variable(const struct la_kernel *k, uint64_t roots_pa)
{
	const uint64_t value = WINDOW + roots_pa;
	uint64_t own, address, pa;
	unsigned char *variable;
	int window;

	if (la_read_variable(k, "mem_section", sizeof(own), &own, NULL) == LA_OK ||
	    !k->door->symbol(k->door->ctx, "mem_section", &address) ||
	    !la_window(&k->mmu, address, &pa, &window))
		return false;
	variable = overlay_add(pa, sizeof(value), true);
	if (variable)
		memcpy(variable, &value, sizeof(value));
	return variable;
}

void sections_prepare(void)
{
	struct la_kernel *kernel = session_kernel(NULL);
	const struct la_sections *s = session_sections_known();
	uint64_t roots_pa = ROOTS_PA;
	struct la_member map;
	int window;

	if (!s || !s->per_root || !kernel->door->nram || table_reads(kernel, s) ||
	    !kernel->door->member(kernel->door->ctx, "mem_section", "section_mem_map", &map) ||
	    map.offset > s->entry_size - 8)
		return;
	/* A guest that has set up none yet has nothing to rebuild. */
	if (!replace_variable(kernel, roots_pa) &&
	    !(s->roots && la_window(&kernel->mmu, s->roots, &roots_pa, &window)))
		return;
	if (!build(kernel, s, roots_pa, map.offset)) {
		overlay_close();
		return;
	}
	here.pages_lost = !s->vmemmap;
	error(WARNING, "lakvm: the table of memory sections cannot be read; %s\n",
	      here.pages_lost ?
		      "nothing else tells where struct pages are: kmem -p and the like do without" :
		      "rebuilt from vmemmap and the RAM of the dump");
}
