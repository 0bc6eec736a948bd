// SPDX-License-Identifier: GPL-3.0-or-later
// Names of types are not sorted in DWARF. Its units are gone through once, in file order and only as
// far as a question needs; what they define is remembered, so that the names a kernel lacks cost
// one pass in all.
//
// The file may be damaged or made to harm: entries must follow one another in the file, and no
// description of a type is followed deeper or longer than any kernel's needs.
#include "elf_types.h"

#include <dwarf.h>
#include <string.h>

#include "dwarf_bounds.h"
#include "libdw_memory.h"

/* Structures within structures without a name of their own: 6 in 6.12's struct page. */
#define MAX_DEPTH 32
/* Entries looked at for one member: task_struct has 250. Two members of the same type, each with two of
 * another, and so on, would be more than anybody can wait for. */
#define MAX_ENTRIES 100000
/* Of a name. Those asked for have 30 at most; every entry of a unit may have one name of a megabyte. */
#define MAX_NAME 255

enum kind { AGGREGATE, ENUMERATOR, NKINDS };

struct name {
	const char *text; /* in the file; NULL: this place is free */
	uint64_t hash;
	Dwarf_Off die;
};

/* Names of one kind that were met so far. */
struct names {
	struct name *slot; /* a power of two of them, at most three quarters taken */
	size_t n, size;
	Dwarf_Off next_unit;
	bool finished;
};

/* A power of two. The kernel's memory is described by some hundred names. */
#define ANSWERS 512

/* What a question for an enumerator was answered: each page of the guest that is looked at asks for the same thirty. */
struct answer {
	const char *name; /* NULL: none yet */
	bool found;
	int64_t value;
};

struct la_types {
	struct la_arena *arena;
	struct la_elf_file *file;
	struct names names[NKINDS];
	struct answer answer[ANSWERS];
};

struct la_types *la_types_new(struct la_arena *arena, struct la_elf_file *file)
{
	struct la_types *t = la_alloc(arena, sizeof(*t));

	if (t)
		*t = (struct la_types){ .arena = arena, .file = file };
	return t;
}

/* FNV-1a */
static uint64_t hash_of(const char *text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return hash;
}

/* Where @text is, or would be. */
static struct name *place_of(const struct names *names, const char *text, uint64_t hash)
{
	size_t i = hash & (names->size - 1);

	while (names->slot[i].text &&
	       (names->slot[i].hash != hash || strcmp(names->slot[i].text, text) != 0))
		i = (i + 1) & (names->size - 1);
	return &names->slot[i];
}

static bool make_room(struct la_types *t, struct names *names)
{
	struct names grown = *names;

	if (names->size && names->n < names->size / 4 * 3)
		return true;
	grown.size = names->size ? 2 * names->size : 4096;
	grown.slot = la_alloc_n(t->arena, grown.size, sizeof(*grown.slot));
	if (!grown.slot)
		return false;
	for (size_t i = 0; i < names->size; i++)
		if (names->slot[i].text)
			*place_of(&grown, names->slot[i].text, names->slot[i].hash) =
				names->slot[i];
	*names = grown;
	return true;
}

static bool remember(struct la_types *t, struct names *names, Dwarf_Die *die)
{
	const char *text = dwarf_diename(die);
	struct name *place;
	uint64_t hash;

	if (!text || !*text || strnlen(text, MAX_NAME + 1) > MAX_NAME)
		return true;
	if (!make_room(t, names))
		return false;
	hash = hash_of(text);
	place = place_of(names, text, hash);
	if (!place->text) {
		*place = (struct name){ text, hash, dwarf_dieoffset(die) };
		names->n++;
	}
	return true;
}

static bool remember_enumerators(struct la_types *t, Dwarf_Die *enumeration)
{
	Dwarf_Die child;

	if (dwarf_child(enumeration, &child))
		return true;
	do {
		if (dwarf_tag(&child) == DW_TAG_enumerator &&
		    !remember(t, &t->names[ENUMERATOR], &child))
			return false;
	} while (la_dwarf_next(&child));
	return true;
}

