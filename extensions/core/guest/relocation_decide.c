// SPDX-License-Identifier: GPL-3.0-or-later
// Which of the offsets that were found is that of the kernel that runs, and what the others are.
#include "relocation_find.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lakvm/guest/mmu.h"

/* A candidate that any of the @wanted ways found; *@n: how many there are. */
static const struct la_candidate *only_one(const struct la_finder *f, unsigned wanted,
					   bool with_zero, size_t *n)
{
	const struct la_candidate *one = NULL;

	*n = 0;
	for (size_t i = 0; i < f->n; i++) {
		const struct la_candidate *c = &f->candidate[i];

		if (!(c->ways & wanted) || c->banner == LA_BANNER_OTHER ||
		    (!c->offset && !with_zero))
			continue;
		one = c;
		++*n;
	}
	return one;
}

/* --- several kernels of one vmlinux: one that died and its crash kernel (kdump) --- */

/* More is no reservation of a crash kernel. */
#define MAX_REGION (UINT64_C(4) << 30)

bool la_crash_region(const struct la_finder *f, uint64_t offset, uint64_t *ret_start,
		     uint64_t *ret_end)
{
	const uint64_t region = la_link_address(f->door, "crashk_res");
	uint64_t image, start, last;

	/* struct resource begins with them (linux/ioport.h); the image is loaded (kexec_core.c) */
	if (!region ||
	    !la_finder_u64(f, la_link_address(f->door, "kexec_crash_image"), offset, &image) ||
	    !la_finder_u64(f, region, offset, &start) ||
	    !la_finder_u64(f, region + 8, offset, &last) || !image || last <= start ||
	    last - start >= MAX_REGION)
		return false;
	*ret_start = start;
	*ret_end = last + 1;
	return true;
}

/*
 * Did a kernel run at this offset, and all of it say so? The first thing that it does is to write
 * reloc_offset, unless it stays where it was linked (head.S, relocate_kernel()).
 */
static bool has_run(const struct la_finder *f, const struct la_candidate *c)
{
	const unsigned itself =
		c->offset && f->self ? LA_WAY(SELF) : LA_WAY(EENTRY) | LA_WAY(VMCOREINFO);

	return c->banner == LA_BANNER_SAME && (c->ways & itself);
}

/* Is @crash the crash kernel that @first loaded? */
static bool started(const struct la_finder *f, const struct la_candidate *first,
		    const struct la_candidate *crash)
{
	const uint64_t image = (f->banner_at + crash->offset) & LA_PHYS_MASK;
	uint64_t start, end;

	return first != crash && la_crash_region(f, first->offset, &start, &end) &&
	       image >= start && image < end;
}

static bool is_kernel(const struct la_candidate *c)
{
	return c->ways & LA_WAYS_PROOF && c->banner != LA_BANNER_OTHER;
}

static bool started_by_any(const struct la_finder *f, const struct la_candidate *crash)
{
	for (size_t i = 0; i < f->n; i++)
		if (is_kernel(&f->candidate[i]) && started(f, &f->candidate[i], crash))
			return true;
	return false;
}

static bool started_any(const struct la_finder *f, const struct la_candidate *first)
{
	for (size_t i = 0; i < f->n; i++)
		if (is_kernel(&f->candidate[i]) && started(f, first, &f->candidate[i]))
			return true;
	return false;
}

/*
 * The kernel that runs, of several: the one that all vCPUs which say anything are in; where they differ
 * or are silent, the crash kernel, since a CPU may go on in what died. NULL: nothing tells.
 */
