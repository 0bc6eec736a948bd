// SPDX-License-Identifier: GPL-3.0-or-later
// A door whose kernel lies elsewhere than that of the door it asks.
#include "lakvm/door/moved_door.h"

/* Values below are no addresses (door.h). */
#define FIRST_ADDRESS (UINT64_C(1) << 32)

static enum la_status read_phys(void *ctx, uint64_t pa, void *ret, size_t len)
{
	const struct la_moved_door *m = ctx;

	return m->of->read_phys(m->of->ctx, pa, ret, len);
}

static bool symbol_at(void *ctx, uint64_t addr, struct la_symbol *ret)
{
	const struct la_moved_door *m = ctx;
	struct la_symbol symbol;

	if (!m->of->symbol_at(m->of->ctx, addr - m->by, &symbol) || symbol.module)
		return false;
	symbol.start += m->by;
	symbol.end += symbol.end ? m->by : 0;
	*ret = symbol;
	return true;
}

static bool symbol(void *ctx, const char *name, uint64_t *ret)
{
	const struct la_moved_door *m = ctx;
	struct la_symbol of_module;
	uint64_t value;

	if (!m->of->symbol(m->of->ctx, name, &value))
		return false;
	if (value < FIRST_ADDRESS) {
		*ret = value;
		return true;
	}
	if (m->of->symbol_at(m->of->ctx, value, &of_module) && of_module.module)
		return false;
	*ret = value + m->by;
	return true;
}

static bool symbol_size(void *ctx, const char *name, uint64_t *ret)
{
	const struct la_moved_door *m = ctx;

	return m->of->symbol_size(m->of->ctx, name, ret);
}

static bool member(void *ctx, const char *type, const char *name, struct la_member *ret)
{
	const struct la_moved_door *m = ctx;

	return m->of->member(m->of->ctx, type, name, ret);
}

static bool type_size(void *ctx, const char *type, size_t *ret)
{
	const struct la_moved_door *m = ctx;

	return m->of->type_size(m->of->ctx, type, ret);
}

static bool enumerator(void *ctx, const char *name, int64_t *ret)
{
	const struct la_moved_door *m = ctx;

	return m->of->enumerator(m->of->ctx, name, ret);
}

static size_t file_bytes(void *ctx, uint64_t address, void *ret, size_t len)
{
	const struct la_moved_door *m = ctx;

	return m->of->file_bytes(m->of->ctx, address - m->by, ret, len);
}

void la_moved_door_init(struct la_moved_door *ret, const struct la_door *of, uint64_t relocation)
{
	*ret = (struct la_moved_door){ .of = of, .by = relocation - of->relocation };
	ret->door = (struct la_door){
		.ctx = ret,
		.read_phys = read_phys,
		.symbol = symbol,
		.symbol_at = symbol_at,
		.symbol_size = symbol_size,
		.member = member,
		.type_size = type_size,
		.enumerator = enumerator,
		.file_bytes = of->file_bytes ? file_bytes : NULL,
		.ram = of->ram,
		.nram = of->nram,
		.overrides = of->overrides,
		.vmlinux = of->vmlinux,
		.relocation = relocation,
	};
}
