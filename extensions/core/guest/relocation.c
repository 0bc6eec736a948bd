// SPDX-License-Identifier: GPL-3.0-or-later
// The kernel's offset, by ways that do not depend on each other. An offset is a candidate where
// any way finds it; candidates at which the dump has another text than vmlinux's linux_banner
// are dropped.
#include "relocation_find.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "dump/notes.h"
#include "isa/insn.h"
#include "lakvm/isa/loongarch.h"
#include "lakvm/guest/mmu.h"
#include "lakvm/guest/vmcoreinfo.h"

const char *la_relocation_way_name(enum la_relocation_way way)
{
	static const char *const name[] = { "vmcoreinfo", "reloc_offset", "eentry", "csr-pgdh",
					    "csr-eentry", "banner",       "returns" };

	return name[way];
}

/* The address of a symbol in the vmlinux file, 0 if it has none. */
uint64_t la_link_address(const struct la_door *door, const char *name)
{
	uint64_t address;

	return door->symbol(door->ctx, name, &address) ? address - door->relocation : 0;
}

enum la_status la_finder_read(const struct la_finder *f, uint64_t link, uint64_t offset, void *ret,
			      size_t len)
{
	/* The image lies in the cached window always, never in page tables (head.S). */
	return f->door->read_phys(f->door->ctx, (link + offset) & LA_PHYS_MASK, ret, len);
}

bool la_finder_u64(const struct la_finder *f, uint64_t link, uint64_t offset, uint64_t *ret)
{
	unsigned char raw[8];

	if (!link || la_finder_read(f, link, offset, raw, sizeof(raw)) != LA_OK)
		return false;
	*ret = la_le64(raw);
	return true;
}

/*
 * What a look at one place costs: a page is unpacked, or comes from the disk, 10 to 200 microseconds; what is
 * left out or no RAM costs hardly anything. The EFI stub takes the lowest memory that is free.
 */
#define COST_MISS 1
#define COST_READ 64
#define MAX_COST (UINT64_C(1) << 23)

static enum la_banner compare_banner(struct la_finder *f, uint64_t offset)
{
	char here[sizeof(f->banner)];

	f->cost += COST_MISS;
	/* Its first bytes tell in nearly all cases, and do not cross a page of the dump. */
	if (!f->banner_len || la_finder_read(f, f->banner_at, offset, here, 8) != LA_OK)
		return LA_BANNER_UNREADABLE;
	f->cost += COST_READ;
	if (memcmp(here, f->banner, 8))
		return LA_BANNER_OTHER;
	if (la_finder_read(f, f->banner_at, offset, here, f->banner_len) != LA_OK)
		return LA_BANNER_UNREADABLE;
	return memcmp(here, f->banner, f->banner_len) ? LA_BANNER_OTHER : LA_BANNER_SAME;
}

static struct la_candidate *find_candidate(struct la_finder *f, uint64_t offset)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->candidate[i].offset == offset)
			return &f->candidate[i];
	return NULL;
}

static void look_at(struct la_finder *f, uint64_t offset, enum la_banner banner);

/* A way says @offset; what else speaks for that is looked up at once. */
static void found(struct la_finder *f, uint64_t offset, enum la_relocation_way way)
{
	struct la_candidate *c = find_candidate(f, offset);

	if (!c) {
		if (f->n == LA_MAX_CANDIDATES) {
			f->full = true;
			return;
		}
		c = &f->candidate[f->n++];
		*c = (struct la_candidate){ .offset = offset, .banner = compare_banner(f, offset) };
		if (c->banner == LA_BANNER_SAME)
			c->ways |= LA_WAY(BANNER);
		c->ways |= 1u << way;
		look_at(f, offset, c->banner);
		return;
	}
	c->ways |= 1u << way;
}

/* SYMBOL() lines hold run-time addresses. */
static void use_vmcoreinfo(struct la_finder *f, const char *text, size_t len)
{
	static const char *const names[] = { "_stext", "swapper_pg_dir", "init_uts_ns" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const uint64_t link = la_link_address(f->door, names[i]);
		uint64_t address;
		char key[40];

		snprintf(key, sizeof(key), "SYMBOL(%s)", names[i]);
		if (link && la_vmcoreinfo_number(text, len, key, true, &address))
			found(f, address - link, LA_RELOCATION_VMCOREINFO);
	}
}