static const struct la_candidate *which_runs(const struct la_finder *f)
{
	const struct la_candidate *voted = NULL, *crash = NULL;
	enum la_vote by = LA_VOTE_RETURN;
	size_t nvoted = 0, ncrash = 0;

	for (size_t i = 0; i < f->n; i++)
		if (is_kernel(&f->candidate[i]) && f->candidate[i].votes[LA_VOTE_CSR])
			by = LA_VOTE_CSR;
	for (size_t i = 0; i < f->n; i++) {
		if (!is_kernel(&f->candidate[i]) || !f->candidate[i].votes[by])
			continue;
		voted = &f->candidate[i];
		nvoted++;
	}
	for (size_t i = 0; i < f->n; i++) {
		const struct la_candidate *c = &f->candidate[i];

		if (!is_kernel(c) || (nvoted && !c->votes[by]) || !started_by_any(f, c))
			continue;
		crash = c;
		ncrash++;
	}
	return nvoted == 1 ? voted : ncrash == 1 ? crash : NULL;
}

static void list_others(const struct la_finder *f, const struct la_candidate *runs,
			struct la_relocation *ret)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct la_candidate *c = &f->candidate[i];

		if (is_kernel(c) && started_any(f, c))
			la_crash_region(f, c->offset, &ret->kept_start, &ret->kept_end);
		if (c == runs || !is_kernel(c) ||
		    ret->nothers == sizeof(ret->other) / sizeof(ret->other[0]))
			continue;
		ret->other[ret->nothers++] = (struct la_other_kernel){
			.offset = c->offset,
			.role = runs && started(f, c, runs) ? LA_KERNEL_FIRST :
				started_by_any(f, c)        ? LA_KERNEL_CRASH :
							      LA_KERNEL_ANOTHER,
		};
	}
}

static bool all_have_run(const struct la_finder *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (is_kernel(&f->candidate[i]) && !has_run(f, &f->candidate[i]))
			return false;
	return !f->full;
}

/* *@ret_one: the candidate that proofs speak for; NULL: there are none. LA_CORRUPT: for several. */
static enum la_status judge_proofs(const struct la_finder *f, struct la_relocation *ret,
				   const struct la_candidate **ret_one)
{
	size_t n;

	*ret_one = only_one(f, LA_WAYS_PROOF, true, &n);
	if (n < 2)
		return LA_OK;
	if (!all_have_run(f)) {
		snprintf(ret->remark, sizeof(ret->remark),
			 "%zu ways to find the kernel's offset disagree: the dump or vmlinux is damaged, or of another kernel",
			 n);
		return LA_CORRUPT;
	}
	*ret_one = which_runs(f);
	list_others(f, *ret_one, ret);
	if (*ret_one)
		return LA_OK;
	snprintf(ret->remark, sizeof(ret->remark),
		 "%zu kernels of this vmlinux have run in this memory, and nothing tells which one runs; --kaslr= takes one of them",
		 n);
	return LA_CORRUPT;
}

const char *la_kernel_role_name(enum la_kernel_role role)
{
	static const char *const name[] = { "another", "first", "crash", "running" };

	return name[role];
}

bool la_relocation_take(struct la_relocation *r, uint64_t offset)
{
	size_t i = 0;

	if (r->known && r->offset == offset)
		return true;
	while (i < r->nothers && r->other[i].offset != offset)
		i++;
	if (i == r->nothers)
		return false;
	if (r->known)
		r->other[i] = (struct la_other_kernel){ r->offset, LA_KERNEL_RUNNING };
	else
		r->other[i] = r->other[--r->nothers];
	r->known = r->proved = true;
	r->offset = offset;
	r->remark[0] = '\0';
	return true;
}

/* --- the judgement --- */

enum la_status la_relocation_decide(const struct la_finder *f, struct la_relocation *ret)
{
	const unsigned banner = LA_WAY(BANNER);
	const struct la_candidate *one;
	size_t n;

	if (judge_proofs(f, ret, &one) != LA_OK)
		return LA_CORRUPT;
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
	if (ret->proved && !(one->ways & LA_WAYS_MEMORY) && one->banner != LA_BANNER_SAME) {
		ret->proved = false;
		if (!(one->ways & LA_WAY(RETURNS))) {
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
