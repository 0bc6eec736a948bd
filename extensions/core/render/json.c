// SPDX-License-Identifier: GPL-3.0-or-later
// Results as JSON, one object on one line. docs/json.md is the contract: unknown is null,
// addresses are strings, keys keep their order and their meaning.
#include "lakvm/render/render.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "lakvm/stack/lines.h"
#include "base/escape.h"

/* More than the longest texts of any result, all of them damaged, can need. */
#define ARENA_LIMIT (4u << 20)

/*
 * A failed allocation anywhere leaves a hole in the object; @nomem remembers it, so that no
 * caller has to check every value. jansson's *_set_new functions take NULL and fail.
 */
struct build {
	const struct la_kernel *k;
	struct la_arena *arena; /* for texts on their way into jansson's memory */
	bool nomem;
};

static void set(struct build *b, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new_nocheck(object, key, value))
		b->nomem = true;
}

static void append(struct build *b, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value))
		b->nomem = true;
}

json_t *la_json_text(struct la_arena *arena, const char *s)
{
	json_t *value;
	size_t n, out = 0;
	char *clean;

	if (!s)
		return json_null();
	value = json_string(s); /* checks the encoding */
	if (value)
		return value;
	/* Every byte becomes at most three: U+FFFD is EF BF BD. */
	n = strlen(s);
	clean = la_alloc_n(arena, n + 1, 3);
	if (!clean)
		return NULL;
	while (*s) {
		size_t length = la_utf8_length(s);

		memcpy(clean + out, length ? s : "\xef\xbf\xbd", length ? length : 3);
		out += length ? length : 3;
		s += length ? length : 1;
	}
	return json_stringn_nocheck(clean, out);
}

static json_t *text(struct build *b, const char *s)
{
	json_t *value = la_json_text(b->arena, s);

	if (!value)
		b->nomem = true;
	return value;
}

static json_t *hex(bool known, uint64_t value)
{
	char s[24];

	if (!known)
		return json_null();
	snprintf(s, sizeof(s), "%#" PRIx64, value);
	if (!value)
		memcpy(s, "0x0", 4); /* printf's # leaves a bare 0 */
	return json_string_nocheck(s);
}

static json_t *number(bool known, uint64_t value)
{
	return known ? json_integer((json_int_t)value) : json_null();
}

static void set_task(struct build *b, json_t *o, const struct la_task *task)
{
	set(b, o, "task", hex(task->address != 0, task->address));
	set(b, o, "pid", task->pid_known ? json_integer(task->pid) : json_null());
	set(b, o, "comm", text(b, task->comm[0] ? task->comm : NULL));
}

static void set_place(struct build *b, json_t *o, const struct la_place *place)
{
	set(b, o, "file", text(b, place ? place->file : NULL));
	set(b, o, "line", number(place && place->line, place ? place->line : 0));
}

static json_t *inlined(struct build *b, const struct la_lines_at *at)
{
	json_t *array = at ? json_array() : json_null();

	for (size_t i = 0; at && i < at->n; i++) {
		json_t *o = json_object();

		set(b, o, "symbol", text(b, at->inlined[i].function));
		set_place(b, o, &at->inlined[i]);
		append(b, array, o);
	}
	return array;
}

static json_t *frame(struct build *b, size_t level, const struct la_frame *f)
{
	const struct la_lines_at *at =
		f->pc_known ? la_lines_find(b->k, la_frame_code(b->k, f)) : NULL;
	json_t *o = json_object();

	set(b, o, "level", number(true, level));
	set(b, o, "pc", hex(f->pc_known, f->pc));
	set(b, o, "symbol", text(b, f->symbol));
	set(b, o, "offset", number(f->symbol && f->pc_known, f->offset));
	set(b, o, "sp", hex(true, f->sp));
	set(b, o, "method", text(b, la_method_name(f->method)));
	set(b, o, "verified", json_boolean(f->verified));
	set_place(b, o, at ? &at->self : NULL);
	set(b, o, "inlined", inlined(b, at));
	set(b, o, "module", text(b, f->module));
	set(b, o, "pt_regs", hex(f->pt_regs != 0, f->pt_regs));
	return o;
}

static json_t *frames(struct build *b, const struct la_stack *stack)
{
	json_t *array = json_array();

	for (size_t i = 0; stack && i < stack->n; i++)
		append(b, array, frame(b, i, &stack->frame[i]));
	return array;
}

static json_t *gprs(struct build *b, const struct la_regs *regs)
{
	json_t *o = json_object();
	uint64_t value;

	for (unsigned i = 1; i < LA_NGPR; i++)
		if (la_gpr_get(regs, i, &value))
			set(b, o, la_gpr_name(i), hex(true, value));
	return o;
}

