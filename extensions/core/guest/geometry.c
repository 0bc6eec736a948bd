// SPDX-License-Identifier: GPL-3.0-or-later
// The shape of a guest's page tables, from all that can tell it.
#include "geometry.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lakvm/guest/ikconfig.h"
#include "lakvm/guest/init.h"
#include "lakvm/guest/vmcoreinfo.h"

const char la_geometry_unknown[] =
	"the layout of this guest's page tables is not known; --machdep page_size=...,levels=... tells it";

/* Windows that every mainline kernel sets (asm/loongarch.h, CSR_DMW0_INIT and CSR_DMW1_INIT). */
#define DMW0_INIT UINT64_C(0x8000000000000001)
#define DMW1_INIT UINT64_C(0x9000000000000011)
#define DMW2_INIT UINT64_C(0xa000000000000021)

/*
 * Kernels since 6.9 or 6.11 also set DMW2, for write-combining. No symbol tells; the boot code
 * that writes the CSR does: csrwr rd, 0x182 (asm/stackframe.h, SETUP_DMWINS).
 */
static bool kernel_sets_dmw2(const struct la_kernel *k)
{
	uint64_t va;
	uint32_t insn;

	if (!k->door->symbol(k->door->ctx, "smpboot_entry", &va) &&
	    !k->door->symbol(k->door->ctx, "kernel_entry", &va))
		return false;
	for (unsigned i = 0; i < 48; i++) {
		if (la_read_u32(k, va + i * 4, &insn, NULL) != LA_OK)
			return false;
		if ((insn & ~UINT32_C(0x1f)) == (0x04000000u | 0x182u << 10 | 1u << 5))
			return true;
	}
	return false;
}

void la_geometry_windows(struct la_kernel *k)
{
	k->mmu.dmw[0] = DMW0_INIT;
	k->mmu.dmw[1] = DMW1_INIT;
	if (kernel_sets_dmw2(k))
		k->mmu.dmw[2] = DMW2_INIT;
}

static void add(struct la_kernel *k, const char *name, unsigned page_shift, unsigned levels)
{
	if ((page_shift || levels) && k->nwitnesses < LA_MAX_WITNESSES)
		k->witness[k->nwitnesses++] = (struct la_witness){ name, page_shift, levels };
}

static unsigned shift_of(uint64_t size)
{
	return size && !(size & (size - 1)) && size <= 65536 ? (unsigned)__builtin_ctzll(size) : 0;
}

static void ask_symbols(struct la_kernel *k)
{
	static const char *const invalid[LA_MAX_LEVELS] = { NULL, "invalid_pte_table",
							    "invalid_pmd_table",
							    "invalid_pud_table" };
	const struct la_door *door = k->door;
	unsigned levels = 0;
	uint64_t size = 0;

	/* Each level but the last has its empty table, and folded levels have none (mm/init.c). */
	for (unsigned i = 1; i < LA_MAX_LEVELS; i++)
		if (door->symbol(door->ctx, invalid[i], &k->mmu.invalid_table[i]))
			levels = i + 1;
	/* Every table has one page, the symbol table knows how large these are. */
	if (!door->symbol_size(door->ctx, "invalid_pte_table", &size))
		door->symbol_size(door->ctx, "swapper_pg_dir", &size);
	add(k, "vmlinux", shift_of(size), levels);
}

static void ask_configuration(struct la_kernel *k, struct la_arena *arena)
{
	static const struct {
		const char *name;
		unsigned page_shift, levels;
	} choice[] = {
		{ "CONFIG_4KB_3LEVEL", 12, 3 },  { "CONFIG_4KB_4LEVEL", 12, 4 },
		{ "CONFIG_16KB_2LEVEL", 14, 2 }, { "CONFIG_16KB_3LEVEL", 14, 3 },
		{ "CONFIG_64KB_2LEVEL", 16, 2 }, { "CONFIG_64KB_3LEVEL", 16, 3 },
	};
	const char *text;

	if (la_ikconfig_read(k, arena, &text, NULL) != LA_OK)
		return;
	for (size_t i = 0; i < sizeof(choice) / sizeof(choice[0]); i++)
		if (la_ikconfig_enabled(text, choice[i].name))
			add(k, "the kernel's configuration", choice[i].page_shift,
			    choice[i].levels);
}

/* PWCL and PWCH: where each level's index begins in an address, and its bits (manual, 7.5.5, 7.5.6). */
static void ask_walk_controls(struct la_kernel *k, uint64_t pwcl, uint64_t pwch)
{
	const unsigned page_shift = pwcl & 31, width = pwcl >> 5 & 31;
	const unsigned dir_width[] = { pwcl >> 15 & 31, pwcl >> 25 & 31, pwch >> 6 & 63,
				       pwch >> 18 & 63 };
	unsigned levels = 1;

	for (size_t i = 0; i < sizeof(dir_width) / sizeof(dir_width[0]); i++)
		levels += dir_width[i] != 0;
	if (width == page_shift - 3)
		add(k, "PWCL and PWCH", page_shift, levels);
}

static void __attribute__((format(printf, 2, 3))) remark(struct la_kernel *k, const char *fmt, ...)
{
	const size_t used = strlen(k->geometry_remark);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(k->geometry_remark + used, sizeof(k->geometry_remark) - used, fmt, ap);
	va_end(ap);
}

