// SPDX-License-Identifier: GPL-3.0-or-later
// The verdict as JSON (docs/json.md).
#include "json.h"
#include "panic_words.h"

static json_t *cause(struct la_json *b, const struct la_cause *c)
{
	json_t *o;

	if (!c->kind)
		return json_null();
	o = json_object();
	la_json_set(b, o, "kind", la_json_text(c->kind));
	la_json_set(b, o, "address", la_json_hex(c->address_known, c->address));
	la_json_set(b, o, "pc", la_json_hex(c->pc_known, c->pc));
	la_json_set(b, o, "symbol", la_json_text(c->symbol));
	la_json_set(b, o, "offset", la_json_number(c->symbol && c->pc_known, c->offset));
	la_json_set(b, o, "module", la_json_text(c->module));
	la_json_set(b, o, "caller", la_json_text(c->caller));
	la_json_set(b, o, "caller_offset", la_json_number(c->caller != NULL, c->caller_offset));
	la_json_set(b, o, "regs", c->regs_known ? la_json_gprs(b, &c->regs) : json_null());
	la_json_set(b, o, "csr", c->regs_known ? la_json_csrs(b, &c->regs) : json_null());
	return o;
}

static json_t *operands(struct la_json *b, const struct la_detail *d)
{
	json_t *o = json_object();

	for (size_t i = 0; i < d->noperands; i++)
		la_json_set(b, o, la_gpr_name(d->operand[i].reg),
			    la_json_hex(d->operand[i].known, d->operand[i].value));
	return o;
}

static json_t *walk(struct la_json *b, const struct la_detail *d)
{
	const struct la_mem_address *a = &d->walk;
	json_t *o, *steps;

	if (!d->walked)
		return json_null();
	o = json_object();
	steps = json_array();
	for (unsigned i = 0; i < a->translation.nsteps; i++) {
		const struct la_walk_step *s = &a->translation.step[i];
		json_t *step = json_object();

		la_json_set(b, step, "level", la_json_text(la_level_name(&a->geometry, s->level)));
		la_json_set(b, step, "entry_pa", la_json_hex(true, s->entry_pa));
		la_json_set(b, step, "entry", la_json_hex(true, s->entry));
		la_json_append(b, steps, step);
	}
	la_json_set(b, o, "steps", steps);
	la_json_set(b, o, "physical", la_json_hex(a->status == LA_OK, a->translation.pa));
	la_json_set(b, o, "reason", la_json_said(a->reason));
	return o;
}

/* The instruction and the address of the fault, and what they are. */
static json_t *fault(struct la_json *b, const struct la_panic *p)
{
	const struct la_detail *d = &p->detail;
	json_t *o;

	if (!d->insn_known && !d->address_class)
		return json_null();
	o = json_object();
	la_json_set(b, o, "instruction", la_json_text(d->insn_known ? d->insn.text : NULL));
	la_json_set(b, o, "operands", d->insn_known ? operands(b, d) : json_null());
	la_json_set(b, o, "reaches", la_json_hex(d->reaches_known, d->reaches));
	la_json_set(b, o, "address_class", la_json_text(d->address_class));
	la_json_set(b, o, "walk", walk(b, d));
	return o;
}

static json_t *source(struct la_json *b, const struct la_detail *d)
{
	json_t *o;

	if (!d->file)
		return json_null();
	o = json_object();
	la_json_set(b, o, "file", la_json_text(d->file));
	la_json_set(b, o, "line", la_json_number(d->line != 0, d->line));
	return o;
}

static json_t *known_issues(struct la_json *b, const struct la_panic *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->nknown; i++) {
		json_t *o = json_object();

		la_json_set(b, o, "name", la_json_text(p->known[i]->name));
		la_json_set(b, o, "what", la_json_text(p->known[i]->what));
		la_json_set(b, o, "cure", la_json_text(p->known[i]->cure));
		la_json_set(b, o, "link", la_json_text(p->known[i]->link));
		la_json_append(b, list, o);
	}
	return list;
}

