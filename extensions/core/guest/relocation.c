// SPDX-License-Identifier: GPL-3.0-or-later
// The kernel's offset, by ways that do not depend on each other. An offset is a candidate where
// any way finds it; candidates at which the dump has another text than vmlinux's linux_banner
// are dropped.
#include "lakvm/guest/relocation.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "dump/notes.h"
#include "isa/insn.h"
#include "lakvm/isa/loongarch.h"
#include "lakvm/guest/mmu.h"
#include "lakvm/guest/vmcoreinfo.h"

/* CONFIG_RANDOMIZE_BASE_MAX_OFFSET is 256 MiB at most (arch/loongarch/Kconfig). */
#define MAX_RANDOM UINT64_C(0x10000000)
#define MAX_CANDIDATES 16

/* Ways that hold only where the kernel runs. */
#define MEMORY                                                                                     \
	(1u << LA_RELOCATION_VMCOREINFO | 1u << LA_RELOCATION_SELF | 1u << LA_RELOCATION_EENTRY)
#define PROOFS (MEMORY | 1u << LA_RELOCATION_CSR_PGDH | 1u << LA_RELOCATION_CSR_EENTRY)

enum banner { BANNER_SAME, BANNER_UNREADABLE, BANNER_OTHER };

struct candidate {
	uint64_t offset;
	unsigned ways; /* bits */
	enum banner banner;
};

struct finder {
	const struct la_door *door;
	const struct la_ram_range *ram;
	size_t nram;
	struct la_arena *arena;
	char banner[256]; /* as vmlinux has it */
	size_t banner_len;
	uint64_t banner_at, self, eentry,
		handlers; /* link addresses; 0: vmlinux has no such symbol */
	struct candidate candidate[MAX_CANDIDATES];
	size_t n;
};

const char *la_relocation_way_name(enum la_relocation_way way)
{
	static const char *const name[] = { "vmcoreinfo", "reloc_offset", "eentry", "csr-pgdh",
					    "csr-eentry", "banner",       "returns" };

	return name[way];
}

/* The address of a symbol in the vmlinux file, 0 if it has none. */
static uint64_t link_address(const struct la_door *door, const char *name)
{
	uint64_t address;

	return door->symbol(door->ctx, name, &address) ? address - door->relocation : 0;
}

static enum la_status read_at(const struct finder *f, uint64_t link, uint64_t offset, void *ret,
			      size_t len)
{
	/* The image lies in the cached window always, never in page tables (head.S). */
	return f->door->read_phys(f->door->ctx, (link + offset) & LA_PHYS_MASK, ret, len);
}

static bool u64_at(const struct finder *f, uint64_t link, uint64_t offset, uint64_t *ret)
{
	unsigned char raw[8];

	if (!link || read_at(f, link, offset, raw, sizeof(raw)) != LA_OK)
		return false;
	*ret = la_le64(raw);
	return true;
}

static enum banner compare_banner(const struct finder *f, uint64_t offset)
{
	char here[sizeof(f->banner)];

	/* Its first bytes tell in nearly all cases, and do not cross a page of the dump. */
	if (!f->banner_len || read_at(f, f->banner_at, offset, here, 8) != LA_OK)
		return BANNER_UNREADABLE;
	if (memcmp(here, f->banner, 8))
		return BANNER_OTHER;
	if (read_at(f, f->banner_at, offset, here, f->banner_len) != LA_OK)
		return BANNER_UNREADABLE;
	return memcmp(here, f->banner, f->banner_len) ? BANNER_OTHER : BANNER_SAME;
}

static struct candidate *find_candidate(struct finder *f, uint64_t offset)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->candidate[i].offset == offset)
			return &f->candidate[i];
	return NULL;
}

static void look_at(struct finder *f, uint64_t offset);

/* A way says @offset; what else speaks for that is looked up at once. */
static void found(struct finder *f, uint64_t offset, enum la_relocation_way way)
{
	struct candidate *c = find_candidate(f, offset);

	if (!c) {
		if (f->n == MAX_CANDIDATES)
			return;
		c = &f->candidate[f->n++];
		*c = (struct candidate){ .offset = offset, .banner = compare_banner(f, offset) };
		if (c->banner == BANNER_SAME)
			c->ways |= 1u << LA_RELOCATION_BANNER;
		c->ways |= 1u << way;
		look_at(f, offset);
		return;
	}
	c->ways |= 1u << way;
}

