// SPDX-License-Identifier: GPL-3.0-or-later
// kvtop, uvtop and translate_pte of crash, answered by the core's translation and printed in
// crash's form, for vtop, pte and every readmem of a virtual address.
#include "crash.h"
#include "glue.h"

#include "lakvm/guest/mmu.h"

static void print_leaf(const struct la_geometry *g, unsigned level, ulong entry)
{
	char flags[160], entry_text[32], pa_text[32], head[80];
	int width_entry, width_pa;

	la_pte_flags(entry, level > 0, flags, sizeof(flags));
	sprintf(entry_text, "%lx", entry);
	sprintf(pa_text, "%llx", (ulonglong)la_pte_pa(g, level, entry));
	width_entry = (int)MAX(strlen(entry_text), strlen("PTE"));
	width_pa = (int)MAX(strlen(pa_text), strlen("PHYSICAL"));

	fprintf(fp, "%s  ",
		mkstring(head, width_entry, CENTER | LJUST, (char *)la_level_name(g, level)));
	fprintf(fp, "%s  FLAGS\n", mkstring(head, width_pa, CENTER | LJUST, "PHYSICAL"));
	fprintf(fp, "%s  ", mkstring(entry_text, width_entry, CENTER | RJUST, NULL));
	fprintf(fp, "%s  (%s)\n", mkstring(pa_text, width_pa, CENTER | RJUST, NULL), flags);
}

/* Where crash names nothing: up to 9.0.1 it takes the file of a swap area for a dentry if there is no old_block_size, which
 * Linux 6.10 took away (1bc542c6a0d1). @ret: BUFSIZE bytes. */
static void name_swap_file(unsigned type, char *ret)
{
	const struct la_kernel *k = session_kernel(NULL);
	uint64_t table, area, file;
	char device[BUFSIZE];
	ulong mount;

	strcpy(ret, "(unknown swap location)");
	if (!k || !k->door->symbol(k->door->ctx, "swap_info", &table) ||
	    la_read_u64(k, table + 8 * type, &area, NULL) != LA_OK ||
	    la_read_member(k, area, "swap_info_struct", "swap_file", &file, NULL) != LA_OK || !file)
		return;
	mount = file_to_vfsmnt(file);
	get_pathname(file_to_dentry(file), ret, BUFSIZE, 1, mount);
	if (STREQ(vfsmount_devname(mount, device, BUFSIZE), "devtmpfs") && !STRNEQ(ret, "/dev/"))
		string_insert("/dev", ret);
}

static void print_swapped(ulong entry)
{
	char where[BUFSIZE], name[BUFSIZE] = "";

	/* Bit 23 marks exclusive swap entries since 6.3 (asm/pgtable-bits.h); crash counts it as part
	 * of the type. Before, the type had 8 bits, but no guest has 128 swap areas. */
	if (!swap_location(entry & ~(1UL << 23), where))
		strcpy(where, "(swap entry, no swap area known)");
	else if (*where == ' ')
		name_swap_file(entry >> 16 & 0x7f, name);
	fprintf(fp, "      PTE: %016lx\n     SWAP: %s%s\n", entry, name, where);
}

/* What vtop itself does not say: that the address has a better name, or leads nowhere. */
static void print_notes(const struct la_translation *t)
{
	char why[200];

	if (t->ignored)
		fprintf(fp, "   NOTE: the CPU does not look at the bits %llx of this address\n\n",
			(ulonglong)t->ignored);
	if (reader_explain(t->pa, why, sizeof(why)) != LA_OK)
		fprintf(fp, "   NOTE: %s\n\n", why);
}

static void print_walk(const struct la_kernel *k, ulong pgd, ulong va,
		       const struct la_translation *t, enum la_status status,
		       const struct la_error *err)
{
	const struct la_geometry *g = &k->mmu.geometry;

	fprintf(fp, "SEGMENT: %s\n", la_segment_name(la_segment_of(va)));
	if (t->window >= 0) {
		fprintf(fp, " WINDOW: DMW%d %016llx\n\n", t->window,
			(ulonglong)k->mmu.dmw[t->window]);
		return;
	}
	fprintf(fp, "PAGE DIRECTORY: %016lx\n", pgd);
	for (unsigned i = 0; i < t->nsteps; i++)
		fprintf(fp, "  %s: %016llx => %016llx\n", la_level_name(g, t->step[i].level),
			(ulonglong)t->step[i].entry_pa, (ulonglong)t->step[i].entry);
	if (status == LA_OK) {
		const unsigned kib = t->page_shift - 10;

		fprintf(fp, " PAGE: %016llx", (ulonglong)(t->pa & ~((1ULL << t->page_shift) - 1)));
		if (t->page_shift > g->page_shift)
			fprintf(fp, "  (%lluMB)", 1ULL << (kib - 10));
		fprintf(fp, "\n\n");
		print_leaf(g, t->step[t->nsteps - 1].level, t->leaf);
	} else if (t->swapped) {
		fprintf(fp, "\n");
		print_swapped(t->step[t->nsteps - 1].entry);
	} else {
		fprintf(fp, "  not mapped: %s\n", err->text);
	}
}

