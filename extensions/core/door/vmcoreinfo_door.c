// SPDX-License-Identifier: GPL-3.0-or-later
// Keys of VMCOREINFO (kernel/crash_core.c, kernel/vmcore_info.c): SYMBOL(name) in hexadecimal,
// SIZE(type), OFFSET(type.member), NUMBER(name).
#include "lakvm/door/vmcoreinfo_door.h"

#include <stdio.h>
#include <string.h>

#include "lakvm/dump/dump.h"
#include "lakvm/dump/vmcoreinfo.h"

static bool number(const void *ctx, const char *kind, const char *name, const char *member,
		   uint64_t *ret)
{
	const struct la_door *door = &((const struct la_vmcoreinfo_door *)ctx)->door;
	char key[128];
	int n = snprintf(key, sizeof(key), "%s(%s%s%s)", kind, name, member ? "." : "",
			 member ? member : "");

	return n > 0 && (size_t)n < sizeof(key) &&
	       la_vmcoreinfo_number(door->vmcoreinfo, door->vmcoreinfo_size, key,
				    !strcmp(kind, "SYMBOL"), ret);
}

static enum la_status read_phys(void *ctx, uint64_t pa, void *ret, size_t len)
{
	const struct la_vmcoreinfo_door *v = ctx;

	return v->dump ? la_dump_read(v->dump, pa, ret, len, NULL) : LA_ABSENT;
}

static bool symbol(void *ctx, const char *name, uint64_t *ret)
{
	return number(ctx, "SYMBOL", name, NULL, ret);
}

static bool symbol_at(void *ctx, uint64_t address, struct la_symbol *ret)
{
	(void)ctx, (void)address, (void)ret;
	return false;
}

static bool symbol_size(void *ctx, const char *name, uint64_t *ret)
{
	(void)ctx, (void)name, (void)ret;
	return false;
}

static bool member(void *ctx, const char *type, const char *name, struct la_member *ret)
{
	uint64_t offset;

	/* A dot would ask for another type's line. */
	if (strchr(type, '.') || strchr(name, '.') || !number(ctx, "OFFSET", type, name, &offset))
		return false;
	*ret = (struct la_member){ .offset = (size_t)offset };
	return true;
}

static bool type_size(void *ctx, const char *type, size_t *ret)
{
	uint64_t size;

	if (!number(ctx, "SIZE", type, NULL, &size) || !size)
		return false;
	*ret = (size_t)size;
	return true;
}

static bool enumerator(void *ctx, const char *name, int64_t *ret)
{
	uint64_t value;

	if (!number(ctx, "NUMBER", name, NULL, &value))
		return false;
	*ret = (int64_t)value;
	return true;
}

void la_vmcoreinfo_door_init(struct la_vmcoreinfo_door *ret, struct la_dump *dump)
{
	*ret = (struct la_vmcoreinfo_door){
		.door = { .ctx = ret,
			  .read_phys = read_phys,
			  .symbol = symbol,
			  .symbol_at = symbol_at,
			  .symbol_size = symbol_size,
			  .member = member,
			  .type_size = type_size,
			  .enumerator = enumerator },
		.dump = dump,
	};
	if (dump)
		la_door_take_notes(dump, &ret->door);
}
