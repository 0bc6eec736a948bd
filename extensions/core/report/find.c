// SPDX-License-Identifier: GPL-3.0-or-later
// Where in the guest's RAM something is, and whose memory that is.
#include "lakvm/report/find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lakvm/stack/unwind.h"

const char la_find_what_help[] =
	"SYMBOL (pointers into it), HEX, HEX/4 or HEX/2 (a value of 8, 4, 2 bytes), LO-HI (pointers), text:TEXT, bytes:HEX\n";
const char la_find_where_help[] =
	"task or task:PID, slab or slab:CACHE, page-cache, kernel, free\n";

/* Up to a character of @end, or the text's. False: not a number of at most 64 bits. */
static bool parse_hex(const char **text, uint64_t *ret)
{
	const char *at = *text;
	size_t digits;

	if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X'))
		at += 2;
	while (at[0] == '0' && strchr("0123456789abcdefABCDEF", at[1]) && at[1])
		at++;
	digits = strspn(at, "0123456789abcdefABCDEF");
	if (!digits || digits > 16)
		return false;
	*ret = strtoull(at, NULL, 16);
	*text = at + digits;
	return true;
}

static bool parse_bytes(const char *hex, struct la_search_what *ret)
{
	for (; hex[0]; hex += 2) {
		const char two[3] = { hex[0], hex[1], '\0' };

		if (strspn(two, "0123456789abcdefABCDEF") != 2 || ret->nbytes == LA_SEARCH_MAX)
			return false;
		ret->bytes[ret->nbytes++] = (uint8_t)strtoul(two, NULL, 16);
	}
	return ret->nbytes != 0;
}

static bool parse_text(const char *text, struct la_search_what *ret)
{
	ret->nbytes = strlen(text);
	if (!ret->nbytes || ret->nbytes > LA_SEARCH_MAX)
		return false;
	memcpy(ret->bytes, text, ret->nbytes);
	return true;
}

/* A function's or variable's bytes; of one whose size nobody knows its beginning. */
static bool parse_symbol(const struct la_door *door, const char *name, struct la_search_what *ret)
{
	uint64_t size;

	if (!door->symbol(door->ctx, name, &ret->low))
		return false;
	if (!door->symbol_size(door->ctx, name, &size) || !size || size - 1 > UINT64_MAX - ret->low)
		size = 1;
	ret->size = 8;
	ret->high = ret->low + (size - 1);
	return true;
}

static bool parse_number(const char *text, struct la_search_what *ret)
{
	ret->size = 8;
	if (!parse_hex(&text, &ret->low))
		return false;
	ret->high = ret->low;
	if (*text == '-') {
		text++;
		if (!parse_hex(&text, &ret->high) || ret->high <= ret->low)
			return false;
		ret->high--; /* the end is not in it */
	} else if (*text == '/' && strchr("248", text[1]) && text[1]) {
		ret->size = (unsigned)(text[1] - '0');
		text += 2;
		if (ret->size < 8 && ret->low >> (8 * ret->size))
			return false;
	}
	return !*text;
}

static bool is_zero(const struct la_search_what *what)
{
	size_t i = 0;

	if (what->size)
		return !what->low;
	while (i < what->nbytes && !what->bytes[i])
		i++;
	return i == what->nbytes;
}

enum la_status la_find_parse_what(const struct la_door *door, const char *text,
				  struct la_find_order *ret, struct la_error *err)
{
	struct la_search_what *what = &ret->what;
	bool good;

	*what = (struct la_search_what){ .size = 0 };
	if (!strncmp(text, "text:", 5))
		good = parse_text(text + 5, what);
	else if (!strncmp(text, "bytes:", 6))
		good = parse_bytes(text + 6, what);
	else
		good = parse_symbol(door, text, what) || parse_number(text, what);
	if (good && !is_zero(what))
		return LA_OK;
	if (good)
		return la_fail(err, LA_INVALID, "%s: zeros, which are all over a guest", text);
	return la_fail(err, LA_INVALID, "%s: none of %.*s", text,
		       (int)sizeof(la_find_what_help) - 2, la_find_what_help);
}

enum la_status la_find_parse_where(const char *text, struct la_find_order *ret,
				   struct la_error *err)
{
	const size_t length = strcspn(text, ":");

	for (int kind = LA_OWNER_FREE; kind <= LA_OWNER_KERNEL; kind++) {
		const char *name = la_owner_kind_name((enum la_owner_kind)kind);

		if (strlen(name) != length || strncmp(name, text, length) != 0)
			continue;
		if (text[length] &&
		    (!text[length + 1] || (kind != LA_OWNER_TASK && kind != LA_OWNER_SLAB)))
			break;
		ret->everywhere = false;
		ret->kind = (enum la_owner_kind)kind;
		ret->name = text[length] ? text + length + 1 : NULL;
		return LA_OK;
	}
	return la_fail(err, LA_INVALID, "%s: none of %.*s", text,
		       (int)sizeof(la_find_where_help) - 2, la_find_where_help);
}