static bool remember_unit(struct la_types *t, enum kind kind, Dwarf_Die *unit)
{
	Dwarf_Die child;

	if (dwarf_child(unit, &child))
		return true;
	do {
		const int tag = dwarf_tag(&child);
		bool room = true;

		if (kind == ENUMERATOR && tag == DW_TAG_enumeration_type)
			room = remember_enumerators(t, &child);
		else if (kind == AGGREGATE &&
			 (tag == DW_TAG_structure_type || tag == DW_TAG_union_type) &&
			 !dwarf_hasattr(&child, DW_AT_declaration))
			room = remember(t, &t->names[kind], &child);
		if (!room)
			return false;
	} while (la_dwarf_next(&child));
	return true;
}

static bool read_unit(struct la_types *t, enum kind kind)
{
	struct names *names = &t->names[kind];
	Dwarf *dwarf = la_elf_file_dwarf(t->file);
	Dwarf_Off next;
	Dwarf_Die unit;
	size_t header;

	la_libdw_room();
	if (names->finished || !dwarf ||
	    dwarf_nextcu(dwarf, names->next_unit, &next, &header, NULL, NULL, NULL) ||
	    next <= names->next_unit) {
		names->finished = true;
	} else if (dwarf_offdie(dwarf, names->next_unit + header, &unit) &&
		   !remember_unit(t, kind, &unit)) {
		names->finished = true;
		la_elf_file_set_exhausted(t->file);
	} else {
		names->next_unit = next;
	}
	return !names->finished;
}

static bool find(struct la_types *t, enum kind kind, const char *text, Dwarf_Die *ret)
{
	const struct names *names = &t->names[kind];
	const uint64_t hash = hash_of(text);

	do {
		const struct name *place = names->size ? place_of(names, text, hash) : NULL;

		if (place && place->text)
			return dwarf_offdie(la_elf_file_dwarf(t->file), place->die, ret) != NULL;
	} while (read_unit(t, kind));
	return false;
}

/* What an entry's type is, without the names and qualifiers it goes by. */
static bool type_of(Dwarf_Die *die, Dwarf_Die *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Die at = *die;

	for (unsigned i = 0; i < MAX_DEPTH; i++) {
		if (!dwarf_attr(&at, DW_AT_type, &attr) || !dwarf_formref_die(&attr, ret))
			return false;
		switch (dwarf_tag(ret)) {
		case DW_TAG_typedef:
		case DW_TAG_const_type:
		case DW_TAG_volatile_type:
		case DW_TAG_atomic_type:
		case DW_TAG_restrict_type:
			at = *ret;
			continue;
		default:
			return true;
		}
	}
	return false;
}

/* Elements of one dimension of an array; 0: a flexible one. */
static uint64_t elements(Dwarf_Die *range)
{
	Dwarf_Attribute attr;
	Dwarf_Word last;

	if (dwarf_attr(range, DW_AT_count, &attr) && !dwarf_formudata(&attr, &last))
		return last;
	if (dwarf_attr(range, DW_AT_upper_bound, &attr) && !dwarf_formudata(&attr, &last) &&
	    last != UINT64_MAX)
		return last + 1;
	return 0;
}

/* Bytes of a type; 0: not known, or none. */
static uint64_t size_of(Dwarf_Die *type, unsigned depth)
{
	Dwarf_Attribute attr;
	Dwarf_Die child;
	Dwarf_Word size;

	if (dwarf_attr(type, DW_AT_byte_size, &attr) && !dwarf_formudata(&attr, &size))
		return size;
	if (dwarf_tag(type) == DW_TAG_pointer_type)
		return 8;
	if (dwarf_tag(type) != DW_TAG_array_type || !depth || !type_of(type, &child))
		return 0;
	size = size_of(&child, depth - 1);
	if (dwarf_child(type, &child))
		return 0;
	do {
		if (dwarf_tag(&child) == DW_TAG_subrange_type &&
		    __builtin_mul_overflow(size, elements(&child), &size))
			return 0;
	} while (la_dwarf_next(&child));
	return size;
}

/* How far a search for a member has come. */
struct search {
	const char *name;
	unsigned entries;
	struct la_member *ret;
};

