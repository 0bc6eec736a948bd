// SPDX-License-Identifier: GPL-3.0-or-later
// What the host had to say: the domain's CPU model, and vCPUs that it did not run. One second of the host is a witness
// that can explain a stall, and never proves one.
#include <inttypes.h>

#include "collect.h"
#include "triage.h"

/* Facts of one kind that are told one by one. */
#define MAX_TOLD 8

static void domain_fact(const struct la_host_cpu *c, struct la_judgement *j)
{
	if (!c->given)
		la_triage_fact(j, "domain.xml", "the domain has no <cpu> element");
	else
		la_triage_fact(j, "domain.xml", "the domain's <cpu> is %s%s%s%s",
			       c->model ? c->model :
			       c->mode  ? c->mode :
					  "without a model",
			       c->model && c->mode ? " (mode " : "",
			       c->model && c->mode ? c->mode : "", c->model && c->mode ? ")" : "");
}

/* How long the vCPU waited that waited longest. */
static uint64_t longest_wait(const struct la_host *h)
{
	uint64_t longest = 0;

	for (size_t i = 0; i < h->nvcpus; i++)
		if (h->vcpu[i].known && h->vcpu[i].waited_ns > longest)
			longest = h->vcpu[i].waited_ns;
	return longest;
}

static void load_facts(const struct la_host *h, struct la_judgement *j)
{
	size_t n = 0, known = 0;

	for (size_t i = 0; i < h->nvcpus; i++) {
		const char *why = la_host_not_run(j->arena, h, h->vcpu[i].vcpu);

		known += h->vcpu[i].known;
		if (why && n++ < MAX_TOLD)
			la_triage_fact(j, "host", "the host did not run vCPU %u: %s",
				       h->vcpu[i].vcpu, why);
	}
	if (n > MAX_TOLD)
		la_triage_fact(j, "host", "nor %zu other vCPUs", n - MAX_TOLD);
	else if (!n && known && h->running && h->interval_ns)
		la_triage_fact(
			j, "host",
			"in %.2f s it ran each vCPU that wanted to; none waited longer than %.2f s for a CPU",
			la_seconds(h->interval_ns), la_seconds(longest_wait(h)));
	if (n && h->load && h->cpus)
		la_triage_fact(j, "host", "load %s on %u CPUs", h->load, h->cpus);
	if (h->steal_known && h->cpus && h->steal_ns / h->cpus > h->interval_ns / 10)
		la_triage_fact(j, "host",
			       "is a guest itself, whose host took %.2f s of its CPUs in %.2f s",
			       la_seconds(h->steal_ns), la_seconds(h->interval_ns));
}

void la_triage_host(const struct la_kernel *k, struct la_triage *t, struct la_judgement *j)
{
	const struct la_host *h = k->host;

	if (!h)
		return;
	if (h->cpu.known) {
		t->domain = &h->cpu;
		domain_fact(t->domain, j);
	}
	load_facts(h, j);
	if (h->remark)
		la_triage_fact(j, "folder", "%s", h->remark);
	if (!t->cpus)
		return;
	t->not_run = la_alloc_n(j->arena, t->cpus->n, sizeof(*t->not_run));
	for (size_t i = 0; t->not_run && i < t->cpus->n; i++)
		if (t->cpus->cpu[i].vcpu >= 0)
			t->not_run[i] =
				la_host_not_run(j->arena, h, (unsigned)t->cpus->cpu[i].vcpu);
}

/* --- what it explains --- */

static const char *why_not(const struct la_triage *t, const struct la_cpu *c)
{
	return c ? t->not_run[c - t->cpus->cpu] : NULL;
}

/* The first that the host did not run; NULL: it ran all. */
static const struct la_cpu *any(const struct la_triage *t)
{
	for (size_t i = 0; i < t->cpus->n; i++)
		if (t->not_run[i])
			return &t->cpus->cpu[i];
	return NULL;
}

/* The CPU that all this hangs on, by the verdict. */
static const struct la_cpu *culprit(const struct la_triage *t, const struct la_panic *p)
{
	const struct la_cpu *c = p->cpu >= 0 ? la_cpus_find(t->cpus, (unsigned)p->cpu) : NULL;

	switch (p->verdict) {
	case LA_VERDICT_HARD_LOCKUP:
	case LA_VERDICT_SOFT_LOCKUP:
	case LA_VERDICT_WORKQUEUE:
		return c;
	case LA_VERDICT_LOST_IPI:
		return c && c->waits_for >= 0 ? la_cpus_find(t->cpus, (unsigned)c->waits_for) :
						NULL;
	case LA_VERDICT_RCU_STALL:
	case LA_VERDICT_SPINLOCK:
	case LA_VERDICT_BOOTING:
	case LA_VERDICT_FIRMWARE:
	case LA_VERDICT_RUNNING:
	case LA_VERDICT_UNKNOWN:
		return any(t);
	default:
		return NULL;
	}
}

void la_triage_explain_host(const struct la_triage *t, struct la_judgement *j)
{
	struct la_panic *p = j->panic;
	const struct la_cpu *c = t->not_run ? culprit(t, p) : NULL;
	const char *why = why_not(t, c), *text;

	if (!why)
		return;
	text = la_format(j->arena, "the host did not run vCPU %d: %s", c->vcpu, why);
	if (!text)
		return;
	if (p->verdict == LA_VERDICT_RUNNING || p->verdict == LA_VERDICT_UNKNOWN) {
		p->verdict = LA_VERDICT_VCPU;
		p->cause.kind = "not-run";
		p->message = text;
		la_triage_who_from_cpu(j, c);
		if (!c->matched)
			p->cpu = -1;
		la_triage_summary(j, "%s", text);
	} else {
		la_triage_summary(j, "%s%s%s", p->summary ? p->summary : "", p->summary ? "; " : "",
				  text);
	}
	/* What was seen for a second may have been otherwise before. */
	if (p->confidence == LA_CERTAIN || p->verdict == LA_VERDICT_VCPU)
		p->confidence = LA_LIKELY;
	la_triage_advice(
		j,
		"on the host: virsh vcpuinfo and virsh schedinfo of the domain, top -H: who has its CPUs, is it limited or frozen?");
}
