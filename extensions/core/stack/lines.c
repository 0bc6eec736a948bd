// SPDX-License-Identifier: GPL-3.0-or-later
// Source positions and inlined functions (DWARF 5, 3.3.8.2). The units' address ranges are indexed
// when the file is opened, instead of .debug_aranges, which tools may leave out; all else is read
// when an address is asked for.
#include "lakvm/stack/lines.h"
#include "lakvm/base/jump.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "door/dwarf_bounds.h"
#include "door/elf_file.h"
#include "door/libdw_memory.h"

#include "lakvm/stack/unwind.h"

#define MAX_RANGES (1u << 20) /* Debian 7.2 has 11,000 */
/* Entries and ranges looked at for one address; a damaged unit could contain a cycle. */
#define MAX_LOOKS (1u << 20)
#define CACHE_SIZE 512 /* answers; a power of two */

struct range {
	uint64_t start, end; /* addresses in the file */
	Dwarf_Off unit;
};

struct cached {
	uint64_t pc; /* 0 = empty */
	bool found;
	struct la_lines_at at;
};

struct la_lines {
	struct la_elf_file *file;
	Dwarf *dwarf; /* of the file */
	uint64_t relocation;
	struct range *range; /* sorted by start */
	size_t n, room;
	bool no_memory; /* for an answer */
	struct cached *cache[CACHE_SIZE];
};

static bool add_range(struct la_lines *l, uint64_t start, uint64_t end, Dwarf_Off unit)
{
	if (!start || start >= end)
		return true; /* of a function that the linker dropped */
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 4096;
		struct range *more = realloc(l->range, room * sizeof(*more));

		if (!more)
			return false;
		l->range = more;
		l->room = room;
	}
	l->range[l->n++] = (struct range){ start, end, unit };
	return true;
}

static int compare_ranges(const void *left, const void *right)
{
	const struct range *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

static enum la_status index_units(struct la_lines *l, struct la_error *err)
{
	Dwarf_Off offset = 0, next;
	size_t header, seen = 0;

	while (!dwarf_nextcu(l->dwarf, offset, &next, &header, NULL, NULL, NULL) && next > offset) {
		Dwarf_Addr base, start, end;
		ptrdiff_t at = 0;
		Dwarf_Die unit;

		la_libdw_room();
		if (dwarf_offdie(l->dwarf, offset + header, &unit) &&
		    dwarf_tag(&unit) == DW_TAG_compile_unit)
			while ((at = dwarf_ranges(&unit, at, &base, &start, &end)) > 0 &&
			       seen++ < MAX_RANGES) /* empty ones cost time too */
				if (!add_range(l, start, end, offset + header))
					return la_fail(err, LA_NOMEM, "%zu ranges of code", l->n);
		offset = next;
	}
	if (!l->n)
		return la_fail(err, LA_ABSENT, "no debugging information of code in vmlinux");
	qsort(l->range, l->n, sizeof(*l->range), compare_ranges);
	return LA_OK;
}

struct opening {
	struct la_lines *lines;
	enum la_status status;
	struct la_error *err;
};

static void index_all(void *opening)
{
	struct opening *o = opening;

	o->status = index_units(o->lines, o->err);
}

static enum la_status open_lines(struct la_kernel *k, struct la_error *err)
{
	const char *path = k->door->vmlinux;
	enum la_status status;

	la_lines_close(k);
	if (!path)
		return la_fail(err, LA_ABSENT, "no vmlinux for source positions");
	k->lines = calloc(1, sizeof(*k->lines));
	if (!k->lines)
		return la_fail(err, LA_NOMEM, "source positions");
	k->lines->relocation = k->door->relocation;
	status = la_elf_file_open(&k->lines->file, path, err);
	if (status == LA_OK) {
		struct opening o = { .lines = k->lines, .err = err };

		k->lines->dwarf = la_elf_file_dwarf(k->lines->file);
		if (!k->lines->dwarf && la_elf_file_exhausted(k->lines->file))
			status = la_fail(err, LA_NOMEM, "source positions");
		else if (!k->lines->dwarf)
			status = la_fail(err, LA_ABSENT, "%s: no debugging information", path);
		else if (la_elf_file_ask_dwarf(k->lines->file, index_all, &o))
			status = o.status;
		else
			status = la_fail(err, LA_NOMEM, "source positions");
	}
	if (status != LA_OK)
		la_lines_close(k);
	return status;
}

enum la_status la_lines_open(struct la_kernel *k, struct la_error *err)
{
	enum la_status status;
	sigset_t before;

	la_hold(&before);
	status = open_lines(k, err);
	la_release(&before);
	return status;
}

void la_lines_close(struct la_kernel *k)
{
	struct la_lines *l = k->lines;
	sigset_t before;

	if (!l)
		return;
	la_hold(&before);
	k->lines = NULL;
	for (size_t i = 0; i < CACHE_SIZE; i++)
		free(l->cache[i]);
	free(l->range);
	la_elf_file_close(l->file);
	free(l);
	la_release(&before);
}

static bool find_unit(const struct la_lines *l, uint64_t pc, Dwarf_Die *ret)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (l->range[middle].start <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	return low && pc < l->range[low - 1].end &&
	       dwarf_offdie(l->dwarf, l->range[low - 1].unit, ret);
}

static bool is_scope(Dwarf_Die *die)
{
	int tag = dwarf_tag(die);

	return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine ||
	       tag == DW_TAG_lexical_block;
}

/* dwarf_haspc() with an end: a list of ranges may have millions, and be that of a million entries. */
static bool covers(Dwarf_Die *die, uint64_t pc, unsigned *budget)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;

	for (; *budget && (at = dwarf_ranges(die, at, &base, &start, &end)) > 0; --*budget)
		if (start <= pc && pc < end)
			return true;
	return false;
}