/* A member, also of a structure or union without a name inside. */
static bool search_member(struct search *s, Dwarf_Die *type, uint64_t base, unsigned depth)
{
	Dwarf_Die child, inner;

	if (!depth || dwarf_child(type, &child))
		return false;
	do {
		const char *name = dwarf_diename(&child);
		Dwarf_Attribute attr;
		Dwarf_Word offset = 0;

		if (s->entries++ == MAX_ENTRIES)
			return false;
		/* Bit fields have no place in bytes; a union's members have none because it is 0. */
		if (dwarf_tag(&child) != DW_TAG_member ||
		    dwarf_hasattr(&child, DW_AT_data_bit_offset) ||
		    dwarf_hasattr(&child, DW_AT_bit_size) ||
		    (dwarf_attr(&child, DW_AT_data_member_location, &attr) &&
		     dwarf_formudata(&attr, &offset)) ||
		    !type_of(&child, &inner))
			continue;
		if (name && !strcmp(name, s->name)) {
			*s->ret = (struct la_member){ base + offset, size_of(&inner, MAX_DEPTH) };
			return true;
		}
		if (!name && search_member(s, &inner, base + offset, depth - 1))
			return true;
	} while (s->entries <= MAX_ENTRIES && la_dwarf_next(&child));
	return false;
}

/* --- what is asked --- */

struct question {
	struct la_types *types;
	const char *name, *member;
	bool found;
	struct la_member place;
	int64_t value;
};

static void find_member(void *question)
{
	struct question *q = question;
	struct search s = { .name = q->member, .ret = &q->place };
	Dwarf_Die die;

	q->found =
		find(q->types, AGGREGATE, q->name, &die) && search_member(&s, &die, 0, MAX_DEPTH);
}

static void find_size(void *question)
{
	struct question *q = question;
	Dwarf_Die die;

	if (find(q->types, AGGREGATE, q->name, &die))
		q->place.size = (size_t)size_of(&die, 1);
	q->found = q->place.size != 0;
}

static void find_enumerator(void *question)
{
	struct question *q = question;
	Dwarf_Attribute attr;
	Dwarf_Sword value = 0;
	Dwarf_Word raw = 0;
	Dwarf_Die die;

	if (!find(q->types, ENUMERATOR, q->name, &die) ||
	    !dwarf_attr(&die, DW_AT_const_value, &attr))
		return;
	/* Forms of a fixed size do not tell the sign; an enumeration with negative values has sdata. */
	if (dwarf_whatform(&attr) == DW_FORM_sdata ||
	    dwarf_whatform(&attr) == DW_FORM_implicit_const) {
		q->found = !dwarf_formsdata(&attr, &value);
		q->value = value;
	} else {
		q->found = !dwarf_formudata(&attr, &raw);
		q->value = (int64_t)raw;
	}
}

static bool ask(struct question *q, void (*find_it)(void *))
{
	return la_elf_file_ask_dwarf(q->types->file, find_it, q) && q->found;
}

bool la_types_member(struct la_types *t, const char *type, const char *member,
		     struct la_member *ret)
{
	struct question q = { .types = t, .name = type, .member = member };

	if (!ask(&q, find_member))
		return false;
	*ret = q.place;
	return true;
}

bool la_types_size(struct la_types *t, const char *type, size_t *ret)
{
	struct question q = { .types = t, .name = type };

	if (!ask(&q, find_size))
		return false;
	*ret = q.place.size;
	return true;
}

bool la_types_enumerator(struct la_types *t, const char *name, int64_t *ret)
{
	struct question q = { .types = t, .name = name };
	struct answer *known = &t->answer[hash_of(name) & (ANSWERS - 1)];

	if (known->name && !strcmp(known->name, name)) {
		q.found = known->found;
		q.value = known->value;
	} else if (!la_elf_file_ask_dwarf(t->file, find_enumerator, &q)) {
		return false;
	} else if (!known->name) {
		*known = (struct answer){ la_strndup(t->arena, name, strlen(name)), q.found,
					  q.value };
	}
	if (q.found)
		*ret = q.value;
	return q.found;
}
