// SPDX-License-Identifier: GPL-3.0-or-later
// Which module, and which of its symbols, has an address.
#include "lakvm/door/modules.h"

#include <string.h>

static const struct la_module_part *part_of(const struct la_module *m, uint64_t address)
{
	for (size_t i = 0; i < m->nparts; i++)
		if (address >= m->part[i].start && address < m->part[i].end)
			return &m->part[i];
	return NULL;
}

const struct la_module *la_modules_find(const struct la_modules *m, uint64_t address)
{
	for (size_t i = 0; i < m->n; i++)
		if (part_of(&m->module[i], address))
			return &m->module[i];
	return NULL;
}

/* How many of @n symbols start at or below @address. */
static size_t up_to(const struct la_module_symbol *symbol, size_t n, uint64_t address)
{
	size_t low = 0, high = n;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (symbol[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct la_module_symbol *la_module_symbol_at(const struct la_module *m, uint64_t address,
						   uint64_t *ret_end)
{
	const struct la_module_part *part = part_of(m, address);
	const size_t low = up_to(m->symbol, m->nsymbols, address);
	const struct la_module_symbol *s;

	if (!low || !part)
		return NULL;
	s = &m->symbol[low - 1];
	while (s > m->symbol && s[-1].start == s->start)
		s--; /* the best of those at one address */
	if (s->start < part->start || !s->name ||
	    (m->incomplete && address - s->start >= (s->size ? s->size : 1)))
		return NULL;
	*ret_end = low < m->nsymbols && m->symbol[low].start < part->end ? m->symbol[low].start :
									   part->end;
	return s;
}

static const char bpf[] = "bpf";

bool la_is_bpf(const char *module)
{
	return !strncmp(module, bpf, 3) && (!module[3] || module[3] == ']');
}

static bool bpf_symbol_at(const struct la_modules *m, uint64_t address, struct la_symbol *ret)
{
	const size_t n = up_to(m->bpf, m->nbpf, address);
	const struct la_module_symbol *s = n ? &m->bpf[n - 1] : NULL;

	if (!s || address - s->start >= s->size)
		return false;
	*ret = (struct la_symbol){ s->name, s->start, s->start + s->size, bpf };
	return true;
}

bool la_modules_symbol_at(const struct la_modules *modules, uint64_t address, struct la_symbol *ret)
{
	const struct la_module *m = modules ? la_modules_find(modules, address) : NULL;
	uint64_t end;
	const struct la_module_symbol *s = m ? la_module_symbol_at(m, address, &end) : NULL;

	if (!s)
		return modules && bpf_symbol_at(modules, address, ret);
	*ret = (struct la_symbol){ s->name, s->start, end, m->name };
	return true;
}

/* FNV-1a */
static uint64_t hash_of(const char *text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return hash;
}

/* Names that were made to hash alike are not looked for further; half of all places are free. */
#define MAX_PROBES 256

/* The place where @name is, or would be; NULL: too many are in the way. */
static const struct la_module_symbol **place_of(const struct la_modules *m, const char *name)
{
	size_t i = hash_of(name) & (m->places - 1);

	for (unsigned probe = 0; probe < MAX_PROBES; probe++) {
		if (!m->by_name[i] || !strcmp(m->by_name[i]->name, name))
			return &m->by_name[i];
		i = (i + 1) & (m->places - 1);
	}
	return NULL;
}

static void hash_one(const struct la_modules *m, const struct la_module_symbol *symbol)
{
	const struct la_module_symbol **place = symbol->name ? place_of(m, symbol->name) : NULL;

	if (place && !*place)
		*place = symbol;
}

bool la_modules_hash(struct la_modules *m, struct la_arena *arena)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += m->module[i].nsymbols;
	for (m->places = 16; m->places < 2 * n;)
		m->places *= 2;
	m->by_name = la_alloc_n(arena, m->places, sizeof(*m->by_name));
	if (!m->by_name)
		m->places = 0;
	for (size_t i = 0; m->places && i < m->n; i++)
		for (size_t s = 0; s < m->module[i].nsymbols; s++)
			hash_one(m, &m->module[i].symbol[s]);
	return m->places;
}

bool la_modules_symbol(const struct la_modules *m, const char *name, uint64_t *ret)
{
	const struct la_module_symbol **place = m->places ? place_of(m, name) : NULL;

	if (!place || !*place)
		return false;
	*ret = (*place)->start;
	return true;
}

size_t la_plain_length(const char *name)
{
	static const char *const added[] = { ".part.", ".isra.", ".llvm." };
	const size_t length = strlen(name);
	size_t plain = length;

	for (const char *dot = strchr(name, '.'); dot && plain == length;
	     dot = strchr(dot + 1, '.'))
		for (size_t i = 0; i < sizeof(added) / sizeof(added[0]); i++)
			if (!strncmp(dot, added[i], 6))
				plain = (size_t)(dot - name);
	return plain;
}