static int translate(ulong pgd, ulong va, physaddr_t *paddr, int verbose)
{
	struct la_kernel *kernel = session_kernel(NULL);
	struct la_translation t;
	struct la_error err = { "" };
	enum la_status status;

	if (!kernel)
		return FALSE;
	status = la_translate(kernel->door, &kernel->mmu, pgd, va, &t, &err);
	if (verbose)
		print_walk(kernel, pgd, va, &t, status, &err);
	if (verbose && status == LA_OK)
		print_notes(&t);
	if (status == LA_OK)
		*paddr = t.pa;
	else
		read_reason_note(err.text);
	return status == LA_OK;
}

static int kvtop_hook(struct task_context *tc, ulong va, physaddr_t *paddr, int verbose)
{
	struct la_kernel *kernel = session_kernel(NULL);

	(void)tc;
	/* Kernel addresses are the same for all: the user tables only copy that half. */
	return kernel && IS_KVADDR(va) ? translate(kernel->mmu.kernel_pgd, va, paddr, verbose) :
					 FALSE;
}

void translate_user_tables(const struct la_kernel *kernel, const struct task_context *tc,
			   struct la_user_tables *ret)
{
	/* A kernel thread runs on the tables of the task before it (active_mm); they are not its own. */
	const uint64_t mm = tc ? tc->mm_struct : 0;

	la_user_tables_find(kernel, mm, mm ? session_registers(tc->task) : NULL, ret);
}

static int uvtop_hook(struct task_context *tc, ulong va, physaddr_t *paddr, int verbose)
{
	struct la_kernel *kernel = session_kernel(NULL);
	struct la_user_tables tables;

	*paddr = 0;
	if (!tc)
		error(FATAL, "current context invalid\n");
	if (!kernel)
		return FALSE;
	translate_user_tables(kernel, tc, &tables);
	if (!tables.pgd && tables.remark[0]) {
		if (verbose)
			fprintf(fp, "no page tables: %s\n", tables.remark);
		read_reason_note(tables.remark);
		return FALSE;
	}
	if (verbose && tables.remark[0])
		fprintf(fp, "   NOTE: %s\n\n", tables.remark);
	return translate(tables.pgd, va, paddr, verbose);
}

/*
 * A bare value does not tell its level: bit 6 means a huge entry of a directory, or a global one of a page
 * table. HGLOBAL (bit 12) lies below the page frame number of 16K and 64K pages, so with it a value can only
 * be huge; a value that is an address between two huge pages can only be none.
 */
static void levels_of(const struct la_geometry *g, ulong entry, bool *small_ret, bool *huge_ret)
{
	const ulong below = LA_PHYS_MASK & ((1UL << g->shift[1]) - 1) & ~(0xfffUL | LA_PTE_HGLOBAL);

	*huge_ret = entry & LA_PTE_HUGE && !(entry & below);
	*small_ret = !*huge_ret || g->page_shift == 12 || !(entry & LA_PTE_HGLOBAL);
}

static int translate_pte_hook(ulong entry, void *physaddr, ulonglong unused)
{
	struct la_kernel *kernel = session_kernel(NULL);
	const struct la_geometry *g;
	bool small, huge;

	(void)unused;
	if (!kernel || !kernel->mmu.geometry.levels)
		return FALSE;
	g = &kernel->mmu.geometry;
	levels_of(g, entry, &small, &huge);
	if (physaddr) {
		*(ulong *)physaddr = la_pte_pa(g, small ? 0 : 1, entry);
		return la_pte_present(entry);
	}
	if (la_pte_present(entry)) {
		if (small)
			print_leaf(g, 0, entry);
		if (huge)
			print_leaf(g, 1, entry);
	} else if (!(entry & ~LA_PTE_GLOBAL))
		fprintf(fp, "%lx: no mapping\n", entry);
	else
		print_swapped(entry);
	return la_pte_present(entry);
}

void translate_install(void)
{
	REPAIR("kernel address translation", machdep->kvtop, kvtop_hook);
	REPAIR("user address translation", machdep->uvtop, uvtop_hook);
	REPAIR("page-table entry printing", machdep->translate_pte, translate_pte_hook);
}