/* The first that says anything is believed, and who says otherwise is named. */
static enum la_status decide(struct la_kernel *k, struct la_error *err)
{
	const struct la_witness *size = NULL, *levels = NULL;

	k->geometry_remark[0] = '\0';
	memset(&k->mmu.geometry, 0, sizeof(k->mmu.geometry));
	for (size_t i = 0; i < k->nwitnesses; i++) {
		const struct la_witness *w = &k->witness[i];
		const char *semicolon = k->geometry_remark[0] ? "; " : "";

		if (!size && w->page_shift)
			size = w;
		if (!levels && w->levels)
			levels = w;
		if (size && w->page_shift && w->page_shift != size->page_shift) {
			remark(k, "%s%s says pages of %u bytes, but %s says %u", semicolon,
			       size->name, 1u << size->page_shift, w->name, 1u << w->page_shift);
			semicolon = "; ";
		}
		if (levels && w->levels && w->levels != levels->levels)
			remark(k, "%s%s says %u levels of page tables, but %s says %u", semicolon,
			       levels->name, levels->levels, w->name, w->levels);
	}
	if (!size || !levels)
		return la_fail(err, LA_UNSUPPORTED,
			       "nothing tells how this kernel's page tables are made");
	return la_geometry_init(&k->mmu.geometry, size->page_shift, levels->levels, err);
}

/* How many bits addresses have: cpu_probe_addrbits() of kernel/cpu-probe.c, which keeps one less. */
static void find_widths(struct la_kernel *k)
{
	const struct la_overrides *o = k->door->overrides;
	struct la_mmu *mmu = &k->mmu;
	uint64_t cpu, bits;

	if (la_read_variable(k, "vm_map_base", 8, &mmu->vm_map_base, NULL) != LA_OK ||
	    mmu->vm_map_base >> 60 != 0xf)
		mmu->vm_map_base = 0;
	/* A damaged one would make addresses of any width. */
	bits = mmu->vm_map_base ? (unsigned)__builtin_ctzll(mmu->vm_map_base) + 1u : 0;
	if (bits > LA_VIRT_BITS_MAX)
		mmu->vm_map_base = 0;
	else if (bits >= LA_VIRT_BITS_MIN && !(-mmu->vm_map_base & (-mmu->vm_map_base - 1)))
		mmu->virt_bits = (unsigned)bits;
	if (k->door->symbol(k->door->ctx, "cpu_data", &cpu) &&
	    la_read_member(k, cpu, "cpuinfo_loongarch", "pabits", &bits, NULL) == LA_OK &&
	    bits >= 31 && bits <= 47)
		mmu->phys_bits = (unsigned)bits + 1;
	if (o && o->virt_bits)
		mmu->virt_bits = o->virt_bits;
	if (o && o->phys_bits)
		mmu->phys_bits = o->phys_bits;
}

enum la_status la_geometry_find(struct la_kernel *k, struct la_arena *arena, struct la_error *err)
{
	const struct la_overrides *o = k->door->overrides;
	enum la_status status;
	uint64_t size;

	if (o)
		add(k, "an option", o->page_shift, o->levels);
	ask_symbols(k);
	if (la_vmcoreinfo_number(k->vmcoreinfo, k->vmcoreinfo_len, "PAGESIZE", false, &size))
		add(k, "VMCOREINFO", shift_of(size), 0);
	ask_configuration(k, arena);
	find_widths(k);
	if (!k->door->symbol(k->door->ctx, "swapper_pg_dir", &k->mmu.kernel_pgd))
		return la_fail(err, LA_ABSENT, "vmlinux has no swapper_pg_dir");
	status = decide(k, err);
	return status == LA_OK ? LA_OK : la_fail(err, status, "page-table layout of this kernel");
}

void la_kernel_use_registers(struct la_kernel *k, const struct la_vcpu_regs *text, size_t n)
{
	const bool by_option = k->nwitnesses && !strcmp(k->witness[0].name, "an option");
	struct la_witness before[LA_MAX_WITNESSES];
	size_t nbefore = k->nwitnesses;

	memcpy(before, k->witness, sizeof(before));
	for (size_t i = 0; i < n; i++) {
		const struct la_regs *r = &text[i].regs;
		uint64_t pgdh, pwcl, pwch;

		/* A vCPU that is in firmware, or was never started, has others, or none. */
		if (!la_csr_get(r, LA_CSR_PGDH, &pgdh) || !k->mmu.kernel_pgd ||
		    pgdh != k->mmu.kernel_pgd)
			continue;
		for (unsigned j = 0; j < LA_NDMW; j++)
			la_csr_get(r, LA_CSR_DMW0 + j, &k->mmu.dmw[j]);
		if (!la_csr_get(r, LA_CSR_PWCL, &pwcl) || !la_csr_get(r, LA_CSR_PWCH, &pwch))
			return;
		k->nwitnesses = by_option;
		ask_walk_controls(k, pwcl, pwch);
		for (size_t j = by_option; j < nbefore; j++)
			add(k, before[j].name, before[j].page_shift, before[j].levels);
		decide(k, NULL);
		return;
	}
}
