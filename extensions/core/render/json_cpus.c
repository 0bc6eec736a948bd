// SPDX-License-Identifier: GPL-3.0-or-later
// CPUs, tasks, stacks and registers as JSON (docs/json.md).
#include <stdio.h>

#include "json.h"
#include "lakvm/stack/lines.h"

void la_json_set_task(struct la_json *b, json_t *o, const struct la_task *task)
{
	la_json_set(b, o, "task", la_json_hex(task->address != 0, task->address));
	la_json_set(b, o, "pid", task->pid_known ? json_integer(task->pid) : json_null());
	la_json_set(b, o, "comm", la_json_text(task->comm[0] ? task->comm : NULL));
}

static void set_place(struct la_json *b, json_t *o, const struct la_place *place)
{
	la_json_set(b, o, "file", la_json_text(place ? place->file : NULL));
	la_json_set(b, o, "line", la_json_number(place && place->line, place ? place->line : 0));
}

static json_t *inlined(struct la_json *b, const struct la_lines_at *at)
{
	json_t *array = at ? json_array() : json_null();

	for (size_t i = 0; at && i < at->n; i++) {
		json_t *o = json_object();

		la_json_set(b, o, "symbol", la_json_text(at->inlined[i].function));
		set_place(b, o, &at->inlined[i]);
		la_json_append(b, array, o);
	}
	return array;
}

static json_t *frame(struct la_json *b, size_t level, const struct la_frame *f)
{
	const struct la_lines_at *at = f->lines;
	json_t *o = json_object();

	la_json_set(b, o, "level", la_json_number(true, level));
	la_json_set(b, o, "pc", la_json_hex(f->pc_known, f->pc));
	la_json_set(b, o, "symbol", la_json_text(f->symbol));
	la_json_set(b, o, "offset", la_json_number(f->symbol && f->pc_known, f->offset));
	la_json_set(b, o, "sp", la_json_hex(true, f->sp));
	la_json_set(b, o, "method", la_json_text(la_method_name(f->method)));
	la_json_set(b, o, "verified", json_boolean(f->verified));
	set_place(b, o, at ? &at->self : NULL);
	la_json_set(b, o, "inlined", inlined(b, at));
	la_json_set(b, o, "inlined_left_out", la_json_number(at != NULL, at ? at->left_out : 0));
	la_json_set(b, o, "module", la_json_text(f->module));
	la_json_set(b, o, "pt_regs", la_json_hex(f->pt_regs != 0, f->pt_regs));
	return o;
}

json_t *la_json_frames(struct la_json *b, const struct la_stack *stack)
{
	json_t *array = json_array();

	for (size_t i = 0; stack && i < stack->n; i++)
		la_json_append(b, array, frame(b, i, &stack->frame[i]));
	return array;
}

json_t *la_json_gprs(struct la_json *b, const struct la_regs *regs)
{
	json_t *o = json_object();
	uint64_t value;

	for (unsigned i = 1; i < LA_NGPR; i++)
		if (la_gpr_get(regs, i, &value))
			la_json_set(b, o, la_gpr_name(i), la_json_hex(true, value));
	return o;
}