/* The VMCOREINFO of a kernel that runs at @offset, through its pointer to it. */
static void use_vmcoreinfo_of(struct la_finder *f, uint64_t offset)
{
	uint64_t data, size;
	char *text;

	if (!la_finder_u64(f, la_link_address(f->door, "vmcoreinfo_data"), offset, &data) ||
	    !la_finder_u64(f, la_link_address(f->door, "vmcoreinfo_size"), offset, &size) ||
	    !data || !size || size > LA_VMCOREINFO_MAX || data >> 60 != LA_CACHED_WINDOW)
		return;
	text = la_alloc(f->arena, size + 1);
	if (text && f->door->read_phys(f->door->ctx, data & LA_PHYS_MASK, text, size) == LA_OK)
		use_vmcoreinfo(f, text, size);
}

/* What the kernel's variables say of themselves if it runs at @offset. */
static void look_at(struct la_finder *f, uint64_t offset, enum la_banner banner)
{
	uint64_t value;

	if (banner == LA_BANNER_OTHER)
		return;
	/*
	 * A page that was cleared also holds 0. The copy left behind holds the offset of the other
	 * one or, from before it was made, 0.
	 */
	if (offset && la_finder_u64(f, f->self, offset, &value) && value == offset)
		found(f, offset, LA_RELOCATION_SELF);
	if (f->handlers && la_finder_u64(f, f->eentry, offset, &value) &&
	    value == f->handlers + offset)
		found(f, offset, LA_RELOCATION_EENTRY);
	if (find_candidate(f, offset))
		use_vmcoreinfo_of(f, offset);
}

static void try_offset(struct la_finder *f, uint64_t offset)
{
	enum la_banner banner;

	if (find_candidate(f, offset))
		return;
	banner = compare_banner(f, offset);
	if (banner == LA_BANNER_SAME)
		found(f, offset, LA_RELOCATION_BANNER);
	else
		look_at(f, offset, banner);
}

/* --- return addresses of vCPUs --- */

static uint64_t return_address(const struct la_vcpu_regs *note)
{
	uint64_t ra;

	return la_gpr_get(&note->regs, LA_R_RA, &ra) && ra >> 60 == LA_CACHED_WINDOW ? ra : 0;
}

static bool behind_call(const struct la_finder *f, uint64_t ra, uint64_t offset)
{
	unsigned char raw[4];
	uint64_t target;

	/* The file's bytes: those in memory would be there for any offset. */
	return f->door->file_bytes(f->door->ctx, ra - 4 - offset + f->door->relocation, raw,
				   sizeof(raw)) == sizeof(raw) &&
	       la_insn_is_call(la_le32(raw), ra - 4, &target);
}

/* Offsets that would put the vCPUs' return addresses into the kernel's text. */
static void try_returns(struct la_finder *f, const struct la_vcpu_regs *note, size_t n)
{
	const uint64_t start = la_link_address(f->door, "_stext"),
		       end = la_link_address(f->door, "_etext");
	uint64_t last = 0;

	if (!start || end <= start || end - start > LA_MAX_RANDOM)
		return;
	for (size_t i = 0; i < n; i++) {
		const uint64_t ra = return_address(&note[i]);

		/* vCPUs are in one text: the offsets of another one's return address are the same. */
		if (!ra || (last && ra - last + LA_MAX_RANDOM < 2 * LA_MAX_RANDOM))
			continue;
		last = ra;
		for (uint64_t text = start & ~(LA_RELOCATION_STEP - 1); text < end;
		     text += LA_RELOCATION_STEP)
			try_offset(f, (ra - text) & ~(LA_RELOCATION_STEP - 1));
	}
}

static bool in_text(const struct la_finder *f, uint64_t ra, uint64_t offset)
{
	const uint64_t start = la_link_address(f->door, "_stext"),
		       end = la_link_address(f->door, "_etext");

	return start && ra - offset >= start && ra - offset < end;
}

/* Where a kernel that gives the machine to its crash kernel leaves a CPU (kernel/machine_kexec.c). */
static bool parked(const struct la_finder *f, uint64_t ra, uint64_t offset)
{
	static const char *const names[] = { "crash_shutdown_secondary",
					     "kexec_shutdown_secondary",
					     "kexec_reboot",
					     "machine_kexec",
					     "crash_kexec",
					     "__crash_kexec" };
	struct la_symbol symbol;

	if (!in_text(f, ra, offset) ||
	    !f->door->symbol_at(f->door->ctx, ra - 4 - offset + f->door->relocation, &symbol))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(symbol.name, names[i]))
			return true;
	return false;
}

/*
 * On a stack in what the kernel at @offset keeps for its crash kernel: of the latter, though it may have jumped
 * to code of the former, as an exception early in its life does.
 */