/* The child of @scope that is a scope around @pc. */
static bool descend(Dwarf_Die *scope, uint64_t pc, unsigned *budget, Dwarf_Die *ret)
{
	if (dwarf_child(scope, ret))
		return false;
	do {
		if (is_scope(ret) && covers(ret, pc, budget))
			return true;
	} while (*budget && --*budget && la_dwarf_next(ret));
	return false;
}

/* Where an inlined function was called. */
static void find_call(Dwarf_Die *unit, Dwarf_Die *die, struct la_place *ret)
{
	Dwarf_Word file = 0, line = 0;
	Dwarf_Attribute attribute;
	Dwarf_Files *files;
	size_t n;

	if (dwarf_attr(die, DW_AT_call_line, &attribute) && !dwarf_formudata(&attribute, &line) &&
	    line <= UINT32_MAX)
		ret->line = (unsigned)line;
	if (dwarf_attr(die, DW_AT_call_file, &attribute) && !dwarf_formudata(&attribute, &file) &&
	    la_dwarf_lines_bounded(unit) && !dwarf_getsrcfiles(unit, &files, &n) && file < n)
		ret->file = dwarf_filesrc(files, (size_t)file, NULL, NULL);
}

static void find_line(Dwarf_Die *unit, uint64_t pc, struct la_place *ret)
{
	Dwarf_Line *line = la_dwarf_lines_bounded(unit) ? dwarf_getsrc_die(unit, pc) : NULL;
	int number = 0;

	if (!line)
		return;
	ret->file = dwarf_linesrc(line, NULL, NULL);
	if (!dwarf_lineno(line, &number) && number > 0)
		ret->line = (unsigned)number;
}

static bool compute(const struct la_lines *l, uint64_t pc, struct la_lines_at *ret)
{
	struct la_place *place = &ret->self;
	unsigned budget = MAX_LOOKS;
	Dwarf_Die unit, scope;

	*ret = (struct la_lines_at){ .n = 0 };
	if (!find_unit(l, pc, &unit))
		return false;
	/* Outermost first. The line of an outer function is where it calls the next. */
	for (Dwarf_Die outer = unit; budget && descend(&outer, pc, &budget, &scope);
	     outer = scope) {
		int tag = dwarf_tag(&scope);

		if (tag == DW_TAG_subprogram) {
			place->function = dwarf_diename(&scope);
		} else if (tag == DW_TAG_inlined_subroutine) {
			if (!ret->left_out)
				find_call(&unit, &scope, place);
			if (ret->n == LA_MAX_INLINED) {
				ret->left_out++;
				continue;
			}
			place = &ret->inlined[ret->n++];
			place->function = dwarf_diename(&scope);
		}
	}
	if (!ret->left_out)
		find_line(&unit, pc, place);
	for (size_t i = 0; i < ret->n / 2; i++) {
		struct la_place inner = ret->inlined[ret->n - 1 - i];

		ret->inlined[ret->n - 1 - i] = ret->inlined[i];
		ret->inlined[i] = inner;
	}
	return true;
}

struct asking {
	const struct la_lines *lines;
	uint64_t pc; /* in the file */
	struct cached *answer;
};

static void answer(void *asking)
{
	struct asking *a = asking;

	a->answer->found = compute(a->lines, a->pc, &a->answer->at);
}

/* NULL: no memory for an answer. */
static struct cached *fill(struct la_lines *l, uint64_t code)
{
	struct cached **slot = &l->cache[code >> 2 & (CACHE_SIZE - 1)];
	struct asking a = { .lines = l, .pc = code - l->relocation };
	bool done = false;
	sigset_t before;

	la_hold(&before);
	if (!*slot)
		*slot = calloc(1, sizeof(**slot));
	a.answer = *slot;
	if (a.answer) {
		LA_WITHDRAW(a.answer->pc);
		done = la_elf_file_ask_dwarf(l->file, answer, &a);
		a.answer->found = a.answer->found && la_elf_file_sound(l->file);
	}
	if (done)
		LA_PUBLISH(a.answer->pc, code);
	l->no_memory = !done;
	la_release(&before);
	return done ? a.answer : NULL;
}

const struct la_lines_at *la_lines_find(const struct la_kernel *k, uint64_t code)
{
	struct la_lines *l = k->lines;
	struct cached *c;

	if (!l || !code)
		return NULL;
	c = l->cache[code >> 2 & (CACHE_SIZE - 1)];
	l->no_memory = false;
	if (!c || c->pc != code)
		c = fill(l, code);
	return c && c->found ? &c->at : NULL;
}

bool la_lines_exhausted(const struct la_kernel *k)
{
	return k->lines && k->lines->no_memory;
}

const struct la_stack *la_lines_stack(const struct la_kernel *k, struct la_arena *arena,
				      const struct la_stack *stack)
{
	struct la_stack *ret = la_alloc(arena, sizeof(*ret));

	if (!ret)
		return NULL;
	*ret = *stack;
	ret->frame = la_alloc_n(arena, stack->n, sizeof(*ret->frame));
	if (!ret->frame)
		return NULL;
	for (size_t i = 0; i < stack->n; i++) {
		const struct la_lines_at *at = la_lines_find(k, stack->frame[i].code);
		struct la_lines_at *kept = at ? la_alloc(arena, sizeof(*kept)) : NULL;

		if ((at && !kept) || (!at && la_lines_exhausted(k)))
			return NULL;
		if (at)
			*kept = *at;
		ret->frame[i] = stack->frame[i];
		ret->frame[i].lines = kept;
	}
	return ret;
}