static json_t *guest_clock(struct la_json *b, const struct la_detail *d)
{
	char date[40];
	json_t *o;

	if (!la_clock_text(d, date, sizeof(date)))
		return json_null();
	o = json_object();
	la_json_set(b, o, "date", la_json_text(date));
	la_json_set(b, o, "uptime_s", json_real((double)(d->clock.uptime_ns / 1000) / 1e6));
	return o;
}

/* How many CPUs are in which state; states that no CPU is in are left out. */
static json_t *state_counts(struct la_json *b, const struct la_cpus *cpus)
{
	json_t *o;

	if (!cpus)
		return json_null();
	o = json_object();
	for (enum la_cpu_state state = 0; state <= LA_CPU_OFFLINE; state++) {
		size_t n = 0;

		for (size_t i = 0; i < cpus->n; i++)
			n += cpus->cpu[i].state == state;
		if (n)
			la_json_set(b, o, la_cpu_state_name(state), la_json_number(true, n));
	}
	return o;
}

static json_t *panic_object(struct la_json *b, const struct la_panic *p)
{
	json_t *o = json_object(), *list, *item;

	la_json_set(b, o, "schema", la_json_text("lakvm.panic/1"));
	la_json_set(b, o, "release", la_json_text(p->release));
	la_json_set(b, o, "kind", la_json_text(la_verdict_name(p->verdict)));
	la_json_set(b, o, "message", la_json_text(p->message));
	la_json_set(b, o, "summary", la_json_text(p->summary));
	la_json_set(b, o, "confidence", la_json_text(la_confidence_name(p->confidence)));
	la_json_set(b, o, "cpu", p->cpu >= 0 ? json_integer(p->cpu) : json_null());
	la_json_set_task(b, o, &p->task);
	la_json_set(b, o, "uptime_s", p->uptime_known ? json_real(p->uptime_s) : json_null());
	la_json_set(b, o, "cause", cause(b, &p->cause));
	la_json_set(b, o, "frames", la_json_frames(b, p->stack));

	item = json_null();
	if (p->signature) {
		item = json_object();
		la_json_set(b, item, "text", la_json_text(p->signature));
		la_json_set(b, item, "hash", la_json_text(p->hash));
	}
	la_json_set(b, o, "signature", item);

	la_json_set(b, o, "stuck", la_json_texts(b, p->stuck, p->nstuck));
	la_json_set(b, o, "advice", la_json_texts(b, p->advice, p->nadvice));

	list = json_array();
	for (size_t i = 0; i < p->nfacts; i++) {
		item = json_object();
		la_json_set(b, item, "fact", la_json_text(p->fact[i].text));
		la_json_set(b, item, "source", la_json_text(p->fact[i].source));
		la_json_append(b, list, item);
	}
	la_json_set(b, o, "evidence", list);

	list = json_array();
	for (size_t i = 0; i < p->nunchecked; i++) {
		item = json_object();
		la_json_set(b, item, "rule", la_json_text(p->unchecked[i].rule));
		la_json_set(b, item, "reason", la_json_text(p->unchecked[i].reason));
		la_json_append(b, list, item);
	}
	la_json_set(b, o, "not_checked", list);

	la_json_set(b, o, "waits", la_json_waits(b, p->waits));
	la_json_set(b, o, "log_tail", la_json_texts(b, p->log_tail, p->nlog_tail));
	la_json_set(b, o, "cpus", state_counts(b, p->cpus));
	la_json_set(b, o, "fault", fault(b, p));
	la_json_set(b, o, "source", source(b, &p->detail));
	la_json_set(b, o, "module_version", la_json_text(p->detail.module_version));
	la_json_set(b, o, "exit", la_json_text(p->detail.exit_code));
	la_json_set(b, o, "taint", la_json_texts(b, p->detail.taint, p->detail.ntaint));
	la_json_set(b, o, "log_lines", la_json_texts(b, p->detail.log, p->detail.nlog));
	la_json_set(b, o, "clock", guest_clock(b, &p->detail));
	la_json_set(b, o, "known_issues", known_issues(b, p));
	return o;
}

enum la_status la_render_panic_json(const struct la_panic *p, const struct la_sink *sink)
{
	struct la_json b = { .nomem = false };

	return la_json_finish(&b, panic_object(&b, p), sink);
}