struct finder {
	const struct la_kernel *k;
	const struct la_cpus *cpus;
	const struct la_find_options *opt;
	const struct la_find_order *order;
	struct la_arena *arena;
	struct la_owners *owners;
	struct la_owner owner; /* too large for a stack that others share */
	uint64_t nobody_knows;
	uint64_t walked; /* task whose stack this is; 0: none */
	struct la_stack stack;
};

static bool has_name(const struct la_owner *o, const char *name)
{
	char pid[16];

	if (!name)
		return true;
	if (o->kind == LA_OWNER_SLAB)
		return !strcmp(o->page.owner_name, name);
	snprintf(pid, sizeof(pid), "%d", o->task.pid);
	return o->task.pid_known && !strcmp(pid, name);
}

static bool wanted(void *ctx, uint64_t pa)
{
	struct finder *f = ctx;

	la_owner_find(f->owners, pa, &f->owner);
	f->nobody_knows += f->owner.kind == LA_OWNER_UNKNOWN;
	return f->owner.kind == f->order->kind && has_name(&f->owner, f->order->name);
}

static void progress(void *ctx, uint64_t done, uint64_t total)
{
	const struct finder *f = ctx;

	f->opt->progress(f->opt->ctx, done, total);
}

static const struct la_stack *stack_of(struct finder *f, const struct la_owner *o)
{
	const struct la_cpu *cpu = NULL;
	struct la_regs regs;

	if (o->place == LA_PLACE_IRQ_STACK)
		cpu = f->cpus ? la_cpus_find(f->cpus, (unsigned)o->cpu) : NULL;
	else if (f->cpus)
		cpu = la_cpus_running(f->cpus, o->task.address);
	if (cpu || o->place == LA_PLACE_IRQ_STACK)
		return cpu ? &cpu->stack : NULL;
	if (f->walked == o->task.address)
		return &f->stack;
	f->walked = 0;
	if (la_task_regs(f->k, o->task.address, &regs, NULL) != LA_OK)
		return NULL;
	la_unwind(f->k, f->arena, &regs, -1, &f->stack);
	f->walked = o->task.address;
	return &f->stack;
}

/* A frame goes from its stack pointer to its caller's. */
static void find_frame(struct finder *f, struct la_find_hit *h)
{
	const struct la_owner *o = &h->owner;
	const struct la_stack *stack;

	if (o->place != LA_PLACE_STACK && o->place != LA_PLACE_IRQ_STACK)
		return;
	stack = stack_of(f, o);
	for (size_t i = 0; stack && i < stack->n; i++) {
		const struct la_frame *frame = &stack->frame[i];
		uint64_t end = frame->cfa;

		if (!end && i + 1 < stack->n)
			end = frame[1].sp;
		if (o->va < frame->sp || o->va >= end)
			continue;
		h->frame_known = true;
		h->level = i;
		h->symbol = frame->symbol;
		h->offset_known = frame->pc_known;
		h->offset = frame->offset;
		h->module = frame->module;
		return;
	}
}

static enum la_status explain(struct finder *f, const struct la_search_result *r,
			      struct la_find *ret)
{
	ret->hit = la_alloc_n(f->arena, r->n, sizeof(*ret->hit));
	if (!ret->hit)
		return LA_NOMEM;
	for (size_t i = 0; i < r->n; i++) {
		ret->hit[i].pa = r->hit[i].pa;
		ret->hit[i].value = r->hit[i].value;
		la_owner_find(f->owners, r->hit[i].pa, &ret->hit[i].owner);
		find_frame(f, &ret->hit[i]);
	}
	ret->n = r->n;
	ret->found = r->found;
	ret->bytes = r->bytes;
	ret->nobody_knows = f->nobody_knows;
	ret->remark = la_owners_remark(f->owners);
	return LA_OK;
}

enum la_status la_find(const struct la_kernel *k, struct la_dump *dump, const struct la_sections *s,
		       const struct la_cpus *cpus, const struct la_find_order *order,
		       const struct la_find_options *opt, struct la_arena *arena,
		       struct la_find *ret, struct la_error *err)
{
	struct finder *f = la_alloc(arena, sizeof(*f));
	struct la_search search = {
		.what = order->what, .limit = opt->limit, .threads = opt->threads, .ctx = f
	};
	struct la_search_result result;
	enum la_status status;

	*ret = (struct la_find){ .order = *order };
	if (!order->everywhere && !s)
		return la_fail(err, LA_ABSENT,
			       "whose memory is whose is not known: no struct pages are found");
	if (f)
		*f = (struct finder){ .k = k,
				      .cpus = cpus,
				      .opt = opt,
				      .order = order,
				      .arena = arena,
				      .owners = la_owners_new(k, s, arena) };
	if (!f || !f->owners)
		return la_fail(err, LA_NOMEM, "search");
	if (!order->everywhere)
		search.wanted = wanted;
	if (opt->progress)
		search.progress = progress;
	status = la_dump_search(dump, &search, arena, &result, err);
	if (status != LA_OK)
		return status;
	status = explain(f, &result, ret);
	return status == LA_OK ? LA_OK : la_fail(err, status, "hits of a search");
}