static bool on_crash_stack(const struct la_finder *f, const struct la_vcpu_regs *note,
			   uint64_t offset)
{
	uint64_t sp, start, end;

	return la_gpr_get(&note->regs, LA_R_SP, &sp) && sp >> 60 == LA_CACHED_WINDOW &&
	       la_crash_region(f, offset, &start, &end) && (sp & LA_PHYS_MASK) >= start &&
	       (sp & LA_PHYS_MASK) < end;
}

static void confirm_returns(struct la_finder *f, struct la_candidate *c,
			    const struct la_vcpu_regs *note, size_t n)
{
	unsigned inside = 0, behind = 0;

	for (size_t i = 0; i < n; i++) {
		const uint64_t ra = return_address(&note[i]);
		bool call;

		if (!ra || !in_text(f, ra, c->offset))
			continue;
		call = behind_call(f, ra, c->offset);
		inside++;
		behind += call;
		c->votes[LA_VOTE_RETURN] += call && !parked(f, ra, c->offset) &&
					    !on_crash_stack(f, &note[i], c->offset);
	}
	if (inside && inside == behind)
		c->ways |= LA_WAY(RETURNS);
}

/* --- the search --- */

static void vote(struct la_finder *f, const struct la_vcpu_regs *text, uint64_t offset)
{
	struct la_candidate *c = find_candidate(f, offset);
	const uint64_t ra = return_address(text);

	if (c && !(ra && parked(f, ra, offset)))
		c->votes[LA_VOTE_CSR]++;
}

static void use_register_text(struct la_finder *f, const struct la_vcpu_regs *text, size_t n)
{
	const uint64_t pgd = la_link_address(f->door, "swapper_pg_dir");
	uint64_t value;

	for (size_t i = 0; i < n; i++) {
		if (pgd && la_csr_get(&text[i].regs, LA_CSR_PGDH, &value) &&
		    value >> 60 == LA_CACHED_WINDOW) {
			found(f, value - pgd, LA_RELOCATION_CSR_PGDH);
			vote(f, &text[i], value - pgd);
		}
		/* Other CPUs have copies of the handlers (kernel/traps.c, pcpu_handlers). */
		if (f->handlers && text[i].pid == 1 &&
		    la_csr_get(&text[i].regs, LA_CSR_EENTRY, &value) &&
		    value >> 60 == LA_CACHED_WINDOW)
			found(f, value - f->handlers, LA_RELOCATION_CSR_EENTRY);
	}
}

static bool any_proof(const struct la_finder *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->candidate[i].ways & LA_WAYS_PROOF &&
		    f->candidate[i].banner != LA_BANNER_OTHER)
			return true;
	return false;
}

/* Crash kernels: one that has started lies in what a kernel that was found reserved for it. */
static void try_reserved(struct la_finder *f)
{
	const uint64_t base = f->banner_at & LA_PHYS_MASK;
	uint64_t start, end;

	for (size_t i = 0, n = f->n; i < n; i++) {
		const struct la_candidate c = f->candidate[i];

		if (!(c.ways & LA_WAYS_MEMORY) || c.banner != LA_BANNER_SAME ||
		    !la_crash_region(f, c.offset, &start, &end))
			continue;
		for (uint64_t pa = (start & ~(LA_RELOCATION_STEP - 1)) +
				   (f->banner_at & (LA_RELOCATION_STEP - 1));
		     pa < end; pa += LA_RELOCATION_STEP)
			try_offset(f, pa - base);
	}
}

/* Has it bytes in the dump, as far as they were counted? */
static bool has_bytes(const struct la_ram_range *r)
{
	return r->present || !(r->zero || r->excluded || r->missing);
}

/* All places of one range, as long as it does not cost too much. Returns where it ended. */
static uint64_t search_range(struct la_finder *f, const struct la_ram_range *r, uint64_t before,
			     uint64_t total)
{
	const struct la_relocation_search *where = f->where;
	const uint64_t base = f->banner_at & LA_PHYS_MASK;
	uint64_t pa = (r->start & ~(LA_RELOCATION_STEP - 1)) +
		      (f->banner_at & (LA_RELOCATION_STEP - 1)),
		 told = r->start;

	for (; pa < r->end && f->cost < MAX_COST; pa += LA_RELOCATION_STEP) {
		if (pa >= r->start)
			try_offset(f, pa - base);
		if (!where->progress || pa - told < UINT64_C(1) << 30 || pa < told)
			continue;
		told = pa;
		where->progress(where->ctx, before + (pa - r->start), total);
	}
	return pa < r->end ? pa : r->end;
}

