// SPDX-License-Identifier: GPL-3.0-or-later
// NAME=VALUE words about a guest.
#include "lakvm/door/overrides.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

const char la_overrides_help[] =
	"page_size=4k|16k|64k, levels=2..4, section_size_bits=24..34, max_physmem_bits=32..48, vabits_actual=36..57, vmemmap=ADDRESS";

/* Decimal, hexadecimal behind 0x, or with k behind it; 0 for what is none of these. */
static uint64_t number(const char *text, size_t len)
{
	char digits[24], *end;
	uint64_t value;

	if (!len || len >= sizeof(digits) || text[0] == '-')
		return 0;
	memcpy(digits, text, len);
	digits[len] = '\0';
	errno = 0;
	value = strtoull(digits, &end, strncmp(digits, "0x", 2) ? 10 : 16);
	if (errno || end == digits)
		return 0;
	if ((*end == 'k' || *end == 'K') && value <= 64) {
		value <<= 10;
		end++;
	}
	return *end ? 0 : value;
}

static bool set(unsigned *ret, uint64_t value, uint64_t low, uint64_t high)
{
	if (value < low || value > high)
		return false;
	*ret = (unsigned)value;
	return true;
}

static bool take(struct la_overrides *o, const char *name, size_t len, uint64_t value)
{
	const struct {
		const char *name;
		unsigned *place;
		uint64_t low, high;
	} bits[] = {
		{ "levels", &o->levels, 2, 4 },
		{ "section_size_bits", &o->section_bits, LA_SECTION_BITS_MIN, LA_SECTION_BITS_MAX },
		{ "max_physmem_bits", &o->phys_bits, 32, 48 },
		{ "vabits_actual", &o->virt_bits, LA_VIRT_BITS_MIN, LA_VIRT_BITS_MAX },
	};

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (strlen(bits[i].name) == len && !memcmp(name, bits[i].name, len))
			return set(bits[i].place, value, bits[i].low, bits[i].high);
	if (len == 9 && !memcmp(name, "page_size", len)) {
		if (value != 4096 && value != 16384 && value != 65536)
			return false;
		o->page_shift = (unsigned)__builtin_ctzll(value);
		return true;
	}
	if (len == 7 && !memcmp(name, "vmemmap", len) && value >> 60 == 0xf) {
		o->vmemmap = value;
		return true;
	}
	return false;
}

enum la_status la_overrides_parse(const char *text, struct la_overrides *ret, struct la_error *err)
{
	while (*text) {
		const size_t len = strcspn(text, ","), name = strcspn(text, "=");

		if (name >= len || !take(ret, text, name, number(text + name + 1, len - name - 1)))
			return la_fail(err, LA_INVALID, "\"%.*s\" is none of: %s",
				       len < 60 ? (int)len : 60, text, la_overrides_help);
		text += len + (text[len] == ',');
	}
	return LA_OK;
}