/* SYMBOL() lines hold run-time addresses. */
static void use_vmcoreinfo(struct finder *f, const char *text, size_t len)
{
	static const char *const names[] = { "_stext", "swapper_pg_dir", "init_uts_ns" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const uint64_t link = link_address(f->door, names[i]);
		uint64_t address;
		char key[40];

		snprintf(key, sizeof(key), "SYMBOL(%s)", names[i]);
		if (link && la_vmcoreinfo_number(text, len, key, true, &address))
			found(f, address - link, LA_RELOCATION_VMCOREINFO);
	}
}

/* The VMCOREINFO of a kernel that runs at @offset, through its pointer to it. */
static void use_vmcoreinfo_of(struct finder *f, uint64_t offset)
{
	uint64_t data, size;
	char *text;

	if (!u64_at(f, link_address(f->door, "vmcoreinfo_data"), offset, &data) ||
	    !u64_at(f, link_address(f->door, "vmcoreinfo_size"), offset, &size) || !data || !size ||
	    size > LA_VMCOREINFO_MAX || data >> 60 != LA_CACHED_WINDOW)
		return;
	text = la_alloc(f->arena, size + 1);
	if (text && f->door->read_phys(f->door->ctx, data & LA_PHYS_MASK, text, size) == LA_OK)
		use_vmcoreinfo(f, text, size);
}

/* What the kernel's variables say of themselves if it runs at @offset. */
static void look_at(struct finder *f, uint64_t offset)
{
	uint64_t value;

	if (compare_banner(f, offset) == BANNER_OTHER)
		return;
	/*
	 * A page that was cleared also holds 0. The copy left behind holds the offset of the other
	 * one or, from before it was made, 0.
	 */
	if (offset && u64_at(f, f->self, offset, &value) && value == offset)
		found(f, offset, LA_RELOCATION_SELF);
	if (f->handlers && u64_at(f, f->eentry, offset, &value) && value == f->handlers + offset)
		found(f, offset, LA_RELOCATION_EENTRY);
	if (find_candidate(f, offset))
		use_vmcoreinfo_of(f, offset);
}

static void try_offset(struct finder *f, uint64_t offset)
{
	if (find_candidate(f, offset))
		return;
	if (compare_banner(f, offset) == BANNER_SAME)
		found(f, offset, LA_RELOCATION_BANNER);
	else
		look_at(f, offset);
}

/* --- return addresses of vCPUs --- */

static uint64_t return_address(const struct la_vcpu_regs *note)
{
	uint64_t ra;

	return la_gpr_get(&note->regs, LA_R_RA, &ra) && ra >> 60 == LA_CACHED_WINDOW ? ra : 0;
}

static bool behind_call(const struct finder *f, uint64_t ra, uint64_t offset)
{
	unsigned char raw[4];
	uint64_t target;

	/* The file's bytes: those in memory would be there for any offset. */
	return f->door->file_bytes(f->door->ctx, ra - 4 - offset + f->door->relocation, raw,
				   sizeof(raw)) == sizeof(raw) &&
	       la_insn_is_call(la_le32(raw), ra - 4, &target);
}

/* Offsets that would put the vCPUs' return addresses into the kernel's text. */
static void try_returns(struct finder *f, const struct la_vcpu_regs *note, size_t n)
{
	const uint64_t start = link_address(f->door, "_stext"),
		       end = link_address(f->door, "_etext");
	uint64_t last = 0;

	if (!start || end <= start || end - start > MAX_RANDOM)
		return;
	for (size_t i = 0; i < n; i++) {
		const uint64_t ra = return_address(&note[i]);

		/* vCPUs are in one text: the offsets of another one's return address are the same. */
		if (!ra || (last && ra - last + MAX_RANDOM < 2 * MAX_RANDOM))
			continue;
		last = ra;
		for (uint64_t text = start & ~(LA_RELOCATION_STEP - 1); text < end;
		     text += LA_RELOCATION_STEP)
			try_offset(f, (ra - text) & ~(LA_RELOCATION_STEP - 1));
	}
}