static json_t *csrs(struct build *b, const struct la_regs *regs)
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
		set(b, o, name, hex(true, value));
	}
	return o;
}

static json_t *cause(struct build *b, const struct la_cause *c)
{
	json_t *o;

	if (!c->kind)
		return json_null();
	o = json_object();
	set(b, o, "kind", text(b, c->kind));
	set(b, o, "address", hex(c->address_known, c->address));
	set(b, o, "pc", hex(c->pc_known, c->pc));
	set(b, o, "symbol", text(b, c->symbol));
	set(b, o, "offset", number(c->symbol && c->pc_known, c->offset));
	set(b, o, "module", text(b, c->module));
	set(b, o, "caller", text(b, c->caller));
	set(b, o, "caller_offset", number(c->caller != NULL, c->caller_offset));
	set(b, o, "regs", c->regs_known ? gprs(b, &c->regs) : json_null());
	set(b, o, "csr", c->regs_known ? csrs(b, &c->regs) : json_null());
	return o;
}

/* How many CPUs are in which state; states that no CPU is in are left out. */
static json_t *state_counts(struct build *b, const struct la_cpus *cpus)
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
			set(b, o, la_cpu_state_name(state), number(true, n));
	}
	return o;
}

static json_t *panic_object(struct build *b, const struct la_panic *p)
{
	json_t *o = json_object(), *list, *item;

	set(b, o, "schema", text(b, "lakvm.panic/1"));
	set(b, o, "release", text(b, p->release));
	set(b, o, "kind", text(b, la_verdict_name(p->verdict)));
	set(b, o, "message", text(b, p->message));
	set(b, o, "confidence", text(b, la_confidence_name(p->confidence)));
	set(b, o, "cpu", p->cpu >= 0 ? json_integer(p->cpu) : json_null());
	set_task(b, o, &p->task);
	set(b, o, "uptime_s", p->uptime_known ? json_real(p->uptime_s) : json_null());
	set(b, o, "cause", cause(b, &p->cause));
	set(b, o, "frames", frames(b, p->stack));

	item = json_null();
	if (p->signature) {
		item = json_object();
		set(b, item, "text", text(b, p->signature));
		set(b, item, "hash", text(b, p->hash));
	}
	set(b, o, "signature", item);

	list = json_array();
	for (size_t i = 0; i < p->nfacts; i++) {
		item = json_object();
		set(b, item, "fact", text(b, p->fact[i].text));
		set(b, item, "source", text(b, p->fact[i].source));
		append(b, list, item);
	}
	set(b, o, "evidence", list);

	list = json_array();
	for (size_t i = 0; i < p->nunchecked; i++) {
		item = json_object();
		set(b, item, "rule", text(b, p->unchecked[i].rule));
		set(b, item, "reason", text(b, p->unchecked[i].reason));
		append(b, list, item);
	}
	set(b, o, "not_checked", list);

	list = json_array();
	for (size_t i = 0; i < p->nlog_tail; i++)
		append(b, list, text(b, p->log_tail[i]));
	set(b, o, "log_tail", list);
	set(b, o, "cpus", state_counts(b, p->cpus));
	return o;
}

static json_t *waits_for_all(struct build *b, const struct la_cpu *c)
{
	json_t *array = json_array();

	for (size_t i = 0; i < c->nwaits_for; i++)
		append(b, array, number(true, c->waits_for_all[i]));
	return array;
}

static json_t *before(struct build *b, const struct la_cpu *c)
{
	const struct la_frame *f = c->before_frame;
	json_t *o;

	if (c->before == LA_CPU_UNKNOWN)
		return json_null();
	o = json_object();
	set(b, o, "state", text(b, la_cpu_state_name(c->before)));
	set(b, o, "pc", hex(f && f->pc_known, f ? f->pc : 0));
	set(b, o, "symbol", text(b, f ? f->symbol : NULL));
	set(b, o, "offset", number(f && f->symbol && f->pc_known, f ? f->offset : 0));
	set(b, o, "module", text(b, f ? f->module : NULL));
	return o;
}