json_t *la_json_csrs(struct la_json *b, const struct la_regs *regs)
{
	json_t *o = json_object();
	char name[16];
	uint64_t value;

	for (unsigned i = 0; i < LA_NCSR; i++) {
		if (!la_csr_get(regs, i, &value))
			continue;
		snprintf(name, sizeof(name), "%s", la_csr_name(i));
		for (char *p = name; *p; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p = (char)(*p - 'A' + 'a');
		la_json_set(b, o, name, la_json_hex(true, value));
	}
	return o;
}

static json_t *waits_for_all(struct la_json *b, const struct la_cpu *c)
{
	json_t *array = json_array();

	for (size_t i = 0; i < c->nwaits_for; i++)
		la_json_append(b, array, la_json_number(true, c->waits_for_all[i]));
	return array;
}

static json_t *before(struct la_json *b, const struct la_cpu *c)
{
	const struct la_frame *f = c->before_frame;
	json_t *o;

	if (c->before == LA_CPU_UNKNOWN)
		return json_null();
	o = json_object();
	la_json_set(b, o, "state", la_json_text(la_cpu_state_name(c->before)));
	la_json_set(b, o, "pc", la_json_hex(f && f->pc_known, f ? f->pc : 0));
	la_json_set(b, o, "symbol", la_json_text(f ? f->symbol : NULL));
	la_json_set(b, o, "offset",
		    la_json_number(f && f->symbol && f->pc_known, f ? f->offset : 0));
	la_json_set(b, o, "module", la_json_text(f ? f->module : NULL));
	return o;
}

static json_t *odd(struct la_json *b, const struct la_cpu *c)
{
	static const char *const names[] = { "base",       "task",          "shared-stack",
					     "stack",      "timer-pending", "timer-ended",
					     "ipi-pending" };
	json_t *list = json_array();

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (c->odd >> i & 1)
			la_json_append(b, list, la_json_text(names[i]));
	return list;
}

static json_t *realtime(struct la_json *b, const struct la_cpu *c)
{
	json_t *o;

	if (!c->realtime)
		return json_null();
	o = json_object();
	la_json_set(b, o, "policy", la_json_text(c->realtime));
	la_json_set(b, o, "priority", la_json_number(true, c->rt_priority));
	la_json_set(b, o, "wanting", la_json_number(true, c->wanting));
	la_json_set(b, o, "life_ns", la_json_number(c->share_known, c->life_ns));
	la_json_set(b, o, "ran_ns", la_json_number(c->share_known, c->ran_ns));
	return o;
}

static json_t *cpu_object(struct la_json *b, const struct la_cpu *c)
{
	bool has_regs = c->regs.source != LA_REGS_NONE, has_pc = c->pc_source != LA_PC_NONE;
	json_t *o = json_object();

	la_json_set(b, o, "cpu", la_json_number(c->cpu != UINT32_MAX, c->cpu));
	la_json_set(b, o, "vcpu", c->vcpu >= 0 ? json_integer(c->vcpu) : json_null());
	la_json_set(b, o, "online", c->online_known ? json_boolean(c->online) : json_null());
	la_json_set(b, o, "state", la_json_text(la_cpu_state_name(c->state)));
	la_json_set_task(b, o, &c->task);
	la_json_set(b, o, "pc", la_json_hex(has_pc, c->pc));
	la_json_set(b, o, "pc_source", la_json_text(la_pc_source_name(c->pc_source)));
	la_json_set(b, o, "symbol", la_json_text(c->symbol));
	la_json_set(b, o, "offset", la_json_number(c->symbol && has_pc, c->offset));
	la_json_set(b, o, "module", la_json_text(c->module));
	la_json_set(b, o, "verified", json_boolean(c->verified));
	la_json_set(b, o, "before", before(b, c));
	la_json_set(b, o, "lock", la_json_hex(c->lock != 0, c->lock));
	la_json_set(b, o, "lock_symbol", la_json_text(c->lock_symbol));
	la_json_set(b, o, "lock_owner", la_json_hex(c->lock_owner != 0, c->lock_owner));
	la_json_set(b, o, "waits_for", la_json_number(c->waits_for >= 0, (uint64_t)c->waits_for));
	la_json_set(b, o, "waits_for_all", waits_for_all(b, c));
	la_json_set(b, o, "pending_calls", la_json_number(c->calls_known, c->calls));
	la_json_set(b, o, "pending_call", la_json_text(c->call));
	la_json_set(b, o, "since_ns", la_json_number(c->since_known, c->since_ns));
	la_json_set(b, o, "clock_age_ns", la_json_number(c->clock_age_known, c->clock_age_ns));
	la_json_set(b, o, "realtime", realtime(b, c));
	la_json_set(b, o, "watchdog_age_ns",
		    la_json_number(c->watchdog_age_known, c->watchdog_age_ns));
	la_json_set(b, o, "timer_lag_ns", la_json_number(c->timer_lag_known, c->timer_lag_ns));
	la_json_set(b, o, "timer_late_ns", la_json_number(c->timer_late_known, c->timer_late_ns));
	la_json_set(b, o, "preempt_count", la_json_number(c->preempt_known, c->preempt_count));
	la_json_set(b, o, "odd", odd(b, c));
	la_json_set(b, o, "steal_ns", la_json_number(c->steal_known, c->steal_ns));
	la_json_set(b, o, "preempted",
		    c->preempted_known ? json_boolean(c->preempted) : json_null());
	la_json_set(b, o, "regs", has_regs ? la_json_gprs(b, &c->regs) : json_null());
	la_json_set(b, o, "csr", has_regs ? la_json_csrs(b, &c->regs) : json_null());
	la_json_set(b, o, "frames", la_json_frames(b, &c->stack));
	la_json_set(b, o, "stop", la_json_text(la_stop_name(c->stack.stop)));
	la_json_set(b, o, "stop_reason", la_json_text(c->stack.reason[0] ? c->stack.reason : NULL));
	la_json_set(b, o, "remark", la_json_text(c->remark));
	return o;
}

json_t *la_json_cpus(struct la_json *b, const struct la_cpus *cpus,
		     const struct la_render_options *opt)
{
	json_t *list = json_array();

	for (size_t i = 0; i < cpus->n; i++)
		if (la_render_wanted(opt, &cpus->cpu[i]))
			la_json_append(b, list, cpu_object(b, &cpus->cpu[i]));
	return list;
}

enum la_status la_render_cpus_json(const struct la_cpus *cpus, const struct la_render_options *opt,
				   const struct la_sink *sink)
{
	struct la_json b = { .nomem = false };
	json_t *o;

	o = json_object();
	la_json_set(&b, o, "schema", la_json_text("lakvm.cpus/1"));
	la_json_set(&b, o, "cpus", la_json_cpus(&b, cpus, opt));
	la_json_set(&b, o, "remark", la_json_text(cpus->remark));
	return la_json_finish(&b, o, sink);
}
