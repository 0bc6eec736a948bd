// SPDX-License-Identifier: GPL-3.0-or-later
// Whose registers are they? Of listings that do not say, by what in them only one vCPU has.
#include "text_vcpus.h"

#include <string.h>

/* CRMD: privilege level, and whether addresses are translated (DA: not). */
static bool user_mode(const struct la_regs *r)
{
	uint64_t crmd;

	return la_csr_get(r, LA_CSR_CRMD, &crmd) && (crmd & 3) == 3;
}

enum alike { UNKNOWN, SAME, OTHER };

/* Both must be known, and not 0 where 0 means that nobody has set it yet. */
static enum alike compare_csr(const struct la_regs *a, const struct la_regs *b, enum la_csr csr,
			      bool zero_counts)
{
	uint64_t x, y;

	if (!la_csr_get(a, csr, &x) || !la_csr_get(b, csr, &y) || (!zero_counts && (!x || !y)))
		return UNKNOWN;
	return x == y ? SAME : OTHER;
}

/*
 * CPUID is the vCPU's own number. The kernel keeps its per-CPU base in SAVE3 and, while it runs, in
 * r21. Only CPUs of their own have other exception vectors (EENTRY), but some share them. A task,
 * which r2 leads to, is on one CPU at a time.
 */
static enum alike compare(const struct la_regs *a, const struct la_regs *b)
{
	enum alike number = compare_csr(a, b, LA_CSR_CPUID, true), base;
	uint64_t x, y;

	if (number != UNKNOWN)
		return number;
	if (compare_csr(a, b, LA_CSR_EENTRY, false) == OTHER)
		return OTHER;
	base = compare_csr(a, b, LA_CSR_SAVE3, false);
	if (base != UNKNOWN || user_mode(a) || user_mode(b))
		return base;
	if (la_gpr_get(a, LA_R_U0, &x) && la_gpr_get(b, LA_R_U0, &y) && (x || y))
		return x == y ? SAME : OTHER;
	return la_gpr_get(a, LA_R_TP, &x) && la_gpr_get(b, LA_R_TP, &y) && x && x == y ? SAME :
											 UNKNOWN;
}

static bool only_pc(const struct la_regs *r)
{
	return !r->gpr_known && !r->csr_known;
}

/* What is known of each vCPU: its last listing that has more than a pc, else its last. */
struct known {
	const struct la_regs *regs[LA_TEXT_VCPUS]; /* NULL: no listing yet */
	unsigned behind;                           /* the highest number, and 1 */
};

static void note(struct known *k, unsigned vcpu, const struct la_regs *regs)
{
	if (!k->regs[vcpu] || !only_pc(regs))
		k->regs[vcpu] = regs;
	if (vcpu >= k->behind)
		k->behind = vcpu + 1;
}

/*
 * A pc alone tells nothing of its CPU: several are taken as seen one after the other. Listings that
 * nothing tells apart are, the first time, of one vCPU after the other, and later in the same order.
 */
static unsigned number_for(const struct known *k, const struct la_text_listing *l, unsigned last)
{
	const unsigned next = last == LA_NO_VCPU ? 0 : last + 1;
	const struct la_regs *regs = &l->regs;
	unsigned vcpu = 0;

	if (l->below != LA_NO_VCPU && k->regs[l->below] &&
	    compare(regs, k->regs[l->below]) != OTHER)
		return l->below;
	if (last != LA_NO_VCPU && (only_pc(regs) || only_pc(k->regs[last])))
		return last;
	if (next < k->behind && k->regs[next] && compare(regs, k->regs[next]) == SAME)
		return next;
	for (unsigned i = 0; i < k->behind; i++)
		if (k->regs[i] && compare(regs, k->regs[i]) == SAME)
			return i;
	if (next < k->behind && k->regs[next] && compare(regs, k->regs[next]) == UNKNOWN)
		return next;
	while (vcpu < k->behind && k->regs[vcpu])
		vcpu++;
	return vcpu;
}

enum la_status la_text_number(struct la_text_listing *listing, size_t n, struct la_arena *arena,
			      struct la_error *err)
{
	struct known *k = la_alloc(arena, sizeof(*k));
	unsigned last = LA_NO_VCPU;

	if (!k)
		return la_fail(err, LA_NOMEM, "register text");
	for (size_t i = 0; i < n; i++)
		if (listing[i].vcpu != LA_NO_VCPU)
			note(k, listing[i].vcpu, &listing[i].regs);
	for (size_t i = 0; i < n; i++) {
		struct la_text_listing *l = &listing[i];

		if (l->vcpu == LA_NO_VCPU) {
			l->counted = true;
			l->vcpu = number_for(k, l, last);
			if (l->vcpu >= LA_TEXT_VCPUS)
				return la_fail(err, LA_INVALID, "register text: more than %d CPUs",
					       LA_TEXT_VCPUS);
			note(k, l->vcpu, &l->regs);
		}
		last = l->vcpu;
	}
	return LA_OK;
}
