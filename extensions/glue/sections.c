// SPDX-License-Identifier: GPL-3.0-or-later
// Memory sections for crash when the guest's own table of them cannot be read. With vmemmap all
// sections have the same map, so RAM and vmemmap are enough to write the table again; without it
// (before 6.2) the table becomes one of no sections, with which crash at least starts. crash reads it
// through readmem, from places of guest memory that only it sees; lakvm's own commands still see
// what the dump has.
#include "crash.h"
#include "glue.h"

#include "lakvm/dump.h"
#include "lakvm/sections.h"

/* Where the roots are shown to crash: at the top of the 48 physical address bits, far above RAM. */
#define ROOTS_PA UINT64_C(0xf00000000000)
#define WINDOW (UINT64_C(9) << 60) /* cached, DMW1 */
#define LIMIT ((uint64_t)16 << 20) /* 1 TiB of sections of 512 MiB takes 64 KiB */
/* PRESENT, HAS_MEM_MAP, ONLINE, EARLY (include/linux/mmzone.h). */
#define SECTION_FLAGS 15

static struct {
	unsigned char *roots, *entries; /* NULL: the guest's own table serves */
	uint64_t roots_pa;
	size_t roots_size, entries_size;
} rebuilt;

bool sections_read(uint64_t pa, void *ret, size_t len)
{
	if (!rebuilt.roots)
		return false;
	if (pa >= rebuilt.roots_pa && len <= rebuilt.roots_size &&
	    pa - rebuilt.roots_pa <= rebuilt.roots_size - len)
		memcpy(ret, rebuilt.roots + (pa - rebuilt.roots_pa), len);
	else if (pa >= ROOTS_PA && len <= rebuilt.entries_size &&
		 pa - ROOTS_PA <= rebuilt.entries_size - len)
		memcpy(ret, rebuilt.entries + (pa - ROOTS_PA), len);
	else
		return false;
	return true;
}

static bool table_reads(const struct la_kernel *k, const struct la_sections *s)
{
	const uint64_t size = la_sections_roots(s) * 8;
	unsigned char piece[4096];

	for (uint64_t at = 0; at < size; at += sizeof(piece))
		if (la_read(k, s->roots + at, piece, MIN(sizeof(piece), size - at), NULL) != LA_OK)
			return false;
	return true;
}

static bool build(const struct la_sections *s, const struct la_ram_range *ram, size_t n,
		  size_t map_offset)
{
	const uint64_t nroots = la_sections_roots(s);
	const uint64_t last = (ram[n - 1].end - 1) >> s->size_bits;
	const uint64_t used = last / s->per_root + 1, root_size = s->per_root * s->entry_size;

	if (used > nroots || used * root_size > LIMIT)
		return false;
	rebuilt.roots_size = nroots * 8;
	rebuilt.entries_size = used * root_size;
	rebuilt.roots = calloc(1, rebuilt.roots_size);
	rebuilt.entries = calloc(1, rebuilt.entries_size);
	if (!rebuilt.roots || !rebuilt.entries)
		return false;
	for (uint64_t i = 0; i < used; i++) {
		const uint64_t root = WINDOW + ROOTS_PA + i * root_size;

		memcpy(rebuilt.roots + i * 8, &root, 8);
	}
	for (size_t i = 0; i < n; i++) {
		for (uint64_t nr = ram[i].start >> s->size_bits;
		     nr <= (ram[i].end - 1) >> s->size_bits; nr++) {
			const uint64_t map = s->vmemmap ? s->vmemmap | SECTION_FLAGS : 0;

			memcpy(rebuilt.entries + nr * s->entry_size + map_offset, &map, 8);
		}
	}
	return true;
}

void sections_prepare(void)
{
	struct la_kernel *kernel = session_kernel(NULL);
	const struct la_sections *s = session_sections(NULL);
	struct la_member map;
	uint64_t pa;
	int window;

	if (kernel && s &&
	    kernel->door->member(kernel->door->ctx, "mem_section", "section_mem_map", &map) &&
	    map.offset <= s->entry_size - 8 && la_window(&kernel->mmu, s->roots, &pa, &window) &&
	    kernel->door->nram) {
		if (table_reads(kernel, s)) {
			/* nothing to do */
		} else if (build(s, kernel->door->ram, kernel->door->nram, map.offset)) {
			rebuilt.roots_pa = pa;
			error(WARNING, "lakvm: the table of memory sections at %lx cannot be read; %s\n",
			      (ulong)s->roots,
			      s->vmemmap ? "rebuilt from vmemmap and the RAM of the dump" :
					   "nothing else tells where struct pages are: kmem -p and the like do without");
		} else {
			sections_forget();
		}
	}
}

void sections_forget(void)
{
	free(rebuilt.roots);
	free(rebuilt.entries);
	memset(&rebuilt, 0, sizeof(rebuilt));
}