static json_t *cpu_object(struct build *b, const struct la_cpu *c)
{
	bool has_regs = c->regs.source != LA_REGS_NONE, has_pc = c->pc_source != LA_PC_NONE;
	json_t *o = json_object();

	set(b, o, "cpu", number(c->cpu != UINT32_MAX, c->cpu));
	set(b, o, "vcpu", c->vcpu >= 0 ? json_integer(c->vcpu) : json_null());
	set(b, o, "online", c->online_known ? json_boolean(c->online) : json_null());
	set(b, o, "state", text(b, la_cpu_state_name(c->state)));
	set_task(b, o, &c->task);
	set(b, o, "pc", hex(has_pc, c->pc));
	set(b, o, "pc_source", text(b, la_pc_source_name(c->pc_source)));
	set(b, o, "symbol", text(b, c->symbol));
	set(b, o, "offset", number(c->symbol && has_pc, c->offset));
	set(b, o, "module", text(b, c->module));
	set(b, o, "verified", json_boolean(c->verified));
	set(b, o, "before", before(b, c));
	set(b, o, "lock", hex(c->lock != 0, c->lock));
	set(b, o, "lock_symbol", text(b, c->lock_symbol));
	set(b, o, "lock_owner", hex(c->lock_owner != 0, c->lock_owner));
	set(b, o, "waits_for", number(c->waits_for >= 0, (uint64_t)c->waits_for));
	set(b, o, "waits_for_all", waits_for_all(b, c));
	set(b, o, "pending_calls", number(c->calls_known, c->calls));
	set(b, o, "pending_call", text(b, c->call));
	set(b, o, "since_ns", number(c->since_known, c->since_ns));
	set(b, o, "clock_age_ns", number(c->clock_age_known, c->clock_age_ns));
	set(b, o, "steal_ns", number(c->steal_known, c->steal_ns));
	set(b, o, "preempted", c->preempted_known ? json_boolean(c->preempted) : json_null());
	set(b, o, "regs", has_regs ? gprs(b, &c->regs) : json_null());
	set(b, o, "csr", has_regs ? csrs(b, &c->regs) : json_null());
	set(b, o, "frames", frames(b, &c->stack));
	set(b, o, "stop", text(b, la_stop_name(c->stack.stop)));
	set(b, o, "stop_reason", text(b, c->stack.reason[0] ? c->stack.reason : NULL));
	set(b, o, "remark", text(b, c->remark));
	return o;
}

static int to_sink(const char *buffer, size_t size, void *data)
{
	const struct la_sink *sink = data;
	char chunk[1024];

	while (size) {
		size_t n = size < sizeof(chunk) - 1 ? size : sizeof(chunk) - 1;

		memcpy(chunk, buffer, n);
		chunk[n] = '\0';
		sink->put(sink->ctx, chunk);
		buffer += n;
		size -= n;
	}
	return 0;
}

enum la_status la_json_put(json_t *object, const struct la_sink *sink)
{
	enum la_status st = object ? LA_OK : LA_NOMEM;

	if (st == LA_OK && json_dump_callback(object, to_sink, (void *)sink,
					      JSON_COMPACT | JSON_REAL_PRECISION(9)))
		st = LA_NOMEM;
	json_decref(object);
	if (st == LA_OK)
		sink->put(sink->ctx, "\n");
	return st;
}

/* Prints nothing at all unless the whole object could be built. */
static enum la_status finish(struct build *b, json_t *o, const struct la_sink *sink)
{
	la_arena_free(b->arena);
	if (!b->nomem)
		return la_json_put(o, sink);
	json_decref(o);
	return LA_NOMEM;
}

enum la_status la_render_panic_json(const struct la_kernel *k, const struct la_panic *p,
				    const struct la_sink *sink)
{
	struct build b = { .k = k, .arena = la_arena_new(ARENA_LIMIT) };

	if (!b.arena)
		return LA_NOMEM;
	return finish(&b, panic_object(&b, p), sink);
}

static json_t *cpu_list(struct build *b, const struct la_cpus *cpus,
			const struct la_render_options *opt)
{
	json_t *list = json_array();

	for (size_t i = 0; i < cpus->n; i++)
		if (la_render_wanted(opt, &cpus->cpu[i]))
			append(b, list, cpu_object(b, &cpus->cpu[i]));
	return list;
}

json_t *la_json_cpus(const struct la_kernel *k, const struct la_cpus *cpus,
		     const struct la_render_options *opt)
{
	struct build b = { .k = k, .arena = la_arena_new(ARENA_LIMIT) };
	json_t *list;

	if (!b.arena)
		return NULL;
	list = cpu_list(&b, cpus, opt);
	la_arena_free(b.arena);
	if (!b.nomem)
		return list;
	json_decref(list);
	return NULL;
}

enum la_status la_render_cpus_json(const struct la_kernel *k, const struct la_cpus *cpus,
				   const struct la_render_options *opt, const struct la_sink *sink)
{
	struct build b = { .k = k, .arena = la_arena_new(ARENA_LIMIT) };
	json_t *o;

	if (!b.arena)
		return LA_NOMEM;
	o = json_object();
	set(&b, o, "schema", text(&b, "lakvm.cpus/1"));
	set(&b, o, "cpus", cpu_list(&b, cpus, opt));
	set(&b, o, "remark", text(&b, cpus->remark));
	return finish(&b, o, sink);
}