/* Everywhere, for a kernel that an EFI stub has put somewhere. */
static void search_ram(struct la_finder *f, struct la_relocation *ret)
{
	const struct la_relocation_search *where = f->where;
	uint64_t total = 0, done = 0;

	f->cost = 0;
	for (size_t i = 0; i < where->nram; i++)
		if (has_bytes(&where->ram[i]))
			total += where->ram[i].end - where->ram[i].start;
	for (size_t i = 0; i < where->nram; i++) {
		const struct la_ram_range *r = &where->ram[i];
		uint64_t end;

		if (!has_bytes(r))
			continue;
		end = search_range(f, r, done, total);
		done += r->end - r->start;
		ret->not_searched += r->end - (end < r->start ? r->start : end);
	}
}

/*
 * One pointer where eentry would be may be there by chance, and the dump's VMCOREINFO be another kernel's. Where the
 * banner can be read it would tell, but of what a dump leaves out (makedumpfile -d 31: most of RAM) it cannot; then one
 * that has all of it counts alone.
 */
static void drop_chances(struct la_finder *f)
{
	size_t kept = 0;
	bool any = false;

	for (size_t i = 0; i < f->n; i++)
		any = any || (f->candidate[i].banner == LA_BANNER_SAME &&
			      f->candidate[i].ways & LA_WAYS_PROOF);
	for (size_t i = 0; any && i < f->n; i++)
		if (f->candidate[i].banner != LA_BANNER_UNREADABLE ||
		    (f->candidate[i].ways != LA_WAY(EENTRY) &&
		     f->candidate[i].ways != LA_WAY(VMCOREINFO)))
			f->candidate[kept++] = f->candidate[i];
	if (any)
		f->n = kept;
}

static void search(struct la_finder *f, const struct la_vcpu_regs *saved, size_t nsaved,
		   struct la_relocation *ret)
{
	struct la_vcpu_regs *note = NULL;
	const char *text;
	size_t n = 0, len;

	if (f->door->notes) {
		text = la_notes_text(f->door->notes, f->door->notes_size, "VMCOREINFO", &len);
		if (text)
			use_vmcoreinfo(f, text, len);
		la_notes_regs(f->arena, f->door->notes, f->door->notes_size, &note, &n, NULL);
	}
	try_returns(f, note, n);
	/* Without randomness it may also have been loaded somewhere else, by the EFI stub (7.1). */
	for (uint64_t x = 0; x <= LA_MAX_RANDOM; x += LA_RELOCATION_STEP)
		try_offset(f, x);
	try_reserved(f);
	if (!any_proof(f) && f->where)
		search_ram(f, ret);
	drop_chances(f);
	/* The text is of the dump's moment, or of one near it; without a dump it is all there is. */
	for (size_t i = 0; i < f->n; i++)
		confirm_returns(f, &f->candidate[i], n ? note : saved, n ? n : nsaved);
}

static void list_findings(const struct la_finder *f, struct la_relocation *ret)
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

/* Behind what else there is to say. */
static void remark_cut(struct la_relocation *ret)
{
	const size_t n = strlen(ret->remark);

	if (ret->not_searched)
		snprintf(ret->remark + n, sizeof(ret->remark) - n,
			 "%sof RAM %" PRIu64 " MiB were not searched: it takes too long",
			 n ? "; " : "", (ret->not_searched + (1 << 20) - 1) >> 20);
}

enum la_status la_relocation_find(const struct la_door *door,
				  const struct la_relocation_search *where,
				  const struct la_vcpu_regs *text, size_t ntext,
				  struct la_arena *arena, struct la_relocation *ret,
				  struct la_error *err)
{
	struct la_finder f = { .door = door, .where = where, .arena = arena };
	enum la_status status;

	*ret = (struct la_relocation){ 0 };
	f.banner_at = la_link_address(door, "linux_banner");
	f.self = la_link_address(door, "reloc_offset");
	f.eentry = la_link_address(door, "eentry");
	f.handlers = la_link_address(door, "exception_handlers");
	if (f.banner_at && door->file_bytes)
		f.banner_len = strnlen(f.banner,
				       door->file_bytes(door->ctx, f.banner_at + door->relocation,
							f.banner, sizeof(f.banner) - 1));
	if (f.banner_len < 8)
		return la_fail(err, LA_ABSENT, "vmlinux has no linux_banner");
	use_register_text(&f, text, ntext);
	search(&f, text, ntext, ret);
	list_findings(&f, ret);
	status = la_relocation_decide(&f, ret);
	remark_cut(ret);
	return status == LA_OK ? status : la_fail(err, status, "%s", ret->remark);
}