static void confirm_returns(struct finder *f, struct candidate *c, const struct la_vcpu_regs *note,
			    size_t n)
{
	const uint64_t start = link_address(f->door, "_stext"),
		       end = link_address(f->door, "_etext");
	unsigned inside = 0, behind = 0;

	for (size_t i = 0; i < n; i++) {
		const uint64_t ra = return_address(&note[i]);

		if (!ra || ra - c->offset < start || ra - c->offset >= end)
			continue;
		inside++;
		behind += behind_call(f, ra, c->offset);
	}
	if (inside && inside == behind)
		c->ways |= 1u << LA_RELOCATION_RETURNS;
}

/* --- the search --- */

static void use_register_text(struct finder *f, const struct la_vcpu_regs *text, size_t n)
{
	const uint64_t pgd = link_address(f->door, "swapper_pg_dir");
	uint64_t value;

	for (size_t i = 0; i < n; i++) {
		if (pgd && la_csr_get(&text[i].regs, LA_CSR_PGDH, &value) &&
		    value >> 60 == LA_CACHED_WINDOW)
			found(f, value - pgd, LA_RELOCATION_CSR_PGDH);
		/* Other CPUs have copies of the handlers (kernel/traps.c, pcpu_handlers). */
		if (f->handlers && text[i].pid == 1 &&
		    la_csr_get(&text[i].regs, LA_CSR_EENTRY, &value) &&
		    value >> 60 == LA_CACHED_WINDOW)
			found(f, value - f->handlers, LA_RELOCATION_CSR_EENTRY);
	}
}

static bool any_proof(const struct finder *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->candidate[i].ways & PROOFS && f->candidate[i].banner != BANNER_OTHER)
			return true;
	return false;
}

static void search(struct finder *f, const struct la_vcpu_regs *saved, size_t nsaved)
{
	struct la_vcpu_regs *note = NULL;
	const char *text;
	size_t n = 0, len;

	if (f->door->notes) {
		text = la_notes_vmcoreinfo(f->door->notes, f->door->notes_size, &len);
		if (text)
			use_vmcoreinfo(f, text, len);
		la_notes_regs(f->arena, f->door->notes, f->door->notes_size, &note, &n, NULL);
	}
	try_returns(f, note, n);
	/* Without randomness it may also have been loaded somewhere else, by the EFI stub (7.1). */
	for (uint64_t x = 0; x <= MAX_RANDOM; x += LA_RELOCATION_STEP)
		try_offset(f, x);
	if (!any_proof(f) && f->banner_at)
		for (size_t i = 0; i < f->nram; i++) {
			const uint64_t low = f->banner_at & (LA_RELOCATION_STEP - 1);
			const uint64_t base = f->banner_at & LA_PHYS_MASK;

			for (uint64_t pa = (f->ram[i].start & ~(LA_RELOCATION_STEP - 1)) + low;
			     pa < f->ram[i].end; pa += LA_RELOCATION_STEP)
				if (pa >= f->ram[i].start)
					try_offset(f, pa - base);
		}
	/* The text is of the dump's moment, or of one near it; without a dump it is all there is. */
	for (size_t i = 0; i < f->n; i++)
		confirm_returns(f, &f->candidate[i], n ? note : saved, n ? n : nsaved);
}

static void list_findings(const struct finder *f, struct la_relocation *ret)
{
	for (size_t i = 0; i < f->n; i++)
		for (unsigned way = 0; way < LA_RELOCATION_NWAYS; way++) {
			if (!(f->candidate[i].ways & 1u << way) ||
			    ret->n == sizeof(ret->finding) / sizeof(ret->finding[0]))
				continue;
			ret->finding[ret->n].way = way;
			ret->finding[ret->n++].offset = f->candidate[i].offset;
		}
}

/* A candidate that any of the @wanted ways found; *@n: how many there are. */
static const struct candidate *only_one(const struct finder *f, unsigned wanted, bool with_zero,
					size_t *n)
{
	const struct candidate *one = NULL;

	*n = 0;
	for (size_t i = 0; i < f->n; i++) {
		const struct candidate *c = &f->candidate[i];

		if (!(c->ways & wanted) || c->banner == BANNER_OTHER || (!c->offset && !with_zero))
			continue;
		one = c;
		++*n;
	}
	return one;
}

static enum la_status decide(struct finder *f, struct la_relocation *ret)
{
	const unsigned banner = 1u << LA_RELOCATION_BANNER;
	const struct candidate *one;
	size_t n;

	one = only_one(f, PROOFS, true, &n);
	if (n > 1) {
		snprintf(ret->remark, sizeof(ret->remark),
			 "%zu ways to find the kernel's offset disagree: the dump or vmlinux is damaged, or of another kernel",
			 n);
		return LA_CORRUPT;
	}
	ret->proved = one != NULL;
	if (!one) {
		/* At the link address lies the kernel, or the copy that it left behind. */
		one = only_one(f, banner, false, &n);
		if (!n)
			one = only_one(f, banner, true, &n);
		if (n > 1) {
			snprintf(ret->remark, sizeof(ret->remark),
				 "the kernel's banner is in memory at %zu places, and nothing tells which one runs",
				 n);
			return LA_CORRUPT;
		}
		if (one)
			snprintf(
				ret->remark, sizeof(ret->remark),
				"only its banner text says so: the guest stopped before it had set up more");
	}
	if (!one) {
		snprintf(
			ret->remark, sizeof(ret->remark),
			f->n ? "the dump is not of this vmlinux: where its addresses point, the banner is another" :
			       "nothing in the dump fits this vmlinux: another kernel, or a damaged dump");
		return LA_ABSENT;
	}
	if (one->offset % LA_RELOCATION_STEP) {
		snprintf(ret->remark, sizeof(ret->remark),
			 "vmlinux does not fit: the kernel would have moved by %#" PRIx64
			 ", which is no multiple of %#" PRIx64,
			 one->offset, LA_RELOCATION_STEP);
		ret->proved = false;
		return LA_ABSENT;
	}
	/* exception_handlers is aligned to 64 KiB in every kernel: any vmlinux fits that much. */
	if (ret->proved && !(one->ways & MEMORY) && one->banner != BANNER_SAME) {
		ret->proved = false;
		if (!(one->ways & 1u << LA_RELOCATION_RETURNS)) {
			snprintf(
				ret->remark, sizeof(ret->remark),
				"the registers are of another kernel than vmlinux: their return addresses lie behind no calls of it");
			return LA_ABSENT;
		}
		snprintf(ret->remark, sizeof(ret->remark), "only the registers say so");
	}
	ret->known = true;
	ret->offset = one->offset;
	return LA_OK;
}

enum la_status la_relocation_find(const struct la_door *door, const struct la_ram_range *ram,
				  size_t nram, const struct la_vcpu_regs *text, size_t ntext,
				  struct la_arena *arena, struct la_relocation *ret,
				  struct la_error *err)
{
	struct finder f = { .door = door, .ram = ram, .nram = nram, .arena = arena };
	enum la_status status;

	*ret = (struct la_relocation){ 0 };
	f.banner_at = link_address(door, "linux_banner");
	f.self = link_address(door, "reloc_offset");
	f.eentry = link_address(door, "eentry");
	f.handlers = link_address(door, "exception_handlers");
	if (f.banner_at && door->file_bytes)
		f.banner_len = strnlen(f.banner,
				       door->file_bytes(door->ctx, f.banner_at + door->relocation,
							f.banner, sizeof(f.banner) - 1));
	if (f.banner_len < 8)
		return la_fail(err, LA_ABSENT, "vmlinux has no linux_banner");
	use_register_text(&f, text, ntext);
	search(&f, text, ntext);
	list_findings(&f, ret);
	status = decide(&f, ret);
	return status == LA_OK ? status : la_fail(err, status, "%s", ret->remark);
}
